//! Patterns of SPIFFE IDs, as the client metadata `spiffe_id` has them (draft-ietf-oauth-spiffe-client-auth-02 section 5), and
//! policies.

use alloc::format;
use core::fmt;

use portcullis_types::{Rejection, limits::excerpt};

use crate::{SpiffeId, SvidCode, TrustDomain};

/// One SPIFFE ID, or every one below it.
///
/// ```
/// use portcullis_svid::{IdPattern, SpiffeId};
///
/// let pattern = IdPattern::parse("spiffe://example.org/client/*")?;
/// assert!(pattern.matches(&SpiffeId::parse("spiffe://example.org/client/123")?));
/// assert!(!pattern.matches(&SpiffeId::parse("spiffe://example.org/client123")?));
/// assert!(!pattern.matches(&SpiffeId::parse("spiffe://example.org/client")?));
/// # Ok::<(), portcullis_types::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum IdPattern {
    /// This one.
    Exactly(SpiffeId),
    /// Those whose path goes on below this one's by one whole segment or more.
    Below(SpiffeId),
}

impl IdPattern {
    /// Reads a SPIFFE ID, which may end in `/*`.
    ///
    /// Errors: `spiffe.pattern_wildcard`, `spiffe.*`.
    pub fn parse(text: &str) -> Result<Self, Rejection> {
        let (id, below) = match text.strip_suffix("/*") {
            Some(above) => (above, true),
            None => (text, false),
        };
        if id.contains('*') {
            let what = format!("a * in {} is not its whole last segment", excerpt(text));
            return Err(Rejection::new(SvidCode::PatternWildcard, what));
        }
        let id = SpiffeId::parse(id)?;
        Ok(if below { Self::Below(id) } else { Self::Exactly(id) })
    }

    /// Whether an ID is one of those meant. Segments are compared as they are, case included.
    pub fn matches(&self, id: &SpiffeId) -> bool {
        match self {
            Self::Exactly(exactly) => exactly == id,
            Self::Below(above) => {
                id.trust_domain() == above.trust_domain()
                    && id.path().strip_prefix(above.path()).is_some_and(|rest| rest.starts_with('/'))
            }
        }
    }

    /// The trust domain of every ID that matches.
    pub fn trust_domain(&self) -> &TrustDomain {
        match self {
            Self::Exactly(id) | Self::Below(id) => id.trust_domain(),
        }
    }
}

impl fmt::Display for IdPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(id) => write!(f, "{id}"),
            Self::Below(id) => write!(f, "{id}/*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn matches(pattern: &str, id: &str) -> bool {
        IdPattern::parse(pattern).unwrap().matches(&SpiffeId::parse(id).unwrap())
    }

    #[test]
    fn a_pattern_reaches_below_whole_segments_only() {
        let pattern = "spiffe://example.org/client/*";
        for id in ["spiffe://example.org/client/1", "spiffe://example.org/client/a/b"] {
            assert!(matches(pattern, id), "{id}");
        }
        for id in [
            "spiffe://example.org",
            "spiffe://example.org/client",
            "spiffe://example.org/client1",
            "spiffe://example.org/clients/1",
            "spiffe://example.org/Client/1",
            "spiffe://example.org/x/client/1",
            "spiffe://example.orgx/client/1",
            "spiffe://other.example/client/1",
        ] {
            assert!(!matches(pattern, id), "{id}");
        }
        assert!(matches("spiffe://example.org/*", "spiffe://example.org/w"));
        assert!(!matches("spiffe://example.org/*", "spiffe://example.org"));
        assert!(!matches("spiffe://example.org/*", "spiffe://example.org.evil/w"));
        assert!(matches("spiffe://example.org/a", "spiffe://example.org/a"));
        assert!(!matches("spiffe://example.org/a", "spiffe://example.org/a/b"));
    }

    #[test]
    fn a_star_is_the_whole_last_segment_or_nothing() {
        for text in [
            "spiffe://example.org/a*",
            "spiffe://example.org/*/a",
            "spiffe://example.org/*/*",
            "spiffe://example.org/**",
            "spiffe://*/*",
            "*",
        ] {
            assert_eq!(IdPattern::parse(text).unwrap_err().code(), "spiffe.pattern_wildcard", "{text}");
        }
        assert_eq!(IdPattern::parse("spiffe://*").unwrap_err().code(), "spiffe.authority_missing");
        assert_eq!(IdPattern::parse("spiffe://example.org//*").unwrap_err().code(), "spiffe.trailing_slash");
        assert_eq!(IdPattern::parse("/*").unwrap_err().code(), "spiffe.empty");
        assert_eq!(IdPattern::parse("https://example.org/*").unwrap_err().code(), "spiffe.scheme");
        assert_eq!(IdPattern::parse("spiffe://example.org/a/*").unwrap().to_string(), "spiffe://example.org/a/*");
    }
}
