//! The endpoints of the authorization code flow, on the admin listener where that is at a loopback address.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, RawQuery, Request as HttpRequest, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::flow::{Error, description, location};
use super::proofs::{self, NoProof};
use super::request::{MAX_PARAMETERS, Parameters, Refused, Request, loopback_origin};
use super::{DemoIssuer, consent};
use crate::gateway::clock::now;

/// Where people decide.
pub(super) const AUTHORIZE: &str = "/demo/oauth/authorize";

/// Where codes and refresh tokens are exchanged.
pub(super) const TOKEN: &str = "/demo/oauth/token";

/// How long a page may remember that it may ask, in seconds.
const PREFLIGHT_FOR: std::time::Duration = std::time::Duration::from_secs(600);

/// What clients are told to wait where nobody can know, in seconds.
const RETRY_AFTER: &str = "5";

pub(super) fn router(issuer: &Arc<DemoIssuer>, address: &str) -> Router {
    let pages = CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(|origin, _| {
            origin.to_str().is_ok_and(|origin| loopback_origin(origin).as_deref() == Some(origin))
        }))
        .allow_methods([Method::POST])
        .allow_headers([header::CONTENT_TYPE, header::HeaderName::from_static("dpop")])
        .max_age(PREFLIGHT_FOR);
    let own = own_hosts(address);
    Router::new()
        .route(AUTHORIZE, get(authorize).post(decide))
        .merge(Router::new().route(TOKEN, post(token)).layer(pages))
        .layer(DefaultBodyLimit::max(MAX_PARAMETERS))
        .layer(from_fn(move |request: HttpRequest, next: Next| {
            // A name that was rebound to this address would make its page one of this listener's.
            let known = text(request.headers(), &header::HOST).is_some_and(|host| own.iter().any(|own| own == host));
            async move {
                let mut answer = if known {
                    next.run(request).await
                } else {
                    (StatusCode::MISDIRECTED_REQUEST, "the host is not this listener\n").into_response()
                };
                answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
                answer
            }
        }))
        .with_state(Arc::clone(issuer))
}

/// The hosts by which a client on this machine reaches an address.
fn own_hosts(address: &str) -> Vec<String> {
    let port = address.rsplit_once(':').map_or("", |(_, port)| port);
    vec![address.to_owned(), format!("localhost:{port}")]
}

fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

async fn authorize(State(issuer): State<Arc<DemoIssuer>>, RawQuery(query): RawQuery) -> Response {
    let request = match Request::read(&query.unwrap_or_default()) {
        Ok(request) => request,
        Err(Refused::Page(detail)) => return html(StatusCode::BAD_REQUEST, None, consent::refusal(&detail)),
        Err(Refused::Client { redirect_uri, state, error, detail }) => {
            let answer = [("error", error), ("error_description", &*description(&detail))];
            return redirect(&location(&redirect_uri, state.as_deref(), issuer.url(), &answer));
        }
    };
    match issuer.flow().ask(request.clone(), now()) {
        Ok(ticket) => html(StatusCode::OK, Some(&request), consent::page(&request, &ticket, AUTHORIZE)),
        Err(error) => failed(&error),
    }
}

async fn decide(State(issuer): State<Arc<DemoIssuer>>, headers: HeaderMap, body: String) -> Response {
    let refused = |detail: &str| html(StatusCode::BAD_REQUEST, None, consent::refusal(detail));
    // The form's page is of this listener. The ticket says so already; this costs nothing.
    let own = text(&headers, &header::HOST).map(|host| format!("http://{host}"));
    if text(&headers, &header::ORIGIN).is_some_and(|origin| Some(origin) != own.as_deref()) {
        return html(StatusCode::FORBIDDEN, None, consent::refusal("The form was sent by another page."));
    }
    let parameters = match Parameters::read(&body) {
        Ok(parameters) => parameters,
        Err(detail) => return refused(&detail),
    };
    let allow = match parameters.get("decision") {
        Some("allow") => true,
        Some("deny") => false,
        _ => return refused("The form says neither allow nor deny."),
    };
    match issuer.flow().decide(issuer.url(), parameters.get("ticket").unwrap_or_default(), allow, now()) {
        Ok(Some(location)) => redirect(&location),
        Ok(None) => refused("This page was answered already, or is too old. Go back to where you came from."),
        Err(error) => failed(&error),
    }
}

async fn token(State(issuer): State<Arc<DemoIssuer>>, headers: HeaderMap, body: String) -> Response {
    let form = text(&headers, &header::CONTENT_TYPE).and_then(|kind| kind.split(';').next());
    if !form.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")) {
        return refused(Error { error: "invalid_request", detail: "the body is no form".into() });
    }
    let parameters = match Parameters::read(&body) {
        Ok(parameters) => parameters,
        Err(detail) => return refused(Error { error: "invalid_request", detail }),
    };
    let at = now();
    let proven = match headers.contains_key("dpop") {
        false => None,
        true => {
            let host = text(&headers, &header::HOST).unwrap_or_default();
            let request = proofs::request(&headers, "POST", format!("http://{host}{TOKEN}"));
            let bound = issuer.bound_key(&parameters, at).and_then(|jkt| URL_SAFE_NO_PAD.decode(jkt).ok());
            // Not the other requests' time: a component is asked.
            match tokio::task::block_in_place(|| issuer.proofs().key_of(&request, bound, at)) {
                Ok(thumbprint) => Some(URL_SAFE_NO_PAD.encode(thumbprint)),
                Err(NoProof::Invalid(detail)) => return refused(Error { error: "invalid_dpop_proof", detail }),
                Err(NoProof::Unavailable(detail)) => return unavailable(&detail),
            }
        }
    };
    match issuer.exchange(&parameters, proven.as_deref(), at) {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => refused(error),
    }
}

fn html(status: StatusCode, request: Option<&Request>, page: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (header::CONTENT_SECURITY_POLICY, consent::content_security_policy(request)),
        // The form's Origin would be `null` with none at all.
        (header::REFERRER_POLICY, "same-origin".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    (status, headers, page).into_response()
}

/// 303, so that a form's method and body do not go along (RFC 9700 section 4.12).
fn redirect(location: &str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, location), (header::REFERRER_POLICY, "no-referrer")]).into_response()
}

fn refused(error: Error) -> Response {
    let status =
        if error.error == "server_error" { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::BAD_REQUEST };
    (status, Json(json!({"error": error.error, "error_description": description(&error.detail)}))).into_response()
}

fn unavailable(detail: &str) -> Response {
    let body = Json(json!({"error": "temporarily_unavailable", "error_description": description(detail)}));
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, RETRY_AFTER)], body).into_response()
}

fn failed(error: &dyn std::fmt::Display) -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response()
}
