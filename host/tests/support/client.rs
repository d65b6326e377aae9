//! A client that proves possession of its key (RFC 9449).
#![allow(dead_code, reason = "every test program has this module and uses a part of it")]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The client, by its key.
pub(crate) struct Client(SigningKey);

impl Client {
    /// One with the key that all tests have.
    pub(crate) fn new() -> Result<Self, p256::ecdsa::Error> {
        Self::of(7)
    }

    /// One with a key of its own for each number from 1.
    pub(crate) fn of(number: u8) -> Result<Self, p256::ecdsa::Error> {
        Ok(Self(SigningKey::from_slice(&[number; 32])?))
    }

    fn jwk(&self) -> (String, String) {
        let point = self.0.verifying_key().to_sec1_point(false);
        let coordinate = |bytes: Option<&_>| bytes.map(|bytes| URL_SAFE_NO_PAD.encode(bytes)).unwrap_or_default();
        (coordinate(point.x()), coordinate(point.y()))
    }

    /// Its RFC 7638 thumbprint.
    pub(crate) fn thumbprint(&self) -> String {
        let (x, y) = self.jwk();
        let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        URL_SAFE_NO_PAD.encode(Sha256::digest(members))
    }

    /// A proof for a GET of a URL with a token, made at a time.
    pub(crate) fn proof(&self, url: &str, token: &str, id: &str, at: u64) -> String {
        let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(token));
        self.signed(json!({"htm": "GET", "htu": url, "iat": at, "jti": id, "ath": hash}))
    }

    /// A proof for a token endpoint, where there is no token yet.
    pub(crate) fn proof_for(&self, method: &str, url: &str, id: &str, at: u64) -> String {
        self.signed(json!({"htm": method, "htu": url, "iat": at, "jti": id}))
    }

    fn signed(&self, claims: Value) -> String {
        let (x, y) = self.jwk();
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": x, "y": y});
        let header = part(json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk}));
        let input = format!("{header}.{}", part(claims));
        let signature: Signature = self.0.sign(input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }
}
