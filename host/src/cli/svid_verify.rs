//! `portcullis svid verify`.

use std::path::PathBuf;

use anyhow::bail;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::{ArgGroup, Args};
use portcullis_host::svid::{
    BundleSet, Expectations, JwtSvidReport, VerifiedJwtSvid, VerifiedWitSvid, VerifiedX509Svid, WitSvidReport,
    X509SvidReport,
};
use portcullis_host::{Finding, Portcullis, Rejection, Runtime, Verdict};
use serde::Serialize;
use serde_json::value::RawValue;

use super::context::{Context, Format};
use super::output::{self, CAUTION, HEADING};
use super::pretty::{self, printable};
use super::report::{self, Answer, Unusable, line};
use super::{Outcome, input, svid_inspect, token_inspect, when};

/// Verify a SPIFFE identity: an X.509-SVID, JWT-SVID or WIT-SVID
///
/// Each is verified with the bundle of its own trust domain, and with no other. The exit code is 0 where it is accepted,
/// and 2 where it is refused.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("svid").required(true).args(["jwt", "x509", "wit"]),
    after_help = "\
Examples:
  portcullis svid verify --x509 chain.pem --bundle prod.example=bundle.json
  portcullis svid verify --x509 leaf.der --x509 intermediate.der --bundle prod.example=bundle.json --at 1790000000
  portcullis svid verify --jwt @svid.jwt --audience reports --bundle prod.example=prod.json --bundle b.example=b.json
  portcullis svid verify --wit @svid.jwt --bundle prod.example=bundle.json"
)]
pub(crate) struct Verify {
    /// A JWT-SVID: the token, `@FILE`, or `-` for standard input
    #[arg(long, value_name = "TOKEN|@FILE|-", requires = "audience")]
    jwt: Option<String>,

    /// An X.509-SVID: a file with certificates in PEM, or with one in DER; may be repeated, the leaf first
    #[arg(long, value_name = "FILE")]
    x509: Vec<PathBuf>,

    /// A WIT-SVID: the token, `@FILE`, or `-` for standard input
    #[arg(long, value_name = "TOKEN|@FILE|-")]
    wit: Option<String>,

    /// The file with a trust domain's SPIFFE bundle; may be repeated, once for each trust domain
    #[arg(long, required = true, value_name = "TRUST.DOMAIN=FILE", value_parser = bundle_file)]
    bundle: Vec<BundleFile>,

    /// What the one who verifies a JWT-SVID is called; may be repeated, and one has to be in `aud`
    #[arg(long, conflicts_with_all = ["x509", "wit"])]
    audience: Vec<String>,

    /// How many seconds the clocks may differ, for tokens
    #[arg(long, value_name = "SECONDS", default_value_t = 0, conflicts_with = "x509")]
    leeway: u64,
}

/// A trust domain and the file of its bundle.
#[derive(Debug, Clone)]
struct BundleFile {
    trust_domain: String,
    path: PathBuf,
}

fn bundle_file(argument: &str) -> Result<BundleFile, &'static str> {
    let (trust_domain, path) = argument.split_once('=').ok_or("it is written TRUST.DOMAIN=FILE")?;
    Ok(BundleFile { trust_domain: trust_domain.to_owned(), path: PathBuf::from(path) })
}

pub(crate) fn run(verify: &Verify, context: &Context) -> anyhow::Result<Outcome> {
    let bundles = read_bundles(&verify.bundle)?;
    let runtime = context.runtime(Runtime::builder().max_instances(1))?;
    let mut portcullis = Portcullis::new(&context.component(&runtime)?)?;
    let bundles = accept_bundles(&mut portcullis, &bundles)?;
    let (human, at) = (context.format() == Format::Human, context.at());
    if let Some(token) = &verify.jwt {
        let token = input::token(token)?;
        let expect = Expectations { audience: verify.audience.clone(), leeway: verify.leeway };
        let JwtSvidReport { findings, outcome } = portcullis.explain_jwt_svid(&token, &bundles, &expect, at)?;
        if !human {
            return tell_json(jwt_json(&outcome)?, &findings);
        }
        let untrusted = untrusted_token(&mut portcullis, &token, outcome.is_err(), at)?;
        tell_people(&findings, &outcome, at, jwt, &untrusted)
    } else if let Some(token) = &verify.wit {
        let token = input::token(token)?;
        let WitSvidReport { findings, outcome } = portcullis.explain_wit_svid(&token, &bundles, verify.leeway, at)?;
        if !human {
            return tell_json(wit_json(&outcome)?, &findings);
        }
        let untrusted = untrusted_token(&mut portcullis, &token, outcome.is_err(), at)?;
        tell_people(&findings, &outcome, at, wit, &untrusted)
    } else {
        let chain = svid_inspect::read_chain(&mut portcullis, &verify.x509)?;
        let X509SvidReport { findings, outcome } = match &chain {
            Ok(chain) => portcullis.explain_x509_svid(chain, &bundles, at)?,
            // The text around the certificates was wrong already.
            Err(rejection) => X509SvidReport { findings: Vec::new(), outcome: Err(rejection.clone()) },
        };
        if !human {
            return tell_json(x509_json(&outcome), &findings);
        }
        let untrusted = match (&chain, &outcome) {
            (Ok(chain), Err(_)) => untrusted_chain(&mut portcullis, chain, at)?,
            _ => String::new(),
        };
        tell_people(&findings, &outcome, at, x509, &untrusted)
    }
}

fn read_bundles(files: &[BundleFile]) -> anyhow::Result<Vec<(&str, Vec<u8>)>> {
    let mut bundles: Vec<(&str, Vec<u8>)> = Vec::new();
    for BundleFile { trust_domain, path } in files {
        if bundles.iter().any(|(other, _)| other == trust_domain) {
            bail!("--bundle is given twice for {trust_domain}");
        }
        bundles.push((trust_domain, input::file(path)?));
    }
    Ok(bundles)
}

fn accept_bundles(portcullis: &mut Portcullis, bundles: &[(&str, Vec<u8>)]) -> anyhow::Result<BundleSet> {
    let bundles: Vec<_> = bundles.iter().map(|(trust_domain, document)| (*trust_domain, &**document)).collect();
    let verdict = portcullis.bundle_set(&bundles)?;
    Ok(verdict.map_err(|rejection| Unusable { what: String::from("the bundles are"), rejection })?)
}

/// What a refused token says of itself, marked as not verified; nothing of one that is accepted.
fn untrusted_token(portcullis: &mut Portcullis, token: &[u8], refused: bool, at: u64) -> anyhow::Result<String> {
    let untrusted = if refused { portcullis.inspect_jwt_untrusted(token)?.ok() } else { None };
    Ok(untrusted.map(|untrusted| token_inspect::parts(&untrusted, at)).unwrap_or_default())
}

/// What a refused chain says of itself, marked as not verified.
fn untrusted_chain(portcullis: &mut Portcullis, chain: &[Vec<u8>], at: u64) -> anyhow::Result<String> {
    let certificates = portcullis.inspect_certificates_untrusted(chain)?.ok();
    Ok(certificates.map(|certificates| svid_inspect::tree(&certificates, at)).unwrap_or_default())
}

fn tell_json<T: Serialize>(outcome: Result<T, &Rejection>, findings: &[Finding]) -> anyhow::Result<Outcome> {
    let refused = outcome.is_err();
    output::json(&Answer::new(outcome, findings))?;
    Ok(if refused { Outcome::Refused } else { Outcome::Accepted })
}

/// Prints a report; `accepted` tells of an SVID that verified, and `untrusted` stands below the reasons of a refusal.
fn tell_people<T>(
    findings: &[Finding],
    outcome: &Verdict<T>,
    at: u64,
    accepted: fn(&mut String, &T, u64),
    untrusted: &str,
) -> anyhow::Result<Outcome> {
    let mut text = String::new();
    report::verdict(&mut text, outcome.as_ref().err());
    if !findings.is_empty() {
        report::checks(&mut text, findings);
    }
    match outcome {
        Ok(verified) => accepted(&mut text, verified, at),
        Err(rejection) => {
            report::why(&mut text, rejection, at);
            if !untrusted.is_empty() {
                text.push('\n');
                text.push_str(untrusted);
            }
        }
    }
    output::print(&text)?;
    Ok(if outcome.is_ok() { Outcome::Accepted } else { Outcome::Refused })
}

fn identity(text: &mut String, spiffe_id: &str) {
    line(text, format_args!("\n{HEADING}Identity{HEADING:#}"));
    line(text, format_args!("  SPIFFE ID   {}", printable(spiffe_id)));
}

fn thumbprint(text: &mut String, thumbprint: Option<&Vec<u8>>) {
    if let Some(thumbprint) = thumbprint {
        line(text, format_args!("  thumbprint  {}", URL_SAFE_NO_PAD.encode(thumbprint)));
    }
}

fn verified_with(text: &mut String, algorithm: &str, kid: Option<&String>) {
    line(text, format_args!("\n{HEADING}Verified with{HEADING:#}"));
    line(text, format_args!("  algorithm   {algorithm}"));
    if let Some(kid) = kid {
        line(text, format_args!("  key         {}", printable(kid)));
    }
}

fn token_parts(text: &mut String, header: &str, claims: &str) {
    line(text, format_args!("\n{HEADING}Header{HEADING:#}\n{}", pretty::json(header, "  ")));
    line(text, format_args!("\n{HEADING}Claims{HEADING:#}\n{}", pretty::json(claims, "  ")));
}

fn caution(text: &mut String, note: &str) {
    line(text, format_args!("\n{CAUTION}Note{CAUTION:#}  {note}"));
}

fn jwt(text: &mut String, svid: &VerifiedJwtSvid, at: u64) {
    identity(text, &svid.spiffe_id);
    verified_with(text, svid.algorithm.as_str(), svid.kid.as_ref());
    thumbprint(text, svid.thumbprint.as_ref());
    report::verified_at(text, at);
    token_parts(text, &svid.header, &svid.claims);
    let times = [
        ("iat", "issued", svid.issued_at),
        ("nbf", "valid from", svid.not_before),
        ("exp", "expires", Some(svid.expires)),
    ];
    report::times(text, times, at);
}

fn wit(text: &mut String, svid: &VerifiedWitSvid, at: u64) {
    identity(text, &svid.spiffe_id);
    verified_with(text, svid.algorithm.as_str(), svid.kid.as_ref());
    report::verified_at(text, at);
    line(text, format_args!("\n{HEADING}Key of the workload{HEADING:#}"));
    line(text, format_args!("  algorithm   {}", svid.proof_algorithm.as_str()));
    thumbprint(text, svid.proof_thumbprint.as_ref());
    line(text, format_args!("{}", pretty::json(&svid.confirmation, "  ")));
    token_parts(text, &svid.header, &svid.claims);
    let times = [
        ("iat", "issued", svid.issued_at),
        ("nbf", "valid from", svid.not_before),
        ("exp", "expires", Some(svid.expires)),
    ];
    report::times(text, times, at);
    caution(text, "whoever presents it has to prove possession of the key of the workload; that was not looked at");
}

#[expect(clippy::cast_precision_loss, reason = "for people, and exact for the next 285 million years")]
fn x509(text: &mut String, svid: &VerifiedX509Svid, at: u64) {
    identity(text, &svid.spiffe_id);
    line(text, format_args!("\n{HEADING}Leaf{HEADING:#}"));
    thumbprint(text, Some(&svid.thumbprint));
    line(text, format_args!("  valid from  {}", when::relative(svid.not_before as f64, at)));
    line(text, format_args!("  until       {}", when::relative(svid.not_after as f64, at)));
    report::verified_at(text, at);
    caution(text, "whoever presents it has to prove possession of its key, as TLS does; that was not looked at");
}

type Json<'a, T> = Result<T, &'a Rejection>;

fn raw(json: &str) -> anyhow::Result<&RawValue> {
    Ok(serde_json::from_str(json)?)
}

fn jwt_json(verdict: &Verdict<VerifiedJwtSvid>) -> anyhow::Result<Json<'_, impl Serialize>> {
    #[derive(Serialize)]
    struct Verified<'a> {
        spiffe_id: &'a str,
        header: &'a RawValue,
        claims: &'a RawValue,
        algorithm: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        kid: Option<&'a str>,
    }
    Ok(match verdict {
        Ok(svid) => Ok(Verified {
            spiffe_id: &svid.spiffe_id,
            header: raw(&svid.header)?,
            claims: raw(&svid.claims)?,
            algorithm: svid.algorithm.as_str(),
            kid: svid.kid.as_deref(),
        }),
        Err(rejection) => Err(rejection),
    })
}

fn wit_json(verdict: &Verdict<VerifiedWitSvid>) -> anyhow::Result<Json<'_, impl Serialize>> {
    #[derive(Serialize)]
    struct Verified<'a> {
        spiffe_id: &'a str,
        cnf: &'a RawValue,
        header: &'a RawValue,
        claims: &'a RawValue,
        algorithm: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        kid: Option<&'a str>,
    }
    Ok(match verdict {
        Ok(svid) => Ok(Verified {
            spiffe_id: &svid.spiffe_id,
            cnf: raw(&svid.confirmation)?,
            header: raw(&svid.header)?,
            claims: raw(&svid.claims)?,
            algorithm: svid.algorithm.as_str(),
            kid: svid.kid.as_deref(),
        }),
        Err(rejection) => Err(rejection),
    })
}

fn x509_json(verdict: &Verdict<VerifiedX509Svid>) -> Json<'_, impl Serialize> {
    #[derive(Serialize)]
    struct Verified<'a> {
        spiffe_id: &'a str,
        not_before: u64,
        not_after: u64,
        thumbprint: String,
    }
    verdict.as_ref().map(|svid| Verified {
        spiffe_id: &svid.spiffe_id,
        not_before: svid.not_before,
        not_after: svid.not_after,
        thumbprint: URL_SAFE_NO_PAD.encode(&svid.thumbprint),
    })
}
