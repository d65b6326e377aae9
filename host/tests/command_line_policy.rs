//! `portcullis policy`.
#![cfg(all(feature = "cli", feature = "compiler"))]

mod support;

use support::command::{Files, assert_harmless, run, run_human, run_with};

const GOOD: &str = r#"origins = ["https://api.example"]

[[issuers]]
name = "corp"
issuer = "https://idp.example"

[[rules]]
name = "read reports"
methods = ["GET"]
path = "/reports/{id}"
require = { scope = ["reports:read"] }

[[rules]]
path = "/health"
anonymous = true
"#;

fn example(name: &str) -> String {
    format!("{}/../examples/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_good_policy_is_good_and_a_mistake_has_its_line_and_remedy() {
    let files = Files::new();
    let good = files.put("policy.toml", GOOD);
    let said = run(&["policy", "check", &good]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(said.json(), serde_json::json!({"ok": true, "errors": [], "warnings": []}));
    let said = run_human(&["policy", "check", &good]);
    assert!(said.out.starts_with("GOOD  ") && said.out.contains("nothing to say"), "{said:?}");

    let bad = files.put("bad.toml", GOOD.replace("issuer = ", "isuer = "));
    let said = run(&["policy", "check", &bad]);
    assert_eq!(said.code, Some(2), "{said:?}");
    let errors = said.json()["errors"].clone();
    assert_eq!(errors[0]["code"], "policy.missing_member");
    assert_eq!(errors[0]["line"], 3);
    assert_eq!((&errors[1]["code"], &errors[1]["line"]), (&"policy.unknown_member".into(), &5.into()));
    assert_eq!(errors[1]["remedy"], "did you mean \"issuer\"?");
    let said = run_human(&["policy", "check", &bad]);
    assert_eq!(said.code, Some(2));
    assert!(said.out.contains("bad.toml:5:1") && said.out.contains("remedy: did you mean"), "{}", said.out);
    assert!(said.out.contains("REFUSED  ") && said.out.contains("2 errors"), "{}", said.out);
    assert_harmless(&said.out);
}

#[test]
fn warnings_refuse_where_that_is_asked() {
    let files = Files::new();
    let policy = files.put("policy.toml", format!("expose = \"full\"\n{GOOD}"));
    let said = run(&["policy", "check", &policy]);
    assert_eq!((said.code, &said.json()["warnings"][0]["code"]), (Some(0), &"policy.expose_full".into()));
    let said = run_human(&["policy", "check", "--deny-warnings", &policy]);
    assert_eq!(said.code, Some(2));
    assert!(said.out.contains("warning[policy.expose_full]"), "{}", said.out);
}

#[test]
fn a_policy_comes_as_json_and_by_standard_input_too() {
    let files = Files::new();
    let json = r#"{"origins":["https://api.example"],"rules":[{"path":"/health","anonymous":true}]}"#;
    let file = files.put("policy.json", json);
    assert_eq!(run(&["policy", "check", &file]).code, Some(0));
    let open = || std::fs::File::open(&file).expect("it opens").into();
    assert_eq!(run_with(&["policy", "check", "-"], open()).code, Some(0));
    let nameless = files.put("policy", json);
    let said = run(&["policy", "check", &nameless]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("--policy-format"), "{}", said.err);
    assert_eq!(run(&["policy", "check", "--policy-format", "json", &nameless]).code, Some(0));
    assert_eq!(run(&["policy", "check", &files.path("none.toml").to_string_lossy()]).code, Some(1));
}

#[test]
fn what_is_asked_of_a_request_is_told_in_its_order() {
    let files = Files::new();
    let policy = files.put("policy.toml", GOOD);
    let said = run(&["policy", "explain", &policy, "https://api.example/reports/7"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let demands = said.json()["demands"].as_array().expect("a list").clone();
    let whats: Vec<&str> = demands.iter().filter_map(|demand| demand["what"].as_str()).collect();
    assert_eq!(whats[..3], ["request", "rule", "credential"]);
    assert_eq!(whats.last(), Some(&"scope"));
    let said = run_human(&["policy", "explain", &policy, "-X", "POST", "https://api.example/reports/7"]);
    assert!(said.out.contains("none matches: denied"), "{}", said.out);
    let said = run_human(&["policy", "explain", &policy, "https://api.example/a//b"]);
    assert!(said.out.contains("refused with 400 request.path_ambiguous"), "{}", said.out);
    let bad = files.put("bad.toml", "origins = 7");
    let said = run(&["policy", "explain", &bad, "https://api.example/"]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("policy.wrong_type") && said.err.contains("line 1"), "{}", said.err);
}

#[test]
fn an_export_is_a_policy_without_what_a_page_may_not_have() {
    let files = Files::new();
    let text = GOOD.to_owned() + "\n[[listeners]]\nname = \"front\"\naddress = \"127.0.0.1:8080\"\n";
    let policy = files.put("policy.toml", text);
    let out = files.path("public.json").to_string_lossy().into_owned();
    let said = run(&["policy", "export", &policy, "--for", "browser", "--out", &out]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let exported = std::fs::read_to_string(&out).expect("it was written");
    assert!(!exported.contains("listeners") && exported.contains("reports:read"), "{exported}");
    assert_eq!(run(&["policy", "check", &out]).code, Some(0));
    let secret = r#"keys = { keys = [{ kty = "oct", k = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0" }] }"#;
    let text = GOOD.replace("issuer = \"https", &format!("algorithms = [\"HS256\"]\n{secret}\nissuer = \"https"));
    let policy = files.put("secret.toml", text);
    let said = run(&["policy", "export", &policy, "--for", "browser"]);
    assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{said:?}");
    assert!(said.err.contains("policy.export_secret") && !said.err.contains("c2VjcmV0"), "{}", said.err);
}

#[test]
fn the_example_passes_its_tests() {
    let said = run_human(&["policy", "test", &example("policy-tests.toml")]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.ends_with("15 passed, 0 failed\n"), "{}", said.out);
    let said = run(&["policy", "test", &example("policy-tests.toml"), "--only", "revoked"]);
    assert_eq!(said.json()["ok"], true);
    assert_eq!(said.json()["decision"]["findings"][0]["code"], "status.revoked");
}

#[test]
fn a_test_that_fails_says_what_came() {
    let files = Files::new();
    files.put("policy.toml", GOOD);
    let tests = files.put(
        "tests.toml",
        r#"policy = "policy.toml"

[[tests]]
name = "a token without the scope is let through"
url = "https://api.example/reports/7"
token = { issuer = "corp", claims = { scope = "openid" } }
expect = { outcome = "allow", subject = "test" }

[[tests]]
name = "nobody reads without a token"
url = "https://api.example/reports/7"
expect = { outcome = "deny", status = 401, code = "credential.missing", rule = "read reports" }
"#,
    );
    let said = run_human(&["policy", "test", &tests]);
    assert_eq!(said.code, Some(2), "{said:?}");
    for part in [
        "FAILED  a token without the scope",
        "outcome: expected allow, got deny",
        "scope.insufficient_scope",
        "✗ scope",
        "ok      nobody reads without a token",
        "1 passed, 1 failed",
    ] {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
}

#[test]
fn a_file_of_tests_that_is_wrong_does_not_run() {
    let files = Files::new();
    files.put("policy.toml", GOOD);
    let case = "[[tests]]\nname = \"a\"\nurl = \"https://api.example/health\"\nexpect = { outcome = \"allow\" }\n";
    for (text, told) in [
        (format!("policy = \"policy.toml\"\n{}", case.replace("expect", "expects")), "expects"),
        (format!("policy = \"none.toml\"\n{case}"), "cannot read"),
        (
            format!("policy = \"policy.toml\"\n{}", case.replace("expect", "token = { issuer = \"other\" }\nexpect")),
            "it has corp",
        ),
        (format!("policy = \"policy.toml\"\n{}", case.replace("\"allow\"", "\"maybe\"")), "maybe"),
    ] {
        let tests = files.put("tests.toml", &text);
        let said = run(&["policy", "test", &tests]);
        assert_eq!(said.code, Some(1), "{text}: {said:?}");
        assert!(said.err.contains(told), "{told}: {}", said.err);
    }
    files.put("bad.toml", "origins = 7");
    let said = run(&["policy", "test", &files.put("tests.toml", format!("policy = \"bad.toml\"\n{case}"))]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("policy.wrong_type"), "{}", said.err);
}
