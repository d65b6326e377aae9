//! What a relying party may set when it opens a list, and the bounds.

use alloc::vec::Vec;

use portcullis_crypto::Algorithm;

/// The longest status list token, in bytes. A list of 10^8 one-bit entries that nobody can compress takes 17 MB in a
/// JWT; at a few percent revoked, one tenth of that.
pub const MAX_LIST_TOKEN: usize = 32 * 1024 * 1024;

/// The most a list may inflate to, in bytes: 5 × 10^8 one-bit entries. The specification sets no limit, and DEFLATE
/// reaches a thousand to one.
pub const MAX_INFLATED: usize = 64 * 1024 * 1024;

/// Most values that an interface hands out at once: enough for a thousand lines of a picture, little beside the list.
pub const MAX_VALUES: u64 = 1024 * 1024;

/// How a list is opened. The default is what the specification asks for, within the bounds of `docs/limits.md`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Acceptable algorithms. Without it, every one but the MACs in a JWT, as for every JWS. In a CWT the message itself
    /// says whether it has a signature or a MAC, as for every COSE message: a COSE_Mac0 is taken where the key set holds
    /// a symmetric key, which then holds no other.
    pub algorithms: Option<Vec<Algorithm>>,
    /// How far the clocks may differ, in seconds, at most 2^53 − 1. Default 0.
    pub leeway: u64,
    /// The longest token, in bytes. Default [`MAX_LIST_TOKEN`].
    pub max_token: usize,
    /// The most the list may inflate to, in bytes. Default [`MAX_INFLATED`].
    pub max_inflated: usize,
    /// The CoAP Content-Format number of `application/statuslist+cwt`, which a CWT may have as its type. IANA has not
    /// assigned one yet; without it, only the media type is accepted.
    pub content_format: Option<u16>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            algorithms: None,
            leeway: 0,
            max_token: MAX_LIST_TOKEN,
            max_inflated: MAX_INFLATED,
            content_format: None,
        }
    }
}
