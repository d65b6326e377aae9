//! Listeners with TLS: who may connect, and certificates that are replaced.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose, SanType};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::net::TcpStream;

use super::Tried;
use super::running::{Answer, Connection, Issuer, READING, Running, get};

const LISTENER: &str = r#"
[[listeners]]
name = "far"
address = "127.0.0.1:8080"
asserts = "envoy"
tls = { certificate = "server.pem", key = "server.key", client_ca = "ca.pem" }
peers = ["spiffe://prod.example/proxy"]
"#;

pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(super) fn new() -> Tried<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Ok(Self(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?))
    }

    /// Its certificate, in PEM.
    pub(super) fn pem(&self) -> String {
        self.0.pem()
    }

    /// The coordinates of its key, of P-256, in base64url.
    pub(super) fn jwk(&self) -> Tried<(String, String)> {
        let point = self.0.key().public_key_raw().get(1..).ok_or("no point")?;
        let (x, y) = point.split_at(32);
        Ok((URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y)))
    }

    /// A certificate and its key, in PEM.
    pub(super) fn issue(&self, names: &[SanType]) -> Tried<(String, String)> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.subject_alt_names = names.to_vec();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate()?;
        Ok((params.signed_by(&key, &self.0)?.pem(), key.serialize_pem()))
    }
}

pub(super) fn uri(id: &str) -> Tried<SanType> {
    Ok(SanType::URI(id.try_into()?))
}

/// Asks once over TLS, with a certificate if there is one; and tells the server's certificate.
pub(super) async fn ask(
    address: &str,
    authority: &Authority,
    own: Option<&(String, String)>,
    text: &str,
) -> Tried<(Answer, Vec<u8>)> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.0.pem().as_bytes())?)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let config = match own {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => builder.with_client_auth_cert(
            vec![CertificateDer::from_pem_slice(certificate.as_bytes())?],
            PrivateKeyDer::from_pem_slice(key.as_bytes())?,
        )?,
    };
    let stream = TcpStream::connect(address).await?;
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = connector.connect(ServerName::try_from("gateway.test")?, stream).await?;
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let server = chain.first().map(|leaf| leaf.to_vec()).unwrap_or_default();
    Ok((Connection::over(stream).ask(text).await?, server))
}

#[tokio::test(flavor = "multi_thread")]
async fn only_named_peers_are_let_in_and_certificates_are_replaced() -> Tried {
    let (issuer, authority) = (Issuer::new(), Authority::new()?);
    let dns = [SanType::DnsName("gateway.test".try_into()?)];
    let server = authority.issue(&dns)?;
    let policy = issuer.policy(LISTENER, READING);
    // The files stand beside the policy, which is where a name without a folder is looked for.
    let gateway = Running::beside(
        &policy,
        &[("server.pem", &server.0), ("server.key", &server.1), ("ca.pem", &authority.0.pem())],
    )
    .await?;
    let address = gateway.address("far").to_owned();
    let (proxy, other) = (
        authority.issue(&[uri("spiffe://prod.example/proxy")?])?,
        authority.issue(&[uri("spiffe://prod.example/proxy/x")?])?,
    );
    let foreign = Authority::new()?.issue(&[uri("spiffe://prod.example/proxy")?])?;
    let bearer = format!("Bearer {}", issuer.reader()?);
    let text = get("/reports/7", &[("Authorization", &bearer), ("X-Forwarded-Proto", "http")]);

    let (answer, first) = ask(&address, &authority, Some(&proxy), &text).await?;
    assert_eq!(answer.status, 200, "{answer:?}");
    for (what, own) in [("none", None), ("another name", Some(&other)), ("another authority", Some(&foreign))] {
        assert!(ask(&address, &authority, own, &text).await.is_err(), "{what}");
    }

    let newer = authority.issue(&dns)?;
    let folder = gateway.policy.parent().unwrap_or(std::path::Path::new("."));
    std::fs::write(folder.join("server.key"), &newer.1)?;
    std::fs::write(folder.join("server.pem"), &newer.0)?;
    let begun = std::time::Instant::now();
    while ask(&address, &authority, Some(&proxy), &text).await?.1 == first {
        assert!(begun.elapsed() < super::running::WITHIN, "the certificate was not replaced");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    // Files that do not fit leave the old ones.
    std::fs::write(folder.join("server.key"), "no key")?;
    gateway.reaches(r#"portcullis_policy_reloads_total{result="unchanged"}"#, 1.0).await?;
    assert_eq!(ask(&address, &authority, Some(&proxy), &text).await?.0.status, 200);
    gateway.end().await
}
