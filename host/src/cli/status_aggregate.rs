//! `portcullis status aggregate`.

use std::path::PathBuf;

use clap::Args;
use portcullis_status::build::aggregation;

use super::output::Readers;
use super::status_build::refused;
use super::status_store::StatusStore;
use super::{Outcome, output};

/// Make the document that names an issuer's status lists
///
/// Relying parties fetch it to have all lists before they meet a token, by the `aggregation_uri` of a list or by
/// `status_list_aggregation_endpoint` in the metadata of an authorization server. Serve it as `application/json`. It is
/// optional, and lets outsiders see how many lists there are.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  portcullis status aggregate --store lists.db --output aggregation.json
  portcullis status aggregate --uri https://idp.example/statuslists/1 --uri https://idp.example/statuslists/2")]
pub(crate) struct Aggregate {
    /// The store, all of whose lists are named
    #[arg(long, value_name = "FILE", required_unless_present = "uri")]
    store: Option<PathBuf>,

    /// A list's URI; may be repeated; after those of the store
    #[arg(long)]
    uri: Vec<String>,

    /// Where to put the document; standard output if absent
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(aggregate: &Aggregate) -> anyhow::Result<Outcome> {
    let kept = match &aggregate.store {
        Some(store) => StatusStore::open(store, false)?.lists()?,
        None => Vec::new(),
    };
    let uris = kept.iter().map(|list| list.uri.as_str()).chain(aggregate.uri.iter().map(String::as_str));
    let mut document = aggregation(uris).map_err(refused)?;
    document.push('\n');
    match &aggregate.output {
        Some(path) => output::write(path, document.as_bytes(), Readers::Everybody)?,
        None => output::print(&document)?,
    }
    Ok(Outcome::Accepted)
}
