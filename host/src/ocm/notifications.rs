//! Notifications about shares, each from the party that may send it.
//!
//! ```no_run
//! use portcullis_host::ocm::addresses::Peers;
//! use portcullis_host::ocm::notifications::{PartyKeys, Taken};
//! use portcullis_host::ocm::requests::{Expectations, Refusal, Request};
//! use portcullis_host::ocm::shares::HeldShare;
//! use portcullis_host::{HostError, KeySet, Portcullis};
//!
//! /// What a notification comes to; `find` gets a share that this server sent, by what it is known by, and the keys of the server
//! /// that got it.
//! fn told(
//!     portcullis: &mut Portcullis,
//!     request: &Request,
//!     find: impl Fn(&mut Portcullis, &str) -> Option<(HeldShare, KeySet)>,
//!     peers: &Peers,
//!     now: u64,
//! ) -> Result<Option<Result<Taken, Refusal>>, HostError> {
//!     let named = match portcullis.read_ocm_notification_untrusted(request)? {
//!         Ok(named) => named,
//!         Err(refusal) => return Ok(Some(Err(refusal))),
//!     };
//!     let Some((share, receiver)) = find(portcullis, &named.provider_id) else { return Ok(None) };
//!     let keys = PartyKeys { receiver: Some(&receiver), ..PartyKeys::default() };
//!     let expect = Expectations::default();
//!     portcullis.judge_ocm_notification(request, &share, keys, peers, &expect, now).map(Some)
//! }
//! ```

use wasmtime::component::ResourceAny;

pub use crate::bindings::exports::portcullis::ocm::notifications::{
    Change, Notification, NotificationType, Report, Taken,
};

use super::addresses::Peers;
use super::requests::{Expectations, Refusal, Request};
use super::shares::HeldShare;
use crate::error::HostError;
use crate::keys::KeySet;
use crate::portcullis::Portcullis;

/// The keys of the two servers of a share; none where there are none.
#[derive(Debug, Clone, Copy, Default)]
pub struct PartyKeys<'k> {
    /// Those of the server of the share's sender.
    pub sender: Option<&'k KeySet>,
    /// Those of its receiver's.
    pub receiver: Option<&'k KeySet>,
}

/// Open Cloud Mesh: notifications.
impl Portcullis {
    /// Reads a notification, so that the server finds the share it is about. Nothing is verified.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A [`Refusal`] says which status answers the request.
    pub fn read_ocm_notification_untrusted(
        &mut self,
        request: &Request,
    ) -> Result<Result<Notification, Refusal>, HostError> {
        self.sandbox
            .call(|store, bound| bound.exports.portcullis_ocm_notifications().call_read_untrusted(store, request))
    }

    /// Judges a notification about a share that is kept, at a time in seconds since 1970: its signature, by the keys of the share's
    /// two servers, and what it says.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A [`Refusal`] says which status answers the request.
    pub fn judge_ocm_notification(
        &mut self,
        request: &Request,
        share: &HeldShare,
        keys: PartyKeys<'_>,
        peers: &Peers,
        expect: &Expectations,
        at: u64,
    ) -> Result<Result<Taken, Refusal>, HostError> {
        let (sender, receiver) = self.party_keys(keys)?;
        let peers = self.recreated_ocm_peers(peers)?;
        self.sandbox.call(|store, bound| {
            let guest = bound.exports.portcullis_ocm_notifications();
            guest.call_judge(store, request, share, sender, receiver, peers, *expect, at)
        })
    }

    /// The same as [`judge_ocm_notification`](Self::judge_ocm_notification), with each check told. Slower; for people.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn explain_ocm_notification(
        &mut self,
        request: &Request,
        share: &HeldShare,
        keys: PartyKeys<'_>,
        peers: &Peers,
        expect: &Expectations,
        at: u64,
    ) -> Result<Report, HostError> {
        let (sender, receiver) = self.party_keys(keys)?;
        let peers = self.recreated_ocm_peers(peers)?;
        self.sandbox.call(|store, bound| {
            let guest = bound.exports.portcullis_ocm_notifications();
            guest.call_explain(store, request, share, sender, receiver, peers, *expect, at)
        })
    }

    fn party_keys(&mut self, keys: PartyKeys<'_>) -> Result<(Option<ResourceAny>, Option<ResourceAny>), HostError> {
        let sender = keys.sender.map(|keys| self.live_keys(keys)).transpose()?;
        let receiver = keys.receiver.map(|keys| self.live_keys(keys)).transpose()?;
        Ok((sender, receiver))
    }
}
