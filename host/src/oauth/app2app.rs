//! From app to app without a browser (draft-zehavi-oauth-app2app-browserless-07): what each hop leads to. Sending requests and
//! opening apps is the caller's.
//!
//! ```no_run
//! use portcullis_host::oauth::app2app::{Action, Flow, HttpAnswer};
//! use portcullis_host::{HostError, Portcullis, Verdict};
//!
//! /// Follows a flow until somebody else is needed: the user, an app or the browser. `get` sends a GET with a `Cookie` field.
//! fn follow(
//!     portcullis: &mut Portcullis,
//!     mut flow: Flow,
//!     get: impl Fn(&str, Option<&str>) -> HttpAnswer,
//! ) -> Result<Verdict<(Action, Option<Flow>)>, HostError> {
//!     let (mut url, mut cookie) = (flow.visited.last().cloned().unwrap_or_default(), None);
//!     loop {
//!         let decision = match portcullis.app2app_step(&flow, &get(&url, cookie.as_deref()))? {
//!             Ok(decision) => decision,
//!             Err(rejection) => return Ok(Err(rejection)),
//!         };
//!         match (decision.action, decision.flow) {
//!             (Action::Follow(next), Some(then)) => (url, cookie, flow) = (next, decision.cookie, then),
//!             (action, then) => return Ok(Ok((action, then))),
//!         }
//!     }
//! }
//! ```

pub use crate::bindings::exports::portcullis::oauth::app2app::{
    Action, BrowserRequest, CallbackPair, Choice, Completion, Cookie, Decision, DeepLink, Flow, HttpAnswer, Input,
    InstalledApp, Method, Parameter, Phase, Prompt, ReplyRequest, Report, Selection,
};

use crate::error::HostError;
use crate::portcullis::{Portcullis, Verdict};

/// Flows between apps.
impl Portcullis {
    /// The URL at which a flow begins, from authorization server metadata: JSON.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A server that is met in the browser is a [`Verdict`].
    pub fn app2app_native_endpoint(&mut self, metadata: &[u8]) -> Result<Verdict<String>, HostError> {
        self.sandbox.call(|store, bound| bound.exports.portcullis_oauth_app2app().call_native_endpoint(store, metadata))
    }

    /// A flow whose first request, a URL with its parameters, is about to be sent. What else it may have is for the caller to fill
    /// in.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn app2app_start(
        &mut self,
        request: &str,
        redirect_uri: &str,
        code_challenge: &str,
    ) -> Result<Flow, HostError> {
        self.sandbox.call(|store, bound| {
            bound.exports.portcullis_oauth_app2app().call_start(store, request, redirect_uri, code_challenge)
        })
    }

    /// Decides what follows from the answer to the flow's last request. What a server does wrong ends the flow, and the decision
    /// has the reason.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A flow that is none is a [`Verdict`].
    pub fn app2app_step(&mut self, flow: &Flow, answer: &HttpAnswer) -> Result<Verdict<Decision>, HostError> {
        self.sandbox.call(|store, bound| bound.exports.portcullis_oauth_app2app().call_step(store, flow, answer))
    }

    /// The same as [`app2app_step`](Self::app2app_step), with each check told. Slower; for people.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn explain_app2app_step(&mut self, flow: &Flow, answer: &HttpAnswer) -> Result<Report, HostError> {
        self.sandbox
            .call(|store, bound| bound.exports.portcullis_oauth_app2app().call_explain_step(store, flow, answer))
    }

    /// Decides what follows from a URL by which the client app was opened. `sender` is the app that opened it, where the operating
    /// system tells.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A call that has nothing to do with the flow is a [`Verdict`]: ignore it and go on waiting.
    pub fn app2app_invoked(
        &mut self,
        flow: &Flow,
        url: &str,
        sender: Option<&str>,
    ) -> Result<Verdict<Decision>, HostError> {
        self.sandbox
            .call(|store, bound| bound.exports.portcullis_oauth_app2app().call_invoked(store, flow, url, sender))
    }

    /// The same as [`app2app_invoked`](Self::app2app_invoked), with each check told. Slower; for people.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn explain_app2app_invoked(
        &mut self,
        flow: &Flow,
        url: &str,
        sender: Option<&str>,
    ) -> Result<Report, HostError> {
        self.sandbox.call(|store, bound| {
            bound.exports.portcullis_oauth_app2app().call_explain_invoked(store, flow, url, sender)
        })
    }

    /// The request that answers a prompt with what the user entered: one value for each field.
    ///
    /// # Errors
    ///
    /// The component could not be asked. What was not asked for is a [`Verdict`].
    pub fn app2app_reply(
        &mut self,
        prompt: &Prompt,
        entered: &[Parameter],
    ) -> Result<Verdict<ReplyRequest>, HostError> {
        self.sandbox.call(|store, bound| bound.exports.portcullis_oauth_app2app().call_reply(store, prompt, entered))
    }

    /// The app behind a request's `native_callback_uri`, if it is registered. `claimed_by` is the app that claims it on this
    /// device, where the operating system tells.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A callback that is not trusted is a [`Verdict`].
    pub fn app2app_trust(
        &mut self,
        pairs: &[CallbackPair],
        native_callback_uri: &str,
        claimed_by: Option<&str>,
    ) -> Result<Verdict<String>, HostError> {
        self.sandbox.call(|store, bound| {
            bound.exports.portcullis_oauth_app2app().call_trust(store, pairs, native_callback_uri, claimed_by)
        })
    }

    /// The URL by which to call back: a callback that is trusted, with the client's redirect URI and its answer.
    ///
    /// # Errors
    ///
    /// As for [`app2app_trust`](Self::app2app_trust).
    pub fn app2app_callback_url(
        &mut self,
        pairs: &[CallbackPair],
        native_callback_uri: &str,
        claimed_by: Option<&str>,
        redirect_uri: &str,
    ) -> Result<Verdict<String>, HostError> {
        self.sandbox.call(|store, bound| {
            let guest = bound.exports.portcullis_oauth_app2app();
            guest.call_callback_url(store, pairs, native_callback_uri, claimed_by, redirect_uri)
        })
    }
}
