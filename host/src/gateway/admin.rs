//! The admin listener: health, metrics, and dropping what is remembered. It is for operators, and has no checks.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::json;

use super::clock::now;
use super::engine::Engine;
use super::metrics::{Metrics, Readings};
use super::playground;
use crate::gate::{DocumentKind, Forget, sha256_from_bytes};
use crate::places::playground_dir;

/// What the admin listener knows.
#[derive(Clone)]
pub(crate) struct Admin {
    pub(crate) engine: Arc<Engine>,
    pub(crate) metrics: Arc<Metrics>,
}

impl Admin {
    /// Its paths.
    pub(crate) fn router(self) -> Router {
        Router::new()
            .route("/", get(help))
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics))
            .route("/tokens/forget", post(forget))
            .with_state(self)
            .merge(playground::router(&playground_dir()))
    }
}

const HELP: &str = "\
portcullis, admin listener

GET  /healthz          alive
GET  /readyz           200 where every issuer and trust domain that a rule names has keys, else 503 and who has none
GET  /metrics          Prometheus
GET  /playground/      tokens, status lists, SVIDs and policies looked at in a page, which sends nothing
POST /tokens/forget    drop remembered tokens: ?subject=…, ?client=…, ?token_sha256=… (base64url) or ?all=true
";

/// For a person with a browser the playground, for everybody else the list of paths.
async fn help(headers: axum::http::HeaderMap) -> Response {
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accepts.contains("text/html") {
        Redirect::temporary(playground::START).into_response()
    } else {
        HELP.into_response()
    }
}

async fn ready(State(admin): State<Admin>) -> Response {
    let readiness = admin.engine.current().ready(&admin.metrics).await;
    let missing: Vec<_> =
        readiness.missing.iter().map(|missing| json!({"name": missing.name, "why": missing.why})).collect();
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, axum::Json(json!({"ready": readiness.ready, "missing": missing}))).into_response()
}

async fn metrics(State(admin): State<Admin>) -> Response {
    let generation = admin.engine.current();
    let (store, at) = (admin.engine.store(), now());
    let kinds = [
        DocumentKind::Metadata,
        DocumentKind::Keys,
        DocumentKind::Bundle,
        DocumentKind::StatusList,
        DocumentKind::Users,
        DocumentKind::Introspection,
        DocumentKind::OcmDiscovery,
    ];
    let readings = Readings {
        held: generation.held(&admin.metrics).await.iter().map(|held| (held.bytes, held.tokens, held.lists)).collect(),
        ages: kinds.iter().filter_map(|kind| Some((kind.as_str(), store.oldest(*kind, at)?))).collect(),
        fetches: kinds
            .iter()
            .map(|kind| {
                let (came, failed) = store.counts(*kind);
                (kind.as_str(), came, failed)
            })
            .collect(),
        parked: admin.engine.parked() as u64,
        ready: generation.ready(&admin.metrics).await.ready,
        policy: generation.number(),
        replay_held: admin.engine.replay().held(),
    };
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], admin.metrics.text(&readings)).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    subject: Option<String>,
    client: Option<String>,
    token_sha256: Option<String>,
    #[serde(default)]
    all: bool,
}

async fn forget(State(admin): State<Admin>, Query(which): Query<Which>) -> Response {
    let which = match which {
        Which { subject: Some(subject), client: None, token_sha256: None, all: false } => Forget::Subject(subject),
        Which { subject: None, client: Some(client), token_sha256: None, all: false } => Forget::Client(client),
        Which { subject: None, client: None, token_sha256: None, all: true } => Forget::Everything,
        Which { subject: None, client: None, token_sha256: Some(digest), all: false } => {
            match URL_SAFE_NO_PAD.decode(&digest).ok().and_then(|bytes| bytes.try_into().ok()) {
                Some(bytes) => Forget::TokenDigest(sha256_from_bytes(bytes)),
                None => return refused("token_sha256 is not the SHA-256 of a token in base64url without padding"),
            }
        }
        _ => return refused("name one of subject, client, token_sha256 and all=true"),
    };
    let forgotten = admin.engine.current().forget(&which, &admin.metrics).await;
    tracing::info!(forgotten, "remembered tokens were dropped");
    axum::Json(json!({"forgotten": forgotten})).into_response()
}

fn refused(detail: &str) -> Response {
    (StatusCode::BAD_REQUEST, axum::Json(json!({"error": "invalid_request", "detail": detail}))).into_response()
}

/// Refuses what a page of somebody else's may send: an operator's browser reaches this listener, too. The host has to be an
/// address, `localhost` or what it listens as, and a page's origin its own.
pub(crate) fn guarded(router: Router, address: &str) -> Router {
    let own = address.to_owned();
    router.layer(axum::middleware::from_fn(move |request: axum::extract::Request, next: axum::middleware::Next| {
        let allowed = is_own(request.headers(), &own);
        async move {
            if allowed {
                next.run(request).await
            } else {
                (StatusCode::FORBIDDEN, "this listener is for its own pages and for programs\n").into_response()
            }
        }
    }))
}

fn is_own(headers: &axum::http::HeaderMap, address: &str) -> bool {
    let text = |name| headers.get(name).and_then(|value: &axum::http::HeaderValue| value.to_str().ok());
    let Some(host) = text(header::HOST) else { return true };
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    let name = name.map_or(host, |(name, _)| name).trim_matches(['[', ']']);
    // A name that is rebound to this address is no address; names of a cluster's services have no page.
    let known = name == "localhost" || name.parse::<std::net::IpAddr>().is_ok() || host == address;
    let page = headers.contains_key(header::ORIGIN);
    (known || !page) && text(header::ORIGIN).is_none_or(|origin| origin == format!("http://{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_others_are_refused_and_programs_are_not() {
        for (host, origin, wanted) in [
            ("127.0.0.1:8081", None, true),
            ("portcullis.prod.svc:8081", None, true),
            ("127.0.0.1:8081", Some("http://127.0.0.1:8081"), true),
            ("localhost:8081", Some("http://localhost:8081"), true),
            ("127.0.0.1:8081", Some("https://evil.example"), false),
            ("evil.example:8081", Some("http://evil.example:8081"), false),
            ("127.0.0.1:8081", Some("null"), false),
        ] {
            let mut headers = axum::http::HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            assert_eq!(is_own(&headers, "127.0.0.1:8081"), wanted, "{host} {origin:?}");
        }
    }
}
