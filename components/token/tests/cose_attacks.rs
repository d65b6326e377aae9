//! The attack classes that apply to COSE messages and CBOR Web Tokens, each with a test of its name.

mod support;

use portcullis_crypto::{Algorithm, KeySet};
use portcullis_token::{
    cose::{self, Options},
    cwt,
    jwt::Expectations,
};
use portcullis_types::{Rejection, base64url};
use support::*;

fn verify(message: &[u8], keys: &KeySet) -> Result<cose::VerifiedCose, Rejection> {
    cose::parse_and_verify(message, keys, &Options::default())
}

fn code(message: &[u8]) -> &'static str {
    verify(message, &keys()).map_or_else(|rejection| rejection.code(), |_| "accepted")
}

fn empty() -> Vec<u8> {
    map(&[])
}

#[test]
fn a_good_message_is_accepted() {
    let verified = verify(&sign1(&eddsa(), &empty(), b"content"), &keys()).unwrap();
    assert_eq!((verified.payload.as_slice(), verified.protected), (&b"content"[..], eddsa()));
    assert_eq!(verified.signers[0].algorithm.number(), -8);
    assert_eq!(verified.signers[0].kid.as_deref(), Some("ed"));
    assert!(verify(&mac0(&map(&[(int(1), int(5))]), b"content", 32), &mac_keys()).is_ok());
}

#[test]
fn no_algorithm_is_no_signature() {
    for protected in [vec![], empty(), map(&[(int(3), int(0))])] {
        assert_eq!(code(&sign1(&protected, &empty(), b"x")), "cose.algorithm_missing");
        assert_eq!(code(&sign1(&protected, &eddsa(), b"x")), "cose.algorithm_unprotected");
    }
    for alg in [int(0), int(-16), int(-65536), int(10), vec![0x3b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]] {
        assert_eq!(code(&sign1(&map(&[(int(1), alg)]), &empty(), b"x")), "cose.algorithm_unknown");
    }
    for alg in ["none", "EdDSA", ""] {
        assert_eq!(code(&sign1(&map(&[(int(1), tstr(alg))]), &empty(), b"x")), "cose.algorithm_text");
    }
    for alg in [bstr(&[0x27]), list(&[int(-8)]), vec![NULL], vec![0xf9, 0xc8, 0x00]] {
        assert_eq!(code(&sign1(&map(&[(int(1), alg)]), &empty(), b"x")), "cose.algorithm_type");
    }
}

/// The confusion of CVE-2015-9235: a public key, which everybody knows, as the secret of a MAC.
#[test]
fn a_public_key_is_never_a_mac_key() {
    let x = signing_key().verifying_key().to_bytes();
    for (alg, length) in [(5, 32), (4, 8)] {
        let protected = map(&[(int(1), int(alg))]);
        let mac = hmac_sha256(&x, &list(&[tstr("MAC0"), bstr(&protected), bstr(&[]), bstr(b"x")]));
        let parts = list(&[bstr(&protected), empty(), bstr(b"x"), bstr(&mac[..length])]);
        for message in [tag(17, &parts), parts.clone()] {
            assert_eq!(code(&message), "key.algorithm_mismatch");
        }
        assert_eq!(code(&tag(18, &parts)), "cose.mac_in_signature");
    }
}

#[test]
fn a_secret_is_never_a_public_key() {
    let message = sign1(&eddsa(), &empty(), b"x");
    assert_eq!(verify(&message, &mac_keys()).unwrap_err().code(), "key.algorithm_mismatch");
    let mac = tag(17, &message[1..]);
    assert_eq!(verify(&mac, &mac_keys()).unwrap_err().code(), "cose.signature_in_mac");
}

/// What is signed says which structure it is, so a MAC or signature of one is none of another.
#[test]
fn one_structure_is_not_taken_for_another() {
    let signature = sign(&to_be_signed(&eddsa(), b"x"));
    let layer = list(&[bstr(&eddsa()), empty(), bstr(&signature)]);
    let message = tag(98, &list(&[bstr(&[]), empty(), bstr(b"x"), list(&[layer])]));
    assert_eq!(code(&message), "crypto.signature_invalid");
    let protected = map(&[(int(1), int(5))]);
    let mac = hmac_sha256(&SECRET, &to_be_signed(&protected, b"x"));
    let message = tag(17, &list(&[bstr(&protected), empty(), bstr(b"x"), bstr(&mac)]));
    assert_eq!(verify(&message, &mac_keys()).unwrap_err().code(), "crypto.mac_invalid");
}

/// Of several signatures all have to verify, so that nobody's name is on a payload that they did not sign.
#[test]
fn one_good_signature_does_not_carry_a_bad_one() {
    let layer = |signature: &[u8]| list(&[bstr(&eddsa()), empty(), bstr(signature)]);
    let signed = list(&[tstr("Signature"), bstr(&[]), bstr(&eddsa()), bstr(&[]), bstr(b"x")]);
    let good = layer(&sign(&signed));
    let bad = layer(&sign(b"something else"));
    let message = |layers: &[Vec<u8>]| tag(98, &list(&[bstr(&[]), empty(), bstr(b"x"), list(layers)]));
    assert_eq!(code(&message(&[good.clone(), good.clone()])), "accepted");
    assert_eq!(code(&message(&[good.clone(), bad.clone()])), "crypto.signature_invalid");
    assert_eq!(code(&message(&[bad, good.clone()])), "crypto.signature_invalid");
    assert_eq!(code(&message(&[])), "cose.signatures_missing");
    assert_eq!(code(&message(&vec![good.clone(); cose::MAX_SIGNATURES])), "accepted");
    assert_eq!(code(&message(&vec![good; cose::MAX_SIGNATURES + 1])), "cose.signatures_too_many");
}

/// CVE-2022-21449, and the forms of a signature that are none.
#[test]
fn psychic_and_malleable_signatures() {
    let p256 = key_set(&[concat!(
        r#"{"kty":"EC","crv":"P-256","kid":"11","x":"usWxHK2PmfnHKwXPS54m0kTcGJ90UiglWiGahtagnv8","#,
        r#""y":"IBOL-C3BttVivg-lSreASjpkttcsz-1rb7btKLv8EX4"}"#
    )]);
    let message = |signature: &[u8]| {
        let protected = map(&[(int(1), int(-7))]);
        tag(18, &list(&[bstr(&protected), empty(), bstr(b"x"), bstr(signature)]))
    };
    let code = |signature: &[u8]| verify(&message(signature), &p256).unwrap_err().code();
    assert_eq!(code(&[0; 64]), "crypto.signature_zero");
    assert_eq!(code(&[0xff; 64]), "crypto.signature_range");
    assert_eq!(code(&[1; 63]), "crypto.signature_too_short");
    assert_eq!(code(&[1; 65]), "crypto.signature_too_long");
    assert_eq!(code(&[]), "crypto.signature_too_short");
    // Ed25519: S plus the order of the base point.
    let mut signature = sign(&to_be_signed(&eddsa(), b"x"));
    signature[63] |= 0xf0;
    let message = tag(18, &list(&[bstr(&eddsa()), empty(), bstr(b"x"), bstr(&signature)]));
    assert_eq!(verify(&message, &keys()).unwrap_err().code(), "crypto.signature_range");
}

#[test]
fn a_short_mac_is_accepted_only_as_what_it_is() {
    let full = map(&[(int(1), int(5))]);
    let short = map(&[(int(1), int(4))]);
    let check = |message: &[u8], keys: &KeySet, algorithms| {
        let options = Options { algorithms, ..Options::default() };
        cose::parse_and_verify(message, keys, &options).map_or_else(|rejection| rejection.code(), |_| "accepted")
    };
    let keys = mac_keys();
    assert_eq!(check(&mac0(&short, b"x", 8), &keys, None), "accepted");
    for length in [0, 7, 9, 32] {
        assert_eq!(check(&mac0(&short, b"x", length), &keys, None), "crypto.mac_length", "{length}");
    }
    for length in [0, 8, 31] {
        assert_eq!(check(&mac0(&full, b"x", length), &keys, None), "crypto.mac_length", "{length}");
    }
    let hs256 = Some(&[Algorithm::Hs256][..]);
    assert_eq!(check(&mac0(&full, b"x", 32), &keys, hs256), "accepted");
    assert_eq!(check(&mac0(&short, b"x", 8), &keys, hs256), "token.algorithm_not_accepted");
    let k = base64url::encode(&SECRET);
    let only = key_set(&[&format!(r#"{{"kty":"oct","k":"{k}","alg":"HS256"}}"#)]);
    assert_eq!(check(&mac0(&full, b"x", 32), &only, None), "accepted");
    assert_eq!(check(&mac0(&short, b"x", 8), &only, None), "key.algorithm_other");
}

/// CVE-2025-59420 and CVE-2026-32597: an extension that must be understood and is not.
#[test]
fn unknown_critical_labels_refuse() {
    let with =
        |crit: Vec<u8>| sign1(&eddsa_with(&[(int(2), crit), (int(99), int(0)), (tstr("x"), int(0))]), &empty(), b"x");
    assert_eq!(code(&with(list(&[int(1)]))), "accepted");
    assert_eq!(code(&with(list(&[int(1), int(2)]))), "accepted");
    assert_eq!(code(&with(list(&[int(99)]))), "cose.critical_unknown");
    assert_eq!(code(&with(list(&[int(1), tstr("x")]))), "cose.critical_unknown");
    assert_eq!(code(&with(list(&[int(4)]))), "cose.critical_absent");
    assert_eq!(code(&with(list(&[tstr("alg")]))), "cose.critical_absent");
    assert_eq!(code(&with(list(&[]))), "cose.critical_empty");
    assert_eq!(code(&with(list(&[bstr(&[1])]))), "cose.critical_not_label");
    assert_eq!(code(&with(list(&[list(&[])]))), "cose.critical_not_label");
    assert_eq!(code(&with(int(1))), "cose.critical_not_list");
    let outside = map(&[(int(2), list(&[int(99)])), (int(99), int(0))]);
    assert_eq!(code(&sign1(&eddsa(), &outside, b"x")), "cose.critical_unprotected");
    // A counter signature and what is for encryption are not among what is understood.
    for label in [5, 6, 7, 11] {
        let protected = eddsa_with(&[(int(2), list(&[int(label)])), (int(label), bstr(&[]))]);
        assert_eq!(code(&sign1(&protected, &empty(), b"x")), "cose.critical_unknown", "{label}");
    }
}

#[test]
fn one_label_has_one_value() {
    let twice = |label: Vec<u8>, value: Vec<u8>| {
        sign1(&eddsa_with(&[(label.clone(), value.clone())]), &map(&[(label, value)]), b"x")
    };
    assert_eq!(code(&twice(int(4), bstr(b"ed"))), "cose.label_repeated");
    assert_eq!(code(&twice(int(15), empty())), "cose.label_repeated");
    assert_eq!(code(&twice(tstr("private"), int(1))), "cose.label_repeated");
    assert_eq!(code(&sign1(&eddsa(), &eddsa(), b"x")), "cose.label_repeated");
    assert_eq!(code(&sign1(&eddsa_with(&[(int(1), int(-8))]), &empty(), b"x")), "cbor.duplicate_label");
    let unprotected = map(&[(int(4), bstr(b"ed")), (int(4), bstr(b"ed"))]);
    assert_eq!(code(&sign1(&eddsa(), &unprotected, b"x")), "cbor.duplicate_label");
    assert_eq!(code(&sign1(&eddsa_with(&[(bstr(&[1]), int(1))]), &empty(), b"x")), "cose.label_type");
}

#[test]
fn parameters_have_their_types() {
    let unprotected = |label: i64, value: Vec<u8>| code(&sign1(&eddsa(), &map(&[(int(label), value)]), b"x"));
    assert_eq!(unprotected(3, int(61)), "accepted");
    assert_eq!(unprotected(3, int(-1)), "cose.parameter_type");
    assert_eq!(unprotected(3, bstr(b"a/b")), "cose.parameter_type");
    assert_eq!(unprotected(4, tstr("ed")), "cose.key_id_type");
    assert_eq!(unprotected(5, tstr("iv")), "cose.parameter_type");
    assert_eq!(unprotected(6, vec![NULL]), "cose.parameter_type");
    assert_eq!(unprotected(15, list(&[])), "cose.claims_type");
    assert_eq!(unprotected(15, map(&[(bstr(&[1]), int(1))])), "cose.claims_type");
    assert_eq!(unprotected(16, tstr("application/cwt")), "cose.type_unprotected");
    let both = map(&[(int(5), bstr(&[])), (int(6), bstr(&[]))]);
    assert_eq!(code(&sign1(&eddsa(), &both, b"x")), "cose.iv_twice");
    for typ in [tstr("cwt"), bstr(b"application/cwt"), int(-1)] {
        assert_eq!(code(&sign1(&eddsa_with(&[(int(16), typ)]), &empty(), b"x")), "cose.type_form");
    }
}

#[test]
fn an_empty_protected_header_is_signed_as_no_bytes() {
    // The algorithm of a COSE_Sign stands with each signature, so that the body's header may be empty.
    for body in [vec![], vec![0xa0], vec![0xbf, 0xff]] {
        let signed = list(&[tstr("Signature"), bstr(&[]), bstr(&eddsa()), bstr(&[]), bstr(b"x")]);
        let layer = list(&[bstr(&eddsa()), empty(), bstr(&sign(&signed))]);
        let message = tag(98, &list(&[bstr(&body), empty(), bstr(b"x"), list(&[layer])]));
        assert_eq!(code(&message), "accepted", "{body:?}");
    }
}

#[test]
fn a_detached_payload_is_given_once() {
    let signature = sign(&to_be_signed(&eddsa(), b"x"));
    let detached = tag(18, &list(&[bstr(&eddsa()), empty(), vec![NULL], bstr(&signature)]));
    let check = |message: &[u8], payload: Option<&[u8]>| {
        let options = Options { payload, ..Options::default() };
        cose::parse_and_verify(message, &keys(), &options).map_or_else(|rejection| rejection.code(), |_| "accepted")
    };
    assert_eq!(check(&detached, Some(b"x")), "accepted");
    assert_eq!(check(&detached, Some(b"y")), "crypto.signature_invalid");
    assert_eq!(check(&detached, None), "cose.payload_missing");
    assert_eq!(check(&sign1(&eddsa(), &empty(), b"x"), Some(b"x")), "cose.payload_twice");
}

#[test]
fn tags_and_arrays_are_what_they_say() {
    let message = sign1(&eddsa(), &empty(), b"x");
    let parts = &message[1..];
    for (number, wanted) in [
        (18, "accepted"),
        (17, "cose.signature_in_mac"),
        (98, "cose.signatures_type"),
        (16, "cose.encrypted"),
        (96, "cose.encrypted"),
        (97, "cose.recipients"),
        (61, "cose.tag"),
        (0, "cose.tag"),
        (55799, "cose.tag"),
    ] {
        assert_eq!(code(&tag(number, parts)), wanted, "{number}");
    }
    assert_eq!(code(parts), "accepted");
    assert_eq!(code(&tag(18, &message)), "cose.tag_repeated");
    assert_eq!(code(&tag(18, &list(&[bstr(&eddsa()), empty(), bstr(b"x")]))), "cose.elements");
    assert_eq!(code(&list(&[])), "cose.elements");
    assert_eq!(code(b""), "token.empty");
    assert_eq!(code(&vec![0; 256 * 1024 + 1]), "token.too_large");
    let layer = list(&[bstr(&eddsa()), empty()]);
    assert_eq!(code(&tag(98, &list(&[bstr(&[]), empty(), bstr(b"x"), list(&[layer])]))), "cose.signature_form");
}

fn cwt(claims: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    sign1(&eddsa(), &empty(), &map(claims))
}

fn cwt_code(token: &[u8], expect: &Expectations) -> &'static str {
    cwt::parse_and_verify(token, &keys(), expect, 1_000).map_or_else(|rejection| rejection.code(), |_| "accepted")
}

/// CVE-2026-25537 in CBOR: a time of the wrong type is never taken as absent.
#[test]
fn claims_of_a_wrong_type_are_never_absent() {
    let expect = Expectations::default();
    let one = |label: i64, value: Vec<u8>| cwt_code(&cwt(&[(int(label), value)]), &expect);
    for (label, wanted) in [(4, "token.expires_type"), (5, "token.not_before_type"), (6, "token.issued_at_type")] {
        for value in [
            tstr("2000"),
            bstr(&[7, 208]),
            list(&[int(2000)]),
            tag(1, &int(2000)),
            tag(2, &bstr(&[7, 208])),
            vec![0xf5],
        ] {
            assert_eq!(one(label, value), wanted);
        }
        assert_eq!(one(label, int(-1)), wanted);
        assert_eq!(one(label, vec![0x1b, 0, 0x20, 0, 0, 0, 0, 0, 0]), wanted, "2^53");
        assert_eq!(one(label, vec![0xf6]), "token.claim_null");
        assert_eq!(one(label, vec![0xf7]), "token.claim_null");
        assert_eq!(one(label, vec![0xf9, 0x7c, 0x00]), "cbor.number_range", "infinity");
        assert_eq!(one(label, vec![0xf9, 0x7e, 0x00]), "cbor.number_range", "not a number");
    }
    assert_eq!(one(4, int(1_001)), "accepted");
    assert_eq!(one(4, int(1_000)), "token.expired");
    assert_eq!(one(5, int(1_000)), "accepted");
    assert_eq!(one(5, int(1_001)), "token.not_yet_valid");
    for (label, wanted) in [(1, "token.issuer_type"), (2, "token.subject_type"), (3, "token.audience_type")] {
        for value in [bstr(b"a"), int(1), tag(32, &tstr("a")), map(&[]), list(&[int(1)])] {
            assert_eq!(one(label, value), wanted);
        }
    }
    assert_eq!(one(7, tstr("a")), "cwt.id_type");
}

#[test]
fn a_text_label_is_no_registered_claim() {
    let expect = Expectations { issuer: Some("i".into()), ..Expectations::default() };
    for label in ["iss", "exp", "cti", "jti", "cnf", "scope", "status", "1", "-70000", "00"] {
        assert_eq!(
            cwt_code(&cwt(&[(int(1), tstr("i")), (tstr(label), tstr("i"))]), &expect),
            "cwt.label_name",
            "{label}"
        );
    }
    for label in ["issuer", "-", "", "1a"] {
        assert_eq!(cwt_code(&cwt(&[(int(1), tstr("i")), (tstr(label), tstr("i"))]), &expect), "accepted", "{label}");
    }
    assert_eq!(cwt_code(&cwt(&[(int(1), tstr("i")), (bstr(b"iss"), tstr("i"))]), &expect), "cwt.label_type");
}

#[test]
fn claims_in_the_header_agree_with_the_payload() {
    let token = |announced: &[(Vec<u8>, Vec<u8>)]| {
        sign1(&eddsa_with(&[(int(15), map(announced))]), &empty(), &map(&[(int(1), tstr("i")), (int(4), int(2_000))]))
    };
    let expect = Expectations { issuer: Some("i".into()), ..Expectations::default() };
    assert_eq!(cwt_code(&token(&[]), &expect), "accepted");
    assert_eq!(cwt_code(&token(&[(int(1), tstr("i"))]), &expect), "accepted");
    assert_eq!(cwt_code(&token(&[(int(1), tstr("j"))]), &expect), "cwt.claims_differ");
    // What only the header says is not believed to be a claim.
    let token = sign1(&eddsa_with(&[(int(15), map(&[(int(1), tstr("i"))]))]), &empty(), &map(&[]));
    assert_eq!(cwt_code(&token, &expect), "token.issuer_missing");
}

#[test]
fn explicit_typing_is_compared_in_full() {
    let token = |typ: Vec<u8>| sign1(&eddsa_with(&[(int(16), typ)]), &empty(), &map(&[]));
    let check = |typ: Vec<u8>, wanted: &str| {
        cwt_code(&token(typ), &Expectations { typ: Some(wanted.into()), ..Expectations::default() })
    };
    assert_eq!(check(tstr("application/x+cwt"), "application/x+cwt"), "accepted");
    assert_eq!(check(tstr("application/X+CWT"), "x+cwt"), "accepted");
    assert_eq!(check(int(61), "application/cwt"), "accepted");
    assert_eq!(check(int(61), "application/x+cwt"), "token.type_mismatch");
    assert_eq!(check(int(60), "application/cwt"), "token.type_mismatch");
    assert_eq!(check(tstr("text/x+cwt"), "application/x+cwt"), "token.type_mismatch");
    assert_eq!(check(tstr("application/cwt"), "application/x+cwt"), "token.type_mismatch");
    let untyped = cwt(&[]);
    let expect = Expectations { typ: Some("application/cwt".into()), ..Expectations::default() };
    assert_eq!(cwt_code(&untyped, &expect), "token.type_missing");
}

#[test]
fn the_cwt_tag_is_around_a_tagged_message_once() {
    let token = cwt(&[]);
    let expect = Expectations::default();
    assert_eq!(cwt_code(&tag(61, &token), &expect), "accepted");
    assert_eq!(cwt_code(&token[1..], &expect), "accepted");
    assert_eq!(cwt_code(&tag(61, &token[1..]), &expect), "cwt.tag_content");
    assert_eq!(cwt_code(&tag(61, &tag(61, &token)), &expect), "cose.tag");
    assert_eq!(cwt_code(&tag(18, &tag(61, &token)), &expect), "cose.tag_repeated");
    let at_jwt = Expectations { profile: portcullis_token::jwt::Profile::AtJwt, ..expect };
    assert_eq!(cwt_code(&token, &at_jwt), "cwt.profile");
}

/// Many labels cost no more than reading them: nothing here compares each with each.
#[test]
fn many_labels_take_no_time() {
    let entries = |first: i64| -> Vec<(Vec<u8>, Vec<u8>)> { (0..20_000).map(|i| (int(first + i), int(0))).collect() };
    let crit = (int(2), list(&vec![int(1); 20_000]));
    let mut protected: Vec<(Vec<u8>, Vec<u8>)> = entries(1_000);
    protected.extend([crit, (int(1), int(-8))]);
    let start = std::time::Instant::now();
    assert_eq!(code(&sign1(&map(&protected), &map(&entries(100_000)), b"x")), "accepted");
    let claims = map(&entries(1_000));
    let announced = eddsa_with(&[(int(15), claims.clone())]);
    assert_eq!(cwt_code(&sign1(&announced, &empty(), &claims), &Expectations::default()), "accepted");
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}
