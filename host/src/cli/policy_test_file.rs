//! The files that `policy test` reads (`docs/command-line.md`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::input;

/// A file of tests.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TestFile {
    /// The policy, from the file's own folder.
    pub(crate) policy: PathBuf,
    /// The time of the tests, in seconds since 1970; now if absent.
    pub(crate) at: Option<u64>,
    /// The tests in their order.
    #[serde(default)]
    pub(crate) tests: Vec<Case>,
}

/// One request and what is to become of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    #[serde(default = "get")]
    pub(crate) method: String,
    /// The absolute URL.
    pub(crate) url: String,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// A token that is made for the test.
    pub(crate) token: Option<TokenSpec>,
    /// A JWT-SVID that is made for the test.
    pub(crate) svid: Option<SvidSpec>,
    /// The listener that it comes in on.
    pub(crate) listener: Option<String>,
    pub(crate) expect: Expect,
}

fn get() -> String {
    "GET".into()
}

/// A token of an issuer of the policy.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenSpec {
    /// What the policy calls the issuer.
    pub(crate) issuer: String,
    /// Claims that are added to the usual ones, or stand in their place; `false` takes one away.
    #[serde(default)]
    pub(crate) claims: Map<String, Value>,
    /// It expired an hour ago.
    #[serde(default)]
    pub(crate) expired: bool,
    /// It is bound to a key and comes with a DPoP proof.
    #[serde(default)]
    pub(crate) proof: bool,
    /// It names a status list, in which it is so.
    pub(crate) status: Option<Status>,
}

/// What a status list says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Valid,
    Revoked,
    Suspended,
}

/// An identity of a workload.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SvidSpec {
    pub(crate) spiffe_id: String,
    /// What it is for; what the policy accepts if absent.
    pub(crate) audience: Option<Vec<String>>,
}

/// What is to become of a request. What is absent is not looked at.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    pub(crate) outcome: ExpectedOutcome,
    pub(crate) status: Option<u16>,
    /// The code that decides; without it, an allowance has none unless it is only reported.
    pub(crate) code: Option<String>,
    /// The rule that matches, by its name in the policy.
    pub(crate) rule: Option<String>,
    /// Header fields: for the upstream, or of the answer.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) subject: Option<String>,
    pub(crate) spiffe_id: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ExpectedOutcome {
    Allow,
    Deny,
}

/// Reads a file of tests, `.json` or else TOML.
pub(crate) fn read(path: &Path) -> anyhow::Result<TestFile> {
    let bytes = input::file(path)?;
    let text = String::from_utf8(bytes).ok().with_context(|| format!("{} is no UTF-8 text", path.display()))?;
    let is_json = path.extension().is_some_and(|ending| ending == "json");
    let mut file: TestFile = if is_json {
        serde_json::from_str(&text).with_context(|| format!("{} is no file of tests", path.display()))?
    } else {
        toml::from_str(&text).with_context(|| format!("{} is no file of tests", path.display()))?
    };
    if let Some(folder) = path.parent() {
        file.policy = folder.join(&file.policy);
    }
    Ok(file)
}
