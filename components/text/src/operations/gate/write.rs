//! What the gate says, as JSON.

use alloc::{string::String, vec::Vec};

#[cfg(feature = "clients")]
use portcullis_gate::ClientAnswer;
use portcullis_gate::{Decision, DocumentNeed, Outcome, Principal, Register, Transaction};
#[cfg(feature = "registry")]
use portcullis_gate::{Issue, ToSign};
#[cfg(feature = "clients")]
use portcullis_types::base64url;
#[cfg(any(feature = "clients", feature = "registry"))]
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
    if let Some(transaction) = &decision.transaction {
        put("transaction", self::transaction(transaction).into());
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
    #[cfg(feature = "clients")]
    if let Some(client) = &decision.client {
        put("client", self::client(client).into());
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
    members.push(("kind".into(), issue.kind.name().into()));
    members.push(("access".into(), to_sign(&issue.access).into()));
    members.extend(issue.refresh.as_ref().map(|refresh| ("refresh".into(), to_sign(refresh).into())));
    members.push(("scope".into(), issue.scope.as_str().into()));
    members.push(("issued_at".into(), issue.issued_at.into()));
    members.push(("expires_in".into(), issue.expires_in.into()));
    Object::from_members(members)
}

/// Who the client is.
#[cfg(feature = "clients")]
fn client(client: &ClientAnswer) -> Object {
    let mut members: Vec<(String, Value)> = Vec::new();
    members.push(("client_id".into(), client.client_id.as_str().into()));
    members.push(("method".into(), client.method.into()));
    members.push(("new".into(), client.new.into()));
    members.extend(client.spiffe_id.as_ref().map(|id| ("spiffe_id".into(), id.as_str().into())));
    members.extend(client.key.map(|key| ("jkt".into(), base64url::encode(&key).into())));
    members.extend(client.registration.as_ref().map(|registration| {
        // The library wrote it, so it reads.
        let record = json::parse(registration.record.as_bytes()).unwrap_or(Value::Null);
        ("registration".into(), object([("outcome", registration.outcome.name().into()), ("record", record)]).into())
    }));
    Object::from_members(members)
}

/// A record to store.
pub(super) fn register(register: Register) -> Object {
    let mut members: Vec<(String, Value)> = alloc::vec![("spiffe_id".into(), register.spiffe_id.into())];
    members.push(("was".into(), register.was.map_or(Value::Null, Value::from)));
    members.push(("record".into(), register.record.into()));
    members.push(("expires_at".into(), register.expires_at.into()));
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
    members.extend(principal.binding.map(|binding| ("binding".into(), binding.name().into())));
    Object::from_members(members)
}

fn transaction(transaction: &Transaction) -> Object {
    object([
        ("id", transaction.id.as_str().into()),
        ("subject", transaction.subject.as_str().into()),
        ("scopes", texts(&transaction.scopes)),
        ("requesting_workload", transaction.requesting_workload.as_str().into()),
    ])
}

/// A document that is to be fetched.
pub(super) fn document_need(need: &DocumentNeed) -> Object {
    let most = u64::try_from(need.most).unwrap_or(u64::MAX);
    let mut members: Vec<(String, Value)> = alloc::vec![
        ("url".into(), need.url.as_str().into()),
        ("class".into(), need.class.name().into()),
        ("kind".into(), need.kind.name().into()),
        ("accept".into(), need.kind.accept().into()),
        ("most".into(), Value::Number(Number::Unsigned(most))),
    ];
    members.extend(need.server.as_ref().map(|server| ("server".into(), server.as_str().into())));
    Object::from_members(members)
}
