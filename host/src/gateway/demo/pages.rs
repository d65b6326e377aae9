//! The paths of the demo issuer.

use std::sync::Arc;

use axum::extract::rejection::FormRejection;
use axum::extract::{DefaultBodyLimit, Form, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use super::{DemoIssuer, MintRequest, index_untrusted};
use crate::gateway::clock::now;

/// The longest form that is read, in bytes.
const MAX_FORM: usize = 16 << 10;

const HELP: &str = "\
A demonstration: this issuer gives a token to everybody who asks. Never let it near anything real.

POST /demo/token      a token as text. Forms: sub, scope, aud, client_id, acr, jkt, lifetime
POST /demo/mint       the same as JSON, with its entry in the status list
POST /demo/revoke     index= or token=: checks deny it when the list is fetched again, within seconds
POST /demo/restore    index= or token=
POST /demo/rotate     a new key; tokens of the old one are no longer good

  curl -s http://127.0.0.1:8081/demo/token -d scope=reports:read
";

pub(super) fn documents(issuer: &Arc<DemoIssuer>) -> Router {
    let keys = |State(issuer): State<Arc<DemoIssuer>>| async move {
        ([(header::CONTENT_TYPE, "application/jwk-set+json")], issuer.jwks())
    };
    Router::new()
        .route(
            "/.well-known/oauth-authorization-server",
            get(|State(issuer): State<Arc<DemoIssuer>>| async move { Json(issuer.metadata()) }),
        )
        .route("/jwks.json", get(keys))
        .route("/statuslists/1", get(status_list))
        .with_state(Arc::clone(issuer))
}

pub(super) fn people(issuer: &Arc<DemoIssuer>) -> Router {
    Router::new()
        .route("/demo", get(|| async { HELP }))
        .route("/demo/token", post(token))
        .route("/demo/mint", post(mint))
        .route("/demo/revoke", post(|issuer, form| set_revoked(issuer, form, true)))
        .route("/demo/restore", post(|issuer, form| set_revoked(issuer, form, false)))
        .route("/demo/rotate", post(rotate))
        .layer(DefaultBodyLimit::max(MAX_FORM))
        .with_state(Arc::clone(issuer))
}

async fn status_list(State(issuer): State<Arc<DemoIssuer>>) -> Response {
    match issuer.status_list(now()) {
        Ok(list) => ([(header::CONTENT_TYPE, "application/statuslist+jwt")], list).into_response(),
        Err(error) => failed(&error),
    }
}

/// What a form says. No form at all says nothing, which is well.
type Asked<T> = Result<Form<T>, FormRejection>;

async fn token(State(issuer): State<Arc<DemoIssuer>>, form: Asked<MintRequest>) -> Response {
    match asked(form).map(|request| issuer.mint(&request, now())) {
        Ok(Ok(minted)) => minted.token.into_response(),
        Ok(Err(error)) => failed(&error),
        Err(refused) => *refused,
    }
}

async fn mint(State(issuer): State<Arc<DemoIssuer>>, form: Asked<MintRequest>) -> Response {
    match asked(form).map(|request| issuer.mint(&request, now())) {
        Ok(Ok(minted)) => Json(json!({"token": minted.token, "index": minted.index})).into_response(),
        Ok(Err(error)) => failed(&error),
        Err(refused) => *refused,
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Which {
    index: Option<usize>,
    token: Option<String>,
}

async fn set_revoked(State(issuer): State<Arc<DemoIssuer>>, form: Asked<Which>, revoked: bool) -> Response {
    let which = match asked(form) {
        Ok(which) => which,
        Err(refused) => return *refused,
    };
    let index = which.index.or_else(|| index_untrusted(which.token.as_deref()?));
    match index {
        Some(index) if issuer.set_revoked(index, revoked) => {
            Json(json!({"index": index, "revoked": revoked})).into_response()
        }
        _ => refused("say which token: index=, or token= with one of this issuer's"),
    }
}

async fn rotate(State(issuer): State<Arc<DemoIssuer>>) -> Response {
    issuer.rotate();
    Json(json!({"rotated": true})).into_response()
}

fn asked<T: Default>(form: Asked<T>) -> Result<T, Box<Response>> {
    match form {
        Ok(Form(asked)) => Ok(asked),
        Err(FormRejection::InvalidFormContentType(_)) => Ok(T::default()),
        Err(rejection) => Err(Box::new(refused(&rejection.body_text()))),
    }
}

fn refused(detail: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_request", "detail": detail}))).into_response()
}

fn failed(error: &dyn std::fmt::Display) -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response()
}
