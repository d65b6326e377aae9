//! `portcullis scope`.

use clap::{Args, Subcommand, ValueEnum};
use portcullis_host::scope::{Answer, Need, Refusal, Report, ResourceMetadata, Scheme, Settings, Shortfall};
use portcullis_host::{Portcullis, Rejection, Runtime};
use serde::Serialize;

use super::context::{Context, Format};
use super::output::{self, ErrorBody, HEADING};
use super::pretty::{self, printable};
use super::report::{self, Check, Unusable, line};
use super::{Outcome, input, scope_json};

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Example:
  portcullis scope evaluate --granted '{\"scope\":\"reports:read\"}' --required '{\"scope\":\"reports:write\"}'")]
pub(crate) enum Command {
    Evaluate(Evaluate),
}

/// Compare what a token grants with what a resource requires
///
/// The token is not verified here: `token verify` does that, and prints its claims. Where the token falls short, the
/// answer to its client is printed: the HTTP status, the challenge for `WWW-Authenticate`, and a body where there is one.
/// The exit code is 0 where what is granted is enough, and 2 where it is not.
#[derive(Debug, Args)]
#[command(after_help = "\
What is granted: {\"scope\": text, \"authorization_details\": [objects], \"claims\": {…}}, each of them optional.
What is required: {\"scope\": text, \"authorization_details\": [objects], \"acr_values\": [texts], \"max_age\": seconds,
\"claims\": {name: value, or {\"equals\": value}, {\"contains\": value} or {\"one_of\": [values]}}}, likewise.

Examples:
  portcullis scope evaluate --granted '{\"scope\":\"reports:read\"}' --required '{\"scope\":\"reports:write\"}'
  portcullis scope evaluate --granted @granted.json --required @required.json --resource https://api.example/reports
  portcullis scope evaluate --granted '{\"claims\":{\"acr\":\"pwd\"}}' --required '{\"acr_values\":[\"phr\"],\"max_age\":300}'")]
pub(crate) struct Evaluate {
    /// What the verified token grants
    #[arg(long, value_name = "JSON|@FILE")]
    granted: String,

    /// What the resource requires
    #[arg(long, value_name = "JSON|@FILE")]
    required: String,

    /// The resource's identifier, whose metadata the challenge names
    #[arg(long, value_name = "URL")]
    resource: Option<String>,

    /// The realm of the challenge
    #[arg(long)]
    realm: Option<String>,

    /// The scheme of the challenge
    #[arg(long, value_enum, default_value_t)]
    scheme: SchemeName,

    /// How many seconds the clocks may differ
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    leeway: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum SchemeName {
    /// RFC 6750
    #[default]
    Bearer,
    /// RFC 9449
    #[value(name = "DPoP")]
    Dpop,
}

pub(crate) fn run(command: Command, context: &Context) -> anyhow::Result<Outcome> {
    let Command::Evaluate(evaluate) = command;
    let granted = scope_json::granted(&input::text_or_file(&evaluate.granted)?)?;
    let required = scope_json::required(&input::text_or_file(&evaluate.required)?)?;
    let runtime = context.runtime(Runtime::builder().max_instances(1))?;
    let mut portcullis = Portcullis::new(&context.component(&runtime)?)?;
    let required = portcullis
        .requirement_set(&required)?
        .map_err(|rejection| Unusable { what: String::from("what is required is"), rejection })?;
    let settings = settings(&evaluate);
    // A resource or a realm that is wrong is told in any case, and not first when a token falls short.
    challenge(&mut portcullis, &Need::ValidToken, &settings)?;
    let at = context.at();
    let Report { findings, outcome } = portcullis.explain_scope(&granted, &required, at, evaluate.leeway)?;
    let answer = match &outcome {
        Err(Refusal::Short(Shortfall { need, .. })) => Some(challenge(&mut portcullis, need, &settings)?),
        Ok(()) | Err(Refusal::Malformed(_)) => None,
    };
    let refused = match &outcome {
        Ok(()) => None,
        Err(Refusal::Malformed(rejection) | Refusal::Short(Shortfall { reason: rejection, .. })) => Some(rejection),
    };
    match context.format() {
        Format::Json => json(refused, answer.as_ref(), report::checks_json(&findings))?,
        Format::Human => {
            let mut text = String::new();
            report::verdict(&mut text, refused);
            report::checks(&mut text, &findings);
            if let Some(rejection) = refused {
                report::why(&mut text, rejection, at);
            }
            if let Some(answer) = &answer {
                tell(&mut text, answer);
            }
            output::print(&text)?;
        }
    }
    Ok(if refused.is_none() { Outcome::Accepted } else { Outcome::Refused })
}

fn settings(evaluate: &Evaluate) -> Settings {
    Settings {
        scheme: match evaluate.scheme {
            SchemeName::Bearer => Scheme::Bearer,
            SchemeName::Dpop => Scheme::Dpop,
        },
        realm: evaluate.realm.clone(),
        metadata: evaluate.resource.clone().map(ResourceMetadata::OfResource),
        ..Settings::default()
    }
}

fn challenge(portcullis: &mut Portcullis, need: &Need, settings: &Settings) -> anyhow::Result<Answer> {
    let unusable = |rejection| Unusable { what: String::from("what the challenge is to say is"), rejection };
    Ok(portcullis.scope_challenge(need, settings)?.map_err(unusable)?)
}

fn tell(text: &mut String, answer: &Answer) {
    line(text, format_args!("\n{HEADING}Answer to the client{HEADING:#}"));
    line(text, format_args!("  status      {}", answer.status));
    line(text, format_args!("  WWW-Authenticate: {}", printable(&answer.challenge)));
    if let Some(body) = &answer.body {
        line(text, format_args!("\n{}", pretty::json(body, "  ")));
    }
}

fn json(refused: Option<&Rejection>, answer: Option<&Answer>, findings: Vec<Check<'_>>) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Evaluated<'a> {
        ok: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        result: Option<serde_json::Map<String, serde_json::Value>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<Short<'a>>,
        findings: Vec<Check<'a>>,
    }
    /// As in a batch, `status` and `challenge` stand beside the code.
    #[derive(Serialize)]
    struct Short<'a> {
        #[serde(flatten)]
        error: ErrorBody<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        #[serde(skip_serializing_if = "Option::is_none")]
        challenge: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        body: Option<&'a str>,
    }
    let error = refused.map(|rejection| Short {
        error: report::error(rejection),
        status: answer.map(|answer| answer.status),
        challenge: answer.map(|answer| answer.challenge.as_str()),
        body: answer.and_then(|answer| answer.body.as_deref()),
    });
    let result = refused.is_none().then(serde_json::Map::new);
    output::json(&Evaluated { ok: refused.is_none(), result, error, findings })
}
