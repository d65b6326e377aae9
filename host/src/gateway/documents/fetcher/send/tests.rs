//! Messages to peers that misbehave, over real TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use rcgen::{CertifiedKey, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::super::{FetchSettings, Pin};
use super::*;
use crate::gateway::documents::names::Names;

const PEER: &str = "peer.example.org";

/// What must be in no error.
const SECRET: &str = "hfiuhworzwnur98d3wjiwhr";

/// What a peer answers to a connection.
#[derive(Clone)]
enum Says {
    /// This, and closes.
    Text(String),
    /// This, and then the same bytes for as long as anybody reads.
    Endless(&'static str),
    /// Nothing, and stays.
    Nothing,
}

/// A peer at a port of loopback, with a certificate for its name.
struct Peer {
    port: u16,
    certificate: CertificateDer<'static>,
    asked: tokio::sync::mpsc::Receiver<String>,
}

impl Peer {
    async fn that(says: Says) -> Self {
        let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed([PEER.to_owned()]).unwrap();
        let acceptor = acceptor(cert.der().clone(), &signing_key);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, asked) = tokio::sync::mpsc::channel(16);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, sender, says) = (acceptor.clone(), sender.clone(), says.clone());
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let mut request = Vec::new();
                    // The whole of it: the body may come after the header.
                    while !request.ends_with(b"}") {
                        let mut part = [0; 4_096];
                        match stream.read(&mut part).await {
                            Ok(read) if read > 0 => request.extend_from_slice(&part[..read]),
                            _ => return,
                        }
                    }
                    let _ = sender.try_send(String::from_utf8_lossy(&request).into_owned());
                    match says {
                        Says::Text(text) => {
                            let _ = stream.write_all(text.as_bytes()).await;
                            let _ = stream.shutdown().await;
                        }
                        Says::Endless(text) => while stream.write_all(text.as_bytes()).await.is_ok() {},
                        Says::Nothing => std::future::pending().await,
                    }
                });
            }
        });
        Self { port, certificate: cert.der().clone(), asked }
    }

    /// A fetcher whose operator knows where the peer is.
    fn known(&self) -> Fetcher {
        let pin = Pin { host: PEER.into(), port: self.port, address: [127, 0, 0, 1].into() };
        let extra_roots = vec![self.certificate.clone()];
        Fetcher::new(FetchSettings { pins: vec![pin], extra_roots, ..FetchSettings::default() }).unwrap()
    }

    fn url(&self) -> String {
        format!("https://{PEER}:{}/ocm/shares?q", self.port)
    }
}

fn acceptor(certificate: CertificateDer<'static>, key: &KeyPair) -> tokio_rustls::TlsAcceptor {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    tokio_rustls::TlsAcceptor::from(Arc::new(config))
}

fn message(url: &str) -> Message {
    let body = format!("{{\"sharedSecret\":\"{SECRET}\"}}");
    let field = |name: &str, value: &str| Header { name: name.into(), value: value.into() };
    Message {
        url: url.into(),
        headers: vec![
            field("Content-Type", "application/json"),
            field("Content-Length", &body.len().to_string()),
            field("Signature", "ocm=:AAAA:"),
        ],
        body: body.into_bytes(),
    }
}

fn with_body(head: &str, body: &str) -> Says {
    Says::Text(format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()))
}

/// Why nothing came, which tells nothing of the message.
async fn unsent(fetcher: &Fetcher, url: &str) -> Unsent {
    let unsent = fetcher.send(message(url)).await.unwrap_err();
    let told = format!("{unsent} {unsent:?}");
    assert!(!told.contains(SECRET) && !told.contains("ocm=:"), "{told}");
    unsent
}

#[tokio::test]
async fn a_message_goes_out_as_it_was_signed_and_the_answer_is_told() {
    let mut peer = Peer::that(with_body(
        "201 Created\r\nContent-Type: Application/JSON; charset=utf-8\r\nSet-Cookie: a=b",
        r#"{"recipientDisplayName":"Marie"}"#,
    ))
    .await;
    let received = peer.known().send(message(&peer.url())).await.unwrap();
    assert_eq!((received.status, received.content_type.as_deref()), (201, Some("application/json")));
    assert_eq!(received.body, r#"{"recipientDisplayName":"Marie"}"#);
    let asked = peer.asked.recv().await.unwrap();
    let (head, body) = asked.split_once("\r\n\r\n").unwrap();
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("post /ocm/shares?q http/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("host: {PEER}:{}", peer.port)), "{head}");
    assert_eq!(body, format!("{{\"sharedSecret\":\"{SECRET}\"}}"));
    let length = format!("content-length: {}", body.len());
    assert_eq!(head.matches("content-length").count(), 1, "{head}");
    for wanted in [length.as_str(), "content-type: application/json", "signature: ocm=:aaaa:"] {
        assert!(head.contains(wanted), "{wanted}: {head}");
    }
    for unwanted in ["cookie", "authorization", "referer", "accept-encoding", "transfer-encoding"] {
        assert!(!head.contains(unwanted), "{head}");
    }
}

#[tokio::test]
async fn refusals_of_the_peer_are_its_answers() {
    for status in [400, 401, 403, 501, 503] {
        let peer = Peer::that(with_body(&format!("{status} X"), "no \u{fc}")).await;
        let received = peer.known().send(message(&peer.url())).await.unwrap();
        assert_eq!((received.status, received.content_type), (status, None));
    }
    let torn = Says::Text("HTTP/1.1 500 X\r\nConnection: close\r\nContent-Length: 1\r\n\r\n".into());
    let peer = Peer::that(torn).await;
    assert!(matches!(unsent(&peer.known(), &peer.url()).await, Unsent::Answer(_)), "the body broke off");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let end = Peer::that(with_body("201 Created", "{}")).await;
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = format!("{status} X\r\nLocation: {}", end.url());
        let mut peer = Peer::that(with_body(&elsewhere, "")).await;
        let error = unsent(&peer.known(), &peer.url()).await;
        assert_eq!((error.code(), &error), ("gateway.peer_redirects", &Unsent::Redirects), "{status}");
        assert!(peer.asked.recv().await.is_some() && peer.asked.try_recv().is_err(), "it is sent once");
    }
    let mut end = end;
    assert!(end.asked.try_recv().is_err(), "nobody else was sent anything");
}

#[tokio::test]
async fn answers_without_an_end_are_not_read_to_their_end() {
    let huge = "x".repeat(64 * 1024 + 1);
    for says in [
        with_body("200 OK", &huge),
        Says::Text("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n".into()),
        Says::Endless("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        with_body("200 OK\r\nContent-Encoding: gzip", "x"),
    ] {
        let peer = Peer::that(says).await;
        let error = unsent(&peer.known(), &peer.url()).await;
        assert_eq!(error.code(), "gateway.peer_answer", "{error}");
    }
    // A header without an end, and what is no HTTP at all.
    for says in [Says::Endless("HTTP/1.1 200 OK\r\nA: b\r\n"), Says::Text("nonsense\r\n\r\n".into())] {
        let peer = Peer::that(says).await;
        let error = unsent(&peer.known(), &peer.url()).await;
        assert_eq!(error.code(), "gateway.peer_unreachable", "{error}");
    }
}

#[tokio::test]
async fn a_peer_that_says_nothing_takes_no_longer_than_it_may() {
    let mut peer = Peer::that(Says::Nothing).await;
    let (fetcher, url) = (peer.known(), peer.url());
    let sending = tokio::spawn(async move { unsent(&fetcher, &url).await });
    peer.asked.recv().await.unwrap();
    // The clock is turned instead of waited for, once the request is out.
    tokio::time::pause();
    tokio::time::advance(SEND_WITHIN).await;
    assert_eq!(sending.await.unwrap().code(), "gateway.peer_unreachable");
}

#[tokio::test]
async fn a_peer_that_is_down_or_is_another_is_not_reached() {
    let peer = Peer::that(with_body("200 OK", "{}")).await;
    let fetcher = |port, roots: &[CertificateDer<'static>]| {
        let pin = Pin { host: PEER.into(), port, address: [127, 0, 0, 1].into() };
        Fetcher::new(FetchSettings { pins: vec![pin], extra_roots: roots.to_vec(), ..FetchSettings::default() })
            .unwrap()
    };
    let error = unsent(&fetcher(1, &[]), &format!("https://{PEER}:1/")).await;
    assert_eq!(error.code(), "gateway.peer_unreachable", "{error}");
    // Nobody that we know vouches for it.
    let error = unsent(&fetcher(peer.port, &[]), &peer.url()).await;
    assert_eq!(error.code(), "gateway.peer_unreachable", "{error}");
}

/// A name service that says one thing.
struct Named(&'static [&'static str]);

impl Names for Named {
    fn addresses<'n>(&'n self, _: &'n str) -> BoxFuture<'n, std::io::Result<Vec<SocketAddr>>> {
        let addresses = self.0.iter().map(|address| SocketAddr::new(address.parse().unwrap(), 0)).collect();
        async move { Ok(addresses) }.boxed()
    }
}

#[tokio::test]
async fn addresses_inside_are_not_connected_to_unless_the_operator_named_them() {
    let mut peer = Peer::that(with_body("200 OK", "{}")).await;
    for addresses in [&["127.0.0.1"][..], &["10.0.0.1", "::1", "169.254.169.254", "fd00:ec2::254"]] {
        let names = Arc::new(Named(addresses));
        let settings = FetchSettings { names, extra_roots: vec![peer.certificate.clone()], ..FetchSettings::default() };
        let error = unsent(&Fetcher::new(settings).unwrap(), &peer.url()).await;
        assert_eq!(error.code(), "gateway.peer_unreachable");
        assert!(error.to_string().contains("no public address"), "{error}");
    }
    assert!(peer.asked.try_recv().is_err());
    assert!(peer.known().send(message(&peer.url())).await.is_ok());
}

#[tokio::test]
async fn nothing_is_sent_to_what_is_no_https_url_of_a_name() {
    let mut peer = Peer::that(with_body("200 OK", "{}")).await;
    let fetcher = peer.known();
    for url in [
        format!("http://{PEER}:{}/", peer.port),
        format!("https://127.0.0.1:{}/", peer.port),
        format!("https://[::1]:{}/", peer.port),
        format!("https://user@{PEER}:{}/", peer.port),
        "file:/etc/hostname".into(),
        "workload-api:prod.example".into(),
        "https:///".into(),
        String::new(),
    ] {
        let error = unsent(&fetcher, &url).await;
        assert_eq!(error.code(), "fetch.url_not_allowed", "{url}: {error}");
    }
    let mut torn = message(&peer.url());
    torn.headers.push(Header { name: "A".into(), value: b"a\r\nB: c".to_vec() });
    assert!(matches!(fetcher.send(torn).await, Err(Unsent::Url(_))));
    assert!(peer.asked.try_recv().is_err());
}
