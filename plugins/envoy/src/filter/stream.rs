//! A stream: one request and its answer.

use std::{cell::RefCell, rc::Rc};

use portcullis_gate::{Decision, Outcome};
use portcullis_types::Rejection;
use proxy_wasm::{
    hostcalls,
    traits::{Context, HttpContext},
    types::{Action, MapType},
};

use super::{answer, request, worker::Worker};
use crate::EnvoyCode;

/// What of a decision is carried out when the upstream answers.
pub(super) type Later = Rc<RefCell<Vec<(String, String)>>>;

/// A stream.
pub(super) struct Stream {
    id: u32,
    worker: Option<Rc<Worker>>,
    later: Later,
}

impl Stream {
    pub(super) fn new(id: u32, worker: Option<Rc<Worker>>) -> Self {
        Self { id, worker, later: Later::default() }
    }

    /// The decision, if there is one yet.
    fn decide(&self, is_whole: bool) -> Option<Decision> {
        let Some(worker) = &self.worker else { return Some(unreadable("the filter is not configured")) };
        match request::read(worker.policy(), worker.replay_since(), is_whole) {
            Ok(request) => worker.check(self.id, request, &self.later),
            Err(rejection) => Some(Decision::unavailable(rejection)),
        }
    }
}

/// A denial where Envoy does not say what there is to decide about.
pub(super) fn unreadable(what: &str) -> Decision {
    Decision::unavailable(Rejection::new(EnvoyCode::Unreadable, what))
}

impl Context for Stream {
    fn on_done(&mut self) -> bool {
        if let Some(worker) = &self.worker {
            worker.ended(self.id);
        }
        true
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, is_whole: bool) -> Action {
        #[cfg(feature = "failing")]
        fail_as_told();
        let Some(decision) = self.decide(is_whole) else { return Action::Pause };
        if let Some(worker) = &self.worker {
            worker.stats.decided(&decision);
        }
        let allowed = decision.outcome == Outcome::Allow;
        if answer::carry_out(&decision, &self.later) && allowed { Action::Continue } else { Action::Pause }
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        let Some(worker) = &self.worker else { return Action::Pause };
        let Ok(trailers) = hostcalls::get_map_bytes(MapType::HttpRequestTrailers) else { return Action::Pause };
        let policy = worker.policy();
        let meant = trailers.iter().map(|(name, _)| name.as_str()).filter(|name| policy.strips_trailer(name));
        for name in meant {
            if hostcalls::remove_map_value(MapType::HttpRequestTrailers, name).is_err() {
                // A trailer that cannot be taken away goes no further.
                return Action::Pause;
            }
        }
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        for (name, value) in self.later.take() {
            // The answer goes on without a field that cannot be added to it: nothing is let through by it.
            let _ = hostcalls::add_map_value(MapType::HttpResponseHeaders, &name, &value);
        }
        Action::Continue
    }
}

/// What a test asks for, to see what it costs.
#[cfg(feature = "failing")]
#[allow(clippy::panic)]
fn fail_as_told() {
    if hostcalls::get_map_value(MapType::HttpRequestHeaders, "x-fail") == Ok(Some("panic".into())) {
        panic!("as told, with {}", "what nobody is to read");
    }
}
