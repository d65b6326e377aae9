//! `portcullis policy test`.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use portcullis_host::gate::{
    Answer, Answered, Body, Class, ClientCertificate, Content, Decision, Document, Explained, GateInstance, Header,
    Need, Outcome as Verdict, PolicyFormat, Principal, Request, Supplied, Wanted, sha256_from_bytes,
};
use portcullis_host::{Component, Runtime};
use serde::Serialize;

use super::context::{Context, Format};
use super::output::{self, BAD, GOOD, HEADING, QUIET};
use super::policy_file;
use super::policy_test_file::{self, Case, Expect, ExpectedOutcome, Holder, TestFile};
use super::policy_test_keys::Stage;
use super::pretty::printable;
use super::report::{self, line};
use super::{Outcome, gate, gate_json};

/// Try requests against a policy, and say which are not decided as expected
///
/// For the CI of whoever writes the policy. Tokens, proofs, SVIDs and status lists are made for each test, with fresh
/// keys that stand in the place of the issuers' own; everything else of the policy holds as it is written. So a test
/// needs no secret and no network, and it knows nothing of the others. The exit code is 0 where every test passed, and
/// 2 where one failed. docs/command-line.md lists what a file of tests may say.
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
  token = { issuer = \"corp\", claims = { scope = \"openid\" }, proof = true }
  expect = { outcome = \"deny\", status = 403, code = \"scope.insufficient_scope\" }

Examples:
  portcullis policy test policy-tests.toml
  portcullis policy test --only reports tests/*.toml")]
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
        let stage = prepare(&file, &component)?;
        let at = context.asked_at().or(file.at).unwrap_or_else(|| context.at());
        let name = path.display().to_string();
        if test.files.len() > 1 && context.format() == Format::Human {
            output::print(&format!("{HEADING}{}{HEADING:#}\n", printable(&name)))?;
        }
        let chosen = |case: &&Case| test.only.as_ref().is_none_or(|only| case.name.contains(only.as_str()));
        for case in file.tests.iter().filter(chosen) {
            let ran = try_one(case, &stage, &component, at)
                .with_context(|| format!("{name}: the test {:?} cannot run", case.name))?;
            *(if ran.differences.is_empty() { &mut passed } else { &mut failed }) += 1;
            match context.format() {
                Format::Json => tell_json(&name, &ran)?,
                Format::Human => output::print(&tell(&ran))?,
            }
        }
    }
    if passed + failed == 0 {
        // Only --only can leave none: a file has tests. A name that was changed must not look like a test that passed.
        bail!("no test has {:?} in its name, so nothing was tried", test.only.as_deref().unwrap_or_default());
    }
    if context.format() == Format::Human {
        let style = if failed == 0 { GOOD } else { BAD };
        output::print(&format!("\n{style}{passed} passed, {failed} failed{style:#}\n"))?;
    }
    Ok(if failed == 0 { Outcome::Accepted } else { Outcome::Refused })
}

/// Puts the keys of the tests into the policy. It is read as it is written first, so that its mistakes are told in its
/// own lines.
fn prepare(file: &TestFile, component: &Component) -> anyhow::Result<Stage> {
    let policy = policy_file::read(&file.policy, None)?;
    match GateInstance::load(component, &policy.text, policy.format)? {
        Ok(_) => Stage::set(policy.tree()?),
        Err(problems) => Err(policy_file::Refused { name: policy.name, problems }.into()),
    }
}

/// The nonce of the tests, where the policy asks for one.
const NONCE: &str = "policy-test";

fn try_one<'c>(case: &'c Case, stage: &Stage, component: &Component, at: u64) -> anyhow::Result<Ran<'c>> {
    let mut request = Request {
        method: case.method.clone(),
        url: case.url.clone(),
        listener: case.listener.clone(),
        nonces: vec![NONCE.into()],
        ..Request::default()
    };
    let mut put =
        |name: &str, value: String| request.headers.push(Header { name: name.into(), value: value.into_bytes() });
    for (name, value) in &case.headers.0 {
        put(name, value.clone());
    }
    let mut resources = case.contents()?;
    match (&case.token, &case.svid) {
        (None, None) => {}
        (Some(_), Some(_)) => bail!("`token` and `svid` both are the Authorization of the request: give one"),
        (None, Some(spec)) => put("Authorization", format!("Bearer {}", stage.svid(spec, at)?)),
        (Some(spec), None) => {
            let (token, list) = stage.token(spec, at)?;
            // After the test's own, which come first.
            resources.extend(list.map(|(uri, list)| {
                (uri, Content::Body(Body { status: 200, media_type: None, bytes: list.into_bytes() }))
            }));
            match spec.proof {
                Holder::Dpop => {
                    put("DPoP", stage.proof(&case.method, &case.url, &token, NONCE, at));
                    put("Authorization", format!("DPoP {token}"));
                }
                Holder::Certificate | Holder::Nobody => put("Authorization", format!("Bearer {token}")),
            }
            if spec.proof == Holder::Certificate {
                request.certificate = ClientCertificate::Digest(sha256_from_bytes(stage.certificate()));
            }
        }
    }
    // A gate of its own for each test: what one fetched, or could not, is nothing to the next.
    let mut gate = match GateInstance::load(component, &stage.policy, PolicyFormat::Json)? {
        Ok(gate) => gate,
        Err(problems) => {
            return Err(policy_file::Refused { name: "the policy with the keys of the tests".into(), problems }.into());
        }
    };
    let explained = gate.explain(&request, at, |needs| supply(needs, &resources, at))?;
    let differences = differences(&case.expect, &explained.decision);
    Ok(Ran { case, differences, explained })
}

/// What URLs answer in a test, and a memory of proofs that has seen none.
fn supply(needs: &[Need], resources: &[(String, Content)], at: u64) -> Supplied {
    let mut supplied = Supplied::default();
    for Need { id, what } in needs {
        let answer = match what {
            Wanted::Document(need) => {
                let found = gate::found(need, resources).cloned();
                let content = found.unwrap_or_else(|| Content::Failed("it is not among the test's resources".into()));
                let (url, server, about) = (need.url.clone(), need.server.clone(), need.about());
                let peer = need.class == Class::Peer;
                supplied.documents.push(Document { url, server, about, peer, fetched_at: at, content });
                Answer::Done
            }
            Wanted::Remember(_) => Answer::Fresh,
            // A test is of a request for an upstream, and none of these needs a store.
            Wanted::Registration(_) | Wanted::Register(_) => Answer::Unavailable,
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
    if let Some(expected) = &expect.principal {
        let came = decision.principal.as_ref();
        let get = |member: fn(&Principal) -> Option<&String>| came.and_then(member).cloned();
        compare("principal.subject", expected.subject.clone(), get(|one| one.subject.as_ref()));
        compare("principal.client", expected.client.clone(), get(|one| one.client.as_ref()));
        compare("principal.spiffe_id", expected.spiffe_id.clone(), get(|one| one.spiffe_id.as_ref()));
        compare("principal.issuer", expected.issuer.clone(), get(|one| Some(&one.issuer)));
        compare("principal.binding", expected.binding.clone(), get(|one| one.binding.as_ref()));
        let in_order = |mut scopes: Vec<String>| {
            scopes.sort_unstable();
            scopes.join(" ")
        };
        let scopes = came.map(|one| in_order(one.scopes.clone()));
        compare("principal.scopes", expected.scopes.clone().map(in_order), scopes);
    }
    let fields = if decision.outcome == Verdict::Allow { &decision.upstream_set } else { &decision.response_headers };
    for (name, value) in &expect.headers.0 {
        // A denial may have several fields of one name, a challenge a scheme: one of them has to be so.
        let came: Vec<&str> =
            fields.iter().filter(|field| field.name.eq_ignore_ascii_case(name)).map(|field| &*field.value).collect();
        let came = came.iter().find(|came| *came == value).map_or_else(|| came.join(" | "), ToString::to_string);
        compare("header", Some(format!("{name}: {value}")), Some(format!("{name}: {came}")));
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
        line(&mut text, format_args!("        {}: {}", printable(&finding.code), printable(&finding.detail)));
    }
    let mut checks = String::new();
    report::checks(&mut checks, &ran.explained.findings);
    for check in checks.trim().lines() {
        line(&mut text, format_args!("        {check}"));
    }
    text
}

fn tell_json(file: &str, ran: &Ran<'_>) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Difference<'a> {
        what: &'a str,
        expected: &'a str,
        got: &'a str,
    }
    #[derive(Serialize)]
    struct Line<'a> {
        file: &'a str,
        name: &'a str,
        ok: bool,
        differences: Vec<Difference<'a>>,
        decision: gate_json::ResultBody<'a>,
    }
    let differences = ran.differences.iter().map(|(what, expected, got)| Difference { what, expected, got }).collect();
    output::json(&Line {
        file,
        name: &ran.case.name,
        ok: ran.differences.is_empty(),
        differences,
        decision: gate_json::result(&ran.explained.decision, &ran.explained.decision.needs),
    })
}
