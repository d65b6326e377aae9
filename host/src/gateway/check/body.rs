//! Bodies of questions.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;

/// How long a body may take to come.
const WHOLE_WITHIN: Duration = Duration::from_secs(10);

/// A body of so many bytes at most; nothing where it is longer, breaks off or does not come in time.
pub(crate) async fn whole_body(body: Incoming, most: usize) -> Option<Bytes> {
    let collected = Limited::new(body, most).collect();
    let body = tokio::time::timeout(WHOLE_WITHIN, collected).await.ok()?.ok()?;
    Some(body.to_bytes())
}
