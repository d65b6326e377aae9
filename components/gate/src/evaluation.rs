//! One request on its way to a decision: steps, needs and answers.

use alloc::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet},
    format,
    rc::Rc,
    string::String,
    vec::Vec,
};

use portcullis_crypto::sha256;
use portcullis_token::TokenCode;
use portcullis_types::{
    Rejection, Timestamp,
    trace::{Silent, Trace},
};

use crate::{
    answer::Answering,
    code::GateCode,
    decision::Decision,
    denial::{Denial, ProofError, Stop},
    documents::DocumentNeed,
    gate::Inner,
    judge::{Context, Judge, Passed, UsedProof},
    limits::MAX_ROUNDS,
    policy::Policy,
    request::Request,
};

/// Something that an evaluation needs from its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// By which it is answered.
    pub id: u32,
    /// What it is.
    pub what: Wanted,
}

/// What is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// A document, to be given to the gate. The answer says that it was, or could not be had.
    Document(DocumentNeed),
    /// That a proof is remembered, and whether it was seen before: the last need of an evaluation.
    Remember(Remember),
}

/// A proof to remember: one atomic insert-if-absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remember {
    /// SHA-256 over what the proof is: its kind, key, target and identifier. Nobody can use up another's.
    pub key: [u8; 32],
    /// RFC 7638 thumbprint of the key that made the proof, by which a host bounds what one client may fill of its memory.
    pub thumbprint: [u8; 32],
    /// Until when it has to be remembered, in seconds since 1970.
    pub until: Timestamp,
    /// The proof's own identifier (`jti`), for hosts that keep a list of them.
    pub identifier: String,
}

/// What a host says of a need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The document was given to the gate, or that it could not be had was.
    Done,
    /// The proof was not seen before, and is remembered now.
    Fresh,
    /// The proof was seen before.
    Seen,
    /// The memory of used proofs cannot be asked.
    Unavailable,
    /// The memory of used proofs is full.
    Full,
}

/// Where an evaluation stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It is decided; further steps say the same.
    Decided(Box<Decision>),
    /// It waits for these.
    Needs(Vec<Need>),
}

/// One request on its way. It keeps the policy that it began with.
pub struct Evaluation {
    gate: Rc<Inner>,
    request: Request,
    /// The latest time that it was told: a clock that goes back makes nothing younger.
    at: Timestamp,
    rounds: u8,
    next_id: u32,
    /// Needs that have no answer yet.
    open: BTreeMap<u32, Wanted>,
    /// URLs whose needs were answered: each is asked for once.
    answered: BTreeSet<String>,
    memory: Proofs,
    decision: Option<Box<Decision>>,
}

/// Where the memory of used proofs stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proofs {
    NotAsked,
    Asked,
    Answered(Answer),
}

impl Evaluation {
    pub(crate) fn new(gate: Rc<Inner>, request: Request, at: Timestamp) -> Self {
        Self {
            gate,
            request,
            at,
            rounds: 0,
            next_id: 1,
            open: BTreeMap::new(),
            answered: BTreeSet::new(),
            memory: Proofs::NotAsked,
            decision: None,
        }
    }

    /// Goes as far as it can.
    pub fn step(&mut self, at: Timestamp) -> Step {
        self.explain(at, &mut Silent)
    }

    /// The same, telling each check to a [`Trace`]. After a round of documents the checks are told again from the start.
    pub fn explain(&mut self, at: Timestamp, trace: &mut dyn Trace) -> Step {
        if let Some(decision) = &self.decision {
            return Step::Decided(decision.clone());
        }
        let step = self.advance(at, trace);
        if let Step::Decided(decision) = &step {
            self.decision = Some(decision.clone());
        }
        step
    }

    /// A step of an evaluation that is not decided yet, and whose decision is not kept.
    pub(crate) fn advance(&mut self, at: Timestamp, trace: &mut dyn Trace) -> Step {
        self.at = self.at.max(at);
        if !self.open.is_empty() {
            return Step::Needs(self.open_needs());
        }
        let gate = Rc::clone(&self.gate);
        let mut context = Context::default();
        let judged = {
            let mut state = gate.state.borrow_mut();
            let mut judge = Judge {
                policy: &gate.policy,
                state: &mut state,
                backend: &gate.backend,
                at: self.at,
                answered: &self.answered,
                may_ask: self.rounds < MAX_ROUNDS && self.memory == Proofs::NotAsked,
                trace,
            };
            judge.decide(&self.request, &mut context)
        };
        let stop = match judged {
            Ok(passed) => match self.passed(&gate.policy, &passed, &context) {
                Ok(step) => return step,
                Err(denial) => {
                    trace.failed("proof", &denial.rejection);
                    Stop::Denied(denial)
                }
            },
            Err(stop) => stop,
        };
        match stop {
            Stop::Needs(needs) => self.wait(needs, &gate.policy, &context),
            Stop::Denied(denial) => {
                let answering = Answering { policy: &gate.policy, request: &self.request, context: &context };
                self.decide(answering.deny(&denial))
            }
        }
    }

    /// Every check holds but for the memory of used proofs, which is asked last.
    fn passed(&mut self, policy: &Policy, passed: &Passed, context: &Context) -> Result<Step, Denial> {
        let answering = Answering { policy, request: &self.request, context };
        let decision = answering.allow(passed)?;
        match (&passed.proof, self.memory) {
            (None, _) | (Some(_), Proofs::Answered(Answer::Fresh)) => Ok(self.decide(decision)),
            (Some(proof), Proofs::NotAsked) => {
                if self.rounds >= MAX_ROUNDS {
                    return Err(Denial::unknown(exhausted()));
                }
                self.rounds += 1;
                self.memory = Proofs::Asked;
                let wanted = Wanted::Remember(remember(proof, policy.proof_window));
                Ok(self.ask(alloc::vec![wanted]))
            }
            (Some(_), Proofs::Answered(Answer::Seen)) => Err(Denial::proof(
                Rejection::new(TokenCode::DpopReplayed, "the proof was used before"),
                ProofError::Invalid,
            )),
            (Some(_), Proofs::Answered(Answer::Full)) => {
                Err(Denial::unknown(Rejection::new(GateCode::ReplayFull, "the memory of used proofs is full")))
            }
            (Some(_), Proofs::Asked | Proofs::Answered(_)) => Err(Denial::unknown(Rejection::new(
                GateCode::ReplayUnavailable,
                "the memory of used proofs cannot be asked",
            ))),
        }
    }

    fn wait(&mut self, needs: Vec<DocumentNeed>, policy: &Policy, context: &Context) -> Step {
        if self.rounds >= MAX_ROUNDS || needs.is_empty() {
            let answering = Answering { policy, request: &self.request, context };
            return self.decide(answering.deny(&Denial::unknown(exhausted())));
        }
        self.rounds += 1;
        self.ask(needs.into_iter().map(Wanted::Document).collect())
    }

    fn ask(&mut self, wanted: Vec<Wanted>) -> Step {
        for what in wanted {
            self.open.insert(self.next_id, what);
            self.next_id += 1;
        }
        Step::Needs(self.open_needs())
    }

    fn open_needs(&self) -> Vec<Need> {
        self.open.iter().map(|(id, what)| Need { id: *id, what: what.clone() }).collect()
    }

    fn decide(&self, mut decision: Decision) -> Step {
        if decision.status == 503 {
            decision.needs = self.answered.iter().cloned().collect();
        }
        Step::Decided(Box::new(decision))
    }

    /// Takes answers. One to a need that was never asked, was answered before, or is of another kind changes nothing.
    pub fn answer(&mut self, answers: &[(u32, Answer)], at: Timestamp) {
        self.at = self.at.max(at);
        for (id, answer) in answers {
            let fits = match (self.open.get(id), answer) {
                (Some(Wanted::Document(_)), Answer::Done | Answer::Unavailable) => true,
                (Some(Wanted::Remember(_)), Answer::Done) | (Some(Wanted::Document(_)) | None, _) => false,
                (Some(Wanted::Remember(_)), _) => true,
            };
            if !fits {
                continue;
            }
            match self.open.remove(id) {
                Some(Wanted::Document(need)) => {
                    self.answered.insert(need.url);
                }
                Some(Wanted::Remember(_)) => self.memory = Proofs::Answered(*answer),
                None => {}
            }
        }
    }
}

fn exhausted() -> Rejection {
    Rejection::new(GateCode::RoundsExhausted, format!("more than {MAX_ROUNDS} rounds would be needed"))
}

/// What is remembered of a proof, and for how long: as long as any clock within the leeway could accept it again.
fn remember(proof: &UsedProof, window: u64) -> Remember {
    let mut text = Vec::new();
    for part in [&b"dpop"[..], &proof.thumbprint, proof.target.as_bytes(), proof.id.as_bytes()] {
        text.extend_from_slice(&(part.len() as u64).to_be_bytes());
        text.extend_from_slice(part);
    }
    let until = proof.issued_at.whole_seconds().saturating_add(window.saturating_mul(2)).saturating_add(proof.leeway);
    Remember {
        key: sha256(&text),
        thumbprint: proof.thumbprint,
        until: until.saturating_add(1),
        identifier: proof.id.clone(),
    }
}
