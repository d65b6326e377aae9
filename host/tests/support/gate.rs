//! Those around a gate in its tests: the issuers of its policy.

use jwt_simple::prelude::*;
use portcullis_host::gate::{Body, Content, Document};
use serde_json::{Value, json};

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
        Document {
            url: url.into(),
            server: None,
            about: None,
            peer: false,
            fetched_at: AT,
            content: content(200, body),
        }
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
