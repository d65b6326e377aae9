//! Workloads of real SPIRE: their SVIDs at a real gateway, whose bundles come from SPIRE's bundle endpoint and from the
//! Workload API, and at a real nginx and Envoy before it.

mod calling;
mod gateway;
mod identity_tokens;
mod proving;
mod proxies;
mod registering;
mod rotating;
mod running;
mod workloads;
