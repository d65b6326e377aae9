//! Workload Identity Tokens for the workloads of a trust domain. SPIRE 1.13.3 issues none, so they are of an issuer of the test's,
//! whose key stands in the bundle beside SPIRE's own.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// How long a token and its proofs are good, in seconds.
const LIFETIME: u64 = 60;

/// The machine's time, in seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn key(number: u8) -> SigningKey {
    SigningKey::from_slice(&[number; 32]).expect("a scalar below the order")
}

fn sign(key: &SigningKey, message: &str) -> Vec<u8> {
    let signature: Signature = key.sign(message.as_bytes());
    signature.to_bytes().to_vec()
}

fn public(key: &SigningKey) -> Value {
    let point = key.verifying_key().to_sec1_point(false);
    let coordinate = |from: usize| URL_SAFE_NO_PAD.encode(&point.as_bytes()[from..from + 32]);
    json!({"kty": "EC", "crv": "P-256", "x": coordinate(1), "y": coordinate(33)})
}

fn jws(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!("{}.{}", part(header), part(claims));
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(sign(key, &input)))
}

/// Who issues them.
pub(crate) struct Issuer(SigningKey);

impl Issuer {
    /// One whose key is that of a number.
    pub(crate) fn new(number: u8) -> Self {
        Self(key(number))
    }

    /// A bundle with its key in it, too.
    pub(crate) fn beside(&self, mut bundle: Value) -> Value {
        let mut jwk = public(&self.0);
        jwk["use"] = "wit-svid".into();
        jwk["kid"] = "wit".into();
        bundle["keys"].as_array_mut().expect("a bundle has keys").push(jwk);
        bundle
    }

    /// A token for a workload, which has the key of a number.
    pub(crate) fn issue(&self, id: &str, number: u8) -> Held {
        let held = key(number);
        let mut jwk = public(&held);
        jwk["alg"] = "ES256".into();
        let claims = json!({"sub": id, "exp": now() + LIFETIME, "cnf": {"jwk": jwk}});
        let token = jws(&self.0, &json!({"alg": "ES256", "typ": "wit+jwt", "kid": "wit"}), &claims);
        Held { token, key: held }
    }
}

/// A token, and the key that its holder proves to have.
pub(crate) struct Held {
    pub(crate) token: String,
    key: SigningKey,
}

impl Held {
    /// The same token, held by somebody who has another key.
    pub(crate) fn in_the_hands_of(&self, number: u8) -> Self {
        Self { token: self.token.clone(), key: key(number) }
    }

    /// A Workload Proof Token for a URL (wpt-02 section 2), made now.
    pub(crate) fn proof(&self, url: &str, identifier: &str) -> String {
        let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(&self.token));
        let claims = json!({"aud": url, "iat": now(), "exp": now() + LIFETIME, "jti": identifier, "wth": hash});
        jws(&self.key, &json!({"alg": "ES256", "typ": "wpt+jwt"}), &claims)
    }

    /// `Signature-Input` and `Signature` of a GET of a path (http-signature-07 section 3), made now. `url` is what the request is
    /// for, as `wimse-aud` says it.
    pub(crate) fn signature(&self, url: &str, path: &str, nonce: &str) -> (String, String) {
        let parameters = format!(
            "(\"@method\" \"@path\" \"@query\" \"workload-identity-token\");created={};expires={};nonce=\"{nonce}\";\
             tag=\"wimse-workload-to-workload\";wimse-aud=\"{url}\"",
            now(),
            now() + LIFETIME
        );
        let base = format!(
            "\"@method\": GET\n\"@path\": {path}\n\"@query\": ?\n\"workload-identity-token\": {}\n\"@signature-params\": {parameters}",
            self.token
        );
        (format!("wimse={parameters}"), format!("wimse=:{}:", STANDARD.encode(sign(&self.key, &base))))
    }
}
