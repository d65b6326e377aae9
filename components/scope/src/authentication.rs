//! How and when the user signed in (RFC 9470): `acr` and `auth_time` of the token against what a resource requires.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use portcullis_types::{
    Rejection, Timestamp,
    json::{Object, Value},
    limits::excerpt,
    time::timestamp_from_json,
};

use crate::{
    ScopeCode,
    limits::{MAX_ACR_VALUE, MAX_ACR_VALUES},
    scope_token::is_scope_token,
};

/// Authentication context class references, one of which is wanted, the preferred one first (RFC 9470 section 3).
/// Always one or more, each visible ASCII without space, quotation mark and backslash, because a challenge lists them
/// with spaces between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcrValues(Vec<String>);

impl AcrValues {
    /// Reads values in their order of preference: at most 64, each of at most 256 bytes.
    ///
    /// Error: `scope.acr_values_malformed`. An empty list is one: nothing could satisfy it.
    pub fn parse<'a>(values: impl IntoIterator<Item = &'a str>) -> Result<Self, Rejection> {
        let malformed = |what: String| Rejection::new(ScopeCode::AcrValuesMalformed, what);
        let mut list = Vec::new();
        for value in values {
            if list.len() >= MAX_ACR_VALUES {
                return Err(malformed(format!("more than {MAX_ACR_VALUES} acr values")));
            }
            if value.len() > MAX_ACR_VALUE || !is_scope_token(value) {
                return Err(malformed(format!("{} is no acr value", excerpt(value))));
            }
            list.push(value.to_string());
        }
        if list.is_empty() {
            return Err(malformed("a list of acr values that nothing can satisfy: it is empty".into()));
        }
        Ok(Self(list))
    }

    /// The values, the preferred one first.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Display for AcrValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

/// `acr` is one of the required values, byte by byte (RFC 9470 sections 3 and 6.1). No value is taken for stronger than
/// another: who accepts several lists them.
///
/// Errors: `scope.acr_absent_*`, `scope.acr_unreadable_*`, `scope.acr_insufficient_user_authentication`.
pub(crate) fn acr<'a>(claims: Option<&'a Object>, required: &AcrValues) -> Result<&'a str, Rejection> {
    match claim(claims, "acr")? {
        None => Err(Rejection::new(ScopeCode::AcrAbsent, "the token does not say how the user signed in (acr)")),
        Some(Value::String(acr)) if required.0.contains(acr) => Ok(acr),
        Some(Value::String(acr)) => {
            let what = format!("acr is {}, none of {} that are accepted", excerpt(acr), required.0.len());
            Err(Rejection::new(ScopeCode::Acr, what))
        }
        Some(other) => Err(Rejection::new(ScopeCode::AcrUnreadable, format!("acr is {}", other.kind()))),
    }
}

/// `auth_time` lies at most `max_age` seconds back (RFC 9470 section 3); an age that equals it is accepted. `iat` is not
/// looked at: a token can be new and the sign-in old. `leeway` is how far the clocks may differ, in both directions.
///
/// Errors: `scope.auth_time_*_insufficient_user_authentication`.
pub(crate) fn auth_time(
    claims: Option<&Object>,
    max_age: u64,
    at: Timestamp,
    leeway: u64,
) -> Result<Timestamp, Rejection> {
    let Some(value) = claim(claims, "auth_time")? else {
        let what = "the token does not say when the user signed in (auth_time)";
        return Err(Rejection::new(ScopeCode::AuthTimeAbsent, what));
    };
    let Some(time) = timestamp_from_json(value) else {
        let what = match value {
            Value::Number(_) => "a number that is no whole number of seconds from 0 to 2^53-1",
            other => other.kind(),
        };
        return Err(Rejection::new(ScopeCode::AuthTimeUnreadable, format!("auth_time is {what}")));
    };
    if time > at.saturating_add(leeway) {
        let what = format!("auth_time is {time} and it is {at}");
        return Err(Rejection::new(ScopeCode::AuthTimeFuture, what));
    }
    let age = at.saturating_sub(time);
    if age > max_age.saturating_add(leeway) {
        let what = format!("the user signed in {age} seconds ago, at most {max_age} are accepted");
        return Err(Rejection::new(ScopeCode::AuthTimeTooOld, what));
    }
    Ok(age)
}

fn claim<'a>(claims: Option<&'a Object>, name: &str) -> Result<Option<&'a Value>, Rejection> {
    match claims {
        None => Ok(None),
        Some(claims) => claims.get(name),
    }
}

#[cfg(test)]
mod tests {
    use portcullis_types::{json::parse_object, time::MAX_TIMESTAMP};

    use super::*;

    fn code<T>(answer: Result<T, Rejection>) -> &'static str {
        answer.err().map_or("", |rejection| rejection.code())
    }

    #[test]
    fn acr_is_one_of_the_list() {
        let required = AcrValues::parse(["phrh", "phr"]).unwrap();
        let ask = |text: &str| code(acr(Some(&parse_object(text.as_bytes()).unwrap()), &required));
        assert_eq!(ask(r#"{"acr":"phr"}"#), "");
        assert_eq!(ask(r#"{"acr":"PHR"}"#), "scope.acr_insufficient_user_authentication");
        assert_eq!(ask(r#"{"acr":"phrh phr"}"#), "scope.acr_insufficient_user_authentication");
        assert_eq!(ask(r#"{"acr":["phr"]}"#), "scope.acr_unreadable_insufficient_user_authentication");
        assert_eq!(ask(r#"{"acr":null}"#), "scope.acr_unreadable_insufficient_user_authentication");
        assert_eq!(ask("{}"), "scope.acr_absent_insufficient_user_authentication");
        assert_eq!(code(acr(None, &required)), "scope.acr_absent_insufficient_user_authentication");
    }

    #[test]
    fn acr_values_fit_into_a_challenge() {
        for value in ["", "a b", "a\"", "a\\", "a\n", "é"] {
            assert_eq!(code(AcrValues::parse([value])), "scope.acr_values_malformed", "{value:?}");
        }
        assert_eq!(code(AcrValues::parse([])), "scope.acr_values_malformed");
        assert!(AcrValues::parse(["a".repeat(MAX_ACR_VALUE).as_str()]).is_ok());
        assert_eq!(code(AcrValues::parse(["a".repeat(MAX_ACR_VALUE + 1).as_str()])), "scope.acr_values_malformed");
        assert!(AcrValues::parse(["a"; MAX_ACR_VALUES]).is_ok());
        assert_eq!(code(AcrValues::parse(["a"; MAX_ACR_VALUES + 1])), "scope.acr_values_malformed");
        assert_eq!(AcrValues::parse(["urn:b", "a"]).unwrap().to_string(), "urn:b a");
    }

    #[test]
    fn ages_are_judged_at_both_sides_of_their_bounds() {
        let ask = |time: &str, max_age, at, leeway| {
            let claims = parse_object(format!(r#"{{"auth_time":{time},"iat":{at}}}"#).as_bytes()).unwrap();
            let code = code(auth_time(Some(&claims), max_age, at, leeway));
            code.trim_start_matches("scope.auth_time_").trim_end_matches("_insufficient_user_authentication")
        };
        assert_eq!(ask("700", 300, 1000, 0), "");
        assert_eq!(ask("699", 300, 1000, 0), "too_old");
        assert_eq!(ask("690", 300, 1000, 10), "");
        assert_eq!(ask("689", 300, 1000, 10), "too_old");
        assert_eq!(ask("1000", 0, 1000, 0), "");
        assert_eq!(ask("1001", 300, 1000, 0), "future");
        assert_eq!(ask("1010", 300, 1000, 10), "");
        assert_eq!(ask("1011", 300, 1000, 10), "future");
        for time in ["\"700\"", "700.5", "-1", "null", "9007199254740992", "[700]"] {
            assert_eq!(ask(time, 300, 1000, 0), "unreadable", "{time}");
        }
        assert_eq!(ask("0", u64::MAX, MAX_TIMESTAMP, u64::MAX), "");
        assert_eq!(ask("9007199254740991", 0, u64::MAX, 0), "too_old");
    }
}
