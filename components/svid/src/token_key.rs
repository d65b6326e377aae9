//! What tokens have in common: who they speak of, which bundle speaks for them, and why a key is not among its keys.

use alloc::{format, string::String};

use portcullis_crypto::{Algorithm, CryptoCode};
use portcullis_token::jwt::VerifiedJwt;
use portcullis_types::{
    NumericDate, Rejection,
    json::{self, Object, Value},
    limits::excerpt,
    trace::Trace,
};

use crate::{BundleEntry, BundleSet, SpiffeId, SvidCode, TrustDomain, bundle::KeyUse};

/// The algorithms of JWT-SVIDs and WIT-SVIDs (JWT-SVID section 2.1, WIT-SVID section 2.3), and of the keys that WIT-SVIDs
/// confirm (section 3.2).
pub const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::Es512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
];

/// Header members that carry a key or say where to fetch one (RFC 7515 sections 4.1.2, 4.1.3, 4.1.5 and 4.1.6).
const KEY_MEMBERS: [&str; 4] = ["jku", "jwk", "x5u", "x5c"];

/// The `sub` of a token that is not verified yet. It says whose keys to verify with, and nothing else is believed before
/// they have (JWT-SVID section 3.1, WIT-SVID section 3.1).
///
/// Errors: `json.*`, `svid.subject_missing`, `svid.subject_type`, `spiffe.*`.
pub(crate) fn subject(payload: &[u8]) -> Result<SpiffeId, Rejection> {
    let claims = json::parse_object(payload).map_err(|rejection| rejection.within("claims"))?;
    match claims.get("sub")? {
        None => Err(Rejection::new(SvidCode::SubjectMissing, "the token has no sub")),
        Some(Value::String(sub)) => SpiffeId::parse(sub).map_err(|rejection| rejection.within("sub")),
        Some(other) => Err(Rejection::new(SvidCode::SubjectType, format!("sub is {}", other.kind()))),
    }
}

/// `exp` is there (JWT-SVID section 3.3, WIT-SVID section 3.4). That it has not passed was judged with the claims.
///
/// Error: `svid.expires_missing`.
pub(crate) fn expires(token: &VerifiedJwt) -> Result<NumericDate, Rejection> {
    token.claims.expires.ok_or_else(|| Rejection::new(SvidCode::ExpiresMissing, "the token has no exp"))
}

/// Whether a header brings a key along.
///
/// Error: `json.duplicate_name`.
pub(crate) fn brings_key(header: &Object) -> Result<Option<&'static str>, Rejection> {
    for name in KEY_MEMBERS {
        if header.get(name)?.is_some() {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// A token on its way to the keys of its trust domain.
pub(crate) struct Sought<'a> {
    pub(crate) header: &'a Object,
    pub(crate) wanted: KeyUse,
    pub(crate) trust_domain: &'a TrustDomain,
    pub(crate) bundles: &'a BundleSet,
}

impl Sought<'_> {
    /// Says more exactly why a key is unknown, where that can be said: the bundle has it for something else or passed it
    /// over, another trust domain has it, or the token brings it along. Whatever is said, the token stays refused.
    pub(crate) fn explain(&self, refused: Rejection) -> Rejection {
        let Ok(Some(Value::String(kid))) = self.header.get("kid") else {
            return refused;
        };
        if !refused.is(CryptoCode::Unknown) {
            return refused;
        }
        self.reason(kid).unwrap_or(refused)
    }

    fn reason(&self, kid: &str) -> Option<Rejection> {
        let shown = format!("the key {}", excerpt(kid));
        let named = |entry: &&BundleEntry| entry.kid.as_deref() == Some(kid);
        let own = self.bundles.of(self.trust_domain).ok()?;
        for entry in own.entries().iter().filter(named) {
            let code = match entry.key_use {
                Some(key_use) if key_use == self.wanted => None,
                Some(KeyUse::X509) => Some(SvidCode::KeyForX509),
                Some(KeyUse::Jwt) => Some(SvidCode::KeyForJwt),
                Some(KeyUse::Wit) => Some(SvidCode::KeyForWit),
                None => None,
            };
            if let Some(code) = code {
                return Some(Rejection::new(code, format!("{shown} is not for {}", self.wanted.name())));
            }
            if let Some(problem) = &entry.problem {
                return Some(problem.clone().within(&shown));
            }
        }
        for (other, bundle) in self.bundles.others(self.trust_domain) {
            if bundle.entries().iter().filter(named).any(|entry| entry.key_use == Some(self.wanted)) {
                return Some(Rejection::new(
                    SvidCode::KeyOfOtherTrustDomain,
                    format!("{shown} is one of {other}, and sub is one of {}", self.trust_domain),
                ));
            }
        }
        let name = brings_key(self.header).ok()??;
        Some(Rejection::new(SvidCode::KeyInHeader, format!("{shown} is none of the bundle; the token brings a {name}")))
    }

    /// A trace that hears the explained reasons.
    pub(crate) fn trace<'t>(&'t self, trace: &'t mut dyn Trace) -> impl Trace + 't {
        Explained { sought: self, trace }
    }
}

struct Explained<'a> {
    sought: &'a Sought<'a>,
    trace: &'a mut dyn Trace,
}

impl Trace for Explained<'_> {
    fn passed(&mut self, check: &'static str, rule: &'static str, seen: &dyn Fn() -> String) {
        self.trace.passed(check, rule, seen);
    }

    fn failed(&mut self, check: &'static str, rejection: &Rejection) {
        self.trace.failed(check, &self.sought.explain(rejection.clone()));
    }
}
