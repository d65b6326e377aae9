//! A gate: one policy and what is held for it.

use alloc::{boxed::Box, format, rc::Rc, string::String, vec::Vec};
use core::cell::RefCell;

use portcullis_crypto::Backend;
use portcullis_types::{Rejection, Timestamp, limits::excerpt, trace::Silent};

use crate::{
    code::GateCode,
    decision::Decision,
    documents::{Document, DocumentNeed},
    evaluation::{Evaluation, Need, Step},
    limits::MAX_REDIRECTS,
    memory::Forget,
    origin::{Class, Origin, admit},
    policy::{Format, Policy, PolicyError},
    request::Request,
    state::State,
};

/// A gate. One instance, one thread; cheap to clone, and clones are the same gate.
///
/// ```
/// use std::rc::Rc;
/// use portcullis_crypto::SoftwareBackend;
/// use portcullis_gate::{Gate, Outcome, Request, Step, policy::Format};
///
/// let policy = r#"{"origins": ["https://api.example"], "rules": [{"path": "/health", "anonymous": true}]}"#;
/// let gate = Gate::load(policy, Format::Json, Rc::new(SoftwareBackend::default())).unwrap();
/// let request = |path: &str| Request { method: "GET".into(), url: format!("https://api.example{path}"), ..Request::default() };
///
/// let Step::Decided(decision) = gate.start(request("/health"), 1_790_000_000).step(1_790_000_000) else { unreachable!() };
/// assert_eq!(decision.outcome, Outcome::Allow);
/// let Step::Decided(decision) = gate.start(request("/"), 1_790_000_000).step(1_790_000_000) else { unreachable!() };
/// assert_eq!((decision.status, decision.code()), (401, Some("credential.missing")));
/// ```
#[derive(Clone)]
pub struct Gate(Rc<Inner>);

pub(crate) struct Inner {
    pub(crate) policy: Rc<Policy>,
    pub(crate) state: RefCell<State>,
    pub(crate) backend: Rc<dyn Backend>,
}

/// A request that is decided, or on its way.
pub enum Checked {
    /// It is decided.
    Decided(Box<Decision>),
    /// It waits for these.
    Pending(Box<Evaluation>, Vec<Need>),
}

/// Whether a gate can decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// Whether every issuer and trust domain that a rule names has keys that may be used.
    pub ready: bool,
    /// Those that have none, by what the policy calls them, and why.
    pub missing: Vec<(String, String)>,
}

/// What a gate holds, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Remembered tokens.
    pub tokens: usize,
    /// Status lists.
    pub lists: usize,
    /// Memory of lists, documents and tokens, in bytes.
    pub bytes: usize,
}

impl Gate {
    /// Reads a policy and makes a gate of it. Signatures are verified by a backend.
    ///
    /// Errors: `policy.*`.
    pub fn load(text: &str, format: Format, backend: Rc<dyn Backend>) -> Result<Self, Vec<PolicyError>> {
        Ok(Self::new(Policy::parse(text, format, &backend)?, backend))
    }

    /// The same for a page: what a page has no part in is refused.
    ///
    /// Errors: `policy.*`, `policy.browser_*` among them.
    pub fn load_for_browser(text: &str, format: Format, backend: Rc<dyn Backend>) -> Result<Self, Vec<PolicyError>> {
        Ok(Self::new(Policy::parse_for_browser(text, format, &backend)?, backend))
    }

    /// A gate for a policy that was read. Gates may share one; what each holds is its own.
    pub fn new(policy: impl Into<Rc<Policy>>, backend: Rc<dyn Backend>) -> Self {
        let policy = policy.into();
        let state = RefCell::new(State::new(&policy, &backend));
        Self(Rc::new(Inner { policy, state, backend }))
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.0.policy
    }

    /// The documents to fetch now: at the start, and to have new ones before the old ones are too old. Each is told once
    /// while it is under way. To be asked every few seconds.
    pub fn due(&self, at: Timestamp) -> Vec<DocumentNeed> {
        self.0.state.borrow_mut().due(&self.0.policy, at)
    }

    /// Takes documents that were fetched, or could not be: whoever asked for them. What cannot be used is told, by URL, and
    /// never drops what is held.
    pub fn provide(&self, documents: &[Document], at: Timestamp) -> Vec<(String, Rejection)> {
        self.0.state.borrow_mut().provide(&self.0.policy, documents, at, &self.0.backend)
    }

    /// Whether a redirect may be followed: the class stays that of the first URL, and so do its rules.
    ///
    /// Errors: `fetch.url_not_allowed`, `fetch.too_many_redirects`, `fetch.question_redirected`.
    pub fn admit_redirect(&self, need: &DocumentNeed, hops: u8, location: &str) -> Result<(), Rejection> {
        if need.question.is_some() {
            // Who is redirected with a POST gives the token to whoever the server says.
            let what = format!("what is asked about a token at {} goes nowhere else", excerpt(&need.url));
            return Err(Rejection::new(GateCode::QuestionRedirected, what));
        }
        if hops >= MAX_REDIRECTS {
            let what = format!("more than {MAX_REDIRECTS} redirects from {}", excerpt(&need.url));
            return Err(Rejection::new(GateCode::TooManyRedirects, what));
        }
        let listed: Vec<Origin> =
            self.0.policy.issuers.iter().flat_map(|issuer| issuer.status_origins.iter().cloned()).collect();
        #[cfg(feature = "ocm")]
        if let (Class::Peer, Some(ocm)) = (need.class, &self.0.policy.ocm) {
            return portcullis_ocm::admit(location, &ocm.listed).map(|_| ());
        }
        // A redirect is the server's word and no longer the operator's, whoever named the first URL: it may stay within an
        // origin that the operator named, and else goes where any credential's URL may go.
        let class = match need.class {
            Class::Policy if Origin::of_url(location) == Origin::of_url(&need.url) => Class::Policy,
            Class::Policy => Class::Credential,
            other => other,
        };
        admit(location, class, &listed).map(|_| ())
    }

    /// Whether the server that presents a chain of certificates in the TLS handshake (DER, the leaf first) may be asked for a
    /// document whose need names a [`server`](DocumentNeed::server). Asked for each connection, redirects included, before
    /// anything else is said to the server; that it holds the leaf's key is for TLS to see to.
    ///
    /// Errors: `fetch.server_*`, and those of X.509-SVIDs.
    pub fn admit_server(
        &self,
        need: &DocumentNeed,
        chain: &[impl AsRef<[u8]>],
        at: Timestamp,
    ) -> Result<(), Rejection> {
        self.0.state.borrow().admit_server(&self.0.policy, need, chain, &self.0.backend, at)
    }

    /// Whether it can decide: every issuer and trust domain that a rule names has keys.
    pub fn ready(&self, at: Timestamp) -> Readiness {
        let missing = self.0.state.borrow().missing(&self.0.policy, at);
        Readiness { ready: missing.is_empty(), missing }
    }

    /// What it holds.
    pub fn held(&self) -> Held {
        let state = self.0.state.borrow();
        Held {
            tokens: state.memory.len(),
            lists: state.issuers.iter().map(|issuer| issuer.lists.len()).sum(),
            bytes: state.bytes(),
        }
    }

    /// Drops remembered tokens, and tells how many. They are verified again when they come again.
    pub fn forget(&self, which: &Forget) -> usize {
        let mut state = self.0.state.borrow_mut();
        state.questions.forget(which);
        state.memory.forget(which)
    }

    /// Decides about a request at once, or begins to: [`Gate::start`] and the first step in one.
    pub fn check(&self, request: Request, at: Timestamp) -> Checked {
        let mut evaluation = self.start(request, at);
        match evaluation.advance(at, &mut Silent) {
            Step::Decided(decision) => Checked::Decided(decision),
            Step::Needs(needs) => Checked::Pending(Box::new(evaluation), needs),
        }
    }

    /// Begins to decide about a request.
    pub fn start(&self, request: Request, at: Timestamp) -> Evaluation {
        Evaluation::new(Rc::clone(&self.0), request, at)
    }
}
