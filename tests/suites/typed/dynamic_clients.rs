//! `portcullis:oauth`: pushed registration and deferred key binding.

use portcullis_host::{
    client::{Parameter, Request, UsedProof},
    oauth::{
        key_binding::{Binding, Moment, ProvedKey, TokenRequest},
        pushed_registration::{Expectations, Pending, PushPolicy, PushedKey, Refusal, Voucher},
    },
};
use portcullis_tests::{CRYPTO, corpus::NOW};
use portcullis_types::base64url;
use serde_json::{Value, json};

use crate::{
    code, component,
    messages::{at, cases, headers, text, text_answer, texts, wanted},
};

/// Decoded parameters; in the corpus one that occurs more than once is a list.
fn form(given: &Value) -> Vec<Parameter> {
    let one = |(name, value): (&String, &Value)| {
        let values = value.as_str().map_or_else(|| texts(value), |value| vec![value.to_owned()]);
        values.into_iter().map(|value| Parameter { name: name.clone(), value }).collect::<Vec<_>>()
    };
    given.as_object().into_iter().flatten().flat_map(one).collect()
}

fn request(members: &Value) -> Request {
    let given = &members["request"];
    // The leaf alone is looked at.
    let leaf = texts(&members["certificate_chain"]).into_iter().take(1);
    Request {
        headers: headers(&given["headers"]),
        method: text(&given["method"]).expect("a method"),
        url: text(&given["url"]).expect("a URL"),
        form: form(&given["form"]),
        certificate_chain: leaf.map(|der| base64url::decode(der.as_bytes()).expect("base64url")).collect(),
    }
}

fn expectations(members: &Value) -> Expectations {
    Expectations {
        challenges: text(&members["challenge"]).into_iter().collect(),
        nonces: text(&members["nonce"]).into_iter().collect(),
        window: members["window"].as_u64(),
        seen: texts(&members["seen"]),
    }
}

/// The code of a refusal; and what the client is told is what the text door tells.
fn refused(refusal: &Refusal, answer: &Value) -> String {
    match refusal {
        Refusal::Malformed(rejection) => rejection.code.clone(),
        Refusal::Refused(refused) => {
            let error = &answer["error"];
            assert_eq!(error["status"], refused.answer.status);
            assert_eq!(error["oauth_error"], refused.answer.error);
            assert_eq!(error["headers"].as_array().map(Vec::len), Some(refused.answer.headers.len()));
            refused.reason.code.clone()
        }
    }
}

fn proofs(proofs: &[UsedProof], answer: &Value) {
    let told = answer["result"]["proofs"].as_array().map_or(&[][..], Vec::as_slice);
    assert_eq!(told.len(), proofs.len());
    for (told, proof) in told.iter().zip(proofs) {
        assert_eq!(told["jkt"], base64url::encode(&proof.thumbprint));
        assert_eq!((&told["jti"], &told["target"]), (&json!(proof.id), &json!(proof.target)));
    }
}

/// A key as `cnf` names it; nothing where a typed call cannot have it.
fn hash(confirmation: &Value, name: &str) -> Option<Vec<u8>> {
    let members = confirmation.as_object().filter(|members| members.len() == 1)?;
    base64url::decode(members.get(name)?.as_str()?.as_bytes()).ok()
}

#[test]
fn typed_pushed_requests_answer_as_the_text_door_does() {
    for crypto in CRYPTO {
        let mut component = component(crypto);
        let (mut accepted, mut count) = (0, 0);
        for case in cases(&["par.ndjson"]).into_iter().filter(|case| case.op == "par.verify") {
            let Some(answer) = text_answer(&mut component, &case) else { continue };
            let (wanted, members) = (wanted(&answer), &case.request);
            let policy = component.push_policy(members["policy"].to_string().as_bytes()).expect("an answer");
            let policy: PushPolicy = match policy {
                Ok(policy) => policy,
                Err(rejection) => {
                    assert_eq!(rejection.code, wanted, "{}", case.id);
                    continue;
                }
            };
            assert_eq!(policy.enabled(), members["policy"]["enabled"] == true, "{}", case.id);
            let (request, expect, at) = (request(members), expectations(members), at(&case));
            let judged = component.verify_pushed_request(&request, &policy, &expect, at).expect("an answer");
            let report = component.explain_pushed_request(&request, &policy, &expect, at).expect("an answer");
            assert_eq!(report.outcome, judged, "explained: {}", case.id);
            count += 1;
            let made = match judged {
                Ok(made) => made,
                Err(refusal) => {
                    assert_eq!(refused(&refusal, &answer), wanted, "{crypto} {}", case.id);
                    continue;
                }
            };
            assert_eq!(wanted, "accepted", "{crypto} {}", case.id);
            accepted += 1;
            let result = &answer["result"];
            let metadata: Value = serde_json::from_str(&made.metadata).expect("JSON");
            assert_eq!(result["client"]["metadata"], metadata, "{}", case.id);
            let voucher = |voucher: &Voucher| match voucher {
                Voucher::Attestation => "attestation",
                Voucher::SoftwareStatement => "software_statement",
            };
            let vouched_by: Vec<_> = made.vouched_by.iter().map(voucher).collect();
            assert_eq!(result["client"]["vouched_by"], json!(vouched_by), "{}", case.id);
            assert_eq!(result["client"]["software"].as_str(), made.software.as_deref(), "{}", case.id);
            let key = made.key.as_ref().map(|bound| match &bound.key {
                PushedKey::Dpop(hash) => json!({"jkt": base64url::encode(hash)}),
                PushedKey::Certificate(hash) => json!({"x5t#S256": base64url::encode(hash)}),
            });
            assert_eq!(result.get("key"), key.as_ref(), "{}", case.id);
            assert_eq!(result["key_proved"].as_bool(), made.key.map(|bound| bound.proved), "{}", case.id);
            let asked = &result["request"];
            assert_eq!(asked["redirect_uri"], made.request.redirect_uri, "{}", case.id);
            assert_eq!(
                (&asked["state"], &asked["code_challenge"]),
                (&json!(made.request.state), &json!(made.request.code_challenge))
            );
            assert_eq!(
                asked["scope"].as_str(),
                made.request.scope.map(|scope| scope.join(" ")).as_deref(),
                "{}",
                case.id
            );
            assert_eq!(asked["others"].as_array().map_or(0, Vec::len), made.request.others.len(), "{}", case.id);
            proofs(&made.proofs, &answer);
        }
        assert!(accepted >= 20 && count >= accepted + 60, "{accepted} of {count} accepted");
    }
}

#[test]
fn typed_requests_after_a_pushed_one_answer_as_the_text_door_does() {
    let mut component = component("software");
    let (mut accepted, mut count) = (0, 0);
    for case in cases(&["par.ndjson"]).into_iter().filter(|case| case.op == "par.tie") {
        let Some(answer) = text_answer(&mut component, &case) else { continue };
        let (wanted, members) = (wanted(&answer), &case.request);
        // What was pushed is a record here, which has no members that nobody knows.
        if wanted == "par.pushed_malformed" {
            continue;
        }
        let pushed = &members["pushed"];
        let key = match &pushed["key"] {
            Value::Null => None,
            key => {
                let dpop = hash(key, "jkt").map(PushedKey::Dpop);
                let Some(key) = dpop.or_else(|| hash(key, "x5t#S256").map(PushedKey::Certificate)) else { continue };
                Some(key)
            }
        };
        let pending = Pending {
            request_uri: text(&pushed["request_uri"]).expect("a URI"),
            expires_at: pushed["expires_at"].as_u64().expect("a time"),
            used: pushed["used"].as_bool().unwrap_or(false),
            redirect_uri: text(&pushed["redirect_uri"]).expect("a URI"),
            code_challenge: text(&pushed["code_challenge"]).expect("a challenge"),
            key,
        };
        count += 1;
        let tied = if members["step"] == "authorization" {
            let parameters = form(&members["request"]["form"]);
            component.tie_authorization_request(&parameters, &pending, at(&case)).expect("an answer")
        } else {
            let (request, expect) = (request(members), expectations(members));
            let tied = component.tie_token_request(&request, &pending, &expect, at(&case)).expect("an answer");
            let report = component.explain_token_request(&request, &pending, &expect, at(&case)).expect("an answer");
            assert_eq!(report.outcome, tied, "explained: {}", case.id);
            tied.map(|tied| {
                let confirmation = tied.confirmation.map(|text| serde_json::from_str::<Value>(&text).expect("JSON"));
                assert_eq!(answer["result"].get("cnf"), confirmation.as_ref(), "{}", case.id);
                proofs(&tied.proofs, &answer);
            })
        };
        match tied {
            Ok(()) => {
                assert_eq!(wanted, "accepted", "{}", case.id);
                accepted += 1;
            }
            Err(refusal) => assert_eq!(refused(&refusal, &answer), wanted, "{}", case.id),
        }
    }
    assert!(accepted >= 3 && count >= accepted + 10, "{accepted} of {count} accepted");
}

#[test]
fn a_host_that_kept_nothing_sound_is_told_so() {
    let mut component = component("software");
    let policy = component.push_policy(br#"{"enabled":true}"#).expect("an answer");
    assert_eq!(code(&policy), "par.policy_malformed");
    let pending = |key| Pending {
        request_uri: "urn:example:1".into(),
        expires_at: NOW + 60,
        used: false,
        redirect_uri: "https://client.example/cb".into(),
        code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".into(),
        key,
    };
    let mut judged = |pending: &Pending| {
        let tied = component.tie_authorization_request(&[], pending, NOW).expect("an answer");
        match tied.expect_err("it is refused") {
            Refusal::Malformed(rejection) => (true, rejection.code),
            Refusal::Refused(refused) => (false, refused.reason.code),
        }
    };
    assert_eq!(judged(&pending(Some(PushedKey::Dpop(vec![1; 31])))), (true, "cnf.thumbprint".into()));
    let short = Pending { code_challenge: "AAAA".into(), ..pending(None) };
    assert_eq!(judged(&short), (true, "par.code_challenge_form".into()));
    assert_eq!(judged(&pending(None)), (false, "par.client_id_missing".into()));
}

fn name(binding: Binding) -> &'static str {
    match binding {
        Binding::Proved => "proved",
        Binding::Deferred => "deferred",
        Binding::Unbound => "none",
    }
}

#[test]
fn typed_bindings_answer_as_the_text_door_does() {
    let mut component = component("software");
    let (mut accepted, mut refused) = (0, 0);
    for case in cases(&["binding.ndjson"]) {
        let Some(answer) = text_answer(&mut component, &case) else { continue };
        let (wanted, members) = (wanted(&answer), &case.request);
        let policy = match component.binding_policy(members["policy"].to_string().as_bytes()).expect("an answer") {
            Ok(policy) => policy,
            Err(rejection) => {
                assert_eq!(rejection.code, wanted, "{}", case.id);
                continue;
            }
        };
        *if wanted == "accepted" { &mut accepted } else { &mut refused } += 1;
        if case.op == "binding.evaluate" {
            let proved = match members["proved"].as_str().map(|text| base64url::decode(text.as_bytes())) {
                Some(Err(_)) => continue,
                Some(Ok(hash)) => Some(hash),
                None => None,
            };
            let (claims, proved) = (members["claims"].to_string(), proved.as_deref());
            let moment = if members["moment"] == "use" { Moment::Presentation } else { Moment::Issuance };
            let verdict = component.evaluate_binding(&claims, proved, &policy, moment).expect("an answer");
            assert_eq!(code(&verdict), wanted, "{}", case.id);
            let report = component.explain_binding(&claims, proved, &policy, moment).expect("an answer");
            assert_eq!(report.outcome, verdict, "explained: {}", case.id);
            assert_eq!(answer["result"]["binding"].as_str(), verdict.ok().map(name), "{}", case.id);
            continue;
        }
        let proved = match &members["proved"] {
            Value::Null => None,
            key => {
                let dpop = hash(key, "jkt").map(ProvedKey::Dpop);
                let Some(key) = dpop.or_else(|| hash(key, "x5t#S256").map(ProvedKey::Certificate)) else { continue };
                Some(key)
            }
        };
        let client_id = text(&members["client_id"]).expect("a client");
        let request = TokenRequest { client_id, tmb: text(&members["tmb"]), proved };
        let verdict = component.bind_token(&request, &policy).expect("an answer");
        assert_eq!(code(&verdict), wanted, "{}", case.id);
        let report = component.explain_bind_token(&request, &policy).expect("an answer");
        assert_eq!(report.outcome, verdict, "explained: {}", case.id);
        if let Ok(bound) = verdict {
            let result = &answer["result"];
            let claims: Value = serde_json::from_str(&bound.claims).expect("JSON");
            assert_eq!(
                (&result["binding"], &result["token_type"]),
                (&json!(name(bound.binding)), &json!(bound.token_type))
            );
            assert_eq!(result["claims"], claims, "{}", case.id);
        }
    }
    assert!(accepted >= 15 && refused >= 20, "{accepted} accepted, {refused} refused");
}

#[test]
fn a_rule_names_the_bindings_it_accepts() {
    let mut component = component("software");
    let mut accepts = |binding, accepted: &[Binding]| {
        let verdict = component.check_binding_accepted(binding, accepted).expect("an answer");
        code(&verdict).to_owned()
    };
    assert_eq!(accepts(Binding::Proved, &[Binding::Proved]), "accepted");
    assert_eq!(accepts(Binding::Deferred, &[Binding::Proved]), "binding.not_accepted");
    assert_eq!(accepts(Binding::Unbound, &[Binding::Proved, Binding::Deferred]), "binding.not_accepted");
    let policy = component.binding_policy(br#"{"deferred":"perhaps"}"#).expect("an answer");
    assert_eq!(code(&policy), "binding.policy_malformed");
}
