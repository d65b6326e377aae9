//! Documents on their way. Every fetch is the root context's, so that the end of a request is the end of nobody's document.

use std::collections::{BTreeMap, VecDeque};

use portcullis_gate::{Content, Document, DocumentNeed, policy::Policy};
use proxy_wasm::{
    hostcalls,
    types::{BufferType, MapType},
};

use crate::limits::{FETCH_WITHIN, MAX_QUEUED};

/// One fetch.
pub(super) struct Fetch {
    pub(super) need: DocumentNeed,
    /// Where it goes now: elsewhere than at first, after a redirect.
    pub(super) url: String,
    /// How many redirects were followed.
    pub(super) hops: u8,
}

/// What came of a fetch.
pub(super) enum Came {
    /// A document, or that it could not be had.
    Content(Content),
    /// A redirect to there.
    Redirect(String),
}

/// Fetches that wait, and those that are under way.
#[derive(Default)]
pub(super) struct Fetches {
    waiting: VecDeque<Fetch>,
    under_way: BTreeMap<u32, Fetch>,
}

impl Fetches {
    /// Puts a document last in the queue, unless it is wanted already. Whether it is wanted now.
    pub(super) fn want(&mut self, need: DocumentNeed) -> bool {
        let known = self.waiting.iter().chain(self.under_way.values()).any(|fetch| fetch.need.url == need.url);
        if !known && self.waiting.len() >= MAX_QUEUED {
            return false;
        }
        if !known {
            self.waiting.push_back(Fetch { url: need.url.clone(), need, hops: 0 });
        }
        true
    }

    /// The next to begin, where no more than `most` are under way.
    pub(super) fn next(&mut self, most: usize) -> Option<Fetch> {
        if self.under_way.len() < most { self.waiting.pop_front() } else { None }
    }

    /// A fetch is under way.
    pub(super) fn begun(&mut self, token: u32, fetch: Fetch) {
        self.under_way.insert(token, fetch);
    }

    /// A fetch has ended.
    pub(super) fn ended(&mut self, token: u32) -> Option<Fetch> {
        self.under_way.remove(&token)
    }
}

impl Fetch {
    /// Asks Envoy for it. The token names the call.
    pub(super) fn begin(&self, policy: &Policy) -> Result<u32, String> {
        let (origin, path) = split(&self.url).ok_or("the URL has no origin")?;
        let cluster = policy.envoy.cluster_of(&self.url).ok_or("no cluster reaches its origin")?;
        let (scheme, authority) = origin.split_once("://").ok_or("the URL has no origin")?;
        let headers = vec![
            (":method", "GET"),
            (":scheme", scheme),
            (":authority", authority),
            (":path", path),
            ("accept", self.need.kind.accept()),
            ("user-agent", concat!("portcullis/", env!("CARGO_PKG_VERSION"))),
        ];
        hostcalls::dispatch_http_call(cluster, headers, None, Vec::new(), FETCH_WITHIN)
            .map_err(|status| format!("Envoy does not ask cluster {cluster}: {status:?}"))
    }

    /// What came of it, in the callback that tells so.
    pub(super) fn came(&self, body_size: usize) -> Came {
        let failed = |why: &str| Came::Content(Content::Failed(why.into()));
        let headers = hostcalls::get_map_bytes(MapType::HttpCallResponseHeaders).unwrap_or_default();
        let get = |name: &str| {
            let value = headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_slice());
            value.and_then(|value| core::str::from_utf8(value).ok())
        };
        let Some(status) = get(":status").and_then(|status| status.parse::<u16>().ok()) else {
            return failed("no answer, or none in time");
        };
        if matches!(status, 301 | 302 | 303 | 307 | 308) {
            return match get("location").and_then(|location| absolute(&self.url, location)) {
                Some(location) => Came::Redirect(location),
                None => failed("a redirect to nowhere"),
            };
        }
        if get("content-encoding").is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
            return failed("a content coding that was not asked for");
        }
        let most = self.need.most.saturating_add(1);
        let bytes = match body_size {
            0 => Vec::new(),
            // One byte too many is enough for the gate to refuse it.
            size => match hostcalls::get_buffer(BufferType::HttpCallResponseBody, 0, size.min(most)) {
                Ok(bytes) => bytes.unwrap_or_default(),
                Err(_) => return failed("the body cannot be read"),
            },
        };
        let media_type =
            get("content-type").map(|value| value.split(';').next().unwrap_or_default().trim().to_string());
        Came::Content(Content::Body { status, media_type, bytes })
    }

    /// The document that was asked for, whatever redirects there were.
    pub(super) fn document(&self, content: Content, fetched_at: u64) -> Document {
        Document { url: self.need.url.clone(), server: None, about: None, peer: false, fetched_at, content }
    }
}

/// A URL's origin, and its path and query.
fn split(url: &str) -> Option<(&str, &str)> {
    let after = url.find("://")?.checked_add(3)?;
    let end = url.get(after..)?.find(['/', '?']).and_then(|at| at.checked_add(after));
    let (origin, path) = url.split_at_checked(end.unwrap_or(url.len()))?;
    Some((origin, if path.starts_with('/') { path } else { "/" }))
}

/// Where a redirect goes, as an absolute URL: RFC 9110 section 10.2.2 allows a reference, of which an absolute URL and an
/// absolute path are understood.
fn absolute(from: &str, location: &str) -> Option<String> {
    if location.starts_with('/') && !location.starts_with("//") {
        return Some(format!("{}{location}", split(from)?.0));
    }
    location.contains("://").then(|| location.to_string())
}
