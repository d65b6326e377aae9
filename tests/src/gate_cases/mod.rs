//! The cases of the gate, a file a group in `tests/gate`; of registries, `tests/registry.ndjson`; and of the clients of
//! authorization servers, `tests/clients.ndjson`; of opaque tokens, `tests/introspection.ndjson`; of a sharing server, `tests/ocm.ndjson`: made, so that each is one change
//! away from another. A page has no part in the last four, hence their own files. Those of the Transaction Token Service,
//! `tests/transactions.ndjson`, are kept.

mod attestation;
mod bindings;
mod clients;
mod cors;
mod fetching;
mod forwarded;
mod introspection;
mod lists;
mod make;
mod ocm;
mod paths;
mod policies;
mod proofs;
mod registry;
mod request;
mod rights;
mod rules;
mod svids;
mod tokens;
mod told;
mod transactions;
mod upstream;
mod workloads;

use std::fmt::Write as _;

use make::Group;

use crate::{corpus, root};

/// The files, each with its text.
pub fn files() -> Vec<(String, String)> {
    let mut files: Vec<_> =
        groups().iter().map(|group| (format!("{}/{}.ndjson", corpus::GATE, group.name()), lines(group))).collect();
    files.push((corpus::REGISTRY.into(), lines(&registry::cases())));
    files.push((corpus::CLIENTS.into(), lines(&clients::cases())));
    files.push((corpus::INTROSPECTION.into(), lines(&introspection::cases())));
    files.push((corpus::OCM.into(), lines(&ocm::cases())));
    // Nobody makes these anew: they are what they are.
    let kept = std::fs::read_to_string(root().join(corpus::TRANSACTIONS)).unwrap_or_default();
    files.push((corpus::TRANSACTIONS.into(), kept));
    files
}

/// The cases that every host is asked.
fn groups() -> [Group; 18] {
    [
        rules::cases(),
        paths::cases(),
        request::cases(),
        forwarded::cases(),
        cors::cases(),
        tokens::cases(),
        proofs::cases(),
        svids::cases(),
        workloads::cases(),
        transactions::cases(),
        bindings::cases(),
        attestation::cases(),
        lists::cases(),
        fetching::cases(),
        rights::cases(),
        upstream::cases(),
        told::cases(),
        policies::cases(),
    ]
}

/// One JSON object a line.
fn lines(group: &Group) -> String {
    let mut text = String::new();
    for line in &group.lines {
        let _ = writeln!(text, "{line}");
    }
    text
}
