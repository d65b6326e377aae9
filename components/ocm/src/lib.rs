//! Open Cloud Mesh: servers that share resources with each other's users (draft-ietf-ocm-open-cloud-mesh-05).
//!
//! In the order of the text: addresses and contacts ([`Address`], [`Invite`], [`enter`]), what servers say of themselves
//! ([`Discovery`]), signed requests ([`signed`]), shares ([`Share`], [`receive`]), notifications about them ([`notification`]), access
//! to what is shared ([`access`]) and the exchange of secrets for tokens ([`token`]). Who stands before a server without its shares judges
//! what is to be known without them ([`endpoint`]).
//!
//! Nothing is fetched here. The URLs that a server is asked at are admitted by their form ([`admit`]); discovery documents and keys
//! come from the host.
//!
//! ```
//! use portcullis_ocm::{Discovery, Host, Receiver, Share, SignedBy, Trust, receive};
//! use portcullis_types::{Silent, json};
//!
//! let server = |host: &str| {
//!     let text = format!(
//!         r#"{{"enabled":true,"apiVersion":"1.4.0","endPoint":"https://{host}/ocm","resourceTypes":[{{"name":"file",
//!            "shareTypes":["user"],"protocols":{{"webdav":"/dav/"}}}}],"capabilities":["exchange-token","http-sig"],
//!            "tokenEndPoint":"https://{host}/ocm/token"}}"#
//!     );
//!     Discovery::from_object(&json::parse_object(text.as_bytes())?, &[], &mut Silent)
//! };
//! let (sender, receiver) = (server("sender.example.org")?, server("receiver.example.org")?);
//! let share = json::parse_object(
//!     br#"{"shareWith":"marie@receiver.example.org","name":"spec.yaml","providerId":"7c08","owner":"albert@sender.example.org",
//!          "sender":"albert@sender.example.org","shareType":"user","resourceType":"file","protocol":{"name":"multi","webdav":
//!          {"uri":"7c08","sharedSecret":"hfiuhworzwnur98d3wjiwhr","requirements":["must-exchange-token"]}}}"#,
//! )?;
//! let share = Share::from_object(&share, &[], &mut Silent)?;
//! let (host, peer) = (Host::parse("receiver.example.org")?, Host::parse("sender.example.org")?);
//! let here = Receiver { host: &host, discovery: &receiver, trust: Trust::default() };
//! let received = receive(&share, &here, &sender, SignedBy::Host(&peer), 1_790_000_000, &mut Silent)?;
//! assert_eq!(received.access[0].name(), "exchange");
//!
//! let unsigned = receive(&share, &here, &sender, SignedBy::Nobody, 1_790_000_000, &mut Silent);
//! assert_eq!(unsigned.unwrap_err().code(), "ocm.share_unsigned");
//! # Ok::<(), portcullis_types::Rejection>(())
//! ```

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod access;
mod address;
mod answer;
mod code;
mod contact;
mod directory;
pub mod discovery;
pub mod endpoint;
mod form;
mod invite;
mod member;
pub mod notification;
mod peer;
mod request;
mod secret;
mod share;
pub mod signed;
#[cfg(test)]
mod tests;
pub mod token;

pub use address::{Address, Host, MAX_ADDRESS, MAX_HOST};
pub use answer::{invite_status, share_status, token_status};
pub use code::{
    AccessCode, ContactCode, DirectoryCode, DiscoveryCode, InviteCode, NotificationCode, PeerCode, ShareCode,
    SignedCode, TokenCode,
};
pub use contact::{Contact, Source, accept_url, check_server, enter};
pub use directory::{Directory, MAX_SERVERS};
pub use discovery::{Discovery, ResourceType, UriForm};
pub use form::Form;
pub use invite::{Acceptance, HeldInvite, Invite, InviteState, MAX_INVITE, accept, accepted};
pub use peer::{DISCOVERY_PATH, KEYS_PATH, LEGACY_DISCOVERY_PATH, admit, discovery_url, keys_url, parse_listed};
pub use request::RequestForShare;
pub use secret::{MAX_SECRET, Secret};
pub use share::{
    Access, AccessType, Contacts, HeldShare, Permission, Protocols, Received, Receiver, Requirement, Requirements,
    Share, ShareAnswer, ShareState, ShareType, SignedBy, Ssh, SshUri, Target, Trust, Webapp, Webdav, WebdavUri,
    check_creation, receive,
};
