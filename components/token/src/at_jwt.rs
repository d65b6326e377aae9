//! JWT access tokens (RFC 9068): what every one of them has.

use alloc::format;

use portcullis_types::Rejection;

use crate::{
    TokenCode,
    claims::{Claims, date, present, text, texts, wrong_type},
};

/// The media type in the header (RFC 9068 section 2.1).
pub const TYPE: &str = "at+jwt";

/// Claims that are required (RFC 9068 section 2.2).
const REQUIRED: &[&str] = &["iss", "exp", "aud", "sub", "client_id", "iat", "jti"];

/// Checks the claims of a JWT access token (RFC 9068 section 2.2): the required ones are there, and those that a
/// resource server decides by have their types.
///
/// Errors: `token.access_claim_missing`, `token.access_claim_type`, `token.claim_null`.
pub(crate) fn check(claims: &Claims) -> Result<(), Rejection> {
    for name in REQUIRED {
        if present(&claims.members, name)?.is_none() {
            return Err(Rejection::new(TokenCode::AccessClaimMissing, format!("the access token has no {name}")));
        }
    }
    for name in ["client_id", "scope", "acr"] {
        text(&claims.members, name, TokenCode::AccessClaimType)?;
    }
    date(&claims.members, "auth_time", TokenCode::AccessClaimType)?;
    if let Some(amr) = present(&claims.members, "amr")?
        && texts(amr).is_none()
    {
        return Err(wrong_type("amr", amr, TokenCode::AccessClaimType));
    }
    Ok(())
}
