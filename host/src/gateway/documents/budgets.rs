//! How much is fetched side by side and in a while: in all, and of one origin, so that one bad URL starves nobody else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::gate::Class;

/// Fetches in flight for the policy's own URLs and those of verified tokens.
const IN_FLIGHT: usize = 8;

/// Fetches in flight for messages that are not authenticated: a budget of their own, so that they wait for each other only.
const PEERS_IN_FLIGHT: usize = 2;

/// Questions in flight about tokens that were active before, and about others: who guesses tokens takes no place of those that are
/// known, nor of documents, which come from the same servers.
const QUESTIONS_IN_FLIGHT: usize = 8;

/// Messages in flight to peers, which the operator's own server sends: whoever makes us fetch documents of strangers takes no place
/// of them, nor they of any fetch.
const MESSAGES_IN_FLIGHT: usize = 8;

/// Fetches in flight of one origin.
const OF_ONE_ORIGIN: usize = 2;

/// How many fetches an origin that others named takes at once, and how long it takes for one more: an issuer with many lists
/// is served, and nobody makes us knock at a door for ever.
const BURST: f64 = 32.0;
const EVERY: Duration = Duration::from_secs(1);

/// How long a place is waited for.
const WAIT: Duration = Duration::from_secs(5);

/// Origins that are kept account of. Those with nothing under way and their burst whole are forgotten first; beyond that new
/// ones are refused.
const MAX_ORIGINS: usize = 4_096;

/// The account of one origin.
struct Origin {
    places: Arc<Semaphore>,
    left: f64,
    at: Instant,
}

impl Origin {
    fn new(at: Instant) -> Self {
        Self { places: Arc::new(Semaphore::new(OF_ONE_ORIGIN)), left: BURST, at }
    }

    fn refill(&mut self, at: Instant) {
        let gained = at.saturating_duration_since(self.at).as_secs_f64() / EVERY.as_secs_f64();
        self.left = (self.left + gained).min(BURST);
        self.at = at;
    }

    fn is_idle(&self) -> bool {
        self.left >= BURST && self.places.available_permits() == OF_ONE_ORIGIN
    }
}

/// The accounts.
pub(super) struct Budgets {
    all: Arc<Semaphore>,
    peers: Arc<Semaphore>,
    known: Arc<Semaphore>,
    unknown: Arc<Semaphore>,
    messages: Arc<Semaphore>,
    /// By origin, and whether peers ask: who names an origin in a message takes no place of the policy's own documents there.
    origins: Mutex<HashMap<(String, bool), Origin>>,
}

/// A place for one fetch, until it is dropped.
pub(super) struct Place(#[expect(dead_code, reason = "held for what its end does")] Vec<OwnedSemaphorePermit>);

impl Budgets {
    pub(super) fn new() -> Self {
        Self {
            all: Arc::new(Semaphore::new(IN_FLIGHT)),
            peers: Arc::new(Semaphore::new(PEERS_IN_FLIGHT)),
            known: Arc::new(Semaphore::new(QUESTIONS_IN_FLIGHT)),
            unknown: Arc::new(Semaphore::new(QUESTIONS_IN_FLIGHT)),
            messages: Arc::new(Semaphore::new(MESSAGES_IN_FLIGHT)),
            origins: Mutex::default(),
        }
    }

    /// A place for a fetch of an origin. The error says why there is none.
    pub(super) async fn place(&self, class: Class, origin: &str) -> Result<Place, &'static str> {
        let of_origin = self.account(class, origin)?;
        let all = if class == Class::Peer { &self.peers } else { &self.all };
        both(of_origin, all).await.ok_or("too much of this origin, or in all, is being fetched already")
    }

    /// A place for a message to a peer. The error says why there is none.
    pub(super) async fn message(&self, origin: &str) -> Result<Place, &'static str> {
        // As many in a while as the operator's own server sends, as with its policy's own URLs.
        let of_origin = self.account(Class::Policy, origin)?;
        both(of_origin, &self.messages).await.ok_or("too much is being sent to this origin, or in all, already")
    }

    /// A place for a question about a token, which was active before or not. The error says why there is none.
    pub(super) async fn question(&self, known: bool) -> Result<Place, &'static str> {
        let places = if known { &self.known } else { &self.unknown };
        match tokio::time::timeout(WAIT, Arc::clone(places).acquire_owned()).await {
            Ok(Ok(place)) => Ok(Place(vec![place])),
            Ok(_) | Err(_) => Err("too many tokens are being asked about already"),
        }
    }

    fn account(&self, class: Class, origin: &str) -> Result<Arc<Semaphore>, &'static str> {
        let now = Instant::now();
        let of = (origin.to_owned(), class == Class::Peer);
        let mut origins = self.origins.lock().unwrap_or_else(PoisonError::into_inner);
        if !origins.contains_key(&of) && origins.len() >= MAX_ORIGINS {
            origins.retain(|_, account| {
                account.refill(now);
                !account.is_idle()
            });
            if origins.len() >= MAX_ORIGINS {
                return Err("too many origins are asked at this time");
            }
        }
        let account = origins.entry(of).or_insert_with(|| Origin::new(now));
        account.refill(now);
        // The operator's own URLs are as many as the operator wrote.
        if class != Class::Policy {
            if account.left < 1.0 {
                return Err("this origin was asked too often in a while");
            }
            account.left -= 1.0;
        }
        Ok(Arc::clone(&account.places))
    }
}

/// A place of an origin and one in all. Of the origin first: who waits for a slow one takes no place from others meanwhile.
async fn both(of_origin: Arc<Semaphore>, all: &Arc<Semaphore>) -> Option<Place> {
    let both = async { (of_origin.acquire_owned().await, Arc::clone(all).acquire_owned().await) };
    match tokio::time::timeout(WAIT, both).await {
        Ok((Ok(of_origin), Ok(all))) => Some(Place(vec![of_origin, all])),
        Ok(_) | Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_origin_that_is_asked_often_waits_and_others_do_not() {
        let budgets = Budgets::new();
        for _ in 0..BURST as usize {
            assert!(budgets.place(Class::Credential, "a").await.is_ok());
        }
        assert!(budgets.place(Class::Credential, "a").await.is_err());
        assert!(budgets.place(Class::Policy, "a").await.is_ok(), "the operator's own are not counted");
        assert!(budgets.place(Class::Credential, "b").await.is_ok());
        tokio::time::advance(EVERY).await;
        assert!(budgets.place(Class::Credential, "a").await.is_ok());
        assert!(budgets.place(Class::Credential, "a").await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn an_origin_that_is_slow_takes_two_places_and_peers_take_none_of_others() {
        let budgets = Budgets::new();
        let mut held = Vec::new();
        for _ in 0..OF_ONE_ORIGIN {
            held.push(budgets.place(Class::Policy, "slow").await);
        }
        assert!(budgets.place(Class::Policy, "slow").await.is_err());
        for number in 0..PEERS_IN_FLIGHT {
            held.push(budgets.place(Class::Peer, &format!("peer{number}")).await);
        }
        assert!(budgets.place(Class::Peer, "another").await.is_err());
        for number in 0..IN_FLIGHT - OF_ONE_ORIGIN {
            held.push(budgets.place(Class::Policy, &format!("good{number}")).await);
        }
        assert!(held.iter().all(Result::is_ok));
        assert!(budgets.place(Class::Policy, "one more").await.is_err());
        held.clear();
        assert!(budgets.place(Class::Policy, "one more").await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn peers_take_no_place_of_the_policys_documents_at_one_origin() {
        let budgets = Budgets::new();
        let mut held = Vec::new();
        for _ in 0..OF_ONE_ORIGIN {
            held.push(budgets.place(Class::Peer, "idp").await);
        }
        assert!(held.iter().all(Result::is_ok));
        let begun = Instant::now();
        assert!(budgets.place(Class::Policy, "idp").await.is_ok());
        assert_eq!(begun.elapsed(), Duration::ZERO, "it waits for nobody");
        held.clear();
        for _ in 0..BURST as usize {
            let _ = budgets.place(Class::Peer, "idp").await;
        }
        assert!(budgets.place(Class::Credential, "idp").await.is_ok(), "nor are their fetches counted for others");
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_that_are_guessed_take_no_place_of_known_ones_nor_of_documents() {
        let budgets = Budgets::new();
        let mut held = Vec::new();
        for _ in 0..QUESTIONS_IN_FLIGHT {
            held.push(budgets.question(false).await);
        }
        assert!(budgets.question(false).await.is_err());
        assert!(budgets.question(true).await.is_ok());
        assert!(budgets.place(Class::Policy, "a").await.is_ok());
        held.clear();
        assert!(budgets.question(false).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn messages_wait_for_each_other_and_for_no_fetch() {
        let budgets = Budgets::new();
        let mut held = Vec::new();
        for number in 0..PEERS_IN_FLIGHT {
            held.push(budgets.place(Class::Peer, &format!("stranger{number}")).await);
        }
        for number in 0..IN_FLIGHT {
            held.push(budgets.place(Class::Policy, &format!("issuer{number}")).await);
        }
        for number in 0..MESSAGES_IN_FLIGHT {
            held.push(budgets.message(&format!("peer{number}")).await);
        }
        assert!(held.iter().all(Result::is_ok));
        assert!(budgets.message("one more").await.is_err());
        held.clear();
        // One that is slow takes two places, and is not counted as often as it is asked.
        for _ in 0..OF_ONE_ORIGIN {
            held.push(budgets.message("slow").await);
        }
        assert!(held.iter().all(Result::is_ok) && budgets.message("slow").await.is_err());
        held.clear();
        for _ in 0..2 * BURST as usize {
            assert!(budgets.message("often").await.is_ok());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn origins_that_are_done_with_are_forgotten() {
        let budgets = Budgets::new();
        for number in 0..MAX_ORIGINS {
            assert!(budgets.place(Class::Peer, &number.to_string()).await.is_ok());
        }
        assert!(budgets.place(Class::Peer, "new").await.is_err());
        tokio::time::advance(EVERY * 2).await;
        assert!(budgets.place(Class::Peer, "new").await.is_ok());
        assert_eq!(budgets.origins.lock().unwrap().len(), 1);
    }
}
