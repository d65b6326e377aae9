//! JSON Web Tokens (RFC 7519) with the advice of RFC 8725bis.

use alloc::{format, string::String, vec::Vec};

use portcullis_crypto::{Algorithm, KeySet};
use portcullis_types::{
    Rejection, Timestamp,
    json::Object,
    limits::excerpt,
    trace::{Silent, Trace, check},
};

use crate::{
    TokenCode, at_jwt,
    claims::{Claims, present},
    compact::{self, Compact},
    jws,
};

/// Which document's rules hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// RFC 7519: nothing is required but what [`Expectations`] ask for.
    #[default]
    Jwt,
    /// RFC 9068.
    AtJwt,
}

/// What the relying party wants to see. What is `None` or empty is not looked at, an empty `audience` apart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Expectations {
    /// The profile.
    pub profile: Profile,
    /// The media type in the header's `typ`.
    pub typ: Option<String>,
    /// The `iss` claim, byte by byte.
    pub issuer: Option<String>,
    /// Acceptable audiences, one of which has to be in `aud`. An empty list accepts none.
    pub audience: Option<Vec<String>>,
    /// Acceptable algorithms; without it, every one but the MACs.
    pub algorithms: Option<Vec<Algorithm>>,
    /// How far the clocks may differ, in seconds, at most 2^53 − 1.
    pub leeway: u64,
    /// The greatest age in seconds, counted from `iat`.
    pub max_age: Option<u64>,
    /// Claims that have to be there and not `null`.
    pub required_claims: Vec<String>,
}

/// A token that verified and meets the expectations.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedJwt {
    /// The header's members.
    pub header: Object,
    /// The header's JSON text, as it was signed.
    pub header_text: String,
    /// The claims.
    pub claims: Claims,
    /// The claims' JSON text, as it was signed.
    pub claims_text: String,
    /// The algorithm that verified it.
    pub algorithm: Algorithm,
    /// The `kid` of the key that verified it.
    pub kid: Option<String>,
    /// RFC 7638 thumbprint of that key; absent for a symmetric one.
    pub thumbprint: Option<[u8; 32]>,
}

/// What a token says of itself, none of it verified.
#[derive(Debug, Clone, PartialEq)]
pub struct Untrusted {
    /// The header's JSON text.
    pub header_text: String,
    /// The payload's JSON text, if it is one object.
    pub claims_text: Option<String>,
    /// The payload.
    pub payload: Vec<u8>,
    /// Length of the signature in bytes.
    pub signature_length: usize,
}

/// Verifies a token and its claims at a time.
///
/// Errors: those of [`jws::parse_and_verify`], and `token.*` for the claims.
pub fn parse_and_verify(
    token: &[u8],
    keys: &KeySet,
    expect: &Expectations,
    at: Timestamp,
) -> Result<VerifiedJwt, Rejection> {
    verify(token, keys, expect, at, &mut Silent)
}

/// The same, telling each check to a [`Trace`].
pub fn verify(
    token: &[u8],
    keys: &KeySet,
    expect: &Expectations,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<VerifiedJwt, Rejection> {
    let compact = check(trace, "form", "RFC 7515 section 7.1", compact::parse(token), |compact| {
        format!("three parts, {} bytes of claims", compact.payload.len())
    })?;
    verify_compact(compact, keys, expect, at, trace)
}

/// The same for a token that was taken apart already, by who has to look at it to find its keys.
///
/// Errors: those of [`parse_and_verify`] but for the form.
pub fn verify_compact(
    compact: Compact<'_>,
    keys: &KeySet,
    expect: &Expectations,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<VerifiedJwt, Rejection> {
    let mut types = Vec::new();
    if expect.profile == Profile::AtJwt {
        types.push(at_jwt::TYPE);
    }
    types.extend(expect.typ.as_deref());
    let jws = jws::verify(compact, keys, expect.algorithms.as_deref(), Some(&types), trace)?;
    let claims = check(trace, "claims", "RFC 7519 section 4.1", Claims::parse(&jws.payload), |claims| {
        format!("{} claims", claims.members.members().count())
    })?;
    if expect.profile == Profile::AtJwt {
        check(trace, "access token claims", "RFC 9068 section 2.2", at_jwt::check(&claims), |()| String::new())?;
    }
    meet(&claims, expect, at, trace)?;
    Ok(VerifiedJwt {
        header: jws.header,
        header_text: jws.header_text,
        claims,
        // It parsed as JSON, so it is UTF-8.
        claims_text: String::from_utf8(jws.payload).unwrap_or_default(),
        algorithm: jws.algorithm,
        kid: jws.kid,
        thumbprint: jws.thumbprint,
    })
}

/// What `typ` may be where any JWT of an issuer is taken for an access token: none, what says no more than that it is a JWT or a
/// JWS, or an access token. Any other is a token of another kind, which that issuer made for somebody else (RFC 8725bis
/// sections 3.11 and 3.12).
///
/// Errors: `token.type_mismatch`, `token.type_type`, `json.duplicate_name`.
///
/// ```
/// use portcullis_token::jwt::check_general_type;
/// use portcullis_types::json::parse_object;
///
/// assert!(check_general_type(&parse_object(br#"{"alg":"ES256","typ":"JWT"}"#).unwrap()).is_ok());
/// let logout = parse_object(br#"{"alg":"ES256","typ":"logout+jwt"}"#).unwrap();
/// assert_eq!(check_general_type(&logout).unwrap_err().code(), "token.type_mismatch");
/// ```
pub fn check_general_type(header: &Object) -> Result<(), Rejection> {
    if header.get("typ")?.is_none() {
        return Ok(());
    }
    let general = ["JWT", "JOSE", at_jwt::TYPE];
    if general.iter().any(|general| jws::typ(header, general).is_ok()) { Ok(()) } else { jws::typ(header, "JWT") }
}

/// Takes a token apart without verifying anything: for people to look at, never to decide by.
///
/// Errors: those of [`compact::parse`].
pub fn inspect_untrusted(token: &[u8]) -> Result<Untrusted, Rejection> {
    let compact = compact::parse(token)?;
    let is_object = portcullis_types::json::parse_object(&compact.payload).is_ok();
    Ok(Untrusted {
        header_text: compact.header_text,
        claims_text: if is_object { String::from_utf8(compact.payload.clone()).ok() } else { None },
        payload: compact.payload,
        signature_length: compact.signature.len(),
    })
}

/// The claims of a token that verified before against the expectations at another time: what a signature does not cover.
///
/// Errors: `token.issuer_*`, `token.audience_*`, `token.expired`, `token.not_yet_valid`, `token.issued_*`, `token.too_old`,
/// `token.claim_missing`.
pub fn meet(claims: &Claims, expect: &Expectations, at: Timestamp, trace: &mut dyn Trace) -> Result<(), Rejection> {
    if let Some(expected) = &expect.issuer {
        check(trace, "issuer", "RFC 8725bis section 3.8", issuer(claims, expected), |()| expected.clone())?;
    }
    if let Some(expected) = &expect.audience {
        check(trace, "audience", "RFC 7519 section 4.1.3", audience(claims, expected), |found| excerpt(found))?;
    }
    check(trace, "expiry", "RFC 7519 section 4.1.4", expiry(claims, expect.leeway, at), |()| match claims.expires {
        Some(expires) => format!("exp is {expires}, it is {at}"),
        None => "never expires".into(),
    })?;
    check(trace, "not before", "RFC 7519 section 4.1.5", not_before(claims, expect.leeway, at), |()| {
        match claims.not_before {
            Some(date) => format!("nbf is {date}, it is {at}"),
            None => "valid from the start".into(),
        }
    })?;
    if let Some(max_age) = expect.max_age {
        check(trace, "age", "RFC 7519 section 4.1.6", age(claims, max_age, expect.leeway, at), |age| {
            format!("{} seconds of {max_age}", *age as u64)
        })?;
    }
    for name in &expect.required_claims {
        let there = match present(&claims.members, name)? {
            Some(_) => Ok(()),
            None => Err(Rejection::new(TokenCode::ClaimMissing, format!("there is no claim {}", excerpt(name)))),
        };
        check(trace, "required claim", "RFC 7519 section 4", there, |()| name.clone())?;
    }
    Ok(())
}

/// `iss` is the expected issuer, byte by byte (RFC 8725bis section 3.8).
fn issuer(claims: &Claims, expected: &str) -> Result<(), Rejection> {
    match &claims.issuer {
        None => Err(Rejection::new(TokenCode::IssuerMissing, "the token has no iss")),
        Some(issuer) if issuer == expected => Ok(()),
        Some(issuer) => Err(Rejection::new(
            TokenCode::IssuerMismatch,
            format!("iss is {}, expected is {}", excerpt(issuer), excerpt(expected)),
        )),
    }
}

/// `aud` names one of the expected audiences (RFC 7519 section 4.1.3). Which one is the answer.
fn audience<'a>(claims: &'a Claims, expected: &[String]) -> Result<&'a str, Rejection> {
    let Some(audience) = &claims.audience else {
        return Err(Rejection::new(TokenCode::AudienceMissing, "the token has no aud"));
    };
    match audience.iter().find(|one| expected.contains(one)) {
        Some(found) => Ok(found),
        None => Err(Rejection::new(
            TokenCode::AudienceMismatch,
            format!("aud names {} audiences, none of the {} expected", audience.len(), expected.len()),
        )),
    }
}

/// `exp`: expired when `at >= exp + leeway` (RFC 7519 section 4.1.4).
pub(crate) fn expiry(claims: &Claims, leeway: u64, at: Timestamp) -> Result<(), Rejection> {
    match claims.expires {
        Some(expires) if expires.reached(at, leeway) => Err(Rejection::new(
            TokenCode::Expired,
            format!("exp was {expires} and it is {at}, with a leeway of {leeway} seconds"),
        )),
        _ => Ok(()),
    }
}

/// `nbf`: valid from `at >= nbf - leeway` (RFC 7519 section 4.1.5).
pub(crate) fn not_before(claims: &Claims, leeway: u64, at: Timestamp) -> Result<(), Rejection> {
    match claims.not_before {
        Some(date) if date.ahead_of(at, leeway) => Err(Rejection::new(
            TokenCode::NotYetValid,
            format!("nbf is {date} and it is {at}, with a leeway of {leeway} seconds"),
        )),
        _ => Ok(()),
    }
}

/// `iat` against the greatest age; an age that equals it is accepted. Where an age is limited, a token from the future
/// has none and is refused.
fn age(claims: &Claims, max_age: u64, leeway: u64, at: Timestamp) -> Result<f64, Rejection> {
    let Some(issued) = claims.issued_at else {
        return Err(Rejection::new(TokenCode::IssuedAtMissing, "the token has no iat"));
    };
    if issued.ahead_of(at, leeway) {
        return Err(Rejection::new(TokenCode::IssuedInFuture, format!("iat is {issued} and it is {at}")));
    }
    let age = at as f64 - issued.seconds();
    if age > max_age as f64 + leeway as f64 {
        return Err(Rejection::new(
            TokenCode::TooOld,
            format!("the token is {} seconds old, at most {max_age} are accepted", age as u64),
        ));
    }
    Ok(age)
}
