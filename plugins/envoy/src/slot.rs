//! A document as workers share it. Each worker verifies it again, as if it had fetched it itself.

use portcullis_gate::{Content, Document};
use portcullis_types::Timestamp;

use crate::limits::{MAX_SHARED, SLOTS};

/// The first byte, to be another one when the rest is another.
const VERSION: u8 = 1;

/// Where a document lies: by what it is and from where, so that one cluster's document is never taken for another's.
pub(crate) fn number(url: &str, cluster: &str) -> usize {
    let [high, low, ..] = portcullis_crypto::sha256(format!("{cluster}\n{url}").as_bytes());
    usize::from(u16::from_be_bytes([high, low])) % SLOTS
}

/// A document as bytes; nothing where it is not one to share.
pub(crate) fn write(document: &Document, cluster: &str) -> Option<Vec<u8>> {
    let Content::Body { status: 200, media_type, bytes } = &document.content else { return None };
    if bytes.len() > MAX_SHARED {
        return None;
    }
    let mut out = vec![VERSION];
    out.extend_from_slice(&document.fetched_at.to_be_bytes());
    for text in [cluster, document.url.as_str(), media_type.as_deref().unwrap_or_default()] {
        out.extend_from_slice(&u32::try_from(text.len()).ok()?.to_be_bytes());
        out.extend_from_slice(text.as_bytes());
    }
    out.extend_from_slice(bytes);
    Some(out)
}

/// The document that is asked for, if it is that one.
pub(crate) fn read(bytes: &[u8], url: &str, cluster: &str) -> Option<Document> {
    let (version, rest) = bytes.split_first()?;
    let (fetched_at, mut rest) = rest.split_first_chunk()?;
    let mut text = || {
        let (length, after) = rest.split_first_chunk()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (text, after) = after.split_at_checked(length)?;
        rest = after;
        core::str::from_utf8(text).ok()
    };
    let (by, of, media) = (text()?, text()?, text()?);
    if *version != VERSION || by != cluster || of != url {
        return None;
    }
    let media_type = (!media.is_empty()).then(|| media.to_string());
    Some(Document {
        url: url.into(),
        server: None,
        about: None,
        peer: false,
        fetched_at: Timestamp::from_be_bytes(*fetched_at),
        content: Content::Body { status: 200, media_type, bytes: rest.to_vec() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(status: u16, length: usize) -> Document {
        let content = Content::Body { status, media_type: Some("application/json".into()), bytes: vec![b'x'; length] };
        Document {
            url: "https://idp.example/jwks".into(),
            server: None,
            about: None,
            peer: false,
            fetched_at: 1_790_000_000,
            content,
        }
    }

    #[test]
    fn a_document_is_read_as_it_was_written_and_by_its_own_name_alone() {
        let bytes = write(&document(200, 10), "idp").unwrap();
        assert_eq!(read(&bytes, "https://idp.example/jwks", "idp"), Some(document(200, 10)));
        assert_eq!(read(&bytes, "https://idp.example/jwks", "other"), None);
        assert_eq!(read(&bytes, "https://idp.example/jwks2", "idp"), None);
        let mut other = bytes.clone();
        other[0] = VERSION + 1;
        assert_eq!(read(&other, "https://idp.example/jwks", "idp"), None);
        for cut in 0..bytes.len() - 10 {
            assert_eq!(read(&bytes[..cut], "https://idp.example/jwks", "idp"), None, "{cut}");
        }
    }

    #[test]
    fn places_are_by_url_and_cluster() {
        let urls = (0..1_000).map(|path| format!("https://idp.example/{path}"));
        let places: std::collections::BTreeSet<usize> = urls.map(|url| number(&url, "idp")).collect();
        assert!(places.len() > 200 && places.iter().all(|place| *place < SLOTS), "{}", places.len());
        assert_ne!(number("https://idp.example/", "idp"), number("https://idp.example/", "other"));
    }

    #[test]
    fn what_is_no_answer_or_too_long_is_not_shared() {
        assert_eq!(write(&document(404, 10), "idp"), None);
        assert_eq!(write(&document(200, MAX_SHARED + 1), "idp"), None);
        assert!(write(&document(200, MAX_SHARED), "idp").is_some());
        let failed = Document { content: Content::Failed("no answer".into()), ..document(200, 0) };
        assert_eq!(write(&failed, "idp"), None);
    }
}
