//! `binding.*`

use portcullis_oauth::key_binding::{self, BindingPolicy, Moment, Proved, TokenRequest};
use portcullis_token::{claims::Claims, confirmation};
use portcullis_types::json::{Object, Value};

use crate::{
    Door,
    door::{Answer, Call, object},
    members::malformed,
};

/// `binding.evaluate`
pub(super) fn evaluate(_: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let claims = members.object("claims")?;
    let proved = match members.take("proved") {
        None | Some(Value::Null) => None,
        Some(Value::String(hash)) => Some(confirmation::thumbprint(hash)?),
        Some(_) => return Err(malformed("the member \"proved\" is neither a thumbprint nor null").into()),
    };
    let policy = members.object("policy")?;
    let moment = members.optional_text("moment")?;
    members.finish()?;
    let moment = match moment {
        None => Moment::Issuance,
        Some(word) => Moment::from_name(word)
            .ok_or_else(|| malformed("the member \"moment\" is neither \"issuance\" nor \"use\""))?,
    };
    let policy = BindingPolicy::from_object(policy)?;
    let claims = Claims::from_members(claims.clone())?;
    let binding = key_binding::explain(&claims, proved, &policy, moment, call.trace)?;
    Ok(object([("binding", binding.name().into())]))
}

/// `binding.bind`: what a token is to be bound to, by its request.
pub(super) fn bind(_: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let client_id = members.text("client_id")?;
    let tmb = members.optional_text(key_binding::TMB)?;
    let proved = members.optional_object("proved")?;
    let policy = members.object("policy")?;
    members.finish()?;
    let proved = proved.map(Proved::from_confirmation).transpose()?;
    let policy = BindingPolicy::from_object(policy)?;
    let bound = key_binding::explain_bind(&TokenRequest { client_id, tmb, proved }, &policy, call.trace)?;
    Ok(Object::from_members(bound.to_members()))
}
