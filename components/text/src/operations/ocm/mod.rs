//! `ocm.*`

mod contact;
mod share;
mod signed;

use alloc::{format, string::String, vec::Vec};

use portcullis_ocm::{Contact, Host, Trust, discovery::Discovery};
use portcullis_signature::Request;
use portcullis_types::{
    Rejection,
    json::{Object, Value},
    limits::excerpt,
    origin::Origin,
    trace::Trace,
};

pub(super) use contact::{accept, address, contact, directory, invite, wayf};
pub(super) use share::{access, discovery, open, share};
pub(super) use signed::{notification, sign, signature, token};

use super::message::GivenRequest;
use crate::{
    door::{Refusal, object},
    members::{Members, malformed},
};

/// The member `listed`: origins with a port or a short name that somebody answers for.
fn listed(members: &mut Members<'_>) -> Result<Vec<Origin>, Rejection> {
    let texts = members.optional_texts("listed")?.unwrap_or_default();
    let origin = |text: &String| {
        Origin::parse(text).ok_or_else(|| malformed(format!("{} in \"listed\" is no origin", excerpt(text))))
    };
    texts.iter().map(origin).collect()
}

/// A list of servers.
fn hosts(members: &mut Members<'_>, name: &str) -> Result<Option<Vec<Host>>, Rejection> {
    let texts = members.optional_texts(name)?;
    texts.map(|texts| texts.iter().map(|text| Host::parse(text)).collect()).transpose()
}

/// The members `denied` and `allowed`.
#[derive(Default)]
struct GivenTrust {
    denied: Vec<Host>,
    allowed: Option<Vec<Host>>,
}

impl GivenTrust {
    fn take(members: &mut Members<'_>) -> Result<Self, Rejection> {
        Ok(Self { denied: hosts(members, "denied")?.unwrap_or_default(), allowed: hosts(members, "allowed")? })
    }

    fn lend(&self) -> Trust<'_> {
        Trust { denied: &self.denied, allowed: self.allowed.as_deref(), ..Trust::default() }
    }
}

/// A discovery document.
fn document(
    members: &mut Members<'_>,
    name: &str,
    listed: &[Origin],
    trace: &mut dyn Trace,
) -> Result<Discovery, Rejection> {
    let object = members.object(name)?;
    Discovery::from_object(object, listed, trace).map_err(|refused| refused.within(name))
}

/// What is written here is the whole message: one without a body has none.
fn whole<'m>(request: &'m GivenRequest<'_>) -> Request<'m> {
    let lent = request.lend();
    Request { body: Some(lent.body.unwrap_or_default()), ..lent }
}

fn told(contact: &Contact) -> Object {
    let mut members: Vec<(String, Value)> = Vec::from([
        ("address".into(), format!("{}", contact.address).into()),
        ("name".into(), contact.name.as_str().into()),
    ]);
    members.extend(contact.email.as_deref().map(|email| ("email".into(), email.into())));
    members.push(("source".into(), contact.source.name().into()));
    members.push(("trusted".into(), contact.is_mutual().into()));
    object([("contact", Object::from_members(members).into())])
}

/// A refusal with the status that answers it.
fn answered(status: impl Fn(&Rejection) -> u16) -> impl Fn(Rejection) -> Refusal {
    move |rejection| {
        let status = u64::from(status(&rejection)).into();
        Refusal { rejection, beside: Vec::from([("status", status)]) }
    }
}

fn texts<'t>(texts: impl IntoIterator<Item = &'t str>) -> Value {
    Value::Array(texts.into_iter().map(Value::from).collect())
}
