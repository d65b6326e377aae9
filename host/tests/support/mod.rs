//! What the tests share.
#![allow(dead_code, unreachable_pub, reason = "every test program has this module and uses a part of it")]

#[cfg(feature = "cli")]
pub mod command;

use std::path::{Path, PathBuf};

/// The component that misbehaves on purpose. The tests fail where it is missing: without it they would show nothing.
pub fn misbehaving() -> PathBuf {
    for_tests("misbehaving.wasm")
}

/// The component whose gate fails when a request asks for it (`x-fail: trap`, `x-fail: loop`).
pub fn failing() -> PathBuf {
    for_tests("failing.wasm")
}

fn for_tests(name: &str) -> PathBuf {
    let folder = match std::env::var_os("PORTCULLIS_TEST_COMPONENTS") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/wasm32-unknown-unknown/component"),
    };
    let file = folder.join(name);
    assert!(file.is_file(), "{} is missing. Build it with: make misbehaving", file.display());
    file
}

/// A component that `make dist` builds.
pub fn built(name: &str) -> PathBuf {
    let folder = match std::env::var_os("PORTCULLIS_COMPONENTS") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../dist/components"),
    };
    let file = folder.join(name);
    assert!(file.is_file(), "{} is missing. Build it with: make dist", file.display());
    file
}

/// A request of the corpus, by the file and its `id`.
pub fn case(file: &str, id: &str) -> serde_json::Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find(|case| case["id"] == id)
        .unwrap_or_else(|| panic!("{} has no {id}", path.display()))
}

/// Bytes in the corpus are base64url.
pub fn bytes(text: &serde_json::Value) -> Vec<u8> {
    use base64::Engine as _;
    let text = text.as_str().unwrap_or_else(|| panic!("{text} is no text"));
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap_or_else(|error| panic!("{error}"))
}
