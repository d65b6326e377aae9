//! One key of a service.

use std::path::Path;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::keys::{KeysError, crypto};
use crate::signing_key::{HttpAlgorithm, SigningKey as MessageKey, SigningKeyError};

/// What the keys of a folder sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Tokens, with ES256, which every verifier has; each key has a certificate.
    Tokens,
    /// HTTP messages, with Ed25519.
    Messages,
}

/// Whether a key's certificate goes along with what it signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Certificate {
    /// It does: who verifies may know the root alone.
    Along,
    /// It does not: who verifies has the key set, and the token is a field of every request.
    Absent,
}

/// One key.
pub(crate) struct SigningKey {
    pub(crate) kid: String,
    /// From which second on it signs.
    pub(crate) from: u64,
    pair: Pair,
}

enum Pair {
    Token { pair: Box<EcdsaKeyPair>, certificate: Vec<u8> },
    Message(Box<MessageKey>),
}

impl SigningKey {
    /// Reads the file of a key.
    ///
    /// # Errors
    ///
    /// It cannot be read, or holds no key of this kind.
    pub(super) fn read(kind: Kind, from: u64, path: &Path) -> Result<Self, KeysError> {
        let failed = |why: &str| KeysError::File { path: path.to_owned(), why: why.into() };
        // An error of a key's file says nothing of the key.
        if kind == Kind::Messages {
            let text = std::fs::read_to_string(path).map_err(|error| failed(&error.kind().to_string()))?;
            let key = MessageKey::read(&text, Some(HttpAlgorithm::Ed25519))
                .map_err(|_| failed("it holds no private key of Ed25519 (PKCS #8, PEM)"))?;
            let x = key.public_jwk().get("x").and_then(Value::as_str).unwrap_or_default();
            let kid = digest(&format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#));
            return Ok(Self { kid, from, pair: Pair::Message(Box::new(key)) });
        }
        let key =
            PrivatePkcs8KeyDer::from_pem_file(path).map_err(|_| failed("it holds no private key (PKCS #8, PEM)"))?;
        let certificate = CertificateDer::from_pem_file(path).map_err(|_| failed("it holds no certificate (PEM)"))?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.secret_pkcs8_der())
            .map_err(|_| failed("the key is none of P-256"))?;
        let kid = thumbprint(pair.public_key().as_ref());
        Ok(Self { kid, from, pair: Pair::Token { pair: Box::new(pair), certificate: certificate.to_vec() } })
    }

    /// A compact JWS (RFC 7515 section 7.1) with ES256. The certificate goes along where it is asked for: for registries that know
    /// the root alone (section 4.1.6).
    ///
    /// # Errors
    ///
    /// The library cannot sign, or the key is for messages.
    pub(crate) fn sign(&self, typ: &str, claims: &str, along: Certificate) -> Result<String, KeysError> {
        let Pair::Token { pair, certificate } = &self.pair else { return Err(crypto("the key signs no tokens")) };
        let mut header = json!({ "typ": typ, "alg": "ES256", "kid": self.kid });
        if along == Certificate::Along {
            header["x5c"] = json!([STANDARD.encode(certificate)]);
        }
        let mut token = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims));
        let signature = pair.sign(&SystemRandom::new(), token.as_bytes()).map_err(|_| crypto("cannot sign"))?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature.as_ref(), &mut token);
        Ok(token)
    }

    /// The key itself, which signs messages.
    ///
    /// # Errors
    ///
    /// It is for tokens, which are all that it may be used for.
    pub(crate) fn message_key(&self) -> Result<&MessageKey, SigningKeyError> {
        match &self.pair {
            Pair::Message(key) => Ok(key),
            Pair::Token { .. } => Err(SigningKeyError::Unusable),
        }
    }

    /// What is published of it.
    pub(super) fn jwk(&self, along: Certificate) -> Value {
        match &self.pair {
            Pair::Token { pair, certificate } => {
                let (x, y) = coordinates(pair.public_key().as_ref());
                let mut jwk = json!({
                    "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": self.kid, "alg": "ES256", "use": "sig"
                });
                if along == Certificate::Along {
                    jwk["x5c"] = json!([STANDARD.encode(certificate)]);
                }
                jwk
            }
            // RFC 9864 has a newer name of the algorithm, which fewer libraries know.
            Pair::Message(key) => json!({
                "kty": "OKP", "crv": "Ed25519", "x": key.public_jwk().get("x"), "kid": self.kid, "alg": "EdDSA",
                "use": "sig"
            }),
        }
    }
}

/// The coordinates of an uncompressed point (SEC 1 section 2.3.3): a byte, and two times 32.
fn coordinates(point: &[u8]) -> (String, String) {
    let (x, y) = point.get(1..).unwrap_or_default().split_at_checked(32).unwrap_or_default();
    (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y))
}

/// The thumbprint of a key of P-256 (RFC 7638 section 3).
pub(super) fn thumbprint(point: &[u8]) -> String {
    let (x, y) = coordinates(point);
    digest(&format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#))
}

fn digest(canonical: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(canonical))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::tokens::keys::{AHEAD, Folder};

    const NOW: u64 = 1_790_000_000;

    type Tried = Result<(), Box<dyn std::error::Error>>;

    #[test]
    fn keys_for_messages_are_of_ed25519_and_sign_no_tokens() -> Tried {
        let place = tempfile::tempdir()?;
        let folder = Folder::open(place.path(), Kind::Messages, 1_000, NOW)?;
        let kid = folder.rotate(NOW + AHEAD, NOW)?;
        let keys = folder.read(NOW)?;
        assert!(keys.root.is_none() && !place.path().join("root.key").exists(), "nobody asks for certificates");
        let published = keys.jwks(Certificate::Along);
        assert_eq!(published["keys"].as_array().map(Vec::len), Some(2), "{published}");
        let newest = &published["keys"][0];
        let public = (&newest["kid"], &newest["kty"], &newest["crv"], &newest["alg"], &newest["use"]);
        assert_eq!(public, (&json!(kid), &json!("OKP"), &json!("Ed25519"), &json!("EdDSA"), &json!("sig")));
        assert!(newest.get("d").is_none() && newest.get("x5c").is_none(), "{newest}");
        let first = keys.signing(NOW).ok_or("it has one")?;
        assert_ne!(first.kid, kid, "the newer one is published before it signs");
        assert!(first.message_key()?.verifies_with(&published["keys"][1]));
        assert_eq!(first.message_key()?.sign(b"base")?.len(), 64);
        assert!(first.sign("at+jwt", "{}", Certificate::Absent).is_err());
        Ok(())
    }

    #[test]
    fn a_folder_for_the_other_purpose_is_refused() -> Tried {
        for (made, opened) in [(Kind::Tokens, Kind::Messages), (Kind::Messages, Kind::Tokens)] {
            let place = tempfile::tempdir()?;
            Folder::open(place.path(), made, 1, NOW)?;
            let again = Folder::open(place.path(), opened, 1, NOW)?;
            assert!(matches!(again.read(NOW), Err(KeysError::File { .. })), "{made:?}");
        }
        let place = tempfile::tempdir()?;
        let folder = Folder::open(place.path(), Kind::Tokens, 1, NOW)?;
        let keys = folder.read(NOW)?;
        assert!(keys.signing(NOW).is_some_and(|key| key.message_key().is_err()), "a token's key signs no messages");
        Ok(())
    }
}
