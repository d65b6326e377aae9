//! A decision: what a host carries out, and what it writes down.

use alloc::{
    string::{String, ToString},
    vec,
    vec::Vec,
};

use portcullis_oauth::key_binding::Binding;
use portcullis_types::Rejection;

#[cfg(feature = "clients")]
use crate::clients::ClientAnswer;
#[cfg(feature = "registry")]
use crate::registry::Issue;
use crate::{answer::UNKNOWN_BODY, limits::RETRY_AFTER};

/// Who a request is from, as far as a credential says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Principal {
    /// `sub`; the SPIFFE ID of a workload.
    pub subject: Option<String>,
    /// `client_id`.
    pub client: Option<String>,
    /// The SPIFFE ID of a workload.
    pub spiffe_id: Option<String>,
    /// The issuer's identifier (`iss`), or the trust domain.
    pub issuer: String,
    /// The scope tokens that were granted.
    pub scopes: Vec<String>,
    /// How the token is bound to the key that its sender proved; nothing for workloads and users, who have no such token.
    pub binding: Option<Binding>,
}

/// The transaction that a request is part of, as its Transaction Token says (draft-ietf-oauth-transaction-tokens-11). It says what
/// the request is for and nothing of who sent it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transaction {
    /// `txn`.
    pub id: String,
    /// `sub`: for whom it is done.
    pub subject: String,
    /// The tokens of its scope.
    pub scopes: Vec<String>,
    /// `req_wl`: the workload that asked for the token.
    pub requesting_workload: String,
}

/// Whether a request goes on to the upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It does.
    Allow,
    /// It is answered here.
    Deny,
}

/// What is decided about a request. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Whether it goes on.
    pub outcome: Outcome,
    /// The HTTP status of the answer; 200 where it goes on.
    pub status: u16,
    /// Header fields of the answer to the client: of a denial, or beside the upstream's own.
    pub response_headers: Vec<(String, String)>,
    /// The body of a denial, and of every answer to a server that asks about its clients.
    pub body: Option<String>,
    /// Header fields to set for the upstream, after `upstream_strip` is stripped.
    pub upstream_set: Vec<(String, String)>,
    /// Names to strip from what the client sent, headers and trailers: as the policy writes them, and as they came.
    pub upstream_strip: Vec<String>,
    /// Who it is from.
    pub principal: Option<Principal>,
    /// The transaction that it is part of, where its Transaction Token verified.
    pub transaction: Option<Transaction>,
    /// What was found, the first decides. For logs and traces, never for clients.
    pub findings: Vec<Rejection>,
    /// The rule that matched, by what the policy calls it. For logs.
    pub rule: Option<String>,
    /// Whether it was let through only because the policy or rule reports.
    pub reported: bool,
    /// The URLs of documents that were asked for and could not be had.
    pub needs: Vec<String>,
    /// What a token service is to hand out, for its host to sign. Whoever gets such a decision lets nothing through by it.
    #[cfg(feature = "registry")]
    pub issue: Option<Issue>,
    /// Who the client is, where a server asked that. Whoever gets such a decision lets nothing through by it.
    #[cfg(feature = "clients")]
    pub client: Option<ClientAnswer>,
}

impl Decision {
    /// A denial with 503 for a host that has no decision, and why: what the client is told is the gate's own answer to what it
    /// cannot know.
    pub fn unavailable(why: Rejection) -> Self {
        let field = |name: &str, value: String| (name.to_string(), value);
        Self {
            outcome: Outcome::Deny,
            status: 503,
            response_headers: vec![
                field("Retry-After", RETRY_AFTER.to_string()),
                field("Content-Type", "application/json".into()),
                field("Cache-Control", "no-store".into()),
            ],
            body: Some(UNKNOWN_BODY.into()),
            upstream_set: Vec::new(),
            upstream_strip: Vec::new(),
            principal: None,
            transaction: None,
            findings: vec![why],
            rule: None,
            reported: false,
            needs: Vec::new(),
            #[cfg(feature = "registry")]
            issue: None,
            #[cfg(feature = "clients")]
            client: None,
        }
    }

    /// The code that decided, if there is one.
    pub fn code(&self) -> Option<&'static str> {
        self.findings.first().map(Rejection::code)
    }
}
