//! What leaves upstream.

use serde_json::{Value, json};

use super::{
    make::{API, CORP, Check, Group, Want, token},
    svids,
};

pub(super) fn cases() -> Group {
    let mut group = Group::new("upstream");
    sources(&mut group);
    values(&mut group);
    stripped(&mut group);
    connection(&mut group);
    group
}

/// Headers set from these sources, and a request with claims.
fn with(set: Value, more: &Value) -> Check {
    Check::new().policy("upstream", json!({"set": set})).bearer(&token(more))
}

fn sources(group: &mut Group) {
    let all = json!({"X-User": "subject", "X-Client": "client", "X-Issuer": "issuer", "X-Scope": "scope",
        "X-Tenant": "claim:tenant", "X-Level": "claim:level", "X-Admin": "claim:admin", "X-Workload": "spiffe_id"});
    let more = json!({"scope": "a b", "tenant": "t1", "level": 3, "admin": true});
    let set = [
        ("X-User", "alice"),
        ("X-Client", "app"),
        ("X-Issuer", CORP),
        ("X-Scope", "a b"),
        ("X-Tenant", "t1"),
        ("X-Level", "3"),
        ("X-Admin", "true"),
    ];
    let check = with(all.clone(), &more);
    group.about("upstream.set names what each header is set to; what the credential does not have is not set.").pair(
        "set",
        &check,
        &Want::subject("alice").headers(&set),
        &[("no-credential", check.clone().bare(), Want::deny(401, "credential.missing"))],
    );
    let poor = with(all.clone(), &json!({"level": -2}));
    let set = [("X-User", "alice"), ("X-Client", "app"), ("X-Issuer", CORP), ("X-Level", "-2")];
    group.about("What the credential does not have is not set.").pair(
        "set-what-there-is",
        &poor,
        &Want::subject("alice").headers(&set),
        &[("no-credential", poor.clone().bare(), Want::deny(401, "credential.missing"))],
    );
    let workload = svids::with_chain().policy("upstream", json!({"set": all}));
    let set = [("X-User", svids::WEB), ("X-Issuer", svids::DOMAIN), ("X-Workload", svids::WEB)];
    group.about("The subject of a workload is its SPIFFE ID, its issuer the trust domain.").pair(
        "set-of-a-workload",
        &workload,
        &Want::subject(svids::WEB).headers(&set),
        &[("no-certificate", workload.clone().set("client_certificate", ()), Want::deny(401, "credential.missing"))],
    );
    let strip = json!(["X-User"]);
    let open = Check::open().policy("upstream", json!({"set": {"X-User": "subject"}}));
    group.about("Every name in upstream.set is stripped first, on every route, public ones too.").pair(
        "public-route",
        &open.clone().header("X-User", "mallory").bearer(&token(&json!({}))).header("X-User", "mallory"),
        &Want::allow().headers(&[]).and("strip", strip),
        &[("named-by-connection", open.header("Connection", "X-User"), {
            Want::deny(400, "request.connection_names_header")
        })],
    );
}

fn values(group: &mut Group) {
    let check = |value: Value| with(json!({"X-Tenant": "claim:tenant"}), &json!({"tenant": value}));
    let unusable = || Want::deny(403, "upstream.value_unusable").body(json!({"code": "upstream.value_unusable"}));
    let long = "a".repeat(4_096);
    group.about("Values set are visible ASCII and bounded.").pair(
        "value",
        &check(json!(long)),
        &Want::subject("alice").headers(&[("X-Tenant", &long)]),
        &[
            ("too-long", check(json!(format!("{long}a"))), unusable()),
            ("non-ascii", check(json!("é")), unusable()),
            ("line-break", check(json!("a\r\nX-Admin: true")), unusable()),
            ("nul", check(json!("a\u{0}")), unusable()),
            ("tab", check(json!("a\tb")), unusable()),
            ("delete", check(json!("a\u{7f}")), unusable()),
            ("empty", check(json!("")), unusable()),
            ("space-before", check(json!(" a")), unusable()),
            ("space-after", check(json!("a ")), unusable()),
            ("fraction", check(json!(1.5)), unusable()),
            ("list", check(json!(["a"])), unusable()),
            ("object", check(json!({"a": 1})), unusable()),
        ],
    );
    let subject = with(json!({"X-User": "subject"}), &json!({"sub": "ålice"}));
    group.about("Values set are visible ASCII; what is not set may be anything.").pair(
        "subject-that-is-not-set",
        &subject.clone().policy("upstream", ()),
        &Want::subject("ålice"),
        &[("set", subject, unusable())],
    );
}

fn stripped(group: &mut Group) {
    let policy = json!({"set": {"X-User": "subject"}, "strip": ["X-Internal"]});
    let check = Check::new().policy("upstream", policy).bearer(&token(&json!({})));
    let sent =
        check.clone().header("X_User", "m").header("x-user", "m").header("X-INTERNAL", "m").header("x_internal", "m");
    let sent = sent.header("X-Other", "m").set("request/trailers", json!([["x_uSER", "m"], ["X-Trailer", "m"]]));
    group.about("Names are stripped without case and with _ equal to -, from trailers too.").pair(
        "names-as-they-came",
        &sent,
        &Want::subject("alice")
            .headers(&[("X-User", "alice")])
            .and("strip", json!(["X-User", "X-Internal", "X_User", "x_internal"])),
        &[("no-credential", sent.clone().bare(), Want::deny(401, "credential.missing"))],
    );
    let keep = |keep: bool| check.clone().policy("upstream", json!({"keep_authorization": keep}));
    group.about("keep_authorization = false strips the credential.").pair(
        "authorization",
        &keep(false),
        &Want::subject("alice").and("strip", json!(["Authorization", "DPoP"])),
        &[("no-credential", keep(false).bare(), Want::deny(401, "credential.missing"))],
    );
    group.about("The upstream sees the credential where nothing else is said.").pair(
        "authorization-kept",
        &keep(true),
        &Want::subject("alice").and("strip", json!([])),
        &[("no-credential", keep(true).bare(), Want::deny(401, "credential.missing"))],
    );
}

fn connection(group: &mut Group) {
    let policy = json!({"set": {"X-User": "subject"}, "strip": ["X-Internal"], "keep_authorization": false});
    let check = Check::new().policy("upstream", policy).bearer(&token(&json!({})));
    let with = |value: &str| check.clone().header("Connection", value);
    let refused = || {
        Want::deny(400, "request.connection_names_header")
            .body(json!({"error": "invalid_request", "code": "request.connection_names_header"}))
    };
    group.about("A request whose Connection names one is refused.").pair(
        "connection",
        &with("keep-alive, X-Other"),
        &Want::subject("alice").headers(&[("X-User", "alice")]),
        &[
            ("set", with("X-User"), refused()),
            ("in-a-list", with("close,  x-USER ,te"), refused()),
            ("with-underscore", with("keep-alive, x_user"), refused()),
            ("in-a-second-field", with("close").header("connection", "x-user"), refused()),
            ("stripped", with("x-internal"), refused()),
            ("credential", with("authorization"), refused()),
            ("before-the-rule", with("x-user").url(&format!("{API}/elsewhere")), refused()),
        ],
    );
    let plain = |value: &str| Check::new().bearer(&token(&json!({}))).header("Connection", value);
    group.about("Connection may name what the policy does not.").pair(
        "connection-without-names",
        &plain("X-User"),
        &Want::subject("alice"),
        &[("set", with("X-User"), refused())],
    );
}
