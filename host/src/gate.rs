//! The gate: policies, and decisions about requests.
//!
//! [`GateInstance`] holds a policy and decides. [`Portcullis::check_policy`](crate::Portcullis::check_policy) and its
//! neighbours read a policy without putting it to work. The types are those of `wit/gate`, with its documentation;
//! `docs/decisions.md` tells what a host has to do, and `docs/policy.md` what a policy says.

mod documents;
mod instance;
mod policy;

pub use instance::{Checked, Explained, GateInstance, Pending, StoredRecord, Supplied};

pub use crate::bindings::exports::portcullis::gate::gate::{
    Answer, AnswerToSign, Answered, BasicCredential, Body, Class, ClientAnswer, ClientCertificate, Content, Decision,
    Document, DocumentFinding, DocumentKind, DocumentNeed, EndpointCredential, Field, Forget, Held, Issue, IssueKind,
    LeafCertificate, Missing, Need, Outcome, OwnIdentity, Principal, Question, Readiness, ReadyAnswer, Register,
    Registration, RegistrationOutcome, Remember, Request, Sha256, ToSign, Transaction, Wanted,
};
pub use crate::bindings::exports::portcullis::gate::policy::{
    Asserter, Clients, Demand, Format as PolicyFormat, HostSettings, Listener, Problem, PublishedMetadata, Replay,
    Report as PolicyReport, Tls, TokenService, TransactionService,
};
pub use crate::bindings::exports::portcullis::types::types::Header;

/// The interface a component has to export to be a [`GateInstance`].
pub const GATE_INTERFACE: &str = "portcullis:gate/gate@0.2.0";

/// The words of a digest, as the interface has them.
///
/// ```
/// use portcullis_host::gate::{sha256_from_bytes, sha256_to_bytes};
///
/// let bytes: [u8; 32] = std::array::from_fn(|index| index as u8);
/// assert_eq!(sha256_from_bytes(bytes).0, 0x0001_0203_0405_0607);
/// assert_eq!(sha256_to_bytes(sha256_from_bytes(bytes)), bytes);
/// ```
#[must_use]
pub fn sha256_from_bytes(bytes: [u8; 32]) -> Sha256 {
    let mut words = [0; 4];
    for (word, part) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = part.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    }
    words.into()
}

/// The bytes of a digest that the interface has as words, for example those of [`Remember::key`].
#[must_use]
pub fn sha256_to_bytes(words: Sha256) -> [u8; 32] {
    let mut bytes = [0; 32];
    let words: [u64; 4] = words.into();
    for (part, word) in bytes.chunks_exact_mut(8).zip(words) {
        part.copy_from_slice(&word.to_be_bytes());
    }
    bytes
}

impl Default for Request {
    /// A request of which nothing is known: no method, no URL, no header, no certificate.
    fn default() -> Self {
        Self {
            method: String::new(),
            url: String::new(),
            target: None,
            headers: Vec::new(),
            trailers: Vec::new(),
            body: None,
            certificate: ClientCertificate::None,
            listener: None,
            nonces: Vec::new(),
            replay_since: None,
            fresh: None,
        }
    }
}

impl Outcome {
    /// Its name in the JSON form of the interfaces: `allow` or `deny`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

impl Class {
    /// Its name in the interfaces, for example `credential`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Credential => "credential",
            Self::Peer => "peer",
        }
    }
}

impl DocumentNeed {
    /// The digest of the token that it is about, if it is about one: what its document has as `about`.
    #[must_use]
    pub fn about(&self) -> Option<Sha256> {
        self.question.as_ref().map(|question| question.digest)
    }
}

impl DocumentKind {
    /// Its name in the interfaces, for example `status-list`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Metadata => "metadata",
            Self::Keys => "keys",
            Self::Bundle => "bundle",
            Self::StatusList => "status-list",
            Self::Users => "users",
            Self::Introspection => "introspection",
            Self::OcmDiscovery => "ocm-discovery",
        }
    }
}
