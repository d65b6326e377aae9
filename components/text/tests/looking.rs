//! What the door tells hosts that look: checks, lists that stay open, keys, certificates, policies.

use std::rc::Rc;

use portcullis_crypto::SoftwareBackend;
use portcullis_text::Door;
use serde_json::{Value, json};

fn door() -> Door {
    Door::new(Rc::new(SoftwareBackend::default()))
}

fn ask(door: &mut Door, mut request: Value) -> Value {
    request["id"] = json!(1);
    serde_json::from_str(&door.answer(request.to_string().as_bytes(), 1_790_000_000)).unwrap()
}

/// A look-up of our own corpus that is accepted.
fn look_up() -> Value {
    let text = include_str!("../../../tests/corpus/status.ndjson");
    let accepted =
        |case: &Value| case["op"] == "status.lookup" && case["want"]["ok"] == true && case["token"].is_string();
    let mut case = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).find(accepted).unwrap();
    for name in ["want", "source", "note"] {
        case.as_object_mut().unwrap().remove(name);
    }
    case
}

#[test]
fn an_open_list_says_what_a_look_up_says_until_it_is_closed() {
    let mut door = door();
    let case = look_up();
    let looked_up = ask(&mut door, case.clone());
    let mut open = case.clone();
    open["op"] = json!("status.open");
    open.as_object_mut().unwrap().remove("index");
    let list = ask(&mut door, open.clone())["result"]["list"].clone();
    let about = ask(&mut door, json!({"op": "status.describe", "list": list, "at": case["at"]}))["result"].clone();
    let length = about["length"].as_u64().unwrap();
    let counted: u64 = about["counts"].as_array().unwrap().iter().map(|one| one["entries"].as_u64().unwrap()).sum();
    assert_eq!(counted, length, "each entry is counted once");
    let get = json!({"op": "status.get", "list": list, "index": case["index"], "at": case["at"]});
    assert_eq!(ask(&mut door, get.clone())["result"]["value"], looked_up["result"]["value"]);
    let mut late = get.clone();
    late["at"] = json!(1u64 << 52);
    assert_eq!(
        ask(&mut door, late)["error"]["code"],
        "status.expired",
        "what held when it was opened need not hold now"
    );
    let values = |first: u64, count: u64| json!({"op": "status.values", "list": list, "first": first, "count": count});
    assert!(ask(&mut door, values(0, length + 5))["result"]["values"].as_str().unwrap().len() as u64 >= length);
    assert_eq!(ask(&mut door, values(length + 1, 1))["error"]["code"], "status.index_out_of_range");
    assert_eq!(ask(&mut door, json!({"op": "status.close", "list": list}))["ok"], true);
    assert_eq!(ask(&mut door, get)["error"]["code"], "gate.handle_unknown");
    for _ in 0..16 {
        assert_eq!(ask(&mut door, open.clone())["ok"], true);
    }
    assert_eq!(ask(&mut door, open)["error"]["code"], "gate.handles_too_many");
}

#[test]
fn each_check_is_told_where_it_is_asked_for() {
    let mut door = door();
    let mut case = look_up();
    assert!(ask(&mut door, case.clone()).get("findings").is_none());
    case["explain"] = json!(true);
    let told = ask(&mut door, case.clone());
    let findings = told["findings"].as_array().unwrap();
    assert!(
        findings.len() > 5 && findings.iter().all(|finding| finding["passed"] == true),
        "a kept list is opened again"
    );
    case["uri"] = json!("https://other.example/list");
    let refused = ask(&mut door, case.clone());
    let last = refused["findings"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["passed"], &last["code"]), (&json!(false), &refused["error"]["code"]));
    case["explain"] = json!("yes");
    assert_eq!(ask(&mut door, case)["error"]["code"], "request.malformed");
}

#[test]
fn a_policys_text_is_read_as_it_stands() {
    let mut door = door();
    let twice = r#"{"origins": ["https://api.example"], "mode": "report", "mode": "enforce"}"#;
    for op in ["gate.load", "policy.check"] {
        let told = ask(&mut door, json!({"op": op, "policy": twice, "browser": true}));
        assert_eq!(told["error"]["code"], "policy.duplicate_name", "{op}");
        let told = ask(&mut door, json!({"op": op, "policy": "no JSON"}));
        assert_eq!(told["error"]["code"], "policy.syntax", "{op}");
        assert_eq!(ask(&mut door, json!({"op": op, "policy": 7}))["error"]["code"], "request.malformed", "{op}");
    }
    let object = json!({"origins": ["https://api.example"], "rules": [{"path": "/open", "anonymous": true}]});
    for policy in [object.clone(), json!(object.to_string())] {
        assert_eq!(ask(&mut door, json!({"op": "policy.check", "policy": policy, "browser": true}))["ok"], true);
        let explain =
            json!({"op": "policy.explain", "policy": policy, "method": "GET", "url": "https://api.example/open"});
        assert!(!ask(&mut door, explain)["result"]["demands"].as_array().unwrap().is_empty());
    }
}

#[test]
fn what_is_looked_at_is_told_and_never_believed() {
    let mut door = door();
    let token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.";
    let told = ask(&mut door, json!({"op": "jwt.inspect", "token": token}));
    assert_eq!((&told["result"]["header"]["alg"], &told["result"]["claims"]["sub"]), (&json!("none"), &json!("a")));
    assert_eq!(ask(&mut door, json!({"op": "jwt.inspect", "token": "a.b"}))["error"]["code"], "token.parts_missing");
    let secret = json!({"keys": [{"kty": "oct", "kid": "s", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr8"}, {"kty": "EC"}]});
    let told = ask(&mut door, json!({"op": "keys.describe", "keys": secret})).to_string();
    assert!(told.contains("oct") && told.contains("problem") && !told.contains("AyM1SysPpbyD"), "{told}");
    let pem = include_str!("../../gate/tests/certificates/signer.pem");
    let told = ask(&mut door, json!({"op": "svid.inspect", "chain_pem": pem}));
    let [certificate] = &told["result"]["certificates"].as_array().unwrap()[..] else { panic!("{told}") };
    assert!(certificate["subject"].is_string() && certificate["key"].is_string() && certificate["not_after"].is_u64());
    assert_eq!(ask(&mut door, json!({"op": "svid.inspect", "chain_pem": "nothing"}))["ok"], false);
}
