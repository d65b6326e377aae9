//! How long a refresh token and the user's authorization last, and what to do next
//! (draft-ietf-oauth-refresh-token-expiration-03).
//!
//! ```no_run
//! use portcullis_host::oauth::lifetimes::{Answered, Next};
//! use portcullis_host::{HostError, Portcullis};
//!
//! /// What a client does at a time, by what the token endpoint answered.
//! fn next(portcullis: &mut Portcullis, body: &[u8], sent_at: u64, now: u64) -> Result<&'static str, HostError> {
//!     let plan = match portcullis.read_lifetimes(&Answered::by_token_endpoint(body, sent_at), now)? {
//!         Ok(plan) => plan,
//!         // The tokens in it are not touched by that; when they end is not known.
//!         Err(_) => return Ok("go on until the server refuses"),
//!     };
//!     Ok(match plan.next {
//!         Next::Nothing => "go on",
//!         Next::Refresh => "exchange the refresh token when an access token is needed",
//!         Next::Rotate => "exchange the refresh token now",
//!         Next::Ask => "ask the user",
//!     })
//! }
//! ```

pub use crate::bindings::exports::portcullis::oauth::lifetimes::{Ahead, Grant, Next, Plan, Report, Source};

use crate::error::HostError;
use crate::portcullis::{Portcullis, Verdict};

impl Default for Ahead {
    /// The usual: 30 seconds before an access token ends, a day before a timeout, three days before the user is needed.
    fn default() -> Self {
        Self { refresh: None, rotate: None, warn: None }
    }
}

impl Default for Grant {
    /// One without an end.
    fn default() -> Self {
        Self { authorization_expires: None, refresh_expires: None }
    }
}

/// What a client was answered, and what it knows besides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answered<'a> {
    /// The body of the answer: JSON.
    pub response: &'a [u8],
    /// Whose it is.
    pub source: Source,
    /// When it came or, better, when the request was sent, in seconds since 1970.
    pub received_at: u64,
    /// Whether a refresh token was presented for it, which stays good where the answer has no new one.
    pub refreshed: bool,
    /// How long ahead of an end something is to be done.
    pub ahead: Ahead,
    /// The authorization server's metadata: JSON.
    pub metadata: Option<&'a [u8]>,
}

impl<'a> Answered<'a> {
    /// The answer of a token endpoint to a first request, when that request was sent in seconds since 1970; the usual times ahead,
    /// no metadata.
    #[must_use]
    pub fn by_token_endpoint(response: &'a [u8], sent_at: u64) -> Self {
        Self {
            response,
            source: Source::TokenEndpoint,
            received_at: sent_at,
            refreshed: false,
            ahead: Ahead::default(),
            metadata: None,
        }
    }
}

/// Lifetimes of refresh tokens and authorizations.
impl Portcullis {
    /// Reads what a server answered, and says what a client does next, at a time in seconds since 1970.
    ///
    /// # Errors
    ///
    /// The component could not be asked. An answer that contradicts itself is a [`Verdict`].
    pub fn read_lifetimes(&mut self, answered: &Answered<'_>, at: u64) -> Result<Verdict<Plan>, HostError> {
        let Answered { response, source, received_at, refreshed, ahead, metadata } = *answered;
        self.sandbox.call(|store, bound| {
            let guest = bound.exports.portcullis_oauth_lifetimes();
            guest.call_read(store, response, source, received_at, refreshed, ahead, metadata, at)
        })
    }

    /// The same as [`read_lifetimes`](Self::read_lifetimes), with each check told. Slower; for people.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn explain_lifetimes(&mut self, answered: &Answered<'_>, at: u64) -> Result<Report, HostError> {
        let Answered { response, source, received_at, refreshed, ahead, metadata } = *answered;
        self.sandbox.call(|store, bound| {
            let guest = bound.exports.portcullis_oauth_lifetimes();
            guest.call_explain(store, response, source, received_at, refreshed, ahead, metadata, at)
        })
    }

    /// Checks, for a server, what it is about to answer at a time in seconds since 1970. `metadata` is its own, where what is left
    /// out of an answer has to be declared.
    ///
    /// # Errors
    ///
    /// The component could not be asked. What may not be answered is a [`Verdict`].
    pub fn check_lifetimes(
        &mut self,
        response: &[u8],
        source: Source,
        grant: Grant,
        metadata: Option<&[u8]>,
        at: u64,
    ) -> Result<Verdict<()>, HostError> {
        self.sandbox.call(|store, bound| {
            bound.exports.portcullis_oauth_lifetimes().call_check(store, response, source, grant, metadata, at)
        })
    }

    /// Whether a server may still take a refresh token at a time in seconds since 1970.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A token that has ended is a [`Verdict`]: answer `invalid_grant`.
    pub fn accept_refresh_token(&mut self, grant: Grant, at: u64) -> Result<Verdict<()>, HostError> {
        self.sandbox.call(|store, bound| bound.exports.portcullis_oauth_lifetimes().call_accept(store, grant, at))
    }

    /// When a refresh token ends whose timeout, in seconds, begins at a time in seconds since 1970: never after the authorization.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn refresh_token_end(
        &mut self,
        authorization_expires: Option<u64>,
        timeout: Option<u64>,
        at: u64,
    ) -> Result<Option<u64>, HostError> {
        self.sandbox.call(|store, bound| {
            bound.exports.portcullis_oauth_lifetimes().call_refresh_end(store, authorization_expires, timeout, at)
        })
    }
}
