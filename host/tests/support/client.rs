//! A client that proves possession of its key (RFC 9449).

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
        Ok(Self(SigningKey::from_slice(&[7; 32])?))
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
        let (x, y) = self.jwk();
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": x, "y": y});
        let header = part(json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk}));
        let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(token));
        let claims = part(json!({"htm": "GET", "htu": url, "iat": at, "jti": id, "ath": hash}));
        let input = format!("{header}.{claims}");
        let signature: Signature = self.0.sign(input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }
}
