//! `portcullis signature`.

use clap::Subcommand;

use super::Outcome;
use super::context::Context;
use super::signature_sign::{self, Sign};
use super::signature_verify::{self, Verify};

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  portcullis signature verify --request request.http --keys jwks.json --tag app
  portcullis signature sign --request request.http --key key.json --component @method --component @target-uri
  portcullis signature sign --request request.http --key key.json --profile ocm --keyid cloud.example.org#key1")]
pub(crate) enum Command {
    Verify(Box<Verify>),
    Sign(Box<Sign>),
}

pub(crate) fn run(command: Command, context: &Context) -> anyhow::Result<Outcome> {
    match command {
        Command::Verify(verify) => signature_verify::run(*verify, context),
        Command::Sign(sign) => signature_sign::run(&sign, context),
    }
}
