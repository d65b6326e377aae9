//! Validation of one path (RFC 5280 section 6.1): every rule but the signatures and the chaining of names, which made the
//! path.
//!
//! A maintained library would be better, and none fits: rustls-webpki refuses every certificate with a URI name under a
//! URI name constraint (each SVID has one), ignores the key usage of issuers, and gives one reason for several rules;
//! `x509-cert` reads certificates and validates nothing; certval has no release that is not a candidate. So this is the
//! algorithm of the text, restricted to what SVIDs need. Certificate policies are not asked for (the initial set is any
//! policy), so no policy can refuse a path; whatever else is critical and not named here refuses it. Revocation lists are
//! not consulted: X.509-SVIDs are short-lived, and a bundle revokes an authority by leaving it out.

use alloc::format;

use portcullis_types::{Rejection, Timestamp};

use crate::{
    SvidCode,
    certificate::Certificate,
    name_constraints::{Comparisons, Constraints},
    signing,
};

/// Checks a path, the leaf first, below an authority.
///
/// Errors: `svid.expired`, `svid.not_yet_valid`, `svid.intermediate_*`, `svid.authority_*`, `svid.uri_*`, `svid.dns_*`,
/// `svid.name_constraint_*`, `svid.issuer_*`, `svid.path_length`, `svid.extension_unknown_critical`,
/// `svid.too_many_name_comparisons`.
pub(crate) fn check(
    path: &[&Certificate],
    authority: &Certificate,
    at: Timestamp,
    comparisons: &mut Comparisons,
) -> Result<(), Rejection> {
    // 6.1.1 (d) leaves to the caller what else of an authority counts than its name and key. Everything does: what is no
    // longer valid is not trusted, and the limits it was made with hold (RFC 5937).
    check_validity(authority, at, SvidCode::AuthorityNotYetValid, SvidCode::AuthorityExpired)?;
    let mut constraints = Constraints::default();
    constraints.add(authority)?;
    signing::check_ca(authority)?;
    let mut intermediates_allowed = allowed(authority).unwrap_or(usize::MAX);
    signing::check_key_usage(authority)?;
    signing::check_spiffe_id(authority)?;
    signing::check_critical_extensions(authority)?;

    let Some((leaf, intermediates)) = path.split_first() else {
        return Ok(());
    };
    for certificate in intermediates.iter().rev() {
        // 6.1.3 (a)(2)
        check_validity(certificate, at, SvidCode::IntermediateNotYetValid, SvidCode::IntermediateExpired)?;
        // 6.1.3 (b), (c): not for what is self-issued, as when an authority changes its key.
        if !certificate.is_self_issued() {
            constraints.check(certificate, comparisons)?;
        }
        // 6.1.4 (g)
        constraints.add(certificate)?;
        // 6.1.4 (k)
        signing::check_ca(certificate)?;
        // 6.1.4 (l)
        if !certificate.is_self_issued() {
            intermediates_allowed = intermediates_allowed.checked_sub(1).ok_or_else(|| {
                Rejection::new(
                    SvidCode::PathLength,
                    format!("{} is one more intermediate than those above it allow", certificate.title()),
                )
            })?;
        }
        // 6.1.4 (m)
        intermediates_allowed = intermediates_allowed.min(allowed(certificate).unwrap_or(usize::MAX));
        // 6.1.4 (n)
        signing::check_key_usage(certificate)?;
        // X509-SVID section 3.2
        signing::check_spiffe_id(certificate)?;
        // 6.1.4 (o)
        signing::check_critical_extensions(certificate)?;
    }
    check_time(leaf, at)?;
    constraints.check(leaf, comparisons)?;
    // 6.1.5 (f)
    signing::check_critical_extensions(leaf)
}

/// How many intermediates may follow a certificate (RFC 5280 section 4.2.1.9).
fn allowed(certificate: &Certificate) -> Option<usize> {
    certificate.extensions.basic_constraints.as_ref()?.path_len_constraint.map(usize::from)
}

/// The time lies within a leaf's validity.
pub(crate) fn check_time(leaf: &Certificate, at: Timestamp) -> Result<(), Rejection> {
    check_validity(leaf, at, SvidCode::NotYetValid, SvidCode::Expired)
}

/// The time lies within the validity, both ends included (RFC 5280 section 4.1.2.5).
fn check_validity(
    certificate: &Certificate,
    at: Timestamp,
    too_early: SvidCode,
    too_late: SvidCode,
) -> Result<(), Rejection> {
    if at < certificate.not_before {
        let what = format!("{} is valid from {} and it is {at}", certificate.title(), certificate.not_before);
        return Err(Rejection::new(too_early, what));
    }
    if at > certificate.not_after {
        let what = format!("{} was valid until {} and it is {at}", certificate.title(), certificate.not_after);
        return Err(Rejection::new(too_late, what));
    }
    Ok(())
}
