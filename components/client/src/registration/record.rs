//! What is kept of a client that was registered on its first use: a text for the host's store.

use alloc::{format, string::String, vec::Vec};

use portcullis_svid::SpiffeId;
use portcullis_types::{
    Rejection, Timestamp,
    json::{self, Object, Value},
    limits::excerpt,
    time::timestamp_from_json,
};

use super::metadata::{MAX_METADATA, Metadata};
use crate::ClientCode;

/// The version that is written. A record of another one is refused, and its client registers again once it is gone.
const VERSION: u64 = 1;

/// The longest text of a record, in bytes: the metadata, a SPIFFE ID of 2,048 bytes, and the rest.
pub const MAX_RECORD: usize = MAX_METADATA + 4096;

/// A client that was registered on its first use.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its identifier: its SPIFFE ID.
    pub client_id: SpiffeId,
    /// When it was registered, in seconds since 1970.
    pub registered_at: Timestamp,
    /// From when on the registration does not hold, in seconds since 1970. The client may register again.
    pub expires_at: Timestamp,
    /// Whether everything is there that a registration needs. A client whose registration is incomplete gets nothing.
    pub complete: bool,
    /// Its metadata.
    pub metadata: Metadata,
}

impl Record {
    /// Whether it still holds: until `expires_at`, exclusive.
    pub fn is_live(&self, at: Timestamp) -> bool {
        at < self.expires_at
    }

    /// The text for a store: JSON on one line.
    pub fn to_text(&self) -> String {
        json::to_text(&self.to_object())
    }

    /// The same as an object.
    pub fn to_object(&self) -> Object {
        Object::from_members(Vec::from([
            ("version".into(), VERSION.into()),
            ("client_id".into(), self.client_id.as_str().into()),
            ("registered_at".into(), self.registered_at.into()),
            ("expires_at".into(), self.expires_at.into()),
            ("complete".into(), self.complete.into()),
            ("metadata".into(), self.metadata.to_object().into()),
        ]))
    }

    /// Reads what [`Record::to_text`] wrote, and nothing else: a store that somebody else writes to is not trusted by halves.
    ///
    /// Error: `registration.record_malformed`.
    ///
    /// ```
    /// use portcullis_client::registration::Record;
    /// let text = r#"{"version":1,"client_id":"spiffe://example.org/w","registered_at":1,"expires_at":2,"complete":true,
    ///                "metadata":{"client_name":"w"}}"#;
    /// let record = Record::parse(text)?;
    /// assert!(record.is_live(1) && !record.is_live(2));
    /// assert_eq!(Record::parse(&record.to_text())?, record);
    /// assert_eq!(Record::parse("{}").unwrap_err().code(), "registration.record_malformed");
    /// # Ok::<(), portcullis_types::Rejection>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, Rejection> {
        if text.len() > MAX_RECORD {
            return Err(malformed(format!("{} bytes, at most {MAX_RECORD} are read", text.len())));
        }
        Self::from_object(&json::parse_object(text.as_bytes()).map_err(within)?)
    }

    /// The same from an object that is parsed already.
    ///
    /// Error: `registration.record_malformed`.
    pub fn from_object(record: &Object) -> Result<Self, Rejection> {
        let names = ["version", "client_id", "registered_at", "expires_at", "complete", "metadata"];
        if let Some((name, _)) = record.members().find(|(name, _)| !names.contains(name)) {
            return Err(malformed(format!("there is an unknown member {}", excerpt(name))));
        }
        let member = |name: &str| {
            let found = record.get(name).map_err(within)?;
            found.ok_or_else(|| malformed(format!("there is no {name}")))
        };
        let time = |name: &str| {
            let value = member(name)?;
            timestamp_from_json(value).ok_or_else(|| malformed(format!("{name} is {}, not a time", value.kind())))
        };
        if timestamp_from_json(member("version")?) != Some(VERSION) {
            return Err(malformed("it is of another version"));
        }
        let client_id = member("client_id")?.as_str().ok_or_else(|| malformed("client_id is not a text"))?;
        let client_id = SpiffeId::parse(client_id).map_err(within)?;
        let (registered_at, expires_at) = (time("registered_at")?, time("expires_at")?);
        let Value::Bool(complete) = member("complete")? else {
            return Err(malformed("complete is neither true nor false"));
        };
        let metadata = member("metadata")?.as_object().ok_or_else(|| malformed("metadata is not an object"))?;
        let metadata = Metadata::of_record(metadata, &client_id).map_err(within)?;
        Ok(Self { client_id, registered_at, expires_at, complete: *complete, metadata })
    }
}

fn malformed(what: impl Into<String>) -> Rejection {
    Rejection::new(ClientCode::RecordMalformed, what)
}

fn within(inner: Rejection) -> Rejection {
    malformed(format!("{}: {}", inner.code(), inner.detail()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"version":1,"client_id":"spiffe://example.org/w","registered_at":10,"expires_at":20,"complete":false,"metadata":{"redirect_uris":["https://a.example/cb"]}}"#;

    #[test]
    fn a_record_comes_back_as_it_was_written() {
        let record = Record::parse(GOOD).unwrap();
        assert_eq!(record.to_text(), GOOD);
        assert_eq!((record.registered_at, record.expires_at, record.complete), (10, 20, false));
        assert_eq!(record.metadata.texts("redirect_uris"), ["https://a.example/cb"]);
        assert!(record.is_live(19) && !record.is_live(20));
    }

    #[test]
    fn what_was_not_written_here_is_refused() {
        for (from, to) in [
            ("\"version\":1", "\"version\":2"),
            ("\"version\":1,", ""),
            ("\"complete\":false", "\"complete\":0"),
            ("\"complete\":false", "\"complete\":false,\"complete\":true"),
            ("\"complete\":false", "\"complete\":false,\"more\":1"),
            ("\"expires_at\":20", "\"expires_at\":-1"),
            ("\"expires_at\":20", "\"expires_at\":1.5"),
            ("spiffe://example.org/w", "https://example.org/w"),
            ("\"redirect_uris\"", "\"client_secret\""),
            ("https://a.example/cb", "http://a.example/cb"),
            ("{\"redirect_uris\":[\"https://a.example/cb\"]}", "[]"),
            ("}}", "}"),
        ] {
            let text = GOOD.replace(from, to);
            assert_ne!(text, GOOD);
            assert_eq!(Record::parse(&text).unwrap_err().code(), "registration.record_malformed", "{text}");
        }
        let long = format!("{GOOD}{}", " ".repeat(MAX_RECORD));
        assert_eq!(Record::parse(&long).unwrap_err().code(), "registration.record_malformed");
    }
}
