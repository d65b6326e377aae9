//! Keys that sign test tokens, by jwt-simple.

use anyhow::{Context as _, anyhow, bail};
use clap::ValueEnum;
use jwt_simple::prelude::*;
use serde_json::{Map, Value, json};

/// What jwt-simple signs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MintAlgorithm {
    #[value(name = "ES256")]
    Es256,
    #[value(name = "ES384")]
    Es384,
    #[value(name = "ES256K")]
    Es256k,
    #[value(name = "EdDSA")]
    Eddsa,
    #[value(name = "RS256")]
    Rs256,
    #[value(name = "RS384")]
    Rs384,
    #[value(name = "RS512")]
    Rs512,
    #[value(name = "PS256")]
    Ps256,
    #[value(name = "PS384")]
    Ps384,
    #[value(name = "PS512")]
    Ps512,
    #[value(name = "HS256")]
    Hs256,
    #[value(name = "HS384")]
    Hs384,
    #[value(name = "HS512")]
    Hs512,
}

/// The size of a fresh RSA key: the least that is accepted, because making a larger one takes long.
const RSA_BITS: usize = 2048;

impl MintAlgorithm {
    /// Whether the key that verifies is the key that signs.
    pub(crate) fn is_symmetric(self) -> bool {
        matches!(self, Self::Hs256 | Self::Hs384 | Self::Hs512)
    }
}

type Claims = JWTClaims<Map<String, Value>>;

/// A key that signs.
pub(crate) trait Signer {
    fn sign(&self, claims: Claims, options: &HeaderOptions) -> anyhow::Result<String>;

    /// The JWK that verifies, without line ends. For a symmetric key it is secret.
    fn verifying_jwk(&self) -> String;
}

macro_rules! asymmetric {
    ($($key:ty),*) => {$(
        impl Signer for $key {
            fn sign(&self, claims: Claims, options: &HeaderOptions) -> anyhow::Result<String> {
                self.sign_with_options(claims, options)
            }

            fn verifying_jwk(&self) -> String {
                self.public_key().to_jwk()
            }
        }
    )*};
}

asymmetric!(
    ES256KeyPair,
    ES384KeyPair,
    ES256kKeyPair,
    Ed25519KeyPair,
    RS256KeyPair,
    RS384KeyPair,
    RS512KeyPair,
    PS256KeyPair,
    PS384KeyPair,
    PS512KeyPair
);

macro_rules! symmetric {
    ($($key:ty: $name:literal),*) => {$(
        impl Signer for $key {
            fn sign(&self, claims: Claims, options: &HeaderOptions) -> anyhow::Result<String> {
                self.authenticate_with_options(claims, options)
            }

            fn verifying_jwk(&self) -> String {
                let mut jwk = json!({ "kty": "oct", "alg": $name, "k": encode(&self.to_bytes()) });
                if let Some(kid) = self.key_id() {
                    jwk["kid"] = json!(kid);
                }
                jwk.to_string()
            }
        }
    )*};
}

symmetric!(HS256Key: "HS256", HS384Key: "HS384", HS512Key: "HS512");

/// A fresh key, or the private key in a file's text: PEM (PKCS #8) or JWK. The key's identifier is `kid`, or the
/// JWK's, or the thumbprint.
pub(crate) fn signer(
    algorithm: MintAlgorithm,
    key: Option<&str>,
    kid: Option<&str>,
) -> anyhow::Result<Box<dyn Signer>> {
    macro_rules! pair {
        ($type:ty, $fresh:expr) => {{
            let mut pair = match key {
                None => $fresh,
                Some(text) if text.trim_start().starts_with('{') => <$type>::from_jwk(text).map_err(unusable)?,
                Some(text) => <$type>::from_pem(text).map_err(unusable)?,
            };
            if let Some(kid) = kid {
                pair = pair.with_key_id(kid);
            } else if pair.key_id().is_none() {
                let thumbprint = pair.jwk_thumbprint();
                pair = pair.with_key_id(&thumbprint);
            }
            Box::new(pair)
        }};
    }
    macro_rules! rsa {
        ($type:ty) => {
            pair!($type, <$type>::generate(RSA_BITS)?)
        };
    }
    macro_rules! mac {
        ($type:ty, $bytes:literal) => {{
            let (secret, own_kid) = match key {
                None => (fresh_secret($bytes), None),
                Some(text) => secret(text)?,
            };
            if secret.len() < $bytes {
                bail!("the key has {} bytes, and this algorithm needs {}", secret.len(), $bytes);
            }
            let key = <$type>::from_bytes(&secret);
            match kid.map(str::to_owned).or(own_kid) {
                Some(kid) => Box::new(key.with_key_id(&kid)),
                None => Box::new(key),
            }
        }};
    }
    Ok(match algorithm {
        MintAlgorithm::Es256 => pair!(ES256KeyPair, ES256KeyPair::generate()),
        MintAlgorithm::Es384 => pair!(ES384KeyPair, ES384KeyPair::generate()),
        MintAlgorithm::Es256k => pair!(ES256kKeyPair, ES256kKeyPair::generate()),
        MintAlgorithm::Eddsa => pair!(Ed25519KeyPair, Ed25519KeyPair::generate()),
        MintAlgorithm::Rs256 => rsa!(RS256KeyPair),
        MintAlgorithm::Rs384 => rsa!(RS384KeyPair),
        MintAlgorithm::Rs512 => rsa!(RS512KeyPair),
        MintAlgorithm::Ps256 => rsa!(PS256KeyPair),
        MintAlgorithm::Ps384 => rsa!(PS384KeyPair),
        MintAlgorithm::Ps512 => rsa!(PS512KeyPair),
        MintAlgorithm::Hs256 => mac!(HS256Key, 32),
        MintAlgorithm::Hs384 => mac!(HS384Key, 48),
        MintAlgorithm::Hs512 => mac!(HS512Key, 64),
    })
}

/// Without the library's own words, which might quote the file.
pub(crate) fn unusable<E>(_: E) -> anyhow::Error {
    anyhow!("the key file holds no private key for this algorithm; PEM (PKCS #8) and JWK are read")
}

/// Random bytes.
pub(crate) fn fresh_secret(bytes: usize) -> Vec<u8> {
    let mut secret = Vec::new();
    while secret.len() < bytes {
        secret.extend(HS256Key::generate().to_bytes());
    }
    secret.truncate(bytes);
    secret
}

/// The `k` and `kid` of a JWK of type `oct`.
pub(crate) fn secret(text: &str) -> anyhow::Result<(Vec<u8>, Option<String>)> {
    let jwk: Value = serde_json::from_str(text).map_err(unusable)?;
    let member = |name: &str| jwk.get(name).and_then(Value::as_str);
    if member("kty") != Some("oct") {
        bail!("the key file holds no secret key; a JWK with \"kty\":\"oct\" is read");
    }
    let k = member("k").context("the key has no `k`")?;
    let secret = Base64UrlSafeNoPadding::decode_to_vec(k, None).map_err(unusable)?;
    Ok((secret, member("kid").map(str::to_owned)))
}

fn encode(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}
