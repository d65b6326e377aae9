//! Clients that authenticate by an SVID (draft-ietf-oauth-spiffe-client-auth-02 section 3).
//!
//! Keys come from the bundle of the SPIFFE ID's own trust domain and from nowhere else (section 6): what an `iss` says is
//! not looked at, nothing is discovered by it, and the system's certificate authorities have no part.

use alloc::{format, rc::Rc, string::String, vec::Vec};

use portcullis_crypto::Backend;
use portcullis_svid::{
    BundleSet, SpiffeId,
    jwt_svid::{self, VerifiedJwtSvid},
    x509_svid::{self, VerifiedX509Svid},
};
use portcullis_types::{
    Rejection, Timestamp,
    limits::excerpt,
    trace::{Trace, check},
};

use crate::ClientCode;

/// The `client_assertion_type` of a JWT-SVID (section 3.1).
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe";

/// Verifies a JWT-SVID as a client's assertion (section 3.1): the SVID itself, for the authorization server alone.
///
/// `server` is its issuer identifier, `leeway` how far clocks may differ, `seen` holds identifiers (`jti`) of assertions
/// that must not come again: SVIDs have none where they are meant to be used more than once.
///
/// Errors: `client.audience_not_sole`, `client.replayed`, and those of [`jwt_svid::verify`].
pub fn verify_jwt(
    assertion: &[u8],
    bundles: &BundleSet,
    server: &str,
    leeway: u64,
    seen: &[&str],
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<VerifiedJwtSvid, Rejection> {
    let expect = jwt_svid::Expectations { audience: Vec::from([server.into()]), leeway };
    let verified = jwt_svid::verify(assertion, bundles, &expect, at, trace)?;
    let section = "draft-ietf-oauth-spiffe-client-auth-02 section 3.1";
    check(trace, "sole audience", section, sole_audience(&verified), |()| "nobody else's".into())?;
    check(trace, "assertion used once", "RFC 7523 section 3 (7)", unused(&verified, seen), |()| {
        "not seen here".into()
    })?;
    Ok(verified)
}

/// Verifies an X.509-SVID as the certificate of the client's connection (section 3.2), against the `client_id` of the
/// request.
///
/// Errors: `client.certificate_id_*`, and those of [`x509_svid::verify`].
pub fn verify_x509(
    chain: &[impl AsRef<[u8]>],
    client_id: Option<&str>,
    bundles: &BundleSet,
    backend: &Rc<dyn Backend>,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<VerifiedX509Svid, Rejection> {
    let verified = x509_svid::verify(chain, bundles, backend, at, trace)?;
    let section = "draft-ietf-oauth-spiffe-client-auth-02 section 3.2";
    check(trace, "client_id", section, same_id(client_id, &verified.spiffe_id), |()| {
        String::from(verified.spiffe_id.as_str())
    })?;
    Ok(verified)
}

/// `aud` has one value (section 3.1). That it is the server was judged with the SVID.
fn sole_audience(verified: &VerifiedJwtSvid) -> Result<(), Rejection> {
    match verified.token.claims.audience.as_deref() {
        Some([_]) => Ok(()),
        other => {
            let what = format!("aud has {} values, not one", other.map_or(0, <[String]>::len));
            Err(Rejection::new(ClientCode::AudienceNotSole, what))
        }
    }
}

/// The assertion was not used before, where it has an identifier and the server remembers them.
fn unused(verified: &VerifiedJwtSvid, seen: &[&str]) -> Result<(), Rejection> {
    match &verified.token.claims.id {
        Some(id) if seen.contains(&id.as_str()) => {
            Err(Rejection::new(ClientCode::Replayed, "an assertion with this jti was used before"))
        }
        _ => Ok(()),
    }
}

/// The request's `client_id` is there and is the certificate's SPIFFE ID (section 3.2).
fn same_id(client_id: Option<&str>, spiffe_id: &SpiffeId) -> Result<(), Rejection> {
    match client_id {
        None => {
            let what = "the request has no client_id, which has to be the certificate's SPIFFE ID";
            Err(Rejection::new(ClientCode::CertificateIdMissing, what))
        }
        Some(client_id) if client_id == spiffe_id.as_str() => Ok(()),
        Some(client_id) => {
            let what = format!("client_id is {}, the certificate's SPIFFE ID is {spiffe_id}", excerpt(client_id));
            Err(Rejection::new(ClientCode::CertificateIdMismatch, what))
        }
    }
}
