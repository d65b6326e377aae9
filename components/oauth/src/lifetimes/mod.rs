//! How long a refresh token and the user's authorization last, and what to do next (draft-ietf-oauth-refresh-token-expiration-03).
//!
//! A client reads the answer of a token endpoint, or of an introspection of its refresh token, into [`Lifetimes`], and asks
//! [`Lifetimes::plan`] what to do at a time: nothing, refresh, rotate, or ask the user. A server checks what it is about to answer
//! by [`check_response`] and [`check_introspection`], and a refresh token that it is handed by [`Grant::accept`].
//!
//! ```
//! use portcullis_oauth::lifetimes::{Ahead, Lifetimes, Next};
//! use portcullis_types::{json, trace::Silent};
//!
//! let response = json::parse_object(
//!     br#"{"access_token":"a","refresh_token":"r","expires_in":3600,"refresh_token_timeout":604800,"authorization_expires_in":864000}"#,
//! )?;
//! let lifetimes = Lifetimes::of_token_response(&response, 1_790_000_000, false, &mut Silent)?;
//! let plan = lifetimes.plan(1_790_000_000 + 3600, &Ahead::default())?;
//! assert_eq!(plan.next, Next::Refresh);
//! assert_eq!(plan.ask_at, Some(1_790_864_000));
//! # Ok::<(), portcullis_types::Rejection>(())
//! ```

mod code;
mod metadata;
mod parameters;
mod plan;
mod read;
mod server;
#[cfg(test)]
mod tests;

pub use code::LifetimeCode;
pub use metadata::{ExpirationTypes, Indefinite};
pub use parameters::MAX_DISAGREEMENT;
pub use plan::{Ahead, MAX_CLOCK_STEP, Next, Plan};
pub use read::Lifetimes;
pub use server::{Grant, check_introspection, check_response};
