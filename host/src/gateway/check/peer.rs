//! The certificate that a client showed in its own handshake.

use std::sync::Arc;

use http::Extensions;
use rustls::pki_types::CertificateDer;

use crate::gate::ClientCertificate;

/// What a client presented, the leaf first. Nothing is said about who issued it: the gate validates it.
#[derive(Clone)]
pub(crate) struct PeerChain(Arc<[CertificateDer<'static>]>);

impl PeerChain {
    /// The chain of a connection, if it has one.
    pub(crate) fn new(chain: &[CertificateDer<'_>]) -> Option<Self> {
        (!chain.is_empty()).then(|| Self(chain.iter().map(|one| one.clone().into_owned()).collect()))
    }

    /// What the gate is told of a request's connection.
    pub(crate) fn of(extensions: &Extensions) -> ClientCertificate {
        match extensions.get::<Self>() {
            Some(chain) => ClientCertificate::Chain(chain.0.iter().map(|one| one.to_vec()).collect()),
            None => ClientCertificate::None,
        }
    }
}
