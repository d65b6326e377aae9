//! The keys that a service signs with: a folder of them, rotated without anybody noticing.
//!
//! The folder has for each key one file, named for the second from which on it signs: `1790000000-<kid>.pem`, with the private key.
//! Where the keys are for tokens, there is a root as well (`root.pem`, `root.key`), and beside each key a certificate for it that the
//! root signed. A key is published as soon as it is there, signs from its second on until another does, and is published for as long
//! after as what it signed may be looked at. Several hosts may share a folder; each looks at it every few seconds.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use jwt_simple::algorithms::Ed25519KeyPair;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use super::key::{Certificate, Kind, SigningKey, thumbprint};

/// How long a key is published before it signs: longer than verifiers keep a key set before they look again (`keys_refresh`).
pub(crate) const AHEAD: u64 = 600;

/// After how long a key is replaced by itself, in seconds.
pub(crate) const ROTATE_AFTER: u64 = 30 * 24 * 60 * 60;

/// How long the root is good: registries that read it only at their start keep it for as long as they run.
const ROOT_LIFETIME: u64 = 20 * 365 * 24 * 60 * 60;

/// How long a key's certificate is good: longer than it signs, so that a service that was away for some weeks comes back with it. Who
/// gets hold of a key can use it at registries that know the root alone for no longer.
const KEY_LIFETIME: u64 = 2 * ROTATE_AFTER;

/// How long before its making a certificate is good, in seconds: clocks differ.
const BACKDATED: u64 = 3_600;

/// Most keys of a folder that are looked at. Rotation removes old ones, and two or three are usual.
const MAX_KEYS: usize = 64;

/// Why keys cannot be had. None tells a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// A file or the folder cannot be read or written.
    #[error("cannot use {}: {why}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A key or certificate could not be made or used to sign.
    #[error("{0}")]
    Crypto(String),
}

/// The keys as they are at one time.
pub(crate) struct Keys {
    /// The root's certificate, in DER; nothing where the keys are for messages.
    pub(crate) root: Option<Vec<u8>>,
    /// By the second from which on each signs.
    keys: BTreeMap<(u64, String), SigningKey>,
}

/// A folder of keys.
pub(crate) struct Folder {
    path: PathBuf,
    kind: Kind,
    /// How long tokens of a key may live after it was replaced, in seconds.
    pub(crate) keep: u64,
}

pub(super) fn crypto(error: impl std::fmt::Display) -> KeysError {
    KeysError::Crypto(error.to_string())
}

impl Keys {
    /// The key that signs at a time: the newest whose second has come; before any has, the first.
    pub(crate) fn signing(&self, at: u64) -> Option<&SigningKey> {
        self.keys.values().rfind(|key| key.from <= at).or_else(|| self.keys.values().next())
    }

    /// The keys that are published, as a JWK Set (RFC 7517 section 5), the one that signs last first.
    pub(crate) fn jwks(&self, certificate: Certificate) -> Value {
        json!({ "keys": self.keys.values().rev().map(|key| key.jwk(certificate)).collect::<Vec<_>>() })
    }

    /// The root in PEM, for registries.
    pub(crate) fn root_pem(&self) -> String {
        self.root.as_ref().map(|root| pem("CERTIFICATE", root)).unwrap_or_default()
    }

    /// Keys and their seconds, the oldest first.
    pub(crate) fn list(&self) -> impl Iterator<Item = &SigningKey> {
        self.keys.values()
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    // Neither label nor line ending can be wrong here.
    pem_rfc7468::encode_string(label, pem_rfc7468::LineEnding::LF, der).unwrap_or_default()
}

impl Folder {
    /// A folder, which is made where there is none, with a key where it has none, and with a root where the keys are for tokens.
    ///
    /// # Errors
    ///
    /// It cannot be read or written.
    pub(crate) fn open(path: &Path, kind: Kind, keep: u64, at: u64) -> Result<Self, KeysError> {
        let folder = Self { path: path.to_owned(), kind, keep };
        std::fs::create_dir_all(path).map_err(|error| folder.failed(path, error))?;
        if kind == Kind::Tokens && !folder.path.join("root.pem").exists() {
            folder.make_root(at)?;
        }
        // One that has signed for too long, while nobody was here to replace it, may have an end that is near or over.
        if folder.files()?.last().is_none_or(|(from, _)| from.saturating_add(ROTATE_AFTER) <= at) {
            folder.make_key(at)?;
        }
        Ok(folder)
    }

    #[expect(clippy::unused_self, reason = "it is the folder's fault")]
    fn failed(&self, path: &Path, error: impl std::fmt::Display) -> KeysError {
        KeysError::File { path: path.to_owned(), why: error.to_string() }
    }

    /// The files of keys, with the seconds from which on they sign.
    fn files(&self) -> Result<Vec<(u64, PathBuf)>, KeysError> {
        let entries = std::fs::read_dir(&self.path).map_err(|error| self.failed(&self.path, error))?;
        let mut files: Vec<(u64, PathBuf)> = entries
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let name = path.file_name()?.to_str()?.strip_suffix(".pem")?;
                Some((name.split_once('-')?.0.parse().ok()?, path))
            })
            .collect();
        files.sort();
        // The newest are those that sign.
        let older = files.len().saturating_sub(MAX_KEYS);
        Ok(files.split_off(older))
    }

    /// Reads the keys that are published at a time. Those whose tokens are all over are left out.
    ///
    /// # Errors
    ///
    /// A file cannot be read.
    pub(crate) fn read(&self, at: u64) -> Result<Keys, KeysError> {
        let root = match self.kind {
            Kind::Messages => None,
            Kind::Tokens => {
                let root = self.path.join("root.pem");
                Some(CertificateDer::from_pem_file(&root).map_err(|error| self.failed(&root, error))?.to_vec())
            }
        };
        let files = self.files()?;
        let mut keys = BTreeMap::new();
        for (index, (from, path)) in files.iter().enumerate() {
            let replaced = files.get(index + 1).map(|(next, _)| *next);
            if replaced.is_some_and(|next| next.saturating_add(self.keep) < at) {
                continue;
            }
            let key = SigningKey::read(self.kind, *from, path)?;
            keys.insert((*from, key.kid.clone()), key);
        }
        Ok(Keys { root, keys })
    }

    /// Makes another key, which signs from a second on, and removes those whose tokens are all over.
    ///
    /// # Errors
    ///
    /// The folder cannot be read or written.
    pub(crate) fn rotate(&self, from: u64, at: u64) -> Result<String, KeysError> {
        let files = self.files()?;
        for (index, (_, path)) in files.iter().enumerate() {
            let replaced = files.get(index + 1).map(|(next, _)| *next);
            if replaced.is_some_and(|next| next.saturating_add(self.keep) < at) {
                std::fs::remove_file(path).map_err(|error| self.failed(path, error))?;
            }
        }
        self.make_key(from)
    }

    /// Whether the newest key has signed for so long that another is due.
    pub(crate) fn is_due(&self, at: u64) -> Result<bool, KeysError> {
        let newest = self.files()?.last().map(|(from, _)| *from);
        Ok(newest.is_none_or(|from| at.saturating_add(AHEAD) >= from.saturating_add(ROTATE_AFTER)))
    }

    fn make_root(&self, at: u64) -> Result<(), KeysError> {
        let key = KeyPair::generate().map_err(crypto)?;
        let certificate = root_params(at)?.self_signed(&key).map_err(crypto)?;
        self.write("root.key", &key.serialize_pem())?;
        // The certificate last: where it is, the key is.
        self.write("root.pem", &certificate.pem())
    }

    fn make_key(&self, from: u64) -> Result<String, KeysError> {
        let (kid, text) = match self.kind {
            Kind::Tokens => self.certified(from)?,
            Kind::Messages => {
                let pair = Ed25519KeyPair::generate();
                (pair.jwk_thumbprint(), pair.to_pem())
            }
        };
        self.write(&format!("{from}-{kid}.pem"), &text)?;
        Ok(kid)
    }

    /// A key of P-256 and a certificate for it, with its identifier.
    fn certified(&self, from: u64) -> Result<(String, String), KeysError> {
        let read = |name: &str| {
            let path = self.path.join(name);
            std::fs::read_to_string(&path).map_err(|error| self.failed(&path, error))
        };
        let root_key = KeyPair::from_pem(&read("root.key")?).map_err(|_| crypto("root.key holds no private key"))?;
        // Of the root's certificate nothing but its name and its key's identifier go into others.
        let issuer = Issuer::new(root_params(from)?, root_key);
        let key = KeyPair::generate().map_err(crypto)?;
        let kid = thumbprint(key.public_key_raw());
        let mut params = CertificateParams::new(Vec::new()).map_err(crypto)?;
        params.distinguished_name.push(DnType::CommonName, kid.as_str());
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        // Registries that check a chain as Go does by default ask for one of these.
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        // The name that Go wants of a server is no server's here.
        params.is_ca = IsCa::NoCa;
        (params.not_before, params.not_after) = validity(from, KEY_LIFETIME);
        let certificate = params.signed_by(&key, &issuer).map_err(crypto)?;
        Ok((kid, format!("{}{}", key.serialize_pem(), certificate.pem())))
    }

    /// Writes a file whole or not at all, readable by its owner alone.
    fn write(&self, name: &str, text: &str) -> Result<(), KeysError> {
        let path = self.path.join(name);
        let write = || {
            // Named temporary files are readable by their owner alone.
            let mut file = tempfile::NamedTempFile::new_in(&self.path)?;
            file.write_all(text.as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|error| error.error)?;
            Ok::<_, std::io::Error>(())
        };
        write().map_err(|error| self.failed(&path, error))
    }
}

fn root_params(at: u64) -> Result<CertificateParams, KeysError> {
    let mut params = CertificateParams::new(Vec::new()).map_err(crypto)?;
    params.distinguished_name.push(DnType::CommonName, "Portcullis token service");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (params.not_before, params.not_after) = validity(at, ROOT_LIFETIME);
    Ok(params)
}

fn validity(from: u64, lifetime: u64) -> (time::OffsetDateTime, time::OffsetDateTime) {
    let time = |seconds| (UNIX_EPOCH + Duration::from_secs(seconds)).into();
    (time(from.saturating_sub(BACKDATED)), time(from.saturating_add(lifetime)))
}

/// The keys as they are now, for all who sign or publish.
pub(crate) type Current = arc_swap::ArcSwap<Keys>;

/// Shares the keys that a folder has.
pub(crate) fn current(keys: Keys) -> Arc<Current> {
    Arc::new(Current::from_pointee(keys))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_790_000_000;

    type Tried = Result<(), Box<dyn std::error::Error>>;

    fn kids(keys: &Keys) -> Vec<u64> {
        keys.list().map(|key| key.from).collect()
    }

    #[test]
    fn a_key_is_published_before_it_signs_and_after_it_did() -> Tried {
        let place = tempfile::tempdir()?;
        let folder = Folder::open(place.path(), Kind::Tokens, 1_000, NOW)?;
        let first = folder.read(NOW)?.signing(NOW).map(|key| key.kid.clone());
        let second = folder.rotate(NOW + AHEAD, NOW)?;
        let keys = folder.read(NOW)?;
        assert_eq!(kids(&keys), [NOW, NOW + AHEAD], "both are published");
        assert_eq!(keys.signing(NOW + AHEAD - 1).map(|key| key.kid.clone()), first);
        assert_eq!(keys.signing(NOW + AHEAD).map(|key| key.kid.clone()), Some(second));
        // Tokens of the first live for a thousand seconds more.
        assert_eq!(kids(&folder.read(NOW + AHEAD + 1_000)?), [NOW, NOW + AHEAD]);
        assert_eq!(kids(&folder.read(NOW + AHEAD + 1_001)?), [NOW + AHEAD]);
        folder.rotate(NOW + 9_000, NOW + AHEAD + 1_001)?;
        assert_eq!(folder.files()?.len(), 2, "rotation removes what is over");
        Ok(())
    }

    #[test]
    fn a_folder_is_opened_again_with_the_same_root_and_keys() -> Tried {
        let place = tempfile::tempdir()?;
        let root = Folder::open(place.path(), Kind::Tokens, 1, NOW)?.read(NOW)?;
        let again = Folder::open(place.path(), Kind::Tokens, 1, NOW + 5)?.read(NOW + 5)?;
        assert_eq!((root.root_pem(), kids(&root)), (again.root_pem(), kids(&again)));
        let later = NOW + ROTATE_AFTER;
        let replaced = Folder::open(place.path(), Kind::Tokens, 1, later)?.read(later)?;
        assert_eq!(replaced.signing(later).map(|key| key.from), Some(later), "nobody was here to replace it");
        Ok(())
    }

    #[test]
    fn another_key_is_due_in_time() -> Tried {
        let place = tempfile::tempdir()?;
        let folder = Folder::open(place.path(), Kind::Tokens, 1, NOW)?;
        assert!(!folder.is_due(NOW + ROTATE_AFTER - AHEAD - 1)?);
        assert!(folder.is_due(NOW + ROTATE_AFTER - AHEAD)?);
        Ok(())
    }

    #[test]
    fn a_file_that_is_no_key_is_told_and_its_text_is_not() -> Tried {
        let place = tempfile::tempdir()?;
        let folder = Folder::open(place.path(), Kind::Tokens, 1, NOW)?;
        std::fs::write(place.path().join(format!("{}-x.pem", NOW + 1)), "secret")?;
        let told = folder.read(NOW).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(told.contains("no private key") && !told.contains("secret"), "{told}");
        Ok(())
    }
}
