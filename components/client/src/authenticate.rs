//! Who the client of a request is: the one way in which it says so, verified, and the registered client that it then is.

use alloc::{rc::Rc, string::String, vec::Vec};

use portcullis_crypto::{Algorithm, Backend, KeySet};
use portcullis_svid::{BundleSet, SpiffeId};
use portcullis_token::dpop::DEFAULT_WINDOW;
use portcullis_types::{
    NumericDate, Rejection, Timestamp,
    json::Object,
    trace::{Silent, Trace},
};

use crate::{Challenge, Clients, ErrorAnswer, IdPattern, Method, answer, judge::Judge};

/// Which server the request was sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// An authorization server: its token endpoint, or one that authenticates clients alike.
    AuthorizationServer,
    /// A resource server, to which an attestation is a sign beside the access token.
    ResourceServer,
}

/// A request.
#[derive(Debug, Clone, Copy)]
pub struct Request<'r> {
    /// Names and values of the header fields in the order they were received, repeats included.
    pub headers: &'r [(&'r str, &'r [u8])],
    /// The method, case-sensitive.
    pub method: &'r str,
    /// The absolute URL under which the client reached the server.
    pub url: &'r str,
    /// Names and values of the form, decoded, repeats included. None at a resource server.
    pub form: &'r [(&'r str, &'r str)],
    /// The certificates that the client presented in the TLS handshake, in DER, the leaf first.
    pub certificate_chain: &'r [Vec<u8>],
}

/// What the server wants to see, and whom it knows.
#[derive(Debug, Clone, Copy)]
pub struct Expectations<'e> {
    /// Which server it is.
    pub role: Role,
    /// Its issuer identifier, or the resource identifier of a resource server.
    pub server: &'e str,
    /// The ways to authenticate that it accepts.
    pub methods: &'e [Method],
    /// The registered clients.
    pub clients: &'e Clients,
    /// The client of the request's access token at a resource server, where that is known: the attestation is of it, and of no
    /// other (draft-ietf-oauth-attestation-based-client-auth-11 section 7.1 (7)). An authorization server reads it in the form.
    pub client_id: Option<&'e str>,
    /// SPIFFE IDs that may register on first use (draft-kasselman-oauth-spiffe-01). Empty where none may.
    pub register: &'e [IdPattern],
    /// The keys of the trusted attesters, if any are.
    pub attesters: Option<&'e KeySet>,
    /// The algorithms that are accepted of them; without it, those that go with their keys.
    pub attester_algorithms: Option<&'e [Algorithm]>,
    /// The bundles of the trust domains.
    pub bundles: &'e BundleSet,
    /// The challenges that clients may use in proofs of attestations. With any, one of them is required; the first is told
    /// to a client that has none.
    pub challenges: &'e [Challenge],
    /// The nonces that clients may use in DPoP proofs, likewise.
    pub nonces: &'e [&'e str],
    /// How far the `iat` of a proof may lie from the time of verification, before and after, in seconds.
    pub window: u64,
    /// How far clocks may differ where tokens expire, in seconds.
    pub leeway: u64,
    /// The greatest age of an attestation or WIT-SVID in seconds, counted from `iat`.
    pub attestation_max_age: Option<u64>,
    /// Identifiers (`jti`) of proofs and assertions that were used before.
    pub seen: &'e [&'e str],
}

impl<'e> Expectations<'e> {
    /// Those of a server that accepts nothing yet: no method, no attester, no challenge; the usual window, no leeway.
    pub fn of(role: Role, server: &'e str, clients: &'e Clients, bundles: &'e BundleSet) -> Self {
        Self {
            role,
            server,
            methods: &[],
            clients,
            client_id: None,
            register: &[],
            attesters: None,
            attester_algorithms: None,
            bundles,
            challenges: &[],
            nonces: &[],
            window: DEFAULT_WINDOW,
            leeway: 0,
            attestation_max_age: None,
            seen: &[],
        }
    }
}

/// A client that is who it says.
#[derive(Debug, Clone, PartialEq)]
pub struct Authenticated {
    /// Its identifier.
    pub client_id: String,
    /// How it authenticated.
    pub method: Method,
    /// Whether it is not registered and may register on first use: [`registration`](crate::registration) says what then.
    pub new: bool,
    /// Its SPIFFE ID, where it has one.
    pub spiffe_id: Option<SpiffeId>,
    /// The verified claims of its SVID or attestation; none of a certificate.
    pub claims: Object,
    /// RFC 7638 thumbprint of the key that it proved to hold: that of the attestation or WIT-SVID, or of the certificate.
    /// Refresh tokens are to be bound to it (draft-ietf-oauth-attestation-based-client-auth-11, Refresh token binding).
    pub key: Option<[u8; 32]>,
    /// The proofs that came with the request, each of which may be used once. It is for the host to remember them, after
    /// everything else has passed.
    pub proofs: Vec<UsedProof>,
}

/// A proof that holds, and may be used once.
#[derive(Debug, Clone, PartialEq)]
pub struct UsedProof {
    /// RFC 7638 thumbprint of its key.
    pub thumbprint: [u8; 32],
    /// What it was made for: the server's identifier, or the URL of the request for a DPoP proof.
    pub target: String,
    /// Its `jti`.
    pub id: String,
    /// Its `iat`.
    pub issued_at: NumericDate,
}

/// A request whose client is not known.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// Which rule failed.
    pub rejection: Rejection,
    /// What the client is told.
    pub answer: ErrorAnswer,
}

/// Says who the client of a request is, at a time.
///
/// Errors: `client.*`, `attestation.*`, `pop.*`; `svid.*`, `spiffe.*`, `bundle.*` for SVIDs; `dpop.*`; `token.*`, `base64.*`,
/// `json.*`, `cnf.*`, `key.*`, `crypto.*` for tokens and keys.
///
/// ```
/// use std::rc::Rc;
/// use portcullis_client::{Clients, Method, authenticate::{Expectations, Request, Role, authenticate}};
/// use portcullis_crypto::SoftwareBackend;
/// use portcullis_svid::BundleSet;
///
/// let backend = Rc::new(SoftwareBackend::default()) as _;
/// let (clients, bundles) = (Clients::new(), BundleSet::new());
/// let expect = Expectations {
///     methods: &[Method::SpiffeJwt],
///     ..Expectations::of(Role::AuthorizationServer, "https://as.example", &clients, &bundles)
/// };
/// let form = [("grant_type", "client_credentials"), ("client_secret", "...")];
/// let request =
///     Request { headers: &[], method: "POST", url: "https://as.example/token", form: &form, certificate_chain: &[] };
/// let refused = authenticate(&request, &expect, 1_790_000_000, &backend).unwrap_err();
/// assert_eq!(refused.rejection.code(), "client.credential_other");
/// assert_eq!((refused.answer.status, refused.answer.error), (401, "invalid_client"));
/// ```
pub fn authenticate(
    request: &Request<'_>,
    expect: &Expectations<'_>,
    at: Timestamp,
    backend: &Rc<dyn Backend>,
) -> Result<Authenticated, Refused> {
    explain(request, expect, at, backend, &mut Silent)
}

/// The same, telling each check to a [`Trace`].
pub fn explain(
    request: &Request<'_>,
    expect: &Expectations<'_>,
    at: Timestamp,
    backend: &Rc<dyn Backend>,
    trace: &mut dyn Trace,
) -> Result<Authenticated, Refused> {
    let made = Judge { request, expect, at, backend, trace }.decide();
    made.map_err(|faulted| {
        let answer = answer::answer(&faulted, request, expect);
        Refused { rejection: faulted.0, answer }
    })
}
