//! `portcullis policy test`.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use portcullis_host::gate::{
    Answer, Answered, Body, Content, Decision, Document, Explained, GateInstance, Header, Need, Outcome as Verdict,
    PolicyFormat, Request, Supplied, Wanted,
};
use portcullis_host::{Component, Runtime};
use serde::Serialize;
use serde_json::Value;

use super::context::{Context, Format};
use super::output::{self, BAD, GOOD, HEADING, QUIET};
use super::policy_file;
use super::policy_test_file::{self, Case, Expect, ExpectedOutcome, TestFile};
use super::policy_test_keys::Stage;
use super::pretty::printable;
use super::report::{self, line};
use super::{Outcome, gate_json};

/// Try requests against a policy, and say which are not decided as expected
///
/// For the CI of whoever writes the policy. Tokens, proofs, SVIDs and status lists are made for each test, with fresh keys that
/// stand in the place of the issuers' own; everything else of the policy holds as it is written. So a test needs no secret and
/// no network. The exit code is 0 where every test passed, and 2 where one failed.
#[derive(Debug, Args)]
#[command(after_help = "\
A file of tests, in TOML or JSON:
  policy = \"policy.toml\"

  [[tests]]
  name = \"a report is read with its scope\"
  url = \"https://api.example/reports/7\"
  token = { issuer = \"corp\", claims = { scope = \"reports:read\" }, proof = true }
  expect = { outcome = \"allow\" }

  [[tests]]
  name = \"and not without\"
  url = \"https://api.example/reports/7\"
  token = { issuer = \"corp\", proof = true }
  expect = { outcome = \"deny\", status = 403, code = \"scope.absent_insufficient_scope\" }

Example:
  portcullis policy test policy-tests.toml")]
pub(crate) struct Test {
    /// Files of tests
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// Run only the tests whose names have this in them
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
}

/// How one test went.
struct Ran<'c> {
    case: &'c Case,
    /// What is not as expected: what was, and what came.
    differences: Vec<(&'static str, String, String)>,
    explained: Explained,
}

pub(crate) fn run(test: &Test, context: &Context) -> anyhow::Result<Outcome> {
    let runtime = context.runtime(Runtime::builder().max_instances(1))?;
    let component = context.component(&runtime)?;
    let (mut passed, mut failed) = (0_usize, 0_usize);
    for path in &test.files {
        let file = policy_test_file::read(path)?;
        let (stage, mut gate) = prepare(&file, &component)?;
        let at = context.asked_at().or(file.at).unwrap_or_else(|| context.at());
        let chosen = |case: &&Case| test.only.as_ref().is_none_or(|only| case.name.contains(only.as_str()));
        for case in file.tests.iter().filter(chosen) {
            let ran = try_one(case, &stage, &mut gate, at)
                .with_context(|| format!("{}: the test {:?} cannot run", path.display(), case.name))?;
            *(if ran.differences.is_empty() { &mut passed } else { &mut failed }) += 1;
            match context.format() {
                Format::Json => tell_json(&ran)?,
                Format::Human => output::print(&tell(&ran))?,
            }
        }
    }
    if context.format() == Format::Human {
        let style = if failed == 0 { GOOD } else { BAD };
        output::print(&format!("\n{style}{passed} passed, {failed} failed{style:#}\n"))?;
    }
    Ok(if failed == 0 { Outcome::Accepted } else { Outcome::Refused })
}

/// Loads the policy twice: as it is written, so that its mistakes are told in its own lines, and with the keys of the tests.
fn prepare(file: &TestFile, component: &Component) -> anyhow::Result<(Stage, GateInstance)> {
    let policy = policy_file::read(&file.policy, None)?;
    let refused = |problems| policy_file::Refused { name: policy.name.clone(), problems };
    GateInstance::load(component, &policy.text, policy.format)?.map_err(refused)?;
    let tree: Value = match policy.format {
        PolicyFormat::Toml => toml::from_str(&policy.text)?,
        PolicyFormat::Json => serde_json::from_str(&policy.text)?,
    };
    let stage = Stage::set(tree)?;
    let gate = GateInstance::load(component, &stage.policy, PolicyFormat::Json)?.map_err(refused)?;
    Ok((stage, gate))
}

/// The nonce of the tests, where the policy asks for one.
const NONCE: &str = "policy-test";

fn try_one<'c>(case: &'c Case, stage: &Stage, gate: &mut GateInstance, at: u64) -> anyhow::Result<Ran<'c>> {
    let mut request = Request {
        method: case.method.clone(),
        url: case.url.clone(),
        listener: case.listener.clone(),
        nonces: vec![NONCE.into()],
        ..Request::default()
    };
    let mut put =
        |name: &str, value: String| request.headers.push(Header { name: name.into(), value: value.into_bytes() });
    for (name, value) in &case.headers {
        put(name, value.clone());
    }
    let mut list = None;
    if let Some(spec) = &case.token {
        let (token, made) = stage.token(spec, at)?;
        list = made;
        let scheme = if spec.proof { "DPoP" } else { "Bearer" };
        if spec.proof {
            put("DPoP", stage.proof(&case.method, &case.url, &token, NONCE, at));
        }
        put("Authorization", format!("{scheme} {token}"));
    }
    if let Some(spec) = &case.svid {
        put("Authorization", format!("Bearer {}", stage.svid(spec, at)?));
    }
    let explained = gate.explain(&request, at, |needs| supply(needs, list.as_ref(), at))?;
    let differences = differences(&case.expect, &explained.decision);
    Ok(Ran { case, differences, explained })
}

/// The one list that the test's token names, and a memory of proofs that has seen none.
fn supply(needs: &[Need], list: Option<&(String, String)>, at: u64) -> Supplied {
    let mut supplied = Supplied::default();
    for Need { id, what } in needs {
        let answer = match what {
            Wanted::Document(need) => {
                let content = match list.filter(|(uri, _)| *uri == need.url) {
                    Some((_, token)) => {
                        Content::Body(Body { status: 200, media_type: None, bytes: token.clone().into_bytes() })
                    }
                    None => Content::Failed("a test fetches nothing".into()),
                };
                supplied.documents.push(Document { url: need.url.clone(), fetched_at: at, content });
                Answer::Done
            }
            Wanted::Remember(_) => Answer::Fresh,
        };
        supplied.answers.push(Answered { id: *id, answer });
    }
    supplied
}

fn differences(expect: &Expect, decision: &Decision) -> Vec<(&'static str, String, String)> {
    let mut found = Vec::new();
    let mut compare = |what: &'static str, expected: Option<String>, came: Option<String>| {
        if let Some(expected) = expected
            && Some(&expected) != came.as_ref()
        {
            found.push((what, expected, came.unwrap_or_else(|| "none".into())));
        }
    };
    let outcome = match expect.outcome {
        ExpectedOutcome::Allow => Verdict::Allow,
        ExpectedOutcome::Deny => Verdict::Deny,
    };
    compare("outcome", Some(outcome.as_str().into()), Some(decision.outcome.as_str().into()));
    compare("status", expect.status.map(|status| status.to_string()), Some(decision.status.to_string()));
    let code = decision.findings.first().map(|finding| finding.code.clone());
    compare("code", expect.code.clone(), code);
    compare("rule", expect.rule.clone(), decision.rule.clone());
    let principal = decision.principal.as_ref();
    compare("subject", expect.subject.clone(), principal.and_then(|principal| principal.subject.clone()));
    compare("spiffe_id", expect.spiffe_id.clone(), principal.and_then(|principal| principal.spiffe_id.clone()));
    let fields = if decision.outcome == Verdict::Allow { &decision.upstream_set } else { &decision.response_headers };
    for (name, value) in &expect.headers {
        let came = fields.iter().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value.clone());
        compare("header", Some(format!("{name}: {value}")), came.map(|came| format!("{name}: {came}")));
    }
    found
}

fn tell(ran: &Ran<'_>) -> String {
    let mut text = String::new();
    let name = printable(&ran.case.name);
    if ran.differences.is_empty() {
        line(&mut text, format_args!("{GOOD}ok{GOOD:#}      {name}"));
        return text;
    }
    line(&mut text, format_args!("{BAD}FAILED{BAD:#}  {name}"));
    line(
        &mut text,
        format_args!("        {QUIET}{} {}{QUIET:#}", printable(&ran.case.method), printable(&ran.case.url)),
    );
    for (what, expected, came) in &ran.differences {
        line(
            &mut text,
            format_args!(
                "        {HEADING}{what}{HEADING:#}: expected {}, got {}",
                printable(expected),
                printable(came)
            ),
        );
    }
    if let Some(finding) = ran.explained.decision.findings.first() {
        line(&mut text, format_args!("        {}: {}", finding.code, printable(&finding.detail)));
    }
    let mut checks = String::new();
    report::checks(&mut checks, &ran.explained.findings);
    for check in checks.trim().lines() {
        line(&mut text, format_args!("        {check}"));
    }
    text
}

fn tell_json(ran: &Ran<'_>) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Difference<'a> {
        what: &'a str,
        expected: &'a str,
        got: &'a str,
    }
    #[derive(Serialize)]
    struct Line<'a> {
        name: &'a str,
        ok: bool,
        differences: Vec<Difference<'a>>,
        decision: gate_json::ResultBody<'a>,
    }
    let differences = ran.differences.iter().map(|(what, expected, got)| Difference { what, expected, got }).collect();
    output::json(&Line {
        name: &ran.case.name,
        ok: ran.differences.is_empty(),
        differences,
        decision: gate_json::result(&ran.explained.decision, &ran.explained.decision.needs),
    })
}
