//! Signatures of the sharing server's requests: the component says what is signed, and the newest key that may signs it.

use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::component::Component;
use crate::error::HostError;
use crate::gate::Header;
use crate::gateway::clock::now;
use crate::gateway::tokens::{Certificate, Kept, Keys};
use crate::ocm_request::{self, OcmKey, OcmRequestError};
use crate::signature::Request;
use crate::signing_key::SigningKeyError;
use crate::text_door::TextDoor;

/// Keys, and an instance of the component to ask.
pub(crate) struct Signer {
    keys: Kept,
    /// An instance of its own: those of the gate have other things to decide.
    door: Mutex<TextDoor>,
}

impl Signer {
    /// Makes an instance.
    ///
    /// # Errors
    ///
    /// The component has no text interface.
    pub(super) fn new(keys: Kept, component: &Component) -> Result<Self, HostError> {
        Ok(Self { keys, door: Mutex::new(TextDoor::new(component)?) })
    }

    pub(super) async fn keep_keys(&self) {
        self.keys.keep().await;
    }

    /// The header fields to add to a request of a server, signed.
    ///
    /// # Errors
    ///
    /// The component refuses it or cannot be asked, or there is no key.
    pub(super) async fn sign(&self, request: &Request, host: &str) -> Result<Vec<Header>, OcmRequestError> {
        let (keys, at) = (self.keys.now(), now());
        // The folder always has one.
        let key = keys.signing(at).ok_or(SigningKeyError::Failed)?;
        let signing = key.message_key()?;
        let keyid = named(host, &key.kid);
        let of = OcmKey { keyid: &keyid, algorithm: signing.algorithm() };
        let mut door = self.door.lock().await;
        ocm_request::sign(&mut door, request, of, at, |base| signing.sign(base))
    }

    /// The keys of a server that are published (RFC 7517 section 5).
    pub(super) fn jwks(&self, host: &str) -> String {
        published(&self.keys.now(), host).to_string()
    }
}

/// What a key is called outside: after the server, because a notification says by this name alone whom it is from.
fn named(host: &str, kid: &str) -> String {
    format!("{host}#{kid}")
}

fn published(keys: &Keys, host: &str) -> Value {
    let mut jwks = keys.jwks(Certificate::Absent);
    for jwk in jwks["keys"].as_array_mut().into_iter().flatten() {
        let kid = jwk["kid"].as_str().map(|kid| named(host, kid));
        jwk["kid"] = json!(kid);
    }
    jwks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::tokens::Kind;

    #[test]
    fn keys_are_published_under_the_name_that_signatures_have() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let keys = Kept::open(Some(folder.path()), Kind::Messages, 1, "")?;
        let keys = keys.now();
        let signing = keys.signing(now()).ok_or("there is one")?;
        let told = published(&keys, "cloud.example.org:8443");
        assert_eq!(told["keys"][0]["kid"], json!(named("cloud.example.org:8443", &signing.kid)));
        assert_eq!(told["keys"][0]["kid"], json!(format!("cloud.example.org:8443#{}", signing.kid)));
        assert!(signing.message_key()?.verifies_with(&told["keys"][0]));
        assert!(told["keys"][0].get("d").is_none(), "{told}");
        Ok(())
    }
}
