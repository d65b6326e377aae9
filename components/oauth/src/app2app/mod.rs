//! From app to app without a browser (draft-zehavi-oauth-app2app-browserless-07).
//!
//! A client app asks authorization servers over HTTP where to go, until one names a deep link of the app in which the user
//! authenticates; that app calls the client back, and the client carries the answer back through the same servers. [`step()`] decides
//! each hop by what a server answered, [`invoked`] what to do when the client app is called back. Nothing is fetched or opened here,
//! and a [`Flow`] is all that is remembered: the caller hands it in and gets the next one.
//!
//! The other end, the app that calls back, asks [`CallbackPairs`] whether it may.
//!
//! ```
//! use portcullis_oauth::app2app::{Action, Flow, HttpAnswer, step};
//! use portcullis_types::trace::Silent;
//!
//! let flow = Flow {
//!     code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWBuGJSstw-cM".into(),
//!     ..Flow::start("https://as.example/native?client_id=c&request_uri=urn:x", "https://client.example/cb")
//! };
//! let body = br#"{"action":"call","url":"https://bank.example/native?client_id=b&request_uri=urn:y"}"#;
//! let answer = HttpAnswer { status: 200, headers: &[("Content-Type", b"application/json")], body };
//! let decision = step(&flow, &answer, &mut Silent)?;
//! assert!(matches!(decision.action, Action::Follow { .. }));
//! assert!(decision.flow.unwrap().allowed.contains("bank.example"));
//! # Ok::<(), portcullis_types::Rejection>(())
//! ```

mod answer;
mod callback;
mod code;
mod cookies;
mod flow;
mod prompt;
mod query;
mod step;
#[cfg(test)]
mod tests;
mod trust;
mod url;

pub use callback::invoked;
pub use code::App2AppCode;
pub use cookies::{Cookie, MAX_COOKIE, MAX_COOKIES};
pub use flow::{App, Flow, MAX_APPS, MAX_HOPS, MAX_NAMES, Phase};
pub use prompt::{Choice, Input, MAX_FIELDS, MAX_LOGO, MAX_TEXT, MAX_VALUES, Method, Prompt, Reply, Selection};
pub use step::{Action, Decision, HttpAnswer, MAX_ANSWER, native_endpoint, step};
pub use trust::{CallbackPair, CallbackPairs, MAX_PAIRS};
pub use url::MAX_URL;
