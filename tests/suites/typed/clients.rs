//! `portcullis:client`

use portcullis_host::{
    Portcullis,
    client::{
        ClientSet, Expectations, Flow, Method, Outcome, Parameter, Refusal, RegisteredClient, RegistrationRefusal,
        Request, Role,
    },
    svid::BundleSet,
};
use portcullis_tests::{CRYPTO, corpus::NOW};
use portcullis_types::base64url;
use serde_json::{Value, json};

use crate::{
    code, component,
    messages::{at, cases, headers, text, text_answer, texts, wanted},
};

const NAMES: [(&str, Method); 5] = [
    ("spiffe_jwt", Method::SpiffeJwt),
    ("spiffe_x509", Method::SpiffeX509),
    ("spiffe_wit", Method::SpiffeWit),
    ("attest_jwt_client_auth", Method::Attestation),
    ("attest_jwt_client_auth_dpop", Method::AttestationDpop),
];

fn request(members: &Value) -> Request {
    let given = &members["request"];
    let parameter = |(name, value): (&String, &Value)| Parameter {
        name: name.clone(),
        value: text(value).expect("a parameter is a text"),
    };
    let der = |text: String| base64url::decode(text.as_bytes()).expect("base64url");
    Request {
        headers: headers(&given["headers"]),
        method: text(&given["method"]).expect("a method"),
        url: text(&given["url"]).expect("a URL"),
        form: given["form"].as_object().into_iter().flatten().map(parameter).collect(),
        certificate_chain: texts(&members["certificate_chain"]).into_iter().map(der).collect(),
    }
}

fn expectations(members: &Value) -> Expectations {
    let role = if members["role"] == "rs" { Role::ResourceServer } else { Role::AuthorizationServer };
    let methods = texts(&members["methods"]);
    let known = |name: &String| NAMES.iter().find(|(known, _)| known == name).map(|(_, method)| *method);
    Expectations {
        methods: methods.iter().filter_map(known).collect(),
        register: texts(&members["register"]),
        challenges: text(&members["challenge"]).into_iter().collect(),
        nonces: text(&members["nonce"]).into_iter().collect(),
        window: members["window"].as_u64(),
        attestation_max_age: members["attestation_max_age"].as_u64(),
        seen: texts(&members["seen"]),
        ..Expectations::of(role, members["server"].as_str().expect("a server"))
    }
}

/// The clients of a case, or the code of why they are refused.
fn clients(component: &mut Portcullis, given: &Value) -> Result<ClientSet, String> {
    let client = |client: &Value| RegisteredClient {
        client_id: text(&client["client_id"]).expect("an identifier"),
        spiffe_id: text(&client["spiffe_id"]),
        auth_method: text(&client["token_endpoint_auth_method"]),
    };
    let list: Vec<_> = given.as_array().expect("a list").iter().map(client).collect();
    component.client_set(&list).expect("an answer").map_err(|rejection| rejection.code)
}

/// The bundles of a case, or the code of why they are refused.
fn bundles(component: &mut Portcullis, given: &Value) -> Result<BundleSet, String> {
    let documents: Vec<(String, String)> =
        given.as_object().into_iter().flatten().map(|(name, bundle)| (name.clone(), bundle.to_string())).collect();
    let lent: Vec<(&str, &[u8])> = documents.iter().map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
    component.bundle_set(&lent).expect("an answer").map_err(|rejection| rejection.code)
}

/// The code of a refusal.
fn refused(refusal: &Refusal) -> &str {
    match refusal {
        Refusal::Malformed(rejection) => &rejection.code,
        Refusal::Unauthenticated(refused) => &refused.reason.code,
    }
}

#[test]
fn typed_authentication_answers_as_the_text_door_does() {
    for crypto in CRYPTO {
        let mut component = component(crypto);
        let (mut accepted, mut told) = (0, 0);
        let files = ["client.ndjson", "client.policy.ndjson", "client-more.ndjson"];
        for case in cases(&files).into_iter().filter(|case| case.op == "client.authenticate") {
            let Some(text) = text_answer(&mut component, &case) else { continue };
            let (wanted, members) = (wanted(&text), &case.request);
            let prepared = clients(&mut component, &members["clients"])
                .and_then(|clients| Ok((clients, bundles(&mut component, &members["bundles"])?)));
            let (clients, bundles) = match prepared {
                Ok(prepared) => prepared,
                Err(code) => {
                    assert_eq!(code, wanted, "{}", case.id);
                    continue;
                }
            };
            let attesters = members["attesters"].is_object().then(|| members["attesters"].to_string());
            let attesters = attesters.map(|jwks| {
                component.key_set_from_jwks(jwks.as_bytes()).expect("an answer").expect("the attesters are keys")
            });
            let (request, expect) = (request(members), expectations(members));
            let attesters = attesters.as_ref();
            let answer = component.authenticate_client(&request, &clients, &bundles, attesters, &expect, at(&case));
            let answer = answer.expect("an answer");
            assert_eq!(answer.as_ref().map_or_else(refused, |_| "accepted"), wanted, "{crypto} {}", case.id);
            let report = component.explain_client(&request, &clients, &bundles, attesters, &expect, at(&case));
            assert_eq!(report.expect("an answer").outcome, answer, "explained: {}", case.id);
            match answer {
                Ok(client) => {
                    let result = &text["result"];
                    let method = NAMES.iter().find(|(_, method)| *method == client.method).map(|(name, _)| *name);
                    assert_eq!(result["client_id"], client.client_id, "{}", case.id);
                    assert_eq!(result["method"].as_str(), method, "{}", case.id);
                    assert_eq!(result["new"], client.new, "{}", case.id);
                    assert_eq!(result["spiffe_id"].as_str(), client.spiffe_id.as_deref(), "{}", case.id);
                    let key = client.key.map(|key| base64url::encode(&key));
                    assert_eq!(result["jkt"].as_str(), key.as_deref(), "{}", case.id);
                    let proofs = result["proofs"].as_array().map_or(0, Vec::len);
                    assert_eq!(proofs, client.proofs.len(), "{}", case.id);
                    accepted += 1;
                }
                Err(Refusal::Unauthenticated(refused)) => {
                    let (error, answer) = (&text["error"], refused.answer);
                    assert_eq!(error["status"], answer.status, "{}", case.id);
                    assert_eq!(error["oauth_error"], answer.error, "{}", case.id);
                    assert_eq!(answer.body, json!({"error": answer.error}).to_string(), "{}", case.id);
                    assert_eq!(headers(&error["headers"]), answer.headers, "{}", case.id);
                    told += 1;
                }
                Err(Refusal::Malformed(_)) => {}
            }
        }
        assert!(accepted >= 20 && told >= 50, "{accepted} accepted, {told} refused");
    }
}

#[test]
fn patterns_and_challenges_are_what_the_text_door_says() {
    let mut component = component("software");
    let mut count = 0;
    let files = ["client.ndjson", "client-more.ndjson"];
    for case in cases(&files).into_iter().filter(|case| case.op == "client.match") {
        let Some(answer) = text_answer(&mut component, &case) else { continue };
        let [pattern, id] = ["pattern", "spiffe_id"].map(|name| text(&case.request[name]).expect("a text"));
        let verdict = component.client_pattern_matches(&pattern, &id).expect("an answer");
        assert_eq!(code(&verdict), wanted(&answer), "{}", case.id);
        assert_eq!(answer["result"]["match"].as_bool(), verdict.ok(), "{}", case.id);
        count += 1;
    }
    assert!(count >= 8, "{count} patterns");
    let answer = component.client_challenge_endpoint("POST", "abc").expect("an answer").expect("it is a challenge");
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"attestation_challenge":"abc"}"#));
    assert_eq!(
        component.client_challenge_endpoint("GET", "abc").expect("an answer").map(|answer| answer.status),
        Ok(405)
    );
    assert_eq!(code(&component.client_challenge_endpoint("POST", "a b").expect("an answer")), "pop.challenge_form");
}

/// The words for a refusal: its code, and whether something is to be stored.
fn unregistered(refusal: RegistrationRefusal) -> (String, Option<String>) {
    match refusal {
        RegistrationRefusal::Malformed(rejection) => (rejection.code, None),
        RegistrationRefusal::Unregistered(refused) => (refused.reason.code, refused.store.map(|record| record.text)),
    }
}

#[test]
fn typed_registration_answers_as_the_text_door_does() {
    let mut component = component("software");
    let mut count = 0;
    for case in cases(&["client-more.ndjson"]).into_iter().filter(|case| case.op == "client.register") {
        let Some(answer) = text_answer(&mut component, &case) else { continue };
        let (wanted, members) = (wanted(&answer), &case.request);
        count += 1;
        let policy = component.registration_policy(members["policy"].to_string().as_bytes()).expect("an answer");
        let policy = match policy {
            Ok(policy) => policy,
            Err(rejection) => {
                assert_eq!(rejection.code, wanted, "{}", case.id);
                continue;
            }
        };
        assert_eq!(texts(&members["policy"]["register"]), policy.register(), "{}", case.id);
        let given = |name: &str| members[name].is_object().then(|| members[name].to_string());
        let (claims, stored, flow) = (given("claims"), given("record"), &members["flow"]);
        let flow = Flow {
            client_id: text(&flow["client_id"]),
            grant_type: text(&flow["grant_type"]),
            redirect_uri: text(&flow["redirect_uri"]),
        };
        let id = members["spiffe_id"].as_str().expect("a SPIFFE ID");
        let decided =
            component.decide_registration(id, claims.as_deref(), stored.as_deref(), &flow, &policy, at(&case));
        match decided.expect("an answer") {
            Ok(registration) => {
                assert_eq!(wanted, "accepted", "{}", case.id);
                let result = &answer["result"];
                let outcome = match registration.outcome {
                    Outcome::Existing => "existing",
                    Outcome::Registered => "registered",
                    Outcome::Renewed => "renewed",
                };
                assert_eq!((result["outcome"].as_str(), &result["store"]), (Some(outcome), &json!(registration.store)));
                let record: Value = serde_json::from_str(&registration.client.text).expect("JSON");
                assert_eq!(result["record"], record, "{}", case.id);
                assert_eq!(record["expires_at"], registration.client.expires_at, "{}", case.id);
                let read = component.read_client_record(&registration.client.text).expect("an answer");
                assert_eq!(read.expect("what was written is read"), registration.client, "{}", case.id);
            }
            Err(refusal) => {
                let (code, store) = unregistered(refusal);
                assert_eq!(code, wanted, "{}", case.id);
                let store: Option<Value> = store.map(|text| serde_json::from_str(&text).expect("JSON"));
                assert_eq!(answer["error"].get("record"), store.as_ref(), "{}", case.id);
            }
        }
    }
    assert!(count >= 15, "{count} registrations");
}

#[test]
fn a_browser_is_sent_back_where_a_trusted_source_says() {
    let mut component = component("software");
    let policy = json!({
        "register": ["spiffe://example.org/*"],
        "clients": [{
            "spiffe_id": "spiffe://example.org/web",
            "metadata": {"redirect_uris": ["https://web.example/back"]},
        }],
    });
    let policy = component.registration_policy(policy.to_string().as_bytes()).expect("an answer").expect("a policy");
    let mut admit = |id: &str, uri: Option<&str>| {
        let admitted = component.admit_client_redirect(id, uri, None, &policy, NOW).expect("an answer");
        admitted.map_err(|refusal| unregistered(refusal).0)
    };
    let back = "https://web.example/back";
    assert_eq!(admit("spiffe://example.org/web", None).as_deref(), Ok(back));
    assert_eq!(admit("spiffe://example.org/web", Some(back)).as_deref(), Ok(back));
    let other = admit("spiffe://example.org/web", Some("https://evil.example/back"));
    assert_eq!(other, Err("registration.redirect_uri_mismatch".into()));
    assert_eq!(admit("spiffe://other.example/web", None), Err("registration.not_permitted".into()));
    let refused = component.read_client_record("{}").expect("an answer");
    assert_eq!(code(&refused), "registration.record_malformed");
}
