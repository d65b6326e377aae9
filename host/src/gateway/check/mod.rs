//! The doors that proxies ask at, one kind for each listener, and every other path is a denial.
//!
//! | listener | what it answers |
//! |---|---|
//! | `asserts = "envoy"` | over HTTP/2 the gRPC service of `ext_authz`; over HTTP/1.1 `ext_authz` HTTP, where every path is a check of that path |
//! | `asserts = "nginx"` | `/auth/nginx` |
//! | `asserts = "traefik"`, `"caddy"` | `/auth/forward` |
//! | none | `POST /check`; and `GET` of the resource's metadata at its well-known place (RFC 9728) |
//! | `serves = "clients"` | `POST /authenticate` and its like (`docs/clients.md`), for an authorization server |
//! | `serves = "transactions"` | the Transaction Token Service, where the policy says that it is |
//! | `serves = "ocm"` | `/peer`, `/sign`, `/send` and `/jwks.json` (`docs/ocm.md`), for a sharing server |
//! | `serves = "tokens"` | the token service for registries, where the policy says that it is |
//!
//! gRPC answers with status 200 whatever was decided, which `ext_authz` HTTP takes for "allow"; so the two never share a
//! version of HTTP, or a client could ask for the path of the one through the other.

mod answer;
mod body;
mod described;
mod envoy;
mod http;
mod metadata;
mod peer;

use std::sync::Arc;
use std::time::Instant;

use super::audit::{Asked, Audit};
use super::engine::Engine;
use super::identity::Identity;
use super::metrics::Metrics;
use super::ocm::OcmService;
use super::tokens::TokenService;
use super::transactions::TransactionService;
use super::verdict::Verdict;
use crate::gate::{Asserter, Listener, Request};

pub(crate) use answer::{Answer, answered, plain, put, text};
pub(crate) use body::whole_body;
pub(crate) use peer::PeerChain;

/// What this gateway signs with keys of its own.
#[derive(Clone, Default)]
pub(crate) struct Services {
    /// Tokens for registries.
    pub(crate) tokens: Option<Arc<TokenService>>,
    /// Transaction Tokens.
    pub(crate) transactions: Option<Arc<TransactionService>>,
    /// Requests of a sharing server of Open Cloud Mesh.
    pub(crate) ocm: Option<Arc<OcmService>>,
}

/// What stands behind one listener.
pub(crate) struct Door {
    pub(crate) engine: Arc<Engine>,
    metrics: Arc<Metrics>,
    audit: Option<Audit>,
    listener: Listener,
    /// Whether the policy has this listener; if not, its requests name none.
    declared: bool,
    /// What hands out tokens, where the listener is for that.
    tokens: Option<Arc<TokenService>>,
    /// What hands out Transaction Tokens, likewise.
    transactions: Option<Arc<TransactionService>>,
    /// What signs requests of a sharing server, likewise.
    ocm: Option<Arc<OcmService>>,
    /// Who signs answers, if anybody does.
    pub(crate) identity: Option<Arc<Identity>>,
}

impl Door {
    pub(crate) fn new(
        engine: Arc<Engine>,
        metrics: Arc<Metrics>,
        audit: Option<Audit>,
        listener: Listener,
        declared: bool,
        services: &Services,
        identity: Option<Arc<Identity>>,
    ) -> Self {
        let tokens = services.tokens.clone().filter(|_| listener.tokens);
        let transactions = services.transactions.clone().filter(|_| listener.transactions);
        let ocm = services.ocm.clone().filter(|_| listener.ocm);
        Self { engine, metrics, audit, listener, declared, tokens, transactions, ocm, identity }
    }

    pub(crate) fn listener(&self) -> &Listener {
        &self.listener
    }

    /// How a listener's requests are called in the policy.
    fn name(&self) -> Option<String> {
        self.declared.then(|| self.listener.name.clone())
    }

    /// `http` or `https`, for a request of which nobody says more.
    fn scheme(&self) -> &'static str {
        if self.listener.tls.is_some() { "https" } else { "http" }
    }

    /// Asks the engine, and leaves a trace of it.
    async fn judge(&self, request: Request, asked: Asked) -> Verdict {
        let begun = Instant::now();
        let span = super::telemetry::span(&self.listener.name, &asked, &request.headers);
        let result = match &span {
            None => self.engine.check(request).await,
            Some(span) => tracing::Instrument::instrument(self.engine.check(request), span.clone()).await,
        };
        if let Err(unknown) = &result {
            tracing::error!(code = unknown.code(), why = %unknown, listener = self.listener.name, "no decision");
        }
        let verdict = Verdict::of(result, begun.elapsed());
        if let Some(span) = &span {
            super::telemetry::record(span, &verdict);
        }
        let decision = &verdict.decision;
        self.metrics.decided(&self.listener.name, verdict.allows(), &verdict.code, decision.reported, verdict.took);
        if let Some(audit) = &self.audit
            && !audit.write(&self.listener.name, &asked, &verdict).await
        {
            self.metrics.audit_lost();
        }
        verdict
    }
}

/// What a listener answers, for people who look at it.
pub(crate) fn kind(listener: &Listener) -> &'static str {
    match listener.asserts {
        _ if listener.tokens => "tokens for registries",
        _ if listener.transactions => "Transaction Tokens",
        _ if listener.clients => "who clients are",
        _ if listener.ocm => "messages to Open Cloud Mesh",
        Some(Asserter::Envoy) => "asserts envoy",
        Some(Asserter::Nginx) => "asserts nginx",
        Some(Asserter::Traefik) => "asserts traefik",
        Some(Asserter::Caddy) => "asserts caddy",
        None => "POST /check",
    }
}
