//! Rights: what a rule requires, in what order a shortfall is told, and how.

use serde_json::{Value, json};

use super::make::{Check, Group, NOW, Want, token};

pub(super) fn cases() -> Group {
    let mut group = Group::new("rights");
    scopes(&mut group);
    sign_in(&mut group);
    details(&mut group);
    claims(&mut group);
    order(&mut group);
    settings(&mut group);
    group
}

fn with(require: &Value, more: Value) -> Check {
    Check::new().require(require.clone()).bearer(&token(&more))
}

/// A shortfall: its challenge, and a body with the error and the code.
fn short(status: u16, code: &str, challenge: &str) -> Want {
    let error = challenge.split('"').nth(1).unwrap_or_default();
    Want::deny(status, code).challenge(challenge).body(json!({"error": error, "code": code}))
}

/// A denial of which a client learns no more than that its token is not valid.
fn invalid(code: &str) -> Want {
    Want::deny(401, code).challenge(r#"Bearer error="invalid_token""#).body(json!({"error": "invalid_token"}))
}

fn scopes(group: &mut Group) {
    let require = json!({"scope": ["a", "b"]});
    let challenge = r#"Bearer error="insufficient_scope", scope="a b""#;
    let short = |code: &str| short(403, code, challenge);
    group.about("All scope tokens have to be granted.").pair(
        "scope",
        &with(&require, json!({"scope": "c b a"})),
        &Want::subject("alice").and("principal", json!({"scopes": ["c", "b", "a"]})),
        &[
            ("one-missing", with(&require, json!({"scope": "a c"})), short("scope.insufficient_scope")),
            ("case", with(&require, json!({"scope": "A b"})), short("scope.insufficient_scope")),
            ("part-of-a-token", with(&require, json!({"scope": "ab bc"})), short("scope.insufficient_scope")),
            ("none", with(&require, json!({})), short("scope.absent_insufficient_scope")),
            ("no-text", with(&require, json!({"scope": ["a", "b"]})), invalid("token.access_claim_type")),
            (
                "no-text-of-any-jwt",
                { with(&require, json!({"scope": ["a", "b"]})).policy("issuers/0/profile", "jwt") },
                short("scope.unreadable_insufficient_scope"),
            ),
            ("elsewhere", with(&require, json!({"scp": "a b"})), short("scope.absent_insufficient_scope")),
        ],
    );
}

fn sign_in(group: &mut Group) {
    let require = json!({"acr": ["phr", "phrh"]});
    let step_up = |code: &str, more: &str| {
        short(401, code, &format!(r#"Bearer error="insufficient_user_authentication", {more}"#))
    };
    let acr = |code: &str| step_up(code, r#"acr_values="phr phrh""#);
    group.about("One of the acr values has to be the token's (RFC 9470).").pair(
        "acr",
        &with(&require, json!({"acr": "phrh"})),
        &Want::subject("alice"),
        &[
            ("another", with(&require, json!({"acr": "pwd"})), acr("scope.acr_insufficient_user_authentication")),
            ("both", with(&require, json!({"acr": "phr phrh"})), acr("scope.acr_insufficient_user_authentication")),
            ("none", with(&require, json!({})), acr("scope.acr_absent_insufficient_user_authentication")),
            ("no-text", with(&require, json!({"acr": 1})), invalid("token.access_claim_type")),
            (
                "no-text-of-any-jwt",
                with(&require, json!({"acr": 1})).policy("issuers/0/profile", "jwt"),
                acr("scope.acr_unreadable_insufficient_user_authentication"),
            ),
        ],
    );
    let require = json!({"max_age": "5m"});
    let age = |code: &str| step_up(code, r#"max_age="300""#);
    group.about("max_age counts from auth_time, with the leeway.").pair(
        "max-age",
        &with(&require, json!({"auth_time": NOW - 330})),
        &Want::subject("alice"),
        &[
            ("too-old", with(&require, json!({"auth_time": NOW - 331})), {
                age("scope.auth_time_too_old_insufficient_user_authentication")
            }),
            ("in-the-future", with(&require, json!({"auth_time": NOW + 31})), {
                age("scope.auth_time_future_insufficient_user_authentication")
            }),
            ("none", with(&require, json!({})), age("scope.auth_time_absent_insufficient_user_authentication")),
        ],
    );
}

fn details(group: &mut Group) {
    let require = json!({"authorization_details": [{"type": "payment", "actions": ["initiate"]}]});
    let granted = |actions: Value| json!({"authorization_details": [{"type": "payment", "actions": actions}]});
    let short = |code: &str| {
        Want::deny(401, code).and("body", json!({"error": "insufficient_authorization", "code": code}).to_string())
    };
    group.about("All authorization details have to be granted (RFC 9396).").pair(
        "details",
        &with(&require, granted(json!(["status", "initiate"]))),
        &Want::subject("alice"),
        &[
            ("another-action", with(&require, granted(json!(["status"]))), {
                short("scope.details_actions_insufficient_authorization")
            }),
            ("another-type", with(&require, json!({"authorization_details": [{"type": "account"}]})), {
                short("scope.details_type_insufficient_authorization")
            }),
            ("none", with(&require, json!({})), short("scope.details_absent_insufficient_authorization")),
            (
                "step-up-form",
                with(&require, json!({})).policy("challenge", json!({"authorization_form": "step-up"})),
                {
                    Want::deny(403, "scope.details_absent_insufficient_authorization")
                    .challenge(concat!(
                        r#"Bearer error="insufficient_authorization", "#,
                        r#"error_description="The authorization level requires more details", body_instructions="true""#
                    ))
                    .body(json!({"decision": false, "context": {"details": [{"loc": "/authorization_details",
                        "method": "simple", "value": require["authorization_details"]}]}}))
                },
            ),
        ],
    );
}

fn claims(group: &mut Group) {
    let require = json!({"claims": {"tenant": "t1", "cxt": {"contains": "dpop"}, "level": {"one_of": [1, 2]}}});
    let has = |more: Value| {
        let mut claims = json!({"tenant": "t1", "cxt": ["x", "dpop"], "level": 2});
        claims.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        with(&require, claims)
    };
    let short = |code: &str| {
        Want::deny(403, code)
            .challenge(r#"Bearer error="insufficient_claims""#)
            .body(json!({"error": "insufficient_claims", "required_claims": ["tenant", "cxt", "level"]}))
    };
    group.about("Each claim has to be as required.").pair(
        "claims",
        &has(json!({})),
        &Want::subject("alice"),
        &[
            ("another-value", has(json!({"tenant": "t2"})), short("scope.claim_differs_insufficient_claims")),
            ("does-not-contain", has(json!({"cxt": ["x"]})), short("scope.claim_lacks_insufficient_claims")),
            ("none-of", has(json!({"level": 3})), short("scope.claim_differs_insufficient_claims")),
            ("of-another-type", has(json!({"level": "2"})), short("scope.claim_differs_insufficient_claims")),
            ("missing", has(json!({"tenant": null})), short("scope.claim_absent_insufficient_claims")),
        ],
    );
}

/// `invalid_token`, `insufficient_scope`, `insufficient_user_authentication`, `insufficient_authorization`.
fn order(group: &mut Group) {
    let require = json!({"scope": ["s"], "acr": ["phr"], "max_age": "5m",
        "authorization_details": [{"type": "t"}], "claims": {"c": 1}});
    let steps = [
        ("exp", json!(NOW - 60), "token.expired", 401),
        ("scope", json!("other"), "scope.insufficient_scope", 403),
        ("acr", json!("pwd"), "scope.acr_insufficient_user_authentication", 401),
        ("auth_time", json!(NOW - 4_000), "scope.auth_time_too_old_insufficient_user_authentication", 401),
        ("authorization_details", json!([]), "scope.details_absent_insufficient_authorization", 401),
        ("c", json!(2), "scope.claim_differs_insufficient_claims", 403),
    ];
    let good = json!({"exp": NOW + 60, "scope": "s", "acr": "phr", "auth_time": NOW - 10,
        "authorization_details": [{"type": "t"}], "c": 1});
    // From one step on everything falls short: the first is told.
    let from = |first: usize| {
        let mut claims = good.clone();
        for (name, bad, ..) in &steps[first..] {
            claims[*name] = bad.clone();
        }
        with(&require, claims)
    };
    let controls: Vec<_> = steps
        .iter()
        .enumerate()
        .map(|(number, (name, _, code, status))| (*name, from(number), Want::deny(*status, code)))
        .collect();
    group
        .about("Challenges report shortfalls in the order invalid_token, insufficient_scope, insufficient_user_authentication, insufficient_authorization.")
        .pair("order", &with(&require, good.clone()), &Want::subject("alice"), &controls);
    group.about("A token that does not verify comes before the issuer, and the issuer before rights.").case(
        "order-bad-signature",
        &Check::new().require(require).bearer(&super::make::signed(super::make::Key::Ed(9), &json!({}), &json!({}))),
        &Want::deny(401, "crypto.signature_invalid").challenge(r#"Bearer error="invalid_token""#),
    );
}

/// What challenges say besides.
fn settings(group: &mut Group) {
    let check = Check::new().require(json!({"scope": ["a"]}));
    let said = |challenge: Value| check.clone().policy("challenge", challenge);
    let missing = |challenge: &str| Want::deny(401, "credential.missing").challenge(challenge);
    let metadata = "https://api.example/.well-known/oauth-protected-resource";
    group
        .about("Client: the challenge its RFC defines.")
        .case("realm", &said(json!({"realm": "the \"api\""})), &missing(r#"Bearer realm="the \"api\"", scope="a""#))
        .case(
            "resource-metadata",
            &said(json!({"resource_metadata": true})),
            &missing(&format!(r#"Bearer scope="a", resource_metadata="{metadata}""#)),
        )
        .case(
            "resource-metadata-at",
            &said(json!({"resource_metadata": "https://docs.example/resource", "realm": "r"})).bearer(&token(&json!({}))),
            &Want::deny(403, "scope.absent_insufficient_scope").challenge(
                r#"Bearer realm="r", error="insufficient_scope", scope="a", resource_metadata="https://docs.example/resource""#,
            ),
        );
    let bound = said(json!({"realm": "r", "resource_metadata": true})).policy("issuers/0/proof", "dpop");
    let algorithms = "ES256 ES384 ES512 Ed25519 EdDSA RS256 RS384 RS512 PS256 PS384 PS512 ES256K";
    group.about("Client: the challenge its RFC defines.").case(
        "dpop-with-realm",
        &bound,
        &missing(&format!(r#"DPoP realm="r", scope="a", resource_metadata="{metadata}", algs="{algorithms}""#)),
    );
}
