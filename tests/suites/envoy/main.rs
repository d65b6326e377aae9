//! The filter in a real Envoy.

mod decisions;
mod documents;
mod issuer;
mod proofs;
mod running;
mod saying;
