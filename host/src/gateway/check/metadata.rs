//! Metadata of the protected resource (RFC 9728 section 3), where a proxy sends its clients here for it.
//!
//! At listeners whose proxies ask with a description alone (`POST /check`): elsewhere a status 200 lets a request through.

use axum::body::Body;
use http::{HeaderValue, Method, StatusCode, header};
use hyper::body::Incoming;

use super::{Answer, Door};
use crate::gate::PublishedMetadata;

/// For how long an answer may be kept, in seconds: a policy that changed is known after it.
const KEPT: &str = "max-age=300";

impl Door {
    /// The document of a request's URL, which its path and its `Host` make.
    pub(super) fn metadata(&self, request: &http::Request<Incoming>) -> Option<Answer> {
        let head = request.method() == Method::HEAD;
        if !head && request.method() != Method::GET {
            return None;
        }
        let (parts, path) = (request.headers(), request.uri().path());
        let host = parts.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = host.or_else(|| request.uri().authority().map(http::uri::Authority::as_str))?;
        let url = format!("https://{}{path}", host.to_ascii_lowercase());
        let current = self.engine.current();
        let published = current.settings().resource_metadata.iter().find(|one| one.url == url)?;
        Some(answer(published, head))
    }
}

fn answer(published: &PublishedMetadata, head: bool) -> Answer {
    let body = if head { Body::empty() } else { Body::from(published.document.clone()) };
    let mut answer = Answer::new(body);
    *answer.status_mut() = StatusCode::OK;
    for (name, value) in [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, KEPT),
        // Everybody may read it, pages among them.
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ] {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}
