//! Bundle endpoints of the profile `https_spiffe`: servers of the test that prove who they are, and a gate that judges them.

use std::sync::Arc;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use portcullis_host::gateway::Settings;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    PublicKeyData as _, SanType,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::running::{Answer, Running, WITHIN, ask, request};
use super::{Tried, support};

type Issuer = CertifiedIssuer<'static, KeyPair>;

const SERVER: &str = "spiffe://prod.example/bundle-server";

fn authority(trust_domain: &str) -> Tried<Issuer> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.subject_alt_names = vec![SanType::URI(trust_domain.try_into()?)];
    Ok(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?)
}

/// An X.509-SVID in DER, and its key.
fn svid(authority: &Issuer, id: &str) -> Tried<(rcgen::Certificate, KeyPair)> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.subject_alt_names = vec![SanType::URI(id.try_into()?)];
    let key = KeyPair::generate()?;
    Ok((params.signed_by(&key, authority)?, key))
}

/// A bundle with these authorities, whose keys are of P-256.
fn bundle(authorities: &[&Issuer]) -> Value {
    let keys = authorities.iter().map(|authority| {
        let point = authority.key().der_bytes();
        let coordinate = |range| URL_SAFE_NO_PAD.encode(&point[range]);
        json!({"use": "x509-svid", "kty": "EC", "crv": "P-256", "x": coordinate(1..33), "y": coordinate(33..65),
            "x5c": [STANDARD.encode(authority.der())]})
    });
    json!({"keys": keys.collect::<Vec<_>>()})
}

/// Presents the same certificate to everybody.
#[derive(Debug)]
struct Presents(Arc<CertifiedKey>);

impl ResolvesServerCert for Presents {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// Serves a bundle as a workload, and gives the port.
async fn serve((certificate, key): &(rcgen::Certificate, KeyPair), body: &Value) -> Tried<u16> {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key)?;
    let presents = Presents(Arc::new(CertifiedKey::new(vec![certificate.der().clone()], key)));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = config.with_no_client_auth().with_cert_resolver(Arc::new(presents));
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let body = body.to_string();
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, answer) = (acceptor.clone(), answer.clone());
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let _ = stream.read(&mut [0; 4_096]).await;
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    Ok(port)
}

fn policy(port: u16, initial: &str) -> String {
    format!(
        r#"
origins = ["http://api.example"]

[[trust_domains]]
name = "prod.example"
bundle = "https://127.0.0.1:{port}/bundle"
bundle_profile = "https_spiffe"
endpoint_spiffe_id = "{SERVER}"
bundle_initial = "{initial}"

[[rules]]
path = "/internal/{{rest...}}"
require = {{ spiffe_id = ["spiffe://prod.example/billing/*"] }}
"#
    )
}

async fn asked(gateway: &Running, chain: &rcgen::Certificate) -> Tried<Answer> {
    let chain = URL_SAFE_NO_PAD.encode(chain.der());
    let of = json!({"method": "GET", "url": "http://api.example/internal/a", "headers": []});
    let body = json!({"request": of, "client_certificate": {"chain": [chain]}}).to_string();
    ask(gateway.address("check"), &request("POST", "/check", &[], &body)).await
}

/// Asks until there is an answer of a status.
async fn until(gateway: &Running, chain: &rcgen::Certificate, status: u16) -> Tried<Answer> {
    let begun = Instant::now();
    loop {
        let answer = asked(gateway, chain).await?;
        if answer.status == status {
            return Ok(answer);
        }
        assert!(begun.elapsed() < 2 * WITHIN, "{answer:?}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_comes_from_the_workload_that_the_policy_names_and_from_no_other() -> Tried {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("prod.json");
    let (first, second) = (authority("spiffe://prod.example")?, authority("spiffe://prod.example")?);
    std::fs::write(&file, bundle(&[&first]).to_string())?;
    let billing = svid(&second, "spiffe://prod.example/billing/a")?.0;
    let by_initial = svid(&first, "spiffe://prod.example/billing/a")?.0;
    let gateway = async |id| {
        // The trust domain has begun with another authority since the operator was given its bundle.
        let port = serve(&svid(&first, id)?, &bundle(&[&second])).await?;
        let policy = policy(port, &format!("file:{}", file.display()));
        let set = |settings: &mut Settings| settings.listen = vec![(None, "127.0.0.1:0".into())];
        Running::with(&policy, &support::built("portcullis-hosted.wasm"), set).await
    };
    let own = gateway(SERVER).await?;
    let answer = until(&own, &billing, 200).await?;
    let told: Value = serde_json::from_str(&answer.body)?;
    assert_eq!(told["principal"]["spiffe_id"], "spiffe://prod.example/billing/a");
    assert_eq!(asked(&own, &by_initial).await?.status, 401, "its authority is no more");
    own.end().await?;

    let others = gateway("spiffe://prod.example/other").await?;
    assert_eq!(asked(&others, &billing).await?.status, 503, "another workload serves it");
    // What the operator has for the first connection is no word on anybody else.
    assert_eq!(asked(&others, &by_initial).await?.status, 503);
    others.end().await
}
