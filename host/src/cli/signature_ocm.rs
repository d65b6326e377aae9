//! `portcullis signature` with `--profile ocm`: signed requests of Open Cloud Mesh (`docs/ocm.md`).

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use portcullis_host::ocm_request::{self, Answered, OcmKey, OcmRequestError};
use portcullis_host::signature::{Header, Message, Request};
use portcullis_host::{CheckOutcome, Finding, Portcullis, Rejection, Runtime, SigningKey, TextDoor};
use serde_json::{Value, json};

use super::Outcome;
use super::context::{Context, Format};
use super::http_message::MessageFile;
use super::keys::Keys;
use super::output::{self, HEADING};
use super::pretty::printable;
use super::report::{self, Answer, line};

/// Who says what a signature covers and says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SignatureProfile {
    /// Open Cloud Mesh: a request from one server to another
    Ocm,
}

/// The rule of what is judged before any check that is told.
const RULE: &str = "draft-ietf-ocm-open-cloud-mesh-05, HTTP Message Signatures";

/// The header fields to add to a request.
pub(crate) fn sign(
    message: &MessageFile,
    key: &SigningKey,
    keyid: Option<&str>,
    context: &Context,
) -> anyhow::Result<Vec<(String, String)>> {
    let keyid = keyid.or_else(|| key.kid());
    let keyid = keyid.context(
        "the key has no `kid`: give it with --keyid, as the JWK Set of the server has it, for example \
         sender.example.org#key1",
    )?;
    let request = request(message)?;
    let runtime = context.runtime(Runtime::builder().max_instances(1))?;
    let mut door = TextDoor::new(&context.component(&runtime)?)?;
    let of = OcmKey { keyid, algorithm: key.algorithm() };
    let added = ocm_request::sign(&mut door, &request, of, context.at(), |base| key.sign(base)).map_err(told)?;
    // What was asked about in text is text.
    Ok(added.into_iter().map(|Header { name, value }| (name, String::from_utf8_lossy(&value).into_owned())).collect())
}

/// What is asked of a request's signature, beside what the profile asks.
pub(crate) struct Asked<'a> {
    /// The server that has to have signed.
    pub(crate) signer: &'a str,
    /// The greatest age in seconds.
    pub(crate) window: Option<u64>,
    /// How many seconds the clocks may differ.
    pub(crate) skew: Option<u64>,
}

pub(crate) fn verify(
    message: &MessageFile,
    keys: &Keys,
    asked: &Asked<'_>,
    context: &Context,
) -> anyhow::Result<Outcome> {
    let request = request(message)?;
    let runtime = context.runtime(Runtime::builder().max_instances(2))?;
    let component = context.component(&runtime)?;
    // Keys that cannot be used are no fault of the request.
    keys.read(&mut Portcullis::new(&component)?)?;
    let members = [
        ("jwks", json!({ asked.signer: keys.jwks()? })),
        ("signer", asked.signer.into()),
        ("window", asked.window.unwrap_or(WINDOW).into()),
        ("skew", asked.skew.unwrap_or(SKEW).into()),
    ];
    let mut door = TextDoor::new(&component)?;
    let at = context.at();
    let answered = ocm_request::ask(&mut door, "ocm.signature", &request, members, at).map_err(told)?;
    let report = Report::of(answered);
    if let Err(rejection) = &report.outcome
        && rejection.code == MALFORMED
    {
        bail!("the request cannot be asked about: {}", rejection.detail);
    }
    match context.format() {
        Format::Json => output::json(&Answer::new(report.outcome.as_ref(), &report.findings))?,
        Format::Human => output::print(&report.human(at))?,
    }
    Ok(if report.outcome.is_ok() { Outcome::Accepted } else { Outcome::Refused })
}

/// How old a signature may be where nothing else is said, in seconds, as everywhere (`docs/ocm.md`).
const WINDOW: u64 = 300;

/// How far the clocks may differ where nothing else is said, in seconds, likewise.
const SKEW: u64 = 30;

/// What the component answers to what is no question, such as a `signer` that is no host.
const MALFORMED: &str = "request.malformed";

fn request(message: &MessageFile) -> anyhow::Result<Request> {
    match message.read()? {
        Message::Request(request) => Ok(request),
        Message::Response(_) => bail!("--profile ocm is for requests"),
    }
}

fn told(error: OcmRequestError) -> anyhow::Error {
    match error {
        OcmRequestError::Refused { .. } => anyhow::Error::new(error).context("what is to be signed is refused"),
        // With its code, for who asked for JSON.
        OcmRequestError::Host(error) => error.into(),
        other => other.into(),
    }
}

/// What there is to say of a request's signature.
struct Report {
    outcome: Result<Value, Rejection>,
    findings: Vec<Finding>,
}

impl Report {
    fn of(answered: Answered) -> Self {
        let findings: Vec<Finding> = answered.findings.iter().map(finding).collect();
        let outcome = answered.outcome.map_err(|(code, detail)| {
            let failed =
                findings.iter().find(|one| matches!(&one.outcome, CheckOutcome::Failed(it) if it.code == code));
            let rule = failed.map_or(RULE, |failed| failed.rule.as_str()).to_owned();
            Rejection { code, detail, rule }
        });
        Self { outcome, findings }
    }

    fn human(&self, at: u64) -> String {
        let mut text = String::new();
        report::verdict(&mut text, self.outcome.as_ref().err());
        if !self.findings.is_empty() {
            report::checks(&mut text, &self.findings);
        }
        match &self.outcome {
            Err(rejection) => report::why(&mut text, rejection, at),
            Ok(verified) => {
                let member = |name: &str| printable(verified[name].as_str().unwrap_or_default());
                line(&mut text, format_args!("\n{HEADING}Verified with{HEADING:#}"));
                line(&mut text, format_args!("  signer      {}", member("signer")));
                line(&mut text, format_args!("  key         {}", member("keyid")));
                report::verified_at(&mut text, at);
                report::times(
                    &mut text,
                    [("until", "good", verified["until"].as_f64()), ("", "", None), ("", "", None)],
                    at,
                );
            }
        }
        text
    }
}

fn finding(told: &Value) -> Finding {
    let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
    let outcome = if told["passed"] == true {
        CheckOutcome::Passed(text("detail"))
    } else {
        CheckOutcome::Failed(Rejection { code: text("code"), detail: text("detail"), rule: text("rule") })
    };
    Finding { check: text("check"), rule: text("rule"), outcome }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_the_rule_of_the_check_that_failed_or_that_of_the_profile() {
        let findings = vec![
            json!({"check": "tag", "rule": "RFC 9421", "passed": true, "detail": "ocm"}),
            json!({"check": "key", "rule": "RFC 7517", "passed": false, "detail": "none", "code": "key.unknown"}),
        ];
        let refused = |code: &str| Err((code.to_owned(), "none".to_owned()));
        let report = Report::of(Answered { outcome: refused("key.unknown"), findings: findings.clone() });
        assert_eq!(report.outcome.as_ref().err().map(|error| error.rule.as_str()), Some("RFC 7517"));
        assert!(report.human(1).contains("key.unknown"));
        let report = Report::of(Answered { outcome: refused("ocm.sender_other"), findings });
        assert_eq!(report.outcome.err().map(|error| error.rule), Some(RULE.to_owned()));
    }
}
