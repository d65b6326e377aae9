//! The registered claims (RFC 7519 section 4.1): their types, once and for all users.

use alloc::{format, string::String, vec, vec::Vec};

use portcullis_types::{
    NumericDate, Rejection,
    json::{self, Object, Value},
};

use crate::TokenCode;

/// Claims whose registered members have their types. Everything else in them is as it was signed.
#[derive(Debug, Clone, PartialEq)]
pub struct Claims {
    /// All members, names unique at the top level.
    pub members: Object,
    /// `iss`
    pub issuer: Option<String>,
    /// `sub`
    pub subject: Option<String>,
    /// `aud`; a single text is a list of one.
    pub audience: Option<Vec<String>>,
    /// `exp`
    pub expires: Option<NumericDate>,
    /// `nbf`
    pub not_before: Option<NumericDate>,
    /// `iat`
    pub issued_at: Option<NumericDate>,
    /// `jti`; of a CWT, `cti` in base64url.
    pub id: Option<String>,
}

/// Claims whose inner objects somebody decides by, here or downstream: in them, too, no name may occur twice
/// (`docs/limits.md`).
const READ_DEEPLY: &[&str] = &["cnf", "status", "access", "authorization_details", "act", "tctx", "rctx"];

impl Claims {
    /// Reads a payload: one JSON object whose registered claims, where present, have their types. A claim of a wrong
    /// type is never taken as absent.
    ///
    /// Errors: `json.*`, `token.claim_null`, `token.*_type`.
    pub fn parse(payload: &[u8]) -> Result<Self, Rejection> {
        Self::from_members(json::parse_object(payload).map_err(|rejection| rejection.within("claims"))?)
    }

    /// The same, from members that are parsed already.
    ///
    /// Errors: `json.duplicate_name`, `token.claim_null`, `token.*_type`.
    pub fn from_members(members: Object) -> Result<Self, Rejection> {
        for name in READ_DEEPLY {
            if let Some(value) = members.get(name)? {
                value.checked_everywhere().map_err(|rejection| rejection.within(name))?;
            }
        }
        Ok(Self {
            issuer: text(&members, "iss", TokenCode::IssuerType)?,
            subject: text(&members, "sub", TokenCode::SubjectType)?,
            audience: audience(&members)?,
            expires: date(&members, "exp", TokenCode::ExpiresType)?,
            not_before: date(&members, "nbf", TokenCode::NotBeforeType)?,
            issued_at: date(&members, "iat", TokenCode::IssuedAtType)?,
            id: text(&members, "jti", TokenCode::IdType)?,
            members,
        })
    }
}

/// A claim that is there and not `null`.
pub(crate) fn present<'a>(claims: &'a Object, name: &str) -> Result<Option<&'a Value>, Rejection> {
    match claims.get(name)? {
        Some(Value::Null) => Err(Rejection::new(TokenCode::ClaimNull, format!("{name} is null"))),
        other => Ok(other),
    }
}

/// A claim that is a text, if it is there.
pub(crate) fn text(claims: &Object, name: &str, code: TokenCode) -> Result<Option<String>, Rejection> {
    match present(claims, name)? {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => Err(wrong_type(name, other, code)),
    }
}

/// A claim that is a time, if it is there.
pub(crate) fn date(claims: &Object, name: &str, code: TokenCode) -> Result<Option<NumericDate>, Rejection> {
    match present(claims, name)? {
        None => Ok(None),
        Some(value) => match NumericDate::from_json(value) {
            Some(date) => Ok(Some(date)),
            None => Err(wrong_type(name, value, code)),
        },
    }
}

/// `aud` (RFC 7519 section 4.1.3).
fn audience(claims: &Object) -> Result<Option<Vec<String>>, Rejection> {
    match present(claims, "aud")? {
        None => Ok(None),
        Some(Value::String(one)) => Ok(Some(vec![one.clone()])),
        Some(value) => match texts(value) {
            Some(list) => Ok(Some(list)),
            None => Err(wrong_type("aud", value, TokenCode::AudienceType)),
        },
    }
}

/// A list of texts.
pub(crate) fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|item| item.as_str().map(Into::into)).collect()
}

pub(crate) fn wrong_type(name: &str, value: &Value, code: TokenCode) -> Rejection {
    let what = match value {
        Value::Number(_) => "a number out of its range or place",
        other => other.kind(),
    };
    Rejection::new(code, format!("{name} is {what}"))
}
