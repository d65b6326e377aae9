//! `portcullis status create`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::context::{Context, Format};
use super::pretty::printable;
use super::status_build::accepted;
use super::status_progress::Progress;
use super::status_store::StatusStore;
use super::status_values::{self, BitCount};
use super::{Outcome, output};

/// Make a status list whose entries tokens get one after the other
///
/// The list is kept in a store, one file for any number of lists, which is made where there is none. The file tells which
/// entries are given and which are decoys, and is for its owner alone. A list keeps its URI, size and bits for ever.
///
/// A large list protects its tokens: who fetches it does not tell which one matters. Decoys are entries, at random places,
/// that no token gets: with `status set --decoys` some of them are revoked, too, so that nobody can count the revocations.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  portcullis status create --store lists.db --uri https://idp.example/statuslists/1 --entries 1000000 --decoys 100000")]
pub(crate) struct Create {
    /// The store; it is made where there is none
    #[arg(long, value_name = "FILE")]
    store: PathBuf,

    /// The list's URI, as tokens will name it
    #[arg(long)]
    uri: String,

    /// How many entries the list has, at least
    #[arg(long, value_name = "N")]
    entries: u64,

    /// How many bits an entry has: 1 for valid and invalid, 2 for suspended, too
    #[arg(long, value_enum, default_value = "1")]
    bits: BitCount,

    /// What entries have that nobody has changed
    #[arg(long, value_name = "VALUE", value_parser = status_values::value, default_value = "valid")]
    initial: u8,

    /// How many entries are decoys; at most half
    #[arg(long, value_name = "N", default_value_t = 0)]
    decoys: u64,
}

pub(crate) fn run(create: &Create, context: &Context) -> anyhow::Result<Outcome> {
    let mut store = StatusStore::open(&create.store, true)?;
    let (bits, mut progress) = (create.bits.into(), Progress::new("drawing decoys"));
    let list = store.create(&create.uri, bits, create.entries, create.initial, create.decoys, &mut progress)?;
    drop(progress);
    match context.format() {
        Format::Json => accepted(&json!({
            "uri": list.uri,
            "entries": list.entries,
            "bits": list.bits.count(),
            "decoys": list.decoys,
            "free": list.free(),
        }))?,
        Format::Human => output::print(&format!(
            "{}  {} entries, {} of them free\n",
            printable(&list.uri),
            list.entries,
            list.free()
        ))?,
    }
    Ok(Outcome::Accepted)
}
