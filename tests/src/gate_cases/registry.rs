//! OCI registries: what a request needs, whose credential grants it, and what a token service hands out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::make::{Check, Group, Key, NOW, Want};
use super::svids::{self, DOMAIN};

const REGISTRY: &str = "https://registry.example";
const REALM: &str = "https://tokens.example/token";
const TOKENS: &str = "https://tokens.example";
const CI: &str = "https://ci.example";
const SERVICE: &str = "registry.example";
/// The key of the token service, and that of the CI's issuer.
const TOKENS_KEY: Key = Key::Ec(3);
const NEWER_KEY: Key = Key::Ec(5);
const CI_KEY: Key = Key::Ed(4);
/// `s3cret`, by bcrypt.
const HASH: &str = "$2b$04$6.RILQGIqR8NVCpf8XYaHOBeFwmxfkbTStQmI/h6jcmBzZP2E9uI.";
const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn issuer(name: &str, issuer: &str, profile: &str, key: Key) -> Value {
    json!({"name": name, "issuer": issuer, "profile": profile, "keys": {"keys": [key.named("a")]}})
}

/// A registry with a token service elsewhere: everybody pulls below `public`, the CI pushes its application, alice does what
/// she likes.
fn policy() -> Value {
    let mut ci = issuer("ci", CI, "jwt", CI_KEY);
    ci["audience"] = json!([TOKENS]);
    ci["status"] = "off".into();
    json!({
        "origins": [REGISTRY, TOKENS],
        "issuers": [issuer("tokens", TOKENS, "registry", TOKENS_KEY), ci],
        "registry": {
            "services": [SERVICE],
            "realm": REALM,
            "users": {"alice": HASH, "bob": HASH},
            "grants": [
                {"name": "public", "anonymous": true, "repositories": ["public/{name...}"], "actions": ["pull"]},
                {"name": "ci", "issuers": ["ci"], "require": {"claims": {"repository": "acme/app"}},
                    "repositories": ["acme/app"], "actions": ["pull", "push"]},
                {"name": "people", "users": ["alice"], "repositories": ["{name...}"], "actions": ["*"], "catalog": true},
            ],
        },
    })
}

fn at_registry(method: &str, path: &str) -> Check {
    Check::new().set("policy", policy()).method(method).url(&format!("{REGISTRY}{path}"))
}

/// The same, with a token service of its own whose keys are fetched.
fn at_tokens(query: &str) -> Check {
    let mut policy = policy();
    policy["issuers"][0]["keys"] = format!("{TOKENS}/jwks").into();
    policy["registry"]["token_service"] = json!({"issuer": "tokens", "refresh_issuers": ["ci"]});
    policy["listeners"] = json!([{"name": "tokens", "address": "127.0.0.1:8443", "serves": "tokens"}]);
    let check = Check::new().set("policy", policy).set("listener", "tokens").url(&format!("{REALM}{query}"));
    check.served(&format!("{TOKENS}/jwks"), json!({"keys": [TOKENS_KEY.named("a")]}))
}

fn form(body: &str) -> Check {
    let check = at_tokens("").method("POST").header("Content-Type", "application/x-www-form-urlencoded");
    check.set("request/body", body)
}

fn access(name: &str, actions: &[&str]) -> Value {
    json!({"type": "repository", "name": name, "actions": actions})
}

/// A token of the token service.
fn token(access: &Value, more: &[(&str, Value)]) -> String {
    let mut claims = json!({"iss": TOKENS, "sub": "alice", "aud": SERVICE, "exp": NOW + 300, "nbf": NOW - 5,
        "iat": NOW - 5, "jti": "t", "access": access});
    more.iter().for_each(|(name, value)| claims[*name] = value.clone());
    TOKENS_KEY.jws(&json!({"typ": "JWT", "alg": "ES256", "kid": "a"}), &claims)
}

fn ci_token(more: &[(&str, Value)]) -> String {
    let mut claims = json!({"iss": CI, "sub": "job:7", "aud": TOKENS, "exp": NOW + 300, "iat": NOW - 5,
        "repository": "acme/app"});
    more.iter().for_each(|(name, value)| claims[*name] = value.clone());
    CI_KEY.jws(&json!({"typ": "JWT", "alg": "Ed25519", "kid": "a"}), &claims)
}

/// A refresh token of the token service.
fn refresh(more: &[(&str, Value)]) -> String {
    let mut claims = json!({"iss": TOKENS, "sub": "alice", "aud": REALM, "exp": NOW + 600, "iat": NOW - 60,
        "service": SERVICE, "auth_time": NOW - 60, "of": "", "hash": fingerprint()});
    more.iter().for_each(|(name, value)| claims[*name] = value.clone());
    TOKENS_KEY.jws(&json!({"typ": "registry-refresh+jwt", "alg": "ES256", "kid": "a"}), &claims)
}

fn fingerprint() -> String {
    portcullis_types::base64url::encode(&portcullis_crypto::sha256(HASH.as_bytes()))
}

fn basic(check: Check, name: &str, password: &str) -> Check {
    check.header("Authorization", &format!("Basic {}", STANDARD.encode(format!("{name}:{password}"))))
}

fn challenge(scope: &str, error: &str) -> String {
    let scope = if scope.is_empty() { String::new() } else { format!(", scope=\"{scope}\"") };
    let error = if error.is_empty() { String::new() } else { format!(", error=\"{error}\"") };
    format!("Bearer realm=\"{REALM}\", service=\"{SERVICE}\"{scope}{error}")
}

fn told(code: &str, message: &str, detail: &Value) -> Value {
    json!({"errors": [{"code": code, "message": message, "detail": detail}]})
}

/// Of what is let through above, what differs in one thing and is not.
fn controls(group: &mut Group) {
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

pub(super) fn cases() -> Group {
    let mut group = Group::new("registry");
    unauthenticated(&mut group);
    tokens(&mut group);
    own(&mut group);
    users(&mut group);
    malformed(&mut group);
    handed_out(&mut group);
    asked_badly(&mut group);
    refreshed(&mut group);
    controls(&mut group);
    group
}

fn unauthenticated(group: &mut Group) {
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

fn tokens(group: &mut Group) {
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

fn own(group: &mut Group) {
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

/// With the X.509-SVID of a workload, which may push below `team`.
fn workload(check: Check) -> Check {
    let check = check.policy("trust_domains", json!([svids::trusted("x509-path/ok-two-intermediates", DOMAIN)]));
    let grant = json!({"issuers": [DOMAIN], "require": {"spiffe_id": ["spiffe://example.org/ns/prod/*"]},
        "repositories": ["team/{name}"], "actions": ["pull", "push"]});
    check.add("registry/grants", grant).certificate(json!({"chain": svids::web()}))
}

fn users(group: &mut Group) {
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

fn malformed(group: &mut Group) {
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

fn issued(access: &Value, subject: &str) -> Value {
    json!({"typ": "JWT", "claims": {"iss": TOKENS, "sub": subject, "aud": SERVICE, "exp": NOW + 300, "nbf": NOW, "iat": NOW,
        "access": access}})
}

fn handed_out(group: &mut Group) {
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

fn asked_badly(group: &mut Group) {
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

fn refreshed(group: &mut Group) {
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
                        super::make::list(CI_KEY, &[0, 1], &json!({"sub": "https://ci.example/list"})),
                    ),
                    Want::deny(401, "status.revoked"),
                ),
            ],
        );
}
