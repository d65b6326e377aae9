//! The gate as a filter of Envoy (proxy-wasm).
//!
//! Envoy runs a module, not components, so this links the same crates as the components do. It decides nothing: it makes a
//! [`Request`](portcullis_gate::Request) of a stream, fetches what the gate asks for through Envoy's clusters, and carries out
//! what the gate decides. What it is and how to set it up: `docs/envoy.md`.
//!
//! What changes hangs on a root context, of which each worker has one for each filter of its configuration; nothing is a
//! static. What workers share is in Envoy's shared data, under the `vm_id` of the configuration.

// What is unexpected is a denial, never a panic: a panic costs the worker its virtual machine.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]
// Natively there is no Envoy to call, and what only its callbacks use is used by nobody.
#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects))]

mod bucket;
mod code;
mod configuration;
mod fields;
mod limits;
mod slot;
mod verify_signature;

#[cfg(target_arch = "wasm32")]
mod filter;

pub use code::EnvoyCode;
