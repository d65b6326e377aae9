//! What every Portcullis component speaks in: codes, rejections, times, limits, strict JSON, CBOR and base64url.
//!
//! Nothing here does I/O, reads a clock or draws randomness.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod base64url;
pub mod cbor;
pub mod code;
pub mod encoding_code;
pub mod form;
pub mod json;
pub mod limits;
pub mod origin;
pub mod rejection;
pub mod time;
pub mod trace;

pub use code::{CodeEntry, RuleCode, meaning};
pub use encoding_code::EncodingCode;
pub use rejection::Rejection;
pub use time::{NumericDate, Timestamp};
pub use trace::{Finding, Findings, Outcome, Silent, Trace};
