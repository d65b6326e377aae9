//! Documents that workers share: one fetches, and each verifies.

use portcullis_gate::{Document, DocumentNeed};
use proxy_wasm::hostcalls;

use crate::slot;

fn place(url: &str, cluster: &str) -> String {
    format!("portcullis.document.{}", slot::number(url, cluster))
}

/// What another worker, or this one, has fetched.
pub(super) fn get(need: &DocumentNeed, cluster: &str) -> Option<Document> {
    let (bytes, _) = hostcalls::get_shared_data(&place(&need.url, cluster)).ok()?;
    slot::read(&bytes?, &need.url, cluster)
}

/// Lets others have a document. One that cannot be shared is fetched by each.
pub(super) fn put(document: &Document, cluster: &str) {
    if let Some(bytes) = slot::write(document, cluster) {
        let _ = hostcalls::set_shared_data(&place(&document.url, cluster), Some(&bytes), None);
    }
}
