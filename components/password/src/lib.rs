//! Passwords of humans: files of users (`htpasswd`), and hashes that are slow on purpose.
//!
//! A hash is bcrypt, as `htpasswd -B` writes it, or Argon2 as a PHC string. What is cheap to guess (MD5, SHA-1, crypt) is
//! refused, and so is what would cost a server more than a moment.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod code;
mod hash;
pub mod limits;
mod users;

pub use code::PasswordCode;
pub use hash::Hash;
pub use users::{User, Users};
