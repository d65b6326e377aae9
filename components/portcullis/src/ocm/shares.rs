//! `portcullis:ocm/shares`

use portcullis_ocm::{
    self as ocm, Address, Host, RequestForShare as Asked, Share as Told, check_creation, signed::read_json,
};
use portcullis_types::{Findings, Trace, json, origin::Origin, trace::Silent};

use super::{
    addresses::spoken,
    answer,
    discovery::{document, targets},
    protocols::protocols,
    requests::{malformed, refused},
};
use crate::{
    Component,
    bindings::exports::portcullis::{
        ocm::{
            addresses::PeersBorrow,
            discovery::DocumentBorrow,
            requests::Refusal,
            shares::{
                Access, Contacts, CreationReport, Guest, Received, Receiver, Report, RequestForShare, Share,
                ShareAnswer, ShareType, SignedBy,
            },
        },
        types::types::{Rejection, Timestamp},
    },
    convert,
};

/// The servers of a share, and whom they speak with.
struct Between<'b> {
    receiver: DocumentBorrow<'b>,
    sender: DocumentBorrow<'b>,
    peers: PeersBorrow<'b>,
}

impl Guest for Component {
    fn receive(
        notification: Vec<u8>,
        receiver: Receiver,
        receiver_document: DocumentBorrow<'_>,
        sender_document: DocumentBorrow<'_>,
        peers: PeersBorrow<'_>,
        at: Timestamp,
    ) -> Result<Received, Refusal> {
        receive(
            &notification,
            &receiver,
            &Between { receiver: receiver_document, sender: sender_document, peers },
            at,
            &mut Silent,
        )
    }

    fn explain(
        notification: Vec<u8>,
        receiver: Receiver,
        receiver_document: DocumentBorrow<'_>,
        sender_document: DocumentBorrow<'_>,
        peers: PeersBorrow<'_>,
        at: Timestamp,
    ) -> Report {
        let mut findings = Findings::default();
        let outcome = receive(
            &notification,
            &receiver,
            &Between { receiver: receiver_document, sender: sender_document, peers },
            at,
            &mut findings,
        );
        Report { findings: findings.0.into_iter().map(convert::finding).collect(), outcome }
    }

    fn check_creation(
        notification: Vec<u8>,
        receiver_document: DocumentBorrow<'_>,
        sender_document: DocumentBorrow<'_>,
        peers: PeersBorrow<'_>,
        at: Timestamp,
    ) -> Result<Share, Rejection> {
        create(&notification, &Between { receiver: receiver_document, sender: sender_document, peers }, at, &mut Silent)
    }

    fn explain_creation(
        notification: Vec<u8>,
        receiver_document: DocumentBorrow<'_>,
        sender_document: DocumentBorrow<'_>,
        peers: PeersBorrow<'_>,
        at: Timestamp,
    ) -> CreationReport {
        let mut findings = Findings::default();
        let outcome = create(
            &notification,
            &Between { receiver: receiver_document, sender: sender_document, peers },
            at,
            &mut findings,
        );
        CreationReport { findings: findings.0.into_iter().map(convert::finding).collect(), outcome }
    }

    fn check_reshare(notification: Vec<u8>, peers: PeersBorrow<'_>) -> Result<(), Rejection> {
        read(&notification, &spoken(&peers).listed, &mut Silent)
            .and_then(|share| share.check_reshare())
            .map_err(convert::rejection)
    }

    fn write_answer(answer: ShareAnswer) -> String {
        let ShareAnswer { recipient_display_name, recipient_public_keys } = answer;
        json::to_text(&ocm::ShareAnswer { recipient_display_name, recipient_public_keys }.to_object())
    }

    fn read_answer(
        notification: Vec<u8>,
        peers: PeersBorrow<'_>,
        status: u16,
        body: Vec<u8>,
    ) -> Result<ShareAnswer, Rejection> {
        read(&notification, &spoken(&peers).listed, &mut Silent)
            .and_then(|share| ocm::ShareAnswer::read(status, &answer(&body), &share.protocols))
            .map(|answer| ShareAnswer {
                recipient_display_name: answer.recipient_display_name,
                recipient_public_keys: answer.recipient_public_keys,
            })
            .map_err(convert::rejection)
    }

    fn read_request(body: Vec<u8>, signer: String, host: String) -> Result<RequestForShare, Refusal> {
        let (signer, host) =
            Host::parse(&signer).and_then(|signer| Ok((signer, Host::parse(&host)?))).map_err(malformed)?;
        read_json(&body)
            .and_then(|object| Asked::from_object(&object, &signer, &host))
            .map(|asked| RequestForShare {
                owner: asked.owner.to_string(),
                share_with: asked.share_with.to_string(),
                share: asked.share,
            })
            .map_err(refused)
    }
}

fn read(notification: &[u8], listed: &[Origin], trace: &mut dyn Trace) -> Result<Told, portcullis_types::Rejection> {
    Told::from_object(&read_json(notification)?, listed, trace)
}

fn receive(
    notification: &[u8],
    receiver: &Receiver,
    between: &Between<'_>,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<Received, Refusal> {
    let host = Host::parse(&receiver.host).map_err(malformed)?;
    let signer = match &receiver.signed_by {
        SignedBy::Host(text) => Some(Host::parse(text).map_err(malformed)?),
        SignedBy::Nobody | SignedBy::Elsewhere => None,
    };
    let signed_by = match (&receiver.signed_by, &signer) {
        (_, Some(host)) => ocm::SignedBy::Host(host),
        (SignedBy::Elsewhere, None) => ocm::SignedBy::Elsewhere,
        (_, None) => ocm::SignedBy::Nobody,
    };
    let book = match &receiver.contacts {
        Contacts::Only(texts) => texts.iter().map(|text| Address::parse(text)).collect(),
        Contacts::Unasked | Contacts::Elsewhere => Ok(Vec::new()),
    };
    let book = book.map_err(malformed)?;
    let contacts = match &receiver.contacts {
        Contacts::Unasked => ocm::Contacts::Unasked,
        Contacts::Only(_) => ocm::Contacts::Only(&book),
        Contacts::Elsewhere => ocm::Contacts::Elsewhere,
    };
    let peers = spoken(&between.peers);
    let here = ocm::Receiver { host: &host, discovery: document(&between.receiver), trust: peers.trust(contacts) };
    read(notification, &peers.listed, trace)
        .and_then(|share| {
            let taken = ocm::receive(&share, &here, document(&between.sender), signed_by, at, trace)?;
            Ok(received(&share, &taken))
        })
        .map_err(refused)
}

fn create(
    notification: &[u8],
    between: &Between<'_>,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<Share, Rejection> {
    read(notification, &spoken(&between.peers).listed, trace)
        .and_then(|told| {
            check_creation(&told, document(&between.receiver), document(&between.sender), at, trace)?;
            Ok(share(&told))
        })
        .map_err(convert::rejection)
}

fn received(told: &Told, taken: &ocm::Received) -> Received {
    let access = |one: &ocm::Access| match one {
        ocm::Access::Exchange => Access::Exchange,
        ocm::Access::SharedSecret => Access::SharedSecret,
        ocm::Access::PublicKey => Access::PublicKey,
        ocm::Access::Mfa => Access::Mfa,
    };
    Received {
        share: share(told),
        access: taken.access.iter().map(access).collect(),
        protocols: taken.protocols.clone(),
        targets: targets(&taken.targets),
        may_exchange: taken.may_exchange,
    }
}

fn share(told: &Told) -> Share {
    Share {
        share_with: told.share_with.to_string(),
        name: told.name.clone(),
        description: told.description.clone(),
        provider_id: told.provider_id.clone(),
        owner: told.owner.to_string(),
        sender: told.sender.to_string(),
        owner_display_name: told.owner_display_name.clone(),
        sender_display_name: told.sender_display_name.clone(),
        share_type: match told.share_type {
            ocm::ShareType::User => ShareType::User,
            ocm::ShareType::Group => ShareType::Group,
            ocm::ShareType::Federation => ShareType::Federation,
        },
        resource_type: told.resource_type.clone(),
        expiration: told.expiration,
        protocols: protocols(&told.protocols),
    }
}
