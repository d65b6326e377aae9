//! Algorithms by their COSE numbers (RFC 9053 sections 2 and 3, RFC 8812 section 2, RFC 9864 section 2).

use coset::iana::{self, EnumI64};

use crate::Algorithm;

/// An algorithm that signs or authenticates a COSE message.
///
/// The numbers of RFC 9864 (ESP256, ESP384, ESP512, Ed25519) name curve and hash. The older ones leave the curve to the
/// key; here each is used with the one curve that RFC 9053 section 2.1 recommends, so ES256 and ESP256 are one algorithm.
///
/// ```
/// use portcullis_crypto::{Algorithm, CoseAlgorithm};
///
/// assert_eq!(CoseAlgorithm::from_number(-7).unwrap().algorithm(), Algorithm::Es256);
/// assert_eq!(CoseAlgorithm::from_number(-9).unwrap().algorithm(), Algorithm::Es256);
/// // HMAC 256/64: SHA-256, of which eight bytes are sent.
/// assert_eq!(CoseAlgorithm::from_number(4).unwrap().mac_length(), Some(8));
/// assert!(CoseAlgorithm::from_number(-65535).is_none(), "RSA with SHA-1");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CoseAlgorithm {
    registered: iana::Algorithm,
    algorithm: Algorithm,
}

/// What is known of them all.
const KNOWN: &[(iana::Algorithm, Algorithm)] = &[
    (iana::Algorithm::ES256, Algorithm::Es256),
    (iana::Algorithm::ES384, Algorithm::Es384),
    (iana::Algorithm::ES512, Algorithm::Es512),
    (iana::Algorithm::ES256K, Algorithm::Es256k),
    (iana::Algorithm::ESP256, Algorithm::Es256),
    (iana::Algorithm::ESP384, Algorithm::Es384),
    (iana::Algorithm::ESP512, Algorithm::Es512),
    (iana::Algorithm::EdDSA, Algorithm::EdDsa),
    (iana::Algorithm::Ed25519, Algorithm::Ed25519),
    (iana::Algorithm::RS256, Algorithm::Rs256),
    (iana::Algorithm::RS384, Algorithm::Rs384),
    (iana::Algorithm::RS512, Algorithm::Rs512),
    (iana::Algorithm::PS256, Algorithm::Ps256),
    (iana::Algorithm::PS384, Algorithm::Ps384),
    (iana::Algorithm::PS512, Algorithm::Ps512),
    (iana::Algorithm::HMAC_256_64, Algorithm::Hs256),
    (iana::Algorithm::HMAC_256_256, Algorithm::Hs256),
    (iana::Algorithm::HMAC_384_384, Algorithm::Hs384),
    (iana::Algorithm::HMAC_512_512, Algorithm::Hs512),
];

impl CoseAlgorithm {
    /// The algorithm with that number in the IANA registry "COSE Algorithms".
    pub fn from_number(number: i64) -> Option<Self> {
        let (registered, algorithm) = *KNOWN.iter().find(|(registered, _)| registered.to_i64() == number)?;
        Some(Self { registered, algorithm })
    }

    /// The number.
    pub fn number(self) -> i64 {
        self.registered.to_i64()
    }

    /// The algorithm behind it. HMAC 256/64 is HS256 with its MAC cut short ([`Self::is_short_mac`]).
    pub fn algorithm(self) -> Algorithm {
        self.algorithm
    }

    /// The JOSE name of the algorithm; HMAC 256/64 has none and is called so.
    pub fn name(self) -> &'static str {
        if self.is_short_mac() { "HMAC 256/64" } else { self.algorithm.name() }
    }

    /// Whether it is HMAC 256/64, whose MAC is the first 64 bits of HMAC with SHA-256 (RFC 9053 section 3.1).
    pub fn is_short_mac(self) -> bool {
        self.registered == iana::Algorithm::HMAC_256_64
    }

    /// How many bytes a MAC has; nothing for a signature.
    pub fn mac_length(self) -> Option<usize> {
        match self.algorithm.is_mac() {
            true if self.is_short_mac() => Some(8),
            true => Some(self.algorithm.hash().length()),
            false => None,
        }
    }
}
