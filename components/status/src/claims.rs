//! What a status list token says beside its list, judged in the order of section 8.3; the same for JWT and CWT.

use alloc::{format, string::String};

use portcullis_types::{
    NumericDate, Rejection, Timestamp,
    limits::excerpt,
    trace::{Trace, check},
};

use crate::StatusCode;

/// The claims of one form, their types checked.
pub(crate) struct Claims {
    /// `sub`, 2
    pub(crate) subject: Option<String>,
    /// `iat`, 6
    pub(crate) issued_at: Option<NumericDate>,
    /// `exp`, 4
    pub(crate) expires: Option<NumericDate>,
    /// `nbf`, 5
    pub(crate) not_before: Option<NumericDate>,
}

/// When a list may be relied upon. What can change while a list is held, so it is asked again at each use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Lifetime {
    pub(crate) issued_at: NumericDate,
    pub(crate) expires: Option<NumericDate>,
    pub(crate) not_before: Option<NumericDate>,
}

impl Claims {
    /// Steps 3b to 4c: the required claims are there, the token is for this URI, and this is its time. `list` tells
    /// whether there is a list.
    pub(crate) fn judge(
        self,
        list: Result<(), Rejection>,
        uri: &str,
        at: Timestamp,
        leeway: u64,
        trace: &mut dyn Trace,
    ) -> Result<Lifetime, Rejection> {
        let required = self.required().and_then(|found| list.map(|()| found));
        let rule = "draft-ietf-oauth-status-list-21 section 8.3 step 3b";
        let (told, issued_at) = check(trace, "required claims", rule, required, |_| "sub, iat and the list".into())?;
        let rule = "draft-ietf-oauth-status-list-21 section 8.3 step 4a";
        check(trace, "subject", rule, subject(told, uri), |()| excerpt(uri))?;
        let lifetime = Lifetime { issued_at, expires: self.expires, not_before: self.not_before };
        lifetime.check(at, leeway, trace)?;
        Ok(lifetime)
    }

    /// Step 3b, but for the list itself.
    fn required(&self) -> Result<(&str, NumericDate), Rejection> {
        let subject = self
            .subject
            .as_deref()
            .ok_or_else(|| Rejection::new(StatusCode::SubjectMissing, "the status list token has no sub"))?;
        let issued_at = self
            .issued_at
            .ok_or_else(|| Rejection::new(StatusCode::IssuedAtMissing, "the status list token has no iat"))?;
        Ok((subject, issued_at))
    }
}

impl Lifetime {
    /// Steps 4b and 4c, and `nbf`.
    ///
    /// Errors: `status.issued_in_future`, `status.expired`, `status.not_yet_valid`.
    pub(crate) fn check(&self, at: Timestamp, leeway: u64, trace: &mut dyn Trace) -> Result<(), Rejection> {
        let rule = "draft-ietf-oauth-status-list-21 section 8.3 step 4b";
        check(trace, "issued at", rule, self.issued(at, leeway), |()| {
            format!("iat is {}, it is {at}", self.issued_at)
        })?;
        let rule = "draft-ietf-oauth-status-list-21 section 8.3 step 4c";
        check(trace, "expiry", rule, self.expiry(at, leeway), |()| match self.expires {
            Some(expires) => format!("exp is {expires}, it is {at}"),
            None => "says nothing of it".into(),
        })?;
        check(trace, "not before", "RFC 7519 section 4.1.5", self.started(at, leeway), |()| match self.not_before {
            Some(date) => format!("nbf is {date}, it is {at}"),
            None => "valid from the start".into(),
        })
    }

    /// `iat`: a list from the future means that a clock is wrong, and then its other times mean nothing either.
    fn issued(&self, at: Timestamp, leeway: u64) -> Result<(), Rejection> {
        if self.issued_at.ahead_of(at, leeway) {
            return Err(Rejection::new(
                StatusCode::IssuedInFuture,
                format!("iat is {} and it is {at}, with a leeway of {leeway} seconds", self.issued_at),
            ));
        }
        Ok(())
    }

    /// `exp`: expired when `at >= exp + leeway`.
    fn expiry(&self, at: Timestamp, leeway: u64) -> Result<(), Rejection> {
        match self.expires {
            Some(expires) if expires.reached(at, leeway) => Err(Rejection::new(
                StatusCode::Expired,
                format!("exp was {expires} and it is {at}, with a leeway of {leeway} seconds"),
            )),
            _ => Ok(()),
        }
    }

    /// `nbf`: valid from `at >= nbf - leeway`.
    fn started(&self, at: Timestamp, leeway: u64) -> Result<(), Rejection> {
        match self.not_before {
            Some(date) if date.ahead_of(at, leeway) => Err(Rejection::new(
                StatusCode::NotYetValid,
                format!("nbf is {date} and it is {at}, with a leeway of {leeway} seconds"),
            )),
            _ => Ok(()),
        }
    }
}

/// `sub` is the URI, byte by byte (step 4a).
fn subject(told: &str, uri: &str) -> Result<(), Rejection> {
    if told == uri {
        return Ok(());
    }
    Err(Rejection::new(StatusCode::SubjectMismatch, format!("sub is {}, not {}", excerpt(told), excerpt(uri))))
}

/// `ttl` in seconds: positive, and within the range of times.
pub(crate) fn positive(seconds: f64) -> Result<f64, Rejection> {
    if seconds <= 0.0 {
        return Err(Rejection::new(StatusCode::TtlNotPositive, "ttl is zero or less"));
    }
    NumericDate::from_seconds(seconds)
        .map(NumericDate::seconds)
        .ok_or_else(|| Rejection::new(StatusCode::TtlType, "ttl is above 2^53 - 1"))
}
