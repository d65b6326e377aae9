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
    assert_eq!(said.out, format!("GOOD  {good}: 1 issuer, 2 rules\n"), "{said:?}");

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
    let said = run(&["policy", "check", &bad, "--format", "human", "--color", "always"]);
    assert!(said.out.contains("\u{1b}[1m\u{1b}[31merror") && said.out.contains("remedy:\u{1b}[0m"), "{:?}", said.out);
    let said = run(&["policy", "check", &bad, "--format", "human"]);
    assert_harmless(&said.out);
}

#[test]
fn warnings_refuse_where_that_is_asked() {
    let files = Files::new();
    let policy = files.put("policy.toml", format!("expose = \"full\"\n{GOOD}"));
    let said = run(&["policy", "check", &policy]);
    assert_eq!((said.code, &said.json()["warnings"][0]["code"]), (Some(0), &"policy.expose_full".into()));
    let said = run_human(&["policy", "check", &policy]);
    assert!(said.out.ends_with(": 1 warning, 1 issuer, 2 rules\n"), "{}", said.out);
    let said = run_human(&["policy", "check", "--deny-warnings", &policy]);
    assert_eq!(said.code, Some(2));
    assert!(said.out.contains("warning[policy.expose_full]"), "{}", said.out);
    assert!(said.out.contains("REFUSED  ") && said.out.ends_with(": 1 warning\n"), "{}", said.out);
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
    let said = run_human(&["policy", "explain", &policy, "https://api.example/reports/7"]);
    for part in ["  1. request ", "  2. rule ", "  3. credential ", "       signature ", "  4. scope "] {
        assert!(said.out.contains(&format!("\n{part}")), "{part}: {}", said.out);
    }
    let said = run_human(&["policy", "explain", &policy, "-X", "POST", "https://api.example/reports/7"]);
    assert!(said.out.contains("none matches: denied"), "{}", said.out);
    let said = run_human(&["policy", "explain", &policy, "https://api.example/a//b"]);
    assert!(said.out.contains("refused with 400 request.path_ambiguous"), "{}", said.out);
    let bad = files.put("bad.toml", "origins = 7");
    let said = run(&["policy", "explain", &bad, "https://api.example/"]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("policy.wrong_type") && said.err.contains("line 1"), "{}", said.err);
    assert_eq!((&said.json()["ok"], &said.json()["errors"][0]["line"]), (&false.into(), &1.into()));
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
    let bad = files.put("bad.toml", GOOD.replace("issuer = ", "isuer = "));
    let said = run(&["policy", "export", &bad, "--for", "browser"]);
    assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{said:?}");
    // Every problem, each with its remedy.
    assert!(said.err.contains("bad.toml: 2 errors") && said.err.matches("remedy:").count() == 2, "{}", said.err);
    assert!(said.err.contains("policy.unknown_member at issuers[1].isuer, line 5"), "{}", said.err);
}

#[test]
fn what_is_missing_is_told_with_an_example() {
    let files = Files::new();
    let bad = files.put("bad.toml", GOOD.replace("issuer = \"https://idp.example\"\n", ""));
    let said = run_human(&["policy", "check", &bad]);
    assert_eq!(said.code, Some(2), "{said:?}");
    let told = said.out + &said.err;
    assert!(told.contains("add it, for example: issuer = \"https://"), "{told}");
}

#[test]
fn an_export_for_envoy_is_the_whole_policy_or_why_a_filter_cannot_have_it() {
    let files = Files::new();
    let with = GOOD.to_owned() + "\n[envoy]\nclusters = { \"https://idp.example\" = \"idp\" }\n";
    let policy = files.put("policy.toml", with.clone());
    let out = files.path("filter.json").to_string_lossy().into_owned();
    let said = run(&["policy", "export", &policy, "--for", "envoy", "--out", &out]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let exported = std::fs::read_to_string(&out).expect("it was written");
    let exported: serde_json::Value = serde_json::from_str(&exported).expect("JSON");
    assert_eq!(exported["envoy"]["clusters"]["https://idp.example"], "idp");
    assert_eq!(run(&["policy", "check", &out]).code, Some(0), "every other host takes it too");
    let policy = files.put("shared.toml", format!("replay = \"shared\"\n{GOOD}"));
    let said = run(&["policy", "export", &policy, "--for", "envoy"]);
    assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{said:?}");
    assert!(said.err.contains("policy.envoy_replay at replay, line 1"), "{}", said.err);
    assert!(said.err.contains("policy.envoy_cluster_missing at issuers[1]."), "{}", said.err);
}

#[test]
fn the_example_passes_its_tests() {
    let said = run_human(&["policy", "test", &example("policy-tests.toml")]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.ends_with("19 passed, 0 failed\n"), "{}", said.out);
    let said = run(&["policy", "test", &example("policy-tests.toml"), "--only", "once it is revoked"]);
    assert_eq!(said.json()["ok"], true);
    assert_eq!(said.json()["decision"]["findings"][0]["code"], "status.revoked");
}

/// Tests of the policy above, in one file.
fn tests(tests: &str) -> String {
    format!("policy = \"policy.toml\"\n\n{tests}")
}

#[test]
fn a_test_that_fails_says_what_came() {
    let files = Files::new();
    files.put("policy.toml", GOOD);
    let tests = files.put(
        "tests.toml",
        tests(
            r#"[[tests]]
name = "a token without the scope is let through"
url = "https://api.example/reports/7"
token = { issuer = "corp", claims = { scope = "openid" } }
expect = { outcome = "allow", principal = { subject = "test" } }

[[tests]]
name = "nobody reads without a token"
url = "https://api.example/reports/7"
expect = { outcome = "deny", status = 401, code = "credential.missing", rule = "read reports" }
"#,
        ),
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
    assert_harmless(&said.out);
    let said = run(&["policy", "test", &tests]);
    assert_eq!(said.code, Some(2), "{said:?}");
    let lines: Vec<serde_json::Value> =
        said.out.lines().map(|line| serde_json::from_str(line).expect("one JSON line a test")).collect();
    assert_eq!((lines.len(), &lines[0]["ok"], &lines[1]["ok"]), (2, &false.into(), &true.into()));
    assert_eq!(lines[0]["file"], tests);
    assert_eq!(
        lines[0]["differences"][0],
        serde_json::json!({"what": "outcome", "expected": "allow", "got": "deny"}),
        "{said:?}"
    );
    assert_eq!(lines[0]["decision"]["status"], 403);
}

#[test]
fn what_is_expected_is_compared_and_each_difference_told() {
    let files = Files::new();
    files.put("policy.toml", GOOD.to_owned() + "\n[upstream]\nset = { X-User = \"subject\" }\n");
    let one = |expect: &str| {
        let url = "https://api.example/reports/7";
        let token = r#"{ issuer = "corp", claims = { sub = "alice", scope = "reports:read x" } }"#;
        let text = format!("[[tests]]\nname = \"a\"\nurl = \"{url}\"\ntoken = {token}\nexpect = {expect}\n");
        run(&["policy", "test", &files.put("tests.toml", tests(&text))])
    };
    let said = one(r#"{ outcome = "allow", status = 200, rule = "read reports", headers = { x-user = "alice" },
        principal = { subject = "alice", client = "test-client", issuer = "https://idp.example",
        scopes = ["x", "reports:read"] } }"#);
    assert_eq!(said.code, Some(0), "{said:?}");
    for (expect, what) in [
        (r#"status = 204"#, "status"),
        (r#"code = "scope.insufficient_scope""#, "code"),
        (r#"rule = "rule 2""#, "rule"),
        (r#"headers = [["X-User", "bob"]]"#, "header"),
        (r#"headers = { X-Other = "alice" }"#, "header"),
        (r#"principal = { subject = "bob" }"#, "principal.subject"),
        (r#"principal = { client = "bob" }"#, "principal.client"),
        (r#"principal = { spiffe_id = "spiffe://a" }"#, "principal.spiffe_id"),
        (r#"principal = { issuer = "https://a" }"#, "principal.issuer"),
        (r#"principal = { scopes = ["reports:read"] }"#, "principal.scopes"),
    ] {
        let said = one(&format!("{{ outcome = \"allow\", {expect} }}"));
        assert_eq!(said.code, Some(2), "{expect}: {said:?}");
        assert_eq!(said.json()["differences"][0]["what"], what, "{expect}");
        assert_eq!(said.json()["differences"].as_array().map(Vec::len), Some(1), "{expect}");
    }
}

#[test]
fn tokens_are_made_as_a_test_says() {
    let files = Files::new();
    let claims = "require = { claims = { email_verified = { equals = false } } }";
    let policy = GOOD.replace("require = { scope = [\"reports:read\"] }", claims);
    files.put("policy.toml", policy);
    let one = |token: &str, more: &str| {
        let text = format!(
            "[[tests]]\nname = \"a\"\nurl = \"https://api.example/reports/7\"\ntoken = {{ issuer = \"corp\", {token} \
             }}\n{more}\nexpect = {{ outcome = \"allow\" }}\n"
        );
        run(&["policy", "test", &files.put("tests.toml", tests(&text))])
    };
    // False is a value like any other, and takes nothing away.
    let verified = "claims = { email_verified = false }";
    assert_eq!(one(verified, "").code, Some(0));
    assert_eq!(one(&format!("{verified}, proof = \"certificate\""), "").code, Some(0));
    for (token, more, code) in [
        ("without = [\"jti\"]", "", "token.access_claim_missing"),
        ("expired = true", "", "token.expired"),
        ("bound = true", "", "proof.scheme_bearer"),
        ("bound = \"certificate\"", "", "mtls.certificate_missing"),
        ("claims = { aud = \"https://other.example\" }", "", "token.audience_mismatch"),
        ("status = \"suspended\"", "", "status.suspended"),
        (
            "status = \"valid\"",
            "resources = { \"https://idp.example/policy-test/valid\" = { status = 404 } }",
            "status.unavailable",
        ),
        ("", "headers = [[\"Authorization\", \"Bearer x\"]]", "request.header_repeated"),
    ] {
        let said = one(token, more);
        assert_eq!(said.code, Some(2), "{token} {more}: {said:?}");
        assert_eq!(said.json()["decision"]["findings"][0]["code"], code, "{token} {more}");
    }
    // Null takes a claim away where tests are written in JSON.
    let test = serde_json::json!({
        "name": "a", "url": "https://api.example/reports/7", "token": {"issuer": "corp", "claims": {"jti": null}},
        "expect": {"outcome": "deny", "code": "token.access_claim_missing"},
    });
    let file = serde_json::json!({"policy": "policy.toml", "tests": [test]});
    let said = run(&["policy", "test", &files.put("tests.json", file.to_string())]);
    assert_eq!(said.code, Some(0), "{said:?}");
}

#[test]
fn keys_of_every_kind_are_replaced() {
    let files = Files::new();
    files.put(
        "policy.toml",
        r#"origins = ["https://api.example"]
[[issuers]]
name = "mac"
algorithms = ["HS256"]
issuer = "https://mac.example"
keys = { keys = [{ kty = "oct", k = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0" }] }
[[issuers]]
name = "urn"
issuer = "urn:ours"
algorithms = ["RS256"]
profile = "jwt"
audience = ["reports"]
keys = "file:/etc/none.json"
status_origins = ["https://status.example"]
status_keys = "https://status.example/jwks"
[[issuers]]
name = "ed"
issuer = "https://ed.example"
algorithms = ["Ed25519", "EdDSA"]
[[trust_domains]]
name = "prod.example"
bundle = "file:/x"
svids = ["x509"]
[[rules]]
issuers = ["mac","urn","ed","prod.example"]
require = {}
"#,
    );
    let tests = files.put(
        "tests.toml",
        tests(
            r#"[[tests]]
name = "mac"
url = "https://api.example/a"
token = { issuer = "mac" }
expect = { outcome = "allow" }
[[tests]]
name = "urn"
url = "https://api.example/a"
token = { issuer = "urn", status = "valid" }
expect = { outcome = "allow" }
[[tests]]
name = "urn revoked"
url = "https://api.example/a"
token = { issuer = "urn", status = "revoked" }
expect = { outcome = "deny", code = "status.revoked" }
[[tests]]
name = "ed"
url = "https://api.example/a"
token = { issuer = "ed" }
expect = { outcome = "allow" }
[[tests]]
name = "an SVID of a kind that is not taken"
url = "https://api.example/a"
svid = { spiffe_id = "spiffe://prod.example/a" }
expect = { outcome = "deny" }
"#,
        ),
    );
    let said = run_human(&["policy", "test", &tests]);
    assert!(said.code == Some(0) && said.out.ends_with("5 passed, 0 failed\n"), "{said:?}");
}

#[test]
fn a_test_knows_nothing_of_the_others() {
    let files = Files::new();
    files.put("policy.toml", GOOD);
    let test = |name: &str, token: &str, expect: &str| {
        format!(
            "[[tests]]\nname = \"{name}\"\nurl = \"https://api.example/reports/7\"\n\
             token = {{ issuer = \"corp\", {token} }}\nexpect = {{ {expect} }}\n"
        )
    };
    // Both name the same list, and only the second brings it along.
    let list = r#"{ status_list = { idx = 0, uri = "https://idp.example/policy-test/valid" } }"#;
    let down = format!(r#"claims = {{ scope = "reports:read", status = {list} }}"#);
    let down = test("down", &down, r#"outcome = "deny", status = 503"#);
    let up = r#"claims = { scope = "reports:read" }, status = "valid""#;
    let up = &test("up", up, r#"outcome = "allow""#);
    let said = run_human(&["policy", "test", &files.put("tests.toml", tests(&format!("{down}{up}{down}")))]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let other = files.put("other.toml", tests(up));
    let said = run_human(&["policy", "test", &other, &files.path("tests.toml").to_string_lossy()]);
    assert!(said.out.contains("other.toml\n") && said.out.ends_with("4 passed, 0 failed\n"), "{}", said.out);
}

#[test]
fn a_file_of_tests_that_is_wrong_does_not_run() {
    let files = Files::new();
    files.put("policy.toml", GOOD);
    let case = "[[tests]]\nname = \"a\"\nurl = \"https://api.example/health\"\nexpect = { outcome = \"allow\" }\n";
    let with = |member: &str| tests(&case.replace("expect", &format!("{member}\nexpect")));
    for (text, told) in [
        (
            tests(&case.replace("expect", "expects")),
            "line 6, column 1: there is no member \"expects\" here; did you mean",
        ),
        (
            tests(&case.replace("\"allow\"", "\"maybe\"")),
            "\"maybe\" is not known here; write one of \"allow\", \"deny\"",
        ),
        (tests(&case.replace("name = \"a\"\n", "")), "the member \"name\" is missing; add it"),
        (tests(""), "has no tests"),
        (format!("policy = \"none.toml\"\n{case}"), "cannot read"),
        (with("token = { issuer = \"other\" }"), "it has corp"),
        (with("token = { issuer = \"corp\", without = [\"audd\"] }"), "no claim \"audd\" that could be taken away"),
        (with("token = { issuer = \"corp\", proof = \"mtls\" }"), "\"dpop\" or \"certificate\""),
        (with("token = { issuer = \"corp\", proof = true, bound = true }"), "take `bound` out"),
        (with("token = { issuer = \"corp\", claims = { exp = 2026-01-01 } }"), "write seconds since 1970"),
        (with("token = { issuer = \"corp\" }\nsvid = { spiffe_id = \"spiffe://a\" }"), "give one"),
        (with("svid = { spiffe_id = \"spiffe://a/b\" }"), "no trust domain \"a\": it has none"),
        (with("headers = 7"), "a list of [name, value]"),
        (with("resources = { \"https://a\" = { failed = true, status = 200 } }"), "what failed has no answer"),
        (with("resources = { \"https://a\" = { body_b64 = \"=\" } }"), "not base64url"),
    ] {
        let tests = files.put("tests.toml", &text);
        let said = run(&["policy", "test", &tests]);
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{text}: {said:?}");
        assert!(
            said.err.contains(told) && said.err.contains("tests.toml") || told == "cannot read",
            "{told}: {}",
            said.err
        );
        assert!(!said.err.contains("\\u000a"), "{}", said.err);
    }
    let good = files.put("tests.toml", tests(case));
    let said = run(&["policy", "test", &good, "--only", "no such name"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("nothing was tried"), "{}", said.err);
    files.put("bad.toml", "origins = 7");
    let said = run(&["policy", "test", &files.put("tests.toml", format!("policy = \"bad.toml\"\n{case}"))]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("policy.wrong_type"), "{}", said.err);
}
