//! Opaque tokens: an authorization server of the test, which the gateway asks over HTTP.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use axum::routing::post;
use serde_json::json;
use tokio::net::TcpListener;

use super::Tried;
use super::running::{Answer, Running, ask, get, request};

const GOOD: &str = "2YotnFZFEjr1zCsicMWpAA";
const REVOKED: &str = "mF_9.B5f-4.1JqM";
/// RFC 6749 section 2.3.1: `an api` and `s+cret` in the form encoding.
const CREDENTIAL: &str = "Basic YW4rYXBpOnMlMkJjcmV0";

/// The bodies that came.
#[derive(Clone, Default)]
struct Server(Arc<Mutex<Vec<String>>>);

impl Server {
    /// Serves on loopback, and gives the URL.
    async fn start(&self) -> Tried<String> {
        let router = Router::new().route("/introspect", post(introspect)).with_state(self.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(format!("http://127.0.0.1:{port}/introspect"))
    }

    fn asked(&self) -> Vec<String> {
        self.0.lock().map(|asked| asked.clone()).unwrap_or_default()
    }
}

async fn introspect(State(server): State<Server>, headers: HeaderMap, body: String) -> axum::response::Response {
    if let Ok(mut asked) = server.0.lock() {
        asked.push(body.clone());
    }
    let field = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    if field("authorization") != CREDENTIAL {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let is_good = body == format!("token={GOOD}&token_type_hint=access_token");
    let said = match is_good && field("content-type") == "application/x-www-form-urlencoded" {
        true => json!({"active": true, "iss": "https://idp.example", "aud": "http://api.example", "sub": "alice",
            "client_id": "app", "scope": "reports:read", "token_type": "Bearer"}),
        false => json!({"active": false}),
    };
    // Long enough that requests which come together find the question under way.
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    ([(CONTENT_TYPE, "application/json")], said.to_string()).into_response()
}

async fn gateway(url: &str, secret: &std::path::Path) -> Tried<Running> {
    let policy = format!(
        r#"
origins = ["http://api.example"]

[[listeners]]
name = "check"
address = "127.0.0.1:8081"

[[issuers]]
name = "corp"
issuer = "https://idp.example"
keys = {{ keys = [] }}
introspection = {{ url = "{url}", client_id = "an api", secret = "file:{}" }}

[[rules]]
path = "/reports/{{id}}"
require = {{ scope = ["reports:read"] }}
"#,
        secret.display()
    );
    Running::start(&policy).await
}

async fn check(gateway: &Running, token: &str) -> Tried<Answer> {
    let headers = [["Authorization", &format!("Bearer {token}")]];
    let of = json!({"method": "GET", "url": "http://api.example/reports/7", "headers": headers});
    ask(gateway.address("check"), &request("POST", "/check", &[], &json!({"request": of}).to_string())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_asks_once_about_a_token_with_the_credential_of_its_file() -> Tried {
    let (server, folder) = (Server::default(), tempfile::tempdir()?);
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "s+cret\n")?;
    let gateway = gateway(&server.start().await?, &secret).await?;

    // Those who come together share the answer, in whichever instance they are.
    let together = futures_util::future::join_all((0..8).map(|_| check(&gateway, GOOD))).await;
    for answer in together {
        let answer = answer?;
        assert!(answer.status == 200 && answer.body.contains(r#""subject":"alice""#), "{answer:?}");
        assert!(!answer.body.contains(GOOD), "{answer:?}");
    }
    assert_eq!(server.asked().len(), 1, "{:?}", server.asked());

    let answer = check(&gateway, REVOKED).await?;
    assert!(answer.status == 401 && answer.body.contains("invalid_token"), "{answer:?}");
    assert_eq!(server.asked().last().map(String::as_str), Some("token=mF_9.B5f-4.1JqM&token_type_hint=access_token"));

    // Dropped by its subject, it is asked about again.
    let before = server.asked().len();
    let dropped = ask(gateway.address("admin"), &request("POST", "/tokens/forget?subject=alice", &[], "")).await?;
    assert_eq!(dropped.status, 200, "{dropped:?}");
    assert!(check(&gateway, GOOD).await?.body.contains(r#""subject":"alice""#));
    assert!(server.asked().len() > before);

    let metrics = ask(gateway.address("admin"), &get("/metrics", &[])).await?;
    assert!(metrics.body.contains("introspection"), "fetches are counted by kind");
    for shown in [GOOD, REVOKED, "s+cret"] {
        assert!(!metrics.body.contains(shown), "{shown}");
    }
    gateway.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_not_accepted_is_nobodys_fault_and_a_new_one_needs_no_restart() -> Tried {
    let (server, folder) = (Server::default(), tempfile::tempdir()?);
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "another")?;
    let gateway = gateway(&server.start().await?, &secret).await?;
    let answer = check(&gateway, GOOD).await?;
    assert!(answer.status == 503 && !answer.body.contains("another"), "{answer:?}");
    std::fs::write(&secret, "s+cret")?;
    // A question that failed is not asked again at once.
    let begun = std::time::Instant::now();
    while !check(&gateway, GOOD).await?.body.contains(r#""subject":"alice""#) {
        assert!(begun.elapsed() < super::running::WITHIN);
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    }
    gateway.end().await
}
