//! `portcullis gate`.
#![cfg(all(feature = "cli", feature = "compiler"))]

mod support;

use support::command::{AT, Files, assert_harmless, run, run_human};

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
    assert!(said.out.contains("Could not be had") && said.out.contains("https://idp.example/jwks"), "{}", said.out);
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
