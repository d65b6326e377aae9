//! Who the client of a request is, by workload identity or attestation, and its registration on first use.
//!
//! ```no_run
//! use portcullis_host::client::{ClientSet, Expectations, Method, Refusal, Request, Role};
//! use portcullis_host::svid::BundleSet;
//! use portcullis_host::{HostError, Portcullis};
//!
//! /// The client of a request to a token endpoint; or what to answer it.
//! fn client(
//!     portcullis: &mut Portcullis,
//!     request: &Request,
//!     clients: &ClientSet,
//!     bundles: &BundleSet,
//!     now: u64,
//! ) -> Result<Result<String, (u16, String)>, HostError> {
//!     let expect = Expectations {
//!         methods: vec![Method::SpiffeJwt, Method::SpiffeX509],
//!         ..Expectations::of(Role::AuthorizationServer, "https://as.example")
//!     };
//!     Ok(match portcullis.authenticate_client(request, clients, bundles, None, &expect, now)? {
//!         Ok(client) => Ok(client.client_id),
//!         Err(Refusal::Unauthenticated(refused)) => Err((refused.answer.status, refused.answer.body)),
//!         // A mistake in this program, and nothing that the client did.
//!         Err(Refusal::Malformed(_)) => Err((503, String::new())),
//!     })
//! }
//! ```

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::ResourceAny;

pub use crate::bindings::exports::portcullis::client::client::{
    Authenticated, EndpointAnswer, ErrorAnswer, Expectations, Method, Parameter, Refusal, RegisteredClient, Report,
    Request, Role, Unauthenticated, UsedProof,
};
pub use crate::bindings::exports::portcullis::client::registration::{
    ClientRecord, Flow, Outcome, Refusal as RegistrationRefusal, Registration, Unregistered,
};

use crate::bindings::exports::portcullis::client::client::Guest;
use crate::bindings::exports::portcullis::types::types::Rejection;
use crate::error::HostError;
use crate::keys::KeySet;
use crate::live::Held;
use crate::portcullis::{Portcullis, Verdict};
use crate::sandbox::State;
use crate::svid::BundleSet;

impl Expectations {
    /// Those of a server that accepts nothing yet: no method, no challenge; the usual window, no leeway. `server` is
    /// its issuer identifier, or the resource identifier of a resource server.
    #[must_use]
    pub fn of(role: Role, server: &str) -> Self {
        Self {
            role,
            server: server.to_owned(),
            methods: Vec::new(),
            register: Vec::new(),
            challenges: Vec::new(),
            nonces: Vec::new(),
            window: None,
            leeway: 0,
            attestation_max_age: None,
            seen: Vec::new(),
        }
    }
}

impl Default for Flow {
    /// One of which nothing is known.
    fn default() -> Self {
        Self { client_id: None, grant_type: None, redirect_uri: None }
    }
}

/// The clients that are registered.
///
/// The host remembers them, so a set outlives the instance that read it, as a [`KeySet`] does. Cheap to clone; clones
/// are the same set. A set does not change: where clients come and go, make a new one.
#[derive(Clone)]
pub struct ClientSet {
    held: Arc<Held<Source>>,
}

/// The clients of a set.
pub(crate) struct Source(Vec<RegisteredClient>);

impl Source {
    fn make(&self, store: &mut Store<State>, guest: &Guest) -> wasmtime::Result<Result<ResourceAny, Rejection>> {
        let set = guest.clients().call_constructor(&mut *store)?;
        for client in &self.0 {
            if let Err(rejection) = guest.clients().call_add(&mut *store, set, client)? {
                set.resource_drop(&mut *store)?;
                let detail = format!("the client {}: {}", client.client_id, rejection.detail);
                return Ok(Err(Rejection { detail, ..rejection }));
            }
        }
        Ok(Ok(set))
    }
}

impl std::fmt::Debug for ClientSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let clients = self.held.source.0.iter().map(|client| &client.client_id);
        f.debug_list().entries(clients).finish()
    }
}

/// What an operator says about registration on first use.
///
/// The host remembers the document, as of a [`ClientSet`]. Cheap to clone; clones are the same policy.
#[derive(Clone)]
pub struct RegistrationPolicy {
    held: Arc<Held<Vec<u8>>>,
    register: Arc<[String]>,
}

impl RegistrationPolicy {
    /// The SPIFFE IDs that may register, for [`Expectations::register`].
    #[must_use]
    pub fn register(&self) -> &[String] {
        &self.register
    }
}

impl std::fmt::Debug for RegistrationPolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegistrationPolicy").field("register", &self.register).finish_non_exhaustive()
    }
}

/// Client authentication, and registration on first use.
impl Portcullis {
    /// Reads the registered clients. One that is wrong refuses all.
    ///
    /// # Errors
    ///
    /// The component could not be asked. Clients that are refused are a [`Verdict`].
    pub fn client_set(&mut self, clients: &[RegisteredClient]) -> Result<Verdict<ClientSet>, HostError> {
        let set = ClientSet { held: Held::new(Source(clients.to_vec())) };
        Ok(self.live_clients(&set)?.map(|_| set))
    }

    /// Says who the client of a request is, at a time in seconds since 1970. `attesters` are the keys of those whose
    /// attestations are trusted.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A [`Refusal`] says what the client is told.
    pub fn authenticate_client(
        &mut self,
        request: &Request,
        clients: &ClientSet,
        bundles: &BundleSet,
        attesters: Option<&KeySet>,
        expect: &Expectations,
        at: u64,
    ) -> Result<Result<Authenticated, Refusal>, HostError> {
        self.with_trusted_of_clients(clients, bundles, attesters, |store, guest, clients, bundles, attesters| {
            guest.call_authenticate(store, request, clients, bundles, attesters, expect, at)
        })
    }

    /// The same as [`authenticate_client`](Self::authenticate_client), with each check told. Slower; for people.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn explain_client(
        &mut self,
        request: &Request,
        clients: &ClientSet,
        bundles: &BundleSet,
        attesters: Option<&KeySet>,
        expect: &Expectations,
        at: u64,
    ) -> Result<Report, HostError> {
        self.with_trusted_of_clients(clients, bundles, attesters, |store, guest, clients, bundles, attesters| {
            guest.call_explain(store, request, clients, bundles, attesters, expect, at)
        })
    }

    /// Whether a SPIFFE ID is one of those that a pattern means: the client metadata `spiffe_id`.
    ///
    /// # Errors
    ///
    /// The component could not be asked. What is no pattern or no SPIFFE ID is a [`Verdict`].
    pub fn client_pattern_matches(&mut self, pattern: &str, spiffe_id: &str) -> Result<Verdict<bool>, HostError> {
        self.sandbox
            .call(|store, bound| bound.exports.portcullis_client_client().call_matches(store, pattern, spiffe_id))
    }

    /// Answers a request to the challenge endpoint: a POST gets the challenge.
    ///
    /// # Errors
    ///
    /// The component could not be asked. What is no challenge is a [`Verdict`].
    pub fn client_challenge_endpoint(
        &mut self,
        method: &str,
        challenge: &str,
    ) -> Result<Verdict<EndpointAnswer>, HostError> {
        self.sandbox.call(|store, bound| {
            bound.exports.portcullis_client_client().call_challenge_endpoint(store, method, challenge)
        })
    }

    /// Reads what an operator says about registration on first use: UTF-8 JSON.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A policy that is refused is a [`Verdict`].
    pub fn registration_policy(&mut self, document: &[u8]) -> Result<Verdict<RegistrationPolicy>, HostError> {
        let held = Held::new(document.to_vec());
        let live = match self.live_registration_policy(&held)? {
            Ok(live) => live,
            Err(rejection) => return Ok(Err(rejection)),
        };
        let register = self
            .sandbox
            .call(|store, bound| bound.exports.portcullis_client_registration().policy().call_register(store, live))?;
        Ok(Ok(RegistrationPolicy { held, register: register.into() }))
    }

    /// Decides on the registration of a workload that has authenticated, at a time in seconds since 1970. `claims` are
    /// those of its JWT-SVID as JSON text; `stored` is the text of its record, if there is one, ended or not.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A [`RegistrationRefusal`] says what the client is told.
    pub fn decide_registration(
        &mut self,
        spiffe_id: &str,
        claims: Option<&str>,
        stored: Option<&str>,
        flow: &Flow,
        policy: &RegistrationPolicy,
        at: u64,
    ) -> Result<Result<Registration, RegistrationRefusal>, HostError> {
        let policy = self.recreated_registration_policy(policy)?;
        self.sandbox.call(|store, bound| {
            let guest = bound.exports.portcullis_client_registration();
            guest.call_decide(store, spiffe_id, claims, stored, flow, policy, at)
        })
    }

    /// Decides on an authorization request, whose sender is a browser and no workload: where it may be sent back to.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A [`RegistrationRefusal`] says what the browser is told, without a redirect.
    pub fn admit_client_redirect(
        &mut self,
        client_id: &str,
        redirect_uri: Option<&str>,
        stored: Option<&str>,
        policy: &RegistrationPolicy,
        at: u64,
    ) -> Result<Result<String, RegistrationRefusal>, HostError> {
        let policy = self.recreated_registration_policy(policy)?;
        self.sandbox.call(|store, bound| {
            let guest = bound.exports.portcullis_client_registration();
            guest.call_admit_redirect(store, client_id, redirect_uri, stored, policy, at)
        })
    }

    /// Reads the text of a record of a client that was registered on its first use.
    ///
    /// # Errors
    ///
    /// The component could not be asked. What is no record is a [`Verdict`].
    pub fn read_client_record(&mut self, text: &str) -> Result<Verdict<ClientRecord>, HostError> {
        self.sandbox.call(|store, bound| bound.exports.portcullis_client_registration().call_read_record(store, text))
    }

    fn live_clients(&mut self, set: &ClientSet) -> Result<Verdict<ResourceAny>, HostError> {
        self.sandbox.call(|store, bound| {
            let guest = bound.exports.portcullis_client_client();
            bound.clients.get(store, &set.held, |store, source| source.make(store, guest))
        })
    }

    fn live_registration_policy(&mut self, held: &Arc<Held<Vec<u8>>>) -> Result<Verdict<ResourceAny>, HostError> {
        self.sandbox.call(|store, bound| {
            let guest = bound.exports.portcullis_client_registration();
            bound.registrations.get(store, held, |store, source| guest.policy().call_parse(store, source))
        })
    }

    fn recreated_registration_policy(&mut self, policy: &RegistrationPolicy) -> Result<ResourceAny, HostError> {
        let live = self.live_registration_policy(&policy.held)?;
        live.map_err(|rejection| HostError::not_recreated("registration policy", rejection))
    }

    /// The resources of what a server trusts, each made with a deadline of its own.
    fn with_trusted_of_clients<R>(
        &mut self,
        clients: &ClientSet,
        bundles: &BundleSet,
        attesters: Option<&KeySet>,
        call: impl FnOnce(&mut Store<State>, &Guest, ResourceAny, ResourceAny, Option<ResourceAny>) -> wasmtime::Result<R>,
    ) -> Result<R, HostError> {
        let live = self.live_clients(clients)?;
        let clients = live.map_err(|rejection| HostError::not_recreated("set of clients", rejection))?;
        let bundles = self.recreated_bundles(bundles)?;
        let attesters = attesters.map(|keys| self.live_keys(keys)).transpose()?;
        self.sandbox
            .call(|store, bound| call(store, bound.exports.portcullis_client_client(), clients, bundles, attesters))
    }
}
