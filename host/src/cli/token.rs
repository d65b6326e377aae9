//! `portcullis token`.

use clap::Subcommand;

use super::Outcome;
use super::context::Context;
use super::token_inspect::{self, Inspect};
use super::token_verify::{self, Verify};

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  portcullis token verify @token.jwt --keys jwks.json
  portcullis token inspect @token.jwt")]
pub(crate) enum Command {
    Verify(Box<Verify>),
    Inspect(Inspect),
}

pub(crate) fn run(command: Command, context: &Context) -> anyhow::Result<Outcome> {
    match command {
        Command::Verify(verify) => token_verify::run(*verify, context),
        Command::Inspect(inspect) => token_inspect::run(&inspect, context),
    }
}
