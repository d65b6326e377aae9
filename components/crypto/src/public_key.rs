//! Public keys that are always valid: a value of [`PublicKey`] has passed every check of its type.

use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
    vec::Vec,
};

use p256::elliptic_curve::sec1::ToSec1Point;
use portcullis_types::{Rejection, base64url};

use crate::{Algorithm, CryptoCode, Scheme, sha256};

/// Least bits of an RSA modulus (RFC 7518 sections 3.3 and 3.5).
pub(crate) const MIN_RSA_BITS: usize = 2048;
/// Most bits of an RSA modulus: the largest met in practice is 4,096; verification cost grows with the square.
pub(crate) const MAX_RSA_BITS: usize = 8192;
/// The exponent is below this: what every library takes, and small enough that verification stays cheap.
pub(crate) const RSA_EXPONENT_LIMIT: u64 = 1 << 33;

/// A curve for ECDSA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Curve {
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
    /// NIST P-521.
    P521,
    /// secp256k1.
    Secp256k1,
}

impl Curve {
    /// The name in a JWK (RFC 7518 section 6.2.1.1, RFC 8812 section 3.1).
    pub fn name(self) -> &'static str {
        match self {
            Curve::P256 => "P-256",
            Curve::P384 => "P-384",
            Curve::P521 => "P-521",
            Curve::Secp256k1 => "secp256k1",
        }
    }

    /// The curve of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Curve::P256, Curve::P384, Curve::P521, Curve::Secp256k1].into_iter().find(|curve| curve.name() == name)
    }

    /// Bytes of a coordinate, and of each number of a signature.
    pub fn length(self) -> usize {
        match self {
            Curve::P256 | Curve::Secp256k1 => 32,
            Curve::P384 => 48,
            Curve::P521 => 66,
        }
    }

    /// The one scheme this curve is used with.
    pub fn scheme(self) -> Scheme {
        match self {
            Curve::P256 => Scheme::EcdsaP256Sha256,
            Curve::P384 => Scheme::EcdsaP384Sha384,
            Curve::P521 => Scheme::EcdsaP521Sha512,
            Curve::Secp256k1 => Scheme::EcdsaSecp256k1Sha256,
        }
    }

    /// The uncompressed form of a point in compressed form.
    fn decompress(self, point: &[u8]) -> Option<Box<[u8]>> {
        Some(match self {
            Curve::P256 => p256::PublicKey::from_sec1_bytes(point).ok()?.to_sec1_point(false).as_bytes().into(),
            Curve::P384 => p384::PublicKey::from_sec1_bytes(point).ok()?.to_sec1_point(false).as_bytes().into(),
            Curve::P521 => p521::PublicKey::from_sec1_bytes(point).ok()?.to_sec1_point(false).as_bytes().into(),
            Curve::Secp256k1 => k256::PublicKey::from_sec1_bytes(point).ok()?.to_sec1_point(false).as_bytes().into(),
        })
    }

    fn holds(self, point: &[u8]) -> bool {
        match self {
            Curve::P256 => p256::PublicKey::from_sec1_bytes(point).is_ok(),
            Curve::P384 => p384::PublicKey::from_sec1_bytes(point).is_ok(),
            Curve::P521 => p521::PublicKey::from_sec1_bytes(point).is_ok(),
            Curve::Secp256k1 => k256::PublicKey::from_sec1_bytes(point).is_ok(),
        }
    }
}

/// A public key that may verify signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(Inner);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Inner {
    /// The point, uncompressed: 0x04, x, y.
    Ec { curve: Curve, point: Box<[u8]> },
    /// Big-endian, without leading zeros.
    Rsa { n: Box<[u8]>, e: u64 },
    /// With the point, which takes as long to find as a good part of a verification.
    Ed25519(Box<ed25519_dalek::VerifyingKey>),
}

impl PublicKey {
    /// An elliptic curve key from its coordinates.
    ///
    /// Errors: `key.coordinate_length`, `key.not_on_curve`.
    pub fn ec(curve: Curve, x: &[u8], y: &[u8]) -> Result<Self, Rejection> {
        check_coordinate(curve, "x", x)?;
        check_coordinate(curve, "y", y)?;
        let point = [&[0x04], x, y].concat();
        if !curve.holds(&point) {
            return Err(Rejection::new(CryptoCode::NotOnCurve, format!("the point is not on {}", curve.name())));
        }
        Ok(Self(Inner::Ec { curve, point: point.into() }))
    }

    /// An elliptic curve key from its x coordinate and the sign of y, `true` for an odd one (RFC 9053 section 7.1.1).
    ///
    /// Errors: `key.coordinate_length`, `key.not_on_curve`.
    pub fn ec_compressed(curve: Curve, x: &[u8], y_is_odd: bool) -> Result<Self, Rejection> {
        check_coordinate(curve, "x", x)?;
        let compressed = [&[if y_is_odd { 0x03 } else { 0x02 }], x].concat();
        match curve.decompress(&compressed) {
            Some(point) => Ok(Self(Inner::Ec { curve, point })),
            None => Err(Rejection::new(CryptoCode::NotOnCurve, format!("no point on {} has that x", curve.name()))),
        }
    }

    /// An RSA key from its big-endian numbers.
    ///
    /// Errors: `key.rsa_leading_zero`, `key.rsa_size`, `key.rsa_modulus`, `key.rsa_exponent`.
    pub fn rsa(n: &[u8], e: &[u8]) -> Result<Self, Rejection> {
        for (name, number) in [("n", n), ("e", e)] {
            if number.first() == Some(&0) {
                return Err(Rejection::new(CryptoCode::RsaLeadingZero, format!("{name} begins with a zero byte")));
            }
        }
        let bits = n.first().map_or(0, |first| n.len() * 8 - first.leading_zeros() as usize);
        if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits) {
            return Err(Rejection::new(CryptoCode::RsaSize, format!("the modulus has {bits} bits")));
        }
        if n.last().is_none_or(|last| last & 1 == 0) {
            return Err(Rejection::new(CryptoCode::RsaModulus, "the modulus is even"));
        }
        let refuse = |what: String| Err(Rejection::new(CryptoCode::RsaExponent, what));
        if e.len() > 8 {
            return refuse(format!("the exponent has {} bytes", e.len()));
        }
        let exponent = e.iter().fold(0u64, |sum, byte| (sum << 8) | u64::from(*byte));
        if exponent < 3 || exponent & 1 == 0 || exponent >= RSA_EXPONENT_LIMIT {
            return refuse(format!("the exponent is {exponent}"));
        }
        Ok(Self(Inner::Rsa { n: n.into(), e: exponent }))
    }

    /// An Ed25519 key from its encoding.
    ///
    /// Errors: `key.ed25519_length`, `key.not_on_curve`, `key.ed25519_encoding`, `key.ed25519_small_order`.
    pub fn ed25519(x: &[u8]) -> Result<Self, Rejection> {
        let bytes: [u8; 32] =
            x.try_into().map_err(|_| Rejection::new(CryptoCode::Ed25519Length, format!("x has {} bytes", x.len())))?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(&bytes)
            .map_err(|_| Rejection::new(CryptoCode::NotOnCurve, "x is no point on Ed25519"))?;
        if !is_reduced(&bytes) {
            return Err(Rejection::new(CryptoCode::Ed25519Encoding, "x is not the canonical encoding of its point"));
        }
        // The two points whose sign could be written either way are among these.
        if key.is_weak() {
            return Err(Rejection::new(CryptoCode::Ed25519SmallOrder, "the point has small order"));
        }
        Ok(Self(Inner::Ed25519(Box::new(key))))
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }

    /// The type and size, for people: `EC P-256`, `RSA 2048`, `OKP Ed25519`.
    pub fn kind(&self) -> String {
        match &self.0 {
            Inner::Ec { curve, .. } => format!("EC {}", curve.name()),
            Inner::Rsa { n, .. } => format!("RSA {}", rsa_bits(n)),
            Inner::Ed25519(_) => "OKP Ed25519".to_string(),
        }
    }

    /// The curve of an elliptic curve key; nothing for RSA and Ed25519.
    pub fn curve(&self) -> Option<Curve> {
        match &self.0 {
            Inner::Ec { curve, .. } => Some(*curve),
            _ => None,
        }
    }

    /// Whether the key's type and curve can do an algorithm. Each elliptic curve does exactly one.
    pub fn can_do(&self, algorithm: Algorithm) -> bool {
        match (&self.0, algorithm.scheme()) {
            (Inner::Ec { curve, .. }, Some(scheme)) => curve.scheme() == scheme,
            (Inner::Rsa { .. }, Some(Scheme::RsaPkcs1(_) | Scheme::RsaPss(_))) => true,
            (Inner::Ed25519(_), Some(Scheme::Ed25519)) => true,
            _ => false,
        }
    }

    /// The RFC 7638 thumbprint with SHA-256.
    pub fn thumbprint(&self) -> [u8; 32] {
        let text = match &self.0 {
            Inner::Ec { curve, point } => {
                let (x, y) = point[1..].split_at(curve.length());
                format!(
                    r#"{{"crv":"{}","kty":"EC","x":"{}","y":"{}"}}"#,
                    curve.name(),
                    base64url::encode(x),
                    base64url::encode(y)
                )
            }
            Inner::Rsa { n, e } => {
                let exponent: Vec<u8> = e.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
                format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, base64url::encode(&exponent), base64url::encode(n))
            }
            Inner::Ed25519(x) => {
                format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, base64url::encode(x.as_bytes()))
            }
        };
        sha256(text.as_bytes())
    }
}

fn check_coordinate(curve: Curve, name: &str, coordinate: &[u8]) -> Result<(), Rejection> {
    if coordinate.len() == curve.length() {
        return Ok(());
    }
    Err(Rejection::new(
        CryptoCode::CoordinateLength,
        format!("{name} has {} bytes, {} coordinates have {}", coordinate.len(), curve.name(), curve.length()),
    ))
}

pub(crate) fn rsa_bits(n: &[u8]) -> usize {
    n.len() * 8 - n.first().map_or(0, |first| first.leading_zeros() as usize)
}

/// Whether the coordinate of a point of Ed25519 is below 2^255 - 19, so that it is written in the one way that counts (RFC 8032
/// section 5.1.3). Writing the point anew and comparing would say the same, and take as long as a good part of a verification.
fn is_reduced(encoding: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = encoding;
    *low < 0xed || high & 0x7f != 0x7f || middle.iter().any(|byte| *byte != 0xff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbprints_are_those_of_the_rfcs() {
        // RFC 7638 section 3.1
        let n = base64url::decode(b"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw").unwrap();
        let key = PublicKey::rsa(&n, &[1, 0, 1]).unwrap();
        assert_eq!(base64url::encode(&key.thumbprint()), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        // RFC 8037 appendix A.3
        let x = base64url::decode(b"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        assert_eq!(
            base64url::encode(&PublicKey::ed25519(&x).unwrap().thumbprint()),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
        );
    }

    #[test]
    fn rsa_bounds_hold_on_both_sides() {
        let code = |n: &[u8], e: &[u8]| PublicKey::rsa(n, e).unwrap_err().code();
        let modulus = |bits: usize| {
            let mut n = std::vec![0xffu8; bits / 8];
            n[0] = 0x80;
            n
        };
        assert!(PublicKey::rsa(&modulus(2048), &[3]).is_ok());
        assert!(PublicKey::rsa(&modulus(8192), &[1, 0, 1]).is_ok());
        let mut short = modulus(2048);
        short[0] = 0x7f;
        assert_eq!(code(&short, &[3]), "key.rsa_size");
        let mut long = modulus(8192);
        long.insert(0, 1);
        assert_eq!(code(&long, &[3]), "key.rsa_size");
        assert_eq!(code(&[], &[3]), "key.rsa_size");
        let mut even = modulus(2048);
        even[255] = 0xfe;
        assert_eq!(code(&even, &[3]), "key.rsa_modulus");
        let n = modulus(2048);
        for e in [&[1][..], &[2], &[], &[4], &[2, 0, 0, 0, 1], &[1, 0, 0, 0, 0, 0, 0, 0, 1]] {
            assert_eq!(code(&n, e), "key.rsa_exponent", "{e:?}");
        }
        assert!(PublicKey::rsa(&n, &[1, 0xff, 0xff, 0xff, 0xff]).is_ok(), "2^33 - 1");
        assert_eq!(code(&n, &[0, 3]), "key.rsa_leading_zero");
        let mut zero = n.clone();
        zero.insert(0, 0);
        assert_eq!(code(&zero, &[3]), "key.rsa_leading_zero");
    }

    #[test]
    fn an_encoding_counts_where_the_point_is_written_so() {
        let mut seen = (0, 0);
        for (low, high) in (0..=255).flat_map(|low| [0x7f, 0xff].map(|high| (low, high))) {
            let mut bytes = [0xffu8; 32];
            (bytes[0], bytes[31]) = (low, high);
            let Ok(key) = ed25519_dalek::VerifyingKey::from_bytes(&bytes) else { continue };
            let same = key.to_edwards().compress().to_bytes() == bytes;
            // A point whose sign can be written either way is of small order.
            assert!(is_reduced(&bytes) == same || key.is_weak(), "{low:02x} {high:02x}");
            assert_eq!(PublicKey::ed25519(&bytes).is_ok(), same && !key.is_weak(), "{low:02x} {high:02x}");
            if same { seen.0 += 1 } else { seen.1 += 1 }
        }
        assert!(seen.0 > 50 && seen.1 > 5, "{seen:?}");
    }

    #[test]
    fn weak_and_odd_ed25519_keys_are_refused() {
        let code = |x: &[u8]| PublicKey::ed25519(x).unwrap_err().code();
        let mut identity = [0u8; 32];
        identity[0] = 1;
        assert_eq!(code(&identity), "key.ed25519_small_order");
        assert_eq!(code(&[0u8; 32]), "key.ed25519_small_order");
        // y = p + 1, the identity written a second way
        let mut other = [0xffu8; 32];
        other[0] = 0xee;
        other[31] = 0x7f;
        assert_eq!(code(&other), "key.ed25519_encoding");
        assert_eq!(code(&[2u8; 31]), "key.ed25519_length");
        let mut none = [0u8; 32];
        none[0] = 2;
        assert_eq!(code(&none), "key.not_on_curve");
    }
}
