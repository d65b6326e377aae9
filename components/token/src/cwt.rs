//! CBOR Web Tokens (RFC 8392), held to the same [`Expectations`] as JSON Web Tokens.
//!
//! The claims are handed out as JSON: registered labels by their names, other integer labels as decimal text, byte
//! strings as base64url. So that nothing can be taken for a registered claim that is none, a text label that is written
//! like one of those names or like a number is refused.
//!
//! ```
//! use std::rc::Rc;
//! use portcullis_crypto::{KeySet, SoftwareBackend};
//! use portcullis_token::{cwt, jwt::Expectations};
//! use portcullis_types::base64url;
//!
//! // RFC 8392 appendix A.3, under the key of A.2.3
//! let token = base64url::decode(
//!     b"0oRDoQEmoFhQpwF1Y29hcDovL2FzLmV4YW1wbGUuY29tAmVlcmlrdwN4GGNvYXA6Ly9saWdodC5leGFtcGxlLmNvbQQaVhKusAUaVhDZ8AYa\
//!       VhDZ8AdCC3FYQFQnwf8o0j-60fKcTHxqVV5gHW-in5F5vD10OLrKylrNCMjU1PlhMWgMQpoB-FlR7O50OlK5tjYyxXIJEg4cnjA",
//! )?;
//! let jwks = br#"{"keys":[{"kty":"EC","crv":"P-256","x":"FDMpzOeGjkFpJ1mc9lo0884v_aVafspp7YkZo5TULw8",
//!                 "y":"YPfxp4DYp4O_t6LdayeW6BKNu87509Fo25Uplxo257k"}]}"#;
//! let keys = KeySet::from_jwks(jwks, &(Rc::new(SoftwareBackend::default()) as _))?;
//! let expect = Expectations { issuer: Some("coap://as.example.com".into()), ..Default::default() };
//!
//! let verified = cwt::parse_and_verify(&token, &keys, &expect, 1_443_945_000)?;
//! assert_eq!(verified.claims.subject.as_deref(), Some("erikw"));
//! let refused = cwt::parse_and_verify(&token, &keys, &expect, 1_444_064_944).unwrap_err();
//! assert_eq!(refused.code(), "token.expired");
//! # Ok::<(), portcullis_types::Rejection>(())
//! ```

use alloc::{boxed::Box, format, string::String, vec::Vec};

use coset::iana::{CborTag, CwtClaimName};
use portcullis_crypto::KeySet;
use portcullis_types::{
    EncodingCode, Rejection, Timestamp, base64url,
    cbor::{self, Label, Map, Value},
    json::Object,
    limits::MAX_COMPACT_TOKEN,
    trace::{Silent, Trace, check},
};

use crate::{
    TokenCode,
    claims::Claims,
    cose::{self, Header, Options, Signer, Structure},
    jwt::{Expectations, Profile, meet},
};

/// A token that verified and meets the expectations.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedCwt {
    /// The protected header, registered labels by their names.
    pub header: Object,
    /// The map of the protected header in CBOR; no bytes for an empty one.
    pub protected: Vec<u8>,
    /// The claims. Their identifier is `cti` in base64url.
    pub claims: Claims,
    /// `cti`
    pub id: Option<Vec<u8>>,
    /// The claims in CBOR, as they were signed.
    pub payload: Vec<u8>,
    /// Which COSE message it is.
    pub structure: Structure,
    /// Who signed.
    pub signers: Vec<Signer>,
}

/// Verifies a token and its claims at a time. It may be in the tag for CWTs around a tagged COSE message, in a COSE
/// message's tag alone, or in none (RFC 8392 section 6).
///
/// Errors: `cwt.*`, `cose.*`, `cbor.*`, `key.*`, `crypto.*`, `token.*` for the claims.
pub fn parse_and_verify(
    token: &[u8],
    keys: &KeySet,
    expect: &Expectations,
    at: Timestamp,
) -> Result<VerifiedCwt, Rejection> {
    verify(token, keys, expect, at, &mut Silent)
}

/// The same, telling each check to a [`Trace`].
pub fn verify(
    token: &[u8],
    keys: &KeySet,
    expect: &Expectations,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<VerifiedCwt, Rejection> {
    if expect.profile == Profile::AtJwt {
        return Err(Rejection::new(TokenCode::CwtProfile, "the profile at+jwt was asked for, and this is a CWT"));
    }
    let item = cose::decode(token, MAX_COMPACT_TOKEN).and_then(untag);
    let item = check(trace, "form", "RFC 8392 section 7.2", item, |_| format!("{} bytes of CBOR", token.len()))?;
    let message = cose::take_apart(item, trace)?;
    let header = cose::read(&message.buckets, trace)?;
    let options =
        Options { algorithms: expect.algorithms.as_deref(), typ: expect.typ.as_deref(), ..Options::default() };
    let (structure, signers) = cose::verify_parts(&message, &header, keys, &options, trace)?;
    check(trace, "header labels", "RFC 9052 section 3.1", header_labels(&header.protected), |()| "plain".into())?;
    let payload = cose::payload(&message, &options)?;
    let (claims, id) = check(trace, "claims", "RFC 8392 section 3", claims(payload, &header), |(claims, _)| {
        format!("{} claims", claims.members.members().count())
    })?;
    meet(&claims, expect, at, trace)?;
    Ok(VerifiedCwt {
        header: header.protected.to_object(cose::name)?,
        protected: header.protected_bytes.into(),
        claims,
        id,
        payload: payload.into(),
        structure,
        signers,
    })
}

/// Verifies a token whose claims are read as CBOR, where they lie: for what is too long to be copied into JSON. `read` gets
/// the protected header and the claims once the signature or MAC has verified; registered claims have their types by
/// then, and nothing else of them has been judged.
///
/// Errors: `cwt.*`, `cose.*`, `cbor.*`, `key.*`, `crypto.*`, `token.*`, those of `read`.
pub fn verify_and_read<T>(
    token: &[u8],
    keys: &KeySet,
    options: &Options<'_>,
    trace: &mut dyn Trace,
    read: impl FnOnce(&Map<'_>, &Map<'_>, &mut dyn Trace) -> Result<T, Rejection>,
) -> Result<T, Rejection> {
    let item = cose::decode(token, options.max_length).and_then(untag);
    let item = check(trace, "form", "RFC 8392 section 7.2", item, |_| format!("{} bytes of CBOR", token.len()))?;
    let message = cose::take_apart(item, trace)?;
    let header = cose::read(&message.buckets, trace)?;
    cose::verify_parts(&message, &header, keys, options, trace)?;
    let payload = cose::payload(&message, options)?;
    let claims = check(trace, "claims", "RFC 8392 section 3", claims_map(payload, &header), |claims| {
        format!("{} claims", claims.len())
    })?;
    read(&header.protected, &claims, trace)
}

/// The tag for CWTs stands around a tagged COSE message (RFC 8392 section 6).
fn untag(item: Value<'_>) -> Result<Value<'_>, Rejection> {
    match item {
        Value::Tag(tag, inner) if tag == CborTag::Cwt as u64 => match *inner {
            Value::Tag(tag, inner) => Ok(Value::Tag(tag, Box::new(*inner))),
            other => Err(Rejection::new(
                TokenCode::CwtTagContent,
                format!("the CWT tag is around {}, not a tagged message", other.kind()),
            )),
        },
        other => Ok(other),
    }
}

/// What a registered claim is (RFC 8392 section 3.1).
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Audience,
    /// A time is a number without a tag around it (RFC 8392 section 2, "NumericDate").
    Time,
    Bytes,
}

/// The claims that are looked at: label, name, type, and the code for another type.
const REGISTERED: &[(CwtClaimName, &str, Kind, TokenCode)] = &[
    (CwtClaimName::Iss, "iss", Kind::Text, TokenCode::IssuerType),
    (CwtClaimName::Sub, "sub", Kind::Text, TokenCode::SubjectType),
    (CwtClaimName::Aud, "aud", Kind::Audience, TokenCode::AudienceType),
    (CwtClaimName::Exp, "exp", Kind::Time, TokenCode::ExpiresType),
    (CwtClaimName::Nbf, "nbf", Kind::Time, TokenCode::NotBeforeType),
    (CwtClaimName::Iat, "iat", Kind::Time, TokenCode::IssuedAtType),
    (CwtClaimName::Cti, "cti", Kind::Bytes, TokenCode::CwtIdType),
];

/// Names of further claims that rules ask for: RFC 8747, RFC 9200 section 8.14, draft-ietf-oauth-status-list section 14.
const NAMED: &[(i64, &str)] = &[
    (CwtClaimName::Cnf as i64, "cnf"),
    (CwtClaimName::Scope as i64, "scope"),
    (CwtClaimName::AceProfile as i64, "ace_profile"),
    (CwtClaimName::CNonce as i64, "cnonce"),
    (CwtClaimName::Exi as i64, "exi"),
    (65533, "status_list"),
    (65534, "ttl"),
    (65535, "status"),
];

/// The name of a registered claim.
///
/// ```
/// assert_eq!(portcullis_token::cwt::claim_name(4), Some("exp"));
/// assert_eq!(portcullis_token::cwt::claim_name(-70000), None);
/// ```
pub fn claim_name(label: i64) -> Option<&'static str> {
    let registered = REGISTERED.iter().map(|(claim, name, ..)| (*claim as i64, *name));
    registered.chain(NAMED.iter().copied()).find(|(known, _)| *known == label).map(|(_, name)| name)
}

/// Reads the claims and `cti`: those of [`claims_map`], as JSON.
fn claims(payload: &[u8], header: &Header<'_>) -> Result<(Claims, Option<Vec<u8>>), Rejection> {
    let map = claims_map(payload, header)?;
    let mut claims = Claims::from_members(map.to_object(claim_name)?)?;
    let id = map.get(CwtClaimName::Cti as i64).and_then(Value::as_bytes);
    claims.id = id.map(base64url::encode);
    Ok((claims, id.map(Into::into)))
}

/// The claims as they came: one map, labels of integers and texts, registered claims of their types.
fn claims_map<'p>(payload: &'p [u8], header: &Header<'_>) -> Result<Map<'p>, Rejection> {
    let value = cbor::parse(payload).map_err(|rejection| {
        if rejection.is(EncodingCode::CborTrailing) {
            return Rejection::new(TokenCode::CwtClaimsTrailing, rejection.detail());
        }
        rejection.within("claims")
    })?;
    let map = match value {
        Value::Map(map) => map,
        other => {
            return Err(Rejection::new(TokenCode::CwtClaimsType, format!("the payload is {}", other.kind())));
        }
    };
    labels(&map)?;
    for (claim, name, kind, code) in REGISTERED {
        check_kind(map.get(*claim as i64), name, *kind, *code)?;
    }
    same_in_header(&map, header)?;
    Ok(map)
}

/// Labels are integers or texts (RFC 8392 section 1.1); and no text is written like what an integer is shown as.
fn labels(map: &Map<'_>) -> Result<(), Rejection> {
    cose::check_labels(map, TokenCode::CwtLabelType)?;
    match map.entries().find_map(|(label, _)| label.as_text().filter(|text| is_shown_name(text))) {
        None => Ok(()),
        Some(text) => Err(Rejection::new(
            TokenCode::CwtLabelName,
            format!("the text label \"{text}\" stands where the registered integer label belongs"),
        )),
    }
}

/// Labels of the protected header that are texts are not written like what a parameter is shown as: whoever reads the
/// header in JSON could not tell `typ` from label 16, which is the one that was checked.
fn header_labels(protected: &Map<'_>) -> Result<(), Rejection> {
    /// The greatest label that `cose::name` knows: `typ`.
    const LAST_NAMED: i64 = 16;
    let shown = |text: &str| is_number(text) || (1..=LAST_NAMED).filter_map(cose::name).any(|name| name == text);
    match protected.entries().find_map(|(label, _)| label.as_text().filter(|text| shown(text))) {
        None => Ok(()),
        Some(text) => Err(Rejection::new(
            TokenCode::CwtLabelName,
            format!("the header's text label \"{text}\" is written like a registered integer label"),
        )),
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// `jti` is the name of the identifier in a JWT, which a CWT has as `cti`.
fn is_shown_name(text: &str) -> bool {
    let named = || REGISTERED.iter().map(|(_, name, ..)| *name).chain(NAMED.iter().map(|(_, name)| *name));
    text == "jti" || named().any(|name| name == text) || is_number(text)
}

fn check_kind(value: Option<&Value<'_>>, name: &str, kind: Kind, code: TokenCode) -> Result<(), Rejection> {
    let Some(value) = value else {
        return Ok(());
    };
    let fits = match (kind, value) {
        (_, Value::Null | Value::Undefined) => {
            return Err(Rejection::new(TokenCode::ClaimNull, format!("{name} is {}", value.kind())));
        }
        (Kind::Text, Value::Text(_)) | (Kind::Bytes, Value::Bytes(_)) => true,
        (Kind::Time, Value::Unsigned(_) | Value::Negative(_) | Value::Float(_)) => true,
        (Kind::Audience, Value::Text(_)) => true,
        (Kind::Audience, Value::Array(items)) => items.iter().all(|item| item.as_text().is_some()),
        _ => false,
    };
    if fits { Ok(()) } else { Err(Rejection::new(code, format!("{name} is {}", value.kind()))) }
}

/// A claim that stands in the header and in the payload has the same value in both (RFC 9597 section 2).
fn same_in_header(claims: &Map<'_>, header: &Header<'_>) -> Result<(), Rejection> {
    let Some(announced) = header.claims() else {
        return Ok(());
    };
    let differs =
        |(label, value): &(&Label<'_>, &Value<'_>)| claims.get_label(label).is_some_and(|signed| signed != *value);
    match announced.entries().find(differs) {
        None => Ok(()),
        Some((label, _)) => {
            let label = label.as_integer().and_then(claim_name).map_or_else(|| format!("{label}"), String::from);
            Err(Rejection::new(TokenCode::CwtClaimsDiffer, format!("{label} differs between header and payload")))
        }
    }
}
