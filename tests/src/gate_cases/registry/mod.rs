//! OCI registries: what a request needs, whose credential grants it, and what a token service hands out.

mod access;
mod controls;
mod service;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::make::{Check, Group, Key, NOW};
use super::svids::{self, DOMAIN};

pub(super) const REGISTRY: &str = "https://registry.example";
pub(super) const REALM: &str = "https://tokens.example/token";
pub(super) const TOKENS: &str = "https://tokens.example";
pub(super) const CI: &str = "https://ci.example";
pub(super) const SERVICE: &str = "registry.example";
/// The key of the token service, and that of the CI's issuer.
pub(super) const TOKENS_KEY: Key = Key::Ec(3);
pub(super) const NEWER_KEY: Key = Key::Ec(5);
pub(super) const CI_KEY: Key = Key::Ed(4);
/// `s3cret`, by bcrypt.
pub(super) const HASH: &str = "$2b$04$6.RILQGIqR8NVCpf8XYaHOBeFwmxfkbTStQmI/h6jcmBzZP2E9uI.";
pub(super) const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

pub(super) fn issuer(name: &str, issuer: &str, profile: &str, key: Key) -> Value {
    json!({"name": name, "issuer": issuer, "profile": profile, "keys": {"keys": [key.named("a")]}})
}

/// A registry with a token service elsewhere: everybody pulls below `public`, the CI pushes its application, alice does what
/// she likes.
pub(super) fn policy() -> Value {
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

pub(super) fn at_registry(method: &str, path: &str) -> Check {
    Check::new().set("policy", policy()).method(method).url(&format!("{REGISTRY}{path}"))
}

/// The same, with a token service of its own whose keys are fetched.
pub(super) fn at_tokens(query: &str) -> Check {
    let mut policy = policy();
    policy["issuers"][0]["keys"] = format!("{TOKENS}/jwks").into();
    policy["registry"]["token_service"] = json!({"issuer": "tokens", "refresh_issuers": ["ci"]});
    policy["listeners"] = json!([{"name": "tokens", "address": "127.0.0.1:8443", "serves": "tokens"}]);
    let check = Check::new().set("policy", policy).set("listener", "tokens").url(&format!("{REALM}{query}"));
    check.served(&format!("{TOKENS}/jwks"), json!({"keys": [TOKENS_KEY.named("a")]}))
}

pub(super) fn form(body: &str) -> Check {
    let check = at_tokens("").method("POST").header("Content-Type", "application/x-www-form-urlencoded");
    check.set("request/body", body)
}

pub(super) fn access(name: &str, actions: &[&str]) -> Value {
    json!({"type": "repository", "name": name, "actions": actions})
}

/// A token of the token service.
pub(super) fn token(access: &Value, more: &[(&str, Value)]) -> String {
    let mut claims = json!({"iss": TOKENS, "sub": "alice", "aud": SERVICE, "exp": NOW + 300, "nbf": NOW - 5,
        "iat": NOW - 5, "jti": "t", "access": access});
    more.iter().for_each(|(name, value)| claims[*name] = value.clone());
    TOKENS_KEY.jws(&json!({"typ": "JWT", "alg": "ES256", "kid": "a"}), &claims)
}

pub(super) fn ci_token(more: &[(&str, Value)]) -> String {
    let mut claims = json!({"iss": CI, "sub": "job:7", "aud": TOKENS, "exp": NOW + 300, "iat": NOW - 5,
        "repository": "acme/app"});
    more.iter().for_each(|(name, value)| claims[*name] = value.clone());
    CI_KEY.jws(&json!({"typ": "JWT", "alg": "Ed25519", "kid": "a"}), &claims)
}

/// A refresh token of the token service.
pub(super) fn refresh(more: &[(&str, Value)]) -> String {
    let mut claims = json!({"iss": TOKENS, "sub": "alice", "aud": REALM, "exp": NOW + 600, "iat": NOW - 60,
        "service": SERVICE, "auth_time": NOW - 60, "of": "", "hash": fingerprint()});
    more.iter().for_each(|(name, value)| claims[*name] = value.clone());
    TOKENS_KEY.jws(&json!({"typ": "registry-refresh+jwt", "alg": "ES256", "kid": "a"}), &claims)
}

pub(super) fn fingerprint() -> String {
    portcullis_types::base64url::encode(&portcullis_crypto::sha256(HASH.as_bytes()))
}

pub(super) fn basic(check: Check, name: &str, password: &str) -> Check {
    check.header("Authorization", &format!("Basic {}", STANDARD.encode(format!("{name}:{password}"))))
}

pub(super) fn challenge(scope: &str, error: &str) -> String {
    let scope = if scope.is_empty() { String::new() } else { format!(", scope=\"{scope}\"") };
    let error = if error.is_empty() { String::new() } else { format!(", error=\"{error}\"") };
    format!("Bearer realm=\"{REALM}\", service=\"{SERVICE}\"{scope}{error}")
}

pub(super) fn told(code: &str, message: &str, detail: &Value) -> Value {
    json!({"errors": [{"code": code, "message": message, "detail": detail}]})
}

/// With the X.509-SVID of a workload, which may push below `team`.
pub(super) fn workload(check: Check) -> Check {
    let check = check.policy("trust_domains", json!([svids::trusted("x509-path/ok-two-intermediates", DOMAIN)]));
    let grant = json!({"issuers": [DOMAIN], "require": {"spiffe_id": ["spiffe://example.org/ns/prod/*"]},
        "repositories": ["team/{name}"], "actions": ["pull", "push"]});
    check.add("registry/grants", grant).certificate(json!({"chain": svids::web()}))
}

pub(in crate::gate_cases) fn cases() -> Group {
    let mut group = Group::new("registry");
    access::unauthenticated(&mut group);
    access::tokens(&mut group);
    access::own(&mut group);
    access::users(&mut group);
    access::malformed(&mut group);
    service::handed_out(&mut group);
    service::asked_badly(&mut group);
    service::refreshed(&mut group);
    controls::controls(&mut group);
    group
}
