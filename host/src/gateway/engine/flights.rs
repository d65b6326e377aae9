//! Fetches under way: one for all who need the same document.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};

use super::{Engine, Generation};
use crate::gate::{Content, Document, DocumentKind, DocumentNeed};
use crate::gateway::documents::Redirects;

/// For how many seconds a document that came for one instance is given to the next that asks, without another fetch.
/// Instances ask at nearly the same time, at the start and when a token with a new list comes; a list that is to be
/// had again each second has its say all the same.
const SHARED_FOR: u64 = 1;

/// Whether a document is so new that fetching it again would tell nothing.
pub(super) fn is_new(fetched_at: u64, now: u64) -> bool {
    now.checked_sub(fetched_at).is_some_and(|age| age <= SHARED_FOR)
}

/// Fetches under way, by URL. There are no more than requests that wait and documents that a policy names.
#[derive(Default)]
pub(super) struct Flights(Mutex<HashMap<String, Shared<BoxFuture<'static, ()>>>>);

/// Takes a flight off the list when it ends, however it ends.
struct Landing<'f> {
    flights: &'f Flights,
    url: &'f str,
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        self.flights.0.lock().unwrap_or_else(PoisonError::into_inner).remove(self.url);
    }
}

impl Engine {
    /// Fetches a document, or joins who does, and returns when every instance was given what came of it.
    pub(super) async fn fly(self: &Arc<Self>, generation: &Arc<Generation>, need: &DocumentNeed) {
        let flight = {
            let mut flights = self.flights.0.lock().unwrap_or_else(PoisonError::into_inner);
            match flights.get(&need.url) {
                Some(flight) => flight.clone(),
                None => {
                    let (engine, generation, need) = (Arc::clone(self), Arc::clone(generation), need.clone());
                    let url = need.url.clone();
                    // Its own task: it goes on for the others when the request that began it is given up.
                    let task = tokio::spawn(async move {
                        let _landing = Landing { flights: &engine.flights, url: &need.url };
                        engine.fetch_for_all(&generation, &need).await;
                    });
                    let flight = task.map(|_| ()).boxed().shared();
                    flights.insert(url, flight.clone());
                    flight
                }
            }
        };
        flight.await;
    }

    async fn fetch_for_all(&self, generation: &Arc<Generation>, need: &DocumentNeed) {
        let document = Arc::new(self.fetcher.fetch(need, &Admission(generation)).await);
        let came = matches!(&document.content, Content::Body(body) if body.status == 200);
        let documents = if came {
            self.store.put(need.kind, Arc::clone(&document));
            vec![document]
        } else {
            // Metadata has two places, of which an issuer has one.
            if need.kind == DocumentKind::Metadata {
                tracing::info!(url = need.url, why = failure(&document), "metadata could not be had there");
            } else {
                tracing::warn!(url = need.url, why = failure(&document), "a document could not be had");
            }
            // An instance that is new has not seen the last good one, which it may still rely upon.
            self.store.get(&need.url).into_iter().chain([document]).collect()
        };
        self.store.count(need.kind, came);
        generation.provide_all(&documents, &self.metrics).await;
        // The policy may have changed meanwhile.
        let current = self.current();
        if current.number() != generation.number() {
            current.provide_all(&documents, &self.metrics).await;
        }
    }
}

fn failure(document: &Document) -> String {
    match &document.content {
        Content::Body(body) => format!("status {}", body.status),
        Content::Failed(why) => why.clone(),
    }
}

/// Redirects are the gate's to admit.
struct Admission<'g>(&'g Arc<Generation>);

impl Redirects for Admission<'_> {
    fn admit<'a>(&'a self, need: &'a DocumentNeed, hops: u8, location: &'a str) -> BoxFuture<'a, Result<(), String>> {
        self.0.admit_redirect(need, hops, location).boxed()
    }
}
