//! Keys that sign HTTP messages, by aws-lc-rs: jwt-simple reads them, and signs tokens alone.

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_simple::algorithms::{ES256KeyPair, ES384KeyPair, Ed25519KeyPair as ReadEd25519, PS512KeyPair, RS256KeyPair};
use serde_json::Value;

/// The least bytes of a secret key: as many as the hash has (RFC 7518 section 3.2).
const MIN_SECRET: usize = 32;

/// The algorithms for signatures of HTTP messages (RFC 9421 section 6.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum HttpAlgorithm {
    /// Ed25519 (RFC 9421 section 3.3.6).
    #[cfg_attr(feature = "cli", value(name = "ed25519"))]
    Ed25519,
    /// ECDSA over P-256 with SHA-256 (section 3.3.4).
    #[cfg_attr(feature = "cli", value(name = "ecdsa-p256-sha256"))]
    EcdsaP256,
    /// ECDSA over P-384 with SHA-384 (section 3.3.5).
    #[cfg_attr(feature = "cli", value(name = "ecdsa-p384-sha384"))]
    EcdsaP384,
    /// RSASSA-PSS with SHA-512 (section 3.3.1).
    #[cfg_attr(feature = "cli", value(name = "rsa-pss-sha512"))]
    RsaPss,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (section 3.3.2).
    #[cfg_attr(feature = "cli", value(name = "rsa-v1_5-sha256"))]
    RsaPkcs1,
    /// HMAC with SHA-256 (section 3.3.3).
    #[cfg_attr(feature = "cli", value(name = "hmac-sha256"))]
    Hmac,
}

impl HttpAlgorithm {
    /// Its name in the registry.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::EcdsaP256 => "ecdsa-p256-sha256",
            Self::EcdsaP384 => "ecdsa-p384-sha384",
            Self::RsaPss => "rsa-pss-sha512",
            Self::RsaPkcs1 => "rsa-v1_5-sha256",
            Self::Hmac => "hmac-sha256",
        }
    }

    /// The one that a JWK is for: by its `alg`, else by its type, if keys of that type do one alone.
    #[must_use]
    pub fn of_jwk(jwk: &Value) -> Option<Self> {
        let member = |name: &str| jwk.get(name).and_then(Value::as_str);
        Some(match (member("alg"), member("kty"), member("crv")) {
            (Some("Ed25519" | "EdDSA") | None, Some("OKP"), Some("Ed25519")) => Self::Ed25519,
            (Some("ES256") | None, Some("EC"), Some("P-256")) => Self::EcdsaP256,
            (Some("ES384") | None, Some("EC"), Some("P-384")) => Self::EcdsaP384,
            (Some("PS512"), Some("RSA"), _) => Self::RsaPss,
            (Some("RS256"), Some("RSA"), _) => Self::RsaPkcs1,
            (Some("HS256") | None, Some("oct"), _) => Self::Hmac,
            _ => return None,
        })
    }
}

/// Why a key cannot be used. None tells anything of the key, nor of what the file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SigningKeyError {
    /// Nobody said which algorithm the key is for.
    #[error("the key does not say which algorithm it is for")]
    Algorithm,
    /// It is none of that kind.
    #[error("the key file holds no private key for this algorithm; PEM (PKCS #8) and JWK are read")]
    Unusable,
    /// A secret key is shorter than its hash.
    #[error("the key has {0} bytes, and this algorithm needs {MIN_SECRET}")]
    Short(usize),
    /// The library that signs failed.
    #[error("the signature library failed")]
    Failed,
}

fn unusable<E>(_: E) -> SigningKeyError {
    SigningKeyError::Unusable
}

/// A key that signs HTTP messages. Nothing of it is ever printed.
///
/// ```
/// use portcullis_host::{HttpAlgorithm, SigningKey};
///
/// let jwk = r#"{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","kid":"k1"}"#;
/// let key = SigningKey::read(jwk, None)?;
/// assert_eq!((key.algorithm(), key.kid()), (HttpAlgorithm::Hmac, Some("k1")));
/// assert_eq!(key.sign(b"base")?.len(), 32);
/// # Ok::<(), portcullis_host::SigningKeyError>(())
/// ```
pub struct SigningKey {
    algorithm: HttpAlgorithm,
    kid: Option<String>,
    key: Key,
    /// The key that verifies, as a JWK; null for a secret one.
    public: Value,
}

enum Key {
    Ed25519(Box<Ed25519KeyPair>),
    Ecdsa(Box<EcdsaKeyPair>),
    Rsa(Box<RsaKeyPair>, &'static dyn RsaEncoding),
    Hmac(Box<hmac::Key>),
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("algorithm", &self.algorithm).field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// The private key in a file's text, PEM (PKCS #8) or JWK. The algorithm may be left out where a JWK says it.
    ///
    /// # Errors
    ///
    /// There is no such key in the text, or nobody says for which algorithm.
    pub fn read(text: &str, algorithm: Option<HttpAlgorithm>) -> Result<Self, SigningKeyError> {
        let is_jwk = text.trim_start().starts_with('{');
        let jwk: Value = if is_jwk { serde_json::from_str(text).map_err(unusable)? } else { Value::Null };
        let algorithm = algorithm.or_else(|| HttpAlgorithm::of_jwk(&jwk)).ok_or(SigningKeyError::Algorithm)?;
        macro_rules! read {
            ($type:ty) => {
                if is_jwk { <$type>::from_jwk(text) } else { <$type>::from_pem(text) }.map_err(unusable)?
            };
        }
        let (key, public) = match algorithm {
            HttpAlgorithm::Ed25519 => {
                let pair = read!(ReadEd25519);
                // The seed, and the public key.
                let bytes = pair.to_bytes();
                let (seed, public) = bytes.split_at_checked(32).ok_or(SigningKeyError::Unusable)?;
                let key = Ed25519KeyPair::from_seed_and_public_key(seed, public).map_err(unusable)?;
                (Key::Ed25519(Box::new(key)), pair.public_key().to_jwk())
            }
            HttpAlgorithm::EcdsaP256 => {
                let pair = read!(ES256KeyPair);
                let der = pair.to_der().map_err(unusable)?;
                (ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING, &der)?, pair.public_key().to_jwk())
            }
            HttpAlgorithm::EcdsaP384 => {
                let pair = read!(ES384KeyPair);
                let der = pair.to_der().map_err(unusable)?;
                (ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING, &der)?, pair.public_key().to_jwk())
            }
            HttpAlgorithm::RsaPss => {
                let pair = read!(PS512KeyPair);
                (rsa(&RSA_PSS_SHA512, &pair.to_der().map_err(unusable)?)?, pair.public_key().to_jwk())
            }
            HttpAlgorithm::RsaPkcs1 => {
                let pair = read!(RS256KeyPair);
                (rsa(&RSA_PKCS1_SHA256, &pair.to_der().map_err(unusable)?)?, pair.public_key().to_jwk())
            }
            HttpAlgorithm::Hmac => {
                let member = |name: &str| jwk.get(name).and_then(Value::as_str);
                let k = member("k").filter(|_| member("kty") == Some("oct")).ok_or(SigningKeyError::Unusable)?;
                let secret = URL_SAFE_NO_PAD.decode(k).map_err(unusable)?;
                // As in the component: at least as long as the hash.
                if secret.len() < MIN_SECRET {
                    return Err(SigningKeyError::Short(secret.len()));
                }
                (Key::Hmac(Box::new(hmac::Key::new(hmac::HMAC_SHA256, &secret))), String::from("null"))
            }
        };
        let kid = jwk.get("kid").and_then(Value::as_str).map(str::to_owned);
        Ok(Self { algorithm, kid, key, public: serde_json::from_str(&public).map_err(unusable)? })
    }

    /// What it signs with.
    #[must_use]
    pub const fn algorithm(&self) -> HttpAlgorithm {
        self.algorithm
    }

    /// The `kid` of its JWK.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The key that verifies, as a JWK; null for a secret key.
    #[must_use]
    pub const fn public_jwk(&self) -> &Value {
        &self.public
    }

    /// Whether a JWK is the key that verifies its signatures: of the same type, with the same members (RFC 7638 section 3.2).
    /// Never so for a secret key.
    #[must_use]
    pub fn verifies_with(&self, jwk: &Value) -> bool {
        let members: &[&str] = match &self.key {
            Key::Ed25519(_) => &["kty", "crv", "x"],
            Key::Ecdsa(_) => &["kty", "crv", "x", "y"],
            Key::Rsa(..) => &["kty", "n", "e"],
            Key::Hmac(_) => return false,
        };
        members.iter().all(|name| {
            let own = self.public.get(name);
            own.is_some_and(Value::is_string) && own == jwk.get(name)
        })
    }

    /// Signs: for ECDSA r and s of fixed length, one after the other (RFC 9421 section 3.3).
    ///
    /// # Errors
    ///
    /// The library failed.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningKeyError> {
        let failed = |_: Unspecified| SigningKeyError::Failed;
        let random = SystemRandom::new();
        Ok(match &self.key {
            Key::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Key::Ecdsa(pair) => pair.sign(&random, message).map_err(failed)?.as_ref().to_vec(),
            Key::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, message, &mut signature).map_err(failed)?;
                signature
            }
            Key::Hmac(key) => hmac::sign(key, message).as_ref().to_vec(),
        })
    }
}

fn ecdsa(algorithm: &'static EcdsaSigningAlgorithm, pkcs8: &[u8]) -> Result<Key, SigningKeyError> {
    Ok(Key::Ecdsa(Box::new(EcdsaKeyPair::from_pkcs8(algorithm, pkcs8).map_err(unusable)?)))
}

/// jwt-simple writes PKCS #1.
fn rsa(encoding: &'static dyn RsaEncoding, der: &[u8]) -> Result<Key, SigningKeyError> {
    let pair = RsaKeyPair::from_der(der).or_else(|_| RsaKeyPair::from_pkcs8(der)).map_err(unusable)?;
    Ok(Key::Rsa(Box::new(pair), encoding))
}
