//! Workload Identifiers (draft-ietf-wimse-identifier-03): always valid, never normalised.

use alloc::{borrow::ToOwned, format, string::String};
use core::fmt;

use fluent_uri::Uri;
use portcullis_svid::SpiffeId;
use portcullis_types::{Rejection, limits::excerpt};

use crate::WimseCode;

/// The longest Workload Identifier, in bytes. The text obliges everybody to take that much, and a bound is needed somewhere.
pub const MAX_IDENTIFIER: usize = 2048;

/// A Workload Identifier: an absolute URI whose authority names a trust domain. Two are the same when every byte is.
///
/// ```
/// use portcullis_wimse::WorkloadIdentifier;
/// let id = WorkloadIdentifier::parse("wimse://example.com/specific-workload").unwrap();
/// assert_eq!(id.trust_domain(), "example.com");
/// assert_eq!(id.path(), "/specific-workload");
/// assert_eq!(id.authority(), "wimse://example.com");
/// assert_eq!(WorkloadIdentifier::parse("wimse://example.com/w?x").unwrap_err().code(), "wimse.identifier_query");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WorkloadIdentifier {
    text: String,
    /// Where the trust domain begins: behind `://`.
    authority: usize,
    /// Where the path begins.
    path: usize,
}

impl WorkloadIdentifier {
    /// Reads an identifier. One that is a SPIFFE ID has that document's rules, too.
    ///
    /// Errors: `wimse.identifier_*`, `spiffe.*`.
    pub fn parse(text: &str) -> Result<Self, Rejection> {
        if text.len() > MAX_IDENTIFIER {
            let what = format!("{} bytes, at most {MAX_IDENTIFIER} are read", text.len());
            return Err(Rejection::new(WimseCode::IdentifierTooLong, what));
        }
        if text.starts_with("spiffe:") {
            SpiffeId::parse(text)?;
        }
        let refuse = |code, why: &str| Rejection::new(code, format!("{} {why}", excerpt(text)));
        let uri = Uri::parse(text).map_err(|_| refuse(WimseCode::IdentifierMalformed, "is no absolute URI"))?;
        let authority = uri.authority().filter(|authority| !authority.host().is_empty());
        let authority = authority.ok_or_else(|| refuse(WimseCode::IdentifierAuthority, "names no trust domain"))?;
        if uri.has_query() {
            return Err(refuse(WimseCode::IdentifierQuery, "has a query"));
        }
        if uri.has_fragment() {
            return Err(refuse(WimseCode::IdentifierFragment, "has a fragment"));
        }
        if authority.userinfo().is_some() {
            return Err(refuse(WimseCode::IdentifierUser, "names a user"));
        }
        if authority.port().is_some() {
            return Err(refuse(WimseCode::IdentifierPort, "has a port"));
        }
        let scheme = uri.scheme().as_str();
        let host = authority.host();
        // Another spelling of the same trust domain would be another identifier for some and the same for others.
        if scheme.bytes().chain(host.bytes()).any(|byte| byte.is_ascii_uppercase()) {
            return Err(refuse(WimseCode::IdentifierUpperCase, "has a scheme or trust domain in upper case"));
        }
        if host.contains('%') {
            return Err(refuse(WimseCode::IdentifierMalformed, "has a trust domain with escapes"));
        }
        let mut segments = uri.path().as_str().split('/');
        if segments.any(|segment| matches!(segment, "." | "..")) {
            return Err(refuse(WimseCode::IdentifierDotSegment, "has a segment of dots"));
        }
        let begins = scheme.len() + 3;
        Ok(Self { authority: begins, path: begins + host.len(), text: text.to_owned() })
    }

    /// The identifier.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name of the trust domain.
    pub fn trust_domain(&self) -> &str {
        self.text.get(self.authority..self.path).unwrap_or_default()
    }

    /// Scheme and trust domain: by which anchors are configured.
    pub fn authority(&self) -> &str {
        self.text.get(..self.path).unwrap_or_default()
    }

    /// The path, with its leading slash; perhaps empty.
    pub fn path(&self) -> &str {
        self.text.get(self.path..).unwrap_or_default()
    }
}

impl fmt::Display for WorkloadIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn code(text: &str) -> &'static str {
        WorkloadIdentifier::parse(text).map_or_else(|rejection| rejection.code(), |_| "good")
    }

    #[test]
    fn what_names_a_workload_is_taken_as_it_is() {
        for text in [
            "wimse://example.com/specific-workload",
            "wimse://example.com",
            "wimse://example.com/a/b/",
            "wimse://example.com/%61",
            "spiffe://example.org/ns/prod",
            "https://example.com/workload",
            "wimse://[2001:db8::1]/w",
        ] {
            assert_eq!(WorkloadIdentifier::parse(text).unwrap().to_string(), text);
        }
        let id = WorkloadIdentifier::parse("wimse://a.example").unwrap();
        assert_eq!((id.trust_domain(), id.path(), id.authority()), ("a.example", "", "wimse://a.example"));
        let longest = format!("wimse://a/{}", "x".repeat(MAX_IDENTIFIER - 10));
        assert_eq!(code(&longest), "good");
        assert_eq!(code(&format!("{longest}x")), "wimse.identifier_too_long");
    }

    #[test]
    fn what_does_not_is_refused_by_its_fault() {
        for (text, wanted) in [
            ("", "wimse.identifier_malformed"),
            ("example.com/w", "wimse.identifier_malformed"),
            ("//example.com/w", "wimse.identifier_malformed"),
            ("wimse://example.com/a b", "wimse.identifier_malformed"),
            ("wimse://example.com/%zz", "wimse.identifier_malformed"),
            ("wimse://exa%6dple.com/w", "wimse.identifier_malformed"),
            ("wimse:///w", "wimse.identifier_authority"),
            ("wimse:w", "wimse.identifier_authority"),
            ("urn:example:w", "wimse.identifier_authority"),
            ("wimse://example.com/w?", "wimse.identifier_query"),
            ("wimse://example.com/w#", "wimse.identifier_fragment"),
            ("wimse://u@example.com/w", "wimse.identifier_user"),
            ("wimse://@example.com/w", "wimse.identifier_user"),
            ("wimse://example.com:443/w", "wimse.identifier_port"),
            ("wimse://example.com:/w", "wimse.identifier_port"),
            ("wimse://Example.com/w", "wimse.identifier_upper_case"),
            ("WIMSE://example.com/w", "wimse.identifier_upper_case"),
            ("wimse://example.com/a/../w", "wimse.identifier_dot_segment"),
            ("wimse://example.com/.", "wimse.identifier_dot_segment"),
            ("spiffe://example.org/a//b", "spiffe.empty_segment"),
        ] {
            assert_eq!(code(text), wanted, "{text}");
        }
    }
}
