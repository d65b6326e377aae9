//! secp256k1 verification by joint multiplication, bit by bit.
//!
//! The `k256` crate multiplies faster, by splitting the scalar along the curve's endomorphism. That splitting is the one
//! place in all components that compilers before LLVM 23 get wrong with wide arithmetic (`tools/miscompiled`), so it is
//! not called here. ES256K is rare enough that twice the additions do not matter; the points and scalars are the crate's.

use k256::{
    FieldBytes, ProjectivePoint, Scalar,
    ecdsa::{Signature, VerifyingKey},
    elliptic_curve::{Group, ops::Reduce, point::AffineCoordinates},
};

/// Verifies an ECDSA signature over a hash (SEC 1 section 4.1.4, steps 3 to 8; the ranges of r and s are the signature
/// type's own). A high s is valid (RFC 8812 section 3.2).
pub(crate) fn verify(key: &VerifyingKey, hash: &[u8; 32], signature: &Signature) -> bool {
    let (r, s) = signature.split_scalars();
    let Some(s_inverse) = Option::<Scalar>::from(s.as_ref().invert_vartime()) else { return false };
    let z = <Scalar as Reduce<FieldBytes>>::reduce(&FieldBytes::from(*hash));
    let point = joint(&(z * s_inverse), &(*r * s_inverse), &(*key.as_affine()).into());
    if bool::from(point.is_identity()) {
        return false;
    }
    <Scalar as Reduce<FieldBytes>>::reduce(&point.to_affine().x()) == *r
}

/// `a` times the generator plus `b` times a point: one doubling a bit and at most one addition.
fn joint(a: &Scalar, b: &Scalar, point: &ProjectivePoint) -> ProjectivePoint {
    let both = ProjectivePoint::GENERATOR + point;
    let mut sum = ProjectivePoint::IDENTITY;
    for (a, b) in a.to_bytes().iter().zip(b.to_bytes().iter()) {
        for bit in (0..8).rev() {
            sum = sum.double();
            match ((a >> bit) & 1, (b >> bit) & 1) {
                (1, 1) => sum += &both,
                (1, 0) => sum += &ProjectivePoint::GENERATOR,
                (0, 1) => sum += point,
                _ => {}
            }
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(seed: u64) -> Scalar {
        <Scalar as Reduce<FieldBytes>>::reduce(&FieldBytes::from(crate::sha256(&seed.to_be_bytes())))
    }

    #[test]
    fn sums_are_those_of_the_crate() {
        let point = ProjectivePoint::GENERATOR * scalar(3);
        let edges = [Scalar::ZERO, Scalar::ONE, -Scalar::ONE];
        let scalars: std::vec::Vec<Scalar> = edges.into_iter().chain((10..18).map(scalar)).collect();
        for a in &scalars {
            for b in &scalars {
                assert_eq!(joint(a, b, &point), ProjectivePoint::GENERATOR * a + point * b);
            }
        }
        // Where the point is the generator's own negative, sums on the way are the identity.
        let negative = -ProjectivePoint::GENERATOR;
        assert_eq!(joint(&scalar(5), &scalar(5), &negative), ProjectivePoint::IDENTITY);
    }
}
