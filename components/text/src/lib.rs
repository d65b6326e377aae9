//! The interfaces as JSON text: one request a line, one answer a line.
//!
//! This is the one door for hosts that carry only strings, for `portcullis batch` and for the tests. It reads requests
//! strictly, calls the same functions as the typed interfaces, and decides nothing itself. The operations and their
//! members are listed in `docs/batch.md`.
//!
//! ```
//! use std::rc::Rc;
//! use portcullis_crypto::SoftwareBackend;
//! use portcullis_text::Door;
//!
//! let mut door = Door::new(Rc::new(SoftwareBackend::default()));
//! let answer = door.answer(br#"{"id":7,"op":"jws.verify","token":"a.b","keys":{"keys":[]}}"#, 1_790_000_000);
//! assert!(answer.starts_with(r#"{"id":7,"ok":false,"error":{"code":"token.parts_missing""#));
//! ```

#![no_std]
#![forbid(unsafe_code)]
// The small build has fewer operations, and so fewer readers of members.
#![cfg_attr(not(feature = "full"), allow(dead_code))]

extern crate alloc;

mod code;
mod door;
mod members;
mod operations;

pub use code::RequestCode;
pub use door::Door;
