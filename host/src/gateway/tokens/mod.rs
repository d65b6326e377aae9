//! The token service for OCI registries: what the gate grants, signed (`docs/registries.md`).
//!
//! A listener with `serves = "tokens"` answers at the realm's path, and publishes keys where the policy says that they are, and the
//! root beside them. Who may have what is the gate's to say; here it is signed.

mod answer;
pub(crate) mod form;
mod kept;
mod key;
mod keys;

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse as _;
use axum::routing::get;
use tokio::sync::Semaphore;
use url::Url;

pub(crate) use kept::{Kept, identifier};
pub(crate) use key::{Certificate, Kind, SigningKey};
pub use keys::KeysError;
pub(crate) use keys::{AHEAD, Folder, Keys};

use self::kept::LEEWAY;
use super::clock::now;
use crate::gate::TokenService as Described;

/// Requests that wait for their turn with a slow password. More are told to come again.
const MAX_WAITING: usize = 64;

/// The file of the root, beside the keys.
const ROOT: &str = "root.pem";

/// A token service.
pub(crate) struct TokenService {
    keys: Kept,
    /// Of the URL of the keys.
    origin: String,
    keys_path: String,
    /// Of the realm.
    scheme: String,
    root_path: String,
    /// Requests with something in them that may be a password: checking one takes a while on purpose.
    slow: Semaphore,
    waiting: Semaphore,
}

impl TokenService {
    /// A token service as a policy describes it, with its keys in a folder; without one they are gone with the process.
    ///
    /// # Errors
    ///
    /// The folder cannot be read or written.
    pub(crate) fn open(described: Described, folder: Option<&Path>, instances: usize) -> Result<Self, KeysError> {
        let without = "the token service's keys are gone when it ends: name a folder with --token-keys";
        let keys = Kept::open(folder, Kind::Tokens, described.refresh.max(described.lifetime), without)?;
        // The gate has admitted the URL.
        let url = Url::parse(&described.keys).ok();
        let keys_path = url.as_ref().map_or("", Url::path).to_owned();
        let above = keys_path.rsplit_once('/').map_or("", |(above, _)| above);
        Ok(Self {
            origin: url.as_ref().map(|url| url.origin().ascii_serialization()).unwrap_or_default(),
            root_path: format!("{above}/{ROOT}"),
            keys_path,
            scheme: described.realm.split_once("://").map_or("https", |(scheme, _)| scheme).to_ascii_lowercase(),
            keys,
            slow: Semaphore::new((instances / 2).max(1)),
            waiting: Semaphore::new(MAX_WAITING),
        })
    }

    /// The origin of its keys, and what answers there: the gate's own keys are had without a network.
    pub(crate) fn documents(self: &Arc<Self>) -> (String, Router) {
        let router = Router::new()
            .route(&self.keys_path, get(published))
            .route(&self.root_path, get(root))
            .with_state(Arc::clone(self));
        (self.origin.clone(), router)
    }

    /// Looks at the folder again and again.
    pub(crate) async fn keep_keys(self: Arc<Self>) {
        self.keys.keep().await;
    }
}

async fn published(State(service): State<Arc<TokenService>>) -> axum::response::Response {
    let headers = [("Content-Type", "application/jwk-set+json"), ("Cache-Control", "max-age=60")];
    (headers, service.keys.now().jwks(Certificate::Along).to_string()).into_response()
}

async fn root(State(service): State<Arc<TokenService>>) -> axum::response::Response {
    ([("Content-Type", "application/pem-certificate-chain")], service.keys.now().root_pem()).into_response()
}

/// A folder of keys that a service signs with, for the command line.
pub struct TokenKeys(Folder);

/// A key of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenKey {
    /// Its identifier: the RFC 7638 thumbprint.
    pub kid: String,
    /// From when on it signs, in seconds since 1970.
    pub from: u64,
    /// Whether it is the one that signs now.
    pub signs: bool,
}

impl TokenKeys {
    /// The keys of a folder, which is made where there is none. `keep` is for how long tokens of a key may live after it was
    /// replaced, in seconds.
    ///
    /// # Errors
    ///
    /// It cannot be read or written.
    pub fn open(path: &Path, keep: u64) -> Result<Self, KeysError> {
        Folder::open(path, Kind::Tokens, keep.saturating_add(LEEWAY), now()).map(Self)
    }

    /// The same for keys that sign requests of Open Cloud Mesh (`docs/ocm.md`).
    ///
    /// # Errors
    ///
    /// It cannot be read or written.
    pub fn open_ocm(path: &Path, keep: u64) -> Result<Self, KeysError> {
        Folder::open(path, Kind::Messages, keep.saturating_add(LEEWAY), now()).map(Self)
    }

    /// Makes another key. It signs after verifiers have looked for new keys, or at once where that is said: then those who have
    /// not are sent a key that they do not know, and look.
    ///
    /// # Errors
    ///
    /// The folder cannot be read or written.
    pub fn rotate(&self, at_once: bool) -> Result<String, KeysError> {
        let at = now();
        // Two keys of one second would be told apart by their names alone.
        let newest = self.0.read(at)?.list().map(|key| key.from).max().unwrap_or(0);
        let from = if at_once { at.max(newest.saturating_add(1)) } else { at.saturating_add(AHEAD) };
        self.0.rotate(from, at)
    }

    /// The keys that are published, the oldest first.
    ///
    /// # Errors
    ///
    /// A file cannot be read.
    pub fn list(&self) -> Result<Vec<TokenKey>, KeysError> {
        let at = now();
        let keys = self.0.read(at)?;
        let signing = keys.signing(at).map(|key| key.kid.clone());
        let told = |key: &SigningKey| TokenKey {
            kid: key.kid.clone(),
            from: key.from,
            signs: signing.as_ref() == Some(&key.kid),
        };
        Ok(keys.list().map(told).collect())
    }

    /// The root's certificate, in PEM.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub fn root(&self) -> Result<String, KeysError> {
        Ok(self.0.read(now())?.root_pem())
    }
}
