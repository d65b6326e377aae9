//! What an operator says of a Transaction Token Service (section 10).

use alloc::format;

use portcullis_types::Rejection;

use super::{SubjectTokenType, TransactionCode};

/// How long tokens live where nothing else is said, in seconds: the order of minutes that section 6 speaks of.
pub const DEFAULT_LIFETIME: u64 = 300;

/// The longest that tokens may live, in seconds. Beyond an hour nobody calls a token short-lived; a long task asks for another one.
pub const MAX_LIFETIME: u64 = 3600;

/// Replacements of one token where nothing else is said. Each may bring its transaction a further lifetime (section 13.15).
const DEFAULT_REPLACEMENTS: usize = 4;

/// How long a token lives: 1 second to 1 hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime(u64);

impl Lifetime {
    /// From seconds.
    ///
    /// Error: `txn.service_lifetime`.
    ///
    /// ```
    /// use portcullis_oauth::transaction_token::Lifetime;
    /// assert_eq!(Lifetime::from_seconds(60)?.seconds(), 60);
    /// assert_eq!(Lifetime::from_seconds(86_400).unwrap_err().code(), "txn.service_lifetime");
    /// # Ok::<(), portcullis_types::Rejection>(())
    /// ```
    pub fn from_seconds(seconds: u64) -> Result<Self, Rejection> {
        if (1..=MAX_LIFETIME).contains(&seconds) {
            return Ok(Self(seconds));
        }
        let what = format!("a lifetime of {seconds} seconds, it is 1 to {MAX_LIFETIME}");
        Err(Rejection::new(TransactionCode::ServiceLifetime, what))
    }

    /// Seconds.
    pub fn seconds(self) -> u64 {
        self.0
    }
}

impl Default for Lifetime {
    fn default() -> Self {
        Self(DEFAULT_LIFETIME)
    }
}

/// A service: the one of its trust domain.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Service<'s> {
    /// The trust domain's name: `audience` of requests, `aud` of tokens.
    pub trust_domain: &'s str,
    /// The service's own identifier, for which self-signed subject tokens are made.
    pub identifier: &'s str,
    /// `iss` of the tokens, where workloads find keys by it.
    pub issuer: Option<&'s str>,
    /// How long tokens live.
    pub lifetime: Lifetime,
    /// Whether a token may live longer than the one that was presented for it (sections 6 and 13.15).
    pub longer_life: bool,
    /// How often a token may be replaced, one replacement after the other; 0: never.
    pub replacements: usize,
    /// Types of subject tokens that are accepted.
    pub subject_types: &'s [SubjectTokenType],
    /// How far clocks may differ, in seconds, where a self-signed subject token says when it was made.
    pub leeway: u64,
}

impl<'s> Service<'s> {
    /// A service with the usual lifetime, whose tokens never outlive what was presented for them, and which takes access tokens,
    /// JWTs, and its own tokens for replacement. It takes no word of the requesting workload for who the subject is.
    pub fn of(trust_domain: &'s str, identifier: &'s str) -> Self {
        const TAKEN: &[SubjectTokenType] =
            &[SubjectTokenType::AccessToken, SubjectTokenType::Jwt, SubjectTokenType::TransactionToken];
        Self {
            trust_domain,
            identifier,
            issuer: None,
            lifetime: Lifetime::default(),
            longer_life: false,
            replacements: DEFAULT_REPLACEMENTS,
            subject_types: TAKEN,
            leeway: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_has_two_bounds() {
        for (seconds, good) in
            [(0, false), (1, true), (MAX_LIFETIME, true), (MAX_LIFETIME + 1, false), (u64::MAX, false)]
        {
            let made = Lifetime::from_seconds(seconds);
            assert_eq!(
                made.map_or_else(|rejection| rejection.code(), |_| "txn.good"),
                if good { "txn.good" } else { "txn.service_lifetime" }
            );
        }
    }
}
