//! Signed requests between servers: who sent one, and making one.
//!
//! No key that signs comes in here: what is to be signed goes out, and its signature comes back.
//!
//! ```no_run
//! use portcullis_host::ocm::requests::{Expectations, Refusal, Request, SignedRequest};
//! use portcullis_host::{HostError, KeySet, Portcullis};
//!
//! /// Who sent a request; or the status to answer. `keys_of` gets the keys that a server publishes.
//! fn sender(
//!     portcullis: &mut Portcullis,
//!     request: &Request,
//!     keys_of: impl Fn(&mut Portcullis, &str) -> Option<KeySet>,
//!     now: u64,
//! ) -> Result<Result<SignedRequest, u16>, HostError> {
//!     let status = |refusal| match refusal {
//!         Refusal::Refused(refused) => refused.status,
//!         // A mistake in this program, and nothing that the peer did.
//!         Refusal::Malformed(_) => 503,
//!     };
//!     let host = match portcullis.ocm_sender(request, None)? {
//!         Ok(host) => host,
//!         Err(refusal) => return Ok(Err(status(refusal))),
//!     };
//!     let Some(keys) = keys_of(portcullis, &host) else { return Ok(Err(503)) };
//!     let expect = Expectations::default();
//!     Ok(portcullis.verify_ocm_request(request, &host, &keys, &expect, now)?.map_err(status))
//! }
//! ```

use std::sync::Arc;

use wasmtime::component::ResourceAny;

pub use crate::bindings::exports::portcullis::ocm::requests::{
    Expectations, Refusal, Refused, Report, Request, SignedRequest,
};
pub use crate::bindings::exports::portcullis::types::types::Header;

use crate::Algorithm;
use crate::error::HostError;
use crate::keys::KeySet;
use crate::live::Held;
use crate::portcullis::{Portcullis, Verdict};

impl Default for Expectations {
    /// 300 seconds, and 30 that the clocks may differ.
    fn default() -> Self {
        Self { window: None, skew: None }
    }
}

/// What a signature is made of.
pub(crate) struct Source {
    request: Request,
    keyid: String,
    algorithm: Algorithm,
    at: u64,
}

/// A request that is ready to be signed.
///
/// The host remembers the request, so that it outlives the instance that prepared it, as a [`KeySet`] does. Cheap to clone but for
/// the base.
#[derive(Clone)]
pub struct PreparedRequest {
    held: Arc<Held<Source>>,
    base: String,
}

impl PreparedRequest {
    /// The signature base (RFC 9421 section 2.5): what the key signs.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }
}

impl std::fmt::Debug for PreparedRequest {
    /// Says nothing of the body: it may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PreparedRequest").field("url", &self.held.source.request.url).finish_non_exhaustive()
    }
}

/// Open Cloud Mesh: signed requests.
impl Portcullis {
    /// Who has to have signed a request: `expected`, or else the server that its body speaks for. Its keys are those to verify by.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A [`Refusal`] says which status answers the request.
    pub fn ocm_sender(
        &mut self,
        request: &Request,
        expected: Option<&str>,
    ) -> Result<Result<String, Refusal>, HostError> {
        self.sandbox.call(|store, bound| bound.exports.portcullis_ocm_requests().call_sender(store, request, expected))
    }

    /// The server that the `keyid` of the signature begins with, if it names one. A claim, until the keys of that server verify it.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn ocm_named_sender_untrusted(&mut self, request: &Request) -> Result<Option<String>, HostError> {
        self.sandbox
            .call(|store, bound| bound.exports.portcullis_ocm_requests().call_named_sender_untrusted(store, request))
    }

    /// Verifies a request by the keys of the server that has to have signed it, at a time in seconds since 1970. Where it must not
    /// be carried out twice, remember it until `until`.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A [`Refusal`] says which status answers the request.
    pub fn verify_ocm_request(
        &mut self,
        request: &Request,
        signer: &str,
        keys: &KeySet,
        expect: &Expectations,
        at: u64,
    ) -> Result<Result<SignedRequest, Refusal>, HostError> {
        self.with_keys(keys, |store, exports, keys| {
            exports.portcullis_ocm_requests().call_verify(store, request, signer, keys, *expect, at)
        })
    }

    /// The same as [`verify_ocm_request`](Self::verify_ocm_request), with each check told. Slower; for people.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn explain_ocm_request(
        &mut self,
        request: &Request,
        signer: &str,
        keys: &KeySet,
        expect: &Expectations,
        at: u64,
    ) -> Result<Report, HostError> {
        self.with_keys(keys, |store, exports, keys| {
            exports.portcullis_ocm_requests().call_explain(store, request, signer, keys, *expect, at)
        })
    }

    /// Prepares the signature of a request, made at a time in seconds since 1970: the key then signs the
    /// [base](PreparedRequest::base), and [`finish_ocm_request`](Self::finish_ocm_request) makes the fields of it. `keyid` is the
    /// `kid` of the key in the JWK Set that the server publishes.
    ///
    /// # Errors
    ///
    /// The component could not be asked. What cannot be signed is a [`Verdict`].
    pub fn prepare_ocm_request(
        &mut self,
        request: &Request,
        keyid: &str,
        algorithm: Algorithm,
        at: u64,
    ) -> Result<Verdict<PreparedRequest>, HostError> {
        let held = Held::new(Source { request: request.clone(), keyid: keyid.to_owned(), algorithm, at });
        let live = match self.live_ocm_request(&held)? {
            Ok(live) => live,
            Err(rejection) => return Ok(Err(rejection)),
        };
        let base = self
            .sandbox
            .call(|store, bound| bound.exports.portcullis_ocm_requests().prepared_request().call_base(store, live))?;
        Ok(Ok(PreparedRequest { held, base }))
    }

    /// The header fields to add to the request that was prepared, with the key's signature of the base.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn finish_ocm_request(
        &mut self,
        prepared: &PreparedRequest,
        signature: &[u8],
    ) -> Result<Vec<Header>, HostError> {
        let live = self.live_ocm_request(&prepared.held)?;
        let live = live.map_err(|rejection| HostError::not_recreated("prepared request", rejection))?;
        self.sandbox.call(|store, bound| {
            bound.exports.portcullis_ocm_requests().prepared_request().call_finish(store, live, signature)
        })
    }

    fn live_ocm_request(&mut self, held: &Arc<Held<Source>>) -> Result<Verdict<ResourceAny>, HostError> {
        self.sandbox.call(|store, bound| {
            let guest = bound.exports.portcullis_ocm_requests();
            bound.ocm_requests.get(store, held, |store, source| {
                let Source { request, keyid, algorithm, at } = source;
                guest.prepared_request().call_prepare(store, request, keyid, *algorithm, *at)
            })
        })
    }
}
