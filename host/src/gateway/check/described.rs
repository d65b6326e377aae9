//! `POST /check`: a request described in JSON, for who asks by program. It has the members of `gate.check` of
//! `portcullis batch` (`request`, `client_certificate`).

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use hyper::body::Incoming;
use serde::{Deserialize, Serialize};

use super::answer::{self, Answer};
use super::{Door, whole_body};
use crate::gate::{ClientCertificate, Field, Header, LeafCertificate, Request, Transaction, sha256_from_bytes};
use crate::gateway::audit::Asked;
use crate::gateway::verdict::{Verdict, names};

/// The longest description that is read, in bytes: the header fields that the gate takes, certificates, and room.
const MAX_DESCRIPTION: usize = 1 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    request: Told,
    client_certificate: Option<Certificate>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    method: String,
    url: String,
    target: Option<String>,
    headers: Vec<(String, String)>,
    #[serde(default)]
    trailers: Vec<(String, String)>,
    body: Option<String>,
    body_b64: Option<String>,
    /// That there is a body, or may be one, which is not told.
    #[serde(default)]
    body_withheld: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Certificate {
    chain: Option<Vec<String>>,
    leaf: Option<String>,
    validated_by_host: Option<String>,
    digest: Option<String>,
}

#[derive(Serialize)]
struct Answered<'v> {
    outcome: &'static str,
    status: u16,
    headers: Vec<(String, String)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'v str>,
    upstream: Upstream,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<Principal<'v>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction: Option<TransactionBody<'v>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    reported: bool,
}

#[derive(Serialize)]
struct Upstream {
    set: Vec<(String, String)>,
    remove: Vec<String>,
}

#[derive(Serialize)]
struct Principal<'v> {
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'v str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<&'v str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spiffe_id: Option<&'v str>,
    issuer: &'v str,
    scopes: &'v [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    binding: Option<&'v str>,
}

/// The transaction that a request is part of.
#[derive(Serialize)]
struct TransactionBody<'v> {
    id: &'v str,
    subject: &'v str,
    scopes: &'v [String],
    requesting_workload: &'v str,
}

impl<'v> TransactionBody<'v> {
    fn of(transaction: &'v Transaction) -> Self {
        let Transaction { id, subject, scopes, requesting_workload } = transaction;
        Self { id, subject, scopes, requesting_workload }
    }
}

/// Answers with the decision. The HTTP status is 200 where the request is let through and never else, so that who looks at
/// no more is not misled.
pub(super) async fn answer(door: &Arc<Door>, request: http::Request<Incoming>) -> Answer {
    let Some(body) = whole_body(request.into_body(), MAX_DESCRIPTION).await else {
        return refused(StatusCode::PAYLOAD_TOO_LARGE, "the description did not come whole, or has more than 1 MiB");
    };
    let described = match serde_json::from_slice::<Described>(&body) {
        Ok(described) => described,
        Err(error) => return refused(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let request = match described.request(door.name()) {
        Ok(request) => request,
        Err(what) => return refused(StatusCode::BAD_REQUEST, what),
    };
    let asked = Asked::of(&request, None);
    let sent: Vec<Header> = request.headers.iter().chain(&request.trailers).cloned().collect();
    let verdict = door.judge(request, asked).await;
    let status = match verdict.decision.status {
        _ if verdict.allows() => StatusCode::OK,
        status @ 400.. => StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN),
        _ => StatusCode::FORBIDDEN,
    };
    answer::text(status, told(&verdict, &sent))
}

fn told(verdict: &Verdict, sent: &[Header]) -> String {
    let decision = &verdict.decision;
    let pairs = |fields: &'_ [Field]| -> Vec<(String, String)> {
        fields.iter().map(|field| (field.name.clone(), field.value.clone())).collect()
    };
    let told = Answered {
        outcome: decision.outcome.as_str(),
        status: decision.status,
        headers: pairs(&decision.response_headers),
        body: decision.body.as_deref(),
        upstream: Upstream {
            set: pairs(&decision.upstream_set),
            remove: if verdict.allows() { verdict.to_remove(names(sent)) } else { Vec::new() },
        },
        principal: decision.principal.as_ref().map(|principal| Principal {
            subject: principal.subject.as_deref(),
            client: principal.client.as_deref(),
            spiffe_id: principal.spiffe_id.as_deref(),
            issuer: &principal.issuer,
            scopes: &principal.scopes,
            binding: principal.binding.as_deref(),
        }),
        transaction: decision.transaction.as_ref().map(TransactionBody::of),
        reported: decision.reported,
    };
    serde_json::to_string(&told).unwrap_or_default()
}

fn refused(status: StatusCode, detail: &str) -> Answer {
    let body = serde_json::json!({"error": "invalid_request", "code": "request.malformed", "detail": detail});
    answer::text(status, body.to_string())
}

impl Described {
    fn request(self, listener: Option<String>) -> Result<Request, &'static str> {
        let told = self.request;
        let headers = |fields: Vec<(String, String)>| -> Vec<Header> {
            fields.into_iter().map(|(name, value)| Header { name, value: value.into_bytes() }).collect()
        };
        let body = match (told.body, told.body_b64, told.body_withheld) {
            (None, None, true) => None,
            (None, None, false) => Some(Vec::new()),
            (Some(text), None, false) => Some(text.into_bytes()),
            (None, Some(text), false) => Some(bytes(&text)?),
            _ => return Err("body, body_b64 and body_withheld are three words for one thing: leave two out"),
        };
        Ok(Request {
            method: told.method,
            url: told.url,
            target: told.target,
            headers: headers(told.headers),
            trailers: headers(told.trailers),
            body,
            certificate: self.client_certificate.map_or(Ok(ClientCertificate::None), Certificate::read)?,
            listener,
            ..Request::default()
        })
    }
}

impl Certificate {
    fn read(self) -> Result<ClientCertificate, &'static str> {
        match self {
            Self { chain: Some(chain), leaf: None, validated_by_host: None, digest: None } => {
                let chain = chain.iter().map(|der| bytes(der)).collect::<Result<_, _>>()?;
                Ok(ClientCertificate::Chain(chain))
            }
            Self { chain: None, leaf: Some(leaf), validated_by_host, digest: None } => {
                let leaf = LeafCertificate { der: bytes(&leaf)?, validated_for: validated_by_host };
                Ok(ClientCertificate::Leaf(leaf))
            }
            Self { chain: None, leaf: None, validated_by_host: None, digest: Some(digest) } => {
                let digest = bytes(&digest)?.try_into().map_err(|_| "a digest has 32 bytes")?;
                Ok(ClientCertificate::Digest(sha256_from_bytes(digest)))
            }
            _ => Err("client_certificate is one of chain, leaf (with validated_by_host) and digest"),
        }
    }
}

fn bytes(text: &str) -> Result<Vec<u8>, &'static str> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| "bytes are base64url without padding")
}
