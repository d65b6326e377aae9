//! The status list of the demo issuer: one bit a token.

use std::collections::BTreeSet;
use std::io::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde_json::{Value, json};

/// Entries of the list.
pub(super) const SIZE: usize = 1 << 16;

/// After how many seconds a list is fetched again: soon, so that a revocation can be watched.
pub(super) const TTL: u64 = 5;

/// The entries that are revoked.
#[derive(Debug, Default)]
pub(super) struct Statuses(BTreeSet<usize>);

impl Statuses {
    pub(super) fn revoke(&mut self, index: usize) {
        self.0.insert(index);
    }

    pub(super) fn restore(&mut self, index: usize) {
        self.0.remove(&index);
    }

    #[cfg(test)]
    pub(super) fn is_revoked(&self, index: usize) -> bool {
        self.0.contains(&index)
    }

    /// The claim `status_list` (draft-ietf-oauth-status-list section 4.2).
    pub(super) fn list(&self) -> io::Result<Value> {
        let mut bits = vec![0u8; SIZE / 8];
        for index in &self.0 {
            if let Some(byte) = bits.get_mut(index / 8) {
                *byte |= 1 << (index % 8);
            }
        }
        let mut compressed = ZlibEncoder::new(Vec::new(), Compression::best());
        compressed.write_all(&bits)?;
        Ok(json!({"bits": 1, "lst": URL_SAFE_NO_PAD.encode(compressed.finish()?)}))
    }
}
