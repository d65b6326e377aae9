//! The server's side: what it may say, and what it may accept.

use alloc::format;

use portcullis_types::{Rejection, Timestamp, Trace, json::Object, trace::check};

use super::{
    ExpirationTypes, LifetimeCode, Lifetimes,
    parameters::{AUTHORIZATION, REFRESH},
};

/// What a server knows of an authorization and of the refresh token it gave for it. Times in seconds since 1970; nothing means no
/// end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Grant {
    /// When the user's authorization ends.
    pub authorization_expires: Option<Timestamp>,
    /// When the refresh token ends if it is not exchanged before.
    pub refresh_expires: Option<Timestamp>,
}

impl Grant {
    /// The end of a refresh token that is issued, or whose timeout begins anew, at a time: its timeout, but not beyond the
    /// authorization (section 5).
    #[must_use]
    pub fn refresh_end(
        authorization_expires: Option<Timestamp>,
        timeout: Option<u64>,
        at: Timestamp,
    ) -> Option<Timestamp> {
        match (timeout.map(|timeout| at.saturating_add(timeout)), authorization_expires) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// Whether the refresh token may still be used, for whatever purpose (section 5). What refuses is answered with
    /// `invalid_grant` (section 6.2).
    ///
    /// Errors: `lifetimes.authorization_expired`, `lifetimes.refresh_expired`.
    pub fn accept(&self, at: Timestamp) -> Result<(), Rejection> {
        if let Some(end) = self.authorization_expires.filter(|end| at >= *end) {
            let what = format!("the authorization ended {} seconds ago", at - end);
            return Err(Rejection::new(LifetimeCode::AuthorizationExpired, what));
        }
        if let Some(end) = self.refresh_expires.filter(|end| at >= *end) {
            return Err(Rejection::new(
                LifetimeCode::RefreshExpired,
                format!("the refresh token ended {} seconds ago", at - end),
            ));
        }
        Ok(())
    }

    /// Section 5: the refresh token must not expire later than the authorization.
    fn check_order(&self) -> Result<(), Rejection> {
        match (self.refresh_expires, self.authorization_expires) {
            (Some(refresh), Some(authorization)) if refresh > authorization => {
                let what =
                    format!("the refresh token ends {} seconds after the authorization", refresh - authorization);
                Err(Rejection::new(LifetimeCode::TimeoutTooLong, what))
            }
            _ => Ok(()),
        }
    }

    /// When the refresh token ends, whichever end comes first.
    fn last(&self) -> Option<Timestamp> {
        [self.authorization_expires, self.refresh_expires].into_iter().flatten().min()
    }
}

/// Checks the JSON that a token endpoint is about to answer, at a time, for a grant. `types` is what the server's metadata declares;
/// `None` where that is not looked at, `Some(None)` where it declares nothing.
///
/// Errors: `lifetimes.name_superseded`, those of [`Lifetimes::of_token_response`], `lifetimes.authorization_missing`,
/// `lifetimes.timeout_missing`, `lifetimes.authorization_overstated`, `lifetimes.timeout_overstated`, `lifetimes.undeclared`.
pub fn check_response(
    response: &Object,
    grant: &Grant,
    types: Option<Option<ExpirationTypes>>,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<(), Rejection> {
    let section_5 = "refresh-token-expiration-03 section 5";
    let section_6 = "refresh-token-expiration-03 section 6.1";
    check(trace, "present names", section_6, present_names(response), |()| "no former one".into())?;
    check(trace, "the grant's ends", section_5, grant.check_order(), |()| "the token's is not later".into())?;
    let told = Lifetimes::of_token_response(response, at, false, trace)?;
    let has_token = response.get("refresh_token")?.is_some();
    check(trace, "finite ends are told", section_6, complete(&told, grant, has_token), |()| "all".into())?;
    check(trace, "and not overstated", section_6, overstated(&told, grant, LifetimeCode::TimeoutOverstated), |()| {
        "not later".into()
    })?;
    let within = match (told.access_expires(), grant.authorization_expires) {
        (Some(access), Some(end)) if access > end => {
            let what = format!("the access token ends {} seconds after the authorization", access - end);
            Err(Rejection::new(LifetimeCode::AccessTooLong, what))
        }
        _ => Ok(()),
    };
    check(trace, "access within the grant", section_5, within, |()| "not longer".into())?;
    if let Some(types) = types.filter(|_| has_token) {
        let declared = declared(&told, types);
        check(trace, "what is left out is declared", "refresh-token-expiration-03 section 8", declared, |()| {
            "yes".into()
        })?;
    }
    Ok(())
}

/// Checks the JSON that an introspection of a refresh token is about to answer (section 7). The timeout is what is left of it: an
/// introspection never begins it anew.
///
/// Errors: `lifetimes.name_superseded`, those of [`Lifetimes::of_introspection`], those of [`Grant::accept`] where the answer is
/// active, `lifetimes.authorization_overstated`, `lifetimes.timeout_reset`.
pub fn check_introspection(
    response: &Object,
    grant: &Grant,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<(), Rejection> {
    let section_7 = "refresh-token-expiration-03 section 7";
    check(trace, "present names", section_7, present_names(response), |()| "no former one".into())?;
    let told = Lifetimes::of_introspection(response, at, trace)?;
    if told.is_refused() {
        return Ok(());
    }
    check(trace, "the token is good", "refresh-token-expiration-03 section 5", grant.accept(at), |()| "yes".into())?;
    check(trace, "nothing is overstated", section_7, overstated(&told, grant, LifetimeCode::TimeoutReset), |()| {
        "not later".into()
    })
}

fn present_names(response: &Object) -> Result<(), Rejection> {
    REFRESH.check_present(response)?;
    AUTHORIZATION.check_present(response)
}

/// Section 6.1: finite values are returned whenever the response has a refresh token.
fn complete(told: &Lifetimes, grant: &Grant, has_token: bool) -> Result<(), Rejection> {
    if !has_token {
        return Ok(());
    }
    if grant.authorization_expires.is_some() && told.authorization_expires().is_none() {
        let what = "the authorization ends, and there is no authorization_expires_in";
        return Err(Rejection::new(LifetimeCode::AuthorizationMissing, what));
    }
    if grant.refresh_expires.is_some() && told.timeout_ends().is_none() {
        // A token that ends with the authorization and not before has no timeout of its own.
        if grant.refresh_expires != grant.authorization_expires {
            let what = "the refresh token ends, and there is no refresh_token_timeout";
            return Err(Rejection::new(LifetimeCode::TimeoutMissing, what));
        }
    }
    Ok(())
}

/// What is told is no more than what is left. Less is allowed: of several scopes the shortest counts (section 6.1.1).
fn overstated(told: &Lifetimes, grant: &Grant, timeout: LifetimeCode) -> Result<(), Rejection> {
    let later = |told: Option<Timestamp>, end: Option<Timestamp>| match (told, end) {
        (Some(told), Some(end)) if told > end => Some(told - end),
        _ => None,
    };
    if let Some(seconds) = later(told.authorization_expires(), grant.authorization_expires) {
        let what = format!("authorization_expires_in is {seconds} seconds more than is left");
        return Err(Rejection::new(LifetimeCode::AuthorizationOverstated, what));
    }
    if let Some(seconds) = later(told.timeout_ends(), grant.last()) {
        let what = format!("refresh_token_timeout is {seconds} seconds more than is left");
        return Err(Rejection::new(timeout, what));
    }
    Ok(())
}

/// Section 8: who leaves something out to say that it has no end has to declare that they know of it.
fn declared(told: &Lifetimes, types: Option<ExpirationTypes>) -> Result<(), Rejection> {
    let leaves_out = told.authorization_expires().is_none() || told.timeout_ends().is_none();
    if leaves_out && types.is_none() {
        let what = "the response leaves out an end, and the metadata has no refresh_token_expiration_types_supported";
        return Err(Rejection::new(LifetimeCode::Undeclared, what));
    }
    Ok(())
}
