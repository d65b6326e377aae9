//! Why something was refused.

use alloc::string::String;

use crate::code::{CodeEntry, RuleCode};

/// A refusal: which rule failed, and what was found. Holds nothing secret: no key material, no signature, no more
/// of a claim than its name and type unless the relying party itself named the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    entry: &'static CodeEntry,
    detail: String,
}

impl Rejection {
    /// Refuses for a rule. `detail` is for people.
    pub fn new(code: impl RuleCode, detail: impl Into<String>) -> Self {
        Self { entry: code.entry(), detail: detail.into() }
    }

    /// Refuses for a rule that is known by its entry alone.
    pub fn of_entry(entry: &'static CodeEntry, detail: impl Into<String>) -> Self {
        Self { entry, detail: detail.into() }
    }

    /// The stable `area.reason`.
    pub fn code(&self) -> &'static str {
        self.entry.code
    }

    /// The document and section of the rule.
    pub fn rule(&self) -> &'static str {
        self.entry.rule
    }

    /// What was found, for people.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Whether this is that rule's refusal.
    pub fn is(&self, code: impl RuleCode) -> bool {
        self.entry.code == code.entry().code
    }

    /// The same refusal, with a word on where it was met put before the detail.
    #[must_use]
    pub fn within(mut self, place: &str) -> Self {
        self.detail = alloc::format!("{place}: {}", self.detail);
        self
    }
}

impl core::fmt::Display for Rejection {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} ({}): {}", self.entry.code, self.entry.rule, self.detail)
    }
}

impl core::error::Error for Rejection {}
