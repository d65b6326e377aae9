//! From bytes to a [`Value`].

use alloc::{borrow::Cow, boxed::Box, format, string::String, vec::Vec};

use ciborium_ll::{Decoder, Error, Header};

use super::{Label, MAX_ITEMS, Map, Value};
use crate::{EncodingCode, Rejection, limits::MAX_NESTING};

/// Parses one CBOR item, and nothing after it.
///
/// Errors: `cbor.empty`, `cbor.truncated`, `cbor.syntax`, `cbor.chunk`, `cbor.utf8`, `cbor.simple`, `cbor.depth`,
/// `cbor.items`, `cbor.label_type`, `cbor.duplicate_label`, `cbor.trailing`.
pub fn parse(bytes: &[u8]) -> Result<Value<'_>, Rejection> {
    if bytes.is_empty() {
        return Err(Rejection::new(EncodingCode::CborEmpty, "there are no bytes"));
    }
    let mut reader = Reader { length: bytes.len(), rest: bytes, items: 0 };
    let header = reader.header()?;
    let value = reader.value(header, 0)?;
    if !reader.rest.is_empty() {
        return Err(Rejection::new(EncodingCode::CborTrailing, format!("{} bytes follow the item", reader.rest.len())));
    }
    Ok(value)
}

/// What is left to read, and what was read so far.
struct Reader<'a> {
    length: usize,
    rest: &'a [u8],
    items: usize,
}

impl<'a> Reader<'a> {
    fn offset(&self) -> usize {
        self.length - self.rest.len()
    }

    fn refuse(&self, code: EncodingCode, what: &str) -> Rejection {
        Rejection::new(code, format!("{what} at offset {}", self.offset()))
    }

    /// The head of the next item: its type with its number or length.
    fn header(&mut self) -> Result<Header, Rejection> {
        let truncated = |reader: &Self| reader.refuse(EncodingCode::CborTruncated, "the item ends early,");
        let first = *self.rest.first().ok_or_else(|| truncated(self))?;
        // A simple value in two bytes is either one that has to be in one byte, which is not well-formed (RFC 8949
        // section 3.3), or one that is not assigned.
        if first == 0xf8 {
            return Err(self.refuse(EncodingCode::CborSimple, "a simple value that is not assigned"));
        }
        let mut decoder = Decoder::from(self.rest);
        let header = match decoder.pull() {
            Ok(header) => header,
            Err(Error::Io(_)) => return Err(truncated(self)),
            // On a machine of 32 bits a length beyond them is an error of the decoder; everywhere it is a length beyond
            // the input. Reserved numbers (28 to 30) and lengths where none may be are not well-formed.
            Err(Error::Syntax(_)) if (24..=27).contains(&(first & 0x1f)) => return Err(truncated(self)),
            Err(Error::Syntax(_)) => return Err(self.refuse(EncodingCode::CborSyntax, "no item begins")),
        };
        self.rest = self.rest.get(decoder.offset()..).unwrap_or_default();
        Ok(header)
    }

    /// The item whose head was read; `depth` is how many items it stands in.
    fn value(&mut self, header: Header, depth: usize) -> Result<Value<'a>, Rejection> {
        self.count()?;
        Ok(match header {
            Header::Positive(n) => Value::Unsigned(n),
            Header::Negative(n) => Value::Negative(n),
            Header::Bytes(length) => Value::Bytes(self.bytes(length)?),
            Header::Text(length) => Value::Text(self.text(length)?),
            Header::Array(length) => Value::Array(self.array(length, self.enter(depth)?)?),
            Header::Map(length) => Value::Map(self.map(length, self.enter(depth)?)?),
            Header::Tag(tag) => {
                let depth = self.enter(depth)?;
                let header = self.header()?;
                Value::Tag(tag, Box::new(self.value(header, depth)?))
            }
            Header::Simple(ciborium_ll::simple::FALSE) => Value::Bool(false),
            Header::Simple(ciborium_ll::simple::TRUE) => Value::Bool(true),
            Header::Simple(ciborium_ll::simple::NULL) => Value::Null,
            Header::Simple(ciborium_ll::simple::UNDEFINED) => Value::Undefined,
            Header::Simple(_) => {
                return Err(self.refuse(EncodingCode::CborSimple, "a simple value that is not assigned"));
            }
            Header::Float(number) => Value::Float(number),
            Header::Break => return Err(self.refuse(EncodingCode::CborSyntax, "a break that ends nothing")),
        })
    }

    fn count(&mut self) -> Result<(), Rejection> {
        self.items += 1;
        if self.items > MAX_ITEMS {
            return Err(Rejection::new(EncodingCode::CborItems, format!("more than {MAX_ITEMS} items")));
        }
        Ok(())
    }

    fn enter(&self, depth: usize) -> Result<usize, Rejection> {
        if depth >= MAX_NESTING {
            return Err(self.refuse(EncodingCode::CborDepth, "nested too deep"));
        }
        Ok(depth + 1)
    }

    /// Refuses a claimed number of items that cannot be there, each having at least one byte.
    fn plausible(&self, length: Option<usize>, least: usize) -> Result<(), Rejection> {
        match length {
            Some(length) if length > self.rest.len() / least => {
                Err(self.refuse(EncodingCode::CborTruncated, "a list or map claims more than there is,"))
            }
            _ => Ok(()),
        }
    }

    /// Whether one more item stands in a list or map of `length` items, of which `read` were read; for an indefinite
    /// length, its head.
    fn next(&mut self, length: Option<usize>, read: usize) -> Result<Option<Header>, Rejection> {
        if length == Some(read) {
            return Ok(None);
        }
        match self.header()? {
            Header::Break if length.is_none() => Ok(None),
            header => Ok(Some(header)),
        }
    }

    fn array(&mut self, length: Option<usize>, depth: usize) -> Result<Vec<Value<'a>>, Rejection> {
        self.plausible(length, 1)?;
        let mut items = Vec::new();
        while let Some(header) = self.next(length, items.len())? {
            items.push(self.value(header, depth)?);
        }
        Ok(items)
    }

    fn map(&mut self, length: Option<usize>, depth: usize) -> Result<Map<'a>, Rejection> {
        self.plausible(length, 2)?;
        let mut entries = Vec::new();
        while let Some(header) = self.next(length, entries.len())? {
            let label = self.label(header)?;
            let header = self.header()?;
            entries.push((label, self.value(header, depth)?));
        }
        Map::from_entries(entries).map_err(|label| {
            Rejection::new(EncodingCode::CborDuplicateLabel, format!("the label {label} occurs twice in a map"))
        })
    }

    fn label(&mut self, header: Header) -> Result<Label<'a>, Rejection> {
        self.count()?;
        Ok(match header {
            Header::Positive(n) => Label::Unsigned(n),
            Header::Negative(n) => Label::Negative(n),
            Header::Bytes(length) => Label::Bytes(self.bytes(length)?),
            Header::Text(length) => Label::Text(self.text(length)?),
            Header::Break => return Err(self.refuse(EncodingCode::CborSyntax, "a break in the middle of a map")),
            _ => {
                return Err(self.refuse(EncodingCode::CborLabelType, "a label that is neither a number nor a string"));
            }
        })
    }

    /// The next bytes of the input, if there are as many.
    fn take(&mut self, length: usize) -> Result<&'a [u8], Rejection> {
        match self.rest.split_at_checked(length) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(self.refuse(EncodingCode::CborTruncated, "a string ends beyond the input,")),
        }
    }

    fn bytes(&mut self, length: Option<usize>) -> Result<Cow<'a, [u8]>, Rejection> {
        if let Some(length) = length {
            return Ok(Cow::Borrowed(self.take(length)?));
        }
        let mut joined = Vec::new();
        loop {
            match self.header()? {
                Header::Break => return Ok(Cow::Owned(joined)),
                Header::Bytes(Some(length)) => joined.extend_from_slice(self.take(length)?),
                _ => return Err(self.refuse(EncodingCode::CborChunk, "a piece of a byte string is something else,")),
            }
        }
    }

    fn text(&mut self, length: Option<usize>) -> Result<Cow<'a, str>, Rejection> {
        if let Some(length) = length {
            return Ok(Cow::Borrowed(self.utf8(length)?));
        }
        let mut joined = String::new();
        loop {
            match self.header()? {
                Header::Break => return Ok(Cow::Owned(joined)),
                // Each piece is UTF-8 by itself (RFC 8949 section 3.2.3).
                Header::Text(Some(length)) => joined.push_str(self.utf8(length)?),
                _ => return Err(self.refuse(EncodingCode::CborChunk, "a piece of a text is something else,")),
            }
        }
    }

    fn utf8(&mut self, length: usize) -> Result<&'a str, Rejection> {
        let bytes = self.take(length)?;
        core::str::from_utf8(bytes).map_err(|_| self.refuse(EncodingCode::CborUtf8, "a text that is not UTF-8 ends"))
    }
}
