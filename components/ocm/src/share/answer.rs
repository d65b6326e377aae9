//! The answer to a share (section Share Creation Notification, Response).

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use portcullis_types::{Rejection, json::Object};

use super::Protocols;
use crate::{ShareCode, member::Reader};

/// The answer to a share that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareAnswer {
    /// What people call the receiving party.
    pub recipient_display_name: String,
    /// Their public key or keys, for SSH.
    pub recipient_public_keys: Option<String>,
}

impl ShareAnswer {
    /// Reads an answer, at the sender: status 201, a name, and with SSH a key.
    ///
    /// Errors: `ocm.share_refused` for any status but 201; `ocm.share_answer`.
    pub fn read(status: u16, object: &Object, protocols: &Protocols) -> Result<Self, Rejection> {
        let why = match status {
            201 => None,
            400 => Some("something of the share is invalid or missing"),
            401 => Some("the receiver cannot authenticate this server"),
            403 => Some("the receiver takes no shares from here"),
            501 => Some("the receiver takes no such shares"),
            503 => Some("the receiver cannot take shares at the moment"),
            _ => Some("the answer is none to a share"),
        };
        if let Some(why) = why {
            return Err(Rejection::new(ShareCode::Refused, format!("status {status}: {why}")));
        }
        let read = Reader::new("the answer", object, ShareCode::Answer, ShareCode::Answer);
        let answer = Self {
            recipient_display_name: read.text("recipientDisplayName")?.to_owned(),
            recipient_public_keys: read.optional_text("recipientPublicKeys")?.map(ToOwned::to_owned),
        };
        if protocols.ssh.is_some() && answer.recipient_public_keys.as_deref().is_none_or(str::is_empty) {
            return Err(Rejection::new(ShareCode::Answer, "the share is by SSH, and the answer has no public key"));
        }
        Ok(answer)
    }

    /// The JSON of the answer, which goes with status 201.
    pub fn to_object(&self) -> Object {
        let mut members = Vec::from([("recipientDisplayName".into(), self.recipient_display_name.as_str().into())]);
        let keys = self.recipient_public_keys.as_deref();
        members.extend(keys.map(|keys| ("recipientPublicKeys".into(), keys.into())));
        Object::from_members(members)
    }
}
