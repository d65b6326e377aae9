//! Names and defaults for the generated types.

use std::str::FromStr;

use crate::bindings::exports::portcullis::crypto::keys::Algorithm;
use crate::bindings::exports::portcullis::token::jwt::{Expectations, Profile};

impl Algorithm {
    /// Every algorithm.
    pub const ALL: &[Self] = &[
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::Es256k,
        Self::Ed25519,
        Self::Eddsa,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
    ];

    /// Its name in JOSE, for example `ES256`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::Es256k => "ES256K",
            Self::Ed25519 => "Ed25519",
            Self::Eddsa => "EdDSA",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        }
    }
}

/// The text is not the name of an algorithm this version knows. Names are compared with their case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown algorithm; known are ES256, ES384, ES512, ES256K, Ed25519, EdDSA, RS*, PS* and HS* with 256, 384, 512"
)]
pub struct UnknownAlgorithm;

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        Self::ALL.iter().copied().find(|algorithm| algorithm.as_str() == name).ok_or(UnknownAlgorithm)
    }
}

impl Default for Expectations {
    /// The `jwt` profile, no leeway, and nothing else expected: a valid signature by an asymmetric key, and times
    /// that hold.
    fn default() -> Self {
        Self {
            profile: Profile::Jwt,
            typ: None,
            issuer: None,
            audience: None,
            algorithms: None,
            leeway: 0,
            max_age: None,
            required_claims: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_algorithms_match() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.as_str().parse(), Ok(*algorithm));
        }
        assert_eq!("es256".parse::<Algorithm>(), Err(UnknownAlgorithm));
        assert_eq!("none".parse::<Algorithm>(), Err(UnknownAlgorithm));
    }
}
