//! What is remembered of verified tokens: facts, never decisions (`docs/decisions.md`, "What is remembered").
//!
//! An entry says that these bytes verified under these keys for this issuer. Everything that can have changed since is
//! checked at each use by whoever asks. Only successes are here, so nobody can fill it without good tokens.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use portcullis_svid::SpiffeId;
use portcullis_token::{
    claims::Claims,
    confirmation::{self, Confirmation},
};
use portcullis_types::{Rejection, Timestamp};

use crate::policy::Authority;

/// Which bytes: their SHA-512/256, which costs half of what SHA-256 does where the processor has neither, and is looked for at
/// every request. The bytes themselves, which are secret, are not kept. A memory belongs to one policy, and under one policy the bytes alone say for which of its
/// entries, and so in which profile, they are verified; all of them come in `Authorization`.
pub(crate) type Key = [u8; 32];

/// A token that verified.
#[derive(Debug)]
pub(crate) struct Fact {
    /// The policy's entry that vouches for it.
    pub(crate) authority: Authority,
    /// Its claims.
    pub(crate) claims: Claims,
    /// What it is bound to.
    pub(crate) confirmation: Result<Option<Confirmation>, Rejection>,
    /// The workload it names, where it is an SVID.
    pub(crate) spiffe_id: Option<SpiffeId>,
    /// The generation of the keys it verified with. Keys that changed in any way make it unknown.
    pub(crate) generation: u64,
    /// When it verified.
    pub(crate) verified_at: Timestamp,
    /// The length of its text, from which its memory is guessed.
    length: usize,
    /// SHA-256 of its text, by which people name it who want it dropped.
    digest: [u8; 32],
}

/// What an entry takes beside its token's text and claims, in bytes: a guess on the high side.
const OVERHEAD: usize = 512;

/// Parsed claims take some times the memory of their text.
const FACTOR: usize = 6;

impl Fact {
    pub(crate) fn new(
        authority: Authority,
        claims: Claims,
        spiffe_id: Option<SpiffeId>,
        generation: u64,
        verified_at: Timestamp,
        length: usize,
    ) -> Self {
        let confirmation = confirmation::of(&claims);
        Self { authority, claims, confirmation, spiffe_id, generation, verified_at, length, digest: [0; 32] }
    }

    /// The same, with the SHA-256 of its text.
    pub(crate) fn with_digest(self, digest: [u8; 32]) -> Self {
        Self { digest, ..self }
    }

    fn bytes(&self) -> usize {
        self.length.saturating_mul(FACTOR).saturating_add(OVERHEAD)
    }
}

/// Which entries to drop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forget {
    /// Those whose `sub` is this.
    Subject(alloc::string::String),
    /// Those whose `client_id` is this.
    Client(alloc::string::String),
    /// The one whose token has this SHA-256.
    TokenDigest([u8; 32]),
    /// All.
    Everything,
}

/// The memory: two halves, so that what is not used falls out without a list of uses. When the young half is full it
/// becomes the old one, and what was the old one goes.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    young: BTreeMap<Key, Rc<Fact>>,
    old: BTreeMap<Key, Rc<Fact>>,
    young_bytes: usize,
    old_bytes: usize,
}

impl Memory {
    /// What is remembered of these bytes. Whether it still holds is for [`Memory::holds`] to say.
    pub(crate) fn peek(&self, key: &Key) -> Option<&Rc<Fact>> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// What is known of these bytes, if it was learned with these keys and not in the future. What does not hold is dropped.
    pub(crate) fn holds(&mut self, key: &Key, generation: u64, at: Timestamp) -> Option<Rc<Fact>> {
        let (fact, is_old) = match self.young.get(key) {
            Some(fact) => (Rc::clone(fact), false),
            None => (Rc::clone(self.old.get(key)?), true),
        };
        if fact.generation != generation || fact.verified_at > at {
            self.remove(key);
            return None;
        }
        if is_old {
            self.remove(key);
            self.young_bytes += fact.bytes();
            self.young.insert(*key, Rc::clone(&fact));
        }
        Some(fact)
    }

    /// Remembers, within bounds of number and bytes.
    pub(crate) fn put(&mut self, key: Key, fact: Rc<Fact>, most: usize, most_bytes: usize) {
        let (half, half_bytes) = (most / 2, most_bytes / 2);
        if half == 0 || fact.bytes() > half_bytes {
            return;
        }
        self.remove(&key);
        if self.young.len() >= half || self.young_bytes + fact.bytes() > half_bytes {
            self.old = core::mem::take(&mut self.young);
            self.old_bytes = core::mem::take(&mut self.young_bytes);
        }
        self.young_bytes += fact.bytes();
        self.young.insert(key, fact);
    }

    fn remove(&mut self, key: &Key) {
        if let Some(fact) = self.young.remove(key) {
            self.young_bytes -= fact.bytes();
        }
        if let Some(fact) = self.old.remove(key) {
            self.old_bytes -= fact.bytes();
        }
    }

    /// Drops entries, and tells how many.
    pub(crate) fn forget(&mut self, which: &Forget) -> usize {
        let client = |fact: &Fact| match fact.claims.members.get("client_id") {
            Ok(Some(value)) => value.as_str().map(alloc::string::String::from),
            _ => None,
        };
        let meant = |fact: &Fact| match which {
            Forget::Subject(subject) => fact.claims.subject.as_ref() == Some(subject),
            Forget::Client(id) => client(fact).as_ref() == Some(id),
            Forget::TokenDigest(digest) => fact.digest == *digest,
            Forget::Everything => true,
        };
        let found: BTreeSet<Key> =
            self.young.iter().chain(&self.old).filter(|(_, fact)| meant(fact)).map(|(key, _)| *key).collect();
        found.iter().for_each(|key| self.remove(key));
        found.len()
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// The memory they take, guessed on the high side, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.young_bytes + self.old_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(generation: u64, verified_at: u64, length: usize) -> Rc<Fact> {
        let claims = Claims::parse(br#"{"sub":"s","client_id":"c"}"#).unwrap();
        Rc::new(Fact::new(Authority::Issuer(0), claims, None, generation, verified_at, length).with_digest([2; 32]))
    }

    fn key(number: u8) -> Key {
        [number; 32]
    }

    #[test]
    fn it_is_bounded_in_number_and_bytes_and_keeps_what_is_used() {
        let mut memory = Memory::default();
        for number in 0..100 {
            memory.put(key(number), fact(1, 10, 10), 10, 1_000_000);
            assert!(memory.holds(&key(0), 1, 10).is_some() || number > 100, "what is used stays: {number}");
            assert!(memory.len() <= 10);
        }
        assert!(memory.holds(&key(50), 1, 10).is_none());
        memory.put(key(200), fact(1, 10, 1_000_000), 10, 1_000_000);
        assert!(memory.holds(&key(200), 1, 10).is_none(), "one entry is not worth the whole memory");
        let bytes = fact(1, 10, 100).bytes();
        for number in 0..100 {
            memory.put(key(number), fact(1, 10, 100), 1_000, bytes * 6);
            assert!(memory.bytes() <= bytes * 6);
        }
    }

    #[test]
    fn other_keys_and_the_past_know_nothing() {
        let mut memory = Memory::default();
        memory.put(key(1), fact(1, 10, 10), 10, 1_000_000);
        assert!(memory.holds(&key(1), 1, 10).is_some());
        assert!(memory.holds(&key(1), 2, 10).is_none());
        assert!(memory.holds(&key(1), 1, 10).is_none(), "an entry of other keys is dropped");
        memory.put(key(1), fact(1, 10, 10), 10, 1_000_000);
        assert!(memory.holds(&key(1), 1, 9).is_none());
        assert!(memory.holds(&key(1), 1, 10).is_none(), "an entry from the future is dropped");
    }

    #[test]
    fn entries_are_dropped_by_what_they_are() {
        let mut memory = Memory::default();
        let fill = |memory: &mut Memory| (0..4).for_each(|n| memory.put(key(n), fact(1, 10, 10), 4, 1_000_000));
        for (which, wanted) in [
            (Forget::Subject("s".into()), 4),
            (Forget::Subject("t".into()), 0),
            (Forget::Client("c".into()), 4),
            (Forget::TokenDigest([2; 32]), 4),
            (Forget::TokenDigest([3; 32]), 0),
            (Forget::Everything, 4),
        ] {
            fill(&mut memory);
            assert_eq!(memory.len(), 4);
            assert_eq!(memory.forget(&which), wanted, "{which:?}");
            memory.forget(&Forget::Everything);
            assert_eq!((memory.len(), memory.bytes()), (0, 0));
        }
    }
}
