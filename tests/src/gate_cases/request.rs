//! Whose word it is: the request's authority, and headers that carry a credential or a proof.

use serde_json::{Value, json};

use super::make::{API, CLIENT_KEY, Check, Group, Want, proof, token};

pub(super) fn cases() -> Group {
    let mut group = Group::new("request");
    origins(&mut group);
    urls(&mut group);
    repeated(&mut group);
    sizes(&mut group);
    credentials(&mut group);
    group
}

fn origins(group: &mut Group) {
    let open = Check::open();
    let unknown = || Want::deny(400, "request.unknown_origin");
    let unknown_at = |url: &str| open.clone().url(url);
    group.about("A request for another authority is refused (request.unknown_origin).").pair(
        "origin",
        &open,
        &Want::allow(),
        &[
            (
                "another-host",
                unknown_at("https://other.example/reports/7"),
                unknown().body(json!({"error": "invalid_request", "code": "request.unknown_origin"})),
            ),
            ("below-it", unknown_at("https://x.api.example/reports/7"), unknown()),
            ("above-it", unknown_at("https://example/reports/7"), unknown()),
            ("begins-alike", unknown_at("https://api.example.evil.example/reports/7"), unknown()),
            ("another-port", unknown_at("https://api.example:8443/reports/7"), unknown()),
            ("port-of-http", unknown_at("https://api.example:80/reports/7"), unknown()),
            ("another-scheme", unknown_at("http://api.example/reports/7"), unknown()),
            ("address", unknown_at("https://192.0.2.1/reports/7"), unknown()),
            ("before-the-rules", unknown_at("https://other.example/elsewhere"), unknown()),
        ],
    );
    for (name, url, control) in [
        ("origin-with-default-port", "https://api.example:443/reports/7", "https://api.example:444/reports/7"),
        ("origin-in-upper-case", "HTTPS://API.Example/reports/7", "HTTPS://API.Example2/reports/7"),
        ("origin-alone", "https://api.example", "https://api.example2"),
        ("origin-with-query", "https://api.example?x", "https://api.example2?x"),
    ] {
        group.about("Scheme, host and port make an authority; case and a default port are the same one.").pair(
            name,
            &open.clone().url(url),
            &Want::allow(),
            &[("another", open.clone().url(control), unknown())],
        );
    }
    let ported = open.policy("origins", json!(["http://localhost:8080"]));
    group.about("An origin's port counts.").pair(
        "origin-with-port",
        &ported.clone().url("http://localhost:8080/"),
        &Want::allow(),
        &[
            ("default-port", ported.clone().url("http://localhost/"), unknown()),
            ("another-scheme", ported.url("https://localhost:8080/"), unknown()),
        ],
    );
    let headers = Check::open().url("https://other.example/").header("Host", "api.example");
    group.about("Origins are the policy's and the URL's, never a header's word.").case(
        "origin-by-header",
        &headers.header("X-Forwarded-Host", "api.example").header("Forwarded", "host=api.example"),
        &unknown(),
    );
}

fn urls(group: &mut Group) {
    let open = Check::open();
    let controls: Vec<_> = [
        ("path-alone", "/reports/7"),
        ("no-scheme", "api.example/reports/7"),
        ("another-scheme", "ftp://api.example/reports/7"),
        ("user", "https://u@api.example/reports/7"),
        ("user-like-the-origin", "https://api.example@other.example/"),
        ("dot-at-the-end", "https://api.example./reports/7"),
        ("no-host", "https:///reports/7"),
        ("space", "https://api .example/"),
        ("port-empty", "https://api.example:/reports/7"),
        ("port-no-number", "https://api.example:x/reports/7"),
        ("non-ascii", "https://api.exämple/"),
        ("backslash", "https://api.example\\@other.example/"),
    ]
    .into_iter()
    .map(|(what, url)| (what, open.clone().url(url), Want::deny(400, "request.url_malformed")))
    .collect();
    group.about("A URL is absolute http or https with a plain host.").pair("url", &open, &Want::allow(), &controls);
}

/// Headers that are read once: the name, and a value that is no list.
const SINGLE: &[&str] = &[
    "Authorization",
    "DPoP",
    "Txn-Token",
    "Workload-Identity-Token",
    "OAuth-Client-Attestation",
    "OAuth-Client-Attestation-PoP",
];

fn repeated(group: &mut Group) {
    for name in SINGLE {
        let lower = name.to_ascii_lowercase();
        let once = Check::open().header(name, "Bearer x");
        group.about("Headers that carry a credential and occur twice, or hold a top-level comma: 400.").pair(
            &format!("once-{lower}"),
            &once,
            &Want::allow(),
            &[
                (
                    "twice",
                    once.clone().header(name, "Bearer x"),
                    Want::deny(400, "request.header_repeated")
                        .body(json!({"error": "invalid_request", "code": "request.header_repeated"})),
                ),
                (
                    "twice-in-another-case",
                    once.clone().header(&lower.to_ascii_uppercase(), "Bearer y"),
                    Want::deny(400, "request.header_repeated"),
                ),
                (
                    "list",
                    Check::open().header(name, "Bearer x, Bearer y"),
                    Want::deny(400, "request.header_list")
                        .body(json!({"error": "invalid_request", "code": "request.header_list"})),
                ),
            ],
        );
    }
    let quoted = |value| Check::open().header("Authorization", value);
    let list = || Want::deny(400, "request.header_list");
    group.about("A comma in a quoted string is none of a list.").pair(
        "quoted-comma",
        &quoted("Digest a=\"b,c\\\",d\""),
        &Want::allow(),
        &[
            ("outside", quoted("Digest a=\"b\",c"), list()),
            ("quotation-without-end", quoted("Digest a=\"b,c"), list()),
            ("escape-outside", quoted("Digest a=\\\"b,c\\\""), list()),
        ],
    );
}

fn sizes(group: &mut Group) {
    let fields = |count: usize| Check::open().set("request/headers", vec![json!(["a", ""]); count]);
    let too_large = || Want::deny(400, "request.too_large");
    let trailers = fields(999).set("request/trailers", json!([["a", ""]]));
    group.about("At most 1,000 header fields and trailers.").pair(
        "header-fields",
        &trailers,
        &Want::allow(),
        &[
            ("too-many", fields(1_001), too_large()),
            ("too-many-with-trailers", fields(1_000).set("request/trailers", json!([["a", ""]])), too_large()),
        ],
    );
    let long = |length: usize| Check::open().url(&format!("{API}/{}", "a".repeat(length - API.len() - 1)));
    group.about("A URL has at most 64 KiB.").pair(
        "url-length",
        &long(64 * 1_024),
        &Want::allow(),
        &[("too-long", long(64 * 1_024 + 1), too_large())],
    );
}

fn credentials(group: &mut Group) {
    let check = Check::new();
    let good = token(&json!({}));
    let with = |value: &str| check.clone().header("Authorization", value);
    let form = |code: &str| Want::deny(401, code).body(json!({"error": "invalid_token", "code": code}));
    let scheme = || form("credential.scheme_unsupported").challenge(r#"Bearer error="invalid_token""#);
    group.about("Before a credential has verified, only codes about its form and invalid_token.").pair(
        "authorization",
        &with(&format!("Bearer {good}")),
        &Want::subject("alice"),
        &[
            ("basic", with("Basic YTpi"), scheme()),
            ("unknown-scheme", with(&format!("Token {good}")), scheme()),
            ("no-scheme", with(&good), form("credential.scheme_unsupported")),
            ("no-token", with("Bearer"), form("credential.malformed")),
            ("empty-token", with("Bearer  "), form("credential.malformed")),
            ("two-tokens", with(&format!("Bearer {good} {good}")), form("credential.malformed")),
            ("quoted", with(&format!("Bearer \"{good}\"")), form("credential.malformed")),
            ("equals-alone", with("Bearer =="), form("credential.malformed")),
            ("parameter", with(&format!("Bearer token={good}")), form("credential.malformed")),
            ("tab", with(&format!("Bearer\t{good}")), form("credential.scheme_unsupported")),
        ],
    );
    group.about("A scheme is compared without case.").pair(
        "scheme-case",
        &with(&format!("bEARER  {good}")),
        &Want::subject("alice"),
        &[("another", with(&format!("bEARE {good}")), scheme())],
    );
    let bound = token(&json!({"cnf": {"jkt": CLIENT_KEY.thumbprint()}}));
    let made = proof(CLIENT_KEY, &bound, &json!({}), &Value::Null);
    let headers = check.clone().header("authorization", &format!("dpop {bound}"));
    group.about("Names of header fields and schemes are compared without case.").pair(
        "names-case",
        &headers.clone().header("dpop", &made),
        &Want::subject("alice"),
        &[("another-name", headers.header("dp0p", &made), Want::deny(401, "dpop.missing"))],
    );
    let query = check.path(&format!("/reports/7?access_token={good}"));
    group.about("A token in the query is none.").case(
        "token-in-the-query",
        &query,
        &Want::deny(401, "credential.missing"),
    );
}
