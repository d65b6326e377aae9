//! Secrets of shares and invites: compared in a time that does not tell where they differ, and never shown.

use alloc::{borrow::ToOwned, string::String};
use core::fmt;

use subtle::ConstantTimeEq;

/// The longest secret, in bytes. It goes into a header field, and some are tokens with claims.
pub const MAX_SECRET: usize = 8 * 1024;

/// A shared secret, a bearer token or the token of an invite: visible ASCII, as a header field can carry it.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// A secret, if the text can be one.
    pub fn new(text: &str) -> Option<Self> {
        let fits = (1..=MAX_SECRET).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(text.to_owned()))
    }

    /// The secret itself, for who sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether a text is this secret. How long it takes depends on the lengths alone.
    pub fn is(&self, text: &str) -> bool {
        self.0.as_bytes().ct_eq(text.as_bytes()).into()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.is(&other.0)
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_told_to_nobody() {
        let secret = Secret::new("s3cr3t").unwrap();
        assert!(secret.is("s3cr3t") && !secret.is("s3cr3") && !secret.is("s3cr3T"));
        assert_eq!(alloc::format!("{secret:?}"), "Secret(…)");
        for text in ["", "a b", "a\r\n", "é", &"a".repeat(MAX_SECRET + 1)] {
            assert!(Secret::new(text).is_none());
        }
    }
}
