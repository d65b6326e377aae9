//! `wimse.*`

use alloc::{string::String, vec::Vec};

use portcullis_signature::{Message, Request, Response};
use portcullis_types::json::{Object, Value};
use portcullis_wimse::{
    TrustDomains, WorkloadIdentifier,
    identity_token::VerifiedIdentityToken,
    message_signature, proof_token,
    response_signature::{Signer, prepare_response},
};

use super::message::GivenMessage;
use crate::{
    Door,
    door::{Answer, Call, object},
    members::malformed,
};

/// `wimse.id`
pub(super) fn id(_: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let value = members.text("value")?;
    members.finish()?;
    let id = WorkloadIdentifier::parse(value)?;
    Ok(object([("trust_domain", id.trust_domain().into()), ("path", id.path().into())]))
}

/// `wimse.proof`: a Workload Identity Token and its Workload Proof Token.
pub(super) fn proof(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let message = GivenMessage::take(&mut members)?;
    let trusted = members.object("trust_domains")?;
    let audience = members.optional_texts("audience")?;
    let audience = audience.ok_or_else(|| malformed("the request has no member \"audience\""))?;
    let seen = members.optional_texts("seen")?.unwrap_or_default();
    members.finish()?;
    let GivenMessage::Request(request) = &message else {
        return Err(malformed("the request has no member \"request\"").into());
    };
    let trusted = TrustDomains::from_object(trusted, door.backend())?;
    let request = request.lend();
    let fields = request.fields.iter().map(|field| (field.name, field.value));
    let expect = proof_token::Expectations {
        audience: &lent(&audience),
        other_tokens: &[],
        lifetime: proof_token::DEFAULT_LIFETIME,
        leeway: 0,
        seen: &lent(&seen),
    };
    let (identity, _) = proof_token::parse_and_verify(fields, &trusted, &expect, door.backend(), call.at, call.trace)?;
    Ok(subject(&identity))
}

/// `wimse.sign_response`: what a server has to sign whose client asks for a signed response. The key itself stays outside.
pub(super) fn sign_response(_: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let message = GivenMessage::take(&mut members)?;
    let identity = members.optional_text("identity_token")?;
    let nonce = members.optional_text("nonce")?;
    let lifetime = members.optional_integer("lifetime")?.unwrap_or(message_signature::DEFAULT_LIFETIME);
    members.finish()?;
    let signer = match (identity, nonce) {
        (None, None) => None,
        (Some(identity), Some(nonce)) => Some(Signer { identity, nonce, lifetime }),
        _ => return Err(malformed("\"identity_token\" and \"nonce\" go together").into()),
    };
    let ready = message.lend(|message| match message {
        Message::Request(_) => Err(malformed("the request has no member \"response\"")),
        Message::Response(response) => {
            // What is written here is the whole message: one without a body has none.
            let question =
                response.request.map(|request| Request { body: Some(request.body.unwrap_or_default()), ..*request });
            let response =
                Response { body: Some(response.body.unwrap_or_default()), request: question.as_ref(), ..**response };
            prepare_response(&response, signer.as_ref(), call.at)
        }
    })?;
    let Some(ready) = ready else { return Ok(object([("asked", false.into())])) };
    let header = |(name, value): (&str, String)| Value::Array(alloc::vec![name.into(), value.into()]);
    let headers = ready.fields.into_iter().map(header).collect();
    Ok(object([
        ("asked", true.into()),
        ("headers", Value::Array(headers)),
        ("base", ready.prepared.base.into()),
        ("input", ready.prepared.input.into()),
    ]))
}

/// `wimse.signature`: a Workload Identity Token and a signature over its message.
pub(super) fn signature(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let message = GivenMessage::take(&mut members)?;
    let trusted = members.object("trust_domains")?;
    let audience = members.optional_texts("audience")?;
    let seen = members.optional_texts("seen")?.unwrap_or_default();
    let required = members.optional_flag("require_signed")?;
    members.finish()?;
    let is_request = matches!(message, GivenMessage::Request(_));
    if is_request && audience.is_none() {
        return Err(malformed("the request has no member \"audience\"").into());
    }
    if is_request && required {
        return Err(malformed("\"require_signed\" goes with \"response\"").into());
    }
    let trusted = TrustDomains::from_object(trusted, door.backend())?;
    let (audience, at, trace) = (audience.unwrap_or_default(), call.at, call.trace);
    let expect = message_signature::Expectations {
        audience: &lent(&audience),
        lifetime: message_signature::DEFAULT_LIFETIME,
        leeway: 0,
        seen: &lent(&seen),
    };
    let backend = door.backend();
    // What is written here is the whole message: one without a body has none.
    let identity = message.lend(|message| match message {
        Message::Request(request) => {
            let request = Request { body: Some(request.body.unwrap_or_default()), ..**request };
            message_signature::parse_and_verify_request(&request, &trusted, &expect, backend, at, trace).map(Some)
        }
        Message::Response(response) => {
            let response = Response { body: Some(response.body.unwrap_or_default()), ..**response };
            message_signature::parse_and_verify_response(&response, required, &trusted, &expect, backend, at, trace)
        }
    })?;
    Ok(identity.map_or_else(|| object([]), |(identity, _)| subject(&identity)))
}

fn subject(identity: &VerifiedIdentityToken) -> Object {
    object([("subject", identity.subject.as_str().into())])
}

fn lent(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}
