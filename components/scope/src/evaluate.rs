//! Whether a token's grants are enough, and what is short.
//!
//! Shortfalls are looked for in the order in which a server reports them (draft-ietf-oauth-rar-metadata-remediation-00,
//! resource server processing): a token that is not valid comes before anything (and before this function), then the
//! scope, the user's authentication, the authorization details. Claims come last: their error is for a token that is
//! "otherwise valid" (draft-mcguinness-oauth-insufficient-claims-00 section 3.4).

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use portcullis_types::{
    Rejection, Timestamp,
    json::{Object, Value},
    trace::{Silent, Trace, check},
};

use crate::{AcrValues, AuthorizationDetails, ClaimRequirements, ScopeCode, ScopeSet, authentication};

/// What a verified token says of its rights, as it says it. What is malformed grants nothing, and has a code of its own;
/// only what a requirement asks for is read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Granted<'a> {
    /// `scope`: a text (RFC 8693 section 4.2, RFC 7662 section 2.2).
    pub scope: Option<&'a Value>,
    /// `authorization_details`: a list of objects (RFC 9396 section 9).
    pub authorization_details: Option<&'a Value>,
    /// The token's claims, `acr` and `auth_time` among them.
    pub claims: Option<&'a Object>,
}

impl<'a> Granted<'a> {
    /// The grants of a verified JWT or of an introspection response.
    ///
    /// Error: `json.duplicate_name`.
    pub fn from_claims(claims: &'a Object) -> Result<Self, Rejection> {
        Ok(Self {
            scope: claims.get("scope")?,
            authorization_details: claims.get("authorization_details")?,
            claims: Some(claims),
        })
    }
}

/// What a resource requires: everything that is there. Its parts are checked when they are made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Required {
    /// Scope tokens, all of which have to be granted.
    pub scope: Option<ScopeSet>,
    /// Authorization details, all of which have to be granted.
    pub authorization_details: Option<AuthorizationDetails>,
    /// Authentication context classes, one of which has to be the token's `acr`.
    pub acr_values: Option<AcrValues>,
    /// Seconds that may have passed since the user signed in.
    pub max_age: Option<u64>,
    /// Claims, each of which has to be as required.
    pub claims: Option<ClaimRequirements>,
}

/// Why a token is not enough, and what would be.
#[derive(Debug, Clone, PartialEq)]
pub struct Shortfall {
    /// The rule that failed. The reason in its code ends in the OAuth error.
    pub reason: Rejection,
    /// What the client has to bring.
    pub need: Need,
}

/// What a client has to bring, for its challenge ([`Need::answer`]).
#[derive(Debug, Clone, PartialEq)]
pub enum Need {
    /// A credential: there was none (RFC 6750 section 3.1: no error code then). `evaluate` never answers this.
    Credential {
        /// The scope to ask for, if it is known.
        scope: Option<ScopeSet>,
    },
    /// A token that verifies: `invalid_token` (RFC 6750 section 3.1). `evaluate` never answers this.
    ValidToken,
    /// All of a scope: `insufficient_scope` (RFC 6750 section 3.1).
    Scope(ScopeSet),
    /// A sign-in of another kind or a newer one: `insufficient_user_authentication` (RFC 9470 section 3).
    Authentication {
        /// What `acr` may be.
        acr_values: Option<AcrValues>,
        /// Seconds that may have passed since the sign-in.
        max_age: Option<u64>,
    },
    /// All of these objects: `insufficient_authorization` (draft-ietf-oauth-rar-metadata-remediation-00).
    Authorization(AuthorizationDetails),
    /// Claims, by name: `insufficient_claims` (draft-mcguinness-oauth-insufficient-claims-00 section 3.4).
    Claims(Vec<String>),
}

/// Compares what is granted with what is required at a time. `leeway` is how far the clocks may differ, in seconds.
///
/// The error is the first shortfall in the order above; its need names everything of its kind that is required, not
/// only what is missing, so that the client can ask for it as it stands.
pub fn evaluate(granted: &Granted<'_>, required: &Required, at: Timestamp, leeway: u64) -> Result<(), Shortfall> {
    explain(granted, required, at, leeway, &mut Silent)
}

/// The same, telling each check to a [`Trace`].
pub fn explain(
    granted: &Granted<'_>,
    required: &Required,
    at: Timestamp,
    leeway: u64,
    trace: &mut dyn Trace,
) -> Result<(), Shortfall> {
    if let Some(wanted) = &required.scope {
        check(trace, "scope", "RFC 6750 section 3.1", scope(granted.scope, wanted), |()| wanted.to_string())
            .map_err(|reason| Shortfall { reason, need: Need::Scope(wanted.clone()) })?;
    }
    authentication(granted, required, at, leeway, trace).map_err(|reason| {
        let need = Need::Authentication { acr_values: required.acr_values.clone(), max_age: required.max_age };
        Shortfall { reason, need }
    })?;
    if let Some(wanted) = &required.authorization_details {
        let made = wanted.granted_by(granted.authorization_details);
        check(trace, "authorization details", "RFC 9396 section 9", made, |()| {
            format!("{} objects", wanted.iter().count())
        })
        .map_err(|reason| Shortfall { reason, need: Need::Authorization(wanted.clone()) })?;
    }
    if let Some(wanted) = &required.claims {
        let rule = "draft-mcguinness-oauth-insufficient-claims-00 section 3.4";
        check(trace, "claims", rule, wanted.met_by(granted.claims), |()| String::new()).map_err(|reason| {
            let names = wanted.names().map(ToString::to_string).collect();
            Shortfall { reason, need: Need::Claims(names) }
        })?;
    }
    Ok(())
}

/// Every required token is granted (RFC 6749 section 3.3, RFC 6750 section 3.1).
fn scope(granted: Option<&Value>, required: &ScopeSet) -> Result<(), Rejection> {
    let missing = match granted {
        None => return Err(Rejection::new(ScopeCode::ScopeAbsent, "the token grants no scope")),
        Some(Value::String(text)) if text.is_empty() => {
            return Err(Rejection::new(ScopeCode::ScopeAbsent, "the token grants an empty scope"));
        }
        Some(Value::String(text)) => required
            .first_missing_of(text)
            .map_err(|rejection| Rejection::new(ScopeCode::ScopeUnreadable, rejection.detail()).within("granted"))?,
        Some(other) => {
            let what = format!("the granted scope is {}, not a text", other.kind());
            return Err(Rejection::new(ScopeCode::ScopeUnreadable, what));
        }
    };
    match missing {
        None => Ok(()),
        Some(missing) => Err(Rejection::new(ScopeCode::Scope, format!("{missing} is not granted"))),
    }
}

/// The user signed in as required and lately enough (RFC 9470 section 3).
fn authentication(
    granted: &Granted<'_>,
    required: &Required,
    at: Timestamp,
    leeway: u64,
    trace: &mut dyn Trace,
) -> Result<(), Rejection> {
    if let Some(values) = &required.acr_values {
        let made = authentication::acr(granted.claims, values);
        check(trace, "authentication context", "RFC 9470 section 3", made, |acr| (*acr).to_string())?;
    }
    if let Some(max_age) = required.max_age {
        let made = authentication::auth_time(granted.claims, max_age, at, leeway);
        check(trace, "authentication time", "RFC 9470 section 3", made, |age| format!("{age} seconds of {max_age}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use portcullis_types::{Findings, json::parse_object};

    use super::*;

    fn required() -> Required {
        let details = portcullis_types::json::parse(br#"[{"type":"t"}]"#).unwrap();
        Required {
            scope: Some(ScopeSet::parse("s").unwrap()),
            authorization_details: Some(AuthorizationDetails::parse(&details).unwrap()),
            acr_values: Some(AcrValues::parse(["a"]).unwrap()),
            max_age: Some(10),
            claims: Some(ClaimRequirements::parse(&parse_object(br#"{"c":1,"d e":2}"#).unwrap()).unwrap()),
        }
    }

    #[test]
    fn shortfalls_come_in_their_order() {
        let steps = [
            ("{}", "scope.absent_insufficient_scope"),
            (r#"{"scope":"s"}"#, "scope.acr_absent_insufficient_user_authentication"),
            (r#"{"scope":"s","acr":"a"}"#, "scope.auth_time_absent_insufficient_user_authentication"),
            (r#"{"scope":"s","acr":"a","auth_time":90}"#, "scope.details_absent_insufficient_authorization"),
            (
                r#"{"scope":"s","acr":"a","auth_time":90,"authorization_details":[{"type":"t"}]}"#,
                "scope.claim_absent_insufficient_claims",
            ),
        ];
        for (claims, code) in steps {
            let claims = parse_object(claims.as_bytes()).unwrap();
            let shortfall = evaluate(&Granted::from_claims(&claims).unwrap(), &required(), 100, 0).unwrap_err();
            assert_eq!(shortfall.reason.code(), code);
            assert!(shortfall.reason.code().ends_with(shortfall.need.error().unwrap()), "{code}");
        }
        let all = br#"{"scope":"s","acr":"a","auth_time":90,"authorization_details":[{"type":"t"}],"c":1,"d e":2}"#;
        let claims = parse_object(all).unwrap();
        let mut findings = Findings::default();
        assert!(explain(&Granted::from_claims(&claims).unwrap(), &required(), 100, 0, &mut findings).is_ok());
        assert_eq!(findings.0.len(), 5);
    }

    #[test]
    fn a_need_names_all_that_is_required_of_its_kind() {
        let claims = parse_object(br#"{"scope":"s","acr":"a","auth_time":1}"#).unwrap();
        let shortfall = evaluate(&Granted::from_claims(&claims).unwrap(), &required(), 100, 0).unwrap_err();
        let acr_values = Some(AcrValues::parse(["a"]).unwrap());
        assert_eq!(shortfall.need, Need::Authentication { acr_values, max_age: Some(10) });
    }

    #[test]
    fn what_is_not_required_is_not_read() {
        let claims = parse_object(br#"{"scope":1,"acr":[],"auth_time":"x","authorization_details":{}}"#).unwrap();
        let granted = Granted::from_claims(&claims).unwrap();
        assert!(evaluate(&granted, &Required::default(), 100, 0).is_ok());
        let required = Required { scope: Some(ScopeSet::parse("s").unwrap()), ..Required::default() };
        let code = evaluate(&granted, &required, 100, 0).unwrap_err().reason.code();
        assert_eq!(code, "scope.unreadable_insufficient_scope");
    }
}
