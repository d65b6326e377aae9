//! Documents that the gate needs from outside, and when it asks for them.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;

use portcullis_types::{Rejection, Timestamp};

use crate::{
    code::GateCode,
    limits::{COOLDOWN, IN_FLIGHT},
    origin::Class,
};

/// What a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Metadata of an issuer (RFC 8414, OpenID Connect Discovery).
    Metadata,
    /// A JWK Set.
    Keys,
    /// A SPIFFE bundle.
    Bundle,
    /// A status list token.
    StatusList,
    /// Users of a registry and hashes of their passwords (`htpasswd`).
    Users,
    /// What an authorization server says of a token (RFC 7662).
    Introspection,
    /// The discovery document of a server of Open Cloud Mesh.
    OcmDiscovery,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::Metadata,
        Self::Keys,
        Self::Bundle,
        Self::StatusList,
        Self::Users,
        Self::Introspection,
        Self::OcmDiscovery,
    ];

    /// Its name in the interfaces.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Metadata => "metadata",
            Kind::Keys => "keys",
            Kind::Bundle => "bundle",
            Kind::StatusList => "status-list",
            Kind::Users => "users",
            Kind::Introspection => "introspection",
            Kind::OcmDiscovery => "ocm-discovery",
        }
    }

    /// The kind of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What to send as `Accept`.
    pub fn accept(self) -> &'static str {
        match self {
            Kind::Metadata | Kind::Introspection | Kind::OcmDiscovery => "application/json",
            Kind::Keys | Kind::Bundle => "application/jwk-set+json, application/json",
            Kind::StatusList => "application/statuslist+jwt, application/statuslist+cwt",
            Kind::Users => "text/plain",
        }
    }
}

/// As whom a host asks an introspection endpoint (RFC 7662 section 2.1). Secrets stand in files (`file:` and a path), which the
/// host reads each time that it asks, and never here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndpointCredential {
    /// A client with a secret: HTTP Basic, both in the form encoding (RFC 6749 section 2.3.1).
    Basic {
        /// The client's identifier.
        client_id: String,
        /// The file of its secret.
        secret: String,
    },
    /// A Bearer token (RFC 6750), by its file.
    Bearer(String),
}

/// What is asked with POST in place of GET. It holds a token, so its `Debug` tells none of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Question {
    /// SHA-256 of the token, by which answers to one URL are told apart.
    pub digest: [u8; 32],
    /// The body, of the type `application/x-www-form-urlencoded`.
    pub form: String,
    /// As whom it is asked.
    pub credential: EndpointCredential,
    /// Whether the token was active when it was last asked about: a host keeps places for these, which no guessed token takes.
    pub known: bool,
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").field("known", &self.known).finish_non_exhaustive()
    }
}

/// A URL, and the digest of the question that is asked there, if one is: what tells one document from another for who asks.
pub(crate) type Place = (String, Option<[u8; 32]>);

/// A document that is to be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentNeed {
    /// Its URL: https, or what the operator wrote (`file:` and a path among it).
    pub url: String,
    /// Who named the URL.
    pub class: Class,
    /// What it is.
    pub kind: Kind,
    /// The most that is read of it, in bytes.
    pub most: usize,
    /// The SPIFFE ID that its server has to prove before anything is asked of it ([`Gate::admit_server`](crate::Gate::admit_server)).
    /// Absent where the server is authenticated as the web's servers are: by the system's authorities and its name.
    pub server: Option<String>,
    /// What is asked with POST, where a GET does not say it. No redirect of it is followed, and nobody caches what comes.
    pub question: Option<Box<Question>>,
}

impl DocumentNeed {
    /// Whether a document is the one that is needed, and came from where it was to come from.
    pub(crate) fn is_met_by(&self, document: &Document) -> bool {
        self.url == document.url
            && self.server == document.server
            && self.about() == document.about
            && (self.class == Class::Peer) == document.peer
    }

    /// The digest of the token that it is about, if it is about one.
    pub(crate) fn about(&self) -> Option<[u8; 32]> {
        self.question.as_ref().map(|question| question.digest)
    }

    /// What tells it from others.
    pub(crate) fn place(&self) -> Place {
        (self.url.clone(), self.about())
    }
}

/// A document that was fetched, or could not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The URL that was asked for, whatever redirects there were.
    pub url: String,
    /// The `server` of the need that it was fetched for: what came from a server that was authenticated in another way is
    /// another document.
    pub server: Option<String>,
    /// The digest of its need's question: an answer about one token is none about another.
    pub about: Option<[u8; 32]>,
    /// Whether the class of its need is [`Class::Peer`]: what is fetched because somebody unknown said so is no document of the policy's,
    /// whatever its URL, and that it could not be had is none of theirs.
    pub peer: bool,
    /// When it was fetched, in seconds since 1970.
    pub fetched_at: Timestamp,
    /// What came.
    pub content: Content,
}

impl Document {
    /// Whether it was fetched with a GET from a server of the web, for the policy or for a token that verified.
    pub(crate) fn is_plain(&self) -> bool {
        self.server.is_none() && self.about.is_none() && !self.peer
    }

    /// The length of what came, in bytes.
    pub(crate) fn length(&self) -> usize {
        match &self.content {
            Content::Body { bytes, .. } => bytes.len(),
            Content::Failed(why) => why.len(),
        }
    }
}

/// What came of a fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// An answer.
    Body {
        /// Its HTTP status; 200 for a file.
        status: u16,
        /// Its media type without parameters, if it has one.
        media_type: Option<String>,
        /// Its body, without content coding.
        bytes: Vec<u8>,
    },
    /// None: why, for people.
    Failed(String),
}

impl Content {
    /// The body, if there is one that may be read.
    ///
    /// Errors: `document.failed`, `document.status`, `document.too_large`.
    pub(crate) fn body(&self, most: usize) -> Result<&[u8], Rejection> {
        match self {
            Content::Failed(why) => Err(Rejection::new(GateCode::DocumentFailed, why.as_str())),
            Content::Body { status, .. } if *status != 200 => {
                Err(Rejection::new(GateCode::DocumentStatus, alloc::format!("the status is {status}")))
            }
            Content::Body { bytes, .. } if bytes.len() > most => Err(Rejection::new(
                GateCode::DocumentTooLarge,
                alloc::format!("{} bytes, at most {most} are read", bytes.len()),
            )),
            Content::Body { bytes, .. } => Ok(bytes),
        }
    }
}

/// The times of one document: when it was asked for, tried, missed and had.
///
/// Clocks go back. A time that lies in the future says nothing: what was fetched then is stale, and what was tried then may
/// be tried again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Timing {
    asked_at: Option<Timestamp>,
    tried_at: Option<Timestamp>,
    failed_at: Option<Timestamp>,
    had_at: Option<Timestamp>,
}

/// Whether a document may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Now.
    Now,
    /// It is under way: who wants it joins.
    Join,
    /// Not before the cooldown after a failure is over.
    Later,
}

/// Whether a time lies less than so many seconds back.
fn within(time: Option<Timestamp>, seconds: u64, at: Timestamp) -> bool {
    time.and_then(|time| at.checked_sub(time)).is_some_and(|passed| passed < seconds)
}

impl Timing {
    /// The age of what is had, in seconds; nothing where there is none, or it is from the future.
    pub(crate) fn age(&self, at: Timestamp) -> Option<u64> {
        at.checked_sub(self.had_at?)
    }

    /// When what is had was fetched.
    pub(crate) fn had_at(&self) -> Option<Timestamp> {
        self.had_at
    }

    /// Whether it may be asked for now.
    pub(crate) fn ask(&self, at: Timestamp) -> Ask {
        if within(self.asked_at, IN_FLIGHT, at) {
            Ask::Join
        } else if within(self.failed_at, COOLDOWN, at) {
            Ask::Later
        } else {
            Ask::Now
        }
    }

    /// Whether it may be asked for now only because somebody names what it does not have: that rests after good fetches,
    /// too.
    pub(crate) fn ask_for_more(&self, at: Timestamp) -> Ask {
        match self.ask(at) {
            Ask::Now if within(self.tried_at, COOLDOWN, at) => Ask::Later,
            other => other,
        }
    }

    /// It is asked for.
    pub(crate) fn asked(&mut self, at: Timestamp) {
        self.asked_at = Some(at);
    }

    /// It came.
    pub(crate) fn had(&mut self, fetched_at: Timestamp, at: Timestamp) {
        *self = Self { asked_at: None, tried_at: Some(at), failed_at: None, had_at: Some(fetched_at) };
    }

    /// The same document at another place: it was had, and nothing was asked for or tried there.
    pub(crate) fn moved(&self) -> Self {
        Self { had_at: self.had_at, ..Self::default() }
    }

    /// What came is older than what is had.
    pub(crate) fn overtaken(&mut self, at: Timestamp) {
        self.asked_at = None;
        self.tried_at = Some(at);
    }

    /// It could not be had.
    pub(crate) fn failed(&mut self, at: Timestamp) {
        self.asked_at = None;
        self.tried_at = Some(at);
        self.failed_at = Some(at);
    }

    /// Whether it is to be fetched ahead: it was never had, or is older than `refresh`, and may be asked for.
    pub(crate) fn is_due(&self, at: Timestamp, refresh: u64) -> bool {
        self.age(at).is_none_or(|age| age >= refresh) && self.ask(at) == Ask::Now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_joined_and_what_was_tried_rests() {
        let mut timing = Timing::default();
        assert_eq!(timing.ask(1_000), Ask::Now);
        assert!(timing.is_due(1_000, 600));
        timing.asked(1_000);
        assert_eq!(timing.ask(1_000 + IN_FLIGHT - 1), Ask::Join);
        assert_eq!(timing.ask(1_000 + IN_FLIGHT), Ask::Now, "the host lost it");
        timing.failed(1_010);
        assert_eq!(timing.ask(1_010 + COOLDOWN - 1), Ask::Later);
        assert_eq!(timing.ask(1_010 + COOLDOWN), Ask::Now);
        assert_eq!(timing.age(2_000), None);
        timing.had(1_050, 1_050);
        assert_eq!(timing.ask(1_051), Ask::Now, "what is short-lived may be had again at once");
        assert_eq!(timing.ask_for_more(1_050 + COOLDOWN - 1), Ask::Later, "but not for the asking");
        assert_eq!(timing.ask_for_more(1_050 + COOLDOWN), Ask::Now);
        assert_eq!(timing.age(1_060), Some(10));
        assert!(!timing.is_due(1_050 + 599, 600));
        assert!(timing.is_due(1_050 + 600, 600));
        assert_eq!(timing.age(1_049), None, "a fetch time in the future is no age");
        assert_eq!(timing.ask(1_049), Ask::Now, "and rests nothing");
    }
}
