//! `ocm.address`, `ocm.contact`, `ocm.directory`, `ocm.wayf`, `ocm.invite` and `ocm.accept`

use alloc::{string::String, vec::Vec};

use portcullis_ocm::{Acceptance, Address, Directory, HeldInvite, Host, Invite, enter, invite_status};
use portcullis_types::json::Value;

use super::{GivenTrust, answered, document, listed, told};
use crate::{
    Door,
    door::{Answer, Call, object},
};

/// `ocm.address`
pub(in super::super) fn address(_: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let text = members.text("address")?;
    members.finish()?;
    let address = Address::parse(text)?;
    Ok(object([("user", address.user().into()), ("host", address.host().as_str().into())]))
}

/// `ocm.contact`: an address that somebody entered.
pub(in super::super) fn contact(_: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let typed = members.text("address")?;
    let listed = listed(&mut members)?;
    let trust = GivenTrust::take(&mut members)?;
    members.finish()?;
    Ok(told(&enter(typed, &trust.lend(), &listed)?))
}

/// `ocm.directory`: the servers of a federation, from the payload of its signed list.
pub(in super::super) fn directory(_: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let payload = members.object("payload")?;
    let listed = listed(&mut members)?;
    members.finish()?;
    let directory = Directory::from_object(payload, &listed)?;
    let server = |(host, name): &(Host, String)| {
        Value::Object(object([("host", host.as_str().into()), ("name", name.as_str().into())]))
    };
    let servers: Vec<Value> = directory.servers.iter().map(server).collect();
    Ok(object([("federation", directory.federation.into()), ("servers", Value::Array(servers))]))
}

/// `ocm.wayf`: where a page that asks people where they are from sends them with an invite.
pub(in super::super) fn wayf(_: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let host = members.text("host")?;
    let listed = listed(&mut members)?;
    let discovery = document(&mut members, "document", &listed, call.trace)?;
    let invite = members.text("invite")?;
    let trust = GivenTrust::take(&mut members)?;
    members.finish()?;
    let host = Host::parse(host)?;
    portcullis_ocm::check_server(&host, &trust.lend(), &listed)?;
    let invite = Invite::parse(invite, &listed)?;
    let url = discovery.accept_url(&host, invite.token.expose(), &invite.provider)?;
    Ok(object([("url", url.into())]))
}

/// `ocm.invite`
pub(in super::super) fn invite(_: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let text = members.text("invite")?;
    let listed = listed(&mut members)?;
    members.finish()?;
    let invite = Invite::parse(text, &listed)?;
    Ok(object([("token", invite.token.expose().into()), ("provider", invite.provider.as_str().into())]))
}

/// `ocm.accept`: the body of an acceptance against the invite that is kept, if there is one.
pub(in super::super) fn accept(_: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let acceptance = members.object("acceptance")?;
    let held = members.optional_object("invite")?;
    let signer = members.text("signer")?;
    let listed = listed(&mut members)?;
    let trust = GivenTrust::take(&mut members)?;
    members.finish()?;
    let signer = Host::parse(signer)?;
    let held = held.map(HeldInvite::from_object).transpose()?;
    let acceptance = Acceptance::from_object(acceptance).map_err(answered(invite_status))?;
    let contact =
        portcullis_ocm::accept(&acceptance, held.as_ref(), &signer, &trust.lend(), &listed, call.at, call.trace)
            .map_err(answered(invite_status))?;
    Ok(told(&contact))
}
