//! What the demo issuer remembers of a flow: so many, and so long.

use std::collections::VecDeque;

use sha2::{Digest as _, Sha256};

/// The hash of a secret, by which it is looked for. The secret itself is not kept.
pub(super) type Key = [u8; 32];

/// The key of a secret.
pub(super) fn key(secret: &str) -> Key {
    Sha256::digest(secret).into()
}

/// Things that are found by a secret until they end. Where there are too many the oldest one goes.
pub(super) struct Bounded<T> {
    most: usize,
    held: VecDeque<Entry<T>>,
}

struct Entry<T> {
    key: Key,
    ends: u64,
    thing: T,
}

impl<T> Bounded<T> {
    /// Room for so many.
    pub(super) const fn new(most: usize) -> Self {
        Self { most, held: VecDeque::new() }
    }

    /// Remembers something until a time; something else under its key is forgotten.
    pub(super) fn put(&mut self, key: Key, thing: T, ends: u64, now: u64) {
        self.held.retain(|entry| entry.ends > now && entry.key != key);
        while self.held.len() >= self.most {
            self.held.pop_front();
        }
        self.held.push_back(Entry { key, ends, thing });
    }

    /// What is remembered under a key.
    pub(super) fn find(&self, key: &Key, now: u64) -> Option<&T> {
        self.held.iter().find(|entry| entry.key == *key && entry.ends > now).map(|entry| &entry.thing)
    }

    /// What is remembered under a key, and is then no more; with its end.
    pub(super) fn take(&mut self, key: &Key, now: u64) -> Option<(T, u64)> {
        let place = self.held.iter().position(|entry| entry.key == *key)?;
        let entry = self.held.remove(place)?;
        (entry.ends > now).then_some((entry.thing, entry.ends))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_had_once_until_they_end_and_the_oldest_gives_way() {
        let mut held = Bounded::new(2);
        held.put(key("a"), 1, 10, 0);
        assert_eq!(held.take(&key("b"), 0), None);
        assert_eq!((held.find(&key("a"), 9), held.find(&key("a"), 10)), (Some(&1), None));
        assert_eq!(held.take(&key("a"), 9), Some((1, 10)));
        assert_eq!(held.take(&key("a"), 9), None);
        held.put(key("a"), 1, 10, 0);
        assert_eq!(held.take(&key("a"), 10), None, "it has ended");
        for (secret, number) in [("a", 1), ("b", 2), ("c", 3)] {
            held.put(key(secret), number, 10, 0);
        }
        assert_eq!((held.held.len(), held.take(&key("a"), 0)), (2, None));
        held.put(key("d"), 4, 30, 20);
        assert_eq!(held.held.len(), 1, "what has ended is dropped");
    }
}
