//! `oci.*`

use alloc::{format, vec::Vec};

use portcullis_scope::{
    Challenge,
    limits::REGISTRY_LEEWAY,
    oci::{
        Access,
        allows::allows as is_enough,
        intersect::intersect as in_both,
        required::required_for,
        scope as grammar,
        token::{self, Registry},
    },
};
use portcullis_types::{
    Rejection,
    json::{Object, Value},
};

use crate::{
    Door,
    door::{Answer, Call, object},
    members::{Members, malformed},
};

/// `oci.scope`
pub(super) fn scope(_: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let scope = members.text("scope")?;
    members.finish()?;
    Ok(object([("access", to_values(grammar::parse(scope)?))]))
}

/// `oci.challenge`
pub(super) fn challenge(_: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let header = members.text("header")?;
    members.finish()?;
    let challenge = Challenge::parse(header)?;
    let parameters = challenge.parameters().map(|(name, value)| (name.into(), value.into())).collect();
    Ok(object([
        ("scheme", challenge.scheme().to_ascii_lowercase().into()),
        ("params", Object::from_members(parameters).into()),
    ]))
}

/// `oci.required`
pub(super) fn required(_: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let method = members.text("method")?;
    let path = members.text("path")?;
    members.finish()?;
    Ok(object([("access", to_values(required_for(method, path)?))]))
}

/// `oci.allows`
pub(super) fn allows(_: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let granted = access(&mut members, "granted")?;
    let required = access(&mut members, "required")?;
    members.finish()?;
    is_enough(&granted, &required)?;
    Ok(Object::default())
}

/// `oci.intersect`
pub(super) fn intersect(_: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let requested = members.text("requested")?;
    let permitted = access(&mut members, "permitted")?;
    members.finish()?;
    Ok(object([("access", to_values(in_both(&grammar::parse(requested)?, &permitted)?))]))
}

/// `oci.verify`
pub(super) fn verify(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let token = members.text("token")?;
    let keys = members.object("keys")?;
    let registry = Registry {
        issuer: members.text("issuer")?.into(),
        service: members.text("service")?.into(),
        leeway: members.optional_integer("leeway")?.unwrap_or(REGISTRY_LEEWAY),
    };
    let required = access(&mut members, "required")?;
    members.finish()?;
    let keys = door.key_set(keys)?;
    let verified = token::parse_and_verify(token.as_bytes(), &keys, &registry, &required, call.at)?;
    Ok(object([("claims", verified.jwt.claims.members.into())]))
}

/// An access list of a request.
fn access(members: &mut Members<'_>, name: &'static str) -> Result<Vec<Access>, Rejection> {
    let wrong = || malformed(format!("the member \"{name}\" of the request is no list of objects"));
    let items = match members.take(name) {
        None => return Err(malformed(format!("the request has no member \"{name}\""))),
        Some(Value::Array(items)) => items,
        Some(_) => return Err(wrong()),
    };
    items
        .iter()
        .map(|item| {
            let mut members = Members::new("an access entry", item.as_object().ok_or_else(wrong)?);
            let entry = Access {
                resource_type: members.text("type")?.into(),
                class: members.optional_text("class")?.map(Into::into),
                name: members.text("name")?.into(),
                actions: members
                    .optional_texts("actions")?
                    .ok_or_else(|| malformed("an access entry has no member \"actions\""))?,
            };
            members.finish()?;
            Ok(entry)
        })
        .collect()
}

fn to_values(list: Vec<Access>) -> Value {
    let one = |access: Access| {
        let mut members = Vec::from([("type".into(), access.resource_type.into())]);
        members.extend(access.class.map(|class| ("class".into(), class.into())));
        members.push(("name".into(), access.name.into()));
        members.push(("actions".into(), Value::Array(access.actions.into_iter().map(Value::from).collect())));
        Value::Object(Object::from_members(members))
    };
    Value::Array(list.into_iter().map(one).collect())
}
