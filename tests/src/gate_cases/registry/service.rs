//! A token service: what it hands out, and what it cannot answer.

use serde_json::{Value, json};

use super::super::make::{self, Group, NOW, Want};
use super::super::svids;
use super::*;

pub(super) fn issued(access: &Value, subject: &str) -> Value {
    json!({"typ": "JWT", "claims": {"iss": TOKENS, "sub": subject, "aud": SERVICE, "exp": NOW + 300, "nbf": NOW, "iat": NOW,
        "access": access}})
}

pub(super) fn handed_out(group: &mut Group) {
    let query = |scope: &str| format!("?service={SERVICE}&scope={scope}");
    let of = |access: Value, subject: &str, scope: &str| {
        Want::allow().and(
            "issue",
            json!({"access": issued(&access, subject), "scope": scope, "issued_at": NOW, "expires_in": 300}),
        )
    };
    group
        .about("distribution, Token Authentication Specification: what is asked and permitted is handed out; less is no error.")
        .case(
            "issue-subset",
            &basic(at_tokens(&query("repository:acme/app:pull,push,delete")), "ci", &ci_token(&[])),
            &of(json!([access("acme/app", &["pull", "push"])]), "job:7", "repository:acme/app:pull,push"),
        )
        .case(
            "issue-nothing",
            &at_tokens(&query("repository:acme/other:pull")).bearer(&ci_token(&[])),
            &of(json!([]), "job:7", ""),
        )
        .case(
            "issue-several",
            &basic(at_tokens(&format!("{}&scope=repository:public/b:pull", query("repository:acme/app:pull"))), "alice", "s3cret"),
            &of(
                json!([access("acme/app", &["pull"]), access("public/b", &["pull"])]),
                "alice",
                "repository:acme/app:pull repository:public/b:pull",
            ),
        )
        .case(
            "issue-catalog",
            &basic(at_tokens(&query("registry:catalog:*")), "alice", "s3cret"),
            &of(json!([{"type": "registry", "name": "catalog", "actions": ["*"]}]), "alice", "registry:catalog:*"),
        )
        .case("issue-sign-in", &basic(at_tokens(&format!("?service={SERVICE}")), "alice", "s3cret"), &of(json!([]), "alice", ""))
        .case(
            "issue-anonymous",
            &at_tokens(&query("repository:public/b:pull,push")),
            &of(json!([access("public/b", &["pull"])]), "", "repository:public/b:pull"),
        )
        .case(
            "issue-anonymous-nothing",
            &at_tokens(&query("repository:acme/app:pull")),
            &Want::deny(401, "registry.anonymous_nothing").challenge("Basic realm=\"registry.example\""),
        )
        .case(
            "issue-workload",
            &workload(at_tokens(&query("repository:team/app:push"))).policy("listeners/0/client_certificate", "tls").policy(
                "listeners/0/tls",
                json!({"certificate": "tls.pem", "key": "tls.key"}),
            ),
            &of(json!([access("team/app", &["push"])]), svids::WEB, "repository:team/app:push"),
        )
        .case(
            "issue-form",
            &form(&format!("grant_type=password&username=alice&password=s3cret&service={SERVICE}&scope=repository:a/b:push")),
            &of(json!([access("a/b", &["push"])]), "alice", "repository:a/b:push"),
        )
        .case(
            "issue-assertion",
            &form(&format!(
                "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={}&scope=repository:acme/app:push",
                ci_token(&[])
            )),
            &of(json!([access("acme/app", &["push"])]), "job:7", "repository:acme/app:push"),
        );
}

pub(super) fn asked_badly(group: &mut Group) {
    let error = |code: &str, oauth: &str, message: &str, detail: &Value| json!({"errors": [{"code": code, "message": message, "detail": detail}], "error": oauth, "error_description": message});
    let unreadable = "the request cannot be read in one way alone";
    group
        .about("distribution, Token Authentication Specification; RFC 6749 section 5.2: what cannot be answered is told so, in both forms.")
        .case(
            "service-unknown",
            &at_tokens("?service=other.example"),
            &Want::deny(400, "registry.service_unknown").body(error(
                "UNSUPPORTED",
                "invalid_target",
                unreadable,
                &json!({"reason": "registry.service_unknown"}),
            )),
        )
        .case(
            "scope-malformed",
            &at_tokens("?scope=repository:a"),
            &Want::deny(400, "oci.scope_parts").body(error("UNSUPPORTED", "invalid_scope", unreadable, &json!({"reason": "oci.scope_parts"}))),
        )
        .case("path-other", &at_tokens("x"), &Want::deny(404, "registry.path_unknown"))
        .case("method", &at_tokens("").method("PUT"), &Want::deny(405, "registry.method_unknown"))
        .case("form-missing", &at_tokens("").method("POST"), &Want::deny(400, "registry.form_missing"))
        .case(
            "form-and-query",
            &form("grant_type=client_credentials").url(&format!("{REALM}?service={SERVICE}")),
            &Want::deny(400, "registry.form_missing"),
        )
        .case(
            "lifetime-too-short",
            &at_tokens("").policy("registry/token_service/lifetime", "59s"),
            &Want::refused("policy.out_of_range", "clients count on a token for a minute at the least"),
        )
        .case("grant-type", &form("grant_type=authorization_code"), &Want::deny(400, "oci.grant_type"))
        .case("parameter-missing", &form("grant_type=password"), &Want::deny(400, "oci.parameter_missing"))
        .case("parameter-twice", &at_tokens("?service=a&service=b"), &Want::deny(400, "oci.parameter_repeated"))
        .case(
            "two-credentials",
            &form("grant_type=password&username=alice&password=s3cret").header("Authorization", "Basic YTpi"),
            &Want::deny(400, "registry.credentials_several"),
        )
        .case(
            "own-token-back",
            &at_tokens("").bearer(&token(&json!([]), &[])),
            &Want::deny(401, "registry.own_token"),
        )
        .case("password-wrong", &basic(at_tokens(""), "alice", "x"), &Want::deny(401, "registry.password_wrong").body(error(
            "UNAUTHORIZED",
            "invalid_grant",
            "authentication required",
            &json!({"reason": "invalid_token"}),
        )))
        .case(
            "no-token-service",
            &at_tokens("").policy("registry/token_service", ()),
            &Want::refused("policy.registry_token_service", "a listener that hands out tokens needs a token service"),
        );
}

pub(super) fn refreshed(group: &mut Group) {
    let asked = |token: &str| {
        form(&format!("grant_type=refresh_token&refresh_token={token}&scope=repository:a/b:pull&service={SERVICE}"))
    };
    let carried = |claims: Value| [("of", json!("ci")), ("sub", json!("job:7")), ("claims", claims)];
    let ci_claims = json!({"iss": CI, "sub": "job:7", "repository": "acme/app"});
    let again = |of: Value| {
        Want::allow().and(
            "issue",
            json!({
                "access": issued(&json!([access("a/b", &["pull"])]), "alice"),
                "refresh": {"typ": "registry-refresh+jwt", "claims": of},
                "scope": "repository:a/b:pull", "issued_at": NOW, "expires_in": 300,
            }),
        )
    };
    let claims = |signed_in: u64| {
        json!({"iss": TOKENS, "sub": "alice", "aud": REALM, "exp": NOW + 43_200, "iat": NOW, "service": SERVICE,
            "auth_time": signed_in, "of": "", "hash": fingerprint()})
    };
    group
        .about("docs/registries.md: a refresh token is good while its user has the same password, and is replaced at each use.")
        .case(
            "refresh-first",
            &basic(at_tokens("?offline_token=true&scope=repository:a/b:pull"), "alice", "s3cret"),
            &again(claims(NOW)),
        )
        .pair(
            "refresh-again",
            &asked(&refresh(&[])),
            &again(claims(NOW - 60)),
            &[
                ("expired", asked(&refresh(&[("exp", json!(NOW - 61))])), Want::deny(401, "token.expired")),
                ("other-password", asked(&refresh(&[("hash", json!("x"))])), Want::deny(401, "registry.refresh_gone")),
                ("user-gone", asked(&refresh(&[("sub", json!("carol"))])), Want::deny(401, "registry.refresh_gone")),
                ("other-service", asked(&refresh(&[("service", json!("other.example"))])), Want::deny(401, "registry.refresh_service")),
                ("too-old", asked(&refresh(&[("auth_time", json!(NOW - 2_592_000))])), Want::deny(401, "registry.refresh_gone")),
                ("malformed", asked(&refresh(&[("of", json!(1))])), Want::deny(401, "registry.refresh_malformed")),
                ("access-token", asked(&token(&json!([]), &[])), Want::deny(401, "token.type_mismatch")),
            ],
        )
        .case(
            "refresh-as-access",
            &at_registry("GET", "/v2/").bearer(&refresh(&[])),
            &Want::deny(401, "token.type_mismatch"),
        )
        .pair(
            "refresh-issuer",
            &form(&format!("grant_type=refresh_token&refresh_token={}&scope=repository:acme/app:push", refresh(&carried(ci_claims.clone())))),
            &Want::subject("job:7"),
            &[
                (
                    "not-listed",
                    form(&format!("grant_type=refresh_token&refresh_token={}", refresh(&carried(ci_claims.clone()))))
                        .policy("registry/token_service/refresh_issuers", ()),
                    Want::deny(401, "registry.refresh_gone"),
                ),
                (
                    "revoked",
                    form(&format!(
                        "grant_type=refresh_token&refresh_token={}",
                        refresh(&carried(json!({"iss": CI, "sub": "job:7",
                            "status": {"status_list": {"idx": 1, "uri": "https://ci.example/list"}}})))
                    ))
                    .policy("issuers/1/status", ())
                    .served(
                        "https://ci.example/list",
                        make::list(CI_KEY, &[0, 1], &json!({"sub": "https://ci.example/list"})),
                    ),
                    Want::deny(401, "status.revoked"),
                ),
            ],
        );
}
