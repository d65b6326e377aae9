//! What a gate holds: keys, bundles, status lists and remembered tokens, each with its times.

use alloc::{collections::BTreeMap, format, rc::Rc, string::String, vec::Vec};

use portcullis_crypto::{Backend, KeySet, sha256};
use portcullis_status::{MAX_LIST_TOKEN, Options, StatusList};
use portcullis_svid::{Anchors, Bundle, BundleSet};
use portcullis_token::x5c;
use portcullis_types::{
    Rejection, Timestamp,
    json::{self, Value},
    limits::excerpt,
    trace::Silent,
};

use crate::{
    code::GateCode,
    documents::{Ask, Content, Document, DocumentNeed, Kind, Timing},
    limits::{BUNDLE_REFRESH, MIN_REFRESH},
    lists::{Lists, StoredList},
    memory::Memory,
    origin::{Class, Origin, admit},
    policy::{Access, Authority, BundleSource, Issuer, KeySource, Limits, Policy},
};

/// Everything that changes in a gate.
pub(crate) struct State {
    pub(crate) issuers: Vec<IssuerState>,
    pub(crate) domains: Vec<DomainState>,
    /// The bundles of the trust domains that have one.
    pub(crate) bundles: BundleSet,
    pub(crate) memory: Memory,
    /// The last generation that was given to a key set.
    generation: u64,
}

/// An issuer's documents.
pub(crate) struct IssuerState {
    pub(crate) keys: Keys,
    /// Keys of its lists, where they are not its own.
    pub(crate) status_keys: Option<Keys>,
    pub(crate) lists: Lists,
}

/// Keys, and where they come from.
pub(crate) struct Keys {
    pub(crate) source: Source,
    pub(crate) set: Option<Rc<KeySet>>,
    /// Another number for other keys.
    pub(crate) generation: u64,
    digest: [u8; 32],
    bytes: usize,
}

pub(crate) enum Source {
    /// From the policy: never stale.
    Fixed,
    /// From the certificates that a token brings along.
    Certified(Rc<Anchors>),
    /// From a URL.
    Fetched(Remote),
    /// From metadata, which says where.
    Discovered {
        /// The places of the metadata, the preferred one first, and what each says.
        metadata: Vec<(Remote, Option<Remote>)>,
    },
}

/// A document at a URL.
pub(crate) struct Remote {
    pub(crate) need: DocumentNeed,
    pub(crate) timing: Timing,
    /// Why it could not be had when it was last tried.
    pub(crate) fault: Option<Rejection>,
}

/// A trust domain's bundle.
pub(crate) struct DomainState {
    /// Nothing where the policy holds the bundle itself.
    pub(crate) remote: Option<Remote>,
    refresh: u64,
    bytes: usize,
    pub(crate) generation: u64,
    digest: [u8; 32],
}

impl Remote {
    fn new(url: &str, class: Class, kind: Kind, most: usize) -> Self {
        let need = DocumentNeed { url: url.into(), class, kind, most };
        Self { need, timing: Timing::default(), fault: None }
    }

    /// Takes note of how a fetch ended.
    fn note<T>(&mut self, result: Result<T, Rejection>, fetched_at: Timestamp, at: Timestamp) -> Result<T, Rejection> {
        match &result {
            Ok(_) => {
                self.timing.had(fetched_at, at);
                self.fault = None;
            }
            Err(rejection) => {
                self.timing.failed(at);
                self.fault = Some(rejection.clone());
            }
        }
        result
    }

    /// Refuses what is older than what is held: answers may overtake each other. What is held from the future, because a
    /// clock was wrong, gives way to anything.
    fn newer(&mut self, document: &Document, at: Timestamp) -> Result<(), Rejection> {
        match self.timing.had_at() {
            Some(held) if document.fetched_at < held && held <= at => {
                self.timing.overtaken(at);
                Err(Rejection::new(
                    GateCode::DocumentOlder,
                    format!("fetched at {}, and one of {held} is held", document.fetched_at),
                ))
            }
            _ => Ok(()),
        }
    }
}

impl Keys {
    fn new(source: &KeySource, generation: u64, limits: &Limits) -> Self {
        let remote = |url: &str, kind| Remote::new(url, Class::Policy, kind, limits.document);
        let (source, set) = match source {
            KeySource::Inline(set) => (Source::Fixed, Some(Rc::clone(set))),
            KeySource::Certified(anchors) => (Source::Certified(Rc::clone(anchors)), None),
            KeySource::Url(url) => (Source::Fetched(remote(url, Kind::Keys)), None),
            KeySource::Discovery(urls) => {
                let metadata = urls.iter().map(|url| (remote(url, Kind::Metadata), None)).collect();
                (Source::Discovered { metadata }, None)
            }
        };
        Self { source, set, generation, digest: [0; 32], bytes: 0 }
    }

    /// The document of the keys themselves, where it is known: the preferred metadata that was had decides.
    pub(crate) fn remote(&self) -> Option<&Remote> {
        match &self.source {
            Source::Fixed | Source::Certified(_) => None,
            Source::Fetched(remote) => Some(remote),
            Source::Discovered { metadata } => metadata.iter().find_map(|(_, keys)| keys.as_ref()),
        }
    }

    fn remotes(&mut self) -> Vec<&mut Remote> {
        match &mut self.source {
            Source::Fixed | Source::Certified(_) => Vec::new(),
            Source::Fetched(remote) => alloc::vec![remote],
            Source::Discovered { metadata } => {
                // The keys of the preferred metadata alone are fetched.
                let mut all = Vec::new();
                let mut found = false;
                for (own, keys) in metadata {
                    all.push(own);
                    if let (Some(keys), false) = (keys.as_mut(), found) {
                        found = true;
                        all.push(keys);
                    }
                }
                all
            }
        }
    }

    /// A remote by its URL, to note that it was asked for.
    pub(crate) fn asked(&mut self, url: &str, at: Timestamp) {
        let meant = self.remotes().into_iter().filter(|remote| remote.need.url == url);
        // Who joins a fetch that is under way does not make it younger.
        for remote in meant.filter(|remote| remote.timing.ask(at) != Ask::Join) {
            remote.timing.asked(at);
        }
    }

    /// Why the keys could not be had when they were last tried: the document nearest to them knows best.
    pub(crate) fn fault(&self) -> Option<&Rejection> {
        match (&self.source, self.remote()) {
            (_, Some(remote)) => remote.fault.as_ref(),
            (Source::Discovered { metadata }, None) => metadata.iter().find_map(|(remote, _)| remote.fault.as_ref()),
            _ => None,
        }
    }

    /// Takes a document if it is one of these. The answer is nothing where it is not.
    fn provide(
        &mut self,
        document: &Document,
        issuer: &Issuer,
        at: Timestamp,
        backend: &Rc<dyn Backend>,
        generation: &mut u64,
    ) -> Option<Result<(), Rejection>> {
        let mut outcome = None;
        if let Source::Discovered { metadata } = &mut self.source {
            for (own, keys) in metadata.iter_mut().filter(|(own, _)| own.need.url == document.url) {
                let read = own.newer(document, at).and_then(|()| metadata_keys(document, own.need.most, issuer));
                let read = match read {
                    Err(older) if older.is(GateCode::DocumentOlder) => Err(older),
                    other => own.note(other, document.fetched_at, at),
                };
                let read = read.map(|(url, class)| {
                    if keys.as_ref().is_none_or(|keys| keys.need.url != url) {
                        let mut new = Remote::new(&url, class, Kind::Keys, own.need.most);
                        // Keys that moved are still good: they are used until their time, and looked for in the new place.
                        if let Some(old) = keys.take() {
                            new.timing = old.timing.moved();
                        }
                        *keys = Some(new);
                    }
                });
                outcome = Some(read);
            }
        }
        let Self { source, set, generation: own_generation, digest, bytes } = self;
        let remote = match source {
            Source::Fixed | Source::Certified(_) => None,
            Source::Fetched(remote) => Some(remote),
            Source::Discovered { metadata } => metadata.iter_mut().find_map(|(_, keys)| keys.as_mut()),
        };
        let Some(remote) = remote.filter(|remote| remote.need.url == document.url) else { return outcome };
        if let Err(older) = remote.newer(document, at) {
            return Some(Err(older));
        }
        let read =
            document.content.body(remote.need.most).and_then(|body| Ok((body, KeySet::from_jwks(body, backend)?)));
        Some(remote.note(read, document.fetched_at, at).map(|(body, read)| {
            let new = sha256(body);
            // The same bytes are the same keys: what verified with them stays known.
            if set.is_none() || *digest != new {
                *generation += 1;
                *own_generation = *generation;
                *digest = new;
                *bytes = body.len();
                *set = Some(Rc::new(read));
            }
        }))
    }
}

/// The key of the certificate that a status list token brings along, once it is known to be for that.
///
/// Error: `status.list_refused`.
fn certified(token: &[u8], anchors: &Anchors, backend: &Rc<dyn Backend>, at: Timestamp) -> Result<KeySet, Rejection> {
    let refused = |rejection: Rejection| {
        Rejection::new(GateCode::StatusListRefused, format!("{}: {}", rejection.code(), rejection.detail()))
    };
    let chain = x5c::certificates_untrusted(token, MAX_LIST_TOKEN).map_err(refused)?;
    anchors.key_set(&chain, backend, at, &mut Silent).map_err(refused)
}

/// Where an issuer's keys are, as its metadata says (RFC 8414 sections 2 and 3.3).
fn metadata_keys(document: &Document, most: usize, issuer: &Issuer) -> Result<(String, Class), Rejection> {
    let body = document.content.body(most)?;
    let members = json::parse_object(body).map_err(|rejection| rejection.within("metadata"))?;
    let text = |name: &str| match members.get(name)? {
        Some(Value::String(text)) => Ok(text),
        _ => Err(Rejection::new(GateCode::MetadataMalformed, format!("the metadata has no text {name}"))),
    };
    let own = text("issuer")?;
    if *own != issuer.issuer {
        return Err(Rejection::new(
            GateCode::MetadataIssuer,
            format!("issuer is {}, not {}", excerpt(own), excerpt(&issuer.issuer)),
        ));
    }
    let keys = text("jwks_uri")?;
    // On its own origin the operator's word covers it; elsewhere it is the issuer's word alone.
    let same_origin = Origin::of_url(keys).is_some() && Origin::of_url(keys) == Origin::of_url(&issuer.issuer);
    let class = if same_origin { Class::Policy } else { Class::Credential };
    admit(keys, class, &[])?;
    Ok((keys.clone(), class))
}

impl State {
    pub(crate) fn new(policy: &Policy, backend: &Rc<dyn Backend>) -> Self {
        let mut generation = 0;
        let mut next = || {
            generation += 1;
            generation
        };
        let issuer = |issuer: &Issuer| IssuerState {
            keys: Keys::new(&issuer.keys, next(), &policy.limits),
            status_keys: issuer.status_keys.as_ref().map(|keys| Keys::new(keys, next(), &policy.limits)),
            lists: Lists::default(),
        };
        let issuers = policy.issuers.iter().map(issuer).collect();
        let mut bundles = BundleSet::new();
        let mut domains = Vec::new();
        for trusted in &policy.trust_domains {
            let remote = match &trusted.bundle {
                BundleSource::Url(url) => Some(Remote::new(url, Class::Policy, Kind::Bundle, policy.limits.document)),
                BundleSource::Inline(text) => {
                    // It was read when the policy was, so it reads now.
                    if let Ok(bundle) = Bundle::parse(text.as_bytes(), backend) {
                        let _ = bundles.put(trusted.name.clone(), bundle);
                    }
                    None
                }
            };
            domains.push(DomainState {
                remote,
                refresh: BUNDLE_REFRESH,
                bytes: 0,
                generation: next(),
                digest: [0; 32],
            });
        }
        Self { issuers, domains, bundles, memory: Memory::default(), generation }
    }

    /// What is to be fetched now: what was never had, and what is to be had again before it is too old. Each is told once
    /// while it is under way.
    pub(crate) fn due(&mut self, policy: &Policy, at: Timestamp) -> Vec<DocumentNeed> {
        let mut due = BTreeMap::new();
        let mut take = |remote: &mut Remote, refresh: u64| {
            if remote.timing.is_due(at, refresh) {
                remote.timing.asked(at);
                due.entry((remote.need.url.clone(), remote.need.class)).or_insert_with(|| remote.need.clone());
            }
        };
        for issuer in &mut self.issuers {
            let all = issuer.keys.remotes().into_iter().chain(issuer.status_keys.iter_mut().flat_map(Keys::remotes));
            all.for_each(|remote| take(remote, policy.limits.keys_refresh));
        }
        for domain in &mut self.domains {
            let refresh = domain.refresh;
            if let Some(remote) = &mut domain.remote {
                take(remote, refresh);
            }
        }
        for issuer in &mut self.issuers {
            for need in issuer.lists.due(at) {
                due.entry((need.url.clone(), need.class)).or_insert(need);
            }
        }
        due.into_values().collect()
    }

    /// Takes documents, whoever asked for them. What cannot be used is told, and replaces nothing.
    pub(crate) fn provide(
        &mut self,
        policy: &Policy,
        documents: &[Document],
        at: Timestamp,
        backend: &Rc<dyn Backend>,
    ) -> Vec<(String, Rejection)> {
        // Lists verify with keys, so keys come first, whatever the order in which they were fetched.
        let mut outcomes: Vec<Vec<Result<(), Rejection>>> = Vec::new();
        for document in documents {
            outcomes.push(self.provide_keys(policy, document, at, backend));
        }
        for (document, outcomes) in documents.iter().zip(&mut outcomes) {
            for number in 0..self.issuers.len() {
                outcomes.extend(self.provide_list(policy, number, document, at, backend));
            }
            if outcomes.is_empty() {
                outcomes.push(Err(Rejection::new(GateCode::DocumentUnexpected, "nothing here needs it")));
            }
        }
        let findings = documents.iter().zip(outcomes).flat_map(|(document, outcomes)| {
            outcomes.into_iter().filter_map(|outcome| Some((document.url.clone(), outcome.err()?)))
        });
        findings.collect()
    }

    /// Takes a document for every key set and bundle that it is for.
    fn provide_keys(
        &mut self,
        policy: &Policy,
        document: &Document,
        at: Timestamp,
        backend: &Rc<dyn Backend>,
    ) -> Vec<Result<(), Rejection>> {
        let mut outcomes: Vec<Result<(), Rejection>> = Vec::new();
        for (issuer, state) in policy.issuers.iter().zip(&mut self.issuers) {
            let before = state.list_generation();
            outcomes.extend(state.keys.provide(document, issuer, at, backend, &mut self.generation));
            if let Some(keys) = &mut state.status_keys {
                outcomes.extend(keys.provide(document, issuer, at, backend, &mut self.generation));
            }
            let keys = state.status_keys.as_ref().unwrap_or(&state.keys);
            if let (true, Some(set)) = (keys.generation != before, &keys.set) {
                state.lists.keep_signed_by(set);
            }
        }
        for (trusted, state) in policy.trust_domains.iter().zip(&mut self.domains) {
            if state.remote.as_ref().is_some_and(|remote| remote.need.url == document.url) {
                let taken = state.provide(trusted, document, at, backend, &mut self.bundles, &mut self.generation);
                outcomes.push(taken);
            }
        }
        outcomes
    }

    fn provide_list(
        &mut self,
        policy: &Policy,
        number: usize,
        document: &Document,
        at: Timestamp,
        backend: &Rc<dyn Backend>,
    ) -> Option<Result<(), Rejection>> {
        let held = self.bytes();
        let (issuer, state) = (policy.issuers.get(number)?, self.issuers.get_mut(number)?);
        if !state.lists.has(&document.url) {
            return None;
        }
        let options = Options {
            algorithms: issuer.expect.algorithms.clone(),
            leeway: issuer.expect.leeway,
            max_token: policy.limits.status_list,
            max_inflated: policy.limits.status_list_inflated,
            ..Options::default()
        };
        let keys = state.status_keys.as_ref().unwrap_or(&state.keys);
        let opened = document.content.body(policy.limits.status_list).and_then(|body| {
            let set = match &keys.source {
                Source::Certified(anchors) => Rc::new(certified(body, anchors, backend, at)?),
                _ => keys.set.clone().ok_or_else(|| {
                    Rejection::new(GateCode::KeysUnavailable, "there are no keys to verify the list with")
                })?,
            };
            let is_cwt = matches!(&document.content, Content::Body { media_type: Some(media), .. }
                if media.eq_ignore_ascii_case("application/statuslist+cwt"));
            let open = if is_cwt { StatusList::open_cwt } else { StatusList::open_jwt };
            let list = open(body, &set, &document.url, at, &options).map_err(|rejection| {
                let why = format!("{}: {}", rejection.code(), rejection.detail());
                Rejection::new(GateCode::StatusListRefused, why)
            })?;
            if held.saturating_add(list.held_bytes()) > policy.limits.memory {
                let what = format!("{held} bytes are held, and the list has {}", list.held_bytes());
                return Err(Rejection::new(GateCode::MemoryFull, what));
            }
            Ok(StoredList::new(list, document.fetched_at))
        });
        Some(state.lists.provide(&document.url, opened, at))
    }

    /// The memory held, in bytes: documents by their text, lists as they are, tokens as guessed.
    pub(crate) fn bytes(&self) -> usize {
        let keys = |keys: &Keys| keys.bytes.saturating_mul(4);
        let issuers: usize = self
            .issuers
            .iter()
            .map(|issuer| keys(&issuer.keys) + issuer.status_keys.as_ref().map_or(0, keys) + issuer.lists.bytes())
            .sum();
        let domains: usize = self.domains.iter().map(|domain| domain.bytes.saturating_mul(4)).sum();
        issuers + domains + self.memory.bytes()
    }
}

impl IssuerState {
    /// The generation of the keys that its lists verify with.
    fn list_generation(&self) -> u64 {
        self.status_keys.as_ref().unwrap_or(&self.keys).generation
    }
}

impl DomainState {
    fn provide(
        &mut self,
        trusted: &crate::policy::Trusted,
        document: &Document,
        at: Timestamp,
        backend: &Rc<dyn Backend>,
        bundles: &mut BundleSet,
        generation: &mut u64,
    ) -> Result<(), Rejection> {
        let Some(remote) = &mut self.remote else { return Ok(()) };
        remote.newer(document, at)?;
        let read = document.content.body(remote.need.most).and_then(|body| {
            let bundle = Bundle::parse(body, backend)?;
            let refresh = bundle.refresh_hint().unwrap_or(BUNDLE_REFRESH).clamp(MIN_REFRESH, BUNDLE_REFRESH);
            bundles.put(trusted.name.clone(), bundle)?;
            Ok((body, refresh))
        });
        let (body, refresh) = remote.note(read, document.fetched_at, at)?;
        self.refresh = refresh;
        self.bytes = body.len();
        let new = sha256(body);
        if self.digest != new {
            *generation += 1;
            self.generation = *generation;
            self.digest = new;
        }
        Ok(())
    }
}

impl State {
    /// Issuers and trust domains that a rule names and whose keys are missing or too old, and why.
    pub(crate) fn missing(&self, policy: &Policy, at: Timestamp) -> Vec<(String, String)> {
        let named = |authority: Authority| {
            policy.rules.iter().any(|rule| {
                matches!(&rule.access, Access::Credential { authorities, .. } if authorities.contains(&authority))
            })
        };
        let why = |fault: Option<&Rejection>| match fault {
            Some(fault) => format!("{}: {}", fault.code(), fault.detail()),
            None => "not fetched yet".into(),
        };
        let mut missing = Vec::new();
        for (number, (issuer, state)) in policy.issuers.iter().zip(&self.issuers).enumerate() {
            let age = state.keys.remote().map(|remote| remote.timing.age(at));
            let fresh = match (&state.keys.source, age) {
                (Source::Fixed, _) => true,
                (_, Some(Some(age))) => age <= policy.limits.keys_max_stale,
                _ => false,
            };
            if named(Authority::Issuer(number)) && !(fresh && state.keys.set.is_some()) {
                missing.push((issuer.name.clone(), why(state.keys.fault())));
            }
        }
        for (number, (trusted, state)) in policy.trust_domains.iter().zip(&self.domains).enumerate() {
            let fresh = match &state.remote {
                None => true,
                Some(remote) => remote.timing.age(at).is_some_and(|age| age <= policy.limits.bundles_max_stale),
            };
            if named(Authority::TrustDomain(number)) && !(fresh && self.bundles.of(&trusted.name).is_ok()) {
                let fault = state.remote.as_ref().and_then(|remote| remote.fault.as_ref());
                missing.push((trusted.name.as_str().into(), why(fault)));
            }
        }
        missing
    }
}
