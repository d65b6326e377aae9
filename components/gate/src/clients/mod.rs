//! Clients of an authorization server: it describes a request of one, and is told who that is and what to answer
//! (`docs/clients.md`).
//!
//! What a listener for clients is asked comes as JSON. Who asks there is believed, and is told every code; what its client is to
//! be told stands apart.

pub(crate) mod answer;
mod authenticate;
mod described;
mod endpoints;
mod explain;
mod keys;
mod pushed;
mod registration;

use alloc::{boxed::Box, string::String, vec::Vec};

use portcullis_client::ErrorAnswer;

pub(crate) use explain::explain;
pub(crate) use keys::{ClientKeys, Vouching};
pub(crate) use registration::Known;

use crate::{
    attestation::Proof,
    denial::Denial,
    evaluation::Register,
    policy::{ClientsPolicy, Policy},
    request::Request,
};

/// How a client came to be registered on first use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistrationOutcome {
    /// It was before.
    Existing,
    /// It was not, or not completely.
    Registered,
    /// It was, and the registration had ended.
    Renewed,
}

impl RegistrationOutcome {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Existing => "existing",
            Self::Registered => "registered",
            Self::Renewed => "renewed",
        }
    }
}

/// A client's registration on first use, as it is in the store by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// How it came to be.
    pub outcome: RegistrationOutcome,
    /// The record, a JSON object.
    pub record: String,
}

/// Who the client of a request is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientAnswer {
    /// Its identifier.
    pub client_id: String,
    /// How it authenticated, by its name in metadata.
    pub method: &'static str,
    /// Whether this request made it a client.
    pub new: bool,
    /// Its SPIFFE ID, where it has one.
    pub spiffe_id: Option<String>,
    /// RFC 7638 thumbprint of the key that it proved to hold.
    pub key: Option<[u8; 32]>,
    /// Its registration, where that is on first use.
    pub registration: Option<Registration>,
}

/// What passed at a listener for clients.
#[derive(Debug)]
pub(crate) struct Passed {
    /// Who the client is, where that was asked.
    pub(crate) client: Option<ClientAnswer>,
    /// Where it is known from: its trust domain, or who attests it.
    pub(crate) issuer: String,
    /// The body of the answer.
    pub(crate) body: String,
    /// The proofs that came with it, each to be used once.
    pub(crate) proofs: Vec<Proof>,
    /// The record that has to be stored before the answer is given.
    pub(crate) store: Option<Box<Register>>,
}

/// What an evaluation for clients asks its host's store.
#[derive(Debug)]
pub(crate) enum FromStore {
    /// The record of a SPIFFE ID.
    Load(String),
    /// To keep a record, before the client is told that it lacks something.
    Keep(Box<Register>),
}

/// The clients that a request's listener is for; nothing where it is for another thing.
pub(crate) fn asked<'p>(request: &Request, policy: &'p Policy) -> Option<&'p ClientsPolicy> {
    let listener = request.listener.as_deref().and_then(|name| policy.listener(name))?;
    policy.clients.as_ref().filter(|_| listener.clients)
}

/// A refusal by the library of clients, as a denial.
fn refused(rejection: portcullis_types::Rejection, answer: ErrorAnswer) -> Denial {
    Denial { rejection, fault: crate::denial::Fault::Client(Box::new(answer)) }
}
