//! Compiled code kept between runs, in a folder that only this user can write to.

use std::fs::File;
use std::hash::{Hash as _, Hasher};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use wasmtime::Engine;

use crate::artifact::{Hash, hex};
use crate::limits::{MAX_CACHED_FILES, MAX_COMPONENT_BYTES};
use crate::runtime::CacheFolder;
use crate::trust::{Owner, check};

/// Part of every key, to be raised when the meaning of the cached files changes.
const FORMAT_VERSION: u32 = 1;
/// The end of the name of every file of the cache.
const EXTENSION: &str = "cwasm";

/// Why the cache is not used. The component still works; it is compiled each time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("compiled code is not cached in {}: {detail}", folder.as_deref().unwrap_or(Path::new("a folder")).display())]
pub struct CacheWarning {
    /// The folder, if there is one.
    pub folder: Option<PathBuf>,
    /// What is wrong with it.
    pub detail: String,
}

/// A folder that can be trusted.
pub(crate) struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// Opens the folder, making it where it is missing; `None` if there is to be no cache.
    pub(crate) fn open(setting: &CacheFolder) -> Result<Option<Self>, CacheWarning> {
        let folder = match setting {
            CacheFolder::Off => return Ok(None),
            CacheFolder::Named(folder) => folder.clone(),
            CacheFolder::Default => default_folder().ok_or_else(|| CacheWarning {
                folder: None,
                detail: String::from("neither XDG_CACHE_HOME nor HOME names an absolute path"),
            })?,
        };
        let warning = |detail: String| CacheWarning { folder: Some(folder.clone()), detail };
        make_private(&folder).map_err(|error| warning(error.to_string()))?;
        let metadata = folder.metadata().map_err(|error| warning(error.to_string()))?;
        check(&metadata, Owner::Me).map_err(warning)?;
        Ok(Some(Self { folder }))
    }

    /// The file for a component.
    pub(crate) fn file(&self, engine: &Engine, component: &Hash) -> PathBuf {
        let mut name = hex(&key(engine, component));
        name.push('.');
        name.push_str(EXTENSION);
        self.folder.join(name)
    }

    /// What is in a file, `None` if it is not there.
    pub(crate) fn read(&self, file: &Path) -> Result<Option<Vec<u8>>, CacheWarning> {
        let open = || -> Result<Option<Vec<u8>>, String> {
            let opened = match File::open(file) {
                Ok(opened) => opened,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error.to_string()),
            };
            let metadata = opened.metadata().map_err(|error| error.to_string())?;
            check(&metadata, Owner::Me)?;
            let mut bytes = Vec::new();
            // A file that is too long is cut here and then found to be damaged.
            opened.take(MAX_COMPONENT_BYTES).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
            Ok(Some(bytes))
        };
        open().map_err(|detail| self.warning(detail))
    }

    /// Writes a file so that nobody ever sees half of it.
    pub(crate) fn write(&self, file: &Path, contents: &[u8]) -> Result<(), CacheWarning> {
        let write = || -> std::io::Result<()> {
            // Made with mode 0600.
            let mut temporary = tempfile::NamedTempFile::new_in(&self.folder)?;
            temporary.write_all(contents)?;
            temporary.persist(file)?;
            Ok(())
        };
        write().map_err(|error| self.warning(error.to_string()))?;
        self.forget_oldest(file);
        Ok(())
    }

    fn warning(&self, detail: String) -> CacheWarning {
        CacheWarning { folder: Some(self.folder.clone()), detail }
    }

    /// Keeps the folder small. Failing at it harms nobody.
    fn forget_oldest(&self, newest: &Path) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else {
            return;
        };
        let mut files: Vec<_> = entries
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            .filter(|path| path != newest && path.extension().is_some_and(|extension| extension == EXTENSION))
            .filter_map(|path| Some((path.metadata().ok()?.modified().ok()?, path)))
            .collect();
        files.sort();
        let surplus = (files.len() + 1).saturating_sub(MAX_CACHED_FILES);
        for (_, path) in files.into_iter().take(surplus) {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// What the compiled code depends on: the component, the engine's version, settings and processor, and our form.
fn key(engine: &Engine, component: &Hash) -> Hash {
    let mut hasher = Sha256Hasher(Sha256::new());
    FORMAT_VERSION.hash(&mut hasher);
    component.hash(&mut hasher);
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.0.finalize().into()
}

/// Feeds what `Hash` gives into SHA-256.
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Not used: the whole hash is taken instead.
    fn finish(&self) -> u64 {
        0
    }
}

fn default_folder() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_CACHE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
        .map(|caches| caches.join("portcullis"))
}

fn make_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
