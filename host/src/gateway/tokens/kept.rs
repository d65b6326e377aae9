//! Keys that a service of this gateway signs with: a folder that is looked at again and again.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::key::{Certificate, Kind};
use super::keys::{self, AHEAD, Folder, Keys, KeysError};
use crate::gateway::clock::now;

/// How often the folder of keys is looked at: long before a key that somebody made signs.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// How far clocks may differ, in seconds, which tokens of a key that was replaced are good for longer.
pub(super) const LEEWAY: u64 = 120;

/// The keys of a service.
pub(crate) struct Kept {
    folder: Folder,
    keys: Arc<keys::Current>,
    /// The folder, where it is to be gone with the process.
    _temporary: Option<tempfile::TempDir>,
}

impl Kept {
    /// The keys in a folder, which is made where there is none; without one they are gone with the process, and `without` says so.
    /// `lifetime` is how long tokens of a key may live after it was replaced, in seconds.
    ///
    /// # Errors
    ///
    /// The folder cannot be read or written.
    pub(crate) fn open(folder: Option<&Path>, kind: Kind, lifetime: u64, without: &str) -> Result<Self, KeysError> {
        let temporary = match folder {
            Some(_) => None,
            None => {
                tracing::warn!("{without}");
                let made = tempfile::tempdir();
                Some(made.map_err(|error| KeysError::File { path: std::env::temp_dir(), why: error.to_string() })?)
            }
        };
        let path: PathBuf = match (&temporary, folder) {
            (Some(temporary), _) => temporary.path().to_owned(),
            (None, folder) => folder.map(Path::to_owned).unwrap_or_default(),
        };
        let folder = Folder::open(&path, kind, lifetime.saturating_add(LEEWAY), now())?;
        let keys = keys::current(folder.read(now())?);
        Ok(Self { folder, keys, _temporary: temporary })
    }

    /// The keys as they are now.
    pub(crate) fn now(&self) -> Arc<Keys> {
        self.keys.load_full()
    }

    /// Signs with the key that signs now.
    ///
    /// # Errors
    ///
    /// There is none, or the library cannot sign.
    pub(crate) fn sign(&self, typ: &str, claims: &str, certificate: Certificate) -> Result<String, KeysError> {
        let keys = self.keys.load();
        let key = keys.signing(now()).ok_or_else(|| KeysError::Crypto("there is no key".into()))?;
        key.sign(typ, claims, certificate)
    }

    /// Looks at the folder again and again: for keys that others made, and whether another is due.
    pub(crate) async fn keep(&self) {
        loop {
            tokio::time::sleep(LOOK_AGAIN).await;
            if let Err(error) = self.look() {
                tracing::error!(%error, "the keys of a service were not read again; the old ones stay");
            }
        }
    }

    fn look(&self) -> Result<(), KeysError> {
        let at = now();
        if self.folder.is_due(at)? {
            let kid = self.folder.rotate(at.saturating_add(AHEAD), at)?;
            tracing::info!(kid, "another key is published, and signs in {AHEAD} seconds");
        }
        self.keys.store(Arc::new(self.folder.read(at)?));
        Ok(())
    }
}

/// Randomness for an identifier that no other has: 128 bits, in base64url.
///
/// # Errors
///
/// The system has none.
pub(crate) fn identifier() -> Result<String, KeysError> {
    use base64::Engine as _;
    let mut id = [0; 16];
    aws_lc_rs::rand::fill(&mut id).map_err(|_| KeysError::Crypto("there is no randomness".into()))?;
    Ok(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(id))
}
