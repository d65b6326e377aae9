//! `portcullis:ocm/addresses`

use portcullis_ocm::{self as ocm, Address as Known, Contacts, Host, Trust};
use portcullis_types::{Rejection as Refused, json, origin::Origin};

use crate::{
    Component,
    bindings::exports::portcullis::{
        ocm::addresses::{Address, Contact, Guest, GuestPeers, PeerLists, Peers, PeersBorrow, Source},
        types::types::Rejection,
    },
    convert,
};

/// The resource behind a handle.
pub(crate) struct Spoken {
    denied: Vec<Host>,
    allowed: Option<Vec<Host>>,
    pub(super) listed: Vec<Origin>,
}

impl Spoken {
    /// Whom a server trusts, with those who may share with the receiving party.
    pub(super) fn trust<'t>(&'t self, contacts: Contacts<'t>) -> Trust<'t> {
        Trust { denied: &self.denied, allowed: self.allowed.as_deref(), contacts }
    }

    fn read(lists: &PeerLists) -> Result<Self, Refused> {
        let hosts = |texts: &[String]| texts.iter().map(|text| Host::parse(text)).collect::<Result<Vec<_>, _>>();
        Ok(Self {
            denied: hosts(&lists.denied)?,
            allowed: lists.allowed.as_deref().map(hosts).transpose()?,
            listed: lists.listed.iter().map(|text| ocm::parse_listed(text)).collect::<Result<_, _>>()?,
        })
    }
}

/// The resource of a handle.
pub(super) fn spoken<'p>(peers: &'p PeersBorrow<'_>) -> &'p Spoken {
    peers.get::<Spoken>()
}

impl GuestPeers for Spoken {
    fn make(lists: PeerLists) -> Result<Peers, Rejection> {
        Self::read(&lists).map(Peers::new).map_err(convert::rejection)
    }

    fn check(&self, host: String) -> Result<String, Rejection> {
        let trust = self.trust(Contacts::default());
        Host::parse(&host)
            .and_then(|host| ocm::check_server(&host, &trust, &self.listed).map(ToString::to_string))
            .map_err(convert::rejection)
    }
}

impl Guest for Component {
    type Peers = Spoken;

    fn parse(text: String) -> Result<Address, Rejection> {
        Known::parse(&text)
            .map(|address| Address { user: address.user().into(), host: address.host().as_str().into() })
            .map_err(convert::rejection)
    }

    fn enter(typed: String, peers: PeersBorrow<'_>) -> Result<Contact, Rejection> {
        let peers = spoken(&peers);
        ocm::enter(&typed, &peers.trust(Contacts::default()), &peers.listed)
            .map(|entry| contact(&entry))
            .map_err(convert::rejection)
    }
}

pub(super) fn contact(entry: &ocm::Contact) -> Contact {
    Contact {
        address: entry.address.to_string(),
        name: entry.name.clone(),
        email: entry.email.clone(),
        source: match entry.source {
            ocm::Source::Invite => Source::Invite,
            ocm::Source::Share => Source::Share,
            ocm::Source::DirectEntry => Source::DirectEntry,
        },
        trusted: entry.is_mutual(),
        card: json::to_text(&entry.to_js_contact()),
    }
}
