//! From CBOR to the JSON values that claims are handed out as (RFC 8949 section 6.1).

use alloc::{format, string::String, vec::Vec};

use super::{Label, Map, Value};
use crate::{
    EncodingCode, Rejection, base64url,
    json::{self, Number, Object},
};

impl Value<'_> {
    /// The value as JSON: byte strings as base64url, integer labels as decimal text, tags left away, `undefined` as
    /// `null`. Integers beyond 64 bits with their sign become doubles, as when JSON is read.
    ///
    /// Errors: `cbor.number_range` for what is not finite, `cbor.label_ambiguous` where two labels of a map would become
    /// the same name.
    pub fn to_json(&self) -> Result<json::Value, Rejection> {
        Ok(match self {
            Value::Unsigned(n) => json::Value::Number(Number::Unsigned(*n)),
            Value::Negative(n) => json::Value::Number(negative(*n)),
            Value::Bytes(bytes) => json::Value::String(base64url::encode(bytes)),
            Value::Text(text) => json::Value::String(text.as_ref().into()),
            Value::Array(items) => json::Value::Array(items.iter().map(Value::to_json).collect::<Result<_, _>>()?),
            Value::Map(map) => json::Value::Object(map.to_object(|_| None)?),
            Value::Tag(_, inner) => inner.to_json()?,
            Value::Bool(value) => json::Value::Bool(*value),
            Value::Null | Value::Undefined => json::Value::Null,
            Value::Float(number) if number.is_finite() => json::Value::Number(Number::Float(*number)),
            Value::Float(_) => return Err(Rejection::new(EncodingCode::CborNumberRange, "a number is not finite")),
        })
    }
}

impl Map<'_> {
    /// The map as a JSON object. An integer label becomes the name that `names` knows for it, else decimal text; a
    /// byte string becomes base64url.
    ///
    /// Errors: those of [`Value::to_json`].
    pub fn to_object(&self, names: impl Fn(i64) -> Option<&'static str>) -> Result<Object, Rejection> {
        let mut members = Vec::with_capacity(self.len());
        for (label, value) in self.entries() {
            let name: String = match (label.as_integer().and_then(&names), label) {
                (Some(name), _) => name.into(),
                (None, Label::Text(text)) => text.as_ref().into(),
                (None, Label::Bytes(bytes)) => base64url::encode(bytes),
                (None, Label::Unsigned(_) | Label::Negative(_)) => format!("{label}"),
            };
            members.push((name, value.to_json()?));
        }
        let object = Object::from_members(members);
        if object.checked().is_err() {
            return Err(Rejection::new(
                EncodingCode::CborLabelAmbiguous,
                "two labels of a map become the same name, such as 1 and \"1\"",
            ));
        }
        Ok(object)
    }
}

/// −1 − n.
fn negative(n: u64) -> Number {
    match i64::try_from(n) {
        Ok(n) => Number::Negative(-1 - n),
        Err(_) => Number::Float(-1.0 - n as f64),
    }
}
