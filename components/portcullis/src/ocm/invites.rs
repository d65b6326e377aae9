//! `portcullis:ocm/invites`

use portcullis_ocm::{
    self as ocm, Acceptance as Told, Address, Contacts, Host, Invite as Known, InviteCode, signed::read_json,
};
use portcullis_types::{Findings, Rejection as Refused, Trace, json, json::Object, trace::Silent};

use super::{
    addresses::{contact, spoken},
    answer,
    discovery::document,
    requests::{invite_refused, malformed},
    secret,
};
use crate::{
    Component,
    bindings::exports::portcullis::{
        ocm::{
            addresses::{Contact, PeersBorrow},
            discovery::DocumentBorrow,
            invites::{Acceptance, Guest, HeldInvite, Invite, InviteState, Report},
            requests::Refusal,
        },
        types::types::{Rejection, Timestamp},
    },
    convert,
};

impl Guest for Component {
    fn read(text: String, peers: PeersBorrow<'_>) -> Result<Invite, Rejection> {
        Known::parse(&text, &spoken(&peers).listed)
            .map(|invite| Invite { token: invite.token.expose().into(), provider: invite.provider.to_string() })
            .map_err(convert::rejection)
    }

    fn write(invite: Invite) -> Result<String, Rejection> {
        known(&invite).map(|invite| invite.to_text()).map_err(convert::rejection)
    }

    fn accept_url(
        host: String,
        of: DocumentBorrow<'_>,
        invite: Invite,
        peers: PeersBorrow<'_>,
    ) -> Result<String, Rejection> {
        let peers = spoken(&peers);
        Host::parse(&host)
            .and_then(|host| {
                ocm::check_server(&host, &peers.trust(Contacts::default()), &peers.listed)?;
                let invite = known(&invite)?;
                document(&of).accept_url(&host, invite.token.expose(), &invite.provider)
            })
            .map_err(convert::rejection)
    }

    fn write_acceptance(acceptance: Acceptance) -> Result<String, Rejection> {
        let Acceptance { recipient_provider, token, user, email, name } = acceptance;
        let object = Object::from_members(vec![
            ("recipientProvider".into(), recipient_provider.into()),
            ("token".into(), token.into()),
            ("userID".into(), user.into()),
            ("email".into(), email.into()),
            ("name".into(), name.into()),
        ]);
        Told::from_object(&object).map(|told| json::to_text(&told.to_object())).map_err(convert::rejection)
    }

    fn read_acceptance(body: Vec<u8>) -> Result<Acceptance, Refusal> {
        read(&body)
            .map(|told| Acceptance {
                recipient_provider: told.recipient_provider.to_string(),
                token: told.token.expose().into(),
                user: told.address.user().into(),
                email: told.email,
                name: told.name,
            })
            .map_err(invite_refused)
    }

    fn accept(
        body: Vec<u8>,
        held: Option<HeldInvite>,
        signer: String,
        peers: PeersBorrow<'_>,
        at: Timestamp,
    ) -> Result<Contact, Refusal> {
        accept(&body, held.as_ref(), &signer, &peers, at, &mut Silent)
    }

    fn explain(
        body: Vec<u8>,
        held: Option<HeldInvite>,
        signer: String,
        peers: PeersBorrow<'_>,
        at: Timestamp,
    ) -> Report {
        let mut findings = Findings::default();
        let outcome = accept(&body, held.as_ref(), &signer, &peers, at, &mut findings);
        Report { findings: findings.0.into_iter().map(convert::finding).collect(), outcome }
    }

    fn accepted(invite: Invite, status: u16, body: Vec<u8>) -> Result<Contact, Rejection> {
        known(&invite)
            .and_then(|invite| ocm::accepted(&invite, status, &answer(&body), &mut Silent))
            .map(|entry| contact(&entry))
            .map_err(convert::rejection)
    }
}

fn read(body: &[u8]) -> Result<Told, Refused> {
    Told::from_object(&read_json(body)?)
}

fn accept(
    body: &[u8],
    held: Option<&HeldInvite>,
    signer: &str,
    peers: &PeersBorrow<'_>,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<Contact, Refusal> {
    let signer = Host::parse(signer).map_err(malformed)?;
    let held = held.map(kept).transpose().map_err(malformed)?;
    let peers = spoken(peers);
    let trust = peers.trust(Contacts::default());
    read(body)
        .and_then(|told| ocm::accept(&told, held.as_ref(), &signer, &trust, &peers.listed, at, trace))
        .map(|entry| contact(&entry))
        .map_err(invite_refused)
}

fn known(invite: &Invite) -> Result<Known, Refused> {
    Ok(Known { token: token(&invite.token)?, provider: Host::parse(&invite.provider)? })
}

fn token(text: &str) -> Result<ocm::Secret, Refused> {
    secret(text, InviteCode::Form, "the token of the invite")
}

fn kept(held: &HeldInvite) -> Result<ocm::HeldInvite, Refused> {
    Ok(ocm::HeldInvite {
        token: token(&held.token)?,
        sender: Address::parse(&held.sender)?,
        state: match held.state {
            InviteState::Pending => ocm::InviteState::Pending,
            InviteState::Accepted => ocm::InviteState::Accepted,
            InviteState::Expired => ocm::InviteState::Expired,
        },
        expires: held.expires,
    })
}
