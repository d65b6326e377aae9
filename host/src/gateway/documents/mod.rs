//! Documents from outside: JWK Sets, metadata, status lists and bundles.
//!
//! The gate admits URLs by their form and each redirect; this admits addresses, when it connects, and bounds everything that
//! comes: in size, in time, and by origin.

mod address;
mod budgets;
mod fetcher;
mod names;
mod question;
mod store;
mod workload_api;
mod workload_server;

pub(crate) use fetcher::{Admits, FetchSettings, Fetcher, Message, Pin, Received, Unsent};
pub(crate) use store::Store;
