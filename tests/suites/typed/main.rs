//! The typed interfaces give what the text door gives, and keys come in every form.

mod clients;
mod dynamic_clients;
mod messages;
mod oauth;
mod ocm;
mod signatures;
mod workloads;

use portcullis_host::{Algorithm, Expectations, Portcullis, Profile, Runtime};
use portcullis_tests::{
    CRYPTO,
    corpus::{self, NOW},
    dist,
};
use serde_json::Value;

fn component(crypto: &str) -> Portcullis {
    let file = match crypto {
        "software" => "components/portcullis.wasm".to_owned(),
        other => format!("components/portcullis-{other}.wasm"),
    };
    let runtime = Runtime::new().expect("the runtime starts");
    let component = runtime.load_file(dist(&file)).expect("it loads");
    Portcullis::new(&component).expect("it is the component")
}

/// Code of a refusal, or `accepted`.
fn code<T>(verdict: &portcullis_host::Verdict<T>) -> &str {
    match verdict {
        Ok(_) => "accepted",
        Err(rejection) => &rejection.code,
    }
}

fn texts(value: &Value) -> Option<Vec<String>> {
    let items = value.as_array()?;
    Some(items.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

fn algorithms(value: &Value) -> Option<Vec<Algorithm>> {
    Some(texts(value)?.iter().filter_map(|name| name.parse().ok()).collect())
}

fn expectations(expect: &Value) -> Expectations {
    Expectations {
        profile: if expect["profile"] == "at+jwt" { Profile::AtJwt } else { Profile::Jwt },
        typ: expect["typ"].as_str().map(str::to_owned),
        issuer: expect["issuer"].as_str().map(str::to_owned),
        audience: texts(&expect["audience"]),
        algorithms: algorithms(&expect["algorithms"]),
        leeway: expect["leeway"].as_u64().unwrap_or(0),
        max_age: expect["max_age"].as_u64(),
        required_claims: texts(&expect["require"]).unwrap_or_default(),
    }
}

#[test]
fn typed_calls_answer_as_the_text_door_does() {
    for crypto in CRYPTO {
        let mut component = component(crypto);
        let mut count = 0;
        for file in ["jws.ndjson", "jwt.ndjson"] {
            for case in corpus::cases(&corpus::own().join(file)) {
                let request = &case.request;
                let text = component.answer(request.to_string().as_bytes(), NOW).expect("an answer");
                let text: Value = serde_json::from_str(&text).expect("JSON");
                let wanted = text["error"]["code"].as_str().unwrap_or("accepted");
                let keys = match component.key_set_from_jwks(request["keys"].to_string().as_bytes()).expect("an answer")
                {
                    Ok(keys) => keys,
                    Err(rejection) => {
                        assert_eq!(rejection.code, wanted, "{}", case.id);
                        continue;
                    }
                };
                let token = request["token"].as_str().expect("a token").as_bytes();
                if case.op == "jws.verify" {
                    let accepted = algorithms(&request["algorithms"]);
                    let verdict = component.verify_jws(token, &keys, accepted.as_deref()).expect("an answer");
                    assert_eq!(code(&verdict), wanted, "{crypto} {}", case.id);
                    if let Ok(verified) = verdict {
                        let header: Value = serde_json::from_str(&verified.header).expect("JSON");
                        assert_eq!(header, text["result"]["header"], "{}", case.id);
                        let payload = portcullis_types::base64url::encode(&verified.payload);
                        assert_eq!(text["result"]["payload"], payload, "{}", case.id);
                    }
                } else {
                    let expect = expectations(&request["expect"]);
                    let at = request["at"].as_u64().unwrap_or(NOW);
                    let verdict = component.verify_jwt(token, &keys, &expect, at).expect("an answer");
                    assert_eq!(code(&verdict), wanted, "{crypto} {}", case.id);
                    let report = component.explain_jwt(token, &keys, &expect, at).expect("an answer");
                    assert_eq!(code(&report.outcome), wanted, "explained: {}", case.id);
                    let failed = report
                        .findings
                        .iter()
                        .filter(|finding| matches!(finding.outcome, portcullis_host::CheckOutcome::Failed(_)))
                        .count();
                    assert_eq!(failed, usize::from(wanted != "accepted"), "one finding decides: {}", case.id);
                    if let Ok(verified) = verdict {
                        let claims: Value = serde_json::from_str(&verified.claims).expect("JSON");
                        assert_eq!(claims, text["result"]["claims"], "{}", case.id);
                        assert_eq!(claims["iss"].as_str(), verified.issuer.as_deref(), "{}", case.id);
                        assert_eq!(claims["sub"].as_str(), verified.subject.as_deref(), "{}", case.id);
                        assert_eq!(claims["exp"].as_f64(), verified.expires, "{}", case.id);
                    }
                }
                count += 1;
            }
        }
        assert!(count > 150, "{count} cases were compared");
    }
}

#[test]
fn keys_come_as_jwk_spki_and_certificate() {
    let mut component = component("software");
    let case =
        corpus::cases(&corpus::own().join("jwt.ndjson")).into_iter().find(|case| case.id == "jwt/ok").expect("jwt/ok");
    let jwk = case.request["keys"]["keys"]
        .as_array()
        .expect("keys")
        .iter()
        .find(|key| key["kid"] == "idp-1")
        .expect("the key of jwt/ok")
        .clone();
    let coordinate = |name: &str| {
        portcullis_types::base64url::decode(jwk[name].as_str().expect("a text").as_bytes()).expect("base64url")
    };
    let key = portcullis_crypto::PublicKey::ec(portcullis_crypto::Curve::P256, &coordinate("x"), &coordinate("y"))
        .expect("a key");
    let spki = portcullis_crypto::spki::encode(&key);
    let token = case.request["token"].as_str().expect("a token").as_bytes();
    let expect = expectations(&case.request["expect"]);

    let keys = component.key_set_from_spki(&spki, Some("idp-1")).expect("an answer").expect("a key set");
    assert_eq!(code(&component.verify_jwt(token, &keys, &expect, NOW).expect("an answer")), "accepted");
    let described = component.describe(&keys).expect("an answer");
    assert_eq!(described.len(), 1);
    assert_eq!(described[0].kind, "EC P-256");
    assert_eq!(described[0].algorithms, [Algorithm::Es256]);
    assert_eq!(described[0].thumbprint.as_deref(), Some(&key.thumbprint()[..]));
    let other = component.key_set_from_spki(&spki, Some("idp-2")).expect("an answer").expect("a key set");
    assert_eq!(code(&component.verify_jwt(token, &other, &expect, NOW).expect("an answer")), "key.unknown");
    assert_eq!(code(&component.key_set_from_spki(&spki[1..], None).expect("an answer")), "key.spki_malformed");

    // A certificate, of which only the key is read: from the corpus of X.509-SVIDs.
    let text = std::fs::read_to_string(corpus::own().join("svid-x509.ndjson")).expect("the corpus");
    let line: Value = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .find(|case: &Value| case["chain"].is_array())
        .expect("a chain");
    let der =
        portcullis_types::base64url::decode(line["chain"][0].as_str().expect("a text").as_bytes()).expect("base64url");
    let keys = component.key_set_from_certificate(&der, None).expect("an answer").expect("a key set");
    assert!(component.describe(&keys).expect("an answer")[0].problem.is_none());
    assert_eq!(code(&component.verify_jwt(token, &keys, &expect, NOW).expect("an answer")), "key.unknown");
    assert_eq!(code(&component.key_set_from_certificate(b"x", None).expect("an answer")), "key.certificate_malformed");
}

#[test]
fn unusable_keys_are_described_and_do_not_spoil_their_set() {
    let mut component = component("software");
    let jwks = br#"{"keys":[{"kty":"EC","crv":"P-256","kid":"bad"},5,
        {"kty":"OKP","crv":"Ed25519","kid":"good","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    let keys = component.key_set_from_jwks(jwks).expect("an answer").expect("a key set");
    let described = component.describe(&keys).expect("an answer");
    let problems: Vec<Option<&str>> =
        described.iter().map(|key| key.problem.as_ref().map(|problem| problem.code.as_str())).collect();
    assert_eq!(problems, [Some("key.member_missing"), Some("key.not_object"), None]);
    assert_eq!(described[2].algorithms, [Algorithm::Ed25519, Algorithm::Eddsa]);
}

#[test]
fn window_tables_give_the_same_answers_as_none() {
    // The same key some hundred times over, good and bad signatures in turn: before its table, when it is built, and
    // after, the answers are the same.
    let mut component = component("wide");
    let case = |id: &str| {
        corpus::cases(&corpus::own().join("jws.ndjson")).into_iter().find(|case| case.id == id).expect("a case")
    };
    let good = case("jws/ok-es256");
    let high = case("jws/ok-high-s");
    let bad = case("jws/payload-changed");
    let keys =
        component.key_set_from_jwks(good.request["keys"].to_string().as_bytes()).expect("an answer").expect("a set");
    for round in 0..3 * portcullis_crypto::TABLE_THRESHOLD {
        for (case, wanted) in [(&good, "accepted"), (&high, "accepted"), (&bad, "crypto.signature_invalid")] {
            let token = case.request["token"].as_str().expect("a token").as_bytes();
            let verdict = component.verify_jws(token, &keys, None).expect("an answer");
            assert_eq!(code(&verdict), wanted, "{} in round {round}", case.id);
        }
    }
}
