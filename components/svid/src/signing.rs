//! What a certificate has to be that signs others: an intermediate, or an authority of a bundle (RFC 5280 section 6.1.4,
//! X509-SVID sections 3.2 and 4).

use alloc::format;

use portcullis_types::Rejection;

use crate::{SpiffeId, SvidCode, certificate::Certificate};

/// It is a CA's (RFC 5280 section 6.1.4 (k), X509-SVID section 4.1).
///
/// Errors: `svid.issuer_constraints_missing`, `svid.issuer_not_ca`.
pub(crate) fn check_ca(certificate: &Certificate) -> Result<(), Rejection> {
    match &certificate.extensions.basic_constraints {
        Some(constraints) if constraints.ca => Ok(()),
        Some(_) => {
            Err(Rejection::new(SvidCode::SigningNotCa, format!("{} is not a CA's certificate", certificate.title())))
        }
        None => Err(Rejection::new(
            SvidCode::SigningConstraintsMissing,
            format!("{} has no basic constraints", certificate.title()),
        )),
    }
}

/// Its key may sign certificates, if it says anything of its key's use (RFC 5280 section 6.1.4 (n)). An SVID has to say it
/// (X509-SVID section 4.3); what has a SPIFFE ID is one.
///
/// Errors: `svid.issuer_key_cert_sign_missing`, `svid.issuer_key_usage_missing`.
pub(crate) fn check_key_usage(certificate: &Certificate) -> Result<(), Rejection> {
    match &certificate.extensions.key_usage {
        Some(usage) if usage.key_cert_sign() => Ok(()),
        Some(_) => Err(Rejection::new(
            SvidCode::SigningKeyCertSign,
            format!("the key of {} may not sign certificates", certificate.title()),
        )),
        None if is_svid(certificate) => Err(Rejection::new(
            SvidCode::SigningKeyUsageMissing,
            format!("{} does not say what its key is for", certificate.title()),
        )),
        None => Ok(()),
    }
}

/// Its SPIFFE ID, if it has one, is that of a trust domain (X509-SVID section 3.2), and its only URI (section 2). Which trust
/// domain is left open by the text, since authorities may be chained across them.
///
/// Errors: `svid.issuer_uri_repeated`, `svid.issuer_spiffe_id`, `svid.issuer_path`.
pub(crate) fn check_spiffe_id(certificate: &Certificate) -> Result<(), Rejection> {
    if !is_svid(certificate) {
        return Ok(());
    }
    let mut uris = certificate.uris();
    let (Some(uri), None) = (uris.next(), uris.next()) else {
        return Err(Rejection::new(
            SvidCode::SigningUriRepeated,
            format!("{} has a SPIFFE ID and another URI", certificate.title()),
        ));
    };
    let id = SpiffeId::parse(uri).map_err(|rejection| {
        Rejection::new(SvidCode::SigningIdInvalid, format!("{}: {}", certificate.title(), rejection.detail()))
    })?;
    if !id.path().is_empty() {
        return Err(Rejection::new(
            SvidCode::SigningPath,
            format!("the SPIFFE ID of {} has a path", certificate.title()),
        ));
    }
    Ok(())
}

/// No critical extension that is not understood (RFC 5280 sections 6.1.4 (o) and 6.1.5 (f)).
///
/// Error: `svid.extension_unknown_critical`.
pub(crate) fn check_critical_extensions(certificate: &Certificate) -> Result<(), Rejection> {
    match certificate.extensions.unknown_critical.first() {
        None => Ok(()),
        Some(oid) => Err(Rejection::new(
            SvidCode::ExtensionUnknownCritical,
            format!("{} has the critical extension {oid}", certificate.title()),
        )),
    }
}

/// Whether it is an SVID itself: one of its URIs has the scheme `spiffe`, in whatever case, because who writes it so means
/// one.
fn is_svid(certificate: &Certificate) -> bool {
    let scheme = |uri: &str| uri.split_once(':').is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("spiffe"));
    certificate.uris().any(scheme)
}
