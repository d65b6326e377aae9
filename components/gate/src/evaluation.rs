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
use portcullis_oauth::transaction_token::TransactionCode;
use portcullis_token::TokenCode;
use portcullis_types::{
    Rejection, Timestamp,
    trace::{Silent, Trace},
};
use portcullis_wimse::WimseCode;

#[cfg(feature = "clients")]
use crate::clients;
#[cfg(feature = "clients")]
use crate::limits::MAX_STORE_ROUNDS;
use crate::{
    answer::Answering,
    code::GateCode,
    decision::Decision,
    denial::{Denial, ProofError, Stop},
    documents::{DocumentNeed, Place},
    gate::Inner,
    judge::{Context, Judge, Passed, UsedProof},
    limits::MAX_ROUNDS,
    policy::Policy,
    request::Request,
    transaction,
    workload::Means,
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
    /// That a proof is remembered, and whether it was seen before: asked after every check.
    Remember(Remember),
    /// The record of a SPIFFE ID in the store of registrations. Answered with [`Evaluation::registered`].
    Registration(String),
    /// That a record is stored: the last need of an evaluation. [`Answer::Done`] says that it was; where something else is there
    /// than was told, [`Evaluation::registered`] says what.
    Register(Register),
}

/// A record to store: one atomic compare-and-set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Register {
    /// Whose it is.
    pub spiffe_id: String,
    /// The text that has to be there still; nothing if none was.
    pub was: Option<String>,
    /// The text to put in its place.
    pub record: String,
    /// When it ends, in seconds since 1970. The store may drop it some time after.
    pub expires_at: Timestamp,
}

/// A proof to remember: one atomic insert-if-absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remember {
    /// SHA-256 over what the proof is: its kind, key, target and identifier. Nobody can use up another's.
    pub key: [u8; 32],
    /// RFC 7638 thumbprint of the key that made the proof, or what stands for who brought it: by it a host bounds what one client may
    /// fill of its memory.
    pub thumbprint: [u8; 32],
    /// Until when it has to be remembered, in seconds since 1970.
    pub until: Timestamp,
    /// The proof's own identifier (`jti`), for hosts that keep a list of them.
    pub identifier: String,
}

/// What a host says of a need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The document was given to the gate, or that it could not be had was; the record was stored.
    Done,
    /// The proof was not seen before, and is remembered now.
    Fresh,
    /// The proof was seen before.
    Seen,
    /// The memory of used proofs, or the store of registrations, cannot be asked.
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
    /// Documents whose needs were answered: each is asked for once.
    answered: BTreeSet<Place>,
    memory: Proofs,
    /// Which proof was seen before, by the key that it is remembered under.
    seen: Option<[u8; 32]>,
    #[cfg(feature = "clients")]
    registration: clients::Known,
    #[cfg(feature = "clients")]
    store_rounds: u8,
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
            seen: None,
            #[cfg(feature = "clients")]
            registration: clients::Known::default(),
            #[cfg(feature = "clients")]
            store_rounds: 0,
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
                #[cfg(feature = "clients")]
                registration: &self.registration,
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
            #[cfg(feature = "clients")]
            Stop::Store(asked) => match self.ask_store(asked) {
                Ok(step) => step,
                Err(denial) => {
                    let answering = Answering { policy: &gate.policy, request: &self.request, context: &context };
                    self.decide(answering.deny(&denial))
                }
            },
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
        let proofs: Vec<Remember> = passed.proofs().map(remember).collect();
        match (proofs.is_empty(), self.memory) {
            (true, _) | (false, Proofs::Answered(Answer::Fresh)) => {
                #[cfg(feature = "clients")]
                if let Some(store) = passed.client.as_ref().and_then(|passed| passed.store.as_ref()) {
                    return self.ask_store(clients::FromStore::Keep(store.clone()));
                }
                Ok(self.decide(decision))
            }
            (false, Proofs::NotAsked) => {
                if self.rounds >= MAX_ROUNDS {
                    return Err(Denial::unknown(exhausted()));
                }
                self.rounds += 1;
                self.memory = Proofs::Asked;
                Ok(self.ask(proofs.into_iter().map(Wanted::Remember).collect()))
            }
            (false, Proofs::Answered(Answer::Seen)) => {
                let seen = passed.proofs().find(|proof| self.seen.is_none_or(|key| remember(proof).key == key));
                Err(seen.map_or_else(|| Denial::unknown(exhausted()), |proof| passed.replayed(proof)))
            }
            (false, Proofs::Answered(Answer::Full)) => {
                Err(Denial::unknown(Rejection::new(GateCode::ReplayFull, "the memory of used proofs is full")))
            }
            (false, Proofs::Asked | Proofs::Answered(_)) => Err(Denial::unknown(Rejection::new(
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

    /// Asks the store of registrations.
    #[cfg(feature = "clients")]
    fn ask_store(&mut self, asked: clients::FromStore) -> Result<Step, Denial> {
        if self.store_rounds >= MAX_STORE_ROUNDS {
            return Err(Denial::unknown(exhausted()));
        }
        self.store_rounds += 1;
        Ok(self.ask(alloc::vec![match asked {
            clients::FromStore::Load(id) => Wanted::Registration(id),
            clients::FromStore::Keep(register) => Wanted::Register(*register),
        }]))
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
            decision.needs = self.answered.iter().map(|(url, _)| url.clone()).collect();
            decision.needs.dedup();
        }
        Step::Decided(Box::new(decision))
    }

    /// Takes answers. One to a need that was never asked, was answered before, or is of another kind changes nothing.
    pub fn answer(&mut self, answers: &[(u32, Answer)], at: Timestamp) {
        self.at = self.at.max(at);
        for (id, answer) in answers {
            let fits = match (self.open.get(id), answer) {
                (Some(Wanted::Document(_)), Answer::Done | Answer::Unavailable) => true,
                (Some(Wanted::Register(_)), Answer::Done | Answer::Unavailable) => true,
                (Some(Wanted::Registration(_)), Answer::Unavailable) => true,
                (Some(Wanted::Remember(_)), Answer::Done) => false,
                (Some(Wanted::Remember(_)), _) => true,
                (_, _) => false,
            };
            if !fits {
                continue;
            }
            match self.open.remove(id) {
                Some(Wanted::Document(need)) => {
                    self.answered.insert(need.place());
                }
                Some(Wanted::Remember(proof)) => {
                    if *answer == Answer::Seen {
                        self.seen = self.seen.or(Some(proof.key));
                    }
                    let before = match self.memory {
                        Proofs::Answered(before) => before,
                        Proofs::NotAsked | Proofs::Asked => Answer::Fresh,
                    };
                    self.memory = Proofs::Answered(worse(before, *answer));
                }
                #[cfg(feature = "clients")]
                Some(Wanted::Registration(_) | Wanted::Register(_)) => match answer {
                    Answer::Done => self.registration.stored(),
                    _ => self.registration = clients::Known::Unavailable,
                },
                #[cfg(not(feature = "clients"))]
                Some(Wanted::Registration(_) | Wanted::Register(_)) => {}
                None => {}
            }
        }
    }

    /// Takes the text that the store of registrations has for a need, at a time: what was asked for, or what is there in place of
    /// what was to be replaced. An answer to another need changes nothing.
    #[cfg_attr(not(feature = "clients"), expect(unused_variables, reason = "clients alone have records"))]
    pub fn registered(&mut self, id: u32, record: Option<String>, at: Timestamp) {
        self.at = self.at.max(at);
        let conflict = match self.open.get(&id) {
            Some(Wanted::Registration(_)) => false,
            Some(Wanted::Register(_)) => true,
            _ => return,
        };
        self.open.remove(&id);
        #[cfg(feature = "clients")]
        self.registration.told(record, self.at, conflict);
    }
}

/// Of two answers about proofs that came together, the one that decides: what was seen is the client's fault, whatever else is
/// not known.
fn worse(one: Answer, other: Answer) -> Answer {
    let [one, other] = [one, other].map(|answer| match answer {
        Answer::Fresh => 0,
        Answer::Full => 1,
        Answer::Unavailable | Answer::Done => 2,
        Answer::Seen => 3,
    });
    match one.max(other) {
        0 => Answer::Fresh,
        1 => Answer::Full,
        2 => Answer::Unavailable,
        _ => Answer::Seen,
    }
}

impl Passed {
    /// The proofs that came with the request.
    fn proofs(&self) -> impl Iterator<Item = &UsedProof> {
        #[cfg(feature = "clients")]
        let of_client = self.client.iter().flat_map(|client| client.proofs.iter().map(|proof| &proof.used));
        #[cfg(not(feature = "clients"))]
        let of_client = core::iter::empty();
        let of_attestation = self.attested.iter().map(|proof| &proof.used);
        self.proof.iter().chain(&self.transaction).chain(of_attestation).chain(of_client)
    }

    /// The denial for one of them that was used before.
    fn replayed(&self, proof: &UsedProof) -> Denial {
        #[cfg(feature = "clients")]
        let of_client = self.client.iter().flat_map(|client| &client.proofs);
        #[cfg(not(feature = "clients"))]
        let of_client = core::iter::empty();
        let mut own = self.attested.iter().chain(of_client);
        let own = own.find(|own| core::ptr::eq(&raw const own.used, proof));
        own.map_or_else(|| replayed(proof), |own| own.replayed.clone())
    }
}

/// A proof that was used before.
fn replayed(proof: &UsedProof) -> Denial {
    let what = "the proof was used before";
    match proof.kind {
        "wpt" => Denial::workload(Rejection::new(WimseCode::ProofReplayed, what), Means::ProofToken),
        #[cfg(feature = "ocm")]
        crate::ocm::KIND => crate::ocm::replayed(),
        transaction::KIND => {
            Denial::transaction(Rejection::new(TransactionCode::Replayed, "the transaction was used here before"))
        }
        "http-signature" => Denial::workload(Rejection::new(WimseCode::SignatureReplayed, what), Means::Signature),
        _ => Denial::proof(Rejection::new(TokenCode::DpopReplayed, what), ProofError::Invalid),
    }
}

fn exhausted() -> Rejection {
    Rejection::new(GateCode::RoundsExhausted, format!("more than {MAX_ROUNDS} rounds would be needed"))
}

/// What is remembered of a proof, and for how long.
fn remember(proof: &UsedProof) -> Remember {
    let mut text = Vec::new();
    for part in [proof.kind.as_bytes(), &proof.thumbprint, proof.target.as_bytes(), proof.id.as_bytes()] {
        text.extend_from_slice(&(part.len() as u64).to_be_bytes());
        text.extend_from_slice(part);
    }
    let thumbprint = proof.share.unwrap_or(proof.thumbprint);
    Remember { key: sha256(&text), thumbprint, until: proof.until, identifier: proof.id.clone() }
}
