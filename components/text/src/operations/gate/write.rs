//! What the gate says, as JSON.

use alloc::{string::String, vec::Vec};

use portcullis_gate::{Decision, DocumentNeed, Outcome, Principal};
#[cfg(feature = "registry")]
use portcullis_gate::{Issue, ToSign};
#[cfg(feature = "registry")]
use portcullis_types::json;
use portcullis_types::json::{Number, Object, Value};

use crate::door::{object, rejected};

/// Texts as a list.
pub(super) fn texts(texts: &[String]) -> Value {
    Value::Array(texts.iter().map(|text| text.as_str().into()).collect())
}

/// A decision, and what could not be had.
pub(super) fn decision(decision: &Decision, missing: &[String]) -> Object {
    let fields = |fields: &[(String, String)]| {
        let field =
            |(name, value): &(String, String)| Value::Array(alloc::vec![name.as_str().into(), value.as_str().into()]);
        Value::Array(fields.iter().map(field).collect())
    };
    let allow = decision.outcome == Outcome::Allow;
    let mut members: Vec<(String, Value)> = Vec::new();
    let mut put = |name: &str, value: Value| members.push((name.into(), value));
    put("outcome", if allow { "allow" } else { "deny" }.into());
    put("status", u64::from(decision.status).into());
    // What is sent on: to the upstream, or to the client.
    put("headers", fields(if allow { &decision.upstream_set } else { &decision.response_headers }));
    if allow {
        put("strip", texts(&decision.upstream_strip));
        put("response_headers", fields(&decision.response_headers));
    }
    if let Some(body) = &decision.body {
        put("body", body.as_str().into());
    }
    if let Some(principal) = &decision.principal {
        put("principal", self::principal(principal).into());
    }
    put("findings", Value::Array(decision.findings.iter().map(|finding| rejected(finding).into()).collect()));
    if let Some(rule) = &decision.rule {
        put("rule", rule.as_str().into());
    }
    if decision.reported {
        put("reported", true.into());
    }
    #[cfg(feature = "registry")]
    if let Some(issue) = &decision.issue {
        put("issue", self::issue(issue).into());
    }
    // What was asked for in two places and had from one is missed by nobody.
    if decision.status == 503 && !missing.is_empty() {
        put("needs", texts(missing));
    }
    Object::from_members(members)
}

/// What a token service is to hand out.
#[cfg(feature = "registry")]
fn issue(issue: &Issue) -> Object {
    let to_sign = |one: &ToSign| {
        // The gate wrote it, so it reads.
        let claims = json::parse(one.claims.as_bytes()).unwrap_or(Value::Null);
        object([("typ", one.media_type.as_str().into()), ("claims", claims)])
    };
    let mut members: Vec<(String, Value)> = Vec::new();
    members.push(("access".into(), to_sign(&issue.access).into()));
    members.extend(issue.refresh.as_ref().map(|refresh| ("refresh".into(), to_sign(refresh).into())));
    members.push(("scope".into(), issue.scope.as_str().into()));
    members.push(("issued_at".into(), issue.issued_at.into()));
    members.push(("expires_in".into(), issue.expires_in.into()));
    Object::from_members(members)
}

fn principal(principal: &Principal) -> Object {
    let mut members: Vec<(String, Value)> = Vec::new();
    for (name, value) in
        [("subject", &principal.subject), ("client", &principal.client), ("spiffe_id", &principal.spiffe_id)]
    {
        members.extend(value.as_ref().map(|value| (name.into(), value.as_str().into())));
    }
    members.push(("issuer".into(), principal.issuer.as_str().into()));
    let scopes = principal.scopes.iter().map(|scope| scope.as_str().into()).collect();
    members.push(("scopes".into(), Value::Array(scopes)));
    Object::from_members(members)
}

/// A document that is to be fetched.
pub(super) fn document_need(need: &DocumentNeed) -> Object {
    let most = u64::try_from(need.most).unwrap_or(u64::MAX);
    object([
        ("url", need.url.as_str().into()),
        ("class", need.class.name().into()),
        ("kind", need.kind.name().into()),
        ("accept", need.kind.accept().into()),
        ("most", Value::Number(Number::Unsigned(most))),
    ])
}
