//! Notifications about shares, each from the party that may send it (sections Share Acceptance Notification, Share Deletion, Share
//! Updating, Resharing).

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use portcullis_types::{
    Rejection,
    json::Object,
    limits::excerpt,
    origin::Origin,
    trace::{Trace, check},
};

use crate::{
    Host, NotificationCode,
    member::Reader,
    share::{HeldShare, Permission, Protocols, ShareState, words},
};

const ACCEPTANCE: &str = "draft-ietf-ocm-open-cloud-mesh-05, Share Acceptance Notification";
const DELETION: &str =
    "draft-ietf-ocm-open-cloud-mesh-05, Share Acceptance Notification; Share Deletion; Share Updating";

words! {
    /// What a notification is about.
    pub enum NotificationType {
        /// The receiving party takes the share.
        ShareAccepted = "SHARE_ACCEPTED",
        /// The receiving party does not want it.
        ShareDeclined = "SHARE_DECLINED",
        /// The sender has taken it back; or the receiving party, who accepted it, does not want it any more.
        ShareUnshared = "SHARE_UNSHARED",
        /// The sender has changed it (ownCloud and CERNBox).
        ShareChangePermission = "SHARE_CHANGE_PERMISSION",
        /// The same, in the name that the draft registers as experimental.
        ReshareChangePermission = "RESHARE_CHANGE_PERMISSION",
        /// The receiving party wants it shared further.
        RequestReshare = "REQUEST_RESHARE",
        /// The receiving party does not want that any more.
        ReshareUndo = "RESHARE_UNDO",
    }
}

/// What comes of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The share is accepted.
    Accepted,
    /// The share is declined.
    Declined,
    /// The share is another now.
    Updated,
    /// The share is none any more.
    Unshared,
    /// The receiving party asks for a further share. The sender decides.
    ReshareRequested,
    /// The receiving party asks for it no more.
    ReshareUndone,
}

impl Change {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Change::Accepted => "accepted",
            Change::Declined => "declined",
            Change::Updated => "updated",
            Change::Unshared => "unshared",
            Change::ReshareRequested => "reshare-requested",
            Change::ReshareUndone => "reshare-undone",
        }
    }

    /// The state that the share is in afterwards; nothing where it stays as it is.
    pub fn state(self) -> Option<ShareState> {
        match self {
            Change::Accepted => Some(ShareState::Accepted),
            Change::Declined => Some(ShareState::Declined),
            Change::Unshared => Some(ShareState::Unshared),
            Change::Updated | Change::ReshareRequested | Change::ReshareUndone => None,
        }
    }
}

/// A notification about a share.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    /// What it is about.
    pub kind: NotificationType,
    /// What the share is known by at the sender.
    pub provider_id: String,
    /// The kind of resource.
    pub resource_type: Option<String>,
    /// What comes with it.
    pub details: Object,
}

impl Notification {
    /// Reads the body of `POST {endPoint}/notifications`.
    ///
    /// Errors: `ocm.notification_member_*`, `ocm.notification_type`.
    pub fn from_object(object: &Object) -> Result<Self, Rejection> {
        let read =
            Reader::new("the notification", object, NotificationCode::MemberMissing, NotificationCode::MemberType);
        let word = read.text("notificationType")?;
        let kind = NotificationType::from_name(word).ok_or_else(|| {
            Rejection::new(NotificationCode::Type, format!("{} is no notification about a share", excerpt(word)))
        })?;
        Ok(Self {
            kind,
            provider_id: read.text("providerId")?.to_owned(),
            resource_type: read.optional_text("resourceType")?.map(ToOwned::to_owned),
            details: read.optional_object("notification")?.cloned().unwrap_or_default(),
        })
    }

    /// Which servers may send it about a share, those that may first. What a body of this kind says of itself is nothing, so that a
    /// verifier asks the keys of these in turn, and no others.
    pub fn parties(&self, share: &HeldShare) -> Vec<Host> {
        let (sender, receiver) = (share.sender.host().clone(), share.share_with.host().clone());
        match self.may_be_from(share) {
            Party::Receiver => alloc::vec![receiver, sender],
            Party::Sender | Party::Either => alloc::vec![sender, receiver],
        }
    }

    fn may_be_from(&self, share: &HeldShare) -> Party {
        match self.kind {
            NotificationType::ShareAccepted
            | NotificationType::ShareDeclined
            | NotificationType::RequestReshare
            | NotificationType::ReshareUndo => Party::Receiver,
            NotificationType::ShareChangePermission | NotificationType::ReshareChangePermission => Party::Sender,
            // Share Deletion: acceptance followed by this is a declined share.
            NotificationType::ShareUnshared if share.state == ShareState::Accepted => Party::Either,
            NotificationType::ShareUnshared => Party::Sender,
        }
    }
}

/// Who may send a notification.
enum Party {
    Sender,
    Receiver,
    Either,
}

/// What a notification that is taken comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    /// What comes of it.
    pub change: Change,
    /// The ways to the resource from now on, where it says so.
    pub protocols: Option<Protocols>,
}

/// Judges a notification about a share that is kept; `signer` is whose signature verified. A notification without signature is none:
/// nobody could say whom it is from.
///
/// Errors: `ocm.notification_*`, `ocm.reshare_not_granted`, `ocm.share_*` for what a share is changed to.
pub fn judge(
    notification: &Notification,
    share: &HeldShare,
    signer: &Host,
    listed: &[Origin],
    trace: &mut dyn Trace,
) -> Result<Taken, Rejection> {
    check(trace, "share", ACCEPTANCE, about(notification, share), |()| excerpt(&share.provider_id))?;
    check(trace, "party", DELETION, party(notification, share, signer), |()| format!("{signer}"))?;
    check(trace, "state", DELETION, open(share), |()| share.state.name().into())?;
    let taken = taken(notification, share, signer, listed);
    check(trace, "change", DELETION, taken, |taken| taken.change.name().into())
}

/// It names the share, and knows its secret where it has one with it.
fn about(notification: &Notification, share: &HeldShare) -> Result<(), Rejection> {
    let refuse = |what: &str| Err(Rejection::new(NotificationCode::Share, what));
    if notification.provider_id != share.provider_id {
        return refuse("providerId is that of another share");
    }
    if let (Some(named), Some(kept)) = (&notification.resource_type, &share.resource_type)
        && named != kept
    {
        return refuse("resourceType is another than the share's");
    }
    let secret = notification.details.get("sharedSecret")?.map(|value| value.as_str().unwrap_or_default());
    if let (Some(secret), Some(protocols)) = (secret, &share.protocols)
        && protocols.of_secret(secret).is_none()
    {
        return refuse("the sharedSecret is not the share's");
    }
    Ok(())
}

/// The party that it is from may send it.
fn party(notification: &Notification, share: &HeldShare, signer: &Host) -> Result<(), Rejection> {
    let (is_sender, is_receiver) = (share.sender.host() == signer, share.share_with.host() == signer);
    let (may, who) = match notification.may_be_from(share) {
        Party::Sender => (is_sender, "the sender's server"),
        Party::Receiver => (is_receiver, "the receiver's server"),
        Party::Either => (is_sender || is_receiver, "a server of the share"),
    };
    if may {
        return Ok(());
    }
    let what = format!("{} is for {who}, and {signer} signed", notification.kind.name());
    Err(Rejection::new(NotificationCode::Party, what))
}

/// Nothing happens to a share that is none any more.
fn open(share: &HeldShare) -> Result<(), Rejection> {
    if share.state.is_open() {
        return Ok(());
    }
    Err(Rejection::new(NotificationCode::State, format!("the share is {} already", share.state.name())))
}

fn taken(notification: &Notification, share: &HeldShare, signer: &Host, listed: &[Origin]) -> Result<Taken, Rejection> {
    let change = match notification.kind {
        NotificationType::ShareAccepted => Change::Accepted,
        NotificationType::ShareDeclined => Change::Declined,
        // Share Deletion: from the receiver's server, the same as a declined share.
        NotificationType::ShareUnshared if share.sender.host() != signer => Change::Declined,
        NotificationType::ShareUnshared => Change::Unshared,
        NotificationType::ShareChangePermission | NotificationType::ReshareChangePermission => Change::Updated,
        NotificationType::ReshareUndo => Change::ReshareUndone,
        NotificationType::RequestReshare => {
            // Section Resharing: not without the explicit grant.
            if !share.protocols.as_ref().is_some_and(|protocols| protocols.grants(Permission::Share)) {
                let what = "no protocol of the share grants the permission share";
                return Err(Rejection::new(crate::ShareCode::ReshareNotGranted, what));
            }
            Change::ReshareRequested
        }
    };
    let protocols = match (change, notification.details.get("protocol")?) {
        (Change::Updated, Some(value)) => {
            let object = value.as_object().ok_or_else(|| {
                Rejection::new(NotificationCode::MemberType, "protocol of the notification is no object")
            })?;
            let changed = Protocols::from_object(object, listed)?;
            as_strict(share, &changed)?;
            Some(changed)
        }
        _ => None,
    };
    Ok(Taken { change, protocols })
}

/// What a share requires is not taken from it by a message: a new share can be made without it.
fn as_strict(share: &HeldShare, changed: &Protocols) -> Result<(), Rejection> {
    let Some(protocols) = &share.protocols else { return Ok(()) };
    let (before, after) = (protocols.requirements, changed.requirements);
    if (before.exchange && !after.exchange) || (before.mfa && !after.mfa) {
        let what = "the change takes a requirement from the share";
        return Err(Rejection::new(NotificationCode::Loosened, what));
    }
    Ok(())
}
