//! Who may satisfy a rule.

use serde_json::json;

use super::{
    make::{API, Check, Group, NOW, PARTNER, Want, partner, partner_token, token},
    svids,
};

const ADMIN: &str = "https://admin.example:8443";

/// Two issuers; the rule names corp and wants a scope.
fn two_issuers() -> Check {
    Check::new()
        .add("issuers", partner())
        .policy("rules/0/issuers", json!(["corp"]))
        .require(json!({"scope": ["reports:read"]}))
}

pub(super) fn cases() -> Group {
    let mut group = Group::new("rules");
    named(&mut group);
    anonymous(&mut group);
    order(&mut group);
    hosts(&mut group);
    united(&mut group);
    group
}

/// Whose credentials count.
fn named(group: &mut Group) {
    let read = json!({"scope": "reports:read"});
    let corp_reads = two_issuers().bearer(&token(&read));
    let mut unsigned_by_partner = partner();
    unsigned_by_partner["keys"] = json!({"keys": []});
    group.about("A scope counts only together with the issuer that asserted it.").pair(
        "scope-of-the-right-issuer",
        &corp_reads,
        &Want::subject("alice").and("rule", "rule 1"),
        &[
            (
                "of-another-issuer",
                corp_reads.clone().bearer(&partner_token(&read)),
                Want::deny(403, "rule.issuer_not_accepted")
                    .challenge(r#"Bearer error="insufficient_scope", scope="reports:read""#),
            ),
            (
                "another-scope",
                corp_reads.clone().bearer(&token(&json!({"scope": "reports:write"}))),
                Want::deny(403, "scope.insufficient_scope")
                    .challenge(r#"Bearer error="insufficient_scope", scope="reports:read""#),
            ),
            (
                "no-scope",
                corp_reads.clone().bearer(&token(&json!({}))),
                Want::deny(403, "scope.absent_insufficient_scope"),
            ),
            (
                "claims-to-be-of-corp",
                corp_reads.clone().bearer(&partner_token(&json!({"iss": super::make::CORP, "scope": "reports:read"}))),
                Want::deny(401, "crypto.signature_invalid"),
            ),
        ],
    );
    let both = two_issuers().policy("rules/0/issuers", json!(["corp", "partner"]));
    group.about("A rule names the issuers whose credentials may satisfy it.").pair(
        "one-of-two-issuers",
        &both.clone().bearer(&partner_token(&read)),
        &Want::subject("bob").and("principal", json!({"subject": "bob", "issuer": PARTNER})),
        &[
            (
                "only-the-other",
                two_issuers().bearer(&partner_token(&read)),
                Want::deny(403, "rule.issuer_not_accepted"),
            ),
            (
                "no-issuer-of-the-policy",
                both.clone().bearer(&partner_token(&json!({"iss": "https://other.example", "scope": "reports:read"}))),
                Want::deny(401, "token.issuer_unknown").body(json!({"error": "invalid_token"})),
            ),
        ],
    );
    group
        .about("A credential that the rule does not name is verified all the same: a bad one is told to be bad.")
        .case(
            "a-bad-token-of-another-issuer",
            &two_issuers().bearer(&partner_token(&json!({"scope": "reports:read", "exp": NOW - 60}))),
            &Want::deny(401, "token.expired").challenge(r#"Bearer error="invalid_token""#),
        );
    let acr = two_issuers().require(json!({"acr": ["phr"]}));
    let signed_in = json!({"acr": "phr"});
    group.about("An acr counts only together with the issuer that asserted it.").pair(
        "acr-of-the-right-issuer",
        &acr.clone().bearer(&token(&signed_in)),
        &Want::subject("alice"),
        &[("of-another-issuer", acr.bearer(&partner_token(&signed_in)), Want::deny(403, "rule.issuer_not_accepted"))],
    );
    let tenant = two_issuers().require(json!({"claims": {"tenant": "t1"}}));
    let of_tenant = json!({"tenant": "t1"});
    group.about("A claim counts only together with the issuer that asserted it.").pair(
        "claim-of-the-right-issuer",
        &tenant.clone().bearer(&token(&of_tenant)),
        &Want::subject("alice"),
        &[(
            "of-another-issuer",
            tenant.bearer(&partner_token(&of_tenant)),
            Want::deny(403, "rule.issuer_not_accepted"),
        )],
    );
}

/// Nothing but `require` met or `anonymous = true` lets a request through.
fn anonymous(group: &mut Group) {
    let open = Check::new().policy("rules/0", json!({"path": "/reports/{id}", "anonymous": true}));
    let guarded = Check::new();
    let missing = Want::deny(401, "credential.missing")
        .challenge(r#"Bearer realm="""#)
        .body(json!({"code": "credential.missing"}));
    group
        .about("Every rule has require, or says anonymous = true: nothing else lets a request without a credential through.")
        .pair("anonymous", &open, &Want::allow().headers(&[]), &[("guarded", guarded.clone(), missing)]);
    let late = token(&json!({"exp": NOW - 60}));
    group.about("A rule with anonymous = true lets the request through whatever credential it has.").pair(
        "anonymous-with-a-bad-token",
        &open.bearer(&late),
        &Want::allow(),
        &[("guarded", guarded.clone().bearer(&late), Want::deny(401, "token.expired"))],
    );
    group.about("An empty require asks for a credential that verifies, and no more.").pair(
        "require-nothing",
        &guarded.clone().bearer(&token(&json!({}))),
        &Want::subject("alice"),
        &[("no-credential", guarded.clone(), Want::deny(401, "credential.missing"))],
    );
    group.about("Without a credential, the scope to ask for is told.").case(
        "missing-with-scope",
        &guarded.require(json!({"scope": ["a", "b"]})),
        &Want::deny(401, "credential.missing").challenge(r#"Bearer scope="a b""#),
    );
}

/// The first match decides.
fn order(group: &mut Group) {
    let good = token(&json!({"scope": "read"}));
    let narrow = json!({"name": "narrow", "path": "/reports/{id}", "require": {"scope": ["admin"]}});
    let wide = json!({"name": "wide", "require": {"scope": ["read"]}});
    let ordered = |rules| Check::new().policy("rules", rules).bearer(&good);
    let narrow_first = ordered(json!([narrow, wide]));
    group.about("First match decides, whatever a later rule would say.").pair(
        "wide-first",
        &ordered(json!([wide, narrow])),
        &Want::subject("alice").and("rule", "wide"),
        &[("narrow-first", narrow_first.clone(), Want::deny(403, "scope.insufficient_scope").and("rule", "narrow"))],
    );
    group.about("First match decides: a rule that does not match is passed over.").pair(
        "narrow-passed-over",
        &narrow_first.clone().path("/other"),
        &Want::subject("alice").and("rule", "wide"),
        &[("narrow-matches", narrow_first, Want::deny(403, "scope.insufficient_scope"))],
    );
    let open_last = ordered(json!([{"path": "/reports/{id}", "require": {}}, {"anonymous": true}])).bare();
    group.about("First match decides: an open rule behind a guarded one opens nothing.").pair(
        "open-behind-guarded",
        &open_last.clone().path("/other"),
        &Want::allow().and("rule", "rule 2"),
        &[("guarded-matches", open_last, Want::deny(401, "credential.missing").and("rule", "rule 1"))],
    );
    let elsewhere = Check::new().path("/elsewhere");
    let good = token(&json!({}));
    group.about("No match denies: 401 without a good credential, 403 with one.").pair(
        "a-rule-matches",
        &Check::new().bearer(&good),
        &Want::subject("alice"),
        &[
            (
                "none-with-a-good-token",
                elsewhere.clone().bearer(&good),
                Want::deny(403, "rule.none_matches").body(json!({"code": "rule.none_matches"})),
            ),
            ("none-without-a-token", elsewhere.clone(), Want::deny(401, "credential.missing")),
            (
                "none-with-a-bad-token",
                elsewhere.clone().bearer(&token(&json!({"exp": NOW - 60}))),
                Want::deny(401, "token.expired").body(json!({"error": "invalid_token"})),
            ),
            ("none-with-a-scheme-not-taken", elsewhere.header("Authorization", "Basic YTpi"), {
                Want::deny(401, "credential.scheme_unsupported")
            }),
            ("no-rules-at-all", Check::new().policy("rules", ()).bearer(&good), Want::deny(403, "rule.none_matches")),
        ],
    );
}

/// `hosts` narrows a rule.
fn hosts(group: &mut Group) {
    let good = token(&json!({}));
    let check = Check::new().policy("origins", json!([API, ADMIN])).bearer(&good);
    let check = check.policy("issuers/0/audience", json!([API]));
    let on_admin = |check: Check| check.url(&format!("{ADMIN}/reports/7"));
    group.about("hosts narrows a rule; without it, it holds for the policy's declared origins.").pair(
        "every-origin",
        &on_admin(check.clone()),
        &Want::subject("alice"),
        &[(
            "another-host",
            on_admin(check.clone().policy("rules/0/hosts", json!(["api.example"]))),
            Want::deny(403, "rule.none_matches"),
        )],
    );
    let narrowed = check.policy("rules/0/hosts", json!(["admin.example:8443"]));
    group.about("hosts narrows a rule to authorities, with their port.").pair(
        "this-host",
        &on_admin(narrowed.clone()),
        &Want::subject("alice"),
        &[("another-host", narrowed, Want::deny(403, "rule.none_matches"))],
    );
}

/// The grants of two credentials are never united.
fn united(group: &mut Group) {
    let id = json!(["spiffe://example.org/ns/prod/sa/web"]);
    let check = svids::with_chain().add("issuers", super::make::corp());
    let check = check.policy("rules/0/issuers", json!(["corp", "example.org"]));
    let check = check.bearer(&token(&json!({"scope": "reports:read"})));
    let scope_alone = check.clone().require(json!({"scope": ["reports:read"]}));
    let id_alone = check.clone().require(json!({"spiffe_id": id}));
    let united = check.require(json!({"scope": ["reports:read"], "spiffe_id": id}));
    group.about("The grants of two credentials are never united.").pair(
        "scope-by-token",
        &scope_alone,
        &Want::subject("alice"),
        &[("and-id-by-certificate", united.clone(), Want::deny(403, "rule.spiffe_id_absent"))],
    );
    group
        .about("The grants of two credentials are never united: the token is tried first, then the certificate.")
        .pair(
            "id-by-certificate",
            &id_alone,
            &Want::subject("spiffe://example.org/ns/prod/sa/web"),
            &[
                ("and-scope-by-token", united, Want::deny(403, "rule.spiffe_id_absent")),
                (
                    "no-certificate",
                    id_alone.clone().set("client_certificate", ()),
                    Want::deny(403, "rule.spiffe_id_absent"),
                ),
                (
                    "certificate-not-named",
                    id_alone.clone().policy("rules/0/issuers", json!(["corp"])).require(json!({"scope": ["admin"]})),
                    Want::deny(403, "scope.insufficient_scope"),
                ),
            ],
        );
}
