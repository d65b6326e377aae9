//! Token Status List (draft-ietf-oauth-status-list-21): whether a token that is otherwise valid has been revoked or
//! suspended.
//!
//! [`mechanism::find`] reads where a token's status is to be found, [`StatusList`] verifies the list that was fetched
//! from there and answers. Section numbers without a document are those of the draft.
//!
//! ```
//! use portcullis_status::{Bits, MAX_INFLATED, Packed, Status};
//!
//! // The list of section 4.2 with two bits an entry.
//! let list = Packed::from_base64url(Bits::Two, "eNo76fITAAPfAgc", MAX_INFLATED).unwrap();
//! assert_eq!(Status::from_value(list.get(0).unwrap()), Status::Invalid);
//! assert_eq!(Status::from_value(list.get(1).unwrap()), Status::Suspended);
//! ```

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

#[cfg(feature = "build")]
pub mod build;
mod claims;
mod code;
mod cwt;
mod entry;
mod inflate;
mod jwt;
mod list;
pub mod mechanism;
mod options;
mod packed;
#[cfg(test)]
mod testing;

pub use code::StatusCode;
pub use entry::{Entry, Status};
pub use list::StatusList;
pub use mechanism::{Mechanism, Reference};
pub use options::{MAX_INFLATED, MAX_LIST_TOKEN, MAX_VALUES, Options};
pub use packed::{Bits, Packed, lst_from_json};
