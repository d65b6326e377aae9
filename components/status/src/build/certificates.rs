//! Certificates that a list token brings along, and what they are for (section 10).

use alloc::{format, vec::Vec};

use portcullis_crypto::spki::MAX_CERTIFICATE;
use portcullis_token::x5c::MAX_CERTIFICATES;
use portcullis_types::{Rejection, limits::excerpt};
use x509_cert::{
    certificate::{CertificateInner, Raw},
    der::{Decode as _, asn1::ObjectIdentifier, oid::AssociatedOid as _},
    ext::pkix::ExtendedKeyUsage,
};

use super::BuildCode;

/// A purpose of keys (an extended key usage) in numbers. That of status lists is `1.3.6.1.5.5.7.3` and one more number, which
/// is not assigned yet.
///
/// Error: `status.build_purpose_malformed`.
pub fn parse_purpose(text: &str) -> Result<ObjectIdentifier, Rejection> {
    ObjectIdentifier::new(text)
        .map_err(|_| Rejection::new(BuildCode::PurposeMalformed, format!("{} is none", excerpt(text))))
}

/// A chain in DER, the signer's certificate first, as relying parties will read it; and that certificate is for a purpose. Who
/// vouches for it is not judged here: only relying parties know whom they trust.
///
/// Errors: `status.build_certificates`, `status.build_purpose`.
pub fn check_certificates(chain: &[Vec<u8>], purpose: Option<&ObjectIdentifier>) -> Result<(), Rejection> {
    if chain.is_empty() || chain.len() > MAX_CERTIFICATES {
        return Err(Rejection::new(
            BuildCode::Certificates,
            format!("{} certificates, from 1 to {MAX_CERTIFICATES} are read", chain.len()),
        ));
    }
    for (at, der) in chain.iter().enumerate() {
        let certificate = parse(der).map_err(|rejection| rejection.within(&format!("certificate {}", at + 1)))?;
        // The signer's is the first.
        if let (0, Some(purpose)) = (at, purpose) {
            check_purpose(&certificate, purpose)?;
        }
    }
    Ok(())
}

fn parse(der: &[u8]) -> Result<CertificateInner<Raw>, Rejection> {
    if der.len() > MAX_CERTIFICATE {
        return Err(Rejection::new(
            BuildCode::Certificates,
            format!("{} bytes, at most {MAX_CERTIFICATE} are read", der.len()),
        ));
    }
    CertificateInner::from_der(der)
        .map_err(|error| Rejection::new(BuildCode::Certificates, format!("it is none in DER: {error}")))
}

/// RFC 5280 section 4.2.1.12. A certificate for any purpose names this one, too, or is none for it.
fn check_purpose(certificate: &CertificateInner<Raw>, purpose: &ObjectIdentifier) -> Result<(), Rejection> {
    let extensions = certificate.tbs_certificate().extensions();
    let usage = extensions.into_iter().flatten().find(|extension| extension.extn_id == ExtendedKeyUsage::OID);
    let purposes = usage.and_then(|usage| ExtendedKeyUsage::from_der(usage.extn_value.as_bytes()).ok());
    if purposes.is_some_and(|purposes| purposes.0.contains(purpose)) {
        return Ok(());
    }
    Err(Rejection::new(BuildCode::Purpose, format!("the signer's certificate is not for {purpose}")))
}

#[cfg(test)]
mod tests {
    use std::vec;

    use portcullis_types::base64url;

    use super::*;

    /// For 1.3.6.1.5.5.7.3.30 and 1.3.6.1.5.5.7.3.36.
    const WITH: &str = "\
        MIIBaDCCARqgAwIBAgIUMdy6GDKCROQ3yzIOykuJ7SKXHHUwBQYDK2VwMBAxDjAMBgNVBAMMBWxpc3RzMCAXDTI2MTEyOTE1NDUx\
        MFoYDzIxMjYxMTA1MTU0NTEwWjAQMQ4wDAYDVQQDDAVsaXN0czAqMAUGAytlcAMhADHcM0kF8Y5xK3_qtOjqr6JcF0kt0wixxxd_\
        3Mi8pRrjo4GDMIGAMB0GA1UdDgQWBBTO277YZ4FBZpmVPYHgT3L1Vt55RzAfBgNVHSMEGDAWgBTO277YZ4FBZpmVPYHgT3L1Vt55\
        RzAPBgNVHRMBAf8EBTADAQH_MB0GA1UdJQQWMBQGCCsGAQUFBwMeBggrBgEFBQcDJDAOBgNVHQ8BAf8EBAMCB4AwBQYDK2VwA0EA\
        YMbvQK2p7ps1cmrA_rR-Zf5WmQO51bULLwqoE0YHby6rtpRha5bdI-iy3kp5pp7ohomG0puz_rOrIgOmEz7aAA";

    /// For nothing in particular.
    const WITHOUT: &str = "\
        MIIBNjCB6aADAgECAhRnn_2RqCDyC9VqN3IH5WDK1Ek1EzAFBgMrZXAwEDEOMAwGA1UEAwwFbGlzdHMwIBcNMjYxMTI5MTU0NTEw\
        WhgPMjEyNjExMDUxNTQ1MTBaMBAxDjAMBgNVBAMMBWxpc3RzMCowBQYDK2VwAyEAMdwzSQXxjnErf-\
        q06OqvolwXSS3TCLHHF3_cyLylGuOjUzBRMB0GA1UdDgQWBBTO277YZ4FBZpmVPYHgT3L1Vt55RzAfBgNVHSMEGDAWgBTO277YZ4\
        FBZpmVPYHgT3L1Vt55RzAPBgNVHRMBAf8EBTADAQH_MAUGAytlcANBANWrSBSi1Fa7ZbcQcJxuDYyCRKS1G2RSMSUZNMKazoGQ_X\
        0FRxGs0fBVggK_dafK3Oym5-9EG6dFcPhdIT-16Qs";

    fn der(text: &str) -> Vec<u8> {
        base64url::decode(text.as_bytes()).unwrap()
    }

    #[test]
    fn the_signer_is_for_the_purpose() {
        let purpose = parse_purpose("1.3.6.1.5.5.7.3.30").unwrap();
        let other = parse_purpose("1.3.6.1.5.5.7.3.31").unwrap();
        let code = |chain: &[Vec<u8>], purpose| check_certificates(chain, purpose).map_err(|refused| refused.code());
        assert_eq!(code(&[der(WITH)], Some(&purpose)), Ok(()));
        // Only the first one signs.
        assert_eq!(code(&[der(WITH), der(WITHOUT)], Some(&purpose)), Ok(()));
        assert_eq!(code(&[der(WITHOUT), der(WITH)], Some(&purpose)), Err("status.build_purpose"));
        assert_eq!(code(&[der(WITH)], Some(&other)), Err("status.build_purpose"));
        assert_eq!(code(&[der(WITHOUT)], None), Ok(()));
    }

    #[test]
    fn each_fault_has_its_code() {
        let code = |chain: &[Vec<u8>]| check_certificates(chain, None).map_err(|refused| refused.code());
        assert_eq!(code(&[]), Err("status.build_certificates"));
        assert_eq!(code(&vec![der(WITH); MAX_CERTIFICATES]), Ok(()));
        assert_eq!(code(&vec![der(WITH); MAX_CERTIFICATES + 1]), Err("status.build_certificates"));
        assert_eq!(code(&[der(WITH), vec![0x30, 0x00]]), Err("status.build_certificates"));
        assert_eq!(code(&[vec![0x30; MAX_CERTIFICATE + 1]]), Err("status.build_certificates"));
        for wrong in ["", "1", "1.3.6.1.5.5.7.3.", "oauthStatusSigning", "1.3.6.1.5.5.7.3.TBD", "9.1.1"] {
            assert_eq!(parse_purpose(wrong).unwrap_err().code(), "status.build_purpose_malformed", "{wrong}");
        }
    }
}
