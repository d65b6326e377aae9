//! Clients of an authorization server: the store of registrations is the host's, and others may write to it in between.

use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use portcullis_gate::{Answer, Register, RegistrationOutcome};
use portcullis_types::base64url;

use super::*;

const SERVER: &str = "https://as.example";
const AGENT: &str = "spiffe://prod.example/a";

fn key(number: u8) -> SigningKey {
    SigningKey::from_slice(&[number; 32]).unwrap()
}

pub(crate) fn jwk(number: u8, more: &str) -> String {
    let point = key(number).verifying_key().to_sec1_point(false);
    let (x, y) = (base64url::encode(point.x().unwrap()), base64url::encode(point.y().unwrap()));
    format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"{more}}}"#)
}

pub(crate) fn sign(number: u8, header: &str, claims: &str) -> String {
    let input = format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(claims.as_bytes()));
    let signature: Signature = key(number).sign(input.as_bytes());
    format!("{input}.{}", base64url::encode(&signature.to_bytes()))
}

/// A gate of which everything is at hand.
fn clients(more: &str) -> Gate {
    let (jwt, wit) = (jwk(1, r#","kid":"j","use":"jwt-svid""#), jwk(2, r#","kid":"w","use":"wit-svid""#));
    gate(&format!(
        r#"{{"origins": ["{SERVER}"],
            "trust_domains": [{{"name": "prod.example", "bundle": {{"keys": [{jwt}, {wit}]}}}}],
            "clients": {{"server": "{SERVER}", "challenges": false,
                "register": {{"spiffe_id": ["spiffe://prod.example/*"], "lifetime": 100 {more}}}}},
            "listeners": [{{"name": "clients", "address": "127.0.0.1:1", "serves": "clients"}}]}}"#
    ))
}

fn asked(headers: &str, form: &str) -> Request {
    let body =
        format!(r#"{{"request":{{"method":"POST","url":"{SERVER}/token","headers":[{headers}],"form":{{{form}}}}}}}"#);
    Request {
        method: "POST".into(),
        url: "http://127.0.0.1:1/authenticate".into(),
        body: Some(body.into_bytes()),
        listener: Some("clients".into()),
        ..Request::default()
    }
}

fn by_jwt() -> Request {
    let claims = format!(r#"{{"sub":"{AGENT}","aud":["{SERVER}"],"exp":{}}}"#, NOW + 60);
    let svid = sign(1, r#"{"alg":"ES256","kid":"j"}"#, &claims);
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe";
    asked("", &format!(r#""client_assertion_type":"{kind}","client_assertion":"{svid}""#))
}

/// With a proof of its own, and one of DPoP beside it.
fn by_wit() -> Request {
    let confirmed = jwk(3, r#","alg":"ES256""#);
    let claims = format!(r#"{{"sub":"{AGENT}","exp":{},"cnf":{{"jwk":{confirmed}}}}}"#, NOW + 60);
    let wit = sign(2, r#"{"alg":"ES256","kid":"w","typ":"wit+jwt"}"#, &claims);
    let header = r#"{"alg":"ES256","typ":"oauth-client-attestation-pop+jwt"}"#;
    let pop = sign(3, header, &format!(r#"{{"aud":"{SERVER}","jti":"x","iat":{NOW}}}"#));
    let header = format!(r#"{{"alg":"ES256","typ":"dpop+jwt","jwk":{}}}"#, jwk(4, ""));
    let dpop = sign(4, &header, &format!(r#"{{"jti":"x","htm":"POST","htu":"{SERVER}/token","iat":{NOW}}}"#));
    asked(
        &format!(r#"["OAuth-Client-Attestation","{wit}"],["OAuth-Client-Attestation-PoP","{pop}"],["DPoP","{dpop}"]"#),
        "",
    )
}

/// The one need of a step: the record of the agent.
fn loads(step: Step) -> u32 {
    match step {
        Step::Needs(needs) => match needs.as_slice() {
            [Need { id, what: Wanted::Registration(of) }] if of == AGENT => *id,
            other => panic!("the record is asked for: {other:#?}"),
        },
        Step::Decided(decision) => panic!("{decision:#?}"),
    }
}

/// The one need of a step: that a record is stored.
fn stores(step: Step) -> (u32, Register) {
    match step {
        Step::Needs(needs) => match needs.as_slice() {
            [Need { id, what: Wanted::Register(register) }] => (*id, register.clone()),
            other => panic!("a record is to be stored: {other:#?}"),
        },
        Step::Decided(decision) => panic!("{decision:#?}"),
    }
}

fn outcome(decision: &Decision) -> RegistrationOutcome {
    assert_eq!(told(decision), ALLOWED, "{decision:#?}");
    decision.client.as_ref().and_then(|client| client.registration.as_ref()).expect("a registration").outcome
}

#[test]
fn a_client_is_told_of_after_its_record_is_stored() {
    let gate = clients("");
    let mut evaluation = gate.start(by_jwt(), NOW);
    let id = loads(evaluation.step(NOW));
    evaluation.registered(id, None, NOW + 1);
    let (id, register) = stores(evaluation.step(NOW + 2));
    assert_eq!((register.was.as_deref(), register.expires_at), (None, NOW + 101));
    // However long that takes, what was stored is what is told.
    evaluation.answer(&[(id, Answer::Done)], NOW + 5);
    let decision = decided(evaluation.step(NOW + 6));
    assert_eq!(outcome(&decision), RegistrationOutcome::Registered);
    let client = decision.client.unwrap();
    assert!(client.new);
    assert_eq!(client.registration.unwrap().record, register.record);
    assert!(decision.body.unwrap().contains(&register.record));
    assert!(decision.upstream_set.is_empty() && decision.upstream_strip.is_empty());
}

#[test]
fn a_record_that_changed_in_between_is_decided_about_again() {
    let gate = clients("");
    let mut evaluation = gate.start(by_jwt(), NOW);
    let id = loads(evaluation.step(NOW));
    evaluation.registered(id, None, NOW);
    let (id, register) = stores(evaluation.step(NOW));
    // The other one registered it first.
    evaluation.registered(id, Some(register.record.clone()), NOW);
    let decision = decided(evaluation.step(NOW));
    assert_eq!(outcome(&decision), RegistrationOutcome::Existing);
    assert!(!decision.client.unwrap().new);

    let mut evaluation = gate.start(by_jwt(), NOW);
    let id = loads(evaluation.step(NOW));
    evaluation.registered(id, None, NOW);
    for _ in 0..4 {
        let (id, _) = stores(evaluation.step(NOW));
        evaluation.registered(id, None, NOW);
    }
    assert_eq!(told(&decided(evaluation.step(NOW))), (503, Some("clients.store_contended")));
}

#[test]
fn what_the_store_does_not_know_nobody_knows() {
    let gate = clients("");
    let mut evaluation = gate.start(by_jwt(), NOW);
    let id = loads(evaluation.step(NOW));
    // Answers of another kind change nothing.
    evaluation.answer(&[(id, Answer::Done), (id, Answer::Fresh), (id + 1, Answer::Unavailable)], NOW);
    evaluation.registered(id + 1, None, NOW);
    assert_eq!(loads(evaluation.step(NOW)), id);
    evaluation.answer(&[(id, Answer::Unavailable)], NOW);
    let decision = decided(evaluation.step(NOW));
    assert_eq!(told(&decision), (503, Some("clients.store_unavailable")));
    assert!(decision.response_headers.contains(&("Retry-After".into(), "5".into())));

    let mut evaluation = gate.start(by_jwt(), NOW);
    let id = loads(evaluation.step(NOW));
    evaluation.registered(id, None, NOW);
    let (id, _) = stores(evaluation.step(NOW));
    evaluation.answer(&[(id, Answer::Unavailable)], NOW);
    assert_eq!(told(&decided(evaluation.step(NOW))), (503, Some("clients.store_unavailable")));
}

#[test]
fn proofs_are_remembered_together_and_before_a_record_is_stored() {
    let gate = clients("");
    let mut evaluation = gate.start(by_wit(), NOW);
    let id = loads(evaluation.step(NOW));
    evaluation.registered(id, None, NOW);
    let Step::Needs(needs) = evaluation.step(NOW) else { panic!("proofs are remembered first") };
    let ids: Vec<u32> = needs.iter().map(|need| need.id).collect();
    let keys: Vec<[u8; 32]> = needs
        .iter()
        .map(|need| match &need.what {
            Wanted::Remember(remember) => remember.key,
            other => panic!("{other:?}"),
        })
        .collect();
    // Of another kind, for another target, by another key: not one for the other, though both have the same identifier.
    assert!(keys.len() == 2 && keys[0] != keys[1], "{keys:?}");
    evaluation.answer(&[(ids[0], Answer::Fresh)], NOW);
    assert!(matches!(evaluation.step(NOW), Step::Needs(left) if left.len() == 1));
    evaluation.answer(&[(ids[1], Answer::Fresh)], NOW);
    let (id, _) = stores(evaluation.step(NOW));
    evaluation.answer(&[(id, Answer::Done)], NOW);
    assert_eq!(outcome(&decided(evaluation.step(NOW))), RegistrationOutcome::Registered);

    for (answers, wanted) in [
        ([Answer::Fresh, Answer::Seen], (400, "dpop.replayed")),
        ([Answer::Seen, Answer::Fresh], (400, "pop.replayed")),
        ([Answer::Unavailable, Answer::Seen], (400, "dpop.replayed")),
        ([Answer::Fresh, Answer::Unavailable], (503, "replay.unavailable")),
        ([Answer::Full, Answer::Fresh], (503, "replay.full")),
    ] {
        let mut evaluation = gate.start(by_wit(), NOW);
        let id = loads(evaluation.step(NOW));
        evaluation.registered(id, None, NOW);
        let Step::Needs(needs) = evaluation.step(NOW) else { panic!("proofs are remembered first") };
        let answers: Vec<(u32, Answer)> = needs.iter().map(|need| need.id).zip(answers).collect();
        evaluation.answer(&answers, NOW);
        let decision = decided(evaluation.step(NOW));
        assert_eq!(told(&decision), (wanted.0, Some(wanted.1)), "{answers:?}");
    }
}

#[test]
fn an_incomplete_registration_is_kept_and_refused() {
    let gate = clients(r#", "required": ["client_name"]"#);
    let mut evaluation = gate.start(by_jwt(), NOW);
    let id = loads(evaluation.step(NOW));
    evaluation.registered(id, None, NOW);
    let (id, register) = stores(evaluation.step(NOW));
    assert!(register.record.contains(r#""complete":false"#), "{register:?}");
    evaluation.answer(&[(id, Answer::Done)], NOW);
    assert_eq!(told(&decided(evaluation.step(NOW))), (403, Some("registration.incomplete")));
    // The next time it is there already.
    let mut evaluation = gate.start(by_jwt(), NOW + 1);
    let id = loads(evaluation.step(NOW + 1));
    evaluation.registered(id, Some(register.record), NOW + 1);
    assert_eq!(told(&decided(evaluation.step(NOW + 1))), (403, Some("registration.incomplete")));
}
