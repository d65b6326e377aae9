//! The Transaction Token Service: what the gate makes, signed (`docs/transaction-tokens.md`).
//!
//! A listener with `serves = "transactions"` answers at the endpoint, and publishes keys where the policy says that they are. Who may
//! have what is the gate's to say; here it is signed.

mod answer;

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse as _;
use axum::routing::get;
use url::Url;

use super::tokens::{Certificate, Kept, KeysError, Kind};
use crate::gate::TransactionService as Described;

/// A Transaction Token Service.
pub(crate) struct TransactionService {
    keys: Kept,
    /// Of the URL of the keys.
    origin: String,
    keys_path: String,
    /// Of the endpoint.
    scheme: String,
}

impl TransactionService {
    /// A service as a policy describes it, with its keys in a folder; without one they are gone with the process.
    ///
    /// # Errors
    ///
    /// The folder cannot be read or written.
    pub(crate) fn open(described: &Described, folder: Option<&Path>) -> Result<Self, KeysError> {
        let without =
            "the keys of the transaction token service are gone when it ends: name a folder with --transaction-keys";
        let keys = Kept::open(folder, Kind::Tokens, described.lifetime, without)?;
        // The gate has admitted the URL.
        let url = Url::parse(&described.keys).ok();
        Ok(Self {
            origin: url.as_ref().map(|url| url.origin().ascii_serialization()).unwrap_or_default(),
            keys_path: url.as_ref().map_or("", Url::path).to_owned(),
            scheme: described.endpoint.split_once("://").map_or("https", |(scheme, _)| scheme).to_ascii_lowercase(),
            keys,
        })
    }

    /// The origin of its keys, and what answers there: the gate's own keys are had without a network.
    pub(crate) fn documents(self: &Arc<Self>) -> (String, Router) {
        let router = Router::new().route(&self.keys_path, get(published)).with_state(Arc::clone(self));
        (self.origin.clone(), router)
    }

    /// Looks at the folder again and again.
    pub(crate) async fn keep_keys(self: Arc<Self>) {
        self.keys.keep().await;
    }

    fn jwks(&self) -> String {
        self.keys.now().jwks(Certificate::Absent).to_string()
    }
}

async fn published(State(service): State<Arc<TransactionService>>) -> axum::response::Response {
    ([("Content-Type", KEYS), ("Cache-Control", CACHED)], service.jwks()).into_response()
}

/// RFC 7517 section 8.5.2
const KEYS: &str = "application/jwk-set+json";

/// As short as a key that is new has to be found: well within the time for which it is published before it signs.
const CACHED: &str = "max-age=60";

#[cfg(test)]
mod tests {
    use super::*;

    type Tried = Result<(), Box<dyn std::error::Error>>;

    fn described() -> Described {
        Described {
            keys: "https://tts.example/keys/jwks".into(),
            endpoint: "HTTPS://tts.example/token".into(),
            lifetime: 300,
        }
    }

    #[test]
    fn its_keys_are_where_the_policy_says_and_have_no_certificate() -> Tried {
        let folder = tempfile::tempdir()?;
        let service = Arc::new(TransactionService::open(&described(), Some(folder.path()))?);
        assert_eq!(
            (service.origin.as_str(), service.keys_path.as_str(), service.scheme.as_str()),
            ("https://tts.example", "/keys/jwks", "https")
        );
        let keys: serde_json::Value = serde_json::from_str(&service.jwks())?;
        assert_eq!(keys["keys"].as_array().map(Vec::len), Some(1));
        assert!(keys["keys"][0].get("x5c").is_none() && keys["keys"][0].get("d").is_none(), "{keys}");
        let again = TransactionService::open(&described(), Some(folder.path()))?;
        assert_eq!(service.jwks(), again.jwks(), "a folder has its keys again");
        let other = TransactionService::open(&described(), None)?;
        assert_ne!(service.jwks(), other.jwks());
        Ok(())
    }
}
