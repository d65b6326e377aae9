//! Clients of an authorization server: who they are, what they are told, and their registration on first use.

mod credentials;
mod dynamic;
mod once;
mod registering;

use portcullis_types::base64url;
use serde_json::{Value, json};

use super::make::{Check, Group, Key, NOW, Want, put};
use super::svids::{self, DOMAIN, WEB};

const SERVER: &str = "https://as.example";
const URL: &str = "https://as.example/token";
const ATTESTERS: &str = "https://attester.example/jwks.json";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe";
const AGENT: &str = "spiffe://example.org/agents/a";

/// The keys of the trust domain, for JWT-SVIDs and WIT-SVIDs; of an attester; of a client's instance, and another one.
const JWT_KEY: Key = Key::Ec(11);
const WIT_KEY: Key = Key::Ec(12);
const ATTESTER: Key = Key::Ec(13);
const INSTANCE: Key = Key::Ec(14);
const OTHER: Key = Key::Ec(15);

/// The bundle of the trust domain: certificates of the corpus, and keys of these cases.
fn bundle() -> Value {
    let mut bundle = svids::trusted("x509-path/ok-two-intermediates", DOMAIN)["bundle"].clone();
    let keys = bundle["keys"].as_array_mut().expect("keys");
    for (key, kid, of) in [(JWT_KEY, "j", "jwt-svid"), (WIT_KEY, "w", "wit-svid")] {
        let mut jwk = key.named(kid);
        jwk["use"] = of.into();
        keys.push(jwk);
    }
    bundle
}

fn policy() -> Value {
    json!({
        "origins": [SERVER],
        "trust_domains": [{"name": DOMAIN, "bundle": bundle()}],
        "clients": {
            "server": SERVER,
            "attesters": {"keys": [ATTESTER.named("a")]},
            "known": [
                {"client_id": "web", "spiffe_id": WEB},
                {"client_id": "app"},
            ],
            "register": {"spiffe_id": ["spiffe://example.org/agents/*"], "lifetime": "1h"},
        },
        "listeners": [{"name": "clients", "address": "127.0.0.1:8443", "serves": "clients"}],
    })
}

fn at(path: &str, body: &Value) -> Check {
    let check = Check::new().set("policy", policy()).set("listener", "clients").method("POST");
    let check = check.url(&format!("http://127.0.0.1:8443{path}")).set("nonces", json!(["c1", "c0"]));
    check.set("request/body", body.to_string())
}

/// A request of a client to the token endpoint, as its server describes it.
#[derive(Clone)]
struct Sent {
    url: &'static str,
    headers: Vec<(&'static str, String)>,
    form: Value,
    more: Value,
}

impl Sent {
    fn new() -> Self {
        let form = json!({"grant_type": "client_credentials"});
        Self { url: URL, headers: Vec::new(), form, more: json!({}) }
    }

    fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    fn form(mut self, members: Value) -> Self {
        put(&mut self.form, &members);
        self
    }

    fn beside(mut self, members: Value) -> Self {
        put(&mut self.more, &members);
        self
    }

    fn asked(&self) -> Check {
        self.asked_at("/authenticate")
    }

    fn asked_at(&self, path: &str) -> Check {
        let mut body =
            json!({"request": {"method": "POST", "url": self.url, "headers": self.headers, "form": self.form}});
        put(&mut body, &self.more);
        at(path, &body)
    }
}

/// A request with a JWT-SVID, its claims changed.
fn by_jwt(sub: &str, more: Value) -> Sent {
    let mut claims = json!({"sub": sub, "aud": [SERVER], "exp": NOW + 300});
    put(&mut claims, &more);
    let svid = JWT_KEY.jws(&json!({"alg": "ES256", "kid": "j"}), &claims);
    Sent::new().form(json!({"client_assertion_type": ASSERTION_TYPE, "client_assertion": svid}))
}

/// Where the workload is a client under its own ID, which authenticates by its certificate alone.
fn by_certificate(sent: &Sent) -> Check {
    let known = json!([{"client_id": WEB, "token_endpoint_auth_method": "spiffe_x509"}]);
    sent.asked().policy("clients/known", known)
}

fn by_chain(client_id: &str) -> Sent {
    Sent::new().form(json!({"client_id": client_id})).beside(json!({"certificate_chain": svids::web()}))
}

fn wit(sub: &str, more: Value) -> String {
    let mut jwk = INSTANCE.jwk();
    jwk["alg"] = "ES256".into();
    let mut claims = json!({"sub": sub, "exp": NOW + 300, "cnf": {"jwk": jwk}});
    put(&mut claims, &more);
    WIT_KEY.jws(&json!({"alg": "ES256", "kid": "w", "typ": "wit+jwt"}), &claims)
}

fn attestation(key: Key, more: Value) -> String {
    let mut claims = json!({"sub": "app", "iat": NOW - 60, "exp": NOW + 300, "cnf": {"jwk": INSTANCE.jwk()}});
    put(&mut claims, &more);
    key.jws(&json!({"alg": key.algorithm(), "kid": "a", "typ": "oauth-client-attestation+jwt"}), &claims)
}

fn pop(key: Key, more: Value) -> String {
    let mut claims = json!({"aud": SERVER, "jti": "p1", "iat": NOW, "challenge": "c1"});
    put(&mut claims, &more);
    key.jws(&json!({"alg": key.algorithm(), "typ": "oauth-client-attestation-pop+jwt"}), &claims)
}

fn dpop(key: Key, more: Value) -> String {
    let mut claims = json!({"jti": "d1", "htm": "POST", "htu": URL, "iat": NOW, "nonce": "c1"});
    put(&mut claims, &more);
    key.jws(&json!({"alg": key.algorithm(), "typ": "dpop+jwt", "jwk": key.jwk()}), &claims)
}

fn attested(attestation: String, pop: Option<String>) -> Sent {
    let sent = Sent::new().header("OAuth-Client-Attestation", attestation);
    match pop {
        Some(pop) => sent.header("OAuth-Client-Attestation-PoP", pop),
        None => sent,
    }
}

fn by_attestation() -> Sent {
    attested(attestation(ATTESTER, json!({})), Some(pop(INSTANCE, json!({}))))
}

fn by_wit() -> Sent {
    attested(wit(WEB, json!({})), Some(pop(INSTANCE, json!({}))))
}

fn by_dpop(key: Key, more: Value) -> Sent {
    attested(attestation(ATTESTER, json!({})), None).header("DPoP", dpop(key, more))
}

/// A record of an agent, its members changed.
fn record(more: Value) -> Value {
    let mut record = json!({"version": 1, "client_id": AGENT, "registered_at": NOW - 60, "expires_at": NOW + 60,
        "complete": true, "metadata": {}});
    put(&mut record, &more);
    record
}

fn known(client_id: &str, method: &str) -> Want {
    Want::allow().and("client", json!({"client_id": client_id, "method": method, "new": false}))
}

fn registered(outcome: &str, record: Value) -> Want {
    let new = outcome == "registered";
    Want::allow().and(
        "client",
        json!({"client_id": AGENT, "method": "spiffe_jwt", "new": new, "spiffe_id": AGENT,
        "registration": {"outcome": outcome, "record": record}}),
    )
}

/// What the server is told of a client that is refused: what to answer it, and why.
fn refused(status: u16, error: &str, fields: &[(&str, &str)], code: &str, detail: &str) -> Want {
    let own = [("Content-Type", "application/json"), ("Cache-Control", "no-store")];
    let headers: Vec<Value> = fields.iter().chain(&own).map(|(name, value)| json!([name, value])).collect();
    let body = json!({"error": error}).to_string();
    let told =
        json!({"error": error, "status": status, "headers": headers, "body": body, "code": code, "detail": detail});
    Want::deny(status, code).headers(&own).body(told)
}

pub(super) fn cases() -> Group {
    let mut group = Group::new("clients");
    credentials::by_svid(&mut group);
    credentials::by_attester(&mut group);
    once::proofs(&mut group);
    registering::registration(&mut group);
    registering::endpoints(&mut group);
    dynamic::pushing(&mut group);
    dynamic::vouching(&mut group);
    dynamic::following(&mut group);
    dynamic::binding(&mut group);
    group
}
