//! Workload Identity Tokens (draft-ietf-wimse-workload-creds-02 section 5.1): a token that binds a workload's key to its
//! identifier. WIT-SVIDs are a profile of them, with rules of its own ([`portcullis_svid::wit_svid`]).

use alloc::{format, rc::Rc, string::String, vec::Vec};

use portcullis_crypto::{Algorithm, Backend};
use portcullis_svid::Confirmation;
use portcullis_token::{
    compact,
    jwt::{self, VerifiedJwt},
};
use portcullis_types::{
    NumericDate, Rejection, Timestamp,
    json::{self, Value},
    trace::{Trace, check},
};

use crate::{TrustDomains, WimseCode, WorkloadIdentifier};

/// The header field that carries one (section 5.1.2).
pub const HEADER: &str = "Workload-Identity-Token";

/// The media type in the header (section 5.1.1).
pub const TYPE: &str = "wit+jwt";

/// A token that verified. It alone proves nothing about who sent it: a proof of possession of [`Self::confirmation`] has to
/// come with it, and it is never a bearer token.
#[derive(Debug)]
pub struct VerifiedIdentityToken {
    /// Who holds the key: `sub`.
    pub subject: WorkloadIdentifier,
    /// The key whose possession has to be proved.
    pub confirmation: Confirmation,
    /// Until when it is valid: `exp`.
    pub expires: NumericDate,
    /// The token.
    pub token: VerifiedJwt,
}

/// The token of a message: the value of its one [`HEADER`] field.
///
/// Errors: `wimse.identity_missing`, `wimse.identity_repeated`.
pub fn of<'h>(fields: impl IntoIterator<Item = (&'h str, &'h [u8])>) -> Result<&'h [u8], Rejection> {
    let mut found = fields.into_iter().filter(|(name, _)| name.eq_ignore_ascii_case(HEADER));
    let Some((_, value)) = found.next() else {
        return Err(Rejection::new(WimseCode::IdentityMissing, format!("there is no {HEADER} header field")));
    };
    if found.next().is_some() {
        return Err(Rejection::new(
            WimseCode::IdentityRepeated,
            format!("there is more than one {HEADER} header field"),
        ));
    }
    Ok(value.trim_ascii())
}

/// The token of a message and what it says, verified ([`of`], [`verify`]).
///
/// Errors: those of both.
pub fn parse_and_verify<'h>(
    fields: impl IntoIterator<Item = (&'h str, &'h [u8])>,
    trusted: &TrustDomains,
    leeway: u64,
    backend: &Rc<dyn Backend>,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<(&'h [u8], VerifiedIdentityToken), Rejection> {
    let token = check(trace, "identity token", "WIMSE workload-creds-02 section 5.1.2", of(fields), |token| {
        format!("{} bytes", token.len())
    })?;
    Ok((token, verify(token, trusted, leeway, backend, at, trace)?))
}

/// Verifies a token at a time, with the keys of the trust domain that its `sub` names and no other. `leeway` is how far clocks
/// may differ, in seconds.
///
/// Errors: `wimse.*`, `spiffe.*`, `svid.confirmation_*`, `key.*`, and those of [`jwt::parse_and_verify`].
pub fn verify(
    token: &[u8],
    trusted: &TrustDomains,
    leeway: u64,
    backend: &Rc<dyn Backend>,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<VerifiedIdentityToken, Rejection> {
    let section = "WIMSE workload-creds section 5.1.1";
    let compact = check(trace, "form", section, compact::parse(token), |compact| {
        format!("three parts, {} bytes of claims", compact.payload.len())
    })?;
    let subject = check(trace, "subject", section, subject(&compact.payload), |id| format!("{id}"))?;
    let keys = check(trace, "trust domain", section, trusted.of(&subject), |keys| {
        format!("{} keys of {}", keys.entries().len(), subject.authority())
    })?;
    // Without a list, every algorithm but the MACs is taken.
    let expect = jwt::Expectations { typ: Some(TYPE.into()), leeway, ..jwt::Expectations::default() };
    let token = jwt::verify_compact(compact, keys, &expect, at, trace)?;
    let missing = || Rejection::new(WimseCode::IdentityExpires, "the token has no exp");
    let expires = token.claims.expires.ok_or_else(missing);
    let expires = check(trace, "expiry is there", section, expires, |_| String::new())?;
    let asymmetric: Vec<Algorithm> = Algorithm::ALL.iter().copied().filter(|one| !one.is_mac()).collect();
    let confirmation = Confirmation::of(&token.claims.members, &asymmetric, backend);
    let confirmation = check(trace, "confirmation", section, confirmation, |confirmation| {
        format!("{} for {}", confirmation.key.kind(), confirmation.algorithm.name())
    })?;
    Ok(VerifiedIdentityToken { subject, confirmation, expires, token })
}

/// The `sub` of a token that is not verified yet. It says whose keys to verify with, and nothing else is believed before.
fn subject(payload: &[u8]) -> Result<WorkloadIdentifier, Rejection> {
    let claims = json::parse_object(payload).map_err(|rejection| rejection.within("claims"))?;
    match claims.get("sub")? {
        Some(Value::String(sub)) => WorkloadIdentifier::parse(sub).map_err(|rejection| rejection.within("sub")),
        Some(other) => Err(Rejection::new(WimseCode::IdentitySubject, format!("sub is {}", other.kind()))),
        None => Err(Rejection::new(WimseCode::IdentitySubject, "the token has no sub")),
    }
}
