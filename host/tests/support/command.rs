//! The `portcullis` command with the built component, and what it said.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// The time of the corpus.
pub const AT: &str = "1790000000";

/// How a run ended.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Said {
    /// What it printed, as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Runs the command at the corpus's time; its output is JSON, because nobody watches.
pub fn run(arguments: &[&str]) -> Said {
    run_with(arguments, Stdio::null())
}

/// The same for people, without colours.
pub fn run_human(arguments: &[&str]) -> Said {
    run(&[arguments, &["--format", "human", "--color", "never"]].concat())
}

/// The same as [`run`] with a standard input.
pub fn run_with(arguments: &[&str], stdin: Stdio) -> Said {
    let component = super::built("portcullis.wasm");
    let folder = component.parent().unwrap_or(Path::new("."));
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(arguments)
        .args(["--at", AT, "--components"])
        .arg(folder)
        .env_remove("PORTCULLIS_CRYPTO")
        .stdin(stdin)
        .output()
        .unwrap_or_else(|error| panic!("the command does not run: {error}"));
    Said {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Files for arguments, gone when it is dropped.
pub struct Files(TempDir);

impl Files {
    pub fn new() -> Self {
        Self(TempDir::new().unwrap_or_else(|error| panic!("no folder: {error}")))
    }

    /// The name of a file that need not be there.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file and tells its name.
    pub fn put(&self, name: &str, contents: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::write(&path, contents).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path.to_string_lossy().into_owned()
    }
}

/// Fails where a text holds what could move a terminal's cursor or turn the direction of writing.
pub fn assert_harmless(text: &str) {
    let harmful =
        |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{200b}'..='\u{200f}');
    assert!(!text.contains(harmful), "{text:?}");
}
