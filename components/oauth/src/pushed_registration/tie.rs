//! The requests after the pushed one, held to it: the authorization request (section 3.2) and the token requests (sections 3.3
//! and 3.4). All dynamic clients have one identifier, so what ties them together is the `request_uri`, the code verifier and the
//! key.

use alloc::{format, rc::Rc, vec::Vec};

use portcullis_client::authenticate::UsedProof;
use portcullis_crypto::Backend;
use portcullis_token::{dpop, mtls};
use portcullis_types::{
    Rejection, Timestamp,
    json::Object,
    limits::excerpt,
    trace::{Trace, check},
};

use super::{
    BoundKey, CodeChallenge, Expectations, PushedCode, PushedKey, Refused, Request,
    answer::{Fault, Faulted},
    key,
    parameters::Parameters,
    verify::used,
};

/// What the server kept of a pushed request, under its `request_uri` first, and then under the code and the refresh token that came
/// of it.
#[derive(Debug, Clone, Copy)]
pub struct Pending<'p> {
    /// The `request_uri` that the server answered with.
    pub request_uri: &'p str,
    /// From when on it does not hold, in seconds since 1970.
    pub expires_at: Timestamp,
    /// Whether it was used before.
    pub used: bool,
    /// The pushed `redirect_uri`.
    pub redirect_uri: &'p str,
    /// The pushed `code_challenge`.
    pub code_challenge: CodeChallenge,
    /// The pushed key.
    pub key: Option<BoundKey>,
}

/// A token request that goes on from a pushed one.
#[derive(Debug, Clone, PartialEq)]
pub struct Tied {
    /// What the tokens are bound to: their claim `cnf`, proved by this request. Absent where no key was pushed.
    pub confirmation: Option<Object>,
    /// The proofs that came with the request, each of which may be used once. It is for the host to remember them.
    pub proofs: Vec<UsedProof>,
}

/// Holds an authorization request to the pushed one: `parameters` are those of its query, decoded. With a refusal no browser is
/// to be redirected: where to is not known.
///
/// Errors: `par.parameter_repeated`, `par.client_id_*`, `par.tie_*`.
pub fn tie_authorization(
    parameters: &[(&str, &str)],
    pending: &Pending<'_>,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<(), Refused> {
    authorization(parameters, pending, at, trace).map_err(|faulted| faulted.answered(&[]))
}

/// Holds a token request, with a code or with a refresh token, to the pushed request: the same client can prove the same key, and
/// knows the verifier. That the code or token is one that came of it is how the server found `pending`.
///
/// Errors: `par.parameter_repeated`, `par.client_id_*`, `par.client_credential`, `par.tie_*`, `par.code_verifier_*`; `dpop.*`, `mtls.*`; `token.*`, `base64.*`,
/// `json.*`, `key.*` and `crypto.*` for a proof.
pub fn tie_token(
    request: &Request<'_>,
    pending: &Pending<'_>,
    expect: &Expectations<'_>,
    at: Timestamp,
    backend: &Rc<dyn Backend>,
    trace: &mut dyn Trace,
) -> Result<Tied, Refused> {
    token(request, pending, expect, at, backend, trace).map_err(|faulted| faulted.answered(expect.nonces))
}

fn authorization(
    parameters: &[(&str, &str)],
    pending: &Pending<'_>,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<(), Faulted> {
    let parameters = dynamic(parameters, trace)?;
    let section = "draft-richer-oauth-pushed-client-registration-00 section 3.2";
    let same = match parameters.get("request_uri") {
        Some(given) if given == pending.request_uri => Ok(()),
        Some(_) => Err(Rejection::new(PushedCode::TieRequestUri, "request_uri is not the one of the pushed request")),
        None => Err(Rejection::new(PushedCode::TieRequestUri, "there is no request_uri")),
    };
    check(trace, "request_uri", section, same, |()| "that of the pushed request".into())
        .map_err(Fault::Reference.of())?;
    let other = parameters.iter().find(|(name, _)| !matches!(*name, "client_id" | "request_uri"));
    let alone = match other {
        None => Ok(()),
        Some((name, _)) => {
            let what = format!("there is {}, and everything else was pushed", excerpt(name));
            Err(Rejection::new(PushedCode::TieParameter, what))
        }
    };
    check(trace, "nothing besides", section, alone, |()| "client_id and request_uri".into())
        .map_err(Fault::Request.of())?;
    check(trace, "request_uri lasts", "RFC 9126 section 2.2", lasts(pending, at), |()| {
        format!("until {}", pending.expires_at)
    })
    .map_err(Fault::Reference.of())
}

/// The `request_uri` has not expired (RFC 9126 section 2.2) and serves once (section 4).
fn lasts(pending: &Pending<'_>, at: Timestamp) -> Result<(), Rejection> {
    if at >= pending.expires_at {
        let what = format!("the request_uri ended at {} and it is {at}", pending.expires_at);
        return Err(Rejection::new(PushedCode::TieExpired, what));
    }
    match pending.used {
        true => Err(Rejection::new(PushedCode::TieUsed, "the request_uri was used before")),
        false => Ok(()),
    }
}

fn token(
    request: &Request<'_>,
    pending: &Pending<'_>,
    expect: &Expectations<'_>,
    at: Timestamp,
    backend: &Rc<dyn Backend>,
    trace: &mut dyn Trace,
) -> Result<Tied, Faulted> {
    let parameters = dynamic(request.form, trace)?;
    let section = "draft-richer-oauth-pushed-client-registration-00 section 4";
    let credential = parameters.check_no_credential(request.headers);
    check(trace, "no credential", section, credential, |()| "none".into()).map_err(Fault::Request.of())?;
    let section = "draft-richer-oauth-pushed-client-registration-00 sections 3.3 and 3.4";
    let grant = check(trace, "grant type", section, Grant::of(&parameters), |grant| match grant {
        Grant::Code => "a code".into(),
        Grant::Refresh => "a refresh token".into(),
    })
    .map_err(Fault::GrantType.of())?;
    if grant == Grant::Code {
        check(trace, "redirect URI", "RFC 6749 section 4.1.3", redirect(&parameters, pending), |()| {
            "the pushed one, or left out".into()
        })
        .map_err(Fault::Grant.of())?;
        let verified = verifier(&parameters, pending);
        check(trace, "code verifier", "RFC 7636 section 4.6", verified, |()| "that of the challenge".into()).map_err(
            |rejection| match rejection.is(PushedCode::VerifierMismatch) {
                true => Faulted(rejection, Fault::Grant),
                false => Faulted(rejection, Fault::Request),
            },
        )?;
    }
    same_key(request, pending, expect, at, backend, trace)
}

/// A request of a dynamic client, its parameters there once (section 4).
fn dynamic<'r>(form: &'r [(&'r str, &'r str)], trace: &mut dyn Trace) -> Result<Parameters<'r>, Faulted> {
    let parameters = check(trace, "parameters", "RFC 6749 section 3.1", Parameters::of(form), |_| "each once".into())
        .map_err(Fault::Request.of())?;
    let section = "draft-richer-oauth-pushed-client-registration-00 section 4";
    check(trace, "client_id", section, parameters.check_client_id(), |()| "that of dynamic clients".into())
        .map_err(Fault::Request.of())?;
    Ok(parameters)
}

/// What a token request goes on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grant {
    /// An authorization code (section 3.3).
    Code,
    /// A refresh token (section 3.4).
    Refresh,
}

impl Grant {
    fn of(parameters: &Parameters<'_>) -> Result<Self, Rejection> {
        match parameters.get("grant_type") {
            Some("authorization_code") => Ok(Self::Code),
            Some("refresh_token") => Ok(Self::Refresh),
            Some(other) => {
                let what = format!("grant_type is {}", excerpt(other));
                Err(Rejection::new(PushedCode::TieGrantType, what))
            }
            None => Err(Rejection::new(PushedCode::TieGrantType, "there is no grant_type")),
        }
    }
}

/// `redirect_uri`, where it is there, is the pushed one (RFC 6749 section 4.1.3). The draft's own requests leave it out: what was
/// pushed nobody else could change.
fn redirect(parameters: &Parameters<'_>, pending: &Pending<'_>) -> Result<(), Rejection> {
    match parameters.get("redirect_uri") {
        Some(given) if given != pending.redirect_uri => {
            Err(Rejection::new(PushedCode::TieRedirectUri, "redirect_uri is not the pushed one"))
        }
        _ => Ok(()),
    }
}

/// `code_verifier` is that of the pushed challenge (RFC 7636 sections 4.5 and 4.6).
fn verifier(parameters: &Parameters<'_>, pending: &Pending<'_>) -> Result<(), Rejection> {
    let missing = || Rejection::new(PushedCode::VerifierMissing, "there is no code_verifier");
    pending.code_challenge.check(parameters.get("code_verifier").ok_or_else(missing)?)
}

/// The request proves the pushed key (sections 3.1 and 3.3, RFC 9449 section 10, RFC 8705 section 3). One that proves a key
/// where none was pushed wants a bound token without having said so in time.
fn same_key(
    request: &Request<'_>,
    pending: &Pending<'_>,
    expect: &Expectations<'_>,
    at: Timestamp,
    backend: &Rc<dyn Backend>,
    trace: &mut dyn Trace,
) -> Result<Tied, Faulted> {
    let pushed = pending.key.map(|bound| bound.key);
    if !matches!(pushed, Some(PushedKey::Dpop(_))) && key::has_proof(request.headers) {
        let what = "the request has a DPoP proof, and no DPoP key was pushed";
        let refused = Rejection::new(PushedCode::TieKeyNotPushed, what);
        trace.failed("pushed key", &refused);
        return Err(Faulted(refused, Fault::Grant));
    }
    let confirmation = pushed.map(|key| key.to_confirmation());
    match pushed {
        None => Ok(Tied { confirmation, proofs: Vec::new() }),
        Some(PushedKey::Certificate(bound)) => {
            let same = mtls::check(&bound, request.certificate.as_ref());
            check(trace, "pushed key", "RFC 8705 section 3", same, |()| "the certificate of the connection".into())
                .map_err(Fault::Grant.of())?;
            Ok(Tied { confirmation, proofs: Vec::new() })
        }
        Some(PushedKey::Dpop(thumbprint)) => {
            let sent = dpop::Request { headers: request.headers, method: request.method, url: request.url };
            let expect = dpop::Expectations { thumbprint: Some(thumbprint), ..expect.of_dpop() };
            let made = dpop::verify(&sent, &expect, at, backend);
            let proof = check(trace, "pushed key", "RFC 9449 section 10", made, |proof| proof.algorithm.name().into())
                .map_err(|rejection| match rejection.is(portcullis_token::TokenCode::DpopKeyMismatch) {
                    // RFC 9449 section 10: the code is another key's.
                    true => Faulted(rejection, Fault::Grant),
                    false => Faulted(rejection, Fault::Dpop),
                })?;
            Ok(Tied { confirmation, proofs: Vec::from([used(proof)]) })
        }
    }
}
