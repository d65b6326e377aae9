//! The paths of the demo issuer.

use std::sync::Arc;

use axum::extract::rejection::FormRejection;
use axum::extract::{DefaultBodyLimit, Form, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use portcullis_status::build::Form as ListForm;
use serde::Deserialize;
use serde_json::json;

use tower_http::set_header::SetResponseHeaderLayer;

use super::status_list::gzip;
use super::{DemoIssuer, MintRequest, index_untrusted};
use crate::gateway::clock::now;

/// The longest form that is read, in bytes.
const MAX_FORM: usize = 16 << 10;

/// Where the status list is, and where the lists are named.
pub(super) const STATUS_LIST: &str = "/statuslists/1";
pub(super) const STATUS_LISTS: &str = "/statuslists";

const HELP: &str = "\
A demonstration: this issuer gives a token to everybody who asks. Never let it near anything real.

POST /demo/token      a token as text. Forms: sub, scope, aud, client_id, acr, jkt, lifetime
POST /demo/mint       the same as JSON, with its entry in the status list
POST /demo/revoke     index= or token=: checks deny it when the list is fetched again, within seconds
POST /demo/restore    index= or token=
POST /demo/rotate     a new key; tokens of the old one are no longer good

GET  /.well-known/oauth-authorization-server
                      where a browser on this machine gets a code for a token (the admin listener at a loopback address),
                      and where status lists are

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
        .route(STATUS_LIST, get(status_list))
        .route(STATUS_LISTS, get(status_lists))
        .with_state(Arc::clone(issuer))
}

/// Documents that pages of others may read: they are public.
pub(super) fn for_pages(documents: Router) -> Router {
    documents
        .layer(SetResponseHeaderLayer::overriding(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")))
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

/// The list, as a JWT unless a CWT is wanted (section 8.1 of the draft).
async fn status_list(State(issuer): State<Arc<DemoIssuer>>, headers: HeaderMap) -> Response {
    let weight = |form: ListForm| weight(&headers, &header::ACCEPT, form.media_type()).unwrap_or(0);
    let form = if weight(ListForm::Cwt) > weight(ListForm::Jwt) { ListForm::Cwt } else { ListForm::Jwt };
    let list = match issuer.status_list(form, now()) {
        Ok(list) => list,
        Err(error) => return failed(&error),
    };
    let kind = [(header::CONTENT_TYPE, form.media_type()), (header::VARY, "accept, accept-encoding")];
    // A CWT has its list compressed and in bytes: there is nothing to gain.
    if form == ListForm::Jwt && weight_of_gzip(&headers) > 0 {
        match gzip(&list) {
            Ok(body) => (kind, [(header::CONTENT_ENCODING, "gzip")], body).into_response(),
            Err(error) => failed(&error),
        }
    } else {
        (kind, list).into_response()
    }
}

async fn status_lists(State(issuer): State<Arc<DemoIssuer>>) -> Response {
    match issuer.status_lists() {
        Ok(lists) => ([(header::CONTENT_TYPE, "application/json")], lists).into_response(),
        Err(error) => failed(&error),
    }
}

fn weight_of_gzip(headers: &HeaderMap) -> u16 {
    weight(headers, &header::ACCEPT_ENCODING, "gzip").unwrap_or(0)
}

/// How much a field wants something that it names, in thousandths (RFC 9110 section 12.4.2); nothing where it does not name it.
fn weight(headers: &HeaderMap, field: &HeaderName, name: &str) -> Option<u16> {
    let items =
        headers.get_all(field).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    items.into_iter().find_map(|item| {
        let mut parts = item.split(';').map(str::trim);
        if !parts.next()?.eq_ignore_ascii_case(name) {
            return None;
        }
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let share: f32 = weight.map_or(Ok(1.0), str::parse).unwrap_or(0.0);
        Some((share.clamp(0.0, 1.0) * 1000.0) as u16)
    })
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
    match issuer.rotate() {
        Ok(()) => Json(json!({"rotated": true})).into_response(),
        Err(error) => failed(&error),
    }
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

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower::ServiceExt as _;

    use super::*;

    async fn list(headers: &[(HeaderName, &str)]) -> (String, Option<String>, Vec<u8>) {
        let issuer = Arc::new(DemoIssuer::new("https://issuer.test", None).unwrap());
        let mut request = Request::get(STATUS_LIST);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let answer = for_pages(documents(&issuer)).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let field = |name| answer.headers().get(name).map(|value: &HeaderValue| value.to_str().unwrap().to_owned());
        assert_eq!(field(header::ACCESS_CONTROL_ALLOW_ORIGIN).as_deref(), Some("*"));
        let (kind, coding) = (field(header::CONTENT_TYPE).unwrap(), field(header::CONTENT_ENCODING));
        (kind, coding, to_bytes(answer.into_body(), 1 << 20).await.unwrap().to_vec())
    }

    #[tokio::test]
    async fn a_list_has_the_form_and_coding_that_are_wanted() {
        let (jwt, cwt) = ("application/statuslist+jwt", "application/statuslist+cwt");
        for (accept, wanted) in [
            ("*/*", jwt),
            (jwt, jwt),
            (cwt, cwt),
            ("application/statuslist+cwt, application/statuslist+jwt", jwt),
            ("application/statuslist+jwt;q=0.5, application/statuslist+cwt", cwt),
            ("application/statuslist+cwt;q=0", jwt),
        ] {
            assert_eq!(list(&[(header::ACCEPT, accept)]).await.0, wanted, "{accept}");
        }
        for (accept, wanted) in [("gzip", true), ("br, GZIP;q=0.1", true), ("gzip;q=0", false), ("br", false)] {
            let (_, coding, body) = list(&[(header::ACCEPT_ENCODING, accept)]).await;
            assert_eq!(coding.as_deref(), wanted.then_some("gzip"), "{accept}");
            let mut plain = Vec::new();
            if wanted {
                std::io::copy(&mut flate2::read::GzDecoder::new(&body[..]), &mut plain).unwrap();
            } else {
                plain = body;
            }
            assert!(plain.starts_with(b"ey") && plain.iter().filter(|byte| **byte == b'.').count() == 2);
        }
        let (_, coding, _) = list(&[(header::ACCEPT, cwt), (header::ACCEPT_ENCODING, "gzip")]).await;
        assert_eq!(coding, None);
    }
}
