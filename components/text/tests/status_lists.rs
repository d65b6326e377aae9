//! Lists that are kept from one request to the next answer as if they had just been opened.

use std::{fs, path::Path, rc::Rc};

use portcullis_crypto::SoftwareBackend;
use portcullis_text::Door;
use serde_json::{Value, json};

fn door() -> Door {
    Door::new(Rc::new(SoftwareBackend::default()))
}

fn ask(door: &mut Door, request: &Value) -> Value {
    serde_json::from_str(&door.answer(request.to_string().as_bytes(), 0)).unwrap()
}

/// The look-ups of our own corpus, without what is wanted of them; those that inflate for long apart.
fn look_ups() -> Vec<Value> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/status.ndjson");
    let text = fs::read_to_string(file).unwrap();
    let short = |case: &Value| case["op"] == "status.lookup" && case.to_string().len() < 10_000;
    let mut cases: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).filter(short).collect();
    for case in &mut cases {
        let members = case.as_object_mut().unwrap();
        for name in ["want", "source", "note"] {
            members.remove(name);
        }
    }
    cases
}

#[test]
fn a_kept_list_answers_as_a_new_one() {
    let cases = look_ups();
    assert!(cases.len() > 60);
    for case in &cases {
        let mut warm = door();
        let opened = ask(&mut warm, case);
        let mut variants = Vec::new();
        for at in
            [0u64, 1_789_999_899, 1_789_999_900, 1_790_000_000, 1_790_000_001, 1_790_086_399, 1_790_086_400, 1 << 52]
        {
            variants.push(("at", json!(at)));
        }
        for index in [0u64, 1, 2, 63, 64, u64::MAX] {
            variants.push(("index", json!(index)));
        }
        variants.push(("uri", json!("https://example.com/statuslists/2")));
        variants.push(("keys", json!({"keys": []})));
        for (name, value) in variants {
            let mut changed = case.clone();
            changed[name] = value;
            assert_eq!(ask(&mut warm, &changed), ask(&mut door(), &changed), "{changed}");
        }
        assert_eq!(ask(&mut warm, case), opened);
    }
}

#[test]
fn lists_by_turns_are_not_taken_for_each_other() {
    let cases = look_ups();
    let mut warm = door();
    for distance in 1..3 {
        for (at, case) in cases.iter().enumerate() {
            let other = &cases[(at + distance) % cases.len()];
            for one in [case, other, case] {
                assert_eq!(ask(&mut warm, one), ask(&mut door(), one), "{one}");
            }
        }
    }
}

#[test]
fn a_text_is_a_jwt_or_a_cwt_and_not_what_was_opened_as_the_other() {
    let cases = look_ups();
    let named = |id: &str| cases.iter().find(|case| case["id"] == id).unwrap().clone();
    let mut warm = door();
    for (id, from, to) in
        [("status/ok-1bit-valid", "token", "token_b64"), ("status/cwt-ok-valid", "token_b64", "token")]
    {
        let case = named(id);
        assert_eq!(ask(&mut warm, &case)["ok"], true);
        let mut swapped = case.clone();
        swapped[to] = case[from].clone();
        assert_eq!(ask(&mut warm, &swapped)["error"]["code"], "request.malformed", "both forms at once");
        swapped.as_object_mut().unwrap().remove(from);
        assert_eq!(ask(&mut warm, &swapped)["ok"], false);
    }
}

#[test]
fn requests_have_the_members_of_the_contract() {
    let case = look_ups().into_iter().find(|case| case["id"] == "status/ok-1bit-valid").unwrap();
    let mut door = door();
    let answer = ask(&mut door, &case);
    assert_eq!(answer["result"], json!({"value": 0, "status": "valid", "expires": 1_790_086_400u64, "ttl": 43_200}));
    for name in ["token", "keys", "uri", "index"] {
        let mut less = case.clone();
        less.as_object_mut().unwrap().remove(name);
        assert_eq!(ask(&mut door, &less)["error"]["code"], "request.malformed", "{name}");
    }
    let mut more = case.clone();
    more["leeway"] = json!(0);
    assert_eq!(ask(&mut door, &more)["error"]["code"], "request.malformed");
    for (name, value) in [("token", json!(1)), ("uri", json!(null)), ("keys", json!([]))] {
        let mut wrong = case.clone();
        wrong[name] = value;
        assert_eq!(ask(&mut door, &wrong)["error"]["code"], "request.malformed", "{name}");
    }
    for (index, wanted) in [
        (json!(-1), "status.index_negative"),
        (json!(0.5), "status.index_type"),
        (json!("0"), "status.index_type"),
        (json!(null), "status.index_type"),
        (json!(64), "status.index_out_of_range"),
    ] {
        let mut wrong = case.clone();
        wrong["index"] = index;
        assert_eq!(ask(&mut door, &wrong)["error"]["code"], wanted, "{}", wrong["index"]);
    }
    let decode = json!({"id": 1, "op": "status.decode", "bits": 1, "lst": "eNrbuRgAAhcBXQ", "index": 3});
    assert_eq!(ask(&mut door, &decode)["result"], json!({"value": 1}));
    for (name, value, wanted) in [
        ("bits", json!("1"), "status.bits"),
        ("bits", json!(3), "status.bits"),
        ("lst", json!(5), "status.lst_type"),
        ("lst", json!(""), "status.zlib_empty"),
        ("index", json!(16), "status.index_out_of_range"),
        ("more", json!(1), "request.malformed"),
    ] {
        let mut wrong = decode.clone();
        wrong[name] = value;
        assert_eq!(ask(&mut door, &wrong)["error"]["code"], wanted, "{name}");
    }
}
