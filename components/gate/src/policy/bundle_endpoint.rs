//! How the server of a bundle endpoint is authenticated (SPIFFE Federation section 5.2): by the certificate authorities of the
//! system, or as a workload.

use alloc::{format, rc::Rc, string::String, vec::Vec};

use portcullis_crypto::Backend;
use portcullis_svid::{SpiffeId, TrustDomain};
use portcullis_types::{
    json::{self, Value},
    limits::excerpt,
};

use super::{
    Policy, PolicyError,
    code::PolicyCode,
    document::Path,
    issuers::url,
    reader::Reader,
    trust_domains::{BundleSource, Trusted, bundle},
};

/// The value of `bundle_profile` that says so.
pub(super) const HTTPS_SPIFFE: &str = "https_spiffe";

/// A bundle endpoint whose server proves with an X.509-SVID who it is (`https_spiffe`, SPIFFE Federation section 5.2.2).
#[derive(Debug, Clone)]
pub struct BundleEndpoint {
    /// Who the server has to be.
    pub spiffe_id: SpiffeId,
    /// The trust domain of that ID, by its place in the policy: its own bundle authenticates the server.
    pub authority: usize,
    /// The bundle that authenticates the server until the first one was fetched from it. There is one exactly where the
    /// endpoint serves the bundle of its own trust domain.
    pub initial: Option<BundleSource>,
}

/// What a trust domain's entry says of its endpoint, the other entries not looked at yet.
pub(super) struct Written {
    spiffe_id: SpiffeId,
    initial: Option<BundleSource>,
    /// Where the entry stands.
    at: Path,
}

/// Reads what stands in one entry. Nothing where the endpoint is not authenticated as a workload.
pub(super) fn read(
    entry: &Reader<'_>,
    name: Option<&TrustDomain>,
    backend: &Rc<dyn Backend>,
    errors: &mut Vec<PolicyError>,
) -> Option<Written> {
    let mut wrong = |code: PolicyCode, member: &str, detail: String, remedy: String| {
        errors.push(PolicyError::new(code, entry.at(member), detail, remedy));
    };
    let by_spiffe = entry.text("bundle_profile") == Some(HTTPS_SPIFFE);
    // Sections 5.2.1.1 and 5.2.2.1: an https URL. Whether it is well-formed, and without a user name, is for `bundle`.
    let over_https = entry.text("bundle").is_some_and(|bundle| bundle.starts_with("https://"));
    if entry.value("bundle_profile").is_some() && entry.value("bundle").is_some() && !over_https {
        wrong(
            PolicyCode::BundleProfile,
            "bundle_profile",
            "a profile says how a server is authenticated, and this bundle is not fetched by https".into(),
            "remove it, or name an https URL as the bundle".into(),
        );
    }
    if !by_spiffe {
        for member in ["endpoint_spiffe_id", "bundle_initial"] {
            if entry.value(member).is_some() {
                wrong(
                    PolicyCode::BundleProfile,
                    member,
                    "it is for servers that are authenticated as workloads, and this one is not".into(),
                    format!("add bundle_profile = \"{HTTPS_SPIFFE}\", or remove it"),
                );
            }
        }
        return None;
    }
    // Section 5.2.2.2: who the server is.
    let spiffe_id = match entry.text("endpoint_spiffe_id") {
        // What is no text was told already.
        None if entry.value("endpoint_spiffe_id").is_some() => None,
        None => {
            let example = name.map_or("prod.example", TrustDomain::as_str);
            wrong(
                PolicyCode::BundleProfile,
                "bundle_profile",
                "it is not said which workload the server has to be".into(),
                format!("add endpoint_spiffe_id, for example \"spiffe://{example}/bundle-server\""),
            );
            None
        }
        // X509-SVID section 5.2: the ID of a certificate that authenticates has a path.
        Some(text) => match SpiffeId::parse(text) {
            Ok(id) if !id.path().is_empty() => Some(id),
            Ok(id) => {
                let detail = format!("{id} is a trust domain, and no workload of it");
                let remedy = format!("write the server's ID with its path: \"{id}/bundle-server\"");
                wrong(PolicyCode::BundleEndpointId, "endpoint_spiffe_id", detail, remedy);
                None
            }
            Err(rejection) => {
                let detail = format!("{}: {}", rejection.code(), rejection.detail());
                let remedy = "write the server's SPIFFE ID: \"spiffe://prod.example/bundle-server\"".into();
                wrong(PolicyCode::BundleEndpointId, "endpoint_spiffe_id", detail, remedy);
                None
            }
        },
    };
    let initial = initial(entry, spiffe_id.as_ref().zip(name), backend, errors);
    Some(Written { spiffe_id: spiffe_id?, initial: initial?, at: entry.path.clone() })
}

/// The bundle for the first connection (section 5.2.2.2): needed where the endpoint serves the bundle of its own trust domain,
/// and of no use where it does not.
fn initial(
    entry: &Reader<'_>,
    who: Option<(&SpiffeId, &TrustDomain)>,
    backend: &Rc<dyn Backend>,
    errors: &mut Vec<PolicyError>,
) -> Option<Option<BundleSource>> {
    let path = entry.at("bundle_initial");
    let mut wrong = |path: Path, detail: String, remedy: &str| {
        errors.push(PolicyError::new(PolicyCode::BundleInitial, path, detail, remedy));
        None
    };
    let (id, name) = who?;
    let own = id.trust_domain() == name;
    match entry.value("bundle_initial") {
        None if own => wrong(
            entry.at("bundle_profile"),
            format!("the server is of {name} itself, and nothing is there to authenticate it by at first"),
            "add bundle_initial: \"file:\" and a path, or the bundle itself",
        ),
        None => Some(None),
        Some(_) if !own => wrong(
            path,
            format!("the server is of {}, whose own bundle authenticates it", id.trust_domain()),
            "remove it",
        ),
        Some(Value::String(text)) if text.starts_with("file:") => {
            url(text, path, errors).map(BundleSource::Url).map(Some)
        }
        Some(Value::Object(object)) => match bundle(object, &path, backend, errors) {
            Some(bundle) if bundle.last_authority_expires().is_none() => {
                let detail = "it has no certificate for X.509-SVIDs, so it authenticates no server";
                let remedy = "write the whole bundle, with its keys whose use is \"x509-svid\"";
                errors.push(PolicyError::new(PolicyCode::BundleInitial, path, detail, remedy));
                None
            }
            read => read.map(|_| Some(BundleSource::Inline(json::to_text(object)))),
        },
        Some(_) => wrong(
            path,
            "it is neither a file nor a bundle".into(),
            "write \"file:\" and a path, or the bundle itself: { keys = [ … ] }",
        ),
    }
}

/// Finds the trust domains that the endpoints are of, and puts both together.
pub(super) fn resolve(read: &mut [Trusted], written: Vec<Option<Written>>, errors: &mut Vec<PolicyError>) {
    let mut places = Vec::new();
    for (number, one) in written.into_iter().enumerate() {
        let Some(Written { spiffe_id, initial, at }) = one else { continue };
        let domain = spiffe_id.trust_domain();
        // Section 5.2.2.2: where the endpoint is another trust domain's, that one has to be configured, too.
        let Some(authority) = read.iter().position(|trusted| trusted.name == *domain) else {
            errors.push(PolicyError::new(
                PolicyCode::BundleEndpointId,
                at.member("endpoint_spiffe_id"),
                format!("{domain} is no trust domain of this policy, so nothing authenticates its server"),
                format!("add [[trust_domains]] with name = {} and its bundle", excerpt(domain.as_str())),
            ));
            continue;
        };
        if let Some(trusted) = read.get_mut(number) {
            trusted.endpoint = Some(BundleEndpoint { spiffe_id, authority, initial });
            places.push((number, at));
        }
    }
    for (number, at) in places {
        if !has_an_end(read, number) {
            errors.push(PolicyError::new(
                PolicyCode::BundleCircle,
                at.member("endpoint_spiffe_id"),
                "the servers of these bundles authenticate each other in a circle, so none can be the first",
                "let one of them be https_web, or of its own trust domain with a bundle_initial",
            ));
        }
    }
}

/// Whether a chain of endpoints ends (section 7.6): at a bundle that is had in another way, or at an endpoint of its own
/// trust domain.
fn has_an_end(read: &[Trusted], mut number: usize) -> bool {
    // Who is not there after as many steps as there are trust domains goes round.
    for _ in 0..read.len() {
        match read.get(number).and_then(|trusted| trusted.endpoint.as_ref()) {
            None => return true,
            Some(endpoint) if endpoint.authority == number => return true,
            Some(endpoint) => number = endpoint.authority,
        }
    }
    false
}

impl Trusted {
    /// Whether its bundle is served by a workload of the trust domain of this number.
    pub(crate) fn is_served_by(&self, number: usize) -> bool {
        self.endpoint.as_ref().is_some_and(|endpoint| endpoint.authority == number)
    }
}

impl Policy {
    /// Where it asks for servers that are authenticated as workloads, which not every host can do.
    pub(super) fn endpoints(&self) -> impl Iterator<Item = Path> {
        let asking = self.trust_domains.iter().enumerate().filter(|(_, trusted)| trusted.endpoint.is_some());
        asking.map(|(number, _)| Path::default().member("trust_domains").item(number).member("bundle_profile"))
    }
}
