//! A document at a URL: what is known of its fetches, and what it may take.

use alloc::{format, rc::Rc};

use portcullis_crypto::Backend;
use portcullis_types::{Rejection, Timestamp};

use crate::{
    code::GateCode,
    documents::{Document, DocumentNeed, Kind, Timing},
    origin::Class,
};

/// A document at a URL.
pub(crate) struct Remote {
    pub(crate) need: DocumentNeed,
    pub(crate) timing: Timing,
    /// Why it could not be had when it was last tried.
    pub(crate) fault: Option<Rejection>,
}

/// What documents are taken with.
pub(crate) struct Taking<'a> {
    pub(crate) at: Timestamp,
    pub(crate) backend: &'a Rc<dyn Backend>,
    /// The last generation that was given to keys.
    pub(crate) generation: &'a mut u64,
    /// The memory that is left, in bytes.
    pub(crate) free: usize,
}

impl Taking<'_> {
    /// Another generation, for other keys.
    pub(crate) fn next_generation(&mut self) -> u64 {
        *self.generation += 1;
        *self.generation
    }
}

impl Remote {
    pub(crate) fn new(url: &str, class: Class, kind: Kind, most: usize) -> Self {
        let need = DocumentNeed { url: url.into(), class, kind, most, server: None, question: None };
        Self { need, timing: Timing::default(), fault: None }
    }

    /// Takes note of how a fetch ended.
    pub(crate) fn note<T>(
        &mut self,
        result: Result<T, Rejection>,
        fetched_at: Timestamp,
        at: Timestamp,
    ) -> Result<T, Rejection> {
        match &result {
            Ok(_) => {
                self.timing.had(fetched_at, at);
                self.fault = None;
            }
            Err(rejection) => {
                self.timing.failed(at);
                self.fault = Some(rejection.clone());
            }
        }
        result
    }

    /// Refuses what is older than what is held: answers may overtake each other. What is held from the future, because a
    /// clock was wrong, gives way to anything.
    pub(crate) fn newer(&mut self, document: &Document, at: Timestamp) -> Result<(), Rejection> {
        match self.timing.had_at() {
            Some(held) if document.fetched_at < held && held <= at => {
                self.timing.overtaken(at);
                Err(Rejection::new(
                    GateCode::DocumentOlder,
                    format!("fetched at {}, and one of {held} is held", document.fetched_at),
                ))
            }
            _ => Ok(()),
        }
    }
}

/// What a document of a length takes once it is read, in bytes: keys take some times the memory of their text.
pub(crate) fn weight(length: usize) -> usize {
    length.saturating_mul(4)
}

/// Refuses a document for which there is no memory.
///
/// Error: `gate.memory_full`.
pub(crate) fn fits(body: &[u8], free: usize) -> Result<(), Rejection> {
    if weight(body.len()) <= free {
        return Ok(());
    }
    let what = format!("a document of {} bytes takes more than the {free} that are free", body.len());
    Err(Rejection::new(GateCode::MemoryFull, what))
}
