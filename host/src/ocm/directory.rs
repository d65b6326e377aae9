//! The list of a federation's servers, from which a page that asks people where they are from is filled.
//!
//! ```no_run
//! use portcullis_host::ocm::addresses::Peers;
//! use portcullis_host::ocm::directory::Federation;
//! use portcullis_host::{HostError, KeySet, Portcullis, Verdict};
//!
//! /// The servers of a federation, whose operator signed the list with a key that was given by hand.
//! fn servers(
//!     portcullis: &mut Portcullis,
//!     signed_list: &[u8],
//!     keys: &KeySet,
//!     peers: &Peers,
//! ) -> Result<Verdict<Federation>, HostError> {
//!     match portcullis.verify_jws(signed_list, keys, None)? {
//!         Ok(list) => portcullis.ocm_directory(&list.payload, peers),
//!         Err(rejection) => Ok(Err(rejection)),
//!     }
//! }
//! ```

pub use crate::bindings::exports::portcullis::ocm::directory::{Federation, Server};

use super::addresses::Peers;
use crate::error::HostError;
use crate::portcullis::{Portcullis, Verdict};

/// Open Cloud Mesh: directories.
impl Portcullis {
    /// Reads the list of a federation's servers: the payload of a JWS that verified before.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A list that is refused is a [`Verdict`].
    pub fn ocm_directory(&mut self, payload: &[u8], peers: &Peers) -> Result<Verdict<Federation>, HostError> {
        let peers = self.recreated_ocm_peers(peers)?;
        self.sandbox.call(|store, bound| bound.exports.portcullis_ocm_directory().call_read(store, payload, peers))
    }
}
