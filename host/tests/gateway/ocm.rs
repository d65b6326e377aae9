//! The egress endpoint of a sharing server: what is signed, what reaches a peer, and what reaches nobody.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect};
use axum::routing::{get as getting, post};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use portcullis_host::gateway::Resolve;
use portcullis_host::{Runtime, TextDoor};
use rcgen::SanType;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::running::{Answer, Running, ask, get, now, request};
use super::tls::Authority;
use super::{Tried, support};

const OWN: &str = "cloud.example.org";
const PEER: &str = "b.example.org";
const SECRET: &str = "hfiuhworzwnur98d3wjiwhr";

/// A discovery document.
fn discovery(host: &str) -> Value {
    json!({
        "enabled": true, "apiVersion": "1.4.0", "endPoint": format!("https://{host}/ocm"),
        "resourceTypes": [{"name": "file", "shareTypes": ["user"], "protocols": {"webdav": "/dav/"}}],
        "capabilities": ["exchange-token", "http-sig", "protocol-object"], "tokenEndPoint": format!("https://{host}/ocm/token"),
    })
}

/// What a peer was sent.
type Sent = Arc<Mutex<Vec<(HeaderMap, String)>>>;

/// A peer over TLS at a port of loopback, and what it is sent. It redirects notifications.
async fn peer(authority: &Authority) -> Tried<(u16, Sent)> {
    let (certificate, key) = authority.issue(&[SanType::DnsName(PEER.try_into()?)])?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(certificate.as_bytes())?],
            PrivateKeyDer::from_pem_slice(key.as_bytes())?,
        )?;
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let sent = Sent::default();
    let shares = |State(sent): State<Sent>, headers: HeaderMap, body: String| async move {
        sent.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push((headers, body));
        (StatusCode::CREATED, axum::Json(json!({"recipientDisplayName": "Marie"}))).into_response()
    };
    let document = discovery(&format!("{PEER}:{port}"));
    let router = Router::new()
        .route("/.well-known/ocm", getting(move || async move { axum::Json(document) }))
        .route("/ocm/shares", post(shares))
        .route("/ocm/notifications", post(async || Redirect::temporary("/ocm/shares")))
        .with_state(Arc::clone(&sent));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, router) = (acceptor.clone(), router.clone());
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let builder = auto::Builder::new(TokioExecutor::new());
                let _ = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)).await;
            });
        }
    });
    Ok((port, sent))
}

/// A gateway with the egress endpoint of a sharing server, whose operator knows one peer.
async fn gateway(authority: &Authority, port: u16) -> Tried<Running> {
    let policy = format!(
        r#"
origins = ["https://{OWN}"]

[ocm]
host = "{OWN}"
denied = ["evil.example"]
listed = ["https://{PEER}:{port}"]

[ocm.discovery]
enabled = true
apiVersion = "1.4.0"
endPoint = "https://{OWN}/ocm"
tokenEndPoint = "https://{OWN}/ocm/token"
capabilities = ["exchange-token", "http-sig"]
resourceTypes = [{{ name = "file", shareTypes = ["user"], protocols = {{ webdav = "/dav/" }} }}]

[[listeners]]
name = "ocm"
address = "127.0.0.1:9105"
serves = "ocm"

[[rules]]
path = "/health"
anonymous = true
"#
    );
    let authorities = authority.pem();
    let files = [("ca.pem", authorities.as_str())];
    Running::beside_with(&policy, &files, |settings| {
        let beside = |name: &str| settings.policy.with_file_name(name);
        settings.authorities = vec![beside("ca.pem")];
        settings.ocm_keys = Some(beside("ocm-keys"));
        settings.resolve = vec![Resolve { host: PEER.into(), port, address: std::net::Ipv4Addr::LOCALHOST.into() }];
    })
    .await
}

fn share(port: u16) -> Value {
    json!({
        "shareWith": format!("marie@{PEER}:{port}"), "name": "spec.yaml", "providerId": "7c08",
        "owner": format!("albert@{OWN}"), "sender": format!("albert@{OWN}"), "shareType": "user",
        "resourceType": "file",
        "protocol": {
            "name": "multi", "webdav": {"uri": "7c08", "sharedSecret": SECRET, "requirements": ["must-exchange-token"]}
        },
    })
}

async fn say(gateway: &Running, path: &str, to: &str, endpoint: &str, body: &Value) -> Tried<Answer> {
    let question = json!({"to": to, "endpoint": endpoint, "body": body}).to_string();
    ask(gateway.address("ocm"), &request("POST", path, &[("Content-Type", "application/json")], &question)).await
}

fn told(answer: &Answer) -> Tried<Value> {
    Ok(serde_json::from_str(&answer.body)?)
}

/// What the component says of a signed request, by the keys that the gateway publishes.
async fn verified(gateway: &Running, signed: &Value) -> Tried<Value> {
    let keys = ask(gateway.address("ocm"), &get("/jwks.json", &[])).await?;
    assert_eq!((keys.status, keys.header("content-type")), (200, Some("application/jwk-set+json")));
    let headers: Vec<(String, Value)> = signed["headers"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let question = json!({
        "id": 1, "op": "ocm.signature", "at": now(), "jwks": {OWN: told(&keys)?}, "signer": OWN,
        "request": {"method": signed["method"], "url": signed["url"], "headers": headers, "body": signed["body"]},
    });
    let component = Runtime::new()?.load_file(support::built("portcullis.wasm"))?;
    let answer = TextDoor::new(&component)?.answer(question.to_string().as_bytes(), now())?;
    Ok(serde_json::from_str(&answer)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_is_signed_by_the_published_key_and_sent_as_it_was_signed() -> Tried {
    let authority = Authority::new()?;
    let (port, sent) = peer(&authority).await?;
    let gateway = gateway(&authority, port).await?;
    let to = format!("{PEER}:{port}");

    let known = ask(gateway.address("ocm"), &get(&format!("/peer?host={to}"), &[])).await?;
    assert_eq!(known.status, 200, "{known:?}");
    assert_eq!(told(&known)?["discovery"]["endPoint"], json!(format!("https://{to}/ocm")));

    let answer = say(&gateway, "/sign", &to, "shares", &share(port)).await?;
    assert_eq!(answer.status, 200, "{answer:?}");
    let signed = told(&answer)?;
    assert_eq!((&signed["method"], &signed["url"]), (&json!("POST"), &json!(format!("https://{to}/ocm/shares"))));
    let body: Value = serde_json::from_str(signed["body"].as_str().unwrap_or_default())?;
    assert_eq!(body, share(port));
    let judged = verified(&gateway, &signed).await?;
    assert_eq!((&judged["ok"], &judged["result"]["signer"]), (&json!(true), &json!(OWN)), "{judged}");
    assert!(sent.lock().map_err(|error| error.to_string())?.is_empty(), "the server sends it itself");

    let answer = say(&gateway, "/send", &to, "shares", &share(port)).await?;
    assert_eq!(answer.status, 200, "{answer:?}");
    let received = told(&answer)?;
    assert_eq!((&received["status"], &received["content_type"]), (&json!(201), &json!("application/json")));
    assert_eq!(received["body"], json!(r#"{"recipientDisplayName":"Marie"}"#));
    let (headers, body) = sent.lock().map_err(|error| error.to_string())?.pop().ok_or("it was sent")?;
    let fields: serde_json::Map<String, Value> =
        headers.iter().map(|(name, value)| (name.to_string(), json!(value.to_str().unwrap_or_default()))).collect();
    let arrived = json!({"method": "POST", "url": format!("https://{to}/ocm/shares"), "headers": fields, "body": body});
    let judged = verified(&gateway, &arrived).await?;
    assert_eq!(judged["ok"], json!(true), "{judged}");
    gateway.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_to_others_nor_elsewhere() -> Tried {
    let authority = Authority::new()?;
    let (port, sent) = peer(&authority).await?;
    let gateway = gateway(&authority, port).await?;
    let notification = json!({"notificationType": "SHARE_ACCEPTED", "providerId": "7c08", "resourceType": "file"});
    // A redirect is no answer of the peer, and is not followed.
    let answer = say(&gateway, "/send", &format!("{PEER}:{port}"), "notifications", &notification).await?;
    assert_eq!((answer.status, &told(&answer)?["error"]), (502, &json!("gateway.peer_redirects")), "{answer:?}");
    // Denied, unlisted and malformed names are the gate's to refuse; a body that is none, too.
    for (to, endpoint, body) in [
        ("evil.example", "notifications", &notification),
        ("localhost", "notifications", &notification),
        ("127.0.0.1", "notifications", &notification),
        ("b.example.org:1", "notifications", &notification),
        (PEER, "admin", &notification),
        (&*format!("{PEER}:{port}"), "shares", &json!([])),
    ] {
        for path in ["/sign", "/send"] {
            let answer = say(&gateway, path, to, endpoint, body).await?;
            assert!(answer.status >= 400, "{to} {endpoint}: {answer:?}");
            assert!(told(&answer)?["error"].is_string(), "{answer:?}");
        }
    }
    for text in [
        request("POST", "/sign", &[], &"x".repeat((2 << 20) + 1)),
        request("POST", "/elsewhere", &[], "{}"),
        get("/send", &[]),
    ] {
        let answer = ask(gateway.address("ocm"), &text).await?;
        assert!(answer.status >= 400 && !answer.body.contains(SECRET), "{answer:?}");
    }
    assert!(sent.lock().map_err(|error| error.to_string())?.is_empty());
    gateway.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_is_down_is_502_or_503_and_the_secret_is_not_told() -> Tried {
    let authority = Authority::new()?;
    let (port, _) = peer(&authority).await?;
    // Nobody listens there.
    let free = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port();
    let gateway = gateway(&authority, free).await?;
    assert_ne!(port, free);
    let answer = say(&gateway, "/send", &format!("{PEER}:{free}"), "shares", &share(free)).await?;
    assert!(matches!(answer.status, 502 | 503), "{answer:?}");
    assert!(!answer.body.contains(SECRET), "{answer:?}");
    gateway.end().await
}
