//! The Transaction Token Service: its keys change under it, and a token is handed out only once everything else is known.

use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use portcullis_gate::{Answer, IssueKind};
use portcullis_types::base64url;

use super::*;

const ENDPOINT: &str = "https://tts.example/token";
const KEYS: &str = "https://tts.example/jwks";
const EDGE: &str = "spiffe://prod.example/edge";
const FRESH: &str = "q4fW0kQ2N0mYb1uV5s8x7A";

fn key(number: u8) -> SigningKey {
    SigningKey::from_slice(&[number; 32]).unwrap()
}

fn jwk(number: u8, more: &str) -> String {
    let point = key(number).verifying_key().to_sec1_point(false);
    let (x, y) = (base64url::encode(point.x().unwrap()), base64url::encode(point.y().unwrap()));
    format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"{more}}}"#)
}

fn signed(number: u8, header: &str, claims: &str) -> String {
    let input = format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(claims.as_bytes()));
    let signature: Signature = key(number).sign(input.as_bytes());
    format!("{input}.{}", base64url::encode(&signature.to_bytes()))
}

/// A service of which everything is at hand but its own keys.
fn service() -> Gate {
    let (wit, idp) = (jwk(2, r#","kid":"w","use":"wit-svid""#), jwk(1, r#","kid":"a""#));
    gate(&format!(
        r#"{{"origins": ["https://tts.example"],
            "issuers": [{{"name": "corp", "issuer": "{ISSUER}", "audience": ["{API}"], "keys": {{"keys": [{idp}]}}}}],
            "trust_domains": [{{"name": "prod.example", "bundle": {{"keys": [{wit}]}}}}],
            "transaction_tokens": {{"trust_domain": "prod.example", "keys": "{KEYS}", "service": {{
                "endpoint": "{ENDPOINT}", "workloads": [{{"spiffe_id": ["{EDGE}"]}}]}}}},
            "listeners": [{{"name": "tts", "address": "127.0.0.1:1", "serves": "transactions"}}]}}"#
    ))
}

fn published(keys: &[(u8, &str)]) -> String {
    let keys: Vec<String> = keys.iter().map(|(number, kid)| jwk(*number, &format!(r#","kid":"{kid}""#))).collect();
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

fn user() -> String {
    let exp = NOW + 3_600;
    let claims = format!(
        r#"{{"iss":"{ISSUER}","aud":"{API}","sub":"alice","client_id":"app","jti":"1","iat":{NOW},"exp":{exp},"scope":"a b"}}"#
    );
    signed(1, r#"{"alg":"ES256","kid":"a","typ":"at+jwt"}"#, &claims)
}

fn transaction(number: u8, kid: &str) -> String {
    let exp = NOW + 300;
    let claims = format!(
        r#"{{"iat":{NOW},"exp":{exp},"aud":"prod.example","txn":"t-1","sub":"alice","scope":"a b","req_wl":"{EDGE}"}}"#
    );
    signed(number, &format!(r#"{{"alg":"ES256","kid":"{kid}","typ":"txntoken+jwt"}}"#), &claims)
}

/// A request with a subject token of a kind, with an identity token and a proof of this identifier.
fn asks(proof: &str, kind: &str, subject: &str) -> Request {
    let confirmed = jwk(3, r#","alg":"ES256""#);
    let claims = format!(r#"{{"sub":"{EDGE}","exp":{},"cnf":{{"jwk":{confirmed}}}}}"#, NOW + 3_600);
    let wit = signed(2, r#"{"alg":"ES256","kid":"w","typ":"wit+jwt"}"#, &claims);
    let wth = base64url::encode(&portcullis_crypto::sha256(wit.as_bytes()));
    let claims = format!(r#"{{"aud":"{ENDPOINT}","exp":{},"iat":{NOW},"jti":"{proof}","wth":"{wth}"}}"#, NOW + 60);
    let proof = signed(3, r#"{"alg":"ES256","typ":"wpt+jwt"}"#, &claims);
    let types = "urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3A";
    let body = format!(
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&requested_token_type={types}txn_token\
         &audience=prod.example&scope=a&subject_token={subject}&subject_token_type={types}{kind}"
    );
    let header =
        |name: &str, value: &str| portcullis_gate::Header { name: name.into(), value: value.as_bytes().to_vec() };
    Request {
        method: "POST".into(),
        url: ENDPOINT.into(),
        headers: vec![
            header("Content-Type", "application/x-www-form-urlencoded"),
            header("Workload-Identity-Token", &wit),
            header("Authorization", &format!("WPT {proof}")),
        ],
        body: Some(body.into_bytes()),
        listener: Some("tts".into()),
        fresh: Some(FRESH.into()),
        ..Request::default()
    }
}

/// The one need of a step: that a proof is remembered.
fn remembers(step: Step) -> u32 {
    match step {
        Step::Needs(needs) => match needs.as_slice() {
            [Need { id, what: Wanted::Remember(remember) }] if remember.identifier == "p" => *id,
            other => panic!("the proof is remembered: {other:#?}"),
        },
        Step::Decided(decision) => panic!("{decision:#?}"),
    }
}

#[test]
fn a_token_is_handed_out_once_the_proof_is_remembered() {
    let gate = service();
    let request = asks("p", "access_token", &user());
    let mut evaluation = gate.start(request.clone(), NOW);
    let id = remembers(evaluation.step(NOW));
    evaluation.answer(&[(id, Answer::Fresh)], NOW + 2);
    let decision = decided(evaluation.step(NOW + 2));
    assert_eq!(told(&decision), ALLOWED);
    let issue = decision.issue.expect("a token");
    assert_eq!((issue.kind, issue.scope.as_str(), issue.issued_at), (IssueKind::Transaction, "a", NOW + 2));
    assert!(issue.access.claims.contains(FRESH) && !issue.access.claims.contains(&user()), "{issue:?}");
    assert_eq!(decision.transaction.map(|made| made.id).as_deref(), Some(FRESH));
    assert!(decision.upstream_set.is_empty() && decision.upstream_strip.is_empty());
    for (answer, wanted) in [
        (Answer::Seen, (401, Some("wimse.proof_replayed"))),
        (Answer::Unavailable, (503, Some("replay.unavailable"))),
        (Answer::Full, (503, Some("replay.full"))),
    ] {
        let mut evaluation = gate.start(request.clone(), NOW);
        let id = remembers(evaluation.step(NOW));
        evaluation.answer(&[(id, answer)], NOW);
        let decision = decided(evaluation.step(NOW));
        assert_eq!(told(&decision), wanted);
        assert!(decision.issue.is_none(), "{decision:#?}");
    }
}

#[test]
fn what_is_denied_uses_no_proof_up() {
    let gate = service();
    let request = asks("p", "access_token", "a.b.c");
    let mut evaluation = gate.start(request, NOW);
    assert_eq!(decided(evaluation.step(NOW)).status, 400);
    let mut evaluation = gate.start(asks("p", "access_token", &user()), NOW);
    remembers(evaluation.step(NOW));
}

#[test]
fn tokens_of_a_newer_key_are_replaced_once_it_is_published() {
    let gate = service();
    let mut host = Host::with(&[(KEYS, published(&[(4, "t1")]))]);
    let old = |proof: &str| asks(proof, "txn_token", &transaction(4, "t1"));
    let new = |proof: &str| asks(proof, "txn_token", &transaction(5, "t2"));
    assert_eq!(host.asking(&gate, &old("1"), NOW), (ALLOWED, vec![KEYS.into()]));
    assert_eq!(host.asking(&gate, &new("2"), NOW + 1).0, (400, Some("key.unknown")));
    host.documents.insert(KEYS.into(), published(&[(5, "t2"), (4, "t1")]));
    // Looked for once somebody names it, after a rest.
    assert_eq!(host.asking(&gate, &new("2"), NOW + 40), (ALLOWED, vec![KEYS.into()]));
    assert_eq!(host.asking(&gate, &old("3"), NOW + 41), (ALLOWED, vec![]));
    // A key that is gone signs for nobody.
    assert!(give(&gate, KEYS, body(&published(&[(5, "t2")])), NOW + 50, NOW + 50).is_empty());
    assert_eq!(host.asking(&gate, &old("4"), NOW + 51).0, (400, Some("key.unknown")));
}
