//! Algorithms by their JOSE names, and the closed list behind the seam.

/// A signature or MAC algorithm (RFC 7518 section 3.1, RFC 8037 section 3.1, RFC 8812 section 3.2, RFC 9864
/// section 2.2). `none` is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// ECDSA, P-256, SHA-256.
    Es256,
    /// ECDSA, P-384, SHA-384.
    Es384,
    /// ECDSA, P-521, SHA-512.
    Es512,
    /// ECDSA, secp256k1, SHA-256.
    Es256k,
    /// Ed25519, fully specified.
    Ed25519,
    /// Ed25519 under the older name.
    EdDsa,
    /// RSASSA-PKCS1-v1_5, SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5, SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5, SHA-512.
    Rs512,
    /// RSASSA-PSS, SHA-256.
    Ps256,
    /// RSASSA-PSS, SHA-384.
    Ps384,
    /// RSASSA-PSS, SHA-512.
    Ps512,
    /// HMAC, SHA-256.
    Hs256,
    /// HMAC, SHA-384.
    Hs384,
    /// HMAC, SHA-512.
    Hs512,
}

/// The hash of an algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hash {
    /// 32 bytes.
    Sha256,
    /// 48 bytes.
    Sha384,
    /// 64 bytes.
    Sha512,
}

impl Hash {
    /// Its length in bytes.
    pub fn length(self) -> usize {
        match self {
            Hash::Sha256 => 32,
            Hash::Sha384 => 48,
            Hash::Sha512 => 64,
        }
    }
}

/// What a [`Backend`](crate::Backend) is asked for: signatures only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// r‖s of 32 bytes each.
    EcdsaP256Sha256,
    /// r‖s of 48 bytes each.
    EcdsaP384Sha384,
    /// r‖s of 66 bytes each.
    EcdsaP521Sha512,
    /// r‖s of 32 bytes each; a high s is valid.
    EcdsaSecp256k1Sha256,
    /// 64 bytes, verified without cofactor.
    Ed25519,
    /// As long as the modulus.
    RsaPkcs1(Hash),
    /// As long as the modulus; the salt is as long as the hash.
    RsaPss(Hash),
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: &'static [Algorithm] = &[
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::Es512,
        Algorithm::Es256k,
        Algorithm::Ed25519,
        Algorithm::EdDsa,
        Algorithm::Rs256,
        Algorithm::Rs384,
        Algorithm::Rs512,
        Algorithm::Ps256,
        Algorithm::Ps384,
        Algorithm::Ps512,
        Algorithm::Hs256,
        Algorithm::Hs384,
        Algorithm::Hs512,
    ];

    /// The name in a JOSE header. Names are case-sensitive (RFC 7515 section 4.1.1).
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Es256 => "ES256",
            Algorithm::Es384 => "ES384",
            Algorithm::Es512 => "ES512",
            Algorithm::Es256k => "ES256K",
            Algorithm::Ed25519 => "Ed25519",
            Algorithm::EdDsa => "EdDSA",
            Algorithm::Rs256 => "RS256",
            Algorithm::Rs384 => "RS384",
            Algorithm::Rs512 => "RS512",
            Algorithm::Ps256 => "PS256",
            Algorithm::Ps384 => "PS384",
            Algorithm::Ps512 => "PS512",
            Algorithm::Hs256 => "HS256",
            Algorithm::Hs384 => "HS384",
            Algorithm::Hs512 => "HS512",
        }
    }

    /// The algorithm of that exact name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|algorithm| algorithm.name() == name)
    }

    /// Whether it is a MAC, whose key both makes and verifies.
    pub fn is_mac(self) -> bool {
        self.scheme().is_none()
    }

    /// Its hash. Ed25519 hashes with SHA-512 inside.
    pub fn hash(self) -> Hash {
        match self {
            Algorithm::Es256 | Algorithm::Es256k | Algorithm::Rs256 | Algorithm::Ps256 | Algorithm::Hs256 => {
                Hash::Sha256
            }
            Algorithm::Es384 | Algorithm::Rs384 | Algorithm::Ps384 | Algorithm::Hs384 => Hash::Sha384,
            _ => Hash::Sha512,
        }
    }

    /// What a backend is asked for; nothing for a MAC.
    pub fn scheme(self) -> Option<Scheme> {
        Some(match self {
            Algorithm::Es256 => Scheme::EcdsaP256Sha256,
            Algorithm::Es384 => Scheme::EcdsaP384Sha384,
            Algorithm::Es512 => Scheme::EcdsaP521Sha512,
            Algorithm::Es256k => Scheme::EcdsaSecp256k1Sha256,
            Algorithm::Ed25519 | Algorithm::EdDsa => Scheme::Ed25519,
            Algorithm::Rs256 | Algorithm::Rs384 | Algorithm::Rs512 => Scheme::RsaPkcs1(self.hash()),
            Algorithm::Ps256 | Algorithm::Ps384 | Algorithm::Ps512 => Scheme::RsaPss(self.hash()),
            Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => return None,
        })
    }

    /// Whether two names stand for the same algorithm: `EdDSA` on an Ed25519 key is `Ed25519` (RFC 9864
    /// section 2.2); every other name stands for itself alone.
    pub fn same_as(self, other: Algorithm) -> bool {
        self == other || (self.scheme() == Some(Scheme::Ed25519) && other.scheme() == Some(Scheme::Ed25519))
    }
}
