//! The instances of one policy.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Mutex, MutexGuard};

use super::reload::{ReloadError, Source};
use crate::component::Component;
use crate::error::HostError;
use crate::gate::{Document, DocumentNeed, Forget, GateInstance, Held, HostSettings, Readiness, Request};
use crate::gateway::clock::now;
use crate::gateway::metrics::Metrics;
use crate::portcullis::Verdict;

/// A policy, and the instances that judge by it. Requests that began with it end with it.
pub(crate) struct Generation {
    number: u64,
    source: Source,
    settings: HostSettings,
    slots: Vec<Mutex<GateInstance>>,
    /// Picks the instance that has probably seen a token; random, so that nobody can aim all requests at one.
    affinity: RandomState,
    turn: AtomicUsize,
}

impl Generation {
    /// Loads a policy into so many instances.
    ///
    /// # Errors
    ///
    /// The policy is refused, or the component could not be asked.
    pub(crate) fn load(
        component: &Component,
        instances: usize,
        source: Source,
        number: u64,
    ) -> Result<Self, ReloadError> {
        let settings = source.settings(component)?;
        let one = || match GateInstance::load(component, &source.text, source.format)? {
            Ok(gate) => Ok(Mutex::new(gate)),
            Err(problems) => Err(source.refused(component, problems)),
        };
        let slots = (0..instances.max(1)).map(|_| one()).collect::<Result<_, _>>()?;
        Ok(Self { number, source, settings, slots, affinity: RandomState::new(), turn: AtomicUsize::new(0) })
    }

    /// The how manieth policy it is, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    pub(crate) fn settings(&self) -> &HostSettings {
        &self.settings
    }

    /// An instance for a request: the one that has probably seen its token, if it is free; else any that is.
    pub(super) async fn take(&self, request: &Request) -> (usize, MutexGuard<'_, GateInstance>) {
        let authorization = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case("authorization"));
        let first = match authorization {
            Some(header) => self.affinity.hash_one(&header.value) as usize,
            None => self.turn.fetch_add(1, Ordering::Relaxed),
        } % self.slots.len();
        for offset in 0..self.slots.len() {
            let number = (first + offset) % self.slots.len();
            if let Some(Ok(gate)) = self.slots.get(number).map(Mutex::try_lock) {
                return (number, gate);
            }
        }
        (first, self.lock(first).await)
    }

    /// The instance of a number that [`Self::take`] gave.
    pub(super) async fn lock(&self, slot: usize) -> MutexGuard<'_, GateInstance> {
        // The remainder is of no consequence: there is one instance at least, and numbers come from here.
        self.slots[slot % self.slots.len()].lock().await
    }

    /// Gives one instance documents.
    pub(super) async fn provide_one(&self, slot: usize, documents: &[Arc<Document>], metrics: &Metrics) {
        let documents: Vec<Document> = documents.iter().map(|document| Document::clone(document)).collect();
        self.provide(slot, &documents, metrics).await;
    }

    /// Gives every instance documents, one after the other, so that the others go on deciding meanwhile.
    pub(crate) async fn provide_all(&self, documents: &[Arc<Document>], metrics: &Metrics) {
        let documents: Vec<Document> = documents.iter().map(|document| Document::clone(document)).collect();
        for slot in 0..self.slots.len() {
            self.provide(slot, &documents, metrics).await;
        }
    }

    async fn provide(&self, slot: usize, documents: &[Document], metrics: &Metrics) {
        let mut gate = self.lock(slot).await;
        // A list of 32 MiB takes its time to open, which is not the other tasks'.
        match tokio::task::block_in_place(|| gate.provide(documents, now())) {
            // What an instance has not asked for is refused as such, which is how they differ from each other.
            Ok(refused) => {
                for finding in refused {
                    tracing::debug!(url = finding.url, code = finding.rejection.code, "a document was not taken");
                }
            }
            Err(error) => metrics.component_failed(&error),
        }
    }

    /// What all instances need now, each document once.
    pub(super) async fn due(&self, metrics: &Metrics) -> Vec<DocumentNeed> {
        let mut due: Vec<DocumentNeed> = Vec::new();
        for needs in self.each(metrics, |gate| gate.due(now())).await {
            for need in needs {
                if !due.iter().any(|known| known.url == need.url && known.server == need.server) {
                    due.push(need);
                }
            }
        }
        due
    }

    /// Whether every instance can decide; and who has no keys where one cannot.
    pub(crate) async fn ready(&self, metrics: &Metrics) -> Readiness {
        let all = self.each(metrics, |gate| gate.ready(now())).await;
        // One that cannot be asked is not ready.
        let mut ready = Readiness { ready: all.len() == self.slots.len(), missing: Vec::new() };
        for one in all {
            ready.ready &= one.ready;
            for missing in one.missing {
                if !ready.missing.iter().any(|known| known.name == missing.name) {
                    ready.missing.push(missing);
                }
            }
        }
        ready
    }

    /// What each instance holds.
    pub(crate) async fn held(&self, metrics: &Metrics) -> Vec<Held> {
        self.each(metrics, GateInstance::held).await
    }

    /// Drops remembered tokens in all instances, and tells how many.
    pub(crate) async fn forget(&self, which: &Forget, metrics: &Metrics) -> u64 {
        self.each(metrics, |gate| gate.forget(which)).await.into_iter().sum()
    }

    /// Whether a redirect may be followed.
    pub(super) async fn admit_redirect(&self, need: &DocumentNeed, hops: u8, location: &str) -> Result<(), String> {
        told(self.lock(0).await.admit_redirect(need, hops, location))
    }

    /// Whether the server that presents a chain may be asked for what is needed.
    pub(super) async fn admit_server(&self, need: &DocumentNeed, chain: &[Vec<u8>]) -> Result<(), String> {
        told(self.lock(0).await.admit_server(need, chain, now()))
    }

    /// Asks every instance. One that cannot be asked is counted and left out.
    async fn each<R>(
        &self,
        metrics: &Metrics,
        mut ask: impl FnMut(&mut GateInstance) -> Result<R, HostError>,
    ) -> Vec<R> {
        let mut all = Vec::with_capacity(self.slots.len());
        for slot in &self.slots {
            match ask(&mut *slot.lock().await) {
                Ok(one) => all.push(one),
                Err(error) => metrics.component_failed(&error),
            }
        }
        all
    }
}

/// A verdict on a fetch, as logs have it.
fn told(verdict: Result<Verdict<()>, HostError>) -> Result<(), String> {
    match verdict {
        Ok(Ok(())) => Ok(()),
        Ok(Err(rejection)) => Err(format!("{}: {}", rejection.code, rejection.detail)),
        Err(error) => Err(error.to_string()),
    }
}
