//! `ocm.discovery`, `ocm.share`, `ocm.open` and `ocm.access`

use alloc::{string::String, vec::Vec};

use portcullis_ocm::{
    Address, Contacts, Discovery, HeldShare, Host, Receiver, Secret, Share, SignedBy, Trust,
    access::{self, Credential, Issued, Next, Progress},
    check_creation, discovery_url, receive, share_status,
};
use portcullis_signature::Field;
use portcullis_types::{
    Rejection,
    json::{Object, Value},
    origin::Origin,
};

use super::{GivenTrust, answered, document, listed, texts};
use crate::{
    Door,
    door::{Answer, Call, object},
    members::{Members, malformed},
};

/// `ocm.discovery`
pub(in super::super) fn discovery(_: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let host = members.text("host")?;
    let given = members.object("document")?;
    let mut listed = listed(&mut members)?;
    members.finish()?;
    let host = Host::parse(host)?;
    // Who asks a server at a port answers for it.
    listed.push(host.origin().clone());
    discovery_url(&host, &listed)?;
    let found = Discovery::from_object(given, &listed, call.trace)?;
    let mut result: Vec<(String, Value)> = Vec::from([
        ("endpoint".into(), found.end_point.as_str().into()),
        ("version".into(), found.api_version.as_str().into()),
        ("capabilities".into(), texts(found.capabilities.iter().map(String::as_str))),
        ("criteria".into(), texts(found.criteria.iter().map(String::as_str))),
        ("keys".into(), found.keys_url(&host, &listed)?.into()),
    ]);
    result.extend(found.token_end_point.map(|url| ("token_endpoint".into(), url.into())));
    Ok(Object::from_members(result))
}

/// `ocm.share`: what the receiver of a share decides, or with `sending` what its sender sees to.
pub(in super::super) fn share(_: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let (at, trace) = (call.at, call.trace);
    let given = members.object("share")?;
    let listed = listed(&mut members)?;
    let receiver = document(&mut members, "receiver", &listed, trace)?;
    let sender = document(&mut members, "sender", &listed, trace)?;
    let host = members.optional_text("host")?.map(Host::parse).transpose()?;
    let signer = match members.take("signer") {
        None => None,
        Some(Value::Null) => Some(None),
        Some(Value::String(text)) => Some(Some(Host::parse(text)?)),
        Some(_) => return Err(malformed("the member \"signer\" is no host, and not null").into()),
    };
    let trust = GivenTrust::take(&mut members)?;
    let contacts = members.optional_texts("contacts")?;
    let contacts: Option<Vec<Address>> =
        contacts.map(|all| all.iter().map(|one| Address::parse(one)).collect::<Result<_, _>>()).transpose()?;
    let sending = members.optional_flag("sending")?;
    members.finish()?;
    let share = Share::from_object(given, &listed, trace).map_err(answered(share_status))?;
    if sending {
        check_creation(&share, &receiver, &sender, at, trace)?;
        return Ok(object([]));
    }
    let host = host.map_or_else(|| own_host(&receiver), Ok)?;
    let signed_by = match &signer {
        None => SignedBy::Elsewhere,
        Some(None) => SignedBy::Nobody,
        Some(Some(host)) => SignedBy::Host(host),
    };
    let contacts = contacts.as_deref().map_or(Contacts::Unasked, Contacts::Only);
    let trust = Trust { contacts, ..trust.lend() };
    let here = Receiver { host: &host, discovery: &receiver, trust };
    let received = receive(&share, &here, &sender, signed_by, at, trace).map_err(answered(share_status))?;
    let mut result: Vec<(String, Value)> = Vec::from([
        ("access".into(), texts(received.access.iter().map(|one| one.name()))),
        ("protocols".into(), texts(received.protocols.iter().map(String::as_str))),
        ("may_exchange".into(), received.may_exchange.into()),
    ]);
    if !received.targets.is_empty() {
        result.push(("targets".into(), texts(received.targets.iter().map(|one| one.name()))));
    }
    Ok(Object::from_members(result))
}

/// Where nothing else is said, a server is known by the host of its API.
fn own_host(discovery: &Discovery) -> Result<Host, Rejection> {
    let origin = Origin::of_url(&discovery.end_point);
    Host::parse(origin.as_ref().map(Origin::authority).unwrap_or_default())
}

/// A token that was issued, when it ends and what it is for.
fn of_issued(value: &Object) -> Result<Issued, Rejection> {
    let mut members = Members::new("a token", value);
    let token = members.text("token")?;
    let until = members.integer("until")?;
    let protocol = members.optional_text("protocol")?.unwrap_or("webdav").into();
    members.finish()?;
    Ok(Issued { token: Secret::new(token).ok_or_else(|| malformed("a token is visible ASCII"))?, protocol, until })
}

/// `ocm.open`: what the receiver does next to get at a share.
pub(in super::super) fn open(_: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let given = members.object("share")?;
    let listed = listed(&mut members)?;
    let sender = document(&mut members, "sender", &listed, call.trace)?;
    let protocol = members.optional_text("protocol")?.unwrap_or("webdav");
    let inside = members.optional_text("inside")?;
    let mfa = members.optional_flag("mfa")?;
    let refused = members.optional_flag("refused")?;
    let token = members.optional_object("token")?.map(of_issued).transpose()?;
    members.finish()?;
    let share = HeldShare::from_object(given, &listed)?;
    let progress = Progress { mfa, refused, token: token.as_ref().map(|one| (&one.token, one.until)) };
    let next = access::next(&share, protocol, &sender, &progress, call.at)?;
    let mut result: Vec<(String, Value)> = match next {
        Next::Exchange => Vec::from([("do".into(), "exchange".into())]),
        Next::Present(secret) => {
            Vec::from([("do".into(), "present".into()), ("bearer".into(), secret.expose().into())])
        }
    };
    if let (Next::Present(_), "webdav") = (next, protocol)
        && let Some(url) = share.webdav_url(&sender, inside)?
    {
        result.push(("url".into(), url.into()));
    }
    Ok(Object::from_members(result))
}

/// `ocm.access`: whether a credential opens the resource at the sender.
pub(in super::super) fn access(_: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let given = members.object("share")?;
    let listed = listed(&mut members)?;
    let tokens = match members.take("issued") {
        None => Vec::new(),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| {
                item.as_object().ok_or_else(|| malformed("an entry of \"issued\" is no object")).and_then(of_issued)
            })
            .collect::<Result<_, _>>()?,
        Some(_) => return Err(malformed("the member \"issued\" is no list").into()),
    };
    let method = members.optional_text("method")?;
    let fields = members.optional_headers("headers")?;
    let field = members.optional_text("access_token")?;
    members.finish()?;
    let share = HeldShare::from_object(given, &listed)?;
    let fields: Vec<Field<'_>> =
        fields.unwrap_or_default().into_iter().map(|(name, value)| Field { name, value: value.as_bytes() }).collect();
    let credential = field.map_or_else(|| Credential::of(&fields), |token| Ok(Credential::AccessToken(token)))?;
    let opened = access::open(&share, &tokens, credential, method.map(access::needs), call.at)?;
    Ok(object([("opened", opened.name().into())]))
}
