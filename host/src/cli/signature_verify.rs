//! `portcullis signature verify`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::{Args, ValueEnum};
use portcullis_host::signature::{Expectations, Report, RequiredParameters, Selection, VerifiedSignature};
use portcullis_host::{Algorithm, Portcullis, Runtime};
use serde::Serialize;

use super::Outcome;
use super::context::{Context, Format};
use super::http_message::MessageFile;
use super::keys::Keys;
use super::output::{self, HEADING};
use super::pretty::printable;
use super::report::{self, Answer, line};
use super::signature_ocm::{self, Asked, SignatureProfile};

/// Verify a signature of an HTTP message, check by check
///
/// A Content-Digest that is covered is checked against the body. Nothing else is asked of the signature than what the
/// arguments ask: a signature over nothing verifies, too, so name what has to be covered with --require. Whether a nonce was
/// seen before is not known here. With --profile ocm a request of Open Cloud Mesh is verified: the profile says what has to be
/// covered, --signer whose server has to have signed it, and --keys is the JWK Set of that server. The exit code is 0 where the signature verifies, and 2 where it does not.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  portcullis signature verify --request request.http --keys jwks.json --tag app --require @method --require @target-uri
  portcullis signature verify --request - --keys jwks.json --label sig1 --created-within 300 < request.json
  portcullis signature verify --response response.http --related-request request.http --keys jwks.json --at 1790000000
  portcullis signature verify --request request.http --profile ocm --signer sender.example.org --keys jwks.json")]
pub(crate) struct Verify {
    #[command(flatten)]
    message: MessageFile,

    #[command(flatten)]
    keys: Keys,

    /// Verify a request as a profile has it, which says all that the other arguments would
    #[arg(long, value_enum, requires = "signer", conflicts_with_all = SAID_BY_PROFILE)]
    profile: Option<SignatureProfile>,

    /// The server that has to have signed, with --profile ocm: the host of its users' addresses
    #[arg(long, value_name = "HOST", requires = "profile")]
    signer: Option<String>,

    /// The label of the signature that is meant; the only one if absent
    #[arg(long, conflicts_with = "tag")]
    label: Option<String>,

    /// The tag of the signature that is meant: the only one with it
    #[arg(long)]
    tag: Option<String>,

    /// A component that has to be covered, for example `@method`, `content-digest` or `date;req`; may be repeated
    #[arg(long, value_name = "COMPONENT")]
    require: Vec<String>,

    /// A parameter that the signature has to have; may be repeated
    #[arg(long, value_name = "PARAMETER", value_enum)]
    require_parameter: Vec<ParameterName>,

    /// The greatest age in seconds, counted from `created`, which is required then; 300 with --profile ocm
    #[arg(long, value_name = "SECONDS")]
    created_within: Option<u64>,

    /// How many seconds the clocks may differ; 0, or 30 with --profile ocm, if absent
    #[arg(long, value_name = "SECONDS")]
    skew: Option<u64>,

    /// An acceptable algorithm, by its JOSE name; may be repeated; every one that its key is for if absent
    #[arg(long, value_name = "ALG", value_delimiter = ',')]
    alg: Vec<Algorithm>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ParameterName {
    Created,
    Expires,
    Nonce,
    Alg,
    Keyid,
    Tag,
}

/// What a profile says, by the names of the arguments.
const SAID_BY_PROFILE: [&str; 10] = [
    "response",
    "related_request",
    "structured",
    "key_format",
    "cose_keys",
    "label",
    "tag",
    "require",
    "require_parameter",
    "alg",
];

pub(crate) fn run(verify: Verify, context: &Context) -> anyhow::Result<Outcome> {
    if let (Some(SignatureProfile::Ocm), Some(signer)) = (verify.profile, &verify.signer) {
        let asked = Asked { signer, window: verify.created_within, skew: verify.skew };
        return signature_ocm::verify(&verify.message, &verify.keys, &asked, context);
    }
    let message = verify.message.read()?;
    let runtime = context.runtime(Runtime::builder().max_instances(1))?;
    let mut portcullis = Portcullis::new(&context.component(&runtime)?)?;
    let keys = verify.keys.read(&mut portcullis)?;
    let at = context.at();
    let report = portcullis.explain_signature(&message, &keys, &expectations(verify), at)?;
    match context.format() {
        Format::Json => json(&report)?,
        Format::Human => output::print(&human(&report, at))?,
    }
    Ok(if report.outcome.is_ok() { Outcome::Accepted } else { Outcome::Refused })
}

fn expectations(verify: Verify) -> Expectations {
    let required = verify.require_parameter.iter().fold(RequiredParameters::empty(), |required, name| {
        required
            | match name {
                ParameterName::Created => RequiredParameters::CREATED,
                ParameterName::Expires => RequiredParameters::EXPIRES,
                ParameterName::Nonce => RequiredParameters::NONCE,
                ParameterName::Alg => RequiredParameters::ALG,
                ParameterName::Keyid => RequiredParameters::KEYID,
                ParameterName::Tag => RequiredParameters::TAG,
            }
    });
    Expectations {
        selection: match (verify.label, verify.tag) {
            (Some(label), _) => Selection::Label(label),
            (None, Some(tag)) => Selection::Tag(tag),
            (None, None) => Selection::Only,
        },
        components: verify.require,
        required,
        created_within: verify.created_within,
        skew: verify.skew.unwrap_or(0),
        // Not given means not looked at; an empty list would accept nothing.
        algorithms: (!verify.alg.is_empty()).then_some(verify.alg),
        structured_fields: verify.message.structured(),
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

fn accepted(text: &mut String, verified: &VerifiedSignature, at: u64) {
    let parameters = &verified.parameters;
    line(text, format_args!("\n{HEADING}Verified with{HEADING:#}"));
    line(text, format_args!("  label       {}", printable(&verified.label)));
    line(text, format_args!("  algorithm   {}", verified.algorithm.as_str()));
    if let Some(keyid) = &verified.keyid {
        line(text, format_args!("  key         {}", printable(keyid)));
    }
    if let Some(thumbprint) = &verified.thumbprint {
        line(text, format_args!("  thumbprint  {}", URL_SAFE_NO_PAD.encode(thumbprint)));
    }
    for (name, value) in [("tag", &parameters.tag), ("nonce", &parameters.nonce)] {
        if let Some(value) = value {
            line(text, format_args!("  {name:10}  {}", printable(value)));
        }
    }
    report::verified_at(text, at);
    line(text, format_args!("\n{HEADING}Covered{HEADING:#}"));
    if verified.components.is_empty() {
        line(text, format_args!("  nothing but the parameters"));
    }
    for component in &verified.components {
        line(text, format_args!("  {}", printable(component)));
    }
    #[expect(clippy::cast_precision_loss, reason = "at most 15 digits, which a double has")]
    let seconds = |time: Option<i64>| time.map(|time| time as f64);
    let times = [
        ("created", "made", seconds(parameters.created)),
        ("expires", "ends", seconds(parameters.expires)),
        ("", "", None),
    ];
    report::times(text, times, at);
}

fn json(report: &Report) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Verified<'a> {
        label: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        keyid: Option<&'a str>,
        components: &'a [String],
        algorithm: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        thumbprint: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        created: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        expires: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        nonce: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        tag: Option<&'a str>,
    }
    let outcome = report.outcome.as_ref().map(|verified| Verified {
        label: &verified.label,
        keyid: verified.keyid.as_deref(),
        components: &verified.components,
        algorithm: verified.algorithm.as_str(),
        thumbprint: verified.thumbprint.as_ref().map(|bytes| URL_SAFE_NO_PAD.encode(bytes)),
        created: verified.parameters.created,
        expires: verified.parameters.expires,
        nonce: verified.parameters.nonce.as_deref(),
        tag: verified.parameters.tag.as_deref(),
    });
    output::json(&Answer::new(outcome, &report.findings))
}
