//! What a client is told when its token falls short: a status, a challenge, perhaps a body.
//!
//! A challenge tells what to bring, never what was found: neither the token's values nor the rule that failed. Its
//! parameters stand in a fixed order: `realm`, `error`, those of the error, the resource's metadata.

use alloc::{
    format,
    string::{String, ToString},
    vec,
};

use portcullis_types::{
    Rejection,
    json::{self, Object, Value},
    limits::excerpt,
};

use crate::{Challenge, Need, ResourceMetadata, ScopeCode, limits::MAX_REALM, remediation};

/// The authentication scheme of a challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scheme {
    /// RFC 6750.
    #[default]
    Bearer,
    /// RFC 9449 section 7.1. Its `algs` are the caller's to add ([`Challenge::with`]).
    Dpop,
}

/// How a shortfall of authorization details is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AuthorizationForm {
    /// draft-ietf-oauth-rar-metadata-remediation-00: 401 with `authorization_remediation`.
    #[default]
    Remediation,
    /// draft-lombardo-oauth-step-up-authz-challenge-proto-03: 403 with `resource_metadata_uri`, `body_instructions` and
    /// an AuthZEN body.
    StepUp,
}

/// A realm: visible ASCII and spaces, at most 2 KiB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Realm(String);

impl Realm {
    /// Reads a realm.
    ///
    /// Error: `scope.realm_malformed`.
    pub fn parse(text: &str) -> Result<Self, Rejection> {
        if text.len() <= MAX_REALM && text.bytes().all(|byte| matches!(byte, 0x20..=0x7e)) {
            Ok(Self(text.into()))
        } else {
            let what = format!("{} is longer than {MAX_REALM} bytes or not printable ASCII", excerpt(text));
            Err(Rejection::new(ScopeCode::RealmMalformed, what))
        }
    }

    /// The realm.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a resource says in its challenges.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// The scheme the client used, or is to use.
    pub scheme: Scheme,
    /// The realm, if it has one.
    pub realm: Option<Realm>,
    /// Where its metadata is, if it says (RFC 9728 section 5.1).
    pub resource_metadata: Option<ResourceMetadata>,
    /// How a shortfall of authorization details is told.
    pub authorization_form: AuthorizationForm,
    /// Tokens for authorization details are used once, so that no `authorization_reference` lets a client look for one
    /// it has.
    pub single_use: bool,
}

/// What a client is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status: 401 or 403.
    pub status: u16,
    /// The value of `WWW-Authenticate`: visible ASCII and spaces.
    pub challenge: String,
    /// A body of type `application/json`, where the specification has one; to be sent with `Cache-Control: no-store`.
    pub body: Option<String>,
}

impl Need {
    /// The OAuth error code; none where there was no credential.
    pub fn error(&self) -> Option<&'static str> {
        Some(match self {
            Need::Credential { .. } => return None,
            Need::ValidToken => "invalid_token",
            Need::Scope(_) => "insufficient_scope",
            Need::Authentication { .. } => "insufficient_user_authentication",
            Need::Authorization(_) => "insufficient_authorization",
            Need::Claims(_) => "insufficient_claims",
        })
    }

    /// The HTTP status (RFC 6750 section 3.1, RFC 9470 section 3, and the drafts).
    pub fn status(&self, settings: &Settings) -> u16 {
        match self {
            Need::Scope(_) | Need::Claims(_) => 403,
            Need::Authorization(_) if settings.authorization_form == AuthorizationForm::StepUp => 403,
            _ => 401,
        }
    }

    /// The challenge.
    pub fn challenge(&self, settings: &Settings) -> Challenge {
        let mut challenge = Challenge::empty(match settings.scheme {
            Scheme::Bearer => "Bearer",
            Scheme::Dpop => "DPoP",
        });
        let step_up =
            matches!(self, Need::Authorization(_)) && settings.authorization_form == AuthorizationForm::StepUp;
        if let Some(Realm(realm)) = &settings.realm {
            challenge.push("realm", realm.clone());
        }
        if let Some(error) = self.error() {
            challenge.push("error", error.into());
        }
        match self {
            Need::Credential { scope: Some(scope) } => challenge.push("scope", scope.to_string()),
            Need::Credential { scope: None } | Need::ValidToken | Need::Claims(_) => {}
            Need::Scope(scope) => challenge.push("scope", scope.to_string()),
            Need::Authentication { acr_values, max_age } => {
                if let Some(values) = acr_values {
                    challenge.push("acr_values", values.to_string());
                }
                if let Some(seconds) = max_age {
                    challenge.push("max_age", seconds.to_string());
                }
            }
            Need::Authorization(_) if step_up => {
                // The draft fixes the text (section "WWW-Authenticate Header Description").
                challenge.push("error_description", "The authorization level requires more details".into());
                challenge.push("body_instructions", "true".into());
            }
            Need::Authorization(details) => {
                challenge.push("authorization_remediation", remediation::encode(details, settings.single_use));
            }
        }
        if let Some(metadata) = &settings.resource_metadata {
            let name = if step_up { "resource_metadata_uri" } else { "resource_metadata" };
            challenge.push(name, metadata.as_str().into());
        }
        if challenge.is_empty() {
            // "This scheme MUST be followed by one or more auth-param values" (RFC 6750 section 3).
            challenge.push("realm", String::new());
        }
        challenge
    }

    /// The body, where the specification has one.
    pub fn body(&self, settings: &Settings) -> Option<String> {
        match self {
            Need::Claims(names) => {
                let mut members = vec![("error".into(), "insufficient_claims".into())];
                if !names.is_empty() {
                    let names = names.iter().map(|name| name.clone().into()).collect();
                    members.push(("required_claims".into(), Value::Array(names)));
                }
                Some(json::to_text(&Object::from_members(members)))
            }
            Need::Authorization(details) if settings.authorization_form == AuthorizationForm::StepUp => {
                Some(remediation::authzen(details))
            }
            _ => None,
        }
    }

    /// Status, challenge and body.
    pub fn answer(&self, settings: &Settings) -> Answer {
        Answer {
            status: self.status(settings),
            challenge: self.challenge(settings).to_header(),
            body: self.body(settings),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use crate::{AcrValues, AuthorizationDetails, ScopeSet, limits::MAX_CHALLENGE};

    use super::*;

    fn details(text: &str) -> AuthorizationDetails {
        AuthorizationDetails::parse(&json::parse(text.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn each_need_has_the_form_of_its_specification() {
        let plain = Settings::default();
        let needs = [
            (Need::Credential { scope: None }, 401, r#"Bearer realm="""#),
            (Need::Credential { scope: Some(ScopeSet::parse("a b").unwrap()) }, 401, r#"Bearer scope="a b""#),
            (Need::ValidToken, 401, r#"Bearer error="invalid_token""#),
            (Need::Scope(ScopeSet::parse("b a").unwrap()), 403, r#"Bearer error="insufficient_scope", scope="b a""#),
            (
                Need::Authentication { acr_values: Some(AcrValues::parse(["x", "y"]).unwrap()), max_age: Some(5) },
                401,
                r#"Bearer error="insufficient_user_authentication", acr_values="x y", max_age="5""#,
            ),
            (
                Need::Authorization(details(r#"[{"type":"t"}]"#)),
                401,
                "Bearer error=\"insufficient_authorization\", authorization_remediation=\"\
                 eyJhdXRob3JpemF0aW9uX2RldGFpbHMiOlt7InR5cGUiOiJ0In1dLCJhdXRob3JpemF0aW9uX3JlZmVyZW5jZSI6Im\
                 00S0RvVVpKQjNXYmhROTJLZWdhX2lTMW9uYTU5ekNqb0NYS09meEJEc0kifQ\
                 \"",
            ),
            (Need::Claims(vec!["email".into()]), 403, r#"Bearer error="insufficient_claims""#),
        ];
        for (need, status, challenge) in needs {
            let answer = need.answer(&plain);
            assert_eq!((answer.status, answer.challenge.as_str()), (status, challenge));
        }
    }

    #[test]
    fn claims_are_named_in_the_body_and_their_values_are_not() {
        let body = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).into()).collect();
            Need::Claims(names).body(&Settings::default()).unwrap()
        };
        assert_eq!(
            body(&["email", "tenant"]),
            r#"{"error":"insufficient_claims","required_claims":["email","tenant"]}"#
        );
        assert_eq!(body(&[]), r#"{"error":"insufficient_claims"}"#);
    }

    #[test]
    fn the_older_form_is_a_setting() {
        let settings = Settings {
            authorization_form: AuthorizationForm::StepUp,
            resource_metadata: Some(ResourceMetadata::of_resource("https://a.example").unwrap()),
            ..Settings::default()
        };
        let answer = Need::Authorization(details(r#"[{"type":"t"}]"#)).answer(&settings);
        assert_eq!(answer.status, 403);
        assert_eq!(
            answer.challenge,
            "Bearer error=\"insufficient_authorization\", error_description=\"The authorization level requires more \
             details\", body_instructions=\"true\", \
             resource_metadata_uri=\"https://a.example/.well-known/oauth-protected-resource\""
        );
        assert_eq!(
            answer.body.as_deref(),
            Some(
                r#"{"decision":false,"context":{"details":[{"loc":"/authorization_details","method":"simple","value":[{"type":"t"}]}]}}"#
            )
        );
    }

    #[test]
    fn settings_cannot_inject() {
        assert_eq!(Realm::parse("a\r\nSet-Cookie: x").unwrap_err().code(), "scope.realm_malformed");
        assert_eq!(Realm::parse("é").unwrap_err().code(), "scope.realm_malformed");
        assert!(Realm::parse(&"a".repeat(MAX_REALM)).is_ok());
        assert!(Realm::parse(&"a".repeat(MAX_REALM + 1)).is_err());
        let settings = Settings {
            scheme: Scheme::Dpop,
            realm: Some(Realm::parse(r#"a", error="none\"#).unwrap()),
            ..Settings::default()
        };
        let header = Need::ValidToken.answer(&settings).challenge;
        assert_eq!(header, r#"DPoP realm="a\", error=\"none\\", error="invalid_token""#);
        let read = Challenge::parse(&header).unwrap();
        assert_eq!(read.get("error"), Some("invalid_token"));
        assert_eq!(read.get("realm"), Some(r#"a", error="none\"#));
    }

    #[test]
    fn the_largest_challenge_can_be_read_again() {
        let settings = Settings {
            realm: Some(Realm::parse(&"\"".repeat(MAX_REALM)).unwrap()),
            resource_metadata: Some(ResourceMetadata::of_resource("https://a.example/x").unwrap()),
            ..Settings::default()
        };
        let needs = [
            Need::Scope(ScopeSet::parse(&"a".repeat(crate::limits::MAX_SCOPE_TEXT)).unwrap()),
            Need::Authorization(details(&format!(
                r#"[{{"type":"{}"}}]"#,
                "a".repeat(crate::limits::MAX_REQUIRED_DETAILS_TEXT - 20)
            ))),
            Need::Authentication {
                acr_values: Some(AcrValues::parse(["a".repeat(256).as_str(); 64]).unwrap()),
                max_age: Some(u64::MAX),
            },
        ];
        for need in needs {
            let header = need.challenge(&settings).to_header();
            assert!(header.len() <= MAX_CHALLENGE, "{}", header.len());
            assert_eq!(Challenge::parse(&header).unwrap(), need.challenge(&settings));
        }
    }
}
