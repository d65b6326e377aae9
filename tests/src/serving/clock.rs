//! A wall clock that tests set, for programs that they start.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::root;

/// A clock. It stands where it was set, and every program started with it sees it move at once when it is set again.
pub struct Clock {
    file: PathBuf,
    library: PathBuf,
    _folder: tempfile::TempDir,
}

impl Clock {
    /// Makes one that stands at a second since 1970.
    ///
    /// # Panics
    ///
    /// There is no C compiler, or no folder.
    pub fn at(seconds: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, library) = (folder.path().join("clock"), folder.path().join("clock.so"));
        let built = Command::new("cc")
            .args(["-O2", "-shared", "-fPIC", "-o"])
            .arg(&library)
            .arg(root().join("tests/clock/clock.c"))
            .status()
            .expect("cc runs");
        assert!(built.success(), "tests/clock/clock.c does not build");
        fs::write(&file, seconds.to_ne_bytes()).expect("it is written");
        Self { file, library, _folder: folder }
    }

    /// Sets it.
    ///
    /// # Panics
    ///
    /// Its file is gone.
    pub fn set(&self, seconds: u64) {
        use std::os::unix::fs::FileExt as _;
        // In place and in one write: the programs have the file mapped.
        let file = fs::OpenOptions::new().write(true).open(&self.file).expect("it is there");
        file.write_all_at(&seconds.to_ne_bytes(), 0).expect("it is set");
    }

    /// Has a program go by it.
    pub fn rule(&self, command: &mut Command) {
        command.env("LD_PRELOAD", &self.library).env("CLOCK_FILE", &self.file);
    }
}
