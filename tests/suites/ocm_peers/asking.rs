//! Messages of peers: signed as they have to be, by a key of which nobody but its peer knows.

use std::time::{SystemTime, UNIX_EPOCH};

use ed25519_dalek::{Signer as _, SigningKey};
use portcullis_crypto::Algorithm;
use portcullis_ocm::signed;
use portcullis_signature::{Field, Request};
use portcullis_types::base64url;
use serde_json::{Value, json};

/// The sharing server that the gateway stands before.
pub(crate) const OWN: &str = "cloud.example.org";

/// What came of a request: the status, and the code where it is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) code: String,
}

impl Answered {
    /// Of an answer of `POST /check`.
    pub(crate) fn of(answer: &Value) -> Self {
        let status = match answer["outcome"].as_str() {
            Some("allow") => 200,
            _ => answer["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or_default(),
        };
        let body: Value = answer["body"].as_str().and_then(|body| serde_json::from_str(body).ok()).unwrap_or_default();
        Self { status, code: body["code"].as_str().unwrap_or_default().to_owned() }
    }
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

/// The `kid` under which every peer publishes the one key.
fn keyid(host: &str) -> String {
    format!("{host}#1")
}

/// The keys that a peer publishes.
pub(crate) fn keys(host: &str) -> String {
    let x = base64url::encode(key().verifying_key().as_bytes());
    json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": keyid(host), "x": x}]}).to_string()
}

/// The discovery document of a server.
pub(crate) fn discovery(host: &str) -> Value {
    json!({
        "enabled": true, "apiVersion": "1.4.0", "endPoint": format!("https://{host}/ocm"),
        "resourceTypes": [{"name": "file", "shareTypes": ["user"], "protocols": {"webdav": "/dav/"}}],
        "capabilities": ["exchange-token", "http-sig"], "tokenEndPoint": format!("https://{host}/ocm/token"),
    })
}

/// A share of somebody at a host, signed by that host, as `POST /check` is told it.
pub(crate) fn share_from(host: &str) -> Value {
    let somebody = format!("albert@{host}");
    let body = json!({
        "shareWith": format!("marie@{OWN}"), "name": "spec.yaml", "providerId": "7c08", "owner": somebody, "sender": somebody,
        "shareType": "user", "resourceType": "file",
        "protocol": {"name": "multi", "webdav": {"uri": "7c08", "sharedSecret": "hfiuhworzwnur98d3wjiwhr",
            "requirements": ["must-exchange-token"]}},
    })
    .to_string();
    let url = format!("https://{OWN}/ocm/shares");
    let given = [Field { name: "Content-Type", value: b"application/json" }];
    let request =
        Request { method: "POST", url: &url, target: None, fields: &given, trailers: &[], body: Some(body.as_bytes()) };
    let at = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    // A keyid that no structured field carries is the request's to have wrong.
    let name = if host.is_ascii() && !host.contains(['"', '\\']) { host } else { "x.example" };
    let ready = signed::prepare_request(&request, &keyid(name), Algorithm::Ed25519, at).expect("it can be signed");
    let (input, value) = ready.prepared.finish(&key().sign(ready.prepared.base.as_bytes()).to_bytes());
    let mut headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
    headers.extend(ready.fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    headers.extend([("Signature-Input".to_owned(), input), ("Signature".to_owned(), value)]);
    json!({"method": "POST", "url": url, "headers": headers, "body": body})
}
