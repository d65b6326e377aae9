//! `portcullis gate`.

use std::path::{Path, PathBuf};

use anyhow::bail;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::{ArgGroup, Args, Subcommand};
use portcullis_host::gate::{
    Answer, Answered, Body, Class, ClientCertificate, Content, Decision, Document, DocumentNeed, Explained,
    GateInstance, Header, Need, Outcome as Verdict, Request, Supplied, Wanted, sha256_to_bytes,
};
use portcullis_host::{Portcullis, Rejection, Runtime};

use super::context::{Context, Format};
use super::output::{self, BAD, CAUTION, GOOD, HEADING};
use super::policy_file::{self, WrittenAs};
use super::pretty::{self, printable};
use super::report::{self, Unusable, line};
use super::svid_inspect::read_chain;
use super::{Outcome, gate_json, input};

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Example:
  portcullis gate check --policy policy.toml --header \"Authorization: Bearer $TOKEN\" \\
      --resource https://idp.example/jwks=jwks.json https://api.example/reports/7")]
pub(crate) enum Command {
    Check(Check),
}

/// Decide about one request, and say why
///
/// As a gateway would, but nothing is fetched: what the policy needs (keys, metadata, bundles, status lists) comes from
/// --resource, and what is not there could not be had. A first try without resources tells what is needed. The exit
/// code is 0 where the request is let through, and 2 where it is denied.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  portcullis gate check --policy policy.toml https://api.example/health
  portcullis gate check --policy policy.toml -X POST https://api.example/payments \\
      --header \"Authorization: DPoP $TOKEN\" --header \"DPoP: $PROOF\" --resource https://idp.example/jwks=jwks.json
  portcullis gate check --policy policy.toml --client-cert chain.pem https://api.example/internal/a
  portcullis gate check --policy policy.toml --request request.json --format json",
    group = ArgGroup::new("asked").args(["url", "named_url", "request"]).required(true))]
pub(crate) struct Check {
    /// The policy, `.toml` or `.json`
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,

    /// How it is written, where the file's ending does not say
    #[arg(long, value_enum, value_name = "FORMAT")]
    policy_format: Option<WrittenAs>,

    /// The absolute URL that is asked for, as the client wrote it
    #[arg(value_name = "URL")]
    url: Option<String>,

    /// The same, where a script would rather name it
    #[arg(long = "url", value_name = "URL")]
    named_url: Option<String>,

    /// The method
    #[arg(long, short = 'X', default_value = "GET", conflicts_with = "request")]
    method: String,

    /// A header field; again for more, repeats included
    #[arg(long, short = 'H', value_name = "NAME: VALUE", conflicts_with = "request")]
    header: Vec<String>,

    /// The request as JSON, as in `gate.check` of a batch: {"method", "url", "headers": [[name, value], …]}, and
    /// "target", "trailers", "body" or "body_b64" where there is one. `-` for standard input
    #[arg(long, value_name = "JSON|FILE")]
    request: Option<String>,

    /// What a URL answers; again for more. A file that ends in .cwt is a status list in CWT form
    #[arg(long, value_name = "URL=FILE")]
    resource: Vec<String>,

    /// The certificates that the client presented, in PEM or DER, the leaf first; again for more
    #[arg(long, value_name = "FILE")]
    client_cert: Vec<PathBuf>,

    /// The listener that it came in on, by its name in the policy
    #[arg(long, value_name = "NAME")]
    listener: Option<String>,

    /// The `jti` of a proof that was used before; again for more
    #[arg(long, value_name = "JTI")]
    seen: Vec<String>,
}

pub(crate) fn run(command: Command, context: &Context) -> anyhow::Result<Outcome> {
    let Command::Check(check) = command;
    let policy = policy_file::read(&check.policy, check.policy_format)?;
    let mut request = check.request()?;
    let resources = check.resource.iter().map(|text| resource(text)).collect::<anyhow::Result<Vec<_>>>()?;
    let at = context.at();
    let runtime = context.runtime(Runtime::builder().max_instances(1))?;
    let component = context.component(&runtime)?;
    if !check.client_cert.is_empty() {
        let read = read_chain(&mut Portcullis::new(&component)?, &check.client_cert)?;
        let unusable = |rejection| Unusable { what: String::from("the client certificate is"), rejection };
        request.certificate = ClientCertificate::Chain(read.map_err(unusable)?);
    }
    let mut gate = match GateInstance::load(&component, &policy.text, policy.format)? {
        Ok(gate) => gate,
        Err(problems) => return Err(policy_file::Refused { name: policy.name, problems }.into()),
    };
    let mut missing = Vec::new();
    let explained = gate.explain(&request, at, |needs| supply(needs, &resources, &check.seen, at, &mut missing))?;
    match context.format() {
        Format::Json => output::json(&gate_json::result(&explained.decision, &missing))?,
        Format::Human => output::print(&told(&explained, &missing, at))?,
    }
    Ok(if explained.decision.outcome == Verdict::Allow { Outcome::Accepted } else { Outcome::Refused })
}

impl Check {
    fn request(&self) -> anyhow::Result<Request> {
        let mut request = match &self.request {
            Some(text) => gate_json::request(&request_text(text)?)?,
            None => Request {
                method: self.method.clone(),
                url: self.url.clone().or_else(|| self.named_url.clone()).unwrap_or_default(),
                headers: self.header.iter().map(|text| header(text)).collect::<anyhow::Result<_>>()?,
                ..Request::default()
            },
        };
        request.listener.clone_from(&self.listener);
        Ok(request)
    }
}

/// JSON is an object, and nothing else begins like one: the rest is a file's name.
fn request_text(argument: &str) -> anyhow::Result<Vec<u8>> {
    match argument {
        "-" => input::bytes("-"),
        _ if argument.trim_start().starts_with('{') => Ok(argument.as_bytes().to_vec()),
        _ => input::file(Path::new(argument.strip_prefix('@').unwrap_or(argument))),
    }
}

fn header(text: &str) -> anyhow::Result<Header> {
    let Some((name, value)) = text.split_once(':') else {
        bail!("a header is \"Name: value\", and this has no colon: {}", printable(text));
    };
    Ok(Header { name: name.trim().to_owned(), value: value.trim().as_bytes().to_vec() })
}

/// `URL=FILE`, read. The URL may have equals signs of its own; the file's name then has none.
fn resource(text: &str) -> anyhow::Result<(String, Content)> {
    let Some((url, path)) = text.rsplit_once('=') else { bail!("a resource is URL=FILE: {}", printable(text)) };
    let path = PathBuf::from(path);
    let is_cwt = path.extension().is_some_and(|ending| ending == "cwt");
    let media_type = is_cwt.then(|| "application/statuslist+cwt".to_owned());
    Ok((url.to_owned(), Content::Body(Body { status: 200, media_type, bytes: input::file(&path)? })))
}

/// What there is in place of what is to be fetched: under its URL, or, where it is about a token, before that under its URL, `#`
/// and the token's SHA-256 in base64url.
pub(crate) fn found<'r>(need: &DocumentNeed, resources: &'r [(String, Content)]) -> Option<&'r Content> {
    let named = |name: &str| resources.iter().find(|(known, _)| known == name).map(|(_, content)| content);
    let exact = need.about().map(|digest| URL_SAFE_NO_PAD.encode(sha256_to_bytes(digest)));
    exact.and_then(|digest| named(&format!("{}#{digest}", need.url))).or_else(|| named(&need.url))
}

/// What there is in place of a network and a memory of used proofs.
fn supply(
    needs: &[Need],
    resources: &[(String, Content)],
    seen: &[String],
    at: u64,
    missing: &mut Vec<String>,
) -> Supplied {
    let mut supplied = Supplied::default();
    for Need { id, what } in needs {
        let answer = match what {
            Wanted::Document(need) => {
                let found = found(need, resources).cloned();
                // In the words of `gate.check` in a batch, which answers the same.
                let content = found.unwrap_or_else(|| {
                    missing.push(need.url.clone());
                    Content::Failed("it is not among the resources".into())
                });
                let (url, server, about) = (need.url.clone(), need.server.clone(), need.about());
                let peer = need.class == Class::Peer;
                supplied.documents.push(Document { url, server, about, peer, fetched_at: at, content });
                Answer::Done
            }
            Wanted::Remember(proof) if seen.contains(&proof.identifier) => Answer::Seen,
            Wanted::Remember(_) => Answer::Fresh,
            // A command has no store; `gate.check` in a batch takes records.
            Wanted::Registration(_) | Wanted::Register(_) => Answer::Unavailable,
        };
        supplied.answers.push(Answered { id: *id, answer });
    }
    supplied
}

fn told(explained: &Explained, missing: &[String], at: u64) -> String {
    let mut text = String::new();
    let decision = &explained.decision;
    let first = decision.findings.first();
    verdict(&mut text, decision, first);
    report::checks(&mut text, &explained.findings);
    if let Some(rejection) = first {
        report::why(&mut text, rejection, at);
    }
    if let Some(principal) = &decision.principal {
        line(&mut text, format_args!("\n{HEADING}Principal{HEADING:#}"));
        let scopes = principal.scopes.join(" ");
        for (name, value) in [
            ("subject", principal.subject.as_deref()),
            ("client", principal.client.as_deref()),
            ("SPIFFE ID", principal.spiffe_id.as_deref()),
            ("issuer", Some(principal.issuer.as_str())),
            ("scopes", Some(scopes.as_str()).filter(|scopes| !scopes.is_empty())),
            ("binding", principal.binding.as_deref()),
        ] {
            if let Some(value) = value {
                line(&mut text, format_args!("  {name:10}  {}", printable(value)));
            }
        }
    }
    if let Some(transaction) = &decision.transaction {
        line(&mut text, format_args!("\n{HEADING}Transaction{HEADING:#}"));
        for (name, value) in [
            ("txn", transaction.id.as_str()),
            ("subject", &transaction.subject),
            ("scopes", &transaction.scopes.join(" ")),
            ("asked by", &transaction.requesting_workload),
        ] {
            line(&mut text, format_args!("  {name:10}  {}", printable(value)));
        }
    }
    if decision.outcome == Verdict::Allow {
        to_upstream(&mut text, decision);
    } else {
        to_client(&mut text, decision);
    }
    // As in JSON: what was asked for in two places and had from one is missed by nobody.
    if decision.status == 503 && !missing.is_empty() {
        line(&mut text, format_args!("\n{HEADING}Could not be had{HEADING:#} (give them with --resource URL=FILE)"));
        missing.iter().for_each(|url| line(&mut text, format_args!("  {}", printable(url))));
    }
    let mut refused = explained.documents.iter().filter(|finding| !missing.contains(&finding.url)).peekable();
    if refused.peek().is_some() {
        line(&mut text, format_args!("\n{HEADING}Not taken{HEADING:#}"));
    }
    for finding in refused {
        let Rejection { code, detail, .. } = &finding.rejection;
        let url = printable(&finding.url);
        line(&mut text, format_args!("  {CAUTION}{url}{CAUTION:#}: {}: {}", printable(code), printable(detail)));
    }
    text
}

fn verdict(text: &mut String, decision: &Decision, first: Option<&Rejection>) {
    let detail = first.map(|rejection| printable(&rejection.detail)).unwrap_or_default();
    let rule = decision.rule.as_ref().map(|rule| format!("  ({})", printable(rule))).unwrap_or_default();
    match (decision.outcome, decision.reported) {
        (Verdict::Allow, false) => line(text, format_args!("{GOOD}ALLOWED{GOOD:#}{rule}")),
        (Verdict::Allow, true) => {
            line(text, format_args!("{CAUTION}REPORTED{CAUTION:#}  let through, and would be denied: {detail}{rule}"));
        }
        (Verdict::Deny, _) => line(text, format_args!("{BAD}DENIED {}{BAD:#}  {detail}{rule}", decision.status)),
    }
}

fn to_upstream(text: &mut String, decision: &Decision) {
    if decision.upstream_strip.is_empty() && decision.upstream_set.is_empty() {
        return;
    }
    line(text, format_args!("\n{HEADING}To the upstream{HEADING:#}"));
    for name in &decision.upstream_strip {
        line(text, format_args!("  strip       {}", printable(name)));
    }
    for field in &decision.upstream_set {
        line(text, format_args!("  set         {}: {}", printable(&field.name), printable(&field.value)));
    }
}

fn to_client(text: &mut String, decision: &Decision) {
    line(text, format_args!("\n{HEADING}Answer to the client{HEADING:#}"));
    line(text, format_args!("  status      {}", decision.status));
    for field in &decision.response_headers {
        line(text, format_args!("  {}: {}", printable(&field.name), printable(&field.value)));
    }
    if let Some(body) = &decision.body {
        line(text, format_args!("\n{}", pretty::json(body, "  ")));
    }
}
