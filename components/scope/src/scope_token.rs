//! OAuth scopes (RFC 6749 section 3.3).
//!
//! `scope = scope-token *( SP scope-token )`, `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )`: visible ASCII without the
//! quotation mark and the backslash, single spaces between, compared with case, their order without meaning.

use alloc::{collections::BTreeSet, format, string::String, vec::Vec};
use core::fmt;

use portcullis_types::{Rejection, limits::excerpt};

use crate::{
    ScopeCode,
    limits::{MAX_SCOPE_TEXT, MAX_SCOPES},
};

/// One scope token. Always within the grammar.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scope(String);

impl Scope {
    /// Reads one scope token.
    ///
    /// Error: `scope.malformed`.
    pub fn parse(text: &str) -> Result<Self, Rejection> {
        if is_scope_token(text) {
            Ok(Self(text.into()))
        } else {
            Err(Rejection::new(ScopeCode::Malformed, format!("{} is no scope token", excerpt(text))))
        }
    }

    /// The token's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a text is a scope token. `acr` values and claim names in challenges have the same grammar.
pub(crate) fn is_scope_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

/// Most pairs of tokens that are compared one by one: a few microseconds.
const MAX_PAIRS: usize = 256;

/// A scope: one or more tokens, each once, in the order in which they were written.
///
/// ```
/// use portcullis_scope::ScopeSet;
/// let granted = ScopeSet::parse("write read read").unwrap();
/// assert!(granted.covers(&ScopeSet::parse("read write").unwrap()));
/// assert!(!granted.covers(&ScopeSet::parse("Read").unwrap()));
/// assert_eq!(granted.to_string(), "write read");
/// assert_eq!(ScopeSet::parse("read  write").unwrap_err().code(), "scope.malformed");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeSet(Vec<Scope>);

impl ScopeSet {
    /// Reads a scope, at most 32 KiB and 1,000 tokens. A token that is repeated counts once.
    ///
    /// Errors: `scope.malformed`, `scope.too_large`.
    pub fn parse(text: &str) -> Result<Self, Rejection> {
        if text.len() > MAX_SCOPE_TEXT {
            let what = format!("the scope has {} bytes, at most {MAX_SCOPE_TEXT} are read", text.len());
            return Err(Rejection::new(ScopeCode::TooLarge, what));
        }
        Self::from_tokens(text.split(' '))
    }

    /// A scope of tokens that stand apart, as policies list them.
    ///
    /// Errors: `scope.malformed` (no token at all, too), `scope.too_large`.
    pub fn from_tokens<'a>(tokens: impl IntoIterator<Item = &'a str>) -> Result<Self, Rejection> {
        let mut seen = BTreeSet::new();
        let mut set = Vec::new();
        let mut length = 0;
        for (index, token) in tokens.into_iter().enumerate() {
            length += token.len() + 1;
            if index >= MAX_SCOPES || length > MAX_SCOPE_TEXT + 1 {
                let what = format!("more than {MAX_SCOPES} scope tokens or {MAX_SCOPE_TEXT} bytes of them");
                return Err(Rejection::new(ScopeCode::TooLarge, what));
            }
            let scope = Scope::parse(token)?;
            if seen.insert(token) {
                set.push(scope);
            }
        }
        if set.is_empty() {
            return Err(Rejection::new(ScopeCode::Malformed, "a scope has at least one token"));
        }
        Ok(Self(set))
    }

    /// The first token that a granted scope's text does not have, read as [`ScopeSet::parse`] reads it but without keeping
    /// anything: what a gate asks at every request.
    ///
    /// Errors: `scope.malformed`, `scope.too_large`.
    ///
    /// ```
    /// use portcullis_scope::ScopeSet;
    /// let required = ScopeSet::parse("read write").unwrap();
    /// assert!(required.first_missing_of("write read").unwrap().is_none());
    /// assert_eq!(required.first_missing_of("read").unwrap().unwrap().as_str(), "write");
    /// assert_eq!(required.first_missing_of("read  write").unwrap_err().code(), "scope.malformed");
    /// ```
    pub fn first_missing_of(&self, granted: &str) -> Result<Option<&Scope>, Rejection> {
        // Few against few, as nearly always: every pair is compared. Else a set is worth its making.
        let tokens = granted.split(' ').take(MAX_SCOPES + 1).count();
        if granted.len() > MAX_SCOPE_TEXT || tokens > MAX_SCOPES || tokens.saturating_mul(self.0.len()) > MAX_PAIRS {
            let granted = Self::parse(granted)?;
            return Ok(self.0.iter().find(|scope| !granted.contains(scope.as_str())));
        }
        if let Some(other) = granted.split(' ').find(|token| !is_scope_token(token)) {
            return Scope::parse(other).map(|_| None);
        }
        Ok(self.0.iter().find(|scope| !granted.split(' ').any(|token| token == scope.as_str())))
    }

    /// The tokens in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }

    /// Whether a token is among them.
    pub fn contains(&self, token: &str) -> bool {
        self.0.iter().any(|scope| scope.as_str() == token)
    }

    /// Whether every token of `required` is among them.
    pub fn covers(&self, required: &ScopeSet) -> bool {
        self.first_missing(required).is_none()
    }

    /// The first token of `required` that is not among them.
    pub fn first_missing<'a>(&self, required: &'a ScopeSet) -> Option<&'a Scope> {
        let granted: BTreeSet<&Scope> = self.0.iter().collect();
        required.0.iter().find(|scope| !granted.contains(scope))
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope.as_str())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn each_byte_is_judged_by_the_grammar() {
        for byte in 0..=0x7f_u8 {
            let allowed = byte == 0x21 || (0x23..=0x5b).contains(&byte) || (0x5d..=0x7e).contains(&byte);
            let text = String::from(char::from(byte));
            assert_eq!(Scope::parse(&text).is_ok(), allowed, "{byte:#04x}");
        }
        assert!(Scope::parse("é").is_err());
        assert!(Scope::parse("").is_err());
    }

    #[test]
    fn spaces_are_single_and_between() {
        for text in ["", " ", " a", "a ", "a  b", "a\tb", "a\nb", "a\u{a0}b"] {
            assert_eq!(ScopeSet::parse(text).unwrap_err().code(), "scope.malformed", "{text:?}");
        }
        assert_eq!(ScopeSet::parse("a b,c").unwrap().to_string(), "a b,c");
    }

    #[test]
    fn size_is_bounded_at_both_sides() {
        let many = |n: usize| (0..n).map(|i| i.to_string()).collect::<Vec<_>>().join(" ");
        assert!(ScopeSet::parse(&many(MAX_SCOPES)).is_ok());
        assert_eq!(ScopeSet::parse(&many(MAX_SCOPES + 1)).unwrap_err().code(), "scope.too_large");
        assert!(ScopeSet::parse(&"a".repeat(MAX_SCOPE_TEXT)).is_ok());
        assert_eq!(ScopeSet::parse(&"a".repeat(MAX_SCOPE_TEXT + 1)).unwrap_err().code(), "scope.too_large");
        let long = "a".repeat(MAX_SCOPE_TEXT);
        assert!(ScopeSet::from_tokens([long.as_str()]).is_ok());
        assert_eq!(ScopeSet::from_tokens([long.as_str(), "b"]).unwrap_err().code(), "scope.too_large");
        assert_eq!(ScopeSet::from_tokens([]).unwrap_err().code(), "scope.malformed");
        assert_eq!(ScopeSet::from_tokens(["a b"]).unwrap_err().code(), "scope.malformed");
    }

    #[test]
    fn the_first_missing_token_is_named() {
        let granted = ScopeSet::parse("a b").unwrap();
        let missing = |text| granted.first_missing(&ScopeSet::parse(text).unwrap()).map(ToString::to_string);
        assert_eq!(missing("b a"), None);
        assert_eq!(missing("a c d").as_deref(), Some("c"));
        assert_eq!(missing("aa").as_deref(), Some("aa"));
        assert!(granted.contains("a") && !granted.contains("A"));
    }
}
