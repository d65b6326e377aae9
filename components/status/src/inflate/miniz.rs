//! DEFLATE by miniz_oxide: small, for pages.

use alloc::{boxed::Box, vec, vec::Vec};

use adler2::Adler32;
use miniz_oxide::inflate::{
    TINFLStatus,
    core::{DecompressorOxide, decompress, inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF},
};

use super::{CHUNK, Progress};

/// How far back a distance may reach (RFC 1951 section 3.2.5).
const REACH: usize = 32 * 1024;

pub(super) struct Engine {
    state: Box<DecompressorOxide>,
    /// What was inflated last, as far as a distance reaches, and room for what comes. Not a ring: with one, the crate takes a
    /// distance to before the first byte for one to a zero.
    buffer: Vec<u8>,
    /// How much of the buffer was inflated.
    held: usize,
}

impl Engine {
    pub(super) fn new() -> Self {
        Self { state: Box::default(), buffer: vec![0; REACH + CHUNK], held: 0 }
    }

    /// Goes on as far as input and output allow; there is no more input than this. The error says what is wrong with the data.
    pub(super) fn inflate(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress, &'static str> {
        let end = self.buffer.len().min(self.held + output.len());
        let room = self.buffer.get_mut(..end).unwrap_or_default();
        let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        let (status, consumed, produced) = decompress(&mut self.state, input, room, self.held, flags);
        let ended = match status {
            TINFLStatus::Done => true,
            // Who asked sees by the counts that nothing more comes.
            TINFLStatus::HasMoreOutput | TINFLStatus::NeedsMoreInput | TINFLStatus::FailedCannotMakeProgress => false,
            _ => return Err("a block, a code or a distance that there cannot be"),
        };
        let made = self.held..self.held + produced;
        if let (Some(made), Some(output)) = (self.buffer.get(made.clone()), output.get_mut(..produced)) {
            output.copy_from_slice(made);
        }
        let kept = made.end.min(REACH);
        self.buffer.copy_within(made.end - kept..made.end, 0);
        self.held = kept;
        Ok(Progress { consumed, produced, ended })
    }
}

/// The checksum of RFC 1950 section 8.2, going on from `start`.
pub(super) fn adler32(start: u32, data: &[u8]) -> u32 {
    let mut sum = Adler32::from_checksum(start);
    sum.write_slice(data);
    sum.checksum()
}
