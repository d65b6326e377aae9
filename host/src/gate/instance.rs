//! An instance with one policy, replaced when it is lost.

use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::component::{Instance, ResourceAny};
use wasmtime::{Store, format_err};

use super::documents::Kept;
use super::{
    Answer, AnswerToSign, Answered, Decision, Document, DocumentFinding, DocumentNeed, Forget, Held, Need, OwnIdentity,
    PolicyFormat, Problem, Readiness, ReadyAnswer, Request,
};
use crate::bindings::exports::portcullis::gate::gate::{self as generated, Guest, GuestIndices, Step};
use crate::bindings::exports::portcullis::types::types::{Finding, Rejection};
use crate::component::Component;
use crate::error::HostError;
use crate::portcullis::Verdict;
use crate::sandbox::{Sandbox, State};

/// An instance of any component that exports [`GATE_INTERFACE`](super::GATE_INTERFACE), with one policy.
///
/// It decides about requests and does no I/O: documents are fetched, proofs are remembered and the time is told by
/// whoever calls it, at all times in seconds since 1970. One instance does one thing at a time, hence `&mut self`; for
/// more threads make more of them from one [`Component`], and provide each with each document. Used proofs belong into
/// one memory for all.
///
/// An instance that traps, runs too long or takes too much memory is discarded. The next call makes a new one, which
/// reads the policy again and gets the documents that the last one had taken: keys, bundles and metadata. It asks again
/// for status lists, and knows nothing of tokens that were verified before. Evaluations that were under way are lost:
/// [`HostError::EvaluationLost`].
///
/// ```no_run
/// use portcullis_host::gate::{
///     Answer, Answered, Checked, Class, Content, Decision, Document, DocumentNeed, GateInstance, Header, Outcome,
///     PolicyFormat, Remember, Request, Wanted,
/// };
/// use portcullis_host::{HostError, Runtime, components_dir};
///
/// fn decide(
///     gate: &mut GateInstance,
///     request: &Request,
///     fetch: impl Fn(&DocumentNeed) -> Document,
///     remember: impl Fn(&Remember) -> Answer,
///     now: impl Fn() -> u64,
/// ) -> Result<Decision, HostError> {
///     let mut checked = gate.check(request, now())?;
///     loop {
///         let pending = match checked {
///             Checked::Decided(decision) => return Ok(decision),
///             Checked::Pending(pending) => pending,
///         };
///         let mut answers = Vec::new();
///         for need in &pending.needs {
///             let answer = match &need.what {
///                 Wanted::Document(document) => {
///                     gate.provide(&[fetch(document)], now())?;
///                     Answer::Done
///                 }
///                 Wanted::Remember(proof) => remember(proof),
///                 // Of servers that ask about their clients.
///                 Wanted::Registration(_) | Wanted::Register(_) => Answer::Unavailable,
///             };
///             answers.push(Answered { id: need.id, answer });
///         }
///         checked = gate.answer(pending, &answers, now())?;
///     }
/// }
///
/// let component = Runtime::new()?.load_file(components_dir().join("gate-wide.wasm"))?;
/// let policy = r#"
///     origins = ["https://api.example"]
///
///     [[rules]]
///     path = "/health"
///     anonymous = true
/// "#;
/// let mut gate = match GateInstance::load(&component, policy, PolicyFormat::Toml)? {
///     Ok(gate) => gate,
///     Err(problems) => panic!("{problems:?}"),
/// };
/// let request = Request {
///     method: "GET".into(),
///     url: "https://api.example/health".into(),
///     headers: vec![Header { name: "accept".into(), value: b"*/*".to_vec() }],
///     ..Request::default()
/// };
/// # fn fetch(need: &DocumentNeed) -> Document {
/// #     Document { url: need.url.clone(), server: need.server.clone(), about: need.about(), peer: need.class == Class::Peer, fetched_at: 0, content: Content::Failed("this example has no network".into()) }
/// # }
/// # fn remember(_: &Remember) -> Answer { Answer::Unavailable }
/// # fn now() -> u64 { 1_790_000_000 }
/// let decision = decide(&mut gate, &request, fetch, remember, now)?;
/// assert_eq!(decision.outcome, Outcome::Allow);
/// # Ok::<(), HostError>(())
/// ```
pub struct GateInstance {
    sandbox: Sandbox<Bound>,
    policy: String,
    format: PolicyFormat,
    kept: Kept,
    /// The time that was told last, at which a new instance is given the documents.
    at: u64,
}

/// What one instance has.
struct Bound {
    guest: Guest,
    /// The gate, once it has the policy and the documents.
    gate: Option<ResourceAny>,
    unused: Arc<Unused>,
}

/// Evaluations of one instance that nobody will answer any more, to be freed with its next call. It also tells
/// instances apart.
#[derive(Default)]
struct Unused(Mutex<Vec<ResourceAny>>);

/// A request that is decided, or on its way.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "the large one is what nearly always comes")]
pub enum Checked {
    /// It is decided.
    Decided(Decision),
    /// It needs something first.
    Pending(Pending),
}

/// A request on its way, in the instance that began it. It can be sent to another thread while its needs are met, and
/// dropped where nobody waits for the decision any more.
pub struct Pending {
    /// What it waits for.
    pub needs: Vec<Need>,
    evaluation: ResourceAny,
    unused: Arc<Unused>,
}

/// The text that a store of registrations has for a need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// The need's.
    pub id: u32,
    /// The text: what was asked for, or what is there in place of what was to be replaced. Nothing where there is none.
    pub text: Option<String>,
}

/// What a host has for the needs of [`GateInstance::explain`].
#[derive(Debug, Clone, Default)]
pub struct Supplied {
    /// Documents, given to the gate before the answers. One that is said to be fetched after the time of the request
    /// counts as stale.
    pub documents: Vec<Document>,
    /// Answers. A need without one, or whose answer is of another kind, is unavailable.
    pub answers: Vec<Answered>,
}

/// A decision told check by check.
#[derive(Debug, Clone)]
pub struct Explained {
    /// The checks that the decision was made by, in their order.
    pub findings: Vec<Finding>,
    /// What was needed for it, in the order in which it was asked for.
    pub needs: Vec<Need>,
    /// Documents that were not taken, and why.
    pub documents: Vec<DocumentFinding>,
    /// The decision that [`GateInstance::check`] and [`GateInstance::answer`] make.
    pub decision: Decision,
}

impl GateInstance {
    /// Makes an instance and loads a policy. A policy that is refused is told by its problems.
    ///
    /// # Errors
    ///
    /// [`HostError::ExportMissing`] for a component without the interface, and what can go wrong when an instance is
    /// made or asked.
    pub fn load(
        component: &Component,
        policy: &str,
        format: PolicyFormat,
    ) -> Result<Result<Self, Vec<Problem>>, HostError> {
        let sandbox = Sandbox::new(component, bind)?;
        let mut instance = Self { sandbox, policy: policy.to_owned(), format, kept: Kept::default(), at: 0 };
        Ok(instance.load_policy()?.map(|()| instance))
    }

    /// Decides about a request at once, or begins to. The decision is made at the latest time that it is told.
    ///
    /// # Errors
    ///
    /// The component could not be asked: nothing is known about the credential.
    pub fn check(&mut self, request: &Request, at: u64) -> Result<Checked, HostError> {
        self.at = at;
        self.call(|store, bound, gate| {
            Ok(match bound.guest.gate().call_check(store, gate, request, at)? {
                generated::Checked::Decided(decision) => Checked::Decided(decision),
                generated::Checked::Pending(pending) => {
                    Checked::Pending(bound.pending(pending.evaluation, pending.needs))
                }
            })
        })
    }

    /// Answers needs and goes on. An answer to what is no open need of the request, or of another kind, changes nothing.
    /// Documents are given with [`provide`](Self::provide) first.
    ///
    /// # Errors
    ///
    /// [`HostError::EvaluationLost`] where the instance that began is gone, or is another one; it is not known what the
    /// decision would have been, and what was asked of the memory of used proofs is not asked again. Else the component
    /// could not be asked.
    pub fn answer(&mut self, pending: Pending, answers: &[Answered], at: u64) -> Result<Checked, HostError> {
        self.answer_with(pending, answers, &[], at)
    }

    /// The same, with records of a store of registrations: for needs at listeners for clients.
    ///
    /// # Errors
    ///
    /// Those of [`answer`](Self::answer).
    pub fn answer_with(
        &mut self,
        pending: Pending,
        answers: &[Answered],
        records: &[StoredRecord],
        at: u64,
    ) -> Result<Checked, HostError> {
        self.at = at;
        self.call_pending(pending, |store, guest, mut pending| {
            guest.evaluation().call_answer(&mut *store, pending.evaluation, answers, at)?;
            for record in records {
                let text = record.text.as_deref();
                guest.evaluation().call_registered(&mut *store, pending.evaluation, record.id, text, at)?;
            }
            Ok(match guest.evaluation().call_step(store, pending.evaluation, at)? {
                Step::Decided(decision) => Checked::Decided(decision),
                Step::Needs(needs) => {
                    pending.needs = needs;
                    Checked::Pending(pending)
                }
            })
        })
    }

    /// Decides about a request and tells every check: slower, for people. `supply` is asked for what is needed, up to
    /// four times.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn explain(
        &mut self,
        request: &Request,
        at: u64,
        mut supply: impl FnMut(&[Need]) -> Supplied,
    ) -> Result<Explained, HostError> {
        self.at = at;
        let mut pending = self.call(|store, bound, gate| {
            let evaluation = bound.guest.evaluation().call_start(store, gate, request, at)?;
            Ok(bound.pending(evaluation, Vec::new()))
        })?;
        let (mut needs, mut documents) = (Vec::new(), Vec::new());
        loop {
            let mut answers = Vec::new();
            if !pending.needs.is_empty() {
                let supplied = supply(&pending.needs);
                documents.extend(self.provide(&supplied.documents, at)?);
                answers = supplied.answers;
                // A need that is answered already takes no second answer.
                answers.extend(pending.needs.iter().map(|need| Answered { id: need.id, answer: Answer::Unavailable }));
                needs.append(&mut pending.needs);
            }
            let (told, open) = self.call_pending(pending, |store, guest, pending| {
                guest.evaluation().call_answer(&mut *store, pending.evaluation, &answers, at)?;
                Ok((guest.evaluation().call_explain(store, pending.evaluation, at)?, pending))
            })?;
            pending = open;
            match told.step {
                Step::Decided(decision) => {
                    return Ok(Explained { findings: told.findings, needs, documents, decision });
                }
                Step::Needs(open) => pending.needs = open,
            }
        }
    }

    /// The documents to fetch now: at the start, and to have new ones before the old ones are too old. Each is told once
    /// while it is under way. To be asked every few seconds.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn due(&mut self, at: u64) -> Result<Vec<DocumentNeed>, HostError> {
        self.at = at;
        self.call(|store, bound, gate| bound.guest.gate().call_due(store, gate, at))
    }

    /// Gives the gate documents, whoever asked for them. What cannot be used is told, and never drops what is held.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn provide(&mut self, documents: &[Document], at: u64) -> Result<Vec<DocumentFinding>, HostError> {
        self.at = at;
        let refused = self.call(|store, bound, gate| bound.guest.gate().call_provide(store, gate, documents, at))?;
        self.kept.put_taken(documents, &refused);
        Ok(refused)
    }

    /// Whether the redirect after `hops` others may be followed to the absolute URL `location`. One that may not is a
    /// [`Verdict`]: `fetch.url_not_allowed` or `fetch.too_many_redirects`.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn admit_redirect(&mut self, need: &DocumentNeed, hops: u8, location: &str) -> Result<Verdict<()>, HostError> {
        self.call(|store, bound, gate| bound.guest.gate().call_admit_redirect(store, gate, need, hops, location))
    }

    /// Whether the server that presents a chain of certificates in the TLS handshake (DER, the leaf first) may be asked for a
    /// document whose need names a server. One that may not is a [`Verdict`]: `fetch.server_*`, or a code of X.509-SVIDs.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn admit_server(&mut self, need: &DocumentNeed, chain: &[Vec<u8>], at: u64) -> Result<Verdict<()>, HostError> {
        self.at = at;
        self.call(|store, bound, gate| bound.guest.gate().call_admit_server(store, gate, need, chain, at))
    }

    /// Makes an answer of this host ready to be signed, if who asked wants that (`wimse-sign-response`,
    /// draft-ietf-wimse-http-signature-07); nothing where it does not. Where that cannot be done, the reason is a [`Verdict`]:
    /// `wimse.response_unsignable` where there is no identity.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn prepare_answer(
        &mut self,
        request: &Request,
        answer: &AnswerToSign,
        identity: Option<&OwnIdentity>,
        at: u64,
    ) -> Result<Verdict<Option<ReadyAnswer>>, HostError> {
        self.at = at;
        self.call(|store, bound, gate| {
            bound.guest.gate().call_prepare_answer(store, gate, request, answer, identity, at)
        })
    }

    /// Whether the gate can decide: every issuer and trust domain that a rule names has keys that may be used.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn ready(&mut self, at: u64) -> Result<Readiness, HostError> {
        self.at = at;
        self.call(|store, bound, gate| bound.guest.gate().call_ready(store, gate, at))
    }

    /// What the gate holds, for metrics.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn held(&mut self) -> Result<Held, HostError> {
        self.call(|store, bound, gate| bound.guest.gate().call_held(store, gate))
    }

    /// Drops remembered tokens, and tells how many. They are verified again when they come again.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn forget(&mut self, which: &Forget) -> Result<u64, HostError> {
        self.call(|store, bound, gate| bound.guest.gate().call_forget(store, gate, which))
    }

    /// One call, in an instance whose gate has the policy and the documents.
    fn call<R>(
        &mut self,
        call: impl FnOnce(&mut Store<State>, &Bound, ResourceAny) -> wasmtime::Result<R>,
    ) -> Result<R, HostError> {
        if self.sandbox.bound().is_none_or(|bound| bound.gate.is_none()) {
            self.restore()?;
        }
        self.sandbox.call(|store, bound| {
            bound.free_unused(store)?;
            let gate = bound.gate.ok_or_else(|| format_err!("the gate has no policy"))?;
            call(store, bound, gate)
        })
    }

    /// One call to an evaluation, in the instance that it began in.
    fn call_pending<R>(
        &mut self,
        pending: Pending,
        call: impl FnOnce(&mut Store<State>, &Guest, Pending) -> wasmtime::Result<R>,
    ) -> Result<R, HostError> {
        if self.sandbox.bound().is_none_or(|bound| !Arc::ptr_eq(&bound.unused, &pending.unused)) {
            return Err(HostError::EvaluationLost);
        }
        self.sandbox.call(|store, bound| {
            bound.free_unused(store)?;
            call(store, &bound.guest, pending)
        })
    }

    /// Loads the policy, with a deadline of its own: ten thousand rules take their time.
    fn load_policy(&mut self) -> Result<Result<(), Vec<Problem>>, HostError> {
        let Self { sandbox, policy, format, .. } = self;
        sandbox.call(|store, bound| {
            let loaded = bound.guest.gate().call_load(store, policy, *format)?;
            Ok(loaded.map(|gate| bound.gate = Some(gate)))
        })
    }

    /// Makes a new instance what the last one was, as far as that is known.
    fn restore(&mut self) -> Result<(), HostError> {
        self.load_policy()?.map_err(|problems| {
            let (code, detail) =
                problems.into_iter().next().map(|first| (first.code, first.detail)).unwrap_or_default();
            HostError::not_recreated("policy", Rejection { code, detail, rule: String::new() })
        })?;
        let mut places = self.kept.places();
        // The keys that metadata names are expected only after it: what is refused at first is given once more.
        for _ in 0..2 {
            let mut refused = Vec::new();
            for place in places {
                // Taken out before: a document that makes an instance fail must not make the next one fail as well.
                let Some(document) = self.kept.take(&place) else { continue };
                if !self.give(&document)? {
                    refused.push(place);
                }
                self.kept.put(document);
            }
            places = refused;
        }
        places.iter().for_each(|place| drop(self.kept.take(place)));
        Ok(())
    }

    /// Gives one document, with a deadline of its own, and tells whether it was taken.
    fn give(&mut self, document: &Document) -> Result<bool, HostError> {
        let at = self.at;
        self.sandbox.call(|store, bound| {
            let gate = bound.gate.ok_or_else(|| format_err!("the gate has no policy"))?;
            let refused = bound.guest.gate().call_provide(store, gate, std::slice::from_ref(document), at)?;
            Ok(refused.is_empty())
        })
    }
}

fn bind(store: &mut Store<State>, instance: &Instance) -> wasmtime::Result<Bound> {
    let guest = GuestIndices::new(&instance.instance_pre(&*store))?.load(&mut *store, instance)?;
    Ok(Bound { guest, gate: None, unused: Arc::default() })
}

impl Bound {
    fn pending(&self, evaluation: ResourceAny, needs: Vec<Need>) -> Pending {
        Pending { needs, evaluation, unused: Arc::clone(&self.unused) }
    }

    fn free_unused(&self, store: &mut Store<State>) -> wasmtime::Result<()> {
        for evaluation in self.unused.take() {
            evaluation.resource_drop(&mut *store)?;
        }
        Ok(())
    }
}

impl Unused {
    fn put(&self, evaluation: ResourceAny) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(evaluation);
    }

    fn take(&self) -> Vec<ResourceAny> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.unused.put(self.evaluation);
    }
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pending").field("needs", &self.needs).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for GateInstance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GateInstance").field("component", self.sandbox.component()).finish_non_exhaustive()
    }
}
