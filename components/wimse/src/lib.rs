//! WIMSE: how one workload knows another, at the newest drafts.
//!
//! A Workload Identity Token names a workload and its key ([`identity_token`]). With it comes a proof that the sender has that
//! key: a token of its own ([`proof_token`]), or a signature over the message ([`message_signature`]); who was asked for a signed
//! response makes one by [`response_signature`].
//!
//! ```
//! use portcullis_wimse::proof_token;
//!
//! let fields: [(&str, &[u8]); 1] = [("Workload-Proof-Token", b"eyJ...")];
//! assert_eq!(proof_token::of(fields).unwrap_err().code(), "wimse.proof_superseded");
//! ```

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod code;
mod identifier;
pub mod identity_token;
pub mod message_signature;
pub mod proof_token;
pub mod response_signature;
mod trust_domains;

pub use code::WimseCode;
pub use identifier::{MAX_IDENTIFIER, WorkloadIdentifier};
pub use trust_domains::{MAX_TRUST_DOMAINS, TrustDomains};
