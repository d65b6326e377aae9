//! A gate against whatever a fuzzer finds: the hostile host of the gate's property test, and policies of any text.

#![no_main]

#[path = "../../tests/support/hostile.rs"]
mod hostile;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::sync::LazyLock;

use hostile::Material;
use libfuzzer_sys::fuzz_target;
use portcullis_gate::policy::{Format, Policy};
use support::*;

static MATERIAL: LazyLock<Material> = LazyLock::new(Material::new);

fuzz_target!(|bytes: &[u8]| {
    match bytes.split_first() {
        Some((0, text)) => {
            let _ = Policy::parse(&String::from_utf8_lossy(text), Format::Toml, &backend());
        }
        Some((1, text)) => {
            let _ = Policy::parse(&String::from_utf8_lossy(text), Format::Json, &backend());
        }
        _ => drop(hostile::run(bytes, &MATERIAL)),
    }
});
