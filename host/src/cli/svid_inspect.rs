//! `portcullis svid inspect`.

use std::path::PathBuf;

use clap::Args;
use portcullis_host::svid::CertificateDescription;
use portcullis_host::{Portcullis, Rejection, Runtime, Verdict};
use serde::Serialize;

use super::context::{Context, Format};
use super::output::{self, BAD, CAUTION, ErrorBody, HEADING, QUIET};
use super::pretty::printable;
use super::report::{self, line};
use super::{Outcome, input, when};

/// Take a chain of certificates apart WITHOUT verifying it
///
/// Nothing that is printed can be trusted: anybody can have written it. For JWT-SVIDs and WIT-SVIDs there is
/// `token inspect`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  portcullis svid inspect chain.pem
  portcullis svid inspect leaf.der intermediate.der --format json")]
pub(crate) struct Inspect {
    /// Files with certificates in PEM, or with one in DER; the leaf first
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(crate) fn run(inspect: &Inspect, context: &Context) -> anyhow::Result<Outcome> {
    let runtime = context.runtime(Runtime::builder().max_instances(1))?;
    let mut portcullis = Portcullis::new(&context.component(&runtime)?)?;
    let certificates = match read_chain(&mut portcullis, &inspect.files)? {
        Ok(chain) => portcullis.inspect_certificates_untrusted(&chain)?,
        Err(rejection) => Err(rejection),
    };
    let human = context.format() == Format::Human;
    match certificates {
        Ok(certificates) => {
            if human {
                output::print(&tree(&certificates, context.at()))?;
            } else {
                json(&certificates)?;
            }
            Ok(Outcome::Accepted)
        }
        Err(rejection) => {
            if human {
                let mut text = String::new();
                line(&mut text, format_args!("{BAD}NOT A CHAIN{BAD:#}  {}", printable(&rejection.detail)));
                report::why(&mut text, &rejection, context.at());
                output::print(&text)?;
            } else {
                output::json_error(&rejection.code, &rejection.detail, &rejection.rule)?;
            }
            Ok(Outcome::Refused)
        }
    }
}

/// The certificates of files, in their order. Text is PEM and anything else DER: the first two bytes of a certificate in
/// DER, the second above 127, are no UTF-8, so neither can be taken for the other.
pub(crate) fn read_chain(portcullis: &mut Portcullis, files: &[PathBuf]) -> anyhow::Result<Verdict<Vec<Vec<u8>>>> {
    let mut chain = Vec::new();
    for path in files {
        let contents = input::file(path)?;
        match str::from_utf8(&contents) {
            Err(_) => chain.push(contents),
            Ok(pem) => match portcullis.decode_certificates_pem(pem)? {
                Ok(certificates) => chain.extend(certificates),
                Err(rejection) => {
                    let detail = format!("{}: {}", path.display(), rejection.detail);
                    return Ok(Err(Rejection { detail, ..rejection }));
                }
            },
        }
    }
    Ok(Ok(chain))
}

/// A chain as a tree, from the leaf on.
pub(crate) fn tree(certificates: &[CertificateDescription], at: u64) -> String {
    let mut text = String::new();
    let count = match certificates.len() {
        1 => String::from("one certificate"),
        many => format!("{many} certificates"),
    };
    line(&mut text, format_args!("{CAUTION}NOT VERIFIED{CAUTION:#}  {count}: anybody can have written what follows\n"));
    for (place, certificate) in certificates.iter().enumerate() {
        let next = certificates.get(place + 1);
        let linked = next.is_some_and(|next| next.subject == certificate.issuer);
        let corner = match (place, next) {
            (0, None) => '─',
            (0, Some(_)) => '┌',
            (_, Some(_)) => '├',
            (_, None) => '└',
        };
        let rail = match (next, linked) {
            (None, _) => ' ',
            (Some(_), true) => '│',
            (Some(_), false) => '┆',
        };
        let subject = name(&certificate.subject);
        line(&mut text, format_args!("{corner}─ {}  {HEADING}{subject}{HEADING:#}", place + 1));
        properties(&mut text, certificate, rail, at);
        if next.is_some() && !linked {
            line(
                &mut text,
                format_args!(
                    "{rail}     {CAUTION}the next certificate has not the name of this one's issuer{CAUTION:#}"
                ),
            );
        }
        if next.is_some() {
            line(&mut text, format_args!("{rail}"));
        }
    }
    text
}

fn name(name: &str) -> String {
    if name.is_empty() { String::from("(no name)") } else { printable(name).into_owned() }
}

fn properties(text: &mut String, certificate: &CertificateDescription, rail: char, at: u64) {
    let mut property =
        |name: &str, value: &str| line(text, format_args!("{rail}     {QUIET}{name:11}{QUIET:#} {value}"));
    if certificate.self_issued {
        property("issuer", "itself");
    } else {
        property("issuer", &self::name(&certificate.issuer));
    }
    for uri in &certificate.uris {
        property("URI", &printable(uri));
    }
    for dns_name in &certificate.dns_names {
        property("DNS", &printable(dns_name));
    }
    let early = at < certificate.not_before;
    let late = at > certificate.not_after;
    property("valid from", &time(certificate.not_before, at, early.then_some("not valid yet")));
    property("until", &time(certificate.not_after, at, late.then_some("expired")));
    match &certificate.key {
        Ok(kind) => property("key", &printable(kind)),
        Err(rejection) => {
            let detail = printable(&rejection.detail);
            property("key", &format!("{BAD}not usable{BAD:#}: {detail} ({})", printable(&rejection.code)));
        }
    }
    match (certificate.is_ca, certificate.path_length) {
        (false, _) => property("CA", "no"),
        (true, None) => property("CA", "yes"),
        (true, Some(length)) => property("CA", &format!("yes, with at most {length} intermediates below it")),
    }
    let list = |list: &[String]| list.iter().map(|item| printable(item)).collect::<Vec<_>>().join(", ");
    property("usages", &certificate.key_usages.as_deref().map_or_else(|| "not limited".into(), list));
    property("purposes", &certificate.purposes.as_deref().map_or_else(|| "not limited".into(), list));
    property("signed with", &printable(&certificate.signature_algorithm));
    if !certificate.unknown_critical.is_empty() {
        let unknown = list(&certificate.unknown_critical);
        property("extensions", &format!("{BAD}critical and not understood{BAD:#}: {unknown}"));
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people, and exact for the next 285 million years")]
fn time(seconds: u64, at: u64, problem: Option<&str>) -> String {
    let time = when::relative(seconds as f64, at);
    match problem {
        None => time,
        Some(problem) => format!("{time}  {BAD}{problem}{BAD:#}"),
    }
}

fn json(certificates: &[CertificateDescription]) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Answer<'a> {
        ok: bool,
        /// Says it in the JSON, too.
        verified: bool,
        result: Chain<'a>,
    }
    #[derive(Serialize)]
    struct Chain<'a> {
        certificates: Vec<Certificate<'a>>,
    }
    #[derive(Serialize)]
    struct Certificate<'a> {
        subject: &'a str,
        issuer: &'a str,
        self_issued: bool,
        uris: &'a [String],
        dns_names: &'a [String],
        not_before: u64,
        not_after: u64,
        is_ca: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        path_length: Option<u32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        key: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        key_problem: Option<ErrorBody<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        key_usages: Option<&'a [String]>,
        #[serde(skip_serializing_if = "Option::is_none")]
        purposes: Option<&'a [String]>,
        signature_algorithm: &'a str,
        unknown_critical: &'a [String],
    }
    let certificates = certificates.iter().map(|certificate| Certificate {
        subject: &certificate.subject,
        issuer: &certificate.issuer,
        self_issued: certificate.self_issued,
        uris: &certificate.uris,
        dns_names: &certificate.dns_names,
        not_before: certificate.not_before,
        not_after: certificate.not_after,
        is_ca: certificate.is_ca,
        path_length: certificate.path_length,
        key: certificate.key.as_deref().ok(),
        key_problem: certificate.key.as_ref().err().map(report::error),
        key_usages: certificate.key_usages.as_deref(),
        purposes: certificate.purposes.as_deref(),
        signature_algorithm: &certificate.signature_algorithm,
        unknown_critical: &certificate.unknown_critical,
    });
    output::json(&Answer { ok: true, verified: false, result: Chain { certificates: certificates.collect() } })
}
