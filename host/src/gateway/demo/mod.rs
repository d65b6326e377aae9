//! An issuer for demonstration, within the gateway: it gives a token to everybody who asks.
//!
//! Its documents are answered inside the process at a name that nobody has. What people use of it is on the admin listener:
//! a mint, and revoking, restoring and rotating, so that each can be seen to have its effect. Its key is made at the start and
//! is gone at the end.

mod pages;
mod status_list;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_simple::prelude::{Claims, Duration, ECDSAP256KeyPairLike as _, ES256KeyPair, HeaderOptions, UnixTimeStamp};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use status_list::{SIZE, Statuses};

/// The tokens of one list before numbers begin anew, and with them the tokens that had them first.
const MAX_TOKENS: usize = SIZE;

/// How long a token is valid unless something else is asked for, in seconds; and at most.
const LIFETIME: u64 = 600;
const MAX_LIFETIME: u64 = 86_400;

/// What a token is to say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MintRequest {
    /// `sub`; `alice` if absent.
    pub(crate) sub: Option<String>,
    /// `scope`; none if absent.
    pub(crate) scope: Option<String>,
    /// `aud`; the first audience of the demo policy if absent.
    pub(crate) aud: Option<String>,
    /// `client_id`; `demo` if absent.
    pub(crate) client_id: Option<String>,
    /// `acr`, with `auth_time` now.
    pub(crate) acr: Option<String>,
    /// The thumbprint of the key that it is bound to (RFC 9449 section 6.1).
    pub(crate) jkt: Option<String>,
    /// Seconds until it expires.
    pub(crate) lifetime: Option<u64>,
}

/// A token that was made.
#[derive(Debug)]
pub(crate) struct Minted {
    pub(crate) token: String,
    /// Its entry in the status list.
    pub(crate) index: usize,
}

/// Why the demo issuer cannot sign.
#[derive(Debug, thiserror::Error)]
#[error("the demo issuer cannot sign: {0}")]
pub(crate) struct CannotSign(String);

/// The issuer.
pub(crate) struct DemoIssuer {
    url: String,
    state: Mutex<State>,
}

struct State {
    key: ES256KeyPair,
    next: usize,
    statuses: Statuses,
}

impl DemoIssuer {
    /// An issuer with an identifier, and a new key.
    pub(crate) fn new(url: &str) -> Self {
        let state = State { key: new_key(), next: 0, statuses: Statuses::default() };
        Self { url: url.to_owned(), state: Mutex::new(state) }
    }

    /// What gateways and filters fetch: metadata, keys and the status list.
    pub(crate) fn documents(self: &Arc<Self>) -> Router {
        pages::documents(self)
    }

    /// What people use: the mint, revoking, restoring and rotating.
    pub(crate) fn people(self: &Arc<Self>) -> Router {
        pages::people(self)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn list_uri(&self) -> String {
        format!("{}/statuslists/1", self.url)
    }

    fn metadata(&self) -> Value {
        json!({
            "issuer": self.url,
            "jwks_uri": format!("{}/jwks.json", self.url),
            "response_types_supported": [],
        })
    }

    fn jwks(&self) -> String {
        format!(r#"{{"keys":[{}]}}"#, self.state().key.public_key().to_jwk())
    }

    /// A JWT access token (RFC 9068) that names an entry of the status list.
    pub(crate) fn mint(&self, request: &MintRequest, now: u64) -> Result<Minted, CannotSign> {
        let mut state = self.state();
        let index = state.next;
        state.next = (index + 1) % MAX_TOKENS;
        state.statuses.restore(index);
        let mut more = Map::new();
        more.insert("client_id".into(), json!(request.client_id.as_deref().unwrap_or("demo")));
        more.insert("status".into(), json!({"status_list": {"idx": index, "uri": self.list_uri()}}));
        if let Some(scope) = &request.scope {
            more.insert("scope".into(), json!(scope));
        }
        if let Some(acr) = &request.acr {
            more.insert("acr".into(), json!(acr));
            more.insert("auth_time".into(), json!(now));
        }
        if let Some(jkt) = &request.jkt {
            more.insert("cnf".into(), json!({"jkt": jkt}));
        }
        let lifetime = request.lifetime.unwrap_or(LIFETIME).min(MAX_LIFETIME);
        let mut claims = Claims::with_custom_claims(more, Duration::from_secs(lifetime))
            .with_issuer(&self.url)
            .with_subject(request.sub.as_deref().unwrap_or("alice"))
            .with_audience(request.aud.as_deref().unwrap_or("https://api.example"))
            .with_jwt_id(format!("{now}-{index}"));
        claims.issued_at = Some(UnixTimeStamp::from_secs(now));
        claims.invalid_before = None;
        claims.expires_at = Some(UnixTimeStamp::from_secs(now + lifetime));
        let token = sign(&state.key, claims, "at+jwt")?;
        Ok(Minted { token, index })
    }

    /// A status list token (draft-ietf-oauth-status-list section 5.1).
    fn status_list(&self, now: u64) -> Result<String, CannotSign> {
        let state = self.state();
        let list = state.statuses.list().map_err(|error| CannotSign(error.to_string()))?;
        let more = json!({"ttl": status_list::TTL, "status_list": list});
        let mut claims = Claims::with_custom_claims(more, Duration::from_secs(LIFETIME)).with_subject(self.list_uri());
        claims.issued_at = Some(UnixTimeStamp::from_secs(now));
        claims.invalid_before = None;
        claims.expires_at = Some(UnixTimeStamp::from_secs(now + LIFETIME));
        sign(&state.key, claims, "statuslist+jwt")
    }

    /// Revokes an entry, or restores it. The answer is whether there is one.
    fn set_revoked(&self, index: usize, revoked: bool) -> bool {
        let mut state = self.state();
        if index >= MAX_TOKENS {
            return false;
        }
        if revoked {
            state.statuses.revoke(index)
        } else {
            state.statuses.restore(index)
        }
        true
    }

    /// A new key in place of the old one: tokens that it signed are no longer good.
    fn rotate(&self) {
        self.state().key = new_key();
    }
}

/// The entry of the status list that a token names, not verified: whoever may revoke here may revoke all.
fn index_untrusted(token: &str) -> Option<usize> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    usize::try_from(claims["status"]["status_list"]["idx"].as_u64()?).ok()
}

/// A key, whose identifier is the hash of what it publishes.
fn new_key() -> ES256KeyPair {
    let key = ES256KeyPair::generate();
    let identifier = URL_SAFE_NO_PAD.encode(Sha256::digest(key.public_key().to_jwk()));
    key.with_key_id(&identifier)
}

fn sign<C: serde::Serialize + serde::de::DeserializeOwned>(
    key: &ES256KeyPair,
    claims: jwt_simple::prelude::JWTClaims<C>,
    kind: &str,
) -> Result<String, CannotSign> {
    let options = HeaderOptions { signature_type: Some(kind.into()), ..HeaderOptions::default() };
    key.sign_with_options(claims, &options).map_err(|error| CannotSign(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_its_entry_and_its_list() {
        let issuer = DemoIssuer::new("https://issuer.test");
        let request = MintRequest { scope: Some("reports:read".into()), ..MintRequest::default() };
        let (first, second) = (issuer.mint(&request, 100).unwrap(), issuer.mint(&request, 100).unwrap());
        assert_eq!((first.index, second.index), (0, 1));
        assert_eq!(index_untrusted(&second.token), Some(1));
        assert_eq!(index_untrusted("x"), None);
        assert!(issuer.set_revoked(1, true) && !issuer.set_revoked(MAX_TOKENS, true));
        let before = issuer.jwks();
        issuer.rotate();
        assert_ne!(issuer.jwks(), before);
    }

    #[test]
    fn numbers_begin_anew_with_a_status_that_is_good() {
        let issuer = DemoIssuer::new("https://issuer.test");
        issuer.state().next = MAX_TOKENS - 1;
        issuer.set_revoked(0, true);
        assert_eq!(issuer.mint(&MintRequest::default(), 100).unwrap().index, MAX_TOKENS - 1);
        assert_eq!(issuer.mint(&MintRequest::default(), 100).unwrap().index, 0);
        assert!(!issuer.state().statuses.is_revoked(0));
    }
}
