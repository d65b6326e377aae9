//! The filter in a real Envoy.

mod decisions;
mod saying;
