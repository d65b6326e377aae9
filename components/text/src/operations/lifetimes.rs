//! `lifetimes.*`

use alloc::{string::String, vec::Vec};

use portcullis_oauth::lifetimes::{Ahead, ExpirationTypes, Grant, Lifetimes, check_introspection, check_response};
use portcullis_types::{
    Rejection,
    json::{Object, Value},
};

use crate::{
    Door,
    door::{Answer, Call, object},
    members::{Members, malformed},
};

/// What `response` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Token,
    Introspection,
}

/// `lifetimes.read`: what ends when, and what to do next.
pub(super) fn read(_: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let response = members.object("response")?;
    let received_at = members.integer("received_at")?;
    let of = of(&mut members)?;
    let refreshed = members.optional_flag("refreshed")?;
    let ahead = members.optional_object("ahead")?.map(ahead).transpose()?.unwrap_or_default();
    let metadata = members.optional_object("metadata")?;
    members.finish()?;
    let types = metadata.map(ExpirationTypes::of_metadata).transpose()?.flatten();
    let lifetimes = match of {
        Of::Token => Lifetimes::of_token_response(response, received_at, refreshed, call.trace)?,
        Of::Introspection => Lifetimes::of_introspection(response, received_at, call.trace)?,
    };
    let plan = lifetimes.plan(call.at, &ahead)?;
    let mut result: Vec<(String, Value)> = Vec::new();
    for (name, time) in [
        ("access_expires", lifetimes.access_expires()),
        ("refresh_expires", lifetimes.refresh_expires()),
        ("authorization_expires", lifetimes.authorization_expires()),
    ] {
        result.extend(time.map(|time| (name.into(), time.into())));
    }
    result.push(("next".into(), plan.next.name().into()));
    for (name, time) in [
        ("refresh_at", plan.refresh_at),
        ("rotate_at", plan.rotate_at),
        ("ask_at", plan.ask_at),
        ("warn_at", plan.warn_at),
    ] {
        result.extend(time.map(|time| (name.into(), time.into())));
    }
    result.push(("warn".into(), plan.warn.into()));
    if types.is_some() && !lifetimes.is_refused() {
        let open = lifetimes.indefinite(types);
        let names = [("refresh_token", open.refresh_token), ("authorization", open.authorization)];
        let names = names.into_iter().filter(|(_, open)| *open).map(|(name, _)| name.into());
        result.push(("indefinite".into(), Value::Array(names.collect())));
    }
    Ok(Object::from_members(result))
}

/// `lifetimes.check`: whether a server may answer so.
pub(super) fn check(_: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let response = members.object("response")?;
    let of = of(&mut members)?;
    let grant = members.optional_object("grant")?.map(grant).transpose()?.unwrap_or_default();
    let metadata = members.optional_object("metadata")?;
    members.finish()?;
    let types = metadata.map(ExpirationTypes::of_metadata).transpose()?;
    match of {
        Of::Token => check_response(response, &grant, types, call.at, call.trace)?,
        Of::Introspection => check_introspection(response, &grant, call.at, call.trace)?,
    }
    Ok(object([]))
}

/// `of`: `token` or `introspection`; the token endpoint where it is left out.
fn of(members: &mut Members<'_>) -> Result<Of, Rejection> {
    match members.optional_text("of")? {
        None | Some("token") => Ok(Of::Token),
        Some("introspection") => Ok(Of::Introspection),
        Some(_) => Err(malformed("the member \"of\" is neither \"token\" nor \"introspection\"")),
    }
}

/// `{"refresh"?,"rotate"?,"warn"?}`: seconds.
fn ahead(ahead: &Object) -> Result<Ahead, Rejection> {
    let mut members = Members::new("the member \"ahead\"", ahead);
    let usual = Ahead::default();
    let read = Ahead {
        refresh: members.optional_integer("refresh")?.unwrap_or(usual.refresh),
        rotate: members.optional_integer("rotate")?.unwrap_or(usual.rotate),
        warn: members.optional_integer("warn")?.unwrap_or(usual.warn),
    };
    members.finish()?;
    Ok(read)
}

/// `{"authorization_expires"?,"refresh_expires"?}`: seconds since 1970.
fn grant(grant: &Object) -> Result<Grant, Rejection> {
    let mut members = Members::new("the member \"grant\"", grant);
    let read = Grant {
        authorization_expires: members.optional_integer("authorization_expires")?,
        refresh_expires: members.optional_integer("refresh_expires")?,
    };
    members.finish()?;
    Ok(read)
}
