//! The engine, and how it is set up.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::error::HostError;
use crate::limits::{CORE_PARTS_PER_COMPONENT, DEFAULT_DEADLINE, DEFAULT_MAX_INSTANCES, DEFAULT_MEMORY_LIMIT, TICK};
use crate::ticker::Ticker;

/// A WebAssembly engine for Portcullis components: pooled instances, a deadline for every call, a memory limit for
/// every instance. Cheap to clone; clones share the engine.
///
/// Components and instances keep their engine alive. When the last of all these is dropped, so is the thread that
/// watches the deadlines.
///
/// ```
/// use std::time::Duration;
/// use portcullis_host::Runtime;
///
/// let runtime = Runtime::builder()
///     .deadline(Duration::from_millis(250))
///     .memory_limit(64 * 1024 * 1024)
///     .without_cache()
///     .build()?;
/// assert_eq!(runtime.deadline(), Duration::from_millis(250));
/// # Ok::<(), portcullis_host::HostError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Runtime {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    engine: Engine,
    settings: RuntimeBuilder,
    /// Held for its drop.
    _ticker: Ticker,
}

/// Where compiled code is kept between runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CacheFolder {
    /// `$XDG_CACHE_HOME/portcullis` or `$HOME/.cache/portcullis`.
    Default,
    Named(PathBuf),
    Off,
}

/// Settings of a [`Runtime`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct RuntimeBuilder {
    deadline: Duration,
    memory_limit: usize,
    max_instances: u32,
    cache: CacheFolder,
}

impl Default for RuntimeBuilder {
    fn default() -> Self {
        Self {
            deadline: DEFAULT_DEADLINE,
            memory_limit: DEFAULT_MEMORY_LIMIT,
            max_instances: DEFAULT_MAX_INSTANCES,
            cache: CacheFolder::Default,
        }
    }
}

impl RuntimeBuilder {
    /// How long one call may run; [`DEFAULT_DEADLINE`] if not set. Counted in steps of 10 ms, rounded up.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How many bytes of memory one instance may have; [`DEFAULT_MEMORY_LIMIT`] if not set. WebAssembly's own limit
    /// is 4 GiB.
    pub fn memory_limit(mut self, bytes: usize) -> Self {
        self.memory_limit = bytes;
        self
    }

    /// How many instances may live at once; [`DEFAULT_MAX_INSTANCES`] if not set. Each reserves 4 GiB of address
    /// space.
    pub fn max_instances(mut self, instances: u32) -> Self {
        self.max_instances = instances;
        self
    }

    /// Keeps compiled code in this folder instead of `$XDG_CACHE_HOME/portcullis` or `$HOME/.cache/portcullis`. It
    /// is made if it is not there, and not used if it belongs to someone else or others can write to it.
    pub fn cache_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.cache = CacheFolder::Named(folder.into());
        self
    }

    /// Keeps no compiled code between runs.
    pub fn without_cache(mut self) -> Self {
        self.cache = CacheFolder::Off;
        self
    }

    /// Starts the engine.
    ///
    /// # Errors
    ///
    /// [`HostError::StartFailed`]: the address space for the instances, or a thread, is not to be had.
    pub fn build(self) -> Result<Runtime, HostError> {
        let start_failed = |detail: String| HostError::StartFailed { detail };
        let engine = Engine::new(&config(self.max_instances)).map_err(|error| start_failed(format!("{error:#}")))?;
        let ticker = Ticker::start(&engine).map_err(|error| start_failed(error.to_string()))?;
        Ok(Runtime { inner: Arc::new(Inner { engine, settings: self, _ticker: ticker }) })
    }
}

impl Runtime {
    /// Settings to start from.
    pub fn builder() -> RuntimeBuilder {
        RuntimeBuilder::default()
    }

    /// A runtime with the default settings.
    ///
    /// # Errors
    ///
    /// As for [`RuntimeBuilder::build`].
    pub fn new() -> Result<Self, HostError> {
        Self::builder().build()
    }

    /// How long one call may run.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.inner.settings.deadline
    }

    /// How many bytes of memory one instance may have.
    #[must_use]
    pub fn memory_limit(&self) -> usize {
        self.inner.settings.memory_limit
    }

    /// How many instances may live at once.
    #[must_use]
    pub fn max_instances(&self) -> u32 {
        self.inner.settings.max_instances
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    #[cfg(feature = "compiler")]
    pub(crate) fn cache_setting(&self) -> &CacheFolder {
        &self.inner.settings.cache
    }

    /// The deadline in ticks of the epoch. One more than its length, because the current tick has begun already.
    pub(crate) fn deadline_ticks(&self) -> u64 {
        let ticks = self.deadline().as_nanos().div_ceil(TICK.as_nanos());
        u64::try_from(ticks).unwrap_or(u64::MAX / 2).min(u64::MAX / 2) + 1
    }
}

/// Everything that decides what compiled code looks like is here and does not depend on the settings, so that one
/// cache serves all runtimes of a build.
fn config(max_instances: u32) -> Config {
    let parts = max_instances.saturating_mul(CORE_PARTS_PER_COMPONENT);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(max_instances)
        .total_core_instances(parts)
        .total_memories(max_instances)
        .total_tables(parts);

    let mut config = Config::new();
    config
        .wasm_component_model(true)
        // One instruction for a product of 64 by 64 bits: what the `*-wide.wasm` builds are for.
        .wasm_wide_arithmetic(true)
        .epoch_interruption(true)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_are_rounded_up_to_ticks() {
        let ticks = |deadline| {
            Runtime::builder()
                .deadline(deadline)
                .max_instances(1)
                .without_cache()
                .build()
                .map(|runtime| runtime.deadline_ticks())
                .unwrap_or_default()
        };
        assert_eq!(ticks(Duration::ZERO), 1);
        assert_eq!(ticks(Duration::from_millis(1)), 2);
        assert_eq!(ticks(Duration::from_millis(200)), 21);
        assert!(ticks(Duration::MAX) > 1 << 62);
    }
}
