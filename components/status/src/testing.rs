//! What several tests need: compressed lists and signed tokens.

use std::{format, rc::Rc, string::String, vec, vec::Vec};

use ed25519_dalek::{Signer, SigningKey};
use portcullis_crypto::{KeySet, SoftwareBackend};
use portcullis_types::base64url;
use zlib_rs::{DeflateConfig, ReturnCode, compress_bound, compress_slice};

/// A zlib stream.
pub(crate) fn compress(content: &[u8], level: i32) -> Vec<u8> {
    let mut stream = vec![0; compress_bound(content.len()) + 64];
    let (written, code) = compress_slice(&mut stream, content, DeflateConfig::new(level));
    assert_eq!(code, ReturnCode::Ok);
    let length = written.len();
    stream.truncate(length);
    stream
}

fn signing_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

/// The set that verifies what is signed here.
pub(crate) fn keys() -> KeySet {
    let x = base64url::encode(signing_key().verifying_key().as_bytes());
    let jwks = format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}]}}"#);
    KeySet::from_jwks(jwks.as_bytes(), &(Rc::new(SoftwareBackend::default()) as _)).unwrap()
}

/// A signature over bytes.
pub(crate) fn sign(message: &[u8]) -> Vec<u8> {
    signing_key().sign(message).to_bytes().into()
}

/// A signed JWT.
pub(crate) fn jwt(header: &str, claims: &str) -> String {
    let input = format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(claims.as_bytes()));
    let signature = base64url::encode(&sign(input.as_bytes()));
    format!("{input}.{signature}")
}

/// Items of CBOR, as much as tokens need.
pub(crate) mod cbor {
    use std::vec::Vec;

    fn head(major: u8, n: u64) -> Vec<u8> {
        let first = major << 5;
        match n {
            0..=23 => [first | n as u8].into(),
            24..=0xff => [first | 24, n as u8].into(),
            0x100..=0xffff => [&[first | 25][..], &(n as u16).to_be_bytes()].concat(),
            0x1_0000..=0xffff_ffff => [&[first | 26][..], &(n as u32).to_be_bytes()].concat(),
            _ => [&[first | 27][..], &n.to_be_bytes()].concat(),
        }
    }

    pub(crate) fn uint(n: u64) -> Vec<u8> {
        head(0, n)
    }

    /// -1 - n
    pub(crate) fn negative(n: u64) -> Vec<u8> {
        head(1, n)
    }

    pub(crate) fn bytes(bytes: &[u8]) -> Vec<u8> {
        [&head(2, bytes.len() as u64), bytes].concat()
    }

    pub(crate) fn text(text: &str) -> Vec<u8> {
        [&head(3, text.len() as u64), text.as_bytes()].concat()
    }

    pub(crate) fn array(items: &[Vec<u8>]) -> Vec<u8> {
        [&head(4, items.len() as u64)[..], &items.concat()].concat()
    }

    pub(crate) fn map(entries: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
        let mut map = head(5, entries.len() as u64);
        for (label, value) in entries {
            map.extend_from_slice(label);
            map.extend_from_slice(value);
        }
        map
    }

    pub(crate) fn tag(tag: u64, item: &[u8]) -> Vec<u8> {
        [&head(6, tag), item].concat()
    }
}
