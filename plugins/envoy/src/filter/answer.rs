//! Decisions, carried out on the stream that is spoken of.

use portcullis_gate::{Decision, Outcome};
use proxy_wasm::{
    hostcalls,
    types::{LogLevel, MapType, Status},
};

use super::{log, stream::Later};

/// Under which names Envoy keeps what was decided: `wasm.` and one of these, for access logs and other filters.
mod state {
    pub(super) const CODE: &str = "portcullis.code";
    pub(super) const FINDINGS: &str = "portcullis.findings";
    pub(super) const RULE: &str = "portcullis.rule";
    pub(super) const ISSUER: &str = "portcullis.issuer";
    pub(super) const SUBJECT: &str = "portcullis.subject";
    pub(super) const CLIENT: &str = "portcullis.client";
    pub(super) const SPIFFE_ID: &str = "portcullis.spiffe_id";
    pub(super) const SCOPE: &str = "portcullis.scope";
    pub(super) const REPORTED: &str = "portcullis.reported";
}

/// Carries out a decision, and tells whether all of it could be: an allowance that could not is a denial.
pub(super) fn carry_out(decision: &Decision, later: &Later) -> bool {
    let done = keep(decision).and_then(|()| match decision.outcome {
        Outcome::Allow => allow(decision, later),
        Outcome::Deny => deny(decision),
    });
    match done {
        Ok(()) => true,
        Err(status) => {
            log(LogLevel::Error, &format!("portcullis: a decision could not be carried out: {status:?}"));
            let _ = deny(&super::stream::unreadable("a decision could not be carried out"));
            false
        }
    }
}

/// Puts it where access logs and other filters find it. It never leaves with the request.
fn keep(decision: &Decision) -> Result<(), Status> {
    let put = |name: &str, value: &str| hostcalls::set_property(vec![name], Some(value.as_bytes()));
    put(state::CODE, decision.code().unwrap_or("none"))?;
    if let Some(rule) = &decision.rule {
        put(state::RULE, rule)?;
    }
    if let Some(principal) = &decision.principal {
        put(state::ISSUER, &principal.issuer)?;
        for (name, value) in [
            (state::SUBJECT, &principal.subject),
            (state::CLIENT, &principal.client),
            (state::SPIFFE_ID, &principal.spiffe_id),
        ] {
            if let Some(value) = value {
                put(name, value)?;
            }
        }
        if !principal.scopes.is_empty() {
            put(state::SCOPE, &principal.scopes.join(" "))?;
        }
    }
    if !decision.findings.is_empty() {
        let told = |finding: &portcullis_types::Rejection| format!("{}: {}", finding.code(), finding.detail());
        put(state::FINDINGS, &decision.findings.iter().map(told).collect::<Vec<_>>().join("; "))?;
    }
    if decision.reported {
        put(state::REPORTED, "true")?;
    }
    Ok(())
}

fn allow(decision: &Decision, later: &Later) -> Result<(), Status> {
    for name in &decision.upstream_strip {
        hostcalls::remove_map_value(MapType::HttpRequestHeaders, name)?;
    }
    for (name, value) in &decision.upstream_set {
        hostcalls::set_map_value(MapType::HttpRequestHeaders, name, Some(value))?;
    }
    later.replace(decision.response_headers.clone());
    Ok(())
}

/// Answers in the place of the upstream. Of a gRPC request Envoy makes a gRPC status.
fn deny(decision: &Decision) -> Result<(), Status> {
    let headers = decision.response_headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    hostcalls::send_http_response(u32::from(decision.status), headers, decision.body.as_deref().map(str::as_bytes))
}
