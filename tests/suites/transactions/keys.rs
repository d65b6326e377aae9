//! Keys, and what is signed with them: users' tokens, identity tokens and proofs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
use portcullis_tests::serving::{Authority, uri};
use portcullis_types::base64url;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub(crate) const DOMAIN: &str = "prod.example";
pub(crate) const EDGE: &str = "spiffe://prod.example/edge/shop";
pub(crate) const ORDERS: &str = "spiffe://prod.example/inner/orders";
pub(crate) const STRANGER: &str = "spiffe://prod.example/elsewhere";
pub(crate) const ISSUER: &str = "https://idp.example";

/// Keys by number: of the issuer of users' tokens, of identity tokens, of workloads.
const IDP: u8 = 1;
const WIT: u8 = 2;
const EDGE_KEY: u8 = 3;
const ORDERS_KEY: u8 = 4;

fn key(number: u8) -> SigningKey {
    SigningKey::from_slice(&[number; 32]).expect("a scalar below the order")
}

fn jwk(number: u8, more: &Value) -> Value {
    let point = key(number).verifying_key().to_sec1_point(false);
    let bytes = point.as_bytes();
    let mut jwk = json!({"kty": "EC", "crv": "P-256", "x": base64url::encode(&bytes[1..33]), "y": base64url::encode(&bytes[33..])});
    jwk.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    jwk
}

fn sign(number: u8, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| base64url::encode(value.to_string().as_bytes());
    let input = format!("{}.{}", part(header), part(claims));
    let signature: Signature = key(number).sign(input.as_bytes());
    format!("{input}.{}", base64url::encode(&signature.to_bytes()))
}

pub(crate) fn wall() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

fn hash(text: &str) -> String {
    base64url::encode(&Sha256::digest(text.as_bytes()))
}

/// A part of a token, as JSON; null where it is none.
pub(crate) fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).and_then(|part| base64url::decode(part.as_bytes()).ok());
    part.and_then(|part| serde_json::from_slice(&part).ok()).unwrap_or_default()
}

/// The keys of who issues users' tokens.
pub(crate) fn issuer() -> Value {
    json!({"keys": [jwk(IDP, &json!({"kid": "a"}))]})
}

/// A user's access token for the edge.
pub(crate) fn user(scope: &str) -> String {
    let now = wall();
    let claims = json!({"iss": ISSUER, "aud": "http://api.example", "sub": "alice", "client_id": "app", "jti": "1", "iat": now,
        "exp": now + 600, "scope": scope});
    sign(IDP, &json!({"typ": "at+jwt", "alg": "ES256", "kid": "a"}), &claims)
}

/// Identity token and proof of a workload for a call: to a URL, with a Transaction Token where there is one.
pub(crate) fn proved(workload: &str, url: &str, transaction: Option<&str>) -> [(&'static str, String); 2] {
    static GIVEN: AtomicUsize = AtomicUsize::new(0);
    let number = if workload == EDGE { EDGE_KEY } else { ORDERS_KEY };
    let now = wall();
    let cnf = json!({"jwk": jwk(number, &json!({"alg": "ES256"}))});
    let header = json!({"typ": "wit+jwt", "alg": "ES256", "kid": "w"});
    let identity = sign(WIT, &header, &json!({"sub": workload, "exp": now + 600, "cnf": cnf}));
    let mut claims = json!({"aud": url, "exp": now + 60, "iat": now, "wth": hash(&identity),
        "jti": format!("{workload} {}", GIVEN.fetch_add(1, Ordering::Relaxed))});
    if let Some(transaction) = transaction {
        claims["tth"] = hash(transaction).into();
    }
    let proof = sign(number, &json!({"typ": "wpt+jwt", "alg": "ES256"}), &claims);
    [("Workload-Identity-Token", identity), ("Authorization", format!("WPT {proof}"))]
}

/// The authority of the trust domain.
pub(crate) fn authority() -> Authority {
    Authority::new(vec![uri(&format!("spiffe://{DOMAIN}"))])
}

/// The bundle of the trust domain.
pub(crate) fn bundle(authority: &Authority) -> Value {
    use base64::Engine as _;
    let raw = authority.public_key();
    let x509 = json!({"kty": "EC", "crv": "P-256", "x": base64url::encode(&raw[1..33]), "y": base64url::encode(&raw[33..65]),
        "use": "x509-svid", "x5c": [base64::engine::general_purpose::STANDARD.encode(&authority.der)]});
    json!({"keys": [jwk(WIT, &json!({"kid": "w", "use": "wit-svid"})), x509]})
}
