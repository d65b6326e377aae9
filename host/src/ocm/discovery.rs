//! What servers say of themselves.
//!
//! ```no_run
//! use portcullis_host::ocm::addresses::Peers;
//! use portcullis_host::ocm::discovery::Document;
//! use portcullis_host::{HostError, Portcullis, Verdict};
//!
//! /// What a server says of itself. `fetch` gets the document, from public addresses alone.
//! fn discover(
//!     portcullis: &mut Portcullis,
//!     host: &str,
//!     peers: &Peers,
//!     fetch: impl Fn(&str) -> Vec<u8>,
//! ) -> Result<Verdict<Document>, HostError> {
//!     match portcullis.ocm_document_url(host, peers)? {
//!         Ok(url) => portcullis.ocm_document(&fetch(&url), peers),
//!         Err(rejection) => Ok(Err(rejection)),
//!     }
//! }
//! ```

use std::sync::Arc;

use wasmtime::component::ResourceAny;

pub use crate::bindings::exports::portcullis::ocm::discovery::{
    Description, Endpoint, Place, Report, ResourceType, Target, UriForm,
};

use super::addresses::Peers;
use crate::error::HostError;
use crate::live::Held;
use crate::portcullis::{Portcullis, Verdict};

/// What a document was read from, and for whom.
pub(crate) struct Source {
    document: Vec<u8>,
    peers: Peers,
}

/// A discovery document.
///
/// The host remembers it, so that it outlives the instance that read it, as a [`KeySet`](crate::KeySet) does. Cheap to clone but
/// for the description; clones are the same document.
#[derive(Clone)]
pub struct Document {
    held: Arc<Held<Source>>,
    description: Description,
}

impl Document {
    /// What it says.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.description
    }
}

impl std::fmt::Debug for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Document").field("end_point", &self.description.end_point).finish_non_exhaustive()
    }
}

/// Open Cloud Mesh: discovery.
impl Portcullis {
    /// Where the discovery document of a server is.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A server that cannot be asked is a [`Verdict`].
    pub fn ocm_document_url(&mut self, host: &str, peers: &Peers) -> Result<Verdict<String>, HostError> {
        let peers = self.recreated_ocm_peers(peers)?;
        self.sandbox.call(|store, bound| bound.exports.portcullis_ocm_discovery().call_document_url(store, host, peers))
    }

    /// Reads a discovery document: UTF-8 JSON.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A document that is refused is a [`Verdict`].
    pub fn ocm_document(&mut self, document: &[u8], peers: &Peers) -> Result<Verdict<Document>, HostError> {
        let held = Held::new(Source { document: document.to_vec(), peers: peers.clone() });
        let live = match self.live_ocm_document(&held)? {
            Ok(live) => live,
            Err(rejection) => return Ok(Err(rejection)),
        };
        let description = self
            .sandbox
            .call(|store, bound| bound.exports.portcullis_ocm_discovery().document().call_describe(store, live))?;
        Ok(Ok(Document { held, description }))
    }

    /// Judges a discovery document as [`ocm_document`](Self::ocm_document) does, with each check told. Slower; for people.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn explain_ocm_document(&mut self, document: &[u8], peers: &Peers) -> Result<Report, HostError> {
        let peers = self.recreated_ocm_peers(peers)?;
        self.sandbox.call(|store, bound| bound.exports.portcullis_ocm_discovery().call_explain(store, document, peers))
    }

    /// Where the keys of a server are: where its document says, and else below the host that it was discovered at.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A server that cannot be asked is a [`Verdict`].
    pub fn ocm_keys_url(&mut self, document: &Document, host: &str) -> Result<Verdict<String>, HostError> {
        let peers = self.recreated_ocm_peers(&document.held.source.peers)?;
        let live = self.recreated_ocm_document(document)?;
        self.sandbox.call(|store, bound| {
            bound.exports.portcullis_ocm_discovery().document().call_keys_url(store, live, host, peers)
        })
    }

    /// Where a URL of a request is, where the document is the server's own: at an endpoint, or outside the API. What is nearly an
    /// endpoint is to be refused.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn ocm_place_of(&mut self, document: &Document, url: &str) -> Result<Place, HostError> {
        let live = self.recreated_ocm_document(document)?;
        self.sandbox
            .call(|store, bound| bound.exports.portcullis_ocm_discovery().document().call_place_of(store, live, url))
    }

    /// Refuses the path where servers described themselves before the draft.
    ///
    /// # Errors
    ///
    /// The component could not be asked. That path is a [`Verdict`].
    pub fn ocm_check_path(&mut self, path: &str) -> Result<Verdict<()>, HostError> {
        self.sandbox.call(|store, bound| bound.exports.portcullis_ocm_discovery().call_check_path(store, path))
    }

    fn live_ocm_document(&mut self, held: &Arc<Held<Source>>) -> Result<Verdict<ResourceAny>, HostError> {
        let peers = self.recreated_ocm_peers(&held.source.peers)?;
        self.sandbox.call(|store, bound| {
            let guest = bound.exports.portcullis_ocm_discovery();
            bound
                .ocm_documents
                .get(store, held, |store, source| guest.document().call_parse(store, &source.document, peers))
        })
    }

    pub(super) fn recreated_ocm_document(&mut self, document: &Document) -> Result<ResourceAny, HostError> {
        let live = self.live_ocm_document(&document.held)?;
        live.map_err(|rejection| HostError::not_recreated("discovery document", rejection))
    }

    pub(super) fn recreated_ocm_documents(
        &mut self,
        (receiver, sender): (&Document, &Document),
    ) -> Result<(ResourceAny, ResourceAny), HostError> {
        Ok((self.recreated_ocm_document(receiver)?, self.recreated_ocm_document(sender)?))
    }
}
