//! `portcullis status lookup`.

use clap::Args;
use portcullis_host::status::{Entry, Status, StatusListDescription, StatusReport};
use portcullis_host::{Finding, Rejection, Verdict};
use serde::Serialize;

use super::Outcome;
use super::context::{Context, Format};
use super::output::{self, BAD, ErrorBody, GOOD, HEADING};
use super::pretty::printable;
use super::report::{self, Answer, line};
use super::status_list::{self, Described, List};

/// Look up whether tokens are valid, in a status list
///
/// The list is verified first. The exit code is 0 where every index that is asked about is `valid`, and 2 where the
/// list is refused, an index is not in it, or one is anything else than `valid`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  portcullis status lookup @list.jwt --keys jwks.json --uri https://example.com/statuslists/1 --index 7
  portcullis status lookup @list.jwt --keys jwks.json --uri https://example.com/statuslists/1 --index 7 --index 9
  portcullis status lookup --cwt - --cose-keys keys.cbor --uri https://example.com/statuslists/1 --index 7 < list.cwt")]
pub(crate) struct Lookup {
    #[command(flatten)]
    list: List,

    /// The place in the list: `idx` in the token's `status_list`; may be repeated
    #[arg(long, required = true, value_name = "N", value_delimiter = ',')]
    index: Vec<u64>,
}

/// What was found at one index.
type Found = (u64, Verdict<Entry>);

pub(crate) fn run(lookup: &Lookup, context: &Context) -> anyhow::Result<Outcome> {
    let (mut portcullis, StatusReport { findings, outcome }) = lookup.list.open(context)?;
    let at = context.at();
    let human = context.format() == Format::Human;
    let list = match outcome {
        Ok(list) => list,
        Err(rejection) => return refused(&rejection, &findings, human, at),
    };
    let description = portcullis.describe_status_list(&list)?;
    let entries = portcullis.statuses(&list, &lookup.index)?;
    let found: Vec<Found> = lookup.index.iter().copied().zip(entries).collect();
    // Fewer answers than questions would be a fault of the component; it is not taken for approval.
    let all_valid = found.len() == lookup.index.len() && found.iter().all(|(_, entry)| is_valid(entry));
    if human {
        output::print(&text(&found, all_valid, &findings, &description, &lookup.list.uri, at))?;
    } else {
        json(&found, all_valid, &findings, &description)?;
    }
    Ok(if all_valid { Outcome::Accepted } else { Outcome::Refused })
}

/// Tells that the list itself is refused.
pub(crate) fn refused(rejection: &Rejection, findings: &[Finding], human: bool, at: u64) -> anyhow::Result<Outcome> {
    if human {
        let mut text = String::new();
        report::verdict(&mut text, Some(rejection));
        report::checks(&mut text, findings);
        report::why(&mut text, rejection, at);
        output::print(&text)?;
    } else {
        output::json(&Answer::<()>::new(Err(rejection), findings))?;
    }
    Ok(Outcome::Refused)
}

fn is_valid(entry: &Verdict<Entry>) -> bool {
    matches!(entry, Ok(Entry { status: Status::Valid, .. }))
}

fn text(
    found: &[Found],
    all_valid: bool,
    findings: &[Finding],
    description: &StatusListDescription,
    uri: &str,
    at: u64,
) -> String {
    let mut text = String::new();
    let not_valid = found.iter().filter(|(_, entry)| !is_valid(entry)).count();
    match (all_valid, found.len()) {
        (true, _) => line(&mut text, format_args!("{GOOD}VALID{GOOD:#}")),
        (false, 1) => line(&mut text, format_args!("{BAD}NOT VALID{BAD:#}")),
        (false, all) => line(&mut text, format_args!("{BAD}NOT VALID{BAD:#}  {not_valid} of {all}")),
    }
    report::checks(&mut text, findings);
    line(&mut text, format_args!("\n{HEADING}Statuses{HEADING:#}"));
    let width = found.iter().map(|(index, _)| index.to_string().len()).max().unwrap_or(0);
    for (index, entry) in found {
        let style = if is_valid(entry) { GOOD } else { BAD };
        match entry {
            Ok(entry) => line(
                &mut text,
                format_args!("  {index:width$}  0x{:02x}  {style}{}{style:#}", entry.value, entry.status.as_str()),
            ),
            Err(rejection) => line(
                &mut text,
                format_args!(
                    "  {index:width$}  {style}{}{style:#}  {}",
                    printable(&rejection.code),
                    printable(&rejection.detail)
                ),
            ),
        }
    }
    status_list::describe(&mut text, uri, description, at);
    text
}

fn json(
    found: &[Found],
    all_valid: bool,
    findings: &[Finding],
    description: &StatusListDescription,
) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Result<'a> {
        statuses: Vec<One<'a>>,
        #[serde(flatten)]
        list: Described,
    }
    #[derive(Serialize)]
    struct One<'a> {
        index: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        value: Option<u8>,
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<ErrorBody<'a>>,
    }
    let statuses = found.iter().map(|(index, entry)| {
        let (entry, error) = (entry.as_ref().ok(), entry.as_ref().err());
        One {
            index: *index,
            value: entry.map(|entry| entry.value),
            status: entry.map(|entry| entry.status.as_str()),
            error: error.map(report::error),
        }
    });
    let result = Result { statuses: statuses.collect(), list: description.into() };
    let answer = Answer::new(Ok(result), findings);
    output::json(&if all_valid { answer } else { answer.not_ok() })
}
