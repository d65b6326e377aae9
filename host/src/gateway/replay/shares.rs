//! What is remembered, until when, and how much of it is each key's: so that what has expired is dropped without looking at
//! what has not, and no client fills the memory for others.

use std::collections::{BTreeMap, HashMap};

/// The most proofs that are remembered at one time. At a window of ten minutes that is 1,600 new ones a second; each takes
/// some 150 bytes.
pub(super) const CAPACITY: usize = 1_000_000;

/// The most that one key may have of it: a hundredth.
pub(super) const SHARE: usize = CAPACITY / 100;

/// Why something is not remembered.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It is already.
    Seen,
    /// There is no room, for anybody or for this key.
    Full,
}

/// A SHA-256: of a proof, or the thumbprint of the key that made it.
type Digest = [u8; 32];

/// A set of keys with an end each, and an owner each.
#[derive(Debug)]
pub(super) struct Shares {
    capacity: usize,
    share: usize,
    ends: HashMap<Digest, u64>,
    /// Each key with its owner, by its end.
    by_end: BTreeMap<u64, Vec<(Digest, Digest)>>,
    of_owner: HashMap<Digest, usize>,
}

impl Shares {
    pub(super) fn new(capacity: usize, share: usize) -> Self {
        Self { capacity, share, ends: HashMap::new(), by_end: BTreeMap::new(), of_owner: HashMap::new() }
    }

    /// Remembers a key until a second has passed, if it is not and there is room.
    pub(super) fn insert(&mut self, key: Digest, owner: Digest, until: u64, now: u64) -> Result<(), Refused> {
        self.expire(now);
        if self.ends.contains_key(&key) {
            return Err(Refused::Seen);
        }
        let owned = self.of_owner.get(&owner).copied().unwrap_or_default();
        if self.ends.len() >= self.capacity || owned >= self.share {
            return Err(Refused::Full);
        }
        // What ends before now is remembered for this second all the same: it was asked about now.
        let until = until.max(now);
        self.ends.insert(key, until);
        self.by_end.entry(until).or_default().push((key, owner));
        self.of_owner.insert(owner, owned + 1);
        Ok(())
    }

    /// Drops what ended before a time.
    fn expire(&mut self, now: u64) {
        while let Some(first) = self.by_end.first_entry().filter(|first| *first.key() < now) {
            for (key, owner) in first.remove() {
                self.ends.remove(&key);
                if let Some(owned) = self.of_owner.get_mut(&owner) {
                    *owned -= 1;
                    if *owned == 0 {
                        self.of_owner.remove(&owner);
                    }
                }
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u64) -> [u8; 32] {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&number.to_be_bytes());
        key
    }

    #[test]
    fn what_has_not_ended_is_never_dropped_and_what_has_is() {
        let mut shares = Shares::new(10, 10);
        for number in 0..10 {
            assert_eq!(shares.insert(key(number), key(0), 100 + number, 50), Ok(()));
        }
        assert_eq!(shares.insert(key(3), key(0), 200, 100), Err(Refused::Seen));
        assert_eq!(shares.insert(key(10), key(0), 200, 100), Err(Refused::Full), "100 has not passed");
        assert_eq!(shares.insert(key(10), key(0), 200, 101), Ok(()));
        assert_eq!(shares.insert(key(0), key(0), 200, 102), Ok(()), "its end has passed");
        assert_eq!(shares.insert(key(2), key(0), 200, 102), Err(Refused::Seen));
        assert_eq!(shares.len(), 10);
        assert_eq!(shares.insert(key(99), key(0), 1, 300), Ok(()));
        assert_eq!(shares.insert(key(99), key(0), 1, 300), Err(Refused::Seen), "this second");
        assert_eq!((shares.len(), shares.of_owner.len(), shares.by_end.len()), (1, 1, 1));
    }

    #[test]
    fn one_owner_does_not_fill_it_for_others() {
        let mut shares = Shares::new(10, 3);
        for number in 0..3 {
            assert_eq!(shares.insert(key(number), key(1), 100, 50), Ok(()));
        }
        assert_eq!(shares.insert(key(3), key(1), 100, 50), Err(Refused::Full));
        assert_eq!(shares.insert(key(3), key(2), 100, 50), Ok(()));
        assert_eq!(shares.insert(key(4), key(1), 200, 101), Ok(()));
    }
}
