//! Status lists whose signer a certificate vouches for: `status_keys` with anchors and a purpose.
//!
//! `certificates/root.pem` signed both others with OpenSSL: `signer.pem` for the purpose 1.3.6.1.5.5.7.3.999, and
//! `other-purpose.pem` for TLS servers. Their key is number 20 of the tests.

mod support;

use portcullis_svid::pem;
use support::*;

const ROOT: &str = include_str!("certificates/root.pem");
const SIGNER: &str = include_str!("certificates/signer.pem");
const OTHER: &str = include_str!("certificates/other-purpose.pem");
const PURPOSE: &str = "1.3.6.1.5.5.7.3.999";

/// A time at which the certificates are valid: January 2027.
const THEN: u64 = 1_800_000_000;

fn with_anchors(purpose: &str) -> String {
    let anchors = ROOT.replace('\n', "\\n");
    policy(&format!(r#","profile":"jwt","status_keys":{{"anchors":"{anchors}","purpose":"{purpose}"}}"#), "")
}

/// A list that brings certificates along.
fn list(key: u8, certificates: &[&str], value: u8) -> String {
    let ders = certificates.iter().flat_map(|text| pem::decode_chain(text).unwrap());
    let x5c: Vec<String> = ders.map(|der| format!("\"{}\"", base64(&der))).collect();
    let header = format!(r#"{{"alg":"Ed25519","typ":"statuslist+jwt","x5c":[{}]}}"#, x5c.join(","));
    let lst = portcullis_types::base64url::encode(&zlib_stored(&[value]));
    let claims = format!(r#"{{"sub":"{LIST}","iat":{},"status_list":{{"bits":8,"lst":"{lst}"}}}}"#, THEN - 5);
    sign(key, &header, &claims)
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn token() -> String {
    let status = format!(r#""status":{{"status_list":{{"idx":0,"uri":"{LIST}"}}}}"#);
    let claims = format!(r#"{{"iss":"{ISSUER}","aud":"{API}","sub":"alice","exp":{},{status}}}"#, THEN + 600);
    sign(1, r#"{"alg":"Ed25519","kid":"a"}"#, &claims)
}

fn ask(list: &str, purpose: &str, at: u64) -> (u16, Option<&'static str>, String) {
    let gate = gate(&with_anchors(purpose));
    let mut host = Host::with(&[(JWKS, jwks(&[(1, "a")])), (LIST, list.into())]);
    let authorization = format!("Bearer {}", token());
    let decision = host.decide(&gate, &get("/reports/7", &[("Authorization", &authorization)]), at);
    let detail = decision.findings.first().map(|finding| finding.detail().into()).unwrap_or_default();
    (decision.status, decision.code(), detail)
}

#[test]
fn a_list_counts_whose_signer_is_certified_for_it() {
    assert_eq!(ask(&list(20, &[SIGNER], 0), PURPOSE, THEN).0, 200);
    assert_eq!(ask(&list(20, &[SIGNER, ROOT], 0), PURPOSE, THEN).0, 200);
    assert_eq!(ask(&list(20, &[SIGNER], 1), PURPOSE, THEN).1, Some("status.revoked"));
}

#[test]
fn every_other_list_says_nothing() {
    for (what, list, purpose, at, wanted) in [
        ("another purpose", list(20, &[OTHER], 0), PURPOSE, THEN, "svid.purpose_missing"),
        ("the purpose of another", list(20, &[SIGNER], 0), "1.3.6.1.5.5.7.3.1", THEN, "svid.purpose_missing"),
        ("another key than the certificate's", list(19, &[SIGNER], 0), PURPOSE, THEN, "crypto.signature_invalid"),
        ("the issuer's own key", status_list(1, "a", LIST, &[0], THEN - 5, ""), PURPOSE, THEN, "token.x5c_malformed"),
        ("no certificate", list(20, &[], 0), PURPOSE, THEN, "token.x5c_malformed"),
        ("an authority's own", list(21, &[ROOT], 0), PURPOSE, THEN, "svid.leaf_signing_certificate"),
        ("before its time", list(20, &[SIGNER], 0), PURPOSE, 1_795_000_000, "svid.authority_not_yet_valid"),
    ] {
        let (status, code, detail) = ask(&list, purpose, at);
        assert_eq!((status, code), (503, Some("status.list_refused")), "{what}: {detail}");
        assert!(detail.starts_with(wanted), "{what}: {detail}");
    }
}

#[test]
fn anchors_that_say_nothing_clear_are_refused() {
    let anchors = ROOT.replace('\n', "\\n");
    for keys in [
        format!(r#"{{"anchors":"{anchors}"}}"#),
        format!(r#"{{"purpose":"{PURPOSE}"}}"#),
        "{}".into(),
        format!(r#"{{"anchors":"{anchors}","purpose":"{PURPOSE}","keys":[]}}"#),
        format!(r#"{{"anchors":"{anchors}","purpose":"status"}}"#),
        format!(r#"{{"anchors":"nothing","purpose":"{PURPOSE}"}}"#),
    ] {
        let text = policy(&format!(r#","status_keys":{keys}"#), "");
        let errors =
            portcullis_gate::Gate::load(&text, portcullis_gate::policy::Format::Json, backend()).err().unwrap();
        assert_eq!(errors[0].code(), "policy.keys_malformed", "{keys}");
        assert_eq!(errors.len(), 1);
    }
}
