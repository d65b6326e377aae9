//! The cases of the gate, `tests/gate`, `tests/registry.ndjson`, `tests/clients.ndjson` and `tests/transactions.ndjson`, through
//! `portcullis batch` with each build of the component.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use portcullis_gate::GateCode;
use portcullis_tests::{
    CRYPTO, batch,
    corpus::{self, Case, Want},
    root,
};
use portcullis_types::RuleCode;
use serde_json::{Value, json};

fn cases() -> Vec<Case> {
    let others = [corpus::REGISTRY, corpus::CLIENTS, corpus::INTROSPECTION, corpus::OCM, corpus::TRANSACTIONS]
        .map(|name| corpus::cases(&root().join(name)));
    corpus::gate().into_iter().chain(others.into_iter().flatten()).collect()
}

/// The code that a case wants: the first finding, or that of a refused policy.
fn wanted(case: &Case) -> Option<&str> {
    match &case.want {
        Want::Ok(result) => result["findings"][0]["code"].as_str(),
        Want::Refused { error, .. } => error["code_ends"].as_str(),
    }
}

fn is_allowed(case: &Case) -> bool {
    matches!(&case.want, Want::Ok(result) if result["outcome"] == "allow")
}

#[test]
fn every_case_is_answered_as_wanted_by_each_build() {
    let cases = cases();
    let requests: Vec<Value> = cases.iter().map(|case| case.request.clone()).collect();
    for crypto in CRYPTO {
        let answers = batch::answers(&["--crypto", crypto, "--jobs", "2"], &requests);
        let mut failures = Vec::new();
        for (case, answer) in cases.iter().zip(&answers) {
            assert_eq!(answer["id"], case.id, "answers come in order");
            if let Err(what) = case.want.judge(answer) {
                failures.push(format!("{}: {what}", case.id));
            }
            // What is denied has its reason, whatever the case asks for.
            let result = &answer["result"];
            if result["outcome"] == "deny" && !result["findings"][0]["code"].as_str().is_some_and(corpus::well_formed) {
                failures.push(format!("{}: denied without a code", case.id));
            }
        }
        println!("{} cases, {} failed: {crypto}", cases.len(), failures.len());
        assert!(failures.is_empty(), "{crypto}: {} of {}\n{}", failures.len(), cases.len(), failures.join("\n"));
    }
}

#[test]
fn there_are_enough_cases_and_each_has_its_own_name() {
    let cases = cases();
    assert!(cases.len() >= 240, "{} cases", cases.len());
    let mut ids = BTreeSet::new();
    for case in &cases {
        assert!(ids.insert(&case.id), "{} stands there twice", case.id);
        assert!(case.id.starts_with("gate/") && case.op == "gate.check", "{}", case.id);
        assert!(is_allowed(case) || wanted(case).is_some(), "{} is denied and does not say for what", case.id);
    }
    // What is let through has a case beside it that differs in one thing and is denied.
    let denied: Vec<&str> = cases.iter().filter(|case| !is_allowed(case)).map(|case| case.id.as_str()).collect();
    for case in cases.iter().filter(|case| is_allowed(case)) {
        let control = denied.iter().any(|id| id.strip_prefix(&case.id).is_some_and(|rest| rest.starts_with('/')));
        assert!(control, "{} has no control", case.id);
    }
}

#[test]
fn every_code_of_the_gate_is_shown() {
    let cases = cases();
    let mut shown: BTreeSet<&str> = cases.iter().filter_map(wanted).collect();
    let text = fs::read_to_string(root().join("tests/codes-elsewhere.ndjson")).expect("it reads");
    let elsewhere: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    shown.extend(elsewhere.iter().filter_map(|line| line["code"].as_str()));
    let missing: Vec<&str> =
        GateCode::ALL.iter().map(|code| code.entry().code).filter(|code| !shown.contains(code)).collect();
    assert!(missing.is_empty(), "no case and no test shows {missing:?}");
}

#[test]
fn the_cases_are_of_every_group() {
    let mut groups: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for case in cases() {
        let group = case.id.split('/').nth(1).unwrap_or_default().to_owned();
        let (allowed, denied) = groups.entry(group).or_default();
        *if is_allowed(&case) { allowed } else { denied } += 1;
    }
    for (group, (allowed, denied)) in &groups {
        println!("{group}: {allowed} allowed, {denied} denied");
        assert!(*denied > 0, "{group}");
    }
    assert!(groups.len() >= 12, "{groups:?}");
}

#[test]
fn a_wrong_decision_would_be_seen() {
    let cases = cases();
    let allow = cases.iter().find(|case| is_allowed(case)).expect("one is allowed");
    let deny = cases.iter().find(|case| !is_allowed(case)).expect("one is denied");
    let answer = |outcome: &str, status: u16, findings: Value| json!({"id": "x", "ok": true, "result": {"outcome": outcome, "status": status, "findings": findings}});
    let code = wanted(deny).expect("it says for what");
    let status = match &deny.want {
        Want::Ok(result) => result["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or_default(),
        Want::Refused { .. } => 0,
    };
    assert!(allow.want.judge(&answer("deny", 401, json!([{"code": "token.expired"}]))).is_err());
    assert!(allow.want.judge(&answer("allow", 200, json!([{"code": code}]))).is_err(), "let through, though reported");
    assert!(deny.want.judge(&answer("allow", 200, json!([]))).is_err());
    assert!(deny.want.judge(&answer("deny", status, json!([{"code": "another.code"}]))).is_err());
    assert!(deny.want.judge(&answer("deny", status + 1, json!([{"code": code}]))).is_err());
}
