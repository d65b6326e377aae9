//! Fetches under way: one for all who need the same document.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};

use super::{Engine, Generation};
use crate::gate::{Content, Document, DocumentKind, DocumentNeed, sha256_to_bytes};
use crate::gateway::documents::Admits;

/// For how many seconds a document that came for one instance is given to the next that asks, without another fetch.
/// Instances ask at nearly the same time, at the start and when a token with a new list comes; a list that is to be
/// had again each second has its say all the same.
const SHARED_FOR: u64 = 1;

/// Whether a document is so new that fetching it again would tell nothing.
pub(super) fn is_new(fetched_at: u64, now: u64) -> bool {
    now.checked_sub(fetched_at).is_some_and(|age| age <= SHARED_FOR)
}

/// What is fetched: who named it, what it is, its URL, who its server has to be, and the token that it is about. A URL that two have
/// named is fetched for each as each may.
type What = (&'static str, &'static str, String, Option<String>, Option<[u8; 32]>);

/// A fetch under way, and the policies whose instances wait for what comes of it.
struct Flight {
    landing: Shared<BoxFuture<'static, ()>>,
    passengers: Vec<Arc<Generation>>,
}

/// Fetches under way. There are no more than requests that wait and documents that a policy names.
#[derive(Default)]
pub(super) struct Flights(Mutex<HashMap<What, Flight>>);

impl Flights {
    /// Takes a flight off the list: who needs the document from now on finds it in the store, or begins another. Gives the
    /// policies that wait for it.
    fn land(&self, what: &What) -> Vec<Arc<Generation>> {
        let landed = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(what);
        landed.map(|flight| flight.passengers).unwrap_or_default()
    }
}

/// Takes a flight off the list however it ends.
struct Landing<'f>(&'f Flights, &'f What);

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        self.0.land(self.1);
    }
}

impl Engine {
    /// Fetches a document, or joins who does, and returns when every instance was given what came of it.
    pub(super) async fn fly(self: &Arc<Self>, generation: &Arc<Generation>, need: &DocumentNeed) {
        let about = need.about().map(sha256_to_bytes);
        let what = (need.class.as_str(), need.kind.as_str(), need.url.clone(), need.server.clone(), about);
        let landing = {
            let mut flights = self.flights.0.lock().unwrap_or_else(PoisonError::into_inner);
            match flights.get_mut(&what) {
                Some(flight) => {
                    if !flight.passengers.iter().any(|known| known.number() == generation.number()) {
                        flight.passengers.push(Arc::clone(generation));
                    }
                    flight.landing.clone()
                }
                None => {
                    let (engine, admitting, need) = (Arc::clone(self), Arc::clone(generation), need.clone());
                    let own = what.clone();
                    // Its own task: it goes on for the others when the request that began it is given up.
                    let task = tokio::spawn(async move {
                        let _landing = Landing(&engine.flights, &own);
                        engine.fetch_for_all(&admitting, &need, &own).await;
                    });
                    let landing = task.map(|_| ()).boxed().shared();
                    let flight = Flight { landing: landing.clone(), passengers: vec![Arc::clone(generation)] };
                    flights.insert(what, flight);
                    landing
                }
            }
        };
        landing.await;
    }

    async fn fetch_for_all(&self, admitting: &Arc<Generation>, need: &DocumentNeed, what: &What) {
        let admits: Arc<dyn Admits> = Arc::new(Admission(Arc::clone(admitting)));
        let document = Arc::new(self.fetcher.fetch(need, &admits).await);
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
            self.store.put_unreached(need, &document);
            // An instance that is new has not seen the last good one, which it may still rely upon.
            self.store.get(need).into_iter().chain([document]).collect()
        };
        self.store.count(need.kind, came);
        let mut waiting = self.flights.land(what);
        // The policy may have changed meanwhile.
        let current = self.current();
        if !waiting.iter().any(|known| known.number() == current.number()) {
            waiting.push(current);
        }
        for generation in waiting {
            generation.provide_all(&documents, &self.metrics).await;
        }
    }
}

fn failure(document: &Document) -> String {
    match &document.content {
        Content::Body(body) => format!("status {}", body.status),
        Content::Failed(why) => why.clone(),
    }
}

/// Redirects and servers are the gate's to admit.
struct Admission(Arc<Generation>);

impl Admits for Admission {
    fn redirect<'a>(
        &'a self,
        need: &'a DocumentNeed,
        hops: u8,
        location: &'a str,
    ) -> BoxFuture<'a, Result<(), String>> {
        self.0.admit_redirect(need, hops, location).boxed()
    }

    fn server<'a>(&'a self, need: &'a DocumentNeed, chain: Vec<Vec<u8>>) -> BoxFuture<'a, Result<(), String>> {
        async move { self.0.admit_server(need, &chain).await }.boxed()
    }
}
