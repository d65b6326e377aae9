//! Younger pieces of OAuth, each by itself.
//!
//! - [`transaction_tokens`]: who and what a request is about, from workload to workload.
//! - [`lifetimes`]: how long a refresh token and the user's authorization last, and what to do next.
//! - [`app2app`]: from app to app without a browser.
//! - [`pushed_registration`]: clients that register with their pushed request.
//! - [`key_binding`]: tokens that are bound to a key that nobody proved when they were issued.

pub mod app2app;
pub mod key_binding;
pub mod lifetimes;
pub mod pushed_registration;
pub mod transaction_tokens;

/// The document that a policy was read from.
pub(crate) type Source = Vec<u8>;
