//! The attack classes that apply to DPoP proofs, each with a test of its name. The corpus has the twelve checks.

mod support;

use portcullis_crypto::Algorithm;
use portcullis_token::dpop::{self, Expectations, Request, VerifiedProof};
use portcullis_types::{Rejection, base64url};
use support::*;

const AT: u64 = 1_790_000_000;
const URL: &str = "https://api.example/a";
const CLAIMS: &str = r#"{"jti":"1","htm":"GET","htu":"https://api.example/a","iat":1790000000}"#;

fn header() -> String {
    format!(r#"{{"typ":"dpop+jwt","alg":"EdDSA","jwk":{}}}"#, jwk())
}

fn verify(headers: &[(&str, &[u8])], expect: &Expectations<'_>) -> Result<VerifiedProof, Rejection> {
    dpop::verify(&Request { headers, method: "GET", url: URL }, expect, AT, &backend())
}

fn code_of(proof: &str, expect: &Expectations<'_>) -> &'static str {
    verify(&[("DPoP", proof.as_bytes())], expect).map_or_else(|rejection| rejection.code(), |_| "accepted")
}

fn code(proof: &str) -> &'static str {
    code_of(proof, &Expectations::default())
}

#[test]
fn a_good_proof_is_accepted() {
    let verified = verify(&[("DPoP", jws(&header(), CLAIMS).as_bytes())], &Expectations::default()).unwrap();
    assert_eq!((verified.id.as_str(), verified.target.as_str()), ("1", URL));
    assert_eq!(verified.algorithm, Algorithm::EdDsa);
    assert_eq!(verified.jkt(), base64url::encode(&verified.thumbprint));
}

#[test]
fn exactly_one_header_field() {
    let proof = jws(&header(), CLAIMS);
    let ok = proof.as_bytes();
    let joined = format!("{proof}, {proof}");
    let code = |headers: &[(&str, &[u8])]| {
        verify(headers, &Expectations::default()).map_or_else(|rejection| rejection.code(), |_| "accepted")
    };
    assert_eq!(code(&[("host", b"a"), ("dPoP", ok), ("DPoP-Nonce", b"x")]), "accepted");
    assert_eq!(code(&[]), "dpop.missing");
    assert_eq!(code(&[("DPoP ", ok)]), "dpop.missing");
    assert_eq!(code(&[("DPoP", ok), ("dpop", ok)]), "dpop.repeated");
    assert_eq!(code(&[("DPoP", ok), ("DPOP", b"")]), "dpop.repeated");
    assert_eq!(code(&[("DPoP", joined.as_bytes())]), "dpop.list");
    assert_eq!(code(&[("DPoP", b",")]), "dpop.list");
    assert_eq!(code(&[("DPoP", br#"{"payload":"e30","signatures":[]}"#)]), "token.json_serialization");
    assert_eq!(code(&[("DPoP", format!(" {proof}").as_bytes())]), "base64.whitespace");
    assert_eq!(code(&[("DPoP", &vec![b'a'; 256 * 1024 + 1])]), "token.too_large");
}

#[test]
fn alg_none_in_every_spelling() {
    for alg in ["none", "None", "NONE", "nOnE"] {
        let header = format!(r#"{{"typ":"dpop+jwt","alg":"{alg}","jwk":{}}}"#, jwk());
        assert_eq!(code(&jws(&header, CLAIMS)), "token.algorithm_none");
        let unsigned = jws(&header, CLAIMS);
        assert_eq!(code(&unsigned[..=unsigned.rfind('.').unwrap()]), "token.algorithm_none");
    }
}

/// Whoever can verify a MAC can make it: a proof with one proves nothing, and no list makes it do so.
#[test]
fn a_symmetric_proof_proves_nothing() {
    let oct = format!(r#"{{"kty":"oct","k":"{}"}}"#, base64url::encode(&SECRET));
    let header = format!(r#"{{"typ":"dpop+jwt","alg":"HS256","jwk":{oct}}}"#);
    let input = format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(CLAIMS.as_bytes()));
    let proof = format!("{input}.{}", base64url::encode(&hmac_sha256(&SECRET, input.as_bytes())));
    assert_eq!(code(&proof), "token.algorithm_mac");
    let listed = Expectations { algorithms: Some(&[Algorithm::Hs256, Algorithm::EdDsa]), ..Expectations::default() };
    assert_eq!(code_of(&proof, &listed), "token.algorithm_mac");
    let header = format!(r#"{{"typ":"dpop+jwt","alg":"EdDSA","jwk":{oct}}}"#);
    assert_eq!(code(&jws(&header, CLAIMS)), "key.algorithm_mismatch");
    let only = Expectations { algorithms: Some(&[Algorithm::Es256]), ..Expectations::default() };
    assert_eq!(code_of(&jws(&self::header(), CLAIMS), &only), "token.algorithm_not_accepted");
}

/// A key that comes with the proof passes every check that a configured key passes.
#[test]
fn the_embedded_key_is_judged_like_any_other() {
    let with = |jwk: &str| code(&jws(&format!(r#"{{"typ":"dpop+jwt","alg":"EdDSA","jwk":{jwk}}}"#), CLAIMS));
    let x = base64url::encode(signing_key().verifying_key().as_bytes());
    let d = base64url::encode(signing_key().as_bytes());
    assert_eq!(with(&format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#)), "accepted");
    for (more, wanted) in [
        (format!(r#""d":"{d}""#), "key.private"),
        (r#""d":null"#.into(), "key.private"),
        (r#""use":"enc""#.into(), "key.use"),
        (r#""key_ops":["sign"]"#.into(), "key.operations"),
        (r#""alg":"ES256""#.into(), "key.algorithm_other"),
        (format!(r#""x":"{x}""#), "json.duplicate_name"),
        (r#""kty":"OKP""#.into(), "json.duplicate_name"),
    ] {
        assert_eq!(with(&format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}",{more}}}"#)), wanted, "{more}");
    }
    let zero = base64url::encode(&[0; 32]);
    assert_eq!(with(&format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{zero}"}}"#)), "key.ed25519_small_order");
    for (jwk, wanted) in [
        ("null", "dpop.key_type"),
        ("[]", "dpop.key_type"),
        ("\"a\"", "dpop.key_type"),
        ("{}", "key.member_missing"),
        (r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#, "key.rsa_size"),
        (r#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#, "key.coordinate_length"),
    ] {
        assert_eq!(with(jwk), wanted, "{jwk}");
    }
}

/// CVE-2018-0114 the other way round: here the key does come from the token, and nothing else does.
#[test]
fn keys_named_by_the_header_are_never_used() {
    let without_jwk = r#"{"typ":"dpop+jwt","alg":"EdDSA","jku":"https://attacker.example","x5u":"https://attacker.example","kid":"ed"}"#;
    assert_eq!(code(&jws(without_jwk, CLAIMS)), "dpop.key_missing");
}

#[test]
fn another_kind_of_token_is_no_proof() {
    for (typ, wanted) in [
        (r#""typ":"dpop+jwt","#, "accepted"),
        (r#""typ":"application/dpop+jwt","#, "accepted"),
        (r#""typ":"JWT","#, "token.type_mismatch"),
        (r#""typ":"at+jwt","#, "token.type_mismatch"),
        (r#""typ":"text/dpop+jwt","#, "token.type_mismatch"),
        (r#""typ":1,"#, "token.type_type"),
        ("", "token.type_missing"),
    ] {
        let header = format!(r#"{{{typ}"alg":"EdDSA","jwk":{}}}"#, jwk());
        assert_eq!(code(&jws(&header, CLAIMS)), wanted, "{typ}");
    }
}

#[test]
fn unknown_critical_extensions_refuse() {
    for crit in [r#""crit":["x"],"x":1"#, r#""crit":["b64"],"b64":true"#] {
        let header = format!(r#"{{"typ":"dpop+jwt","alg":"EdDSA","jwk":{},{crit}}}"#, jwk());
        assert_eq!(code(&jws(&header, CLAIMS)), "token.critical_unknown");
    }
}

/// CVE-2026-25537: a claim of the wrong type is never taken as absent.
#[test]
fn claims_of_a_wrong_type_are_never_absent() {
    let claims = |more: &str| format!(r#"{{"jti":"1","htm":"GET","htu":"{URL}","iat":{AT}{more}}}"#);
    let proof = |more: &str| jws(&header(), &claims(more));
    assert_eq!(code(&proof("")), "accepted");
    assert_eq!(code(&proof(r#","nonce":5"#)), "dpop.nonce_type");
    assert_eq!(code(&proof(r#","nonce":null"#)), "token.claim_null");
    assert_eq!(code(&proof(r#","ath":5"#)), "dpop.claim_type");
    assert_eq!(code(&proof(r#","ath":null"#)), "token.claim_null");
    assert_eq!(code(&proof(r#","exp":"1""#)), "token.expires_type");
    assert_eq!(code(&proof(&format!(r#","exp":{AT}"#))), "token.expired");
    assert_eq!(code(&proof(&format!(r#","nbf":{}"#, AT + 1))), "token.not_yet_valid");
    assert_eq!(code(&proof(r#","htu":"https://other.example""#)), "json.duplicate_name");
    for (claims, wanted) in [
        (r#"{"jti":"","htm":"GET","htu":"https://api.example/a","iat":1790000000}"#, "dpop.id_empty"),
        (r#"{"htm":"GET","htu":"https://api.example/a","iat":1790000000}"#, "dpop.claim_missing"),
        (r#"{"jti":"1","htm":"GET","htu":"https://api.example/a"}"#, "dpop.claim_missing"),
        (r#"{"jti":"1","htm":["GET"],"htu":"https://api.example/a","iat":1790000000}"#, "dpop.claim_type"),
        (r#"{"jti":"1","htm":"GET","htu":null,"iat":1790000000}"#, "token.claim_null"),
    ] {
        assert_eq!(code(&jws(&header(), claims)), wanted, "{claims}");
    }
}

#[test]
fn the_window_reaches_both_ways_and_holds_its_ends() {
    let at = |iat: &str| jws(&header(), &format!(r#"{{"jti":"1","htm":"GET","htu":"{URL}","iat":{iat}}}"#));
    for (iat, wanted) in [
        ("1789999700", "accepted"),
        ("1789999699", "dpop.too_old"),
        ("1789999699.9", "dpop.too_old"),
        ("0", "dpop.too_old"),
        ("1790000300", "accepted"),
        ("1790000300.5", "dpop.in_future"),
        ("1790000301", "dpop.in_future"),
        ("9007199254740991", "dpop.in_future"),
        ("9007199254740992", "token.issued_at_type"),
        ("-1", "token.issued_at_type"),
    ] {
        assert_eq!(code(&at(iat)), wanted, "{iat}");
    }
    let none = Expectations { window: 0, ..Expectations::default() };
    assert_eq!(code_of(&at("1790000000"), &none), "accepted");
    assert_eq!(code_of(&at("1789999999"), &none), "dpop.too_old");
    let all = Expectations { window: u64::MAX, ..Expectations::default() };
    assert_eq!(code_of(&at("0"), &all), "accepted");
}

#[test]
fn a_proof_goes_with_its_token_its_key_and_its_nonce() {
    let token = "an-access-token";
    let ath = base64url::encode(&portcullis_crypto::sha256(token.as_bytes()));
    let with = |more: &str| jws(&header(), &format!(r#"{{"jti":"1","htm":"GET","htu":"{URL}","iat":{AT}{more}}}"#));
    let proof = with(&format!(r#","ath":"{ath}""#));
    let expect = Expectations { access_token: Some(token), ..Expectations::default() };
    assert_eq!(code_of(&proof, &expect), "accepted");
    assert_eq!(code_of(&with(""), &expect), "dpop.token_hash_missing");
    let other = Expectations { access_token: Some("another"), ..Expectations::default() };
    assert_eq!(code_of(&proof, &other), "dpop.token_hash_mismatch");

    let thumbprint = verify(&[("DPoP", proof.as_bytes())], &expect).unwrap().thumbprint;
    let bound = |thumbprint| Expectations { thumbprint: Some(thumbprint), ..expect };
    assert_eq!(code_of(&proof, &bound(thumbprint)), "accepted");
    assert_eq!(code_of(&proof, &bound([0; 32])), "dpop.key_mismatch");

    let nonces = Expectations { nonces: &["old", "new"], ..Expectations::default() };
    assert_eq!(code_of(&with(r#","nonce":"old""#), &nonces), "accepted");
    assert_eq!(code_of(&with(r#","nonce":"new""#), &nonces), "accepted");
    for (more, wanted) in [("", "dpop.nonce_missing"), (r#","nonce":"NEW""#, "dpop.nonce_mismatch")] {
        let refused = verify(&[("DPoP", with(more).as_bytes())], &nonces).unwrap_err();
        assert_eq!(refused.code(), wanted);
        assert!(dpop::wants_nonce(&refused));
    }
    assert!(!dpop::wants_nonce(&verify(&[], &nonces).unwrap_err()));
}

#[test]
fn a_proof_is_used_once() {
    let seen = |seen| Expectations { seen, ..Expectations::default() };
    assert_eq!(code_of(&jws(&header(), CLAIMS), &seen(&["0", "11"])), "accepted");
    assert_eq!(code_of(&jws(&header(), CLAIMS), &seen(&["0", "1"])), "dpop.replayed");
}

#[test]
fn the_method_is_the_requests_own() {
    for (htm, wanted) in [
        ("GET", "accepted"),
        ("get", "dpop.method_case"),
        ("POST", "dpop.method_mismatch"),
        ("", "dpop.method_mismatch"),
        ("GET ", "dpop.method_mismatch"),
    ] {
        let claims = format!(r#"{{"jti":"1","htm":"{htm}","htu":"{URL}","iat":{AT}}}"#);
        assert_eq!(code(&jws(&header(), &claims)), wanted, "{htm}");
    }
}
