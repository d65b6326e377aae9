//! How a token says where its status is to be found (section 6): the claim `status`, dispatched by the mechanism's name.
//!
//! This is where another mechanism is added: a variant of [`Mechanism`] and a line in the table `BUILT_IN`.

use alloc::{format, string::String};

use portcullis_types::{
    Rejection,
    json::{Number, Object, Value},
    limits::excerpt,
};

use crate::StatusCode;

/// A way to find out a token's status.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mechanism {
    /// `status_list`: an entry of a Token Status List.
    StatusList(Reference),
}

/// Where a token's entry is (section 6.2). Whether the URI may be fetched is not decided here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// `idx`
    pub index: u64,
    /// `uri`, as it was signed; a list answers only if its `sub` is the same text.
    pub uri: String,
}

/// Reads what stands under a mechanism's name.
type Read = fn(&Value) -> Result<Mechanism, Rejection>;

/// The mechanisms that are understood, by name (section 14.2), the preferred one first.
const BUILT_IN: &[(&str, Read)] = &[("status_list", |value| Reference::from_json(value).map(Mechanism::StatusList))];

/// The mechanism that a token's `status` claim names. Others beside it are passed over; one that is understood and
/// malformed is never passed over for another.
///
/// ```
/// use portcullis_status::mechanism::{self, Mechanism};
/// use portcullis_types::json;
///
/// let status = json::parse_object(br#"{"status_list":{"idx":7,"uri":"https://example.com/1"}}"#).unwrap();
/// let Ok(Mechanism::StatusList(reference)) = mechanism::find(&status) else { unreachable!() };
/// assert_eq!((reference.index, reference.uri.as_str()), (7, "https://example.com/1"));
///
/// let status = json::parse_object(br#"{"bloom_filter":{}}"#).unwrap();
/// assert_eq!(mechanism::find(&status).unwrap_err().code(), "status.unsupported_mechanism");
/// ```
///
/// Errors: `status.mechanism_missing`, `status.unsupported_mechanism`, `status.reference_type`, `status.index_*`,
/// `status.uri_*`, `json.duplicate_name`.
pub fn find(status_claim: &Object) -> Result<Mechanism, Rejection> {
    for (name, read) in BUILT_IN {
        if let Some(value) = status_claim.get(name)? {
            return read(value);
        }
    }
    match status_claim.checked()?.members().next() {
        None => Err(Rejection::new(StatusCode::MechanismMissing, "status is empty")),
        Some((name, _)) => Err(Rejection::new(
            StatusCode::UnsupportedMechanism,
            format!("status names {} and nothing that is understood here", excerpt(name)),
        )),
    }
}

impl Reference {
    /// Reads `status_list` of a `status` claim (section 6.2). Members beside `idx` and `uri` are allowed.
    ///
    /// Errors: `status.reference_type`, `status.index_*`, `status.uri_*`, `json.duplicate_name`.
    pub fn from_json(value: &Value) -> Result<Self, Rejection> {
        let Some(members) = value.as_object() else {
            return Err(Rejection::new(StatusCode::ReferenceType, format!("status_list is {}", value.kind())));
        };
        let index = match members.get("idx")? {
            None => return Err(Rejection::new(StatusCode::IndexMissing, "status_list has no idx")),
            Some(value) => index_from_json(value)?,
        };
        let uri = match members.get("uri")? {
            None => return Err(Rejection::new(StatusCode::UriMissing, "status_list has no uri")),
            Some(Value::String(uri)) => uri.clone(),
            Some(other) => return Err(Rejection::new(StatusCode::UriType, format!("uri is {}", other.kind()))),
        };
        Ok(Self { index, uri })
    }
}

/// An index: a non-negative integer, written as one (section 6.2).
///
/// Errors: `status.index_type`, `status.index_negative`.
pub fn index_from_json(value: &Value) -> Result<u64, Rejection> {
    match value {
        Value::Number(Number::Unsigned(index)) => Ok(*index),
        Value::Number(Number::Negative(index)) => {
            Err(Rejection::new(StatusCode::IndexNegative, format!("the index is {index}")))
        }
        Value::Number(Number::Float(_)) => {
            Err(Rejection::new(StatusCode::IndexType, "the index is not written as an integer of 64 bits"))
        }
        other => Err(Rejection::new(StatusCode::IndexType, format!("the index is {}", other.kind()))),
    }
}

#[cfg(test)]
mod tests {
    use portcullis_types::json;

    use super::*;

    fn found(text: &str) -> Result<Mechanism, &'static str> {
        let Value::Object(status) = json::parse(text.as_bytes()).unwrap() else { unreachable!() };
        find(&status).map_err(|rejection| rejection.code())
    }

    #[test]
    fn a_reference_is_found_among_others() {
        let wanted = Mechanism::StatusList(Reference { index: u64::MAX, uri: "a:b".into() });
        for text in [
            r#"{"status_list":{"idx":18446744073709551615,"uri":"a:b"}}"#,
            r#"{"other":1,"status_list":{"idx":18446744073709551615,"more":[],"uri":"a:b"},"third":null}"#,
        ] {
            assert_eq!(found(text), Ok(wanted.clone()), "{text}");
        }
    }

    #[test]
    fn each_fault_has_its_code() {
        for (text, wanted) in [
            ("{}", "status.mechanism_missing"),
            (r#"{"status_lists":{"idx":0,"uri":"a:b"}}"#, "status.unsupported_mechanism"),
            (r#"{"Status_list":{"idx":0,"uri":"a:b"}}"#, "status.unsupported_mechanism"),
            (r#"{"a":1,"a":2}"#, "json.duplicate_name"),
            (r#"{"status_list":{"idx":0,"uri":"a:b"},"status_list":{"idx":1,"uri":"a:b"}}"#, "json.duplicate_name"),
            (r#"{"status_list":{"idx":0,"uri":"a:b","idx":1}}"#, "json.duplicate_name"),
            (r#"{"status_list":null}"#, "status.reference_type"),
            (r#"{"status_list":[0,"a:b"]}"#, "status.reference_type"),
            (r#"{"status_list":{"uri":"a:b"}}"#, "status.index_missing"),
            (r#"{"status_list":{"idx":-1,"uri":"a:b"}}"#, "status.index_negative"),
            (r#"{"status_list":{"idx":1.5,"uri":"a:b"}}"#, "status.index_type"),
            (r#"{"status_list":{"idx":1.0,"uri":"a:b"}}"#, "status.index_type"),
            (r#"{"status_list":{"idx":18446744073709551616,"uri":"a:b"}}"#, "status.index_type"),
            (r#"{"status_list":{"idx":"1","uri":"a:b"}}"#, "status.index_type"),
            (r#"{"status_list":{"idx":null,"uri":"a:b"}}"#, "status.index_type"),
            (r#"{"status_list":{"idx":0}}"#, "status.uri_missing"),
            (r#"{"status_list":{"idx":0,"uri":["a:b"]}}"#, "status.uri_type"),
        ] {
            assert_eq!(found(text), Err(wanted), "{text}");
        }
    }
}
