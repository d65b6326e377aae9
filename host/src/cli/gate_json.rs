//! Requests and decisions in the JSON form of the interfaces (`docs/batch.md`, `gate.check`).

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_host::Rejection;
use portcullis_host::gate::{Decision, Field, Header, Outcome, Principal, Request, Transaction};
use serde::{Deserialize, Serialize};

/// A request as `gate.check` takes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestBody {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    target: Option<String>,
    #[serde(default)]
    trailers: Vec<(String, String)>,
    body: Option<String>,
    body_b64: Option<String>,
    #[serde(default)]
    body_withheld: bool,
}

/// Reads a request.
pub(crate) fn request(text: &[u8]) -> anyhow::Result<Request> {
    let body: RequestBody = serde_json::from_slice(text)
        .context("the request is not {\"method\", \"url\", \"headers\": [[name, value], …]} in JSON")?;
    let fields = |fields: Vec<(String, String)>| {
        fields.into_iter().map(|(name, value)| Header { name, value: value.trim().as_bytes().to_vec() }).collect()
    };
    let bytes = match (body.body, body.body_b64, body.body_withheld) {
        (Some(text), None, false) => Some(text.into_bytes()),
        (None, Some(text), false) => {
            Some(URL_SAFE_NO_PAD.decode(text).ok().context("`body_b64` is not base64url without padding")?)
        }
        (None, None, false) => Some(Vec::new()),
        (None, None, true) => None,
        _ => bail!("the request has two bodies: leave one of `body`, `body_b64` and `body_withheld`"),
    };
    Ok(Request {
        method: body.method,
        url: body.url,
        target: body.target,
        headers: fields(body.headers),
        trailers: fields(body.trailers),
        body: bytes,
        ..Request::default()
    })
}

/// A decision as `gate.check` answers it.
#[derive(Serialize)]
pub(crate) struct ResultBody<'a> {
    outcome: &'a str,
    status: u16,
    headers: Vec<(&'a str, &'a str)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strip: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_headers: Option<Vec<(&'a str, &'a str)>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<PrincipalBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction: Option<TransactionBody<'a>>,
    findings: Vec<FindingBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    reported: bool,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    needs: &'a [String],
}

#[derive(Serialize)]
struct PrincipalBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spiffe_id: Option<&'a str>,
    issuer: &'a str,
    scopes: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    binding: Option<&'a str>,
}

/// The transaction that a request is part of.
#[derive(Serialize)]
struct TransactionBody<'a> {
    id: &'a str,
    subject: &'a str,
    scopes: &'a [String],
    requesting_workload: &'a str,
}

impl<'a> TransactionBody<'a> {
    fn of(transaction: &'a Transaction) -> Self {
        let Transaction { id, subject, scopes, requesting_workload } = transaction;
        Self { id, subject, scopes, requesting_workload }
    }
}

#[derive(Serialize)]
struct FindingBody<'a> {
    code: &'a str,
    detail: &'a str,
    rule: &'a str,
}

/// A decision, and what could not be had.
pub(crate) fn result<'a>(decision: &'a Decision, missing: &'a [String]) -> ResultBody<'a> {
    let allow = decision.outcome == Outcome::Allow;
    ResultBody {
        outcome: decision.outcome.as_str(),
        status: decision.status,
        headers: fields(if allow { &decision.upstream_set } else { &decision.response_headers }),
        strip: allow.then_some(&decision.upstream_strip),
        response_headers: allow.then(|| fields(&decision.response_headers)),
        body: decision.body.as_deref(),
        principal: decision.principal.as_ref().map(principal),
        transaction: decision.transaction.as_ref().map(TransactionBody::of),
        findings: decision.findings.iter().map(finding).collect(),
        rule: decision.rule.as_deref(),
        reported: decision.reported,
        needs: if decision.status == 503 { missing } else { &[] },
    }
}

fn fields(fields: &[Field]) -> Vec<(&str, &str)> {
    fields.iter().map(|field| (field.name.as_str(), field.value.as_str())).collect()
}

fn principal(principal: &Principal) -> PrincipalBody<'_> {
    PrincipalBody {
        subject: principal.subject.as_deref(),
        client: principal.client.as_deref(),
        spiffe_id: principal.spiffe_id.as_deref(),
        issuer: &principal.issuer,
        scopes: &principal.scopes,
        binding: principal.binding.as_deref(),
    }
}

fn finding(rejection: &Rejection) -> FindingBody<'_> {
    FindingBody { code: &rejection.code, detail: &rejection.detail, rule: &rejection.rule }
}
