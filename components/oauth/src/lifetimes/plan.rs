//! What a client does next.

use alloc::format;

use portcullis_types::{Rejection, Timestamp};

use super::{LifetimeCode, Lifetimes};

/// The most seconds that a response may have come after the time it is judged at: a clock that is set right steps so far. A clock
/// that went back further would make everything seem to last longer than it does.
pub const MAX_CLOCK_STEP: u64 = 300;

/// How long ahead of an end something is done, in seconds. None is longer than a part of the lifetime itself, or a short-lived
/// token would be due as soon as it comes: a tenth for `refresh`, a quarter for `rotate` and `warn`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ahead {
    /// Before an access token ends. 30 by default: a request that is sent now has to be on time when it arrives.
    pub refresh: u64,
    /// Before a refresh token's timeout ends. A day by default: who runs once a day is in time.
    pub rotate: u64,
    /// Before the user is needed. Three days by default: over a weekend.
    pub warn: u64,
}

impl Default for Ahead {
    fn default() -> Self {
        Self { refresh: 30, rotate: 24 * 60 * 60, warn: 3 * 24 * 60 * 60 }
    }
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing: the access token is good, or nothing is known to the contrary.
    None,
    /// The access token has ended or is about to: exchange the refresh token when one is needed.
    Refresh,
    /// The refresh token's timeout is about to end: exchange it now, even if no access token is needed, or it is lost.
    Rotate,
    /// Nothing works any more without the user: begin a new authorization request.
    Ask,
}

impl Next {
    /// Its name in the interfaces.
    pub fn name(self) -> &'static str {
        match self {
            Next::None => "none",
            Next::Refresh => "refresh",
            Next::Rotate => "rotate",
            Next::Ask => "ask",
        }
    }
}

/// What to do now, and when the next thing is due. Times in seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What to do now.
    pub next: Next,
    /// From when on `refresh` is what to do.
    pub refresh_at: Option<Timestamp>,
    /// From when on `rotate` is what to do.
    pub rotate_at: Option<Timestamp>,
    /// When nothing works any more without the user, if the client does what `next` says until then.
    pub ask_at: Option<Timestamp>,
    /// From when on the user should be told of it (section 9).
    pub warn_at: Option<Timestamp>,
    /// Whether that has come.
    pub warn: bool,
}

impl Lifetimes {
    /// What to do at a time.
    ///
    /// `ask` goes first: after the authorization's end nothing else helps. `rotate` goes before `refresh`, for it does the same
    /// and cannot wait. A refresh token that ends with the authorization is not rotated, because that gains nothing.
    ///
    /// Error: `lifetimes.received_in_future`.
    pub fn plan(&self, at: Timestamp, ahead: &Ahead) -> Result<Plan, Rejection> {
        if self.received_at() > at.saturating_add(MAX_CLOCK_STEP) {
            let what = format!("the response came {} seconds after now", self.received_at() - at);
            return Err(Rejection::new(LifetimeCode::ReceivedInFuture, what));
        }
        let (access, authorization) = (self.access_expires(), self.authorization_expires());
        let has_ended = |end: Option<Timestamp>| end.is_some_and(|end| at >= end);
        let usable = self.has_refresh_token() && !has_ended(self.refresh_expires());
        let refresh_at = access.filter(|_| usable).map(|end| self.before(end, ahead.refresh, 10));
        // An exchange begins the timeout anew, but never beyond the authorization (section 5).
        let extensible = self.timeout_ends().filter(|end| usable && authorization.is_none_or(|last| *end < last));
        let rotate_at = extensible.map(|end| self.before(end, ahead.rotate, 4));
        // With a refresh token the authorization is the end; without one, what is left is the access token.
        let ask_at = if usable { authorization } else { access.or(authorization) };
        let due = |time: Option<Timestamp>| time.is_some_and(|time| at >= time);
        let next = if self.is_refused() || due(ask_at) {
            Next::Ask
        } else if due(rotate_at) {
            Next::Rotate
        } else if due(refresh_at) {
            Next::Refresh
        } else {
            Next::None
        };
        let warn_at = ask_at.map(|end| self.before(end, ahead.warn, 4));
        // Who missed the refresh token's end knows then that the user is needed.
        let warn_at = match (warn_at, self.refresh_expires().filter(|_| !usable)) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, _) => one,
        };
        Ok(Plan { next, refresh_at, rotate_at, ask_at, warn_at, warn: self.is_refused() || due(warn_at) })
    }

    /// Some seconds before an end, but no more than a part of the time from the response to it.
    fn before(&self, end: Timestamp, seconds: u64, part: u64) -> Timestamp {
        let whole = end.saturating_sub(self.received_at());
        end.saturating_sub(seconds.min(whole.checked_div(part).unwrap_or(whole)))
    }
}
