//! What one filter of a configuration holds in one worker: its gate, what it fetches, and the requests that wait.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use portcullis_crypto::{Backend, SoftwareBackend};
use portcullis_gate::{
    Answer, Checked, Content, Decision, Document, DocumentNeed, Evaluation, Gate, Need, Outcome, Request, Step, Wanted,
    policy::{Format, Policy},
};
use portcullis_types::{Rejection, Timestamp};
use proxy_wasm::{hostcalls, types::LogLevel};

use super::{
    answer,
    backend::EnvoyBackend,
    fetches::{Came, Fetches},
    log, now,
    proofs::Proofs,
    shared,
    stats::{self, Stats},
    stream::{Later, unreadable},
};
use crate::{
    EnvoyCode, configuration,
    limits::{SHARED_FRESH, SOON, TICK, WAIT_WITHIN},
};

/// A filter, in one worker.
pub(super) struct Worker {
    root: u32,
    gate: Gate,
    proofs: Proofs,
    pub(super) stats: Rc<Stats>,
    fetches: RefCell<Fetches>,
    /// When what was given to the gate was fetched, by URL: those that another worker fetched are given once.
    given: RefCell<BTreeMap<String, Timestamp>>,
    parked: RefCell<BTreeMap<u32, Parked>>,
}

/// A request that waits for documents.
struct Parked {
    evaluation: Box<Evaluation>,
    /// The needs that are open, and their URLs.
    waits: Vec<(u32, String)>,
    until: Timestamp,
    later: Later,
}

impl Worker {
    /// Of a policy, as JSON. Errors are for the log.
    pub(super) fn new(root: u32, policy: &[u8]) -> Result<Self, Vec<String>> {
        let one = |fault: &str| vec![fault.to_string()];
        let vm_id = hostcalls::get_property(vec!["plugin_vm_id"]).ok().flatten().unwrap_or_default();
        if vm_id.is_empty() {
            return Err(one("vm_config has no vm_id: write one, by which the workers of this Envoy share used proofs"));
        }
        let at = now().ok_or_else(|| one("Envoy does not tell the time"))?;
        let text = configuration::policy(policy).map_err(one)?;
        stats::watch_panics();
        let stats = Rc::new(Stats::default());
        let backend: Rc<dyn Backend> = Rc::new(EnvoyBackend::new(&stats));
        let parse = |backend: &Rc<dyn Backend>| {
            let told = |errors: Vec<portcullis_gate::policy::PolicyError>| {
                let one = |error: &portcullis_gate::policy::PolicyError| {
                    format!("{}: {}: {}; {}", error.code(), error.path, error.detail, error.remedy)
                };
                errors.iter().map(one).collect::<Vec<_>>()
            };
            Policy::parse_for_envoy(&text, Format::Json, backend).map_err(told)
        };
        let mut policy = parse(&backend)?;
        let mut chosen = backend;
        if policy.envoy.software {
            // Keys of the policy are prepared as it is read, by who is to verify with them.
            chosen = Rc::new(SoftwareBackend::default());
            policy = parse(&chosen)?;
        }
        Ok(Self {
            root,
            gate: Gate::new(policy, chosen),
            proofs: Proofs::prepare(at).map_err(one)?,
            stats,
            fetches: RefCell::default(),
            given: RefCell::default(),
            parked: RefCell::default(),
        })
    }

    pub(super) fn policy(&self) -> &Policy {
        self.gate.policy()
    }

    pub(super) fn replay_since(&self) -> Timestamp {
        self.proofs.since()
    }

    /// Decides about the request of a stream, or has it wait.
    pub(super) fn check(&self, stream: u32, request: Request, later: &Later) -> Option<Decision> {
        let Some(at) = now() else { return Some(unreadable("Envoy does not tell the time")) };
        match self.gate.check(request, at) {
            Checked::Decided(decision) => Some(*decision),
            Checked::Pending(evaluation, needs) => self.go_on(stream, evaluation, needs, at, later),
        }
    }

    /// Answers what can be answered at once, and has the stream wait for the rest.
    fn go_on(
        &self,
        stream: u32,
        mut evaluation: Box<Evaluation>,
        mut needs: Vec<Need>,
        at: Timestamp,
        later: &Later,
    ) -> Option<Decision> {
        loop {
            let (mut answers, mut waits) = (Vec::new(), Vec::new());
            for need in needs {
                match need.what {
                    Wanted::Remember(proof) => answers.push((need.id, self.proofs.remember(&proof, at))),
                    Wanted::Document(document) if self.had_lately(&document, at) => {
                        answers.push((need.id, Answer::Done))
                    }
                    Wanted::Document(document) => waits.push((need.id, document)),
                    // A filter's policy has no clients that could need a store.
                    Wanted::Registration(_) | Wanted::Register(_) => answers.push((need.id, Answer::Unavailable)),
                }
            }
            evaluation.answer(&answers, at);
            if !waits.is_empty() {
                return self.park(stream, evaluation, waits, at, later);
            }
            match evaluation.step(at) {
                Step::Decided(decision) => return Some(*decision),
                Step::Needs(more) => needs = more,
            }
        }
    }

    fn park(
        &self,
        stream: u32,
        evaluation: Box<Evaluation>,
        waits: Vec<(u32, DocumentNeed)>,
        at: Timestamp,
        later: &Later,
    ) -> Option<Decision> {
        let busy = |what: &str| Some(Decision::unavailable(Rejection::new(EnvoyCode::Busy, what)));
        if self.parked.borrow().len() >= self.policy().limits.parked {
            return busy("as many requests wait for documents as may");
        }
        let mut open = Vec::new();
        for (id, need) in waits {
            open.push((id, need.url.clone()));
            if !self.fetches.borrow_mut().want(need) {
                return busy("as many documents wait to be fetched as may");
            }
        }
        // The fetch begins in the root context, whose it is.
        if hostcalls::set_tick_period(SOON).is_err() {
            return busy("Envoy sets no timer");
        }
        let until = at.saturating_add(WAIT_WITHIN);
        let parked = Parked { evaluation, waits: open, until, later: Rc::clone(later) };
        self.parked.borrow_mut().insert(stream, parked);
        None
    }

    /// A stream has ended; what it waited for is fetched all the same.
    pub(super) fn ended(&self, stream: u32) {
        self.parked.borrow_mut().remove(&stream);
    }

    /// Gives the gate what another worker has fetched since, and tells whether that is as good as fetched now.
    fn had_lately(&self, need: &DocumentNeed, at: Timestamp) -> bool {
        let Some(cluster) = self.policy().envoy.cluster_of(&need.url) else { return false };
        let Some(document) = shared::get(need, cluster) else { return false };
        let known = self.given.borrow().get(&need.url).is_some_and(|given| *given >= document.fetched_at);
        if known {
            return false;
        }
        let age = at.checked_sub(document.fetched_at);
        self.give(&document, at) && age.is_some_and(|age| age < SHARED_FRESH)
    }

    /// Gives the gate a document. Whether it could be used.
    fn give(&self, document: &Document, at: Timestamp) -> bool {
        if let Content::Body { .. } = document.content {
            self.given.borrow_mut().insert(document.url.clone(), document.fetched_at);
        }
        let refused = self.gate.provide(core::slice::from_ref(document), at);
        for (url, rejection) in &refused {
            log(LogLevel::Warn, &format!("portcullis: {url}: {}: {}", rejection.code(), rejection.detail()));
        }
        refused.is_empty()
    }

    /// Begins what is due and what is asked for, and ends what has waited too long.
    pub(super) fn tick(&self) {
        // Set first: whatever begins below may have to be looked at sooner.
        let _ = hostcalls::set_tick_period(TICK);
        let Some(at) = now() else { return };
        for need in self.gate.due(at) {
            let url = need.url.clone();
            if self.had_lately(&need, at) {
                self.wake(&url, at);
            } else if !self.fetches.borrow_mut().want(need) {
                log(LogLevel::Warn, "portcullis: as many documents wait to be fetched as may");
            }
        }
        self.begin(at);
        let overdue = |(stream, parked): (&u32, &Parked)| (parked.until < at).then_some(*stream);
        let overdue: Vec<u32> = self.parked.borrow().iter().filter_map(overdue).collect();
        for stream in overdue {
            self.answer(stream, None, at);
        }
    }

    /// Begins as many fetches as may be under way.
    fn begin(&self, at: Timestamp) {
        loop {
            let next = self.fetches.borrow_mut().next(self.policy().limits.fetches);
            let Some(fetch) = next else { return };
            match fetch.begin(self.policy()) {
                Ok(token) => self.fetches.borrow_mut().begun(token, fetch),
                Err(why) => self.came(&fetch.document(Content::Failed(why), at), at),
            }
        }
    }

    /// A call of the root context was answered.
    pub(super) fn fetched(&self, token: u32, body_size: usize) {
        let Some(mut fetch) = self.fetches.borrow_mut().ended(token) else { return };
        let Some(at) = now() else { return };
        let content = match fetch.came(body_size) {
            Came::Content(content) => content,
            Came::Redirect(location) => match self.gate.admit_redirect(&fetch.need, fetch.hops, &location) {
                Err(rejection) => Content::Failed(format!("{}: {}", rejection.code(), rejection.detail())),
                Ok(()) => {
                    fetch.url = location;
                    fetch.hops = fetch.hops.saturating_add(1);
                    match fetch.begin(self.policy()) {
                        Ok(token) => {
                            self.fetches.borrow_mut().begun(token, fetch);
                            return;
                        }
                        Err(why) => Content::Failed(why),
                    }
                }
            },
        };
        self.came(&fetch.document(content, at), at);
        self.begin(at);
    }

    /// A document came, or did not.
    fn came(&self, document: &Document, at: Timestamp) {
        let good = self.give(document, at);
        self.stats.fetched(good);
        if good && let Some(cluster) = self.policy().envoy.cluster_of(&document.url) {
            shared::put(document, cluster);
        }
        self.wake(&document.url, at);
    }

    /// Goes on with the streams that wait for a document.
    fn wake(&self, url: &str, at: Timestamp) {
        let waits = |parked: &Parked| parked.waits.iter().any(|(_, wanted)| wanted == url);
        let woken: Vec<u32> =
            self.parked.borrow().iter().filter(|(_, parked)| waits(parked)).map(|(stream, _)| *stream).collect();
        for stream in woken {
            self.answer(stream, Some(url), at);
        }
    }

    /// Answers what a stream waits for: one document, or all of them where nothing more is to come.
    fn answer(&self, stream: u32, url: Option<&str>, at: Timestamp) {
        let Some(mut parked) = self.parked.borrow_mut().remove(&stream) else { return };
        let is_meant = |wanted: &str| url.is_none_or(|url| url == wanted);
        let (met, open): (Vec<_>, Vec<_>) = parked.waits.into_iter().partition(|(_, wanted)| is_meant(wanted));
        let word = if url.is_some() { Answer::Done } else { Answer::Unavailable };
        let answers: Vec<(u32, Answer)> = met.into_iter().map(|(id, _)| (id, word)).collect();
        parked.evaluation.answer(&answers, at);
        if !open.is_empty() {
            parked.waits = open;
            self.parked.borrow_mut().insert(stream, parked);
            return;
        }
        let decision = match parked.evaluation.step(at) {
            Step::Decided(decision) => Some(*decision),
            Step::Needs(needs) => self.go_on(stream, parked.evaluation, needs, at, &parked.later),
        };
        if let Some(decision) = decision {
            self.release(stream, &decision, &parked.later);
        }
    }

    /// Carries out a decision on a stream that waits.
    fn release(&self, stream: u32, decision: &Decision, later: &Later) {
        self.stats.decided(decision);
        if hostcalls::set_effective_context(stream).is_err() {
            // It has ended.
            return;
        }
        if answer::carry_out(decision, later) && decision.outcome == Outcome::Allow {
            let _ = hostcalls::resume_http_request();
        }
        let _ = hostcalls::set_effective_context(self.root);
    }

    /// Answers every stream that waits: nothing will come any more.
    pub(super) fn give_up(&self) {
        let streams: BTreeSet<u32> = self.parked.borrow().keys().copied().collect();
        let at = now().unwrap_or_default();
        for stream in streams {
            self.answer(stream, None, at);
        }
    }
}
