//! Compression into one zlib stream (section 4.1 step 4), piece by piece.

use alloc::{format, vec, vec::Vec};

use portcullis_types::Rejection;
use zlib_rs::{Deflate, DeflateFlush, Status};

use super::BuildCode;
use crate::Bits;

/// The highest level there is, as the text recommends.
const LEVEL: i32 = 9;

/// Base two logarithm of the window, the greatest there is (RFC 1950 section 2.2).
const WINDOW_BITS: u8 = 15;

/// How much output is taken at once.
const PIECE: usize = 64 * 1024;

/// A list as it stands in a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompressedList {
    /// How many bits an entry has.
    pub bits: Bits,
    /// The zlib stream.
    pub zlib: Vec<u8>,
}

/// A zlib stream that is being written. Beside what was written it takes some 300 KiB.
pub(crate) struct Compressor {
    state: Deflate,
    piece: Vec<u8>,
    written: Vec<u8>,
}

impl Compressor {
    pub(crate) fn new() -> Self {
        Self { state: Deflate::new(LEVEL, true, WINDOW_BITS), piece: vec![0; PIECE], written: Vec::new() }
    }

    /// Takes bytes, all of them.
    ///
    /// Error: `status.build_read_back`.
    pub(crate) fn write(&mut self, mut bytes: &[u8]) -> Result<(), Rejection> {
        while !bytes.is_empty() {
            let (consumed, _) = self.step(bytes, DeflateFlush::NoFlush)?;
            bytes = bytes.get(consumed..).unwrap_or_default();
        }
        Ok(())
    }

    /// Ends the stream, and hands it out.
    ///
    /// Error: `status.build_read_back`.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>, Rejection> {
        while !self.step(&[], DeflateFlush::Finish)?.1 {}
        Ok(self.written)
    }

    /// One step. How much was consumed, and whether the stream has ended, is the answer. A step that makes no progress is an
    /// error, so that nobody waits for ever.
    fn step(&mut self, bytes: &[u8], flush: DeflateFlush) -> Result<(usize, bool), Rejection> {
        let (before_in, before_out) = (self.state.total_in(), self.state.total_out());
        let made = self.state.compress(bytes, &mut self.piece, flush);
        let ended = match made {
            Ok(status) => status == Status::StreamEnd,
            Err(error) => {
                return Err(Rejection::new(BuildCode::ReadBack, format!("the compressor says: {}", error.as_str())));
            }
        };
        // Both are at most the lengths of the slices.
        let consumed = (self.state.total_in() - before_in) as usize;
        let produced = (self.state.total_out() - before_out) as usize;
        if consumed == 0 && produced == 0 && !ended {
            return Err(Rejection::new(BuildCode::ReadBack, "the compressor neither reads nor writes"));
        }
        self.written.extend_from_slice(self.piece.get(..produced).unwrap_or_default());
        Ok((consumed, ended))
    }
}
