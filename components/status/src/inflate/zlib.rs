//! DEFLATE by zlib-rs: fast, for hosts.

use zlib_rs::{Inflate, InflateFlush, Status};

pub(super) use zlib_rs::adler32::adler32;

use super::{Progress, WINDOW_BITS};

pub(super) struct Engine(Inflate);

impl Engine {
    pub(super) fn new() -> Self {
        Self(Inflate::new(false, WINDOW_BITS))
    }

    /// Goes on as far as input and output allow. The error says what is wrong with the data.
    pub(super) fn inflate(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress, &'static str> {
        let (before_in, before_out) = (self.0.total_in(), self.0.total_out());
        let made = self.0.decompress(input, output, InflateFlush::NoFlush);
        let ended = match made {
            Ok(status) => status == Status::StreamEnd,
            Err(error) => return Err(self.0.error_message().unwrap_or(error.as_str())),
        };
        // Both are at most the lengths of the slices.
        let consumed = (self.0.total_in() - before_in) as usize;
        let produced = (self.0.total_out() - before_out) as usize;
        Ok(Progress { consumed, produced, ended })
    }
}
