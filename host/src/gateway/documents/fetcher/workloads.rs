//! The fetcher against servers that are authenticated as workloads, over real TLS.

use std::sync::Mutex;

use futures_util::FutureExt as _;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::gate::DocumentKind;

const SERVER: &str = "spiffe://prod.example/bundle-server";

/// Admits what a test says, and keeps account of what it was asked.
#[derive(Default)]
struct Asked {
    refused: bool,
    redirects: Mutex<Vec<String>>,
    chains: Mutex<Vec<Vec<Vec<u8>>>>,
}

impl Admits for Asked {
    fn redirect<'a>(&'a self, _: &'a DocumentNeed, _: u8, location: &'a str) -> BoxFuture<'a, Result<(), String>> {
        self.redirects.lock().unwrap().push(location.into());
        async { Ok(()) }.boxed()
    }

    fn server<'a>(&'a self, need: &'a DocumentNeed, chain: Vec<Vec<u8>>) -> BoxFuture<'a, Result<(), String>> {
        async move {
            // The gate is asked in another task's time, and may have to be waited for.
            tokio::time::sleep(Duration::from_millis(1)).await;
            assert_eq!(need.server.as_deref(), Some(SERVER));
            self.chains.lock().unwrap().push(chain);
            if self.refused { Err("fetch.server_id: it is another".into()) } else { Ok(()) }
        }
        .boxed()
    }
}

fn issuer() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate with these names, below its issuer, and its key.
fn certificate(
    names: &[SanType],
    issuer: &CertifiedIssuer<'static, KeyPair>,
) -> (Vec<CertificateDer<'static>>, KeyPair) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.subject_alt_names = names.to_vec();
    let key = KeyPair::generate().unwrap();
    let leaf = params.signed_by(&key, issuer).unwrap();
    (vec![leaf.der().clone(), issuer.der().clone()], key)
}

fn svid() -> (Vec<CertificateDer<'static>>, KeyPair) {
    certificate(&[SanType::URI(SERVER.try_into().unwrap())], &issuer())
}

/// Presents the same certificate to everybody, with a key that need not be its own.
#[derive(Debug)]
struct Presents(Arc<CertifiedKey>);

impl ResolvesServerCert for Presents {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// A TLS server that answers each connection with the same bytes, and counts those on which it was asked something.
async fn server(
    (chain, key): (Vec<CertificateDer<'static>>, KeyPair),
    answer: &str,
) -> (u16, tokio::sync::mpsc::Receiver<String>) {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let resolver = Arc::new(Presents(Arc::new(CertifiedKey::new(chain, key))));
    let config = config.with_no_client_auth().with_cert_resolver(resolver);
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, asked) = tokio::sync::mpsc::channel(16);
    let answer = answer.to_owned();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, sender, answer) = (acceptor.clone(), sender.clone(), answer.clone());
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut request = vec![0; 4_096];
                let read = stream.read(&mut request).await.unwrap_or_default();
                if read > 0 {
                    let _ = sender.try_send(String::from_utf8_lossy(&request[..read]).into_owned());
                }
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    (port, asked)
}

const BUNDLE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\nConnection: close\r\n\r\n{\"keys\":[]}";

fn need(url: String) -> DocumentNeed {
    DocumentNeed {
        url,
        class: Class::Policy,
        kind: DocumentKind::Bundle,
        accept: "application/json".into(),
        most: 1_000,
        server: Some(SERVER.into()),
        question: None,
    }
}

async fn fetch(settings: FetchSettings, need: &DocumentNeed, asked: &Arc<Asked>) -> Document {
    let admits: Arc<dyn Admits> = Arc::clone(asked) as _;
    Fetcher::new(settings).unwrap().fetch(need, &admits).await
}

fn why(document: &Document) -> &str {
    match &document.content {
        Content::Failed(why) => why,
        Content::Body(body) => panic!("{body:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gate_judges_what_the_server_presents_and_nobody_else_does() {
    let own = svid();
    let presented: Vec<Vec<u8>> = own.0.iter().map(|der| der.to_vec()).collect();
    let (port, mut requests) = server(own, BUNDLE).await;
    let asked = Arc::new(Asked::default());
    // No authority that this host knows, and a certificate without any name of a host.
    let need = need(format!("https://127.0.0.1:{port}/bundle"));
    let document = fetch(FetchSettings::default(), &need, &asked).await;
    assert!(matches!(&document.content, Content::Body(body) if body.bytes == b"{\"keys\":[]}"), "{document:?}");
    assert_eq!(document.server.as_deref(), Some(SERVER));
    assert!(requests.recv().await.unwrap().starts_with("GET /bundle HTTP/1.1\r\n"));
    assert_eq!(*asked.chains.lock().unwrap(), [presented], "the server's own first");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_refused_is_asked_nothing() {
    let (port, mut requests) = server(svid(), BUNDLE).await;
    let asked = Arc::new(Asked { refused: true, ..Asked::default() });
    let document = fetch(FetchSettings::default(), &need(format!("https://127.0.0.1:{port}/secret")), &asked).await;
    assert!(why(&document).contains("fetch.server_id: it is another"), "{document:?}");
    assert!(!why(&document).contains("secret"));
    // Not even one whom the operator's authorities and its name would make good.
    let web = issuer();
    let localhost = certificate(&[SanType::DnsName("localhost".try_into().unwrap())], &web);
    let (port, mut others) = server(localhost, BUNDLE).await;
    let settings = || FetchSettings { extra_roots: vec![web.der().clone()], ..FetchSettings::default() };
    let need = need(format!("https://localhost:{port}/"));
    assert!(why(&fetch(settings(), &need, &asked).await).contains("fetch.server_id"));
    assert!(requests.try_recv().is_err() && others.try_recv().is_err(), "somebody was asked");
    // The same server is good where it is to be one of the web.
    let need = DocumentNeed { server: None, ..need };
    let document = fetch(settings(), &need, &asked).await;
    assert!(matches!(document.content, Content::Body(_)), "{document:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_holds_no_key_has_shown_nothing() {
    let (chain, _) = svid();
    let (port, mut requests) = server((chain, KeyPair::generate().unwrap()), BUNDLE).await;
    let asked = Arc::new(Asked::default());
    let document = fetch(FetchSettings::default(), &need(format!("https://127.0.0.1:{port}/")), &asked).await;
    assert!(why(&document).contains("signature") || why(&document).contains("Signature"), "{document:?}");
    assert!(requests.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_connection_is_judged_those_of_redirects_too() {
    let (end, _requests) = server(svid(), BUNDLE).await;
    let redirect = format!("HTTP/1.1 307 X\r\nLocation: https://localhost:{end}/\r\nContent-Length: 0\r\n\r\n");
    let (port, _asked) = server(svid(), &redirect).await;
    let asked = Arc::new(Asked::default());
    let need = need(format!("https://localhost:{port}/"));
    let admits: Arc<dyn Admits> = Arc::clone(&asked) as _;
    let fetcher = Fetcher::new(FetchSettings::default()).unwrap();
    for times in 1..=2 {
        let document = fetcher.fetch(&need, &admits).await;
        assert!(matches!(document.content, Content::Body(_)), "{document:?}");
        assert_eq!(asked.chains.lock().unwrap().len(), 2 * times, "no connection is kept, and no session resumed");
        assert_eq!(asked.redirects.lock().unwrap().len(), times);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_the_web_is_none_of_workloads_and_the_other_way_round() {
    let asked = Arc::new(Asked::default());
    let (port, mut requests) = server(svid(), BUNDLE).await;
    let of_the_web = DocumentNeed { server: None, ..need(format!("https://127.0.0.1:{port}/")) };
    assert!(why(&fetch(FetchSettings::default(), &of_the_web, &asked).await).contains("certificate"));
    assert!(requests.try_recv().is_err());
    // Without TLS nobody proves anything; nor does what is answered within this process, or read from a file.
    let router = Router::new().route("/", axum::routing::get(|| async { "{\"keys\":[]}" }));
    let local = HashMap::from([("http://127.0.0.1:1".to_owned(), router)]);
    let settings = FetchSettings { local, ..FetchSettings::default() };
    let document = fetch(settings, &need("http://127.0.0.1:1/".into()), &asked).await;
    assert!(why(&document).contains("nothing but a TLS server"), "{document:?}");
    let router = Router::new().route("/", axum::routing::get(|| async { "{\"keys\":[]}" }));
    let local = HashMap::from([("https://127.0.0.1:1".to_owned(), router)]);
    let settings = FetchSettings { local, ..FetchSettings::default() };
    let document = fetch(settings, &need("https://127.0.0.1:1/".into()), &asked).await;
    assert!(why(&document).to_ascii_lowercase().contains("refused"), "{document:?}");
    let document = fetch(FetchSettings::default(), &need("file:/etc/hostname".into()), &asked).await;
    assert!(why(&document).contains("nothing but a TLS server"), "{document:?}");
    assert!(asked.chains.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_the_operator_named_is_taken_here_too() {
    let (port, _requests) = server(svid(), BUNDLE).await;
    let pin = Pin { host: "spire.prod.example".into(), port, address: "127.0.0.1".parse().unwrap() };
    let settings = FetchSettings { pins: vec![pin], ..FetchSettings::default() };
    let asked = Arc::new(Asked::default());
    let document = fetch(settings, &need(format!("https://spire.prod.example:{port}/")), &asked).await;
    assert!(matches!(document.content, Content::Body(_)), "{document:?}");
}
