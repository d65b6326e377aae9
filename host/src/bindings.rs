//! What wasmtime generates from the WIT packages: the types this library speaks in, with their documentation.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    reason = "generated; the items that are re-exported carry the documentation of the WIT"
)]

wasmtime::component::bindgen!({
    path: ["../wit/types", "../wit/crypto", "../wit/token", "../wit/scope", "../wit/status", "../wit/svid", "../wit/signature", "../wit/wimse", "../wit/client", "../wit/oauth", "../wit/ocm", "../wit/gate", "../wit/component"],
    world: "portcullis:component/full",
    additional_derives: [PartialEq],
});
