//! The files that `policy test` reads (`docs/command-line.md`).

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_host::gate::{Body, Content};
use serde::Deserialize;
use serde_json::Value;

use super::input;
use super::policy_test_read::{self, Fields, Pairs, Word};

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
    pub(crate) headers: Fields,
    /// A token that is made for the test.
    pub(crate) token: Option<TokenSpec>,
    /// A JWT-SVID that is made for the test.
    pub(crate) svid: Option<SvidSpec>,
    /// The listener that it comes in on.
    pub(crate) listener: Option<String>,
    /// What URLs answer.
    #[serde(default)]
    pub(crate) resources: Pairs<Resource>,
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
    /// Claims that are added to the usual ones, or stand in their place; null takes one away.
    #[serde(default)]
    pub(crate) claims: Pairs<Value>,
    /// Claims that are taken away: TOML has no null.
    #[serde(default)]
    pub(crate) without: Vec<String>,
    /// It expired an hour ago.
    #[serde(default)]
    pub(crate) expired: bool,
    /// What it is bound to, with the proof of that.
    #[serde(default)]
    pub(crate) proof: Holder,
    /// What it is bound to, without the proof.
    #[serde(default)]
    pub(crate) bound: Holder,
    /// It names a status list, in which it is so.
    pub(crate) status: Option<Status>,
}

/// What a token is bound to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Word")]
pub(crate) enum Holder {
    #[default]
    Nobody,
    /// A key of DPoP proofs (RFC 9449).
    Dpop,
    /// The client certificate of the connection (RFC 8705).
    Certificate,
}

impl TryFrom<Word> for Holder {
    type Error = &'static str;

    fn try_from(word: Word) -> Result<Self, Self::Error> {
        match word {
            Word::Is(false) => Ok(Self::Nobody),
            Word::Is(true) => Ok(Self::Dpop),
            Word::Text(text) if text == "dpop" => Ok(Self::Dpop),
            Word::Text(text) if text == "certificate" => Ok(Self::Certificate),
            Word::Text(_) => Err("a token is bound to \"dpop\" or \"certificate\"; true is \"dpop\""),
        }
    }
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

/// What a URL answers, as `gate.check` of a batch has it: an answer, or that none came.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resource {
    status: Option<u16>,
    #[serde(default)]
    headers: Fields,
    body: Option<String>,
    body_b64: Option<String>,
    failed: Option<Word>,
}

impl Resource {
    /// What a host would have fetched.
    fn content(&self) -> anyhow::Result<Content> {
        let Self { status, headers, body, body_b64, failed } = self;
        if let Some(failed) = failed {
            if status.is_some() || body.is_some() || body_b64.is_some() || !headers.0.is_empty() {
                bail!("what failed has no answer: take `failed` out, or all the others");
            }
            return match failed {
                Word::Text(why) => Ok(Content::Failed(why.clone())),
                Word::Is(true) => Ok(Content::Failed("it failed".into())),
                Word::Is(false) => bail!("`failed` is a text that says why, or true: take it out"),
            };
        }
        let bytes = match (body, body_b64) {
            (Some(_), Some(_)) => bail!("there are two bodies: take out `body` or `body_b64`"),
            (Some(text), None) => text.clone().into_bytes(),
            (None, Some(text)) => {
                URL_SAFE_NO_PAD.decode(text).ok().context("`body_b64` is not base64url without padding")?
            }
            (None, None) => Vec::new(),
        };
        let media_type = headers.0.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let media_type = media_type.map(|(_, value)| value.split(';').next().unwrap_or_default().trim().to_owned());
        Ok(Content::Body(Body { status: status.unwrap_or(200), media_type, bytes }))
    }
}

impl Case {
    /// What URLs answer.
    pub(crate) fn contents(&self) -> anyhow::Result<Vec<(String, Content)>> {
        let content = |(url, resource): &(String, Resource)| {
            Ok((url.clone(), resource.content().with_context(|| format!("the resource {url:?}"))?))
        };
        self.resources.0.iter().map(content).collect()
    }
}

/// What is to become of a request. What is absent is not looked at.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    pub(crate) outcome: ExpectedOutcome,
    pub(crate) status: Option<u16>,
    /// The code of the finding that decides. A request that is let through has one only where its policy reports.
    pub(crate) code: Option<String>,
    /// The rule that matches, by its name in the policy.
    pub(crate) rule: Option<String>,
    /// Header fields: for the upstream, or of the answer.
    #[serde(default)]
    pub(crate) headers: Fields,
    pub(crate) principal: Option<ExpectedPrincipal>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ExpectedOutcome {
    Allow,
    Deny,
}

/// Who a request is from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExpectedPrincipal {
    pub(crate) subject: Option<String>,
    pub(crate) client: Option<String>,
    pub(crate) spiffe_id: Option<String>,
    pub(crate) issuer: Option<String>,
    /// All of them, in any order.
    pub(crate) scopes: Option<Vec<String>>,
    /// `proved`, `deferred` or `none`.
    pub(crate) binding: Option<String>,
}

/// Reads a file of tests, `.json` or else TOML.
pub(crate) fn read(path: &Path) -> anyhow::Result<TestFile> {
    let bytes = input::file(path)?;
    let text = String::from_utf8(bytes).ok().with_context(|| format!("{} is no UTF-8 text", path.display()))?;
    let is_json = path.extension().is_some_and(|ending| ending == "json");
    let read = if is_json { policy_test_read::json(&text) } else { policy_test_read::toml(&text) };
    let mut file: TestFile = read.with_context(|| format!("{} is no file of tests", path.display()))?;
    if file.tests.is_empty() {
        // What tries nothing proves nothing, and must not look as if it did.
        bail!("{} has no tests: write [[tests]] with name, url and expect", path.display());
    }
    if let Some(folder) = path.parent() {
        file.policy = folder.join(&file.policy);
    }
    Ok(file)
}
