//! The command line: one file a noun, and one for each verb that needs room.

mod batch;
mod completions;
mod component;
mod context;
mod gate;
mod gate_json;
mod http_message;
mod http_text;
mod input;
#[cfg(feature = "gateway")]
mod key_folder;
mod keys;
mod lines;
mod mint;
mod mint_key;
#[cfg(feature = "gateway")]
mod ocm;
mod output;
mod policy;
mod policy_file;
mod policy_test;
mod policy_test_file;
mod policy_test_keys;
mod policy_test_read;
mod pretty;
#[cfg(feature = "gateway")]
mod registry;
mod report;
mod scope;
mod scope_json;
#[cfg(feature = "gateway")]
mod serve;
mod signature;
mod signature_ocm;
mod signature_sign;
mod signature_verify;
mod status;
mod status_aggregate;
mod status_allocate;
mod status_build;
mod status_create;
mod status_inspect;
mod status_list;
mod status_lookup;
mod status_picture;
mod status_progress;
mod status_random;
mod status_set;
mod status_signer;
mod status_store;
mod status_values;
mod svid;
mod svid_inspect;
mod svid_verify;
mod token;
mod token_inspect;
mod token_verify;
#[cfg(feature = "gateway")]
mod transaction;
mod version;
mod when;
mod workers;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use portcullis_host::HostError;

use context::{Context, Format, Globals};

/// Verifies credentials, and says why one is refused.
#[derive(Debug, Parser)]
#[command(name = "portcullis", disable_version_flag = true, after_help = EXAMPLES)]
struct Cli {
    /// Print the version, and the components found with their SHA-256
    #[arg(short = 'V', long)]
    version: bool,

    #[command(flatten)]
    globals: Globals,

    #[command(subcommand)]
    command: Option<Command>,
}

const EXAMPLES: &str = "\
Exit codes: 0 accepted, 1 could not run, 2 rejected or denied.

Examples:
  portcullis token verify @token.jwt --keys jwks.json --issuer https://idp.example --audience https://api.example
  portcullis token inspect @token.jwt
  portcullis status lookup @list.jwt --keys jwks.json --uri https://example.com/statuslists/1 --index 7
  portcullis svid verify --x509 chain.pem --bundle prod.example=bundle.json
  portcullis signature verify --request request.http --keys jwks.json --tag app
  portcullis policy check policy.toml
  portcullis gate check --policy policy.toml https://api.example/health
  portcullis mint --count 1000 --as-batch | portcullis batch --jobs 2";

#[derive(Debug, Subcommand)]
enum Command {
    // A noun is explained here; a command by its own type, which a comment here would hide.
    /// Verify tokens, or look at them
    #[command(subcommand)]
    Token(token::Command),
    /// Look up statuses in a status list, look at the list, or make one
    #[command(subcommand)]
    Status(status::Command),
    /// Compare what a token grants with what is required
    #[command(subcommand)]
    Scope(scope::Command),
    /// Verify SPIFFE identities, or look at them
    #[command(subcommand)]
    Svid(svid::Command),
    /// Verify signatures of HTTP messages, or sign messages
    #[command(subcommand)]
    Signature(signature::Command),
    /// Check, explain, test and export policies
    #[command(subcommand)]
    Policy(policy::Command),
    /// Decide about a request, and say why
    #[command(subcommand)]
    Gate(gate::Command),
    #[cfg(feature = "gateway")]
    Serve(serve::Serve),
    /// Keys of a token service for registries
    #[cfg(feature = "gateway")]
    #[command(subcommand)]
    Registry(registry::Command),
    /// Keys of a Transaction Token Service
    #[cfg(feature = "gateway")]
    #[command(subcommand)]
    Transaction(transaction::Command),
    /// Keys that sign requests of Open Cloud Mesh
    #[cfg(feature = "gateway")]
    #[command(subcommand)]
    Ocm(ocm::Command),
    Batch(batch::Batch),
    Mint(mint::Mint),
    /// Precompile components, or list them
    #[command(subcommand)]
    Component(component::Command),
    Completions(completions::Completions),
}

/// How a command that ran ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// What was asked about is accepted, or there was nothing to refuse.
    Accepted,
    /// It ran, but not on everything it was given.
    Incomplete,
    /// What was asked about is refused.
    Refused,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Accepted => Self::SUCCESS,
            Outcome::Incomplete => COULD_NOT_RUN,
            Outcome::Refused => Self::from(2),
        }
    }
}

/// Wrong arguments, a file that cannot be read, a component that cannot be asked.
const COULD_NOT_RUN: ExitCode = ExitCode::FAILURE;

/// Runs the command that the arguments name.
pub(crate) fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Printing help can only fail because nobody reads it.
            let _ = error.print();
            // clap's own code for wrong arguments is 2, which means "rejected" here.
            return if error.use_stderr() { COULD_NOT_RUN } else { ExitCode::SUCCESS };
        }
    };
    cli.globals.color.apply();
    let context = Context::new(cli.globals);
    let done = match cli.command {
        _ if cli.version => version::run(&context),
        Some(Command::Token(command)) => token::run(command, &context),
        Some(Command::Status(command)) => status::run(command, &context),
        Some(Command::Scope(command)) => scope::run(command, &context),
        Some(Command::Svid(command)) => svid::run(command, &context),
        Some(Command::Signature(command)) => signature::run(command, &context),
        Some(Command::Policy(command)) => policy::run(command, &context),
        Some(Command::Gate(command)) => gate::run(command, &context),
        #[cfg(feature = "gateway")]
        Some(Command::Serve(serve)) => serve::run(serve, &context),
        #[cfg(feature = "gateway")]
        Some(Command::Registry(command)) => registry::run(command, &context),
        #[cfg(feature = "gateway")]
        Some(Command::Transaction(command)) => transaction::run(command, &context),
        #[cfg(feature = "gateway")]
        Some(Command::Ocm(command)) => ocm::run(command, &context),
        Some(Command::Batch(batch)) => batch::run(&batch, &context),
        Some(Command::Mint(mint)) => mint::run(&mint, &context),
        Some(Command::Component(command)) => component::run(command, &context),
        Some(Command::Completions(completions)) => completions::run(&completions),
        None => {
            anstream::eprint!("{}", Cli::command().render_help().ansi());
            return COULD_NOT_RUN;
        }
    };
    match done {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            report_failure(&error, &context);
            COULD_NOT_RUN
        }
    }
}

/// Says on standard error why the command could not run; who asked for JSON is told in JSON as well where the error
/// has a code.
fn report_failure(error: &anyhow::Error, context: &Context) {
    let text = format!("{error:#}");
    anstream::eprintln!("{style}error:{style:#} {}", pretty::printable(&text), style = output::BAD);
    if let (Format::Json, Some(error)) = (context.format(), error.downcast_ref::<HostError>()) {
        let _ = output::json_error(error.code().as_str(), &error.to_string(), error.code().rule());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_tells_all_that_a_command_says_of_itself() {
        for (noun, verb, words) in [
            ("status", "inspect", "one pixel an entry"),
            ("status", "lookup", "The exit code is 0 where every index"),
            ("status", "build", "read back as a relying party would"),
            ("status", "create", "for its owner alone"),
            ("status", "allocate", "never given again"),
            ("status", "set", "All changes are made, or none"),
            ("status", "aggregate", "lets outsiders see how many lists there are"),
            ("scope", "evaluate", "The token is not verified here"),
            ("svid", "verify", "with no other"),
            ("svid", "inspect", "Nothing that is printed can be trusted"),
            ("signature", "verify", "a signature over nothing verifies, too"),
            ("signature", "sign", "no component sees it"),
            ("signature", "verify", "whose server has to have signed it"),
            ("ocm", "rotate", "published at once"),
            ("policy", "check", "refuse nothing unless --deny-warnings"),
            ("policy", "explain", "before anybody comes with a credential"),
            ("policy", "test", "no secret and no network"),
            ("policy", "test", "knows nothing of the others"),
            ("policy", "export", "a decision in a page is advice"),
            ("gate", "check", "what is not there could not be had"),
            ("gate", "check", "The exit code is 0 where the request is let through"),
            ("token", "inspect", "Nothing that is printed can be trusted"),
        ] {
            let mut cli = Cli::command();
            let command = cli.find_subcommand_mut(noun).and_then(|noun| noun.find_subcommand_mut(verb));
            let help = command.map(|command| command.render_long_help().to_string()).unwrap_or_default();
            let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(help.contains(words), "{noun} {verb}: {help}");
        }
    }

    #[test]
    fn every_command_has_an_example() {
        fn check(command: &clap::Command) {
            let verbs: Vec<_> = command.get_subcommands().filter(|verb| verb.get_name() != "help").collect();
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example"), "`{}` has no example", command.get_name());
            verbs.into_iter().for_each(check);
        }
        check(&Cli::command());
    }
}
