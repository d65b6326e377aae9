//! The CWT form of a status list token (section 5.2) and the CBOR form of its list (section 4.3).

use alloc::{format, string::String};

use portcullis_crypto::KeySet;
use portcullis_token::{TokenCode, cose, cwt, media_type};
use portcullis_types::{
    NumericDate, Rejection, Timestamp,
    cbor::{self, Map, Value},
    limits::excerpt,
    trace::{Trace, check},
};

use crate::{
    Bits, Options, StatusCode, StatusList,
    claims::{Claims, positive},
    jwt::size,
};

#[cfg(test)]
mod tests;

/// The media type in the protected header (section 5.2), which is written in full in CBOR (RFC 9596 section 2).
pub(crate) const TYPE: &str = "application/statuslist+cwt";

/// COSE_Sign1 (RFC 9052 section 2).
const TAG_SIGN1: u64 = 18;
/// COSE_Mac0 (RFC 9052 section 2).
const TAG_MAC0: u64 = 17;
/// A CWT (RFC 8392 section 6).
const TAG_CWT: u64 = 61;

/// `typ` in a header (RFC 9596 section 5).
pub(crate) const TYP: i64 = 16;

// Claims (RFC 8392 section 4; sections 5.2 and 14.3).
pub(crate) const SUB: i64 = 2;
pub(crate) const EXP: i64 = 4;
const NBF: i64 = 5;
pub(crate) const IAT: i64 = 6;
pub(crate) const TTL: i64 = 65534;
pub(crate) const STATUS_LIST: i64 = 65533;

/// Verifies a token and opens its list.
pub(crate) fn open(
    token: &[u8],
    keys: &KeySet,
    uri: &str,
    at: Timestamp,
    options: &Options,
    trace: &mut dyn Trace,
) -> Result<StatusList, Rejection> {
    let tagged = size(token, options.max_token).and_then(|()| tag(token));
    check(trace, "tag", "draft-ietf-oauth-status-list-21 section 5.2", tagged, |tag| format!("{tag}"))?;
    let message = cose::Options {
        algorithms: options.algorithms.as_deref(),
        max_length: options.max_token,
        ..cose::Options::default()
    };
    cwt::verify_and_read(token, keys, &message, trace, |header, claims, trace| {
        let rule = "draft-ietf-oauth-status-list-21 section 5.2; RFC 9596 section 2";
        check(trace, "type", rule, typ(header, options.content_format), |()| TYPE.into())?;
        let list = list(claims);
        let there = list.as_ref().map(|_| ()).map_err(Clone::clone);
        let lifetime = registered(claims)?.judge(there, uri, at, options.leeway, trace)?;
        let rule = "draft-ietf-oauth-status-list-21 section 5.2";
        let ttl = check(trace, "time to live", rule, ttl(claims), |ttl| match ttl {
            Some(ttl) => format!("{} seconds", *ttl as u64),
            None => "says nothing of it".into(),
        })?;
        let rule = "draft-ietf-oauth-status-list-21 section 4.3";
        let (bits, zlib) = check(trace, "status list", rule, list.and_then(members), |(bits, zlib)| {
            format!("{} bits an entry, {} bytes compressed", bits.count(), zlib.len())
        })?;
        StatusList::inflate(bits, zlib, options.max_inflated, lifetime, ttl, trace)
    })
}

/// The token is a tagged COSE_Sign1 or COSE_Mac0, and not in the tag for CWTs (section 5.2).
fn tag(token: &[u8]) -> Result<u64, Rejection> {
    match cbor::parse(token)? {
        Value::Tag(tag @ (TAG_SIGN1 | TAG_MAC0), _) => Ok(tag),
        Value::Tag(TAG_CWT, _) => {
            Err(Rejection::new(StatusCode::CwtTag, "the status list token is in the tag for CWTs, 61"))
        }
        Value::Tag(tag, _) => {
            Err(Rejection::new(StatusCode::CoseTag, format!("the status list token is in the tag {tag}, not 18 or 17")))
        }
        other => Err(Rejection::new(
            StatusCode::CoseUntagged,
            format!("the status list token is {} without the tag 18 or 17", other.kind()),
        )),
    }
}

/// `typ`, whose form and place were judged with the header: the media type, or the number of its content format where
/// one is known.
fn typ(header: &Map<'_>, content_format: Option<u16>) -> Result<(), Rejection> {
    let differs = |found: String| Err(Rejection::new(TokenCode::TypeMismatch, format!("typ is {found}, not {TYPE}")));
    match header.get(TYP) {
        None => Err(Rejection::new(TokenCode::TypeMissing, format!("the protected header has no typ, {TYPE}"))),
        Some(Value::Text(typ)) if media_type::same(typ, TYPE) => Ok(()),
        Some(Value::Unsigned(number)) if content_format.map(u64::from) == Some(*number) => Ok(()),
        Some(Value::Unsigned(number)) => differs(format!("the content format {number}")),
        Some(other) => differs(other.as_text().map_or_else(|| other.kind().into(), excerpt)),
    }
}

/// The registered claims, whose types were judged with the claims; of the times, the range is left.
fn registered(claims: &Map<'_>) -> Result<Claims, Rejection> {
    let date = |label, name: &str, code: TokenCode| {
        let number = match claims.get(label) {
            None => return Ok(None),
            Some(Value::Unsigned(seconds)) => Some(*seconds as f64),
            Some(Value::Float(seconds)) => Some(*seconds),
            Some(_) => None,
        };
        match number.and_then(NumericDate::from_seconds) {
            Some(date) => Ok(Some(date)),
            None => Err(Rejection::new(code, format!("{name} is no time from 0 to 2^53 - 1"))),
        }
    };
    Ok(Claims {
        subject: claims.get(SUB).and_then(Value::as_text).map(String::from),
        issued_at: date(IAT, "iat", TokenCode::IssuedAtType)?,
        expires: date(EXP, "exp", TokenCode::ExpiresType)?,
        not_before: date(NBF, "nbf", TokenCode::NotBeforeType)?,
    })
}

/// The claim 65533, if it is there (section 8.3 step 3b).
fn list<'m, 'p>(claims: &'m Map<'p>) -> Result<&'m Value<'p>, Rejection> {
    claims
        .get(STATUS_LIST)
        .ok_or_else(|| Rejection::new(StatusCode::ListMissing, "the status list token has no claim 65533"))
}

/// The claim 65534, if it is there: an unsigned integer above 0 (section 5.2).
fn ttl(claims: &Map<'_>) -> Result<Option<f64>, Rejection> {
    match claims.get(TTL) {
        None => Ok(None),
        Some(Value::Unsigned(seconds)) => positive(*seconds as f64).map(Some),
        Some(Value::Negative(_)) => Err(Rejection::new(StatusCode::TtlNotPositive, "ttl is negative")),
        Some(other) => Err(Rejection::new(StatusCode::TtlType, format!("ttl is {}", other.kind()))),
    }
}

/// The entries of the list (section 4.3), its zlib stream where it lies.
fn members<'m>(list: &'m Value<'_>) -> Result<(Bits, &'m [u8]), Rejection> {
    let Some(entries) = list.as_map() else {
        return Err(Rejection::new(StatusCode::ListType, format!("the list is {}", list.kind())));
    };
    let bits = match entries.get_text("bits") {
        None => return Err(Rejection::new(StatusCode::BitsMissing, "the list has no bits")),
        Some(Value::Unsigned(bits)) => Bits::from_number(*bits)?,
        Some(other) => return Err(Rejection::new(StatusCode::Bits, format!("bits is {}", other.kind()))),
    };
    match entries.get_text("lst") {
        None => Err(Rejection::new(StatusCode::LstMissing, "the list has no lst")),
        Some(Value::Bytes(zlib)) => Ok((bits, zlib)),
        Some(other) => Err(Rejection::new(StatusCode::LstType, format!("lst is {}", other.kind()))),
    }
}
