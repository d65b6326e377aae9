//! An Envoy with the filter before an upstream.

use portcullis_tests::serving::envoy::{Envoy, Front, Running, cluster, filter};
use portcullis_tests::serving::{Answer, Clock, Documents, Upstream, ask, get};
use serde_json::Value;

/// One that runs, with a listener `front`.
pub(crate) struct Stage {
    pub(crate) envoy: Envoy,
    pub(crate) port: u16,
    _upstream: Upstream,
}

/// With one worker and the machine's clock.
pub(crate) fn stage(policy: &Value, documents: &Documents) -> Stage {
    of(policy, documents, &Running::default(), |_| {})
}

/// By a clock of the test's.
pub(crate) fn at(policy: &Value, documents: &Documents, clock: &Clock) -> Stage {
    of(policy, documents, &Running { clock: Some(clock), ..Running::default() }, |_| {})
}

pub(crate) fn of(
    policy: &Value,
    documents: &Documents,
    running: &Running<'_>,
    change: impl FnOnce(&mut Front),
) -> Stage {
    let upstream = Upstream::start();
    let mut front = Front::new("front", filter("portcullis", policy));
    change(&mut front);
    let clusters = [cluster("upstream", upstream.port), cluster("documents", documents.port)];
    let envoy = Envoy::start(&[front.listener()], &clusters, running);
    let port = envoy.port("front");
    Stage { envoy, port, _upstream: upstream }
}

/// A GET of the API.
pub(crate) fn with(path: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    get(path, &[&[("Host", "api.example")], fields].concat())
}

impl Stage {
    /// Asks for `/x` with a token.
    pub(crate) fn bearer(&self, token: &str) -> Answer {
        ask(self.port, &with("/x", &[("Authorization", &format!("Bearer {token}"))]))
    }

    /// Status and code for a token.
    pub(crate) fn told(&self, token: &str) -> (u16, String) {
        told(&self.bearer(token))
    }
}

/// Status and code of an answer.
pub(crate) fn told(answer: &Answer) -> (u16, String) {
    (answer.status, answer.header("x-code").unwrap_or_default().into())
}
