//! SPIFFE IDs and trust domain names (SPIFFE-ID section 2): always valid, never normalised.

use alloc::{borrow::ToOwned, format, string::String};
use core::fmt;

use portcullis_types::{Rejection, limits::excerpt};

use crate::SvidCode;

/// The longest SPIFFE ID, in bytes. The text obliges everybody to take that much (section 2.3) and advises to make no
/// more; a bound is needed somewhere, and beyond this one no two implementations agree.
pub const MAX_SPIFFE_ID: usize = 2048;

/// The longest trust domain name, in bytes (section 2.3, from the host of RFC 3986).
pub const MAX_TRUST_DOMAIN: usize = 255;

const SCHEME: &str = "spiffe";

/// The name of a trust domain: 1 to 255 of `a-z 0-9 . - _`.
///
/// ```
/// use portcullis_svid::TrustDomain;
/// assert_eq!(TrustDomain::parse("example.org").unwrap().as_str(), "example.org");
/// assert_eq!(TrustDomain::parse("Example.org").unwrap_err().code(), "spiffe.trust_domain_upper_case");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrustDomain(String);

impl TrustDomain {
    /// Reads a name (section 2.1). A name that differs in case is refused, not lowered.
    ///
    /// Errors: `spiffe.trust_domain_missing`, `spiffe.trust_domain_*`, `spiffe.port`, `spiffe.userinfo`,
    /// `spiffe.percent_encoding`.
    pub fn parse(name: &str) -> Result<Self, Rejection> {
        check_trust_domain(name)?;
        Ok(Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A SPIFFE ID: `spiffe://`, a trust domain name and a path, which may be empty.
///
/// ```
/// use portcullis_svid::SpiffeId;
/// let id = SpiffeId::parse("spiffe://example.org/ns/prod/sa/web").unwrap();
/// assert_eq!(id.trust_domain().as_str(), "example.org");
/// assert_eq!(id.path(), "/ns/prod/sa/web");
/// assert_eq!(SpiffeId::parse("spiffe://example.org/a/../b").unwrap_err().code(), "spiffe.dot_segment");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SpiffeId {
    text: String,
    trust_domain: TrustDomain,
}

impl SpiffeId {
    /// Reads a SPIFFE ID (section 2). Two IDs are the same exactly if their texts are: what another text could be
    /// normalised to does not matter.
    ///
    /// Errors: `spiffe.*`.
    pub fn parse(text: &str) -> Result<Self, Rejection> {
        let after_scheme = check_scheme(text)?;
        check_no_query_or_fragment(after_scheme)?;
        let (authority, path) = after_scheme.split_at(after_scheme.find('/').unwrap_or(after_scheme.len()));
        let trust_domain = TrustDomain::parse(authority)?;
        check_path(path)?;
        Ok(Self { text: text.to_owned(), trust_domain })
    }

    /// The whole ID.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its trust domain.
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.trust_domain
    }

    /// Its path with the leading slash; empty where the ID is that of a trust domain.
    pub fn path(&self) -> &str {
        let start = SCHEME.len() + "://".len() + self.trust_domain.0.len();
        self.text.get(start..).unwrap_or_default()
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn refuse<T>(code: SvidCode, what: impl Into<String>) -> Result<T, Rejection> {
    Err(Rejection::new(code, what))
}

/// The length (section 2.3) and `spiffe://` (section 2). The scheme is taken in lower case only, as every known
/// implementation does: section 2.4 calls it case-insensitive, but IDs are compared as texts.
fn check_scheme(text: &str) -> Result<&str, Rejection> {
    if text.is_empty() {
        return refuse(SvidCode::IdEmpty, "the SPIFFE ID is empty");
    }
    if text.len() > MAX_SPIFFE_ID {
        return refuse(SvidCode::IdTooLong, format!("{} bytes, at most {MAX_SPIFFE_ID} are read", text.len()));
    }
    if text.starts_with(|first: char| first.is_whitespace()) {
        return refuse(SvidCode::IdWhiteSpace, "the SPIFFE ID begins with white space");
    }
    let Some(rest) = text.strip_prefix(SCHEME).and_then(|rest| rest.strip_prefix(':')) else {
        return refuse(SvidCode::IdScheme, format!("{} does not begin with {SCHEME}:", excerpt(text)));
    };
    match rest.strip_prefix("//") {
        Some(rest) => Ok(rest),
        None => refuse(SvidCode::IdAuthorityMissing, "no \"//\" and trust domain follow the scheme"),
    }
}

/// No query and no fragment (section 2), empty ones included.
fn check_no_query_or_fragment(text: &str) -> Result<(), Rejection> {
    match text.bytes().find(|byte| matches!(byte, b'?' | b'#')) {
        None => Ok(()),
        Some(b'?') => refuse(SvidCode::IdQuery, "a SPIFFE ID has no query"),
        Some(_) => refuse(SvidCode::IdFragment, "a SPIFFE ID has no fragment"),
    }
}

/// The trust domain name (section 2.1). The first character that may not occur decides.
fn check_trust_domain(name: &str) -> Result<(), Rejection> {
    if name.is_empty() {
        return refuse(SvidCode::TrustDomainMissing, "there is no trust domain");
    }
    if name.contains('@') {
        return refuse(SvidCode::IdUserinfo, "a SPIFFE ID has no user information");
    }
    let allowed = |c: &char| matches!(c, 'a'..='z' | '0'..='9' | '.' | '-' | '_');
    match name.chars().find(|c| !allowed(c)) {
        None => {}
        Some(':') => return refuse(SvidCode::IdPort, "a SPIFFE ID has no port"),
        Some('%') => return refuse(SvidCode::IdPercentEncoding, "a trust domain has no percent-encoded characters"),
        Some(c) if c.is_ascii_uppercase() => {
            return refuse(SvidCode::TrustDomainUpperCase, format!("{} is not in lower case", excerpt(name)));
        }
        Some(c) => {
            return refuse(SvidCode::TrustDomainCharacter, format!("{c:?} in the trust domain {}", excerpt(name)));
        }
    }
    if name.len() > MAX_TRUST_DOMAIN {
        return refuse(
            SvidCode::TrustDomainTooLong,
            format!("the trust domain has {} bytes, at most {MAX_TRUST_DOMAIN} are read", name.len()),
        );
    }
    Ok(())
}

/// The path (section 2.2): nothing, or segments that each begin with a slash.
fn check_path(path: &str) -> Result<(), Rejection> {
    let Some(path) = path.strip_prefix('/') else {
        return Ok(());
    };
    let mut segments = path.split('/').peekable();
    while let Some(segment) = segments.next() {
        match segment {
            "" if segments.peek().is_none() => {
                return refuse(SvidCode::PathTrailingSlash, "the path ends with a slash");
            }
            "" => return refuse(SvidCode::PathEmptySegment, "the path has an empty segment"),
            "." | ".." => return refuse(SvidCode::PathDotSegment, format!("the path has a segment {segment:?}")),
            _ => {}
        }
        let allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        match segment.chars().find(|c| !allowed(c)) {
            None => {}
            Some('%') => return refuse(SvidCode::IdPercentEncoding, "a path has no percent-encoded characters"),
            Some(c) => {
                return refuse(SvidCode::PathCharacter, format!("{c:?} in the path segment {}", excerpt(segment)));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    fn code(text: &str) -> String {
        SpiffeId::parse(text).unwrap_err().code().to_string()
    }

    #[test]
    fn lengths_are_bounded_on_both_sides() {
        let with_path = |length: usize| {
            let start = "spiffe://example.org/";
            [start, &"a".repeat(length - start.len())].concat()
        };
        assert_eq!(SpiffeId::parse(&with_path(MAX_SPIFFE_ID)).unwrap().as_str().len(), MAX_SPIFFE_ID);
        assert_eq!(code(&with_path(MAX_SPIFFE_ID + 1)), "spiffe.too_long");
        assert!(TrustDomain::parse(&"a".repeat(MAX_TRUST_DOMAIN)).is_ok());
        assert_eq!(
            TrustDomain::parse(&"a".repeat(MAX_TRUST_DOMAIN + 1)).unwrap_err().code(),
            "spiffe.trust_domain_too_long"
        );
        assert_eq!(code(&format!("spiffe://{}/w", "a".repeat(MAX_TRUST_DOMAIN + 1))), "spiffe.trust_domain_too_long");
    }

    #[test]
    fn an_id_of_a_trust_domain_has_an_empty_path() {
        let id = SpiffeId::parse("spiffe://a_b.1-c").unwrap();
        assert_eq!((id.trust_domain().as_str(), id.path(), id.as_str()), ("a_b.1-c", "", "spiffe://a_b.1-c"));
        assert_eq!(id.to_string(), "spiffe://a_b.1-c");
    }

    #[test]
    fn each_fault_has_its_code() {
        for (text, wanted) in [
            ("", "spiffe.empty"),
            ("\tspiffe://td/w", "spiffe.white_space"),
            ("https://td/w", "spiffe.scheme"),
            ("SPIFFE://td/w", "spiffe.scheme"),
            ("spiffe", "spiffe.scheme"),
            ("spiffe:td/w", "spiffe.authority_missing"),
            ("spiffe:/td/w", "spiffe.authority_missing"),
            ("spiffe://td/w?a#b", "spiffe.query"),
            ("spiffe://td/w#a?b", "spiffe.fragment"),
            ("spiffe://td?x", "spiffe.query"),
            ("spiffe:///w", "spiffe.trust_domain_missing"),
            ("spiffe://", "spiffe.trust_domain_missing"),
            ("spiffe://@td/w", "spiffe.userinfo"),
            ("spiffe://u:p@td/w", "spiffe.userinfo"),
            ("spiffe://td:/w", "spiffe.port"),
            ("spiffe://td:1/w", "spiffe.port"),
            ("spiffe://t%64/w", "spiffe.percent_encoding"),
            ("spiffe://td/%77", "spiffe.percent_encoding"),
            ("spiffe://tD/w", "spiffe.trust_domain_upper_case"),
            ("spiffe://[::1]/w", "spiffe.trust_domain_character"),
            ("spiffe://td\\w", "spiffe.trust_domain_character"),
            ("spiffe://t\u{e4}/w", "spiffe.trust_domain_character"),
            ("spiffe://td/", "spiffe.trailing_slash"),
            ("spiffe://td/w/", "spiffe.trailing_slash"),
            ("spiffe://td//w", "spiffe.empty_segment"),
            ("spiffe://td//", "spiffe.empty_segment"),
            ("spiffe://td/.", "spiffe.dot_segment"),
            ("spiffe://td/w/..", "spiffe.dot_segment"),
            ("spiffe://td/a:b", "spiffe.path_character"),
            ("spiffe://td/w\n", "spiffe.path_character"),
        ] {
            assert_eq!(code(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn a_trust_domain_name_is_not_an_id() {
        for (name, wanted) in [
            ("", "spiffe.trust_domain_missing"),
            ("spiffe://td", "spiffe.port"),
            ("td/w", "spiffe.trust_domain_character"),
            ("td ", "spiffe.trust_domain_character"),
        ] {
            assert_eq!(TrustDomain::parse(name).unwrap_err().code(), wanted, "{name:?}");
        }
    }
}
