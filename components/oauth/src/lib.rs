//! Younger pieces of OAuth, each by itself: transaction tokens, how long a refresh token and a consent last, clients that register
//! with their pushed request, keys that are bound later, and the way between apps without a browser.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod app2app;
pub mod key_binding;
pub mod lifetimes;
pub mod pushed_registration;
pub mod transaction_token;
