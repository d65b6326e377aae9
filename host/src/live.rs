//! Things a component has read and keeps, as the host holds them: by what they were read from.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use wasmtime::Store;
use wasmtime::component::ResourceAny;

use crate::bindings::exports::portcullis::types::types::Rejection;
use crate::sandbox::State;

/// What something was read from. It outlives the instances that read it: each reads it again when it is first asked
/// for it.
pub(crate) struct Held<S> {
    id: u64,
    pub(crate) source: S,
}

impl<S> Held<S> {
    pub(crate) fn new(source: S) -> Arc<Self> {
        /// Numbers are never used twice in a process, so one cannot stand for another thing.
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Arc::new(Self { id: NEXT.fetch_add(1, Ordering::Relaxed), source })
    }

    /// Tells two of them apart.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }
}

/// What lives of one kind in one instance.
pub(crate) struct Live<S> {
    resources: BTreeMap<u64, (Weak<Held<S>>, ResourceAny)>,
}

impl<S> Default for Live<S> {
    fn default() -> Self {
        Self { resources: BTreeMap::new() }
    }
}

impl<S> Live<S> {
    /// The resource in this instance, made if it is not there yet.
    pub(crate) fn get(
        &mut self,
        store: &mut Store<State>,
        held: &Arc<Held<S>>,
        make: impl FnOnce(&mut Store<State>, &S) -> wasmtime::Result<Result<ResourceAny, Rejection>>,
    ) -> wasmtime::Result<Result<ResourceAny, Rejection>> {
        if let Some((_, resource)) = self.resources.get(&held.id) {
            return Ok(Ok(*resource));
        }
        self.drop_unused(store)?;
        let made = make(store, &held.source)?;
        Ok(made.inspect(|resource| self.put(held, *resource)))
    }

    /// Remembers a resource that was made already.
    pub(crate) fn put(&mut self, held: &Arc<Held<S>>, resource: ResourceAny) {
        self.resources.insert(held.id, (Arc::downgrade(held), resource));
    }

    /// Frees the resources of what nobody holds any more.
    pub(crate) fn drop_unused(&mut self, store: &mut Store<State>) -> wasmtime::Result<()> {
        let unused = self.resources.extract_if(.., |_, (held, _)| held.strong_count() == 0);
        for (_, (_, resource)) in unused {
            resource.resource_drop(&mut *store)?;
        }
        Ok(())
    }
}
