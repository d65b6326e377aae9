//! Printing.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use anstyle::{AnsiColor, Style};
use anyhow::Context as _;
use serde::Serialize;

/// Accepted.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
/// Refused.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// To be careful about.
pub(crate) const CAUTION: Style = AnsiColor::Yellow.on_default().bold();
/// What stands out.
pub(crate) const HEADING: Style = Style::new().bold();
/// What stands back.
pub(crate) const QUIET: Style = Style::new().dimmed();

/// Where people find a code explained, for example `docs/codes.md#token-expired`.
pub(crate) fn explained_in(code: &str) -> String {
    format!("docs/codes.md#{}", code.replace(['.', '_'], "-"))
}

/// Prints text to standard output. That nobody reads any more is no error.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        done => Ok(done?),
    }
}

/// Prints a value as one line of JSON.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut line = serde_json::to_string(value)?;
    line.push('\n');
    print(&line)
}

/// Why something was refused, or could not be done.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorBody<'a> {
    pub(crate) code: &'a str,
    pub(crate) detail: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) rule: &'a str,
}

/// Prints `{"ok":false,"error":{…}}`.
pub(crate) fn json_error(code: &str, detail: &str, rule: &str) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Refused<'a> {
        ok: bool,
        error: ErrorBody<'a>,
    }
    json(&Refused { ok: false, error: ErrorBody { code, detail, rule } })
}

/// Who may read a file that is written. Nobody else may write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    Everybody,
    /// It holds a secret.
    Me,
}

/// Writes a file, whole or not at all. What is there and is no file, such as `/dev/stdout`, is written to and stays.
pub(crate) fn write(path: &Path, contents: &[u8], readers: Readers) -> anyhow::Result<()> {
    let write = || -> std::io::Result<()> {
        if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
            return File::options().write(true).open(path)?.write_all(contents);
        }
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(match readers {
            Readers::Everybody => 0o644,
            Readers::Me => 0o600,
        }));
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut temporary = builder.tempfile_in(folder.unwrap_or(Path::new(".")))?;
        temporary.write_all(contents)?;
        temporary.persist(path)?;
        Ok(())
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
