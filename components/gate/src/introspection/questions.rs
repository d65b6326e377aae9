//! Tokens that are asked about, and what was said of them lately: within bounds that who guesses tokens cannot move.

use alloc::{collections::BTreeMap, rc::Rc};

use portcullis_types::{Rejection, Timestamp};

use crate::{
    limits::{IN_FLIGHT, INACTIVE_FOR, MAX_QUESTIONS, MAX_TOLD, MAX_UNKNOWN_QUESTIONS, RETRY_AFTER, TOLD_FOR},
    memory::{Fact, Forget},
};

/// What was said of a token.
#[derive(Debug, Clone)]
pub(super) enum Told {
    /// It is active. For who asked: whoever comes later finds it in the memory of tokens, or asks.
    Active(Rc<Fact>),
    /// It is not.
    Inactive,
    /// Nobody knows: why.
    Fault(Rejection),
}

impl Told {
    /// The memory that it takes, in bytes.
    fn bytes(&self) -> usize {
        match self {
            Told::Active(fact) => fact.bytes(),
            Told::Inactive => 0,
            Told::Fault(rejection) => rejection.detail().len(),
        }
    }
}

/// What is known of one token.
#[derive(Debug, Default)]
struct Entry {
    /// When it was asked about, if it is being.
    asked_at: Option<Timestamp>,
    /// Whether it was active before.
    known: bool,
    /// Whether remembered tokens were dropped since it was asked about: the answer may be older than why they were.
    forgotten: bool,
    told: Option<Told>,
    told_at: Timestamp,
    /// Until when others than who asked go by it.
    until: Timestamp,
}

/// Whether a token may be asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    /// Now.
    Now,
    /// Somebody does: who wants it joins.
    Join,
    /// Too many are.
    TooMany,
}

/// Tokens that are asked about, and what was said of them, by the SHA-256 of their text.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    entries: BTreeMap<[u8; 32], Entry>,
    bytes: usize,
}

/// Whether a time lies less than so many seconds back, and not ahead.
fn within(time: Timestamp, seconds: u64, at: Timestamp) -> bool {
    at.checked_sub(time).is_some_and(|passed| passed < seconds)
}

impl Entry {
    fn is_under_way(&self, at: Timestamp) -> bool {
        self.asked_at.is_some_and(|asked_at| within(asked_at, IN_FLIGHT, at))
    }

    /// Whether anybody could still want it.
    fn is_of_use(&self, at: Timestamp) -> bool {
        self.is_under_way(at) || (self.told.is_some() && within(self.told_at, TOLD_FOR, at))
    }
}

impl Questions {
    /// What was said of a token, for who asked.
    pub(super) fn told(&self, digest: &[u8; 32]) -> Option<&Told> {
        self.entries.get(digest)?.told.as_ref()
    }

    /// What was said of a token so lately that it is not asked about again.
    pub(super) fn lately(&self, digest: &[u8; 32], at: Timestamp) -> Option<&Told> {
        let entry = self.entries.get(digest).filter(|entry| entry.told_at <= at && at < entry.until)?;
        entry.told.as_ref()
    }

    /// Somebody wants to know about a token. `known` says that it was active before.
    pub(super) fn ask(&mut self, digest: [u8; 32], known: bool, at: Timestamp) -> Ask {
        if let Some(entry) = self.entries.get(&digest)
            && entry.is_under_way(at)
        {
            return Ask::Join;
        }
        self.make_room(at);
        let under_way = self.entries.values().filter(|entry| entry.is_under_way(at));
        let (all, unknown) =
            under_way.fold((0, 0), |(all, unknown), entry| (all + 1, unknown + usize::from(!entry.known)));
        if all >= MAX_QUESTIONS || (!known && unknown >= MAX_UNKNOWN_QUESTIONS) {
            return Ask::TooMany;
        }
        // Who asked before and has not gone on yet finds what it was told.
        let entry = self.entries.entry(digest).or_default();
        entry.asked_at = Some(at);
        entry.known = known;
        entry.forgotten = false;
        Ask::Now
    }

    /// When a token was asked about, if it is being, and whether remembered tokens were dropped since.
    pub(super) fn asked(&self, digest: &[u8; 32]) -> Option<(Timestamp, bool)> {
        let entry = self.entries.get(digest)?;
        Some((entry.asked_at?, entry.forgotten))
    }

    /// It was said of a token. `cache` is for how many seconds the policy relies on answers.
    pub(super) fn tell(&mut self, digest: &[u8; 32], told: Told, cache: u64, at: Timestamp) {
        let rest = match &told {
            Told::Active(_) => 0,
            Told::Inactive => cache.min(INACTIVE_FOR),
            Told::Fault(_) => RETRY_AFTER,
        };
        self.make_room(at);
        let Some(entry) = self.entries.get_mut(digest) else { return };
        self.bytes = self.bytes.saturating_add(told.bytes()).saturating_sub(entry.told.as_ref().map_or(0, Told::bytes));
        entry.asked_at = None;
        entry.told = Some(told);
        entry.told_at = at;
        entry.until = at.saturating_add(rest);
    }

    /// Drops what nobody wants any more; and the oldest answer, where there are still as many as there may be.
    fn make_room(&mut self, at: Timestamp) {
        self.entries.retain(|_, entry| entry.is_of_use(at));
        if self.entries.values().filter(|entry| entry.asked_at.is_none()).count() >= MAX_TOLD {
            let settled = self.entries.iter().filter(|(_, entry)| entry.asked_at.is_none());
            let oldest = settled.min_by_key(|(_, entry)| entry.told_at).map(|(digest, _)| *digest);
            oldest.and_then(|digest| self.entries.remove(&digest));
        }
        self.bytes = self.entries.values().filter_map(|entry| entry.told.as_ref()).map(Told::bytes).sum();
    }

    /// Remembered tokens are dropped: what was said of them goes too, and what is on its way is remembered of none.
    pub(crate) fn forget(&mut self, which: &Forget) {
        for entry in self.entries.values_mut() {
            entry.forgotten |= entry.asked_at.is_some();
            if matches!(&entry.told, Some(Told::Active(fact)) if fact.is_meant(which)) {
                self.bytes = self.bytes.saturating_sub(entry.told.take().map_or(0, |told| told.bytes()));
            }
        }
    }

    /// The memory that answers take, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.saturating_add(self.entries.len().saturating_mul(size_of::<([u8; 32], Entry)>()))
    }
}
