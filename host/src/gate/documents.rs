//! Documents that a gate was given, kept for the instance that may have to follow.

use std::collections::{BTreeMap, BTreeSet};

use super::{Body, Content, Document, DocumentFinding};
use crate::limits::{MAX_KEPT_BYTES, MAX_KEPT_DOCUMENTS};

/// A URL, and who its server was to be.
pub(super) type Place = (String, Option<String>);

/// The last document of each place that the gate took, within bounds. What finds no room is fetched again after a loss.
#[derive(Default)]
pub(super) struct Kept {
    documents: BTreeMap<Place, Document>,
    bytes: usize,
}

impl Kept {
    /// Keeps what was taken. One that was refused replaces nothing, here as in the gate.
    pub(super) fn put_taken(&mut self, documents: &[Document], refused: &[DocumentFinding]) {
        let refused: BTreeSet<&str> = refused.iter().map(|finding| finding.url.as_str()).collect();
        for document in documents.iter().filter(|document| !refused.contains(document.url.as_str())) {
            // What is said of a token is for who asked about it, and soon old.
            if document.about.is_some() {
                continue;
            }
            // A new gate takes a status list only once a token has named it, and then it asks for it. The other documents
            // are JSON objects, which no token is.
            if body(document).trim_ascii_start().starts_with(b"{") {
                self.put(document.clone());
            }
        }
    }

    pub(super) fn put(&mut self, document: Document) {
        let place = (document.url.clone(), document.server.clone());
        self.take(&place);
        let size = size(&document);
        if self.documents.len() < MAX_KEPT_DOCUMENTS && self.bytes.saturating_add(size) <= MAX_KEPT_BYTES {
            self.bytes += size;
            self.documents.insert(place, document);
        }
    }

    pub(super) fn take(&mut self, place: &Place) -> Option<Document> {
        let document = self.documents.remove(place)?;
        self.bytes -= size(&document);
        Some(document)
    }

    pub(super) fn places(&self) -> Vec<Place> {
        self.documents.keys().cloned().collect()
    }
}

fn body(document: &Document) -> &[u8] {
    match &document.content {
        Content::Body(Body { bytes, .. }) => bytes,
        Content::Failed(_) => &[],
    }
}

/// The memory that a document takes, in bytes.
fn size(document: &Document) -> usize {
    body(document).len() + 2 * document.url.len() + size_of::<Document>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rejection;

    fn document(url: &str, bytes: &[u8]) -> Document {
        let body = Body { status: 200, media_type: None, bytes: bytes.to_vec() };
        Document {
            url: url.into(),
            server: None,
            about: None,
            peer: false,
            fetched_at: 0,
            content: Content::Body(body),
        }
    }

    fn bytes_of(kept: &mut Kept, url: &str) -> Option<Vec<u8>> {
        kept.take(&(url.into(), None)).map(|document| body(&document).to_vec())
    }

    fn urls(kept: &Kept) -> Vec<String> {
        kept.places().into_iter().map(|(url, _)| url).collect()
    }

    #[test]
    fn what_was_refused_replaces_nothing() {
        let mut kept = Kept::default();
        kept.put_taken(&[document("a", b"{1}"), document("b", b" {2}")], &[]);
        let rejection = Rejection { code: String::new(), detail: String::new(), rule: String::new() };
        let refused = [DocumentFinding { url: "a".into(), rejection }];
        kept.put_taken(&[document("a", b"{3}"), document("b", b"{4}"), document("list", b"eyJ.e30.x")], &refused);
        kept.put_taken(&[Document { content: Content::Failed("late".into()), ..document("b", b"") }], &[]);
        assert_eq!(urls(&kept), ["a", "b"]);
        assert_eq!(bytes_of(&mut kept, "a").as_deref(), Some(&b"{1}"[..]));
        assert_eq!(bytes_of(&mut kept, "b").as_deref(), Some(&b"{4}"[..]));
        assert_eq!((kept.bytes, urls(&kept).len()), (0, 0));
        let about = Some(crate::gate::sha256_from_bytes([1; 32]));
        kept.put_taken(&[Document { about, ..document("a", b"{1}") }], &[]);
        assert!(urls(&kept).is_empty(), "what was said of a token is not");
        let server = Some("spiffe://prod.example/server".to_owned());
        kept.put_taken(&[document("a", b"{1}"), Document { server: server.clone(), ..document("a", b"{2}") }], &[]);
        assert_eq!(bytes_of(&mut kept, "a").as_deref(), Some(&b"{1}"[..]), "another server's is another document");
        assert!(kept.take(&("a".into(), server)).is_some());
    }

    #[test]
    fn it_is_bounded_in_number_and_bytes() {
        let mut kept = Kept::default();
        for number in 0..MAX_KEPT_DOCUMENTS + 10 {
            kept.put(document(&number.to_string(), b"{}"));
        }
        assert_eq!(urls(&kept).len(), MAX_KEPT_DOCUMENTS);
        kept.put(document("7", b"{1}"));
        assert_eq!(bytes_of(&mut kept, "7").as_deref(), Some(&b"{1}"[..]), "one that is kept is still replaced");

        let mut kept = Kept::default();
        let half = vec![b'{'; MAX_KEPT_BYTES / 2];
        for url in ["a", "b", "c"] {
            kept.put(document(url, &half));
        }
        assert_eq!(urls(&kept), ["a"]);
        kept.put(document("b", b"{}"));
        assert_eq!(urls(&kept), ["a", "b"]);
    }
}
