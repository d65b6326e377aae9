//! Registry tokens (distribution: Token Authentication Implementation, Verifying the token).
//!
//! A token is a JWT that `portcullis_token` verifies; what stands here is what registries add. Keys and certificates that
//! a token carries are never trusted for being carried: the key has to be one of the trusted keys, and the one that
//! signed.

use alloc::{boxed::Box, format, rc::Rc, string::String, vec, vec::Vec};

use portcullis_crypto::{Backend, Failed, Key, KeySet, Origin, PreparedKey, PublicKey, Scheme, jwk, spki};
use portcullis_token::{
    compact,
    jwt::{self, Expectations, VerifiedJwt},
    x5c,
};
use portcullis_types::{
    Rejection, Timestamp,
    json::Object,
    trace::{Silent, Trace, check},
};

use super::{Access, allows::allows};
use crate::{ScopeCode, limits::REGISTRY_LEEWAY};

/// What a registry expects of a token.
#[derive(Debug, Clone, PartialEq)]
pub struct Registry {
    /// The token server's name in `iss`, byte by byte.
    pub issuer: String,
    /// The registry's own name, one of those in `aud`, byte by byte.
    pub service: String,
    /// How far the clocks may differ, in seconds.
    pub leeway: u64,
}

impl Registry {
    /// With the leeway of 60 seconds that registries use.
    pub fn new(issuer: &str, service: &str) -> Self {
        Self { issuer: issuer.into(), service: service.into(), leeway: REGISTRY_LEEWAY }
    }
}

/// A registry token that verified and grants what is required.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedToken {
    /// The verified JWT. `sub` is empty or missing where the client was anonymous.
    pub jwt: VerifiedJwt,
    /// What it grants; empty without a claim `access`.
    pub access: Vec<Access>,
}

/// Verifies a token and compares what it grants with what is required ([`super::required::required_for`]).
///
/// In order: form; a carried key or certificate is of the trusted keys; algorithm (never a MAC), `typ` `JWT`, `kid`,
/// signature; `iss`, `aud`, `exp` (required), `nbf`; a key is named, and a carried one has signed; `access`.
///
/// Errors: `token.*`, `key.*`, `crypto.*`, `json.*`, `base64.*` for the JWT; `oci.key_*`, `oci.certificate_*`,
/// `oci.access_*`; `oci.resource_not_granted`, `oci.action_not_granted`, `oci.actions_empty`.
///
/// ```
/// use std::rc::Rc;
/// use portcullis_crypto::{KeySet, SoftwareBackend};
/// use portcullis_scope::oci::{Access, token::{Registry, parse_and_verify}};
///
/// let jwks = br#"{"keys":[{"kty":"EC","crv":"P-256","kid":"es-1",
///     "x":"Kb8DgxaZlRQ9hqUXewuflXvzPAnd4aPckAMDt9Wlyck",
///     "y":"DgT2THCMPSaQFSPLCMAAH1o6KKxo_gkc3eV1OyGv_nk"}]}"#;
/// let keys = KeySet::from_jwks(jwks, &(Rc::new(SoftwareBackend::default()) as _)).unwrap();
/// let token = b"eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiIsImtpZCI6ImVzLTEifQ.eyJpc3MiOiJhdXRoLmV4YW1wbGUuY29tIiwic3ViIjoia\
///     mxoYXduIiwiYXVkIjpbInJlZ2lzdHJ5LmV4YW1wbGUuY29tIiwib3RoZXIiXSwiZXhwIjoxNzkwMDAwMzAwLCJuYmYiOjE3ODk5O\
///     Tk5OTAsImlhdCI6MTc4OTk5OTk5MCwianRpIjoieCIsImFjY2VzcyI6W3sidHlwZSI6InJlcG9zaXRvcnkiLCJuYW1lIjoiYS9iI\
///     iwiYWN0aW9ucyI6WyJwdWxsIl19XX0.KF0aL47VqvQOV6yNac_CVkVQZlptEFMcmco_8welKzrJNYZhAkJ0TsdP5vGaC_i13fBTv\
///     OQSJwcJFlY8KlkW1g";
/// let registry = Registry::new("auth.example.com", "registry.example.com");
/// let pull = [Access::repository("a/b", &["pull"])];
/// assert!(parse_and_verify(token, &keys, &registry, &pull, 1_790_000_000).is_ok());
/// let push = [Access::repository("a/b", &["push"])];
/// let rejection = parse_and_verify(token, &keys, &registry, &push, 1_790_000_000).unwrap_err();
/// assert_eq!(rejection.code(), "oci.action_not_granted");
/// ```
pub fn parse_and_verify(
    token: &[u8],
    keys: &KeySet,
    registry: &Registry,
    required: &[Access],
    at: Timestamp,
) -> Result<VerifiedToken, Rejection> {
    verify(token, keys, registry, required, at, &mut Silent)
}

/// The same, telling each check to a [`Trace`].
pub fn verify(
    token: &[u8],
    keys: &KeySet,
    registry: &Registry,
    required: &[Access],
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<VerifiedToken, Rejection> {
    let expect = Expectations {
        issuer: Some(registry.issuer.clone()),
        audience: Some(vec![registry.service.clone()]),
        leeway: registry.leeway,
        ..expectations()
    };
    let jwt = verify_jwt(token, keys, &expect, at, trace)?;
    let granted =
        check(trace, "access claim", IMPLEMENTATION, granted(&jwt.claims.members), |granted| match granted {
            Some(access) => format!("{} entries", access.len()),
            None => "none".into(),
        })?;
    let enough = match &granted {
        None if !required.is_empty() => {
            Err(Rejection::new(ScopeCode::OciAccessMissing, "the token has no claim access"))
        }
        granted => allows(granted.as_deref().unwrap_or_default(), required),
    };
    check(trace, "access", "distribution: Token Scope Documentation", enough, |()| {
        format!("{} needed", required.len())
    })?;
    Ok(VerifiedToken { access: granted.unwrap_or_default(), jwt })
}

const IMPLEMENTATION: &str = "distribution: Token Authentication Implementation";

/// What is expected of every registry token (Claim Set): `typ` is `JWT`, and it ends. Who issued it for whom is to be added.
pub fn expectations() -> Expectations {
    Expectations { typ: Some("JWT".into()), required_claims: vec!["exp".into()], ..Expectations::default() }
}

/// Verifies a token without looking at what it grants: whatever [`verify`] does up to the claim `access`.
///
/// Errors: as of [`parse_and_verify`], up to `oci.key_other`.
pub fn verify_jwt(
    token: &[u8],
    keys: &KeySet,
    expect: &Expectations,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<VerifiedJwt, Rejection> {
    let header = compact::parse(token)?.header;
    let carried = check(trace, "carried key", IMPLEMENTATION, carried(&header, keys), |carried| match carried.len() {
        0 => "none".into(),
        _ => "one of the trusted keys".into(),
    })?;
    let jwt = jwt::verify(token, keys, expect, at, trace)?;
    check(trace, "key named", IMPLEMENTATION, named(&jwt, &carried), |()| String::new())?;
    Ok(jwt)
}

/// A key that a token carries, and that is one of the trusted ones.
struct Carried {
    thumbprint: [u8; 32],
    /// The key as the JWK limits it (`use`, `key_ops`, `alg`); a certificate limits nothing here.
    key: Option<Key>,
}

/// `x5c` and `jwk`, where they are there.
fn carried(header: &Object, keys: &KeySet) -> Result<Vec<Carried>, Rejection> {
    let mut carried = Vec::new();
    if let Some(key) = certificate_key(header)? {
        let thumbprint = key.thumbprint();
        if !keys.has_thumbprint(&thumbprint) {
            let what = "the certificate's key is none of the trusted keys";
            return Err(Rejection::new(ScopeCode::OciCertificateUntrusted, what));
        }
        carried.push(Carried { thumbprint, key: None });
    }
    if let Some(value) = header.get("jwk")? {
        let malformed = |what: &str| Rejection::new(ScopeCode::OciKeyMalformed, what);
        let object = value.as_object().ok_or_else(|| malformed("jwk is no object"))?;
        let backend: Rc<dyn Backend> = Rc::new(NoBackend);
        let key = jwk::parse(object, "sig", Origin::Carried, &backend).map_err(|rejection| {
            Rejection::new(ScopeCode::OciKeyMalformed, rejection.detail()).within(rejection.code())
        })?;
        let thumbprint = key.public_key().ok_or_else(|| malformed("jwk is a symmetric key"))?.thumbprint();
        if !keys.has_thumbprint(&thumbprint) {
            let what = "the key in jwk is none of the trusted keys";
            return Err(Rejection::new(ScopeCode::OciKeyUntrusted, what));
        }
        carried.push(Carried { thumbprint, key: Some(key) });
    }
    Ok(carried)
}

/// The key of the first certificate of `x5c` (RFC 7515 section 4.1.6). No path is built: only a key that is trusted by
/// itself counts.
fn certificate_key(header: &Object) -> Result<Option<PublicKey>, Rejection> {
    let malformed = |rejection: Rejection| {
        Rejection::new(ScopeCode::OciCertificateMalformed, rejection.detail()).within(rejection.code())
    };
    match x5c::certificates(header).map_err(malformed)?.as_deref() {
        Some([leaf, ..]) => spki::decode_certificate(leaf).map_err(malformed).map(Some),
        _ => Ok(None),
    }
}

/// The header names a key ("It should have at least one of"), and what it carries is what signed.
fn named(jwt: &VerifiedJwt, carried: &[Carried]) -> Result<(), Rejection> {
    if carried.is_empty() && jwt.header.get("kid")?.is_none() {
        let what = "the header has neither kid nor jwk nor x5c";
        return Err(Rejection::new(ScopeCode::OciKeyUnnamed, what));
    }
    for one in carried {
        if jwt.thumbprint != Some(one.thumbprint) {
            let what = "the token carries another key than the one that signed it";
            return Err(Rejection::new(ScopeCode::OciKeyOther, what));
        }
        if let Some(key) = &one.key {
            key.permits(jwt.algorithm)?;
        }
    }
    Ok(())
}

/// What the claims of a token grant (`access`), if they grant anything.
///
/// Errors: `oci.access_type`, `oci.access_too_many`, `json.duplicate_name`.
pub fn granted(claims: &Object) -> Result<Option<Vec<Access>>, Rejection> {
    claims.get("access")?.map(Access::from_claim).transpose()
}

/// A carried key verifies nothing here; it is only compared.
struct NoBackend;

impl Backend for NoBackend {
    fn prepare(&self, _: Scheme, _: &PublicKey, _: Origin) -> Result<Box<dyn PreparedKey>, Failed> {
        Err(Failed)
    }
}
