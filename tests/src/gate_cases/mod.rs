//! The cases of the gate, `tests/gate.ndjson`: made, so that each is one change away from another.

mod cors;
mod fetching;
mod forwarded;
mod lists;
mod make;
mod paths;
mod policies;
mod proofs;
mod request;
mod rights;
mod rules;
mod svids;
mod tokens;
mod told;
mod upstream;

use std::fmt::Write as _;

/// All cases, one JSON object a line.
pub fn text() -> String {
    let groups = [
        rules::cases(),
        paths::cases(),
        request::cases(),
        forwarded::cases(),
        cors::cases(),
        tokens::cases(),
        proofs::cases(),
        svids::cases(),
        lists::cases(),
        fetching::cases(),
        rights::cases(),
        upstream::cases(),
        told::cases(),
        policies::cases(),
    ];
    let mut text = String::new();
    for line in groups.iter().flat_map(|group| &group.lines) {
        let _ = writeln!(text, "{line}");
    }
    text
}
