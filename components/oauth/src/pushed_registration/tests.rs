//! What the corpus does not show: what clients are told, and what stands beside the rules.

use alloc::{borrow::ToOwned, boxed::Box, format, rc::Rc, string::String, vec::Vec};

use ed25519_dalek::{Signer, SigningKey};
use portcullis_client::Challenge;
use portcullis_crypto::{Backend, CryptoCode, Failed, KeySet, Origin, PreparedKey, PublicKey, Scheme, SoftwareBackend};
use portcullis_types::{
    Rejection, base64url,
    json::{self, Object},
    trace::{Findings, Outcome, Silent},
};

use super::*;

const AT: u64 = 1_790_000_000;
const URL: &str = "https://as.example/par";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

const GOOD: [(&str, &str); 6] = [
    ("client_id", CLIENT_ID),
    ("response_type", "code"),
    ("redirect_uri", "https://a.example/cb"),
    ("state", "s"),
    ("code_challenge", CHALLENGE),
    ("code_challenge_method", "S256"),
];

fn backend() -> Rc<dyn Backend> {
    Rc::new(SoftwareBackend::default())
}

fn jwk(key: &SigningKey) -> String {
    format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, base64url::encode(key.verifying_key().as_bytes()))
}

fn sign(key: &SigningKey, header: &str, claims: &str) -> String {
    let input = format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(claims.as_bytes()));
    format!("{input}.{}", base64url::encode(&key.sign(input.as_bytes()).to_bytes()))
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

fn publisher() -> SigningKey {
    SigningKey::from_bytes(&[3; 32])
}

fn proof(url: &str) -> String {
    let header = format!(r#"{{"typ":"dpop+jwt","alg":"EdDSA","jwk":{}}}"#, jwk(&key()));
    sign(&key(), &header, &format!(r#"{{"jti":"j","htm":"POST","htu":"{url}","iat":{AT}}}"#))
}

fn policy(text: &str) -> Result<PushPolicy, Rejection> {
    let policy = json::parse_object(text.as_bytes()).unwrap();
    PushPolicy::from_object(&policy, |jwks| KeySet::from_object(jwks, &backend()).map(Rc::new))
}

/// A policy of one host, with more members.
fn open(more: &str) -> PushPolicy {
    let vouched = if more.contains("vouched_by") { "" } else { r#","vouched_by":"nobody""# };
    policy(&format!(r#"{{"enabled":true,"redirect_hosts":["a.example"],"scopes":["read"]{vouched}{more}}}"#)).unwrap()
}

/// The usual request, with a parameter in the place of the one of its name, or besides.
fn with<'f>(name: &'f str, value: &'f str) -> Vec<(&'f str, &'f str)> {
    let others = GOOD.iter().copied().filter(|(other, _)| *other != name);
    others.chain([(name, value)]).collect()
}

fn judged(form: &[(&str, &str)], policy: &PushPolicy, expect: &Expectations<'_>) -> Result<Pushed, Refused> {
    let proof = proof(URL);
    let headers = [("DPoP", proof.as_bytes())];
    let request = Request { headers: &headers, method: "POST", url: URL, form, certificate: None };
    verify(&request, policy, expect, AT, &backend())
}

fn told(form: &[(&str, &str)], policy: &PushPolicy) -> (&'static str, u16, &'static str) {
    let refused = judged(form, policy, &Expectations::default()).unwrap_err();
    (refused.rejection.code(), refused.answer.status, refused.answer.error)
}

#[test]
fn a_client_is_told_what_its_documents_have_for_it() {
    let open = open(r#","metadata":["client_name","redirect_uris"]"#);
    assert!(judged(&GOOD, &open, &Expectations::default()).is_ok());
    assert_eq!(told(&GOOD, &PushPolicy::off()), ("par.disabled", 401, "invalid_client"));
    for (name, value, code, error) in [
        ("client_id", "c", "par.client_id_other", "invalid_request"),
        ("request_uri", "urn:x", "par.request_uri_present", "invalid_request"),
        ("response_type", "", "par.response_type_missing", "invalid_request"),
        ("response_type", "token", "par.response_type_not_permitted", "unsupported_response_type"),
        ("state", "", "par.state_missing", "invalid_request"),
        ("redirect_uri", "https://b.example/", "par.redirect_host_not_permitted", "invalid_request"),
        ("code_challenge_method", "plain", "par.code_challenge_method", "invalid_request"),
        ("scope", "write", "par.scope_not_permitted", "invalid_scope"),
        ("client_registration", "[]", "par.registration_malformed", "invalid_client_metadata"),
        ("client_registration", r#"{"scope":"read"}"#, "par.metadata_not_permitted", "invalid_client_metadata"),
        (
            "client_registration",
            r#"{"redirect_uris":["https://b.example/"]}"#,
            "par.redirect_host_not_permitted",
            "invalid_redirect_uri",
        ),
        ("dpop_jkt", "AAAA", "par.dpop_jkt_form", "invalid_request"),
        ("dpop_jkt", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "par.dpop_jkt_mismatch", "invalid_dpop_proof"),
    ] {
        assert_eq!(told(&with(name, value), &open), (code, 400, error));
    }
}

#[test]
fn another_method_is_told_the_right_one() {
    let request = Request { headers: &[], method: "GET", url: URL, form: &GOOD, certificate: None };
    let refused = verify(&request, &open(""), &Expectations::default(), AT, &backend()).unwrap_err();
    assert_eq!((refused.answer.status, refused.answer.error), (405, "invalid_request"));
    assert_eq!(refused.answer.headers, [("Allow", "POST".to_owned())]);
}

#[test]
fn a_nonce_that_is_missing_is_given() {
    let expect = Expectations { nonces: &["n-1", "n-0"], ..Expectations::default() };
    let refused = judged(&GOOD, &open(""), &expect).unwrap_err();
    assert_eq!((refused.answer.status, refused.answer.error), (400, "use_dpop_nonce"));
    assert_eq!(refused.answer.headers, [("DPoP-Nonce", "n-1".to_owned())]);
    let unfit = Expectations { nonces: &["n\r\n1"], ..Expectations::default() };
    assert_eq!(judged(&GOOD, &open(""), &unfit).unwrap_err().answer.headers, []);
}

#[test]
fn an_attestation_brings_its_own_answer() {
    let attesters = format!(r#"{{"keys":[{}]}}"#, jwk(&publisher()));
    let policy =
        open(&format!(r#","server":"https://as.example","vouched_by":{{"attestation":{{"attesters":{attesters}}}}}"#));
    let cnf = jwk(&key());
    let claims = format!(r#"{{"sub":"{CLIENT_ID}","exp":1790003600,"cnf":{{"jwk":{cnf}}}}}"#);
    let attestation = sign(&publisher(), r#"{"alg":"EdDSA","typ":"oauth-client-attestation+jwt"}"#, &claims);
    let header = r#"{"alg":"EdDSA","typ":"oauth-client-attestation-pop+jwt"}"#;
    let pop = sign(&key(), header, &format!(r#"{{"aud":"https://as.example","jti":"p","iat":{AT}}}"#));
    let headers =
        [("OAuth-Client-Attestation", attestation.as_bytes()), ("OAuth-Client-Attestation-PoP", pop.as_bytes())];
    let request = Request { headers: &headers, method: "POST", url: URL, form: &GOOD, certificate: None };
    let challenges = [Challenge::parse("c1").unwrap()];
    let expect = Expectations { challenges: &challenges, ..Expectations::default() };
    let refused = verify(&request, &policy, &expect, AT, &backend()).unwrap_err();
    assert_eq!(refused.answer.error, "use_attestation_challenge");
    assert_eq!(refused.answer.headers, [("OAuth-Client-Attestation-Challenge", "c1".to_owned())]);
    assert_eq!(told(&GOOD, &policy), ("par.voucher_missing", 401, "invalid_client"));
}

#[test]
fn a_statement_is_told_apart_from_what_it_says() {
    let keys = format!(r#"{{"keys":[{}]}}"#, jwk(&publisher()));
    let policy =
        open(&format!(r#","vouched_by":{{"software_statement":{{"keys":{keys},"issuer":"p","software_ids":["s"]}}}}"#));
    let judged = |claims: &str| {
        let statement = sign(&publisher(), r#"{"alg":"EdDSA"}"#, claims);
        let registration = format!(r#"{{"software_statement":"{statement}"}}"#);
        let form = with("client_registration", &registration);
        judged(&form, &policy, &Expectations::default()).map(|_| ()).map_err(|refused| refused.answer.error)
    };
    assert_eq!(judged(r#"{"iss":"p","software_id":"s"}"#), Ok(()));
    assert_eq!(judged(r#"{"iss":"p","software_id":"t"}"#), Err("unapproved_software_statement"));
    assert_eq!(judged(r#"{"iss":"p","software_id":1}"#), Err("unapproved_software_statement"));
    assert_eq!(judged(r#"{"iss":"q","software_id":"s"}"#), Err("invalid_software_statement"));
    assert_eq!(judged(r#"{"iss":"p","software_id":"s","client_name":1}"#), Err("invalid_software_statement"));
    // Whom it is for is nobody's name where the policy has none.
    assert_eq!(judged(r#"{"iss":"p","software_id":"s","aud":""}"#), Err("invalid_software_statement"));
}

#[derive(Debug)]
struct Broken;

impl Backend for Broken {
    fn prepare(&self, _: Scheme, _: &PublicKey, _: Origin) -> Result<Box<dyn PreparedKey>, Failed> {
        Err(Failed)
    }
}

#[test]
fn what_nobody_knows_is_no_fault_of_the_client() {
    let proof = proof(URL);
    let headers = [("DPoP", proof.as_bytes())];
    let request = Request { headers: &headers, method: "POST", url: URL, form: &GOOD, certificate: None };
    let broken: Rc<dyn Backend> = Rc::new(Broken);
    let refused = verify(&request, &open(""), &Expectations::default(), AT, &broken).unwrap_err();
    assert!(refused.rejection.is(CryptoCode::BackendFailed));
    assert_eq!((refused.answer.status, refused.answer.error), (503, "temporarily_unavailable"));
    assert_eq!(refused.answer.headers, [("Retry-After", "5".to_owned())]);
}

#[test]
fn each_check_is_told_in_its_order_and_the_one_that_fails_is_the_last() {
    let proof = proof(URL);
    let headers = [("DPoP", proof.as_bytes())];
    let form = with("scope", "write");
    let request = Request { headers: &headers, method: "POST", url: URL, form: &form, certificate: None };
    let mut findings = Findings::default();
    explain(&request, &open(""), &Expectations::default(), AT, &backend(), &mut findings).unwrap_err();
    let names: Vec<&str> = findings.0.iter().map(|finding| finding.check).collect();
    assert_eq!(
        names,
        [
            "dynamic clients",
            "method",
            "parameters",
            "client_id",
            "no credential",
            "the request itself",
            "response type",
            "state",
            "redirect URI",
            "code challenge",
            "scope",
        ]
    );
    assert!(matches!(&findings.0.last().unwrap().outcome, Outcome::Failed(refused) if refused.is(PushedCode::Scope)));
}

fn pending(key: Option<BoundKey>) -> Pending<'static> {
    Pending {
        request_uri: "urn:example:1",
        expires_at: AT + 90,
        used: false,
        redirect_uri: "https://a.example/cb",
        code_challenge: CodeChallenge::parse(CHALLENGE, Some("S256")).unwrap(),
        key,
    }
}

#[test]
fn the_requests_after_it_are_told_what_their_documents_have() {
    let pending = pending(None);
    let authorized = |parameters: &[(&str, &str)], at| {
        let made = tie_authorization(parameters, &pending, at, &mut Silent);
        made.map_err(|refused| (refused.answer.status, refused.answer.error))
    };
    let good = [("client_id", CLIENT_ID), ("request_uri", "urn:example:1")];
    assert_eq!(authorized(&good, AT), Ok(()));
    assert_eq!(authorized(&good, AT + 90), Err((400, "invalid_request_uri")));
    assert_eq!(authorized(&good[..1], AT), Err((400, "invalid_request_uri")));
    assert_eq!(authorized(&[good[0], good[1], ("state", "s")], AT), Err((400, "invalid_request")));
    // A parameter without a value is one that is left out.
    assert_eq!(authorized(&[good[0], good[1], ("state", "")], AT), Ok(()));

    let token_url = "https://as.example/token";
    let bound = super::tests::pending(Some(BoundKey { key: thumbprint(), proved: false }));
    let token = |form: &[(&str, &str)], url: &str| {
        let proof = proof(url);
        let headers = [("DPoP", proof.as_bytes())];
        let request = Request { headers: &headers, method: "POST", url: token_url, form, certificate: None };
        let made = tie_token(&request, &bound, &Expectations::default(), AT, &backend(), &mut Silent);
        made.map(|tied| tied.confirmation).map_err(|refused| (refused.answer.status, refused.answer.error))
    };
    let good = [("client_id", CLIENT_ID), ("grant_type", "authorization_code"), ("code_verifier", VERIFIER)];
    assert_eq!(token(&good, token_url), Ok(Some(thumbprint().to_confirmation())));
    assert_eq!(token(&good, URL), Err((400, "invalid_dpop_proof")));
    assert_eq!(token(&good[..2], token_url), Err((400, "invalid_request")));
    let other = "a".repeat(43);
    assert_eq!(token(&[good[0], good[1], ("code_verifier", &other)], token_url), Err((400, "invalid_grant")));
    assert_eq!(token(&[good[0], ("grant_type", "password")], token_url), Err((400, "unsupported_grant_type")));
}

fn thumbprint() -> PushedKey {
    let jwk = json::parse_object(jwk(&key()).as_bytes()).unwrap();
    PushedKey::Dpop(portcullis_crypto::jwk::parse_public(&jwk).unwrap().thumbprint())
}

#[test]
fn a_key_comes_back_as_it_was_kept() {
    for key in [PushedKey::Dpop([1; 32]), PushedKey::Certificate([2; 32])] {
        assert_eq!(PushedKey::from_confirmation(&key.to_confirmation()).unwrap(), key);
    }
    let other = Object::from_members(Vec::from([("kid".into(), "a".into())]));
    assert_eq!(PushedKey::from_confirmation(&other).unwrap_err().code(), "cnf.unsupported");
}

#[test]
fn a_policy_is_off_until_it_says_otherwise() {
    assert!(!policy("{}").unwrap().enabled);
    assert_eq!(policy(r#"{"enabled":true}"#).unwrap_err().code(), "par.policy_malformed");
    assert_eq!(open("").metadata_entry(), (SUPPORTED, true));
    let list = |name: &str, count: usize| {
        let list: Vec<json::Value> = (0..count).map(|n| format!("h{n}.example").into()).collect();
        let object = Object::from_members(Vec::from([(name.into(), list.into())]));
        PushPolicy::from_object(&object, |_| unreachable!()).map(|_| ())
    };
    for name in ["redirect_hosts", "scopes", "parameters", "grant_types"] {
        assert!(list(name, MAX_ENTRIES).is_ok());
        assert_eq!(list(name, MAX_ENTRIES + 1).unwrap_err().code(), "par.policy_malformed", "{name}");
    }
}
