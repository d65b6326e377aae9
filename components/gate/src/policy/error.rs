//! What is wrong with a policy: which rule, which member, on which line, and what to do.

use alloc::{format, string::String};

use portcullis_types::{CodeEntry, Rejection, RuleCode};

use super::{Format, Path, Place, code::PolicyCode, document};

/// One thing that is wrong with a policy, or that its author should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    entry: &'static CodeEntry,
    /// The member.
    pub path: Path,
    /// Where that is in the text, if it is known.
    pub place: Option<Place>,
    /// What is wrong, for people. Holds no key and no secret.
    pub detail: String,
    /// What to do about it.
    pub remedy: String,
}

impl PolicyError {
    pub(super) fn new(code: PolicyCode, path: Path, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { entry: code.entry(), path, place: None, detail: detail.into(), remedy: remedy.into() }
    }

    /// The stable `policy.reason`.
    pub fn code(&self) -> &'static str {
        self.entry.code
    }

    /// With the place of its member in the text that the policy was read from, if it has none yet.
    #[must_use]
    pub fn placed(mut self, text: &str, format: Format) -> Self {
        document::put_places(text, format, core::slice::from_mut(&mut self));
        self
    }

    pub(super) fn is(&self, code: PolicyCode) -> bool {
        self.entry.code == code.entry().code
    }

    /// The document and section of the rule.
    pub fn rule(&self) -> &'static str {
        self.entry.rule
    }

    /// As any other refusal: its detail is [`told`](Self::told).
    pub fn rejection(&self) -> Rejection {
        Rejection::of_entry(self.entry, self.told())
    }

    /// On one line: path, line, what is wrong and what to do.
    pub fn told(&self) -> String {
        format!("{}: {}; {}", document::told(&self.path, self.place), self.detail, self.remedy)
    }
}

impl core::fmt::Display for PolicyError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} {}", self.code(), self.told())
    }
}

impl core::error::Error for PolicyError {}
