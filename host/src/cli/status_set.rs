//! `portcullis status set`.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use clap::Args;
use serde_json::json;

use super::context::{Context, Format};
use super::status_build::accepted;
use super::status_store::StatusStore;
use super::status_values;
use super::{Outcome, output};

/// Revoke, suspend or restore tokens of a list that is kept in a store
///
/// All changes are made, or none. They hold for relying parties when the list is built again and fetched: until then, its
/// `ttl` decides. Only entries that a token has can be changed, and --decoys.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  portcullis status set --store lists.db --uri https://idp.example/statuslists/1 --index 4711 --value invalid
  portcullis status set --store lists.db --uri https://idp.example/statuslists/1 --pairs changes.csv
  portcullis status set --store lists.db --uri https://idp.example/statuslists/1 --decoys 40 --value invalid")]
pub(crate) struct Set {
    /// The store
    #[arg(long, value_name = "FILE")]
    store: PathBuf,

    /// The list
    #[arg(long)]
    uri: String,

    /// A token's index; may be repeated
    #[arg(long, value_name = "N", value_delimiter = ',', requires = "value")]
    index: Vec<u64>,

    /// The status: a number, `valid`, `invalid` or `suspended`
    #[arg(long, value_parser = status_values::value)]
    value: Option<u8>,

    /// A file with `index,value` lines, or `-` for standard input
    #[arg(long, value_name = "FILE|-", conflicts_with_all = ["index", "value", "decoys"])]
    pairs: Option<PathBuf>,

    /// How many more decoys get the status, at random
    #[arg(long, value_name = "N", requires = "value", conflicts_with = "index")]
    decoys: Option<u64>,
}

/// Most changes that are made at once, so that a wrong file does not fill the memory.
const MAX_CHANGES: usize = 10_000_000;

pub(crate) fn run(set: &Set, context: &Context) -> anyhow::Result<Outcome> {
    let mut store = StatusStore::open(&set.store, false)?;
    let changed = match (set.decoys, set.value, &set.pairs) {
        (Some(decoys), Some(value), _) => {
            store.set_decoys(&set.uri, decoys, value)?;
            decoys
        }
        (None, Some(value), None) if !set.index.is_empty() => {
            store.set(&set.uri, set.index.iter().map(|index| Ok((*index, value))))?
        }
        (None, None, Some(path)) => {
            let mut changes = Vec::new();
            status_values::for_each_pair(status_values::open(path)?, |_, index, value| {
                ensure!(changes.len() < MAX_CHANGES, "more than {MAX_CHANGES} changes");
                changes.push((index, value));
                Ok(())
            })
            .with_context(|| format!("the changes in {}", path.display()))?;
            store.set(&set.uri, changes.into_iter().map(Ok))?
        }
        _ => anyhow::bail!("say what changes: --index and --value, --pairs, or --decoys and --value"),
    };
    match context.format() {
        Format::Json => accepted(&json!({ "uri": set.uri, "changed": changed }))?,
        Format::Human => output::print(&format!("{changed} changed\n"))?,
    }
    Ok(Outcome::Accepted)
}
