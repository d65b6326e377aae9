//! The challenge of a registry (distribution: Token Authentication Specification, How to authenticate).

use portcullis_types::Rejection;

use super::{Access, scope};
use crate::{Challenge, Realm};

/// Why a registry does not take a token (RFC 6750 section 3.1). It answers 401 in both cases, so that clients come back
/// with a token for the challenged scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenError {
    /// The token does not verify.
    InvalidToken,
    /// The token does not grant what the request needs.
    InsufficientScope,
}

/// A registry's challenge: `realm` is the token server's URL, `service` the audience of its tokens, then the scope of
/// what is required, if anything is, and why the token was not taken, if there was one.
///
/// Errors: `oci.scope_*` where the access cannot be written as a scope, `challenge.*`.
///
/// ```
/// use portcullis_scope::{Realm, oci::{Access, challenge::{TokenError, challenge}}};
/// let realm = Realm::parse("https://auth.example/token").unwrap();
/// let required = [Access::repository("a/b", &["pull", "push"])];
/// let challenge = challenge(&realm, "registry.example", &required, Some(TokenError::InsufficientScope)).unwrap();
/// assert_eq!(
///     challenge.to_header(),
///     "Bearer realm=\"https://auth.example/token\", service=\"registry.example\", \
///      scope=\"repository:a/b:pull,push\", error=\"insufficient_scope\""
/// );
/// ```
pub fn challenge(
    realm: &Realm,
    service: &str,
    required: &[Access],
    error: Option<TokenError>,
) -> Result<Challenge, Rejection> {
    let mut challenge = Challenge::empty("Bearer").with("realm", realm.as_str())?.with("service", service)?;
    if !required.is_empty() {
        challenge = challenge.with("scope", &scope::write(required)?)?;
    }
    match error {
        None => Ok(challenge),
        Some(TokenError::InvalidToken) => challenge.with("error", "invalid_token"),
        Some(TokenError::InsufficientScope) => challenge.with("error", "insufficient_scope"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_scope_is_not_challenged_with() {
        let realm = Realm::parse("https://auth.example/token").unwrap();
        let write = |name: &str, service: &str| {
            challenge(&realm, service, &[Access::repository(name, &["pull"])], Some(TokenError::InvalidToken))
        };
        assert!(write("a/b", "r").is_ok());
        assert_eq!(write("a/*", "r").unwrap_err().code(), "oci.scope_name");
        assert_eq!(write("a/b:pull repository:c", "r").unwrap_err().code(), "oci.scope_name");
        assert_eq!(write("a/b", "r\n").unwrap_err().code(), "challenge.character");
        let plain = challenge(&realm, "r", &[], None).unwrap().to_header();
        assert_eq!(plain, r#"Bearer realm="https://auth.example/token", service="r""#);
    }
}
