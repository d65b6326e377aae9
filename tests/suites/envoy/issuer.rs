//! An issuer whose documents a test serves, and tokens and proofs of it.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use portcullis_tests::serving::{Documents, Served};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub(crate) const ISSUER: &str = "https://idp.example";
pub(crate) const KEYS: &str = "https://idp.example/jwks";
pub(crate) const API: &str = "http://api.example";

/// The machine's time, in seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A key of a number.
pub(crate) fn key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

pub(crate) fn jwk(key: &SigningKey) -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes())})
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(bytes))
}

/// The thumbprint of a key (RFC 7638).
pub(crate) fn thumbprint(key: &SigningKey) -> String {
    let x = URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
    sha256(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#).as_bytes())
}

/// A compact JWS.
pub(crate) fn sign(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!("{}.{}", part(header), part(claims));
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes()).to_bytes()))
}

/// An access token of the issuer's key of a number, good for a day at a time.
pub(crate) fn token(number: u8, at: u64, more: &Value) -> String {
    let mut claims = json!({"iss": ISSUER, "aud": API, "sub": "alice", "client_id": "app", "jti": "t", "iat": at,
        "exp": at + 86_400, "scope": "read"});
    for (name, value) in more.as_object().into_iter().flatten() {
        claims[name] = value.clone();
    }
    sign(&key(number), &json!({"alg": "EdDSA", "typ": "at+jwt", "kid": number.to_string()}), &claims)
}

/// A proof (RFC 9449) of a key for a GET of `/x` with a token.
pub(crate) fn proof(key: &SigningKey, token: &str, identifier: &str, at: u64) -> String {
    let claims =
        json!({"htm": "GET", "htu": format!("{API}/x"), "iat": at, "jti": identifier, "ath": sha256(token.as_bytes())});
    sign(key, &json!({"typ": "dpop+jwt", "alg": "EdDSA", "jwk": jwk(key)}), &claims)
}

/// The issuer's keys, by their numbers.
pub(crate) fn keys(numbers: &[u8]) -> Served {
    let one = |number: &u8| {
        let mut jwk = jwk(&key(*number));
        jwk["kid"] = number.to_string().into();
        jwk
    };
    let keys: Vec<Value> = numbers.iter().map(one).collect();
    Served::document("application/json", json!({"keys": keys}).to_string())
}

/// A server that has its keys.
pub(crate) fn serving(numbers: &[u8]) -> Documents {
    let documents = Documents::start();
    documents.set(KEYS, keys(numbers));
    documents
}

/// A policy of the issuer: who has the scope `read` may GET everything, and everybody `/open`.
pub(crate) fn policy() -> Value {
    json!({
        "origins": [API],
        "issuers": [{"name": "idp", "issuer": ISSUER, "keys": KEYS}],
        "upstream": {"set": {"X-User": "subject"}},
        "rules": [
            {"name": "open", "path": "/open", "anonymous": true},
            {"name": "read", "path": "/{rest...}", "require": {"scope": ["read"]}},
        ],
        "envoy": {"clusters": {ISSUER: "documents"}},
    })
}
