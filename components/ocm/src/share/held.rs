//! A share as either server keeps it: what was told of it, and what became of it.

use alloc::{borrow::ToOwned, format, string::String};

use portcullis_types::{Rejection, Timestamp, json::Object, limits::excerpt, origin::Origin};

use super::{Protocols, expiration, reader, words};
use crate::{Address, Discovery, ShareCode};

words! {
    /// What became of a share.
    pub enum ShareState {
        /// It was told, and nobody answered. It can be used: the receiver need not answer.
        Pending = "pending",
        /// The receiving party took it.
        Accepted = "accepted",
        /// The receiving party does not want it.
        Declined = "declined",
        /// The sender took it back.
        Unshared = "unshared",
    }
}

impl ShareState {
    /// Whether the share is still one.
    pub fn is_open(self) -> bool {
        matches!(self, ShareState::Pending | ShareState::Accepted)
    }
}

/// A share as a server keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldShare {
    /// What it is known by at the sender.
    pub provider_id: String,
    /// Who owns the resource.
    pub owner: Address,
    /// Who shared it.
    pub sender: Address,
    /// Who got it.
    pub share_with: Address,
    /// The kind of resource, where it is kept.
    pub resource_type: Option<String>,
    /// When it ends, in seconds since 1970.
    pub expiration: Option<Timestamp>,
    /// The ways to the resource, where they are kept.
    pub protocols: Option<Protocols>,
    /// What became of it.
    pub state: ShareState,
}

impl HeldShare {
    /// Reads the notification that told of it, with `state` beside its members (`pending` where it is left out). What the rules for
    /// kept shares do not need may be missing.
    ///
    /// Errors: `ocm.share_*`, `ocm.address_*`, `ocm.peer_*`.
    pub fn from_object(object: &Object, listed: &[Origin]) -> Result<Self, Rejection> {
        let read = reader(object);
        let state = match read.optional_text("state")? {
            None => ShareState::Pending,
            Some(word) => ShareState::from_name(word).ok_or_else(|| {
                Rejection::new(ShareCode::MemberType, format!("{} is no state of a share", excerpt(word)))
            })?,
        };
        Ok(Self {
            share_with: read.address("shareWith")?,
            provider_id: read.text("providerId")?.to_owned(),
            owner: read.address("owner")?,
            sender: read.address("sender")?,
            resource_type: read.optional_text("resourceType")?.map(ToOwned::to_owned),
            expiration: expiration(&read)?,
            protocols: read
                .optional_object("protocol")?
                .map(|protocol| Protocols::from_object(protocol, listed))
                .transpose()?,
            state,
        })
    }

    /// Where the resource is by WebDAV, or what is `inside` of it where it is a folder; nothing where the share does not say, as in
    /// the form of version 1.0. `sender` is the discovery document of the sender's server.
    ///
    /// Errors: those of [`super::WebdavUri::resource_url`].
    pub fn webdav_url(&self, sender: &Discovery, inside: Option<&str>) -> Result<Option<String>, Rejection> {
        let webdav = self.protocols.as_ref().and_then(|protocols| protocols.webdav.as_ref());
        let kind = self.resource_type.as_deref().unwrap_or("file");
        let uri = webdav.and_then(|webdav| webdav.uri.as_ref());
        uri.map(|uri| uri.resource_url(self.sender.host(), sender, kind, inside)).transpose()
    }

    /// Whether it gives access at a time: it was neither declined nor taken back, and has not ended.
    ///
    /// Error: `ocm.access_share_ended`.
    pub fn check_open(&self, at: Timestamp) -> Result<(), Rejection> {
        let refuse = |what: String| Err(Rejection::new(crate::AccessCode::ShareEnded, what));
        if !self.state.is_open() {
            return refuse(format!("the share is {}", self.state.name()));
        }
        match self.expiration {
            Some(end) if at >= end => refuse(format!("the share ended at {end}, and it is {at}")),
            _ => Ok(()),
        }
    }
}
