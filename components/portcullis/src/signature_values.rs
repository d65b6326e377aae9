//! Parameters and structured fields of `portcullis:signature/http-signature`.

use portcullis_signature::{self as signature, BareItem as Value, SignatureCode, StructuredFields};
use portcullis_types::{Rejection, limits::excerpt};

use crate::bindings::exports::portcullis::signature::http_signature::{
    BareItem, FieldType, Parameter, Parameters, StructuredField,
};

pub(crate) fn parameters(parameters: signature::Parameters) -> Parameters {
    Parameters {
        created: parameters.created,
        expires: parameters.expires,
        nonce: parameters.nonce,
        alg: parameters.alg,
        keyid: parameters.keyid,
        tag: parameters.tag,
        others: others(parameters.others),
    }
}

/// Error: `signature.parameter_value`.
pub(crate) fn parameters_from(parameters: Parameters) -> Result<signature::Parameters, Rejection> {
    Ok(signature::Parameters {
        created: parameters.created,
        expires: parameters.expires,
        nonce: parameters.nonce,
        alg: parameters.alg,
        keyid: parameters.keyid,
        tag: parameters.tag,
        others: others_from(parameters.others)?,
    })
}

pub(crate) fn others(others: Vec<(String, Value)>) -> Vec<Parameter> {
    let one = |(name, value)| Parameter {
        name,
        value: match value {
            Value::Integer(number) => BareItem::Integer(number.into()),
            Value::Decimal(number) => BareItem::Decimal(number.into()),
            Value::String(text) => BareItem::Text(text.into()),
            Value::Token(token) => BareItem::Token(token.into()),
            Value::ByteSequence(bytes) => BareItem::Bytes(bytes),
            Value::Boolean(flag) => BareItem::Boolean(flag),
            Value::Date(date) => BareItem::Date(date.unix_seconds().into()),
            Value::DisplayString(text) => BareItem::DisplayText(text),
        },
    };
    others.into_iter().map(one).collect()
}

/// Error: `signature.parameter_value`.
pub(crate) fn others_from(others: Vec<Parameter>) -> Result<Vec<(String, Value)>, Rejection> {
    others.into_iter().map(|Parameter { name, value }| value_from(&name, value).map(|value| (name, value))).collect()
}

fn value_from(name: &str, value: BareItem) -> Result<Value, Rejection> {
    let made = match value {
        BareItem::Integer(number) => sfv::Integer::try_from(number).map(Value::Integer),
        BareItem::Decimal(number) => sfv::Decimal::try_from(number).map(Value::Decimal),
        BareItem::Text(text) => sfv::String::try_from(text).map(Value::String),
        BareItem::Token(token) => sfv::Token::try_from(token).map(Value::Token),
        BareItem::Date(seconds) => {
            sfv::Integer::try_from(seconds).map(|seconds| Value::Date(sfv::Date::from_unix_seconds(seconds)))
        }
        BareItem::Bytes(bytes) => Ok(Value::ByteSequence(bytes)),
        BareItem::Boolean(flag) => Ok(Value::Boolean(flag)),
        BareItem::DisplayText(text) => Ok(Value::DisplayString(text)),
    };
    made.map_err(|error| {
        let what = format!("the parameter {} cannot be written: {error}", excerpt(name));
        Rejection::new(SignatureCode::ParameterValue, what)
    })
}

/// Structured fields, as they are lent to the crate.
pub(crate) fn structured_fields(fields: &[StructuredField]) -> Vec<(&str, signature::FieldType)> {
    let one = |field: &StructuredField| match field.field_type {
        FieldType::List => signature::FieldType::List,
        FieldType::Dictionary => signature::FieldType::Dictionary,
        FieldType::Item => signature::FieldType::Item,
    };
    fields.iter().map(|field| (field.name.as_str(), one(field))).collect()
}

pub(crate) fn known<'s>(fields: &'s [(&'s str, signature::FieldType)]) -> StructuredFields<'s> {
    StructuredFields::with(fields)
}
