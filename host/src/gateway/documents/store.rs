//! Raw documents that instances share: the last good one of each URL. What an instance concluded from one is its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use moka::sync::Cache;

use crate::gate::{Class, Content, Document, DocumentKind, DocumentNeed};

/// The most that is kept, in bytes. Lists are the largest; eight of the largest fit.
const MAX_BYTES: u64 = 256 << 20;

/// What a document takes beside its bytes, in bytes: a guess on the high side.
const OVERHEAD: usize = 256;

/// How many kinds of documents there are.
const KINDS: usize = 7;

/// A URL, and who its server was to be: what came from another server is another document.
type Place = (String, Option<String>);

/// Documents, and counts of fetches.
pub(crate) struct Store {
    documents: Cache<Place, (DocumentKind, Arc<Document>)>,
    came: [AtomicU64; KINDS],
    failed: [AtomicU64; KINDS],
}

impl Store {
    pub(crate) fn new() -> Self {
        let weigh = |(url, server): &Place, (_, document): &(DocumentKind, Arc<Document>)| {
            let length = match &document.content {
                Content::Body(body) => body.bytes.len(),
                Content::Failed(_) => 0,
            };
            let place = url.len() + server.as_ref().map_or(0, String::len);
            u32::try_from(length + 2 * place + OVERHEAD).unwrap_or(u32::MAX)
        };
        Self {
            documents: Cache::builder().max_capacity(MAX_BYTES).weigher(weigh).build(),
            came: Default::default(),
            failed: Default::default(),
        }
    }

    /// Keeps a document that came, in place of an older one of its URL. What is said of a token is for who asked, and is not kept; nor is
    /// what servers say that nobody vouches for, who would take the places of others.
    pub(crate) fn put(&self, kind: DocumentKind, document: Arc<Document>) {
        if document.about.is_some() || document.peer {
            return;
        }
        self.documents.insert((document.url.clone(), document.server.clone()), (kind, document));
    }

    /// The last good one that meets a need.
    pub(crate) fn get(&self, need: &DocumentNeed) -> Option<Arc<Document>> {
        if need.question.is_some() || need.class == Class::Peer {
            return None;
        }
        self.documents.get(&(need.url.clone(), need.server.clone())).map(|(_, document)| document)
    }

    /// All that are kept but lists, which are large and which a new gate takes only when a token has named them.
    pub(crate) fn all_but_lists(&self) -> Vec<Arc<Document>> {
        let wanted = self.documents.iter().filter(|(_, (kind, _))| *kind != DocumentKind::StatusList);
        wanted.map(|(_, (_, document))| document).collect()
    }

    /// The age of the oldest of a kind, in seconds.
    pub(crate) fn oldest(&self, kind: DocumentKind, now: u64) -> Option<u64> {
        let of_kind = self.documents.iter().filter(|(_, (known, _))| *known == kind);
        of_kind.map(|(_, (_, document))| now.saturating_sub(document.fetched_at)).max()
    }

    /// Counts a fetch.
    pub(crate) fn count(&self, kind: DocumentKind, came: bool) {
        let counts = if came { &self.came } else { &self.failed };
        if let Some(count) = counts.get(index(kind)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many fetches of a kind brought something, and how many did not.
    pub(crate) fn counts(&self, kind: DocumentKind) -> (u64, u64) {
        let read =
            |counts: &[AtomicU64; KINDS]| counts.get(index(kind)).map_or(0, |count| count.load(Ordering::Relaxed));
        (read(&self.came), read(&self.failed))
    }
}

fn index(kind: DocumentKind) -> usize {
    match kind {
        DocumentKind::Metadata => 0,
        DocumentKind::Keys => 1,
        DocumentKind::Bundle => 2,
        DocumentKind::StatusList => 3,
        DocumentKind::Users => 4,
        DocumentKind::Introspection => 5,
        DocumentKind::OcmDiscovery => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::{Body, Class};

    fn document(url: &str, length: usize, fetched_at: u64) -> Arc<Document> {
        let body = Body { status: 200, media_type: None, bytes: vec![0; length] };
        Arc::new(Document {
            url: url.into(),
            server: None,
            about: None,
            peer: false,
            fetched_at,
            content: Content::Body(body),
        })
    }

    #[test]
    fn it_keeps_the_last_of_each_url_within_bounds() {
        let store = Store::new();
        store.put(DocumentKind::Keys, document("a", 10, 100));
        store.put(DocumentKind::Keys, document("a", 20, 200));
        store.put(DocumentKind::StatusList, document("b", 10, 150));
        let mut need = DocumentNeed {
            url: "a".into(),
            class: Class::Policy,
            kind: DocumentKind::Keys,
            accept: String::new(),
            most: 1,
            server: None,
            question: None,
        };
        assert_eq!(store.get(&need).map(|found| found.fetched_at), Some(200));
        need.server = Some("spiffe://prod.example/server".into());
        assert!(store.get(&need).is_none(), "what the web's server said is not the workload's");
        assert_eq!(store.all_but_lists().len(), 1);
        assert_eq!((store.oldest(DocumentKind::Keys, 210), store.oldest(DocumentKind::Bundle, 210)), (Some(10), None));
        need.server = None;
        let about = Some(crate::gate::sha256_from_bytes([1; 32]));
        let said = Document { about, ..Document::clone(&document("said", 10, 300)) };
        store.put(DocumentKind::Introspection, Arc::new(said));
        need.url = "said".into();
        assert!(store.get(&need).is_none(), "what is said of a token is not");
        for number in 0..20 {
            store.put(DocumentKind::StatusList, document(&number.to_string(), 32 << 20, 100));
        }
        store.documents.run_pending_tasks();
        assert!(store.documents.weighted_size() <= MAX_BYTES);
    }

    #[test]
    fn fetches_are_counted_by_kind() {
        let store = Store::new();
        store.count(DocumentKind::Keys, true);
        store.count(DocumentKind::Keys, false);
        store.count(DocumentKind::Keys, false);
        assert_eq!((store.counts(DocumentKind::Keys), store.counts(DocumentKind::Bundle)), ((1, 2), (0, 0)));
    }
}
