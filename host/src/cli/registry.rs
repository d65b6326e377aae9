//! `portcullis registry`: the keys of a token service.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::context::Context;
use super::{Outcome, key_folder, output};

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  portcullis registry keys --keys /var/lib/portcullis/token-keys
  portcullis registry rotate --keys /var/lib/portcullis/token-keys
  portcullis registry root --keys /var/lib/portcullis/token-keys > token-root.pem")]
pub(crate) enum Command {
    /// List the keys of a token service, and say which one signs
    #[command(after_help = "\
Example:
  portcullis registry keys --keys /var/lib/portcullis/token-keys")]
    Keys(Folder),
    Rotate(Rotate),
    /// Print the root that registries read which know no key sets (`rootcertbundle`)
    #[command(after_help = "\
Example:
  portcullis registry root --keys /var/lib/portcullis/token-keys > token-root.pem")]
    Root(Folder),
}

#[derive(Debug, Args)]
pub(crate) struct Folder {
    /// The folder of the keys, as `portcullis serve --token-keys` has it; it is made where there is none
    #[arg(long, value_name = "DIR", env = "PORTCULLIS_TOKEN_KEYS")]
    keys: PathBuf,
}

/// Make another key
///
/// It is published at once and signs after ten minutes, when everybody who keeps the key set has looked again. Token services that
/// run with the folder find it within seconds. They make another key by themselves every 30 days.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  portcullis registry rotate --keys /var/lib/portcullis/token-keys --now")]
pub(crate) struct Rotate {
    #[command(flatten)]
    folder: Folder,

    /// Sign with it at once: after a key got into other hands, for example
    #[arg(long)]
    now: bool,
}

pub(crate) fn run(command: Command, context: &Context) -> anyhow::Result<Outcome> {
    match command {
        Command::Keys(folder) => key_folder::list(&key_folder::tokens(&folder.keys)?, context)?,
        Command::Rotate(rotate) => {
            key_folder::rotate(&key_folder::tokens(&rotate.folder.keys)?, rotate.now, context)?;
        }
        Command::Root(folder) => output::print(&key_folder::tokens(&folder.keys)?.root()?)?,
    }
    Ok(Outcome::Accepted)
}
