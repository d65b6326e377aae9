//! How far long work is, on standard error where somebody watches.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// How long work may take before it is worth a word, and how often it is told then.
const PATIENCE: Duration = Duration::from_millis(500);

/// How often the clock is looked at: once in so many steps.
const STEPS: u32 = 1024;

/// Work that is being told of, in one line that is written over and is gone at the end.
pub(crate) struct Progress {
    what: &'static str,
    last: Instant,
    steps: u32,
    watched: bool,
    told: bool,
}

impl Progress {
    pub(crate) fn new(what: &'static str) -> Self {
        let watched = std::io::stderr().is_terminal();
        Self { what, last: Instant::now(), steps: 0, watched, told: false }
    }

    /// A small step is done.
    pub(crate) fn at(&mut self, done: u64, all: u64) {
        self.steps = self.steps.wrapping_add(1);
        if self.watched && self.steps.is_multiple_of(STEPS) {
            self.large(done, all);
        }
    }

    /// A large step is done.
    pub(crate) fn large(&mut self, done: u64, all: u64) {
        if !self.watched || self.last.elapsed() < PATIENCE {
            return;
        }
        self.last = Instant::now();
        self.told = true;
        let _ = write!(std::io::stderr(), "\r{}", line(self.what, done, all));
    }
}

/// Where nobody knows how much there is, `all` is 0.
fn line(what: &str, done: u64, all: u64) -> String {
    match all {
        0 => format!("{what}: {done} …"),
        all => format!("{what}: {:3} %", u128::from(done) * 100 / u128::from(all)),
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.told {
            // Wider than any line that was written.
            let _ = write!(std::io::stderr(), "\r{:60}\r", "");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_tell_how_far_it_is() {
        assert_eq!(line("compressing", 1, 3), "compressing:  33 %");
        assert_eq!(line("compressing", u64::MAX, u64::MAX), "compressing: 100 %");
        assert_eq!(line("reading", 4096, 0), "reading: 4096 …");
    }
}
