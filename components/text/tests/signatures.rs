//! `http.signature` and `signature.prepare`: their members, and that what is prepared verifies.

use std::{fs, path::Path, rc::Rc};

use portcullis_crypto::SoftwareBackend;
use portcullis_text::Door;
use serde_json::{Value, json};

fn ask(request: &Value) -> Value {
    let mut door = Door::new(Rc::new(SoftwareBackend::default()));
    serde_json::from_str(&door.answer(request.to_string().as_bytes(), 1_790_000_000)).unwrap()
}

/// A case of our own corpus, without what is wanted of it.
fn case(id: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/http-signature.ndjson");
    let text = fs::read_to_string(file).unwrap();
    let mut cases = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut case = cases.find(|case| case["id"] == id).unwrap();
    for name in ["want", "source", "note"] {
        case.as_object_mut().unwrap().remove(name);
    }
    case
}

fn code(request: &Value) -> String {
    ask(request)["error"]["code"].as_str().unwrap_or_default().into()
}

#[test]
fn what_verified_is_told() {
    let told = ask(&case("http-signature/ok-expires"));
    assert_eq!(
        told["result"],
        json!({
            "label": "sig1",
            "keyid": "canon-1",
            "components": ["@method", "@authority", "@path", "@query", "content-digest"],
            "algorithm": "Ed25519",
            "created": 1_789_999_995,
            "expires": 1_790_000_060,
        })
    );
    let mut explained = case("http-signature/expired");
    explained["explain"] = json!(true);
    let findings = ask(&explained)["findings"].clone();
    assert_eq!(findings.as_array().unwrap().last().unwrap()["code"], "signature.expired");
}

#[test]
fn requests_have_the_members_of_the_contract() {
    let ok = case("http-signature/ok");
    let with = |name: &str, value: Value| {
        let mut other = ok.clone();
        other[name] = value;
        other
    };
    let within = |outer: &str, name: &str, value: Value| {
        let mut other = ok.clone();
        other[outer][name] = value;
        other
    };
    for (name, value) in [
        ("more", json!(1)),
        ("tag", json!("x")),
        ("related_request", ok["request"].clone()),
        ("response", json!({"status": 200, "headers": []})),
        ("keys", json!([])),
        ("label", json!(1)),
        ("require", json!([])),
        ("require", json!({"more": 1})),
        ("require", json!({"components": "date"})),
        ("require", json!({"parameters": ["date"]})),
        ("skew", json!(-1)),
        ("structured_fields", json!({"x": "map"})),
    ] {
        assert_eq!(code(&with(name, value.clone())), "request.malformed", "{name} {value}");
    }
    for (name, value) in [
        ("more", json!(1)),
        ("form", json!({})),
        ("status", json!(200)),
        ("method", json!(null)),
        ("headers", json!({})),
        ("headers", json!([["a"]])),
        ("trailers", json!("a")),
        ("body_b64", json!("AA")),
        ("target", json!(1)),
    ] {
        assert_eq!(code(&within("request", name, value.clone())), "request.malformed", "{name} {value}");
    }
    for name in ["request", "keys"] {
        let mut less = ok.clone();
        less.as_object_mut().unwrap().remove(name);
        assert_eq!(code(&less), "request.malformed", "{name}");
    }
    for response in [
        json!({"headers": []}),
        json!({"status": "200", "headers": []}),
        json!({"status": 70_000, "headers": []}),
        json!({"status": 200}),
        json!({"status": 200, "headers": [], "url": "https://a/"}),
    ] {
        let mut other = ok.clone();
        other.as_object_mut().unwrap().remove("request");
        other["response"] = response.clone();
        assert_eq!(code(&other), "request.malformed", "{response}");
    }
    let mut only = ok.clone();
    only.as_object_mut().unwrap().remove("label");
    assert_eq!(ask(&only)["ok"], true, "the only signature is meant");
    let mut bytes = ok.clone();
    bytes["request"].as_object_mut().unwrap().remove("body");
    assert_eq!(code(&bytes), "signature.body_unavailable");
    bytes["request"]["body_b64"] = json!("eyJoZWxsbyI6ICJ3b3JsZCJ9");
    assert_eq!(ask(&bytes)["ok"], true);
    bytes["request"]["target"] = json!("/elsewhere");
    assert_eq!(ask(&bytes)["ok"], true, "the target is not covered");
}

#[test]
fn expectations_are_heard() {
    let ok = case("http-signature/ok");
    let code = |name: &str, value: Value| {
        let mut other = ok.clone();
        other[name] = value;
        code(&other)
    };
    assert_eq!(code("require", json!({"components": ["@method", "\"content-digest\""]})), "");
    assert_eq!(code("require", json!({"components": ["@method;req"]})), "signature.component_not_covered");
    assert_eq!(code("require", json!({"components": ["@methods"]})), "signature.component_unknown");
    assert_eq!(code("require", json!({"created_within": 5})), "");
    assert_eq!(code("require", json!({"created_within": 4})), "signature.too_old");
    for name in ["expires", "nonce", "tag", "alg"] {
        assert_eq!(code("require", json!({"parameters": [name]})), "signature.parameter_missing", "{name}");
    }
    assert_eq!(code("require", json!({"parameters": ["created", "keyid"]})), "");
    assert_eq!(code("at", json!(1_789_999_994)), "signature.created_in_future");
    let mut early = ok.clone();
    (early["at"], early["skew"]) = (json!(1_789_999_994), json!(1));
    assert_eq!(ask(&early)["ok"], true);
    assert_eq!(code("algorithms", json!(["EdDSA"])), "");
    assert_eq!(code("algorithms", json!(["ES256"])), "signature.algorithm_not_accepted");
}

#[test]
fn what_is_prepared_is_what_is_verified() {
    let verified = case("http-signature/ok-nonce");
    let mut unsigned = verified["request"].clone();
    let headers = unsigned["headers"].as_array_mut().unwrap();
    headers.retain(|header| !header[0].as_str().unwrap().starts_with("Signature"));
    let prepare = json!({
        "id": 1,
        "op": "signature.prepare",
        "request": unsigned,
        "label": "sig1",
        "components": ["@method", "@authority", "@path", "@query", "content-digest"],
        "parameters": {"created": 1_789_999_995, "nonce": "abc", "keyid": "canon-1"},
    });
    let told = ask(&prepare)["result"].clone();
    assert!(told["base"].as_str().unwrap().starts_with("\"@method\": POST\n\"@authority\": www.example.com\n"));
    assert_eq!(
        told["input"],
        "sig1=(\"@method\" \"@authority\" \"@path\" \"@query\" \"content-digest\")\
         ;created=1789999995;nonce=\"abc\";keyid=\"canon-1\""
    );
    let refused = |name: &str, value: Value| {
        let mut other = prepare.clone();
        other[name] = value;
        code(&other)
    };
    assert_eq!(refused("label", json!("Sig")), "signature.label_form");
    assert_eq!(refused("components", json!(["date"])), "signature.field_missing");
    assert_eq!(refused("components", json!("date")), "request.malformed");
    assert_eq!(refused("parameters", json!({"created": "now"})), "request.malformed");
    assert_eq!(refused("parameters", json!({"more": 1})), "request.malformed");
    assert_eq!(refused("parameters", json!({"nonce": "\u{e9}"})), "signature.parameter_value");
    assert_eq!(refused("key", json!({})), "request.malformed", "no key ever comes in");
    assert_eq!(refused("request", verified["request"].clone()), "signature.label_repeated");
    let mut strict = prepare.clone();
    strict["request"]["headers"].as_array_mut().unwrap().push(json!(["Example-Dict", "a=1,  b"]));
    strict["components"] = json!(["example-dict;sf"]);
    assert_eq!(code(&strict), "signature.field_type_unknown");
    strict["structured_fields"] = json!({"example-dict": "dictionary"});
    assert!(ask(&strict)["result"]["base"].as_str().unwrap().starts_with("\"example-dict\";sf: a=1, b\n"));
    let response = json!({
        "id": 1, "op": "signature.prepare", "label": "r", "components": ["@status", "@method;req", "x;tr"],
        "response": {"status": 200, "headers": [], "trailers": [["X", "y"]]}, "related_request": prepare["request"],
    });
    let base = ask(&response)["result"]["base"].clone();
    assert!(base.as_str().unwrap().starts_with("\"@status\": 200\n\"@method\";req: POST\n\"x\";tr: y\n"), "{base}");
}
