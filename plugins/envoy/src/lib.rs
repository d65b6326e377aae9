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
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects))]

#[cfg(any(test, target_arch = "wasm32"))]
mod bucket;
mod code;
#[cfg(any(test, target_arch = "wasm32"))]
mod configuration;
#[cfg(any(test, target_arch = "wasm32"))]
mod fields;
#[cfg(any(test, target_arch = "wasm32"))]
mod limits;
#[cfg(any(test, target_arch = "wasm32"))]
mod slot;
#[cfg(any(test, target_arch = "wasm32"))]
mod verify_signature;

#[cfg(target_arch = "wasm32")]
mod filter;

pub use code::EnvoyCode;
