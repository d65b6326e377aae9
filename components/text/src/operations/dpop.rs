//! `dpop.*`

use alloc::{string::String, vec::Vec};

use portcullis_token::{
    confirmation,
    dpop::{self, DEFAULT_WINDOW, Expectations, Request},
};

use crate::{
    Door,
    door::{Answer, Call, object},
};

/// `dpop.verify`
pub(super) fn verify(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let headers = members.headers("headers")?;
    let method = members.text("method")?;
    let url = members.text("url")?;
    let access_token = members.optional_text("access_token")?;
    let jkt = members.optional_text("jkt")?;
    let nonce = members.optional_text("nonce")?;
    let window = members.optional_integer("window")?.unwrap_or(DEFAULT_WINDOW);
    let seen = members.optional_texts("seen")?.unwrap_or_default();
    members.finish()?;
    let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let seen: Vec<&str> = seen.iter().map(String::as_str).collect();
    let expect = Expectations {
        access_token,
        thumbprint: jkt.map(confirmation::thumbprint).transpose()?,
        nonces: nonce.as_slice(),
        window,
        algorithms: None,
        seen: &seen,
    };
    let proof = dpop::verify(&Request { headers: &headers, method, url }, &expect, call.at, door.backend())?;
    Ok(object([("jkt", proof.jkt().into()), ("jti", proof.id.into())]))
}
