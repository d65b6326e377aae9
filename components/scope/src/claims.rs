//! Claims that a resource requires (draft-mcguinness-oauth-insufficient-claims-00).

use alloc::{format, string::String, vec::Vec};

use portcullis_types::{
    Rejection,
    json::{Object, Value},
    limits::excerpt,
};

use crate::{ScopeCode, limits::MAX_CLAIM_REQUIREMENTS, same::same, scope_token::is_scope_token};

/// What one claim has to be.
///
/// Values compare as JSON values: texts byte by byte, numbers by value, lists in their order, objects without order.
#[derive(Debug, Clone, PartialEq)]
pub enum Requirement {
    /// The claim is this value.
    Equals(Value),
    /// The claim is a list, and this value is in it.
    Contains(Value),
    /// The claim is one of these values; at least one.
    OneOf(Vec<Value>),
}

impl Requirement {
    /// Reads a requirement as policies write it: `{"equals": value}`, `{"contains": value}`, `{"one_of": [values]}`, or
    /// any other value, which the claim then has to equal. An object that has one of the three names among others is
    /// refused, because nobody knows which was meant, and so is `null`.
    ///
    /// Error: `scope.claim_requirement_malformed`.
    ///
    /// ```
    /// use portcullis_scope::Requirement;
    /// use portcullis_types::json;
    ///
    /// let read = |text: &str| Requirement::parse(&json::parse(text.as_bytes()).unwrap());
    /// assert_eq!(read(r#"{"contains":"dpop"}"#).unwrap(), Requirement::Contains("dpop".into()));
    /// assert_eq!(read(r#""t1""#).unwrap(), Requirement::Equals("t1".into()));
    /// assert!(read(r#"{"contains":"dpop","one_of":["a"]}"#).is_err());
    /// ```
    pub fn parse(value: &Value) -> Result<Self, Rejection> {
        let malformed = |what: &str| Err(Rejection::new(ScopeCode::ClaimRequirementMalformed, what));
        if value.checked_everywhere().is_err() {
            return malformed("a required value repeats a name");
        }
        let null = || malformed("null cannot be required");
        let Value::Object(object) = value else {
            return if *value == Value::Null { null() } else { Ok(Self::Equals(value.clone())) };
        };
        let mut members = object.members();
        match (members.next(), members.next()) {
            (Some(("equals" | "contains", Value::Null)), None) => null(),
            (Some(("one_of", Value::Array(values))), None) if values.contains(&Value::Null) => null(),
            (Some(("equals", value)), None) => Ok(Self::Equals(value.clone())),
            (Some(("contains", value)), None) => Ok(Self::Contains(value.clone())),
            (Some(("one_of", value)), None) => match value {
                Value::Array(values) if (1..=MAX_CLAIM_REQUIREMENTS).contains(&values.len()) => {
                    Ok(Self::OneOf(values.clone()))
                }
                _ => malformed("one_of is a list of 1 to 100 values"),
            },
            _ if object.members().any(|(name, _)| matches!(name, "equals" | "contains" | "one_of")) => {
                malformed("equals, contains and one_of stand alone in their object")
            }
            _ => Ok(Self::Equals(value.clone())),
        }
    }

    /// Whether a claim meets it.
    ///
    /// Errors: `scope.claim_*_insufficient_claims`.
    fn met_by(&self, name: &str, claim: Option<&Value>) -> Result<(), Rejection> {
        let short = |code, what: &str| Err(Rejection::new(code, format!("the claim {} {what}", excerpt(name))));
        match (self, claim) {
            (_, None) => short(ScopeCode::ClaimAbsent, "is missing"),
            (Self::Equals(required), Some(claim)) if same(claim, required) => Ok(()),
            (Self::OneOf(required), Some(claim)) if required.iter().any(|required| same(claim, required)) => Ok(()),
            (Self::Contains(required), Some(Value::Array(items))) => {
                if items.iter().any(|item| same(item, required)) {
                    Ok(())
                } else {
                    short(ScopeCode::ClaimLacks, "does not list what is required")
                }
            }
            (Self::Contains(_), Some(_)) => short(ScopeCode::ClaimNotList, "is no list"),
            _ => short(ScopeCode::ClaimDiffers, "has another value"),
        }
    }
}

/// Required claims by their names, each once.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClaimRequirements(Vec<(String, Requirement)>);

impl ClaimRequirements {
    /// Reads requirements: an object of at most 100 claim names with what each has to be. An empty one requires nothing.
    ///
    /// Error: `scope.claim_requirement_malformed`.
    pub fn parse(object: &Object) -> Result<Self, Rejection> {
        let malformed = |what: String| Rejection::new(ScopeCode::ClaimRequirementMalformed, what);
        object.checked().map_err(|rejection| malformed(rejection.detail().into()))?;
        if object.members().count() > MAX_CLAIM_REQUIREMENTS {
            return Err(malformed(format!("more than {MAX_CLAIM_REQUIREMENTS} claims are required")));
        }
        object
            .members()
            .map(|(name, value)| {
                let requirement = Requirement::parse(value).map_err(|rejection| rejection.within(&excerpt(name)))?;
                Ok((name.into(), requirement))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether nothing is required.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names that a challenge may list: those in the grammar of a scope token (draft section 3.2). Values are not
    /// told, because they are the policy's (draft section 8.1).
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str()).filter(|name| is_scope_token(name))
    }

    /// Whether the claims meet every requirement, in their order.
    ///
    /// Errors: `scope.claim_*_insufficient_claims`, `json.duplicate_name`.
    pub(crate) fn met_by(&self, claims: Option<&Object>) -> Result<(), Rejection> {
        self.0.iter().try_for_each(|(name, requirement)| {
            let claim = match claims {
                None => None,
                Some(claims) => claims.get(name)?,
            };
            requirement.met_by(name, claim)
        })
    }
}

#[cfg(test)]
mod tests {
    use portcullis_types::json::parse_object;

    use super::*;

    fn answer(required: &str, claims: &str) -> &'static str {
        let required = ClaimRequirements::parse(&parse_object(required.as_bytes()).unwrap()).unwrap();
        let code = required.met_by(Some(&parse_object(claims.as_bytes()).unwrap())).err().map_or("", |r| r.code());
        code.trim_start_matches("scope.claim_").trim_end_matches("_insufficient_claims")
    }

    #[test]
    fn equality_is_of_type_and_value() {
        assert_eq!(answer(r#"{"t":"1"}"#, r#"{"t":"1"}"#), "");
        assert_eq!(answer(r#"{"t":"1"}"#, r#"{"t":1}"#), "differs");
        assert_eq!(answer(r#"{"t":true}"#, r#"{"t":"true"}"#), "differs");
        assert_eq!(answer(r#"{"t":"a"}"#, r#"{"t":["a"]}"#), "differs");
        assert_eq!(answer(r#"{"t":"a"}"#, r#"{"T":"a"}"#), "absent");
        assert_eq!(answer(r#"{"t":"a"}"#, r#"{"t":null}"#), "differs");
        assert_eq!(answer(r#"{"t":{"equals":{"contains":1}}}"#, r#"{"t":{"contains":1.0}}"#), "");
        assert_eq!(answer(r#"{"t":{"country":"DE"}}"#, r#"{"t":{"country":"DE"}}"#), "");
        assert_eq!(answer(r#"{"t":{"country":"DE"}}"#, r#"{"t":{"country":"DE","x":1}}"#), "differs");
        assert_eq!(answer("{}", "{}"), "");
    }

    #[test]
    fn contains_wants_a_list() {
        let required = r#"{"cxt":{"contains":"dpop"}}"#;
        assert_eq!(answer(required, r#"{"cxt":["pkce","dpop"]}"#), "");
        assert_eq!(answer(required, r#"{"cxt":["pkce"]}"#), "lacks");
        assert_eq!(answer(required, r#"{"cxt":[]}"#), "lacks");
        assert_eq!(answer(required, r#"{"cxt":[["dpop"]]}"#), "lacks");
        assert_eq!(answer(required, r#"{"cxt":"dpop"}"#), "not_list");
        assert_eq!(answer(required, r#"{"cxt":"pkce dpop"}"#), "not_list");
        assert_eq!(answer(required, "{}"), "absent");
    }

    #[test]
    fn one_of_wants_one_of_the_values() {
        let required = r#"{"tenant":{"one_of":["a","b"]}}"#;
        assert_eq!(answer(required, r#"{"tenant":"b"}"#), "");
        assert_eq!(answer(required, r#"{"tenant":"c"}"#), "differs");
        assert_eq!(answer(required, r#"{"tenant":["a","b"]}"#), "differs");
    }

    #[test]
    fn every_requirement_counts_and_the_first_decides() {
        assert_eq!(answer(r#"{"a":1,"b":{"contains":2}}"#, r#"{"b":[1]}"#), "absent");
        assert_eq!(answer(r#"{"a":1,"b":{"contains":2}}"#, r#"{"a":1,"b":[1]}"#), "lacks");
    }

    #[test]
    fn ambiguous_requirements_are_refused() {
        for text in [
            r#"{"a":null}"#,
            r#"{"a":{"equals":null}}"#,
            r#"{"a":{"contains":null}}"#,
            r#"{"a":{"one_of":[1,null]}}"#,
            r#"{"a":{"one_of":[]}}"#,
            r#"{"a":{"one_of":"b"}}"#,
            r#"{"a":{"contains":1,"equals":2}}"#,
            r#"{"a":{"b":1,"equals":2}}"#,
            r#"{"a":{"b":{"c":1,"c":1}}}"#,
        ] {
            let rejection = ClaimRequirements::parse(&parse_object(text.as_bytes()).unwrap()).unwrap_err();
            assert_eq!(rejection.code(), "scope.claim_requirement_malformed", "{text}");
        }
        let many = |n: usize| {
            let members = (0..n).map(|i| (format!("c{i}"), Value::Bool(true))).collect();
            ClaimRequirements::parse(&Object::from_members(members))
        };
        assert!(many(MAX_CLAIM_REQUIREMENTS).is_ok());
        assert!(many(MAX_CLAIM_REQUIREMENTS + 1).is_err());
    }
}
