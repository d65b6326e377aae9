//! What the commands about status lists have in common: which list, and how it is opened.

use std::time::Duration;

use clap::Args;
use portcullis_host::status::{Options, StatusListDescription, StatusListToken, StatusReport};
use portcullis_host::{Algorithm, Portcullis, Runtime};
use serde::Serialize;
use serde_json::Value;

use super::context::Context;
use super::keys::Keys;
use super::output::HEADING;
use super::pretty::printable;
use super::report::{self, line};
use super::{input, when};

/// Which list, and what it is verified with.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// The status list token, `@FILE`, or `-` for standard input
    #[arg(default_value = "-", value_name = "TOKEN|@FILE|-")]
    token: String,

    /// The token is a CWT, in bytes, and not a JWT
    #[arg(long)]
    cwt: bool,

    /// What refers to the list: `uri` in the tokens' `status_list`
    #[arg(long)]
    pub(crate) uri: String,

    #[command(flatten)]
    keys: Keys,

    /// An acceptable algorithm; may be repeated; every asymmetric one if absent
    #[arg(long, value_name = "ALG", value_delimiter = ',')]
    alg: Vec<Algorithm>,

    /// How many seconds the clocks may differ
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    leeway: u64,
}

/// How long one call may take. Opening and counting the largest list takes some seconds on a slow machine, and here a
/// person waits, not a server.
const DEADLINE: Duration = Duration::from_secs(60);

impl List {
    /// Opens the list.
    pub(crate) fn open(&self, context: &Context) -> anyhow::Result<(Portcullis, StatusReport)> {
        let token = if self.cwt { input::bytes(&self.token)? } else { input::token(&self.token)? };
        let runtime = context.runtime(Runtime::builder().max_instances(1).deadline(DEADLINE))?;
        let mut portcullis = Portcullis::new(&context.component(&runtime)?)?;
        let keys = self.keys.read(&mut portcullis)?;
        let options = Options {
            algorithms: (!self.alg.is_empty()).then(|| self.alg.clone()),
            leeway: self.leeway,
            ..Options::default()
        };
        let token = if self.cwt { StatusListToken::Cwt(&token) } else { StatusListToken::Jwt(&token) };
        let report = portcullis.explain_status_list(token, &keys, &self.uri, &options, context.at())?;
        Ok((portcullis, report))
    }
}

/// A list's size and times, for people.
pub(crate) fn describe(text: &mut String, uri: &str, list: &StatusListDescription, at: u64) {
    line(text, format_args!("\n{HEADING}List{HEADING:#}"));
    line(text, format_args!("  uri         {}", printable(uri)));
    let bits = if list.bits == 1 { "bit" } else { "bits" };
    line(text, format_args!("  entries     {} of {} {bits}", list.entries, list.bits));
    line(text, format_args!("  issued      {}", when::relative(list.issued_at, at)));
    if let Some(expires) = list.expires {
        line(text, format_args!("  expires     {}", when::relative(expires, at)));
    }
    if let Some(ttl) = list.ttl {
        line(text, format_args!("  ttl         {}", when::length(ttl)));
    }
    report::verified_at(text, at);
}

/// The same in JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Described {
    entries: u64,
    bits: u8,
    issued_at: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<Value>,
}

impl From<&StatusListDescription> for Described {
    fn from(list: &StatusListDescription) -> Self {
        Self {
            entries: list.entries,
            bits: list.bits,
            issued_at: report::seconds(list.issued_at),
            expires: list.expires.map(report::seconds),
            ttl: list.ttl.map(report::seconds),
        }
    }
}
