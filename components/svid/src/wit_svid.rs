//! WIT-SVIDs (WIT-SVID, incubating, as of July 2026): a token that binds a workload's key to its identity.

use alloc::{format, rc::Rc, string::String};

use portcullis_crypto::Backend;
use portcullis_token::{
    compact,
    jwt::{self, VerifiedJwt},
};
use portcullis_types::{
    NumericDate, Rejection, Timestamp,
    json::Object,
    trace::{Silent, Trace, check},
};

use crate::{
    BundleSet, Confirmation, SpiffeId, SvidCode,
    bundle::KeyUse,
    token_key::{self, ALGORITHMS, Sought},
};

/// The media type in the header (section 2.2).
pub const TYPE: &str = "wit+jwt";

/// A WIT-SVID that verified. It alone proves nothing about who sent it: a proof of possession of
/// [`VerifiedWitSvid::confirmation`] has to come with it (section 4).
#[derive(Debug)]
pub struct VerifiedWitSvid {
    /// Who holds the key: `sub`.
    pub spiffe_id: SpiffeId,
    /// The key whose possession has to be proved.
    pub confirmation: Confirmation,
    /// Until when it is valid: `exp`.
    pub expires: NumericDate,
    /// The token.
    pub token: VerifiedJwt,
}

/// Verifies a WIT-SVID at a time, with the keys of the bundle of its own trust domain and no other. `leeway` is how far the
/// clocks may differ, in seconds, at most 2^53 − 1.
///
/// Errors: `svid.*`, `spiffe.*`, `bundle.*`, `key.*` for the key in `cnf`, and those of [`jwt::parse_and_verify`].
///
/// ```
/// use std::rc::Rc;
/// use portcullis_crypto::SoftwareBackend;
/// use portcullis_svid::{BundleSet, wit_svid};
///
/// let backend = Rc::new(SoftwareBackend::default()) as _;
/// // {"alg":"ES256","typ":"wit+jwt"} . {"sub":"spiffe://example.org/w"} . no signature
/// let token = b"eyJhbGciOiJFUzI1NiIsInR5cCI6IndpdCtqd3QifQ.eyJzdWIiOiJzcGlmZmU6Ly9leGFtcGxlLm9yZy93In0.";
/// let refused = wit_svid::parse_and_verify(token, &BundleSet::new(), 0, &backend, 1_790_000_000).unwrap_err();
/// assert_eq!(refused.code(), "svid.wit_key_id_missing");
/// ```
pub fn parse_and_verify(
    token: &[u8],
    bundles: &BundleSet,
    leeway: u64,
    backend: &Rc<dyn Backend>,
    at: Timestamp,
) -> Result<VerifiedWitSvid, Rejection> {
    verify(token, bundles, leeway, backend, at, &mut Silent)
}

/// The same, telling each check to a [`Trace`].
pub fn verify(
    token: &[u8],
    bundles: &BundleSet,
    leeway: u64,
    backend: &Rc<dyn Backend>,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<VerifiedWitSvid, Rejection> {
    let compact = check(trace, "form", "WIT-SVID section 1", compact::parse(token), |compact| {
        format!("three parts, {} bytes of claims", compact.payload.len())
    })?;
    check(trace, "header", "WIT-SVID section 2.1", check_key_id(&compact.header), |()| "kid is there".into())?;
    let spiffe_id =
        check(trace, "subject", "WIT-SVID section 3.1", token_key::subject(&compact.payload), |id| format!("{id}"))?;
    let trust_domain = spiffe_id.trust_domain();
    let keys = bundles.of(trust_domain).and_then(|bundle| bundle.wit_keys());
    let keys = check(trace, "trust domain", "SPIFFE-ID section 3.1; WIT-SVID section 6.2", keys, |keys| {
        format!("{} keys of {trust_domain}", keys.entries().len())
    })?;
    let header = compact.header.clone();
    let expectations = jwt::Expectations {
        typ: Some(TYPE.into()),
        algorithms: Some(ALGORITHMS.to_vec()),
        leeway,
        ..jwt::Expectations::default()
    };
    let sought = Sought { header: &header, wanted: KeyUse::Wit, trust_domain, bundles };
    let token = jwt::verify_compact(compact, keys, &expectations, at, &mut sought.trace(trace))
        .map_err(|refused| sought.explain(refused))?;
    let expires =
        check(trace, "expiry is there", "WIT-SVID section 3.4", token_key::expires(&token), |_| String::new())?;
    check(trace, "no audience", "WIT-SVID section 3.8", check_audience(&token), |()| String::new())?;
    let confirmation = Confirmation::of(&token.claims.members, &ALGORITHMS, backend);
    let confirmation = check(trace, "confirmation", "WIT-SVID section 3.2", confirmation, |confirmation| {
        format!("{} for {}", confirmation.key.kind(), confirmation.algorithm.name())
    })?;
    Ok(VerifiedWitSvid { spiffe_id, confirmation, expires, token })
}

/// `kid` is there (section 2.1). Its type is judged where it is used.
fn check_key_id(header: &Object) -> Result<(), Rejection> {
    match header.get("kid")? {
        Some(_) => Ok(()),
        None => Err(Rejection::new(SvidCode::WitKeyIdMissing, "the header has no kid")),
    }
}

/// `aud` is not there (section 3.8).
fn check_audience(token: &VerifiedJwt) -> Result<(), Rejection> {
    match token.claims.audience {
        None => Ok(()),
        Some(_) => Err(Rejection::new(SvidCode::WitAudience, "the token has an aud")),
    }
}
