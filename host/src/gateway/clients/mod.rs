//! Clients of an authorization server: it asks who they are, and the gate says (`docs/clients.md`).
//!
//! A listener with `serves = "clients"` answers at `/authenticate`, `/challenge` and `/redirect`; at `/pushed`,
//! `/pushed/authorization` and `/pushed/token` (`docs/pushed-registration.md`); and at `/bind` (`docs/key-binding.md`). What is
//! registered on first use is kept here.

mod answer;
mod signed;
mod store;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub use store::{ClientStore, Expected, Put, StoreError, Stored};

use super::clock::now;
use crate::gate::Register;

/// How often ended registrations are removed.
const PURGE_EVERY: Duration = Duration::from_secs(10 * 60);

/// For how long an ended registration is kept, in seconds: until then its client is told to be renewed and not new.
const KEPT_AFTER: u64 = 24 * 60 * 60;

/// What an evaluation is told of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    /// The record was stored.
    Done,
    /// This is there.
    Record(Option<String>),
    /// The store cannot be asked.
    Unavailable,
}

/// The store of registrations, asked by tasks that serve connections.
#[derive(Clone)]
pub(crate) struct Registrations(Arc<ClientStore>);

impl Registrations {
    /// Opens the store in a file, or makes it.
    ///
    /// # Errors
    ///
    /// The file cannot be used.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        ClientStore::open(path).map(|store| Self(Arc::new(store)))
    }

    /// The record of a SPIFFE ID.
    pub(crate) async fn load(&self, spiffe_id: &str) -> Told {
        let key = spiffe_id.to_owned();
        self.ask(move |store| Ok(Told::Record(store.get(&key)?.map(|stored| stored.text)))).await
    }

    /// Stores a record, if what it was made about is there still.
    pub(crate) async fn store(&self, register: &Register) -> Told {
        let register = register.clone();
        self.ask(move |store| {
            let found = store.get(&register.spiffe_id)?;
            if found.as_ref().map(|stored| &stored.text) != register.was.as_ref() {
                return Ok(Told::Record(found.map(|stored| stored.text)));
            }
            let expected = found.map_or(Expected::Nothing, |stored| Expected::Revision(stored.revision));
            Ok(match store.put(&register.spiffe_id, &register.record, register.expires_at, expected, now())? {
                Put::Kept { .. } => Told::Done,
                Put::Changed(stored) => Told::Record(stored.map(|stored| stored.text)),
            })
        })
        .await
    }

    async fn ask(&self, ask: impl FnOnce(&ClientStore) -> Result<Told, StoreError> + Send + 'static) -> Told {
        let store = Arc::clone(&self.0);
        match tokio::task::spawn_blocking(move || ask(&store)).await {
            Ok(Ok(told)) => told,
            Ok(Err(error)) => {
                tracing::error!(%error, "the store of registrations could not be asked");
                Told::Unavailable
            }
            Err(lost) => {
                tracing::error!(%lost, "the store of registrations could not be asked");
                Told::Unavailable
            }
        }
    }

    /// Removes what has ended, for as long as it runs.
    pub(crate) async fn keep_small(self) {
        loop {
            let store = Arc::clone(&self.0);
            let before = now().saturating_sub(KEPT_AFTER);
            match tokio::task::spawn_blocking(move || store.purge(before)).await {
                Ok(Ok(0)) | Err(_) => {}
                Ok(Ok(gone)) => tracing::info!(gone, "registrations that had ended were removed"),
                Ok(Err(error)) => tracing::error!(%error, "registrations that had ended were not removed"),
            }
            tokio::time::sleep(PURGE_EVERY).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Tried = Result<(), Box<dyn std::error::Error>>;

    fn register(was: Option<&str>, record: &str) -> Register {
        Register {
            spiffe_id: "spiffe://prod.example/w".into(),
            was: was.map(Into::into),
            record: record.into(),
            expires_at: u64::from(u32::MAX),
        }
    }

    #[tokio::test]
    async fn what_was_decided_about_another_record_is_not_stored() -> Tried {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("clients");
        let store = Registrations::open(&path)?;
        let record = |text: &str| Told::Record(Some(text.into()));
        assert_eq!(store.load("spiffe://prod.example/w").await, Told::Record(None));
        assert_eq!(store.store(&register(None, "one")).await, Told::Done);
        assert_eq!(store.store(&register(None, "two")).await, record("one"));
        assert_eq!(store.store(&register(Some("other"), "two")).await, record("one"));
        assert_eq!(store.store(&register(Some("one"), "two")).await, Told::Done);
        // Another process, or the same one later.
        let other = Registrations::open(&path)?;
        assert_eq!(other.load("spiffe://prod.example/w").await, record("two"));
        assert_eq!(store.store(&register(Some("one"), "three")).await, record("two"));
        Ok(())
    }

    #[tokio::test]
    async fn what_cannot_be_stored_is_not_said_to_be() -> Tried {
        let folder = tempfile::tempdir()?;
        let store = Registrations::open(&folder.path().join("clients"))?;
        let long = "a".repeat(1 << 20);
        assert_eq!(store.store(&register(None, &long)).await, Told::Unavailable);
        assert_eq!(store.load("spiffe://prod.example/w").await, Told::Record(None));
        Ok(())
    }
}
