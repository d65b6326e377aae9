//! What a gate holds: keys, bundles, status lists and remembered tokens, each with its times.

use alloc::{collections::BTreeMap, format, rc::Rc, string::String, vec::Vec};

use portcullis_crypto::{Backend, CryptoCode, KeySet};
use portcullis_status::{MAX_LIST_TOKEN, Options, StatusList};
use portcullis_svid::{Anchors, BundleSet};
use portcullis_token::x5c;
use portcullis_types::{Rejection, Timestamp, trace::Silent};

#[cfg(feature = "clients")]
use crate::clients::ClientKeys;
#[cfg(feature = "ocm")]
use crate::ocm::peers::Peers;
#[cfg(feature = "registry")]
use crate::users::UsersState;
use crate::{
    bundle_server::authority,
    bundles::DomainState,
    code::GateCode,
    documents::{Content, Document, DocumentNeed},
    introspection::Questions,
    keys::{Keys, Source},
    limits::BUNDLE_REFRESH,
    lists::{Lists, StoredList},
    memory::{Fact, Memory, Sought},
    policy::{Authority, Issuer, Policy},
    remote::{Remote, Taking, weight},
};

/// Everything that changes in a gate.
pub(crate) struct State {
    pub(crate) issuers: Vec<IssuerState>,
    pub(crate) domains: Vec<DomainState>,
    /// The bundles of the trust domains that have one.
    pub(crate) bundles: BundleSet,
    /// The bundles that authenticate bundle endpoints until the first one was fetched there, and nothing else.
    pub(crate) initial_bundles: BundleSet,
    pub(crate) memory: Memory,
    /// The keys of the service that makes Transaction Tokens, where they are accepted.
    pub(crate) transactions: Option<Keys>,
    /// The keys of those who attest clients beside access tokens, where there are any.
    pub(crate) attestation: Option<Keys>,
    /// Opaque tokens that an authorization server is asked about.
    pub(crate) questions: Questions,
    /// The keys of those who vouch for clients.
    #[cfg(feature = "clients")]
    pub(crate) client_keys: ClientKeys,
    /// Users of a registry, where it has any.
    #[cfg(feature = "registry")]
    pub(crate) users: Option<UsersState>,
    /// Other servers of Open Cloud Mesh.
    #[cfg(feature = "ocm")]
    pub(crate) peers: Peers,
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
        let (mut bundles, mut initial_bundles) = (BundleSet::new(), BundleSet::new());
        let domain =
            |trusted| DomainState::new(trusted, next(), &mut bundles, &mut initial_bundles, backend, &policy.limits);
        let domains = policy.trust_domains.iter().map(domain).collect();
        let transactions = policy.transaction_tokens.as_ref();
        let transactions = transactions.map(|accepted| Keys::new(&accepted.keys, next(), &policy.limits));
        let attestation = policy.attestation.as_ref();
        let attestation = attestation.map(|wanted| Keys::new(&wanted.attesters, next(), &policy.limits));
        #[cfg(feature = "clients")]
        let client_keys = ClientKeys::new(policy, &mut next);
        #[cfg(feature = "registry")]
        let users = policy.registry.as_ref().and_then(|registry| registry.users.as_ref());
        Self {
            issuers,
            domains,
            bundles,
            initial_bundles,
            memory: Memory::default(),
            transactions,
            attestation,
            questions: Questions::default(),
            #[cfg(feature = "clients")]
            client_keys,
            #[cfg(feature = "registry")]
            users: users.map(|source| UsersState::new(source, &policy.limits)),
            #[cfg(feature = "ocm")]
            peers: Peers::new(policy),
            generation,
        }
    }

    /// What is to be fetched now: what was never had, and what is to be had again before it is too old. Each is told once
    /// while it is under way.
    pub(crate) fn due(&mut self, policy: &Policy, at: Timestamp) -> Vec<DocumentNeed> {
        let mut due = BTreeMap::new();
        let mut take = |remote: &mut Remote, refresh: u64| {
            if remote.timing.is_due(at, refresh) {
                remote.timing.asked(at);
                let need = &remote.need;
                due.entry((need.url.clone(), need.class, need.server.clone())).or_insert_with(|| need.clone());
            }
        };
        for issuer in &mut self.issuers {
            let all = issuer.keys.remotes().into_iter().chain(issuer.status_keys.iter_mut().flat_map(Keys::remotes));
            all.for_each(|remote| take(remote, policy.limits.keys_refresh));
        }
        for (trusted, domain) in policy.trust_domains.iter().zip(&mut self.domains) {
            let refresh = domain.refresh;
            if let Some(initial) = &mut domain.initial {
                take(initial, BUNDLE_REFRESH);
            }
            // What authenticates a server is had before the server is asked.
            let is_first = trusted.endpoint.as_ref().is_some_and(|endpoint| {
                authority(&self.bundles, &self.initial_bundles, endpoint.spiffe_id.trust_domain()).is_none()
            });
            if let (Some(remote), false) = (&mut domain.remote, is_first) {
                take(remote, refresh);
            }
        }
        let beside = self.transactions.iter_mut().chain(&mut self.attestation);
        for remote in beside.flat_map(Keys::remotes) {
            take(remote, policy.limits.keys_refresh);
        }
        #[cfg(feature = "clients")]
        for remote in self.client_keys.iter_mut().flat_map(Keys::remotes) {
            take(remote, policy.limits.keys_refresh);
        }
        #[cfg(feature = "registry")]
        if let Some(remote) = self.users.as_mut().and_then(|users| users.remote.as_mut()) {
            take(remote, policy.limits.keys_refresh);
        }
        #[cfg(feature = "ocm")]
        for remote in self.peers.remotes() {
            take(remote, policy.limits.keys_refresh);
        }
        for issuer in &mut self.issuers {
            for need in issuer.lists.due(at) {
                due.entry((need.url.clone(), need.class, None)).or_insert(need);
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
        let generations = |state: &Self| state.issuers.iter().map(IssuerState::list_generation).collect::<Vec<_>>();
        let before = generations(self);
        for document in documents {
            outcomes.push(self.provide_keys(policy, document, at, backend));
        }
        for (number, (before, after)) in before.into_iter().zip(generations(self)).enumerate() {
            if before != after {
                self.try_again(policy, number, at, backend);
            }
        }
        for (document, outcomes) in documents.iter().zip(&mut outcomes) {
            // What came from a workload, or is about a token, is none of an issuer's documents, whatever its URL.
            let issuers = if document.is_plain() { self.issuers.len() } else { 0 };
            for number in 0..issuers {
                outcomes.extend(self.provide_list(policy, number, document, at, backend));
            }
            outcomes.extend(self.provide_said(policy, document, at));
            // A server that is not known any more, or that another instance asked about, is no mistake.
            if outcomes.is_empty() && !document.peer {
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
        let free = policy.limits.memory.saturating_sub(self.bytes());
        let mut taking = Taking { at, backend, generation: &mut self.generation, free };
        let is_plain = document.is_plain();
        for (issuer, state) in policy.issuers.iter().zip(&mut self.issuers).filter(|_| is_plain) {
            let before = state.list_generation();
            outcomes.extend(state.keys.provide(document, &issuer.issuer, &mut taking));
            if let Some(keys) = &mut state.status_keys {
                outcomes.extend(keys.provide(document, &issuer.issuer, &mut taking));
            }
            let keys = state.status_keys.as_ref().unwrap_or(&state.keys);
            if let (true, Some(set)) = (keys.generation != before, &keys.set) {
                state.lists.keep_signed_by(set);
            }
        }
        for (trusted, state) in policy.trust_domains.iter().zip(&mut self.domains) {
            outcomes.extend(state.provide_initial(trusted, document, &mut self.initial_bundles, &taking));
            outcomes.extend(state.provide(trusted, document, &mut self.bundles, &self.initial_bundles, &mut taking));
        }
        if let Some(transactions) = self.transactions.as_mut().filter(|_| is_plain) {
            outcomes.extend(transactions.provide(document, "", &mut taking));
        }
        // Attesters have no metadata, which would be an issuer's.
        if let Some(attesters) = self.attestation.as_mut().filter(|_| is_plain) {
            outcomes.extend(attesters.provide(document, "", &mut taking));
        }
        #[cfg(feature = "clients")]
        for keys in self.client_keys.iter_mut().filter(|_| is_plain) {
            // They have no metadata, which would be an issuer's.
            outcomes.extend(keys.provide(document, "", &mut taking));
        }
        #[cfg(feature = "registry")]
        if let Some(users) = self.users.as_mut().filter(|_| is_plain) {
            outcomes.extend(users.provide(document, &taking));
        }
        #[cfg(feature = "ocm")]
        outcomes.extend(self.peers.provide(policy.ocm.as_ref(), document, &mut taking));
        outcomes
    }

    /// Lists of an issuer whose keys were not known are looked at again: others have come.
    fn try_again(&mut self, policy: &Policy, number: usize, at: Timestamp, backend: &Rc<dyn Backend>) {
        let waiting = self.issuers.get_mut(number).map(|state| state.lists.take_waiting()).unwrap_or_default();
        for document in waiting {
            // What still cannot be used is told when somebody asks for it.
            let _ = self.provide_list(policy, number, &document, at, backend);
        }
    }

    fn provide_list(
        &mut self,
        policy: &Policy,
        number: usize,
        document: &Document,
        at: Timestamp,
        backend: &Rc<dyn Backend>,
    ) -> Option<Result<(), Rejection>> {
        let all = self.bytes();
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
        // The list that is there makes room for its own successor.
        let held = all.saturating_sub(state.lists.bytes_of(&document.url));
        let mut without_key = false;
        let opened = document.content.body(policy.limits.status_list).and_then(|body| {
            let set = match &keys.source {
                Source::Certified(anchors) => Rc::new(certified(body, anchors, backend, at)?),
                // The keys may be on their way, and the list the faster.
                _ => keys.fresh(policy.limits.keys_max_stale, at).inspect_err(|_| without_key = true)?,
            };
            let is_cwt = matches!(&document.content, Content::Body { media_type: Some(media), .. }
                if media.eq_ignore_ascii_case("application/statuslist+cwt"));
            let open = if is_cwt { StatusList::open_cwt } else { StatusList::open_jwt };
            let list = open(body, &set, &document.url, at, &options).map_err(|rejection| {
                without_key = rejection.is(CryptoCode::Unknown);
                let why = format!("{}: {}", rejection.code(), rejection.detail());
                Rejection::new(GateCode::StatusListRefused, why)
            })?;
            if held.saturating_add(list.held_bytes()) > policy.limits.memory {
                let what = format!("{held} bytes are held, and the list has {}", list.held_bytes());
                return Err(Rejection::new(GateCode::MemoryFull, what));
            }
            Ok(StoredList::new(list, document.fetched_at))
        });
        let taken = state.lists.provide(&document.url, opened, at);
        if without_key && held.saturating_add(document.length()) <= policy.limits.memory {
            state.lists.wait_for_keys(document);
        }
        Some(taken)
    }

    /// Remembers what was learned of a token, within what nothing else takes of the memory.
    pub(crate) fn remember(&mut self, policy: &Policy, sought: &Sought<'_>, fact: Rc<Fact>) {
        let others = self.bytes().saturating_sub(self.memory.bytes());
        let free = policy.limits.memory.saturating_sub(others) / 2;
        self.memory.put(sought, fact, policy.limits.remembered_tokens, free);
    }

    /// The memory held, in bytes: documents by their text, lists as they are, tokens as guessed.
    pub(crate) fn bytes(&self) -> usize {
        let keys = |keys: &Keys| weight(keys.bytes);
        let issuers: usize = self
            .issuers
            .iter()
            .map(|issuer| keys(&issuer.keys) + issuer.status_keys.as_ref().map_or(0, keys) + issuer.lists.bytes())
            .sum();
        let domains: usize = self.domains.iter().map(DomainState::weight).sum();
        let transactions = self.transactions.as_ref().map_or(0, keys);
        let attestation = self.attestation.as_ref().map_or(0, keys);
        #[cfg(feature = "clients")]
        let of_clients: usize = self.client_keys.iter().map(keys).sum();
        #[cfg(not(feature = "clients"))]
        let of_clients = 0;
        #[cfg(feature = "registry")]
        let users = self.users.as_ref().map_or(0, |users| weight(users.bytes));
        #[cfg(not(feature = "registry"))]
        let users = 0;
        #[cfg(feature = "ocm")]
        let peers = self.peers.bytes();
        #[cfg(not(feature = "ocm"))]
        let peers = 0;
        issuers
            + domains
            + transactions
            + attestation
            + of_clients
            + users
            + peers
            + self.questions.bytes()
            + self.memory.bytes()
    }
}

impl IssuerState {
    /// The generation of the keys that its lists verify with.
    fn list_generation(&self) -> u64 {
        self.status_keys.as_ref().unwrap_or(&self.keys).generation
    }
}

impl State {
    /// Issuers and trust domains that a rule names and whose keys are missing or too old, and why.
    pub(crate) fn missing(&self, policy: &Policy, at: Timestamp) -> Vec<(String, String)> {
        let named = |authority: Authority| policy.names(authority);
        let why = |fault: Option<&Rejection>| match fault {
            Some(fault) => format!("{}: {}", fault.code(), fault.detail()),
            None => "not fetched yet".into(),
        };
        let mut missing = Vec::new();
        if let Some(transactions) = &self.transactions
            && transactions.fresh(policy.limits.keys_max_stale, at).is_err()
        {
            missing.push(("transaction_tokens".into(), why(transactions.fault())));
        }
        if let Some(attesters) = self.attestation.as_ref().filter(|_| policy.demands_attestation())
            && attesters.fresh(policy.limits.keys_max_stale, at).is_err()
        {
            missing.push(("attestation.attesters".into(), why(attesters.fault())));
        }
        #[cfg(feature = "ocm")]
        if let Some(fault) = self.peers.own_missing(policy.limits.keys_max_stale, at) {
            missing.push(("ocm.discovery".into(), why(fault)));
        }
        #[cfg(feature = "clients")]
        missing.extend(self.client_keys.missing(&policy.limits, at, why));
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
                missing.push((trusted.name.as_str().into(), why(state.fault())));
            }
        }
        missing
    }
}
