//! The attack classes of RFC 8725bis and of published vulnerabilities, each with a test of its name.
//!
//! Each goes through the built component with the software inside; `corpus.rs` runs the same lines through the others.

use std::sync::{Mutex, OnceLock};

use portcullis_host::{Portcullis, Runtime};
use portcullis_tests::{
    corpus::{self, Case, NOW},
    dist,
};
use serde_json::{Value, json};

fn ask(request: &Value) -> Value {
    static COMPONENT: OnceLock<Mutex<Portcullis>> = OnceLock::new();
    let component = COMPONENT.get_or_init(|| {
        let runtime = Runtime::new().expect("the runtime starts");
        let component = runtime.load_file(dist("components/portcullis.wasm")).expect("it loads");
        Mutex::new(Portcullis::new(&component).expect("it is the component"))
    });
    let mut component = component.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let answer = component.answer(request.to_string().as_bytes(), NOW).expect("an answer");
    serde_json::from_str(&answer).expect("JSON")
}

fn case(id: &str) -> Case {
    let file = match id.split_once('/').map(|(set, _)| set) {
        Some("jws") => "jws.ndjson",
        Some("attacks") => "attacks.ndjson",
        _ => "jwt.ndjson",
    };
    let found = corpus::cases(&corpus::own().join(file)).into_iter().find(|case| case.id == id);
    found.unwrap_or_else(|| panic!("the corpus has {id}"))
}

/// Asserts that corpus cases are refused with these codes.
fn refused(cases: &[(&str, &str)]) {
    for (id, code) in cases {
        let answer = ask(&case(id).request);
        assert_eq!(answer["error"]["code"], *code, "{id}: {answer}");
    }
}

/// A token with a header of choice over the body of an accepted one, and the code it is refused with.
fn with_header(header: &str) -> Value {
    let mut request = case("jwt/ok").request;
    let token = request["token"].as_str().expect("a token").to_owned();
    let rest = token.split_once('.').expect("parts").1;
    request["token"] = format!("{}.{rest}", portcullis_types::base64url::encode(header.as_bytes())).into();
    request
}

fn code_of(request: &Value) -> String {
    ask(request)["error"]["code"].as_str().unwrap_or("accepted").to_owned()
}

#[test]
fn alg_none_in_every_spelling() {
    refused(&[
        ("jws/alg-none-lower", "token.algorithm_none"),
        ("jws/alg-none-upper", "token.algorithm_none"),
        ("jws/alg-none-mixed2", "token.algorithm_none"),
        ("jws/alg-none-with-signature", "token.algorithm_none"),
        ("jwt/alg-none", "token.algorithm_none"),
    ]);
    for spelling in ["none", "None", "NONE", "nOnE"] {
        assert_eq!(code_of(&with_header(&json!({"alg": spelling}).to_string())), "token.algorithm_none");
    }
    for padded in ["none ", " none", "none\u{0}", "nonе"] {
        assert_eq!(code_of(&with_header(&json!({"alg": padded}).to_string())), "token.algorithm_unknown");
    }
}

#[test]
fn rs_to_hs_confusion_cve_2015_9235() {
    refused(&[
        ("jws/hs-rs-confusion-pem-no-newline", "token.algorithm_mac"),
        ("jws/hs-rs-confusion-jwk-json", "token.algorithm_mac"),
        ("jws/hs-rs-confusion-der", "token.algorithm_mac"),
        ("jws/hs-ed-confusion-x", "token.algorithm_mac"),
        ("jwt/hs-rs-confusion", "token.algorithm_mac"),
        ("attacks/hs-ec-confusion", "token.algorithm_mac"),
        ("attacks/hs-ec-confusion-asked-for", "key.algorithm_mismatch"),
        ("attacks/hs-rs-confusion-asked-for", "key.algorithm_mismatch"),
    ]);
    // Even where a MAC is asked for, no public key is ever a MAC key.
    for id in ["jws/hs-rs-confusion-pem-no-newline", "jws/hs-rs-confusion-jwk-json", "jws/hs-rs-confusion-der"] {
        let mut request = case(id).request;
        request["algorithms"] = json!(["HS256", "RS256"]);
        let code = code_of(&request);
        assert!(["key.algorithm_mismatch", "key.none_fits"].contains(&code.as_str()), "{id}: {code}");
    }
}

#[test]
fn symmetric_key_beside_public_ones_ghsa_mvf2_f6gm_w987() {
    // A PEM text taken for a secret needs a set in which a secret may stand: it is refused as a whole.
    let mut request = case("jwt/ok").request;
    let keys = request["keys"]["keys"].as_array_mut().expect("keys");
    keys.push(json!({"kty": "oct", "kid": "pem", "k": portcullis_types::base64url::encode(b" -----BEGIN PUBLIC KEY-----0123456789")}));
    assert_eq!(code_of(&request), "key.set_mixed");
}

#[test]
fn embedded_jwk_cve_2018_0114() {
    refused(&[
        ("jws/embedded-jwk-known-kid", "crypto.signature_invalid"),
        ("jwt/embedded-jwk", "crypto.signature_invalid"),
    ]);
}

#[test]
fn key_locations_are_never_followed() {
    refused(&[("jws/jku-rogue", "key.unknown")]);
    for header in [
        json!({"alg": "ES256", "kid": "rogue", "jku": "https://attacker.example/jwks.json"}),
        json!({"alg": "ES256", "kid": "rogue", "x5u": "https://attacker.example/cert.pem"}),
        json!({"alg": "ES256", "kid": "../../../../dev/null"}),
        json!({"alg": "ES256", "kid": "idp-1' UNION SELECT 'x"}),
    ] {
        assert_eq!(code_of(&with_header(&header.to_string())), "key.unknown");
    }
}

#[test]
fn psychic_signatures_cve_2022_21449() {
    refused(&[("jws/sig-all-zero", "crypto.signature_zero"), ("jws/sig-s-zero", "crypto.signature_zero")]);
}

#[test]
fn ecdsa_signatures_have_one_form() {
    refused(&[
        ("jws/sig-der", "crypto.signature_too_long"),
        ("jws/sig-truncated", "crypto.signature_too_short"),
        ("jws/sig-r-plus-n", "crypto.signature_range"),
    ]);
}

#[test]
fn rsa_padding_is_the_algorithms_own() {
    refused(&[
        ("jws/ps256-salt-0", "crypto.signature_invalid"),
        ("jws/ps256-is-rs256", "crypto.signature_invalid"),
        ("jws/rs256-is-ps256", "crypto.signature_invalid"),
        ("jws/rs256-leading-zero", "crypto.signature_too_long"),
        ("attacks/ps256-trailer", "crypto.signature_invalid"),
        ("attacks/rs256-s-plus-n", "crypto.signature_invalid"),
    ]);
}

#[test]
fn rsa_forgeries_cve_2006_4339() {
    refused(&[
        ("attacks/rs256-forged-without-key", "crypto.signature_invalid"),
        ("attacks/rs256-short-padding", "crypto.signature_invalid"),
        ("attacks/rs256-parameters", "crypto.signature_invalid"),
    ]);
}

#[test]
fn ed25519_malleability_and_small_order() {
    refused(&[("jws/eddsa-s-plus-l", "crypto.signature_range"), ("jws/eddsa-truncated", "crypto.signature_too_short")]);
    let mut identity = [0u8; 32];
    identity[0] = 1;
    let mut request = with_header(r#"{"alg":"EdDSA"}"#);
    request["keys"] =
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": portcullis_types::base64url::encode(&identity)}]});
    assert_eq!(code_of(&request), "key.ed25519_small_order");
}

#[test]
fn unknown_critical_extensions_cve_2025_59420_cve_2026_32597() {
    refused(&[
        ("jws/crit-unknown", "token.critical_unknown"),
        ("jws/crit-string", "token.critical_not_list"),
        ("jws/crit-number", "token.critical_not_text"),
        ("jws/crit-absent-name", "token.critical_absent"),
        ("jws/b64-false", "token.unencoded_payload"),
        ("jwt/b64-false", "token.unencoded_payload"),
        ("jwt/zip-def", "token.critical_unknown"),
    ]);
}

#[test]
fn wrong_typed_times_are_not_absent_times_cve_2026_25537() {
    refused(&[
        ("jwt/exp-string", "token.expires_type"),
        ("jwt/exp-true", "token.expires_type"),
        ("jwt/exp-object", "token.expires_type"),
        ("jwt/exp-iso", "token.expires_type"),
        ("jwt/nbf-string", "token.not_before_type"),
        ("jwt/nbf-null", "token.claim_null"),
        ("at-jwt/type-iat-string", "token.issued_at_type"),
    ]);
}

#[test]
fn audience_of_a_wrong_type_cve_2020_26160() {
    refused(&[
        ("jwt/aud-number", "token.audience_type"),
        ("jwt/aud-object", "token.audience_type"),
        ("jwt/aud-list-nested", "token.audience_type"),
        ("jwt/aud-true", "token.audience_type"),
        ("jwt/aud-space-joined", "token.audience_mismatch"),
    ]);
}

#[test]
fn issuers_are_compared_whole_cve_2024_53861() {
    refused(&[
        ("jwt/iss-suffix", "token.issuer_mismatch"),
        ("jwt/iss-empty", "token.issuer_mismatch"),
        ("jwt/iss-trailing-slash", "token.issuer_mismatch"),
        ("jwt/iss-list", "token.issuer_type"),
    ]);
}

#[test]
fn names_stand_once_and_texts_are_utf8() {
    refused(&[
        ("jws/dup-header-alg", "json.duplicate_name"),
        ("jws/dup-header-escaped", "json.duplicate_name"),
        ("jwt/dup-claim-exp", "json.duplicate_name"),
        ("jwt/dup-claim-escaped", "json.duplicate_name"),
        ("jwt/claims-bad-utf8", "json.utf8"),
        ("jwt/claims-utf8-overlong", "json.utf8"),
        ("jws/header-utf16", "json.utf8"),
        ("jws/header-bom", "json.byte_order_mark"),
        ("jws/header-deep-nesting", "json.depth"),
    ]);
}

#[test]
fn base64url_has_one_spelling() {
    refused(&[
        ("jws/b64-trailing-bits-payload", "base64.trailing_bits"),
        ("jws/b64-trailing-bits-signature", "base64.trailing_bits"),
        ("jws/b64-padding-payload", "base64.padding"),
        ("jws/ws-trailing-newline", "base64.whitespace"),
    ]);
    // What Envoy's jwt_authn 1.40 lets through: a valid token followed by one more character, by "." or by "==".
    let good = case("jwt/ok").request;
    for (tail, code) in [("A", "crypto.signature_too_long"), (".", "token.parts_too_many"), ("==", "base64.padding")] {
        let mut request = good.clone();
        request["token"] = format!("{}{tail}", good["token"].as_str().expect("a token")).into();
        assert_eq!(code_of(&request), code, "{tail}");
    }
}

#[test]
fn json_serialization_is_no_compact_token_cve_2022_39227() {
    refused(&[
        ("jws/json-general", "token.json_serialization"),
        ("jwt/json-serialization", "token.json_serialization"),
        // The same text is a compact token to one reader and JSON to another.
        ("attacks/json-and-compact", "base64.character"),
    ]);
}

#[test]
fn encrypted_tokens_are_not_signed_ones_cve_2023_51774() {
    refused(&[
        ("attacks/jwe-plain-within", "token.encrypted"),
        ("attacks/alg-dir", "token.algorithm_unknown"),
        ("attacks/alg-rsa1-5", "token.algorithm_unknown"),
    ]);
    let mut request = case("jwt/ok").request;
    request["token"] = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..AAAA.AAAA.AAAA".into();
    assert_eq!(code_of(&request), "token.encrypted");
}

#[test]
fn a_token_cannot_ask_for_iterations_or_decompression() {
    refused(&[
        ("attacks/jwe-pbes2-count", "token.encrypted"),
        ("attacks/alg-pbes2", "token.algorithm_unknown"),
        ("attacks/jwe-zip", "token.encrypted"),
        ("attacks/payload-deflated", "json.utf8"),
    ]);
}

#[test]
fn many_dots_and_huge_tokens_cve_2025_27144_cve_2025_30204() {
    refused(&[
        ("jws/dots-10000", "token.parts_too_many"),
        ("jws/token-plus-dots", "token.parts_too_many"),
        ("jws/long-bad-signature", "token.too_large"),
    ]);
}

#[test]
fn weak_keys_are_refused() {
    refused(&[
        ("jws/rsa-e-1", "key.rsa_exponent"),
        ("jws/hs512-key-of-32-bytes", "key.mac_key_too_short"),
        ("jws/ec-not-on-curve", "key.not_on_curve"),
        ("jws/ec-zero-point", "key.not_on_curve"),
    ]);
}

#[test]
fn what_a_key_is_for_is_kept() {
    refused(&[
        ("jws/key-ops-sign-only", "key.operations"),
        ("jws/key-ops-empty", "key.operations"),
        ("jws/key-alg-mismatch-size", "key.algorithm_other"),
        ("jws/alg-kty-mismatch", "key.algorithm_mismatch"),
        ("at-jwt/key-alg-pinned", "key.algorithm_other"),
        ("attacks/ps256-key-for-rs256", "key.algorithm_other"),
    ]);
    let mut request = case("jwt/ok").request;
    for key in request["keys"]["keys"].as_array_mut().expect("keys") {
        key["use"] = "enc".into();
    }
    assert_eq!(code_of(&request), "key.use");
}

#[test]
fn one_kind_of_token_is_not_another() {
    refused(&[
        ("at-jwt/typ-jwt", "token.type_mismatch"),
        ("at-jwt/typ-dpop", "token.type_mismatch"),
        ("at-jwt/typ-wit", "token.type_mismatch"),
        ("at-jwt/typ-logout", "token.type_mismatch"),
        ("at-jwt/typ-missing", "token.type_missing"),
    ]);
}
