//! Policies that the arguments name: their text, format and name.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use portcullis_host::gate::{PolicyFormat, Problem};
use serde::Serialize;
use serde_json::Value;

use super::input;
use super::output::{BAD, HEADING};
use super::pretty::printable;
use super::report::line as put;

/// A policy's file.
#[derive(Debug, Args)]
pub(crate) struct PolicyFile {
    /// The policy, `.toml` or `.json`; `-` for standard input
    #[arg(value_name = "POLICY")]
    path: PathBuf,

    /// How it is written, where the file's ending does not say
    #[arg(long, value_enum, value_name = "FORMAT")]
    policy_format: Option<WrittenAs>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WrittenAs {
    Toml,
    Json,
}

/// A policy's text, not read yet.
pub(crate) struct PolicyText {
    pub(crate) text: String,
    pub(crate) format: PolicyFormat,
    /// What it is called in messages.
    pub(crate) name: String,
}

impl PolicyText {
    /// Its members. Mistakes are for the component to tell, which is to be asked first.
    pub(crate) fn tree(&self) -> anyhow::Result<Value> {
        let tree = match self.format {
            PolicyFormat::Toml => toml::from_str(&self.text).ok(),
            PolicyFormat::Json => serde_json::from_str(&self.text).ok(),
        };
        tree.with_context(|| format!("{} is no {:?}", self.name, self.format))
    }
}

impl PolicyFile {
    pub(crate) fn read(&self) -> anyhow::Result<PolicyText> {
        read(&self.path, self.policy_format)
    }
}

/// Reads a policy's text.
pub(crate) fn read(path: &Path, written_as: Option<WrittenAs>) -> anyhow::Result<PolicyText> {
    let is_input = path == Path::new("-");
    let bytes = if is_input { input::bytes("-")? } else { input::file(path)? };
    let name = if is_input { "standard input".into() } else { path.display().to_string() };
    let text = String::from_utf8(bytes).ok().with_context(|| format!("{name} is no UTF-8 text"))?;
    let format = match (written_as, path.extension().and_then(|ending| ending.to_str())) {
        (Some(WrittenAs::Toml), _) | (None, Some("toml")) => PolicyFormat::Toml,
        (Some(WrittenAs::Json), _) | (None, Some("json")) => PolicyFormat::Json,
        // JSON policies are objects, and no TOML begins with a bracket of that kind.
        (None, None) if is_input && text.trim_start().starts_with('{') => PolicyFormat::Json,
        (None, None) if is_input => PolicyFormat::Toml,
        (None, _) => bail!("{name} ends neither in .toml nor in .json: say how it is written with --policy-format"),
    };
    Ok(PolicyText { text, format, name })
}

/// A problem in JSON.
#[derive(Debug, Serialize)]
pub(crate) struct ProblemBody<'a> {
    code: &'a str,
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u32>,
    detail: &'a str,
    remedy: &'a str,
    rule: &'a str,
}

/// Problems in JSON.
pub(crate) fn problems_json(problems: &[Problem]) -> Vec<ProblemBody<'_>> {
    problems.iter().map(body).collect()
}

fn body(problem: &Problem) -> ProblemBody<'_> {
    let Problem { code, rule, path, line, column, detail, remedy } = problem;
    ProblemBody { code, path, line: *line, column: *column, detail, remedy, rule }
}

/// Every problem with its place and remedy, for people.
pub(crate) fn problems_told(problems: &[Problem]) -> String {
    let mut text = String::new();
    for problem in problems {
        let Problem { code, path, line, detail, remedy, .. } = problem;
        let line = line.map(|line| format!(", line {line}")).unwrap_or_default();
        put(&mut text, format_args!("  {BAD}{code}{BAD:#} at {}{line}: {}", printable(path), printable(detail)));
        put(&mut text, format_args!("    {HEADING}remedy:{HEADING:#} {}", printable(remedy)));
    }
    text
}

/// A policy that is refused, where a command needs a good one.
#[derive(Debug, thiserror::Error)]
#[error("{name} is refused: {}", told(problems))]
pub(crate) struct Refused {
    pub(crate) name: String,
    pub(crate) problems: Vec<Problem>,
}

fn told(problems: &[Problem]) -> String {
    let Some(first) = problems.first() else { return "nobody says why".into() };
    let line = first.line.map(|line| format!(", line {line}")).unwrap_or_default();
    let more = match problems.len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more: `portcullis policy check` tells all)"),
    };
    format!("{} at {}{line}: {}; {}{more}", first.code, first.path, first.detail, first.remedy)
}
