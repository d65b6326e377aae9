//! `portcullis:ocm/discovery`

use portcullis_ocm::{
    self as ocm, Discovery, Host,
    discovery::{self},
    endpoint,
};
use portcullis_types::{Findings, Trace, json, trace::Silent};

use super::addresses::spoken;
use crate::{
    Component,
    bindings::exports::portcullis::{
        ocm::{
            addresses::PeersBorrow,
            discovery::{
                Description, Document, DocumentBorrow, Endpoint, Guest, GuestDocument, Place, Report, ResourceType,
                Target, UriForm,
            },
        },
        types::types::Rejection,
    },
    convert,
};

/// The resource behind a handle.
pub(crate) struct Described(Discovery);

/// The document of a handle.
pub(super) fn document<'d>(document: &'d DocumentBorrow<'_>) -> &'d Discovery {
    &document.get::<Described>().0
}

impl GuestDocument for Described {
    fn parse(document: Vec<u8>, peers: PeersBorrow<'_>) -> Result<Document, Rejection> {
        read(&document, &peers, &mut Silent).map(|found| Document::new(Self(found))).map_err(convert::rejection)
    }

    fn describe(&self) -> Description {
        description(&self.0)
    }

    fn keys_url(&self, host: String, peers: PeersBorrow<'_>) -> Result<String, Rejection> {
        Host::parse(&host).and_then(|host| self.0.keys_url(&host, &spoken(&peers).listed)).map_err(convert::rejection)
    }

    fn place_of(&self, url: String) -> Place {
        match endpoint::Place::of(&self.0, &url) {
            endpoint::Place::Endpoint(found) => Place::At(match found {
                endpoint::Endpoint::Shares => Endpoint::Shares,
                endpoint::Endpoint::Notifications => Endpoint::Notifications,
                endpoint::Endpoint::InviteAccepted => Endpoint::InviteAccepted,
                endpoint::Endpoint::RequestShare => Endpoint::RequestShare,
                endpoint::Endpoint::Token => Endpoint::Token,
            }),
            endpoint::Place::Nowhere => Place::Nowhere,
            endpoint::Place::Elsewhere => Place::Elsewhere,
        }
    }
}

impl Guest for Component {
    type Document = Described;

    fn explain(document: Vec<u8>, peers: PeersBorrow<'_>) -> Report {
        let mut findings = Findings::default();
        let outcome = read(&document, &peers, &mut findings);
        Report {
            findings: findings.0.into_iter().map(convert::finding).collect(),
            outcome: outcome.map(|found| description(&found)).map_err(convert::rejection),
        }
    }

    fn document_url(host: String, peers: PeersBorrow<'_>) -> Result<String, Rejection> {
        Host::parse(&host)
            .and_then(|host| ocm::discovery_url(&host, &spoken(&peers).listed))
            .map_err(convert::rejection)
    }

    fn check_path(path: String) -> Result<(), Rejection> {
        discovery::check_path(&path).map_err(convert::rejection)
    }
}

fn read(
    document: &[u8],
    peers: &PeersBorrow<'_>,
    trace: &mut dyn Trace,
) -> Result<Discovery, portcullis_types::Rejection> {
    json::parse_object(document).and_then(|object| Discovery::from_object(&object, &spoken(peers).listed, trace))
}

fn description(found: &Discovery) -> Description {
    Description {
        api_version: found.api_version.clone(),
        end_point: found.end_point.clone(),
        provider: found.provider.clone(),
        resource_types: found.resource_types.iter().map(resource_type).collect(),
        capabilities: found.capabilities.clone(),
        criteria: found.criteria.clone(),
        invite_accept_dialog: found.invite_accept_dialog.clone(),
        token_end_point: found.token_end_point.clone(),
        jwks_uri: found.jwks_uri.clone(),
        shares_url: found.shares_url(),
        notifications_url: found.notifications_url(),
        invite_accepted_url: found.invite_accepted_url(),
        request_share_url: found.request_share_url(),
    }
}

fn resource_type(of: &ocm::ResourceType) -> ResourceType {
    let form = |form| match form {
        ocm::UriForm::Absolute => UriForm::Absolute,
        ocm::UriForm::Relative => UriForm::Relative,
    };
    ResourceType {
        name: of.name.clone(),
        share_types: of.share_types.clone(),
        webdav: of.webdav.clone(),
        webdav_receive: of.webdav_receive.map(form),
        webapp_receive: of.webapp_receive.as_deref().map(targets),
        protocols: of.protocols.clone(),
    }
}

pub(super) fn targets(targets: &[ocm::Target]) -> Vec<Target> {
    let target = |target: &ocm::Target| match target {
        ocm::Target::Blank => Target::Blank,
        ocm::Target::Iframe => Target::Iframe,
    };
    targets.iter().map(target).collect()
}

pub(super) fn target_from(target: Target) -> ocm::Target {
    match target {
        Target::Blank => ocm::Target::Blank,
        Target::Iframe => ocm::Target::Iframe,
    }
}
