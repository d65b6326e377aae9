//! The signature of a certificate: its algorithm (RFC 5280 section 4.1.1.2), and its verification behind the crypto seam.

use alloc::{borrow::Cow, format};

use pkcs1::RsaPssParamsOwned;
use portcullis_crypto::{Algorithm, Curve, Key, PublicKey, ecdsa_from_der};
use portcullis_types::Rejection;
use x509_cert::{
    der::asn1::{Any, ObjectIdentifier},
    spki::AlgorithmIdentifierOwned,
};

use crate::{SvidCode, certificate::Certificate};

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

/// RFC 5758 section 3.2
const ECDSA_WITH_SHA256: ObjectIdentifier = oid("1.2.840.10045.4.3.2");
const ECDSA_WITH_SHA384: ObjectIdentifier = oid("1.2.840.10045.4.3.3");
const ECDSA_WITH_SHA512: ObjectIdentifier = oid("1.2.840.10045.4.3.4");
/// RFC 8410 section 3
const ED25519: ObjectIdentifier = oid("1.3.101.112");
/// RFC 4055 section 5
const SHA256_WITH_RSA: ObjectIdentifier = oid("1.2.840.113549.1.1.11");
const SHA384_WITH_RSA: ObjectIdentifier = oid("1.2.840.113549.1.1.12");
const SHA512_WITH_RSA: ObjectIdentifier = oid("1.2.840.113549.1.1.13");
/// RFC 4055 section 3.1
const RSASSA_PSS: ObjectIdentifier = oid("1.2.840.113549.1.1.10");
/// RFC 8017 appendix B.2.1
const MGF1: ObjectIdentifier = oid("1.2.840.113549.1.1.8");
/// RFC 4055 section 2.1
const SHA1: ObjectIdentifier = oid("1.3.14.3.2.26");
const SHA256: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.3");

/// Signature algorithms on SHA-1, MD5 and MD2 (RFC 3279 section 2.2), and DSA and ECDSA on SHA-1.
const WEAK: [ObjectIdentifier; 6] = [
    oid("1.2.840.113549.1.1.5"),
    oid("1.3.14.3.2.29"),
    oid("1.2.840.10045.4.1"),
    oid("1.2.840.10040.4.3"),
    oid("1.2.840.113549.1.1.4"),
    oid("1.2.840.113549.1.1.2"),
];

impl Certificate {
    /// Verifies the signature with the issuer's key (RFC 5280 section 6.1.3 (a)(1)).
    ///
    /// Errors: `svid.signature_*`, `key.algorithm_mismatch`, `key.algorithm_other`, `key.operations`, `crypto.*`.
    pub(crate) fn verify_signature(&self, key: &Key) -> Result<(), Rejection> {
        let curve = key.public_key().and_then(PublicKey::curve);
        let algorithm = self.signature_algorithm(curve)?;
        let Some(signature) = self.signature.as_bytes() else {
            return Err(Rejection::new(SvidCode::SignatureBits, "the signature is no whole number of bytes"));
        };
        key.permits(algorithm)?;
        let signature = match curve {
            Some(curve) => Cow::Owned(ecdsa_from_der(curve, signature)?),
            None => Cow::Borrowed(signature),
        };
        key.verify(algorithm, &self.signed, &signature)
    }

    /// The algorithm by its JOSE name. ECDSA leaves the curve to the issuer's key; each curve is taken with the hash of its
    /// own size, as in RFC 7518 section 3.4, because that is what crosses the crypto seam.
    fn signature_algorithm(&self, curve: Option<Curve>) -> Result<Algorithm, Rejection> {
        let identifier = &self.algorithm;
        let parameters = identifier.parameters.as_ref();
        match identifier.oid {
            oid @ (ECDSA_WITH_SHA256 | ECDSA_WITH_SHA384 | ECDSA_WITH_SHA512) => {
                absent(parameters)?;
                ecdsa(oid, curve)
            }
            ED25519 => absent(parameters).map(|()| Algorithm::Ed25519),
            SHA256_WITH_RSA => null_or_absent(parameters).map(|()| Algorithm::Rs256),
            SHA384_WITH_RSA => null_or_absent(parameters).map(|()| Algorithm::Rs384),
            SHA512_WITH_RSA => null_or_absent(parameters).map(|()| Algorithm::Rs512),
            RSASSA_PSS => pss(parameters),
            oid if WEAK.contains(&oid) => Err(weak(oid)),
            oid => Err(Rejection::new(SvidCode::SignatureAlgorithm, format!("{oid} is not used here"))),
        }
    }
}

fn weak(oid: ObjectIdentifier) -> Rejection {
    Rejection::new(SvidCode::SignatureHashWeak, format!("{oid} is, or is made with, SHA-1 or an older hash"))
}

fn parameters(what: &str) -> Rejection {
    Rejection::new(SvidCode::SignatureParameters, what)
}

/// No parameters (RFC 5758 section 3.2, RFC 8410 section 3).
fn absent(given: Option<&Any>) -> Result<(), Rejection> {
    if given.is_none() { Ok(()) } else { Err(parameters("the algorithm has parameters and takes none")) }
}

/// NULL, or nothing, which everybody has to take as well (RFC 4055 section 5).
fn null_or_absent(given: Option<&Any>) -> Result<(), Rejection> {
    if given.is_none_or(Any::is_null) { Ok(()) } else { Err(parameters("the algorithm takes NULL for parameters")) }
}

fn ecdsa(oid: ObjectIdentifier, curve: Option<Curve>) -> Result<Algorithm, Rejection> {
    let other =
        |curve: Curve| Rejection::new(SvidCode::SignatureHashOther, format!("{oid} with a key on {}", curve.name()));
    match (oid, curve) {
        (ECDSA_WITH_SHA256, Some(Curve::P256)) => Ok(Algorithm::Es256),
        (ECDSA_WITH_SHA256, Some(Curve::Secp256k1)) => Ok(Algorithm::Es256k),
        (ECDSA_WITH_SHA384, Some(Curve::P384)) => Ok(Algorithm::Es384),
        (ECDSA_WITH_SHA512, Some(Curve::P521)) => Ok(Algorithm::Es512),
        (_, Some(curve)) => Err(other(curve)),
        // The key is no elliptic curve key; `Key::permits` says so.
        (_, None) => Ok(Algorithm::Es256),
    }
}

/// RSASSA-PSS (RFC 4055 section 3.1), in the three forms of RFC 7518 section 3.5: one hash for everything, and a salt of
/// its length. The parameters' defaults are SHA-1, so absent ones are weak.
fn pss(given: Option<&Any>) -> Result<Algorithm, Rejection> {
    let Some(given) = given else {
        return Err(parameters("RSASSA-PSS without parameters says nothing of its hash"));
    };
    let read: RsaPssParamsOwned =
        given.decode_as().map_err(|_| parameters("the parameters are not those of RSASSA-PSS"))?;
    let mgf_hash = read.mask_gen.parameters.as_ref();
    let uses_sha1 = |hash: &AlgorithmIdentifierOwned| hash.oid == SHA1;
    if uses_sha1(&read.hash) || mgf_hash.is_some_and(uses_sha1) {
        return Err(weak(SHA1));
    }
    let plain = |hash: &AlgorithmIdentifierOwned| hash.parameters.as_ref().is_none_or(Any::is_null);
    let one_hash = read.mask_gen.oid == MGF1
        && plain(&read.hash)
        && mgf_hash.is_some_and(|mgf_hash| mgf_hash.oid == read.hash.oid && plain(mgf_hash));
    match (read.hash.oid, read.salt_len) {
        (SHA256, 32) if one_hash => Ok(Algorithm::Ps256),
        (SHA384, 48) if one_hash => Ok(Algorithm::Ps384),
        (SHA512, 64) if one_hash => Ok(Algorithm::Ps512),
        _ => Err(parameters("RSASSA-PSS is taken with one hash for all and a salt as long as it")),
    }
}
