//! `portcullis component`.

use std::path::Path;
#[cfg(feature = "compiler")]
use std::path::PathBuf;

#[cfg(feature = "compiler")]
use clap::Args;
use clap::Subcommand;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::context::{Context, Format};
#[cfg(feature = "compiler")]
use super::output::Readers;
use super::pretty::printable;
use super::{Outcome, input, output};

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  portcullis component list
  portcullis component precompile dist/components/portcullis.wasm -o portcullis.cwasm")]
pub(crate) enum Command {
    /// List the components found, with their SHA-256
    #[command(after_help = "\
Example:
  portcullis component list --components dist/components")]
    List,
    /// Compile a component to machine code, for hosts without the compiler
    ///
    /// The result is for this version of the host and this kind of processor. It is machine code: keep it where only
    /// you or root can write.
    #[cfg(feature = "compiler")]
    Precompile(Precompile),
}

#[cfg(feature = "compiler")]
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  portcullis component precompile dist/components/portcullis.wasm -o portcullis.cwasm")]
pub(crate) struct Precompile {
    /// The component
    file: PathBuf,

    /// Where to put the result
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
}

/// A component's file.
#[derive(Debug, Serialize)]
pub(crate) struct Found {
    name: String,
    /// SHA-256 of the file, in hexadecimal digits.
    sha256: String,
    bytes: usize,
}

pub(crate) fn run(command: Command, context: &Context) -> anyhow::Result<Outcome> {
    match command {
        Command::List => {
            let components = found(&context.components());
            match context.format() {
                Format::Json => output::json(&components)?,
                Format::Human => output::print(&table(&components, context))?,
            }
        }
        #[cfg(feature = "compiler")]
        Command::Precompile(precompile) => {
            let runtime = context.runtime(portcullis_host::Runtime::builder().max_instances(1))?;
            let compiled = runtime.precompile(&input::file(&precompile.file)?)?;
            output::write(&precompile.output, &compiled, Readers::Everybody)?;
        }
    }
    Ok(Outcome::Accepted)
}

/// The components of a folder, by name. A folder that is not there has none.
pub(crate) fn found(folder: &Path) -> Vec<Found> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut components: Vec<_> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "wasm" || extension == "cwasm"))
        .filter_map(|path| {
            let contents = input::file(&path).ok()?;
            Some(Found {
                name: path.file_name()?.to_string_lossy().into_owned(),
                sha256: Sha256::digest(&contents).iter().map(|byte| format!("{byte:02x}")).collect(),
                bytes: contents.len(),
            })
        })
        .collect();
    components.sort_by(|a, b| a.name.cmp(&b.name));
    components
}

/// The components as lines of text.
pub(crate) fn table(components: &[Found], context: &Context) -> String {
    if components.is_empty() {
        return format!(
            "no components in {}: run `make dist`, or name the folder with --components\n",
            context.components().display()
        );
    }
    let width = components.iter().map(|component| component.name.len()).max().unwrap_or(0);
    components
        .iter()
        .map(|Found { name, sha256, bytes }| {
            format!("{name:width$}  sha256:{sha256}  {:>5} KiB\n", bytes.div_ceil(1024), name = printable(name))
        })
        .collect()
}
