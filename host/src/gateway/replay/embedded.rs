//! The memory within this process.

use std::sync::{Mutex, PoisonError};

use super::shares::{CAPACITY, Refused, SHARE, Shares};
use crate::gate::Answer;

/// Used proofs, in memory. It begins empty.
pub(super) struct Embedded {
    since: u64,
    shares: Mutex<Shares>,
}

impl Embedded {
    pub(super) fn new(now: u64) -> Self {
        Self { since: super::complete_from(now), shares: Mutex::new(Shares::new(CAPACITY, SHARE)) }
    }

    pub(super) fn since(&self) -> u64 {
        self.since
    }

    pub(super) fn remember(&self, key: [u8; 32], owner: [u8; 32], until: u64, now: u64) -> Answer {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        match shares.insert(key, owner, until, now) {
            Ok(()) => Answer::Fresh,
            Err(Refused::Seen) => Answer::Seen,
            Err(Refused::Full) => Answer::Full,
        }
    }

    pub(super) fn held(&self) -> u64 {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner).len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_ten_thousand_in_parallel_one_is_fresh() {
        let memory = Embedded::new(0);
        let fresh: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        let uses = (0..1_250).map(|_| memory.remember([1; 32], [2; 32], 100, 50));
                        uses.filter(|answer| *answer == Answer::Fresh).count()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!((fresh, memory.held()), (1, 1));
    }
}
