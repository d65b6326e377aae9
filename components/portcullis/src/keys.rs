//! `portcullis:crypto/keys`

use portcullis_crypto as crypto;

use crate::{
    Component, backend,
    bindings::exports::portcullis::crypto::keys::{Guest, GuestKeySet, KeyDescription, KeySet, Rejection},
    convert,
};

/// The resource behind a handle.
pub(crate) struct Keys(pub(crate) crypto::KeySet);

impl Guest for Component {
    type KeySet = Keys;
}

fn handle(made: Result<crypto::KeySet, portcullis_types::Rejection>) -> Result<KeySet, Rejection> {
    made.map(|set| KeySet::new(Keys(set))).map_err(convert::rejection)
}

impl GuestKeySet for Keys {
    fn from_jwks(jwks: Vec<u8>) -> Result<KeySet, Rejection> {
        handle(crypto::KeySet::from_jwks(&jwks, &backend()))
    }

    fn from_cose_key_set(key_set: Vec<u8>) -> Result<KeySet, Rejection> {
        handle(crypto::KeySet::from_cose_key_set(&key_set, &backend()))
    }

    fn from_spki(spki: Vec<u8>, kid: Option<String>) -> Result<KeySet, Rejection> {
        handle(crypto::KeySet::from_spki(&spki, kid, &backend()))
    }

    fn from_certificate(certificate: Vec<u8>, kid: Option<String>) -> Result<KeySet, Rejection> {
        handle(crypto::KeySet::from_certificate(&certificate, kid, &backend()))
    }

    fn describe(&self) -> Vec<KeyDescription> {
        self.0.entries().iter().map(describe).collect()
    }
}

fn describe(entry: &crypto::Entry) -> KeyDescription {
    let kid = entry.kid.clone();
    match &entry.key {
        Ok(key) => KeyDescription {
            kid,
            kind: key.kind(),
            thumbprint: key.public_key().map(|key| key.thumbprint().into()),
            algorithms: key.algorithms().into_iter().map(convert::algorithm).collect(),
            problem: None,
        },
        Err(rejection) => KeyDescription {
            kid,
            kind: "unusable".into(),
            thumbprint: None,
            algorithms: Vec::new(),
            problem: Some(convert::rejection(rejection.clone())),
        },
    }
}
