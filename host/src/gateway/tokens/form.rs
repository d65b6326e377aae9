//! Forms that services are sent.

use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;

/// The most that is read of a form, in bytes: one more than the gate reads, so that it says itself that there is more.
const MAX_FORM: usize = 384 * 1024 + 1;

/// How long a form may take to come.
const FORM_WITHIN: Duration = Duration::from_secs(10);

/// The body of a request; nothing where it does not come in time.
pub(crate) async fn read(body: Incoming) -> Option<Vec<u8>> {
    match tokio::time::timeout(FORM_WITHIN, Limited::new(body, MAX_FORM).collect()).await {
        Ok(Ok(body)) => Some(body.to_bytes().to_vec()),
        // Longer than is read: the gate is given as much as it takes to say so.
        Ok(Err(_)) => Some(vec![b'&'; MAX_FORM]),
        Err(_) => None,
    }
}
