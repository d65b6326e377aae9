//! What is matched: path, method, and never the query.

use serde_json::json;

use super::make::{Check, Group, NOW, Want, token};

pub(super) fn cases() -> Group {
    let mut group = Group::new("path");
    ambiguous(&mut group);
    before_rules(&mut group);
    encoded_slash(&mut group);
    patterns(&mut group);
    targets(&mut group);
    methods(&mut group);
    query(&mut group);
    group
}

/// A path that is unambiguous, and one beside it that is not.
#[rustfmt::skip]
const TRICKS: &[(&str, &str, &str, &str)] = &[
    ("empty-segment", "/a/b", "/a//b", "the path has //"),
    ("empty-segment-first", "/a", "//a", "the path has //"),
    ("empty-segment-last", "/a/", "/a//", "the path has //"),
    ("dot", "/a/.b/c", "/a/./c", "the path has a . segment"),
    ("dot-last", "/a/b.", "/a/.", "the path has a . segment"),
    ("dot-dot", "/a/..b/c", "/a/../c", "the path has a .. segment"),
    ("dot-dot-last", "/a/...", "/a/..", "the path has a .. segment"),
    ("dot-encoded", "/a/%2B/c", "/a/%2e/c", "an encoded . segment"),
    ("dot-dot-encoded", "/a/%2B%2B/c", "/a/%2e%2E/c", "an encoded .. segment"),
    ("dot-dot-half-encoded", "/a/.%2B/c", "/a/.%2e/c", "an encoded .. segment"),
    ("slash-encoded", "/a%2Cb", "/a%2Fb", "%2F"),
    ("slash-encoded-lower", "/a%2cb", "/a%2fb", "%2F"),
    ("backslash-encoded", "/a%5Bb", "/a%5Cb", "%5C"),
    ("backslash-encoded-lower", "/a%5bb", "/a%5cb", "%5C"),
    ("nul-encoded", "/a%20", "/a%00", "%00"),
    ("control-encoded", "/a%20b", "/a%0Ab", "an encoded control byte"),
    ("delete-encoded", "/a%7B", "/a%7F", "an encoded control byte"),
    ("backslash", "/a!b", "/a\\b", "a backslash"),
    ("control", "/a'b", "/a\u{1}b", "a control byte"),
    ("tab", "/a(b", "/a\tb", "a control byte"),
    ("space", "/a)b", "/a b", "a byte that no path has"),
    ("non-ascii", "/%C3%A9", "/é", "a non-ASCII byte"),
    ("escape-cut", "/a%25", "/a%", "a malformed escape"),
    ("escape-half", "/a%252", "/a%2", "a malformed escape"),
    ("escape-no-hex", "/a%25zz", "/a%zz", "a malformed escape"),
    ("escape-of-letter", "/aAb", "/a%41b", "an escape of an unreserved character"),
    ("escape-of-digit", "/a1", "/a%31", "an escape of an unreserved character"),
    ("escape-of-tilde", "/~a", "/%7ea", "an escape of an unreserved character"),
    ("escape-of-hyphen", "/a-b", "/a%2Db", "an escape of an unreserved character"),
    ("parameter", "/a:b", "/a;b", "a ; parameter"),
    ("parameter-of-a-segment", "/a/b@x/c", "/a/b;x=1/c", "a ; parameter"),
    ("fragment", "/a?b", "/a#b", "a fragment"),
    ("bracket", "/a=b", "/a[b", "a byte that no path has"),
    ("pipe", "/a,b", "/a|b", "a byte that no path has"),
];

fn ambiguous(group: &mut Group) {
    for (name, plain, trick, what) in TRICKS {
        let open = Check::open();
        group.about(&format!("Refused with 400 request.path_ambiguous: {what}.")).pair(
            name,
            &open.clone().path(plain),
            &Want::allow(),
            &[("refused", open.path(trick), Want::deny(400, "request.path_ambiguous"))],
        );
    }
}

fn before_rules(group: &mut Group) {
    let open_below = json!([{"path": "/open/{rest...}", "anonymous": true}, {"require": {}}]);
    let check = Check::new().policy("rules", open_below);
    group.about("Refused before any rule is looked at.").pair(
        "below-an-open-rule",
        &check.clone().path("/open/a"),
        &Want::allow(),
        &[
            (
                "and-out-of-it",
                check.clone().path("/open/../reports/7"),
                Want::deny(400, "request.path_ambiguous")
                    .headers(&[("Content-Type", "application/json"), ("Cache-Control", "no-store")])
                    .body(json!({"error": "invalid_request", "code": "request.path_ambiguous"})),
            ),
            (
                "with-a-bad-token",
                check.clone().bearer(&token(&json!({"exp": NOW - 60}))).path("/x/../y"),
                Want::deny(400, "request.path_ambiguous"),
            ),
            ("where-none-matches", Check::new().path("/nothing/.."), Want::deny(400, "request.path_ambiguous")),
            (
                "with-a-scheme-not-taken",
                check.header("Authorization", "Basic YTpi").path("/x//y"),
                Want::deny(400, "request.path_ambiguous"),
            ),
        ],
    );
}

fn encoded_slash(group: &mut Group) {
    let rule = json!({"path": "/files/{name}", "anonymous": true, "encoded_slash": "opaque"});
    let opaque = Check::open().policy("rules", json!([rule]));
    let refused = Want::deny(400, "request.path_ambiguous");
    group.about("A rule may allow encoded_slash = \"opaque\": %2F is a part of its segment.").pair(
        "opaque",
        &opaque.clone().path("/files/a%2Fb"),
        &Want::allow(),
        &[
            ("not-allowed", opaque.clone().policy("rules/0/encoded_slash", ()).path("/files/a%2Fb"), refused.clone()),
            (
                "said-to-be-refused",
                opaque.clone().policy("rules/0/encoded_slash", "refuse").path("/files/a%2Fb"),
                refused.clone(),
            ),
            ("two-segments", opaque.clone().path("/files/a/b"), Want::deny(401, "credential.missing")),
            ("no-rule", opaque.clone().path("/other%2Fb"), refused.clone()),
            ("backslash", opaque.clone().path("/files/a%5Cb"), refused.clone()),
        ],
    );
    let another = json!({"path": "/files/{name}", "methods": ["PUT"], "anonymous": true});
    let beside = opaque.clone().add("rules", another).path("/files/a%2Fb").method("PUT");
    group.about("Only the rule that matches may allow an encoded slash.").pair(
        "opaque-matches-first",
        &beside,
        &Want::allow(),
        &[("another-matches", beside.clone().policy("rules/0/methods", json!(["GET"])), refused)],
    );
    let literal = Check::open().policy(
        "rules",
        json!([{"path": "/files/a%2Fb", "anonymous": true, "encoded_slash": "opaque"}, {"path": "/files/a/b", "require": {}}]),
    );
    let literal = literal.policy("issuers", json!([super::make::corp()]));
    group.about("%2F is a part of its segment, and no separator.").pair(
        "opaque-literal",
        &literal.clone().path("/files/a%2fb"),
        &Want::allow().and("rule", "rule 1"),
        &[("separator", literal.path("/files/a/b"), Want::deny(401, "credential.missing").and("rule", "rule 2"))],
    );
}

/// A pattern, a path that it matches, and those that it does not.
type Matched = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)], &'static str);

#[rustfmt::skip]
const PATTERNS: &[Matched] = &[
    ("literal", "/a", "/a", &[("case", "/A"), ("slash-at-the-end", "/a/"), ("longer", "/ab"), ("deeper", "/a/b"), ("root", "/")],
        "Matching is by segment and case-sensitive; /a and /a/ differ."),
    ("literal-with-slash", "/a/", "/a/", &[("without", "/a")], "/a and /a/ differ."),
    ("one", "/reports/{id}", "/reports/7", &[("empty", "/reports/"), ("none", "/reports"), ("two", "/reports/7/x"),
        ("slash-at-the-end", "/reports/7/"), ("case", "/Reports/7")], "{x} is exactly one non-empty segment."),
    ("one-in-the-middle", "/a/{x}/c", "/a/b/c", &[("none", "/a/c"), ("two", "/a/b/b/c")], "{x} is exactly one non-empty segment."),
    ("rest", "/in/{x...}", "/in/a", &[("none", "/in"), ("empty", "/in/")], "{x...} is one or more segments."),
    ("rest-of-several", "/in/{x...}", "/in/a/b/c", &[("elsewhere", "/on/a/b/c")], "{x...} is one or more segments."),
    ("rest-with-slash", "/in/{x...}", "/in/a/", &[("empty", "/in/")], "{x...} is one or more segments."),
    ("root", "/", "/", &[("a-path", "/a")], "Matching is by segment."),
    ("rest-of-all", "/{x...}", "/a/b", &[("root", "/")], "{x...} is one or more segments."),
    ("escape", "/a%20b", "/a%20b", &[("plus", "/a+b")], "Escapes are compared decoded."),
    ("escape-of-reserved", "/a:b", "/a%3Ab", &[("another", "/a%2Cb")], "Escapes are compared decoded."),
];

fn patterns(group: &mut Group) {
    for (name, pattern, path, others, source) in PATTERNS {
        let check = Check::open().policy("rules", json!([{"path": pattern, "anonymous": true}]));
        let controls: Vec<_> = others
            .iter()
            .map(|(what, path)| (*what, check.clone().path(path), Want::deny(401, "credential.missing")))
            .collect();
        group.about(source).pair(&format!("pattern-{name}"), &check.clone().path(path), &Want::allow(), &controls);
    }
}

/// The raw request target is what is judged.
fn targets(group: &mut Group) {
    let rules = json!([{"path": "/open", "anonymous": true}, {"require": {}}]);
    let check = Check::new().policy("rules", rules);
    let target = |url: &str, target: &str| check.clone().path(url).set("request/target", target);
    let form = || Want::deny(400, "request.target_form");
    group.about("The path of the raw request target.").pair(
        "target",
        &target("/reports/7", "/open"),
        &Want::allow(),
        &[
            ("of-another-path", target("/open", "/reports/7"), Want::deny(401, "credential.missing")),
            ("ambiguous", target("/open", "/reports/../open"), Want::deny(400, "request.path_ambiguous")),
            ("asterisk", target("/open", "*"), form()),
            ("authority", target("/open", "api.example:443"), form()),
            ("no-slash", target("/open", "open"), form()),
            ("empty", target("/open", ""), form()),
        ],
    );
    group.about("The absolute form names the authority once more, which has to be the same.").pair(
        "target-absolute",
        &target("/reports/7", "https://api.example/open?x"),
        &Want::allow(),
        &[
            ("of-another-authority", target("/open", "https://other.example/open"), form()),
            ("of-another-scheme", target("/open", "http://api.example/open"), form()),
        ],
    );
}

fn methods(group: &mut Group) {
    let check = |methods| {
        Check::open().policy("rules", json!([{"path": "/a", "methods": methods, "anonymous": true}])).path("/a")
    };
    let get = check(json!(["GET"]));
    let unmatched = || Want::deny(401, "credential.missing");
    group.about("Methods are case-sensitive; HEAD follows GET only if listed.").pair(
        "method",
        &get,
        &Want::allow(),
        &[
            ("another", get.clone().method("POST"), unmatched()),
            ("case", get.clone().method("get"), unmatched()),
            ("head", get.clone().method("HEAD"), unmatched()),
            ("malformed", get.clone().method("GET X"), Want::deny(400, "request.method_malformed")),
            ("empty", get.clone().method(""), Want::deny(400, "request.method_malformed")),
            ("too-long", get.clone().method(&"M".repeat(65)), Want::deny(400, "request.method_malformed")),
        ],
    );
    group.about("HEAD follows GET only if listed.").pair(
        "head-listed",
        &check(json!(["GET", "HEAD"])).method("HEAD"),
        &Want::allow(),
        &[("not-listed", get.clone().method("HEAD"), unmatched())],
    );
    group.about("A rule without methods is for every method.").pair(
        "any-method",
        &Check::open().path("/a").method("PROPFIND"),
        &Want::allow(),
        &[("not-listed", get.method("PROPFIND"), unmatched())],
    );
}

fn query(group: &mut Group) {
    let check = Check::open().policy("rules", json!([{"path": "/a", "anonymous": true}]));
    for (name, query) in [
        ("query", "/a?x=1"),
        ("query-that-looks-like-a-path", "/a?/../b//c;%2F%zz"),
        ("query-empty", "/a?"),
        ("query-of-a-query", "/a?b?c"),
    ] {
        let before = query.replacen("/a", "/b", 1);
        group.about("The query is never matched, nor judged.").pair(
            name,
            &check.clone().path(query),
            &Want::allow(),
            &[("another-path", check.clone().path(&before), Want::deny(401, "credential.missing"))],
        );
    }
    group.about("The query is never matched: a path in it opens nothing.").case(
        "query-is-no-path",
        &check.path("/?/a"),
        &Want::deny(401, "credential.missing"),
    );
}
