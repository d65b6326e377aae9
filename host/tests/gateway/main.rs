//! The gateway, in this process: what its listeners answer, and that it goes on whatever happens.
#![cfg(all(feature = "compiler", feature = "hosted-crypto", feature = "gateway"))]

#[path = "../support/client.rs"]
mod client;
mod demo;
mod doors;
mod endpoints;
mod failures;
mod faults;
mod introspection;
mod ocm;
mod reloads;
mod replays;
mod running;
mod shared;
#[path = "../support/mod.rs"]
mod support;
mod tls;
mod tokens;
mod workload;

type Tried<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
