//! What tells a client how to get the authorization it lacks.

use alloc::{string::String, vec, vec::Vec};

use portcullis_types::{
    base64url,
    json::{self, Object, Value},
};

use crate::AuthorizationDetails;

/// `authorization_remediation` (draft-ietf-oauth-rar-metadata-remediation-00): base64url JSON with the objects to ask
/// for, and, where tokens are used more than once, a reference by which a client finds a token it already has.
pub(crate) fn encode(details: &AuthorizationDetails, single_use: bool) -> String {
    let mut members = vec![("authorization_details".into(), details.to_value())];
    if !single_use {
        members.push(("authorization_reference".into(), reference(details).into()));
    }
    base64url::encode(json::to_text(&Object::from_members(members)).as_bytes())
}

/// The same text for the same objects: SHA-256 of their JSON with sorted names. It tells no more than the objects beside
/// it do.
fn reference(details: &AuthorizationDetails) -> String {
    let canonical = json::to_text(&sorted(&details.to_value()));
    base64url::encode(&portcullis_crypto::sha256(canonical.as_bytes()))
}

/// The value with the members of its objects sorted. Requirements come from the strict parser, which bounds nesting.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        Value::Object(object) => {
            let mut members: Vec<_> = object.members().map(|(name, value)| (name.into(), sorted(value))).collect();
            members.sort_by(|(one, _): &(String, _), (other, _)| one.cmp(other));
            Object::from_members(members).into()
        }
        other => other.clone(),
    }
}

/// The AuthZEN body of draft-lombardo-oauth-step-up-authz-challenge-proto-03.
pub(crate) fn authzen(details: &AuthorizationDetails) -> String {
    let object = |members: Vec<(&str, Value)>| {
        Value::Object(Object::from_members(members.into_iter().map(|(name, value)| (name.into(), value)).collect()))
    };
    let entry = object(vec![
        ("loc", "/authorization_details".into()),
        ("method", "simple".into()),
        ("value", details.to_value()),
    ]);
    let context = object(vec![("details", Value::Array(vec![entry]))]);
    json::to_text(&object(vec![("decision", false.into()), ("context", context)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(text: &str) -> AuthorizationDetails {
        AuthorizationDetails::parse(&json::parse(text.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn the_reference_depends_on_what_is_meant_only() {
        let one = reference(&details(r#"[{"type":"t","a":{"x":1,"y":2}}]"#));
        assert_eq!(one, reference(&details(r#"[{"a":{"y":2,"x":1},"type":"t"}]"#)));
        assert_ne!(one, reference(&details(r#"[{"type":"t","a":{"x":1,"y":3}}]"#)));
    }

    #[test]
    fn single_use_has_no_reference() {
        let read = |single_use| {
            let text = encode(&details(r#"[{"type":"t"}]"#), single_use);
            json::parse_object(&base64url::decode(text.as_bytes()).unwrap()).unwrap()
        };
        assert!(read(false).get("authorization_reference").unwrap().is_some());
        assert!(read(true).get("authorization_reference").unwrap().is_none());
        assert_eq!(json::to_text(read(true).get("authorization_details").unwrap().unwrap()), r#"[{"type":"t"}]"#);
    }
}
