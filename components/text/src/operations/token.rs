//! `jws.*` and `jwt.*`

use alloc::vec::Vec;

use portcullis_token::{
    jws,
    jwt::{self, Expectations, Profile},
};
use portcullis_types::{
    Rejection, base64url,
    json::{self, Object, Value},
};

use crate::{
    Door,
    door::{Answer, Call, object},
    members::{Members, malformed},
};

/// `jws.verify`
pub(super) fn jws_verify(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let token = members.text("token")?;
    let keys = members.object("keys")?;
    let algorithms = members.optional_algorithms("algorithms")?;
    members.finish()?;
    let keys = door.key_set(keys)?;
    let verified = jws::parse_and_verify(token.as_bytes(), &keys, algorithms.as_deref())?;
    Ok(object([("header", verified.header.into()), ("payload", base64url::encode(&verified.payload).into())]))
}

/// `jwt.verify`
pub(super) fn jwt_verify(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let token = members.text("token")?;
    let keys = members.object("keys")?;
    let expect = expectations(members.object("expect")?)?;
    members.finish()?;
    let keys = door.key_set(keys)?;
    let verified = jwt::verify(token.as_bytes(), &keys, &expect, call.at, call.trace)?;
    Ok(object([("header", verified.header.into()), ("claims", verified.claims.members.into())]))
}

/// `jwt.inspect`: what a token says of itself, nothing of it verified.
pub(super) fn jwt_inspect(_: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let token = members.text("token")?;
    members.finish()?;
    let seen = jwt::inspect_untrusted(token.as_bytes())?;
    let parsed = |text: &str| json::parse_object(text.as_bytes()).map(Value::from);
    let mut result = Vec::from([("header".into(), parsed(&seen.header_text)?)]);
    if let Some(claims) = &seen.claims_text {
        result.push(("claims".into(), parsed(claims)?));
    }
    result.push(("payload".into(), base64url::encode(&seen.payload).into()));
    result.push(("signature_length".into(), u64::try_from(seen.signature_length).unwrap_or(u64::MAX).into()));
    Ok(Object::from_members(result))
}

/// The member `expect`.
pub(super) fn expectations(given: &Object) -> Result<Expectations, Rejection> {
    let mut members = Members::new("\"expect\"", given);
    let profile = match members.optional_text("profile")? {
        None | Some("jwt") => Profile::Jwt,
        Some("at+jwt") => Profile::AtJwt,
        Some(_) => return Err(malformed("the profile is neither \"jwt\" nor \"at+jwt\"")),
    };
    let expect = Expectations {
        profile,
        typ: members.optional_text("typ")?.map(Into::into),
        issuer: members.optional_text("issuer")?.map(Into::into),
        audience: members.optional_texts("audience")?,
        algorithms: members.optional_algorithms("algorithms")?,
        leeway: members.optional_integer("leeway")?.unwrap_or(0),
        max_age: members.optional_integer("max_age")?,
        required_claims: members.optional_texts("require")?.unwrap_or_default(),
    };
    members.finish()?;
    Ok(expect)
}
