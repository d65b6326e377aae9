//! Proofs of possession that come with a request (RFC 9449).
//!
//! ```no_run
//! use portcullis_host::dpop::{Expectations, Request};
//! use portcullis_host::{HostError, Portcullis};
//!
//! /// Whether a request proves possession of a key; its thumbprint, or why not.
//! fn proven(portcullis: &mut Portcullis, request: &Request, now: u64) -> Result<Result<Vec<u8>, String>, HostError> {
//!     let verdict = portcullis.verify_dpop(request, &Expectations::default(), now)?;
//!     Ok(verdict.map(|proof| proof.thumbprint).map_err(|rejection| rejection.code))
//! }
//! ```

pub use crate::bindings::exports::portcullis::token::dpop::{Expectations, Request, VerifiedProof};
pub use crate::bindings::exports::portcullis::types::types::Header;

use crate::error::HostError;
use crate::portcullis::{Portcullis, Verdict};

impl Default for Expectations {
    /// Any key and no access token, as a token endpoint expects them; no nonce, nothing seen, the usual window.
    fn default() -> Self {
        Self {
            access_token: None,
            thumbprint: None,
            nonces: Vec::new(),
            window: None,
            algorithms: None,
            seen: Vec::new(),
        }
    }
}

/// Proofs of possession.
impl Portcullis {
    /// Verifies the one DPoP proof of a request at a time, in seconds since 1970. Whoever calls it remembers the proofs that were
    /// used, and names them in [`Expectations::seen`].
    ///
    /// # Errors
    ///
    /// The component could not be asked. A proof that is refused is a [`Verdict`].
    pub fn verify_dpop(
        &mut self,
        request: &Request,
        expect: &Expectations,
        at: u64,
    ) -> Result<Verdict<VerifiedProof>, HostError> {
        self.sandbox.call(|store, bound| bound.exports.portcullis_token_dpop().call_verify(store, request, expect, at))
    }
}
