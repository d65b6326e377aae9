//! Nonces for proofs (RFC 9449 section 9): made from a secret and the time, so that hosts with one secret agree and nothing
//! is stored.

use std::path::Path;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::ReplayError;

/// How many slots of time a nonce is good for, its own among them.
const SLOTS: u64 = 2;

/// The longest file of a secret that is read, in bytes.
const MAX_FILE: u64 = 256;

/// Makes nonces.
pub(crate) struct Nonces {
    key: hmac::Key,
    /// Seconds of a slot.
    slot: u64,
}

impl Nonces {
    /// Nonces that are good for a time at least, and for twice that at most. The secret is in a file, or random.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or holds no 32 bytes in base64url.
    pub(crate) fn from_file_or_random(file: Option<&Path>, lifetime: Duration) -> Result<Self, ReplayError> {
        let secret = match file {
            Some(file) => {
                let failed = |why: String| ReplayError::Secret { file: file.display().to_string(), why };
                let text = read(file).map_err(|error| failed(error.to_string()))?;
                let bytes = URL_SAFE_NO_PAD.decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok());
                bytes.ok_or_else(|| failed("it holds something else".into()))?
            }
            None => {
                let mut secret = [0; 32];
                aws_lc_rs::rand::fill(&mut secret).map_err(|_| ReplayError::Secret {
                    file: "the system".into(),
                    why: "it has no random bytes".into(),
                })?;
                secret
            }
        };
        Ok(Self::new(secret, lifetime))
    }

    fn new(secret: [u8; 32], lifetime: Duration) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &secret), slot: lifetime.as_secs().max(1) }
    }

    /// The nonces that are good at a time, the one to hand out first.
    pub(crate) fn good(&self, now: u64) -> Vec<String> {
        let slot = now / self.slot;
        (0..SLOTS).filter_map(|back| slot.checked_sub(back)).map(|slot| self.of(slot)).collect()
    }

    fn of(&self, slot: u64) -> String {
        let tag = hmac::sign(&self.key, &slot.to_be_bytes());
        // Half of it cannot be guessed either, and is shorter in every header.
        URL_SAFE_NO_PAD.encode(tag.as_ref().get(..16).unwrap_or_default())
    }
}

fn read(file: &Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(file)?.take(MAX_FILE).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_good_for_its_slot_and_the_next_at_every_host_with_the_secret() {
        let (one, other) =
            (Nonces::new([1; 32], Duration::from_secs(300)), Nonces::new([1; 32], Duration::from_secs(300)));
        let nonce = one.good(600).remove(0);
        for (at, good) in [(599, false), (600, true), (899, true), (900, true), (1_199, true), (1_200, false)] {
            assert_eq!(other.good(at).contains(&nonce), good, "{at}");
        }
        assert_eq!(one.good(0).len(), 1);
        assert_ne!(Nonces::new([2; 32], Duration::from_secs(300)).good(600)[0], nonce);
        assert_eq!(nonce.len(), 22);
    }

    #[test]
    fn a_secret_is_read_from_a_file_and_a_bad_one_is_not_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        std::fs::write(&file, format!("{}\n", URL_SAFE_NO_PAD.encode([1; 32]))).unwrap();
        let read = Nonces::from_file_or_random(Some(&file), Duration::from_secs(300)).unwrap();
        assert_eq!(read.good(600), Nonces::new([1; 32], Duration::from_secs(300)).good(600));
        std::fs::write(&file, "hunter2").unwrap();
        let error = Nonces::from_file_or_random(Some(&file), Duration::from_secs(300)).err().unwrap().to_string();
        assert!(!error.contains("hunter2") && error.contains("32 random bytes"), "{error}");
        let random = || Nonces::from_file_or_random(None, Duration::from_secs(300)).unwrap().good(600);
        assert_ne!(random(), random());
    }
}
