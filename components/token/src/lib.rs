//! Tokens and proofs: JSON Web Signature in compact serialization, JSON Web Tokens, JWT access tokens, COSE messages, CBOR
//! Web Tokens, DPoP proofs, and what tokens are bound to.
//!
//! ```
//! use std::rc::Rc;
//! use portcullis_crypto::{KeySet, SoftwareBackend};
//! use portcullis_token::jws;
//!
//! // RFC 8037 appendix A.4
//! let jwks = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
//! let keys = KeySet::from_jwks(jwks, &(Rc::new(SoftwareBackend::default()) as _)).unwrap();
//! let token = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.\
//!               hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
//! let verified = jws::parse_and_verify(token, &keys, None).unwrap();
//! assert_eq!(verified.payload, b"Example of Ed25519 signing");
//! ```

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod at_jwt;
pub mod claims;
mod code;
pub mod compact;
pub mod confirmation;
pub mod cose;
pub mod cwt;
pub mod dpop;
mod htu;
pub mod jws;
pub mod jwt;
pub mod media_type;
pub mod mtls;
pub mod x5c;

pub use code::TokenCode;
