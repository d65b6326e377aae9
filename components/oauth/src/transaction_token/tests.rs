//! What several unit tests need: a service that signs, and claims to change.

use alloc::{format, rc::Rc, string::String, vec::Vec};

use ed25519_dalek::{Signer, SigningKey};
use portcullis_crypto::{KeySet, SoftwareBackend};
use portcullis_types::{
    base64url,
    json::{self, Object, Value},
};

/// The time of the tests.
pub(super) const AT: u64 = 1_790_000_000;

/// The claims of a token that holds.
pub(super) const CLAIMS: &str = r#"{"iat":1790000000,"aud":"trust-domain.example","exp":1790000300,"txn":"t-1","sub":"u-1","scope":"trade.stocks trade.read","req_wl":"gateway","rctx":{"req_ip":"192.0.2.1"},"tctx":{"action":"BUY","quantity":100,"limits":{"eur":5}},"tier":"silver"}"#;

/// Claims with one of them as given, or without it.
pub(super) fn put(claims: &str, name: &str, value: Option<&str>) -> String {
    let object = json::parse_object(claims.as_bytes()).unwrap();
    let mut members: Vec<(String, Value)> = object
        .members()
        .filter(|(other, _)| *other != name)
        .map(|(name, value)| (name.into(), value.clone()))
        .collect();
    members.extend(value.map(|value| (name.into(), json::parse(value.as_bytes()).unwrap())));
    json::to_text(&Object::from_members(members))
}

fn service_key() -> SigningKey {
    SigningKey::from_bytes(&[21; 32])
}

fn key_set(jwk: &str) -> KeySet {
    KeySet::from_jwks(format!("{{\"keys\":[{jwk}]}}").as_bytes(), &(Rc::new(SoftwareBackend::default()) as _)).unwrap()
}

/// The service's keys.
pub(super) fn keys() -> KeySet {
    let x = base64url::encode(service_key().verifying_key().as_bytes());
    key_set(&format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#))
}

/// A token of the service.
pub(super) fn sign(claims: &str) -> String {
    sign_with(r#"{"alg":"EdDSA","typ":"txntoken+jwt"}"#, claims)
}

/// The same with another header.
pub(super) fn sign_with(header: &str, claims: &str) -> String {
    let header = base64url::encode(header.as_bytes());
    let input = format!("{header}.{}", base64url::encode(claims.as_bytes()));
    let signature = service_key().sign(input.as_bytes()).to_bytes();
    format!("{input}.{}", base64url::encode(&signature))
}

/// The token of [`CLAIMS`].
pub(super) fn token() -> String {
    sign(CLAIMS)
}

/// A token with a MAC of [`mac_keys`] that is right.
pub(super) fn mac_token() -> String {
    "eyJhbGciOiJIUzI1NiIsInR5cCI6InR4bnRva2VuK2p3dCJ9.eyJpYXQiOjE3OTAwMDAwMDAsImF1ZCI6InRydXN0LWRvbWFpbi5leGFtcGxlIiwiZXhwIjoxNzkwMDAwMzAwLCJ0eG4iOiJ0LTEiLCJzdWIiOiJ1LTEiLCJzY29wZSI6ImEiLCJyZXFfd2wiOiJnYXRld2F5In0.43wg6iCnOTTJqDiFXf_CjDBTBHV8sKPhMKN1vHJ2uZc".into()
}

/// A shared secret.
pub(super) fn mac_keys() -> KeySet {
    key_set(&format!(r#"{{"kty":"oct","k":"{}"}}"#, base64url::encode(&[5; 32])))
}
