//! What a client is told, and denials that are only reported.

use serde_json::{Value, json};

use super::make::{CLIENT_KEY, Check, Group, Key, NOW, Want, entry, proof, signed, token};

pub(super) fn cases() -> Group {
    let mut group = Group::new("told");
    codes(&mut group);
    full(&mut group);
    report(&mut group);
    report_of_a_rule(&mut group);
    unverified(&mut group);
    group
}

/// A request of each kind of denial.
fn denials() -> Vec<(&'static str, Check, u16, &'static str)> {
    let good = token(&json!({}));
    let scope = Check::new().require(json!({"scope": ["a"]}));
    let unavailable = Check::new().policy("issuers/0/keys", "https://10.9.8.7/secret-path/jwks");
    vec![
        ("request", Check::new().path("/a//b"), 400, "request.path_ambiguous"),
        ("missing", Check::new(), 401, "credential.missing"),
        ("opaque", Check::new().bearer("x"), 401, "token.opaque"),
        (
            "unverified",
            Check::new().bearer(&signed(Key::Ed(9), &json!({}), &json!({}))),
            401,
            "crypto.signature_invalid",
        ),
        ("expired", Check::new().bearer(&token(&json!({"exp": NOW - 60}))), 401, "token.expired"),
        ("rights", scope.bearer(&good), 403, "scope.absent_insufficient_scope"),
        ("rule", Check::new().path("/x").bearer(&good), 403, "rule.none_matches"),
        ("unknown", unavailable.bearer(&good), 503, "keys.unavailable"),
    ]
}

/// `expose = "codes"`, and where nothing is said.
fn codes(group: &mut Group) {
    let bodies = [
        json!({"error": "invalid_request", "code": "request.path_ambiguous"}),
        json!({"code": "credential.missing"}),
        json!({"error": "invalid_token", "code": "token.opaque"}),
        json!({"error": "invalid_token"}),
        json!({"error": "invalid_token"}),
        json!({"error": "insufficient_scope", "code": "scope.absent_insufficient_scope"}),
        json!({"code": "rule.none_matches"}),
        json!({"error": "temporarily_unavailable"}),
    ];
    for ((name, check, status, code), body) in denials().into_iter().zip(bodies) {
        group
            .about("Client: the first code; before a credential has verified, only codes about its form and invalid_token.")
            .case(&format!("codes-{name}"), &check.policy("expose", "codes"), &Want::deny(status, code).body(body.clone()));
        if name == "unknown" {
            let named =
                Check::new().policy("rules/0/name", "secret rule").policy("issuers/0/keys", "https://a.example/k");
            group.about("A 503 body is constant, with Retry-After.").case(
                "codes-unknown-again",
                &named.bearer(&token(&json!({"sub": "someone"}))),
                &Want::deny(503, "keys.unavailable").body(body),
            );
        }
    }
    let list = Check::new().bearer(&token(&entry(0, "https://10.1.1.1/list")));
    let bound = token(&json!({"cnf": {"jkt": CLIENT_KEY.thumbprint()}}));
    let wrong = proof(CLIENT_KEY, &bound, &json!({}), &json!({"htm": "PUT"}));
    group
        .about("Client: nothing of URLs and addresses.")
        .case("codes-url", &list, &Want::deny(401, "status.uri_not_allowed").body(json!({"error": "invalid_token"})))
        .case(
            "codes-proof",
            &Check::new().dpop(&bound, &wrong),
            &Want::deny(401, "dpop.method_mismatch").body(json!({"error": "invalid_dpop_proof"})),
        );
}

/// `expose = "full"` is for development.
fn full(group: &mut Group) {
    let bodies = [
        json!({"error": "invalid_request", "code": "request.path_ambiguous", "detail": "the path has an empty segment (//)",
            "rule": "RFC 3986 section 6; docs/decisions.md"}),
        json!({"code": "credential.missing", "detail": "the request has no credential", "rule": "RFC 6750 section 3.1"}),
        json!({"error": "invalid_token", "code": "token.opaque",
            "detail": "the token is no JWT, and no introspection is configured", "rule": "docs/policy.md"}),
        Value::Null,
        json!({"error": "invalid_token", "code": "token.expired",
            "detail": format!("exp was {} and it is {NOW}, with a leeway of 30 seconds", NOW - 60),
            "rule": "RFC 7519 section 4.1.4"}),
        json!({"error": "insufficient_scope", "code": "scope.absent_insufficient_scope",
            "detail": "the token grants no scope", "rule": "RFC 6750 section 3.1"}),
        json!({"code": "rule.none_matches", "detail": "no rule is for this method and path", "rule": "docs/policy.md"}),
        json!({"error": "temporarily_unavailable", "code": "keys.unavailable",
            "detail": "document.failed: it is not among the resources",
            "rule": "docs/decisions.md"}),
    ];
    for ((name, check, status, code), body) in denials().into_iter().zip(bodies) {
        let want = Want::deny(status, code);
        let want = if body.is_null() { want } else { want.body(body) };
        group.about("expose = \"full\" puts details into bodies, for development.").case(
            &format!("full-{name}"),
            &check.policy("expose", "full"),
            &want,
        );
    }
}

/// Let through, marked in a header, with the finding.
fn reported(code: &str) -> Want {
    Want::allow().and("findings", json!([{"code": code}])).and("reported", true).headers(&[("Portcullis-Report", code)])
}

fn report(group: &mut Group) {
    for (name, check, status, code) in denials() {
        let check = check.policy("mode", "report");
        let denied = Want::deny(status, code);
        match name {
            "rights" | "rule" => {
                group.about("mode = \"report\" decides, logs, counts and lets through, marked in a header.").pair(
                    &format!("report-{name}"),
                    &check,
                    &reported(code),
                    &[("enforce", check.clone().policy("mode", "enforce"), denied)],
                );
            }
            _ => {
                group.about("mode = \"report\" never applies to what cannot be verified at all, nor to a 400.").case(
                    &format!("report-{name}"),
                    &check,
                    &denied,
                );
            }
        }
    }
    let set = |mode: &str| {
        let check = Check::new().policy("mode", mode).policy("upstream", json!({"set": {"X-User": "subject"}}));
        check.require(json!({"scope": ["a"]})).bearer(&token(&json!({}))).header("portcullis_report", "none")
    };
    group.about("What is reported is marked by the gate alone: a client's own mark is stripped.").pair(
        "report-with-a-mark",
        &set("report"),
        &reported("scope.absent_insufficient_scope")
            .headers(&[("X-User", "alice"), ("Portcullis-Report", "scope.absent_insufficient_scope")])
            .and("strip", json!(["X-User", "Portcullis-Report", "portcullis_report"]))
            .and("principal", json!({"subject": "alice"})),
        &[("enforce", set("enforce"), Want::deny(403, "scope.absent_insufficient_scope"))],
    );
    let good = |mode: &str| Check::new().policy("mode", mode).bearer(&token(&json!({})));
    group.about("What is allowed anyway is not marked.").pair(
        "report-nothing",
        &good("report"),
        &Want::subject("alice").headers(&[]),
        &[("no-credential", good("report").bare(), Want::deny(401, "credential.missing"))],
    );
    let preflight = Check::new().policy("mode", "report").policy("cors", json!({"origins": ["https://app.example"]}));
    let preflight = preflight.method("OPTIONS").header("Origin", "https://evil.example");
    group.about("A preflight is answered in any mode.").case(
        "report-preflight",
        &preflight.header("Access-Control-Request-Method", "GET"),
        &Want::deny(403, "cors.origin_not_allowed"),
    );
    let bad_value = Check::new().policy("upstream", json!({"set": {"X-Tenant": "claim:tenant"}}));
    let bad_value = bad_value.bearer(&token(&json!({"tenant": "é"})));
    group.about("mode = \"report\": a value that cannot be set is left out, and reported.").pair(
        "report-value",
        &bad_value.clone().policy("mode", "report"),
        &reported("upstream.value_unusable"),
        &[("enforce", bad_value, Want::deny(403, "upstream.value_unusable"))],
    );
}

fn report_of_a_rule(group: &mut Group) {
    let check = Check::new().require(json!({"scope": ["a"]})).bearer(&token(&json!({})));
    let code = "scope.absent_insufficient_scope";
    let denied = || Want::deny(403, code);
    group.about("mode = \"report\" on a rule.").pair(
        "report-of-a-rule",
        &check.clone().policy("rules/0/mode", "report"),
        &reported(code),
        &[
            ("enforce", check.clone().policy("rules/0/mode", "enforce"), denied()),
            ("of-another-rule", check.clone().add("rules", json!({"anonymous": true, "mode": "report"})), denied()),
            (
                "enforced-in-a-reporting-policy",
                { check.clone().policy("mode", "report").policy("rules/0/mode", "enforce") },
                denied(),
            ),
            ("no-rule", check.policy("rules/0/mode", "report").path("/x"), Want::deny(403, "rule.none_matches")),
        ],
    );
}

/// It says so twice.
fn unverified(group: &mut Group) {
    for (name, check, status, code) in denials() {
        let check = check.policy("report_unverified", true);
        let twice = check.clone().policy("mode", "report");
        let denied = Want::deny(status, code);
        if name == "request" {
            group.about("mode = \"report\" never applies to an ambiguous request.").case(
                "report-unverified-request",
                &twice,
                &denied,
            );
            continue;
        }
        group.about("mode = \"report\" applies to what cannot be verified at all only if it says so twice.").pair(
            &format!("report-unverified-{name}"),
            &twice,
            &reported(code),
            &[("said-once", check, denied)],
        );
    }
    let set = Check::new().policy("mode", "report").policy("report_unverified", true);
    let set = set.policy("upstream", json!({"set": {"X-User": "subject"}}));
    let forged = signed(Key::Ed(9), &json!({}), &json!({}));
    group.about("Nothing of a credential that did not verify reaches the upstream.").pair(
        "report-unverified-sets-nothing",
        &set.clone().bearer(&forged).header("X-User", "alice"),
        &reported("crypto.signature_invalid").and("strip", json!(["X-User", "Portcullis-Report"])),
        &[("ambiguous", set.bearer(&forged).path("/a/./b"), Want::deny(400, "request.path_ambiguous"))],
    );
}
