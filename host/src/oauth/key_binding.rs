//! Tokens that are bound to a key that nobody proved when they were issued (draft-richer-oauth-tmb-claim-01).
//!
//! ```no_run
//! use portcullis_host::oauth::key_binding::{Binding, BindingPolicy, Moment};
//! use portcullis_host::{HostError, Portcullis, VerifiedJwt};
//!
//! /// Whether a token that was presented is bound to its presenter's key, and was so from the beginning.
//! fn was_proved(
//!     portcullis: &mut Portcullis,
//!     token: &VerifiedJwt,
//!     thumbprint: &[u8],
//!     policy: &BindingPolicy,
//! ) -> Result<bool, HostError> {
//!     let (key, moment) = (Some(thumbprint), Moment::Presentation);
//!     let binding = portcullis.evaluate_binding(&token.claims, key, policy, moment)?;
//!     Ok(binding == Ok(Binding::Proved))
//! }
//! ```

use std::sync::Arc;

use wasmtime::component::ResourceAny;

pub use crate::bindings::exports::portcullis::oauth::key_binding::{
    BindReport, Binding, Bound, Moment, ProvedKey, Report, TokenRequest,
};

use super::Source;
use crate::error::HostError;
use crate::live::Held;
use crate::portcullis::{Portcullis, Verdict};

/// What an operator lets be of keys that nobody proved.
///
/// The host remembers the document, so a policy outlives the instance that read it, as a [`KeySet`](crate::KeySet) does. Cheap to
/// clone; clones are the same policy.
#[derive(Clone)]
pub struct BindingPolicy {
    held: Arc<Held<Source>>,
}

impl std::fmt::Debug for BindingPolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BindingPolicy").field("id", &self.held.id()).finish_non_exhaustive()
    }
}

/// Deferred key binding.
impl Portcullis {
    /// Reads what an operator lets be: UTF-8 JSON, with the members of `docs/key-binding.md`. `{}` lets no key be named that is not
    /// proved.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A policy that is refused is a [`Verdict`].
    pub fn binding_policy(&mut self, document: &[u8]) -> Result<Verdict<BindingPolicy>, HostError> {
        let policy = BindingPolicy { held: Held::new(document.to_vec()) };
        Ok(self.live_binding_policy(&policy)?.map(|_| policy))
    }

    /// Says how a token is bound. `claims` are its own, verified, as JSON text; `proved` is the key that was proved: the RFC 7638
    /// thumbprint of a DPoP key, or the SHA-256 of a certificate, 32 bytes.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A binding that is not accepted is a [`Verdict`].
    pub fn evaluate_binding(
        &mut self,
        claims: &str,
        proved: Option<&[u8]>,
        policy: &BindingPolicy,
        moment: Moment,
    ) -> Result<Verdict<Binding>, HostError> {
        let policy = self.recreated_binding_policy(policy)?;
        self.sandbox.call(|store, bound| {
            bound.exports.portcullis_oauth_key_binding().call_evaluate(store, claims, proved, policy, moment)
        })
    }

    /// The same as [`evaluate_binding`](Self::evaluate_binding), with each check told. Slower; for people.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn explain_binding(
        &mut self,
        claims: &str,
        proved: Option<&[u8]>,
        policy: &BindingPolicy,
        moment: Moment,
    ) -> Result<Report, HostError> {
        let policy = self.recreated_binding_policy(policy)?;
        self.sandbox.call(|store, bound| {
            bound.exports.portcullis_oauth_key_binding().call_explain(store, claims, proved, policy, moment)
        })
    }

    /// Says what a token is to be bound to, by its request.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A request that may not name a key is a [`Verdict`].
    pub fn bind_token(&mut self, request: &TokenRequest, policy: &BindingPolicy) -> Result<Verdict<Bound>, HostError> {
        let policy = self.recreated_binding_policy(policy)?;
        self.sandbox.call(|store, bound| bound.exports.portcullis_oauth_key_binding().call_bind(store, request, policy))
    }

    /// The same as [`bind_token`](Self::bind_token), with each check told. Slower; for people.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn explain_bind_token(
        &mut self,
        request: &TokenRequest,
        policy: &BindingPolicy,
    ) -> Result<BindReport, HostError> {
        let policy = self.recreated_binding_policy(policy)?;
        self.sandbox
            .call(|store, bound| bound.exports.portcullis_oauth_key_binding().call_explain_bind(store, request, policy))
    }

    /// Whether a rule accepts tokens that are bound so: `accepted` are the bindings it names.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A binding that is not among them is a [`Verdict`].
    pub fn check_binding_accepted(&mut self, binding: Binding, accepted: &[Binding]) -> Result<Verdict<()>, HostError> {
        self.sandbox.call(|store, bound| {
            bound.exports.portcullis_oauth_key_binding().call_check_accepted(store, binding, accepted)
        })
    }

    fn live_binding_policy(&mut self, policy: &BindingPolicy) -> Result<Verdict<ResourceAny>, HostError> {
        self.sandbox.call(|store, bound| {
            let guest = bound.exports.portcullis_oauth_key_binding();
            bound.bindings.get(store, &policy.held, |store, source| guest.policy().call_parse(store, source))
        })
    }

    fn recreated_binding_policy(&mut self, policy: &BindingPolicy) -> Result<ResourceAny, HostError> {
        let live = self.live_binding_policy(policy)?;
        live.map_err(|rejection| HostError::not_recreated("binding policy", rejection))
    }
}
