//! Strict JSON (RFC 8259).
//!
//! What a signer signed is kept as it is: an object that repeats a name is kept with its repetition, and refused when
//! somebody reads a member of it, so that no reader ever sees one of two meanings. [`Object::checked`] refuses at once,
//! for objects that are read as a whole.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};
use core::{cell::Cell, fmt};

use serde::{
    Serialize, Serializer,
    de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor},
    ser::{SerializeMap, SerializeSeq},
};

use crate::{EncodingCode, Rejection, limits::MAX_NESTING, limits::excerpt};

/// Most values and names in one JSON text. A value takes some twenty times the memory of its shortest text, so that
/// a bound a few MiB of `0,` would fill an instance; a token of 256 KiB cannot have as many, and what may be longer holds
/// long texts (a status list), not many small values.
pub const MAX_ITEMS: usize = 256 * 1024;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number within the range of a double.
    Number(Number),
    /// A text.
    String(String),
    /// A list.
    Array(Vec<Value>),
    /// An object.
    Object(Object),
}

/// A JSON number: an integer of 64 bits where it is written as one and fits, else a finite double.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// An integer from 0.
    Unsigned(u64),
    /// An integer below 0.
    Negative(i64),
    /// Anything else.
    Float(f64),
}

impl Number {
    /// As a double; integers above 2^53 are rounded.
    pub fn as_f64(self) -> f64 {
        match self {
            Number::Unsigned(n) => n as f64,
            Number::Negative(n) => n as f64,
            Number::Float(n) => n,
        }
    }
}

/// A JSON object: its members in their order, repetitions included.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Object {
    members: Vec<(String, Value)>,
    /// Index of the first member whose name stood before.
    repeated: Option<usize>,
}

impl Object {
    /// From members. A repeated name is noticed, as when parsed.
    pub fn from_members(members: Vec<(String, Value)>) -> Self {
        let repeated = first_repetition(&members);
        Self { members, repeated }
    }

    /// The object, if no name occurs twice in it.
    ///
    /// Error: `json.duplicate_name`.
    pub fn checked(&self) -> Result<&Self, Rejection> {
        match self.repeated {
            None => Ok(self),
            Some(index) => Err(Rejection::new(
                EncodingCode::JsonDuplicateName,
                format!("the name {} occurs twice", excerpt(&self.members[index].0)),
            )),
        }
    }

    /// A member. An object that repeats any name is not read at all.
    ///
    /// Error: `json.duplicate_name`.
    pub fn get(&self, name: &str) -> Result<Option<&Value>, Rejection> {
        let object = self.checked()?;
        Ok(object.members.iter().find(|(n, _)| n == name).map(|(_, value)| value))
    }

    /// The members in their order, repetitions included.
    pub fn members(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.members.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}

/// Looks for a repeated name without a hash map: sorted indices, so that 100,000 members cost no more than their sort.
fn first_repetition(members: &[(String, Value)]) -> Option<usize> {
    if members.len() < 2 {
        return None;
    }
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_by(|&a, &b| members[a].0.cmp(&members[b].0).then(a.cmp(&b)));
    order.windows(2).filter(|pair| members[pair[0]].0 == members[pair[1]].0).map(|pair| pair[1]).min()
}

impl Value {
    /// The type's name, for details.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a text",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        }
    }

    /// Refuses a name that occurs twice in any object here, at any depth.
    ///
    /// Error: `json.duplicate_name`.
    pub fn checked_everywhere(&self) -> Result<&Self, Rejection> {
        match self {
            Value::Object(object) => {
                object.checked()?;
                for (_, value) in object.members() {
                    value.checked_everywhere()?;
                }
            }
            Value::Array(items) => {
                for item in items {
                    item.checked_everywhere()?;
                }
            }
            _ => {}
        }
        Ok(self)
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The list, if it is one.
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Value::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The object, if it is one.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Value::Object(object) => Some(object),
            _ => None,
        }
    }
}

/// Parses one JSON value, and nothing after it.
///
/// Errors: `json.utf8`, `json.byte_order_mark`, `json.syntax`, `json.trailing`, `json.depth`, `json.items`,
/// `json.number_range`.
pub fn parse(bytes: &[u8]) -> Result<Value, Rejection> {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err(Rejection::new(EncodingCode::JsonByteOrderMark, "the text begins with a byte order mark"));
    }
    let text = core::str::from_utf8(bytes).map_err(|error| {
        Rejection::new(EncodingCode::JsonUtf8, format!("not UTF-8 at offset {}", error.valid_up_to()))
    })?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let left = Cell::new(MAX_ITEMS);
    let value = Seed { depth: 0, left: &left }.deserialize(&mut reader).map_err(|error| explain(&error))?;
    reader.end().map_err(|error| {
        Rejection::new(EncodingCode::JsonTrailing, format!("something follows the value, at column {}", error.column()))
    })?;
    Ok(value)
}

/// Parses one JSON object whose names are unique.
///
/// Errors: those of [`parse`], `json.not_object`, `json.duplicate_name`.
pub fn parse_object(bytes: &[u8]) -> Result<Object, Rejection> {
    match parse(bytes)? {
        Value::Object(object) => {
            object.checked()?;
            Ok(object)
        }
        other => {
            Err(Rejection::new(EncodingCode::JsonNotObject, format!("{} where an object has to be", other.kind())))
        }
    }
}

/// The JSON text of a value, on one line.
pub fn to_text(value: &impl Serialize) -> String {
    // Values hold finite numbers and text names only, which is all that serialisation can fail on.
    serde_json::to_string(value).unwrap_or_default()
}

const TOO_DEEP: &str = "nested too deep";
const TOO_MANY: &str = "too many values and names";

fn explain(error: &serde_json::Error) -> Rejection {
    let text = format!("{error}");
    let code = if text.starts_with(TOO_DEEP) || text.starts_with("recursion limit") {
        EncodingCode::JsonDepth
    } else if text.starts_with(TOO_MANY) {
        EncodingCode::JsonItems
    } else if text.starts_with("number out of range") {
        EncodingCode::JsonNumberRange
    } else {
        EncodingCode::JsonSyntax
    };
    Rejection::new(code, text)
}

/// Builds a value and counts how deep it is and how many values and names there are.
#[derive(Clone, Copy)]
struct Seed<'c> {
    depth: usize,
    /// How many more there may be, in the whole text.
    left: &'c Cell<usize>,
}

impl Seed<'_> {
    /// The seed of what stands in the array or object that begins here.
    fn enter<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_NESTING {
            return Err(E::custom(TOO_DEEP));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    /// Counts a value or a name.
    fn count<E: serde::de::Error>(self) -> Result<(), E> {
        self.left.set(self.left.get().checked_sub(1).ok_or_else(|| E::custom(TOO_MANY))?);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.count()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(Number::Unsigned(value)))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(Number::Negative(value)))
    }
    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        if value.is_finite() { Ok(Value::Number(Number::Float(value))) } else { Err(E::custom("number out of range")) }
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }
    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let inner = self.enter()?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let inner = self.enter()?;
        let mut members = Vec::new();
        while let Some(name) = access.next_key::<String>()? {
            inner.count()?;
            members.push((name, access.next_value_seed(inner)?));
        }
        Ok(Value::Object(Object::from_members(members)))
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Number(Number::Unsigned(value)) => serializer.serialize_u64(*value),
            Value::Number(Number::Negative(value)) => serializer.serialize_i64(*value),
            Value::Number(Number::Float(value)) => serializer.serialize_f64(*value),
            Value::String(value) => serializer.serialize_str(value),
            Value::Array(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(item)?;
                }
                list.end()
            }
            Value::Object(object) => object.serialize(serializer),
        }
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.members.len()))?;
        for (name, value) in &self.members {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::String(text.into())
    }
}
impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::String(text)
    }
}
impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}
impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Value::Number(Number::Unsigned(value))
    }
}
impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Value::Object(object)
    }
}
impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Value::Array(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &[u8]) -> &'static str {
        parse(text).unwrap_err().code()
    }

    #[test]
    fn faults_have_their_codes() {
        assert_eq!(code(b"\xef\xbb\xbf{}"), "json.byte_order_mark");
        assert_eq!(code(b"{\"a\":\"\xc0\xaf\"}"), "json.utf8");
        assert_eq!(code(b"{\"a\":1,}"), "json.syntax");
        assert_eq!(code(b"{\"a\":+1}"), "json.syntax");
        assert_eq!(code(b"{\"a\":NaN}"), "json.syntax");
        assert_eq!(code(b"[\"\\ud800\"]"), "json.syntax");
        assert_eq!(code(b"{} x"), "json.trailing");
        assert_eq!(code(b"[1e400]"), "json.number_range");
        assert_eq!(parse_object(b"[]").unwrap_err().code(), "json.not_object");
    }

    #[test]
    fn depth_is_counted_at_both_sides_of_the_bound() {
        let nested = |n: usize| ["[".repeat(n), "]".repeat(n)].concat();
        assert!(parse(nested(MAX_NESTING).as_bytes()).is_ok());
        assert_eq!(code(nested(MAX_NESTING + 1).as_bytes()), "json.depth");
        assert_eq!(code(nested(100_000).as_bytes()), "json.depth");
        let objects = |n: usize| ["{\"a\":".repeat(n - 1), "{}".into(), "}".repeat(n - 1)].concat();
        assert!(parse(objects(MAX_NESTING).as_bytes()).is_ok());
        assert_eq!(code(objects(MAX_NESTING + 1).as_bytes()), "json.depth");
    }

    #[test]
    fn items_are_counted_at_both_sides_of_the_bound() {
        // The list itself is one.
        let list = |items: usize| ["[0", &",0".repeat(items - 2), "]"].concat();
        assert!(parse(list(MAX_ITEMS).as_bytes()).is_ok());
        assert_eq!(code(list(MAX_ITEMS + 1).as_bytes()), "json.items");
        let names = |members: usize| ["{\"a\":0", &",\"b\":0".repeat(members - 1), "}"].concat();
        assert!(parse(names((MAX_ITEMS - 1) / 2).as_bytes()).is_ok());
        assert_eq!(code(names(MAX_ITEMS / 2 + 1).as_bytes()), "json.items");
    }

    #[test]
    fn a_repeated_name_is_kept_but_never_read() {
        let object = match parse(br#"{"b":1,"a":1,"\u0061":2}"#).unwrap() {
            Value::Object(object) => object,
            _ => unreachable!(),
        };
        assert_eq!(object.get("b").unwrap_err().code(), "json.duplicate_name");
        assert_eq!(object.get("a").unwrap_err().code(), "json.duplicate_name");
        assert_eq!(to_text(&object), r#"{"b":1,"a":1,"a":2}"#);
        assert_eq!(parse_object(br#"{"a":1,"a":1}"#).unwrap_err().code(), "json.duplicate_name");
    }
}
