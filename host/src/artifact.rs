//! The form of compiled code in files, for the cache and for precompiled components.
//!
//! | bytes | what |
//! |---|---|
//! | 16 | `portcullis-code` and the version of this form |
//! | 32 | SHA-256 of the component that was compiled |
//! | 32 | SHA-256 of the payload |
//! | 8 | length of the payload, big-endian |
//! | the rest | the payload: wasmtime's own serialised form |

use sha2::{Digest, Sha256};

/// Name and version. Another version is another magic, so an old file is simply not ours.
const MAGIC: &[u8; 16] = b"portcullis-code\x01";
const HEADER_BYTES: usize = 16 + 32 + 32 + 8;

/// A SHA-256 hash.
pub(crate) type Hash = [u8; 32];

/// Why a file of compiled code is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// It does not begin like one, or was made by another version of the host.
    #[error("it is not compiled code of this version of the host")]
    NotOurs,
    /// It is shorter or longer than it says.
    #[error("it is truncated or has something appended")]
    Length,
    /// Its bytes are not the ones that were written.
    #[error("its checksum does not match")]
    Checksum,
    /// It is the code of another component.
    #[error("it is the code of another component")]
    OtherComponent,
    /// The engine does not take it: another version, other settings or another processor.
    #[error("the engine does not take it: {0}")]
    Engine(String),
}

/// Compiled code whose checksum was right.
pub(crate) struct Payload<'a> {
    component: Hash,
    bytes: &'a [u8],
}

impl<'a> Payload<'a> {
    /// Opens a file's contents.
    pub(crate) fn open(file: &'a [u8]) -> Result<Self, Damage> {
        if !is_artifact(file) {
            return Err(Damage::NotOurs);
        }
        let (header, bytes) = file.split_at_checked(HEADER_BYTES).ok_or(Damage::Length)?;
        let (component, rest) = header[MAGIC.len()..].split_at(32);
        let (checksum, length) = rest.split_at(32);
        if length != (bytes.len() as u64).to_be_bytes() {
            return Err(Damage::Length);
        }
        if checksum != sha256(bytes) {
            return Err(Damage::Checksum);
        }
        let component = component.try_into().map_err(|_| Damage::Length)?;
        Ok(Self { component, bytes })
    }

    /// SHA-256 of the component that was compiled.
    pub(crate) fn component(&self) -> Hash {
        self.component
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes
    }
}

/// Whether bytes begin like compiled code of this version.
pub(crate) fn is_artifact(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// A file's contents for compiled code.
#[cfg(any(feature = "compiler", test))]
pub(crate) fn seal(component: Hash, payload: &[u8]) -> Vec<u8> {
    let mut file = Vec::with_capacity(HEADER_BYTES + payload.len());
    file.extend_from_slice(MAGIC);
    file.extend_from_slice(&component);
    file.extend_from_slice(&sha256(payload));
    file.extend_from_slice(&(payload.len() as u64).to_be_bytes());
    file.extend_from_slice(payload);
    file
}

pub(crate) fn sha256(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_again() {
        let file = seal([7; 32], b"code");
        let payload = Payload::open(&file).ok();
        assert_eq!(payload.as_ref().map(Payload::bytes), Some(b"code".as_slice()));
        assert_eq!(payload.map(|payload| payload.component()), Some([7; 32]));
    }

    #[test]
    fn every_kind_of_damage_is_noticed() {
        let file = seal([7; 32], b"code");
        let damage = |bytes: &[u8]| Payload::open(bytes).err();
        assert_eq!(damage(b""), Some(Damage::NotOurs));
        assert_eq!(damage(&file[..20]), Some(Damage::Length));
        assert_eq!(damage(&file[..file.len() - 1]), Some(Damage::Length));
        assert_eq!(damage(&[&file[..], b"x"].concat()), Some(Damage::Length));
        let mut flipped = file.clone();
        flipped[HEADER_BYTES] ^= 1;
        assert_eq!(damage(&flipped), Some(Damage::Checksum));
        let mut other = file;
        other[15] = 0;
        assert_eq!(damage(&other), Some(Damage::NotOurs));
    }
}
