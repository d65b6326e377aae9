//! What the benchmarks share: the same tokens for everybody, and where results are kept.

use std::path::{Path, PathBuf};

use jwt_simple::prelude::*;
use serde_json::{Value, json};

/// The issuer of every token.
pub const ISSUER: &str = "https://idp.example";
/// The audience of every token.
pub const AUDIENCE: &str = "https://api.example";

/// A token and the key that verifies it.
pub struct Sample {
    /// The JOSE name of the algorithm.
    pub algorithm: &'static str,
    /// The compact token: iss, sub, aud, exp, iat, nbf, jti, scope.
    pub token: String,
    /// The public JWK, or the secret one of a MAC.
    pub jwk: Value,
    /// The public key in DER (SubjectPublicKeyInfo), where jwt-simple wants that.
    pub der: Vec<u8>,
}

impl Sample {
    /// The key alone in a JWK Set.
    pub fn jwks(&self) -> Vec<u8> {
        json!({"keys": [self.jwk]}).to_string().into_bytes()
    }
}

fn claims() -> JWTClaims<Value> {
    Claims::with_custom_claims(
        json!({"scope": "reports:read reports:write", "client_id": "bench"}),
        Duration::from_days(365),
    )
    .with_issuer(ISSUER)
    .with_audience(AUDIENCE)
    .with_subject("a-subject-as-long-as-they-are")
    .with_jwt_id("2f1c6c0e-6f0e-4a8b-9c65-3f3c61c5f1aa")
}

/// Fresh keys and a token of each algorithm that the peers have too.
///
/// # Panics
///
/// Where jwt-simple cannot make a key.
pub fn samples() -> Vec<Sample> {
    macro_rules! pair {
        ($name:literal, $pair:expr) => {{
            let pair = $pair.with_key_id("bench");
            let public = pair.public_key();
            Sample {
                algorithm: $name,
                token: pair.sign(claims()).expect("it signs"),
                jwk: serde_json::from_str(&public.to_jwk()).expect("a JWK"),
                der: public.to_der().unwrap_or_default(),
            }
        }};
    }
    let ed = Ed25519KeyPair::generate().with_key_id("bench");
    let mac = HS256Key::generate().with_key_id("bench");
    vec![
        pair!("ES256", ES256KeyPair::generate()),
        pair!("ES384", ES384KeyPair::generate()),
        pair!("ES256K", ES256kKeyPair::generate()),
        Sample {
            algorithm: "EdDSA",
            token: ed.sign(claims()).expect("it signs"),
            jwk: serde_json::from_str(&ed.public_key().to_jwk()).expect("a JWK"),
            der: ed.public_key().to_bytes(),
        },
        pair!("RS256", RS256KeyPair::generate(2048).expect("a key")),
        pair!("PS256", PS256KeyPair::generate(2048).expect("a key")),
        Sample {
            algorithm: "HS256",
            token: mac.authenticate(claims()).expect("it signs"),
            jwk: json!({"kty": "oct", "kid": "bench", "alg": "HS256", "k": portcullis_types::base64url::encode(&mac.to_bytes())}),
            der: mac.to_bytes(),
        },
    ]
}

/// The project's folder.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Where criterion and the peers leave their results.
pub fn results() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from).join("criterion")
}
