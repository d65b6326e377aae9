//! Messages and proofs signed for the tests. CBOR is written by hand here, and what is signed is put together from the
//! specification's text, so that nothing is checked against itself.

#![allow(dead_code)]

use std::rc::Rc;

use ed25519_dalek::{Signer, SigningKey};
use hmac::{Hmac, KeyInit, Mac};
use portcullis_crypto::{Backend, KeySet, SoftwareBackend};
use portcullis_types::base64url;

pub(crate) fn backend() -> Rc<dyn Backend> {
    Rc::new(SoftwareBackend::default())
}

pub(crate) fn signing_key() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

/// The public key that verifies what is signed here, as the text of a JWK.
pub(crate) fn jwk() -> String {
    let x = base64url::encode(signing_key().verifying_key().as_bytes());
    format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"ed","x":"{x}"}}"#)
}

pub(crate) fn key_set(jwks: &[&str]) -> KeySet {
    KeySet::from_jwks(format!(r#"{{"keys":[{}]}}"#, jwks.join(",")).as_bytes(), &backend()).unwrap()
}

pub(crate) fn keys() -> KeySet {
    key_set(&[&jwk()])
}

pub(crate) fn sign(message: &[u8]) -> Vec<u8> {
    signing_key().sign(message).to_bytes().into()
}

pub(crate) const SECRET: [u8; 32] = [5; 32];

pub(crate) fn mac_keys() -> KeySet {
    key_set(&[&format!(r#"{{"kty":"oct","kid":"mac","k":"{}"}}"#, base64url::encode(&SECRET))])
}

pub(crate) fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// The head of an item of a major type.
pub(crate) fn head(major: u8, number: u64) -> Vec<u8> {
    let major = major << 5;
    match number {
        0..=23 => vec![major | number as u8],
        24..=0xff => vec![major | 24, number as u8],
        0x100..=0xffff => [&[major | 25][..], &(number as u16).to_be_bytes()].concat(),
        _ => [&[major | 26][..], &(number as u32).to_be_bytes()].concat(),
    }
}

pub(crate) fn int(number: i64) -> Vec<u8> {
    if number < 0 { head(1, (-1 - number) as u64) } else { head(0, number as u64) }
}

pub(crate) fn bstr(bytes: &[u8]) -> Vec<u8> {
    [head(2, bytes.len() as u64), bytes.to_vec()].concat()
}

pub(crate) fn tstr(text: &str) -> Vec<u8> {
    [head(3, text.len() as u64), text.as_bytes().to_vec()].concat()
}

pub(crate) fn list(items: &[Vec<u8>]) -> Vec<u8> {
    [head(4, items.len() as u64), items.concat()].concat()
}

pub(crate) fn map(entries: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let items: Vec<u8> = entries.iter().flat_map(|(label, value)| [label.clone(), value.clone()].concat()).collect();
    [head(5, entries.len() as u64), items].concat()
}

pub(crate) fn tag(number: u64, item: &[u8]) -> Vec<u8> {
    [head(6, number), item.to_vec()].concat()
}

pub(crate) const NULL: u8 = 0xf6;

/// A protected header with EdDSA and further entries.
pub(crate) fn eddsa_with(more: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    map(&[&[(int(1), int(-8))], more].concat())
}

pub(crate) fn eddsa() -> Vec<u8> {
    eddsa_with(&[])
}

/// The Sig_structure of RFC 9052 section 4.4 for a COSE_Sign1, with no external data.
pub(crate) fn to_be_signed(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    list(&[tstr("Signature1"), bstr(protected), bstr(&[]), bstr(payload)])
}

/// A COSE_Sign1 in its tag, over headers and a payload.
pub(crate) fn sign1(protected: &[u8], unprotected: &[u8], payload: &[u8]) -> Vec<u8> {
    let signature = sign(&to_be_signed(protected, payload));
    tag(18, &list(&[bstr(protected), unprotected.to_vec(), bstr(payload), bstr(&signature)]))
}

/// A COSE_Mac0 in its tag; `length` bytes of the MAC are sent.
pub(crate) fn mac0(protected: &[u8], payload: &[u8], length: usize) -> Vec<u8> {
    let mac = hmac_sha256(&SECRET, &list(&[tstr("MAC0"), bstr(protected), bstr(&[]), bstr(payload)]));
    tag(17, &list(&[bstr(protected), map(&[]), bstr(payload), bstr(&mac[..length])]))
}

/// A compact JWS with a signature of the key above.
pub(crate) fn jws(header: &str, payload: &str) -> String {
    let input = format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(payload.as_bytes()));
    format!("{input}.{}", base64url::encode(&sign(input.as_bytes())))
}
