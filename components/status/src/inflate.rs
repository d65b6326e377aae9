//! Inflation of a zlib stream (RFC 1950, RFC 1951), counted while it happens.

use alloc::{boxed::Box, format, vec, vec::Vec};

use portcullis_types::Rejection;

use engine::{Engine, adler32};

use crate::StatusCode;

#[cfg_attr(feature = "fast", path = "inflate/zlib.rs")]
#[cfg_attr(not(feature = "fast"), path = "inflate/miniz.rs")]
mod engine;
#[cfg(test)]
mod tests;

/// How much is inflated at once, and kept in one piece. Large enough that the bookkeeping costs nothing, small enough
/// that a short list costs little; pieces are never copied together, so that nothing is ever held twice.
pub(crate) const CHUNK: usize = 64 * 1024;

/// Length of a zlib header.
const HEADER: usize = 2;

/// Length of the checksum at the end.
const CHECKSUM: usize = 4;

/// Base two logarithm of the greatest window there is (RFC 1950 section 2.2). It is used whatever window a header asks
/// for, as zlib itself does.
const WINDOW_BITS: u8 = 15;

/// How far one piece came.
struct Progress {
    consumed: usize,
    produced: usize,
    ended: bool,
}

/// What a stream inflated to: pieces of [`CHUNK`] bytes, the last one as long as it has to be.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Chunks {
    pieces: Vec<Box<[u8]>>,
    length: usize,
}

impl Chunks {
    /// How many bytes there are.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// One of them.
    pub(crate) fn get(&self, at: usize) -> Option<u8> {
        self.pieces.get(at / CHUNK)?.get(at % CHUNK).copied()
    }

    /// The bytes, piece by piece.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.pieces.iter().map(|piece| &**piece)
    }

    /// Memory taken, in bytes, apart from what the allocator adds.
    pub(crate) fn held(&self) -> usize {
        self.length + self.pieces.capacity() * size_of::<Box<[u8]>>()
    }

    fn push(&mut self, piece: Vec<u8>) {
        if !piece.is_empty() {
            self.length += piece.len();
            self.pieces.push(piece.into_boxed_slice());
        }
    }

    fn finish(&mut self) {
        self.pieces.shrink_to_fit();
    }
}

/// Inflates exactly one zlib stream to at most `most` bytes.
///
/// Errors: `status.zlib_*`, `status.inflates_too_large`.
pub(crate) fn inflate(stream: &[u8], most: usize) -> Result<Chunks, Rejection> {
    let mut chunks = Chunks::default();
    let (rest, checksum) = data(header(stream)?, most, &mut chunks)?;
    trailer(rest, checksum)?;
    chunks.finish();
    Ok(chunks)
}

/// The header (RFC 1950 section 2.2), in the order in which zlib judges it. What follows it is the answer.
fn header(stream: &[u8]) -> Result<&[u8], Rejection> {
    let refuse = |code, detail: &str| Err(Rejection::new(code, detail));
    let (method_and_window, flags, rest) = match stream {
        [] => return refuse(StatusCode::ZlibEmpty, "there are no bytes"),
        [_] => return refuse(StatusCode::ZlibTruncated, "there is one byte"),
        [0x1f, 0x8b, ..] => return refuse(StatusCode::ZlibGzip, "the bytes begin as a gzip file does"),
        [first, second, rest @ ..] => (*first, *second, rest),
    };
    debug_assert_eq!(rest.len() + HEADER, stream.len());
    if u16::from_be_bytes([method_and_window, flags]) % 31 != 0 {
        return refuse(StatusCode::ZlibHeader, "the first two bytes are no zlib header");
    }
    if method_and_window & 0x0f != 8 {
        return refuse(StatusCode::ZlibMethod, "the compression method is not 8");
    }
    if method_and_window >> 4 > WINDOW_BITS - 8 {
        return refuse(StatusCode::ZlibWindow, "the window is larger than 32 KiB");
    }
    if flags & 0x20 != 0 {
        return refuse(StatusCode::ZlibDictionary, "the stream needs a preset dictionary");
    }
    Ok(rest)
}

/// The compressed data (RFC 1951), put into `chunks`. What follows them and the checksum of what they inflated to are the
/// answer. Never holds more than `most` bytes.
fn data<'a>(compressed: &'a [u8], most: usize, chunks: &mut Chunks) -> Result<(&'a [u8], u32), Rejection> {
    let mut state = Engine::new();
    let mut rest = compressed;
    let mut checksum = 1;
    loop {
        let room = CHUNK.min(most.saturating_sub(chunks.len()));
        // Where there is no room left, one byte that is not kept shows whether the data have ended.
        let mut piece = vec![0; room.max(1)];
        let (written, ended) = fill(&mut state, &mut rest, &mut piece)?;
        if written > room {
            return Err(Rejection::new(
                StatusCode::InflatesTooLarge,
                format!("the list inflates to more than {most} bytes"),
            ));
        }
        piece.truncate(written);
        checksum = adler32(checksum, &piece);
        chunks.push(piece);
        if ended {
            return Ok((rest, checksum));
        }
    }
}

/// Inflates until a piece is full or the data end. How many bytes were written, and whether the data have ended, is the
/// answer.
fn fill(state: &mut Engine, rest: &mut &[u8], piece: &mut [u8]) -> Result<(usize, bool), Rejection> {
    let mut written = 0;
    while let Some(free @ [_, ..]) = piece.get_mut(written..) {
        let Progress { consumed, produced, ended } = state
            .inflate(rest, free)
            .map_err(|what| Rejection::new(StatusCode::ZlibData, format!("the data are not DEFLATE: {what}")))?;
        *rest = rest.get(consumed..).unwrap_or_default();
        written += produced;
        if ended {
            return Ok((written, true));
        }
        if consumed == 0 && produced == 0 {
            return Err(Rejection::new(StatusCode::ZlibTruncated, "the compressed data end too early"));
        }
    }
    Ok((written, false))
}

/// What follows the data (RFC 1950 section 2.2): their checksum, and nothing else.
fn trailer(rest: &[u8], checksum: u32) -> Result<(), Rejection> {
    let Some((told, after)) = rest.split_first_chunk::<CHECKSUM>() else {
        return Err(Rejection::new(
            StatusCode::ZlibChecksumMissing,
            format!("{} bytes of the checksum's {CHECKSUM} are there", rest.len()),
        ));
    };
    if u32::from_be_bytes(*told) != checksum {
        return Err(Rejection::new(StatusCode::ZlibChecksum, "the checksum does not match"));
    }
    if !after.is_empty() {
        return Err(Rejection::new(StatusCode::ZlibTrailing, format!("{} bytes follow the stream", after.len())));
    }
    Ok(())
}
