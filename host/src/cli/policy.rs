//! `portcullis policy`.

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, Subcommand, ValueEnum};
use portcullis_host::gate::{Demand, PolicyReport, Problem, PublishedMetadata};
use portcullis_host::{Portcullis, Runtime};
use serde::Serialize;

use super::Outcome;
use super::context::{Context, Format};
use super::output::{self, BAD, CAUTION, GOOD, HEADING, Readers};
use super::policy_file::{self, PolicyFile, PolicyText};
use super::policy_test::{self, Test};
use super::pretty::printable;
use super::report::line;

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  portcullis policy check policy.toml
  portcullis policy explain policy.toml --method GET https://api.example/reports/7
  portcullis policy test policy-tests.toml
  portcullis policy export policy.toml --for browser --out policy.json")]
pub(crate) enum Command {
    Check(Check),
    Explain(Explain),
    Test(Test),
    Export(Export),
}

/// Read a policy and name each mistake, with its line and a remedy
///
/// Nothing is fetched and no request is decided. The exit code is 0 where the policy is good, and 2 where it is
/// refused; warnings tell what its author should know, and refuse nothing unless --deny-warnings says so.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  portcullis policy check policy.toml
  portcullis policy check --deny-warnings --format json policy.json")]
pub(crate) struct Check {
    #[command(flatten)]
    policy: PolicyFile,

    /// Refuse a policy with warnings, too
    #[arg(long)]
    deny_warnings: bool,
}

/// Tell what a policy asks of a request, step by step
///
/// In the order in which the gate asks, before anybody comes with a credential. `gate check` decides about one.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  portcullis policy explain policy.toml --method POST https://api.example/payments")]
pub(crate) struct Explain {
    #[command(flatten)]
    policy: PolicyFile,

    /// The absolute URL that is asked for
    #[arg(value_name = "URL")]
    url: String,

    /// The method
    #[arg(long, short = 'X', default_value = "GET")]
    method: String,
}

/// Write a policy as somebody else may have it
///
/// For a browser: without symmetric keys, internal addresses, listeners and what the upstream is told. What the
/// exported policy allows, the policy allows; a decision in a page is advice all the same.
///
/// For Envoy: the whole policy as JSON, which is the filter's configuration. What a filter cannot do is refused here
/// and not by Envoy. Keep it as the policy is kept: keys in it may be secret.
///
/// For clients: the metadata of the protected resource (RFC 9728), to be served at its well-known place. Where the policy has
/// more than one https origin, --origin says which.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  portcullis policy export policy.toml --for browser --out public/policy.json
  portcullis policy export policy.toml --for envoy --out filter.json
  portcullis policy export policy.toml --for clients --out public/.well-known/oauth-protected-resource")]
pub(crate) struct Export {
    #[command(flatten)]
    policy: PolicyFile,

    /// For whom
    #[arg(long = "for", value_enum)]
    reader: Reader,

    /// With --for clients: the origin whose metadata is meant
    #[arg(long, value_name = "URL")]
    origin: Option<String>,

    /// Where to put it; standard output if absent
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Reader {
    /// A page, whose visitors read everything
    Browser,
    /// The Envoy filter, whose configuration it is
    Envoy,
    /// Clients, who find out how to get a token: the resource's metadata (RFC 9728)
    Clients,
}

pub(crate) fn run(command: Command, context: &Context) -> anyhow::Result<Outcome> {
    match command {
        Command::Check(check) => run_check(&check, context),
        Command::Explain(explain) => run_explain(&explain, context),
        Command::Test(test) => policy_test::run(&test, context),
        Command::Export(export) => run_export(&export, context),
    }
}

/// An instance to ask about policies.
fn portcullis(context: &Context) -> anyhow::Result<Portcullis> {
    let runtime = context.runtime(Runtime::builder().max_instances(1))?;
    Ok(Portcullis::new(&context.component(&runtime)?)?)
}

fn run_check(check: &Check, context: &Context) -> anyhow::Result<Outcome> {
    let policy = check.policy.read()?;
    let report = portcullis(context)?.check_policy(&policy.text, policy.format, &policy.name)?;
    let good = report.errors.is_empty() && (!check.deny_warnings || report.warnings.is_empty());
    match context.format() {
        Format::Json => {
            #[derive(Serialize)]
            struct Checked<'a> {
                ok: bool,
                errors: Vec<policy_file::ProblemBody<'a>>,
                warnings: Vec<policy_file::ProblemBody<'a>>,
            }
            output::json(&Checked {
                ok: good,
                errors: policy_file::problems_json(&report.errors),
                warnings: policy_file::problems_json(&report.warnings),
            })?;
        }
        Format::Human => output::print(&told(&policy, &report, good))?,
    }
    Ok(if good { Outcome::Accepted } else { Outcome::Refused })
}

fn told(policy: &PolicyText, report: &PolicyReport, good: bool) -> String {
    let mut text = coloured(&report.rendered);
    if !text.is_empty() {
        text.push('\n');
    }
    let (style, verdict) = if good { (GOOD, "GOOD") } else { (BAD, "REFUSED") };
    let mut counts = vec![(report.errors.len(), "error"), (report.warnings.len(), "warning")];
    counts.retain(|(many, _)| *many > 0);
    if good && let Ok(members) = policy.tree() {
        let entries = |name: &str| members[name].as_array().map_or(0, Vec::len);
        for (name, what) in [("issuers", "issuer"), ("trust_domains", "trust domain"), ("rules", "rule")] {
            // A policy may well have none of the others.
            if name == "rules" || entries(name) > 0 {
                counts.push((entries(name), what));
            }
        }
    }
    let told: Vec<String> = counts.into_iter().map(|(many, what)| count(many, what)).collect();
    line(&mut text, format_args!("{style}{verdict}{style:#}  {}: {}", printable(&policy.name), told.join(", ")));
    text
}

fn count(many: usize, what: &str) -> String {
    format!("{many} {what}{}", if many == 1 { "" } else { "s" })
}

/// The component's text with the colours of a terminal: severities and remedies stand out.
fn coloured(rendered: &str) -> String {
    let mut text = String::new();
    for one in rendered.lines().map(|one| printable(one).into_owned()) {
        let painted = [("error[", "error", BAD), ("warning[", "warning", CAUTION)].into_iter().find_map(
            |(begins, word, style)| {
                one.starts_with(begins)
                    .then(|| format!("{style}{word}{style:#}{}", one.get(word.len()..).unwrap_or_default()))
            },
        );
        let painted = painted.or_else(|| {
            let (before, remedy) = one.split_once("= remedy: ")?;
            Some(format!("{before}= {HEADING}remedy:{HEADING:#} {remedy}"))
        });
        line(&mut text, format_args!("{}", painted.unwrap_or(one)));
    }
    text
}

fn run_explain(explain: &Explain, context: &Context) -> anyhow::Result<Outcome> {
    let policy = explain.policy.read()?;
    let told = portcullis(context)?.explain_policy(&policy.text, policy.format, &explain.method, &explain.url)?;
    let demands = match told {
        Ok(demands) => demands,
        Err(problems) => {
            if context.format() == Format::Json {
                output::json(&Refused { ok: false, errors: policy_file::problems_json(&problems) })?;
            }
            return Ok(refused(&policy, &problems));
        }
    };
    match context.format() {
        Format::Json => {
            #[derive(Serialize)]
            struct Asked<'a> {
                what: &'a str,
                told: &'a str,
            }
            #[derive(Serialize)]
            struct Explained<'a> {
                ok: bool,
                demands: Vec<Asked<'a>>,
            }
            let demands = demands.iter().map(|Demand { what, told }| Asked { what: what.trim(), told }).collect();
            output::json(&Explained { ok: true, demands })?;
        }
        Format::Human => {
            let mut text = String::new();
            let method = printable(&explain.method);
            line(&mut text, format_args!("{HEADING}{method} {}{HEADING:#}\n", printable(&explain.url)));
            let width = demands.iter().map(|demand| demand.what.chars().count()).max().unwrap_or(0);
            let mut number = 0;
            for Demand { what, told } in &demands {
                // What stands further in belongs to the step above it.
                let mark = if what.starts_with(' ') {
                    String::new()
                } else {
                    number += 1;
                    format!("{number}.")
                };
                line(&mut text, format_args!("{mark:>4} {:width$}  {}", printable(what), printable(told)));
            }
            output::print(&text)?;
        }
    }
    Ok(Outcome::Accepted)
}

fn run_export(export: &Export, context: &Context) -> anyhow::Result<Outcome> {
    let policy = export.policy.read()?;
    let mut portcullis = portcullis(context)?;
    let (exported, readers) = match export.reader {
        Reader::Browser => (portcullis.export_policy_for_browser(&policy.text, policy.format)?, Readers::Everybody),
        Reader::Envoy => (portcullis.export_policy_for_envoy(&policy.text, policy.format)?, Readers::Me),
        Reader::Clients => {
            let host = portcullis.policy_for_host(&policy.text, policy.format)?;
            let told = match host {
                Ok(host) => Ok(for_clients(host.resource_metadata, export.origin.as_deref())?),
                Err(problems) => Err(problems),
            };
            (told, Readers::Everybody)
        }
    };
    match exported {
        // Standard output is for the exported policy alone: whoever keeps it in a file has an empty one.
        Err(problems) => Ok(refused(&policy, &problems)),
        Ok(mut exported) => {
            exported.push('\n');
            match &export.out {
                None => output::print(&exported)?,
                Some(path) => output::write(path, exported.as_bytes(), readers)?,
            }
            Ok(Outcome::Accepted)
        }
    }
}

/// The metadata of one origin.
fn for_clients(published: Vec<PublishedMetadata>, origin: Option<&str>) -> anyhow::Result<String> {
    let known: Vec<String> = published.iter().map(|one| one.resource.clone()).collect();
    let mut meant = published.into_iter().filter(|one| origin.is_none_or(|origin| one.resource == origin));
    match (meant.next(), meant.next()) {
        (Some(one), None) => Ok(one.document),
        (Some(_), Some(_)) => bail!("say which origin is meant with --origin: {}", known.join(", ")),
        (None, _) if known.is_empty() => bail!("the policy publishes nothing: add [resource], and an https origin"),
        (None, _) => bail!("there is no metadata of that origin; there is of {}", known.join(", ")),
    }
}

/// A refused policy in JSON.
#[derive(Serialize)]
struct Refused<'a> {
    ok: bool,
    errors: Vec<policy_file::ProblemBody<'a>>,
}

/// Tells a policy's problems on standard error.
fn refused(policy: &PolicyText, problems: &[Problem]) -> Outcome {
    let (name, told) = (printable(&policy.name), policy_file::problems_told(problems));
    anstream::eprint!("{BAD}REFUSED{BAD:#}  {name}: {}\n{told}", count(problems.len(), "error"));
    Outcome::Refused
}
