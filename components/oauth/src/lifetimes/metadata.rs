//! What a server declares in its metadata (section 8).

use alloc::format;

use portcullis_types::{
    Rejection,
    json::{Object, Value},
};

use super::{LifetimeCode, Lifetimes};

/// The present name, and that of draft-watson-oauth-refresh-token-expiration-00.
const NAMES: [&str; 2] = ["refresh_token_expiration_types_supported", "refresh_token_expiration_types"];

/// What can end, by a server's own word. A server that declares it, with whatever types, knows the specification: what it leaves
/// out of a response has no fixed end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExpirationTypes {
    /// `authorization`, formerly `consent`.
    pub authorization: bool,
    /// `token_timeout`, formerly `credential`.
    pub token_timeout: bool,
}

impl ExpirationTypes {
    /// Reads authorization server metadata (RFC 8414). Nothing where it declares nothing; unknown types are passed over.
    ///
    /// Errors: `lifetimes.metadata_type`, `lifetimes.conflict`, `json.duplicate_name`.
    pub fn of_metadata(metadata: &Object) -> Result<Option<Self>, Rejection> {
        let mut declared = None;
        for name in NAMES {
            let Some(value) = metadata.get(name)? else { continue };
            let types = Self::of_list(name, value)?;
            if declared.is_some_and(|known| known != types) {
                let what = format!("{name} differs from the present name");
                return Err(Rejection::new(LifetimeCode::Conflict, what));
            }
            declared = Some(types);
        }
        Ok(declared)
    }

    fn of_list(name: &str, value: &Value) -> Result<Self, Rejection> {
        let wrong = || Rejection::new(LifetimeCode::Metadata, format!("{name} is no list of texts"));
        let mut types = Self::default();
        for item in value.as_array().ok_or_else(wrong)? {
            match item.as_str().ok_or_else(wrong)? {
                "authorization" | "consent" => types.authorization = true,
                "token_timeout" | "credential" => types.token_timeout = true,
                _ => {}
            }
        }
        Ok(types)
    }
}

/// What has no fixed end, by the server's own word (section 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Indefinite {
    /// The refresh token has no timeout.
    pub refresh_token: bool,
    /// The user's authorization does not end.
    pub authorization: bool,
}

impl Lifetimes {
    /// What was left out by a server that declares its expiration types. From one that declares nothing, what is left out is not
    /// known; and of what was refused nothing is left.
    #[must_use]
    pub fn indefinite(&self, types: Option<ExpirationTypes>) -> Indefinite {
        if types.is_none() || self.is_refused() {
            return Indefinite::default();
        }
        Indefinite {
            refresh_token: self.timeout_ends().is_none(),
            authorization: self.authorization_expires().is_none(),
        }
    }
}
