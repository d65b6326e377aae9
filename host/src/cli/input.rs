//! Reading what the arguments name.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context as _, bail};

/// The most that is read of a file of keys, claims or one token. The component's own limits (32 MiB for a status list
/// token, 256 KiB for any other, 1 MiB for a key set) are below and have codes; this only keeps a wrong file from
/// filling the memory.
const MAX_INPUT_BYTES: u64 = 40 * 1024 * 1024;

/// Reads a whole file.
pub(crate) fn file(path: &Path) -> anyhow::Result<Vec<u8>> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    all(file).with_context(|| format!("cannot read {}", path.display()))
}

/// A value given as such, or as `@FILE`. Nothing is taken off the file.
pub(crate) fn text_or_file(argument: &str) -> anyhow::Result<Vec<u8>> {
    match argument.strip_prefix('@') {
        Some(path) => file(Path::new(path)),
        None => Ok(argument.as_bytes().to_vec()),
    }
}

/// A token given as such, as `@FILE`, or as `-` for standard input. One line end at the end of a file or of standard
/// input is taken off, because editors and `echo` put it there; nothing else is.
pub(crate) fn token(argument: &str) -> anyhow::Result<Vec<u8>> {
    let mut token = match argument {
        "-" => standard_input()?,
        _ if argument.starts_with('@') => text_or_file(argument)?,
        _ => return Ok(argument.as_bytes().to_vec()),
    };
    if token.last() == Some(&b'\n') {
        token.pop();
        if token.last() == Some(&b'\r') {
            token.pop();
        }
    }
    Ok(token)
}

/// Bytes given as `@FILE`, or as `-` for standard input. Nothing is taken off.
pub(crate) fn bytes(argument: &str) -> anyhow::Result<Vec<u8>> {
    match argument.strip_prefix('@') {
        Some(path) => file(Path::new(path)),
        None if argument == "-" => standard_input(),
        None => bail!("bytes are no argument: name their file as @FILE, or `-` for standard input"),
    }
}

fn standard_input() -> anyhow::Result<Vec<u8>> {
    all(std::io::stdin().lock()).context("cannot read standard input")
}

fn all(input: impl Read) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(MAX_INPUT_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_INPUT_BYTES {
        bail!("it is larger than {MAX_INPUT_BYTES} bytes");
    }
    Ok(bytes)
}
