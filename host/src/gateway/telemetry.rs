//! Logs, and traces for OpenTelemetry.

use std::sync::OnceLock;

use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt};

use super::audit::Asked;
use super::verdict::Verdict;
use crate::gate::Header;

/// Whether traces are exported: a span that nobody exports is not begun.
static EXPORTED: OnceLock<()> = OnceLock::new();

/// What a log looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Ends the export of traces when the gateway ends.
pub struct Telemetry(Option<SdkTracerProvider>);

/// Why telemetry could not begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TelemetryError {
    /// The collector's URL is none, or the exporter cannot be made.
    #[error("cannot export traces: {0}")]
    Exporter(String),
    /// Something else in this process logs already.
    #[error("logs are set up already: {0}")]
    Twice(String),
}

impl Telemetry {
    /// Begins to log to standard error, and to export traces to a collector (OTLP over gRPC) if one is named. What is logged
    /// follows `PORTCULLIS_LOG`, for example `info` or `portcullis_host=debug`. To be called within a runtime of tokio.
    ///
    /// # Errors
    ///
    /// The collector's URL is none, or this process logs already.
    pub fn start(format: LogFormat, collector: Option<&str>) -> Result<Self, TelemetryError> {
        let filter = EnvFilter::try_from_env("PORTCULLIS_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
        let logs = match format {
            LogFormat::Text => fmt::layer().with_writer(std::io::stderr).with_target(false).boxed(),
            LogFormat::Json => fmt::layer().with_writer(std::io::stderr).json().flatten_event(true).boxed(),
        };
        let provider = collector.map(exporter).transpose()?;
        let traces = provider.as_ref().map(|provider| {
            tracing_opentelemetry::layer()
                .with_tracer(provider.tracer("portcullis"))
                // Only the spans of checks: what is logged stays in the log.
                .with_filter(tracing_subscriber::filter::filter_fn(|metadata| metadata.is_span()))
        });
        tracing_subscriber::registry()
            .with(traces)
            .with(logs.with_filter(filter))
            .try_init()
            .map_err(|error| TelemetryError::Twice(error.to_string()))?;
        if provider.is_some() {
            let _ = EXPORTED.set(());
        }
        Ok(Self(provider))
    }

    /// Sends what is left.
    pub fn end(self) {
        if let Some(Err(error)) = self.0.map(|provider| provider.shutdown()) {
            tracing::warn!(%error, "the last traces were not exported");
        }
    }
}

fn exporter(collector: &str) -> Result<SdkTracerProvider, TelemetryError> {
    let failed = |error: opentelemetry_otlp::ExporterBuildError| TelemetryError::Exporter(error.to_string());
    let exporter =
        opentelemetry_otlp::SpanExporter::builder().with_tonic().with_endpoint(collector).build().map_err(failed)?;
    let resource = opentelemetry_sdk::Resource::builder().with_service_name("portcullis").build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

/// The span of a check, a child of the request's own where it says so (`traceparent`, W3C Trace Context). Nothing where no
/// traces are exported.
pub(crate) fn span(listener: &str, asked: &Asked, headers: &[Header]) -> Option<tracing::Span> {
    EXPORTED.get()?;
    let span = tracing::info_span!(
        "check",
        listener,
        "http.request.method" = asked.method,
        "server.address" = asked.host,
        "url.path" = asked.path,
        outcome = tracing::field::Empty,
        code = tracing::field::Empty,
        rule = tracing::field::Empty,
    );
    // A parent that cannot be set leaves a span without one.
    let _ = span.set_parent(TraceContextPropagator::new().extract(&Carried(headers)));
    Some(span)
}

/// What was decided.
pub(crate) fn record(span: &tracing::Span, verdict: &Verdict) {
    span.record("outcome", verdict.decision.outcome.as_str());
    span.record("code", verdict.code.as_str());
    if let Some(rule) = &verdict.decision.rule {
        span.record("rule", rule.as_str());
    }
}

struct Carried<'h>(&'h [Header]);

impl Extractor for Carried<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        let header = self.0.iter().find(|header| header.name.eq_ignore_ascii_case(key))?;
        std::str::from_utf8(&header.value).ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|header| header.name.as_str()).collect()
    }
}
