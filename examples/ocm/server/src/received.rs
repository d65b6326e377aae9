//! What users do with what others share with them.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::decisions::{Next, Opening, now};
use crate::local::{expected, notify};
use crate::said::Said;
use crate::state::{Received, Server};

/// How long opening a file of another server may take.
pub(crate) const WITHIN: Duration = Duration::from_secs(30);

/// The longest file that is opened, in bytes: it is held in memory here.
pub(crate) const MAX_CONTENT: usize = 16 << 20;

/// The fields that go on to the other server.
const PASSED: [&str; 4] = ["content-type", "depth", "if-match", "if-none-match"];

pub(crate) async fn list(State(server): State<Arc<Server>>, Path(user): Path<String>) -> Result<Json<Value>, Said> {
    server.user(&user)?;
    let kept = server.kept.lock().await;
    let own = kept.received.iter().filter(|one| one.user == user);
    // The secret is the server's, and nothing for its users to see.
    let shown = own.map(|one| {
        json!({"number": one.number, "name": one.share["name"], "from": one.share["sender"], "state": one.state,
            "access": one.access, "permissions": one.share["protocol"]["webdav"]["permissions"]})
    });
    Ok(Json(shown.collect()))
}

pub(crate) async fn accept(
    State(server): State<Arc<Server>>,
    Path((user, number)): Path<(String, u64)>,
) -> Result<Json<Value>, Said> {
    answer(&server, &user, number, "SHARE_ACCEPTED", "accepted").await
}

pub(crate) async fn decline(
    State(server): State<Arc<Server>>,
    Path((user, number)): Path<(String, u64)>,
) -> Result<Json<Value>, Said> {
    answer(&server, &user, number, "SHARE_DECLINED", "declined").await
}

async fn answer(server: &Server, user: &str, number: u64, kind: &str, state: &str) -> Result<Json<Value>, Said> {
    let received = find(server, user, number).await?;
    notify(server, &received.from, kind, &received.share).await?;
    change(server, number, |received| received.state = state.into()).await?;
    Ok(Json(json!({"number": number, "state": state})))
}

/// What of a folder is meant.
#[derive(Deserialize)]
pub(crate) struct Inside {
    inside: Option<String>,
}

/// Reads, writes or looks at what is shared: the method is WebDAV's, and so is the answer.
pub(crate) async fn content(
    State(server): State<Arc<Server>>,
    Path((user, number)): Path<(String, u64)>,
    Query(Inside { inside }): Query<Inside>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Said> {
    let received = find(&server, &user, number).await?;
    let sender = server.gateway.peer(&received.from).await?;
    let named = PASSED.into_iter().filter_map(|name| Some((HeaderName::from_static(name), headers.get(name)?.clone())));
    let mut fields: HeaderMap = named.collect();
    // Without a depth it is all that is below (RFC 4918 section 9.1), which servers need not tell.
    if method.as_str() == "PROPFIND" && !fields.contains_key("depth") {
        fields.insert("depth", HeaderValue::from_static("1"));
    }
    let ask = async || {
        let (bearer, url) = opened(&server, &user, number, &sender, inside.as_deref()).await?;
        let request = server.http.request(method.clone(), url).headers(fields.clone()).bearer_auth(bearer);
        request.body(body.clone()).send().await.map_err(|error| {
            eprintln!("failed: {}", error.without_url());
            Said::new(StatusCode::BAD_GATEWAY, "server.unreachable", "the other server does not answer")
        })
    };
    let mut response = ask().await?;
    // A token that does not open it any more is exchanged again, once.
    if response.status() == StatusCode::UNAUTHORIZED && received.token.is_some() {
        change(&server, number, |received| received.token = None).await?;
        response = ask().await?;
    }
    passed(response).await
}

/// What opens a share now, and where it is: Portcullis says what to do, until there is nothing left to do.
async fn opened(
    server: &Server,
    user: &str,
    number: u64,
    sender: &Value,
    inside: Option<&str>,
) -> Result<(String, String), Said> {
    let next = async || {
        let received = find(server, user, number).await?;
        let second_factor = server.kept.lock().await.second_factor.contains(user);
        let token = received.token.as_ref().map(|(token, until)| (token.as_str(), *until));
        let share = received.held();
        let opening = Opening { share: &share, sender, second_factor, token, inside };
        let next = server.decisions.open(&opening, &server.settings.listed).await;
        next.map_err(|no| Said::refused(no, StatusCode::FORBIDDEN))
    };
    if let Next::Present { bearer, url } = next().await? {
        return Ok((bearer, url));
    }
    let received = find(server, user, number).await?;
    let secret = &received.share["protocol"]["webdav"]["sharedSecret"];
    let form = json!({"grant_type": "authorization_code", "client_id": server.settings.host, "code": secret});
    let reply = server.gateway.send(&received.from, "token", &form).await?;
    let told = expected(&reply, 200)?;
    let token = told["access_token"].as_str().zip(told["expires_in"].as_u64());
    let odd = || Said::new(StatusCode::BAD_GATEWAY, "server.refused_there", "the other server answers with no token");
    let (token, lasts) = token.ok_or_else(odd)?;
    let token = (token.to_owned(), now().saturating_add(lasts));
    change(server, number, |received| received.token = Some(token)).await?;
    match next().await? {
        Next::Present { bearer, url } => Ok((bearer, url)),
        Next::Exchange => Err(odd()),
    }
}

/// The other server's answer, as far as its user wants it.
async fn passed(mut response: reqwest::Response) -> Result<Response, Said> {
    let unreachable =
        || Said::new(StatusCode::BAD_GATEWAY, "server.unreachable", "the other server's answer ends early");
    let mut content = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| unreachable())? {
        if content.len() + chunk.len() > MAX_CONTENT {
            return Err(Said::new(StatusCode::BAD_GATEWAY, "server.too_long", "the other server's answer is too long"));
        }
        content.extend_from_slice(&chunk);
    }
    let mut headers = HeaderMap::new();
    if let Some(kind) = response.headers().get(CONTENT_TYPE) {
        headers.insert(CONTENT_TYPE, kind.clone());
    }
    Ok((response.status(), headers, content).into_response())
}

async fn find(server: &Server, user: &str, number: u64) -> Result<Received, Said> {
    server.user(user)?;
    let kept = server.kept.lock().await;
    let found = kept.received.iter().find(|one| one.user == user && one.number == number);
    found.cloned().ok_or_else(|| Said::missing("share"))
}

async fn change(server: &Server, number: u64, change: impl FnOnce(&mut Received)) -> Result<(), Said> {
    let mut kept = server.kept.lock().await;
    let found = kept.received.iter_mut().find(|one| one.number == number).ok_or_else(|| Said::missing("share"))?;
    change(found);
    server.keep(&kept)
}
