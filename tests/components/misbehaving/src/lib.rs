//! A component whose text door does what the request says: `loop` never returns, `trap` traps, `eat` takes
//! memory without bound. Every other request is answered.

#![allow(missing_docs, unsafe_code, reason = "the generated exports have neither documentation nor a safe form")]

wit_bindgen::generate!({
    path: ["../../../wit/types", "../../../wit/gate", "wit"],
    world: "portcullis:misbehaving/misbehaving",
});

use exports::portcullis::{gate::text, types::types};

/// As much memory as one step of `eat` takes.
const MOUTHFUL_BYTES: usize = 1024 * 1024;

struct Misbehaving;

impl text::Guest for Misbehaving {
    fn answer(request: Vec<u8>, _now: types::Timestamp) -> String {
        match request.as_slice() {
            b"loop" => loop {
                std::hint::black_box(&request);
            },
            b"trap" => panic!("as asked"),
            b"eat" => {
                let mut eaten = Vec::new();
                loop {
                    // Not zero, so that the bytes are written and not only reserved.
                    eaten.push(std::hint::black_box(vec![1_u8; MOUTHFUL_BYTES]));
                }
            }
            _ => String::from(r#"{"id":null,"ok":true,"result":{}}"#),
        }
    }

    fn operations() -> Vec<String> {
        ["eat", "loop", "trap"].map(String::from).to_vec()
    }
}

export!(Misbehaving);
