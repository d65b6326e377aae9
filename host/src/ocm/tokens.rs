//! The code flow: a shared secret is exchanged for a token that lasts a short time.
//!
//! ```no_run
//! use portcullis_host::ocm::addresses::Peers;
//! use portcullis_host::ocm::requests::{Expectations, Request};
//! use portcullis_host::ocm::shares::HeldShare;
//! use portcullis_host::ocm::tokens::{Grant, Refusal};
//! use portcullis_host::{HostError, KeySet, Portcullis};
//!
//! /// What a token may be made for; or the status and the error to answer. `keys_of` gets the keys of a server, `find` the share
//! /// of a code.
//! fn exchange(
//!     portcullis: &mut Portcullis,
//!     request: &Request,
//!     keys_of: impl Fn(&mut Portcullis, &str) -> Option<KeySet>,
//!     find: impl Fn(&str) -> Option<HeldShare>,
//!     peers: &Peers,
//!     now: u64,
//! ) -> Result<Result<Grant, (u16, String)>, HostError> {
//!     let answer = |refusal| match refusal {
//!         Refusal::Refused(refused) => (refused.status, refused.error),
//!         // A mistake in this program, and nothing that the client did.
//!         Refusal::Malformed(_) => (503, "temporarily_unavailable".into()),
//!     };
//!     let asked = match portcullis.read_ocm_token_request_untrusted(request)? {
//!         Ok(asked) => asked,
//!         Err(refusal) => return Ok(Err(answer(refusal))),
//!     };
//!     let Some(share) = find(&asked.code) else { return Ok(Err((400, "invalid_grant".into()))) };
//!     let Some(keys) = keys_of(portcullis, &asked.client) else { return Ok(Err((400, "invalid_client".into()))) };
//!     let expect = Expectations::default();
//!     let granted = portcullis.decide_ocm_token_request(request, &share, &keys, peers, &expect, now)?;
//!     Ok(granted.map_err(answer))
//! }
//! ```

pub use crate::bindings::exports::portcullis::ocm::tokens::{
    Grant, Refusal, Refused, Report, TokenAnswer, TokenRequest,
};

use super::addresses::Peers;
use super::requests::{Expectations, Request};
use super::shares::HeldShare;
use crate::error::HostError;
use crate::keys::KeySet;
use crate::portcullis::{Portcullis, Verdict};

/// Open Cloud Mesh: the code flow.
impl Portcullis {
    /// Reads a token request, so that the server finds the share by the code, and the keys of the client. Nothing is verified.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A [`Refusal`] says what answers the request.
    pub fn read_ocm_token_request_untrusted(
        &mut self,
        request: &Request,
    ) -> Result<Result<TokenRequest, Refusal>, HostError> {
        self.sandbox.call(|store, bound| bound.exports.portcullis_ocm_tokens().call_read_untrusted(store, request))
    }

    /// Decides about a token request at a time in seconds since 1970, at the sender's server: its signature by the keys of its
    /// client, and whether that is the server that got the share.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A [`Refusal`] says what answers the request.
    pub fn decide_ocm_token_request(
        &mut self,
        request: &Request,
        share: &HeldShare,
        keys: &KeySet,
        peers: &Peers,
        expect: &Expectations,
        at: u64,
    ) -> Result<Result<Grant, Refusal>, HostError> {
        let peers = self.recreated_ocm_peers(peers)?;
        self.with_keys(keys, |store, exports, keys| {
            exports.portcullis_ocm_tokens().call_decide(store, request, share, keys, peers, *expect, at)
        })
    }

    /// The same as [`decide_ocm_token_request`](Self::decide_ocm_token_request), with each check told. Slower; for people.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn explain_ocm_token_request(
        &mut self,
        request: &Request,
        share: &HeldShare,
        keys: &KeySet,
        peers: &Peers,
        expect: &Expectations,
        at: u64,
    ) -> Result<Report, HostError> {
        let peers = self.recreated_ocm_peers(peers)?;
        self.with_keys(keys, |store, exports, keys| {
            exports.portcullis_ocm_tokens().call_explain(store, request, share, keys, peers, *expect, at)
        })
    }

    /// The body of the answer to a request that was granted, with a token that the server has made. The token lasts for `lifetime`
    /// seconds, or less where the grant ends before.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A token or a lifetime that cannot be is a [`Verdict`].
    pub fn write_ocm_token_answer(
        &mut self,
        grant: &Grant,
        access_token: &str,
        lifetime: u64,
        at: u64,
    ) -> Result<Verdict<String>, HostError> {
        self.sandbox.call(|store, bound| {
            bound.exports.portcullis_ocm_tokens().call_write_answer(store, grant, access_token, lifetime, at)
        })
    }

    /// The body of a token request, to be signed and posted: a form.
    ///
    /// # Errors
    ///
    /// The component could not be asked. What cannot be sent is a [`Verdict`].
    pub fn write_ocm_token_request(&mut self, request: &TokenRequest) -> Result<Verdict<String>, HostError> {
        self.sandbox.call(|store, bound| bound.exports.portcullis_ocm_tokens().call_write_request(store, request))
    }

    /// Reads the answer to a token request, at its client.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A request that was refused is a [`Verdict`].
    pub fn read_ocm_token_answer(&mut self, status: u16, body: &[u8]) -> Result<Verdict<TokenAnswer>, HostError> {
        self.sandbox.call(|store, bound| bound.exports.portcullis_ocm_tokens().call_read_answer(store, status, body))
    }
}
