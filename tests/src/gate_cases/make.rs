//! What cases are made of: keys from fixed seeds, tokens, proofs and lists signed with them, and requests that are changed
//! in one place at a time.

use std::io::Write;

use ed25519_dalek::Signer as _;
use flate2::{Compression, write::ZlibEncoder};
use hmac::{Hmac, KeyInit, Mac};
use p256::ecdsa::{Signature, SigningKey};
use portcullis_crypto::sha256;
use portcullis_types::base64url;
use serde_json::{Map, Value, json};
use sha2::Sha256;

/// The time of the cases, in seconds since 1970.
pub(super) const NOW: u64 = crate::corpus::NOW;

pub(super) const API: &str = "https://api.example";
pub(super) const CORP: &str = "https://idp.example";
pub(super) const PARTNER: &str = "https://partner.example";
pub(super) const LIST: &str = "https://idp.example/status/1";

/// A key of the cases.
#[derive(Clone, Copy)]
pub(super) enum Key {
    /// Ed25519, from a seed of this byte.
    Ed(u8),
    /// P-256, from a scalar of this byte.
    Ec(u8),
    /// HMAC with SHA-256, from this byte.
    Mac(u8),
}

/// The keys of the two issuers.
pub(super) const CORP_KEY: Key = Key::Ed(1);
pub(super) const PARTNER_KEY: Key = Key::Ed(2);
/// The key of a client.
pub(super) const CLIENT_KEY: Key = Key::Ed(7);

impl Key {
    pub(super) fn algorithm(self) -> &'static str {
        match self {
            Key::Ed(_) => "Ed25519",
            Key::Ec(_) => "ES256",
            Key::Mac(_) => "HS256",
        }
    }

    /// Its public JWK without `kid`, in the order of RFC 7638.
    pub(super) fn jwk(self) -> Value {
        let text = |bytes: &[u8]| base64url::encode(bytes);
        match self {
            Key::Ed(seed) => {
                let key = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]);
                json!({"crv": "Ed25519", "kty": "OKP", "x": text(key.verifying_key().as_bytes())})
            }
            Key::Ec(seed) => {
                let point = ec(seed).verifying_key().to_sec1_point(false);
                let bytes = point.as_bytes();
                json!({"crv": "P-256", "kty": "EC", "x": text(&bytes[1..33]), "y": text(&bytes[33..])})
            }
            Key::Mac(seed) => json!({"k": text(&[seed; 32]), "kty": "oct"}),
        }
    }

    pub(super) fn named(self, kid: &str) -> Value {
        let mut jwk = self.jwk();
        jwk["kid"] = kid.into();
        jwk
    }

    /// Its RFC 7638 thumbprint.
    pub(super) fn thumbprint(self) -> String {
        base64url::encode(&sha256(self.jwk().to_string().as_bytes()))
    }

    pub(super) fn sign(self, message: &[u8]) -> Vec<u8> {
        match self {
            Key::Ed(seed) => ed25519_dalek::SigningKey::from_bytes(&[seed; 32]).sign(message).to_vec(),
            Key::Ec(seed) => {
                // Deterministic (RFC 6979).
                let signature: Signature = ec(seed).sign(message);
                signature.to_bytes().to_vec()
            }
            Key::Mac(seed) => {
                let mut mac = Hmac::<Sha256>::new_from_slice(&[seed; 32]).expect("a key of any length");
                mac.update(message);
                mac.finalize().into_bytes().to_vec()
            }
        }
    }

    /// A compact JWS over a header and claims as they stand.
    pub(super) fn jws(self, header: &Value, claims: &Value) -> String {
        self.jws_text(&header.to_string(), &claims.to_string())
    }

    /// The same over texts, which need not be JSON.
    pub(super) fn jws_text(self, header: &str, claims: &str) -> String {
        let input = format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(claims.as_bytes()));
        let signature = base64url::encode(&self.sign(input.as_bytes()));
        format!("{input}.{signature}")
    }
}

fn ec(seed: u8) -> SigningKey {
    SigningKey::from_slice(&[seed; 32]).expect("a scalar below the order")
}

/// Puts members into an object, or takes out those that are `null`.
pub(super) fn put(target: &mut Value, members: &Value) {
    let (Some(target), Some(members)) = (target.as_object_mut(), members.as_object()) else { return };
    for (name, value) in members {
        if value.is_null() {
            target.shift_remove(name);
        } else {
            target.insert(name.clone(), value.clone());
        }
    }
}

/// The claims of an access token (RFC 9068) of corp, with members put in or taken out.
pub(super) fn claims(more: &Value) -> Value {
    let mut claims = json!({"iss": CORP, "aud": API, "sub": "alice", "client_id": "app", "jti": "t1", "iat": NOW - 10,
        "exp": NOW + 3_600});
    put(&mut claims, more);
    claims
}

/// An access token of corp, its claims changed by `more`.
pub(super) fn token(more: &Value) -> String {
    signed(CORP_KEY, &json!({}), more)
}

/// An access token signed with a key, header and claims changed.
pub(super) fn signed(key: Key, header: &Value, more: &Value) -> String {
    let mut own = json!({"alg": key.algorithm(), "kid": "a", "typ": "at+jwt"});
    put(&mut own, header);
    key.jws(&own, &claims(more))
}

/// An access token of partner.
pub(super) fn partner_token(more: &Value) -> String {
    let mut own = json!({"iss": PARTNER, "sub": "bob"});
    put(&mut own, more);
    signed(PARTNER_KEY, &json!({}), &own)
}

/// A DPoP proof (RFC 9449) of the client's key for a GET of `/reports/7` with a token, changed by `header` and `more`.
pub(super) fn proof(key: Key, token: &str, header: &Value, more: &Value) -> String {
    let mut own = json!({"alg": key.algorithm(), "typ": "dpop+jwt", "jwk": key.jwk()});
    put(&mut own, header);
    let ath = base64url::encode(&sha256(token.as_bytes()));
    let mut claims = json!({"jti": "p1", "htm": "GET", "htu": format!("{API}/reports/7"), "iat": NOW - 1, "ath": ath});
    put(&mut claims, more);
    key.jws(&own, &claims)
}

/// A status list token whose entries have these values, eight bits each, signed with a key; claims changed by `more`.
pub(super) fn list(key: Key, values: &[u8], more: &Value) -> String {
    let lst = base64url::encode(&zlib(values));
    let mut claims = json!({"sub": LIST, "iat": NOW - 5, "ttl": 300, "status_list": {"bits": 8, "lst": lst}});
    put(&mut claims, more);
    key.jws(&json!({"alg": key.algorithm(), "kid": "a", "typ": "statuslist+jwt"}), &claims)
}

/// A zlib stream of stored blocks: the same bytes whatever the compressor.
pub(super) fn zlib(values: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::none());
    encoder.write_all(values).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

/// The claim `status` for an entry of a list.
pub(super) fn entry(index: u64, uri: &str) -> Value {
    json!({"status": {"status_list": {"idx": index, "uri": uri}}})
}

/// A JWK Set of one key called "a".
pub(super) fn keys(key: Key) -> Value {
    json!({"keys": [key.named("a")]})
}

/// The issuer corp, its keys in the policy.
pub(super) fn corp() -> Value {
    json!({"name": "corp", "issuer": CORP, "keys": keys(CORP_KEY)})
}

/// The issuer partner, likewise.
pub(super) fn partner() -> Value {
    json!({"name": "partner", "issuer": PARTNER, "keys": keys(PARTNER_KEY)})
}

/// A request to check, with everything beside it.
#[derive(Clone)]
pub(super) struct Check(Value);

impl Check {
    /// A GET of `/reports/7` without a credential, under a policy with corp and one rule for any credential of it.
    pub(super) fn new() -> Self {
        Self(json!({
            "op": "gate.check",
            "at": NOW,
            "policy": {
                "origins": [API],
                "issuers": [corp()],
                "rules": [{"path": "/reports/{id}", "require": {}}],
            },
            "request": {"method": "GET", "url": format!("{API}/reports/7"), "headers": []},
        }))
    }

    /// The same, with everything open: what is denied is denied before any rule.
    pub(super) fn open() -> Self {
        Self::new().policy("issuers", ()).policy("rules", json!([{"anonymous": true}]))
    }

    /// Sets a member of the policy, by its path: `issuers/0/proof`. `()` takes it out.
    pub(super) fn policy(self, path: &str, value: impl Into<Value>) -> Self {
        self.set(&format!("policy/{path}"), value)
    }

    /// Sets a member by its path.
    pub(super) fn set(mut self, path: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut at = &mut self.0;
        for step in parent.split('/').filter(|step| !step.is_empty()) {
            at = match step.parse::<usize>() {
                Ok(index) => &mut at[index],
                Err(_) => at.as_object_mut().expect("an object").entry(step).or_insert_with(|| json!({})),
            };
        }
        match at {
            Value::Object(members) if value.is_null() => {
                members.shift_remove(name);
            }
            Value::Object(members) => {
                members.insert(name.into(), value);
            }
            Value::Array(items) => match name.parse::<usize>() {
                Ok(index) if index < items.len() => items[index] = value,
                _ => items.push(value),
            },
            other => panic!("{path} leads into {other}"),
        }
        self
    }

    /// Adds to the end of a list of the policy.
    pub(super) fn add(self, list: &str, value: impl Into<Value>) -> Self {
        self.set(&format!("policy/{list}/+"), value)
    }

    /// What the one rule requires.
    pub(super) fn require(self, require: Value) -> Self {
        self.policy("rules/0/require", require)
    }

    /// The time of verification.
    pub(super) fn at(self, at: u64) -> Self {
        self.set("at", at)
    }

    pub(super) fn method(self, method: &str) -> Self {
        self.set("request/method", method)
    }

    pub(super) fn url(self, url: &str) -> Self {
        self.set("request/url", url)
    }

    /// Another path, as it is sent.
    pub(super) fn path(self, path: &str) -> Self {
        self.url(&format!("{API}{path}"))
    }

    /// Adds a header field.
    pub(super) fn header(self, name: &str, value: &str) -> Self {
        self.set("request/headers/+", json!([name, value]))
    }

    /// Without any header field.
    pub(super) fn bare(self) -> Self {
        self.set("request/headers", json!([]))
    }

    /// With a token as Bearer, in place of whatever headers there were.
    pub(super) fn bearer(self, token: &str) -> Self {
        self.bare().header("Authorization", &format!("Bearer {token}"))
    }

    /// With a token and a proof, in place of whatever headers there were.
    pub(super) fn dpop(self, token: &str, proof: &str) -> Self {
        self.bare().header("Authorization", &format!("DPoP {token}")).header("DPoP", proof)
    }

    /// What is at a URL.
    pub(super) fn resource(mut self, url: &str, resource: Value) -> Self {
        let members = self.0.as_object_mut().expect("an object");
        members.entry("resources").or_insert_with(|| json!({}))[url] = resource;
        self
    }

    /// A text at a URL, with status 200.
    pub(super) fn served(self, url: &str, body: impl ToString) -> Self {
        self.resource(url, json!({"body": body.to_string()}))
    }

    pub(super) fn certificate(self, certificate: Value) -> Self {
        self.set("client_certificate", certificate)
    }

    /// On a listener on loopback of this kind.
    pub(super) fn listener(self, members: Value) -> Self {
        let mut listener = json!({"name": "front", "address": "127.0.0.1:8080"});
        put(&mut listener, &members);
        self.policy("listeners", json!([listener])).set("listener", "front")
    }
}

/// What is wanted of an answer.
#[derive(Clone)]
pub(super) struct Want(Value);

impl Want {
    /// Let through, with nothing to tell.
    pub(super) fn allow() -> Self {
        Self(json!({"ok": true, "result": {"outcome": "allow", "status": 200, "findings": []}}))
    }

    /// Let through for this subject.
    pub(super) fn subject(subject: &str) -> Self {
        Self::allow().and("principal", json!({"subject": subject}))
    }

    /// Denied with a status, for a code.
    pub(super) fn deny(status: u16, code: &str) -> Self {
        Self(json!({"ok": true, "result": {"outcome": "deny", "status": status, "findings": [{"code": code}]}}))
    }

    /// The policy is refused.
    pub(super) fn refused(code: &str, why: &str) -> Self {
        Self(json!({"ok": false, "why": why, "error": {"code_ends": code}}))
    }

    /// Another member of the result.
    pub(super) fn and(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0["result"][name] = value.into();
        self
    }

    /// The header fields, all of them, in their order.
    pub(super) fn headers(self, fields: &[(&str, &str)]) -> Self {
        self.and("headers", fields.iter().map(|(name, value)| json!([name, value])).collect::<Vec<_>>())
    }

    /// The challenge of a denial with a JSON body.
    pub(super) fn challenge(self, challenge: &str) -> Self {
        self.headers(&[
            ("WWW-Authenticate", challenge),
            ("Content-Type", "application/json"),
            ("Cache-Control", "no-store"),
        ])
    }

    pub(super) fn body(self, body: Value) -> Self {
        self.and("body", body.to_string())
    }
}

/// A group of cases: each that is let through stands before others that differ from it in one thing and are denied.
pub(super) struct Group {
    name: &'static str,
    /// The sentence that the next cases are about.
    source: String,
    pub(super) lines: Vec<Value>,
}

impl Group {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, source: String::new(), lines: Vec::new() }
    }

    /// What it is called: the first part of its cases' names, and its file.
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// The sentence that the next cases are about.
    pub(super) fn about(&mut self, source: &str) -> &mut Self {
        self.source = source.into();
        self
    }

    /// A case.
    pub(super) fn case(&mut self, name: &str, check: &Check, want: &Want) -> &mut Self {
        let mut line = Map::new();
        line.insert("id".into(), format!("gate/{}/{name}", self.name).into());
        line.extend(check.0.as_object().expect("an object").clone());
        line.insert("want".into(), want.0.clone());
        line.insert("source".into(), self.source.as_str().into());
        self.lines.push(Value::Object(line));
        self
    }

    /// A case that is let through, and what it takes to be denied: each control differs from it in one thing.
    pub(super) fn pair(
        &mut self,
        name: &str,
        check: &Check,
        want: &Want,
        controls: &[(&str, Check, Want)],
    ) -> &mut Self {
        self.case(name, check, want);
        for (what, check, want) in controls {
            self.case(&format!("{name}/{what}"), check, want);
        }
        self
    }

    /// A remark on the last case.
    pub(super) fn note(&mut self, note: &str) -> &mut Self {
        if let Some(line) = self.lines.last_mut() {
            line["note"] = note.into();
        }
        self
    }
}
