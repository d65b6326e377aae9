//! SPIFFE: identifiers, bundles, and the documents that prove identities (SVIDs): X.509, JWT and WIT.
//!
//! Each SVID is verified with the bundle of its own trust domain, and of no other.
//!
//! ```
//! use std::rc::Rc;
//! use portcullis_crypto::SoftwareBackend;
//! use portcullis_svid::{BundleSet, jwt_svid};
//! use portcullis_types::json;
//!
//! let backend = Rc::new(SoftwareBackend::default()) as _;
//! let bundles = json::parse_object(br#"{"example.org": {"keys": []}}"#).unwrap();
//! let bundles = BundleSet::from_object(&bundles, &backend).unwrap();
//! // {"alg":"ES256"} . {"sub":"spiffe://example.org/w"} . no signature
//! let token = b"eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJzcGlmZmU6Ly9leGFtcGxlLm9yZy93In0.";
//! let expect = jwt_svid::Expectations { audience: vec!["reports".into()], leeway: 30 };
//! // An empty list of keys revokes every SVID of the trust domain.
//! let refused = jwt_svid::parse_and_verify(token, &bundles, &expect, 1_790_000_000).unwrap_err();
//! assert_eq!(refused.code(), "bundle.no_jwt_authority");
//! ```

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod bundle;
mod bundle_set;
mod certificate;
mod certificate_signature;
mod certified_key;
mod code;
mod confirmation;
mod distinguished_name;
mod id_pattern;
mod inspect;
pub mod jwt_svid;
mod leaf;
mod name_constraints;
mod path_building;
mod path_validation;
pub mod pem;
#[cfg(test)]
mod properties;
mod signing;
mod spiffe_id;
#[cfg(test)]
mod tests;
mod token_key;
pub mod wit_svid;
pub mod x509_svid;

pub use bundle::{Bundle, BundleEntry, KeyUse};
pub use bundle_set::{BundleSet, MAX_TRUST_DOMAINS};
pub use certified_key::Anchors;
pub use code::SvidCode;
pub use confirmation::Confirmation;
pub use id_pattern::IdPattern;
pub use inspect::{CertificateDescription, inspect_untrusted_chain};
pub use spiffe_id::{MAX_SPIFFE_ID, MAX_TRUST_DOMAIN, SpiffeId, TrustDomain};
pub use token_key::ALGORITHMS;
