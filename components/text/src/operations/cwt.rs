//! `cwt.*`

use portcullis_token::cwt;

use super::token::expectations;
use crate::{
    Door,
    door::{Answer, Call, object},
};

/// `cwt.verify`
pub(super) fn verify(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let token = members.bytes("token")?;
    let expect = expectations(members.object("expect")?)?;
    let keys = door.keys_or_cose_keys(&mut members)?;
    members.finish()?;
    let verified = cwt::parse_and_verify(&token, &keys, &expect, call.at)?;
    Ok(object([("header", verified.header.into()), ("claims", verified.claims.members.into())]))
}
