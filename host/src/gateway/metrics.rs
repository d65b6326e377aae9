//! Metrics, for Prometheus (the OpenMetrics text format). Every label comes from a closed set: names of listeners and codes,
//! never anything that a request says.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::clients::Told;
use crate::error::HostError;
use crate::gate::Answer;

/// Upper bounds of the buckets of a check's duration, in seconds: from a warm decision to one that waited for two fetches.
const DURATIONS: [f64; 14] =
    [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 5.0, 12.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DecisionLabels {
    listener: String,
    outcome: &'static str,
    code: String,
    reported: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ListenerLabel {
    listener: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FetchLabels {
    kind: &'static str,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AnswerLabel {
    answer: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabel {
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InstanceLabel {
    instance: u64,
}

type PlainGauge = Gauge<u64, AtomicU64>;

/// The metrics of a gateway.
pub(crate) struct Metrics {
    registry: Registry,
    decisions: Family<DecisionLabels, Counter>,
    durations: Family<ListenerLabel, Histogram, fn() -> Histogram>,
    component_failures: Family<CodeLabel, Counter>,
    replay: Family<AnswerLabel, Counter>,
    replay_held: PlainGauge,
    registrations: Family<AnswerLabel, Counter>,
    fetches: Family<FetchLabels, PlainGauge>,
    document_age: Family<KindLabel, PlainGauge>,
    held_bytes: Family<InstanceLabel, PlainGauge>,
    held_tokens: Family<InstanceLabel, PlainGauge>,
    held_lists: Family<InstanceLabel, PlainGauge>,
    parked: PlainGauge,
    ready: PlainGauge,
    policy: PlainGauge,
    reloads: Family<ResultLabel, Counter>,
    connections: Family<ListenerLabel, Counter>,
    audit_lost: Counter,
}

/// What is read when the metrics are asked for, because something else counts it.
#[derive(Debug, Default)]
pub(crate) struct Readings {
    /// Bytes, tokens and lists of each instance.
    pub(crate) held: Vec<(u64, u64, u64)>,
    /// The age of the oldest document of each kind, in seconds.
    pub(crate) ages: Vec<(&'static str, u64)>,
    /// Fetches of each kind: those that brought something, and those that did not.
    pub(crate) fetches: Vec<(&'static str, u64, u64)>,
    pub(crate) parked: u64,
    pub(crate) ready: bool,
    pub(crate) policy: u64,
    pub(crate) replay_held: u64,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("portcullis"),
            decisions: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(DURATIONS)),
            component_failures: Family::default(),
            replay: Family::default(),
            replay_held: Gauge::default(),
            registrations: Family::default(),
            fetches: Family::default(),
            document_age: Family::default(),
            held_bytes: Family::default(),
            held_tokens: Family::default(),
            held_lists: Family::default(),
            parked: Gauge::default(),
            ready: Gauge::default(),
            policy: Gauge::default(),
            reloads: Family::default(),
            connections: Family::default(),
            audit_lost: Counter::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "decisions",
            "Decisions, by listener, outcome, the code that decided and whether the request was let through only because the policy reports",
            self.decisions.clone(),
        );
        registry.register_with_unit(
            "check_duration",
            "How long checks took, with all that they waited for",
            Unit::Seconds,
            self.durations.clone(),
        );
        registry.register(
            "component_failures",
            "Calls in which an instance trapped, ran too long or out of memory, and was replaced; or its evaluation was lost",
            self.component_failures.clone(),
        );
        registry.register("replay", "Answers of the memory of used proofs", self.replay.clone());
        registry.register("replay_held", "Proofs that this host remembers", self.replay_held.clone());
        registry.register("registrations", "Answers of the store of registered clients", self.registrations.clone());
        registry.register("fetches", "Fetches since the start, by kind of document and result", self.fetches.clone());
        registry.register_with_unit(
            "document_age",
            "The age of the oldest document that is held, by kind",
            Unit::Seconds,
            self.document_age.clone(),
        );
        registry.register_with_unit(
            "instance_memory",
            "What an instance holds of its memory budget: lists, documents and tokens",
            Unit::Bytes,
            self.held_bytes.clone(),
        );
        registry.register("instance_tokens", "Tokens that an instance remembers", self.held_tokens.clone());
        registry.register("instance_lists", "Status lists that an instance holds", self.held_lists.clone());
        registry.register(
            "parked_requests",
            "Requests that wait for a document or the memory of proofs",
            self.parked.clone(),
        );
        registry.register(
            "ready",
            "Whether every issuer and trust domain that a rule names has keys",
            self.ready.clone(),
        );
        registry.register(
            "policy_generation",
            "How many policies were put to work since the start",
            self.policy.clone(),
        );
        registry.register("policy_reloads", "Changes of the policy, by result", self.reloads.clone());
        registry.register("connections", "Connections that were taken, by listener", self.connections.clone());
        registry.register("audit_lost", "Audit lines that could not be written", self.audit_lost.clone());
    }

    /// Counts a decision. `listener` is a name of the policy, and `code` one of `docs/codes.md`.
    pub(crate) fn decided(&self, listener: &str, allowed: bool, code: &str, reported: bool, took: Duration) {
        let labels = DecisionLabels {
            listener: listener.into(),
            outcome: if allowed { "allow" } else { "deny" },
            code: code.into(),
            reported: if reported { "true" } else { "false" },
        };
        self.decisions.get_or_create(&labels).inc();
        self.durations.get_or_create(&ListenerLabel { listener: listener.into() }).observe(took.as_secs_f64());
    }

    /// Counts a call into a component that failed, and says so in the log.
    pub(crate) fn component_failed(&self, error: &HostError) {
        let code = error.code().as_str();
        tracing::error!(code, why = %error, "the component could not be asked");
        self.component_failures.get_or_create(&CodeLabel { code }).inc();
    }

    pub(crate) fn remembered(&self, answer: Answer) {
        let answer = match answer {
            Answer::Fresh => "fresh",
            Answer::Seen => "seen",
            Answer::Full => "full",
            Answer::Unavailable | Answer::Done => "unavailable",
        };
        self.replay.get_or_create(&AnswerLabel { answer }).inc();
    }

    /// Counts an answer of the store of registrations.
    pub(crate) fn registered(&self, told: &Told) {
        let answer = match told {
            Told::Done => "stored",
            Told::Record(Some(_)) => "found",
            Told::Record(None) => "none",
            Told::Unavailable => "unavailable",
        };
        self.registrations.get_or_create(&AnswerLabel { answer }).inc();
    }

    /// Counts a change of the policy: `taken`, `unchanged` or `refused`.
    pub(crate) fn reloaded(&self, result: &'static str) {
        self.reloads.get_or_create(&ResultLabel { result }).inc();
    }

    pub(crate) fn connected(&self, listener: &str) {
        self.connections.get_or_create(&ListenerLabel { listener: listener.into() }).inc();
    }

    pub(crate) fn audit_lost(&self) {
        self.audit_lost.inc();
    }

    /// The metrics as text.
    pub(crate) fn text(&self, readings: &Readings) -> String {
        for (instance, (bytes, tokens, lists)) in (0..).zip(&readings.held) {
            let label = InstanceLabel { instance };
            self.held_bytes.get_or_create(&label).set(*bytes);
            self.held_tokens.get_or_create(&label).set(*tokens);
            self.held_lists.get_or_create(&label).set(*lists);
        }
        for (kind, age) in &readings.ages {
            self.document_age.get_or_create(&KindLabel { kind }).set(*age);
        }
        for (kind, came, failed) in &readings.fetches {
            self.fetches.get_or_create(&FetchLabels { kind, result: "ok" }).set(*came);
            self.fetches.get_or_create(&FetchLabels { kind, result: "failed" }).set(*failed);
        }
        self.parked.set(readings.parked);
        self.ready.set(u64::from(readings.ready));
        self.policy.set(readings.policy);
        self.replay_held.set(readings.replay_held);
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
