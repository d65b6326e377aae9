//! What several unit tests need: an attester and an instance that sign, and a trust domain.

use alloc::{format, rc::Rc, string::String};

use ed25519_dalek::{Signer, SigningKey};
use hmac::{Hmac, KeyInit, Mac};
use portcullis_crypto::{Backend, Key, KeySet, Origin, SoftwareBackend, jwk};
use portcullis_types::{base64url, json};

use crate::attestation::InstanceKey;

/// The time of the tests.
pub(crate) const AT: u64 = 1_790_000_000;

pub(crate) fn backend() -> Rc<dyn Backend> {
    Rc::new(SoftwareBackend::default())
}

/// The key of a client's instance.
pub(crate) fn instance() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

pub(crate) fn jwk_of(key: &SigningKey) -> String {
    let x = base64url::encode(key.verifying_key().as_bytes());
    format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#)
}

pub(crate) fn instance_jwk() -> String {
    jwk_of(&instance())
}

pub(crate) fn instance_key() -> InstanceKey {
    let jwk = json::parse_object(instance_jwk().as_bytes()).unwrap();
    let key: Key = jwk::parse(&jwk, "sig", Origin::Carried, &backend()).unwrap();
    let thumbprint = key.public_key().unwrap().thumbprint();
    InstanceKey { key, thumbprint }
}

fn input(header: &str, claims: &str) -> String {
    format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(claims.as_bytes()))
}

/// A compact JWS.
pub(crate) fn sign(key: &SigningKey, header: &str, claims: &str) -> String {
    let input = input(header, claims);
    format!("{input}.{}", base64url::encode(&key.sign(input.as_bytes()).to_bytes()))
}

/// Somebody who attests clients.
pub(crate) enum Attester {
    Key(SigningKey),
    Secret([u8; 32]),
}

impl Attester {
    pub(crate) fn signing() -> Self {
        Self::Key(SigningKey::from_bytes(&[3; 32]))
    }

    pub(crate) fn with_secret() -> Self {
        Self::Secret([5; 32])
    }

    /// The set of keys that verifies what the attester signs.
    pub(crate) fn keys(&self) -> KeySet {
        let jwk = match self {
            Self::Key(key) => jwk_of(key),
            Self::Secret(secret) => format!(r#"{{"kty":"oct","k":"{}"}}"#, base64url::encode(secret)),
        };
        KeySet::from_jwks(format!("{{\"keys\":[{jwk}]}}").as_bytes(), &backend()).unwrap()
    }

    pub(crate) fn sign(&self, header: &str, claims: &str) -> String {
        match self {
            Self::Key(key) => sign(key, header, claims),
            Self::Secret(secret) => {
                let input = input(header, claims);
                let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret).unwrap();
                mac.update(input.as_bytes());
                format!("{input}.{}", base64url::encode(&mac.finalize().into_bytes()))
            }
        }
    }
}
