//! Strict CBOR (RFC 8949): one well-formed and valid item, and nothing after it.
//!
//! Refused beyond what is not well-formed: labels that occur twice in a map (RFC 8949 section 5.6, RFC 9052 section 3),
//! labels that are neither integers nor strings, text that is not UTF-8, simple values that nobody has defined, deep
//! nesting, and more items than a token could hold. Lengths may be definite or indefinite, and integers need not be in their shortest form: signatures cover bytes as they
//! arrived, so another encoding of the same value is no other value.
//!
//! Nothing is allocated on the strength of a claimed length: strings are borrowed from the input, lists grow as their
//! items are read.
//!
//! ```
//! use portcullis_types::cbor;
//!
//! // {1: "a", "x": h'00'}
//! let value = cbor::parse(&[0xa2, 0x01, 0x61, 0x61, 0x61, 0x78, 0x41, 0x00]).unwrap();
//! let map = value.as_map().unwrap();
//! assert_eq!(map.get(1).and_then(|value| value.as_text()), Some("a"));
//! assert_eq!(map.get_text("x").and_then(|value| value.as_bytes()), Some(&[0u8][..]));
//!
//! // {1: 0, 1: 0}
//! assert_eq!(cbor::parse(&[0xa2, 0x01, 0x00, 0x01, 0x00]).unwrap_err().code(), "cbor.duplicate_label");
//! ```

use alloc::{borrow::Cow, boxed::Box, vec::Vec};

use crate::limits::excerpt;

mod reader;
#[cfg(test)]
mod tests;
mod to_json;

pub use reader::parse;

/// Most items in one value, maps, lists, tags and labels counted. Every item has at least one byte, so a token of
/// 256 KiB cannot have more; in what may be longer (status lists) they are byte strings, not many small items.
pub const MAX_ITEMS: usize = 256 * 1024;

/// A CBOR data item (RFC 8949 section 3.1). Strings that were sent in one piece are borrowed from the input.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// An integer from 0.
    Unsigned(u64),
    /// An integer below 0: this is −1 − n.
    Negative(u64),
    /// A byte string.
    Bytes(Cow<'a, [u8]>),
    /// A text string.
    Text(Cow<'a, str>),
    /// An array.
    Array(Vec<Value<'a>>),
    /// A map.
    Map(Map<'a>),
    /// A tagged item (RFC 8949 section 3.4).
    Tag(u64, Box<Value<'a>>),
    /// `false` or `true`.
    Bool(bool),
    /// `null`.
    Null,
    /// `undefined`.
    Undefined,
    /// A floating-point number of any width, possibly not finite.
    Float(f64),
}

/// A label of a map. The order is one in which equal labels stand together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Label<'a> {
    /// An integer from 0.
    Unsigned(u64),
    /// An integer below 0: this is −1 − n.
    Negative(u64),
    /// A byte string.
    Bytes(Cow<'a, [u8]>),
    /// A text string.
    Text(Cow<'a, str>),
}

/// A CBOR map whose labels are unique, in the order they came in. Looking one up costs little in a large map too.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Map<'a> {
    entries: Vec<(Label<'a>, Value<'a>)>,
    /// The places of the entries, sorted by label. Sorted places instead of a hash map: attackers fill maps.
    order: Vec<usize>,
}

impl Label<'_> {
    /// The integer, if it is one of 64 bits with its sign.
    pub fn as_integer(&self) -> Option<i64> {
        match *self {
            Label::Unsigned(n) => i64::try_from(n).ok(),
            Label::Negative(n) => i64::try_from(n).ok().map(|n| -1 - n),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Label::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl core::fmt::Display for Label<'_> {
    /// For details: short and printable.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Label::Unsigned(n) => write!(f, "{n}"),
            Label::Negative(n) => write!(f, "{}", -1 - i128::from(*n)),
            Label::Text(text) => f.write_str(&excerpt(text)),
            Label::Bytes(_) => f.write_str("a byte string"),
        }
    }
}

impl<'a> Map<'a> {
    /// From entries, if no label occurs twice; else the first label that does.
    fn from_entries(mut entries: Vec<(Label<'a>, Value<'a>)>) -> Result<Self, Label<'a>> {
        let mut order: Vec<usize> = (0..entries.len()).collect();
        order.sort_by(|&a, &b| entries[a].0.cmp(&entries[b].0).then(a.cmp(&b)));
        let repeated = order.windows(2).filter(|pair| entries[pair[0]].0 == entries[pair[1]].0).map(|pair| pair[1]);
        match repeated.min() {
            None => Ok(Self { entries, order }),
            Some(at) => Err(entries.swap_remove(at).0),
        }
    }

    /// The value at an integer label.
    pub fn get(&self, label: i64) -> Option<&Value<'a>> {
        self.get_label(&match u64::try_from(label) {
            Ok(n) => Label::Unsigned(n),
            Err(_) => Label::Negative(label.unsigned_abs() - 1),
        })
    }

    /// The value at a text label.
    pub fn get_text(&self, label: &str) -> Option<&Value<'a>> {
        self.get_label(&Label::Text(label.into()))
    }

    /// The value at a label of any kind.
    pub fn get_label(&self, label: &Label<'_>) -> Option<&Value<'a>> {
        let found = self.order.binary_search_by(|&at| self.entries[at].0.cmp(label)).ok()?;
        Some(&self.entries[self.order[found]].1)
    }

    /// Labels and values, in their order.
    pub fn entries(&self) -> impl Iterator<Item = (&Label<'a>, &Value<'a>)> {
        self.entries.iter().map(|(label, value)| (label, value))
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<'a> Value<'a> {
    /// The type's name, for details.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Unsigned(_) | Value::Negative(_) => "an integer",
            Value::Bytes(_) => "a byte string",
            Value::Text(_) => "a text",
            Value::Array(_) => "a list",
            Value::Map(_) => "a map",
            Value::Tag(..) => "a tagged item",
            Value::Bool(_) => "a boolean",
            Value::Null => "null",
            Value::Undefined => "undefined",
            Value::Float(_) => "a floating-point number",
        }
    }

    /// The integer, if it is one of 64 bits with its sign.
    pub fn as_integer(&self) -> Option<i64> {
        match *self {
            Value::Unsigned(n) => i64::try_from(n).ok(),
            Value::Negative(n) => i64::try_from(n).ok().map(|n| -1 - n),
            _ => None,
        }
    }

    /// The byte string, if it is one.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The list, if it is one.
    pub fn as_array(&self) -> Option<&[Value<'a>]> {
        match self {
            Value::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The map, if it is one.
    pub fn as_map(&self) -> Option<&Map<'a>> {
        match self {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }
}
