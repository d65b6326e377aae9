//! Why a request is denied, whose fault that is, and what its client may be told.

use alloc::{boxed::Box, vec::Vec};

use portcullis_client::{ClientCode, ErrorAnswer};
use portcullis_oauth::transaction_token::TransactionCode;
use portcullis_scope::{Need, oci::Access};
use portcullis_types::Rejection;

use crate::{code::GateCode, documents::DocumentNeed, workload::Means};

/// A denial before it becomes an answer.
#[derive(Debug, Clone)]
pub(crate) struct Denial {
    /// The rule that failed.
    pub(crate) rejection: Rejection,
    /// Whose fault it is.
    pub(crate) fault: Fault,
}

/// Whose fault a denial is, which decides its status.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// The request is ambiguous or malformed: 400.
    Request,
    /// There is no credential, or none that verifies: 401.
    Credential {
        /// What the client has to bring.
        need: Need,
        /// What its proof lacks, where that is it.
        proof: Option<ProofError>,
        /// Whether its code may be told: of a fault of form, and of one that was found when all else had verified.
        told: bool,
    },
    /// An identity token or its proof does not verify: 401 with the scheme WPT where that was used, else 400, as WIMSE wants.
    Workload {
        /// How it is to be proved.
        means: Means,
        /// Whether its code may be told: of a fault of form.
        told: bool,
    },
    /// The credential is good, and the attestation of its client that the rule demands is missing or does not verify: 401.
    Attestation {
        /// What the library of clients says.
        answer: Box<ErrorAnswer>,
        /// Whether its code may be told: of a fault of form.
        told: bool,
    },
    /// The credential is good, and grants too little: 401 or 403, as the need says.
    Rights(Need),
    /// The credential is good, and nothing that its client could bring would help: 403.
    Forbidden,
    /// The caller's credential is good, and its Transaction Token is not there or does not verify: 403.
    Transaction {
        /// Whether it is not there.
        missing: bool,
    },
    /// The credential is good, and grants too little at a registry: 401 where another token of the token service may help, else
    /// 403.
    #[cfg_attr(not(feature = "registry"), expect(dead_code, reason = "registries alone have it"))]
    Access {
        /// What is not granted.
        missing: Vec<Access>,
        /// Whether the client is to come back with another token.
        renegotiate: bool,
    },
    /// There is nothing like that here: this status.
    #[cfg_attr(
        not(any(feature = "clients", feature = "ocm", feature = "registry")),
        expect(dead_code, reason = "registries, clients and sharing servers alone have it")
    )]
    Absent(u16),
    /// A client of an authorization server: what its server is to answer it.
    #[cfg(feature = "clients")]
    Client(Box<ErrorAnswer>),
    /// Nobody knows: 503.
    Unknown,
    /// A preflight for a page that may not call: 403, told to the page's browser alone.
    Page,
}

/// What is wrong with a DPoP proof (RFC 9449 sections 7.1 and 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProofError {
    /// `invalid_dpop_proof`
    Invalid,
    /// `use_dpop_nonce`
    Nonce,
    /// The token is to come with the scheme DPoP: `invalid_token`.
    Scheme,
}

/// Why an evaluation stops without allowing.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Documents have to be fetched first.
    Needs(Vec<DocumentNeed>),
    /// The store of registrations has to be asked first.
    #[cfg(feature = "clients")]
    Store(crate::clients::FromStore),
    /// It is denied.
    Denied(Denial),
}

impl From<Denial> for Stop {
    fn from(denial: Denial) -> Self {
        Stop::Denied(denial)
    }
}

impl Denial {
    pub(crate) fn request(rejection: Rejection) -> Self {
        Self { rejection, fault: Fault::Request }
    }

    pub(crate) fn unknown(rejection: Rejection) -> Self {
        Self { rejection, fault: Fault::Unknown }
    }

    /// A credential that does not verify: `invalid_token`.
    pub(crate) fn token(rejection: Rejection) -> Self {
        Self { rejection, fault: Fault::Credential { need: Need::ValidToken, proof: None, told: false } }
    }

    /// A credential whose form is wrong: `invalid_token`, and its code may be told.
    pub(crate) fn form(rejection: Rejection) -> Self {
        Self { rejection, fault: Fault::Credential { need: Need::ValidToken, proof: None, told: true } }
    }

    /// A credential that verified and is good no more: its holder may know why.
    pub(crate) fn verified(rejection: Rejection) -> Self {
        Self { rejection, fault: Fault::Credential { need: Need::ValidToken, proof: None, told: true } }
    }

    /// A proof that does not hold.
    pub(crate) fn proof(rejection: Rejection, proof: ProofError) -> Self {
        Self { rejection, fault: Fault::Credential { need: Need::ValidToken, proof: Some(proof), told: false } }
    }

    /// An identity token, or its proof, that does not verify.
    pub(crate) fn workload(rejection: Rejection, means: Means) -> Self {
        Self { rejection, fault: Fault::Workload { means, told: false } }
    }

    /// The same, of a fault of form.
    pub(crate) fn workload_form(rejection: Rejection, means: Means) -> Self {
        Self { rejection, fault: Fault::Workload { means, told: true } }
    }

    /// A Transaction Token that is not there, or does not verify. Its sender has authenticated, and may know why.
    pub(crate) fn transaction(rejection: Rejection) -> Self {
        let missing = rejection.is(TransactionCode::Missing);
        Self { rejection, fault: Fault::Transaction { missing } }
    }

    /// An attestation, or its proof, that is missing or does not verify, and what the library of clients says to that.
    pub(crate) fn attestation(rejection: Rejection, answer: ErrorAnswer) -> Self {
        if answer.status == 503 {
            return Self::unknown(rejection);
        }
        let told = rejection.is(GateCode::AttestationClientUnnamed)
            || [ClientCode::AttestationMissing, ClientCode::PopMissing, ClientCode::MethodNotAccepted]
                .into_iter()
                .any(|code| rejection.is(code));
        Self { rejection, fault: Fault::Attestation { answer: Box::new(answer), told } }
    }

    pub(crate) fn forbidden(rejection: Rejection) -> Self {
        Self { rejection, fault: Fault::Forbidden }
    }
}
