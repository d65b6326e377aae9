//! TLS of listeners: certificates that are read again when they change, and peers that are named.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use crate::gate::Tls;

/// Why a listener's TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read, or holds no PEM of that kind.
    #[error("cannot use {what} in {}: {why}", path.display())]
    File {
        /// What it should hold.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Certificate and key do not fit, or there is no authority.
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}

/// Of whom a certificate is asked in the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Of those whom an authority of the listener vouches for, if there is one; a client may have none.
    Authorities,
    /// Of peers that are named: a client has to have one.
    Peers,
    /// Of anybody, whoever issued it: the gate validates it. A client may have none.
    Anybody,
}

/// Takes every certificate whose key the client has, and says nothing about who issued it: what is presented is not validated
/// here, and the gate that is handed it validates it (X.509-SVIDs, by the bundles of the policy).
#[derive(Debug)]
struct AnyCertificate(WebPkiSupportedAlgorithms);

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

/// The TLS of a listener. What it holds is replaced when its files change; connections keep what they began with.
pub(crate) struct ListenerTls {
    files: Tls,
    base: PathBuf,
    asked: Asked,
    config: ArcSwap<ServerConfig>,
}

impl ListenerTls {
    /// Reads the files, whose names are relative to the policy's folder. `asked` says of whom a certificate is
    /// asked.
    ///
    /// # Errors
    ///
    /// A file cannot be read or used.
    pub(crate) fn new(files: &Tls, base: &Path, asked: Asked) -> Result<Self, TlsError> {
        let config = read(files, base, asked)?;
        Ok(Self { files: files.clone(), base: base.to_owned(), asked, config: ArcSwap::from(config) })
    }

    /// Reads the files again. What cannot be used is told, and the old ones stay.
    pub(crate) fn reload(&self) -> Result<(), TlsError> {
        self.config.store(read(&self.files, &self.base, self.asked)?);
        Ok(())
    }

    pub(crate) fn acceptor(&self) -> tokio_rustls::TlsAcceptor {
        self.config.load_full().into()
    }

    /// The files, to be watched.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        let names = [Some(&self.files.certificate), Some(&self.files.key), self.files.client_ca.as_ref()];
        names.into_iter().flatten().map(|name| self.base.join(name)).collect()
    }
}

fn read(files: &Tls, base: &Path, asked: Asked) -> Result<Arc<ServerConfig>, TlsError> {
    let setup = |error: &dyn std::fmt::Display| TlsError::Setup(error.to_string());
    let chain = certificates(&base.join(&files.certificate), "a certificate chain")?;
    let key_path = base.join(&files.key);
    // The error of a key's file says nothing of the key.
    let key = PrivateKeyDer::from_pem_file(&key_path).map_err(|error| TlsError::File {
        what: "a private key",
        path: key_path,
        why: match error {
            rustls::pki_types::pem::Error::Io(error) => error.to_string(),
            _ => "it holds no private key in PEM".into(),
        },
    })?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| setup(&error))?;
    let builder = match &files.client_ca {
        None if asked == Asked::Anybody => {
            builder.with_client_cert_verifier(Arc::new(AnyCertificate(provider.signature_verification_algorithms)))
        }
        None => builder.with_no_client_auth(),
        Some(name) => {
            let mut roots = rustls::RootCertStore::empty();
            for certificate in certificates(&base.join(name), "authorities of clients")? {
                roots.add(certificate).map_err(|error| setup(&error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            let verifier = if asked == Asked::Peers { verifier } else { verifier.allow_unauthenticated() };
            builder.with_client_cert_verifier(verifier.build().map_err(|error| setup(&error))?)
        }
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|error| setup(&error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The certificates in a PEM file; at least one.
///
/// # Errors
///
/// The file cannot be read, or holds none.
pub(crate) fn certificates(path: &Path, what: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |why: String| TlsError::File { what, path: path.to_owned(), why };
    let read = CertificateDer::pem_file_iter(path).map_err(|error| failed(error.to_string()))?;
    let certificates = read.collect::<Result<Vec<_>, _>>().map_err(|error| failed(error.to_string()))?;
    if certificates.is_empty() {
        return Err(failed("it holds no certificate in PEM".into()));
    }
    Ok(certificates)
}

/// Whether a certificate that was validated is one of the named peers: a SPIFFE ID among its URIs, or a DNS name, compared
/// byte by byte.
pub(crate) fn is_peer(certificate: &CertificateDer<'_>, peers: &[String]) -> bool {
    names(certificate).iter().any(|name| peers.contains(name))
}

fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok(certificate) = x509_cert::Certificate::from_der(certificate) else { return Vec::new() };
    let Ok(Some((_, names))) = certificate.tbs_certificate().get_extension::<SubjectAltName>() else {
        return Vec::new();
    };
    let name = |name: GeneralName| match name {
        GeneralName::DnsName(name) => Some(name.to_string()),
        GeneralName::UniformResourceIdentifier(uri) => Some(uri.to_string()),
        _ => None,
    };
    names.0.into_iter().filter_map(name).collect()
}
