//! `portcullis registry`: the keys of a token service.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use portcullis_host::gateway::{TokenKey, TokenKeys};
use serde_json::json;

use super::context::{Context, Format};
use super::{Outcome, output};

/// For how long tokens of a key may live after it was replaced: nobody here knows the policy, so no key is ever taken for one whose
/// tokens are over. The service removes them.
const KEEP: u64 = u64::MAX;

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
    let open = |folder: &Folder| TokenKeys::open(&folder.keys, KEEP);
    match command {
        Command::Keys(folder) => {
            let keys = open(&folder)?.list()?;
            if context.format() == Format::Json {
                let told = |key: &TokenKey| json!({"kid": key.kid, "from": key.from, "signs": key.signs});
                output::json(&json!({"keys": keys.iter().map(told).collect::<Vec<_>>()}))?;
            } else {
                for key in keys {
                    let from = i64::try_from(key.from).ok().and_then(|from| jiff::Timestamp::from_second(from).ok());
                    let from = from.map(|from| from.to_string()).unwrap_or_default();
                    output::print(&format!("{}  from {from}{}\n", key.kid, if key.signs { "  signs" } else { "" }))?;
                }
            }
        }
        Command::Rotate(rotate) => {
            let kid = open(&rotate.folder)?.rotate(rotate.now)?;
            if context.format() == Format::Json {
                output::json(&json!({ "kid": kid }))?;
            } else {
                output::print(&format!("{kid}\n"))?;
            }
        }
        Command::Root(folder) => output::print(&open(&folder)?.root()?)?,
    }
    Ok(Outcome::Accepted)
}
