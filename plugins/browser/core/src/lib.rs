//! The component that a page's worker loads: `portcullis:gate/text`, and nothing else. It translates nothing and decides
//! nothing; the operations are those of `portcullis-text`, of which a small build has those about tokens alone.

#![cfg(target_arch = "wasm32")]

use std::{cell::RefCell, rc::Rc};

use portcullis_crypto::SoftwareBackend;
use portcullis_text::Door;

use bindings::exports::portcullis::{gate::text::Guest, types::types::Timestamp};

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all)]
mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit/types", "../../../wit/crypto", "../../../wit/token", "../../../wit/scope", "../../../wit/status", "../../../wit/svid", "../../../wit/signature", "../../../wit/wimse", "../../../wit/client", "../../../wit/oauth", "../../../wit/ocm", "../../../wit/gate", "../../../wit/component"],
        world: "portcullis:component/text",
        generate_all,
    });
}

/// What the exports hang on.
struct Component;

/// What the generated code needs: link sections and raw pointers of the canonical ABI.
#[allow(unsafe_code, unreachable_pub)]
mod export {
    use super::{Component, bindings};
    bindings::export!(Component with_types_in bindings);
}

thread_local! {
    /// One door an instance: it keeps the key sets and lists that it saw last, and the gates.
    static DOOR: RefCell<Door> = RefCell::new(Door::new(Rc::new(SoftwareBackend::default())));
}

impl Guest for Component {
    fn answer(request: Vec<u8>, now: Timestamp) -> String {
        DOOR.with_borrow_mut(|door| door.answer(&request, now))
    }

    fn operations() -> Vec<String> {
        Door::operations().into_iter().map(Into::into).collect()
    }
}
