//! SPIFFE trust domains.

use alloc::{
    format,
    rc::Rc,
    string::{String, ToString},
    vec::Vec,
};

use portcullis_crypto::Backend;
use portcullis_svid::{Bundle, TrustDomain};
use portcullis_types::{
    Rejection,
    json::{Object, Value},
    limits::excerpt,
};

use super::{
    PolicyError,
    bundle_endpoint::{self, BundleEndpoint},
    code::PolicyCode,
    document::Path,
    issuers::{DEFAULT_LEEWAY, Issuer, WORKLOAD_API, taken, url},
    limits::MAX_TRUST_DOMAINS,
    reader::{Reader, at_most},
};
use crate::origin::Origin;

/// The proof of possession that a trust domain's tokens have to come with. An X.509-SVID has its own, the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkloadProof {
    /// None of a JWT-SVID; of a WIT-SVID, which is never a bearer token, either.
    AsBound,
    /// A Workload Proof Token.
    Wimse,
    /// A signature over the request.
    HttpSignature,
    /// One of them.
    Any,
}

/// A SPIFFE trust domain.
#[derive(Debug, Clone)]
pub struct Trusted {
    /// Its name, by which rules call it too.
    pub name: TrustDomain,
    /// Its bundle.
    pub bundle: BundleSource,
    /// Who serves the bundle, where that is a workload that proves who it is.
    pub endpoint: Option<BundleEndpoint>,
    /// Whether X.509-SVIDs are accepted.
    pub x509: bool,
    /// Whether JWT-SVIDs are accepted.
    pub jwt: bool,
    /// Whether WIT-SVIDs are accepted, each with its proof.
    pub wit: bool,
    /// The proof of possession that is demanded of tokens.
    pub proof: WorkloadProof,
    /// What this service is called in JWT-SVIDs.
    pub audience: Vec<String>,
    /// How far clocks may differ, in seconds.
    pub leeway: u64,
}

/// Where a bundle comes from.
#[derive(Debug, Clone)]
pub enum BundleSource {
    /// From the policy itself, as JSON text that was read once.
    Inline(String),
    /// From a URL, or from a file that the host reads (`file:`).
    Url(String),
}

pub(super) fn trust_domains(
    top: &Reader<'_>,
    origins: &[Origin],
    issuers: &[Issuer],
    backend: &Rc<dyn Backend>,
    errors: &mut Vec<PolicyError>,
) -> Vec<Trusted> {
    let mut read: Vec<Trusted> = Vec::new();
    let mut endpoints = Vec::new();
    let mut entries = top.objects("trust_domains");
    at_most(&mut entries, MAX_TRUST_DOMAINS, top.at("trust_domains"), "trust domains", errors);
    for entry in entries {
        let Some((trusted, endpoint)) = trust_domain(&entry, origins, backend, errors) else { continue };
        let name = trusted.name.as_str();
        if read.iter().any(|other| other.name == trusted.name) || issuers.iter().any(|issuer| issuer.name == name) {
            errors.push(taken(entry.at("name"), name));
        }
        read.push(trusted);
        endpoints.push(endpoint);
    }
    if errors.is_empty() {
        bundle_endpoint::resolve(&mut read, endpoints, errors);
    }
    read
}

fn trust_domain(
    entry: &Reader<'_>,
    origins: &[Origin],
    backend: &Rc<dyn Backend>,
    errors: &mut Vec<PolicyError>,
) -> Option<(Trusted, Option<bundle_endpoint::Written>)> {
    let name = entry.text("name").and_then(|name| match TrustDomain::parse(name) {
        Ok(name) => Some(name),
        Err(rejection) => {
            errors.push(PolicyError::new(
                PolicyCode::TrustDomainMalformed,
                entry.at("name"),
                format!("{}: {}", rejection.code(), rejection.detail()),
                "write the trust domain alone, without scheme and path: \"prod.example\"",
            ));
            None
        }
    });
    let bundle = match entry.value("bundle") {
        Some(Value::String(word)) if word == WORKLOAD_API => {
            name.as_ref().map(|name| BundleSource::Url(format!("{WORKLOAD_API}:{name}")))
        }
        Some(Value::String(url)) => self::url(url, entry.at("bundle"), errors).map(BundleSource::Url),
        Some(Value::Object(object)) => self::bundle(object, &entry.at("bundle"), backend, errors)
            .map(|_| BundleSource::Inline(portcullis_types::json::to_text(object))),
        _ => None,
    };
    let endpoint = bundle_endpoint::read(entry, name.as_ref(), backend, errors);
    let all = entry.value("svids").is_none();
    let (mut x509, mut jwt, mut wit) = (all, all, all);
    for (index, svid) in entry.texts("svids").unwrap_or_default() {
        match svid {
            "x509" => x509 = true,
            "jwt" => jwt = true,
            "wit" => wit = true,
            other => errors.push(PolicyError::new(
                PolicyCode::UnknownWord,
                entry.at("svids").item(index),
                format!("{} is no kind of SVID that is accepted here", excerpt(other)),
                "write one of \"x509\", \"jwt\", \"wit\"",
            )),
        }
    }
    let audience = entry.strings("audience").unwrap_or_else(|| origins.iter().map(ToString::to_string).collect());
    let trusted = Trusted {
        name: name?,
        bundle: bundle?,
        endpoint: None,
        x509,
        jwt,
        wit,
        proof: match entry.text("proof") {
            Some("wimse") => WorkloadProof::Wimse,
            Some("http-signature") => WorkloadProof::HttpSignature,
            Some("any") => WorkloadProof::Any,
            _ => WorkloadProof::AsBound,
        },
        audience,
        leeway: entry.duration("leeway").unwrap_or(DEFAULT_LEEWAY),
    };
    Some((trusted, endpoint))
}

/// A bundle that stands in the policy.
pub(super) fn bundle(
    object: &Object,
    path: &Path,
    backend: &Rc<dyn Backend>,
    errors: &mut Vec<PolicyError>,
) -> Option<Bundle> {
    let refused = |rejection: Rejection| {
        let detail = format!("{}: {}", rejection.code(), rejection.detail());
        errors.push(PolicyError::new(
            PolicyCode::KeysMalformed,
            path.clone(),
            detail,
            "write a SPIFFE bundle: { keys = [ … ] }",
        ));
    };
    Bundle::from_object(object, backend).map_err(refused).ok()
}
