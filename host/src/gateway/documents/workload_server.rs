//! Servers that prove with an X.509-SVID who they are (SPIFFE Federation section 5.2.2).
//!
//! This sees to the handshake: that the server holds the key of the certificate that it presents. Who it has to be, and by which
//! bundle, is for the gate to judge, in the middle of the handshake, before anything is asked of the server. The authorities of
//! the system and the server's name have no part in it.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};

use super::fetcher::Admits;
use crate::gate::DocumentNeed;

/// The TLS of one fetch. Another fetch has another one: nothing is resumed, so that the newest bundle judges each connection.
///
/// # Errors
///
/// The library has no protocol version left.
pub(super) fn client_config(need: &DocumentNeed, admits: &Arc<dyn Admits>) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = AdmittedByGate { need: need.clone(), admits: Arc::clone(admits), algorithms: algorithms(&provider) };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn algorithms(provider: &CryptoProvider) -> WebPkiSupportedAlgorithms {
    provider.signature_verification_algorithms
}

/// Takes a server's certificates to the gate.
struct AdmittedByGate {
    need: DocumentNeed,
    admits: Arc<dyn Admits>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl std::fmt::Debug for AdmittedByGate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AdmittedByGate").field("server", &self.need.server).finish_non_exhaustive()
    }
}

impl ServerCertVerifier for AdmittedByGate {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain = std::iter::once(leaf).chain(others).map(|certificate| certificate.to_vec()).collect();
        // The handshake is no async code, and the gate may be busy for a moment: other tasks go on meanwhile.
        let judged = tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(self.admits.server(&self.need, chain))
        });
        judged.map(|()| ServerCertVerified::assertion()).map_err(rustls::Error::General)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
