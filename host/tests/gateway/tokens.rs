//! The token service for registries: what it hands out verifies by what it publishes, whatever becomes of its keys.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jwt_simple::prelude::*;
use portcullis_host::gateway::TokenKeys;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use super::running::{Answer, Running, WITHIN, ask, get, request};
use super::tls::{Authority, ask as ask_over_tls, uri};
use super::{Tried, support};

const POLICY: &str = r#"
origins = ["http://tokens.example", "https://gateway.test"]

[[issuers]]
name = "tokens"
issuer = "http://tokens.example"
profile = "registry"
keys = "https://tokens.example/keys/jwks"

[registry]
services = ["registry.example"]
realm = "REALM"
users = { alice = "HASH" }

[[registry.grants]]
users = ["alice"]
repositories = ["{name...}"]
actions = ["pull", "push"]
MORE
[registry.token_service]
issuer = "tokens"

[[listeners]]
name = "tokens"
address = "127.0.0.1:8080"
serves = "tokens"
"#;

/// `s3cret`, by bcrypt.
const HASH: &str = "$2b$06$HioBeZwPodX/j050ak12bemyJP5TqZgXq3tu4RdKjWfg6g5EKhos6";

fn policy(realm: &str, more: &str) -> String {
    POLICY.replace("REALM", realm).replace("HASH", HASH).replace("MORE", more)
}

/// A token service with its keys in a folder.
async fn start(folder: &std::path::Path) -> Tried<Running> {
    let policy = policy("http://tokens.example/token", "");
    let component = support::built("portcullis-hosted.wasm");
    Running::with(&policy, &component, |settings| settings.token_keys = Some(folder.to_owned())).await
}

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

fn asked(query: &str, authorization: &str) -> String {
    get(&format!("/token?{query}"), &[("Host", "tokens.example"), ("Authorization", authorization)])
}

fn form(body: &str) -> String {
    request(
        "POST",
        "/token",
        &[("Host", "tokens.example"), ("Content-Type", "application/x-www-form-urlencoded")],
        body,
    )
}

fn read(answer: &Answer) -> Tried<Value> {
    assert_eq!(answer.status, 200, "{answer:?}");
    Ok(serde_json::from_str(&answer.body)?)
}

/// A part of a token.
fn part(token: &Value, index: usize) -> Tried<Value> {
    let text = token.as_str().and_then(|token| token.split('.').nth(index)).ok_or("no token")?;
    Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text)?)?)
}

/// Verifies a token by the published key of its `kid`, with a library that signed nothing here.
async fn verifies(gateway: &Running, token: &Value) -> Tried<String> {
    let answer = ask(gateway.address("tokens"), &get("/keys/jwks", &[("Host", "tokens.example")])).await?;
    let published = read(&answer)?;
    let kid = part(token, 0)?["kid"].as_str().ok_or("no kid")?.to_owned();
    let keys = published["keys"].as_array().ok_or("no keys")?;
    let jwk = keys.iter().find(|key| key["kid"] == kid.as_str()).ok_or("the key is not published")?;
    let key = ES256PublicKey::from_jwk(&jwk.to_string())?;
    key.verify_token::<NoCustomClaims>(token.as_str().unwrap_or_default(), None)?;
    // The certificate beside it is of the same key, and below the root that is published.
    let x5c = part(token, 0)?["x5c"][0].as_str().ok_or("no x5c")?.to_owned();
    assert_eq!(jwk["x5c"][0], x5c.as_str());
    let root = ask(gateway.address("tokens"), &get("/keys/root.pem", &[("Host", "tokens.example")])).await?;
    let root = CertificateDer::from_pem_slice(root.body.as_bytes())?;
    let leaf = CertificateDer::from(STANDARD.decode(x5c)?);
    let mut roots = rustls::RootCertStore::empty();
    roots.add(root)?;
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build()?;
    verifier.verify_client_cert(&leaf, &[], rustls::pki_types::UnixTime::now())?;
    Ok(kid)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_handed_out_verifies_by_what_is_published() -> Tried {
    let folder = tempfile::tempdir()?;
    let gateway = start(folder.path()).await?;
    let address = gateway.address("tokens").to_owned();
    let query = "service=registry.example&scope=repository:a/b:pull,delete&offline_token=true";
    let answer = ask(&address, &asked(query, &basic("alice", "s3cret"))).await?;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let told = read(&answer)?;
    assert_eq!((&told["token"], &told["expires_in"]), (&told["access_token"], &json!(300)));
    let claims = part(&told["token"], 1)?;
    assert_eq!(claims["access"], json!([{"type": "repository", "name": "a/b", "actions": ["pull"]}]));
    assert_eq!((&claims["sub"], &claims["aud"]), (&json!("alice"), &json!("registry.example")));
    let kid = verifies(&gateway, &told["token"]).await?;
    let again = read(&ask(&address, &asked(query, &basic("alice", "s3cret"))).await?)?;
    assert_ne!(part(&again["token"], 1)?["jti"], claims["jti"], "each token has its own identifier");

    // Another key signs at once, and what the old one signed is good for as long as it lives.
    let newer = TokenKeys::open(folder.path(), 600)?.rotate(true)?;
    let begun = std::time::Instant::now();
    let rotated = loop {
        let told = read(&ask(&address, &asked(query, &basic("alice", "s3cret"))).await?)?;
        if verifies(&gateway, &told["token"]).await? != kid {
            break told;
        }
        assert!(begun.elapsed() < WITHIN, "the new key does not sign");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert_eq!(part(&rotated["token"], 0)?["kid"], newer.as_str());
    verifies(&gateway, &told["token"]).await?;
    let refresh = told["refresh_token"].as_str().unwrap_or_default();
    let body = format!("grant_type=refresh_token&service=registry.example&client_id=c&refresh_token={refresh}");
    let refreshed = read(&ask(&address, &form(&body)).await?)?;
    assert_eq!(part(&refreshed["refresh_token"], 0)?["kid"], newer.as_str(), "{refreshed}");
    assert_eq!(part(&refreshed["refresh_token"], 1)?["auth_time"], part(&told["refresh_token"], 1)?["auth_time"]);
    gateway.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workload_is_known_by_the_certificate_of_its_connection() -> Tried {
    let authority = Authority::new()?;
    let server = authority.issue(&[rcgen::SanType::DnsName("gateway.test".try_into()?)])?;
    let root = STANDARD.encode(CertificateDer::from_pem_slice(authority.pem().as_bytes())?);
    let key = authority.jwk()?;
    let bundle = format!(
        r#"{{ keys = [{{ kty = "EC", crv = "P-256", x = "{}", y = "{}", use = "x509-svid", x5c = ["{root}"] }}] }}"#,
        key.0, key.1
    );
    let domain = format!(
        r#"
[[trust_domains]]
name = "prod.example"
bundle = {bundle}

[[registry.grants]]
issuers = ["prod.example"]
require = {{ spiffe_id = ["spiffe://prod.example/build/*"] }}
repositories = ["team/{{name}}"]
actions = ["pull", "push"]
"#
    );
    let listener = "client_certificate = \"tls\"\ntls = { certificate = \"server.pem\", key = \"server.key\" }\n";
    let policy = policy("https://gateway.test/token", &domain) + listener;
    let gateway = Running::beside(&policy, &[("server.pem", &server.0), ("server.key", &server.1)]).await?;
    let text = get("/token?scope=repository:team/app:push", &[("Host", "gateway.test")]);
    let ask = async |own: Option<&(String, String)>| {
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(
            ask_over_tls(gateway.address("tokens"), &authority, own, &text).await?.0,
        )
    };
    let workload = authority.issue(&[uri("spiffe://prod.example/build/7")?])?;
    let told = read(&ask(Some(&workload)).await?)?;
    let claims = part(&told["token"], 1)?;
    assert_eq!(claims["sub"], "spiffe://prod.example/build/7");
    assert_eq!(claims["access"][0]["actions"], json!(["push"]));
    assert_eq!(ask(None).await?.status, 401, "nobody is anybody without one");
    // Who presents a certificate of another authority is let into the connection, and is nobody all the same.
    let foreign = Authority::new()?.issue(&[uri("spiffe://prod.example/build/7")?])?;
    let refused = ask(Some(&foreign)).await?;
    assert_eq!(refused.status, 401, "{refused:?}");
    assert!(refused.body.contains("invalid_token"), "{refused:?}");
    gateway.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn it_speaks_http_2_as_well() -> Tried {
    let folder = tempfile::tempdir()?;
    let gateway = start(folder.path()).await?;
    let stream = tokio::net::TcpStream::connect(gateway.address("tokens")).await?;
    let io = hyper_util::rt::TokioIo::new(stream);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io).await?;
    let driven = tokio::spawn(connection);
    for (host, status) in [(None, 200), (Some("tokens.example"), 200), (Some("other.example"), 400)] {
        let mut request =
            http::Request::get("http://tokens.example/token").header("authorization", basic("alice", "s3cret"));
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let answer = sender.send_request(request.body(String::new())?).await?;
        assert_eq!(answer.status().as_u16(), status, "{host:?}");
    }
    drop(sender);
    driven.abort();
    gateway.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_can_decide_a_client_is_told_so_in_its_form() -> Tried {
    let policy = policy("http://tokens.example/token", "");
    let gateway = Running::with(&policy, &support::failing(), |_| {}).await?;
    let text = get("/token", &[("Host", "tokens.example"), ("x-fail", "trap")]);
    let answer = ask(gateway.address("tokens"), &text).await?;
    let told: Value = serde_json::from_str(&answer.body)?;
    assert_eq!((answer.status, &told["errors"][0]["code"]), (503, &json!("UNAVAILABLE")), "{answer:?}");
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
    read(&ask(gateway.address("tokens"), &asked("", &basic("alice", "s3cret"))).await?)?;
    gateway.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn many_wrong_passwords_keep_nobody_out() -> Tried {
    let folder = tempfile::tempdir()?;
    let gateway = start(folder.path()).await?;
    let address = gateway.address("tokens").to_owned();
    let mut flood = tokio::task::JoinSet::new();
    for number in 0..200 {
        let address = address.clone();
        flood.spawn(async move { ask(&address, &asked("", &basic("alice", &format!("wrong{number}")))).await });
    }
    let mut later = 0;
    while let Some(answer) = flood.join_next().await {
        let answer = answer??;
        assert!(answer.status == 401 || answer.status == 429, "{answer:?}");
        later += usize::from(answer.status == 429);
        if answer.status == 429 {
            assert!(answer.body.contains("TOOMANYREQUESTS") && answer.header("retry-after").is_some(), "{answer:?}");
        }
    }
    println!("{later} of 200 were told to come again");
    read(&ask(&address, &asked("", &basic("alice", "s3cret"))).await?)?;
    gateway.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_answered_is_told_so_and_the_service_goes_on() -> Tried {
    let folder = tempfile::tempdir()?;
    let gateway = start(folder.path()).await?;
    let address = gateway.address("tokens").to_owned();
    let many = vec!["scope=repository:a:pull"; 1_001].join("&");
    let long = format!("grant_type=password&username={}", "a".repeat(400 * 1024));
    for (what, text, status, reason) in [
        ("a form too long", form(&long), 400, "oci.form_too_large"),
        ("a parameter too long", form(&long[..300 * 1024]), 400, "oci.parameter_too_large"),
        ("scopes too many", asked(&many, "Basic YTpi"), 400, "oci.scope_too_large"),
        ("a header too long", asked("", &format!("Bearer {}", "a".repeat(257 * 1024))), 400, "request.too_large"),
        ("another path", get("/v2/", &[("Host", "tokens.example")]), 404, "registry.path_unknown"),
        ("another method", request("PUT", "/token", &[("Host", "tokens.example")], ""), 405, "registry.method_unknown"),
        ("another host", get("/token", &[("Host", "other.example")]), 400, "request.unknown_origin"),
    ] {
        let answer = ask(&address, &text).await?;
        let told: Value = serde_json::from_str(&answer.body).map_err(|_| format!("{what}: {answer:?}"))?;
        assert_eq!(answer.status, status, "{what}: {answer:?}");
        assert_eq!(told["errors"][0]["detail"]["reason"], reason, "{what}");
        assert!(told["errors"][0]["code"].is_string() && told["error"].is_string(), "{what}: {told}");
    }
    read(&ask(&address, &asked("", &basic("alice", "s3cret"))).await?)?;
    gateway.end().await
}
