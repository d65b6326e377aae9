//! A registry's requests: what they need, and whose credential grants it.

use serde_json::{Value, json};

use super::super::make::{Check, Group, Key, NOW, Want};
use super::super::svids;
use super::*;

pub(super) fn unauthenticated(group: &mut Group) {
    group
        .about("docs/distribution-auth.md: who has no credential is sent to the token service, for exactly what is needed.")
        .pair(
            "public-pull",
            &at_registry("GET", &format!("/v2/public/base/blobs/{DIGEST}")),
            &Want::allow(),
            &[
                (
                    "push",
                    at_registry("POST", "/v2/public/base/blobs/uploads/"),
                    Want::deny(401, "credential.missing")
                        .challenge(&challenge("repository:public/base:pull,push", ""))
                        .body(told("UNAUTHORIZED", "authentication required", &json!({
                            "reason": "credential.missing", "missing": [access("public/base", &["pull", "push"])]}))),
                ),
                (
                    "private",
                    at_registry("GET", "/v2/acme/app/tags/list"),
                    Want::deny(401, "credential.missing").challenge(&challenge("repository:acme/app:pull", "")),
                ),
                (
                    "no-segment-below",
                    at_registry("GET", "/v2/public/manifests/latest"),
                    Want::deny(401, "credential.missing"),
                ),
                (
                    "mount-from-private",
                    at_registry("GET", &format!("/v2/public/base/blobs/{DIGEST}?from=acme/app")),
                    Want::deny(401, "credential.missing")
                        .challenge(&challenge("repository:public/base:pull repository:acme/app:pull", "")),
                ),
                (
                    "another-host",
                    at_registry("GET", &format!("/v2/public/base/blobs/{DIGEST}")).policy("registry/hosts", json!(["tokens.example"])),
                    Want::deny(401, "credential.missing"),
                ),
            ],
        )
        .case("base", &at_registry("GET", "/v2/"), &Want::deny(401, "credential.missing").challenge(&challenge("", "")))
        .note("Clients learn at the base whether and how they sign in, whatever everybody may pull.")
        .case(
            "catalog",
            &at_registry("GET", "/v2/_catalog"),
            &Want::deny(401, "credential.missing").challenge(&challenge("registry:catalog:*", "")),
        )
        .case(
            "without-realm",
            &at_registry("GET", "/v2/acme/app/tags/list").policy("registry/realm", ()),
            &Want::deny(401, "credential.missing").challenge("Basic realm=\"registry.example\""),
        );
}

pub(super) fn tokens(group: &mut Group) {
    let push = || at_registry("PUT", "/v2/acme/app/manifests/v1");
    let both = json!([access("acme/app", &["pull", "push"])]);
    let with = |check: Check, token: &str| check.bearer(token);
    let header = json!({"typ": "JWT", "alg": "ES256", "kid": "new", "jwk": NEWER_KEY.jwk()});
    let claims = json!({"iss": TOKENS, "sub": "alice", "aud": SERVICE, "exp": NOW + 300, "access": both});
    let rotated = NEWER_KEY.jws(&header, &claims);
    let fetched = |token: &str| with(push().policy("issuers/0/keys", format!("{TOKENS}/jwks")), token);
    let keys = |keys: &[Key]| {
        let named = keys.iter().zip(["a", "new"]).map(|(key, kid)| key.named(kid)).collect::<Vec<_>>();
        json!({"body": json!({"keys": named}).to_string()})
    };
    group
        .about("distribution, Token Authentication Implementation: a token of the token service opens what it grants.")
        .pair(
            "token",
            &with(push(), &token(&both, &[])),
            &Want::subject("alice"),
            &[
                (
                    "pull-alone",
                    with(push(), &token(&json!([access("acme/app", &["pull"])]), &[])),
                    Want::deny(401, "oci.action_not_granted")
                        .challenge(&challenge("repository:acme/app:pull,push", "insufficient_scope"))
                        .body(told(
                            "UNAUTHORIZED",
                            "the token does not grant what the request needs",
                            &json!({
                            "reason": "oci.action_not_granted", "missing": [access("acme/app", &["push"])]}),
                        )),
                ),
                (
                    "other-repository",
                    with(push(), &token(&json!([access("acme/other", &["*"])]), &[])),
                    Want::deny(401, "oci.resource_not_granted")
                        .challenge(&challenge("repository:acme/app:pull,push", "insufficient_scope")),
                ),
                (
                    "expired",
                    with(push(), &token(&both, &[("exp", json!(NOW - 61))])),
                    Want::deny(401, "token.expired")
                        .challenge(&challenge("repository:acme/app:pull,push", "invalid_token"))
                        .body(told(
                            "UNAUTHORIZED",
                            "authentication required",
                            &json!({
                            "reason": "invalid_token", "missing": [access("acme/app", &["pull", "push"])]}),
                        )),
                ),
                (
                    "other-service",
                    with(push(), &token(&both, &[("aud", json!("other.example"))])),
                    Want::deny(401, "token.audience_mismatch"),
                ),
                (
                    "another-of-the-service-s-registries",
                    with(push(), &token(&both, &[("aud", json!("mirror.example"))]))
                        .policy("registry/services", json!([SERVICE, "mirror.example"])),
                    Want::deny(401, "token.audience_mismatch"),
                ),
                ("malformed-access", with(push(), &token(&json!("all"), &[])), Want::deny(401, "oci.access_type")),
                (
                    "without-access",
                    with(push(), &token(&Value::Null, &[("access", json!([]))])),
                    Want::deny(401, "oci.resource_not_granted"),
                ),
                (
                    "typ",
                    with(
                        push(),
                        &TOKENS_KEY.jws(
                            &json!({"typ": "at+jwt", "alg": "ES256", "kid": "a"}),
                            &json!({"iss": TOKENS,
                        "aud": SERVICE, "exp": NOW + 300, "access": both}),
                        ),
                    ),
                    Want::deny(401, "token.type_mismatch"),
                ),
                (
                    "forged-kid",
                    with(
                        push(),
                        &CI_KEY.jws(
                            &json!({"typ": "JWT", "alg": "Ed25519", "kid": "b"}),
                            &json!({"iss": TOKENS,
                        "aud": SERVICE, "exp": NOW + 300, "access": both}),
                        ),
                    ),
                    Want::deny(401, "key.unknown"),
                ),
                (
                    "key-unnamed",
                    with(
                        push(),
                        &TOKENS_KEY.jws(
                            &json!({"typ": "JWT", "alg": "ES256"}),
                            &json!({"iss": TOKENS,
                        "aud": SERVICE, "exp": NOW + 300, "access": both}),
                        ),
                    ),
                    Want::deny(401, "oci.key_unnamed"),
                ),
            ],
        )
        .case("basic", &basic(push(), "anybody", &token(&both, &[])), &Want::subject("alice"))
        .pair(
            "newer-key",
            &fetched(&rotated).resource(&format!("{TOKENS}/jwks"), keys(&[TOKENS_KEY, NEWER_KEY])),
            &Want::subject("alice"),
            &[(
                "unknown",
                fetched(&rotated).resource(&format!("{TOKENS}/jwks"), keys(&[TOKENS_KEY])),
                Want::deny(401, "oci.key_untrusted"),
            )],
        )
        .case(
            "anonymous-token",
            &with(at_registry("GET", "/v2/"), &token(&json!([]), &[("sub", json!(""))])),
            &Want::allow(),
        )
        .pair(
            "mount",
            &with(
                at_registry("POST", &format!("/v2/acme/app/blobs/uploads/?mount={DIGEST}&from=acme/base")),
                &token(&json!([access("acme/app", &["pull", "push"]), access("acme/base", &["pull"])]), &[]),
            ),
            &Want::allow(),
            &[(
                "target-alone",
                with(
                    at_registry("POST", &format!("/v2/acme/app/blobs/uploads/?mount={DIGEST}&from=acme/base")),
                    &token(&both, &[]),
                ),
                Want::deny(401, "oci.resource_not_granted").challenge(&challenge(
                    "repository:acme/app:pull,push repository:acme/base:pull",
                    "insufficient_scope",
                )),
            )],
        )
        .case(
            "everybody-s-too",
            &with(at_registry("GET", "/v2/public/base/tags/list"), &token(&both, &[])),
            &Want::subject("alice"),
        )
        .case(
            "elsewhere",
            &with(
                Check::new()
                    .set("policy", policy())
                    .policy("rules", json!([{"issuers": ["ci"], "require": {}}]))
                    .url(&format!("{REGISTRY}/x")),
                &token(&both, &[]),
            ),
            &Want::deny(403, "rule.issuer_not_accepted"),
        )
        .note("A registry's token is good for nothing but registries.");
}

pub(super) fn own(group: &mut Group) {
    let push = || at_registry("PUT", "/v2/acme/app/manifests/v1");
    group
        .about(
            "docs/registries.md: a credential of its own opens what the grants say, and another token would not help.",
        )
        .pair(
            "own-token",
            &push().bearer(&ci_token(&[])),
            &Want::subject("job:7"),
            &[
                (
                    "delete",
                    at_registry("DELETE", &format!("/v2/acme/app/manifests/{DIGEST}")).bearer(&ci_token(&[])),
                    Want::deny(403, "oci.action_not_granted").body(told(
                        "DENIED",
                        "requested access to the resource is denied",
                        &json!({"reason": "oci.action_not_granted", "missing": [access("acme/app", &["delete"])]}),
                    )),
                ),
                (
                    "other-claim",
                    push().bearer(&ci_token(&[("repository", json!("acme/other"))])),
                    Want::deny(403, "oci.resource_not_granted"),
                ),
                ("expired", push().bearer(&ci_token(&[("exp", json!(NOW - 31))])), Want::deny(401, "token.expired")),
                (
                    "unknown-issuer",
                    push().bearer(&ci_token(&[("iss", json!("https://x.example"))])),
                    Want::deny(401, "token.issuer_unknown"),
                ),
            ],
        )
        .case(
            "own-access-claim",
            &push().bearer(&ci_token(&[
                ("repository", json!("acme/other")),
                ("access", json!([access("acme/app", &["pull", "push"])])),
            ])),
            &Want::deny(403, "oci.resource_not_granted"),
        )
        .note("What a credential of its own says of access is nobody's word here.")
        .case(
            "two-credentials-are-not-united",
            &workload(at_registry("POST", &format!("/v2/team/app/blobs/uploads/?mount={DIGEST}&from=acme/app")))
                .header("Authorization", &format!("Bearer {}", ci_token(&[]))),
            &Want::deny(403, "oci.resource_not_granted"),
        )
        .case("own-as-password", &basic(push(), "oauth2accesstoken", &ci_token(&[])), &Want::subject("job:7"))
        .case("svid", &workload(at_registry("PUT", "/v2/team/app/manifests/v1")), &Want::subject(svids::WEB))
        .case(
            "svid/elsewhere",
            &workload(at_registry("PUT", "/v2/other/app/manifests/v1")),
            &Want::deny(403, "oci.resource_not_granted"),
        );
}

pub(super) fn users(group: &mut Group) {
    let pull = || at_registry("GET", "/v2/acme/app/tags/list").policy("registry/realm", ());
    group
        .about("RFC 7617, docs/registries.md: a user has a password, and takes as long to refuse as to accept.")
        .pair(
            "user",
            &basic(pull(), "alice", "s3cret"),
            &Want::subject("alice"),
            &[
                (
                    "wrong",
                    basic(pull(), "alice", "secret"),
                    Want::deny(401, "registry.password_wrong").challenge("Basic realm=\"registry.example\""),
                ),
                ("nobody", basic(pull(), "carol", "s3cret"), Want::deny(401, "registry.password_wrong")),
                ("without-grant", basic(pull(), "bob", "s3cret"), Want::deny(403, "oci.resource_not_granted")),
                ("no-colon", pull().header("Authorization", "Basic YWxpY2U="), Want::deny(401, "credential.malformed")),
                ("no-base64", pull().header("Authorization", "Basic %%"), Want::deny(401, "credential.malformed")),
                (
                    "no-users",
                    basic(
                        pull()
                            .policy("registry/users", ())
                            .policy("registry/grants/2", json!({"anonymous": true, "catalog": true})),
                        "alice",
                        "s3cret",
                    ),
                    Want::deny(401, "registry.password_wrong"),
                ),
            ],
        )
        .case(
            "nobody-s-name-and-password",
            &basic(at_registry("GET", "/v2/public/base/tags/list").policy("registry/realm", ()), "", ""),
            &Want::allow(),
        )
        .note("So do clients say that they have none (skopeo): everybody's pulls are theirs, and nothing else.")
        .case("nobody-s-name-and-password/elsewhere", &basic(pull(), "", ""), &Want::deny(401, "credential.missing"))
        .case("user-catalog", &basic(at_registry("GET", "/v2/_catalog"), "alice", "s3cret"), &Want::subject("alice"))
        .case(
            "users-fetched",
            &basic(pull().policy("registry/users", "https://files.example/users"), "alice", "s3cret")
                .served("https://files.example/users", format!("alice:{HASH}\n")),
            &Want::subject("alice"),
        )
        .case(
            "users-unavailable",
            &basic(pull().policy("registry/users", "https://files.example/users"), "alice", "s3cret"),
            &Want::deny(503, "registry.users_unavailable")
                .body(json!({"errors": [{"code": "UNAVAILABLE", "message": "service unavailable"}]})),
        );
}

/// An upload by the CI.
fn uploads(method: &str) -> Check {
    let end = if method == "POST" { "" } else { "u" };
    at_registry(method, &format!("/v2/acme/app/blobs/uploads/{end}")).bearer(&ci_token(&[]))
}

pub(super) fn malformed(group: &mut Group) {
    group
        .about("docs/oci.md: what a registry does not serve is not there, and what cannot be read is refused.")
        .case("path-unknown", &at_registry("GET", "/v2/acme/app/others"), &Want::deny(404, "oci.path_unknown"))
        .case(
            "method-unknown",
            &at_registry("PROPFIND", "/v2/acme/app/tags/list"),
            &Want::deny(405, "oci.method_unknown").headers(&[
                ("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE"),
                ("Content-Type", "application/json"),
                ("Cache-Control", "no-store"),
            ]),
        )
        .case(
            "name",
            &at_registry("GET", "/v2/acme/App/tags/list"),
            &Want::deny(400, "oci.path_name").body(told(
                "NAME_INVALID",
                "the request cannot be read in one way alone",
                &json!({"reason": "oci.path_name"}),
            )),
        )
        .pair(
            "body",
            &uploads("POST").header("Content-Type", "application/json"),
            &Want::subject("job:7"),
            &[
                (
                    "form",
                    uploads("POST").header("Content-Type", "Application/X-WWW-Form-Urlencoded; x"),
                    Want::deny(415, "oci.form_body"),
                ),
                (
                    "multipart",
                    uploads("PUT").header("Content-Type", "multipart/form-data; boundary=x"),
                    Want::deny(415, "oci.form_body"),
                ),
                (
                    "two-types",
                    uploads("POST").header("Content-Type", "application/json").header("content-type", "text/plain"),
                    Want::deny(400, "request.header_repeated"),
                ),
            ],
        )
        .case(
            "from-twice",
            &at_registry("POST", "/v2/a/blobs/uploads/?from=b&from=c"),
            &Want::deny(400, "oci.from_repeated"),
        )
        .case("ambiguous", &at_registry("GET", "/v2/a//tags/list"), &Want::deny(400, "request.path_ambiguous"))
        .case("encoded-slash", &at_registry("GET", "/v2/a%2Fb/tags/list"), &Want::deny(400, "request.path_ambiguous"));
}
