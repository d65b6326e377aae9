//! JSON Web Signature (RFC 7515) with the advice of RFC 8725bis.
//!
//! The rules stand in the order in which they are applied. Keys that a token names or brings along (`jku`, `jwk`,
//! `x5u`, `x5c`) are never looked at: a key comes from the key set or not at all.

use alloc::{format, string::String, vec::Vec};

use portcullis_crypto::{Algorithm, Key, KeySet};
use portcullis_types::{
    Rejection,
    json::{Object, Value},
    limits::excerpt,
    trace::{Silent, Trace, check},
};

use crate::{
    TokenCode,
    compact::{self, Compact},
    media_type,
};

/// A signature that verified.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedJws {
    /// The header's members, names unique at the top level.
    pub header: Object,
    /// The header's JSON text, as it was signed.
    pub header_text: String,
    /// The payload.
    pub payload: Vec<u8>,
    /// The algorithm that verified it.
    pub algorithm: Algorithm,
    /// The `kid` of the key that verified it.
    pub kid: Option<String>,
    /// RFC 7638 thumbprint of that key; absent for a symmetric one.
    pub thumbprint: Option<[u8; 32]>,
}

/// Verifies a compact JWS. `accepted` lists the algorithms; without it, every one but the MACs.
///
/// Errors: `token.*` for the form and the header, `key.*`, `crypto.*`, `json.*`, `base64.*`.
pub fn parse_and_verify(token: &[u8], keys: &KeySet, accepted: Option<&[Algorithm]>) -> Result<VerifiedJws, Rejection> {
    let compact = compact::parse(token)?;
    verify(compact, keys, accepted, None, &mut Silent)
}

/// Verifies a token that was taken apart, with the types it has to have, if any are expected, and tells each check.
///
/// Errors: those of [`parse_and_verify`] but for the form, `token.type_*`.
pub fn verify(
    compact: Compact<'_>,
    keys: &KeySet,
    accepted: Option<&[Algorithm]>,
    types: Option<&[&str]>,
    trace: &mut dyn Trace,
) -> Result<VerifiedJws, Rejection> {
    let header = &compact.header;
    let algorithm = check_header(header, accepted, types, trace)?;
    let kid = check(trace, "key identifier", "RFC 7515 section 4.1.4", key_id(header), |kid| match kid {
        Some(kid) => excerpt(kid),
        None => "none: every key that fits is tried".into(),
    })?;
    let candidates = check(trace, "key", "RFC 7515 section 6", keys.select(kid, algorithm), |candidates| {
        format!("{} of {} keys", candidates.count(), keys.entries().len())
    })?;
    let made = candidates.verify(algorithm, compact.signing_input, &compact.signature);
    let (entry, key) = check(trace, "signature", "RFC 7515 section 5.2", made, |(_, key)| key.kind())?;
    let kid = entry.kid.clone();
    let thumbprint = key.public_key().map(|key| key.thumbprint());
    Ok(VerifiedJws {
        algorithm,
        kid,
        thumbprint,
        header: compact.header,
        header_text: compact.header_text,
        payload: compact.payload,
    })
}

/// Verifies a token that was taken apart with one key that is known already: that of a `cnf`, whose holder proves that they
/// have it. What the header says of keys is not looked at, a `kid` neither.
///
/// Errors: those of [`verify`] but for the choice of a key.
pub fn verify_with_key(
    compact: Compact<'_>,
    key: &Key,
    accepted: Option<&[Algorithm]>,
    types: Option<&[&str]>,
    trace: &mut dyn Trace,
) -> Result<VerifiedJws, Rejection> {
    let algorithm = check_header(&compact.header, accepted, types, trace)?;
    let made = key.verify(algorithm, compact.signing_input, &compact.signature);
    check(trace, "signature", "RFC 7515 section 5.2", made, |()| key.kind())?;
    Ok(VerifiedJws {
        algorithm,
        kid: None,
        thumbprint: key.public_key().map(|key| key.thumbprint()),
        header: compact.header,
        header_text: compact.header_text,
        payload: compact.payload,
    })
}

/// What is judged of a header before a key is chosen.
fn check_header(
    header: &Object,
    accepted: Option<&[Algorithm]>,
    types: Option<&[&str]>,
    trace: &mut dyn Trace,
) -> Result<Algorithm, Rejection> {
    let algorithm = check(trace, "algorithm", "RFC 8725bis section 3.1", algorithm(header, accepted), |algorithm| {
        algorithm.name().into()
    })?;
    check(trace, "critical extensions", "RFC 7515 section 4.1.11", critical(header), |()| "none".into())?;
    for expected in types.unwrap_or_default() {
        check(trace, "type", "RFC 8725bis section 3.11", typ(header, expected), |()| (*expected).into())?;
    }
    Ok(algorithm)
}

/// `alg` (RFC 7515 section 4.1.1, RFC 8725bis sections 3.1 and 3.2).
pub(crate) fn algorithm(header: &Object, accepted: Option<&[Algorithm]>) -> Result<Algorithm, Rejection> {
    let name = match header.get("alg")? {
        None => {
            return Err(Rejection::new(TokenCode::AlgorithmMissing, "the header has no alg"));
        }
        Some(Value::String(name)) => name,
        Some(other) => {
            return Err(Rejection::new(TokenCode::AlgorithmType, format!("alg is {}", other.kind())));
        }
    };
    if name.eq_ignore_ascii_case("none") {
        return Err(Rejection::new(TokenCode::AlgorithmNone, "the token is unsecured"));
    }
    let algorithm = Algorithm::from_name(name)
        .ok_or_else(|| Rejection::new(TokenCode::AlgorithmUnknown, format!("alg {} is not known", excerpt(name))))?;
    match accepted {
        Some(list) if !list.contains(&algorithm) => Err(Rejection::new(
            TokenCode::AlgorithmNotAccepted,
            format!("{} is not one of {}", algorithm.name(), names(list)),
        )),
        None if algorithm.is_mac() => {
            Err(Rejection::new(TokenCode::AlgorithmMac, format!("{} has to be asked for by name", algorithm.name())))
        }
        _ => Ok(algorithm),
    }
}

fn names(list: &[Algorithm]) -> String {
    let names: Vec<&str> = list.iter().map(|algorithm| algorithm.name()).collect();
    names.join(", ")
}

/// Names that RFC 7515 and RFC 7518 define for a JWS header; `crit` must not list them (RFC 7515 section 4.1.11).
const REGISTERED: &[&str] = &["alg", "jku", "jwk", "kid", "x5u", "x5c", "x5t", "x5t#S256", "typ", "cty", "crit"];

/// `crit` (RFC 7515 section 4.1.11) and `b64` (RFC 7797). No extension is understood, so any that is critical refuses
/// the token; which fault it is decides the code.
pub(crate) fn critical(header: &Object) -> Result<(), Rejection> {
    if let Some(b64) = header.get("b64")?
        && *b64 != Value::Bool(true)
    {
        return Err(Rejection::new(TokenCode::UnencodedPayload, "b64 is not true"));
    }
    let Some(crit) = header.get("crit")? else {
        return Ok(());
    };
    let names = crit
        .as_array()
        .ok_or_else(|| Rejection::new(TokenCode::CriticalNotList, format!("crit is {}", crit.kind())))?;
    if names.is_empty() {
        return Err(Rejection::new(TokenCode::CriticalEmpty, "crit is empty"));
    }
    let not_text = |other: &Value| Rejection::new(TokenCode::CriticalNotText, format!("crit lists {}", other.kind()));
    let names = names.iter().map(|name| name.as_str().ok_or_else(|| not_text(name))).collect::<Result<Vec<_>, _>>()?;
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted.len() != names.len() {
        return Err(Rejection::new(TokenCode::CriticalRepeated, "crit lists a name twice"));
    }
    // There is a first one, and whatever it is, it refuses the token.
    let name = names.first().copied().unwrap_or_default();
    let code = if REGISTERED.contains(&name) {
        TokenCode::CriticalRegistered
    } else if header.get(name)?.is_none() {
        TokenCode::CriticalAbsent
    } else {
        TokenCode::CriticalUnknown
    };
    Err(Rejection::new(code, format!("crit lists {}", excerpt(name))))
}

/// `typ` (RFC 7515 section 4.1.9), where a type is expected (RFC 8725bis section 3.11).
pub(crate) fn typ(header: &Object, expected: &str) -> Result<(), Rejection> {
    match header.get("typ")? {
        None => Err(Rejection::new(TokenCode::TypeMissing, format!("the header has no typ, expected is {expected}"))),
        Some(Value::String(typ)) if media_type::same(typ, expected) => Ok(()),
        Some(Value::String(typ)) => {
            Err(Rejection::new(TokenCode::TypeMismatch, format!("typ is {}, expected is {expected}", excerpt(typ))))
        }
        Some(other) => Err(Rejection::new(TokenCode::TypeType, format!("typ is {}", other.kind()))),
    }
}

/// `kid` (RFC 7515 section 4.1.4): a hint which key, never where to find one.
fn key_id(header: &Object) -> Result<Option<&str>, Rejection> {
    match header.get("kid")? {
        None => Ok(None),
        Some(Value::String(kid)) => Ok(Some(kid)),
        Some(other) => Err(Rejection::new(TokenCode::KeyIdType, format!("kid is {}", other.kind()))),
    }
}
