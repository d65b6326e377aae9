//! Whether a claim has a value, as policies compare them.

use alloc::vec;

use portcullis_scope::{ClaimRequirements, Granted, Required, evaluate};
use portcullis_types::json::{Object, Value};

/// Whether a member is this value: texts byte by byte, numbers by value, objects without regard to the order of their members.
/// What repeats a name is the same as nothing.
pub(super) fn has(members: &Object, name: &str, value: &Value) -> bool {
    // A policy cannot require null; here it is a value like another.
    if *value == Value::Null {
        return matches!(members.get(name), Ok(Some(Value::Null)));
    }
    let equals = Object::from_members(vec![("equals".into(), value.clone())]);
    let Ok(required) = ClaimRequirements::parse(&Object::from_members(vec![(name.into(), equals.into())])) else {
        return false;
    };
    let granted = Granted { scope: None, authorization_details: None, claims: Some(members) };
    // No time is part of it.
    evaluate(&granted, &Required { claims: Some(required), ..Required::default() }, 0, 0).is_ok()
}

#[cfg(test)]
mod tests {
    use portcullis_types::json::{parse, parse_object};

    use super::*;

    #[test]
    fn values_compare_by_what_they_mean() {
        let members = parse_object(br#"{"a":{"x":1,"y":[true]},"n":null,"e":{"equals":1}}"#).unwrap();
        for (name, value, wanted) in [
            ("a", r#"{"y":[true],"x":1.0}"#, true),
            ("a", r#"{"x":1}"#, false),
            ("n", "null", true),
            ("n", "0", false),
            ("a", "null", false),
            ("b", "null", false),
            ("e", r#"{"equals":1}"#, true),
            ("e", "1", false),
        ] {
            assert_eq!(has(&members, name, &parse(value.as_bytes()).unwrap()), wanted, "{name} {value}");
        }
    }
}
