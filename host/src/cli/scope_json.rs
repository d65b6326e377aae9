//! What is granted and what is required, from the JSON in which policies and `batch` write them.
//!
//! Values stay the text they were: the component reads them, and judges them.

use std::fmt;

use anyhow::{Context as _, bail};
use portcullis_host::scope::{AuthorizationDetail, Grants, Member, RequiredClaim, Requirement, Requirements};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

/// An object's members in their order, each name once, their values as text.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members: Vec<(String, &RawValue)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    if members.iter().any(|(other, _)| *other == name) {
                        return Err(A::Error::custom(format_args!("{name:?} stands there twice")));
                    }
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// What a token grants: `scope`, `authorization_details` and `claims`, each of them optional.
pub(crate) fn granted(json: &[u8]) -> anyhow::Result<Grants> {
    let mut grants = Grants::default();
    for (name, value) in members(json).context("what is granted")? {
        let place = || format!("{name:?} in what is granted");
        match name.as_str() {
            "scope" => grants.scope = Some(read(value).with_context(place)?),
            "authorization_details" => grants.authorization_details = Some(value.get().to_owned()),
            "claims" => grants.claims = Some(value.get().to_owned()),
            _ => bail!("{} is not known", place()),
        }
    }
    Ok(grants)
}

/// What a resource requires: `scope`, `authorization_details`, `acr_values`, `max_age` and `claims`, each of them
/// optional.
pub(crate) fn required(json: &[u8]) -> anyhow::Result<Requirements> {
    let mut required = Requirements::default();
    for (name, value) in members(json).context("what is required")? {
        let place = || format!("{name:?} in what is required");
        match name.as_str() {
            // The component refuses an empty token, so that two spaces are not taken for one.
            "scope" => {
                let scope: String = read(value).with_context(place)?;
                required.scope = Some(scope.split(' ').map(str::to_owned).collect());
            }
            "authorization_details" => {
                let details: Vec<Members<'_>> = read(value).with_context(place)?;
                let details = details.into_iter().map(detail).collect::<anyhow::Result<_>>();
                required.authorization_details = details.with_context(place)?;
            }
            "acr_values" => required.acr_values = Some(read(value).with_context(place)?),
            "max_age" => required.max_age = Some(read(value).with_context(place)?),
            "claims" => {
                let claims: Members<'_> = read(value).with_context(place)?;
                let claims = claims.0.into_iter().map(|(name, value)| {
                    let value = requirement(value).with_context(|| format!("the claim {name:?}"))?;
                    Ok(RequiredClaim { name, value })
                });
                required.claims = claims.collect::<anyhow::Result<_>>().with_context(place)?;
            }
            _ => bail!("{} is not known", place()),
        }
    }
    Ok(required)
}

fn members(json: &[u8]) -> anyhow::Result<Vec<(String, &RawValue)>> {
    Ok(serde_json::from_slice::<Members<'_>>(json)?.0)
}

fn read<'a, T: Deserialize<'a>>(value: &'a RawValue) -> serde_json::Result<T> {
    serde_json::from_str(value.get())
}

fn detail(members: Members<'_>) -> anyhow::Result<AuthorizationDetail> {
    let mut type_ = None;
    let mut detail = AuthorizationDetail {
        type_: String::new(),
        locations: None,
        actions: None,
        datatypes: None,
        privileges: None,
        identifier: None,
        others: Vec::new(),
    };
    for (name, value) in members.0 {
        let place = || format!("{name:?}");
        match name.as_str() {
            "type" => type_ = Some(read(value).with_context(place)?),
            "locations" => detail.locations = Some(read(value).with_context(place)?),
            "actions" => detail.actions = Some(read(value).with_context(place)?),
            "datatypes" => detail.datatypes = Some(read(value).with_context(place)?),
            "privileges" => detail.privileges = Some(read(value).with_context(place)?),
            "identifier" => detail.identifier = Some(read(value).with_context(place)?),
            _ => detail.others.push(Member { name, value: value.get().to_owned() }),
        }
    }
    Ok(AuthorizationDetail { type_: type_.context("an object has no \"type\"")?, ..detail })
}

/// What a claim has to be: one of three operators alone in an object, or else the value itself. Where an operator has
/// company nobody knows what was meant, as in a policy.
fn requirement(value: &RawValue) -> anyhow::Result<Requirement> {
    let equals = || Ok(Requirement::Equals(value.get().to_owned()));
    if !value.get().trim_start().starts_with('{') {
        return equals();
    }
    let Members(members) = read(value)?;
    match members.as_slice() {
        [(name, value)] if name == "equals" => Ok(Requirement::Equals(value.get().to_owned())),
        [(name, value)] if name == "contains" => Ok(Requirement::Contains(value.get().to_owned())),
        [(name, value)] if name == "one_of" => {
            let values: Vec<&RawValue> = read(value)?;
            Ok(Requirement::OneOf(values.into_iter().map(|value| value.get().to_owned()).collect()))
        }
        _ if members.iter().any(|(name, _)| matches!(name.as_str(), "equals" | "contains" | "one_of")) => {
            bail!("equals, contains and one_of stand alone in their object")
        }
        _ => equals(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(json: &str) -> Option<Requirement> {
        let json = format!(r#"{{"claims":{{"c":{json}}}}}"#);
        required(json.as_bytes()).ok()?.claims.pop().map(|claim| claim.value)
    }

    #[test]
    fn a_required_claim_is_an_operator_or_a_value() {
        assert_eq!(claim(r#"{"equals":1.0}"#), Some(Requirement::Equals("1.0".into())));
        assert_eq!(claim(r#"{"contains":"a"}"#), Some(Requirement::Contains(r#""a""#.into())));
        let one_of = Requirement::OneOf(vec!["1".into(), r#"{"a":2}"#.into()]);
        assert_eq!(claim(r#"{"one_of":[1,{"a":2}]}"#), Some(one_of));
        assert_eq!(claim(r#""t1""#), Some(Requirement::Equals(r#""t1""#.into())));
        assert_eq!(claim(r#"{"a":1}"#), Some(Requirement::Equals(r#"{"a":1}"#.into())));
        assert_eq!(claim(r#"{"equals":1,"contains":1}"#), None);
        assert_eq!(claim(r#"{"equals":1,"a":1}"#), None);
        assert_eq!(claim(r#"{"equals":1,"equals":1}"#), None);
        assert_eq!(claim(r#"{"one_of":1}"#), None);
    }

    #[test]
    fn scope_tokens_stand_one_space_apart() {
        let scope = |json: &[u8]| required(json).ok().and_then(|required| required.scope).unwrap_or_default();
        assert_eq!(scope(br#"{"scope":"a b"}"#), ["a", "b"]);
        assert_eq!(scope(br#"{"scope":"a  b"}"#), ["a", "", "b"]);
        assert_eq!(scope(br#"{"scope":""}"#), [""]);
    }

    #[test]
    fn what_is_not_known_or_stands_twice_is_refused() {
        for json in [r#"{"scopes":"a"}"#, r#"{"scope":"a","scope":"b"}"#, "[]", "", r#"{"scope":1}"#, "{} {}"] {
            assert!(granted(json.as_bytes()).is_err(), "{json}");
            assert!(required(json.as_bytes()).is_err(), "{json}");
        }
        for json in [
            r#"{"authorization_details":[{"actions":["read"]}]}"#,
            r#"{"authorization_details":[{"type":"a","actions":"read"}]}"#,
            r#"{"authorization_details":[{"type":"a","type":"a"}]}"#,
            r#"{"authorization_details":{"type":"a"}}"#,
            r#"{"claims":{"a":1,"a":1}}"#,
            r#"{"max_age":-1}"#,
            r#"{"acr_values":"phr"}"#,
        ] {
            assert!(required(json.as_bytes()).is_err(), "{json}");
        }
    }

    #[test]
    fn values_stay_as_they_were_written() {
        let json = br#"{"authorization_details":[{"type":"pay","limit":1e400,"actions":["read"]}]}"#;
        let details = required(json).map(|required| required.authorization_details).unwrap_or_default();
        let other = Member { name: "limit".into(), value: "1e400".into() };
        assert_eq!(details.first().map(|detail| detail.others.clone()), Some(vec![other]));
    }
}
