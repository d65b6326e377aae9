//! `cose.*`

use portcullis_token::cose::{self, Options};
use portcullis_types::base64url;

use crate::{
    Door,
    door::{Answer, Call, object},
};

/// `cose.verify`
pub(super) fn verify(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let message = members.bytes("message")?;
    let external_aad = members.optional_bytes("external_aad")?.unwrap_or_default();
    let payload = members.optional_bytes("payload")?;
    let keys = door.keys_or_cose_keys(&mut members)?;
    members.finish()?;
    let options = Options { external_aad: &external_aad, payload: payload.as_deref(), ..Options::default() };
    let verified = cose::parse_and_verify(&message, &keys, &options)?;
    Ok(object([("payload", base64url::encode(&verified.payload).into())]))
}
