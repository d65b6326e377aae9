//! A gateway that runs for an authorization server, and the clients that come to it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
use portcullis_tests::dist;
use portcullis_tests::serving::{Answer, Clock, Process, ask, free_port, get, request};
use portcullis_types::base64url;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType};
use serde_json::{Value, json};

pub(crate) const SERVER: &str = "https://as.example";
pub(crate) const URL: &str = "https://as.example/token";
pub(crate) const DOMAIN: &str = "prod.example";
pub(crate) const KNOWN: &str = "spiffe://prod.example/web";
pub(crate) const AGENT: &str = "spiffe://prod.example/agents/a";
pub(crate) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe";

/// Keys by number: of JWT-SVIDs, of WIT-SVIDs, of an attester, of a client's instance.
pub(crate) const JWT: u8 = 1;
pub(crate) const WIT: u8 = 2;
pub(crate) const ATTESTER: u8 = 3;
pub(crate) const INSTANCE: u8 = 4;

pub(crate) fn key(number: u8) -> SigningKey {
    SigningKey::from_slice(&[number; 32]).expect("a scalar below the order")
}

pub(crate) fn jwk(number: u8, more: Value) -> Value {
    let point = key(number).verifying_key().to_sec1_point(false);
    let bytes = point.as_bytes();
    let mut jwk = json!({"kty": "EC", "crv": "P-256", "x": base64url::encode(&bytes[1..33]), "y": base64url::encode(&bytes[33..])});
    jwk.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    jwk
}

pub(crate) fn sign(number: u8, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| base64url::encode(value.to_string().as_bytes());
    let input = format!("{}.{}", part(header), part(claims));
    let signature: Signature = key(number).sign(input.as_bytes());
    format!("{input}.{}", base64url::encode(&signature.to_bytes()))
}

pub(crate) fn wall() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// An authority of X.509-SVIDs.
pub(crate) struct Authority {
    params: CertificateParams,
    key: KeyPair,
    der: Vec<u8>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.subject_alt_names = vec![SanType::URI(format!("spiffe://{DOMAIN}").try_into().expect("ASCII"))];
        let der = params.self_signed(&key).expect("a certificate").der().to_vec();
        Self { params, key, der }
    }

    pub(crate) fn issue(&self, id: &str) -> String {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.subject_alt_names = vec![SanType::URI(id.try_into().expect("ASCII"))];
        let issuer = Issuer::from_params(&self.params, &self.key);
        base64url::encode(params.signed_by(&key, &issuer).expect("a certificate").der())
    }

    pub(crate) fn jwk(&self) -> Value {
        use base64::Engine as _;
        let raw = self.key.public_key_raw();
        json!({"kty": "EC", "crv": "P-256", "x": base64url::encode(&raw[1..33]), "y": base64url::encode(&raw[33..65]),
            "use": "x509-svid", "x5c": [base64::engine::general_purpose::STANDARD.encode(&self.der)]})
    }
}

pub(crate) fn policy(authority: &Authority, more: &Value) -> Value {
    let keys = json!([
        jwk(JWT, json!({"kid": "j", "use": "jwt-svid"})),
        jwk(WIT, json!({"kid": "w", "use": "wit-svid"})),
        authority.jwk()
    ]);
    let mut register = json!({"spiffe_id": ["spiffe://prod.example/agents/*"], "lifetime": "1h"});
    register.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    json!({
        "origins": [SERVER],
        "trust_domains": [{"name": DOMAIN, "bundle": {"keys": keys}}],
        "clients": {
            "server": SERVER,
            "attesters": {"keys": [jwk(ATTESTER, json!({"kid": "a"}))]},
            "known": [{"client_id": KNOWN}, {"client_id": "app"}],
            "register": register,
        },
        "listeners": [{"name": "clients", "address": "127.0.0.1:8090", "serves": "clients"}],
    })
}

/// A gateway that runs.
pub(crate) struct Gateway {
    pub(crate) process: Process,
    pub(crate) port: u16,
    pub(crate) admin: u16,
}

impl Gateway {
    pub(crate) fn start(policy: &Path, store: Option<&Path>, clock: Option<&Clock>) -> Self {
        Self::start_with(policy, store, clock, &[])
    }

    /// The same, with more arguments.
    pub(crate) fn start_with(
        policy: &Path,
        store: Option<&Path>,
        clock: Option<&Clock>,
        more: &[(&str, &Path)],
    ) -> Self {
        let (port, admin) = (free_port(), free_port());
        let mut command = Command::new(dist("bin/portcullis"));
        command.args(["serve", "--crypto", "hosted", "--policy"]).arg(policy);
        command.args(["--listen", &format!("127.0.0.1:{port}"), "--admin", &format!("127.0.0.1:{admin}")]);
        if let Some(store) = store {
            command.arg("--clients-store").arg(store);
        }
        for (name, value) in more {
            command.arg(name).arg(value);
        }
        if let Some(clock) = clock {
            clock.rule(&mut command);
        }
        let process = Process::start("the gateway", &mut command);
        process.line("ready");
        Self { process, port, admin }
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> (Answer, Value) {
        self.post_with(path, &[], body.to_string())
    }

    /// The same, with more header fields.
    pub(crate) fn post_with(&self, path: &str, more: &[(&str, &str)], body: String) -> (Answer, Value) {
        let length = body.len().to_string();
        let own = [("Content-Type", "application/json"), ("Content-Length", length.as_str())];
        let head = request("POST", path, &[&own, more].concat());
        let answer = ask(self.port, &[head, body.into_bytes()].concat());
        let told = serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer:?}");
        (answer, told)
    }

    pub(crate) fn authenticate(&self, sent: &Value) -> (u16, Value) {
        let (answer, told) = self.post("/authenticate", sent);
        (answer.status, told)
    }

    pub(crate) fn challenge(&self) -> String {
        let (answer, told) = self.post("/challenge", &json!({}));
        assert_eq!(answer.status, 200, "{told}");
        told["attestation_challenge"].as_str().expect("a challenge").into()
    }

    pub(crate) fn metric(&self, line: &str) -> Option<String> {
        let metrics = ask(self.admin, &get("/metrics", &[])).body;
        metrics.lines().find(|known| known.starts_with(line)).map(Into::into)
    }
}

pub(crate) fn sent(headers: Value, form: Value, more: Value) -> Value {
    let mut sent = json!({"request": {"method": "POST", "url": URL, "headers": headers, "form": form}});
    sent.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    sent
}

pub(crate) fn by_jwt(sub: &str, now: u64) -> Value {
    let claims = json!({"sub": sub, "aud": [SERVER], "exp": now + 300});
    let svid = sign(JWT, &json!({"alg": "ES256", "kid": "j"}), &claims);
    sent(json!([]), json!({"client_assertion_type": ASSERTION_TYPE, "client_assertion": svid}), json!({}))
}

pub(crate) fn pop(id: &str, challenge: Option<&str>, now: u64) -> String {
    // A little ahead: what was made before the gateway began is refused.
    let mut claims = json!({"aud": SERVER, "jti": id, "iat": now + 5});
    if let Some(challenge) = challenge {
        claims["challenge"] = challenge.into();
    }
    sign(INSTANCE, &json!({"alg": "ES256", "typ": "oauth-client-attestation-pop+jwt"}), &claims)
}

pub(crate) fn wit(sub: &str, now: u64) -> String {
    let claims = json!({"sub": sub, "exp": now + 300, "cnf": {"jwk": jwk(INSTANCE, json!({"alg": "ES256"}))}});
    sign(WIT, &json!({"alg": "ES256", "kid": "w", "typ": "wit+jwt"}), &claims)
}

pub(crate) fn attestation(now: u64) -> String {
    let claims = json!({"sub": "app", "exp": now + 300, "cnf": {"jwk": jwk(INSTANCE, json!({}))}});
    sign(ATTESTER, &json!({"alg": "ES256", "kid": "a", "typ": "oauth-client-attestation+jwt"}), &claims)
}

pub(crate) fn with_pop(attestation: &str, pop: &str) -> Value {
    sent(
        json!([["OAuth-Client-Attestation", attestation], ["OAuth-Client-Attestation-PoP", pop]]),
        json!({}),
        json!({}),
    )
}

/// The value of a header field that a server is told to answer.
pub(crate) fn field(told: &Value, name: &str) -> Option<String> {
    let fields = told["headers"].as_array().cloned().unwrap_or_default();
    fields.iter().find(|field| field[0] == name).and_then(|field| field[1].as_str().map(Into::into))
}

/// A policy in a folder, and where the store is.
pub(crate) fn place(authority: &Authority, more: &Value) -> (tempfile::TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, store) = (folder.path().join("policy.json"), folder.path().join("clients.db"));
    std::fs::write(&path, policy(authority, more).to_string()).expect("it is written");
    (folder, path, store)
}
