//! `crypto.*`

use alloc::format;

use portcullis_crypto::{Algorithm, Origin, jwk};
use portcullis_types::{json::Object, limits::excerpt};

use crate::{
    Door,
    door::{Answer, Call},
    members::malformed,
};

/// `crypto.verify`: a bare signature with one key.
pub(super) fn verify(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let alg = members.text("alg")?;
    let key = members.object("key")?;
    let message = members.bytes("message")?;
    let signature = members.bytes("signature")?;
    members.finish()?;
    let algorithm = Algorithm::from_name(alg).ok_or_else(|| malformed(format!("{} is no algorithm", excerpt(alg))))?;
    let key = jwk::parse(key, "sig", Origin::Carried, door.backend())?;
    key.verify(algorithm, &message, &signature)?;
    Ok(Object::default())
}
