//! `scope.challenge` and `scope.retry`: the client's side of a refusal.

use alloc::{format, string::String, vec::Vec};

use portcullis_scope::{
    Scheme,
    retry::{Attempt, Held, Sent, Step, next},
    wanted::{Refused, Wanted, read},
};
use portcullis_types::{
    Rejection,
    json::{Object, Value},
};

use super::scope::granted;
use crate::{
    Door,
    door::{Answer, Call, rejected},
    members::{Members, malformed},
};

/// `scope.challenge`: what a refusal wants.
pub(super) fn challenge(_: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let headers = members.headers("headers")?;
    let answer = refused(&mut members, &headers)?;
    let presented = scheme(&mut members, "presented")?;
    members.finish()?;
    let reading = read(&answer, presented)?;
    let mut result: Vec<(String, Value)> = Vec::from([
        ("asked".into(), reading.asked.name().into()),
        ("scheme".into(), scheme_name(reading.scheme).into()),
    ]);
    result.extend(reading.error.map(|error| ("error".into(), error.into())));
    result.push(("wanted".into(), wanted(&reading.wanted).into()));
    for (name, value) in [
        ("dpop_nonce", reading.dpop_nonce),
        ("attestation_challenge", reading.attestation_challenge),
        ("resource_metadata", reading.resource_metadata),
    ] {
        result.extend(value.map(|value| (name.into(), value.into())));
    }
    Ok(Object::from_members(result))
}

/// `scope.retry`: what a client does next.
pub(super) fn retry(_: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let attempts = objects(&mut members, "attempts")?;
    let tokens = objects(&mut members, "tokens")?;
    members.finish()?;
    let held = tokens.into_iter().map(token).collect::<Result<Vec<_>, _>>()?;
    let mut told = Vec::new();
    for attempt in attempts {
        let mut members = Members::new("an attempt", attempt);
        let headers = members.headers("headers")?;
        told.push((members, headers));
    }
    let attempts = told
        .iter_mut()
        .map(|(members, headers)| {
            let sent = match members.text("sent")? {
                "first" => Sent::First,
                "proved" => Sent::Proved,
                "cached" => Sent::Cached,
                "fresh" => Sent::Fresh,
                _ => return Err(malformed("\"sent\" is none of \"first\", \"proved\", \"cached\" and \"fresh\"")),
            };
            let attempt =
                Attempt { sent, token: members.optional_integer("token")?, refused: refused(members, headers)? };
            members.none_left()?;
            Ok(attempt)
        })
        .collect::<Result<Vec<_>, Rejection>>()?;
    let (what, beside) = match next(&attempts, &held, call.at) {
        Step::Send(token) => ("send", token.map(|token| ("token", token.into()))),
        Step::Prove(token) => ("prove", token.map(|token| ("token", token.into()))),
        Step::Cached(token) => ("cached", Some(("token", token.into()))),
        Step::Obtain(asked) => ("obtain", Some(("wanted", wanted(&asked).into()))),
        Step::Stop(why) => ("stop", Some(("why", rejected(&why).into()))),
    };
    let mut result: Vec<(String, Value)> = Vec::from([("do".into(), what.into())]);
    result.extend(beside.map(|(name, value)| (name.into(), value)));
    Ok(Object::from_members(result))
}

/// The members `status` and `body` of an answer.
fn refused<'a>(members: &mut Members<'a>, headers: &'a [(&'a str, &'a str)]) -> Result<Refused<'a>, Rejection> {
    let status = members.integer("status")?;
    let status = u16::try_from(status).map_err(|_| malformed(format!("{status} is no HTTP status")))?;
    Ok(Refused { status, headers, body: members.optional_text("body")? })
}

/// A token that a client has: `{"id","scheme"?,"expires_at"?,"granted"?,"references"?}`.
fn token(given: &Object) -> Result<Held<'_>, Rejection> {
    let mut members = Members::new("a token", given);
    let id = members.integer("id")?;
    let scheme = scheme(&mut members, "scheme")?.unwrap_or_default();
    let expires_at = members.optional_integer("expires_at")?;
    let granted = members.optional_object("granted")?.map(granted).transpose()?.unwrap_or_default();
    let references = match members.take("references") {
        None => Vec::new(),
        Some(value) => value
            .as_array()
            .and_then(|items| items.iter().map(Value::as_str).collect())
            .ok_or_else(|| malformed("the member \"references\" of a token is no list of texts"))?,
    };
    members.finish()?;
    Ok(Held { id, scheme, expires_at, granted, references })
}

/// A list of objects.
fn objects<'a>(members: &mut Members<'a>, name: &'static str) -> Result<Vec<&'a Object>, Rejection> {
    members
        .value(name)?
        .as_array()
        .and_then(|items| items.iter().map(Value::as_object).collect())
        .ok_or_else(|| malformed(format!("the member \"{name}\" of the request is no list of objects")))
}

fn scheme(members: &mut Members<'_>, name: &str) -> Result<Option<Scheme>, Rejection> {
    match members.optional_text(name)? {
        None => Ok(None),
        Some("Bearer") => Ok(Some(Scheme::Bearer)),
        Some("DPoP") => Ok(Some(Scheme::Dpop)),
        Some(_) => Err(malformed(format!("the member \"{name}\" is neither \"Bearer\" nor \"DPoP\""))),
    }
}

fn scheme_name(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Bearer => "Bearer",
        Scheme::Dpop => "DPoP",
    }
}

fn wanted(wanted: &Wanted) -> Object {
    let texts = |values: Vec<Value>| (!values.is_empty()).then_some(Value::Array(values));
    let members: [(&str, Option<Value>); 6] = [
        ("scope", wanted.scope.as_ref().map(|scope| format!("{scope}").into())),
        ("acr_values", wanted.acr_values.as_ref().and_then(|values| texts(values.iter().map(Value::from).collect()))),
        ("max_age", wanted.max_age.map(Value::from)),
        (
            "authorization_details",
            wanted.authorization_details.as_ref().and_then(|details| {
                texts(details.iter().map(|detail| Value::Object(detail.object().clone())).collect())
            }),
        ),
        ("authorization_reference", wanted.authorization_reference.as_deref().map(Value::from)),
        ("claims", texts(wanted.claims.iter().map(|name| name.as_str().into()).collect())),
    ];
    let present = members.into_iter().filter_map(|(name, value)| Some((name.into(), value?)));
    Object::from_members(present.collect())
}
