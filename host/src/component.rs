//! Loading components.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use wasmtime::component::{InstancePre, Linker};

use crate::artifact::{Damage, Hash, Payload, hex, is_artifact};
use crate::compiled;
use crate::error::HostError;
use crate::limits::MAX_COMPONENT_BYTES;
use crate::runtime::Runtime;
use crate::sandbox::State;
use crate::trust;

#[cfg(feature = "compiler")]
use crate::cache::{Cache, CacheWarning};

/// The only interface a component may import.
pub const VERIFIER_IMPORT: &str = "portcullis:crypto/verifier@0.1.0";

/// A component that is compiled, checked and ready to be instantiated. Cheap to clone.
///
/// ```no_run
/// use portcullis_host::{Runtime, components_dir};
///
/// let runtime = Runtime::new()?;
/// let component = runtime.load_file(components_dir().join("portcullis.wasm"))?;
/// assert!(component.imports().is_empty());
/// println!("{}", component.sha256_hex());
/// # Ok::<(), portcullis_host::HostError>(())
/// ```
#[derive(Clone)]
pub struct Component {
    inner: Arc<Inner>,
}

struct Inner {
    runtime: Runtime,
    component: wasmtime::component::Component,
    pre: InstancePre<State>,
    sha256: Hash,
    origin: Origin,
}

/// Where a component's compiled code came from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// It was compiled now; nothing is cached.
    Compiled,
    /// It was compiled now and is in the cache for the next time.
    Stored,
    /// It came from the cache.
    Cached,
    /// What the cache held was damaged, so it was compiled now and the cache was repaired.
    Rebuilt(Damage),
    /// It was compiled now, because the cache could not be used.
    #[cfg(feature = "compiler")]
    NotCached(CacheWarning),
    /// It came from a precompiled file.
    Precompiled,
}

impl Runtime {
    /// Loads a component from its bytes, from the cache if its compiled code is there.
    ///
    /// # Errors
    ///
    /// [`HostError::LoadFailed`] for what is no component this engine takes, [`HostError::ImportRefused`] for one
    /// that wants more than the host gives, [`HostError::NoCompiler`] in a build without the feature `compiler`. A
    /// cache that cannot be used is no error: see [`Component::origin`].
    pub fn load(&self, bytes: &[u8]) -> Result<Component, HostError> {
        self.load_named(bytes, "the component")
    }

    /// Loads a component from a file of at most [`MAX_COMPONENT_BYTES`].
    ///
    /// # Errors
    ///
    /// As for [`load`](Self::load), and [`HostError::LoadFailed`] for a file that cannot be read.
    pub fn load_file(&self, path: impl AsRef<Path>) -> Result<Component, HostError> {
        let path = path.as_ref();
        self.load_named(&read(path)?.0, &path.display().to_string())
    }

    /// Loads a file made by [`precompile`](Self::precompile). Its contents are run as machine code, so it must belong
    /// to this user or to root, and nobody else may be able to write to it.
    ///
    /// # Errors
    ///
    /// [`HostError::PrecompiledUntrusted`] and [`HostError::PrecompiledDamaged`], and the errors of
    /// [`load_file`](Self::load_file).
    pub fn load_precompiled_file(&self, path: impl AsRef<Path>) -> Result<Component, HostError> {
        let path = path.as_ref();
        let (bytes, metadata) = read(path)?;
        trust::check(&metadata, trust::Owner::MeOrRoot)
            .map_err(|detail| HostError::PrecompiledUntrusted { path: path.to_owned(), detail })?;
        let damaged = |damage| HostError::PrecompiledDamaged { path: path.to_owned(), damage };
        let payload = Payload::open(&bytes).map_err(damaged)?;
        let component = compiled::component(self.engine(), &payload).map_err(damaged)?;
        Component::new(self, component, payload.component(), Origin::Precompiled)
    }

    /// Compiles a component to the contents of a file for [`load_precompiled_file`](Self::load_precompiled_file): for
    /// this version of the host and this kind of processor.
    ///
    /// # Errors
    ///
    /// [`HostError::LoadFailed`] for what is no component this engine takes.
    #[cfg(feature = "compiler")]
    pub fn precompile(&self, bytes: &[u8]) -> Result<Vec<u8>, HostError> {
        let payload =
            self.engine().precompile_component(bytes).map_err(|error| not_a_component("the component", &error))?;
        Ok(crate::artifact::seal(crate::artifact::sha256(bytes), &payload))
    }

    #[cfg(feature = "compiler")]
    fn load_named(&self, bytes: &[u8], what: &str) -> Result<Component, HostError> {
        let sha256 = crate::artifact::sha256(bytes);
        let cache = match Cache::open(self.cache_setting()) {
            Ok(Some(cache)) => cache,
            Ok(None) => return Component::new(self, self.compile(bytes, what)?, sha256, Origin::Compiled),
            Err(warning) => {
                return Component::new(self, self.compile(bytes, what)?, sha256, Origin::NotCached(warning));
            }
        };
        let file = cache.file(self.engine(), &sha256);
        let found = match cache.read(&file) {
            Ok(None) => None,
            Ok(Some(contents)) => match self.cached(&contents, sha256) {
                Ok(component) => return Component::new(self, component, sha256, Origin::Cached),
                Err(damage) => Some(damage),
            },
            Err(warning) => {
                return Component::new(self, self.compile(bytes, what)?, sha256, Origin::NotCached(warning));
            }
        };
        let component = self.compile(bytes, what)?;
        let stored = component
            .serialize()
            .map_err(|error| CacheWarning { folder: file.parent().map(Path::to_owned), detail: error.to_string() })
            .and_then(|payload| cache.write(&file, &crate::artifact::seal(sha256, &payload)));
        let origin = match (stored, found) {
            (Err(warning), _) => Origin::NotCached(warning),
            (Ok(()), Some(damage)) => Origin::Rebuilt(damage),
            (Ok(()), None) => Origin::Stored,
        };
        Component::new(self, component, sha256, origin)
    }

    #[cfg(not(feature = "compiler"))]
    fn load_named(&self, _bytes: &[u8], _what: &str) -> Result<Component, HostError> {
        Err(HostError::NoCompiler)
    }

    #[cfg(feature = "compiler")]
    fn cached(&self, contents: &[u8], sha256: Hash) -> Result<wasmtime::component::Component, Damage> {
        let payload = Payload::open(contents)?;
        if payload.component() != sha256 {
            return Err(Damage::OtherComponent);
        }
        compiled::component(self.engine(), &payload)
    }

    #[cfg(feature = "compiler")]
    fn compile(&self, bytes: &[u8], what: &str) -> Result<wasmtime::component::Component, HostError> {
        wasmtime::component::Component::from_binary(self.engine(), bytes).map_err(|error| not_a_component(what, &error))
    }
}

impl Component {
    fn new(
        runtime: &Runtime,
        component: wasmtime::component::Component,
        sha256: Hash,
        origin: Origin,
    ) -> Result<Self, HostError> {
        let allowed = |name: &str| cfg!(feature = "hosted-crypto") && name == VERIFIER_IMPORT;
        let ty = component.component_type();
        if let Some((import, _)) = ty.imports(runtime.engine()).find(|(name, _)| !allowed(name)) {
            return Err(HostError::ImportRefused { import: import.to_owned() });
        }
        let pre = linker(runtime).and_then(|linker| linker.instantiate_pre(&component)).map_err(|error| {
            HostError::LoadFailed { what: String::from("the component"), detail: format!("{error:#}") }
        })?;
        Ok(Self { inner: Arc::new(Inner { runtime: runtime.clone(), component, pre, sha256, origin }) })
    }

    /// The names of the interfaces and functions it imports, in its own order: none, or [`VERIFIER_IMPORT`].
    #[must_use]
    pub fn imports(&self) -> Vec<String> {
        let ty = self.inner.component.component_type();
        ty.imports(self.inner.runtime.engine()).map(|(name, _)| name.to_owned()).collect()
    }

    /// The names of the interfaces and functions it exports, in its own order.
    #[must_use]
    pub fn exports(&self) -> Vec<String> {
        let ty = self.inner.component.component_type();
        ty.exports(self.inner.runtime.engine()).map(|(name, _)| name.to_owned()).collect()
    }

    /// SHA-256 of the component's file (of the WebAssembly, also where it was loaded precompiled).
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        self.inner.sha256
    }

    /// The same in hexadecimal digits.
    #[must_use]
    pub fn sha256_hex(&self) -> String {
        hex(&self.inner.sha256)
    }

    /// Where its compiled code came from, and what was wrong with the cache, if anything.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.inner.origin
    }

    /// The runtime it was loaded by.
    #[must_use]
    pub fn runtime(&self) -> &Runtime {
        &self.inner.runtime
    }

    pub(crate) fn pre(&self) -> &InstancePre<State> {
        &self.inner.pre
    }
}

impl std::fmt::Debug for Component {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Component")
            .field("sha256", &self.sha256_hex())
            .field("origin", self.origin())
            .finish_non_exhaustive()
    }
}

/// Whether a file's first bytes say that [`Runtime::load_precompiled_file`] is the way to load it.
#[must_use]
pub fn is_precompiled(bytes: &[u8]) -> bool {
    is_artifact(bytes)
}

/// Everything the host gives to a component.
fn linker(runtime: &Runtime) -> wasmtime::Result<Linker<State>> {
    #[cfg_attr(not(feature = "hosted-crypto"), expect(unused_mut))]
    let mut linker = Linker::new(runtime.engine());
    #[cfg(feature = "hosted-crypto")]
    crate::hosted_crypto::provide(&mut linker)?;
    Ok(linker)
}

fn read(path: &Path) -> Result<(Vec<u8>, std::fs::Metadata), HostError> {
    let failed = |detail: String| HostError::LoadFailed { what: path.display().to_string(), detail };
    let file = std::fs::File::open(path).map_err(|error| failed(error.to_string()))?;
    let metadata = file.metadata().map_err(|error| failed(error.to_string()))?;
    let mut bytes = Vec::new();
    file.take(MAX_COMPONENT_BYTES + 1).read_to_end(&mut bytes).map_err(|error| failed(error.to_string()))?;
    if bytes.len() as u64 > MAX_COMPONENT_BYTES {
        return Err(failed(format!("it is larger than {MAX_COMPONENT_BYTES} bytes")));
    }
    Ok((bytes, metadata))
}

#[cfg(feature = "compiler")]
fn not_a_component(what: &str, error: &wasmtime::Error) -> HostError {
    HostError::LoadFailed { what: what.to_owned(), detail: format!("{error:#}") }
}
