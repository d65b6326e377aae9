//! The filter's configuration as Envoy hands it over: the policy as JSON text (`google.protobuf.StringValue`), or as a
//! `google.protobuf.Struct`, which Envoy 1.40 hands over in its binary form.

use std::{borrow::Cow, collections::BTreeMap};

use portcullis_types::json::{self, Number, Object, Value};
use prost::Message;

/// The largest whole number of which a double has every smaller one.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// `google.protobuf.Struct`
#[derive(Clone, PartialEq, Message)]
struct Struct {
    #[prost(btree_map = "string, message", tag = "1")]
    fields: BTreeMap<String, Any>,
}

/// `google.protobuf.Value`
#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5, 6")]
    kind: Option<Kind>,
}

/// `google.protobuf.Value.kind`
#[derive(Clone, PartialEq, prost::Oneof)]
enum Kind {
    #[prost(int32, tag = "1")]
    Null(i32),
    #[prost(double, tag = "2")]
    Number(f64),
    #[prost(string, tag = "3")]
    Text(String),
    #[prost(bool, tag = "4")]
    Bool(bool),
    #[prost(message, tag = "5")]
    Struct(Struct),
    #[prost(message, tag = "6")]
    List(List),
}

/// `google.protobuf.ListValue`
#[derive(Clone, PartialEq, Message)]
struct List {
    #[prost(message, repeated, tag = "1")]
    values: Vec<Any>,
}

/// The policy's text.
pub(crate) fn policy(bytes: &[u8]) -> Result<Cow<'_, str>, &'static str> {
    if bytes.is_empty() {
        return Err("the configuration is empty: write the policy into it, as a StringValue or a Struct");
    }
    // The first field of a Struct begins with this byte, and no JSON text but one that begins with an empty line.
    if bytes.first() == Some(&0x0a)
        && let Ok(read) = Struct::decode(bytes)
    {
        return Ok(json::to_text(&object(read)).into());
    }
    core::str::from_utf8(bytes).map(Into::into).map_err(|_| "the configuration is neither text nor a Struct")
}

fn object(read: Struct) -> Object {
    Object::from_members(read.fields.into_iter().map(|(name, any)| (name, value(any))).collect())
}

fn value(any: Any) -> Value {
    match any.kind {
        None | Some(Kind::Null(_)) => Value::Null,
        Some(Kind::Bool(truth)) => Value::Bool(truth),
        Some(Kind::Text(text)) => Value::String(text),
        Some(Kind::Struct(inner)) => Value::Object(object(inner)),
        Some(Kind::List(list)) => Value::Array(list.values.into_iter().map(value).collect()),
        Some(Kind::Number(number)) => Value::Number(if (0.0..=EXACT).contains(&number) && number.fract() == 0.0 {
            Number::Unsigned(number as u64)
        } else {
            Number::Float(number)
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_struct_is_the_policy_that_it_was_written_as() {
        // {"origins": ["https://api.example"], "limits": {"fetches": 8}, "x": null, "y": true, "z": 1.5}
        let text = |text: &str| Any { kind: Some(Kind::Text(text.into())) };
        let number = |number| Any { kind: Some(Kind::Number(number)) };
        let limits = Struct { fields: BTreeMap::from([("fetches".into(), number(8.0))]) };
        let written = Struct {
            fields: BTreeMap::from([
                ("limits".into(), Any { kind: Some(Kind::Struct(limits)) }),
                ("origins".into(), Any { kind: Some(Kind::List(List { values: vec![text("https://api.example")] })) }),
                ("x".into(), Any { kind: Some(Kind::Null(0)) }),
                ("y".into(), Any { kind: Some(Kind::Bool(true)) }),
                ("z".into(), number(1.5)),
            ]),
        };
        assert_eq!(
            policy(&written.encode_to_vec()).unwrap(),
            r#"{"limits":{"fetches":8},"origins":["https://api.example"],"x":null,"y":true,"z":1.5}"#
        );
    }

    #[test]
    fn a_text_is_itself() {
        for text in
            [r#"{"origins": ["https://api.example"]}"#, "\n{\n  \"origins\": [\"https://api.example\"]\n}\n", "x"]
        {
            assert_eq!(policy(text.as_bytes()).unwrap(), text);
        }
        assert!(policy(&[]).is_err());
        assert!(policy(&[0xff]).is_err());
        assert!(policy(&[0x0a, 0xff]).is_err());
    }

    #[test]
    fn what_nests_without_end_is_no_struct() {
        let mut deep = Any { kind: None };
        for _ in 0..200 {
            deep = Any { kind: Some(Kind::List(List { values: vec![deep] })) };
        }
        let written = Struct { fields: BTreeMap::from([("a".into(), deep)]) };
        assert!(policy(&written.encode_to_vec()).is_err());
    }
}
