//! `portcullis:ocm/notifications`

use portcullis_crypto::KeySet;
use portcullis_ocm::{
    HeldShare as Held, Host, SignedCode,
    notification::{self as rules, Notification as Told},
    signed::{self, Body},
};
use portcullis_signature as signature;
use portcullis_types::{Findings, Rejection as Refused, Trace, trace::Silent};

use super::{
    addresses::spoken,
    protocols::{held, protocols, state},
    requests::{malformed, refused, times, verified, with_request},
};
use crate::{
    Component,
    bindings::exports::portcullis::{
        crypto::keys::KeySetBorrow,
        ocm::{
            addresses::PeersBorrow,
            notifications::{Change, Guest, Notification, NotificationType, Report, Taken},
            requests::{Expectations, Refusal, Request},
            shares::HeldShare,
        },
        types::types::Timestamp,
    },
    convert,
    keys::Keys,
};

/// The keys of the two servers of a share.
struct Parties<'k> {
    sender: Option<KeySetBorrow<'k>>,
    receiver: Option<KeySetBorrow<'k>>,
}

impl Parties<'_> {
    /// Those of one of them.
    fn of(&self, host: &Host, share: &Held) -> Option<&KeySet> {
        let keys = if host == share.sender.host() { &self.sender } else { &self.receiver };
        keys.as_ref().map(|keys| &keys.get::<Keys>().0)
    }
}

impl Guest for Component {
    fn read_untrusted(request: Request) -> Result<Notification, Refusal> {
        with_request(&request, read)
            .map(|told| Notification {
                kind: kind(told.kind),
                provider_id: told.provider_id,
                resource_type: told.resource_type,
            })
            .map_err(refused)
    }

    fn judge(
        request: Request,
        share: HeldShare,
        sender: Option<KeySetBorrow<'_>>,
        receiver: Option<KeySetBorrow<'_>>,
        peers: PeersBorrow<'_>,
        expect: Expectations,
        at: Timestamp,
    ) -> Result<Taken, Refusal> {
        judge(&request, &share, &Parties { sender, receiver }, &peers, &expect, at, &mut Silent)
    }

    fn explain(
        request: Request,
        share: HeldShare,
        sender: Option<KeySetBorrow<'_>>,
        receiver: Option<KeySetBorrow<'_>>,
        peers: PeersBorrow<'_>,
        expect: Expectations,
        at: Timestamp,
    ) -> Report {
        let mut findings = Findings::default();
        let outcome = judge(&request, &share, &Parties { sender, receiver }, &peers, &expect, at, &mut findings);
        Report { findings: findings.0.into_iter().map(convert::finding).collect(), outcome }
    }
}

fn read(request: &signature::Request<'_>) -> Result<Told, Refused> {
    match Body::of(request)? {
        Body::Json(object) => Told::from_object(&object),
        Body::Form(_) => Err(Refused::new(SignedCode::Body, "a notification is JSON")),
    }
}

fn judge(
    request: &Request,
    share: &HeldShare,
    parties: &Parties<'_>,
    peers: &PeersBorrow<'_>,
    expect: &Expectations,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<Taken, Refusal> {
    let listed = &spoken(peers).listed;
    let share = held(share, listed).map_err(malformed)?;
    with_request(request, |request| {
        let told = read(request)?;
        let hosts = told.parties(&share);
        let known = hosts.iter().filter_map(|host| parties.of(host, &share).map(|keys| (host, keys)));
        let signed = signed::verify_party(request, &known.collect::<Vec<_>>(), &times(expect), at, trace)?;
        let taken = rules::judge(&told, &share, &signed.signer, listed, trace)?;
        Ok(Taken {
            change: change(taken.change),
            state: taken.change.state().map(state),
            protocols: taken.protocols.as_ref().map(protocols),
            signed: verified(signed),
        })
    })
    .map_err(refused)
}

fn kind(kind: rules::NotificationType) -> NotificationType {
    match kind {
        rules::NotificationType::ShareAccepted => NotificationType::ShareAccepted,
        rules::NotificationType::ShareDeclined => NotificationType::ShareDeclined,
        rules::NotificationType::ShareUnshared => NotificationType::ShareUnshared,
        rules::NotificationType::ShareChangePermission => NotificationType::ShareChangePermission,
        rules::NotificationType::ReshareChangePermission => NotificationType::ReshareChangePermission,
        rules::NotificationType::RequestReshare => NotificationType::RequestReshare,
        rules::NotificationType::ReshareUndo => NotificationType::ReshareUndo,
    }
}

fn change(change: rules::Change) -> Change {
    match change {
        rules::Change::Accepted => Change::Accepted,
        rules::Change::Declined => Change::Declined,
        rules::Change::Updated => Change::Updated,
        rules::Change::Unshared => Change::Unshared,
        rules::Change::ReshareRequested => Change::ReshareRequested,
        rules::Change::ReshareUndone => Change::ReshareUndone,
    }
}
