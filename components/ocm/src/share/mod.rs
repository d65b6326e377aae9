//! Shares: the Share Creation Notification, what its receiver decides, and what the sender has to see to before.
//!
//! Section Share Creation Notification, in its order: the fields here, the protocols in `protocol`, the decision in `receive`.

mod answer;
mod held;
mod names;
mod protocol;
mod receive;
mod uri;

use alloc::{borrow::ToOwned, format, string::String};

use portcullis_types::{
    Rejection, Timestamp,
    json::Object,
    limits::excerpt,
    origin::Origin,
    time::timestamp_from_json,
    trace::{Trace, check},
};

pub use answer::ShareAnswer;
pub use held::{HeldShare, ShareState};
pub(crate) use names::words;
pub use names::{AccessType, Permission, Requirement, ShareType, Target};
pub use protocol::{Protocols, Requirements, Ssh, Webapp, Webdav};
pub use receive::{Access, Contacts, Received, Receiver, SignedBy, Trust, check_creation, receive};
pub use uri::{SshUri, WebdavUri};

use crate::{Address, ShareCode, member::Reader};

/// Where the rules stand.
pub(crate) const FIELDS: &str = "draft-ietf-ocm-open-cloud-mesh-05, Share Creation Notification, Fields";

/// A Share Creation Notification, its fields judged each for itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    /// The user, group or federation that gets the share.
    pub share_with: Address,
    /// What the resource is called.
    pub name: String,
    /// What it is about.
    pub description: Option<String>,
    /// What the share is known by at the sender.
    pub provider_id: String,
    /// Who owns the resource.
    pub owner: Address,
    /// Who shares it.
    pub sender: Address,
    /// What people call the owner.
    pub owner_display_name: Option<String>,
    /// What people call the sender.
    pub sender_display_name: Option<String>,
    /// Whether `share_with` is a user, a group or a federation.
    pub share_type: ShareType,
    /// `file`, `folder`, `calendar` and so on.
    pub resource_type: String,
    /// When the share ends, in seconds since 1970; nothing means never.
    pub expiration: Option<Timestamp>,
    /// The ways to the resource.
    pub protocols: Protocols,
}

impl Share {
    /// Reads a notification, in the order of the text. `listed` are origins with a port that somebody answers for.
    ///
    /// Errors: `ocm.share_*`, `ocm.address_*`, `ocm.peer_*`.
    pub fn from_object(object: &Object, listed: &[Origin], trace: &mut dyn Trace) -> Result<Self, Rejection> {
        let read = reader(object);
        let share_with = check(trace, "shareWith", FIELDS, read.address("shareWith"), |it| excerpt(&format!("{it}")))?;
        let name = check(trace, "name", FIELDS, name(&read), |name| excerpt(name))?;
        let provider_id = check(trace, "providerId", FIELDS, read.text("providerId"), |id| excerpt(id))?;
        let owner = check(trace, "owner", FIELDS, read.address("owner"), |it| excerpt(&format!("{it}")))?;
        let sender = check(trace, "sender", FIELDS, read.address("sender"), |it| excerpt(&format!("{it}")))?;
        let share_type = check(trace, "share type", FIELDS, share_type(&read), |one| one.name().into())?;
        let resource_type = check(trace, "resource type", FIELDS, read.text("resourceType"), |one| excerpt(one))?;
        let expiration = expiration(&read)?;
        let protocols = Protocols::read(&read, listed);
        let protocols = check(trace, "protocols", FIELDS, protocols, |found| found.names().join(", "))?;
        let text = |name| read.optional_text(name).map(|text| text.map(ToOwned::to_owned));
        Ok(Self {
            share_with,
            name: name.to_owned(),
            description: text("description")?,
            provider_id: provider_id.to_owned(),
            owner,
            sender,
            owner_display_name: text("ownerDisplayName")?,
            sender_display_name: text("senderDisplayName")?,
            share_type,
            resource_type: resource_type.to_owned(),
            expiration,
            protocols,
        })
    }

    /// Whether it has ended.
    pub fn has_expired(&self, at: Timestamp) -> bool {
        self.expiration.is_some_and(|end| at >= end)
    }

    /// Section Resharing: nobody reshares without the sender's explicit grant, which is the permission `share`.
    ///
    /// Error: `ocm.reshare_not_granted`.
    pub fn check_reshare(&self) -> Result<(), Rejection> {
        if self.protocols.grants(Permission::Share) {
            return Ok(());
        }
        Err(Rejection::new(ShareCode::ReshareNotGranted, "no protocol of the share grants the permission share"))
    }
}

pub(crate) fn reader(object: &Object) -> Reader<'_, ShareCode> {
    Reader::new("the share", object, ShareCode::MemberMissing, ShareCode::MemberType)
}

/// A name that a file system could take for a place elsewhere is none: receivers mount shares by it.
fn name<'o>(read: &Reader<'o, ShareCode>) -> Result<&'o str, Rejection> {
    let name = read.text("name")?;
    let is_file = matches!(read.optional_text("resourceType")?, Some("file" | "folder"));
    if name.chars().any(char::is_control) || (is_file && (name.contains('/') || name == "." || name == "..")) {
        return Err(Rejection::new(ShareCode::Name, format!("{} is no name of a resource", excerpt(name))));
    }
    Ok(name)
}

fn share_type(read: &Reader<'_, ShareCode>) -> Result<ShareType, Rejection> {
    let text = read.text("shareType")?;
    ShareType::from_name(text).ok_or_else(|| {
        Rejection::new(ShareCode::TypeUnknown, format!("{} is no user, group or federation", excerpt(text)))
    })
}

pub(crate) fn expiration(read: &Reader<'_, ShareCode>) -> Result<Option<Timestamp>, Rejection> {
    let Some(value) = read.optional("expiration")? else { return Ok(None) };
    timestamp_from_json(value)
        .map(Some)
        .ok_or_else(|| read.wrong_type("expiration", value, "a whole number of seconds since 1970"))
}
