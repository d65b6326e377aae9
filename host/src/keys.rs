//! Key sets, as the host holds them.

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::ResourceAny;

use crate::bindings::exports::portcullis::crypto::keys::Guest;
use crate::bindings::exports::portcullis::types::types::Rejection;
use crate::live::Held;
use crate::sandbox::State;

/// Keys that a component has read and accepted.
///
/// The host remembers what they were read from, so a set outlives the instance that read it and works with every
/// [`Portcullis`](crate::Portcullis): a new instance reads them again when it is first asked with them. Cheap to
/// clone; clones are the same set.
#[derive(Clone)]
pub struct KeySet {
    pub(crate) held: Arc<Held<Source>>,
}

/// What a set was read from.
pub(crate) enum Source {
    Jwks(Vec<u8>),
    CoseKeySet(Vec<u8>),
    Spki { der: Vec<u8>, kid: Option<String> },
    Certificate { der: Vec<u8>, kid: Option<String> },
}

impl Source {
    /// Reads the keys.
    pub(crate) fn make(
        &self,
        store: &mut Store<State>,
        guest: &Guest,
    ) -> wasmtime::Result<Result<ResourceAny, Rejection>> {
        let maker = guest.key_set();
        match self {
            Self::Jwks(jwks) => maker.call_from_jwks(store, jwks),
            Self::CoseKeySet(set) => maker.call_from_cose_key_set(store, set),
            Self::Spki { der, kid } => maker.call_from_spki(store, der, kid.as_deref()),
            Self::Certificate { der, kid } => maker.call_from_certificate(store, der, kid.as_deref()),
        }
    }
}

impl KeySet {
    pub(crate) fn new(source: Source) -> Self {
        Self { held: Held::new(source) }
    }
}

impl std::fmt::Debug for KeySet {
    /// Says nothing of the keys: they may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeySet").field("id", &self.held.id()).finish_non_exhaustive()
    }
}
