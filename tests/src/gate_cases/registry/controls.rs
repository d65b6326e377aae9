//! Controls of cases that are let through: each differs from its own in one thing.

use serde_json::json;

use super::super::make::{Group, NOW, Want};
use super::*;

/// Of what is let through above, what differs in one thing and is not.
pub(super) fn controls(group: &mut Group) {
    let both = json!([access("acme/app", &["pull", "push"])]);
    let push = || at_registry("PUT", "/v2/acme/app/manifests/v1");
    let expired = || ci_token(&[("exp", json!(NOW - 31))]);
    let over = || Want::deny(401, "token.expired");
    let wrong = || Want::deny(401, "registry.password_wrong");
    let scope = |scope: &str| at_tokens(&format!("?service={SERVICE}&scope={scope}"));
    let old = token(&both, &[("exp", json!(NOW - 61))]);
    group
        .about("docs/distribution-auth.md: what is let through is let through for what it brings.")
        .case("basic/expired", &basic(push(), "anybody", &old), &over())
        .case("anonymous-token/expired", &at_registry("GET", "/v2/").bearer(&old), &over())
        .case(
            "everybody-s-too/private",
            &at_registry("GET", "/v2/private/base/tags/list").bearer(&token(&both, &[])),
            &Want::deny(401, "oci.resource_not_granted"),
        )
        .case("own-as-password/expired", &basic(push(), "oauth2accesstoken", &expired()), &over())
        .case(
            "user-catalog/without-grant",
            &basic(at_registry("GET", "/v2/_catalog"), "bob", "s3cret"),
            &Want::deny(403, "oci.resource_not_granted"),
        )
        .case(
            "users-fetched/wrong",
            &basic(at_registry("GET", "/v2/").policy("registry/users", "https://files.example/users"), "alice", "x")
                .served("https://files.example/users", format!("alice:{HASH}\n")),
            &wrong(),
        )
        .case("issue-subset/expired", &basic(scope("repository:acme/app:pull"), "ci", &expired()), &over())
        .case("issue-nothing/expired", &scope("repository:acme/other:pull").bearer(&expired()), &over())
        .case("issue-several/wrong", &basic(scope("repository:acme/app:pull"), "alice", "x"), &wrong())
        .case("issue-catalog/wrong", &basic(scope("registry:catalog:*"), "alice", "x"), &wrong())
        .case("issue-sign-in/wrong", &basic(at_tokens(""), "alice", "x"), &wrong())
        .case(
            "issue-anonymous/push",
            &scope("repository:public/b:push"),
            &Want::deny(401, "registry.anonymous_nothing"),
        )
        .case(
            "issue-workload/without-certificate",
            &scope("repository:team/app:push"),
            &Want::deny(401, "registry.anonymous_nothing"),
        )
        .case("issue-form/wrong", &form("grant_type=password&username=alice&password=x"), &wrong())
        .case(
            "issue-assertion/expired",
            &form(&format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={}", expired())),
            &over(),
        )
        .case("refresh-first/wrong", &basic(at_tokens("?offline_token=true"), "alice", "x"), &wrong());
}
