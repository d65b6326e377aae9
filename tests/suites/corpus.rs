//! Every line of the corpus, ours and others', through `portcullis batch` with each build of the component.
//!
//! Ours are strict: the answer, the reason and its code. Judgement calls (`*.policy.ndjson`) are decided in
//! `decisions.ndjson`, and strict too.

use std::{collections::BTreeMap, fs, path::PathBuf};

use portcullis_tests::{
    CRYPTO, batch,
    corpus::{self, Case, Want},
    root,
};
use serde_json::Value;

/// Members by id from a file of one object a line.
fn by_id(name: &str) -> BTreeMap<String, Value> {
    let path = root().join("tests").join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines()
        .map(|line| {
            let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{name}: {error}: {line}"));
            (value["id"].as_str().unwrap_or_default().to_owned(), value)
        })
        .collect()
}

fn cases(folder: &PathBuf, policy: bool) -> Vec<Case> {
    corpus::files(folder, policy).iter().flat_map(corpus::cases).collect()
}

/// Asks all cases with one build, and gives each case its answer.
fn ask<'a>(crypto: &str, cases: &'a [Case]) -> impl Iterator<Item = (&'a Case, Value)> {
    let requests: Vec<Value> = cases.iter().map(|case| case.request.clone()).collect();
    let answers = batch::answers(&["--crypto", crypto, "--jobs", "2"], &requests);
    cases.iter().zip(answers).inspect(|(case, answer)| assert_eq!(answer["id"], case.id, "answers come in order"))
}

fn report(failures: Vec<String>, count: usize, what: &str) {
    println!("{count} cases, {} failed: {what}", failures.len());
    assert!(failures.is_empty(), "{what}: {} of {count}\n{}", failures.len(), failures.join("\n"));
}

/// The strict files of a folder.
fn strict(folder: &PathBuf, crypto: &str, pinned: Option<&BTreeMap<String, Value>>) {
    let cases = cases(folder, false);
    assert!(!cases.is_empty(), "there is a corpus at {}", folder.display());
    let mut failures = Vec::new();
    for (case, answer) in ask(crypto, &cases) {
        if let Err(what) = case.want.judge(&answer) {
            failures.push(format!("{}: {what}", case.id));
        }
        if let (Some(pinned), Want::Refused { .. }) = (pinned, &case.want) {
            let code = &answer["error"]["code"];
            match pinned.get(&case.id) {
                Some(pin) if pin["code"] == *code => {}
                Some(pin) => failures.push(format!("{}: the code is {code}, pinned is {}", case.id, pin["code"])),
                None => failures.push(format!("{}: its code {code} is not pinned in tests/codes.ndjson", case.id)),
            }
        }
    }
    report(failures, cases.len(), &format!("{crypto}, {}", folder.display()));
}

/// The judgement calls of a folder, as decided.
fn decided(folder: &PathBuf, crypto: &str) {
    let decisions = by_id("decisions.ndjson");
    let cases = cases(folder, true);
    let mut failures = Vec::new();
    for (case, answer) in ask(crypto, &cases) {
        let got = match answer["ok"] == true {
            true => "accepted",
            false => answer["error"]["code"].as_str().unwrap_or_default(),
        };
        match decisions.get(&case.id) {
            Some(decision) if decision["answer"] == got => {}
            Some(decision) => failures.push(format!("{}: {got}, decided is {}", case.id, decision["answer"])),
            None => failures.push(format!("{}: {got}, and nothing is decided in tests/decisions.ndjson", case.id)),
        }
    }
    report(failures, cases.len(), &format!("{crypto}, judgement calls in {}", folder.display()));
}

#[test]
fn own_cases_are_answered_as_wanted_with_their_codes() {
    let pinned = by_id("codes.ndjson");
    for crypto in CRYPTO {
        strict(&corpus::own(), crypto, Some(&pinned));
    }
}

#[test]
fn third_party_cases_are_answered_as_wanted() {
    let Some(folder) = corpus::third_party() else { return };
    for crypto in CRYPTO {
        strict(&folder, crypto, None);
    }
}

#[test]
fn judgement_calls_are_answered_as_decided() {
    for crypto in CRYPTO {
        decided(&corpus::own(), crypto);
        if let Some(folder) = corpus::third_party() {
            decided(&folder, crypto);
        }
    }
}

#[test]
fn a_wrong_answer_would_be_seen() {
    // The judge itself: what it lets pass is worth no more than what it stops.
    let accepted = serde_json::json!({"id": "x", "ok": true, "result": {"payload": "AA", "more": 1}});
    let refused = serde_json::json!({"id": "x", "ok": false, "error": {"code": "token.expired", "detail": ""}});
    let malformed = serde_json::json!({"id": "x", "ok": false, "error": {"code": "request.malformed", "detail": ""}});
    let no = Want::Refused { why: "expired".into(), malformed: false, error: Value::Null };
    assert!(no.judge(&refused).is_ok());
    assert!(no.judge(&accepted).is_err());
    assert!(no.judge(&malformed).is_err());
    let ends = Want::Refused {
        why: "scope".into(),
        malformed: false,
        error: serde_json::json!({"code_ends": "insufficient-scope"}),
    };
    assert!(ends.judge(&refused).is_err());
    let yes = Want::Ok(serde_json::json!({"payload": "AA"}));
    assert!(yes.judge(&accepted).is_ok());
    assert!(yes.judge(&refused).is_err());
    assert!(Want::Ok(serde_json::json!({"payload": "AB"})).judge(&accepted).is_err());
    assert!(Want::Ok(serde_json::json!({"absent": null})).judge(&accepted).is_err());
}
