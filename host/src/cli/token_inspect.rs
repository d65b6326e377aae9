//! `portcullis token inspect`.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use portcullis_host::{Portcullis, Runtime, Untrusted};
use serde::Serialize;
use serde_json::value::RawValue;

use super::Outcome;
use super::context::{Context, Format};
use super::output::{self, BAD, CAUTION, HEADING};
use super::pretty::{self, printable};
use super::{input, when};

/// Take a JWT apart WITHOUT verifying it
///
/// Nothing that is printed can be trusted: anybody can have written it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  portcullis token inspect @token.jwt
  portcullis token inspect --format json - < token.jwt")]
pub(crate) struct Inspect {
    /// The token, `@FILE`, or `-` for standard input
    #[arg(default_value = "-", value_name = "TOKEN|@FILE|-")]
    token: String,
}

pub(crate) fn run(inspect: &Inspect, context: &Context) -> anyhow::Result<Outcome> {
    let token = input::token(&inspect.token)?;
    let runtime = context.runtime(Runtime::builder().max_instances(1))?;
    let mut portcullis = Portcullis::new(&context.component(&runtime)?)?;
    let human = context.format() == Format::Human;
    match portcullis.inspect_jwt_untrusted(&token)? {
        Ok(untrusted) => {
            if human {
                output::print(&parts(&untrusted, context.at()))?;
            } else {
                json(&untrusted)?;
            }
            Ok(Outcome::Accepted)
        }
        Err(rejection) => {
            if human {
                let code = printable(&rejection.code);
                output::print(&format!(
                    "{BAD}NOT A TOKEN{BAD:#}  {}\n\n  code        {code}\n  rule        {}\n  explained   {}\n",
                    printable(&rejection.detail),
                    printable(&rejection.rule),
                    output::explained_in(&code),
                ))?;
            } else {
                output::json_error(&rejection.code, &rejection.detail, &rejection.rule)?;
            }
            Ok(Outcome::Refused)
        }
    }
}

/// What a token says of itself, for people, loudly marked.
pub(crate) fn parts(untrusted: &Untrusted, at: u64) -> String {
    let mut text = format!(
        "{CAUTION}NOT VERIFIED{CAUTION:#}  anybody can have written what follows\n\n\
         {HEADING}Header{HEADING:#} (not verified)\n{}\n\n",
        pretty::json(&untrusted.header, "  "),
    );
    match &untrusted.claims {
        Some(claims) => {
            text.push_str(&format!("{HEADING}Claims{HEADING:#} (not verified)\n{}\n", pretty::json(claims, "  ")));
            text.push_str(&times(claims, at));
        }
        None => text.push_str(&format!(
            "{HEADING}Payload{HEADING:#} (not verified)\n  {} bytes that are no JSON object\n",
            untrusted.payload.len()
        )),
    }
    // Writing to a string cannot fail.
    let _ = writeln!(text, "\n{HEADING}Signature{HEADING:#}\n  {} bytes, not verified", untrusted.signature_length);
    text
}

fn times(claims: &str, at: u64) -> String {
    let claims: serde_json::Value = serde_json::from_str(claims).unwrap_or_default();
    let lines: String = [("iat", "issued"), ("nbf", "valid from"), ("exp", "expires")]
        .iter()
        .filter_map(|(claim, meaning)| {
            let time = claims.get(claim)?.as_f64()?;
            Some(format!("  {claim}  {meaning:10}  {}\n", when::relative(time, at)))
        })
        .collect();
    if lines.is_empty() {
        return lines;
    }
    format!("\n{HEADING}Times{HEADING:#} (not verified)\n{lines}")
}

fn json(untrusted: &Untrusted) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Answer<'a> {
        ok: bool,
        /// Says it in the JSON, too.
        verified: bool,
        result: Parts<'a>,
    }
    #[derive(Serialize)]
    struct Parts<'a> {
        header: &'a RawValue,
        #[serde(skip_serializing_if = "Option::is_none")]
        claims: Option<&'a RawValue>,
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<String>,
        signature_length: u32,
    }
    let claims = untrusted.claims.as_deref();
    output::json(&Answer {
        ok: true,
        verified: false,
        result: Parts {
            header: serde_json::from_str(&untrusted.header)?,
            claims: claims.map(serde_json::from_str).transpose()?,
            payload: claims.is_none().then(|| URL_SAFE_NO_PAD.encode(&untrusted.payload)),
            signature_length: untrusted.signature_length,
        },
    })
}
