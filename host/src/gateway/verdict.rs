//! What the gateway carries out: a decision of the gate, or that there is none.

use std::time::Duration;

use crate::gate::{Decision, Field, Header, Outcome};

use super::engine::Unknown;

/// The body of every 503: nothing of why, which is nobody's business who asks. The gate's own is the same.
const UNKNOWN_BODY: &str = r#"{"error":"temporarily_unavailable"}"#;

/// After how many seconds to come again after a 503, as the gate says.
const RETRY_AFTER: &str = "5";

/// A decision to be carried out in the words of a proxy.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) decision: Decision,
    /// The code that decided; `none` where the request is let through without a finding.
    pub(crate) code: String,
    pub(crate) took: Duration,
}

impl Verdict {
    /// Of what the engine says. No decision is a denial with 503.
    pub(crate) fn of(result: Result<Decision, Unknown>, took: Duration) -> Self {
        match result {
            Ok(decision) => {
                let code = decision.findings.first().map_or_else(|| "none".into(), |finding| finding.code.clone());
                Self { decision, code, took }
            }
            Err(unknown) => Self { code: unknown.code().into(), decision: unavailable(), took },
        }
    }

    pub(crate) fn allows(&self) -> bool {
        self.decision.outcome == Outcome::Allow
    }

    /// The names to remove from a request with these names: those that the decision strips in every spelling that servers
    /// take for the same (without case, `_` for `-`), except those that are set anyway.
    pub(crate) fn to_remove<'n>(&self, names: impl Iterator<Item = &'n str>) -> Vec<String> {
        let set = |name: &str| self.decision.upstream_set.iter().any(|field| field.name.eq_ignore_ascii_case(name));
        let mut remove: Vec<String> = self.decision.upstream_strip.iter().filter(|name| !set(name)).cloned().collect();
        for name in names {
            let folds = self.decision.upstream_strip.iter().any(|strip| same_name(strip, name));
            if folds && !set(name) && !remove.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                remove.push(name.to_owned());
            }
        }
        remove
    }
}

/// Whether servers may take two header names for one.
fn same_name(one: &str, other: &str) -> bool {
    let fold = |byte: u8| if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
    one.len() == other.len() && one.bytes().map(fold).eq(other.bytes().map(fold))
}

fn unavailable() -> Decision {
    let field = |name: &str, value: &str| Field { name: name.into(), value: value.into() };
    Decision {
        outcome: Outcome::Deny,
        status: 503,
        response_headers: vec![
            field("Retry-After", RETRY_AFTER),
            field("Content-Type", "application/json"),
            field("Cache-Control", "no-store"),
        ],
        body: Some(UNKNOWN_BODY.into()),
        upstream_strip: Vec::new(),
        upstream_set: Vec::new(),
        principal: None,
        transaction: None,
        findings: Vec::new(),
        rule: None,
        reported: false,
        needs: Vec::new(),
        issue: None,
        client: None,
    }
}

/// The names of a request's headers.
pub(crate) fn names(headers: &[Header]) -> impl Iterator<Item = &str> {
    headers.iter().map(|header| header.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_removed_in_every_spelling_but_not_what_is_set() {
        let mut decision = unavailable();
        decision.upstream_strip = vec!["X-User".into(), "X-Internal".into()];
        decision.upstream_set = vec![Field { name: "X-User".into(), value: "alice".into() }];
        let verdict = Verdict::of(Ok(decision), Duration::ZERO);
        let removed =
            verdict.to_remove(["x-user", "x_user", "X_INTERNAL", "x-internal", "accept", "x-userx"].into_iter());
        assert_eq!(removed, ["X-Internal", "x_user", "X_INTERNAL"]);
    }

    #[test]
    fn no_decision_is_a_denial_that_says_nothing() {
        let verdict = Verdict::of(Err(Unknown::Busy), Duration::ZERO);
        assert!(!verdict.allows());
        assert_eq!((verdict.decision.status, verdict.code.as_str()), (503, "gateway.busy"));
        assert_eq!(verdict.decision.body.as_deref(), Some(UNKNOWN_BODY));
    }
}
