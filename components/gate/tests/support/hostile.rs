//! A hostile host, made of bytes: steps, answers and documents in any order, repeated, with wrong identifiers and times.
//! Shared by the property test and the fuzz target.

use portcullis_gate::{
    Answer, ClientCertificate, Content, Document, Evaluation, Forget, Gate, Header, Outcome, Step, Wanted,
    limits::MAX_ROUNDS,
};

use super::*;

/// Bytes that are used up one by one; zeros when they are.
struct Bytes<'b>(&'b [u8]);

impl Bytes<'_> {
    fn next(&mut self) -> u8 {
        match self.0.split_first() {
            None => 0,
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
        }
    }

    fn pick<T: Clone>(&mut self, list: &[T]) -> T {
        list[usize::from(self.next()) % list.len()].clone()
    }

    fn take(&mut self) -> Vec<u8> {
        let length = usize::from(self.next() % 24);
        (0..length).map(|_| self.next()).collect()
    }
}

/// What was handed to the gate so far: what an allowance has to rest on.
#[derive(Default)]
struct Given {
    /// A key set with the key that the tokens are signed with.
    key: bool,
    /// A list that calls the token valid.
    valid: bool,
}

struct Running {
    evaluation: Evaluation,
    /// Whether it presents a token, and whether that needs a list and a proof.
    needs_list: bool,
    needs_proof: bool,
    rounds: usize,
    open: Vec<(u32, bool)>,
    fresh: bool,
    decided: bool,
    allowed: bool,
}

/// Texts that are signed once for all runs.
pub(crate) struct Material {
    token: String,
    listed: String,
    bound: String,
    proof: String,
    valid: String,
    revoked: String,
}

impl Material {
    pub(crate) fn new() -> Self {
        let bound = token(1, "a", &format!(r#""cnf":{{"jkt":"{}"}},"#, thumbprint(2)));
        Self {
            token: token(1, "a", ""),
            listed: token(1, "a", &format!(r#""status":{{"status_list":{{"idx":0,"uri":"{LIST}"}}}},"#)),
            proof: proof(2, &format!("{API}/reports/7"), &bound, "x", NOW),
            bound,
            valid: status_list(1, "a", LIST, &[0], NOW - 5, ""),
            revoked: status_list(1, "a", LIST, &[1], NOW - 5, ""),
        }
    }
}

/// Runs a gate against what the bytes say. Panics where a promise is broken: something is allowed that nothing vouched for,
/// an evaluation asks too often, or a decision changes.
/// The answer is how many requests were allowed.
pub(crate) fn run(bytes: &[u8], material: &Material) -> usize {
    let mut bytes = Bytes(bytes);
    let gate = gate(&policy("", ""));
    let mut given = Given::default();
    let mut running: Vec<Running> = Vec::new();
    let mut at = NOW;
    // Each turn uses bytes up, so their number bounds the turns.
    while !bytes.0.is_empty() {
        match bytes.next() % 10 {
            0 | 1 if running.len() < 8 => running.push(start(&mut bytes, &gate, material, at)),
            2 | 3 => step(&mut bytes, &mut running, &given, at),
            4 | 5 => answer(&mut bytes, &mut running, at),
            6 => provide(&mut bytes, &gate, material, &mut given, at),
            7 => at = at.saturating_add(u64::from(bytes.pick(&[1u16, 30, 31, 300, 3_600]))),
            8 => at = at.saturating_sub(u64::from(bytes.pick(&[1u16, 30, 3_600]))),
            _ => about(&mut bytes, &gate, at),
        }
    }
    running.iter().filter(|one| one.allowed).count()
}

fn start(bytes: &mut Bytes<'_>, gate: &Gate, material: &Material, at: u64) -> Running {
    let choice = bytes.next() % 8;
    let mut text = match choice {
        0..=3 => format!("Bearer {}", material.token),
        4 | 5 => format!("Bearer {}", material.listed),
        _ => format!("DPoP {}", material.bound),
    };
    if bytes.next().is_multiple_of(8) {
        // A damaged token is no token.
        let place = usize::from(bytes.next()) % text.len();
        text.replace_range(place..=place, "x");
    }
    let mut request = get("/reports/7", &[("Authorization", &text)]);
    if choice >= 6 {
        request.headers.push(Header { name: "DPoP".into(), value: material.proof.clone().into_bytes() });
    }
    match bytes.next() % 16 {
        0 => request
            .headers
            .push(Header { name: bytes.pick(&["Authorization", "DPoP", "x"]).into(), value: bytes.take() }),
        1 => request.url = String::from_utf8_lossy(&bytes.take()).into_owned(),
        2 => request.target = Some(String::from_utf8_lossy(&bytes.take()).into_owned()),
        3 => request.method = String::from_utf8_lossy(&bytes.take()).into_owned(),
        4 => request.certificate = ClientCertificate::Chain(vec![bytes.take(), bytes.take()]),
        5 => request.listener = Some("nowhere".into()),
        6 => request.replay_since = Some(at.saturating_add(u64::from(bytes.next()))),
        _ => {}
    }
    Running {
        evaluation: gate.start(request, at),
        needs_list: matches!(choice, 4 | 5),
        needs_proof: choice >= 6,
        rounds: 0,
        open: Vec::new(),
        fresh: false,
        decided: false,
        allowed: false,
    }
}

fn step(bytes: &mut Bytes<'_>, running: &mut [Running], given: &Given, at: u64) {
    if running.is_empty() {
        return;
    }
    let place = usize::from(bytes.next()) % running.len();
    let one = &mut running[place];
    match one.evaluation.step(at) {
        Step::Decided(decision) => {
            one.decided = true;
            if decision.outcome == Outcome::Allow {
                one.allowed = true;
                assert!(given.key, "allowed without a key: {decision:?}");
                assert!(!one.needs_list || given.valid, "allowed without a list: {decision:?}");
                assert!(!one.needs_proof || one.fresh, "allowed without the memory of proofs: {decision:?}");
            } else {
                assert!(!decision.findings.is_empty(), "denied without a reason");
            }
            assert_eq!(one.evaluation.step(at), Step::Decided(decision), "a decision stays");
        }
        Step::Needs(needs) => {
            assert!(!one.decided, "a decision stays");
            assert!(!needs.is_empty(), "it waits for something");
            let open: Vec<(u32, bool)> =
                needs.iter().map(|need| (need.id, matches!(need.what, Wanted::Remember(_)))).collect();
            if open.iter().any(|need| !one.open.contains(need)) {
                one.rounds += 1;
            }
            assert!(one.rounds <= usize::from(MAX_ROUNDS), "too many rounds");
            one.open = open;
        }
    }
}

fn answer(bytes: &mut Bytes<'_>, running: &mut [Running], at: u64) {
    if running.is_empty() {
        return;
    }
    let place = usize::from(bytes.next()) % running.len();
    let one = &mut running[place];
    let told = bytes.pick(&[Answer::Done, Answer::Fresh, Answer::Seen, Answer::Unavailable, Answer::Full]);
    let (id, is_memory) = match bytes.next() % 4 {
        0 => (u32::from(bytes.next()), false),
        _ if one.open.is_empty() => return,
        _ => {
            let place = usize::from(bytes.next()) % one.open.len();
            one.open[place]
        }
    };
    let is_memory = is_memory || one.open.contains(&(id, true));
    if is_memory && told == Answer::Fresh {
        one.fresh = true;
    }
    one.evaluation.answer(&[(id, told), (id, told)], at);
}

fn provide(bytes: &mut Bytes<'_>, gate: &Gate, material: &Material, given: &mut Given, at: u64) {
    let url = bytes.pick(&[JWKS, LIST, "https://other.example/"]);
    let good = |text: &str| Content::Body { status: 200, media_type: None, bytes: text.as_bytes().to_vec() };
    let content = match bytes.next() % 8 {
        0 => {
            given.key |= url == JWKS;
            good(&jwks(&[(1, "a")]))
        }
        1 => good(&jwks(&[(9, "a")])),
        2 => {
            given.valid |= url == LIST;
            good(&material.valid)
        }
        3 => good(&material.revoked),
        4 => Content::Failed("no".into()),
        5 => Content::Body {
            status: bytes.pick(&[0, 204, 304, 404, 500, 65_535]),
            media_type: None,
            bytes: jwks(&[(1, "a")]).into_bytes(),
        },
        6 => Content::Body {
            status: 200,
            media_type: Some(bytes.pick(&["application/statuslist+cwt", "text/html"]).into()),
            bytes: bytes.take(),
        },
        _ => Content::Body { status: 200, media_type: None, bytes: bytes.take() },
    };
    let fetched_at = match bytes.next() % 4 {
        0 => at.saturating_add(u64::from(bytes.next())),
        1 => at.saturating_sub(u64::from(bytes.next()) * 500),
        _ => at,
    };
    let document = Document { url: url.into(), server: None, about: None, peer: false, fetched_at, content };
    gate.provide(&[document.clone(), document], at);
}

fn about(bytes: &mut Bytes<'_>, gate: &Gate, at: u64) {
    match bytes.next() % 4 {
        0 => drop(gate.due(at)),
        1 => drop(gate.ready(at)),
        2 => drop(gate.forget(&bytes.pick(&[Forget::Everything, Forget::Subject("alice".into())]))),
        _ => assert!(gate.held().bytes < 1024 * 1024),
    }
}
