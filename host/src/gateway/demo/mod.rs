//! An issuer for demonstration, within the gateway: it gives a token to everybody who asks.
//!
//! Its documents are answered inside the process at a name that nobody has. What people use of it is on the admin listener:
//! a mint, and revoking, restoring and rotating, so that each can be seen to have its effect; and where that listener is at a
//! loopback address, the authorization code flow for a browser on the same machine (`docs/demo-issuer.md`). Its key is made at
//! the start and is gone at the end.

mod bounded;
mod consent;
mod endpoints;
mod flow;
mod pages;
mod proofs;
mod random;
mod request;
mod status_list;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use axum::Router;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_simple::prelude::{Claims, Duration, ECDSAP256KeyPairLike as _, ES256KeyPair, HeaderOptions, UnixTimeStamp};
use portcullis_status::build::{Form, ListClaims, aggregation};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::component::Component;
use crate::signing_key::{HttpAlgorithm, SigningKey};
use flow::Flow;
use proofs::Proofs;
use request::{ACR_VALUES, DETAIL_TYPES};
use status_list::Statuses;

/// How long a token is valid unless something else is asked for, in seconds; and at most.
const LIFETIME: u64 = 600;
const MAX_LIFETIME: u64 = 86_400;

/// Who everybody is.
const SUBJECT: &str = "alice";

/// The audience of the demo policy.
const AUDIENCE: &str = "https://api.example";

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

/// What an access token says.
struct Access<'a> {
    subject: &'a str,
    client_id: &'a str,
    scope: Option<&'a str>,
    audience: Option<&'a str>,
    acr: Option<&'a str>,
    auth_time: Option<u64>,
    details: Option<&'a Value>,
    jkt: Option<&'a str>,
    /// `gty` and `cxt` of draft-lombardo-oauth-client-extension-claims: by which grant it was had, and with which extensions.
    grant: Option<(&'static str, Vec<&'static str>)>,
    lifetime: u64,
}

/// The issuer.
pub(crate) struct DemoIssuer {
    url: String,
    /// Where browsers reach it, for example `http://127.0.0.1:8081`. Nothing where only programs do.
    browsers: OnceLock<String>,
    state: Mutex<State>,
    flow: Flow,
    proofs: Proofs,
}

struct State {
    key: ES256KeyPair,
    /// The same key, for what is no claims set of jwt-simple's.
    signing: SigningKey,
    statuses: Statuses,
}

impl DemoIssuer {
    /// An issuer with an identifier, and a new key. The component judges proofs of possession; without one there are none.
    ///
    /// # Errors
    ///
    /// There is no randomness.
    pub(crate) fn new(url: &str, component: Option<Component>) -> Result<Self, CannotSign> {
        let (key, signing) = new_key()?;
        let state = State { key, signing, statuses: Statuses::new()? };
        Ok(Self {
            url: url.to_owned(),
            browsers: OnceLock::new(),
            state: Mutex::new(state),
            flow: Flow::new(),
            proofs: Proofs::new(component),
        })
    }

    /// What gateways and filters fetch: metadata, keys and the status list.
    pub(crate) fn documents(self: &Arc<Self>) -> Router {
        pages::documents(self)
    }

    /// What people use: the mint, revoking, restoring and rotating.
    pub(crate) fn people(self: &Arc<Self>) -> Router {
        pages::people(self)
    }

    /// What pages of others may ask, at the address of the admin listener: the documents, and the authorization code flow where
    /// nobody but this machine reaches it.
    pub(crate) fn pages(self: &Arc<Self>, address: &str) -> Router {
        let documents = pages::for_pages(self.documents());
        if !address.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback()) {
            return documents;
        }
        let _ = self.browsers.set(format!("http://{address}"));
        documents.merge(endpoints::router(self, address))
    }

    fn url(&self) -> &str {
        &self.url
    }

    const fn flow(&self) -> &Flow {
        &self.flow
    }

    const fn proofs(&self) -> &Proofs {
        &self.proofs
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn list_uri(&self) -> String {
        format!("{}{}", self.url, pages::STATUS_LIST)
    }

    fn aggregation_uri(&self) -> String {
        format!("{}{}", self.url, pages::STATUS_LISTS)
    }

    /// Its metadata (RFC 8414).
    fn metadata(&self) -> Value {
        let mut metadata = json!({
            "issuer": self.url,
            "jwks_uri": format!("{}/jwks.json", self.url),
            "status_list_aggregation_endpoint": self.aggregation_uri(),
            "response_types_supported": [],
        });
        let Some(base) = self.browsers.get() else { return metadata };
        let flow = json!({
            "authorization_endpoint": format!("{base}{}", endpoints::AUTHORIZE),
            "token_endpoint": format!("{base}{}", endpoints::TOKEN),
            "token_endpoint_auth_methods_supported": ["none"],
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": true,
            "acr_values_supported": ACR_VALUES,
            "authorization_details_types_supported": DETAIL_TYPES,
            "refresh_token_expiration_types_supported": ["authorization", "token_timeout"],
        });
        let members = flow.as_object().into_iter().flatten();
        for (name, value) in members {
            metadata[name] = value.clone();
        }
        if self.proofs.can_judge() {
            metadata["dpop_signing_alg_values_supported"] =
                json!(["ES256", "ES384", "EdDSA", "Ed25519", "PS256", "RS256"]);
        }
        metadata
    }

    fn jwks(&self) -> String {
        format!(r#"{{"keys":[{}]}}"#, self.state().key.public_key().to_jwk())
    }

    /// A token for whoever asks the mint.
    pub(crate) fn mint(&self, request: &MintRequest, now: u64) -> Result<Minted, CannotSign> {
        let access = Access {
            subject: request.sub.as_deref().unwrap_or(SUBJECT),
            client_id: request.client_id.as_deref().unwrap_or("demo"),
            scope: request.scope.as_deref(),
            audience: request.aud.as_deref(),
            acr: request.acr.as_deref(),
            auth_time: request.acr.as_ref().map(|_| now),
            details: None,
            jkt: request.jkt.as_deref(),
            grant: None,
            lifetime: request.lifetime.unwrap_or(LIFETIME).min(MAX_LIFETIME),
        };
        self.access_token(&access, now)
    }

    /// A JWT access token (RFC 9068) that names an entry of the status list.
    fn access_token(&self, access: &Access<'_>, now: u64) -> Result<Minted, CannotSign> {
        let mut state = self.state();
        let index = state.statuses.allocate()?;
        let mut more = Map::new();
        more.insert("client_id".into(), json!(access.client_id));
        // A token has one entry: `status_list` is an object, not a list of them (draft-ietf-oauth-status-list section 6.1).
        more.insert("status".into(), json!({"status_list": {"idx": index, "uri": self.list_uri()}}));
        let mut claim = |name: &str, value: Option<Value>| value.map(|value| more.insert(name.into(), value));
        claim("scope", access.scope.map(Value::from));
        claim("acr", access.acr.map(Value::from));
        claim("auth_time", access.auth_time.map(Value::from));
        claim("authorization_details", access.details.cloned());
        claim("cnf", access.jkt.map(|jkt| json!({"jkt": jkt})));
        claim("gty", access.grant.as_ref().map(|(grant, _)| json!(grant)));
        claim("cxt", access.grant.as_ref().map(|(_, extensions)| json!(extensions)));
        let mut claims = Claims::with_custom_claims(more, Duration::from_secs(access.lifetime))
            .with_issuer(&self.url)
            .with_subject(access.subject)
            .with_audience(access.audience.unwrap_or(AUDIENCE))
            .with_jwt_id(format!("{now}-{index}"));
        claims.issued_at = Some(UnixTimeStamp::from_secs(now));
        claims.invalid_before = None;
        claims.expires_at = Some(UnixTimeStamp::from_secs(now + access.lifetime));
        let options = HeaderOptions { signature_type: Some("at+jwt".into()), ..HeaderOptions::default() };
        let token = state.key.sign_with_options(claims, &options).map_err(|error| CannotSign(error.to_string()))?;
        Ok(Minted { token, index })
    }

    /// A status list token in a form (draft-ietf-oauth-status-list section 5).
    fn status_list(&self, form: Form, now: u64) -> Result<Vec<u8>, CannotSign> {
        let (uri, aggregation_uri) = (self.list_uri(), self.aggregation_uri());
        let claims = ListClaims {
            uri: &uri,
            issued_at: now,
            expires: Some(now + LIFETIME),
            ttl: Some(status_list::TTL),
            aggregation_uri: Some(&aggregation_uri),
        };
        let state = self.state();
        let kid = state.key.key_id().clone().unwrap_or_default();
        state.statuses.token(form, &claims, &state.signing, &kid)
    }

    /// The lists that there are (section 9.3).
    fn status_lists(&self) -> Result<String, CannotSign> {
        aggregation([self.list_uri().as_str()]).map_err(|error| CannotSign(error.to_string()))
    }

    /// Revokes an entry, or restores it. The answer is whether there is one.
    fn set_revoked(&self, index: usize, revoked: bool) -> bool {
        self.state().statuses.set(index, revoked)
    }

    /// A new key in place of the old one: tokens that it signed are no longer good.
    fn rotate(&self) -> Result<(), CannotSign> {
        let (key, signing) = new_key()?;
        let mut state = self.state();
        (state.key, state.signing) = (key, signing);
        Ok(())
    }
}

/// The entry of the status list that a token names, not verified: whoever may revoke here may revoke all.
fn index_untrusted(token: &str) -> Option<usize> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    usize::try_from(claims["status"]["status_list"]["idx"].as_u64()?).ok()
}

/// A key, whose identifier is the hash of what it publishes; and the same for signing bytes.
fn new_key() -> Result<(ES256KeyPair, SigningKey), CannotSign> {
    let key = ES256KeyPair::generate();
    let cannot = |error: &dyn std::fmt::Display| CannotSign(error.to_string());
    let pem = key.to_pem().map_err(|error| cannot(&error))?;
    let signing = SigningKey::read(&pem, Some(HttpAlgorithm::EcdsaP256)).map_err(|error| cannot(&error))?;
    let identifier = URL_SAFE_NO_PAD.encode(Sha256::digest(key.public_key().to_jwk()));
    Ok((key.with_key_id(&identifier), signing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_its_entry_and_its_list() {
        let issuer = DemoIssuer::new("https://issuer.test", None).unwrap();
        let request = MintRequest { scope: Some("reports:read".into()), ..MintRequest::default() };
        let (first, second) = (issuer.mint(&request, 100).unwrap(), issuer.mint(&request, 100).unwrap());
        assert_ne!(first.index, second.index);
        assert_eq!(index_untrusted(&second.token), Some(second.index));
        assert_eq!(index_untrusted("x"), None);
        assert!(issuer.set_revoked(second.index, true) && !issuer.set_revoked(status_list::SIZE, true));
        assert!(issuer.state().statuses.is_revoked(second.index) && !issuer.state().statuses.is_revoked(first.index));
        let before = issuer.jwks();
        issuer.rotate().unwrap();
        assert_ne!(issuer.jwks(), before);
    }

    #[test]
    fn a_list_is_signed_by_the_key_that_is_published() {
        let issuer = DemoIssuer::new("https://issuer.test", None).unwrap();
        let index = issuer.mint(&MintRequest::default(), 100).unwrap().index as u64;
        issuer.set_revoked(index as usize, true);
        let backend = std::rc::Rc::new(portcullis_crypto::SoftwareBackend::default()) as _;
        let keys = portcullis_crypto::KeySet::from_jwks(issuer.jwks().as_bytes(), &backend).unwrap();
        let options = portcullis_status::Options::default();
        let uri = issuer.list_uri();
        let jwt = issuer.status_list(Form::Jwt, 100).unwrap();
        let cwt = issuer.status_list(Form::Cwt, 100).unwrap();
        for list in [
            portcullis_status::StatusList::open_jwt(&jwt, &keys, &uri, 100, &options).unwrap(),
            portcullis_status::StatusList::open_cwt(&cwt, &keys, &uri, 100, &options).unwrap(),
        ] {
            assert_eq!(list.get(index).unwrap().status, portcullis_status::Status::Invalid);
            assert_eq!((list.ttl(), list.expires()), (Some(5.0), Some(700.0)));
        }
        assert_eq!(issuer.status_lists().unwrap(), r#"{"status_lists":["https://issuer.test/statuslists/1"]}"#);
    }

    #[test]
    fn browsers_are_told_of_the_flow_where_nobody_else_reaches_it() {
        for (address, wanted) in
            [("127.0.0.1:8081", true), ("[::1]:8081", true), ("0.0.0.0:8081", false), ("unix:/x", false)]
        {
            let issuer = Arc::new(DemoIssuer::new("https://issuer.test", None).unwrap());
            let _ = issuer.pages(address);
            let metadata = issuer.metadata();
            assert_eq!(metadata.get("token_endpoint").is_some(), wanted, "{address}");
            assert_eq!(metadata.get("dpop_signing_alg_values_supported"), None, "nothing judges proofs here");
        }
    }
}
