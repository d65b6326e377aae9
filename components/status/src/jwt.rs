//! The JWT form of a status list token (section 5.1) and the JSON form of its list (section 4.2).

use alloc::{format, vec::Vec};

use portcullis_crypto::KeySet;
use portcullis_token::{claims, compact, jws};
use portcullis_types::{
    Rejection, Timestamp,
    json::{Object, Value},
    trace::{Trace, check},
};

use crate::{
    Bits, Options, StatusCode, StatusList,
    claims::{Claims, positive},
    packed::lst_from_json,
};

/// The media type in the header (section 5.1).
pub(crate) const TYPE: &str = "statuslist+jwt";

/// Verifies a token and opens its list.
pub(crate) fn open(
    token: &[u8],
    keys: &KeySet,
    uri: &str,
    at: Timestamp,
    options: &Options,
    trace: &mut dyn Trace,
) -> Result<StatusList, Rejection> {
    let form = size(token, options.max_token).and_then(|()| compact::parse_at_most(token, options.max_token));
    let compact = check(trace, "form", "RFC 7515 section 7.1", form, |_| format!("{} bytes", token.len()))?;
    let jws = jws::verify(compact, keys, options.algorithms.as_deref(), Some(&[TYPE]), trace)?;
    let claims = check(trace, "claims", "RFC 7519 section 4.1", claims::Claims::parse(&jws.payload), |claims| {
        format!("{} claims", claims.members.members().count())
    })?;
    let thumbprint = jws.thumbprint;
    // From here on the text of the claims is not needed, and it may be long.
    drop(jws);
    let list = list(&claims.members);
    let there = list.as_ref().map(|_| ()).map_err(Clone::clone);
    let own = Claims {
        subject: claims.subject,
        issued_at: claims.issued_at,
        expires: claims.expires,
        not_before: claims.not_before,
    };
    let lifetime = own.judge(there, uri, at, options.leeway, trace)?;
    let rule = "draft-ietf-oauth-status-list-21 section 5.1";
    let ttl = check(trace, "time to live", rule, ttl(&claims.members), |ttl| match ttl {
        Some(ttl) => format!("{} seconds", *ttl as u64),
        None => "says nothing of it".into(),
    })?;
    let rule = "draft-ietf-oauth-status-list-21 section 4.2";
    let (bits, zlib) = check(trace, "status list", rule, list.and_then(members), |(bits, zlib)| {
        format!("{} bits an entry, {} bytes compressed", bits.count(), zlib.len())
    })?;
    drop(claims.members);
    Ok(StatusList::inflate(bits, &zlib, options.max_inflated, lifetime, ttl, trace)?.signed_by(thumbprint))
}

/// The token is not too long (`docs/limits.md`).
pub(crate) fn size(token: &[u8], most: usize) -> Result<(), Rejection> {
    if token.len() > most {
        return Err(Rejection::new(
            StatusCode::TokenTooLarge,
            format!("{} bytes, at most {most} are read", token.len()),
        ));
    }
    Ok(())
}

/// `status_list`, if it is there (section 8.3 step 3b).
fn list(claims: &Object) -> Result<&Value, Rejection> {
    claims
        .get("status_list")?
        .ok_or_else(|| Rejection::new(StatusCode::ListMissing, "the status list token has no status_list"))
}

/// `ttl`, if it is there (section 5.1).
fn ttl(claims: &Object) -> Result<Option<f64>, Rejection> {
    match claims.get("ttl")? {
        None => Ok(None),
        Some(Value::Number(number)) => positive(number.as_f64()).map(Some),
        Some(other) => Err(Rejection::new(StatusCode::TtlType, format!("ttl is {}", other.kind()))),
    }
}

/// The members of `status_list` (section 4.2), its zlib stream decoded.
fn members(list: &Value) -> Result<(Bits, Vec<u8>), Rejection> {
    let Some(members) = list.as_object() else {
        return Err(Rejection::new(StatusCode::ListType, format!("status_list is {}", list.kind())));
    };
    let members = members.checked().map_err(|rejection| rejection.within("status_list"))?;
    Ok((Bits::from_json(members.get("bits")?)?, lst_from_json(members.get("lst")?)?))
}
