//! Access to a shared resource: what the receiver does next, and what opens it at the sender.
//!
//! ```no_run
//! use portcullis_host::ocm::access::{Credential, IssuedToken, Opened};
//! use portcullis_host::ocm::addresses::Peers;
//! use portcullis_host::ocm::requests::Request;
//! use portcullis_host::ocm::shares::HeldShare;
//! use portcullis_host::{HostError, Portcullis, Verdict};
//!
//! /// Whether a WebDAV request opens a share, at its sender.
//! fn opens(
//!     portcullis: &mut Portcullis,
//!     request: &Request,
//!     share: &HeldShare,
//!     issued: &[IssuedToken],
//!     peers: &Peers,
//!     now: u64,
//! ) -> Result<Verdict<Opened>, HostError> {
//!     let credential = Credential::Headers(request.headers.clone());
//!     portcullis.open_ocm_share(share, issued, &credential, Some(&request.method), peers, now)
//! }
//! ```

pub use crate::bindings::exports::portcullis::ocm::access::{
    Credential, ExchangedToken, IssuedToken, Opened, Presentation, Progress, Step,
};

use super::addresses::Peers;
use super::discovery::Document;
use super::shares::{HeldShare, Protocol};
use crate::error::HostError;
use crate::portcullis::{Portcullis, Verdict};

impl Default for Progress {
    /// Nothing yet.
    fn default() -> Self {
        Self { mfa: false, token: None, refused: false }
    }
}

/// What of a share the receiver wants to get at.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'w> {
    /// The share.
    pub share: &'w HeldShare,
    /// The protocol.
    pub protocol: Protocol,
    /// A path in a shared folder.
    pub inside: Option<&'w str>,
}

/// Open Cloud Mesh: access.
impl Portcullis {
    /// What the receiver does next to get at a share, at a time in seconds since 1970. `sender` is the discovery document of the
    /// sender's server.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A share that cannot be opened is a [`Verdict`].
    pub fn next_ocm_step(
        &mut self,
        wanted: Wanted<'_>,
        sender: &Document,
        progress: &Progress,
        peers: &Peers,
        at: u64,
    ) -> Result<Verdict<Step>, HostError> {
        let peers = self.recreated_ocm_peers(peers)?;
        let sender = self.recreated_ocm_document(sender)?;
        let Wanted { share, protocol, inside } = wanted;
        self.sandbox.call(|store, bound| {
            let guest = bound.exports.portcullis_ocm_access();
            guest.call_next(store, share, protocol, sender, inside, progress, peers, at)
        })
    }

    /// Whether a credential opens the resource of a share at the sender's server, at a time in seconds since 1970: a token that was
    /// issued for it, or the shared secret where the share does not require that it be exchanged.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A credential that opens nothing is a [`Verdict`].
    pub fn open_ocm_share(
        &mut self,
        share: &HeldShare,
        issued: &[IssuedToken],
        credential: &Credential,
        method: Option<&str>,
        peers: &Peers,
        at: u64,
    ) -> Result<Verdict<Opened>, HostError> {
        let peers = self.recreated_ocm_peers(peers)?;
        self.sandbox.call(|store, bound| {
            let guest = bound.exports.portcullis_ocm_access();
            guest.call_open(store, share, issued, credential, method, peers, at)
        })
    }
}
