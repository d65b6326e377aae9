//! `portcullis gate`.
#![cfg(all(feature = "cli", feature = "compiler"))]

mod support;

use std::path::Path;

use serde_json::Value;
use support::bytes;
use support::command::{AT, Files, assert_harmless, run, run_human, run_with};

const POLICY: &str = r#"origins = ["https://api.example"]

[upstream]
set = { X-User = "subject" }

[[issuers]]
name = "corp"
issuer = "https://idp.example"
keys = "https://idp.example/jwks"

[[rules]]
name = "read reports"
path = "/reports/{id}"
require = { scope = ["reports:read"] }

[[rules]]
path = "/health"
anonymous = true
"#;

const URL: &str = "https://api.example/reports/7";

/// A policy, a token and the keys that verify it, as files and arguments.
struct Asked {
    files: Files,
    policy: String,
    header: String,
    resource: String,
}

fn asked(scope: &str) -> Asked {
    let files = Files::new();
    let policy = files.put("policy.toml", POLICY);
    let keys = files.path("keys.json").to_string_lossy().into_owned();
    let claims = serde_json::json!({
        "iss": "https://idp.example", "aud": "https://api.example", "sub": "alice", "client_id": "app", "scope": scope,
    });
    let claims = claims.to_string();
    let minted = run(&["mint", "--typ", "at+jwt", "--claims", &claims, "--keys-out", &keys]);
    assert_eq!(minted.code, Some(0), "{minted:?}");
    let header = format!("Authorization: Bearer {}", minted.out.trim());
    Asked { files, policy, header, resource: format!("https://idp.example/jwks={keys}") }
}

#[test]
fn a_request_is_let_through_with_what_the_upstream_is_told() {
    let asked = asked("reports:read");
    let arguments =
        ["gate", "check", "--policy", &asked.policy, "-H", &asked.header, "--resource", &asked.resource, URL];
    let said = run(&arguments);
    assert_eq!(said.code, Some(0), "{said:?}");
    let result = said.json();
    assert_eq!(result["outcome"], "allow");
    assert_eq!(result["headers"], serde_json::json!([["X-User", "alice"]]));
    assert_eq!(result["principal"]["scopes"], serde_json::json!(["reports:read"]));
    let said = run_human(&arguments);
    for part in ["ALLOWED  (read reports)", "✓ signature", "✓ scope", "subject     alice", "set         X-User: alice"]
    {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
    assert_harmless(&said.out);
}

#[test]
fn a_denial_says_why_and_what_its_client_is_told() {
    let asked = asked("openid");
    let said = run_human(&[
        "gate",
        "check",
        "--policy",
        &asked.policy,
        "-H",
        &asked.header,
        "--resource",
        &asked.resource,
        URL,
    ]);
    assert_eq!(said.code, Some(2), "{said:?}");
    for part in [
        "DENIED 403",
        "✗ scope",
        "scope.insufficient_scope",
        "Answer to the client",
        r#"WWW-Authenticate: Bearer error="insufficient_scope", scope="reports:read""#,
    ] {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
    let said = run(&["gate", "check", "--policy", &asked.policy, "https://api.example/health/../reports"]);
    assert_eq!((said.code, &said.json()["findings"][0]["code"]), (Some(2), &"request.path_ambiguous".into()));
}

#[test]
fn what_is_not_there_could_not_be_had() {
    let asked = asked("reports:read");
    let arguments = ["gate", "check", "--policy", &asked.policy, "-H", &asked.header, URL];
    let said = run(&arguments);
    assert_eq!(said.code, Some(2));
    assert_eq!(said.json()["status"], 503);
    assert_eq!(said.json()["needs"], serde_json::json!(["https://idp.example/jwks"]));
    let said = run_human(&arguments);
    let told = "Could not be had (give them with --resource URL=FILE)\n  https://idp.example/jwks\n";
    assert!(said.out.ends_with(told), "{}", said.out);
    // What is there and is no JWK Set was had, and not taken.
    let resource = format!("https://idp.example/jwks={}", asked.files.put("wrong.json", "7"));
    let said = run_human(&[arguments.as_slice(), &["--resource", &resource]].concat());
    assert!(said.out.contains("\nNot taken\n  https://idp.example/jwks: "), "{}", said.out);
    assert!(!said.out.contains("Could not be had"), "{}", said.out);
}

#[test]
fn a_request_comes_as_json_and_is_decided_as_in_a_batch() {
    let asked = asked("reports:read");
    let value = asked.header.trim_start_matches("Authorization: ");
    let request = serde_json::json!({"method": "GET", "url": URL, "headers": [["Authorization", value]]}).to_string();
    let file = format!("@{}", asked.files.put("request.json", &request));
    let said = run(&["gate", "check", "--policy", &asked.policy, "--request", &file, "--resource", &asked.resource]);
    assert_eq!(said.code, Some(0), "{said:?}");
    // The same through `portcullis batch`, with the policy in its JSON form.
    let keys = asked.resource.split_once('=').expect("URL=FILE").1;
    let keys = std::fs::read_to_string(keys).expect("keys");
    let policy = serde_json::json!({
        "origins": ["https://api.example"],
        "upstream": {"set": {"X-User": "subject"}},
        "issuers": [{"name": "corp", "issuer": "https://idp.example", "keys": "https://idp.example/jwks"}],
        "rules": [
            {"name": "read reports", "path": "/reports/{id}", "require": {"scope": ["reports:read"]}},
            {"path": "/health", "anonymous": true},
        ],
    });
    let line = serde_json::json!({
        "id": 1, "op": "gate.check", "at": AT.parse::<u64>().expect("a time"), "policy": policy,
        "request": serde_json::from_str::<serde_json::Value>(&request).expect("JSON"),
        "resources": {"https://idp.example/jwks": {"status": 200, "body": keys}},
    });
    let batch = run(&["batch", &asked.files.put("batch.ndjson", format!("{line}\n"))]);
    assert_eq!(batch.json()["result"], said.json(), "{batch:?}");
    // A denial is the same as well, and so is what could not be had; the file needs no `@`.
    let line = line.to_string();
    let file = file.trim_start_matches('@');
    for (arguments, line) in [
        (vec!["--seen", "nobody's"], line.replace("\"resources\"", "\"seen\":[\"nobody's\"],\"resources\"")),
        (vec!["--listener", "none"], line.replace("\"resources\"", "\"listener\":\"none\",\"resources\"")),
        (vec![], line.replace("https://idp.example/jwks\":{", "https://idp.example/other\":{")),
    ] {
        let mut all = vec!["gate", "check", "--policy", &asked.policy, "--request", file];
        if !line.contains("/other") {
            all.extend(["--resource", &asked.resource]);
        }
        all.extend(arguments);
        let said = run(&all);
        let batch = run(&["batch", &asked.files.put("batch.ndjson", format!("{line}\n"))]);
        assert_eq!(batch.json()["result"], said.json(), "{all:?}: {batch:?}");
    }
}

#[test]
fn a_request_is_named_in_one_way() {
    let asked = asked("reports:read");
    let policy = asked.policy.as_str();
    let health = "https://api.example/health";
    for arguments in [vec![health], vec!["--url", health], vec!["--method", "GET", "--url", health]] {
        let said = run(&[&["gate", "check", "--policy", policy], arguments.as_slice()].concat());
        assert_eq!(said.code, Some(0), "{arguments:?}: {said:?}");
    }
    let request = serde_json::json!({"method": "GET", "url": health, "body_b64": "AAE"}).to_string();
    let file = asked.files.put("request.json", &request);
    let open = || std::fs::File::open(&file).expect("it opens").into();
    assert_eq!(run_with(&["gate", "check", "--policy", policy, "--request", "-"], open()).code, Some(0));
    assert_eq!(run(&["gate", "check", "--policy", policy, "--request", &request]).code, Some(0));
    let two = request.replace("body_b64\"", "body\":\"\",\"body_b64\"");
    for (arguments, told) in [
        (vec!["--url", health, health], "cannot be used"),
        (vec!["--request", &request, health], "cannot be used"),
        (vec!["--request", &request, "--method", "PUT"], "cannot be used"),
        (vec!["--request", "none.json"], "cannot read none.json"),
        (vec!["--request", &two], "two bodies"),
    ] {
        let said = run(&[&["gate", "check", "--policy", policy], arguments.as_slice()].concat());
        assert_eq!(said.code, Some(1), "{arguments:?}: {said:?}");
        assert!(said.err.contains(told), "{told}: {}", said.err);
    }
}

#[test]
fn wrong_arguments_do_not_run() {
    let asked = asked("reports:read");
    let bad = asked.files.put("bad.toml", "origins = 7");
    for (arguments, told) in [
        (vec!["--policy", &bad, URL], "policy.wrong_type"),
        (vec!["--policy", &asked.policy], "URL"),
        (vec!["--policy", &asked.policy, "-H", "nothing", URL], "no colon"),
        (vec!["--policy", &asked.policy, "--resource", "nothing", URL], "URL=FILE"),
        (vec!["--policy", &asked.policy, "--request", "{}"], "method"),
        (vec!["--policy", &asked.policy, "--client-cert", &asked.policy, URL], "client certificate"),
    ] {
        let said = run(&[&["gate", "check"], arguments.as_slice()].concat());
        assert_eq!(said.code, Some(1), "{arguments:?}: {said:?}");
        assert!(said.err.contains(told), "{told}: {}", said.err);
    }
    let said = run(&["gate", "check", "--policy", &asked.policy, "--listener", "none", URL]);
    assert_eq!((said.code, &said.json()["findings"][0]["code"]), (Some(2), &"gate.listener_unknown".into()));
}

/// A case's members as arguments, where they can all be said on the command line.
fn arguments(files: &Files, case: &Value) -> Option<Vec<String>> {
    // What a host has and the command line has not: nonces, a memory that began, a store of clients, randomness.
    if ["nonces", "replay_since", "records", "fresh"].iter().any(|name| !case[name].is_null()) {
        return None;
    }
    let mut arguments: Vec<String> = Vec::new();
    let mut put = |option: &str, value: String| arguments.extend([option.to_owned(), value]);
    put("--policy", files.put("policy.json", case["policy"].to_string()));
    put("--request", files.put("request.json", case["request"].to_string()));
    for (number, (url, resource)) in case["resources"].as_object().into_iter().flatten().enumerate() {
        let resource = resource.as_object()?;
        let whole = resource.keys().all(|name| name == "body" || (name == "status" && resource[name] == 200));
        let body = resource.get("body").filter(|_| whole)?.as_str()?;
        put("--resource", format!("{url}={}", files.put(&format!("resource{number}"), body)));
    }
    if let Some(certificate) = case["client_certificate"].as_object() {
        for (number, der) in certificate.get("chain")?.as_array()?.iter().enumerate() {
            put("--client-cert", files.put(&format!("{number}.der"), bytes(der)));
        }
    }
    if let Some(listener) = case["listener"].as_str() {
        put("--listener", listener.to_owned());
    }
    for identifier in case["seen"].as_array().into_iter().flatten() {
        put("--seen", identifier.as_str()?.to_owned());
    }
    Some(arguments)
}

#[test]
fn cases_of_the_gate_are_decided_as_in_a_batch() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/gate");
    let groups = std::fs::read_dir(folder).expect("the cases of the gate").map(|entry| entry.expect("a file").path());
    let text: String = groups.map(|path| std::fs::read_to_string(path).expect("a group of cases")).collect();
    let files = Files::new();
    let (mut cases, mut lines) = (Vec::new(), String::new());
    for line in text.lines() {
        let mut case: Value = serde_json::from_str(line).expect("a case");
        if case["op"] != "gate.check" || case["at"].as_u64() != AT.parse().ok() {
            continue;
        }
        for beside in ["want", "source"] {
            case.as_object_mut().and_then(|case| case.remove(beside));
        }
        lines.push_str(&format!("{case}\n"));
        cases.push(case);
    }
    let batch = run(&["batch", &files.put("batch.ndjson", &lines)]);
    let answers: Vec<Value> = batch.out.lines().map(|line| serde_json::from_str(line).expect("an answer")).collect();
    assert_eq!(answers.len(), cases.len());
    let (mut compared, mut with_certificate, mut with_seen) = (0, 0, 0);
    for (number, (case, answer)) in cases.iter().zip(&answers).enumerate() {
        // Policies that are refused have no result; of what is usual, every fourth case is enough.
        let (certificate, seen) = (!case["client_certificate"].is_null(), !case["seen"].is_null());
        if answer["ok"] != true || !(certificate || seen || number % 4 == 0) {
            continue;
        }
        let files = Files::new();
        let Some(arguments) = arguments(&files, case) else { continue };
        let arguments: Vec<&str> = ["gate", "check"].into_iter().chain(arguments.iter().map(String::as_str)).collect();
        let said = run(&arguments);
        let result = &answer["result"];
        assert_eq!(said.code, Some(if result["outcome"] == "allow" { 0 } else { 2 }), "{}: {said:?}", case["id"]);
        assert_eq!(&said.json(), result, "{}", case["id"]);
        compared += 1;
        with_certificate += usize::from(certificate);
        with_seen += usize::from(seen);
    }
    let enough = compared >= 150 && with_certificate >= 20 && with_seen >= 3;
    assert!(
        enough,
        "only {compared} were compared, {with_certificate} with a certificate, {with_seen} with a used proof"
    );
}
