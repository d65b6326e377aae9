//! `portcullis svid`.

use clap::Subcommand;

use super::Outcome;
use super::context::Context;
use super::svid_inspect::{self, Inspect};
use super::svid_verify::{self, Verify};

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  portcullis svid verify --x509 chain.pem --bundle prod.example=bundle.json
  portcullis svid inspect chain.pem")]
pub(crate) enum Command {
    Verify(Verify),
    Inspect(Inspect),
}

pub(crate) fn run(command: Command, context: &Context) -> anyhow::Result<Outcome> {
    match command {
        Command::Verify(verify) => svid_verify::run(&verify, context),
        Command::Inspect(inspect) => svid_inspect::run(&inspect, context),
    }
}
