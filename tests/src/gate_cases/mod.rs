//! The cases of the gate, `tests/gate.ndjson`; of registries, `tests/registry.ndjson`; and of the clients of authorization
//! servers, `tests/clients.ndjson`: made, so that each is one change away from another. A page has no part in the last two, hence
//! their own files.

mod clients;
mod cors;
mod fetching;
mod forwarded;
mod lists;
mod make;
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
mod upstream;
mod workloads;

use std::fmt::Write as _;

use make::Group;

/// The files, each with its text.
pub fn files() -> [(&'static str, String); 3] {
    [
        ("tests/gate.ndjson", text()),
        ("tests/registry.ndjson", lines(&[registry::cases()])),
        ("tests/clients.ndjson", lines(&[clients::cases()])),
    ]
}

/// The cases that every host is asked.
fn text() -> String {
    let groups = [
        rules::cases(),
        paths::cases(),
        request::cases(),
        forwarded::cases(),
        cors::cases(),
        tokens::cases(),
        proofs::cases(),
        svids::cases(),
        workloads::cases(),
        lists::cases(),
        fetching::cases(),
        rights::cases(),
        upstream::cases(),
        told::cases(),
        policies::cases(),
    ];
    lines(&groups)
}

/// One JSON object a line.
fn lines(groups: &[Group]) -> String {
    let mut text = String::new();
    for line in groups.iter().flat_map(|group| &group.lines) {
        let _ = writeln!(text, "{line}");
    }
    text
}
