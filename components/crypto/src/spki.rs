//! SubjectPublicKeyInfo in DER (RFC 5280 section 4.1.2.7): the form in which keys cross the seam, and one in which they
//! come in.

use alloc::{format, vec::Vec};

use der::{
    Decode, Encode,
    asn1::{AnyRef, BitStringRef, ObjectIdentifier, UintRef},
};
use portcullis_types::Rejection;
use spki::{AlgorithmIdentifier, SubjectPublicKeyInfoRef};

use crate::{CryptoCode, Curve, PublicKey, public_key::Inner};

/// The longest certificate, in bytes (`docs/limits.md`).
pub const MAX_CERTIFICATE: usize = 64 * 1024;

/// RFC 5480 section 2.1.1
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// RFC 8017 appendix A.1
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// RFC 8410 section 3
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// RFC 5480 section 2.1.1.1; SEC 2 appendix A.2.1
const CURVES: [(Curve, ObjectIdentifier); 4] = [
    (Curve::P256, ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7")),
    (Curve::P384, ObjectIdentifier::new_unwrap("1.3.132.0.34")),
    (Curve::P521, ObjectIdentifier::new_unwrap("1.3.132.0.35")),
    (Curve::Secp256k1, ObjectIdentifier::new_unwrap("1.3.132.0.10")),
];

/// RFC 8017 appendix A.1.1
#[derive(der::Sequence)]
struct RsaNumbers<'a> {
    modulus: UintRef<'a>,
    exponent: UintRef<'a>,
}

/// Reads a public key.
///
/// Errors: `key.spki_malformed`, `key.spki_algorithm`, and those of [`PublicKey`]'s constructors.
pub fn decode(der: &[u8]) -> Result<PublicKey, Rejection> {
    let info = SubjectPublicKeyInfoRef::from_der(der)
        .map_err(|error| Rejection::new(CryptoCode::SpkiMalformed, format!("not a SubjectPublicKeyInfo: {error}")))?;
    from_info(&info)
}

/// Reads the public key of an X.509 certificate. Nothing else of it is looked at.
///
/// Errors: `key.certificate_malformed`, and those of [`decode`].
pub fn decode_certificate(der: &[u8]) -> Result<PublicKey, Rejection> {
    let refuse = |what| Err(Rejection::new(CryptoCode::CertificateMalformed, what));
    if der.len() > MAX_CERTIFICATE {
        return refuse(format!("{} bytes, at most {MAX_CERTIFICATE} are read", der.len()));
    }
    let certificate = match x509_cert::Certificate::from_der(der) {
        Ok(certificate) => certificate,
        Err(error) => return refuse(format!("not X.509: {error}")),
    };
    match certificate.tbs_certificate().subject_public_key_info().to_der() {
        Ok(info) => decode(&info),
        Err(error) => refuse(format!("its public key does not encode: {error}")),
    }
}

fn from_info(info: &SubjectPublicKeyInfoRef<'_>) -> Result<PublicKey, Rejection> {
    let malformed = |what| Rejection::new(CryptoCode::SpkiMalformed, what);
    let wrong = |what| Rejection::new(CryptoCode::SpkiAlgorithm, what);
    let key = info.subject_public_key.as_bytes().ok_or_else(|| malformed("the key is no whole number of bytes"))?;
    match (info.algorithm.oid, info.algorithm.parameters) {
        (EC_PUBLIC_KEY, parameters) => {
            let named = parameters.and_then(|any| any.decode_as::<ObjectIdentifier>().ok());
            let curve = CURVES.iter().find(|(_, oid)| Some(*oid) == named).map(|(curve, _)| *curve);
            let curve = curve.ok_or_else(|| wrong("the curve is none that is used here"))?;
            match key.split_first() {
                Some((0x04, coordinates)) if coordinates.len() == 2 * curve.length() => {
                    let (x, y) = coordinates.split_at(curve.length());
                    PublicKey::ec(curve, x, y)
                }
                _ => Err(Rejection::new(
                    CryptoCode::PointForm,
                    format!("the point on {} is not in uncompressed form", curve.name()),
                )),
            }
        }
        (RSA_ENCRYPTION, Some(parameters)) if parameters.is_null() => {
            let numbers = RsaNumbers::from_der(key).map_err(|_| malformed("the key is no RSAPublicKey"))?;
            PublicKey::rsa(numbers.modulus.as_bytes(), numbers.exponent.as_bytes())
        }
        (ED25519, None) => PublicKey::ed25519(key),
        (RSA_ENCRYPTION | ED25519, _) => Err(wrong("the parameters do not belong to the algorithm")),
        (oid, _) => Err(Rejection::new(CryptoCode::SpkiAlgorithm, format!("{oid} is not used here"))),
    }
}

/// The one canonical SubjectPublicKeyInfo of a key: points uncompressed, RSA with NULL parameters.
pub fn encode(key: &PublicKey) -> Vec<u8> {
    // Encoding fails only beyond the lengths that DER can write, far above those of a valid key.
    try_encode(key).unwrap_or_default()
}

fn try_encode(key: &PublicKey) -> der::Result<Vec<u8>> {
    let (oid, parameters, bits): (_, Option<AnyRef<'_>>, Vec<u8>);
    let curve_oid;
    match key.inner() {
        Inner::Ec { curve, point } => {
            curve_oid = CURVES.iter().find(|(c, _)| c == curve).map(|(_, oid)| *oid);
            oid = EC_PUBLIC_KEY;
            parameters = curve_oid.as_ref().map(Into::into);
            bits = point.to_vec();
        }
        Inner::Rsa { n, e } => {
            oid = RSA_ENCRYPTION;
            parameters = Some(AnyRef::NULL);
            bits = RsaNumbers { modulus: UintRef::new(n)?, exponent: UintRef::new(&e.to_be_bytes())? }.to_der()?;
        }
        Inner::Ed25519(x) => {
            oid = ED25519;
            parameters = None;
            bits = x.as_bytes().to_vec();
        }
    }
    SubjectPublicKeyInfoRef {
        algorithm: AlgorithmIdentifier { oid, parameters },
        subject_public_key: BitStringRef::from_bytes(&bits)?,
    }
    .to_der()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    fn keys() -> [PublicKey; 6] {
        use p256::elliptic_curve::sec1::ToSec1Point;
        // Generators are points like any other.
        fn split(point: &[u8]) -> (&[u8], &[u8]) {
            point[1..].split_at(point.len() / 2)
        }
        let p256 = p256::AffinePoint::GENERATOR.to_sec1_point(false);
        let p384 = p384::AffinePoint::GENERATOR.to_sec1_point(false);
        let p521 = p521::AffinePoint::GENERATOR.to_sec1_point(false);
        let k256 = k256::AffinePoint::GENERATOR.to_sec1_point(false);
        let ec = |curve, point: &[u8]| {
            let (x, y) = split(point);
            PublicKey::ec(curve, x, y).unwrap()
        };
        let mut base = [0x66u8; 32];
        base[0] = 0x58;
        [
            ec(Curve::P256, p256.as_bytes()),
            ec(Curve::P384, p384.as_bytes()),
            ec(Curve::P521, p521.as_bytes()),
            ec(Curve::Secp256k1, k256.as_bytes()),
            PublicKey::ed25519(&base).unwrap(),
            PublicKey::rsa(&[0xff; 256], &[1, 0, 1]).unwrap(),
        ]
    }

    #[test]
    fn what_is_encoded_is_decoded_to_the_same_key() {
        for key in keys() {
            assert_eq!(decode(&encode(&key)).unwrap(), key, "{}", key.kind());
        }
    }

    #[test]
    fn p256_encodes_as_openssl_does() {
        // `openssl ec -pubout -outform DER` begins every P-256 key with these bytes.
        let start = [
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
            0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
        ];
        assert!(encode(&keys()[0]).starts_with(&start));
    }

    #[test]
    fn faults_have_their_codes() {
        let code = |der: &[u8]| decode(der).unwrap_err().code().to_string();
        assert_eq!(code(b"PEM?"), "key.spki_malformed");
        let mut trailing = encode(&keys()[0]);
        trailing.push(0);
        assert_eq!(code(&trailing), "key.spki_malformed");
        let mut compressed = encode(&keys()[0]);
        compressed[26] = 0x02;
        assert_eq!(code(&compressed), "key.point_form");
        let mut off = encode(&keys()[0]);
        off[90] ^= 1;
        assert_eq!(code(&off), "key.not_on_curve");
        let mut curve = encode(&keys()[0]);
        curve[22] = 0x02;
        assert_eq!(code(&curve), "key.spki_algorithm");
        let mut x25519 = encode(&keys()[4]);
        x25519[8] = 110;
        assert_eq!(code(&x25519), "key.spki_algorithm");
        assert_eq!(decode_certificate(b"x").unwrap_err().code(), "key.certificate_malformed");
        let huge = std::vec![0x30u8; MAX_CERTIFICATE + 1];
        assert_eq!(decode_certificate(&huge).unwrap_err().code(), "key.certificate_malformed");
    }
}
