//! Keys and signatures: what may verify what, and the seam behind which a signature is verified.
//!
//! Everything that does not need a signature library is decided here, before the seam, and so is the same for every
//! [`Backend`]: which algorithm a key may verify, sizes, points on their curves, ranges of a signature's numbers. The
//! backend only says `valid`, `invalid` or `failed`. Only public data is handled; MACs never cross the seam.
//!
//! ```
//! use std::rc::Rc;
//! use portcullis_crypto::{Algorithm, KeySet, SoftwareBackend};
//!
//! // RFC 8037 appendix A.2
//! let jwks = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a",
//!                 "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
//! let keys = KeySet::from_jwks(jwks, &(Rc::new(SoftwareBackend::default()) as _)).unwrap();
//! assert!(keys.select(Some("a"), Algorithm::EdDsa).is_ok());
//! assert_eq!(keys.select(Some("b"), Algorithm::EdDsa).unwrap_err().code(), "key.unknown");
//! assert_eq!(keys.select(Some("a"), Algorithm::Es256).unwrap_err().code(), "key.algorithm_mismatch");
//! ```

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod algorithm;
mod backend;
mod code;
mod cose_algorithm;
pub mod cose_key;
mod joint;
pub mod jwk;
mod key;
mod key_set;
mod public_key;
mod signature;
mod software;
pub mod spki;
mod tables;

pub use algorithm::{Algorithm, Hash, Scheme};
pub use backend::{Backend, Failed, PreparedKey, Verdict};
pub use code::CryptoCode;
pub use cose_algorithm::CoseAlgorithm;
pub use key::{Key, Origin};
pub use key_set::{Candidates, Entry, KeySet, MAX_CANDIDATES};
pub use public_key::{Curve, PublicKey};
pub use signature::{ecdsa_from_der, ecdsa_to_der};
pub use software::SoftwareBackend;
pub use tables::{MAX_TABLE_BYTES, TABLE_THRESHOLD};

/// SHA-512/256 of bytes (FIPS 180-4 section 6.7): as strong as SHA-256, and nearly twice as fast where words of 64 bits cost what
/// words of 32 do, which is everywhere but in a processor that has SHA-256 itself. For what only we compare with ourselves.
pub fn sha512_256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha512_256::digest(bytes).into()
}

/// SHA-256 of bytes.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).into()
}
