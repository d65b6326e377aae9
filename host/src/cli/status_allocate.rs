//! `portcullis status allocate`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::context::{Context, Format};
use super::pretty::printable;
use super::report::line;
use super::status_build::accepted;
use super::status_store::{Allocated, StatusStore};
use super::{Outcome, output};

/// Give entries of status lists to credentials that are being issued
///
/// An entry is drawn at random among those that nobody has, and never given again: what is printed is on the disk. Who
/// crashes before the credential is issued loses an entry, which then looks like every other valid one. Any number of
/// processes may ask at the same time.
///
/// A credential gets an entry of one of the lists, whichever it is; with --each, one of each list. What is printed is the
/// value of its claim `status`. Keep it with the credential: nothing here knows which one it is.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  portcullis status allocate --store lists.db
  portcullis status allocate --store lists.db --count 100 --uri https://idp.example/statuslists/1
  portcullis status allocate --store lists.db --each --uri https://idp.example/revoked/1 \\
      --uri https://idp.example/suspended/1")]
pub(crate) struct Allocate {
    /// The store
    #[arg(long, value_name = "FILE")]
    store: PathBuf,

    /// A list; may be repeated; every list of the store if absent
    #[arg(long)]
    uri: Vec<String>,

    /// An entry of each list for each credential, instead of one of any
    #[arg(long)]
    each: bool,

    /// How many credentials there are
    #[arg(long, value_name = "N", default_value_t = 1)]
    count: u64,
}

pub(crate) fn run(allocate: &Allocate, context: &Context) -> anyhow::Result<Outcome> {
    let mut store = StatusStore::open(&allocate.store, false)?;
    let credentials = store.allocate(&allocate.uri, allocate.each, allocate.count)?;
    match context.format() {
        Format::Json => {
            accepted(&Given { credentials: credentials.iter().map(|entries| claims(entries)).collect() })?;
        }
        Format::Human => {
            let mut text = String::new();
            for (number, entries) in (1..).zip(&credentials) {
                for Allocated { uri, index } in entries {
                    line(&mut text, format_args!("{number}  {index}  {}", printable(uri)));
                }
            }
            output::print(&text)?;
        }
    }
    Ok(Outcome::Accepted)
}

#[derive(Debug, Serialize)]
struct Given<'a> {
    credentials: Vec<Vec<Claim<'a>>>,
}

/// The claim `status` (section 6.2).
#[derive(Debug, Serialize)]
struct Claim<'a> {
    status_list: Reference<'a>,
}

#[derive(Debug, Serialize)]
struct Reference<'a> {
    idx: u64,
    uri: &'a str,
}

fn claims(entries: &[Allocated]) -> Vec<Claim<'_>> {
    entries.iter().map(|entry| Claim { status_list: Reference { idx: entry.index, uri: &entry.uri } }).collect()
}
