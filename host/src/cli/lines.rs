//! Lines of any length, read in bounded memory.

use std::io::{BufRead as _, BufReader, ErrorKind, Read};

use memchr::memchr;

/// The longest line that is a request, without its line end. The largest thing a request carries is a status list of
/// a few MiB; the rest is read and dropped.
pub(crate) const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;

/// The most lines that are handed on together: enough to make handing on cheap, few enough to keep all workers busy.
const MAX_CHUNK_LINES: usize = 32;

/// How much is read at once.
const BUFFER_BYTES: usize = 64 * 1024;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A line without its `\n`.
    Whole(Vec<u8>),
    /// There was a line, but it was longer than [`MAX_LINE_BYTES`].
    TooLong,
}

/// The lines of an input.
pub(crate) struct Lines<R> {
    input: BufReader<R>,
    /// The beginning of a line whose end has not been read yet.
    pending: Vec<u8>,
    /// The line being read is too long already.
    dropping: bool,
}

impl<R: Read> Lines<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input: BufReader::with_capacity(BUFFER_BYTES, input), pending: Vec::new(), dropping: false }
    }

    /// The lines that have been read but not handed on, at most [`MAX_CHUNK_LINES`]. Waits for input only if there is
    /// none, so that a line that came alone is not kept back. `None` at the end.
    pub(crate) fn next_chunk(&mut self) -> std::io::Result<Option<Vec<Line>>> {
        let mut chunk = Vec::new();
        while chunk.is_empty() {
            let buffer = match self.input.fill_buf() {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                buffer => buffer?,
            };
            if buffer.is_empty() {
                return Ok(last(&mut self.pending, &mut self.dropping).map(|line| vec![line]));
            }
            let mut taken = 0;
            while chunk.len() < MAX_CHUNK_LINES {
                let rest = &buffer[taken..];
                let Some(end) = memchr(b'\n', rest) else {
                    extend(&mut self.pending, &mut self.dropping, rest);
                    taken = buffer.len();
                    break;
                };
                extend(&mut self.pending, &mut self.dropping, &rest[..end]);
                chunk.push(whole(&mut self.pending, &mut self.dropping));
                taken += end + 1;
            }
            self.input.consume(taken);
        }
        Ok(Some(chunk))
    }
}

fn extend(pending: &mut Vec<u8>, dropping: &mut bool, bytes: &[u8]) {
    if *dropping {
        return;
    }
    if pending.len() + bytes.len() > MAX_LINE_BYTES {
        *pending = Vec::new();
        *dropping = true;
    } else {
        pending.extend_from_slice(bytes);
    }
}

fn whole(pending: &mut Vec<u8>, dropping: &mut bool) -> Line {
    if std::mem::take(dropping) { Line::TooLong } else { Line::Whole(std::mem::take(pending)) }
}

/// What stands after the last line end, if anything does.
fn last(pending: &mut Vec<u8>, dropping: &mut bool) -> Option<Line> {
    (*dropping || !pending.is_empty()).then(|| whole(pending, dropping))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(input: impl Read) -> Vec<Line> {
        let mut lines = Lines::new(input);
        let mut all = Vec::new();
        while let Ok(Some(chunk)) = lines.next_chunk() {
            assert!(!chunk.is_empty() && chunk.len() <= MAX_CHUNK_LINES);
            all.extend(chunk);
        }
        all
    }

    fn line(text: &[u8]) -> Line {
        Line::Whole(text.to_vec())
    }

    #[test]
    fn lines_are_split_at_line_feeds_only() {
        assert_eq!(all(&b""[..]), []);
        assert_eq!(all(&b"a\nb\n"[..]), [line(b"a"), line(b"b")]);
        assert_eq!(all(&b"a\r\n\nb"[..]), [line(b"a\r"), line(b""), line(b"b")]);
        assert_eq!(all(&b"\n"[..]), [line(b"")]);
    }

    #[test]
    fn many_lines_come_in_order() {
        let input: String = (0..1000).map(|n| format!("{n}\n")).collect();
        let expected: Vec<_> = (0..1000).map(|n| line(n.to_string().as_bytes())).collect();
        assert_eq!(all(input.as_bytes()), expected);
    }

    #[test]
    fn a_line_that_is_too_long_is_dropped_and_the_next_is_read() {
        let longest = std::io::repeat(b'x').take(MAX_LINE_BYTES as u64);
        let too_long = std::io::repeat(b'x').take(MAX_LINE_BYTES as u64 + 1);
        let input = longest.chain(&b"\n"[..]).chain(too_long).chain(&b"\nnext"[..]);
        let lines = all(input);
        assert!(matches!(&lines[0], Line::Whole(bytes) if bytes.len() == MAX_LINE_BYTES));
        assert_eq!(lines[1..], [Line::TooLong, line(b"next")]);
    }

    #[test]
    fn a_line_that_came_alone_is_not_kept_back() {
        /// Gives one line, and must not be read again before that line was handed on.
        struct OneThenPanic(bool);
        impl Read for OneThenPanic {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                assert!(!std::mem::replace(&mut self.0, true), "read before the line was handed on");
                buffer[..2].copy_from_slice(b"a\n");
                Ok(2)
            }
        }
        let chunk = Lines::new(OneThenPanic(false)).next_chunk();
        assert_eq!(chunk.ok().flatten(), Some(vec![line(b"a")]));
    }
}
