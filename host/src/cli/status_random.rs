//! Random numbers without bias, from the cryptographic library.

use anyhow::anyhow;

/// How many bytes are drawn at once.
const DRAWN: usize = 4096;

/// A source of random numbers.
pub(crate) struct Random {
    bytes: Box<[u8; DRAWN]>,
    used: usize,
}

impl Random {
    pub(crate) fn new() -> Self {
        Self { bytes: Box::new([0; DRAWN]), used: DRAWN }
    }

    /// A number from 0 to `bound` − 1, each as likely as any other.
    pub(crate) fn below(&mut self, bound: u64) -> anyhow::Result<u64> {
        if bound == 0 {
            return Err(anyhow!("there is nothing to draw from"));
        }
        // 2^64 mod bound: the numbers below it would make small answers likelier.
        let unfair = bound.wrapping_neg() % bound;
        loop {
            let drawn = self.next()?;
            if drawn >= unfair {
                return Ok(drawn % bound);
            }
        }
    }

    fn next(&mut self) -> anyhow::Result<u64> {
        if self.used == DRAWN {
            aws_lc_rs::rand::fill(&mut self.bytes[..]).map_err(|_| anyhow!("there is no randomness"))?;
            self.used = 0;
        }
        let number = self.bytes.get(self.used..).and_then(|rest| rest.first_chunk());
        self.used += size_of::<u64>();
        number.map(|bytes| u64::from_le_bytes(*bytes)).ok_or_else(|| anyhow!("there is no randomness"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_within_their_bound_and_all_come_up() -> anyhow::Result<()> {
        let mut random = Random::new();
        assert!(random.below(0).is_err());
        for bound in [1, 2, 7, u64::MAX] {
            assert!(random.below(bound)? < bound);
        }
        let mut seen = [0u32; 7];
        for _ in 0..7000 {
            seen[usize::try_from(random.below(7)?)?] += 1;
        }
        // Each is expected a thousand times; five standard deviations are 146.
        assert!(seen.iter().all(|times| (854..=1146).contains(times)), "{seen:?}");
        Ok(())
    }
}
