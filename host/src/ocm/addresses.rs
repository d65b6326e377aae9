//! Addresses, entries of address books, and the servers that are spoken with.
//!
//! ```no_run
//! use portcullis_host::ocm::addresses::{Contact, PeerLists};
//! use portcullis_host::{HostError, Portcullis, Verdict};
//!
//! /// An address that somebody typed, if its server is not denied.
//! fn enter(portcullis: &mut Portcullis, typed: &str, denied: &[String]) -> Result<Verdict<Contact>, HostError> {
//!     let lists = PeerLists { denied: denied.to_vec(), ..PeerLists::default() };
//!     match portcullis.ocm_peers(&lists)? {
//!         Ok(peers) => portcullis.ocm_enter_address(typed, &peers),
//!         Err(rejection) => Ok(Err(rejection)),
//!     }
//! }
//! ```

use std::sync::Arc;

use wasmtime::component::ResourceAny;

pub use crate::bindings::exports::portcullis::ocm::addresses::{Address, Contact, PeerLists, Source};

use crate::error::HostError;
use crate::live::Held;
use crate::portcullis::{Portcullis, Verdict};

impl Default for PeerLists {
    /// Every server at a name of two labels on the default port.
    fn default() -> Self {
        Self { denied: Vec::new(), allowed: None, listed: Vec::new() }
    }
}

/// The servers that are spoken with.
///
/// The host remembers the lists, so that they outlive the instance that read them, as a [`KeySet`](crate::KeySet) does. Cheap to
/// clone; clones are the same.
#[derive(Clone)]
pub struct Peers {
    pub(super) held: Arc<Held<PeerLists>>,
}

impl std::fmt::Debug for Peers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peers").field("lists", &self.held.source).finish_non_exhaustive()
    }
}

/// Open Cloud Mesh: who is who.
impl Portcullis {
    /// Reads which servers are spoken with.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A list with something else in it than hosts and origins is a [`Verdict`].
    pub fn ocm_peers(&mut self, lists: &PeerLists) -> Result<Verdict<Peers>, HostError> {
        let peers = Peers { held: Held::new(lists.clone()) };
        Ok(self.live_ocm_peers(&peers)?.map(|_| peers))
    }

    /// Whether a server that somebody named can be asked, and is trusted: its host in the form that hosts are compared in.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A server that is not spoken with is a [`Verdict`].
    pub fn ocm_check_server(&mut self, host: &str, peers: &Peers) -> Result<Verdict<String>, HostError> {
        let peers = self.recreated_ocm_peers(peers)?;
        self.sandbox
            .call(|store, bound| bound.exports.portcullis_ocm_addresses().peers().call_check(store, peers, host))
    }

    /// Reads an address, `identifier@host`.
    ///
    /// # Errors
    ///
    /// The component could not be asked. What is no address is a [`Verdict`].
    pub fn ocm_address(&mut self, text: &str) -> Result<Verdict<Address>, HostError> {
        self.sandbox.call(|store, bound| bound.exports.portcullis_ocm_addresses().call_parse(store, text))
    }

    /// Reads an address that somebody typed or pasted into a page. Its server has to be one that is trusted and can be asked.
    ///
    /// # Errors
    ///
    /// The component could not be asked. What is no address, or at no such server, is a [`Verdict`].
    pub fn ocm_enter_address(&mut self, typed: &str, peers: &Peers) -> Result<Verdict<Contact>, HostError> {
        let peers = self.recreated_ocm_peers(peers)?;
        self.sandbox.call(|store, bound| bound.exports.portcullis_ocm_addresses().call_enter(store, typed, peers))
    }

    fn live_ocm_peers(&mut self, peers: &Peers) -> Result<Verdict<ResourceAny>, HostError> {
        self.sandbox.call(|store, bound| {
            let guest = bound.exports.portcullis_ocm_addresses();
            bound.ocm_peers.get(store, &peers.held, |store, lists| guest.peers().call_make(store, lists))
        })
    }

    pub(super) fn recreated_ocm_peers(&mut self, peers: &Peers) -> Result<ResourceAny, HostError> {
        let live = self.live_ocm_peers(peers)?;
        live.map_err(|rejection| HostError::not_recreated("list of peers", rejection))
    }
}
