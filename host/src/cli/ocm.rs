//! `portcullis ocm`: the keys that sign a sharing server's requests.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::context::Context;
use super::{Outcome, key_folder};

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  portcullis ocm keys --keys /var/lib/portcullis/ocm-keys
  portcullis ocm rotate --keys /var/lib/portcullis/ocm-keys")]
pub(crate) enum Command {
    /// List the keys that sign a sharing server's requests, and say which one signs now
    #[command(after_help = "\
Example:
  portcullis ocm keys --keys /var/lib/portcullis/ocm-keys")]
    Keys(Folder),
    Rotate(Rotate),
}

#[derive(Debug, Args)]
pub(crate) struct Folder {
    /// The folder of the keys, as `portcullis serve --ocm-keys` has it; it is made where there is none
    #[arg(long, value_name = "DIR", env = "PORTCULLIS_OCM_KEYS")]
    keys: PathBuf,
}

/// Make another key
///
/// It is published at once and signs after ten minutes, when everybody who keeps the key set has looked again. Gateways that run with
/// the folder find it within seconds. They make another key by themselves every 30 days. Peers know it by the server's name, `#` and
/// the identifier that is printed.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  portcullis ocm rotate --keys /var/lib/portcullis/ocm-keys --now")]
pub(crate) struct Rotate {
    #[command(flatten)]
    folder: Folder,

    /// Sign with it at once: after a key got into other hands, for example
    #[arg(long)]
    now: bool,
}

pub(crate) fn run(command: Command, context: &Context) -> anyhow::Result<Outcome> {
    match command {
        Command::Keys(folder) => key_folder::list(&key_folder::ocm(&folder.keys)?, context)?,
        Command::Rotate(rotate) => key_folder::rotate(&key_folder::ocm(&rotate.folder.keys)?, rotate.now, context)?,
    }
    Ok(Outcome::Accepted)
}
