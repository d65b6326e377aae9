//! `portcullis status`.

use clap::Subcommand;

use super::Outcome;
use super::context::Context;
use super::status_inspect::{self, Inspect};
use super::status_lookup::{self, Lookup};

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  portcullis status lookup @list.jwt --keys jwks.json --uri https://example.com/statuslists/1 --index 7
  portcullis status inspect @list.jwt --keys jwks.json --uri https://example.com/statuslists/1 --png list.png")]
pub(crate) enum Command {
    Lookup(Lookup),
    Inspect(Inspect),
}

pub(crate) fn run(command: Command, context: &Context) -> anyhow::Result<Outcome> {
    match command {
        Command::Lookup(lookup) => status_lookup::run(&lookup, context),
        Command::Inspect(inspect) => status_inspect::run(&inspect, context),
    }
}
