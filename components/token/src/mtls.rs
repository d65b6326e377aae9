//! Tokens bound to the client certificate of a connection (RFC 8705 section 3).
//!
//! The certificate is compared, not judged: whether its path is valid is another question, and for this one it may even be
//! self-signed (RFC 8705 section 2.2).
//!
//! ```
//! use portcullis_token::mtls::{self, Certificate};
//!
//! let bound = [7; 32];
//! assert!(mtls::check(&bound, Some(&Certificate::Digest([7; 32]))).is_ok());
//! assert_eq!(mtls::check(&bound, None).unwrap_err().code(), "mtls.certificate_missing");
//! assert_eq!(mtls::check(&bound, Some(&Certificate::Der(b"..."))).unwrap_err().code(), "mtls.certificate_mismatch");
//! ```

use portcullis_crypto::sha256;
use portcullis_types::Rejection;

use crate::TokenCode;

/// The certificate that a client presented in the TLS handshake, as the host knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certificate<'c> {
    /// Its DER.
    Der(&'c [u8]),
    /// The SHA-256 of its DER.
    Digest([u8; 32]),
}

/// Checks that the certificate is the one a token is bound to: `bound` is the claim `cnf`'s `x5t#S256`
/// ([`Confirmation::CertificateThumbprint`](crate::confirmation::Confirmation)).
///
/// Errors: `mtls.certificate_missing`, `mtls.certificate_mismatch`.
pub fn check(bound: &[u8; 32], presented: Option<&Certificate<'_>>) -> Result<(), Rejection> {
    let digest = match presented {
        None => {
            return Err(Rejection::new(
                TokenCode::CertificateMissing,
                "the token is bound to a client certificate and the connection has none",
            ));
        }
        Some(Certificate::Der(der)) => sha256(der),
        Some(Certificate::Digest(digest)) => *digest,
    };
    if digest == *bound {
        return Ok(());
    }
    Err(Rejection::new(TokenCode::CertificateMismatch, "the client certificate is not the one the token is bound to"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_certificate_is_compared_by_its_hash() {
        let der = b"any bytes stand for a certificate here";
        let bound = sha256(der);
        assert!(check(&bound, Some(&Certificate::Der(der))).is_ok());
        assert!(check(&bound, Some(&Certificate::Digest(bound))).is_ok());
        let code = |presented: Option<&Certificate<'_>>| check(&bound, presented).unwrap_err().code();
        assert_eq!(code(None), "mtls.certificate_missing");
        assert_eq!(code(Some(&Certificate::Der(b""))), "mtls.certificate_mismatch");
        assert_eq!(code(Some(&Certificate::Der(&der[1..]))), "mtls.certificate_mismatch");
        let mut other = bound;
        other[31] ^= 1;
        assert_eq!(code(Some(&Certificate::Digest(other))), "mtls.certificate_mismatch");
    }
}
