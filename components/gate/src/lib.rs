//! The gate: one policy, one decision about a request, without I/O inside.
//!
//! A [`Gate`] holds a policy and the documents that were given to it. [`Gate::start`] begins an [`Evaluation`], which says
//! step by step what it needs: documents, and at the very end that a proof is remembered. The host fetches, remembers and
//! tells the time; it decides nothing. `docs/decisions.md` tells what happens in which order and whose fault a denial is.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod answer;
mod attestation;
mod bundle_server;
mod bundles;
mod certificate;
#[cfg(feature = "clients")]
mod clients;
mod code;
mod cors;
mod credential;
mod decision;
mod denial;
mod documents;
mod evaluation;
mod explain;
mod forwarded;
mod gate;
mod introspection;
mod judge;
mod keys;
pub mod limits;
mod lists;
mod memory;
#[cfg(feature = "ocm")]
mod ocm;
pub mod origin;
pub mod path;
pub mod policy;
mod proof;
#[cfg(feature = "registry")]
mod registry;
mod remote;
mod request;
mod rule_index;
mod signed_answer;
mod sources;
mod state;
mod status;
mod transaction;
#[cfg(feature = "transactions")]
mod transaction_service;
#[cfg(feature = "registry")]
mod users;
mod workload;

pub use answer::REPORT_HEADER;
#[cfg(feature = "clients")]
pub use clients::{ClientAnswer, Registration, RegistrationOutcome};
pub use code::GateCode;
pub use decision::{Decision, Outcome, Principal, Transaction};
pub use documents::{Content, Document, DocumentNeed, EndpointCredential, Kind, Question};
pub use evaluation::{Answer, Evaluation, Need, Register, Remember, Step, Wanted};
pub use explain::{Demand, explain};
pub use gate::{Checked, Gate, Held, Readiness};
pub use memory::Forget;
#[cfg(feature = "ocm")]
pub use ocm::{ACCESS_HEADER, SIGNER_HEADER};
pub use origin::Class;
#[cfg(feature = "registry")]
pub use registry::{Issue, IssueKind, ToSign};
pub use request::{ClientCertificate, Header, Request};
pub use rule_index::RuleIndex;
pub use signed_answer::{AnswerToSign, OwnIdentity, ReadyAnswer};
