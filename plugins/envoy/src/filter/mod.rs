//! The skin: proxy-wasm's callbacks and calls.

mod answer;
mod backend;
mod fetches;
mod proofs;
mod request;
mod root;
mod shared;
mod stats;
mod stream;
mod worker;

use proxy_wasm::{hostcalls, types::LogLevel};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|id| Box::new(root::Root::new(id)));
}}

/// Writes a line into Envoy's log. What Envoy does not take is lost.
fn log(level: LogLevel, line: &str) {
    let _ = hostcalls::log(level, line);
}

/// The time by Envoy's clock, in whole seconds since 1970.
fn now() -> Option<portcullis_types::Timestamp> {
    let time = hostcalls::get_current_time().ok()?;
    time.duration_since(std::time::UNIX_EPOCH).ok().map(|passed| passed.as_secs())
}
