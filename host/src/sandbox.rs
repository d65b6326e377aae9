//! One instance at a time, thrown away as soon as a call into it fails.

use wasmtime::component::Instance;
use wasmtime::{PoolConcurrencyLimitError, ResourceLimiter, Store, Trap};

use crate::component::Component;
use crate::error::HostError;

/// What the host keeps beside an instance.
pub(crate) struct State {
    limiter: Limiter,
    #[cfg(feature = "hosted-crypto")]
    pub(crate) crypto: crate::hosted_crypto::HostedCrypto,
}

/// Limits the memory of an instance and remembers a denial, so that running out can be told from other traps.
struct Limiter {
    limit: usize,
    /// The size that was asked for and denied.
    denied: Option<usize>,
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let allowed = desired <= self.limit;
        if !allowed {
            self.denied = Some(desired);
        }
        Ok(allowed)
    }

    fn table_growing(&mut self, _current: usize, _desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        // The pool's fixed table size is limit enough.
        Ok(true)
    }
}

/// Finds the exports that are wanted in a new instance.
pub(crate) type Bind<B> = fn(&mut Store<State>, &Instance) -> wasmtime::Result<B>;

/// A component with at most one living instance, whose exports are bound as `B`.
pub(crate) struct Sandbox<B> {
    component: Component,
    bind: Bind<B>,
    live: Option<(Store<State>, B)>,
    /// Whether a call is under way. One that ended in a panic still is, and what it left behind is not used again.
    busy: bool,
}

impl<B> Sandbox<B> {
    /// Makes the first instance at once, so that a component that does not fit is noticed here.
    pub(crate) fn new(component: &Component, bind: Bind<B>) -> Result<Self, HostError> {
        let live = Some(instantiate(component, bind)?);
        Ok(Self { component: component.clone(), bind, live, busy: false })
    }

    pub(crate) fn component(&self) -> &Component {
        &self.component
    }

    /// What the living instance has, if there is one that the next call will use.
    pub(crate) fn bound(&self) -> Option<&B> {
        self.live.as_ref().filter(|_| !self.busy).map(|(_, bound)| bound)
    }

    /// Makes one call, in a new instance if the last one was thrown away. Deadline and memory are watched; whatever
    /// goes wrong, the instance is thrown away.
    pub(crate) fn call<R>(
        &mut self,
        call: impl FnOnce(&mut Store<State>, &mut B) -> wasmtime::Result<R>,
    ) -> Result<R, HostError> {
        if self.busy {
            self.live = None;
        }
        // Bound where it lies: what an instance has is some hundred bytes, and calls take a microsecond.
        if self.live.is_none() {
            self.live = Some(instantiate(&self.component, self.bind)?);
        }
        let (store, bound) = self.live.as_mut().ok_or_else(|| HostError::Trapped { detail: "no instance".into() })?;
        store.set_epoch_deadline(self.component.runtime().deadline_ticks());
        store.data_mut().limiter.denied = None;
        self.busy = true;
        let called = call(store, bound);
        self.busy = false;
        match called {
            Ok(result) => Ok(result),
            Err(error) => {
                let error = classify(&error, store.data(), &self.component);
                self.live = None;
                Err(error)
            }
        }
    }
}

fn instantiate<B>(component: &Component, bind: Bind<B>) -> Result<(Store<State>, B), HostError> {
    let runtime = component.runtime();
    let state = State {
        limiter: Limiter { limit: runtime.memory_limit(), denied: None },
        #[cfg(feature = "hosted-crypto")]
        crypto: crate::hosted_crypto::HostedCrypto::new(),
    };
    let mut store = Store::new(runtime.engine(), state);
    store.limiter(|state| &mut state.limiter);
    // Starting an instance runs its code, too.
    store.set_epoch_deadline(runtime.deadline_ticks());
    let instance =
        component.pre().instantiate(&mut store).map_err(|error| classify(&error, store.data(), component))?;
    let bound =
        bind(&mut store, &instance).map_err(|error| HostError::ExportMissing { detail: format!("{error:#}") })?;
    Ok((store, bound))
}

fn classify(error: &wasmtime::Error, state: &State, component: &Component) -> HostError {
    let runtime = component.runtime();
    if error.is::<PoolConcurrencyLimitError>() {
        return HostError::TooManyInstances { limit: runtime.max_instances() };
    }
    if error.downcast_ref() == Some(&Trap::Interrupt) {
        return HostError::DeadlineExceeded { deadline: runtime.deadline() };
    }
    match state.limiter.denied {
        Some(wanted) => HostError::OutOfMemory { wanted, limit: state.limiter.limit },
        // The cause alone: a backtrace of WebAssembly frames says nothing to the users of this library.
        None => HostError::Trapped { detail: error.root_cause().to_string() },
    }
}
