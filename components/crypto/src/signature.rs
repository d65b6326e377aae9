//! What can be said of a signature before the seam: its length, and the ranges of its numbers.

use alloc::{format, vec::Vec};

use portcullis_types::Rejection;

use crate::{
    CryptoCode, Curve, PublicKey, Scheme,
    public_key::{Inner, rsa_bits},
};

/// Checks a signature's form for a key and scheme.
///
/// Errors: `crypto.signature_too_short`, `crypto.signature_too_long`, `crypto.signature_zero`, `crypto.signature_range`,
/// `crypto.signature_small_order`.
pub(crate) fn check_form(scheme: Scheme, key: &PublicKey, signature: &[u8]) -> Result<(), Rejection> {
    let expected = match key.inner() {
        Inner::Ec { curve, .. } => 2 * curve.length(),
        Inner::Rsa { n, .. } => rsa_bits(n).div_ceil(8),
        Inner::Ed25519(_) => 64,
    };
    if signature.len() != expected {
        let short = signature.len() < expected;
        return Err(Rejection::new(
            if short { CryptoCode::SignatureTooShort } else { CryptoCode::SignatureTooLong },
            format!("the signature has {} bytes, this key makes {expected}", signature.len()),
        ));
    }
    match (key.inner(), scheme) {
        (Inner::Ec { curve, .. }, _) => check_ecdsa(*curve, signature),
        (Inner::Ed25519(_), _) => check_ed25519(signature),
        // s < n is the first step of the primitive itself (RFC 8017 section 5.2.2), in every backend.
        (Inner::Rsa { .. }, _) => Ok(()),
    }
}

/// The fixed-length form (r, then s) of an ECDSA signature in DER, which is how certificates carry it (RFC 3279 section
/// 2.2.3). The crates' own parser takes DER only, one encoding of each signature.
///
/// Error: `crypto.signature_der`.
pub fn ecdsa_from_der(curve: Curve, signature: &[u8]) -> Result<Vec<u8>, Rejection> {
    fn fixed<T: AsRef<[u8]>, E>(parsed: Result<T, E>) -> Option<Vec<u8>> {
        parsed.ok().map(|bytes| bytes.as_ref().to_vec())
    }
    match curve {
        Curve::P256 => fixed(p256::ecdsa::Signature::from_der(signature).map(|parsed| parsed.to_bytes())),
        Curve::P384 => fixed(p384::ecdsa::Signature::from_der(signature).map(|parsed| parsed.to_bytes())),
        Curve::P521 => fixed(p521::ecdsa::Signature::from_der(signature).map(|parsed| parsed.to_bytes())),
        Curve::Secp256k1 => fixed(k256::ecdsa::Signature::from_der(signature).map(|parsed| parsed.to_bytes())),
    }
    .ok_or_else(|| Rejection::new(CryptoCode::SignatureDer, "the signature is not r and s in DER, each in its range"))
}

/// The DER form (RFC 3279 section 2.2.3) of an ECDSA signature of fixed length: for libraries that take no other. Nothing where
/// it has not the curve's length or a number is out of range, which is refused before any library is asked.
pub fn ecdsa_to_der(curve: Curve, signature: &[u8]) -> Option<Vec<u8>> {
    Some(match curve {
        Curve::P256 => p256::ecdsa::Signature::from_slice(signature).ok()?.to_der().as_bytes().to_vec(),
        Curve::P384 => p384::ecdsa::Signature::from_slice(signature).ok()?.to_der().as_bytes().to_vec(),
        Curve::P521 => p521::ecdsa::Signature::from_slice(signature).ok()?.to_der().as_bytes().to_vec(),
        Curve::Secp256k1 => k256::ecdsa::Signature::from_slice(signature).ok()?.to_der().as_bytes().to_vec(),
    })
}

/// r and s lie in [1, n − 1] (SEC 1 section 4.1.4 step 1).
fn check_ecdsa(curve: Curve, signature: &[u8]) -> Result<(), Rejection> {
    let (r, s) = signature.split_at(curve.length());
    for (name, number) in [("r", r), ("s", s)] {
        if number.iter().all(|byte| *byte == 0) {
            return Err(Rejection::new(CryptoCode::SignatureZero, format!("{name} is zero")));
        }
    }
    // The crates' own parsers know the orders: what is not zero and still refused is too large.
    let in_range = match curve {
        Curve::P256 => p256::ecdsa::Signature::from_slice(signature).is_ok(),
        Curve::P384 => p384::ecdsa::Signature::from_slice(signature).is_ok(),
        Curve::P521 => p521::ecdsa::Signature::from_slice(signature).is_ok(),
        Curve::Secp256k1 => k256::ecdsa::Signature::from_slice(signature).is_ok(),
    };
    if !in_range {
        return Err(Rejection::new(CryptoCode::SignatureRange, "r or s is not below the order of the curve"));
    }
    Ok(())
}

/// The order of the Ed25519 base point, little-endian (RFC 8032 section 5.1).
const ED25519_ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// S < L (RFC 8032 section 5.1.7), and R is no point of small order, which some libraries refuse and some do not.
fn check_ed25519(signature: &[u8]) -> Result<(), Rejection> {
    let (r, s) = signature.split_at(32);
    let below = s.iter().rev().cmp(ED25519_ORDER.iter().rev()).is_lt();
    if !below {
        return Err(Rejection::new(CryptoCode::SignatureRange, "S is not below the order of the base point"));
    }
    if is_small_order(r) {
        return Err(Rejection::new(CryptoCode::SignatureSmallOrder, "R has small order"));
    }
    Ok(())
}

/// Whether bytes are the canonical encoding of one of the eight points of small order. Other encodings of them never
/// verify: the recomputed R is compared in its canonical form.
fn is_small_order(r: &[u8]) -> bool {
    /// y of the four points of order eight, little-endian, sign bit clear; the other two are this y negated.
    const ORDER_8: [[u8; 32]; 2] = [
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
            0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
            0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
        ],
    ];
    let mut y: [u8; 32] = match r.try_into() {
        Ok(y) => y,
        Err(_) => return false,
    };
    y[31] &= 0x7f;
    let zero = [0u8; 32];
    let mut one = zero;
    one[0] = 1;
    let mut minus_one = [0xffu8; 32];
    minus_one[0] = 0xec;
    minus_one[31] = 0x7f;
    y == zero || y == one || y == minus_one || ORDER_8.contains(&y)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_in_der_has_one_encoding() {
        let code = |der: &[u8]| ecdsa_from_der(Curve::P256, der).unwrap_err().code();
        let der = [0x30, 6, 2, 1, 5, 2, 1, 0x7f];
        let mut fixed = [0u8; 64];
        fixed[31] = 5;
        fixed[63] = 0x7f;
        assert_eq!(ecdsa_from_der(Curve::P256, &der).unwrap(), fixed);
        assert_eq!(ecdsa_from_der(Curve::P521, &der).unwrap().len(), 132);
        for wrong in [
            &[0x30, 6, 2, 1, 0, 2, 1, 5][..],      // r is zero
            &[0x30, 6, 2, 1, 0x85, 2, 1, 5],       // r is negative
            &[0x30, 7, 2, 2, 0, 5, 2, 1, 5],       // r is padded
            &[0x30, 0x81, 6, 2, 1, 5, 2, 1, 5],    // a length in its long form
            &[0x30, 6, 2, 1, 5, 2, 1, 5, 0],       // something follows
            &[0x30, 9, 2, 1, 5, 2, 1, 5, 2, 1, 5], // three numbers
            &[0x30, 3, 2, 1, 5],                   // one number
            &fixed,
            &[],
        ] {
            assert_eq!(code(wrong), "crypto.signature_der", "{wrong:02x?}");
        }
        let mut order = std::vec![0x30, 38, 2, 33, 0];
        order.extend([0xff; 4].iter().chain(&[0; 4]).chain(&[0xff; 8]));
        order.extend([0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51]);
        order.extend([2, 1, 5]);
        assert_eq!(code(&order), "crypto.signature_der", "r is the order");
    }

    #[test]
    fn a_signature_in_der_says_the_same() {
        // High bits set and leading zeros: the forms in which the two differ most.
        for (curve, r, s) in [
            (Curve::P256, [0xfe, 0x80], [0, 1]),
            (Curve::P384, [0, 0x80], [0x7f, 1]),
            (Curve::P521, [0, 1], [0, 0xff]),
            (Curve::Secp256k1, [0xfe, 0], [0, 0x80]),
        ] {
            let mut fixed = alloc::vec![0u8; 2 * curve.length()];
            fixed[1..3].copy_from_slice(&r);
            fixed[curve.length() + 1..curve.length() + 3].copy_from_slice(&s);
            let der = ecdsa_to_der(curve, &fixed).unwrap();
            assert_eq!(ecdsa_from_der(curve, &der).unwrap(), fixed, "{curve:?}");
            assert_eq!(ecdsa_to_der(curve, &fixed[1..]), None);
            assert_eq!(ecdsa_to_der(curve, &alloc::vec![0; fixed.len()]), None, "zeros");
            assert_eq!(ecdsa_to_der(curve, &alloc::vec![0xff; fixed.len()]), None, "beyond the order");
        }
    }

    #[test]
    fn the_points_of_small_order_are_those_of_the_crate() {
        for point in [&[0u8; 32][..], &{
            let mut one = [0u8; 32];
            one[0] = 1;
            one
        }] {
            assert!(is_small_order(point));
        }
        // Every encoding the crate calls weak is found here too: all y near the ends and the two of order eight,
        // either sign.
        let mut candidates = alloc::vec::Vec::new();
        for first in 0..=255u8 {
            let mut low = [0u8; 32];
            low[0] = first;
            let mut high = [0xffu8; 32];
            high[0] = first;
            high[31] = 0x7f;
            candidates.push(low);
            candidates.push(high);
        }
        let mut order_8 = 0;
        for hex in [
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        ] {
            let mut y = [0u8; 32];
            for (i, byte) in y.iter_mut().enumerate() {
                *byte = u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap();
            }
            candidates.push(y);
        }
        for mut y in candidates {
            for sign in [0, 0x80] {
                y[31] = (y[31] & 0x7f) | sign;
                let Ok(key) = ed25519_dalek::VerifyingKey::from_bytes(&y) else {
                    continue;
                };
                let canonical = key.to_edwards().compress().to_bytes() == y;
                if canonical {
                    assert_eq!(key.is_weak(), is_small_order(&y), "{y:02x?}");
                    order_8 += usize::from(key.is_weak() && y[1] != 0 && y[1] != 0xff);
                }
            }
        }
        assert_eq!(order_8, 4, "all four points of order eight were looked at");
    }
}
