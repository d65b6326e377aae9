//! An identity provider that fails in every way it can: never an allow that should not be, the right one to blame, and back to
//! work without a restart.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portcullis_host::gateway::Resolve;
use rcgen::{CertificateParams, KeyPair};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::running::{Answer, ENVOY, Issuer, READING, Running, WITHIN, ask, get, now};
use super::{Tried, support};

/// What a server does with a request.
#[derive(Debug, Clone)]
enum Mood {
    /// Answers with a body.
    Says(String),
    /// Answers with these bytes.
    Raw(String),
    /// Redirects.
    Redirects(String),
    /// Says nothing for ever.
    Silent,
    /// Closes the connection at once.
    Resets,
    /// Never stops.
    Endless,
}

/// A server whose mood changes, over TLS where it has a certificate.
#[derive(Clone)]
struct Provider {
    port: u16,
    mood: Arc<Mutex<Mood>>,
}

impl Provider {
    async fn start(mood: Mood, tls: Option<tokio_rustls::TlsAcceptor>) -> Tried<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let provider = Self { port: listener.local_addr()?.port(), mood: Arc::new(Mutex::new(mood)) };
        let shared = Arc::clone(&provider.mood);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, tls) = (Arc::clone(&shared), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => answer(stream, &shared).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => answer(stream, &shared).await,
                            Err(_) => None,
                        },
                    }
                });
            }
        });
        Ok(provider)
    }

    fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, mood: &Mutex<Mood>) -> Option<()> {
    let mut request = vec![0; 8_192];
    // What was asked is of no consequence.
    let _read = stream.read(&mut request).await.ok()?;
    let mood = mood.lock().unwrap().clone();
    let whole = |head: &str, body: &str| {
        format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
    };
    let text = match mood {
        Mood::Says(body) => whole("200 OK", &body),
        Mood::Raw(bytes) => bytes,
        Mood::Redirects(location) => whole(&format!("302 Found\r\nLocation: {location}"), ""),
        Mood::Silent => std::future::pending().await,
        Mood::Resets => return None,
        Mood::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").await.ok()?;
            loop {
                stream.write_all(&[b'x'; 4_096]).await.ok()?;
            }
        }
    };
    stream.write_all(text.as_bytes()).await.ok()?;
    stream.shutdown().await.ok()
}

/// Every way to fail that gives nothing.
fn faults() -> Vec<(&'static str, Mood)> {
    let raw = |text: &str| Mood::Raw(text.into());
    vec![
        ("500", raw("HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n")),
        ("404", raw("HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n")),
        ("huge", raw("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")),
        ("endless", Mood::Endless),
        ("not JSON", Mood::Says("<html>down for maintenance</html>".into())),
        ("no keys", Mood::Says("{}".into())),
        ("wrong JSON", Mood::Says(r#"{"keys":7}"#.into())),
        ("not HTTP", raw("SSH-2.0-x\r\n\r\n")),
        ("half an answer", raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"keys\":[")),
        ("redirect to a private address", Mood::Redirects("http://10.0.0.1/jwks.json".into())),
        ("redirect to a file", Mood::Redirects("file:///etc/hostname".into())),
        ("redirect loop", Mood::Redirects("/jwks.json".into())),
        ("reset", Mood::Resets),
        ("silent", Mood::Silent),
    ]
}

fn policy(issuer: &Issuer, port: u16, more: &str) -> String {
    let mut policy = issuer.policy(ENVOY, READING);
    let begin = policy.find("keys = {").unwrap_or_default();
    let end = begin + policy.get(begin..).and_then(|rest| rest.find('\n')).unwrap_or_default();
    policy.replace_range(begin..end, &format!("keys = \"http://127.0.0.1:{port}/jwks.json\"\n{more}"));
    policy
}

async fn read(gateway: &Running, token: &str) -> Tried<Answer> {
    ask(gateway.address("envoy"), &get("/reports/7", &[("Authorization", &format!("Bearer {token}"))])).await
}

async fn until(status: u16, gateway: &Running, token: &str) -> Tried {
    let begun = Instant::now();
    loop {
        let answer = read(gateway, token).await?;
        if answer.status == status {
            return Ok(());
        }
        assert!([200, 401, 503].contains(&answer.status), "{answer:?}");
        assert!(begun.elapsed() < WITHIN * 2, "{status} did not come: {answer:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keys_nobody_is_let_in_and_nobody_is_blamed_until_they_come() -> Tried {
    let issuer = Issuer::new();
    let token = issuer.reader()?;
    let mut waiting = Vec::new();
    // Side by side: each waits out a cooldown before the keys are asked for again.
    for (what, mood) in faults() {
        let (keys, token) = (issuer.jwks(), token.clone());
        let provider = Provider::start(mood, None).await?;
        let gateway = Running::start(&policy(&issuer, provider.port, "")).await?;
        waiting.push(tokio::spawn(async move {
            for _ in 0..3 {
                let answer = read(&gateway, &token).await?;
                assert_eq!(answer.status, 503, "{what}: {answer:?}");
                assert_eq!(answer.body, r#"{"error":"temporarily_unavailable"}"#, "{what}");
            }
            assert_eq!(ask(gateway.address("admin"), &get("/readyz", &[])).await?.status, 503, "{what}");
            assert_eq!(ask(gateway.address("envoy"), &get("/health", &[])).await?.status, 200, "{what}");
            provider.set(Mood::Says(keys));
            until(200, &gateway, &token).await?;
            assert_eq!(ask(gateway.address("admin"), &get("/readyz", &[])).await?.status, 200, "{what}");
            gateway.end().await
        }));
    }
    for task in waiting {
        task.await??;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_good_stay_while_the_provider_is_down_and_rotated_ones_are_asked_for() -> Tried {
    let (issuer, next) = (Issuer::new(), Issuer::named("two"));
    let provider = Provider::start(Mood::Says(issuer.jwks()), None).await?;
    let gateway = Running::start(&policy(&issuer, provider.port, "")).await?;
    let (old, new) = (issuer.reader()?, next.reader()?);
    until(200, &gateway, &old).await?;
    for (what, mood) in faults() {
        provider.set(mood);
        assert_eq!(read(&gateway, &old).await?.status, 200, "{what}: good keys stay");
        // A key that is not known may be one that we could not fetch: nobody knows, or it was asked for a moment ago.
        let answer = read(&gateway, &new).await?;
        assert!([401, 503].contains(&answer.status), "{what}: {answer:?}");
    }
    provider.set(Mood::Says(next.jwks()));
    until(200, &gateway, &new).await?;
    assert_eq!(read(&gateway, &old).await?.status, 401, "the old key is gone");
    gateway.end().await
}

/// TLS for a name, and the authority's certificate in PEM.
fn tls(name: &str) -> Tried<(tokio_rustls::TlsAcceptor, String)> {
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec![name.to_owned()])?.self_signed(&key)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let private = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der())?;
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)?;
    Ok((Arc::new(config).into(), certificate.pem()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_cannot_be_had_is_nobodys_fault_and_its_address_is_looked_at() -> Tried {
    let issuer = Issuer::new();
    let (acceptor, authority) = tls("status.test")?;
    let lists = Provider::start(Mood::Silent, Some(acceptor)).await?;
    let keys = Provider::start(Mood::Says(issuer.jwks()), None).await?;
    let uri = format!("https://status.test:{}/lists/1", lists.port);
    let more = format!("status = \"required\"\nstatus_origins = [\"https://status.test:{}\"]", lists.port);
    let policy = policy(&issuer, keys.port, &more);
    let token = issuer.token(json!({
        "scope": "reports:read", "client_id": "app", "status": {"status_list": {"idx": 0, "uri": uri}},
    }))?;
    let folder = tempfile::tempdir()?;
    let roots = folder.path().join("ca.pem");
    std::fs::write(&roots, authority)?;
    let pinned = Resolve { host: "status.test".into(), port: lists.port, address: [127, 0, 0, 1].into() };
    let component = support::built("portcullis-hosted.wasm");

    // Nobody named the address: the name leads nowhere that a token may lead us.
    let gateway = Running::with(&policy, &component, |settings| settings.authorities = vec![roots.clone()]).await?;
    assert_eq!(read(&gateway, &token).await?.status, 503);
    gateway.end().await?;

    let gateway = Running::with(&policy, &component, |settings| {
        settings.authorities = vec![roots.clone()];
        settings.resolve = vec![pinned];
    })
    .await?;
    for (what, mood) in faults() {
        lists.set(mood);
        let answer = read(&gateway, &token).await?;
        assert_eq!(answer.status, 503, "{what}: {answer:?}");
    }
    // Somebody else's list, and one that has expired, are no lists of ours.
    for (what, list) in [
        ("another's", Issuer::new().status_list(&uri, 0, now() + 600)?),
        ("expired", issuer.status_list(&uri, 0, now() - 600)?),
        ("of another URL", issuer.status_list("https://status.test/other", 0, now() + 600)?),
    ] {
        lists.set(Mood::Says(list));
        assert_eq!(read(&gateway, &token).await?.status, 503, "{what}");
    }
    lists.set(Mood::Says(issuer.status_list(&uri, 0, now() + 600)?));
    until(200, &gateway, &token).await?;
    // It is good until its end, whatever becomes of the server; and is fetched again after its `ttl`.
    lists.set(Mood::Silent);
    assert_eq!(read(&gateway, &token).await?.status, 200);
    lists.set(Mood::Says(issuer.status_list(&uri, 1, now() + 600)?));
    until(401, &gateway, &token).await?;
    gateway.end().await
}
