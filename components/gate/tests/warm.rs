//! What is remembered changes no answer: a gate that has seen everything says what a fresh one says that is given the same
//! documents.

mod support;

use std::collections::BTreeMap;

use portcullis_gate::{Answer, ClientCertificate, Content, Decision, Document, Gate, Request, Step, Wanted};
use proptest::{
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use support::*;

/// Something that happens between two requests.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// The issuer publishes no key "a" any more.
    KeyRemoved,
    /// The issuer publishes another key under the same identifier.
    KeyReplaced,
    /// The issuer publishes the key that tokens are signed with.
    KeyRestored,
    /// An empty key set.
    KeysRevoked,
    /// The status of every token.
    Status(u8),
    /// Keys, or the list, cannot be fetched, or can again.
    KeysReachable(bool),
    ListReachable(bool),
    /// The host fetches what is due, or everything.
    Refresh,
    RefreshAll,
    /// Time passes, or a clock is set back.
    Later(u64),
    Earlier(u64),
    /// The client's certificate.
    Certificate(u8),
    /// Another policy, which asks for another scope.
    Policy(bool),
}

fn event() -> impl Strategy<Value = Event> {
    let later = prop::sample::select(vec![1, 29, 31, 59, 61, 119, 121, 301, 601, 3_599, 3_631, 86_399, 86_401]);
    let earlier = prop::sample::select(vec![1, 30, 61, 600, 90_000]);
    prop_oneof![
        1 => Just(Event::KeyRemoved),
        1 => Just(Event::KeyReplaced),
        2 => Just(Event::KeyRestored),
        1 => Just(Event::KeysRevoked),
        2 => (0..4u8).prop_map(Event::Status),
        1 => any::<bool>().prop_map(Event::KeysReachable),
        1 => any::<bool>().prop_map(Event::ListReachable),
        2 => Just(Event::Refresh),
        2 => Just(Event::RefreshAll),
        4 => later.prop_map(Event::Later),
        1 => earlier.prop_map(Event::Earlier),
        1 => (0..3u8).prop_map(Event::Certificate),
        1 => any::<bool>().prop_map(Event::Policy),
    ]
}

/// How a request presents its token.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Plain,
    PlainAsDpop,
    Bound,
    BoundAsBearer,
    ToCertificate,
}

const KINDS: [Kind; 5] = [Kind::Plain, Kind::PlainAsDpop, Kind::Bound, Kind::BoundAsBearer, Kind::ToCertificate];

/// Tokens that are signed once, and proofs by the time they are made at.
struct Tokens {
    plain: String,
    bound: String,
    to_certificate: String,
    proofs: BTreeMap<(u64, bool), String>,
}

impl Tokens {
    fn new() -> Self {
        let status = format!(r#""scope":"read","status":{{"status_list":{{"idx":0,"uri":"{LIST}"}}}},"#);
        let digest = portcullis_types::base64url::encode(&[1; 32]);
        Self {
            plain: token(1, "a", &status),
            bound: token(1, "a", &format!(r#"{status}"cnf":{{"jkt":"{}"}},"#, thumbprint(2))),
            to_certificate: token(1, "a", &format!(r#"{status}"cnf":{{"x5t#S256":"{digest}"}},"#)),
            proofs: BTreeMap::new(),
        }
    }

    fn request(&mut self, kind: Kind, certificate: u8, at: u64) -> Request {
        let (scheme, token, with_proof) = match kind {
            Kind::Plain => ("Bearer", &self.plain, false),
            Kind::PlainAsDpop => ("DPoP", &self.plain, true),
            Kind::Bound => ("DPoP", &self.bound, true),
            Kind::BoundAsBearer => ("Bearer", &self.bound, true),
            Kind::ToCertificate => ("Bearer", &self.to_certificate, false),
        };
        let url = format!("{API}/reports/7");
        let mut headers = vec![("Authorization", format!("{scheme} {token}"))];
        if with_proof {
            let made = self.proofs.entry((at, matches!(kind, Kind::PlainAsDpop)));
            headers.push(("DPoP", made.or_insert_with(|| proof(2, &url, token, "x", at)).clone()));
        }
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let certificate = match certificate {
            0 => ClientCertificate::None,
            number => ClientCertificate::Digest([number; 32]),
        };
        Request { certificate, ..get("/reports/7", &headers) }
    }
}

/// The world outside of the gate, and what of it the gate was given.
struct World {
    gate: Gate,
    wide: bool,
    at: u64,
    certificate: u8,
    keys: String,
    status: u8,
    keys_reachable: bool,
    list_reachable: bool,
    /// The last good document of each URL that was given to the gate.
    held: BTreeMap<String, Document>,
    /// The last fetch of each URL, where it failed: who knows of it cannot say that there are no other keys.
    failed: BTreeMap<String, Document>,
    /// A list that came while its key was away: the gate looks at it again when other keys come, even where a later fetch of
    /// it fails.
    waiting: Option<Document>,
}

fn load(wide: bool) -> Gate {
    gate(&policy("", if wide { r#""scope":["read"]"# } else { r#""scope":["read","write"]"# }))
}

impl World {
    fn new() -> Self {
        Self {
            gate: load(true),
            wide: true,
            at: NOW,
            certificate: 1,
            keys: jwks(&[(1, "a")]),
            status: 0,
            keys_reachable: true,
            list_reachable: true,
            held: BTreeMap::new(),
            failed: BTreeMap::new(),
            waiting: None,
        }
    }

    fn fetch(&self, url: &str, lists: &mut BTreeMap<(u8, u64), String>) -> Document {
        let text = match url {
            JWKS if self.keys_reachable => self.keys.clone(),
            LIST if self.list_reachable => {
                let key = (self.status, self.at);
                let made = || status_list(1, "a", LIST, &[self.status], self.at.min(NOW), r#""ttl":60,"#);
                lists.entry(key).or_insert_with(made).clone()
            }
            _ => {
                return Document {
                    url: url.into(),
                    server: None,
                    about: None,
                    peer: false,
                    fetched_at: self.at,
                    content: Content::Failed("unreachable".into()),
                };
            }
        };
        let content = Content::Body { status: 200, media_type: None, bytes: text.into_bytes() };
        Document { url: url.into(), server: None, about: None, peer: false, fetched_at: self.at, content }
    }

    /// Gives the gate a document, and keeps what a new gate would be given in its place.
    fn give(&mut self, document: Document) {
        let refused = self.gate.provide(std::slice::from_ref(&document), self.at);
        let is_list = document.url == LIST;
        if is_list {
            // One that no token has named is refused as unasked for.
            let unknown =
                self.holds(&jwks(&[(9, "b")])) && refused.iter().any(|(_, why)| why.code() == "status.list_refused");
            self.waiting = unknown.then(|| document.clone());
        }
        if !refused.is_empty() {
            self.failed.insert(document.url.clone(), document);
            return;
        }
        self.failed.remove(&document.url);
        self.held.insert(document.url.clone(), document);
        if is_list {
            return;
        }
        if !self.holds(&jwks(&[(1, "a")])) {
            // A list that is signed with a key that is gone is gone as well.
            self.held.remove(LIST);
        } else if let Some(list) = self.waiting.take() {
            self.failed.remove(LIST);
            self.held.insert(LIST.into(), list);
        }
    }

    /// Whether this is the key set that the gate was given last.
    fn holds(&self, keys: &str) -> bool {
        let held = self.held.get(JWKS).map(|document| &document.content);
        matches!(held, Some(Content::Body { bytes, .. }) if bytes == keys.as_bytes())
    }

    fn happen(&mut self, event: Event, lists: &mut BTreeMap<(u8, u64), String>) {
        match event {
            Event::KeyRemoved => self.keys = jwks(&[(9, "b")]),
            Event::KeyReplaced => self.keys = jwks(&[(7, "a")]),
            Event::KeyRestored => self.keys = jwks(&[(1, "a")]),
            Event::KeysRevoked => self.keys = jwks(&[]),
            Event::Status(value) => self.status = value,
            Event::KeysReachable(reachable) => self.keys_reachable = reachable,
            Event::ListReachable(reachable) => self.list_reachable = reachable,
            Event::Refresh => {
                for need in self.gate.due(self.at) {
                    let document = self.fetch(&need.url, lists);
                    self.give(document);
                }
            }
            Event::RefreshAll => {
                for url in [JWKS, LIST] {
                    let document = self.fetch(url, lists);
                    self.give(document);
                }
            }
            Event::Later(seconds) => self.at += seconds,
            Event::Earlier(seconds) => self.at -= seconds,
            Event::Certificate(number) => self.certificate = number,
            Event::Policy(wide) => {
                if self.wide != wide {
                    self.wide = wide;
                    self.gate = load(wide);
                    // A host gives a new gate what it has.
                    self.waiting = None;
                    let held: Vec<Document> = std::mem::take(&mut self.held).into_values().collect();
                    let failed = std::mem::take(&mut self.failed).into_values();
                    held.into_iter().chain(failed).for_each(|document| self.give(document));
                }
            }
        }
    }

    /// What the gate that was there all the time says. It fetches what it needs.
    fn warm(&mut self, request: &Request, lists: &mut BTreeMap<(u8, u64), String>) -> Decision {
        let mut evaluation = self.gate.start(request.clone(), self.at);
        loop {
            let needs = match evaluation.step(self.at) {
                Step::Decided(decision) => return *decision,
                Step::Needs(needs) => needs,
            };
            for need in needs {
                let answer = match need.what {
                    Wanted::Remember(_) => Answer::Fresh,
                    Wanted::Registration(_) | Wanted::Register(_) => Answer::Unavailable,
                    Wanted::Document(wanted) => {
                        let document = self.fetch(&wanted.url, lists);
                        self.give(document);
                        Answer::Done
                    }
                };
                evaluation.answer(&[(need.id, answer)], self.at);
            }
        }
    }

    /// What a fresh gate says that has the documents of the other one, and gets no others.
    fn cold(&self, request: &Request) -> Decision {
        let fresh = load(self.wide);
        let held: Vec<Document> = self.held.values().cloned().collect();
        fresh.provide(&held, self.at);
        // A failure counts also where the clock was set back before it: it came after what is held.
        let mut failed: Vec<Document> = self.failed.values().cloned().collect();
        for failure in failed.iter_mut().filter(|document| matches!(document.content, Content::Failed(_))) {
            failure.fetched_at = self.held.get(&failure.url).map_or(0, |held| held.fetched_at).max(failure.fetched_at);
        }
        fresh.provide(&failed, self.at);
        let mut evaluation = fresh.start(request.clone(), self.at);
        loop {
            let needs = match evaluation.step(self.at) {
                Step::Decided(decision) => return *decision,
                Step::Needs(needs) => needs,
            };
            for need in needs {
                let answer = match need.what {
                    Wanted::Remember(_) => Answer::Fresh,
                    Wanted::Registration(_) | Wanted::Register(_) => Answer::Unavailable,
                    Wanted::Document(wanted) => {
                        let gone = || Content::Failed("unreachable".into());
                        let document = self.held.get(&wanted.url).or(self.failed.get(&wanted.url)).cloned();
                        let none = Document {
                            url: wanted.url,
                            server: None,
                            about: None,
                            peer: false,
                            fetched_at: self.at,
                            content: gone(),
                        };
                        fresh.provide(&[document.unwrap_or(none)], self.at);
                        Answer::Done
                    }
                };
                evaluation.answer(&[(need.id, answer)], self.at);
            }
        }
    }
}

/// Status, code, subject and header fields.
type Compared = (u16, Option<&'static str>, Option<String>, Vec<(String, String)>);

/// What of a decision has to be the same. That a list is stale and that it cannot be had are one thing, told from two sides.
fn same(decision: &Decision) -> Compared {
    let code = match decision.code() {
        Some("status.stale" | "status.unavailable" | "status.list_refused") => Some("status.unavailable"),
        Some("keys.stale" | "keys.unavailable") => Some("keys.unavailable"),
        other => other,
    };
    let subject = decision.principal.as_ref().and_then(|principal| principal.subject.clone());
    (decision.status, code, subject, decision.response_headers.clone())
}

struct Tally {
    tokens: Tokens,
    lists: BTreeMap<(u8, u64), String>,
    allowed: usize,
    remembered: usize,
    denied: BTreeMap<&'static str, usize>,
}

fn check(events: &[Event], tally: &mut Tally) -> Result<(), TestCaseError> {
    let mut world = World::new();
    for (number, event) in events.iter().enumerate() {
        world.happen(*event, &mut tally.lists);
        let kind = KINDS[number % KINDS.len()];
        // The plain token comes each time, so that something is remembered.
        for kind in [Kind::Plain, kind] {
            let request = tally.tokens.request(kind, world.certificate, world.at);
            let before = world.gate.held().tokens;
            let warm = world.warm(&request, &mut tally.lists);
            let cold = world.cold(&request);
            prop_assert_eq!(
                same(&warm),
                same(&cold),
                "{:?} {:?} at {}: {:?} {:?}",
                kind,
                event,
                world.at,
                warm.findings,
                cold.findings
            );
            match warm.code() {
                None => {
                    tally.allowed += 1;
                    tally.remembered += usize::from(world.gate.held().tokens == before && before > 0);
                }
                Some(code) => *tally.denied.entry(code).or_default() += 1,
            }
        }
    }
    Ok(())
}

fn tally() -> Tally {
    Tally { tokens: Tokens::new(), lists: BTreeMap::new(), allowed: 0, remembered: 0, denied: BTreeMap::new() }
}

#[test]
fn properties_of_ten_thousand_random_sequences() {
    // The same ten thousand each time; more, and others, for who asks for them.
    let wanted = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    let cases = wanted.unwrap_or(10_000u32).max(10_000);
    let tally = std::cell::RefCell::new(tally());
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut runner = match wanted {
        Some(_) => TestRunner::new(config),
        None => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
    };
    runner
        .run(&prop::collection::vec(event(), 1..12), |events| check(&events, &mut tally.borrow_mut()))
        .unwrap_or_else(|error| panic!("{error}"));
    let tally = tally.into_inner();
    println!(
        "{cases} sequences: {} allowed, {} of them remembered, {:?}",
        tally.allowed, tally.remembered, tally.denied
    );
    // The sequences reach what they are for.
    assert!(tally.allowed > 1_000 && tally.remembered > 500);
    for code in [
        "key.unknown",
        "crypto.signature_invalid",
        "key.set_empty",
        "status.revoked",
        "status.suspended",
        "token.expired",
        "scope.insufficient_scope",
        "proof.scheme_bearer",
        "proof.token_unbound",
        "mtls.certificate_mismatch",
        "mtls.certificate_missing",
        "keys.unavailable",
        "status.unavailable",
    ] {
        assert!(tally.denied.contains_key(code), "no sequence came to {code}: {:?}", tally.denied);
    }
}

#[test]
fn each_kind_of_change_is_noticed_at_once() {
    use Event::*;
    let cases: &[(&str, &[Event], Kind, &str)] = &[
        ("key removed", &[KeyRemoved, RefreshAll], Kind::Plain, "key.unknown"),
        ("key replaced under the same kid", &[KeyReplaced, RefreshAll], Kind::Plain, "crypto.signature_invalid"),
        ("all keys revoked", &[KeysRevoked, RefreshAll], Kind::Plain, "key.set_empty"),
        ("status changed", &[Event::Status(1), RefreshAll], Kind::Plain, "status.revoked"),
        ("policy narrowed", &[Policy(false)], Kind::Plain, "scope.insufficient_scope"),
        ("clock back", &[KeysReachable(false), Earlier(1)], Kind::Plain, "keys.unavailable"),
        ("other certificate", &[Certificate(2)], Kind::ToCertificate, "mtls.certificate_mismatch"),
        ("Bearer instead of DPoP", &[], Kind::BoundAsBearer, "proof.scheme_bearer"),
    ];
    for (what, events, kind, wanted) in cases {
        let mut tally = tally();
        let mut world = World::new();
        for kind in [Kind::Plain, Kind::Bound, Kind::ToCertificate] {
            let request = tally.tokens.request(kind, world.certificate, world.at);
            assert_eq!(world.warm(&request, &mut tally.lists).code(), None, "{what}: at first");
        }
        events.iter().for_each(|event| world.happen(*event, &mut tally.lists));
        let request = tally.tokens.request(*kind, world.certificate, world.at);
        let (warm, cold) = (world.warm(&request, &mut tally.lists), world.cold(&request));
        assert_eq!(same(&warm), same(&cold), "{what}");
        assert_eq!(same(&warm).1, Some(*wanted), "{what}");
    }
}

#[test]
fn a_list_that_came_while_its_key_was_away_serves_when_the_key_is_back() {
    use Event::*;
    let restored = [Event::Refresh, KeyRemoved, RefreshAll, KeyRestored, ListReachable(false), RefreshAll];
    let mut tally = tally();
    check(&restored, &mut tally).unwrap_or_else(|error| panic!("{error}"));
    let mut world = World::new();
    restored.iter().for_each(|event| world.happen(*event, &mut tally.lists));
    let request = tally.tokens.request(Kind::Plain, world.certificate, world.at);
    assert_eq!(world.warm(&request, &mut tally.lists).code(), Some("status.unavailable"), "nobody had named the list");
    // Named by a token before, it was kept; and a bad signature is not an unknown key.
    for (away, wanted) in [(KeyRemoved, None), (KeyReplaced, Some("status.unavailable"))] {
        let mut world = World::new();
        assert_eq!(world.warm(&request, &mut tally.lists).code(), None, "at first");
        for event in [away, RefreshAll, KeyRestored, ListReachable(false), RefreshAll] {
            world.happen(event, &mut tally.lists);
        }
        assert_eq!(same(&world.warm(&request, &mut tally.lists)).1, wanted, "{away:?}");
    }
}

#[test]
fn a_fetch_that_failed_before_the_clock_came_back_is_not_forgotten() {
    use Event::*;
    let mut tally = tally();
    let events = [KeyRemoved, KeysReachable(false), Earlier(1), Later(1)];
    check(&events, &mut tally).unwrap_or_else(|error| panic!("{error}"));
    assert!(
        tally.denied.contains_key("keys.unavailable") || tally.denied.contains_key("keys.stale"),
        "{:?}",
        tally.denied
    );
}
