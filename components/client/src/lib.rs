//! How an authorization server, or a resource server, knows its client by workload identity: by a JWT-SVID, an X.509-SVID
//! or a WIT-SVID (draft-ietf-oauth-spiffe-client-auth-02), or by an attestation
//! (draft-ietf-oauth-attestation-based-client-auth-11); and how a workload that nobody registered is registered on its first
//! use (draft-kasselman-oauth-spiffe-01).
//!
//! [`authenticate`](authenticate::authenticate) is the whole: a request in, a client or a refusal out. The other modules are
//! its parts.
//!
//! ```
//! use portcullis_client::{Client, Clients, IdPattern};
//! use portcullis_svid::SpiffeId;
//!
//! let mut clients = Clients::new();
//! let spiffe_id = Some(IdPattern::parse("spiffe://example.org/client/*")?);
//! clients.add(Client { client_id: "fleet".into(), spiffe_id, method: Some("spiffe_jwt".into()) })?;
//! let workload = SpiffeId::parse("spiffe://example.org/client/123")?;
//! assert_eq!(clients.of_spiffe_id(&workload)?.unwrap().client_id, "fleet");
//! # Ok::<(), portcullis_types::Rejection>(())
//! ```

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod answer;
pub mod attestation;
pub mod authenticate;
pub mod challenge;
mod clients;
mod code;
pub mod dpop_form;
mod header;
mod judge;
mod method;
pub mod pop;
mod presented;
pub mod registration;
pub mod spiffe;
#[cfg(test)]
mod tests;

pub use answer::ErrorAnswer;
pub use challenge::Challenge;
pub use clients::{Client, Clients};
pub use code::ClientCode;
pub use method::Method;
/// Which SPIFFE IDs a client has (`spiffe_id` of its metadata).
pub use portcullis_svid::IdPattern;
