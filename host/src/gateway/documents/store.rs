//! Raw documents that instances share: the last good one of each URL. What an instance concluded from one is its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use moka::sync::Cache;

use crate::gate::{Class, Content, Document, DocumentKind, DocumentNeed};

/// The most that is kept, in bytes. Lists are the largest; eight of the largest fit.
const MAX_BYTES: u64 = 256 << 20;

/// What a document takes beside its bytes, in bytes: a guess on the high side.
const OVERHEAD: usize = 256;

/// For how many seconds it is remembered for every instance that a document of a peer could not be had: as long as an instance itself
/// does not ask again (`gate::limits::COOLDOWN`). Whoever writes messages would else have each instance knock at a door.
const UNREACHED_FOR: u64 = 30;

/// Documents of peers that are remembered so. The oldest give way, and are asked for by each instance once.
const MAX_UNREACHED: u64 = 1_024;

/// How many kinds of documents there are.
const KINDS: usize = 7;

/// A URL, and who its server was to be: what came from another server is another document.
type Place = (String, Option<String>);

/// Documents, and counts of fetches.
pub(crate) struct Store {
    documents: Cache<Place, (DocumentKind, Arc<Document>)>,
    /// Documents of peers that could not be had, without their bodies, by kind and URL.
    unreached: Cache<(&'static str, String), Arc<Document>>,
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
            unreached: Cache::new(MAX_UNREACHED),
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

    /// Remembers that a document of a peer could not be had.
    pub(crate) fn put_unreached(&self, need: &DocumentNeed, document: &Document) {
        if need.class != Class::Peer {
            return;
        }
        let mut document = document.clone();
        if let Content::Body(body) = &mut document.content {
            body.bytes = Vec::new();
        }
        self.unreached.insert((need.kind.as_str(), need.url.clone()), Arc::new(document));
    }

    /// What came of it when a document of a peer could not be had a short while ago.
    pub(crate) fn unreached(&self, need: &DocumentNeed, now: u64) -> Option<Arc<Document>> {
        let known =
            self.unreached.get(&(need.kind.as_str(), need.url.clone())).filter(|_| need.class == Class::Peer)?;
        now.checked_sub(known.fetched_at).is_some_and(|age| age < UNREACHED_FOR).then_some(known)
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

    #[test]
    fn what_peers_could_not_give_is_remembered_for_a_while_without_its_body() {
        let store = Store::new();
        let need = |class, kind, url: &str| DocumentNeed {
            url: url.into(),
            class,
            kind,
            accept: String::new(),
            most: 1,
            server: None,
            question: None,
        };
        let peer = need(Class::Peer, DocumentKind::OcmDiscovery, "a");
        let failed = Document { peer: true, ..Document::clone(&document("a", 10, 100)) };
        store.put_unreached(&peer, &failed);
        let found = store.unreached(&peer, 100 + UNREACHED_FOR - 1).map(|found| found.content.clone());
        assert!(matches!(found, Some(Content::Body(Body { status: 200, bytes, .. })) if bytes.is_empty()));
        assert!(store.unreached(&peer, 100 + UNREACHED_FOR).is_none(), "then it is asked for again");
        assert!(store.unreached(&peer, 99).is_none(), "nor is what comes from the future relied upon");
        assert!(store.unreached(&need(Class::Peer, DocumentKind::Keys, "a"), 100).is_none());
        // What an operator or a verified token named is asked for as ever.
        let policys = need(Class::Policy, DocumentKind::OcmDiscovery, "a");
        store.put_unreached(&policys, &failed);
        assert!(store.unreached(&policys, 100).is_none());
    }
}
