//! `portcullis signature sign`.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use portcullis_host::signature::{DigestAlgorithm, Header, Message, Parameters, Signing};
use portcullis_host::{HttpAlgorithm, Portcullis, Runtime, SigningKey, SigningKeyError};

use super::context::{Context, Format};
use super::http_message::MessageFile;
use super::output;
use super::pretty::printable;
use super::report::Unusable;
use super::signature_ocm::{self, SignatureProfile};
use super::{Outcome, input};

/// Sign an HTTP message, and print the header fields to add to it
///
/// The key stays in this program; no component sees it. `created` is the time of --at unless --created says otherwise. What
/// to cover is for the one to say who verifies; a signature over little protects little. A body is covered by its digest:
/// --content-digest adds one. With --profile ocm a request of Open Cloud Mesh is signed: the profile says what is covered, and
/// Date, Content-Digest and Content-Length are added where the request has none.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  portcullis signature sign --request request.http --key key.json --component @method --component @target-uri
  portcullis signature sign --request request.http --key key.pem --alg ed25519 --keyid k1 --component @method \\
      --component @target-uri --content-digest --tag app --expires 1790000300 --at 1790000000
  portcullis signature sign --response response.http --related-request request.http --key key.json \\
      --component @status --component '@method;req' --component '@target-uri;req'
  portcullis signature sign --request share.json --key key.json --profile ocm --keyid cloud.example.org#key1")]
pub(crate) struct Sign {
    #[command(flatten)]
    message: MessageFile,

    /// The private key, PEM (PKCS #8) or JWK
    #[arg(long, value_name = "FILE")]
    key: PathBuf,

    /// The algorithm; that of the JWK if absent
    #[arg(long, value_enum)]
    alg: Option<HttpAlgorithm>,

    /// Sign a request as a profile has it, which says all that the other arguments would
    #[arg(long, value_enum, conflicts_with_all = SAID_BY_PROFILE)]
    profile: Option<SignatureProfile>,

    /// The label
    #[arg(long, default_value = "sig1")]
    label: String,

    /// What is covered, in this order, for example `@method`, `content-digest` or `date;req`; may be repeated
    #[arg(long, value_name = "COMPONENT", required_unless_present = "profile")]
    component: Vec<String>,

    /// Add a Content-Digest of the body, and cover it
    #[arg(long)]
    content_digest: bool,

    /// What the signature is for
    #[arg(long)]
    tag: Option<String>,

    /// When it was made, in seconds since 1970; the time of --at if absent
    #[arg(long, value_name = "SECONDS", conflicts_with = "no_created")]
    created: Option<i64>,

    /// Do not say when it was made
    #[arg(long)]
    no_created: bool,

    /// When it ends, in seconds since 1970
    #[arg(long, value_name = "SECONDS")]
    expires: Option<i64>,

    /// A value that is unique to it
    #[arg(long)]
    nonce: Option<String>,

    /// The key's identifier; that of the JWK if absent
    #[arg(long)]
    keyid: Option<String>,

    /// State the algorithm in the signature
    #[arg(long)]
    state_alg: bool,
}

/// What a profile says, by the names of the arguments.
const SAID_BY_PROFILE: [&str; 12] = [
    "response",
    "related_request",
    "structured",
    "label",
    "component",
    "content_digest",
    "tag",
    "created",
    "no_created",
    "expires",
    "nonce",
    "state_alg",
];

pub(crate) fn run(sign: &Sign, context: &Context) -> anyhow::Result<Outcome> {
    let text = String::from_utf8(input::file(&sign.key)?)
        .ok()
        .context("the key file is not text; PEM (PKCS #8) and JWK are read")?;
    let key = SigningKey::read(&text, sign.alg).map_err(|error| match error {
        SigningKeyError::Algorithm => anyhow!("{error}: give it with --alg"),
        other => other.into(),
    })?;
    let added = match sign.profile {
        Some(SignatureProfile::Ocm) => signature_ocm::sign(&sign.message, &key, sign.keyid.as_deref(), context)?,
        None => as_asked(sign, &key, context)?,
    };
    match context.format() {
        Format::Json => output::json(&serde_json::json!({"headers": added}))?,
        Format::Human => {
            let lines: Vec<String> =
                added.iter().map(|(name, value)| format!("{name}: {}\n", printable(value))).collect();
            output::print(&lines.concat())?;
        }
    }
    Ok(Outcome::Accepted)
}

/// The header fields to add to a message that is signed as the arguments say.
fn as_asked(sign: &Sign, key: &SigningKey, context: &Context) -> anyhow::Result<Vec<(String, String)>> {
    let mut message = sign.message.read()?;
    let runtime = context.runtime(Runtime::builder().max_instances(1))?;
    let mut portcullis = Portcullis::new(&context.component(&runtime)?)?;
    let mut added = Vec::new();
    let mut components = sign.component.clone();
    if sign.content_digest {
        let digest = digest(&mut portcullis, &mut message)?;
        added.push(("Content-Digest".to_owned(), digest));
        components.push("content-digest".into());
    }
    let signing = Signing {
        label: sign.label.clone(),
        components,
        parameters: parameters(sign, key, context.at())?,
        structured_fields: sign.message.structured(),
    };
    let unusable = |rejection| Unusable { what: String::from("what is to be signed is"), rejection };
    let prepared = portcullis.prepare_signature(&message, &signing)?.map_err(unusable)?;
    let fields = portcullis.finish_signature(&prepared, &key.sign(prepared.base().as_bytes())?)?;
    added.push(("Signature-Input".into(), fields.input));
    added.push(("Signature".into(), fields.signature));
    Ok(added)
}

/// Adds the digest of the body.
fn digest(portcullis: &mut Portcullis, message: &mut Message) -> anyhow::Result<String> {
    let (headers, body) = match message {
        Message::Request(request) => (&mut request.headers, &request.body),
        Message::Response(response) => (&mut response.headers, &response.body),
    };
    if headers.iter().any(|field| field.name.eq_ignore_ascii_case("Content-Digest")) {
        bail!("the message has a Content-Digest already: cover it with --component content-digest");
    }
    let body = body.as_ref().context("the message says nothing of a body; an empty one is `\"body\":\"\"`")?;
    let digest = portcullis.content_digest(DigestAlgorithm::Sha256, body)?;
    headers.push(Header { name: "Content-Digest".into(), value: digest.clone().into_bytes() });
    Ok(digest)
}

fn parameters(sign: &Sign, key: &SigningKey, at: u64) -> anyhow::Result<Parameters> {
    let created = match (sign.created, sign.no_created) {
        (Some(created), _) => Some(created),
        (None, true) => None,
        (None, false) => Some(i64::try_from(at).context("--at is too large")?),
    };
    Ok(Parameters {
        created,
        expires: sign.expires,
        nonce: sign.nonce.clone(),
        alg: sign.state_alg.then(|| key.algorithm().name().to_owned()),
        keyid: sign.keyid.clone().or_else(|| key.kid().map(str::to_owned)),
        tag: sign.tag.clone(),
        others: Vec::new(),
    })
}
