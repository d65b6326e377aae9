//! Those around a gate in its tests: the issuers of its policy, and a client that proves possession of its key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_simple::prelude::*;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use portcullis_host::gate::{Body, Content, Document};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{AT, Tried};

/// The issuers of the policy; both have this key.
pub(crate) struct Issuer {
    key: ES256KeyPair,
}

impl Issuer {
    pub(crate) fn new() -> Self {
        Self { key: ES256KeyPair::generate().with_key_id("one") }
    }

    /// What is to be fetched, by URL.
    pub(crate) fn fetch(&self, url: &str) -> Document {
        let body = match url {
            "https://idp.example/jwks" | "https://keys.example/jwks" => {
                format!(r#"{{"keys":[{}]}}"#, self.key.public_key().to_jwk())
            }
            // Keys come before metadata in the order of URLs, and after it in the order of need.
            "https://other.example/.well-known/oauth-authorization-server"
            | "https://other.example/.well-known/openid-configuration" => {
                json!({"issuer": "https://other.example", "jwks_uri": "https://keys.example/jwks"}).to_string()
            }
            _ => String::new(),
        };
        Document { url: url.into(), fetched_at: AT, content: content(200, body) }
    }

    /// A token that is valid for a minute from `AT`, with further claims.
    pub(crate) fn token(&self, issuer: &str, more: Value) -> Tried<String> {
        let mut claims = Claims::with_custom_claims(more, Duration::from_secs(60))
            .with_subject("alice")
            .with_issuer(issuer)
            .with_audience("https://api.example");
        claims.issued_at = Some(UnixTimeStamp::from_secs(AT));
        claims.invalid_before = None;
        claims.expires_at = Some(UnixTimeStamp::from_secs(AT + 60));
        Ok(self.key.sign(claims)?)
    }

    pub(crate) fn reader(&self) -> Tried<String> {
        self.token("https://idp.example", json!({"scope": "reports:read"}))
    }
}

pub(crate) fn content(status: u16, body: String) -> Content {
    Content::Body(Body { status, media_type: Some("application/json".into()), bytes: body.into_bytes() })
}

/// The client's key, and a proof that it holds it (RFC 9449).
pub(crate) struct Client(SigningKey);

impl Client {
    pub(crate) fn new() -> Tried<Self> {
        Ok(Self(SigningKey::from_slice(&[7; 32])?))
    }

    fn jwk(&self) -> (String, String) {
        let point = self.0.verifying_key().to_sec1_point(false);
        let coordinate = |bytes: Option<&_>| bytes.map(|bytes| URL_SAFE_NO_PAD.encode(bytes)).unwrap_or_default();
        (coordinate(point.x()), coordinate(point.y()))
    }

    pub(crate) fn thumbprint(&self) -> String {
        let (x, y) = self.jwk();
        let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        URL_SAFE_NO_PAD.encode(Sha256::digest(members))
    }

    pub(crate) fn proof(&self, token: &str, id: &str) -> String {
        let (x, y) = self.jwk();
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": x, "y": y});
        let header = part(json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk}));
        let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(token));
        let claims =
            part(json!({"htm": "GET", "htu": "https://api.example/reports/7", "iat": AT, "jti": id, "ath": hash}));
        let input = format!("{header}.{claims}");
        let signature: Signature = self.0.sign(input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }
}
