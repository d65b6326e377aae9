//! Envoy's statistics. Every name is one of a closed set: outcomes and codes, never anything that a request says.

use std::{cell::RefCell, collections::BTreeMap};

use portcullis_gate::{Decision, Outcome};
use proxy_wasm::{
    hostcalls,
    types::{LogLevel, MetricType},
};

use super::log;

/// Counters, by name.
#[derive(Default)]
pub(super) struct Stats {
    counters: RefCell<BTreeMap<&'static str, u32>>,
    codes: RefCell<BTreeMap<&'static str, u32>>,
}

impl Stats {
    /// A decision, by its outcome and the code that decided.
    pub(super) fn decided(&self, decision: &Decision) {
        self.count(match (decision.outcome, decision.reported) {
            (Outcome::Allow, false) => "portcullis.decisions.allow",
            (Outcome::Allow, true) => "portcullis.decisions.reported",
            (Outcome::Deny, _) => "portcullis.decisions.deny",
        });
        if let Some(code) = decision.code() {
            increment(&self.codes, code, |code| format!("portcullis.codes.{code}"));
        }
    }

    /// A fetch, by whether it brought something that could be used.
    pub(super) fn fetched(&self, good: bool) {
        self.count(if good { "portcullis.fetches.good" } else { "portcullis.fetches.failed" });
    }

    /// A signature that Envoy was asked about, by whether it could tell.
    pub(super) fn asked(&self, told: bool) {
        self.count(if told { "portcullis.signatures.envoy" } else { "portcullis.signatures.unclear" });
    }

    fn count(&self, name: &'static str) {
        increment(&self.counters, name, Into::into);
    }
}

/// What Envoy does not count is not counted: a decision does not hang on it.
fn increment(
    known: &RefCell<BTreeMap<&'static str, u32>>,
    key: &'static str,
    name: impl FnOnce(&'static str) -> String,
) {
    let had = known.borrow().get(key).copied();
    let id = match had {
        Some(id) => id,
        None => {
            let Ok(id) = hostcalls::define_metric(MetricType::Counter, &name(key)) else { return };
            known.borrow_mut().insert(key, id);
            id
        }
    };
    let _ = hostcalls::increment_metric(id, 1);
}

/// Counts panics, and says where each was. What it says itself may hold what a request said, and is not told.
pub(super) fn watch_panics() {
    let Ok(id) = hostcalls::define_metric(MetricType::Counter, "portcullis.panics") else { return };
    std::panic::set_hook(Box::new(move |panic| {
        let _ = hostcalls::increment_metric(id, 1);
        let place = panic.location().map(|place| format!("{}:{}", place.file(), place.line()));
        log(LogLevel::Critical, &format!("portcullis: panic at {}", place.as_deref().unwrap_or("an unknown place")));
    }));
}
