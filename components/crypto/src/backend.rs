//! The seam: who verifies a signature once everything else has been judged.

use alloc::boxed::Box;

use crate::{Origin, PublicKey, Scheme};

/// What a backend says of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It verifies.
    Valid,
    /// It does not.
    Invalid,
    /// The backend could not tell. Never taken for [`Verdict::Valid`].
    Failed,
}

/// The backend does not take a key or could not prepare it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed;

/// A library that verifies signatures.
///
/// It is asked only about keys and signatures that passed every check before the seam, with a signature of the
/// scheme's fixed length.
pub trait Backend {
    /// Makes a key ready to be used often. `origin` tells whether work ahead may pay: for a key that a token brought
    /// along it never may.
    fn prepare(&self, scheme: Scheme, key: &PublicKey, origin: Origin) -> Result<Box<dyn PreparedKey>, Failed>;
}

/// A key that is ready.
pub trait PreparedKey {
    /// Verifies a signature over a message.
    fn verify(&self, message: &[u8], signature: &[u8]) -> Verdict;
}
