//! What other servers send and publish, whatever a fuzzer makes of it: the messages of the property test, and documents of any text.

#![no_main]

#[path = "../../tests/support/hostile.rs"]
mod hostile;

use std::sync::LazyLock;

use hostile::Material;
use libfuzzer_sys::fuzz_target;
use portcullis_ocm::{Acceptance, Address, Directory, Discovery, Invite, Share, notification::Notification};
use portcullis_types::{Silent, json};

thread_local! {
    static MATERIAL: LazyLock<Material> = LazyLock::new(Material::new);
}

fuzz_target!(|bytes: &[u8]| {
    let Some((255, text)) = bytes.split_first() else {
        MATERIAL.with(|material| drop(hostile::run(bytes, material)));
        return;
    };
    let text = String::from_utf8_lossy(text);
    let _ = (Address::parse(&text), Invite::parse(&text, &[]));
    if let Ok(object) = json::parse_object(text.as_bytes()) {
        let _ = Discovery::from_object(&object, &[], &mut Silent);
        let _ = Share::from_object(&object, &[], &mut Silent);
        let _ = (
            Acceptance::from_object(&object),
            Notification::from_object(&object),
            Directory::from_object(&object, &[]),
        );
    }
});
