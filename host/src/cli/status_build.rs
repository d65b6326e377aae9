//! `portcullis status build`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use clap::Args;
use flate2::{Compression, GzBuilder};
use portcullis_status::Bits;
use portcullis_status::build::{Form, ListClaims, Packing};
use portcullis_types::Rejection;
use serde::Serialize;

use super::context::{Context, Format};
use super::output::{self, GOOD, HEADING, Readers};
use super::pretty::printable;
use super::report::{self, Unusable, line};
use super::status_progress::Progress;
use super::status_signer::SignerArguments;
use super::status_store::StatusStore;
use super::status_values::{self, BitCount, Layout, Shape};
use super::{Outcome, when};

/// Make a status list, signed and ready to be served
///
/// The values come from a store, whose entries `status allocate` gives to tokens and `status set` changes; or from a file that
/// somebody else keeps. The list is compressed at the highest level and signed with the time of --at as `iat`. What was
/// signed is read back as a relying party would, every value of it, before anything is written.
///
/// Serve the file as `application/statuslist+jwt`, or `+cwt` with --cwt; with --gzip, the file beside it with
/// `Content-Encoding: gzip` to those who accept that. Make a new list before --ttl has passed, and at any rate before
/// --expires-in has.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  portcullis status build --store lists.db --uri https://idp.example/statuslists/1 --key key.json --output list.jwt --gzip
  portcullis status build --values values.txt --bits 2 --uri https://idp.example/statuslists/1 --key key.pem \\
      --alg ES256 --ttl 43200 --expires-in 86400 --keys-out jwks.json --output list.jwt
  portcullis status build --values revoked.csv --layout pairs --entries 1000000 --cwt --x5c chain.pem \\
      --eku 1.3.6.1.5.5.7.3.30 --uri https://idp.example/statuslists/1 --key key.pem --output list.cwt")]
pub(crate) struct Build {
    /// The store in which the list is kept
    #[arg(long, value_name = "FILE", required_unless_present = "values", conflicts_with = "values")]
    store: Option<PathBuf>,

    /// The file with the values, or `-` for standard input
    #[arg(long, value_name = "FILE|-")]
    values: Option<PathBuf>,

    /// How the values are written
    #[arg(long, value_enum, default_value = "lines", conflicts_with = "store")]
    layout: Layout,

    /// How many bits an entry has
    #[arg(long, value_enum, default_value = "1", conflicts_with = "store")]
    bits: BitCount,

    /// How many entries the list has; as many as there are values if absent. Filled up to whole bytes
    #[arg(long, value_name = "N", conflicts_with = "store")]
    entries: Option<u64>,

    /// What entries have of which nothing is said
    #[arg(
        long,
        value_name = "VALUE",
        value_parser = status_values::value,
        default_value = "valid",
        conflicts_with = "store"
    )]
    initial: u8,

    /// The list's URI, as tokens name it: `sub`
    #[arg(long)]
    uri: String,

    #[command(flatten)]
    signer: SignerArguments,

    /// Make a CWT, and not a JWT
    #[arg(long)]
    cwt: bool,

    /// After how many seconds a copy is to be fetched anew
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, conflicts_with = "no_ttl")]
    ttl: u64,

    /// Do not say when to fetch anew
    #[arg(long)]
    no_ttl: bool,

    /// For how many seconds the list may be relied upon
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400, conflicts_with = "no_expiry")]
    expires_in: u64,

    /// Do not say until when the list may be relied upon
    #[arg(long)]
    no_expiry: bool,

    /// Where the issuer's lists are named: `aggregation_uri`
    #[arg(long, value_name = "URI")]
    aggregation_uri: Option<String>,

    /// Where to put the token
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    /// Put it beside that, compressed with gzip, into a file of the same name and `.gz`
    #[arg(long, conflicts_with = "cwt")]
    gzip: bool,

    /// Where to put the JWK Set that verifies
    #[arg(long, value_name = "FILE")]
    keys_out: Option<PathBuf>,
}

/// What was made.
#[derive(Debug, Serialize)]
struct Made<'a> {
    file: String,
    bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    gzip: Option<Gzipped>,
    content_type: &'static str,
    uri: &'a str,
    entries: u64,
    bits: u8,
    issued_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<u64>,
    /// Of the zlib stream.
    compressed: usize,
}

#[derive(Debug, Serialize)]
struct Gzipped {
    file: String,
    bytes: usize,
}

pub(crate) fn run(build: &Build, context: &Context) -> anyhow::Result<Outcome> {
    // Before long work: what cannot be signed or said need not be read.
    let signer = build.signer.read()?;
    ensure!(
        build.keys_out.is_none() || signer.jwks().is_some(),
        "--keys-out would write the secret key; relying parties need another way to it"
    );
    let at = context.at();
    let claims = claims(build, at)?;
    let packing = packing(build)?;
    let list = {
        let mut progress = Progress::new("compressing");
        let all = packing.bytes().len() as u64;
        packing.compress(&mut |done| progress.large(done as u64, all)).map_err(refused)?
    };
    let form = if build.cwt { Form::Cwt } else { Form::Jwt };
    let token = signer.sign(form, &claims, &list, &packing)?;
    let gzip = match build.gzip {
        true => Some(gzip(&build.output, &token)?),
        false => None,
    };
    output::write(&build.output, &token, Readers::Everybody)?;
    if let (Some(path), Some(jwks)) = (&build.keys_out, signer.jwks()) {
        output::write(path, format!("{jwks}\n").as_bytes(), Readers::Everybody)?;
    }
    let made = Made {
        file: build.output.display().to_string(),
        bytes: token.len(),
        gzip,
        content_type: form.media_type(),
        uri: &build.uri,
        entries: packing.entries(),
        bits: packing.bits().count(),
        issued_at: at,
        expires: claims.expires,
        ttl: claims.ttl,
        compressed: list.zlib.len(),
    };
    match context.format() {
        Format::Human => output::print(&text(&made, at))?,
        Format::Json => accepted(&made)?,
    }
    Ok(Outcome::Accepted)
}

fn claims(build: &Build, at: u64) -> anyhow::Result<ListClaims<'_>> {
    let expires = match build.no_expiry {
        true => None,
        false => Some(at.checked_add(build.expires_in).context("--expires-in is too large")?),
    };
    let claims = ListClaims {
        uri: &build.uri,
        issued_at: at,
        expires,
        ttl: (!build.no_ttl).then_some(build.ttl),
        aggregation_uri: build.aggregation_uri.as_deref(),
    };
    claims.check().map_err(refused)?;
    Ok(claims)
}

fn packing(build: &Build) -> anyhow::Result<Packing> {
    if let Some(store) = &build.store {
        return Ok(StatusStore::open(store, false)?.packing(&build.uri)?.1);
    }
    let values = build.values.as_deref().context("neither --store nor --values is given")?;
    let shape = Shape { bits: Bits::from(build.bits), entries: build.entries, initial: build.initial };
    let mut progress = Progress::new("reading");
    status_values::read(status_values::open(values)?, build.layout, shape, &mut progress)
        .with_context(|| format!("the values in {}", values.display()))
}

/// The body that is served with `Content-Encoding: gzip`, beside the token. The same token always gives the same bytes: no name
/// and no time is in it.
fn gzip(output: &Path, token: &[u8]) -> anyhow::Result<Gzipped> {
    let mut name = output.as_os_str().to_owned();
    name.push(".gz");
    let path = PathBuf::from(name);
    let mut encoder = GzBuilder::new().write(Vec::new(), Compression::best());
    encoder.write_all(token)?;
    let body = encoder.finish()?;
    output::write(&path, &body, Readers::Everybody)?;
    Ok(Gzipped { file: path.display().to_string(), bytes: body.len() })
}

fn text(made: &Made<'_>, at: u64) -> String {
    let mut text = String::new();
    line(&mut text, format_args!("{GOOD}BUILT{GOOD:#}"));
    line(&mut text, format_args!("\n{HEADING}List{HEADING:#}"));
    line(&mut text, format_args!("  uri         {}", printable(made.uri)));
    let bits = if made.bits == 1 { "bit" } else { "bits" };
    line(&mut text, format_args!("  entries     {} of {} {bits}", made.entries, made.bits));
    line(&mut text, format_args!("  compressed  {} bytes", made.compressed));
    #[expect(clippy::cast_precision_loss, reason = "for people, and exact for the next 285 million years")]
    let told = |time: u64| when::relative(time as f64, at);
    if let Some(expires) = made.expires {
        line(&mut text, format_args!("  expires     {}", told(expires)));
    }
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    if let Some(ttl) = made.ttl {
        line(&mut text, format_args!("  ttl         {}", when::length(ttl as f64)));
    }
    report::verified_at(&mut text, at);
    line(&mut text, format_args!("\n{HEADING}Serve{HEADING:#}"));
    line(&mut text, format_args!("  file        {}  {} bytes", printable(&made.file), made.bytes));
    if let Some(gzip) = &made.gzip {
        line(&mut text, format_args!("  gzip        {}  {} bytes", printable(&gzip.file), gzip.bytes));
    }
    line(&mut text, format_args!("  as          {}", made.content_type));
    text
}

/// Prints `{"ok":true,"result":{…}}`, as every command about lists does.
pub(crate) fn accepted(result: &impl Serialize) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Answer<'a, R> {
        ok: bool,
        result: &'a R,
    }
    output::json(&Answer { ok: true, result })
}

/// Why a list cannot be made, with the rule.
pub(crate) fn refused(rejection: Rejection) -> anyhow::Error {
    let unusable = Unusable {
        what: String::from("the list that was to be made is"),
        rejection: portcullis_host::Rejection {
            code: rejection.code().into(),
            detail: rejection.detail().into(),
            rule: rejection.rule().into(),
        },
    };
    unusable.into()
}
