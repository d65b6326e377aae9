//! A verification, told check by check.
//!
//! The rules run once, in one function, whether or not somebody listens: `verify` passes [`Silent`], `explain` passes
//! [`Findings`].

use alloc::{string::String, vec::Vec};

use crate::Rejection;

/// Hears of each check as it is made.
pub trait Trace {
    /// A check held. `seen` is only called when somebody listens.
    fn passed(&mut self, check: &'static str, rule: &'static str, seen: &dyn Fn() -> String);
    /// A check failed, and with it the verification.
    fn failed(&mut self, check: &'static str, rejection: &Rejection);
}

/// Hears nothing and costs nothing.
#[derive(Debug, Default, Clone, Copy)]
pub struct Silent;

impl Trace for Silent {
    fn passed(&mut self, _: &'static str, _: &'static str, _: &dyn Fn() -> String) {}
    fn failed(&mut self, _: &'static str, _: &Rejection) {}
}

/// One check, as it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was checked.
    pub check: &'static str,
    /// The document and section it comes from.
    pub rule: &'static str,
    /// How it went.
    pub outcome: Outcome,
}

/// How a check went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It holds; what was seen, for people.
    Passed(String),
    /// It does not.
    Failed(Rejection),
}

/// Keeps every finding in order.
#[derive(Debug, Default, Clone)]
pub struct Findings(pub Vec<Finding>);

impl Findings {
    /// Tells them to another.
    pub fn retell(&self, trace: &mut dyn Trace) {
        for finding in &self.0 {
            match &finding.outcome {
                Outcome::Passed(seen) => trace.passed(finding.check, finding.rule, &|| seen.clone()),
                Outcome::Failed(rejection) => trace.failed(finding.check, rejection),
            }
        }
    }
}

impl Trace for Findings {
    fn passed(&mut self, check: &'static str, rule: &'static str, seen: &dyn Fn() -> String) {
        self.0.push(Finding { check, rule, outcome: Outcome::Passed(seen()) });
    }

    fn failed(&mut self, check: &'static str, rejection: &Rejection) {
        self.0.push(Finding { check, rule: rejection.rule(), outcome: Outcome::Failed(rejection.clone()) });
    }
}

/// Runs one check and tells how it went.
pub fn check<T>(
    trace: &mut dyn Trace,
    name: &'static str,
    rule: &'static str,
    made: Result<T, Rejection>,
    seen: impl Fn(&T) -> String,
) -> Result<T, Rejection> {
    match made {
        Ok(value) => {
            trace.passed(name, rule, &|| seen(&value));
            Ok(value)
        }
        Err(rejection) => {
            trace.failed(name, &rejection);
            Err(rejection)
        }
    }
}
