//! What other servers ask, once the gateway has judged it: every request here that has to be signed is, by the server that the gateway
//! names in `Ocm-Signer`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next as Rest};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::decisions::{Came, Refused, now};
use crate::said::Said;
use crate::state::{Received, Server, random};
use crate::webdav;

/// How long a token lasts, in seconds: as in the draft's example.
const TOKEN_LASTS: u64 = 300;

pub(crate) fn routes(server: Arc<Server>) -> Router {
    Router::new()
        .route("/.well-known/ocm", get(discovery))
        .route("/.well-known/jwks.json", get(keys))
        .route("/ocm/shares", post(share))
        .route("/ocm/notifications", post(notification))
        .route("/ocm/invite-accepted", post(invite_accepted))
        .route("/ocm/token", post(token))
        .route("/dav/{id}", any(webdav::serve))
        .route("/dav/{id}/", any(webdav::serve))
        .route("/dav/{id}/{*inside}", any(webdav::serve))
        .layer(middleware::from_fn_with_state(Arc::clone(&server), remember))
        .with_state(server)
}

async fn remember(State(server): State<Arc<Server>>, request: Request, rest: Rest) -> Response {
    let signer = field(request.headers(), "ocm-signer").unwrap_or("nobody");
    server.came(format!("{} {} by {signer}", request.method(), request.uri().path())).await;
    rest.run(request).await
}

async fn discovery(State(server): State<Arc<Server>>) -> Json<Value> {
    Json(server.discovery())
}

async fn keys(State(server): State<Arc<Server>>) -> Result<Json<Value>, Said> {
    server.gateway.keys().await.map(Json)
}

/// A share for a user of this server.
async fn share(State(server): State<Arc<Server>>, headers: HeaderMap, body: String) -> Result<Response, Said> {
    let (signer, share) = (signer(&headers)?, object(&body)?);
    let sender = server.gateway.peer(signer).await?;
    let with = share["shareWith"].as_str().unwrap_or_default();
    let user = server.settings.users.iter().find(|user| server.settings.address(user) == with);
    let user = user.ok_or_else(|| Said::new(StatusCode::BAD_REQUEST, "server.missing", "there is no such user"))?;
    let mut kept = server.kept.lock().await;
    let contacts: Vec<&String> = kept.contacts.get(user).into_iter().flatten().map(|(address, _)| address).collect();
    let about = json!({"receiver": server.discovery(), "sender": sender, "host": server.settings.host,
        "signer": signer, "contacts": contacts, "listed": server.settings.listed});
    let taken = server.decisions.share(&share, about).await;
    taken.map_err(|no| Said::refused(no, StatusCode::BAD_REQUEST))?;
    let (id, from) = (share["providerId"].clone(), signer.to_owned());
    if kept.received.iter().any(|known| known.from == from && known.share["providerId"] == id) {
        return Err(Said::new(StatusCode::BAD_REQUEST, "server.known", "this share came before"));
    }
    let number = kept.received.iter().map(|known| known.number).max().unwrap_or_default() + 1;
    kept.received.push(Received {
        number,
        user: user.clone(),
        from,
        share,
        state: "pending".into(),
        access: field(&headers, "ocm-access").unwrap_or_default().into(),
        token: None,
    });
    server.keep(&kept)?;
    Ok((StatusCode::CREATED, Json(json!({"recipientDisplayName": user}))).into_response())
}

/// News of a share, sent or received.
async fn notification(State(server): State<Arc<Server>>, headers: HeaderMap, body: String) -> Result<Response, Said> {
    let (signer, told) = (signer(&headers)?, object(&body)?);
    let id = told["providerId"].as_str().unwrap_or_default();
    let mut kept = server.kept.lock().await;
    let kept = &mut *kept;
    // Two servers may have named shares alike: the one of who signed, before others.
    let received = || kept.received.iter().filter(|share| share.share["providerId"] == id);
    let received = received().find(|share| share.from == signer).or_else(|| received().next());
    let sent = kept.sent.iter().find(|share| share.id() == id);
    let share = match (sent, received) {
        (Some(sent), _) => sent.held(),
        (None, Some(received)) => received.held(),
        (None, None) => return Err(Said::new(StatusCode::BAD_REQUEST, "server.missing", "there is no such share")),
    };
    let came = came(&server, "/ocm/notifications", &headers, &body, signer);
    let decided = server.decisions.notification(&came.lend(), &share, &server.settings.listed).await;
    let (change, state) = decided.map_err(|no| Said::refused(no, StatusCode::BAD_REQUEST))?;
    let Some(state) = state else {
        let what = format!("{change} is not done here");
        return Err(Said::new(StatusCode::NOT_IMPLEMENTED, "server.not_implemented", what));
    };
    if let Some(sent) = kept.sent.iter_mut().find(|sent| sent.share["providerId"] == id) {
        sent.state = state;
    } else if let Some(received) =
        kept.received.iter_mut().find(|known| known.from == signer && known.share["providerId"] == id)
    {
        received.state = state;
    }
    server.keep(kept)?;
    Ok((StatusCode::CREATED, Json(json!({}))).into_response())
}

/// Somebody has accepted an invite of a user of this server.
async fn invite_accepted(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    body: String,
) -> Result<Json<Value>, Said> {
    let (signer, acceptance) = (signer(&headers)?, object(&body)?);
    let mut kept = server.kept.lock().await;
    let kept = &mut *kept;
    let invite = kept.invites.iter_mut().find(|invite| acceptance["token"] == invite.token.as_str());
    let held = invite.as_ref().map(|invite| invite.held());
    let decided = server.decisions.accept(&acceptance, held, signer, &server.settings.listed).await;
    let (address, name) = decided.map_err(|no| Said::refused(no, StatusCode::BAD_REQUEST))?;
    let invite = invite.ok_or_else(|| Said::failed("an invite was accepted that is not kept"))?;
    invite.state = "accepted".into();
    let user = invite.user.clone();
    kept.contacts.entry(user.clone()).or_default().insert(address, name);
    server.keep(kept)?;
    Ok(Json(json!({"userID": user, "email": "", "name": user})))
}

/// The secret of a share, for a token.
async fn token(State(server): State<Arc<Server>>, headers: HeaderMap, body: String) -> Response {
    match grant(&server, &headers, &body).await {
        Ok(told) => ([(CACHE_CONTROL, "no-store")], Json(told)).into_response(),
        Err(no) => {
            let oauth = match &no {
                Refused::No { oauth_error, .. } => oauth_error.clone(),
                Refused::Unknown(_) => None,
            };
            let said = Said::refused(no, StatusCode::BAD_REQUEST);
            let error = oauth.unwrap_or_else(|| "server_error".into());
            let told = json!({"error": error, "error_description": format!("{}: {}", said.error, said.message)});
            (said.status, [(CACHE_CONTROL, "no-store")], Json(told)).into_response()
        }
    }
}

async fn grant(server: &Server, headers: &HeaderMap, body: &str) -> Result<Value, Refused> {
    let unknown = |said: Said| Refused::Unknown(said.message);
    let signer = signer(headers).map_err(unknown)?;
    let mut kept = server.kept.lock().await;
    let kept = &mut *kept;
    let url = reqwest::Url::parse(&format!("https://form.invalid/?{body}"));
    let code =
        url.ok().and_then(|url| url.query_pairs().find(|(name, _)| name == "code").map(|(_, code)| code.into_owned()));
    let no_such = || Refused::No {
        code: "server.missing".into(),
        detail: "there is no such share".into(),
        status: Some(400),
        oauth_error: Some("invalid_grant".into()),
    };
    let sent = kept.sent.iter_mut().find(|sent| code.as_deref() == Some(sent.secret())).ok_or_else(no_such)?;
    let came = came(server, "/ocm/token", headers, body, signer);
    let (protocol, until) = server.decisions.token(&came.lend(), &sent.held(), &server.settings.listed).await?;
    let now = now();
    let until = until.min(now + TOKEN_LASTS);
    let token = random().map_err(unknown)?;
    sent.issued.retain(|issued| issued["until"].as_u64().is_some_and(|until| until > now));
    sent.issued.push(json!({"token": token, "until": until, "protocol": protocol}));
    server.keep(kept).map_err(unknown)?;
    Ok(json!({"access_token": token, "token_type": "Bearer", "expires_in": until.saturating_sub(now)}))
}

/// The server that signed, by the gateway's word: it is the only one who reaches this listener.
fn signer(headers: &HeaderMap) -> Result<&str, Said> {
    field(headers, "ocm-signer").ok_or_else(|| Said::failed("the gateway names no signer: is it before this server?"))
}

/// A field that stands once.
fn field<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

fn object(body: &str) -> Result<Value, Said> {
    let read: Option<Value> = serde_json::from_str(body).ok();
    read.filter(Value::is_object).ok_or_else(|| Said::malformed("the body is no JSON object"))
}

/// A request, with the URL that its sender has for it.
struct OwnedCame<'c> {
    url: String,
    content_type: &'c str,
    body: &'c str,
    signer: &'c str,
}

fn came<'c>(server: &Server, path: &str, headers: &'c HeaderMap, body: &'c str, signer: &'c str) -> OwnedCame<'c> {
    let content_type = field(headers, CONTENT_TYPE.as_str()).unwrap_or_default();
    OwnedCame { url: format!("{}{path}", server.settings.origin()), content_type, body, signer }
}

impl OwnedCame<'_> {
    fn lend(&self) -> Came<'_> {
        Came { method: "POST", url: &self.url, content_type: self.content_type, body: self.body, signer: self.signer }
    }
}
