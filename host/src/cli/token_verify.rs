//! `portcullis token verify`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::{Args, ValueEnum};
use portcullis_host::{Algorithm, Expectations, Portcullis, Profile, Report, Runtime, VerifiedJwt};
use serde::Serialize;
use serde_json::value::RawValue;

use super::Outcome;
use super::context::{Context, Format};
use super::keys::Keys;
use super::output::{self, HEADING};
use super::pretty::{self, printable};
use super::report::{self, Answer, line};
use super::{input, token_inspect};

/// Verify a JWT, check by check
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  portcullis token verify @token.jwt --keys jwks.json --issuer https://idp.example --audience https://api.example
  portcullis token verify - --keys jwks.json --profile at+jwt --alg ES256 --at 1790000000 < token.jwt
  portcullis token verify @token.jwt --keys issuer.pem --key-format spki")]
pub(crate) struct Verify {
    /// The token, `@FILE`, or `-` for standard input
    #[arg(default_value = "-", value_name = "TOKEN|@FILE|-")]
    token: String,

    #[command(flatten)]
    keys: Keys,

    /// What the claim `iss` has to be
    #[arg(long)]
    issuer: Option<String>,

    /// An acceptable audience; may be repeated, and one has to be in `aud`
    #[arg(long)]
    audience: Vec<String>,

    /// An acceptable algorithm; may be repeated; every asymmetric one if absent
    #[arg(long, value_name = "ALG", value_delimiter = ',')]
    alg: Vec<Algorithm>,

    /// What the header's `typ` has to be
    #[arg(long)]
    typ: Option<String>,

    /// Whose rules hold
    #[arg(long, value_enum, default_value_t)]
    profile: ProfileName,

    /// How many seconds the clocks may differ
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    leeway: u64,

    /// The greatest age in seconds, counted from `iat`
    #[arg(long, value_name = "SECONDS")]
    max_age: Option<u64>,

    /// A claim that has to be there; may be repeated
    #[arg(long, value_name = "CLAIM")]
    require: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum ProfileName {
    /// RFC 7519
    #[default]
    Jwt,
    /// RFC 9068, JWT access tokens
    #[value(name = "at+jwt")]
    AtJwt,
}

pub(crate) fn run(verify: Verify, context: &Context) -> anyhow::Result<Outcome> {
    let token = input::token(&verify.token)?;
    let runtime = context.runtime(Runtime::builder().max_instances(1))?;
    let mut portcullis = Portcullis::new(&context.component(&runtime)?)?;
    let keys = verify.keys.read(&mut portcullis)?;
    let at = context.at();
    let report = portcullis.explain_jwt(&token, &keys, &expectations(verify), at)?;
    match context.format() {
        Format::Json => json(&report)?,
        Format::Human => {
            // What a refused token says of itself helps to see why; it is marked as not verified.
            let untrusted = match report.outcome {
                Ok(_) => None,
                Err(_) => portcullis.inspect_jwt_untrusted(&token)?.ok(),
            };
            let mut text = human(&report, at);
            if let Some(untrusted) = untrusted {
                text.push('\n');
                text.push_str(&token_inspect::parts(&untrusted, at));
            }
            output::print(&text)?;
        }
    }
    Ok(match report.outcome {
        Ok(_) => Outcome::Accepted,
        Err(_) => Outcome::Refused,
    })
}

fn expectations(verify: Verify) -> Expectations {
    Expectations {
        profile: match verify.profile {
            ProfileName::Jwt => Profile::Jwt,
            ProfileName::AtJwt => Profile::AtJwt,
        },
        typ: verify.typ,
        issuer: verify.issuer,
        // Not given means not looked at; an empty list would accept nobody.
        audience: (!verify.audience.is_empty()).then_some(verify.audience),
        algorithms: (!verify.alg.is_empty()).then_some(verify.alg),
        leeway: verify.leeway,
        max_age: verify.max_age,
        required_claims: verify.require,
    }
}

fn human(report: &Report, at: u64) -> String {
    let mut text = String::new();
    report::verdict(&mut text, report.outcome.as_ref().err());
    report::checks(&mut text, &report.findings);
    match &report.outcome {
        Ok(verified) => accepted(&mut text, verified, at),
        Err(rejection) => report::why(&mut text, rejection, at),
    }
    text
}

fn accepted(text: &mut String, verified: &VerifiedJwt, at: u64) {
    line(text, format_args!("\n{HEADING}Verified with{HEADING:#}"));
    line(text, format_args!("  algorithm   {}", verified.algorithm.as_str()));
    if let Some(kid) = &verified.kid {
        line(text, format_args!("  key         {}", printable(kid)));
    }
    if let Some(thumbprint) = &verified.thumbprint {
        line(text, format_args!("  thumbprint  {}", URL_SAFE_NO_PAD.encode(thumbprint)));
    }
    report::verified_at(text, at);
    line(text, format_args!("\n{HEADING}Header{HEADING:#}\n{}", pretty::json(&verified.header, "  ")));
    line(text, format_args!("\n{HEADING}Claims{HEADING:#}\n{}", pretty::json(&verified.claims, "  ")));
    let times = [
        ("iat", "issued", verified.issued_at),
        ("nbf", "valid from", verified.not_before),
        ("exp", "expires", verified.expires),
    ];
    report::times(text, times, at);
}

fn json(report: &Report) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Verified<'a> {
        header: &'a RawValue,
        claims: &'a RawValue,
        algorithm: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        kid: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        thumbprint: Option<String>,
    }
    let outcome = match &report.outcome {
        Ok(verified) => Ok(Verified {
            header: serde_json::from_str(&verified.header)?,
            claims: serde_json::from_str(&verified.claims)?,
            algorithm: verified.algorithm.as_str(),
            kid: verified.kid.as_deref(),
            thumbprint: verified.thumbprint.as_ref().map(|bytes| URL_SAFE_NO_PAD.encode(bytes)),
        }),
        Err(rejection) => Err(rejection),
    };
    output::json(&Answer::new(outcome, &report.findings))
}
