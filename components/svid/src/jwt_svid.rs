//! JWT-SVIDs (JWT-SVID, stable): a bearer token that says which workload it was issued to.

use alloc::{format, string::String, vec::Vec};

use portcullis_token::{
    compact,
    jwt::{self, VerifiedJwt},
};
use portcullis_types::{
    NumericDate, Rejection, Timestamp,
    json::{Object, Value},
    limits::excerpt,
    trace::{Silent, Trace, check},
};

use crate::{
    BundleSet, SpiffeId, SvidCode,
    bundle::KeyUse,
    token_key::{self, ALGORITHMS, Sought},
};

/// What the relying party wants to see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expectations {
    /// What the relying party calls itself: one of these has to be in `aud` (section 3.2). An empty list accepts none.
    pub audience: Vec<String>,
    /// How far the clocks may differ, in seconds, at most 2^53 − 1. The text advises a small amount (appendix A).
    pub leeway: u64,
}

/// A JWT-SVID that verified.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedJwtSvid {
    /// Who the token was issued to: `sub`.
    pub spiffe_id: SpiffeId,
    /// Until when it is valid: `exp`.
    pub expires: NumericDate,
    /// The token.
    pub token: VerifiedJwt,
}

/// Verifies a JWT-SVID at a time, with the keys of the bundle of its own trust domain and no other.
///
/// Errors: `svid.*`, `spiffe.*`, `bundle.*`, and those of [`jwt::parse_and_verify`].
///
/// ```
/// use portcullis_svid::{BundleSet, jwt_svid};
///
/// // {"alg":"ES256"} . {"sub":"spiffe://example.org/w"} . no signature
/// let token = b"eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJzcGlmZmU6Ly9leGFtcGxlLm9yZy93In0.";
/// let expect = jwt_svid::Expectations { audience: vec!["reports".into()], leeway: 0 };
/// let refused = jwt_svid::parse_and_verify(token, &BundleSet::new(), &expect, 1_790_000_000).unwrap_err();
/// assert_eq!(refused.code(), "svid.trust_domain_unknown");
/// ```
pub fn parse_and_verify(
    token: &[u8],
    bundles: &BundleSet,
    expect: &Expectations,
    at: Timestamp,
) -> Result<VerifiedJwtSvid, Rejection> {
    verify(token, bundles, expect, at, &mut Silent)
}

/// The same, telling each check to a [`Trace`].
pub fn verify(
    token: &[u8],
    bundles: &BundleSet,
    expect: &Expectations,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<VerifiedJwtSvid, Rejection> {
    let compact = check(trace, "form", "JWT-SVID section 5.1", compact::parse(token), |compact| {
        format!("three parts, {} bytes of claims", compact.payload.len())
    })?;
    check(trace, "header", "JWT-SVID section 2", check_header(&compact.header), |()| "alg, kid and typ alone".into())?;
    let spiffe_id =
        check(trace, "subject", "JWT-SVID section 3.1", token_key::subject(&compact.payload), |id| format!("{id}"))?;
    let trust_domain = spiffe_id.trust_domain();
    let keys = bundles.of(trust_domain).and_then(|bundle| bundle.jwt_keys());
    let keys = check(trace, "trust domain", "SPIFFE-ID section 3.1; JWT-SVID section 6.2", keys, |keys| {
        format!("{} keys of {trust_domain}", keys.entries().len())
    })?;
    let header = compact.header.clone();
    let expectations = jwt::Expectations {
        audience: Some(expect.audience.clone()),
        algorithms: Some(ALGORITHMS.to_vec()),
        leeway: expect.leeway,
        ..jwt::Expectations::default()
    };
    let sought = Sought { header: &header, wanted: KeyUse::Jwt, trust_domain, bundles };
    let token = jwt::verify_compact(compact, keys, &expectations, at, &mut sought.trace(trace))
        .map_err(|refused| sought.explain(refused))?;
    let expires =
        check(trace, "expiry is there", "JWT-SVID section 3.3", token_key::expires(&token), |_| String::new())?;
    Ok(VerifiedJwtSvid { spiffe_id, expires, token })
}

/// The header has `alg`, `kid` and `typ` and nothing else (section 2), and `typ` is one of two texts if it is there (section
/// 2.3): the text names them, so no other spelling of them is taken. `crit` always refuses a token, with a reason of its
/// own, and so is left to the rule of RFC 7515.
///
/// Errors: `svid.key_in_header`, `svid.jwt_header`, `svid.jwt_type`, `json.duplicate_name`.
fn check_header(header: &Object) -> Result<(), Rejection> {
    match header.get("typ")? {
        None => {}
        Some(Value::String(typ)) if matches!(typ.as_str(), "JWT" | "JOSE") => {}
        Some(Value::String(typ)) => {
            return Err(Rejection::new(SvidCode::JwtType, format!("typ is {}, not JWT or JOSE", excerpt(typ))));
        }
        Some(other) => return Err(Rejection::new(SvidCode::JwtType, format!("typ is {}", other.kind()))),
    }
    if header.get("crit")?.is_some() {
        return Ok(());
    }
    if let Some(name) = token_key::brings_key(header)? {
        return Err(Rejection::new(SvidCode::KeyInHeader, format!("the token brings a key along in {name}")));
    }
    match header.members().find(|(name, _)| !matches!(*name, "alg" | "kid" | "typ")) {
        None => Ok(()),
        Some((name, _)) => Err(Rejection::new(SvidCode::JwtHeader, format!("the header has {}", excerpt(name)))),
    }
}
