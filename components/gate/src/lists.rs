//! The status lists of one issuer: held by URI, bounded in number, each for as long as it may be relied upon.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

use portcullis_crypto::KeySet;
use portcullis_status::StatusList;
use portcullis_types::{Rejection, Timestamp};

use crate::{
    code::GateCode,
    documents::{Ask, Document, DocumentNeed, Kind, Timing},
    limits::LIST_WITHOUT_LIFETIME,
    origin::Class,
};

/// A list that verified, and when it was fetched.
pub(crate) struct StoredList {
    list: StatusList,
    fetched_at: Timestamp,
}

/// What is known of one URI.
struct Entry {
    timing: Timing,
    list: Option<StoredList>,
    fault: Option<Rejection>,
    /// A list that came and whose key is not known: it is looked at again when other keys come.
    waiting: Option<Document>,
    most: usize,
}

/// The lists of an issuer, by URI.
#[derive(Default)]
pub(crate) struct Lists(BTreeMap<String, Entry>);

/// What a list says, or what has to happen first.
pub(crate) enum LookUp<'l> {
    /// This list may be asked.
    Held(&'l StatusList),
    /// It has to be fetched.
    Fetch(DocumentNeed),
    /// It could not be had.
    Gone(Rejection),
    /// It came, and other keys than those held may verify it.
    UnknownKey(Rejection),
}

impl StoredList {
    pub(crate) fn new(list: StatusList, fetched_at: Timestamp) -> Self {
        Self { list, fetched_at }
    }

    /// Whether it may be relied upon: until the earlier of `exp` and twice its `ttl`; five minutes where it has neither. One
    /// from the future is stale.
    fn is_usable(&self, at: Timestamp, leeway: u64) -> bool {
        if self.list.check_at(at, leeway).is_err() || self.list.expires().is_some_and(|expires| at as f64 >= expires) {
            return false;
        }
        let Some(age) = at.checked_sub(self.fetched_at) else { return false };
        match (self.list.ttl(), self.list.expires()) {
            (Some(ttl), _) => (age as f64) < ttl * 2.0,
            (None, Some(_)) => true,
            (None, None) => age < LIST_WITHOUT_LIFETIME,
        }
    }

    /// After how many seconds it is to be fetched again, ahead of its end.
    fn refresh(&self) -> u64 {
        let whole = |seconds: f64| seconds as u64;
        match (self.list.ttl(), self.list.expires()) {
            (Some(ttl), _) => whole(ttl).max(1),
            // In the last tenth of its life, so that the next one is there before this one ends.
            (None, Some(expires)) => whole((expires - self.fetched_at as f64) * 0.9).max(1),
            (None, None) => LIST_WITHOUT_LIFETIME / 2,
        }
    }
}

impl Lists {
    /// Whether a URI is known here: one that a verified token named.
    pub(crate) fn has(&self, uri: &str) -> bool {
        self.0.contains_key(uri)
    }

    /// The keys changed: what a key vouched for that is no longer among them is forgotten, though not that it is needed.
    pub(crate) fn keep_signed_by(&mut self, keys: &KeySet) {
        for entry in self.0.values_mut() {
            let signed_by = entry.list.as_ref().map(|stored| stored.list.key_thumbprint());
            let stays = matches!(signed_by, Some(Some(thumbprint)) if keys.has_thumbprint(&thumbprint));
            if signed_by.is_some() && !stays {
                entry.list = None;
                entry.timing = Timing::default();
            }
        }
    }

    /// The list at a URI. `answered` says that this evaluation has asked for it and had its answer.
    ///
    /// Error: `status.too_many_lists`.
    pub(crate) fn look_up(
        &mut self,
        uri: &str,
        at: Timestamp,
        leeway: u64,
        most_lists: usize,
        most_bytes: usize,
        answered: bool,
    ) -> Result<LookUp<'_>, Rejection> {
        if !self.0.contains_key(uri) {
            if self.0.len() >= most_lists {
                // What cannot be used makes room; what can, is under way, or rests after a failure does not.
                self.0.retain(|_, entry| {
                    entry.list.as_ref().is_some_and(|list| list.is_usable(at, leeway))
                        || entry.timing.ask(at) != Ask::Now
                });
            }
            if self.0.len() >= most_lists {
                return Err(Rejection::new(
                    GateCode::StatusTooManyLists,
                    format!("{} lists of this issuer are held already", self.0.len()),
                ));
            }
            let entry = Entry { timing: Timing::default(), list: None, fault: None, waiting: None, most: most_bytes };
            self.0.insert(uri.into(), entry);
        }
        let Some(entry) = self.0.get_mut(uri) else { return Ok(LookUp::Gone(unavailable("it is gone"))) };
        let usable = entry.list.as_ref().is_some_and(|list| list.is_usable(at, leeway));
        if !usable {
            if !answered && entry.timing.ask(at) != Ask::Later {
                if entry.timing.ask(at) == Ask::Now {
                    entry.timing.asked(at);
                }
                return Ok(LookUp::Fetch(need(uri, entry.most)));
            }
            let gone = match (&entry.list, &entry.fault) {
                // Why there is no memory or no key for it is another's fault than the list's.
                (_, Some(fault)) if fault.is(GateCode::MemoryFull) || fault.is(GateCode::KeysStale) => fault.clone(),
                (Some(_), Some(fault)) => Rejection::new(
                    GateCode::StatusStale,
                    format!("the list is too old, and no newer one could be had: {}: {}", fault.code(), fault.detail()),
                ),
                (Some(_), None) => Rejection::new(GateCode::StatusStale, "the list is too old"),
                (None, Some(fault)) if fault.is(GateCode::StatusListRefused) => fault.clone(),
                (None, Some(fault)) => unavailable(&format!("{}: {}", fault.code(), fault.detail())),
                (None, None) => unavailable("it was not fetched"),
            };
            // Where there are no keys at all, they were asked for together with the list.
            let keyless = entry.fault.as_ref().is_some_and(|fault| fault.is(GateCode::KeysUnavailable));
            if entry.waiting.is_some() && !keyless {
                return Ok(LookUp::UnknownKey(gone));
            }
            return Ok(LookUp::Gone(gone));
        }
        match &entry.list {
            Some(stored) => Ok(LookUp::Held(&stored.list)),
            None => Ok(LookUp::Gone(unavailable("it was not fetched"))),
        }
    }

    /// Takes a list that was opened, or why it was not.
    pub(crate) fn provide(
        &mut self,
        uri: &str,
        opened: Result<StoredList, Rejection>,
        at: Timestamp,
    ) -> Result<(), Rejection> {
        let Some(entry) = self.0.get_mut(uri) else { return Ok(()) };
        match opened {
            Ok(new) => {
                if let Some(held) = &entry.list
                    && new.fetched_at < held.fetched_at
                    && held.fetched_at <= at
                {
                    entry.timing.overtaken(at);
                    return Err(Rejection::new(GateCode::DocumentOlder, "a newer list is held"));
                }
                entry.timing.had(new.fetched_at, at);
                entry.fault = None;
                entry.waiting = None;
                entry.list = Some(new);
                Ok(())
            }
            Err(rejection) => {
                entry.timing.failed(at);
                entry.fault = Some(rejection.clone());
                entry.waiting = None;
                Err(rejection)
            }
        }
    }

    /// Keeps a document until other keys come.
    pub(crate) fn wait_for_keys(&mut self, document: &Document) {
        if let Some(entry) = self.0.get_mut(&document.url) {
            entry.waiting = Some(document.clone());
        }
    }

    /// The documents that wait for other keys.
    pub(crate) fn take_waiting(&mut self) -> Vec<Document> {
        self.0.values_mut().filter_map(|entry| entry.waiting.take()).collect()
    }

    /// The memory that the list at a URI takes, in bytes.
    pub(crate) fn bytes_of(&self, uri: &str) -> usize {
        let list = self.0.get(uri).and_then(|entry| entry.list.as_ref());
        list.map_or(0, |list| list.list.held_bytes())
    }

    /// Lists that are past their `ttl`, or near their end.
    pub(crate) fn due(&mut self, at: Timestamp) -> Vec<DocumentNeed> {
        let mut due = Vec::new();
        for (uri, entry) in &mut self.0 {
            let Some(list) = &entry.list else { continue };
            if entry.timing.is_due(at, list.refresh()) {
                entry.timing.asked(at);
                due.push(need(uri, entry.most));
            }
        }
        due
    }

    /// The memory that lists take, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let waiting = |entry: &Entry| entry.waiting.as_ref().map_or(0, Document::length);
        let held = |entry: &Entry| entry.list.as_ref().map_or(0, |list| list.list.held_bytes());
        self.0.iter().map(|(uri, entry)| uri.len() + held(entry) + waiting(entry)).sum()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

fn unavailable(why: &str) -> Rejection {
    Rejection::new(GateCode::StatusUnavailable, why)
}

fn need(uri: &str, most: usize) -> DocumentNeed {
    DocumentNeed {
        url: uri.into(),
        class: Class::Credential,
        kind: Kind::StatusList,
        most,
        server: None,
        question: None,
    }
}
