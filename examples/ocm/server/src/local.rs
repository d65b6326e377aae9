//! What the server's own users ask. There are no passwords: whoever reaches this listener is whom they say.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::routing::{any, delete, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::decisions::now;
use crate::received;
use crate::said::Said;
use crate::state::{Invite, Sent, Server, invite_text, random};
use crate::webdav::place;

/// How long an invite is good, in seconds: three days.
const INVITE_LASTS: u64 = 3 * 24 * 3600;

pub(crate) fn routes(server: Arc<Server>) -> Router {
    Router::new()
        .route("/requests", get(requests))
        .route("/users/{user}/second-factor", post(second_factor))
        .route("/users/{user}/invites", post(invite))
        .route("/users/{user}/contacts", get(contacts).post(take_invite))
        .route("/users/{user}/shares", get(shares).post(share))
        .route("/users/{user}/shares/{id}", delete(unshare))
        .route("/users/{user}/received", get(received::list))
        .route("/users/{user}/received/{number}/accept", post(received::accept))
        .route("/users/{user}/received/{number}/decline", post(received::decline))
        .route("/users/{user}/received/{number}/content", any(received::content))
        .layer(DefaultBodyLimit::max(received::MAX_CONTENT))
        .with_state(server)
}

/// The requests that came in from outside, oldest first: who wants to see what the gateway lets through looks here.
async fn requests(State(server): State<Arc<Server>>) -> Json<Vec<String>> {
    Json(server.came.lock().await.iter().cloned().collect())
}

/// The user signs in with a second factor. Here that is a word and no more: a real server asks for the factor.
async fn second_factor(State(server): State<Arc<Server>>, Path(user): Path<String>) -> Result<Json<Value>, Said> {
    server.user(&user)?;
    let mut kept = server.kept.lock().await;
    kept.second_factor.insert(user);
    server.keep(&kept)?;
    Ok(Json(json!({"second_factor": true})))
}

/// Makes an invite, to be sent to somebody by other means.
async fn invite(State(server): State<Arc<Server>>, Path(user): Path<String>) -> Result<Json<Value>, Said> {
    server.user(&user)?;
    let token = random()?;
    let text = invite_text(&token, &server.settings.host);
    let mut kept = server.kept.lock().await;
    kept.invites.push(Invite {
        sender: server.settings.address(&user),
        user,
        token,
        state: "pending".into(),
        expires: now() + INVITE_LASTS,
    });
    server.keep(&kept)?;
    Ok(Json(json!({"invite": text})))
}

async fn contacts(State(server): State<Arc<Server>>, Path(user): Path<String>) -> Result<Json<Value>, Said> {
    server.user(&user)?;
    let kept = server.kept.lock().await;
    let all = kept.contacts.get(&user).into_iter().flatten();
    Ok(Json(all.map(|(address, name)| json!({"address": address, "name": name})).collect()))
}

/// An invite that a user got.
#[derive(Deserialize)]
struct GotInvite {
    invite: String,
}

/// Accepts an invite, at the server of who made it. Both are contacts of each other then.
async fn take_invite(
    State(server): State<Arc<Server>>,
    Path(user): Path<String>,
    Json(got): Json<GotInvite>,
) -> Result<Json<Value>, Said> {
    server.user(&user)?;
    let listed = &server.settings.listed;
    let read = server.decisions.invite(got.invite.trim(), listed).await;
    let (token, provider) = read.map_err(|no| Said::refused(no, StatusCode::BAD_REQUEST))?;
    let body = json!({"recipientProvider": server.settings.host, "token": token, "userID": user, "email": "",
        "name": user});
    let reply = server.gateway.send(&provider, "invite-accepted", &body).await?;
    let told = expected(&reply, 200)?;
    let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
    let address = server.decisions.address(&format!("{}@{provider}", text("userID")), listed).await;
    let address = address.map_err(|no| Said::refused(no, StatusCode::BAD_GATEWAY))?;
    let mut kept = server.kept.lock().await;
    kept.contacts.entry(user).or_default().insert(address.clone(), text("name"));
    server.keep(&kept)?;
    Ok(Json(json!({"address": address, "name": text("name")})))
}

/// A share to be made.
#[derive(Deserialize)]
struct Wanted {
    /// Below the user's folder.
    path: String,
    /// The address of a contact.
    with: String,
    #[serde(default = "read_only")]
    permissions: Vec<String>,
    #[serde(default)]
    second_factor: bool,
}

fn read_only() -> Vec<String> {
    vec!["read".into()]
}

/// Shares a file or a folder with a contact.
async fn share(
    State(server): State<Arc<Server>>,
    Path(user): Path<String>,
    Json(wanted): Json<Wanted>,
) -> Result<(StatusCode, Json<Value>), Said> {
    server.user(&user)?;
    let place = place(&server, &user, &wanted.path)?;
    let name = place.file_name().and_then(|name| name.to_str()).ok_or_else(|| Said::malformed("the file's name"))?;
    let (id, secret) = (random()?, random()?);
    let mut requirements = vec!["must-exchange-token"];
    if wanted.second_factor {
        requirements.push("must-use-mfa");
    }
    let address = server.settings.address(&user);
    let share = json!({
        "shareWith": wanted.with, "name": name, "providerId": id, "owner": address, "sender": address,
        "shareType": "user", "resourceType": if place.is_dir() { "folder" } else { "file" },
        "protocol": {"name": "multi", "webdav": {"uri": id, "sharedSecret": secret,
            "permissions": wanted.permissions, "requirements": requirements}},
    });
    {
        let mut kept = server.kept.lock().await;
        if !kept.contacts.get(&user).is_some_and(|known| known.contains_key(&wanted.with)) {
            return Err(Said::new(StatusCode::FORBIDDEN, "server.no_contact", "they are no contact of yours"));
        }
        // It is kept before it is told: the other server may come at once.
        let (user, path, share) = (user.clone(), wanted.path, share.clone());
        kept.sent.push(Sent { user, path, share, state: "pending".into(), issued: Vec::new() });
        server.keep(&kept)?;
    }
    let to = wanted.with.rsplit_once('@').map_or("", |(_, host)| host);
    let sent = server.gateway.send(to, "shares", &share).await;
    if let Err(said) = sent.and_then(|reply| expected(&reply, 201)) {
        let mut kept = server.kept.lock().await;
        kept.sent.retain(|sent| sent.id() != id);
        server.keep(&kept)?;
        return Err(said);
    }
    Ok((StatusCode::CREATED, Json(json!({"id": id, "name": name, "with": wanted.with}))))
}

async fn shares(State(server): State<Arc<Server>>, Path(user): Path<String>) -> Result<Json<Value>, Said> {
    server.user(&user)?;
    let kept = server.kept.lock().await;
    let own = kept.sent.iter().filter(|sent| sent.user == user);
    let shown = own
        .map(|sent| json!({"id": sent.id(), "path": sent.path, "with": sent.share["shareWith"], "state": sent.state}));
    Ok(Json(shown.collect()))
}

/// Takes a share back. It is so from now on, whether or not the other server hears of it.
async fn unshare(
    State(server): State<Arc<Server>>,
    Path((user, id)): Path<(String, String)>,
) -> Result<Json<Value>, Said> {
    server.user(&user)?;
    let share = {
        let mut kept = server.kept.lock().await;
        let sent = kept.sent.iter_mut().find(|sent| sent.user == user && sent.id() == id);
        let sent = sent.ok_or_else(|| Said::missing("share"))?;
        sent.state = "unshared".into();
        let share = sent.share.clone();
        server.keep(&kept)?;
        share
    };
    let to = share["shareWith"].as_str().and_then(|with| with.rsplit_once('@')).map_or("", |(_, host)| host);
    notify(&server, to, "SHARE_UNSHARED", &share).await?;
    Ok(Json(json!({"id": id, "state": "unshared"})))
}

/// Tells another server what became of a share.
pub(crate) async fn notify(server: &Server, to: &str, kind: &str, share: &Value) -> Result<(), Said> {
    let body = json!({"notificationType": kind, "resourceType": share["resourceType"], "providerId": share["providerId"],
        "notification": {}});
    let reply = server.gateway.send(to, "notifications", &body).await?;
    expected(&reply, 201).map(|_| ())
}

/// The body of another server's answer, where its status is the one of success.
pub(crate) fn expected(reply: &crate::gateway::Reply, status: u16) -> Result<Value, Said> {
    let told = reply.json();
    if reply.status == status {
        return Ok(told);
    }
    let word = |name: &str| told[name].as_str().map(|word| word.chars().take(200).collect::<String>());
    let message = [word("code"), word("error"), word("message"), word("error_description")];
    let message: Vec<String> = message.into_iter().flatten().collect();
    let what = format!("the other server answers {}: {}", reply.status, message.join(": "));
    Err(Said::new(StatusCode::BAD_GATEWAY, "server.refused_there", what))
}
