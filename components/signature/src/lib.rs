//! HTTP Message Signatures (RFC 9421) and digest fields (RFC 9530).
//!
//! A message is lent as it was received ([`Request`], [`Response`]); [`parse_and_verify`] verifies one of its signatures,
//! [`prepare`] makes what a key signs, and [`AcceptSignature`] asks for signatures. No key that signs comes in here.
//!
//! ```
//! use portcullis_signature::{Component, Field, Message, Request, Selection, Signatures};
//!
//! let fields = [
//!     ("Signature-Input", "a=(\"@method\" \"date\");created=1790000000, b=(\"@status\");tag=\"other\""),
//!     ("Signature", "a=:AQID:, b=:AQID:"),
//!     ("Date", "Mon, 21 Sep 2026 14:13:20 GMT"),
//! ];
//! let fields = fields.map(|(name, value)| Field { name, value: value.as_bytes() });
//! let request = Request { method: "GET", url: "https://api.example/", target: None, fields: &fields, trailers: &[], body: None };
//! let message = Message::Request(&request);
//! let signatures = Signatures::of(&message)?;
//! let signature = signatures.select(&Selection::Label("a"))?;
//! assert!(signature.covers("@method", false) && !signature.covers("@path", false));
//! assert!(signature.base(&message)?.starts_with("\"@method\": GET\n\"date\": Mon, 21 Sep 2026 14:13:20 GMT\n"));
//! let other = signatures.select(&Selection::Tag("other"))?;
//! assert_eq!(other.base(&message).unwrap_err().code(), "signature.component_target");
//! # Ok::<(), portcullis_types::Rejection>(())
//! ```

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod accept;
mod algorithm;
mod base;
mod code;
mod component;
mod create;
mod derived;
mod digest;
mod field_value;
mod limits;
mod message;
mod parameters;
mod query_parameter;
mod signatures;
mod structured;
mod structured_fields;
mod target_uri;
mod verify;

pub use accept::{AcceptSignature, RequestedSignature};
pub use algorithm::{algorithm_name, algorithm_of};
pub use code::SignatureCode;
pub use component::Component;
pub use create::{Prepared, prepare, prepare_knowing};
pub use digest::{Checked, DigestAlgorithm, check_content_digest, content_digest};
pub use limits::{MAX_BASE, MAX_COMPONENTS, MAX_FIELD, MAX_PARAMETERS, MAX_SIGNATURES};
pub use message::{Field, Message, Request, Response};
pub use parameters::Parameters;
/// A value of a structured field without its parameters, from the crate that reads them.
pub use sfv::BareItem;
pub use signatures::{Selection, Signature, Signatures};
pub use structured_fields::{FieldType, StructuredFields};
pub use verify::{Expectations, Required, Verified, parse_and_verify, verify};
