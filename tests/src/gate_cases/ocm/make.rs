//! Requests of another sharing server, signed by it, and what it publishes.

use portcullis_ocm::signed::TAG;
use portcullis_signature::{Component, Field, Message, Parameters, Request, content_digest, prepare};
use portcullis_types::base64url;
use serde_json::{Value, json};

use crate::gate_cases::make::{Check, Key, NOW, put};

/// The sharing server that stands behind.
pub(super) const CLOUD: &str = "https://cloud.example.org";
/// The other one.
pub(super) const SENDER: &str = "sender.example.org";
/// Its key.
pub(super) const SENDER_KEY: Key = Key::Ed(21);

pub(super) const JSON: &str = "application/json";
pub(super) const FORM: &str = "application/x-www-form-urlencoded";

/// A discovery document.
pub(super) fn discovery(host: &str, more: &Value) -> Value {
    let mut document = json!({"enabled": true, "apiVersion": "1.4.0", "endPoint": format!("https://{host}/ocm"),
        "resourceTypes": [{"name": "file", "shareTypes": ["user"], "protocols": {"webdav": "/dav/", "webapp": "/apps/",
            "webapp-receive": {"targets": ["blank"]}}}],
        "capabilities": ["exchange-token", "http-sig", "invites", "notifications", "protocol-object"],
        "tokenEndPoint": format!("https://{host}/ocm/token")});
    put(&mut document, more);
    document
}

/// That of the server behind.
pub(super) fn own() -> Value {
    discovery("cloud.example.org", &json!({}))
}

/// A request to the server behind, with what it needs in the policy, and one rule for its files.
pub(super) fn gated() -> Check {
    Check::new()
        .policy("origins", json!([CLOUD]))
        .policy("issuers", ())
        .policy("rules", json!([{"path": "/dav/{path...}", "anonymous": true}]))
        .policy("ocm", json!({"host": "cloud.example.org", "discovery": own()}))
        .bare()
}

/// A share of a file by WebDAV, members put in or taken out.
pub(super) fn share(more: &Value) -> Value {
    let mut share = json!({"shareWith": "marie@cloud.example.org", "name": "spec.yaml", "providerId": "7c08",
        "owner": "albert@sender.example.org", "sender": "albert@sender.example.org", "shareType": "user",
        "resourceType": "file", "protocol": {"name": "multi", "webdav": {"uri": "7c08",
            "sharedSecret": "hfiuhworzwnur98d3wjiwhr", "permissions": ["read"], "requirements": ["must-exchange-token"]}}});
    put(&mut share, more);
    share
}

/// A request as another server signs it.
#[derive(Clone)]
pub(super) struct Sent {
    path: &'static str,
    media_type: &'static str,
    body: String,
    key: Key,
    parameters: Parameters,
    covered: Vec<&'static str>,
    digest: Option<String>,
    /// The body that arrives, where it is another.
    arrives: Option<String>,
    label: &'static str,
}

impl Sent {
    pub(super) fn new(path: &'static str, body: impl ToString) -> Self {
        Self {
            path,
            media_type: JSON,
            body: body.to_string(),
            key: SENDER_KEY,
            parameters: Parameters {
                created: Some(NOW as i64 - 5),
                keyid: Some(format!("{SENDER}#key1")),
                tag: Some(TAG.into()),
                ..Parameters::default()
            },
            covered: vec!["@method", "@target-uri", "content-digest", "content-length", "content-type"],
            digest: None,
            arrives: None,
            label: "ocm",
        }
    }

    /// As a form.
    pub(super) fn form(path: &'static str, body: &str) -> Self {
        Self { media_type: FORM, ..Self::new(path, body) }
    }

    pub(super) fn by(self, key: Key) -> Self {
        Self { key, ..self }
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut Parameters)) -> Self {
        change(&mut self.parameters);
        self
    }

    /// Without a component.
    pub(super) fn without(mut self, component: &str) -> Self {
        self.covered.retain(|covered| *covered != component);
        self
    }

    /// With another `Content-Digest`.
    pub(super) fn digest(self, digest: &str) -> Self {
        Self { digest: Some(digest.into()), ..self }
    }

    /// With another body than was signed.
    pub(super) fn arriving(self, body: impl ToString) -> Self {
        Self { arrives: Some(body.to_string()), ..self }
    }

    pub(super) fn labelled(self, label: &'static str) -> Self {
        Self { label, ..self }
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        let digest = self.digest.clone().unwrap_or_else(|| content_digest(self.body.as_bytes()));
        vec![
            ("Content-Type", self.media_type.into()),
            ("Content-Digest", digest),
            ("Content-Length", self.body.len().to_string()),
        ]
    }

    /// What is signed, and the two fields of the signature.
    fn signature(&self) -> (String, String, String) {
        let url = format!("{CLOUD}{}", self.path);
        let own = self.fields();
        let fields: Vec<Field<'_>> = own.iter().map(|(name, value)| Field { name, value: value.as_bytes() }).collect();
        let request = Request {
            method: "POST",
            url: &url,
            target: None,
            fields: &fields,
            trailers: &[],
            body: Some(self.body.as_bytes()),
        };
        let components: Vec<Component> =
            self.covered.iter().map(|name| Component::parse(name).expect("a component")).collect();
        let prepared = prepare(&Message::Request(&request), self.label, &components, &self.parameters);
        let prepared = prepared.expect("it can be signed");
        let (input, value) = prepared.finish(&self.key.sign(prepared.base.as_bytes()));
        (prepared.base, input, value)
    }

    /// By what the memory of used proofs knows it.
    pub(super) fn identifier(&self) -> String {
        base64url::encode(&portcullis_crypto::sha256(self.signature().0.as_bytes()))
    }

    /// The request at the gate, without a signature.
    pub(super) fn unsigned(&self) -> Check {
        let body = self.arrives.as_ref().unwrap_or(&self.body);
        let check = gated().method("POST").url(&format!("{CLOUD}{}", self.path)).set("request/body", body.as_str());
        let check = self.fields().iter().fold(check, |check, (name, value)| check.header(name, value));
        known(check)
    }

    /// The request at the gate, and what its sender publishes.
    pub(super) fn check(&self) -> Check {
        let (_, input, value) = self.signature();
        self.unsigned().header("Signature-Input", &input).header("Signature", &value)
    }

    /// Signed by both.
    pub(super) fn and(&self, other: &Self) -> Check {
        let (_, input, value) = other.signature();
        self.check().header("Signature-Input", &input).header("Signature", &value)
    }
}

/// With what the sender publishes.
fn known(check: Check) -> Check {
    check.served(&at(SENDER), discovery(SENDER, &json!({}))).served(&keys_at(SENDER), keys(SENDER_KEY))
}

/// Where a server's document is.
pub(super) fn at(host: &str) -> String {
    format!("https://{host}/.well-known/ocm")
}

/// Where its keys are.
pub(super) fn keys_at(host: &str) -> String {
    format!("https://{host}/.well-known/jwks.json")
}

/// A JWK Set of a key of the sender.
pub(super) fn keys(key: Key) -> Value {
    json!({"keys": [key.named(&format!("{SENDER}#key1"))]})
}
