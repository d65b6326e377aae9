//! Real programs for end-to-end tests: the gateway, proxies in front of an upstream that shows what it got, and clients that
//! send exact bytes. Everything listens on 127.0.0.1 and ends with what started it.

mod authority;
mod client;
mod clock;
mod documents;
pub mod envoy;
mod nginx;
mod process;
pub mod spire;
mod tls;
mod upstream;

pub use authority::{Authority, Certified, dns, uri};
pub use client::{Answer, answers, ask, get, request};
pub use clock::Clock;
pub use documents::{Documents, Served};
pub use nginx::start_nginx;
pub use process::{Process, free_port, wait_for_port};
pub use tls::{Shown, ask_tls};
pub use upstream::Upstream;

use std::time::Duration;

/// How long anything may take that a test waits for.
pub const WITHIN: Duration = Duration::from_secs(60);
