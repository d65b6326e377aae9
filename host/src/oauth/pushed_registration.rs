//! Clients that register with their pushed request (draft-richer-oauth-pushed-client-registration-00).
//!
//! ```no_run
//! use portcullis_host::client::Request;
//! use portcullis_host::oauth::pushed_registration::{Expectations, PushPolicy, PushedRequest, Refusal};
//! use portcullis_host::{HostError, Portcullis};
//!
//! /// A pushed request that may go on, to be kept under a new `request_uri`; or what to answer it.
//! fn push(
//!     portcullis: &mut Portcullis,
//!     request: &Request,
//!     policy: &PushPolicy,
//!     now: u64,
//! ) -> Result<Result<PushedRequest, (u16, String)>, HostError> {
//!     let judged = portcullis.verify_pushed_request(request, policy, &Expectations::default(), now)?;
//!     Ok(judged.map_err(|refusal| match refusal {
//!         Refusal::Refused(refused) => (refused.answer.status, refused.answer.body),
//!         // A mistake in this program, and nothing that the client did.
//!         Refusal::Malformed(_) => (503, String::new()),
//!     }))
//! }
//! ```

use std::sync::Arc;

use wasmtime::component::ResourceAny;

pub use crate::bindings::exports::portcullis::oauth::pushed_registration::{
    AuthorizationRequest, BoundKey, Expectations, Pending, PushedKey, PushedRequest, Refusal, Refused, Report, Tied,
    TokenReport, Voucher,
};

use super::Source;
use crate::client::{Parameter, Request};
use crate::error::HostError;
use crate::live::Held;
use crate::portcullis::{Portcullis, Verdict};

impl Default for Expectations {
    /// No challenge, no nonce, the usual window, nothing used before.
    fn default() -> Self {
        Self { challenges: Vec::new(), nonces: Vec::new(), window: None, seen: Vec::new() }
    }
}

/// What an operator lets dynamic clients do.
///
/// The host remembers the document, so a policy outlives the instance that read it, as a [`KeySet`](crate::KeySet) does. Cheap to
/// clone; clones are the same policy.
#[derive(Clone)]
pub struct PushPolicy {
    held: Arc<Held<Source>>,
    enabled: bool,
}

impl PushPolicy {
    /// Whether there are dynamic clients: what a server publishes as `pushed_client_registration_supported`.
    #[must_use]
    pub fn enabled(&self) -> bool {
        self.enabled
    }
}

impl std::fmt::Debug for PushPolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PushPolicy").field("enabled", &self.enabled).finish_non_exhaustive()
    }
}

/// Pushed client registration.
impl Portcullis {
    /// Reads what an operator lets dynamic clients do: UTF-8 JSON, with the members of `docs/pushed-registration.md`.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A policy that is refused is a [`Verdict`].
    pub fn push_policy(&mut self, document: &[u8]) -> Result<Verdict<PushPolicy>, HostError> {
        let held = Held::new(document.to_vec());
        let live = match self.live_push_policy(&held)? {
            Ok(live) => live,
            Err(rejection) => return Ok(Err(rejection)),
        };
        let enabled = self.sandbox.call(|store, bound| {
            bound.exports.portcullis_oauth_pushed_registration().policy().call_enabled(store, live)
        })?;
        Ok(Ok(PushPolicy { held, enabled }))
    }

    /// Judges a pushed request at a time in seconds since 1970. Its `proofs` are to be remembered after everything else has passed.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A [`Refusal`] says what the client is told.
    pub fn verify_pushed_request(
        &mut self,
        request: &Request,
        policy: &PushPolicy,
        expect: &Expectations,
        at: u64,
    ) -> Result<Result<PushedRequest, Refusal>, HostError> {
        let policy = self.recreated_push_policy(policy)?;
        self.sandbox.call(|store, bound| {
            bound.exports.portcullis_oauth_pushed_registration().call_verify(store, request, policy, expect, at)
        })
    }

    /// The same as [`verify_pushed_request`](Self::verify_pushed_request), with each check told. Slower; for people.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn explain_pushed_request(
        &mut self,
        request: &Request,
        policy: &PushPolicy,
        expect: &Expectations,
        at: u64,
    ) -> Result<Report, HostError> {
        let policy = self.recreated_push_policy(policy)?;
        self.sandbox.call(|store, bound| {
            bound.exports.portcullis_oauth_pushed_registration().call_explain(store, request, policy, expect, at)
        })
    }

    /// Holds an authorization request to the pushed one, at a time in seconds since 1970. `parameters` are those of its query,
    /// decoded.
    ///
    /// # Errors
    ///
    /// The component could not be asked. With a [`Refusal`] no browser is redirected.
    pub fn tie_authorization_request(
        &mut self,
        parameters: &[Parameter],
        pending: &Pending,
        at: u64,
    ) -> Result<Result<(), Refusal>, HostError> {
        self.sandbox.call(|store, bound| {
            let guest = bound.exports.portcullis_oauth_pushed_registration();
            guest.call_tie_authorization(store, parameters, pending, at)
        })
    }

    /// Holds a token request, with a code or with a refresh token, to the pushed request, at a time in seconds since 1970.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A [`Refusal`] says what the client is told.
    pub fn tie_token_request(
        &mut self,
        request: &Request,
        pending: &Pending,
        expect: &Expectations,
        at: u64,
    ) -> Result<Result<Tied, Refusal>, HostError> {
        self.sandbox.call(|store, bound| {
            bound.exports.portcullis_oauth_pushed_registration().call_tie_token(store, request, pending, expect, at)
        })
    }

    /// The same as [`tie_token_request`](Self::tie_token_request), with each check told. Slower; for people.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn explain_token_request(
        &mut self,
        request: &Request,
        pending: &Pending,
        expect: &Expectations,
        at: u64,
    ) -> Result<TokenReport, HostError> {
        self.sandbox.call(|store, bound| {
            bound.exports.portcullis_oauth_pushed_registration().call_explain_token(store, request, pending, expect, at)
        })
    }

    fn live_push_policy(&mut self, held: &Arc<Held<Source>>) -> Result<Verdict<ResourceAny>, HostError> {
        self.sandbox.call(|store, bound| {
            let guest = bound.exports.portcullis_oauth_pushed_registration();
            bound.pushes.get(store, held, |store, source| guest.policy().call_parse(store, source))
        })
    }

    fn recreated_push_policy(&mut self, policy: &PushPolicy) -> Result<ResourceAny, HostError> {
        let live = self.live_push_policy(&policy.held)?;
        live.map_err(|rejection| HostError::not_recreated("push policy", rejection))
    }
}
