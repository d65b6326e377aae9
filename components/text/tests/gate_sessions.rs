//! Gates and evaluations held through the text door.

use std::rc::Rc;

use portcullis_crypto::SoftwareBackend;
use portcullis_text::Door;
use serde_json::{Value, json};

const NOW: u64 = 1_790_000_000;
const JWKS: &str = "https://idp.example/jwks";

fn door() -> Door {
    Door::new(Rc::new(SoftwareBackend::default()))
}

/// Asks with an `id`, and gives the result, or the code of the refusal.
fn ask(door: &mut Door, request: Value) -> Result<Value, String> {
    let mut request = request;
    request["id"] = json!(1);
    let answer: Value = serde_json::from_str(&door.answer(request.to_string().as_bytes(), NOW)).unwrap();
    match answer["ok"] == true {
        true => Ok(answer["result"].clone()),
        false => Err(answer["error"]["code"].as_str().unwrap().into()),
    }
}

fn policy() -> Value {
    json!({
        "origins": ["https://api.example"],
        "issuers": [{"name": "corp", "issuer": "https://idp.example", "keys": JWKS}],
        "rules": [{"path": "/reports", "require": {}}, {"path": "/health", "anonymous": true}],
    })
}

fn get(path: &str, headers: Value) -> Value {
    json!({"method": "GET", "url": format!("https://api.example{path}"), "headers": headers})
}

/// A token whose signature nobody made.
fn token() -> String {
    let part = |value: Value| portcullis_types::base64url::encode(value.to_string().as_bytes());
    let header = part(json!({"alg": "Ed25519", "typ": "at+jwt", "kid": "a"}));
    format!("Bearer {header}.{}.{}", part(json!({"iss": "https://idp.example"})), "A".repeat(86))
}

#[test]
fn a_gate_is_held_and_an_evaluation_goes_on() {
    let mut door = door();
    let loaded = ask(&mut door, json!({"op": "gate.load", "policy": policy()})).unwrap();
    let gate = &loaded["gate"];
    let due = ask(&mut door, json!({"op": "gate.due", "gate": gate})).unwrap();
    assert_eq!(due["needs"][0]["url"], JWKS);
    assert_eq!(due["needs"][0]["class"], "policy");
    assert_eq!(due["needs"][0]["kind"], "keys");
    let ready = ask(&mut door, json!({"op": "gate.ready", "gate": gate})).unwrap();
    assert_eq!(ready["ready"], false);
    assert_eq!(ready["missing"][0]["name"], "corp");

    let decided =
        ask(&mut door, json!({"op": "gate.start", "gate": gate, "request": get("/health", json!([]))})).unwrap();
    assert_eq!(decided["decision"]["outcome"], "allow");

    let request = get("/reports", json!([["Authorization", token()]]));
    let waiting = ask(&mut door, json!({"op": "gate.start", "gate": gate, "request": request})).unwrap();
    assert_eq!(waiting["needs"][0]["document"]["url"], JWKS);
    let (evaluation, id) = (&waiting["evaluation"], &waiting["needs"][0]["id"]);
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    let keys = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": x}]}).to_string();
    let document = json!({"url": JWKS, "fetched_at": NOW, "status": 200, "body": keys});
    let given = ask(&mut door, json!({"op": "gate.provide", "gate": gate, "documents": [document]})).unwrap();
    assert_eq!(given["findings"], json!([]));
    let other = json!({"url": "https://other.example/", "fetched_at": NOW, "failed": "no"});
    let given = ask(&mut door, json!({"op": "gate.provide", "gate": gate, "documents": [other]})).unwrap();
    assert_eq!(given["findings"][0]["code"], "document.unexpected");
    let answers = json!([{"id": id, "answer": "done"}]);
    let decided = ask(&mut door, json!({"op": "gate.answer", "evaluation": evaluation, "answers": answers})).unwrap();
    assert_eq!(decided["decision"]["outcome"], "deny");
    assert_eq!(decided["decision"]["status"], 401);
    let again = ask(&mut door, json!({"op": "gate.answer", "evaluation": evaluation, "answers": []}));
    assert_eq!(again, Err("gate.handle_unknown".into()), "a decided evaluation is held no more");
    assert_eq!(ask(&mut door, json!({"op": "gate.ready", "gate": gate})).unwrap()["ready"], true);
    assert_eq!(ask(&mut door, json!({"op": "gate.drop", "gate": gate})), Ok(json!({})));
    assert_eq!(ask(&mut door, json!({"op": "gate.due", "gate": gate})), Err("gate.handle_unknown".into()));
}

#[test]
fn what_is_held_is_bounded_and_can_be_given_up() {
    let mut door = door();
    let gates: Vec<Value> = (0..16)
        .map(|_| ask(&mut door, json!({"op": "gate.load", "policy": policy()})).unwrap()["gate"].clone())
        .collect();
    let more = ask(&mut door, json!({"op": "gate.load", "policy": policy()}));
    assert_eq!(more, Err("gate.handles_too_many".into()));
    let start =
        json!({"op": "gate.start", "gate": gates[0], "request": get("/reports", json!([["Authorization", token()]]))});
    let waiting: Vec<Value> =
        (0..1_024).map(|_| ask(&mut door, start.clone()).unwrap()["evaluation"].clone()).collect();
    assert_eq!(ask(&mut door, start.clone()), Err("gate.handles_too_many".into()));
    assert_eq!(ask(&mut door, json!({"op": "gate.forsake", "evaluation": waiting[7]})), Ok(json!({})));
    assert_eq!(
        ask(&mut door, json!({"op": "gate.forsake", "evaluation": waiting[7]})),
        Err("gate.handle_unknown".into())
    );
    assert!(ask(&mut door, start).is_ok());
}

#[test]
fn what_is_malformed_is_no_request_and_what_is_refused_tells_every_error() {
    let mut door = door();
    for request in [
        json!({"op": "gate.load"}),
        json!({"op": "gate.load", "policy": {}, "more": 1}),
        json!({"op": "gate.due", "gate": "1"}),
        json!({"op": "gate.start", "gate": 1}),
        json!({"op": "gate.answer", "evaluation": 1, "answers": [{"id": 1}]}),
        json!({"op": "gate.answer", "evaluation": 1, "answers": [{"id": 1, "answer": "yes"}]}),
    ] {
        assert_eq!(ask(&mut door, request.clone()), Err("request.malformed".into()), "{request}");
    }
    let refused = json!({"op": "gate.load", "policy": {"rules": [{"path": "/x"}]}});
    assert_eq!(ask(&mut door, refused), Err("policy.missing_member".into()));
}

#[test]
fn a_server_is_judged_by_the_gate_and_its_document_says_who_it_is() {
    const BUNDLE: &str = "https://spire.prod.example/bundle";
    const SERVER: &str = "spiffe://prod.example/bundle-server";
    const FILE: &str = "file:/etc/bundle.json";
    let mut door = door();
    let domain = json!({"name": "prod.example", "bundle": BUNDLE, "bundle_profile": "https_spiffe",
        "endpoint_spiffe_id": SERVER, "bundle_initial": FILE});
    let policy = json!({"origins": ["https://api.example"], "trust_domains": [domain], "rules": [{"require": {}}]});
    let gate = ask(&mut door, json!({"op": "gate.load", "policy": policy})).unwrap()["gate"].clone();
    let first = ask(&mut door, json!({"op": "gate.due", "gate": gate})).unwrap()["needs"].clone();
    assert_eq!((&first[0]["url"], first[0].get("server"), first.get(1)), (&json!(FILE), None, None));

    let need = json!({"url": BUNDLE, "class": "policy", "kind": "bundle", "most": 1, "server": SERVER});
    let admit = |door: &mut Door, need: &Value, chain: Value| {
        ask(door, json!({"op": "gate.admit_server", "gate": gate, "need": need, "chain": chain}))
    };
    assert_eq!(admit(&mut door, &need, json!(["AAAA"])), Err("fetch.server_bundle_missing".into()));
    assert_eq!(admit(&mut door, &need, json!(["="])), Err("request.malformed".into()));
    let mut other = need.clone();
    other["server"] = json!("spiffe://prod.example/another");
    assert_eq!(admit(&mut door, &other, json!(["AAAA"])), Err("fetch.server_unexpected".into()));

    let give = |door: &mut Door, server: Value| {
        let mut document = json!({"url": BUNDLE, "fetched_at": NOW, "body": "{\"keys\":[]}"});
        document["server"] = server;
        let given = ask(door, json!({"op": "gate.provide", "gate": gate, "documents": [document]})).unwrap();
        given["findings"][0]["code"].as_str().map(String::from)
    };
    assert_eq!(give(&mut door, json!("spiffe://prod.example/another")), Some("document.unexpected".into()));
    assert_eq!(give(&mut door, json!(SERVER)), None);
    assert_eq!(admit(&mut door, &need, json!(["AAAA"])), Err("svid.certificate_malformed".into()));
}

#[cfg(feature = "clients")]
#[test]
fn a_client_s_record_is_asked_for_stored_and_told_where_another_is_there() {
    let cases = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/clients.ndjson")).unwrap();
    let case = cases.lines().find(|line| line.contains(r#""id":"gate/clients/first","#)).unwrap();
    let case: Value = serde_json::from_str(case).unwrap();
    let mut door = door();
    let gate = ask(&mut door, json!({"op": "gate.load", "policy": case["policy"]})).unwrap()["gate"].clone();
    let start = json!({"op": "gate.start", "gate": gate, "request": case["request"], "listener": "clients",
        "nonces": case["nonces"]});
    let started = ask(&mut door, start).unwrap();
    let (evaluation, need) = (started["evaluation"].clone(), started["needs"][0].clone());
    let agent = "spiffe://example.org/agents/a";
    assert_eq!(need["registration"]["spiffe_id"], agent);
    let mut answer =
        |answer: Value| ask(&mut door, json!({"op": "gate.answer", "evaluation": evaluation, "answers": [answer]}));
    assert_eq!(answer(json!({"id": need["id"], "record": 1})), Err("request.malformed".into()));
    let step = answer(json!({"id": need["id"], "record": null})).unwrap();
    let need = &step["needs"][0];
    let register = &need["register"];
    assert_eq!((&register["spiffe_id"], &register["was"]), (&json!(agent), &Value::Null));
    assert_eq!(register["expires_at"], NOW + 3_600);
    // Somebody else was faster.
    let step = answer(json!({"id": need["id"], "record": register["record"]})).unwrap();
    let client = &step["decision"]["client"];
    assert_eq!((&client["client_id"], &client["registration"]["outcome"]), (&json!(agent), &json!("existing")));
    assert_eq!(client["new"], false);
}
