//! Clients that register with their pushed request, and deferred key binding: at a listener for authorization servers.

use portcullis_gate::Answer;
use portcullis_types::{
    base64url,
    json::{self, Object, Value},
};

use super::{
    clients::{jwk, sign},
    *,
};

const SERVER: &str = "https://as.example";
const CLIENT: &str = "urn:ietf:oauth:parameters:dynamic";
const STATEMENTS: &str = "https://publisher.example/jwks.json";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// Vouched for by an attester, or by an issuer whose keys have to be fetched.
const BY_BOTH: &str = r#"{"attestation": {}, "software_statement": {"issuer": "https://publisher.example",
    "keys": "https://publisher.example/jwks.json"}}"#;

fn dynamic(vouched_by: &str, more: &str) -> String {
    format!(
        r#""dynamic": {{"redirect_hosts": ["client.example.org"], "metadata": ["client_name"], "vouched_by": {vouched_by} {more}}}"#
    )
}

fn serving(members: &str, top: &str) -> Gate {
    let attester = jwk(5, r#","kid":"a""#);
    gate(&format!(
        r#"{{"origins": ["{SERVER}"], {top}
            "clients": {{"server": "{SERVER}", "attesters": {{"keys": [{attester}]}}, {members}}},
            "listeners": [{{"name": "clients", "address": "127.0.0.1:1", "serves": "clients"}}]}}"#
    ))
}

fn asked(path: &str, body: &str) -> Request {
    Request {
        method: "POST".into(),
        url: format!("http://127.0.0.1:1{path}"),
        body: Some(body.as_bytes().to_vec()),
        listener: Some("clients".into()),
        ..Request::default()
    }
}

fn dpop(path: &str, more: &str) -> String {
    let header = format!(r#"{{"alg":"ES256","typ":"dpop+jwt","jwk":{}}}"#, jwk(4, ""));
    let proof = sign(4, &header, &format!(r#"{{"jti":"d","htm":"POST","htu":"{SERVER}{path}","iat":{NOW}{more}}}"#));
    format!(r#"["DPoP","{proof}"]"#)
}

fn described(url: &str, headers: &str, form: &str, more: &str) -> String {
    format!(
        r#"{{"request":{{"method":"POST","url":"{SERVER}{url}","headers":[{headers}],"form":{{"client_id":"{CLIENT}"{form}}}}}{more}}}"#
    )
}

/// A pushed request, with these header fields and more parameters.
fn pushed(headers: &str, more: &str) -> Request {
    let form = format!(
        r#","response_type":"code","redirect_uri":"https://client.example.org/cb","state":"s","code_challenge":"{CHALLENGE}",
            "code_challenge_method":"S256" {more}"#
    );
    asked("/pushed", &described("/par", headers, &form, ""))
}

/// The token request after it.
fn token(headers: &str, kept: &str) -> Request {
    let form = format!(r#","grant_type":"authorization_code","code":"c","code_verifier":"{VERIFIER}""#);
    asked("/pushed/token", &described("/token", headers, &form, &format!(r#","pushed":{kept}"#)))
}

fn authorization(kept: &str) -> Request {
    let form = r#","request_uri":"urn:example:r""#;
    asked("/pushed/authorization", &described("/authorize", "", form, &format!(r#","pushed":{kept}"#)))
}

/// Goes on to the end with a memory of used proofs that answers so, and tells how many it was asked about.
fn remembered(gate: &Gate, request: Request, answer: Answer) -> (Decision, usize) {
    let mut evaluation = gate.start(request, NOW);
    let mut proofs = 0;
    loop {
        match evaluation.step(NOW) {
            Step::Decided(decision) => return (*decision, proofs),
            Step::Needs(needs) => {
                for need in needs {
                    assert!(matches!(need.what, Wanted::Remember(_)), "{need:?}");
                    proofs += 1;
                    evaluation.answer(&[(need.id, answer)], NOW);
                }
            }
        }
    }
}

fn answered(gate: &Gate, request: Request) -> Decision {
    remembered(gate, request, Answer::Fresh).0
}

fn body_of(decision: &Decision) -> Object {
    json::parse_object(decision.body.as_deref().expect("a body").as_bytes()).expect("an object")
}

/// What the server keeps: the record it was given, with its own request_uri and when that ends.
fn kept(decision: &Decision) -> String {
    let told = body_of(decision);
    let Ok(Some(Value::Object(record))) = told.get("pushed") else { panic!("{decision:#?}") };
    let mut members: Vec<(String, Value)> =
        record.members().map(|(name, value)| (name.into(), value.clone())).collect();
    members.push(("request_uri".into(), "urn:example:r".into()));
    members.push(("expires_at".into(), (NOW + 90).into()));
    json::to_text(&Object::from_members(members))
}

fn statement(kid: &str) -> String {
    let header = format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#);
    let statement = sign(6, &header, r#"{"iss":"https://publisher.example","software_id":"reader-2"}"#);
    format!(r#","client_registration":"{{\"software_statement\":\"{statement}\"}}""#)
}

fn attestation(number: u8) -> String {
    let confirmed = jwk(4, "");
    let claims = format!(r#"{{"sub":"{CLIENT}","exp":{},"cnf":{{"jwk":{confirmed}}}}}"#, NOW + 60);
    let header = r#"{"alg":"ES256","kid":"a","typ":"oauth-client-attestation+jwt"}"#;
    format!(r#"["OAuth-Client-Attestation","{}"]"#, sign(number, header, &claims))
}

fn pop(more: &str) -> String {
    let header = r#"{"alg":"ES256","typ":"oauth-client-attestation-pop+jwt"}"#;
    let pop = sign(4, header, &format!(r#"{{"aud":"{SERVER}","jti":"x","iat":{NOW}{more}}}"#));
    format!(r#"["OAuth-Client-Attestation-PoP","{pop}"]"#)
}

#[test]
fn a_pushed_request_and_those_after_it_are_held_together_by_what_was_kept() {
    let gate = serving(&dynamic(r#""nobody""#, ""), "");
    let registration = r#","client_registration":"{\"client_name\":\"Reader\"}""#;
    let (made, proofs) = remembered(&gate, pushed(&dpop("/par", ""), registration), Answer::Fresh);
    assert_eq!((told(&made), proofs), (ALLOWED, 1), "{made:#?}");
    assert!(made.principal.is_none() && made.client.is_none());
    let text = made.body.as_deref().unwrap();
    assert!(text.starts_with(&format!(r#"{{"client":{{"client_id":"{CLIENT}","metadata":{{"client_name":"Reader"}}"#)));
    assert!(!text.contains("proofs"), "they are remembered here: {text}");
    let kept = kept(&made);

    let tied = answered(&gate, authorization(&kept));
    assert_eq!((told(&tied), tied.body.as_deref()), (ALLOWED, Some("{}")));
    let used = kept.replacen('{', r#"{"used":true,"#, 1);
    assert_eq!(told(&answered(&gate, authorization(&used))), (400, Some("par.tie_used")));

    let (tied, proofs) = remembered(&gate, token(&dpop("/token", ""), &kept), Answer::Fresh);
    assert_eq!((told(&tied), proofs), (ALLOWED, 1), "{tied:#?}");
    assert_eq!(body_of(&tied).get("cnf"), body_of(&made).get("key"));
    // Without the key, and with one where none was pushed.
    assert_eq!(told(&answered(&gate, token("", &kept))), (400, Some("dpop.missing")));
    let unkeyed = format!(
        r#"{{"request_uri":"urn:example:r","expires_at":{},"redirect_uri":"https://client.example.org/cb","code_challenge":"{CHALLENGE}"}}"#,
        NOW + 90
    );
    assert_eq!(told(&answered(&gate, token(&dpop("/token", ""), &unkeyed))), (400, Some("par.tie_key_not_pushed")));
    assert_eq!(told(&answered(&gate, token("", &unkeyed))), ALLOWED);
}

#[test]
fn proofs_are_used_once_and_their_clients_told_how() {
    let gate = serving(&dynamic(r#""nobody""#, ""), "");
    let seen = remembered(&gate, pushed(&dpop("/par", ""), ""), Answer::Seen).0;
    assert_eq!(told(&seen), (400, Some("dpop.replayed")));
    assert!(seen.body.unwrap().contains(r#"\"invalid_dpop_proof\""#));
    let lost = remembered(&gate, pushed(&dpop("/par", ""), ""), Answer::Unavailable).0;
    assert_eq!(told(&lost), (503, Some("replay.unavailable")));

    let gate = serving(&dynamic(r#""nobody""#, ""), r#""replay": "nonce","#);
    let with = |request: Request| Request { nonces: vec!["n1".into(), "n0".into()], ..request };
    let wanted = answered(&gate, with(pushed(&dpop("/par", ""), "")));
    assert_eq!(told(&wanted), (400, Some("dpop.nonce_missing")));
    assert!(wanted.body.unwrap().contains(r#"["DPoP-Nonce","n1"]"#));
    let good = answered(&gate, with(pushed(&dpop("/par", r#","nonce":"n0""#), "")));
    assert_eq!(told(&good), ALLOWED);
    assert!(good.body.as_deref().unwrap().ends_with(r#""headers":[["DPoP-Nonce","n1"]]}"#), "{good:?}");
    // A host that gives none would have proofs without any.
    assert_eq!(told(&answered(&gate, pushed(&dpop("/par", ""), ""))), (503, Some("replay.nonce_unavailable")));
}

#[test]
fn attestations_are_by_the_attesters_of_the_other_clients_with_their_challenges() {
    let gate = serving(&dynamic(r#"{"attestation": {}}"#, r#", "key_required": false"#), "");
    let with = |request: Request| Request { nonces: vec!["c1".into()], ..request };
    let both = |number, challenge: &str| with(pushed(&format!("{},{}", attestation(number), pop(challenge)), ""));
    let (good, proofs) = remembered(&gate, both(5, r#","challenge":"c1""#), Answer::Fresh);
    assert_eq!((told(&good), proofs), (ALLOWED, 1), "{good:#?}");
    let text = good.body.as_deref().unwrap();
    assert!(
        text.contains(r#""vouched_by":["attestation"]"#)
            && text.contains(r#"["OAuth-Client-Attestation-Challenge","c1"]"#)
    );
    assert_eq!(told(&answered(&gate, both(5, ""))), (400, Some("pop.use_attestation_challenge")));
    assert_eq!(told(&answered(&gate, both(6, r#","challenge":"c1""#))), (400, Some("crypto.signature_invalid")));
    assert_eq!(told(&answered(&gate, with(pushed("", "")))), (401, Some("par.voucher_missing")));
    let seen = remembered(&gate, both(5, r#","challenge":"c1""#), Answer::Seen).0;
    assert_eq!(told(&seen), (400, Some("pop.replayed")));
    // Attesters of their own stand in the place of the others.
    let own = format!(r#"{{"attestation": {{"attesters": {{"keys": [{}]}}}}}}"#, jwk(6, r#","kid":"a""#));
    let gate = serving(&dynamic(&own, r#", "key_required": false"#), "");
    assert_eq!(told(&answered(&gate, both(5, r#","challenge":"c1""#))), (400, Some("crypto.signature_invalid")));
    assert_eq!(told(&answered(&gate, both(6, r#","challenge":"c1""#))), ALLOWED);
}

#[test]
fn keys_of_statements_are_fetched_for_who_brings_one() {
    let gate = serving(&dynamic(BY_BOTH, r#", "key_required": false"#), "");
    assert_eq!(due(&gate, NOW), [STATEMENTS]);
    let names: Vec<String> = gate.ready(NOW).missing.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["clients.dynamic.vouched_by.software_statement.keys"]);
    // Who brings none is refused without them.
    assert_eq!(told(&answered(&gate, pushed("", ""))), (401, Some("par.voucher_missing")));

    let (mut evaluation, needs) = waiting(&gate, &pushed("", &statement("p")), NOW);
    let [Need { id, .. }] = needs[..] else { panic!("{needs:#?}") };
    evaluation.answer(&[(id, Answer::Done)], NOW);
    assert_eq!(told(&decided(evaluation.step(NOW))), (503, Some("keys.unavailable")));

    let keys = format!(r#"{{"keys":[{}]}}"#, jwk(6, r#","kid":"p""#));
    assert!(give(&gate, STATEMENTS, body(&keys), NOW, NOW).is_empty());
    let good = answered(&gate, pushed("", &statement("p")));
    assert_eq!(told(&good), ALLOWED, "{good:#?}");
    assert!(good.body.unwrap().contains(r#""vouched_by":["software_statement"],"software":"reader-2""#));
    // A key that is newer than those that are held is looked for once.
    let (mut evaluation, needs) = waiting(&gate, &pushed("", &statement("q")), NOW + 60);
    let [Need { id, .. }] = needs[..] else { panic!("{needs:#?}") };
    evaluation.answer(&[(id, Answer::Done)], NOW + 60);
    assert_eq!(told(&decided(evaluation.step(NOW + 60))), (400, Some("key.unknown")));
}

#[test]
fn what_the_policy_does_not_turn_on_is_refused() {
    let gate = serving(r#""window": 60"#, "");
    let kept = format!(
        r#"{{"request_uri":"urn:example:r","expires_at":{},"redirect_uri":"https://client.example.org/cb","code_challenge":"{CHALLENGE}"}}"#,
        NOW + 90
    );
    for request in [pushed("", ""), authorization(&kept), token("", &kept)] {
        let refused = answered(&gate, request);
        assert_eq!(told(&refused), (401, Some("par.disabled")));
        assert!(refused.body.unwrap().contains(r#"\"invalid_client\""#));
    }
    let jkt = base64url::encode(&[7; 32]);
    let tmb = format!(r#"{{"client_id":"broker","tmb":"{{\"jkt\":\"{jkt}\"}}"}}"#);
    let refused = answered(&gate, asked("/bind", &tmb));
    assert_eq!(told(&refused), (400, Some("binding.deferred_not_permitted")));
    assert!(refused.body.unwrap().contains(r#"\"unauthorized_client\""#));
    let proved = answered(&gate, asked("/bind", &format!(r#"{{"client_id":"app","proved":{{"jkt":"{jkt}"}}}}"#)));
    let wanted = format!(r#"{{"binding":"proved","token_type":"DPoP","claims":{{"cnf":{{"jkt":"{jkt}"}}}}}}"#);
    assert_eq!((told(&proved), proved.body), (ALLOWED, Some(wanted)));

    let gate = serving(r#""key_binding": {"requesters": ["broker"]}"#, "");
    let bound = answered(&gate, asked("/bind", &tmb));
    let cnf = format!(r#"{{"jkt":"{jkt}"}}"#);
    let wanted = format!(r#"{{"binding":"deferred","token_type":"DPoP","claims":{{"cnf":{cnf},"tmb":{cnf}}}}}"#);
    assert_eq!((told(&bound), bound.body), (ALLOWED, Some(wanted)));
    let other = answered(&gate, asked("/bind", &tmb.replace("broker", "app")));
    assert_eq!(told(&other), (400, Some("binding.requester_not_permitted")));
}

#[test]
fn what_the_server_itself_has_wrong_is_not_for_its_client() {
    let gate = serving(&dynamic(r#""nobody""#, ""), "");
    for (path, body, code) in [
        ("/pushed", described("/par", "", "", r#","flow":{}"#), "clients.description_malformed"),
        ("/pushed/token", described("/token", "", "", ""), "clients.description_malformed"),
        ("/pushed/token", described("/token", "", "", r#","pushed":{}"#), "par.pushed_malformed"),
        ("/bind", r#"{"tmb":"{}"}"#.into(), "clients.description_malformed"),
        ("/bind", r#"{"client_id":"a","tmb":["{}","{}"]}"#.into(), "clients.description_malformed"),
        ("/bind", r#"{"client_id":"a","proved":{"kid":"k"}}"#.into(), "cnf.unsupported"),
    ] {
        let refused = answered(&gate, asked(path, &body));
        assert_eq!(told(&refused), (400, Some(code)), "{path} {body}");
        assert!(!refused.body.unwrap().contains(r#""status""#));
    }
    // Who pushes to another server's URL has nothing to do with this one.
    let elsewhere = pushed("", "");
    let body = String::from_utf8(elsewhere.body.clone().unwrap()).unwrap().replace("as.example/par", "b.example/par");
    let elsewhere = Request { body: Some(body.into_bytes()), ..elsewhere };
    assert_eq!(told(&answered(&gate, elsewhere)), (400, Some("request.unknown_origin")));
}
