//! Clients that register with their pushed request, and keys that are bound later, at a gateway that runs.

use serde_json::{Value, json};

use super::running::{ATTESTER, Authority, Gateway, INSTANCE, SERVER, URL, field, jwk, place, policy, pop, sign, wall};

const DYNAMIC: &str = "urn:ietf:oauth:parameters:dynamic";
const PAR: &str = "https://as.example/par";
const CALLBACK: &str = "https://client.example.org/cb";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

fn dpop(id: &str, url: &str, now: u64) -> String {
    let claims = json!({"jti": id, "htm": "POST", "htu": url, "iat": now + 5});
    sign(INSTANCE, &json!({"alg": "ES256", "typ": "dpop+jwt", "jwk": jwk(INSTANCE, json!({}))}), &claims)
}

fn pushed(headers: Value) -> Value {
    let form = json!({"client_id": DYNAMIC, "response_type": "code", "redirect_uri": CALLBACK, "state": "s",
        "code_challenge": CHALLENGE, "code_challenge_method": "S256"});
    json!({"request": {"method": "POST", "url": PAR, "headers": headers, "form": form}})
}

/// Attested, with a proof of that and one of DPoP, of these identifiers.
fn attested(ids: (&str, &str), challenge: Option<&str>, now: u64) -> Value {
    let claims = json!({"sub": DYNAMIC, "exp": now + 300, "cnf": {"jwk": jwk(INSTANCE, json!({}))}});
    let header = json!({"alg": "ES256", "kid": "a", "typ": "oauth-client-attestation+jwt"});
    let attestation = sign(ATTESTER, &header, &claims);
    pushed(json!([
        ["OAuth-Client-Attestation", attestation],
        ["OAuth-Client-Attestation-PoP", pop(ids.0, challenge, now)],
        ["DPoP", dpop(ids.1, PAR, now)],
    ]))
}

fn following(url: &str, headers: Value, form: Value, kept: &Value) -> Value {
    json!({"request": {"method": "POST", "url": url, "headers": headers, "form": form}, "pushed": kept})
}

#[test]
fn a_client_that_nobody_registered_is_followed_from_its_pushed_request_to_its_token() {
    let authority = Authority::new();
    let (_folder, path, store) = place(&authority, &json!({}));
    let mut written = policy(&authority, &json!({}));
    written["clients"]["dynamic"] =
        json!({"redirect_hosts": ["client.example.org"], "vouched_by": {"attestation": {}}});
    std::fs::write(&path, written.to_string()).expect("it is written");
    let gateway = Gateway::start(&path, Some(&store), None);
    let now = wall();

    let (answer, told) = gateway.post("/pushed", &attested(("p0", "d0"), None, now));
    assert_eq!((answer.status, &told["error"]), (400, &json!("use_attestation_challenge")), "{told}");
    let challenge = field(&told, "OAuth-Client-Attestation-Challenge").expect("a challenge");
    let good = attested(("p1", "d1"), Some(&challenge), now);
    let (answer, told) = gateway.post("/pushed", &good);
    assert_eq!((answer.status, &told["client"]["vouched_by"]), (200, &json!(["attestation"])), "{told}");
    assert_eq!(told["key_proved"], json!(true));
    let mut kept = told["pushed"].clone();
    let key = told["key"].clone();
    // Both of its proofs count once.
    let (answer, told) = gateway.post("/pushed", &good);
    assert_eq!((answer.status, &told["code"]), (400, &json!("pop.replayed")), "{told}");
    let (answer, told) = gateway.post("/pushed", &attested(("p2", "d1"), Some(&challenge), now));
    assert_eq!((answer.status, &told["code"]), (400, &json!("dpop.replayed")), "{told}");
    let (answer, told) = gateway.post("/pushed", &pushed(json!([["DPoP", dpop("d2", PAR, now)]])));
    assert_eq!((answer.status, &told["code"]), (401, &json!("par.voucher_missing")), "{told}");

    kept["request_uri"] = json!("urn:example:r");
    kept["expires_at"] = json!(now + 90);
    let form = json!({"client_id": DYNAMIC, "request_uri": "urn:example:r"});
    let asked = following("https://as.example/authorize", json!([]), form, &kept);
    let (answer, told) = gateway.post("/pushed/authorization", &asked);
    assert_eq!((answer.status, told), (200, json!({})));

    let form =
        json!({"client_id": DYNAMIC, "grant_type": "authorization_code", "code": "c", "code_verifier": VERIFIER});
    let asked = following(URL, json!([["DPoP", dpop("d3", URL, now)]]), form.clone(), &kept);
    let (answer, told) = gateway.post("/pushed/token", &asked);
    assert_eq!((answer.status, told), (200, json!({"cnf": key})));
    let (answer, told) = gateway.post("/pushed/token", &asked);
    assert_eq!((answer.status, &told["code"]), (400, &json!("dpop.replayed")), "{told}");
    let (answer, told) = gateway.post("/pushed/token", &following(URL, json!([]), form, &kept));
    assert_eq!((answer.status, &told["code"]), (400, &json!("dpop.missing")), "{told}");
}

#[test]
fn without_a_policy_nobody_is_dynamic_and_nobody_names_keys() {
    let authority = Authority::new();
    let (_folder, path, store) = place(&authority, &json!({}));
    let gateway = Gateway::start(&path, Some(&store), None);
    let (answer, told) = gateway.post("/pushed", &pushed(json!([["DPoP", dpop("d0", PAR, wall())]])));
    assert_eq!((answer.status, &told["code"]), (401, &json!("par.disabled")), "{told}");
    let tmb = json!({"jkt": "BWSnEl2pMKF-96Vq8kb23y1ye_NMIqoYuRmG9EybcPQ"});
    let asked = json!({"client_id": SERVER, "tmb": tmb.to_string()});
    let (answer, told) = gateway.post("/bind", &asked);
    assert_eq!((answer.status, &told["code"]), (400, &json!("binding.deferred_not_permitted")), "{told}");

    let mut written = policy(&authority, &json!({}));
    written["clients"]["key_binding"] = json!({"requesters": [SERVER]});
    std::fs::write(&path, written.to_string()).expect("it is written");
    let gateway = Gateway::start(&path, Some(&store), None);
    let (answer, told) = gateway.post("/bind", &asked);
    let wanted = json!({"binding": "deferred", "token_type": "DPoP", "claims": {"cnf": tmb, "tmb": tmb}});
    assert_eq!((answer.status, told), (200, wanted));
}
