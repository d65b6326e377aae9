//! What a client that was refused is told (RFC 6749 section 5.2, RFC 6750 section 3, RFC 9449 sections 5 and 8,
//! draft-ietf-oauth-attestation-based-client-auth-11 section 7.4).

use alloc::{format, string::String, vec, vec::Vec};

use portcullis_crypto::CryptoCode;
use portcullis_token::dpop;
use portcullis_types::{
    Rejection,
    json::{self, Object},
};

use crate::{
    ClientCode, attestation,
    authenticate::{Expectations, Request, Role},
    challenge, header,
};

/// When a client may come again, in seconds, where nobody knows whether it is who it says: the time in which a signature
/// library recovers or an instance is replaced.
pub(crate) const RETRY_AFTER: &str = "5";

/// A refusal as an HTTP answer. It says nothing of other clients, keys or names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorAnswer {
    /// The HTTP status.
    pub status: u16,
    /// OAuth's error code.
    pub error: &'static str,
    /// Header fields beside the content type.
    pub headers: Vec<(&'static str, String)>,
}

impl ErrorAnswer {
    /// The body of an authorization server's answer (RFC 6749 section 5.2), for `application/json`.
    pub fn body(&self) -> String {
        json::to_text(&Object::from_members(vec![("error".into(), self.error.into())]))
    }
}

/// What a refusal is about, which decides OAuth's error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The request itself.
    Request,
    /// Who the client is.
    Client,
    /// Its attestation.
    Attestation,
    /// The attestation's proof.
    Pop,
    /// The DPoP proof.
    Dpop,
}

/// A rejection with what it is about.
pub(crate) struct Faulted(pub(crate) Rejection, pub(crate) Fault);

impl Fault {
    /// For `map_err`.
    pub(crate) fn of(self) -> impl Fn(Rejection) -> Faulted {
        move |rejection| Faulted(rejection, self)
    }
}

/// The answer to a request that was refused.
pub(crate) fn answer(faulted: &Faulted, request: &Request<'_>, expect: &Expectations<'_>) -> ErrorAnswer {
    let Faulted(rejection, fault) = faulted;
    if rejection.is(CryptoCode::BackendFailed) {
        let headers = vec![("Retry-After", RETRY_AFTER.into())];
        return ErrorAnswer { status: 503, error: "temporarily_unavailable", headers };
    }
    let at_server = expect.role == Role::AuthorizationServer;
    let mut headers = Vec::new();
    let error = match fault {
        Fault::Request => "invalid_request",
        Fault::Client if at_server => "invalid_client",
        Fault::Attestation if attestation::wants_fresh(rejection) => "use_fresh_attestation",
        Fault::Pop if rejection.is(ClientCode::UseAttestationChallenge) => {
            let given = expect.challenges.first();
            headers.extend(given.map(|given| (challenge::HEADER, given.as_str().into())));
            "use_attestation_challenge"
        }
        Fault::Client | Fault::Attestation | Fault::Pop => "invalid_client_attestation",
        Fault::Dpop if dpop::wants_nonce(rejection) => {
            let visible = |nonce: &&&str| nonce.bytes().all(|byte| byte.is_ascii_graphic());
            headers.extend(expect.nonces.first().filter(visible).map(|nonce| ("DPoP-Nonce", (*nonce).into())));
            "use_dpop_nonce"
        }
        Fault::Dpop => "invalid_dpop_proof",
    };
    // RFC 6749 section 5.2: 400, and 401 for a client that is not known. RFC 6750 section 3.1: 401, and 400 for a request.
    let status = match fault {
        Fault::Request => 400,
        Fault::Client => 401,
        _ if at_server => 400,
        _ => 401,
    };
    if !at_server && status == 401 {
        headers.push(("WWW-Authenticate", format!("{} error=\"{error}\"", scheme(request))));
    }
    ErrorAnswer { status, error, headers }
}

/// The scheme of a resource server's challenge: the one that the client used.
fn scheme(request: &Request<'_>) -> &'static str {
    if header::has(request.headers, "DPoP") { "DPoP" } else { "Bearer" }
}
