//! Shares: what their receiver decides, and what their sender sees to before.
//!
//! ```no_run
//! use portcullis_host::ocm::addresses::Peers;
//! use portcullis_host::ocm::discovery::Document;
//! use portcullis_host::ocm::requests::{Refusal, Request, SignedRequest};
//! use portcullis_host::ocm::shares::{Contacts, Received, Receiver, ShareAnswer, SignedBy};
//! use portcullis_host::{HostError, Portcullis};
//!
//! /// Takes a share whose signature verified: what to keep, and the answer.
//! fn take(
//!     portcullis: &mut Portcullis,
//!     request: &Request,
//!     signed: &SignedRequest,
//!     (own, sender): (&Document, &Document),
//!     peers: &Peers,
//!     now: u64,
//! ) -> Result<Result<(Received, String), Refusal>, HostError> {
//!     let receiver = Receiver {
//!         host: "cloud.example.org".into(),
//!         signed_by: SignedBy::Host(signed.signer.clone()),
//!         contacts: Contacts::Unasked,
//!     };
//!     let taken = match portcullis.receive_ocm_share(&request.body, &receiver, (own, sender), peers, now)? {
//!         Ok(taken) => taken,
//!         Err(refusal) => return Ok(Err(refusal)),
//!     };
//!     let name = ShareAnswer { recipient_display_name: "Marie".into(), recipient_public_keys: None };
//!     Ok(Ok((taken, portcullis.write_ocm_share_answer(&name)?)))
//! }
//! ```

pub use crate::bindings::exports::portcullis::ocm::shares::{
    Access, AccessTypes, Contacts, CreationReport, HeldShare, Permissions, Protocol, Protocols, Received, Receiver,
    Report, RequestForShare, Requirements, Share, ShareAnswer, ShareState, ShareType, SignedBy, Ssh, Webapp, Webdav,
};

use super::addresses::Peers;
use super::discovery::Document;
use super::requests::Refusal;
use crate::error::HostError;
use crate::portcullis::{Portcullis, Verdict};

impl HeldShare {
    /// What a server keeps of a share that was taken, or that it has sent.
    #[must_use]
    pub fn of(share: Share, state: ShareState) -> Self {
        Self {
            provider_id: share.provider_id,
            owner: share.owner,
            sender: share.sender,
            share_with: share.share_with,
            resource_type: Some(share.resource_type),
            expiration: share.expiration,
            protocols: Some(share.protocols),
            state,
        }
    }
}

/// Open Cloud Mesh: shares. Of two documents the first is the receiver's, the second the sender's.
impl Portcullis {
    /// Decides about a share for the server that gets it, at a time in seconds since 1970. `notification` is the body of the request
    /// that told of it.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A [`Refusal`] says which status answers the share.
    pub fn receive_ocm_share(
        &mut self,
        notification: &[u8],
        receiver: &Receiver,
        documents: (&Document, &Document),
        peers: &Peers,
        at: u64,
    ) -> Result<Result<Received, Refusal>, HostError> {
        let peers = self.recreated_ocm_peers(peers)?;
        let (own, sender) = self.recreated_ocm_documents(documents)?;
        self.sandbox.call(|store, bound| {
            let guest = bound.exports.portcullis_ocm_shares();
            guest.call_receive(store, notification, receiver, own, sender, peers, at)
        })
    }

    /// The same as [`receive_ocm_share`](Self::receive_ocm_share), with each check told. Slower; for people.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn explain_ocm_share(
        &mut self,
        notification: &[u8],
        receiver: &Receiver,
        documents: (&Document, &Document),
        peers: &Peers,
        at: u64,
    ) -> Result<Report, HostError> {
        let peers = self.recreated_ocm_peers(peers)?;
        let (own, sender) = self.recreated_ocm_documents(documents)?;
        self.sandbox.call(|store, bound| {
            let guest = bound.exports.portcullis_ocm_shares();
            guest.call_explain(store, notification, receiver, own, sender, peers, at)
        })
    }

    /// What a sender sees to before it sends a share, at a time in seconds since 1970: that the receiver takes it, as its document
    /// says.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A share that is not to be sent is a [`Verdict`].
    pub fn check_ocm_share_creation(
        &mut self,
        notification: &[u8],
        documents: (&Document, &Document),
        peers: &Peers,
        at: u64,
    ) -> Result<Verdict<Share>, HostError> {
        let peers = self.recreated_ocm_peers(peers)?;
        let (receiver, own) = self.recreated_ocm_documents(documents)?;
        self.sandbox.call(|store, bound| {
            let guest = bound.exports.portcullis_ocm_shares();
            guest.call_check_creation(store, notification, receiver, own, peers, at)
        })
    }

    /// The same as [`check_ocm_share_creation`](Self::check_ocm_share_creation), with each check told. Slower; for people.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn explain_ocm_share_creation(
        &mut self,
        notification: &[u8],
        documents: (&Document, &Document),
        peers: &Peers,
        at: u64,
    ) -> Result<CreationReport, HostError> {
        let peers = self.recreated_ocm_peers(peers)?;
        let (receiver, own) = self.recreated_ocm_documents(documents)?;
        self.sandbox.call(|store, bound| {
            let guest = bound.exports.portcullis_ocm_shares();
            guest.call_explain_creation(store, notification, receiver, own, peers, at)
        })
    }

    /// Whether a share grants that it be shared further.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A share that does not grant it is a [`Verdict`].
    pub fn check_ocm_reshare(&mut self, notification: &[u8], peers: &Peers) -> Result<Verdict<()>, HostError> {
        let peers = self.recreated_ocm_peers(peers)?;
        self.sandbox
            .call(|store, bound| bound.exports.portcullis_ocm_shares().call_check_reshare(store, notification, peers))
    }

    /// The body of the answer to a share that was taken, which goes with status 201.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn write_ocm_share_answer(&mut self, answer: &ShareAnswer) -> Result<String, HostError> {
        self.sandbox.call(|store, bound| bound.exports.portcullis_ocm_shares().call_write_answer(store, answer))
    }

    /// Reads the answer to a share, at its sender.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A share that was not taken is a [`Verdict`].
    pub fn read_ocm_share_answer(
        &mut self,
        notification: &[u8],
        peers: &Peers,
        status: u16,
        body: &[u8],
    ) -> Result<Verdict<ShareAnswer>, HostError> {
        let peers = self.recreated_ocm_peers(peers)?;
        self.sandbox.call(|store, bound| {
            bound.exports.portcullis_ocm_shares().call_read_answer(store, notification, peers, status, body)
        })
    }

    /// Reads a request for a share, which `signer` signed, at the server `host`. Nothing is granted by asking.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A [`Refusal`] says which status answers the request.
    pub fn read_ocm_request_for_share(
        &mut self,
        body: &[u8],
        signer: &str,
        host: &str,
    ) -> Result<Result<RequestForShare, Refusal>, HostError> {
        self.sandbox
            .call(|store, bound| bound.exports.portcullis_ocm_shares().call_read_request(store, body, signer, host))
    }
}
