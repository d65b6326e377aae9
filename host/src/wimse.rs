//! WIMSE: how one workload knows another, by an identity token and a proof of possession of its key.
//!
//! ```no_run
//! use portcullis_host::signature::Header;
//! use portcullis_host::wimse::{ProofExpectations, TrustDomains};
//! use portcullis_host::{HostError, Portcullis, Verdict};
//!
//! /// Which workload sent a request.
//! fn sender(
//!     portcullis: &mut Portcullis,
//!     headers: &[Header],
//!     trusted: &TrustDomains,
//!     now: u64,
//! ) -> Result<Verdict<String>, HostError> {
//!     let expect = ProofExpectations {
//!         audience: vec!["https://service.example/path".into()],
//!         ..ProofExpectations::default()
//!     };
//!     let verified = portcullis.verify_workload_proof(headers, trusted, &expect, now)?;
//!     Ok(verified.map(|proof| proof.identity.subject))
//! }
//! ```

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::ResourceAny;

pub use crate::bindings::exports::portcullis::wimse::identifier::WorkloadIdentifier;
pub use crate::bindings::exports::portcullis::wimse::identity_token::{
    Report as IdentityTokenReport, VerifiedIdentityToken,
};
pub use crate::bindings::exports::portcullis::wimse::message_signature::{
    Expectations as MessageExpectations, RequestReport, ResponseReport, VerifiedMessage,
};
pub use crate::bindings::exports::portcullis::wimse::proof_token::{
    Expectations as ProofExpectations, Report as ProofReport, VerifiedProof,
};

use crate::bindings::Full;
use crate::error::HostError;
use crate::live::Held;
use crate::portcullis::{Portcullis, Verdict};
use crate::sandbox::State;
use crate::signature::{Header, Message, Request, Response};

/// The document that keys of trust domains were read from.
pub(crate) type Source = Vec<u8>;

impl Default for ProofExpectations {
    /// No audience yet, which accepts no proof; proofs of at most five minutes, no leeway.
    fn default() -> Self {
        Self { audience: Vec::new(), other_tokens: Vec::new(), lifetime: None, leeway: 0, seen: Vec::new() }
    }
}

impl Default for MessageExpectations {
    /// No audience yet, which accepts no request; signatures of at most five minutes, no leeway.
    fn default() -> Self {
        Self { audience: Vec::new(), lifetime: None, leeway: 0, seen: Vec::new() }
    }
}

/// The keys of the trust domains that are trusted, each for its own alone.
///
/// The host remembers the document, so a set outlives the instance that read it, as a [`KeySet`](crate::KeySet) does.
/// Cheap to clone; clones are the same set. A set does not change: where keys are renewed, make a new one.
#[derive(Clone)]
pub struct TrustDomains {
    held: Arc<Held<Source>>,
}

impl std::fmt::Debug for TrustDomains {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrustDomains").field("id", &self.held.id()).finish_non_exhaustive()
    }
}

/// Workload identifiers, identity tokens and their proofs.
impl Portcullis {
    /// Reads the keys of trust domains: UTF-8 JSON, an object whose names are scheme and trust domain and whose values
    /// have a JWK Set as `jwks`. One that is wrong refuses all.
    ///
    /// # Errors
    ///
    /// The component could not be asked. Keys that are refused are a [`Verdict`].
    pub fn trust_domains(&mut self, document: &[u8]) -> Result<Verdict<TrustDomains>, HostError> {
        let set = TrustDomains { held: Held::new(document.to_vec()) };
        Ok(self.live_trust_domains(&set)?.map(|_| set))
    }

    /// Reads a Workload Identifier (draft-ietf-wimse-identifier-03).
    ///
    /// # Errors
    ///
    /// The component could not be asked. What is no identifier is a [`Verdict`].
    pub fn parse_workload_identifier(&mut self, text: &str) -> Result<Verdict<WorkloadIdentifier>, HostError> {
        self.sandbox.call(|store, bound| bound.exports.portcullis_wimse_identifier().call_parse(store, text))
    }

    /// Verifies a Workload Identity Token at a time, in seconds since 1970; `leeway` is how far the clocks may differ,
    /// in seconds. It alone proves nothing about who sent it: a proof of possession of its key has to come with it.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A token that is refused is a [`Verdict`].
    pub fn verify_identity_token(
        &mut self,
        token: &[u8],
        trusted: &TrustDomains,
        leeway: u64,
        at: u64,
    ) -> Result<Verdict<VerifiedIdentityToken>, HostError> {
        self.with_trusted(trusted, |store, exports, trusted| {
            exports.portcullis_wimse_identity_token().call_verify(store, token, trusted, leeway, at)
        })
    }

    /// The same as [`verify_identity_token`](Self::verify_identity_token), with each check told. Slower; for people.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn explain_identity_token(
        &mut self,
        token: &[u8],
        trusted: &TrustDomains,
        leeway: u64,
        at: u64,
    ) -> Result<IdentityTokenReport, HostError> {
        self.with_trusted(trusted, |store, exports, trusted| {
            exports.portcullis_wimse_identity_token().call_explain(store, token, trusted, leeway, at)
        })
    }

    /// The Workload Identity Token of a message, not verified: the value of the one field that carries it.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A message with none, or with several, is a [`Verdict`].
    pub fn identity_token_of_untrusted(&mut self, headers: &[Header]) -> Result<Verdict<Vec<u8>>, HostError> {
        self.sandbox.call(|store, bound| {
            bound.exports.portcullis_wimse_identity_token().call_of_headers_untrusted(store, headers)
        })
    }

    /// Verifies the identity token of a request and the Workload Proof Token that came with it
    /// (draft-ietf-wimse-wpt-02), at a time in seconds since 1970. `headers` are the header fields in the order
    /// received, repeats included.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A request that proves nothing is a [`Verdict`].
    pub fn verify_workload_proof(
        &mut self,
        headers: &[Header],
        trusted: &TrustDomains,
        expect: &ProofExpectations,
        at: u64,
    ) -> Result<Verdict<VerifiedProof>, HostError> {
        self.with_trusted(trusted, |store, exports, trusted| {
            exports.portcullis_wimse_proof_token().call_verify(store, headers, trusted, expect, at)
        })
    }

    /// The same as [`verify_workload_proof`](Self::verify_workload_proof), with each check told. Slower; for people.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn explain_workload_proof(
        &mut self,
        headers: &[Header],
        trusted: &TrustDomains,
        expect: &ProofExpectations,
        at: u64,
    ) -> Result<ProofReport, HostError> {
        self.with_trusted(trusted, |store, exports, trusted| {
            exports.portcullis_wimse_proof_token().call_explain(store, headers, trusted, expect, at)
        })
    }

    /// Verifies the identity token of a request and its signature (draft-ietf-wimse-http-signature-07), at a time in
    /// seconds since 1970.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A request that is refused is a [`Verdict`].
    pub fn verify_workload_request(
        &mut self,
        request: &Request,
        trusted: &TrustDomains,
        expect: &MessageExpectations,
        at: u64,
    ) -> Result<Verdict<VerifiedMessage>, HostError> {
        self.with_trusted(trusted, |store, exports, trusted| {
            exports.portcullis_wimse_message_signature().call_verify_request(store, request, trusted, expect, at)
        })
    }

    /// The same as [`verify_workload_request`](Self::verify_workload_request), with each check told. Slower; for
    /// people.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn explain_workload_request(
        &mut self,
        request: &Request,
        trusted: &TrustDomains,
        expect: &MessageExpectations,
        at: u64,
    ) -> Result<RequestReport, HostError> {
        self.with_trusted(trusted, |store, exports, trusted| {
            exports.portcullis_wimse_message_signature().call_explain_request(store, request, trusted, expect, at)
        })
    }

    /// Verifies the identity token of a response and its signature, at a time in seconds since 1970. The response has
    /// to name the request that it answers. Nothing where it is not signed and need not be: it has to be if its request
    /// asked for it, or `required` says so.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A response that is refused is a [`Verdict`].
    pub fn verify_workload_response(
        &mut self,
        response: &Response,
        required: bool,
        trusted: &TrustDomains,
        expect: &MessageExpectations,
        at: u64,
    ) -> Result<Verdict<Option<VerifiedMessage>>, HostError> {
        self.with_trusted(trusted, |store, exports, trusted| {
            let guest = exports.portcullis_wimse_message_signature();
            guest.call_verify_response(store, response, required, trusted, expect, at)
        })
    }

    /// The same as [`verify_workload_response`](Self::verify_workload_response), with each check told. Slower; for
    /// people.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn explain_workload_response(
        &mut self,
        response: &Response,
        required: bool,
        trusted: &TrustDomains,
        expect: &MessageExpectations,
        at: u64,
    ) -> Result<ResponseReport, HostError> {
        self.with_trusted(trusted, |store, exports, trusted| {
            let guest = exports.portcullis_wimse_message_signature();
            guest.call_explain_response(store, response, required, trusted, expect, at)
        })
    }

    /// Whether a message claims to be signed by a workload: it has a signature of WIMSE's kind, or one that cannot be
    /// understood and may be it. Nothing is verified.
    ///
    /// # Errors
    ///
    /// The component could not be asked. Signature fields that cannot be read are a [`Verdict`].
    pub fn is_workload_signed_untrusted(&mut self, message: &Message) -> Result<Verdict<bool>, HostError> {
        self.sandbox.call(|store, bound| {
            bound.exports.portcullis_wimse_message_signature().call_is_signed_untrusted(store, message)
        })
    }

    /// The value of `Accept-Signature` for a server that wants its requests signed by workloads.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn workload_accept_signature(&mut self) -> Result<String, HostError> {
        self.sandbox
            .call(|store, bound| bound.exports.portcullis_wimse_message_signature().call_accept_signature(store))
    }

    /// The set's resource in the living instance, with a deadline of its own: reading many keys takes its time.
    fn live_trust_domains(&mut self, set: &TrustDomains) -> Result<Verdict<ResourceAny>, HostError> {
        self.sandbox.call(|store, bound| {
            let guest = bound.exports.portcullis_wimse_identity_token();
            bound.trusted.get(store, &set.held, |store, source| guest.trust_domains().call_parse(store, source))
        })
    }

    fn with_trusted<R>(
        &mut self,
        set: &TrustDomains,
        call: impl FnOnce(&mut Store<State>, &Full, ResourceAny) -> wasmtime::Result<R>,
    ) -> Result<R, HostError> {
        let live = self.live_trust_domains(set)?;
        let trusted = live.map_err(|rejection| HostError::not_recreated("set of trust domains", rejection))?;
        self.sandbox.call(|store, bound| call(store, &bound.exports, trusted))
    }
}
