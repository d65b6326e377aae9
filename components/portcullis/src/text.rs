//! `portcullis:gate/text`

use std::cell::RefCell;

use portcullis_text::Door;

use crate::{
    Component, backend,
    bindings::exports::portcullis::{gate::text::Guest, types::types::Timestamp},
};

thread_local! {
    /// One door an instance: it keeps the key sets it saw last.
    static DOOR: RefCell<Door> = RefCell::new(Door::new(backend()));
}

impl Guest for Component {
    fn answer(request: Vec<u8>, now: Timestamp) -> String {
        DOOR.with_borrow_mut(|door| door.answer(&request, now))
    }

    fn operations() -> Vec<String> {
        Door::operations().into_iter().map(Into::into).collect()
    }
}
