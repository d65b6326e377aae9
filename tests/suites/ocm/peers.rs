//! Servers that are the test's own, and what they send: signed as the draft has it, or otherwise.

use std::sync::atomic::{AtomicUsize, Ordering};

use ed25519_dalek::{Signer as _, SigningKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use portcullis_signature::{Component, Field, Message as Signable, Parameters, Request, content_digest, prepare};
use portcullis_tests::serving::{Documents, Served, request};
use portcullis_types::base64url;
use serde_json::{Value, json};
use sha2::Sha256;

use super::stage::{Cloud, wall};

/// What a signature covers.
pub(crate) const COVERED: [&str; 4] = ["@method", "@target-uri", "content-digest", "content-length"];

/// A server of the test.
pub(crate) struct Peer {
    /// What others know it by, with its port.
    pub(crate) host: String,
    key: SigningKey,
    enforce_mfa: bool,
}

impl Peer {
    pub(crate) fn new(host: &str, number: u8, enforce_mfa: bool) -> Self {
        Self { host: host.into(), key: SigningKey::from_bytes(&[number; 32]), enforce_mfa }
    }

    pub(crate) fn keyid(&self) -> String {
        format!("{}#1", self.host)
    }

    /// What it is known by, and its keys.
    pub(crate) fn publish(&self, documents: &Documents) {
        let origin = format!("https://{}", self.host);
        let protocols = json!({"webdav": "/dav/", "webdav-receive": {"uri": "relative"}});
        let mut capabilities = vec!["exchange-token", "http-sig", "invites", "notifications", "protocol-object"];
        if self.enforce_mfa {
            capabilities.push("enforce-mfa");
        }
        let discovery = json!({"enabled": true, "apiVersion": "1.4.0", "endPoint": format!("{origin}/ocm"),
            "resourceTypes": [{"name": "file", "shareTypes": ["user"], "protocols": protocols}],
            "capabilities": capabilities, "tokenEndPoint": format!("{origin}/ocm/token")});
        let x = base64url::encode(self.key.verifying_key().as_bytes());
        let jwks = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": self.keyid(), "x": x}]});
        let served = |document: &Value| Served::document("application/json", document.to_string());
        documents.set(&format!("{origin}/.well-known/ocm"), served(&discovery));
        documents.set(&format!("{origin}/.well-known/jwks.json"), served(&jwks));
    }

    /// A share for a user of another server, of somebody here.
    pub(crate) fn share(&self, with: &str, more: &Value) -> Value {
        let from = format!("mallory@{}", self.host);
        let mut share = json!({
            "shareWith": with, "name": "notes.txt", "providerId": unique(), "owner": from, "sender": from,
            "shareType": "user", "resourceType": "file",
            "protocol": {"name": "multi", "webdav": {"uri": "notes", "sharedSecret": "secret-of-the-test",
                "permissions": ["read"], "requirements": ["must-exchange-token"]}},
        });
        share.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        share
    }

    /// The acceptance of an invite by somebody here.
    pub(crate) fn accepts(&self, token: &str) -> Value {
        json!({"recipientProvider": self.host, "token": token, "userID": "mallory", "email": "", "name": "Mallory"})
    }

    /// A user of a server and somebody here are contacts of each other from now on. The invite's token is told.
    pub(crate) fn befriend(&self, cloud: &Cloud, user: &str) -> String {
        let token = invite(cloud, user);
        let answer =
            cloud.comes(&Message::json(cloud, "invite-accepted", &self.accepts(&token)).signed_by(self).bytes());
        assert_eq!(answer.status, 200, "{answer:?}");
        token
    }
}

/// Makes an invite as a user, and reads its token.
pub(crate) fn invite(cloud: &Cloud, user: &str) -> String {
    let (_, made) = cloud.asks("POST", &format!("/users/{user}/invites"), "");
    let text = base64url::decode(made["invite"].as_str().expect("an invite").as_bytes()).expect("base64url");
    let text = String::from_utf8(text).expect("text");
    text.rsplit_once('@').expect("a token and a server").0.to_owned()
}

/// Something that was not there before.
pub(crate) fn unique() -> String {
    static GIVEN: AtomicUsize = AtomicUsize::new(0);
    format!("u{}", GIVEN.fetch_add(1, Ordering::Relaxed))
}

/// A request of another server.
#[derive(Clone)]
pub(crate) struct Message {
    url: String,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// How a request is signed.
pub(crate) struct How<'h> {
    pub(crate) key: &'h Peer,
    pub(crate) keyid: String,
    pub(crate) created: u64,
    pub(crate) covered: &'h [&'h str],
    /// Whether it is a MAC with what everybody can read: the public key.
    pub(crate) mac: bool,
}

impl<'h> How<'h> {
    /// As the draft has it.
    pub(crate) fn by(key: &'h Peer) -> Self {
        Self { key, keyid: key.keyid(), created: wall(), covered: &COVERED, mac: false }
    }
}

impl Message {
    fn new(cloud: &Cloud, endpoint: &str, kind: &str, body: String) -> Self {
        let fields = [
            ("Content-Type", kind.to_owned()),
            ("Content-Digest", content_digest(body.as_bytes())),
            ("Content-Length", body.len().to_string()),
        ];
        Self {
            url: format!("https://{}/ocm/{endpoint}", cloud.host),
            fields: fields.map(|(name, value)| (name.into(), value)).into(),
            body: body.into_bytes(),
        }
    }

    pub(crate) fn json(cloud: &Cloud, endpoint: &str, body: &Value) -> Self {
        Self::new(cloud, endpoint, "application/json", body.to_string())
    }

    pub(crate) fn form(cloud: &Cloud, endpoint: &str, form: &[(&str, &str)]) -> Self {
        // Of what stands in forms here, colons alone need an escape.
        let body: Vec<String> =
            form.iter().map(|(name, value)| format!("{name}={}", value.replace(':', "%3A"))).collect();
        Self::new(cloud, endpoint, "application/x-www-form-urlencoded", body.join("&"))
    }

    pub(crate) fn signed_by(self, peer: &Peer) -> Self {
        self.signed("ocm", &How::by(peer))
    }

    /// With one more signature.
    pub(crate) fn signed(mut self, label: &str, how: &How<'_>) -> Self {
        let components: Vec<Component> =
            how.covered.iter().map(|name| Component::parse(name).expect("a component")).collect();
        let parameters = Parameters {
            created: Some(how.created.try_into().expect("a time")),
            // No two requests are the same.
            nonce: Some(unique()),
            alg: Some(if how.mac { "hmac-sha256" } else { "ed25519" }.into()),
            keyid: Some(how.keyid.clone()),
            tag: Some("ocm".into()),
            ..Parameters::default()
        };
        let fields: Vec<Field<'_>> =
            self.fields.iter().map(|(name, value)| Field { name, value: value.as_bytes() }).collect();
        let signable = Request {
            method: "POST",
            url: &self.url,
            target: None,
            fields: &fields,
            trailers: &[],
            body: Some(&self.body),
        };
        let prepared = prepare(&Signable::Request(&signable), label, &components, &parameters).expect("it is prepared");
        let base = prepared.base.as_bytes();
        let signature = if how.mac {
            let key = how.key.key.verifying_key();
            let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("a key");
            mac.update(base);
            mac.finalize().into_bytes().to_vec()
        } else {
            how.key.key.sign(base).to_bytes().to_vec()
        };
        let (input, value) = prepared.finish(&signature);
        self.fields.extend([("Signature-Input".into(), input), ("Signature".into(), value)]);
        self
    }

    /// As it is sent.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let rest = self.url.strip_prefix("https://").unwrap_or_default();
        let (host, path) = rest.split_once('/').expect("a path");
        let fields = self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let fields: Vec<(&str, &str)> = std::iter::once(("Host", host)).chain(fields).collect();
        [request("POST", &format!("/{path}"), &fields), self.body.clone()].concat()
    }
}
