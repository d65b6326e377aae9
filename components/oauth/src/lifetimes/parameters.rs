//! The parameters that say how long something lasts, under their present and former names.

use alloc::format;

use portcullis_types::{
    Rejection, Timestamp,
    json::{Object, Value},
    time::{MAX_TIMESTAMP, timestamp_from_json},
};

use super::LifetimeCode;

/// The most seconds by which a lifetime, counted from when the response came, and an absolute time of the same thing may lie
/// apart: a slow answer and two clocks that are kept by NTP. The earlier one counts.
pub const MAX_DISAGREEMENT: u64 = 60;

/// A parameter that says how many seconds are left.
struct Lifetime {
    name: &'static str,
    /// Whether its draft has the number in quotes (draft-watson-oauth-refresh-token-expiration-00 section 6).
    quoted: bool,
}

/// The names of one thing, the present one first.
pub(crate) struct Names {
    lifetimes: &'static [Lifetime],
    /// Seconds since 1970. No draft has them; servers do.
    times: &'static [&'static str],
}

const fn lifetime(name: &'static str) -> Lifetime {
    Lifetime { name, quoted: false }
}

const fn quoted(name: &'static str) -> Lifetime {
    Lifetime { name, quoted: true }
}

/// The access token (RFC 6749 section 5.1).
pub(crate) const ACCESS: Names = Names { lifetimes: &[lifetime("expires_in")], times: &["expires_at"] };

/// The refresh token (section 6.1).
pub(crate) const REFRESH: Names = Names {
    lifetimes: &[
        lifetime("refresh_token_timeout"),
        lifetime("refresh_token_inactivity_timeout"),
        quoted("refresh_token_expires_in"),
    ],
    times: &["refresh_token_expires_at"],
};

/// The user's authorization (section 6.1).
pub(crate) const AUTHORIZATION: Names = Names {
    lifetimes: &[lifetime("authorization_expires_in"), quoted("consent_expires_in")],
    times: &["authorization_expires_at", "consent_expires_at"],
};

impl Names {
    /// When it ends, in seconds since 1970; nothing where no parameter is there.
    ///
    /// Errors: `lifetimes.value`, `lifetimes.out_of_range`, `lifetimes.conflict`, `json.duplicate_name`.
    pub(crate) fn end(&self, response: &Object, received_at: Timestamp) -> Result<Option<Timestamp>, Rejection> {
        let mut left = None;
        for Lifetime { name, quoted } in self.lifetimes {
            if let Some(value) = response.get(name)? {
                agree(&mut left, name, seconds(name, value, *quoted)?)?;
            }
        }
        let mut time = None;
        for name in self.times {
            if let Some(value) = response.get(name)? {
                agree(&mut time, name, seconds(name, value, false)?)?;
            }
        }
        // Section 6.1.2: a large value is meant as it stands. It only has to be a time.
        let counted = match left {
            None => None,
            Some((name, left)) => match received_at.checked_add(left).filter(|end| *end <= MAX_TIMESTAMP) {
                Some(end) => Some((name, end)),
                None => {
                    let what = format!("{name} is {left}, which ends after 2^53-1");
                    return Err(Rejection::new(LifetimeCode::OutOfRange, what));
                }
            },
        };
        match (counted, time) {
            (Some((name, end)), Some((other, time))) if end.abs_diff(time) > MAX_DISAGREEMENT => {
                let apart = end.abs_diff(time);
                Err(Rejection::new(LifetimeCode::Conflict, format!("{name} and {other} end {apart} seconds apart")))
            }
            (Some((_, end)), Some((_, time))) => Ok(Some(end.min(time))),
            (one, other) => Ok(one.or(other).map(|(_, end)| end)),
        }
    }

    /// Whether any of the names is there.
    pub(crate) fn any(&self, response: &Object) -> Result<bool, Rejection> {
        for name in self.lifetimes.iter().map(|lifetime| lifetime.name).chain(self.times.iter().copied()) {
            if response.get(name)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Refuses what a server does not write: every name but the first lifetime.
    ///
    /// Error: `lifetimes.name_superseded`.
    pub(crate) fn check_present(&self, response: &Object) -> Result<(), Rejection> {
        let former = self.lifetimes.iter().skip(1).map(|lifetime| lifetime.name).chain(self.times.iter().copied());
        for name in former {
            if response.get(name)?.is_some() {
                let now = self.lifetimes.first().map_or("", |lifetime| lifetime.name);
                let what = format!("the response has {name} where {now} is meant");
                return Err(Rejection::new(LifetimeCode::NameSuperseded, what));
            }
        }
        Ok(())
    }
}

/// Two names of one thing have one value.
fn agree(known: &mut Option<(&'static str, u64)>, name: &'static str, value: u64) -> Result<(), Rejection> {
    match known {
        Some((other, first)) if *first != value => {
            let what = format!("{other} is {first} and {name} is {value}");
            Err(Rejection::new(LifetimeCode::Conflict, what))
        }
        Some(_) => Ok(()),
        None => {
            *known = Some((name, value));
            Ok(())
        }
    }
}

/// A whole number from 0 to 2^53−1, or the digits of one.
fn seconds(name: &str, value: &Value, quoted: bool) -> Result<u64, Rejection> {
    let number = match value {
        Value::String(digits) if quoted => digits_to_seconds(digits),
        other => timestamp_from_json(other),
    };
    number.ok_or_else(|| {
        let kind = value.kind();
        Rejection::new(LifetimeCode::Value, format!("{name} is {kind} that is no whole number from 0 to 2^53-1"))
    })
}

/// The number in its one spelling: no sign, no space, no zero before it.
fn digits_to_seconds(digits: &str) -> Option<u64> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    digits.parse().ok().filter(|number| plain && *number <= MAX_TIMESTAMP)
}
