//! Invites: their text, their acceptance, and the contacts that come of it.
//!
//! ```no_run
//! use portcullis_host::ocm::addresses::{Contact, Peers};
//! use portcullis_host::ocm::invites::HeldInvite;
//! use portcullis_host::ocm::requests::{Refusal, Request, SignedRequest};
//! use portcullis_host::{HostError, Portcullis};
//!
//! /// Accepts an invite whose acceptance verified; `find` gets the one that is kept under a token. The state of the invite has to
//! /// become `accepted` in the same transaction.
//! fn accept(
//!     portcullis: &mut Portcullis,
//!     request: &Request,
//!     signed: &SignedRequest,
//!     find: impl Fn(&str) -> Option<HeldInvite>,
//!     peers: &Peers,
//!     now: u64,
//! ) -> Result<Result<Contact, Refusal>, HostError> {
//!     let told = match portcullis.read_ocm_acceptance(&request.body)? {
//!         Ok(told) => told,
//!         Err(refusal) => return Ok(Err(refusal)),
//!     };
//!     portcullis.accept_ocm_invite(&request.body, find(&told.token).as_ref(), &signed.signer, peers, now)
//! }
//! ```

pub use crate::bindings::exports::portcullis::ocm::invites::{Acceptance, HeldInvite, Invite, InviteState, Report};

use super::addresses::{Contact, Peers};
use super::discovery::Document;
use super::requests::Refusal;
use crate::error::HostError;
use crate::portcullis::{Portcullis, Verdict};

/// Open Cloud Mesh: invites.
impl Portcullis {
    /// Reads the text of an invite, or the link to a page that asks people where they are from.
    ///
    /// # Errors
    ///
    /// The component could not be asked. What is no invite is a [`Verdict`].
    pub fn read_ocm_invite(&mut self, text: &str, peers: &Peers) -> Result<Verdict<Invite>, HostError> {
        let peers = self.recreated_ocm_peers(peers)?;
        self.sandbox.call(|store, bound| bound.exports.portcullis_ocm_invites().call_read(store, text, peers))
    }

    /// The text of an invite, to be sent.
    ///
    /// # Errors
    ///
    /// The component could not be asked. What is no invite is a [`Verdict`].
    pub fn write_ocm_invite(&mut self, invite: &Invite) -> Result<Verdict<String>, HostError> {
        self.sandbox.call(|store, bound| bound.exports.portcullis_ocm_invites().call_write(store, invite))
    }

    /// Where a page that asks people where they are from sends them with an invite, by the document of their own server, `host`.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A server with no such place, or with one elsewhere, is a [`Verdict`].
    pub fn ocm_accept_url(
        &mut self,
        host: &str,
        document: &Document,
        invite: &Invite,
        peers: &Peers,
    ) -> Result<Verdict<String>, HostError> {
        let peers = self.recreated_ocm_peers(peers)?;
        let document = self.recreated_ocm_document(document)?;
        self.sandbox.call(|store, bound| {
            bound.exports.portcullis_ocm_invites().call_accept_url(store, host, document, invite, peers)
        })
    }

    /// The body that tells the server of an invite's sender that it was accepted.
    ///
    /// # Errors
    ///
    /// The component could not be asked. What is no acceptance is a [`Verdict`].
    pub fn write_ocm_acceptance(&mut self, acceptance: &Acceptance) -> Result<Verdict<String>, HostError> {
        self.sandbox
            .call(|store, bound| bound.exports.portcullis_ocm_invites().call_write_acceptance(store, acceptance))
    }

    /// Reads that body, at the server that sent the invite, which then finds the invite by its token.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A [`Refusal`] says which status answers the request.
    pub fn read_ocm_acceptance(&mut self, body: &[u8]) -> Result<Result<Acceptance, Refusal>, HostError> {
        self.sandbox.call(|store, bound| bound.exports.portcullis_ocm_invites().call_read_acceptance(store, body))
    }

    /// Accepts an invite at a time in seconds since 1970, at the server that sent it. `signer` is whose signature of the request
    /// verified, `held` the invite that is kept under the token.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A [`Refusal`] says which status answers the request.
    pub fn accept_ocm_invite(
        &mut self,
        body: &[u8],
        held: Option<&HeldInvite>,
        signer: &str,
        peers: &Peers,
        at: u64,
    ) -> Result<Result<Contact, Refusal>, HostError> {
        let peers = self.recreated_ocm_peers(peers)?;
        self.sandbox.call(|store, bound| {
            bound.exports.portcullis_ocm_invites().call_accept(store, body, held, signer, peers, at)
        })
    }

    /// The same as [`accept_ocm_invite`](Self::accept_ocm_invite), with each check told. Slower; for people.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn explain_ocm_acceptance(
        &mut self,
        body: &[u8],
        held: Option<&HeldInvite>,
        signer: &str,
        peers: &Peers,
        at: u64,
    ) -> Result<Report, HostError> {
        let peers = self.recreated_ocm_peers(peers)?;
        self.sandbox.call(|store, bound| {
            bound.exports.portcullis_ocm_invites().call_explain(store, body, held, signer, peers, at)
        })
    }

    /// Reads the answer to an acceptance, at the server of who accepted: the contact for their address book.
    ///
    /// # Errors
    ///
    /// The component could not be asked. An acceptance that was refused is a [`Verdict`].
    pub fn ocm_invite_accepted(
        &mut self,
        invite: &Invite,
        status: u16,
        body: &[u8],
    ) -> Result<Verdict<Contact>, HostError> {
        self.sandbox
            .call(|store, bound| bound.exports.portcullis_ocm_invites().call_accepted(store, invite, status, body))
    }
}
