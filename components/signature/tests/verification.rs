//! Verifying (RFC 9421 section 3.2): requirements, times, keys, algorithms, signatures and digests, in that order.

mod support;

use portcullis_crypto::Algorithm;
use portcullis_signature::{
    Component, Expectations, Parameters, Required, Selection, SignatureCode, Signatures, content_digest, verify,
};
use portcullis_types::{Findings, Outcome, RuleCode, base64url};
use support::{AT, NOT_OURS, Sample, created, ed25519_jwk, key_set, keys, named};

fn request() -> Sample {
    Sample { method: "POST".into(), ..Sample::get("https://api.example/a?b=c") }
        .field("Date", "today")
        .field("Content-Digest", content_digest(b"{}"))
        .body(b"{}")
}

fn signed(parameters: &Parameters) -> Sample {
    request().signed("s", &["@method", "@query", "date", "content-digest"], parameters)
}

fn plain() -> Expectations<'static> {
    Expectations::default()
}

#[test]
fn what_verified_is_told() {
    let parameters = Parameters { keyid: Some("a".into()), nonce: Some("n".into()), ..created() };
    let verified = signed(&parameters).verify(&keys(), &plain(), AT).unwrap();
    assert_eq!((verified.label.as_str(), verified.keyid.as_deref()), ("s", Some("a")));
    assert_eq!(verified.components, named(&["@method", "@query", "date", "content-digest"]));
    assert_eq!(verified.parameters, parameters);
    assert_eq!(verified.algorithm, Algorithm::Ed25519);
    assert!(verified.thumbprint.is_some());
    let without = signed(&created()).verify(&keys(), &plain(), AT).unwrap();
    assert_eq!(without.keyid.as_deref(), Some("a"), "the key is told where the signature names none");
}

#[test]
fn each_check_is_told_in_order() {
    let mut findings = Findings::default();
    signed(&created()).lend(|message| verify(message, &keys(), &plain(), AT, &mut findings)).unwrap();
    let told: Vec<&str> = findings.0.iter().map(|finding| finding.check).collect();
    assert_eq!(
        told,
        [
            "signature fields",
            "selection",
            "required parameters",
            "required components",
            "times",
            "key and algorithm",
            "signature base",
            "signature",
            "covered digests",
        ]
    );
    let mut findings = Findings::default();
    let refused =
        signed(&created()).body(b"other").lend(|message| verify(message, &keys(), &plain(), AT, &mut findings));
    let refused = refused.unwrap_err();
    assert_eq!(findings.0.last().map(|last| &last.outcome), Some(&Outcome::Failed(refused)));
}

#[test]
fn required_parameters_are_there() {
    let full = Parameters {
        created: Some(AT as i64),
        expires: Some(AT as i64 + 60),
        nonce: Some("n".into()),
        alg: Some("ed25519".into()),
        keyid: Some("a".into()),
        tag: Some("t".into()),
        others: Vec::new(),
    };
    let none = Required::default();
    type Take = fn(&mut Parameters);
    let cases: [(Required, Take); 6] = [
        (Required { created: true, ..none }, |parameters| parameters.created = None),
        (Required { expires: true, ..none }, |parameters| parameters.expires = None),
        (Required { nonce: true, ..none }, |parameters| parameters.nonce = None),
        (Required { alg: true, ..none }, |parameters| parameters.alg = None),
        (Required { keyid: true, ..none }, |parameters| parameters.keyid = None),
        (Required { tag: true, ..none }, |parameters| parameters.tag = None),
    ];
    for (require, take) in cases {
        let expect = Expectations { require, ..plain() };
        assert_eq!(signed(&full).refused(&expect), None);
        let mut less = full.clone();
        take(&mut less);
        assert_eq!(signed(&less).refused(&expect), Some("signature.parameter_missing"), "{require:?}");
        assert_eq!(signed(&less).refused(&plain()), None, "{require:?}");
    }
    let expect = Expectations { created_within: Some(60), ..plain() };
    assert_eq!(signed(&Parameters::default()).refused(&expect), Some("signature.parameter_missing"));
}

#[test]
fn required_components_are_covered_as_they_are_required() {
    let refused = |components: &[&str]| {
        let components = named(components);
        signed(&created()).refused(&Expectations { components: &components, ..plain() })
    };
    assert_eq!(refused(&["date", "@query"]), None, "in any order");
    for uncovered in ["@path", "@query-param;name=\"b\"", "date;bs", "date;tr", "content-digest;sf"] {
        assert_eq!(refused(&["date", uncovered]), Some("signature.component_not_covered"), "{uncovered}");
    }
}

#[test]
fn times_have_their_boundaries() {
    let at = AT as i64;
    let refused = |created: Option<i64>, expires: Option<i64>, created_within: Option<u64>, skew: u64| {
        let parameters = Parameters { created, expires, ..Parameters::default() };
        // Made by hand where no signer would make it.
        let input = format!(
            "s=(){}{}",
            created.map_or(String::new(), |time| format!(";created={time}")),
            expires.map_or(String::new(), |time| format!(";expires={time}"))
        );
        let sample = match expires < created && expires.is_some() {
            true => Sample::get("https://a/").field("Signature-Input", input).field("Signature", "s=:AQID:"),
            false => Sample::get("https://a/").signed("s", &[], &parameters),
        };
        sample.refused(&Expectations { created_within, skew, ..plain() })
    };
    let (future, old, expired) = ("signature.created_in_future", "signature.too_old", "signature.expired");
    assert_eq!(refused(Some(at), None, None, 0), None);
    assert_eq!(refused(Some(at + 1), None, None, 0), Some(future));
    assert_eq!(refused(Some(at + 30), None, None, 30), None);
    assert_eq!(refused(Some(at + 31), None, None, 30), Some(future));
    assert_eq!(refused(Some(at - 60), None, Some(60), 0), None);
    assert_eq!(refused(Some(at - 61), None, Some(60), 0), Some(old));
    assert_eq!(refused(Some(at - 90), None, Some(60), 30), None);
    assert_eq!(refused(Some(at - 91), None, Some(60), 30), Some(old));
    assert_eq!(refused(Some(0), None, None, 0), None, "without a limit age does not matter");
    assert_eq!(refused(None, Some(at + 1), None, 0), None);
    assert_eq!(refused(None, Some(at), None, 0), Some(expired));
    assert_eq!(refused(None, Some(at - 29), None, 30), None);
    assert_eq!(refused(None, Some(at - 30), None, 30), Some(expired));
    assert_eq!(refused(Some(at), Some(at - 1), None, 30), Some("signature.expires_before_created"));
    assert_eq!(refused(Some(at), Some(at), None, 30), None);
    let (least, most) = (-999_999_999_999_999, 999_999_999_999_999);
    assert_eq!(refused(Some(least), Some(most), Some(u64::MAX), u64::MAX), None, "nothing overflows");
    assert_eq!(refused(Some(least), None, Some(1), 0), Some(old));
    assert_eq!(refused(Some(most), None, None, 0), Some(future));
    let late = Sample::get("https://a/").signed("s", &[], &created());
    assert!(late.verify(&keys(), &Expectations { created_within: Some(1), ..plain() }, u64::MAX).is_err());
}

#[test]
fn the_key_is_the_one_that_is_named() {
    let by = |keyid: Option<&str>| signed(&Parameters { keyid: keyid.map(Into::into), ..created() });
    let code = |sample: Sample, jwks: &[String]| {
        sample.verify(&key_set(jwks), &plain(), AT).err().map(|refused| refused.code())
    };
    let other =
        r#"{"kty":"OKP","crv":"Ed25519","kid":"b","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#.to_string();
    let a = || ed25519_jwk(r#","kid":"a""#);
    assert_eq!(code(by(Some("a")), &[other.clone(), a()]), None);
    assert_eq!(code(by(None), &[other.clone(), a()]), None, "each is tried");
    assert_eq!(code(by(Some("b")), &[other.clone(), a()]), Some("crypto.signature_invalid"));
    assert_eq!(code(by(Some("c")), &[a()]), Some("key.unknown"));
    assert_eq!(code(by(Some("a")), &[ed25519_jwk("")]), Some("key.unknown"), "a key without kid is not meant");
    assert_eq!(code(by(None), &[]), Some("key.set_empty"));
    assert_eq!(code(by(None), &[other]), Some("crypto.signature_invalid"));
    assert_eq!(code(by(None), &[ed25519_jwk(r#","use":"enc""#)]), Some("key.use"));
    let many = vec![ed25519_jwk(""); 17];
    assert_eq!(code(by(None), &many), Some("key.too_many_candidates"));
    assert_eq!(code(by(None), &many[..16]), None);
}

#[test]
fn digests_that_are_covered_are_checked() {
    let expect = plain();
    assert_eq!(signed(&created()).refused(&expect), None);
    assert_eq!(signed(&created()).body(b"{ }").refused(&expect), Some("signature.digest_mismatch"));
    let away = Sample { body: None, ..signed(&created()) };
    assert_eq!(away.refused(&expect), Some("signature.body_unavailable"));
    let uncovered = request().signed("s", &["date"], &created()).body(b"other");
    assert_eq!(uncovered.refused(&expect), None, "what is not covered is not looked at");
    for covered in ["content-digest;bs", "content-digest;sf", "content-digest;key=\"sha-256\""] {
        let other = request().signed("s", &[covered], &created()).body(b"other");
        assert_eq!(other.refused(&expect), Some("signature.digest_mismatch"), "{covered}");
    }
    let trailer = Sample::get("https://a/").trailer("Content-Digest", content_digest(b"x")).body(b"x");
    let trailer = trailer.signed("s", &["content-digest;tr"], &created());
    assert_eq!(trailer.refused(&expect), None);
    assert_eq!(trailer.body(b"y").refused(&expect), Some("signature.digest_mismatch"));
    let weak = Sample::get("https://a/").field("Content-Digest", "md5=:AAAA:").body(b"x");
    assert_eq!(weak.signed("s", &["content-digest"], &created()).refused(&expect), Some("signature.digest_algorithm"));
    let response = |request: Sample| {
        let response =
            Sample::response(200).field("Content-Digest", content_digest(b"ok")).body(b"ok").answering(request);
        response.signed("s", &["content-digest", "content-digest;req"], &created())
    };
    assert_eq!(response(request()).refused(&expect), None);
    assert_eq!(response(request()).body(b"no").refused(&expect), Some("signature.digest_mismatch"));
    assert_eq!(response(request().body(b"[]")).refused(&expect), Some("signature.digest_mismatch"));
    assert_eq!(response(Sample { body: None, ..request() }).refused(&expect), Some("signature.body_unavailable"));
}

/// Signed for the algorithms of a key: with the bytes of an Ed25519 signature, which only the right one takes.
fn algorithm(jwk: &str, alg: Option<&str>, accepted: Option<&[Algorithm]>) -> Result<Algorithm, &'static str> {
    let sample = signed(&Parameters { alg: alg.map(Into::into), ..created() });
    let expect = Expectations { algorithms: accepted, ..plain() };
    let verified = sample.verify(&key_set(&[jwk.to_string()]), &expect, AT);
    verified.map(|verified| verified.algorithm).map_err(|refused| refused.code())
}

#[test]
fn algorithms_agree_wherever_they_are_told() {
    let key = |alg: &str| ed25519_jwk(&format!(r#","alg":"{alg}""#));
    assert_eq!(algorithm(&ed25519_jwk(""), None, None), Ok(Algorithm::Ed25519));
    assert_eq!(algorithm(&ed25519_jwk(""), Some("ed25519"), None), Ok(Algorithm::Ed25519));
    for name in ["Ed25519", "EdDSA"] {
        assert_eq!(algorithm(&key(name), None, None), Ok(Algorithm::Ed25519), "{name}");
        assert_eq!(algorithm(&key(name), Some("ed25519"), None), Ok(Algorithm::Ed25519), "{name}");
    }
    for unknown in ["EdDSA", "Ed25519", "foo", "", "hs2019", "ed25519 "] {
        assert_eq!(algorithm(&ed25519_jwk(""), Some(unknown), None), Err("signature.algorithm_unknown"), "{unknown}");
    }
    for other in ["rsa-pss-sha512", "rsa-v1_5-sha256", "hmac-sha256", "ecdsa-p256-sha256", "ecdsa-p384-sha384"] {
        assert_eq!(algorithm(&ed25519_jwk(""), Some(other), None), Err("key.algorithm_mismatch"), "{other}");
    }
    assert_eq!(algorithm(&key("ES256"), Some("ed25519"), None), Err("signature.algorithm_conflict"));
    assert_eq!(algorithm(&key("ES256"), None, None), Err("key.algorithm_other"));
    assert_eq!(algorithm(&key("EdDSA"), None, Some(&[Algorithm::EdDsa])), Ok(Algorithm::Ed25519));
    assert_eq!(algorithm(&ed25519_jwk(""), None, Some(NOT_OURS)), Err("signature.algorithm_not_accepted"));
    assert_eq!(algorithm(&ed25519_jwk(""), Some("ed25519"), Some(NOT_OURS)), Err("signature.algorithm_not_accepted"));
    assert_eq!(algorithm(&ed25519_jwk(""), None, Some(&[])), Err("signature.algorithm_not_accepted"));
}

/// RFC 9421 appendix B.1.2, the key `test-key-rsa-pss`.
const RSA: &str = r#"{"kty":"RSA","e":"AQAB","n":"r4tmm3r20Wd_PbqvP1s2-QEtvpuRaV8Yq40gjUR8y2Rjxa6dpG2GXHbPfvMs8ct-Lh1GH45x28Rw3Ry53mm-oAXjyQ86OnDkZ5N8lYbggD4O3w6M6pAvLkhk95AndTrifbIFPNU8PPMO7OyrFAHqgDsznjPFmTOtCEcN2Z1FpWgchwuYLPL-Wokqltd11nqqzi-bJ9cvSKADYdUAAN5WUtzdpiy6LbTgSxP7ociU4Tn0g5I6aDZJ7A8Lzo0KSyZYoA485mqcO0GVAdVw9lq4aOT9v6d-nb4bnNkQVklLQ3fVAvJm-xdDOp9LCNCN48V2pnDOkFV6-U9nV5oyc6XI2w"MORE}"#;

#[test]
fn a_key_that_can_do_several_algorithms_says_which() {
    let rsa = |alg: &str| RSA.replace("MORE", alg);
    assert_eq!(algorithm(&rsa(""), None, None), Err("signature.algorithm_ambiguous"));
    // Length is looked at once the algorithm is known.
    for (jwk, alg) in [("", Some("rsa-pss-sha512")), (r#","alg":"PS512""#, None), (r#","alg":"PS256""#, None)] {
        assert_eq!(algorithm(&rsa(jwk), alg, None), Err("crypto.signature_too_short"), "{jwk} {alg:?}");
    }
    assert_eq!(algorithm(&rsa(r#","alg":"PS256""#), Some("rsa-pss-sha512"), None), Err("signature.algorithm_conflict"));
    assert_eq!(algorithm(&rsa(r#","alg":"RS256""#), Some("rsa-pss-sha512"), None), Err("signature.algorithm_conflict"));
}

#[test]
fn a_secret_is_for_the_one_registered_mac() {
    use hmac::{Hmac, KeyInit, Mac};
    let secret = [7u8; 64];
    let jwk = format!(r#"{{"kty":"oct","k":"{}"}}"#, base64url::encode(&secret));
    let mac = |base: &[u8]| {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&secret).unwrap();
        mac.update(base);
        mac.finalize().into_bytes().to_vec()
    };
    for alg in [None, Some("hmac-sha256")] {
        let parameters = Parameters { alg: alg.map(Into::into), ..created() };
        let sample = request().signed_with("s", &["date"], &parameters, mac);
        let verified = sample.verify(&key_set(std::slice::from_ref(&jwk)), &plain(), AT).unwrap();
        assert_eq!((verified.algorithm, verified.thumbprint), (Algorithm::Hs256, None));
        let public = Expectations { algorithms: Some(&[Algorithm::Ed25519, Algorithm::Es256]), ..plain() };
        let refused = sample.verify(&key_set(std::slice::from_ref(&jwk)), &public, AT).unwrap_err();
        assert_eq!(refused.code(), "signature.algorithm_not_accepted");
        let (name, value) = sample.fields.last().unwrap();
        let mut other = sample.clone();
        other.fields.pop();
        let changed = String::from_utf8(value.clone()).unwrap().replacen("=:", "=:A", 1);
        let refused =
            other.field(name, changed).verify(&key_set(std::slice::from_ref(&jwk)), &plain(), AT).unwrap_err();
        assert!(refused.code().starts_with("crypto.") || refused.code() == "signature.syntax", "{refused}");
    }
}

#[test]
fn a_key_of_ones_own_verifies_without_a_set() {
    let set = keys();
    let key = set.entries()[0].key.as_ref().unwrap();
    let stated = |alg: Option<&str>, algorithm: Algorithm| {
        signed(&Parameters { alg: alg.map(Into::into), ..created() }).lend(|message| {
            let signatures = Signatures::of(message).unwrap();
            let signature = signatures.select(&Selection::Label("s")).unwrap();
            assert!(
                signature.covers("date", false) && !signature.covers("date", true) && !signature.covers("@path", false)
            );
            signature.verify_with(message, key, algorithm).map_err(|refused| refused.code())
        })
    };
    assert_eq!(stated(None, Algorithm::EdDsa), Ok(()));
    assert_eq!(stated(Some("ed25519"), Algorithm::EdDsa), Ok(()));
    assert_eq!(stated(Some("ecdsa-p256-sha256"), Algorithm::EdDsa), Err("signature.algorithm_conflict"));
    assert_eq!(stated(Some("none"), Algorithm::EdDsa), Err("signature.algorithm_unknown"));
    assert_eq!(stated(None, Algorithm::Es256), Err("key.algorithm_mismatch"));
    let other = Sample { method: "GET".into(), ..signed(&created()) };
    other.lend(|message| {
        let signatures = Signatures::of(message).unwrap();
        let refused = signatures.select(&Selection::Only).unwrap().verify_with(message, key, Algorithm::Ed25519);
        assert_eq!(refused.unwrap_err().code(), "crypto.signature_invalid");
    });
}

#[test]
fn codes_are_of_one_area_and_distinct() {
    let mut codes: Vec<&str> = SignatureCode::ALL.iter().map(|code| code.entry().code).collect();
    assert!(codes.iter().all(|code| code.starts_with("signature.")));
    codes.sort_unstable();
    let count = codes.len();
    codes.dedup();
    assert_eq!(codes.len(), count);
    assert!(Component::parse("date").is_ok());
}
