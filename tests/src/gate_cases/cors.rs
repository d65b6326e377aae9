//! Pages of other origins.

use serde_json::json;

use super::make::{Check, Group, Want, token};

const PAGE: &str = "https://app.example";
const EXPOSED: (&str, &str) = ("Access-Control-Expose-Headers", "WWW-Authenticate, DPoP-Nonce");
const VARY: (&str, &str) = ("Vary", "Origin");

fn fields(list: &[(&str, &str)]) -> serde_json::Value {
    list.iter().map(|(name, value)| json!([name, value])).collect::<Vec<_>>().into()
}

pub(super) fn cases() -> Group {
    let mut group = Group::new("cors");
    let check = Check::new().policy("cors", json!({"origins": [PAGE]}));
    let preflight = |check: &Check, page: &str| {
        let check = check.clone().method("OPTIONS").bare().header("Origin", page);
        check.header("Access-Control-Request-Method", "GET").header("Access-Control-Request-Headers", "authorization")
    };
    let refused = || Want::deny(403, "cors.origin_not_allowed").headers(&[VARY]);
    let allowed = |more: &[(&str, &str)]| {
        let mut list = vec![VARY, ("Access-Control-Allow-Origin", PAGE)];
        list.extend(more);
        Want::deny(204, "cors.preflight").headers(&list)
    };
    let answer = allowed(&[
        ("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE"),
        ("Access-Control-Allow-Headers", "Authorization, DPoP, Content-Type"),
        ("Access-Control-Max-Age", "600"),
    ]);
    let page = preflight(&check, PAGE);
    group
        .about("Preflight is answered by the gate.")
        .case("preflight", &page, &answer)
        .case("preflight/another-page", &preflight(&check, "https://evil.example"), &refused())
        .case("preflight/another-scheme", &preflight(&check, "http://app.example"), &refused())
        .case("preflight/another-port", &preflight(&check, "https://app.example:8443"), &refused())
        .case("preflight/begins-alike", &preflight(&check, "https://app.example.evil.example"), &refused())
        .case("preflight/case", &preflight(&check, "https://App.example"), &refused())
        .case("preflight/null", &preflight(&check, "null"), &refused())
        .case("preflight/two-origins", &page.clone().header("Origin", PAGE), &refused());
    group
        .about("A preflight is answered before any rule or credential.")
        .case("preflight-elsewhere", &page.clone().path("/elsewhere"), &answer)
        .case("preflight-with-a-bad-token", &page.clone().header("Authorization", "Basic YTpi"), &answer)
        .case("preflight-elsewhere/another-page", &preflight(&check, "null").path("/elsewhere"), &refused());
    group.about("An ambiguous request is refused before it is taken for a preflight.").case(
        "preflight-ambiguous",
        &page.clone().path("/a/../b"),
        &Want::deny(400, "request.path_ambiguous"),
    );
    let settings = json!({"origins": ["https://other.example", PAGE], "methods": ["GET"], "headers": ["X-Request-Id"],
        "credentials": true, "max_age": "1h"});
    group.about("A preflight's answer says what the policy says.").case(
        "preflight-settings",
        &page.clone().policy("cors", settings),
        &allowed(&[
            ("Access-Control-Allow-Credentials", "true"),
            ("Access-Control-Allow-Methods", "GET"),
            ("Access-Control-Allow-Headers", "X-Request-Id"),
            ("Access-Control-Max-Age", "3600"),
        ]),
    );
    let missing = || Want::deny(401, "credential.missing");
    group.about("Without cors in the policy, a preflight is a request like any other.").case(
        "preflight-without-cors",
        &page.clone().policy("cors", ()),
        &missing().challenge(r#"Bearer realm="""#),
    );
    let options = check.clone().method("OPTIONS").header("Origin", PAGE);
    group
        .about("OPTIONS without Access-Control-Request-Method is no preflight.")
        .case("options", &options, &missing())
        .case("options/of-a-get", &page.method("GET"), &missing());
    let good = token(&json!({}));
    let from = |page: &str| check.clone().bearer(&good).header("Origin", page);
    group.about("Access-Control-Expose-Headers: WWW-Authenticate, DPoP-Nonce.").pair(
        "answer-to-a-page",
        &from(PAGE),
        &Want::subject("alice")
            .and("response_headers", fields(&[VARY, ("Access-Control-Allow-Origin", PAGE), EXPOSED])),
        &[(
            "denied",
            check.clone().header("Origin", PAGE),
            missing().headers(&[
                VARY,
                ("Access-Control-Allow-Origin", PAGE),
                EXPOSED,
                ("WWW-Authenticate", r#"Bearer realm="""#),
                ("Content-Type", "application/json"),
                ("Cache-Control", "no-store"),
            ]),
        )],
    );
    group.about("A page that is not listed may not read the answer; its request is judged all the same.").pair(
        "answer-to-another-page",
        &from("https://evil.example"),
        &Want::subject("alice").and("response_headers", fields(&[VARY])),
        &[(
            "denied",
            check.clone().header("Origin", "https://evil.example"),
            missing().headers(&[
                VARY,
                ("WWW-Authenticate", r#"Bearer realm="""#),
                ("Content-Type", "application/json"),
                ("Cache-Control", "no-store"),
            ]),
        )],
    );
    group
}
