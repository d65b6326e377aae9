//! What a client that was refused is told (RFC 9126 section 2.3, RFC 6749 sections 4.1.2.1 and 5.2, RFC 7591 section 3.2.2,
//! RFC 9449 section 5).

use alloc::vec::Vec;

use portcullis_client::ErrorAnswer;
use portcullis_crypto::CryptoCode;
use portcullis_token::dpop;
use portcullis_types::Rejection;

use super::{PushedCode, Refused};

/// When a client may come again, in seconds, where nobody knows whether its signature holds: the time in which a signature
/// library recovers or an instance is replaced.
const RETRY_AFTER: &str = "5";

/// What a refusal is about, which decides OAuth's error code.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Fault {
    /// The request itself.
    Request,
    /// Who the client is.
    Client,
    /// The response type.
    ResponseType,
    /// The scope.
    Scope,
    /// The client's metadata.
    Metadata,
    /// Its software statement.
    Statement,
    /// The DPoP proof.
    Dpop,
    /// What the authorization request refers to.
    Reference,
    /// The code or refresh token of a token request, and what it goes with.
    Grant,
    /// The grant type of a token request.
    GrantType,
    /// Something that brings its own answer.
    Answered(ErrorAnswer),
}

/// A rejection with what it is about.
#[derive(Debug)]
pub(super) struct Faulted(pub(super) Rejection, pub(super) Fault);

impl Fault {
    /// For `map_err`.
    pub(super) fn of(self) -> impl Fn(Rejection) -> Faulted {
        move |rejection| Faulted(rejection, self.clone())
    }
}

impl Faulted {
    /// With the answer. The nonces are those that a client may use in its DPoP proofs; the first is told to one that has none.
    pub(super) fn answered(self, nonces: &[&str]) -> Refused {
        let Self(rejection, fault) = self;
        let mut headers = Vec::new();
        if rejection.is(CryptoCode::BackendFailed) {
            headers.push(("Retry-After", RETRY_AFTER.into()));
            return Refused {
                rejection,
                answer: ErrorAnswer { status: 503, error: "temporarily_unavailable", headers },
            };
        }
        let (status, error) = match fault {
            Fault::Answered(answer) => return Refused { rejection, answer },
            Fault::Request if rejection.is(PushedCode::Method) => {
                headers.push(("Allow", "POST".into()));
                (405, "invalid_request")
            }
            Fault::Request => (400, "invalid_request"),
            Fault::Client => (401, "invalid_client"),
            Fault::ResponseType => (400, "unsupported_response_type"),
            Fault::Scope => (400, "invalid_scope"),
            Fault::Metadata if is_redirect(&rejection) => (400, "invalid_redirect_uri"),
            Fault::Metadata => (400, "invalid_client_metadata"),
            Fault::Statement if rejection.is(PushedCode::StatementNotApproved) => {
                (400, "unapproved_software_statement")
            }
            Fault::Statement => (400, "invalid_software_statement"),
            Fault::Dpop if dpop::wants_nonce(&rejection) => {
                let visible = |nonce: &&&str| nonce.bytes().all(|byte| byte.is_ascii_graphic());
                headers.extend(nonces.first().filter(visible).map(|nonce| ("DPoP-Nonce", (*nonce).into())));
                (400, "use_dpop_nonce")
            }
            Fault::Dpop => (400, "invalid_dpop_proof"),
            Fault::Reference => (400, "invalid_request_uri"),
            Fault::Grant => (400, "invalid_grant"),
            Fault::GrantType => (400, "unsupported_grant_type"),
        };
        Refused { rejection, answer: ErrorAnswer { status, error, headers } }
    }
}

fn is_redirect(rejection: &Rejection) -> bool {
    [
        PushedCode::RedirectUriInvalid,
        PushedCode::RedirectHost,
        PushedCode::RedirectUrisTooMany,
        PushedCode::RedirectUriOther,
    ]
    .into_iter()
    .any(|code| rejection.is(code))
}
