//! `keys.*`

use alloc::{string::String, vec::Vec};

use portcullis_crypto::Entry;
use portcullis_types::{
    base64url,
    json::{Object, Value},
};

use crate::{
    Door,
    door::{Answer, Call, object, rejected},
};

/// `keys.describe`: the keys of a JWK Set, the unusable ones too. Never tells key material.
pub(super) fn describe(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let keys = members.object("keys")?;
    members.finish()?;
    let set = door.key_set(keys)?;
    Ok(object([("keys", Value::Array(set.entries().iter().map(|entry| described(entry).into()).collect()))]))
}

fn described(entry: &Entry) -> Object {
    let mut members: Vec<(String, Value)> = Vec::new();
    members.extend(entry.kid.as_ref().map(|kid| ("kid".into(), kid.as_str().into())));
    match &entry.key {
        Ok(key) => {
            members.push(("kind".into(), key.kind().into()));
            if let Some(public) = key.public_key() {
                members.push(("thumbprint".into(), base64url::encode(&public.thumbprint()).into()));
            }
            let algorithms = key.algorithms().into_iter().map(|one| one.name().into()).collect();
            members.push(("algorithms".into(), Value::Array(algorithms)));
        }
        Err(problem) => members.push(("problem".into(), rejected(problem).into())),
    }
    Object::from_members(members)
}
