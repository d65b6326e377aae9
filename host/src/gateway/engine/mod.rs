//! The engine: instances of the gate, and what stands between them and the world.
//!
//! Instances never wait: while a request waits for documents or the memory of used proofs, its instance decides about
//! others. What instances share is raw documents and the memory of proofs, never what one of them concluded.

mod flights;
mod instances;
mod reload;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Semaphore;

pub(crate) use instances::Generation;
pub(crate) use reload::{GENERATIONS, ReloadError, Source};

use super::clients::{Registrations, Told};
use super::clock::now;
use super::documents::{Fetcher, Message, Received, Store, Unsent};
use super::metrics::Metrics;
use super::replay::{Nonces, ReplayMemory};
use crate::component::Component;
use crate::error::HostError;
use crate::gate::{
    Answer, AnswerToSign, Answered, Checked, Class, Decision, DocumentNeed, OwnIdentity, Pending, ReadyAnswer, Replay,
    Request, StoredRecord, Wanted,
};
use crate::portcullis::Verdict;
use flights::Flights;

/// Requests that wait for documents or the memory of proofs at one time. Each holds its headers and a connection; more
/// wait for an issuer that is down, and would take the memory of those that need none.
pub(crate) const MAX_PARKED: usize = 1_024;

/// Those of them that wait for documents of servers that a message has named, and nobody knows: whoever writes such messages takes no
/// place of requests that wait for an issuer.
const MAX_PARKED_FOR_PEERS: usize = 128;

/// How long a request may take with all that it waits for: two fetches of 5 seconds, one after the other, and a little.
/// Proxies give up earlier.
const CHECK_DEADLINE: Duration = Duration::from_secs(12);

/// How often instances are asked what is due.
const DUE_EVERY: Duration = Duration::from_secs(1);

/// Why there is no decision: 503, and the fault of nobody who asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unknown {
    /// The component trapped, ran too long or out of memory; or the evaluation was lost with its instance.
    #[error("{0}")]
    Component(#[from] HostError),
    /// Too many requests wait for something.
    #[error("as many requests as may wait already")]
    Busy,
    /// It took too long.
    #[error("what the request needs did not come within {CHECK_DEADLINE:?}")]
    Late,
}

impl Unknown {
    /// Its code in logs and metrics.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Component(error) => error.code().as_str(),
            Self::Busy => "gateway.busy",
            Self::Late => "gateway.late",
        }
    }
}

/// Whether it is a document that somebody has named who is not known.
fn is_of_a_peer(wanted: &Wanted) -> bool {
    matches!(wanted, Wanted::Document(document) if document.class == Class::Peer)
}

/// A need that is met.
enum Met {
    Answer(Answered),
    Record(StoredRecord),
}

/// What the engine is made of.
pub(crate) struct Parts {
    pub(crate) component: Component,
    pub(crate) instances: usize,
    pub(crate) fetcher: Fetcher,
    pub(crate) store: Arc<Store>,
    pub(crate) replay: ReplayMemory,
    pub(crate) nonces: Option<Nonces>,
    pub(crate) registrations: Option<Registrations>,
    pub(crate) metrics: Arc<Metrics>,
}

/// Instances of the gate with one policy, and what they need.
pub(crate) struct Engine {
    component: Component,
    instances: usize,
    current: ArcSwap<Generation>,
    flights: Flights,
    fetcher: Fetcher,
    store: Arc<Store>,
    replay: ReplayMemory,
    nonces: Option<Nonces>,
    registrations: Option<Registrations>,
    parked: Semaphore,
    parked_for_peers: Semaphore,
    metrics: Arc<Metrics>,
    reloading: tokio::sync::Mutex<()>,
    /// Policies that were replaced, until their last request has ended.
    older: std::sync::Mutex<Vec<std::sync::Weak<Generation>>>,
}

impl Engine {
    /// Makes instances with a policy.
    ///
    /// # Errors
    ///
    /// The policy is refused, or the component could not be asked.
    pub(crate) fn new(parts: Parts, source: Source) -> Result<Arc<Self>, ReloadError> {
        let Parts { component, instances, fetcher, store, replay, nonces, registrations, metrics } = parts;
        let generation = Generation::load(&component, instances, source, 1)?;
        Ok(Arc::new(Self {
            component,
            instances,
            current: ArcSwap::from_pointee(generation),
            flights: Flights::default(),
            fetcher,
            store,
            replay,
            nonces,
            registrations,
            parked: Semaphore::new(MAX_PARKED),
            parked_for_peers: Semaphore::new(MAX_PARKED_FOR_PEERS),
            metrics,
            reloading: tokio::sync::Mutex::new(()),
            older: std::sync::Mutex::default(),
        }))
    }

    /// The policy that new requests are judged by, and its instances.
    pub(crate) fn current(&self) -> Arc<Generation> {
        self.current.load_full()
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn replay(&self) -> &ReplayMemory {
        &self.replay
    }

    /// How many more requests may wait.
    pub(crate) fn parked(&self) -> usize {
        MAX_PARKED - self.parked.available_permits()
    }

    /// Decides about a request, fetching and remembering what that takes.
    ///
    /// # Errors
    ///
    /// There is no decision, and will be none: an evaluation that has asked for a proof to be remembered is not run
    /// again.
    pub(crate) async fn check(self: &Arc<Self>, mut request: Request) -> Result<Decision, Unknown> {
        let generation = self.current();
        let since = self.replay.complete_since();
        request.replay_since = since;
        let settings = generation.settings();
        // A challenge for a client is a nonce under another name.
        let for_clients =
            settings.listeners.iter().any(|one| one.clients && request.listener.as_ref() == Some(&one.name));
        let wanted = for_clients || settings.challenges || settings.replay == Replay::Nonce;
        if let Some(nonces) = self.nonces.as_ref().filter(|_| wanted) {
            request.nonces = nonces.good(now());
        }
        let (slot, first) = {
            let (slot, mut gate) = generation.take(&request).await;
            (slot, self.counted(gate.check(&request, now()))?)
        };
        match first {
            Checked::Decided(decision) => Ok(decision),
            Checked::Pending(pending) => {
                let _place = self.parked.try_acquire().map_err(|_| Unknown::Busy)?;
                let rest = self.wait(&generation, slot, pending, &request, since);
                tokio::time::timeout(CHECK_DEADLINE, rest).await.map_err(|_| Unknown::Late)?
            }
        }
    }

    /// Makes an answer ready to be signed, if who asked wants that; or says why that cannot be.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub(crate) async fn prepare_answer(
        &self,
        request: &Request,
        answer: &AnswerToSign,
        identity: Option<&OwnIdentity>,
    ) -> Result<Verdict<Option<ReadyAnswer>>, Unknown> {
        let generation = self.current();
        let (_, mut gate) = generation.take(request).await;
        self.counted(gate.prepare_answer(request, answer, identity, now()))
    }

    /// Sends a message to a peer, where documents are fetched from.
    ///
    /// # Errors
    ///
    /// Why there is no answer.
    pub(crate) async fn send(&self, message: Message) -> Result<Received, Unsent> {
        self.fetcher.send(message).await
    }

    /// Meets the needs of a request until it is decided.
    async fn wait(
        self: &Arc<Self>,
        generation: &Arc<Generation>,
        slot: usize,
        mut pending: Pending,
        request: &Request,
        since: Option<u64>,
    ) -> Result<Decision, Unknown> {
        let (mut asked_to_remember, mut begun_again) = (false, false);
        let mut among_peers = None;
        loop {
            if among_peers.is_none() && pending.needs.iter().any(|need| is_of_a_peer(&need.what)) {
                among_peers = Some(self.parked_for_peers.try_acquire().map_err(|_| Unknown::Busy)?);
            }
            asked_to_remember |= pending.needs.iter().any(|need| matches!(need.what, Wanted::Remember(_)));
            let (answers, records) = self.meet(generation, slot, &pending, since).await;
            let mut gate = generation.lock(slot).await;
            let next = match gate.answer_with(pending, &answers, &records, now()) {
                // Its instance is gone. What has used up no proof may begin anew, once.
                Err(HostError::EvaluationLost) if !asked_to_remember && !begun_again => {
                    begun_again = true;
                    gate.check(request, now())
                }
                other => other,
            };
            drop(gate);
            match self.counted(next)? {
                Checked::Decided(decision) => return Ok(decision),
                Checked::Pending(next) => pending = next,
            }
        }
    }

    /// The answers to all needs of a round, which are met side by side.
    async fn meet(
        self: &Arc<Self>,
        generation: &Arc<Generation>,
        slot: usize,
        pending: &Pending,
        since: Option<u64>,
    ) -> (Vec<Answered>, Vec<StoredRecord>) {
        let each = pending.needs.iter().map(|need| async move {
            let answer = match &need.what {
                Wanted::Document(document) => {
                    self.obtain(generation, slot, document).await;
                    Answer::Done
                }
                Wanted::Registration(_) | Wanted::Register(_) => match self.registered(&need.what).await {
                    Told::Record(text) => return Met::Record(StoredRecord { id: need.id, text }),
                    Told::Done => Answer::Done,
                    Told::Unavailable => Answer::Unavailable,
                },
                Wanted::Remember(proof) => {
                    let answer = self.replay.remember(proof, since, now()).await;
                    self.metrics.remembered(answer);
                    answer
                }
            };
            Met::Answer(Answered { id: need.id, answer })
        });
        let (mut answers, mut records) = (Vec::new(), Vec::new());
        for met in futures_util::future::join_all(each).await {
            match met {
                Met::Answer(answer) => answers.push(answer),
                Met::Record(record) => records.push(record),
            }
        }
        (answers, records)
    }

    /// What the store of registrations says to a need.
    async fn registered(&self, wanted: &Wanted) -> Told {
        let told = match (wanted, &self.registrations) {
            (Wanted::Registration(spiffe_id), Some(store)) => store.load(spiffe_id).await,
            (Wanted::Register(register), Some(store)) => store.store(register).await,
            _ => Told::Unavailable,
        };
        self.metrics.registered(&told);
        told
    }

    /// Sees that an instance is given a document, or that it cannot be had.
    async fn obtain(self: &Arc<Self>, generation: &Arc<Generation>, slot: usize, need: &DocumentNeed) {
        let held = self.store.get(need).filter(|held| flights::is_new(held.fetched_at, now()));
        if let Some(held) = held.or_else(|| self.store.unreached(need, now())) {
            generation.provide_one(slot, &[held], &self.metrics).await;
            return;
        }
        self.fly(generation, need).await;
    }

    /// Fetches documents ahead of their end, for as long as it runs.
    pub(crate) async fn keep_fresh(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(DUE_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let generation = self.current();
            for need in generation.due(&self.metrics).await {
                let (engine, generation) = (Arc::clone(&self), Arc::clone(&generation));
                // Not waited for: one that is slow holds up no other, and the next round joins it.
                tokio::spawn(async move { engine.fly(&generation, &need).await });
            }
        }
    }

    fn counted<R>(&self, result: Result<R, HostError>) -> Result<R, Unknown> {
        if let Err(error) = &result {
            self.metrics.component_failed(error);
        }
        Ok(result?)
    }
}
