//! `portcullis status`.

use clap::Subcommand;

use super::Outcome;
use super::context::Context;
use super::status_aggregate::{self, Aggregate};
use super::status_allocate::{self, Allocate};
use super::status_build::{self, Build};
use super::status_create::{self, Create};
use super::status_inspect::{self, Inspect};
use super::status_lookup::{self, Lookup};
use super::status_set::{self, Set};

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  portcullis status lookup @list.jwt --keys jwks.json --uri https://example.com/statuslists/1 --index 7
  portcullis status inspect @list.jwt --keys jwks.json --uri https://example.com/statuslists/1 --png list.png
  portcullis status build --values values.txt --uri https://example.com/statuslists/1 --key key.json --output list.jwt")]
pub(crate) enum Command {
    Lookup(Lookup),
    Inspect(Inspect),
    Build(Box<Build>),
    Create(Create),
    Allocate(Allocate),
    Set(Set),
    Aggregate(Aggregate),
}

pub(crate) fn run(command: Command, context: &Context) -> anyhow::Result<Outcome> {
    match command {
        Command::Lookup(lookup) => status_lookup::run(&lookup, context),
        Command::Inspect(inspect) => status_inspect::run(&inspect, context),
        Command::Build(build) => status_build::run(&build, context),
        Command::Create(create) => status_create::run(&create, context),
        Command::Allocate(allocate) => status_allocate::run(&allocate, context),
        Command::Set(set) => status_set::run(&set, context),
        Command::Aggregate(aggregate) => status_aggregate::run(&aggregate),
    }
}
