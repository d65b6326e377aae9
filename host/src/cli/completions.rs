//! `portcullis completions`.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::{Cli, Outcome, output};

/// Print completions for a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  portcullis completions bash > ~/.local/share/bash-completion/completions/portcullis")]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(completions: &Completions) -> anyhow::Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(completions.shell, &mut Cli::command(), "portcullis", &mut script);
    output::print(&String::from_utf8(script)?)?;
    Ok(Outcome::Accepted)
}
