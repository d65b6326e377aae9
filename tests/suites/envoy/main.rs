//! The filter in a real Envoy.

mod configuring;
mod decisions;
mod documents;
mod formed;
mod issuer;
mod panics;
mod proofs;
mod protocols;
mod running;
mod saying;
mod telling;
