//! The egress endpoint of a sharing server of Open Cloud Mesh (`docs/ocm.md`): the gate says what may be sent and where to, and here
//! it is signed and sent.
//!
//! A listener with `serves = "ocm"` answers at `/peer`, `/sign`, `/send` and `/jwks.json`.

mod answer;
mod signer;

use std::path::Path;

pub(crate) use signer::Signer;

use super::tokens::{Kept, KeysError, Kind};
use crate::component::Component;
use crate::error::HostError;

/// How long a key that was replaced is published, in seconds: a request is verified when it comes, and a peer that was away looks at
/// one again that waited in its queue for a day at most.
const PUBLISHED_AFTER: u64 = 24 * 60 * 60;

/// Why nothing can be signed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OcmError {
    /// The keys cannot be had.
    #[error("{0}")]
    Keys(#[from] KeysError),
    /// The component cannot be asked in text.
    #[error("{0}")]
    Host(#[from] HostError),
}

/// What signs for the sharing server.
pub(crate) struct OcmService {
    signer: Signer,
}

impl OcmService {
    /// Keys in a folder, and what asks the component; without a folder they are gone with the process.
    ///
    /// # Errors
    ///
    /// The folder cannot be read or written, or the component has no text interface.
    pub(crate) fn open(folder: Option<&Path>, component: &Component) -> Result<Self, OcmError> {
        let keys = Kept::open(folder, Kind::Messages, PUBLISHED_AFTER, WITHOUT)?;
        Ok(Self { signer: Signer::new(keys, component)? })
    }

    /// Looks at the folder again and again.
    pub(crate) async fn keep_keys(self: std::sync::Arc<Self>) {
        self.signer.keep_keys().await;
    }
}

/// What is told without a folder.
const WITHOUT: &str =
    "the keys that sign requests of Open Cloud Mesh are gone when the gateway ends: name a folder with --ocm-keys";
