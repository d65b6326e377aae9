//! Denials in the form that registries and token services have (OCI Distribution Specification 1.1, Error Codes; distribution:
//! Token Authentication Specification; RFC 6749 section 5.2).

use alloc::{
    string::{String, ToString},
    vec,
    vec::Vec,
};

use portcullis_scope::{
    Challenge, Need, ScopeCode,
    oci::{
        Access,
        challenge::{TokenError, challenge},
    },
};
use portcullis_types::json::{self, Object, Value};

use super::{Speaking, issue::access_claim};
use crate::{
    code::GateCode,
    decision::Decision,
    denial::{Denial, Fault},
    limits::RETRY_AFTER,
    policy::{Policy, Registry},
};

/// The body of every answer of which nobody knows: the same, whatever the reason.
const UNKNOWN_BODY: &str = r#"{"errors":[{"code":"UNAVAILABLE","message":"service unavailable"}]}"#;

/// Sets status and headers of a denial, and gives the body.
pub(crate) fn told(policy: &Policy, speaking: &Speaking, denial: &Denial, decision: &mut Decision) -> String {
    let Some(registry) = &policy.registry else { return UNKNOWN_BODY.into() };
    let code = denial.rejection.code();
    let empty: &[Access] = &[];
    let required = match speaking {
        Speaking::Registry(required) => required.as_slice(),
        Speaking::Tokens(_) => empty,
    };
    let body = |error: &str, message: &str, reason: Option<&str>, missing: &[Access]| {
        self::body(policy, speaking, denial, error, message, reason, missing)
    };
    match &denial.fault {
        Fault::Request => {
            decision.status = 400;
            let named = [ScopeCode::OciPathName, ScopeCode::OciFromName].iter().any(|code| denial.rejection.is(*code));
            let error = if named { "NAME_INVALID" } else { "UNSUPPORTED" };
            body(error, "the request cannot be read in one way alone", Some(code), empty)
        }
        Fault::Absent(status) => {
            decision.status = *status;
            if *status == 405 {
                let methods = match speaking {
                    Speaking::Registry(_) => "GET, HEAD, POST, PUT, PATCH, DELETE",
                    Speaking::Tokens(_) => "GET, POST",
                };
                decision.response_headers.push(("Allow".into(), methods.into()));
            }
            body("UNSUPPORTED", "there is nothing like that here", Some(code), empty)
        }
        Fault::Credential { .. } | Fault::Workload { .. } => {
            decision.status = 401;
            let (error, told) = match &denial.fault {
                Fault::Credential { need: Need::Credential { .. }, told, .. } => (None, told),
                Fault::Credential { told, .. } | Fault::Workload { told, .. } => (Some(TokenError::InvalidToken), told),
                _ => (None, &false),
            };
            decision
                .response_headers
                .push(("WWW-Authenticate".into(), challenged(registry, speaking, required, error)));
            let reason = if *told { Some(code) } else { error.map(|_| "invalid_token") };
            body("UNAUTHORIZED", "authentication required", reason, required)
        }
        Fault::Access { missing, renegotiate: true } => {
            decision.status = 401;
            let challenge = challenged(registry, speaking, required, Some(TokenError::InsufficientScope));
            decision.response_headers.push(("WWW-Authenticate".into(), challenge));
            body("UNAUTHORIZED", "the token does not grant what the request needs", Some(code), missing)
        }
        Fault::Access { missing, renegotiate: false } => {
            decision.status = 403;
            body("DENIED", "requested access to the resource is denied", Some(code), missing)
        }
        // Clients are asked about on listeners of their own.
        #[cfg(feature = "clients")]
        Fault::Client(_) => UNKNOWN_BODY.into(),
        // Grants demand no attestation, and no transaction.
        Fault::Attestation { .. } | Fault::Transaction { .. } | Fault::Rights(_) | Fault::Forbidden | Fault::Page => {
            decision.status = 403;
            body("DENIED", "requested access to the resource is denied", Some(code), empty)
        }
        Fault::Unknown => {
            decision.status = 503;
            decision.response_headers.push(("Retry-After".into(), RETRY_AFTER.to_string()));
            if policy.expose_full {
                body("UNAVAILABLE", "service unavailable", Some(code), empty)
            } else {
                UNKNOWN_BODY.into()
            }
        }
    }
}

/// A registry sends clients to its token service, for exactly what the request needs; a token service, and a registry without
/// one, ask for a name and a password (RFC 7617).
fn challenged(registry: &Registry, speaking: &Speaking, required: &[Access], error: Option<TokenError>) -> String {
    let own = registry.services.first().map(String::as_str).unwrap_or_default();
    let basic = |realm: &str| match Challenge::new("Basic").and_then(|basic| basic.with("realm", realm)) {
        Ok(challenge) => challenge.to_header(),
        Err(_) => "Basic realm=\"registry\"".into(),
    };
    match (speaking, &registry.realm) {
        (Speaking::Tokens(service), _) => basic(service.as_deref().unwrap_or(own)),
        (Speaking::Registry(_), None) => basic(own),
        (Speaking::Registry(_), Some(realm)) => {
            let made = challenge(&realm.realm, own, required, error)
                // What cannot be written as a scope is not asked for: its name was read, so this is never met.
                .or_else(|_| challenge(&realm.realm, own, &[], error));
            made.map_or_else(|_| basic(own), |made| made.to_header())
        }
    }
}

fn body(
    policy: &Policy,
    speaking: &Speaking,
    denial: &Denial,
    error: &str,
    message: &str,
    reason: Option<&str>,
    missing: &[Access],
) -> String {
    let reason = if policy.expose_full { Some(denial.rejection.code()) } else { reason };
    let mut detail: Vec<(String, Value)> = Vec::new();
    detail.extend(reason.map(|reason| ("reason".into(), reason.into())));
    if !missing.is_empty() {
        detail.push(("missing".into(), access_claim(missing)));
    }
    if policy.expose_full {
        detail.push(("detail".into(), denial.rejection.detail().into()));
        detail.push(("rule".into(), denial.rejection.rule().into()));
    }
    let mut entry = vec![("code".to_string(), error.into()), ("message".to_string(), message.into())];
    if !detail.is_empty() {
        entry.push(("detail".into(), Value::Object(Object::from_members(detail))));
    }
    let mut members = vec![("errors".to_string(), Value::Array(vec![Value::Object(Object::from_members(entry))]))];
    if matches!(speaking, Speaking::Tokens(_)) {
        members.push(("error".into(), oauth_error(denial).into()));
        members.push(("error_description".into(), message.into()));
    }
    json::to_text(&Object::from_members(members))
}

/// What RFC 6749 section 5.2 calls it, for clients of the OAuth form.
fn oauth_error(denial: &Denial) -> &'static str {
    let rejection = &denial.rejection;
    match &denial.fault {
        Fault::Request if rejection.is(ScopeCode::OciGrantType) => "unsupported_grant_type",
        Fault::Request if rejection.code().starts_with("oci.scope_") => "invalid_scope",
        Fault::Request if rejection.is(GateCode::RegistryService) => "invalid_target",
        Fault::Request | Fault::Absent(_) | Fault::Page => "invalid_request",
        Fault::Credential { need: Need::Credential { .. }, .. } => "invalid_client",
        Fault::Credential { .. } | Fault::Workload { .. } => "invalid_grant",
        Fault::Access { .. }
        | Fault::Attestation { .. }
        | Fault::Transaction { .. }
        | Fault::Rights(_)
        | Fault::Forbidden => "access_denied",
        #[cfg(feature = "clients")]
        Fault::Client(_) => "temporarily_unavailable",
        Fault::Unknown => "temporarily_unavailable",
    }
}
