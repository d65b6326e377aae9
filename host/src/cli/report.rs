//! Verdicts told check by check, as every command that verifies prints them.

use std::fmt::Write as _;

use portcullis_host::{CheckOutcome, Finding, Rejection};
use serde::Serialize;

use super::output::{self, BAD, ErrorBody, GOOD, HEADING, QUIET};
use super::pretty::printable;
use super::when;

/// Something that was given to verify with is refused: keys, bundles, requirements. The command could not run.
#[derive(Debug, thiserror::Error)]
#[error("{what} refused: {}: {} ({})", rejection.code, rejection.detail, rejection.rule)]
pub(crate) struct Unusable {
    /// With its verb, for example `the keys in jwks.json are`. Never what is in a file.
    pub(crate) what: String,
    pub(crate) rejection: Rejection,
}

/// Adds a line. Writing to a string cannot fail.
pub(crate) fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    let _ = writeln!(text, "{arguments}");
}

/// The first line: accepted, or refused and what was found.
pub(crate) fn verdict(text: &mut String, refused: Option<&Rejection>) {
    match refused {
        None => line(text, format_args!("{GOOD}ACCEPTED{GOOD:#}")),
        Some(rejection) => line(text, format_args!("{BAD}REFUSED{BAD:#}  {}", printable(&rejection.detail))),
    }
}

/// Each check with its mark.
pub(crate) fn checks(text: &mut String, findings: &[Finding]) {
    line(text, format_args!("\n{HEADING}Checks{HEADING:#}"));
    let width = findings.iter().map(|finding| finding.check.chars().count()).max().unwrap_or(0);
    for Finding { check, rule, outcome } in findings {
        let (mark, style, seen) = match outcome {
            CheckOutcome::Passed(seen) => ('✓', GOOD, seen),
            CheckOutcome::Failed(rejection) => ('✗', BAD, &rejection.detail),
        };
        let separator = if seen.is_empty() { "" } else { "  " };
        line(
            text,
            format_args!(
                "  {style}{mark}{style:#} {check:width$}  {seen}{separator}{QUIET}{rule}{QUIET:#}",
                check = printable(check),
                seen = printable(seen),
                rule = printable(rule),
            ),
        );
    }
}

/// Why it was refused, and where that is explained.
pub(crate) fn why(text: &mut String, rejection: &Rejection, at: u64) {
    let code = printable(&rejection.code);
    line(text, format_args!("\n{HEADING}Why{HEADING:#}"));
    line(text, format_args!("  code        {BAD}{code}{BAD:#}"));
    line(text, format_args!("  detail      {}", printable(&rejection.detail)));
    line(text, format_args!("  rule        {}", printable(&rejection.rule)));
    line(text, format_args!("  explained   {}", output::explained_in(&code)));
    verified_at(text, at);
}

/// The verification time.
#[expect(clippy::cast_precision_loss, reason = "for people, and exact for the next 285 million years")]
pub(crate) fn verified_at(text: &mut String, at: u64) {
    let date = when::date(at as f64).map(|date| format!(" ({date})")).unwrap_or_default();
    line(text, format_args!("  at          {at}{date}"));
}

/// The times of a token, those that are there.
pub(crate) fn times(text: &mut String, times: [(&str, &str, Option<f64>); 3], at: u64) {
    if times.iter().any(|(_, _, time)| time.is_some()) {
        line(text, format_args!("\n{HEADING}Times{HEADING:#}"));
    }
    for (claim, meaning, time) in times {
        if let Some(time) = time {
            line(text, format_args!("  {claim}  {meaning:10}  {}", when::relative(time, at)));
        }
    }
}

/// A finding in JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Check<'a> {
    check: &'a str,
    rule: &'a str,
    ok: bool,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
}

/// The findings in JSON.
pub(crate) fn checks_json(findings: &[Finding]) -> Vec<Check<'_>> {
    findings.iter().map(Check::from).collect()
}

impl<'a> From<&'a Finding> for Check<'a> {
    fn from(Finding { check, rule, outcome }: &'a Finding) -> Self {
        match outcome {
            CheckOutcome::Passed(seen) => Self { check, rule, ok: true, detail: seen, code: None },
            CheckOutcome::Failed(rejection) => {
                Self { check, rule, ok: false, detail: &rejection.detail, code: Some(&rejection.code) }
            }
        }
    }
}

/// A refusal in JSON.
pub(crate) fn error(rejection: &Rejection) -> ErrorBody<'_> {
    ErrorBody { code: &rejection.code, detail: &rejection.detail, rule: &rejection.rule }
}

/// An answer of a command that verifies: `{"ok":…,"result":…,"findings":[…]}` or with `error` instead of `result`.
#[derive(Debug, Serialize)]
pub(crate) struct Answer<'a, R> {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<R>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorBody<'a>>,
    findings: Vec<Check<'a>>,
}

impl<'a, R> Answer<'a, R> {
    pub(crate) fn new(outcome: Result<R, &'a Rejection>, findings: &'a [Finding]) -> Self {
        let (result, refused) = match outcome {
            Ok(result) => (Some(result), None),
            Err(rejection) => (None, Some(rejection)),
        };
        Self { ok: refused.is_none(), result, error: refused.map(error), findings: checks_json(findings) }
    }

    /// Where there is a result and it says no.
    pub(crate) fn not_ok(self) -> Self {
        Self { ok: false, ..self }
    }
}

/// Seconds in JSON, as an integer where they are whole.
pub(crate) fn seconds(seconds: f64) -> serde_json::Value {
    /// The range in which every whole number is a double.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "whole, and in range")]
    if seconds.fract() == 0.0 && seconds.abs() <= EXACT { (seconds as i64).into() } else { seconds.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_seconds_are_integers() {
        assert_eq!(seconds(1_790_000_000.0).to_string(), "1790000000");
        assert_eq!(seconds(1.5).to_string(), "1.5");
        assert_eq!(seconds(1e300), 1e300);
    }
}
