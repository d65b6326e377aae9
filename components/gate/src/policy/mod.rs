//! The policy: one document that says who may do what, read whole or not at all (`docs/policy.md`).
//!
//! ```
//! use std::rc::Rc;
//! use portcullis_crypto::SoftwareBackend;
//! use portcullis_gate::policy::{Format, Policy};
//!
//! let text = r#"{"origins": ["https://api.example"],
//!                "rules": [{"path": "/health", "anonymous": true}, {"path": "/reports"}]}"#;
//! let backend = Rc::new(SoftwareBackend::default()) as _;
//! let errors = Policy::parse(text, Format::Json, &backend).unwrap_err();
//! assert_eq!(errors.len(), 1);
//! assert_eq!(errors[0].code(), "policy.rule_unguarded");
//! assert_eq!(errors[0].place.unwrap().line, 2);
//! ```

mod attestation;
mod browser;
mod bundle_endpoint;
#[cfg(feature = "clients")]
pub mod clients;
mod code;
mod document;
#[cfg(feature = "clients")]
mod dynamic_clients;
pub mod envoy;
mod error;
pub mod export;
pub mod introspection;
pub mod issuers;
pub mod limits;
pub mod listeners;
pub mod members;
#[cfg(feature = "ocm")]
pub mod ocm;
mod reader;
#[cfg(feature = "registry")]
pub mod registry;
mod render;
pub mod resource_metadata;
pub mod rules;
pub mod shape;
pub mod surroundings;
#[cfg(feature = "toml")]
mod toml_text;
#[cfg(feature = "transactions")]
pub mod transaction_service;
pub mod transaction_tokens;
pub mod trust_domains;
mod warnings;

use alloc::{rc::Rc, vec::Vec};

use portcullis_crypto::Backend;
use portcullis_types::json::Object;

pub use attestation::AttestationPolicy;
pub use bundle_endpoint::BundleEndpoint;
#[cfg(feature = "clients")]
pub use clients::ClientsPolicy;
pub use code::PolicyCode;
pub use document::{Format, Path, Place};
#[cfg(feature = "clients")]
pub use dynamic_clients::DynamicClients;
pub use envoy::Envoy;
pub use error::PolicyError;
pub use introspection::Introspection;
pub use issuers::{Issuer, KeySource, Proof, StatusMode};
pub use listeners::{Asserter, CertificateFrom, Listener};
#[cfg(feature = "ocm")]
pub use ocm::{Described, OcmPolicy, OwnDiscovery};
#[cfg(feature = "registry")]
pub use registry::{Grant, Grantee, Registry};
pub use render::{render, render_warnings};
pub use resource_metadata::{DescribedResource, PublishedMetadata};
pub use rules::{Access, Authority, Requirements, Rule};
pub use surroundings::{Challenges, Cors, HeaderSource, Limits, Metadata, Upstream};
#[cfg(feature = "transactions")]
pub use transaction_service::{ServedWorkloads, TransactionService};
pub use transaction_tokens::{TransactionRequirements, TransactionTokens};
pub use trust_domains::{BundleSource, Trusted, WorkloadProof};

use crate::{answer::REPORT_HEADER, origin::Origin, rule_index::RuleIndex};
use reader::Reader;

/// How far clocks and networks may delay a proof where a policy says nothing, in seconds (RFC 9449 section 11.1 speaks of
/// seconds or minutes).
const DEFAULT_PROOF_WINDOW: u64 = portcullis_token::dpop::DEFAULT_WINDOW;

/// Whether denials are enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// They are.
    Enforce,
    /// They are told, and the request is let through.
    Report,
}

/// How far the promise reaches that a proof is used once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    /// Within one host.
    Node,
    /// Across hosts that share a memory.
    Shared,
    /// Proofs carry a nonce that the host issued.
    Nonce,
}

/// A policy that was read whole.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The public origins.
    pub origins: Vec<Origin>,
    /// Whether denials are enforced where a rule says nothing.
    pub mode: Mode,
    /// Whether reporting lets through what cannot be verified, too.
    pub report_unverified: bool,
    /// Whether clients are told details.
    pub expose_full: bool,
    /// How far the promise reaches that a proof is used once.
    pub replay: Replay,
    /// How far a proof's `iat` may lie from now, in seconds.
    pub proof_window: u64,
    /// Issuers of tokens.
    pub issuers: Vec<Issuer>,
    /// SPIFFE trust domains.
    pub trust_domains: Vec<Trusted>,
    /// Transaction Tokens beside callers' own credentials.
    pub transaction_tokens: Option<TransactionTokens>,
    /// The service that makes them, where the host is it.
    #[cfg(feature = "transactions")]
    pub transaction_service: Option<TransactionService>,
    /// Rules in their order.
    pub rules: Vec<Rule>,
    /// The rules by their paths.
    pub index: Rc<RuleIndex>,
    /// Access to OCI registries.
    #[cfg(feature = "registry")]
    pub registry: Option<Registry>,
    /// The clients of an authorization server.
    #[cfg(feature = "clients")]
    pub clients: Option<ClientsPolicy>,
    /// The sharing server of Open Cloud Mesh that stands behind.
    #[cfg(feature = "ocm")]
    pub ocm: Option<OcmPolicy>,
    /// What is published of the resource, where it is.
    pub resource: Option<DescribedResource>,
    /// Attestations that rules may demand beside access tokens.
    pub attestation: Option<AttestationPolicy>,
    /// What challenges say.
    pub challenges: Challenges,
    /// What the upstream is told.
    pub upstream: Upstream,
    /// Pages that may call.
    pub cors: Option<Cors>,
    /// Listeners of the host.
    pub listeners: Vec<Listener>,
    /// What is for the Envoy filter.
    pub envoy: Envoy,
    /// Bounds.
    pub limits: Limits,
    /// Whether the policy or any of its rules reports.
    pub reports: bool,
    /// What its author should know, though the policy is good.
    pub warnings: Vec<PolicyError>,
}

impl Policy {
    /// Reads a policy. Every error is told, at most a hundred, each with its member and place.
    ///
    /// Errors: `policy.*`.
    pub fn parse(text: &str, format: Format, backend: &Rc<dyn Backend>) -> Result<Self, Vec<PolicyError>> {
        let mut errors = Vec::new();
        let read = match document::parse(text, format) {
            Ok(object) => Self::read(&object, backend, &mut errors),
            Err(error) => {
                errors.push(error);
                None
            }
        };
        match read {
            Some(mut policy) if errors.is_empty() => {
                document::put_places(text, format, &mut policy.warnings);
                Ok(policy)
            }
            _ => {
                document::in_order(text, format, &mut errors);
                Err(errors)
            }
        }
    }

    /// The tree of a policy's text, of which nothing but the syntax is checked: for [`export`] and [`Self::from_object`].
    ///
    /// Errors: `policy.too_large`, `policy.syntax`, `policy.duplicate_name`, `policy.wrong_type`.
    pub fn tree(text: &str, format: Format) -> Result<Object, PolicyError> {
        document::parse(text, format).map_err(|error| error.placed(text, format))
    }

    /// Reads a policy that is parsed already; errors have no places then ([`PolicyError::placed`]).
    ///
    /// Errors: `policy.*`.
    pub fn from_object(object: &Object, backend: &Rc<dyn Backend>) -> Result<Self, Vec<PolicyError>> {
        document::repeated(object, &Path::default()).map_err(|error| alloc::vec![error])?;
        let mut errors = Vec::new();
        match Self::read(object, backend, &mut errors) {
            Some(policy) if errors.is_empty() => Ok(policy),
            _ => {
                errors.truncate(limits::MAX_ERRORS);
                Err(errors)
            }
        }
    }

    fn read(object: &Object, backend: &Rc<dyn Backend>, errors: &mut Vec<PolicyError>) -> Option<Self> {
        shape::check(object, &members::POLICY, &Path::default(), errors);
        let top = Reader::new(object, Path::default());
        let origins = issuers::origins(&top, "origins", false, errors);
        let mode = if top.text("mode") == Some("report") { Mode::Report } else { Mode::Enforce };
        let issuers = issuers::issuers(&top, &origins, backend, errors);
        introspection::only_one(&top, errors);
        let trust_domains = trust_domains::trust_domains(&top, &origins, &issuers, backend, errors);
        let transaction_tokens = transaction_tokens::transaction_tokens(&top, backend, errors);
        let transactions = transaction_tokens.is_some();
        let attestation = attestation::attestation(&top, backend, errors);
        let around = rules::Surroundings {
            origins: &origins,
            issuers: &issuers,
            trust_domains: &trust_domains,
            transactions,
            mode,
        };
        // Rules refer to what stands above; where that is wrong, their own errors would only confuse.
        let rules = if errors.is_empty() { rules::rules(&top, &around, errors) } else { Vec::new() };
        attestation::demanded(&top, &rules, errors);
        #[cfg(feature = "registry")]
        let registry = if errors.is_empty() { registry::registry(&top, &around, errors) } else { None };
        #[cfg(not(feature = "registry"))]
        if top.value("registry").is_some() {
            errors.push(PolicyError::new(
                PolicyCode::RegistryAbsent,
                top.at("registry"),
                "this build has no part in registries",
                "keep [registry] in a policy of its own, for hosts that guard one",
            ));
        }
        #[cfg(feature = "transactions")]
        let transaction_service = if errors.is_empty() {
            transaction_service::service(&top, transaction_tokens.as_ref(), &around, errors)
        } else {
            None
        };
        #[cfg(not(feature = "transactions"))]
        if let Some(service) = top.object("transaction_tokens").filter(|entry| entry.value("service").is_some()) {
            errors.push(PolicyError::new(
                PolicyCode::TransactionServiceAbsent,
                service.at("service"),
                "this build makes no Transaction Tokens",
                "keep [transaction_tokens.service] in a policy of its own, for the gateway",
            ));
        }
        let proof_window = top.duration("proof_window").unwrap_or(DEFAULT_PROOF_WINDOW);
        #[cfg(feature = "clients")]
        let clients = if errors.is_empty() {
            clients::clients(&top, &trust_domains, proof_window, backend, errors)
        } else {
            None
        };
        #[cfg(not(feature = "clients"))]
        if top.value("clients").is_some() {
            errors.push(PolicyError::new(
                PolicyCode::ClientsAbsent,
                top.at("clients"),
                "this build has no part in the clients of authorization servers",
                "keep [clients] in a policy of its own, for the gateway",
            ));
        }
        #[cfg(feature = "ocm")]
        let ocm = ocm::ocm(&top, &origins, errors);
        #[cfg(not(feature = "ocm"))]
        if top.value("ocm").is_some() {
            errors.push(PolicyError::new(
                PolicyCode::OcmAbsent,
                top.at("ocm"),
                "this build has no part in sharing servers",
                "keep [ocm] in a policy of its own, for the gateway",
            ));
        }
        let challenges = surroundings::challenges(&top, errors);
        let resource = resource_metadata::described(&top, errors);
        let upstream = surroundings::upstream(&top, errors);
        #[cfg(feature = "ocm")]
        let upstream = match ocm {
            Some(_) => upstream.with([crate::ocm::SIGNER_HEADER, crate::ocm::ACCESS_HEADER]),
            None => upstream,
        };
        let cors = surroundings::cors(&top, errors);
        let listeners = listeners::listeners(&top, &trust_domains, errors);
        #[cfg(feature = "registry")]
        registry::listened(&top, registry.as_ref(), &listeners, errors);
        #[cfg(feature = "clients")]
        clients::listened(&top, clients.as_ref(), &listeners, errors);
        #[cfg(feature = "transactions")]
        transaction_service::listened(&top, transaction_service.as_ref(), &listeners, errors);
        #[cfg(feature = "ocm")]
        ocm::listened(&top, ocm.as_ref(), &listeners, errors);
        let limits = surroundings::limits(&top);
        let envoy = envoy::envoy(&top, errors);
        if !errors.is_empty() {
            return None;
        }
        let mut index = RuleIndex::default();
        for (number, rule) in rules.iter().enumerate() {
            index.add(number, rule.path.as_ref());
        }
        let reports = mode == Mode::Report || rules.iter().any(|rule| rule.mode == Mode::Report);
        let mut policy = Self {
            origins,
            mode,
            report_unverified: top.flag("report_unverified") == Some(true),
            expose_full: top.text("expose") == Some("full"),
            replay: match top.text("replay") {
                Some("shared") => Replay::Shared,
                Some("nonce") => Replay::Nonce,
                _ => Replay::Node,
            },
            proof_window,
            issuers,
            trust_domains,
            transaction_tokens,
            #[cfg(feature = "transactions")]
            transaction_service,
            rules,
            index: Rc::new(index),
            #[cfg(feature = "registry")]
            registry,
            #[cfg(feature = "clients")]
            clients,
            #[cfg(feature = "ocm")]
            ocm,
            resource,
            attestation,
            challenges,
            upstream,
            cors,
            listeners,
            envoy,
            limits,
            reports,
            warnings: Vec::new(),
        };
        policy.warnings = policy.what_to_know(&top);
        policy.warnings.truncate(limits::MAX_ERRORS);
        Some(policy)
    }

    /// Whether credentials of an authority count anywhere: a rule names it, a registry does, or a service that makes tokens.
    pub(crate) fn names(&self, authority: Authority) -> bool {
        let by_rule = self.rules.iter().any(|rule| match &rule.access {
            Access::Credential { authorities, .. } => authorities.contains(&authority),
            Access::Anonymous => false,
        });
        by_rule || self.registry_names(authority) || self.clients_name(authority) || self.transactions_name(authority)
    }

    #[cfg(feature = "transactions")]
    fn transactions_name(&self, authority: Authority) -> bool {
        self.transaction_service.as_ref().is_some_and(|service| match authority {
            Authority::Issuer(number) => service.subject_issuers.contains(&number),
            Authority::TrustDomain(number) => self.trust_domains.get(number).is_some_and(|trusted| {
                let mut patterns = service.workloads.iter().flat_map(|entry| &entry.patterns);
                patterns.any(|pattern| *pattern.trust_domain() == trusted.name)
            }),
            Authority::Users => false,
        })
    }

    #[cfg(not(feature = "transactions"))]
    fn transactions_name(&self, _: Authority) -> bool {
        false
    }

    /// Whether a rule demands an attestation beside an access token.
    pub(crate) fn demands_attestation(&self) -> bool {
        attestation::is_demanded(&self.rules)
    }

    #[cfg(feature = "clients")]
    fn clients_name(&self, authority: Authority) -> bool {
        let mut named = self.clients.iter().flat_map(|clients| &clients.trust_domains);
        matches!(authority, Authority::TrustDomain(number) if named.any(|known| *known == number))
    }

    #[cfg(not(feature = "clients"))]
    fn clients_name(&self, _: Authority) -> bool {
        false
    }

    #[cfg(feature = "registry")]
    fn registry_names(&self, authority: Authority) -> bool {
        let of_tokens = matches!(authority, Authority::Issuer(number)
            if self.issuers.get(number).is_some_and(|issuer| issuer.registry));
        of_tokens
            || self.registry.iter().flat_map(|registry| &registry.grants).any(|grant| {
                matches!(&grant.grantee, Grantee::Credential { authorities, .. } if authorities.contains(&authority))
            })
    }

    #[cfg(not(feature = "registry"))]
    fn registry_names(&self, _: Authority) -> bool {
        false
    }

    /// The first rule for a request, by its number.
    pub fn rule_for(&self, method: &str, origin: usize, path: &crate::path::RequestPath<'_>) -> Option<usize> {
        self.index.first(path, |number| self.rules.get(number).is_some_and(|rule| rule.is_for(method, origin)))
    }

    /// What an authority is called.
    pub fn name_of(&self, authority: Authority) -> &str {
        match authority {
            Authority::Issuer(number) => self.issuers.get(number).map(|issuer| issuer.name.as_str()),
            Authority::TrustDomain(number) => self.trust_domains.get(number).map(|trusted| trusted.name.as_str()),
            Authority::Users => Some("users"),
        }
        .unwrap_or_default()
    }

    /// Whether a header field or trailer of this name never passes, in any spelling that servers take for one of ours: those of
    /// `upstream`, and the mark of what is only reported.
    pub fn strips(&self, name: &str) -> bool {
        let name = surroundings::folded(name);
        self.upstream.strip.contains(&name) || (self.reports && name == surroundings::folded(REPORT_HEADER))
    }

    /// Whether a trailer of this name never passes: what [`Self::strips`] says, and a Transaction Token, which nobody looks at once
    /// a request was decided about.
    pub fn strips_trailer(&self, name: &str) -> bool {
        let folded = surroundings::folded(portcullis_oauth::transaction_token::HEADER);
        self.strips(name) || (self.transaction_tokens.is_some() && surroundings::folded(name) == folded)
    }

    /// The listener of a name; the Envoy filter's among them ([`envoy::LISTENER`]).
    pub fn listener(&self, name: &str) -> Option<&Listener> {
        self.listeners.iter().chain([&self.envoy.listener]).find(|listener| listener.name == name)
    }
}
