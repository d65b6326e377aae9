//! Requests over TLS, with a client's certificate where there is one.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::WITHIN;
use super::client::{Answer, answer_of};

/// What a client shows in the handshake: its chain, the leaf first, and the leaf's key in PKCS #8, in DER.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'c> {
    /// The chain.
    pub chain: &'c [Vec<u8>],
    /// The key.
    pub key: &'c [u8],
}

/// As [`ask`](super::ask), over TLS, of a server for whose name one of the roots vouches.
///
/// # Errors
///
/// There is no connection, or it ends without an answer: the server, or what it was shown, is not believed.
pub fn ask_tls(
    port: u16,
    name: &str,
    roots: &[Vec<u8>],
    shown: Option<Shown<'_>>,
    bytes: &[u8],
) -> Result<Answer, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let mut believed = RootCertStore::empty();
    for root in roots {
        believed.add(CertificateDer::from(root.as_slice())).map_err(|error| text(&error))?;
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| text(&error))?
        .with_root_certificates(believed);
    let config = match shown {
        None => builder.with_no_client_auth(),
        Some(shown) => {
            let chain = shown.chain.iter().map(|one| CertificateDer::from(one.clone())).collect();
            let key = PrivateKeyDer::Pkcs8(shown.key.to_vec().into());
            builder.with_client_auth_cert(chain, key).map_err(|error| text(&error))?
        }
    };
    let name = ServerName::try_from(name.to_owned()).map_err(|error| text(&error))?;
    let connection = ClientConnection::new(Arc::new(config), name).map_err(|error| text(&error))?;
    let stream = TcpStream::connect(("127.0.0.1", port)).map_err(|error| text(&error))?;
    stream.set_read_timeout(Some(WITHIN)).map_err(|error| text(&error))?;
    let mut stream = StreamOwned::new(connection, stream);
    stream.write_all(bytes).map_err(|error| text(&error))?;
    answer_of(&mut stream, bytes.starts_with(b"HEAD "))
}
