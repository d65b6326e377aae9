//! `txn.*`

use alloc::{format, string::String, string::ToString, vec::Vec};

use portcullis_oauth::transaction_token::{
    self,
    replacement::{self, Policy},
    verify::{self as transaction, Expectations},
};
use portcullis_token::claims::Claims;
use portcullis_types::{
    Rejection,
    json::{self, Object, Value},
    limits::MAX_COMPACT_TOKEN,
};

use crate::{
    Door,
    door::{Answer, Call, object},
    members::{Members, malformed},
};

/// `txn.verify`: the Transaction Token of a request.
pub(super) fn verify(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let headers = members.headers("headers")?;
    let keys = members.object("keys")?;
    let trust_domain = members.text("trust_domain")?;
    let issuer = members.optional_text("issuer")?;
    let algorithms = members.optional_algorithms("algorithms")?;
    let lifetime = members.optional_integer("lifetime")?;
    let leeway = members.optional_integer("leeway")?.unwrap_or(0);
    let seen = members.optional_texts("seen")?.unwrap_or_default();
    members.finish()?;
    let keys = door.key_set(keys)?;
    let seen: Vec<&str> = seen.iter().map(String::as_str).collect();
    let expect =
        Expectations { trust_domain, issuer, algorithms: algorithms.as_deref(), lifetime, leeway, seen: &seen };
    let fields = headers.iter().map(|(name, value)| (*name, value.as_bytes()));
    let (_, verified) = transaction::parse_and_verify(fields, &keys, &expect, call.at, call.trace)?;
    Ok(object([("claims", verified.token.claims.members.into())]))
}

/// `txn.narrow`: the scope of a new token. `null` is a scope that nobody knows, or that nobody asked for.
pub(super) fn narrow(_: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let subject = text_or_null(&mut members, "subject_scope")?;
    let requested = text_or_null(&mut members, "requested_scope")?;
    members.finish()?;
    let scope = transaction_token::narrow(subject, requested)?;
    Ok(object([("scope", scope.to_string().into())]))
}

/// `txn.replace`: whether claims may replace others. A longer life is for the service to allow, and is here.
pub(super) fn replace(_: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let old = members.object("old")?;
    let new = members.object("new")?;
    members.finish()?;
    let (old, new) = (claims("old", old)?, claims("new", new)?);
    replacement::check(&old, &new, Policy { longer_life: true }, call.at, call.trace)?;
    Ok(object([]))
}

/// A text, or `null` for none. The member has to be there.
fn text_or_null<'m>(members: &mut Members<'m>, name: &str) -> Result<Option<&'m str>, Rejection> {
    match members.value(name)? {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        other => Err(malformed(format!("the member \"{name}\" is {}, neither a text nor null", other.kind()))),
    }
}

/// Claims that a token could have.
fn claims(name: &str, claims: &Object) -> Result<Claims, Rejection> {
    if json::to_text(claims).len() > MAX_COMPACT_TOKEN {
        return Err(malformed(format!("the member \"{name}\" is longer than a token may be")));
    }
    Claims::from_members(claims.clone()).map_err(|rejection| rejection.within(name))
}
