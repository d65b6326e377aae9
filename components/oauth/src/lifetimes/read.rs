//! What a token endpoint, or an introspection endpoint, says about how long things last.

use alloc::{format, string::String};

use portcullis_types::{
    Rejection, Timestamp, Trace,
    json::{Object, Value},
    limits::excerpt,
    trace::check,
};

use super::{
    LifetimeCode,
    parameters::{ACCESS, AUTHORIZATION, REFRESH},
};

const RULE: &str = "refresh-token-expiration-03 section 6.1";

/// When the access token, the refresh token and the user's authorization end, as far as the server told. Times in seconds since
/// 1970; nothing means that no end was told, and so that there is none or that it is not known (section 6.1.2: both are treated
/// alike).
///
/// The refresh token's end is never later than the authorization's, and neither is the access token's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lifetimes {
    received_at: Timestamp,
    access: Option<Timestamp>,
    timeout: Option<Timestamp>,
    authorization: Option<Timestamp>,
    has_refresh_token: bool,
    is_refused: bool,
}

impl Lifetimes {
    /// Reads the JSON of a token endpoint's response. `received_at` is when the response came or, better, when the request was
    /// sent: counted from there, a slow answer makes an end early and never late. `refreshed` says that a refresh token was
    /// presented for it, which stays good where the response has no new one (RFC 6749 section 6).
    ///
    /// `invalid_grant` is an answer too: nothing is left, and the user has to be asked (section 6.2).
    ///
    /// Errors: `lifetimes.error_response`, `lifetimes.value`, `lifetimes.out_of_range`, `lifetimes.conflict`,
    /// `lifetimes.timeout_exceeds_authorization`, `lifetimes.access_exceeds_authorization`, `json.duplicate_name`.
    pub fn of_token_response(
        response: &Object,
        received_at: Timestamp,
        refreshed: bool,
        trace: &mut dyn Trace,
    ) -> Result<Self, Rejection> {
        // Section 6.2.
        let error = check(trace, "the response", "RFC 6749 section 5.2", error(response), |error| match error {
            Error::None => "no error".into(),
            Error::InvalidGrant => "invalid_grant".into(),
        })?;
        if error == Error::InvalidGrant {
            return Ok(Self::refused(received_at));
        }
        let access = ACCESS.end(response, received_at);
        let access = check(trace, "the access token's end", "RFC 6749 section 5.1", access, told)?;
        let mut read = Self { access, ..Self::ends(response, received_at, trace)? };
        // Section 6.1: without a refresh token in the response, these parameters are about the one that was presented.
        read.has_refresh_token = refreshed
            || response.get("refresh_token")?.is_some()
            || REFRESH.any(response)?
            || AUTHORIZATION.any(response)?;
        check(
            trace,
            "access within the authorization",
            "refresh-token-expiration-03 section 5",
            read.check_access(),
            |()| "not longer".into(),
        )?;
        Ok(read)
    }

    /// Reads the JSON of an introspection of a refresh token (section 7, RFC 7662 section 2.2). `exp` counts too, where it is
    /// earlier. A token that is not active is gone: the user has to be asked.
    ///
    /// Errors: `lifetimes.introspection_active` and those of [`Lifetimes::of_token_response`] but for the access token's.
    pub fn of_introspection(
        response: &Object,
        received_at: Timestamp,
        trace: &mut dyn Trace,
    ) -> Result<Self, Rejection> {
        let active = check(trace, "active", "RFC 7662 section 2.2", active(response), |active| format!("{active}"))?;
        if !active {
            return Ok(Self::refused(received_at));
        }
        let mut read = Self { has_refresh_token: true, ..Self::ends(response, received_at, trace)? };
        let exp = check(trace, "exp", "RFC 7662 section 2.2", expires(response), told)?;
        read.timeout = match (read.timeout, exp) {
            (Some(timeout), Some(exp)) => Some(timeout.min(exp)),
            (timeout, exp) => timeout.or(exp),
        };
        // `exp` may have become the token's end, and has to keep the rule too.
        check(trace, "exp within the authorization", RULE, read.check_timeout(), |()| "not longer".into())?;
        Ok(read)
    }

    /// Refresh token and authorization, which are the same in both responses.
    fn ends(response: &Object, received_at: Timestamp, trace: &mut dyn Trace) -> Result<Self, Rejection> {
        let timeout = check(trace, "the refresh token's timeout", RULE, REFRESH.end(response, received_at), told)?;
        let authorization = AUTHORIZATION.end(response, received_at);
        let authorization = check(trace, "the authorization's end", RULE, authorization, told)?;
        let read =
            Self { received_at, access: None, timeout, authorization, has_refresh_token: false, is_refused: false };
        check(trace, "timeout within the authorization", RULE, read.check_timeout(), |()| "not longer".into())?;
        Ok(read)
    }

    fn refused(received_at: Timestamp) -> Self {
        Self {
            received_at,
            access: None,
            timeout: None,
            authorization: None,
            has_refresh_token: false,
            is_refused: true,
        }
    }

    /// Section 6.1: the timeout shall not exceed what is left of the authorization.
    fn check_timeout(&self) -> Result<(), Rejection> {
        match (self.timeout, self.authorization) {
            (Some(timeout), Some(authorization)) if timeout > authorization => {
                let what =
                    format!("the refresh token ends {} seconds after the authorization", timeout - authorization);
                Err(Rejection::new(LifetimeCode::TimeoutTooLong, what))
            }
            _ => Ok(()),
        }
    }

    /// Section 5: access tokens must not expire later than the authorization.
    fn check_access(&self) -> Result<(), Rejection> {
        match (self.access, self.authorization) {
            (Some(access), Some(authorization)) if access > authorization => {
                let what = format!("the access token ends {} seconds after the authorization", access - authorization);
                Err(Rejection::new(LifetimeCode::AccessTooLong, what))
            }
            _ => Ok(()),
        }
    }

    /// When the response came, as it was said.
    pub fn received_at(&self) -> Timestamp {
        self.received_at
    }

    /// When the access token ends.
    pub fn access_expires(&self) -> Option<Timestamp> {
        self.access
    }

    /// When the refresh token ends at the latest if it is not exchanged before: its timeout, or the authorization's end where it
    /// has none (section 5).
    pub fn refresh_expires(&self) -> Option<Timestamp> {
        if self.has_refresh_token { self.timeout.or(self.authorization) } else { None }
    }

    /// When the refresh token's own timeout ends: what an exchange begins anew.
    pub fn timeout_ends(&self) -> Option<Timestamp> {
        self.timeout
    }

    /// When the user's authorization ends.
    pub fn authorization_expires(&self) -> Option<Timestamp> {
        self.authorization
    }

    /// Whether the client has a refresh token after this response.
    pub fn has_refresh_token(&self) -> bool {
        self.has_refresh_token
    }

    /// Whether the server said that what was presented is good for nothing: `invalid_grant`, or not active.
    pub fn is_refused(&self) -> bool {
        self.is_refused
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Error {
    None,
    InvalidGrant,
}

/// Section 6.2: `invalid_grant` covers expiry. Other errors say nothing about it.
fn error(response: &Object) -> Result<Error, Rejection> {
    match response.get("error")? {
        None => Ok(Error::None),
        Some(Value::String(error)) if error == "invalid_grant" => Ok(Error::InvalidGrant),
        Some(Value::String(error)) => {
            Err(Rejection::new(LifetimeCode::ErrorResponse, format!("the response is the error {}", excerpt(error))))
        }
        Some(other) => Err(Rejection::new(
            LifetimeCode::ErrorResponse,
            format!("the response has an error that is {}", other.kind()),
        )),
    }
}

fn active(response: &Object) -> Result<bool, Rejection> {
    match response.get("active")? {
        Some(Value::Bool(active)) => Ok(*active),
        other => {
            let kind = other.map_or("missing", Value::kind);
            Err(Rejection::new(LifetimeCode::Active, format!("active is {kind}, not true or false")))
        }
    }
}

/// `exp` of an introspection response: whole seconds since 1970 (RFC 7662 section 2.2).
fn expires(response: &Object) -> Result<Option<Timestamp>, Rejection> {
    let Some(value) = response.get("exp")? else { return Ok(None) };
    match portcullis_types::time::timestamp_from_json(value) {
        Some(exp) => Ok(Some(exp)),
        None => {
            let what = format!("exp is {} that is no whole number from 0 to 2^53-1", value.kind());
            Err(Rejection::new(LifetimeCode::Value, what))
        }
    }
}

fn told(end: &Option<Timestamp>) -> String {
    end.map_or_else(|| "not told".into(), |end| format!("{end}"))
}
