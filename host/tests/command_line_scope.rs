//! `portcullis scope`, on requests of the corpus.
#![cfg(all(feature = "cli", feature = "compiler"))]

mod support;

use support::case;
use support::command::{Files, Said, assert_harmless, run, run_human};

/// Asks with a case of the corpus, its members as they stand there.
fn evaluate(id: &str, human: bool) -> Said {
    let case = case("scope.ndjson", id);
    let files = Files::new();
    // One of them as an argument, the other as a file.
    let required = format!("@{}", files.put("required.json", case["required"].to_string()));
    let granted = case["granted"].to_string();
    let mut arguments = vec!["scope", "evaluate", "--granted", &granted, "--required", &required];
    if let Some(resource) = case["resource"].as_str() {
        arguments.extend(["--resource", resource]);
    }
    if human { run_human(&arguments) } else { run(&arguments) }
}

/// The ids of the corpus's cases.
fn ids() -> Vec<String> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus/scope.ndjson");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let cases = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    cases.filter_map(|case| case["id"].as_str().map(str::to_owned)).collect()
}

#[test]
fn every_case_of_the_corpus_ends_as_in_a_batch() {
    let ids = ids();
    assert!(ids.len() > 30, "{}", ids.len());
    for id in ids {
        let case = case("scope.ndjson", &id);
        let said = evaluate(&id, false);
        let answer = said.json();
        let wanted = case["want"]["ok"] == true;
        assert_eq!((said.code, &answer["ok"]), (Some(if wanted { 0 } else { 2 }), &wanted.into()), "{id}: {said:?}");
        if wanted {
            assert_eq!(answer["result"], serde_json::json!({}), "{id}");
        }
        let error = &case["want"]["error"];
        if let Some(end) = error["code_ends"].as_str() {
            assert!(answer["error"]["code"].as_str().is_some_and(|code| code.ends_with(end)), "{id}: {answer}");
        }
        if error["status"].is_number() {
            assert_eq!(answer["error"]["status"], error["status"], "{id}");
        }
    }
}

#[test]
fn enough_is_told_with_its_checks() {
    let said = evaluate("scope/ok-order", true);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.starts_with("ACCEPTED\n") && said.out.contains("✓ scope"), "{}", said.out);
    assert!(!said.out.contains("WWW-Authenticate"), "{}", said.out);
}

#[test]
fn a_shortfall_is_told_with_the_answer_to_the_client() {
    let said = evaluate("scope/missing", true);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.out.starts_with("REFUSED  ") && said.out.contains("scope.insufficient_scope"), "{}", said.out);
    let challenge = "WWW-Authenticate: Bearer error=\"insufficient_scope\", scope=\"write\", resource_metadata=\
                     \"https://api.example.com/.well-known/oauth-protected-resource/photos\"";
    assert!(said.out.contains("status      403\n") && said.out.contains(challenge), "{}", said.out);

    let answer = evaluate("scope/missing", false).json();
    assert_eq!(answer["error"]["status"], 403);
    assert!(answer["error"]["challenge"].as_str().is_some_and(|text| text.starts_with("Bearer error=")), "{answer}");
    assert_eq!(answer["findings"][0]["ok"], false);
}

#[test]
fn claims_come_with_a_body() {
    let arguments = ["scope", "evaluate", "--granted", "{}", "--required", r#"{"claims":{"tenant":"t1"}}"#];
    let answer = run(&arguments).json();
    assert!(answer["error"]["body"].as_str().is_some_and(|body| body.contains("tenant")), "{answer}");
    let said = run_human(&arguments);
    assert!(said.out.contains("\"required_claims\": ["), "{}", said.out);
}

#[test]
fn the_challenge_is_written_as_asked_for() {
    let arguments = ["--granted", "{}", "--required", r#"{"scope":"a"}"#, "--scheme", "DPoP", "--realm", "here"];
    let said = run(&[&["scope", "evaluate"], &arguments[..]].concat());
    let challenge = &said.json()["error"]["challenge"];
    assert_eq!(challenge, r#"DPoP realm="here", error="insufficient_scope", scope="a""#);
}

#[test]
fn the_leeway_counts_for_the_time_of_the_sign_in() {
    let arguments = [
        "scope",
        "evaluate",
        "--granted",
        r#"{"claims":{"auth_time":1789999000}}"#,
        "--required",
        r#"{"max_age":900}"#,
    ];
    assert_eq!(run(&arguments).code, Some(2));
    assert_eq!(run(&[&arguments[..], &["--leeway", "100"]].concat()).code, Some(0));
}

#[test]
fn grants_that_repeat_a_name_are_refused() {
    let granted = r#"{"claims":{"tenant":"t1","tenant":"t2"}}"#;
    let said = run(&["scope", "evaluate", "--granted", granted, "--required", r#"{"claims":{"tenant":"t1"}}"#]);
    assert_eq!((said.code, &said.json()["error"]["code"]), (Some(2), &"json.duplicate_name".into()), "{said:?}");
}

#[test]
fn wrong_arguments_end_with_one() {
    for (granted, required, more) in [
        ("", "{}", &[][..]),
        ("{}", "[]", &[]),
        ("{}", "@/no/such/file", &[]),
        (r#"{"scope":1}"#, "{}", &[]),
        (r#"{"scopes":"a"}"#, "{}", &[]),
        ("{}", r#"{"scope":"a  b"}"#, &[]),
        ("{}", r#"{"scope":""}"#, &[]),
        ("{}", r#"{"acr_values":[]}"#, &[]),
        ("{}", r#"{"claims":{"a":{"equals":1,"contains":1}}}"#, &[]),
        ("{}", r#"{"claims":{"a":null}}"#, &[]),
        ("{}", r#"{"claims":{"a":{"b":1,"b":2}}}"#, &[]),
        // These are enough, and yet nothing is said: the challenge could not have been written.
        ("{}", "{}", &["--resource", "http://api.example"]),
        ("{}", "{}", &["--realm", "\u{7}"]),
        ("{}", "{}", &["--scheme", "basic"]),
    ] {
        let arguments = [&["scope", "evaluate", "--granted", granted, "--required", required], more].concat();
        let said = run(&arguments);
        assert_eq!(said.code, Some(1), "{arguments:?}: {said:?}");
        assert!(!said.err.is_empty() && said.out.is_empty(), "{arguments:?}: {said:?}");
        assert_harmless(&said.err);
    }
}

#[test]
fn texts_of_grants_and_requirements_are_escaped() {
    let required = "{\"claims\":{\"a\u{202e}\u{9b}2J\":1}}";
    let said = run_human(&["scope", "evaluate", "--granted", "{}", "--required", required]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert_harmless(&said.out);
}
