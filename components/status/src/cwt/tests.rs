//! Tokens in CWT form, right and wrong in one thing each.

use std::{format, rc::Rc, string::String, vec, vec::Vec};

use hmac::{Hmac, KeyInit, Mac};
use portcullis_crypto::{Algorithm, KeySet, SoftwareBackend};
use portcullis_types::{Findings, Rejection, base64url};
use proptest::prelude::*;
use sha2::Sha256;

use crate::{
    Options, Status, StatusList,
    testing::{
        cbor::{array, bytes, map, negative, tag, text, uint},
        keys, sign,
    },
};

const URI: &str = "https://example.com/statuslists/1";
const AT: u64 = 1_790_000_000;
/// The stream of b9 a3.
const ZLIB: [u8; 10] = [0x78, 0xda, 0xdb, 0xb9, 0x18, 0x00, 0x02, 0x17, 0x01, 0x5d];

type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// EdDSA and the media type in full.
fn header() -> Vec<u8> {
    map(&[(uint(1), negative(7)), (uint(16), text("application/statuslist+cwt"))])
}

fn list() -> Vec<u8> {
    map(&[(text("bits"), uint(1)), (text("lst"), bytes(&ZLIB))])
}

/// Claims that hold, with others in place of them; a label that is given no bytes is left out.
fn claims(changes: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut entries: Entries = vec![
        (uint(2), text(URI)),
        (uint(6), uint(1_789_999_900)),
        (uint(4), uint(1_790_086_400)),
        (uint(65534), uint(43_200)),
        (uint(65533), list()),
    ];
    for (label, value) in changes {
        entries.retain(|(known, _)| known != label);
        if !value.is_empty() {
            entries.push((label.clone(), value.clone()));
        }
    }
    map(&entries)
}

/// The array of a COSE_Sign1, signed.
fn signed(protected: &[u8], unprotected: &[u8], payload: &[u8]) -> Vec<u8> {
    let covered = array(&[text("Signature1"), bytes(protected), bytes(&[]), bytes(payload)]);
    array(&[bytes(protected), unprotected.into(), bytes(payload), bytes(&sign(&covered))])
}

fn sign1(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    tag(18, &signed(protected, &map(&[]), payload))
}

fn open(token: &[u8]) -> Result<StatusList, Rejection> {
    StatusList::open_cwt(token, &keys(), URI, AT, &Options::default())
}

fn code(token: &[u8]) -> &'static str {
    open(token).map_or_else(|rejection| rejection.code(), |_| "accepted")
}

#[test]
fn a_list_answers() {
    let list = open(&sign1(&header(), &claims(&[]))).unwrap();
    assert_eq!((list.len(), list.bits().count()), (16, 1));
    assert_eq!(
        (list.issued_at(), list.expires(), list.ttl()),
        (1_789_999_900.0, Some(1_790_086_400.0), Some(43_200.0))
    );
    assert_eq!(list.get(0).unwrap().status, Status::Invalid);
    assert_eq!(list.get(16).unwrap_err().code(), "status.index_out_of_range");
}

#[test]
fn the_tag_is_that_of_the_message_and_no_other() {
    let message = signed(&header(), &map(&[]), &claims(&[]));
    assert_eq!(code(&tag(18, &message)), "accepted");
    // The tag in more bytes than it needs is the same tag.
    assert_eq!(code(&[&[0xd8, 18], &message[..]].concat()), "accepted");
    assert_eq!(code(&message), "status.cose_untagged");
    assert_eq!(code(&bytes(&message)), "status.cose_untagged");
    assert_eq!(code(&tag(61, &tag(18, &message))), "status.cwt_tag");
    assert_eq!(code(&tag(61, &message)), "status.cwt_tag");
    for other in [16, 96, 97, 98, 0] {
        assert_eq!(code(&tag(other, &message)), "status.cose_tag", "{other}");
    }
    assert_eq!(code(&tag(18, &tag(18, &message))), "cose.tag_repeated");
    assert_eq!(code(&tag(17, &message)), "cose.signature_in_mac");
    assert_eq!(code(&[&tag(18, &message)[..], &[0]].concat()), "cbor.trailing");
    assert_eq!(code(&[]), "cbor.empty");
}

#[test]
fn a_mac_is_taken_under_a_symmetric_key_alone() {
    let secret = [9; 32];
    let protected = map(&[(uint(1), uint(5)), (uint(16), text("application/statuslist+cwt"))]);
    let covered = array(&[text("MAC0"), bytes(&protected), bytes(&[]), bytes(&claims(&[]))]);
    let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&secret).unwrap().chain_update(covered).finalize().into_bytes();
    let message = array(&[bytes(&protected), map(&[]), bytes(&claims(&[])), bytes(&mac)]);
    let jwks = format!(r#"{{"keys":[{{"kty":"oct","k":"{}"}}]}}"#, base64url::encode(&secret));
    let shared = KeySet::from_jwks(jwks.as_bytes(), &(Rc::new(SoftwareBackend::default()) as _)).unwrap();
    let open = |tagged, keys: &KeySet, algorithms| {
        let options = Options { algorithms, ..Options::default() };
        StatusList::open_cwt(&tag(tagged, &message), keys, URI, AT, &options).map(|_| ()).map_err(|r| r.code())
    };
    assert_eq!(open(17, &shared, None), Ok(()));
    assert_eq!(open(17, &shared, Some(vec![Algorithm::Hs256])), Ok(()));
    assert_eq!(open(17, &shared, Some(vec![Algorithm::Ed25519])), Err("token.algorithm_not_accepted"));
    assert_eq!(open(18, &shared, None), Err("cose.mac_in_signature"));
    assert_eq!(open(17, &keys(), None), Err("key.algorithm_mismatch"));
}

#[test]
fn the_type_is_that_of_a_status_list() {
    let typed = |typ: Vec<u8>| sign1(&map(&[(uint(1), negative(7)), (uint(16), typ)]), &claims(&[]));
    assert_eq!(code(&typed(text("Application/StatusList+CWT"))), "accepted");
    assert_eq!(code(&typed(text("application/statuslist+jwt"))), "token.type_mismatch");
    assert_eq!(code(&typed(text("statuslist+cwt"))), "cose.type_form");
    assert_eq!(code(&typed(bytes(b"application/statuslist+cwt"))), "cose.type_form");
    assert_eq!(code(&sign1(&map(&[(uint(1), negative(7))]), &claims(&[]))), "token.type_missing");
    let unprotected = map(&[(uint(16), text("application/statuslist+cwt"))]);
    let protected = map(&[(uint(1), negative(7))]);
    assert_eq!(code(&tag(18, &signed(&protected, &unprotected, &claims(&[])))), "cose.type_unprotected");

    // A number only where one is known.
    let numbered = typed(uint(277));
    assert_eq!(code(&numbered), "token.type_mismatch");
    let known = |content_format| {
        let options = Options { content_format: Some(content_format), ..Options::default() };
        StatusList::open_cwt(&numbered, &keys(), URI, AT, &options).map(|_| ()).map_err(|rejection| rejection.code())
    };
    assert_eq!(known(277), Ok(()));
    assert_eq!(known(278), Err("token.type_mismatch"));
}

#[test]
fn each_claim_has_its_codes() {
    let float = |number: f64| [&[0xfb][..], &number.to_be_bytes()].concat();
    let null = || vec![0xf6];
    let listed = |entries: &[(Vec<u8>, Vec<u8>)]| map(entries);
    for (label, value, wanted) in [
        (uint(2), vec![], "status.subject_missing"),
        (uint(2), text("https://example.com/statuslists/2"), "status.subject_mismatch"),
        (uint(2), bytes(URI.as_bytes()), "token.subject_type"),
        (uint(6), vec![], "status.issued_at_missing"),
        (uint(6), uint(1_790_000_001), "status.issued_in_future"),
        (uint(6), tag(1, &uint(1)), "token.issued_at_type"),
        (uint(6), negative(0), "token.issued_at_type"),
        (uint(4), uint(1_790_000_000), "status.expired"),
        (uint(4), float(1_790_000_000.5), "accepted"),
        (uint(4), float(f64::NAN), "token.expires_type"),
        (uint(4), float(f64::INFINITY), "token.expires_type"),
        (uint(4), uint(u64::MAX), "token.expires_type"),
        (uint(4), text("1790086400"), "token.expires_type"),
        (uint(4), null(), "token.claim_null"),
        (uint(5), uint(1_790_000_000), "accepted"),
        (uint(5), uint(1_790_000_001), "status.not_yet_valid"),
        (uint(65534), vec![], "accepted"),
        (uint(65534), uint(0), "status.ttl_not_positive"),
        (uint(65534), negative(4), "status.ttl_not_positive"),
        (uint(65534), float(43_200.0), "status.ttl_type"),
        (uint(65534), uint(u64::MAX), "status.ttl_type"),
        (uint(65533), vec![], "status.list_missing"),
        (uint(65533), bytes(&ZLIB), "status.list_type"),
        (uint(65533), listed(&[(text("lst"), bytes(&ZLIB))]), "status.bits_missing"),
        (uint(65533), listed(&[(uint(1), uint(1)), (text("lst"), bytes(&ZLIB))]), "status.bits_missing"),
        (uint(65533), listed(&[(text("bits"), uint(3)), (text("lst"), bytes(&ZLIB))]), "status.bits"),
        (uint(65533), listed(&[(text("bits"), float(1.0)), (text("lst"), bytes(&ZLIB))]), "status.bits"),
        (uint(65533), listed(&[(text("bits"), text("1")), (text("lst"), bytes(&ZLIB))]), "status.bits"),
        (uint(65533), listed(&[(text("bits"), uint(1))]), "status.lst_missing"),
        (uint(65533), listed(&[(text("bits"), uint(1)), (text("lst"), text("eNrbuRgAAhcBXQ"))]), "status.lst_type"),
        (uint(65533), listed(&[(text("bits"), uint(1)), (text("lst"), bytes(&ZLIB[2..]))]), "status.zlib_header"),
        // Text names are not the labels of a CWT.
        (text("status_list"), list(), "cwt.label_name"),
        (text("more"), list(), "accepted"),
    ] {
        assert_eq!(
            code(&sign1(&header(), &claims(&[(label.clone(), value.clone())]))),
            wanted,
            "{label:x?} {value:x?}"
        );
    }
    // bits twice
    let twice = [&[0xa3][..], &list()[1..], &text("bits"), &uint(1)].concat();
    assert_eq!(code(&sign1(&header(), &claims(&[(uint(65533), twice)]))), "cbor.duplicate_label");
}

#[test]
fn a_claim_is_not_judged_before_the_signature() {
    let mut token = sign1(&header(), &claims(&[(uint(4), uint(1))]));
    assert_eq!(code(&token), "status.expired");
    let last = token.len() - 10;
    token[last] ^= 1;
    assert!(code(&token).starts_with("crypto.signature_"), "{}", code(&token));
}

#[test]
fn the_bounds_are_those_of_the_options() {
    let token = sign1(&header(), &claims(&[]));
    let open = |options: Options| {
        StatusList::open_cwt(&token, &keys(), URI, AT, &options).map(|_| ()).map_err(|rejection| rejection.code())
    };
    assert_eq!(open(Options { max_token: token.len(), ..Options::default() }), Ok(()));
    assert_eq!(open(Options { max_token: token.len() - 1, ..Options::default() }), Err("status.token_too_large"));
    assert_eq!(open(Options { max_inflated: 2, ..Options::default() }), Ok(()));
    assert_eq!(open(Options { max_inflated: 1, ..Options::default() }), Err("status.inflates_too_large"));
}

#[test]
fn a_token_may_be_longer_than_other_tokens() {
    let noise: Vec<u8> = (0..600_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let long = map(&[(text("bits"), uint(8)), (text("lst"), bytes(&crate::testing::compress(&noise, 0)))]);
    let list = open(&sign1(&header(), &claims(&[(uint(65533), long)]))).unwrap();
    assert_eq!(list.get(599_999).unwrap().value, noise[599_999]);
    assert!(list.held_bytes() * 5 <= noise.len() * 6);
}

#[test]
fn every_check_is_told_in_order() {
    let mut findings = Findings::default();
    let token = sign1(&header(), &claims(&[]));
    StatusList::explain_cwt(&token, &keys(), URI, AT, &Options::default(), &mut findings).unwrap();
    let names: Vec<String> = findings.0.iter().map(|finding| finding.check.into()).collect();
    assert_eq!(
        names.join(", "),
        "tag, form, structure, headers, payload, algorithm, key, signature, claims, type, required claims, subject, \
         issued at, expiry, not before, time to live, status list, decompression"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// A token bent in any byte is refused, and never panics.
    #[test]
    fn no_bent_token_opens(at in any::<prop::sample::Index>(), with in 1..=255u8, cut in any::<bool>()) {
        let mut token = sign1(&header(), &claims(&[]));
        let at = at.index(token.len());
        token[at] ^= with;
        if cut {
            token.truncate(at);
        }
        prop_assert!(open(&token).is_err());
    }
}
