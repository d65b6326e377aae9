//! What the suites share: where things are, the corpus, and asking the built command line.

pub mod batch;
pub mod corpus;
pub mod gate_cases;
pub mod inventory;
pub mod serving;

use std::path::{Path, PathBuf};

/// The project's folder.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// A built artifact under `dist/`.
///
/// # Panics
///
/// Where it is missing: the suites test what was built, so there is nothing to fall back to.
pub fn dist(path: &str) -> PathBuf {
    let path = root().join("dist").join(path);
    assert!(path.exists(), "{} is missing: run `make dist`", path.display());
    path
}

/// The builds that every case goes through.
pub const CRYPTO: &[&str] = &["software", "wide", "hosted"];
