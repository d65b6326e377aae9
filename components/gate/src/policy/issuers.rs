//! Issuers of tokens.

use alloc::{
    format,
    rc::Rc,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use portcullis_crypto::{Algorithm, Backend, KeySet};
use portcullis_oauth::key_binding::BindingPolicy;
use portcullis_scope::{limits::REGISTRY_LEEWAY, oci};
use portcullis_svid::Anchors;
use portcullis_token::jwt::{Expectations, Profile};
use portcullis_types::{json::Value, limits::excerpt};

use super::{
    PolicyError,
    code::PolicyCode,
    document::Path,
    introspection::{self, Introspection},
    limits::{MAX_ISSUERS, MAX_NAMES},
    reader::{Reader, at_most},
    shape::nearest,
    transaction_tokens,
};
use crate::origin::{Class, Origin, admit};

/// How far clocks may differ where a policy says nothing, in seconds (`docs/policy.md`).
pub(crate) const DEFAULT_LEEWAY: u64 = 30;

/// The algorithms that are accepted where a policy says nothing: every one but the MACs and secp256k1.
const DEFAULT_ALGORITHMS: &[Algorithm] = &[
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::Es512,
    Algorithm::Ed25519,
    Algorithm::EdDsa,
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
];

/// Where keys come from.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// From the policy itself.
    Inline(Rc<KeySet>),
    /// From a URL, or from a file that the host reads (`file:`).
    Url(String),
    /// From the issuer's metadata, at one of these URLs, the preferred one first (RFC 8414 section 3, OpenID Connect
    /// Discovery section 4).
    Discovery(Vec<String>),
    /// From the certificates that a token brings along (`x5c`), below these anchors. For status lists alone.
    Certified(Rc<Anchors>),
}

/// The proof of possession that an issuer's tokens need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// None but what a token itself is bound to.
    AsBound,
    /// DPoP.
    Dpop,
    /// The connection's client certificate.
    Certificate,
    /// One of them.
    Any,
}

/// Whether an issuer's tokens are looked up in status lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusMode {
    /// Every token has to name a list.
    Required,
    /// Those that name one are looked up.
    IfPresent,
    /// None.
    Off,
}

/// An issuer of tokens.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// What rules call it.
    pub name: String,
    /// `iss`.
    pub issuer: String,
    /// Its keys.
    pub keys: KeySource,
    /// The keys of its status lists, where they are not its own.
    pub status_keys: Option<KeySource>,
    /// What its tokens have to be.
    pub expect: Expectations,
    /// The proof its tokens need.
    pub proof: Proof,
    /// Whether its tokens are looked up.
    pub status: StatusMode,
    /// From where its lists may be fetched: its own origin and those listed.
    pub status_origins: Vec<Origin>,
    /// What is let be of keys that were not proved when a token was bound to them.
    pub key_binding: BindingPolicy,
    /// Whether its keys are symmetric, and so secret.
    pub symmetric: bool,
    /// Whether its tokens are for registries, and count there by what they grant.
    pub registry: bool,
    /// Where to ask about its opaque tokens.
    pub introspection: Option<Introspection>,
}

/// Whether a text may name an issuer.
fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.');
    !text.is_empty() && text.len() <= 255 && text.bytes().all(plain)
}

pub(super) fn issuers(
    top: &Reader<'_>,
    origins: &[Origin],
    backend: &Rc<dyn Backend>,
    errors: &mut Vec<PolicyError>,
) -> Vec<Issuer> {
    let services = top.object("registry").and_then(|registry| registry.strings("services")).unwrap_or_default();
    let around = Around { origins, services };
    let mut read: Vec<Issuer> = Vec::new();
    let mut entries = top.objects("issuers");
    at_most(&mut entries, MAX_ISSUERS, top.at("issuers"), "issuers", errors);
    for entry in entries {
        let Some(issuer) = issuer(&entry, &around, backend, errors) else { continue };
        if !is_name(&issuer.name) {
            errors.push(PolicyError::new(
                PolicyCode::NameMalformed,
                entry.at("name"),
                format!("{} is no name", excerpt(&issuer.name)),
                "use lower-case letters, digits, \"-\", \"_\" and \".\"",
            ));
        }
        if issuer.registry && top.value("registry").is_none() {
            errors.push(PolicyError::new(
                PolicyCode::RegistryIssuer,
                entry.at("profile"),
                "tokens for registries count at a registry alone, and there is none",
                "add [registry] with its services",
            ));
        }
        if let Some(other) = read.iter().find(|other| other.name == issuer.name) {
            errors.push(taken(entry.at("name"), &other.name));
        }
        if let Some(other) = read.iter().find(|other| other.issuer == issuer.issuer) {
            errors.push(PolicyError::new(
                PolicyCode::IssuerTaken,
                entry.at("issuer"),
                format!("{} has this issuer already, so a token of it could be of either", excerpt(&other.name)),
                "make one entry of the two",
            ));
        }
        read.push(issuer);
    }
    read
}

pub(super) fn taken(path: Path, name: &str) -> PolicyError {
    PolicyError::new(
        PolicyCode::NameTaken,
        path,
        format!("{} is the name of another issuer or trust domain", excerpt(name)),
        "give each a name of its own",
    )
}

/// What issuers are for, where they do not say it themselves.
struct Around<'a> {
    origins: &'a [Origin],
    /// Names of registries.
    services: Vec<String>,
}

fn issuer(
    entry: &Reader<'_>,
    around: &Around<'_>,
    backend: &Rc<dyn Backend>,
    errors: &mut Vec<PolicyError>,
) -> Option<Issuer> {
    let issuer = entry.text("issuer");
    let algorithms = algorithms(entry, errors);
    let own_origin = issuer.and_then(Origin::of_url).filter(|origin| origin.scheme() == "https");
    let keys = match entry.value("keys") {
        Some(value) => source(value, entry.at("keys"), backend, errors),
        None => issuer.and_then(|issuer| discovery(issuer, entry, errors)),
    };
    let status_keys = entry.value("status_keys").map(|value| status_source(value, entry, backend, errors));
    let symmetric = shared(&algorithms, keys.as_ref(), entry, errors);
    let registry = entry.text("profile") == Some("registry");
    let profile = if registry || entry.text("profile") == Some("jwt") { Profile::Jwt } else { Profile::AtJwt };
    if let (true, Some(typ)) = (profile == Profile::AtJwt || registry, entry.text("typ")) {
        errors.push(PolicyError::new(
            PolicyCode::RequirementMalformed,
            entry.at("typ"),
            format!("tokens of this profile have a typ of their own, which is not {}", excerpt(typ)),
            "remove it, or write profile = \"jwt\"",
        ));
    }
    let mut required_claims = entry.strings("required_claims").unwrap_or_default();
    if profile == Profile::Jwt && !required_claims.iter().any(|name| name == "exp") {
        // A token without an end is none that a gate can remember or revoke in time.
        required_claims.insert(0, "exp".into());
    }
    let mut status_origins: Vec<Origin> = own_origin.into_iter().collect();
    status_origins.extend(origins(entry, "status_origins", true, errors));
    let expect = Expectations {
        profile,
        typ: if registry { oci::token::expectations().typ } else { entry.text("typ").map(Into::into) },
        issuer: issuer.map(Into::into),
        audience: Some(match entry.strings("audience") {
            Some(audience) => audience,
            // A token for another registry is none for this one, whoever both are known to.
            None if registry => around.services.first().cloned().into_iter().collect(),
            None => around.origins.iter().map(ToString::to_string).collect(),
        }),
        algorithms: Some(algorithms),
        leeway: entry.duration("leeway").unwrap_or(if registry { REGISTRY_LEEWAY } else { DEFAULT_LEEWAY }),
        max_age: entry.duration("max_age"),
        required_claims,
    };
    let introspection = introspection::introspection(entry, &expect, errors);
    Some(Issuer {
        name: entry.text("name")?.into(),
        issuer: issuer?.into(),
        keys: keys?,
        status_keys: match status_keys {
            None => None,
            Some(source) => Some(source?),
        },
        expect,
        proof: match entry.text("proof") {
            Some("dpop") => Proof::Dpop,
            Some("certificate") => Proof::Certificate,
            Some("any") => Proof::Any,
            _ => Proof::AsBound,
        },
        status: match entry.text("status") {
            Some("required") => StatusMode::Required,
            Some("off") => StatusMode::Off,
            _ => StatusMode::IfPresent,
        },
        status_origins,
        key_binding: transaction_tokens::key_binding(entry, errors),
        symmetric,
        registry,
        introspection,
    })
}

pub(crate) fn is_symmetric(set: &KeySet) -> bool {
    set.entries().iter().any(|entry| entry.key.as_ref().is_ok_and(portcullis_crypto::Key::is_symmetric))
}

/// Whether keys are symmetric; MACs are accepted of no others, and of these in the policy alone.
pub(super) fn shared(
    algorithms: &[Algorithm],
    keys: Option<&KeySource>,
    entry: &Reader<'_>,
    errors: &mut Vec<PolicyError>,
) -> bool {
    let symmetric = matches!(keys, Some(KeySource::Inline(set)) if is_symmetric(set));
    if let Some(index) = algorithms.iter().position(|algorithm| algorithm.is_mac())
        && keys.is_some()
        && !symmetric
    {
        errors.push(PolicyError::new(
            PolicyCode::AlgorithmShared,
            entry.at("algorithms").item(index),
            "a MAC is made with the key that verifies it, and these keys are not symmetric ones in the policy",
            "remove the HS algorithms, or write the symmetric key inline",
        ));
    }
    symmetric
}

pub(super) fn algorithms(entry: &Reader<'_>, errors: &mut Vec<PolicyError>) -> Vec<Algorithm> {
    let Some(names) = entry.texts("algorithms") else { return DEFAULT_ALGORITHMS.to_vec() };
    let mut read = Vec::new();
    for (index, name) in names {
        match Algorithm::from_name(name) {
            Some(algorithm) => read.push(algorithm),
            None => errors.push(PolicyError::new(
                PolicyCode::AlgorithmUnknown,
                entry.at("algorithms").item(index),
                format!("{} is no signature algorithm that is known here", excerpt(name)),
                match nearest(name, Algorithm::ALL.iter().map(|algorithm| algorithm.name())) {
                    Some(known) => format!("did you mean \"{known}\"?"),
                    None => "write JOSE names of signature algorithms, for example \"ES256\"".into(),
                },
            )),
        }
    }
    read
}

/// Origins of a list, each in its one form.
pub(super) fn origins(entry: &Reader<'_>, name: &str, https: bool, errors: &mut Vec<PolicyError>) -> Vec<Origin> {
    let mut read: Vec<Origin> = Vec::new();
    let mut texts = entry.texts(name).unwrap_or_default();
    at_most(&mut texts, MAX_NAMES, entry.at(name), "origins", errors);
    for (index, text) in texts {
        let path = entry.at(name).item(index);
        match Origin::parse(text).filter(|origin| !https || origin.scheme() == "https") {
            Some(origin) if read.contains(&origin) => errors.push(repeated(path, text)),
            Some(origin) => read.push(origin),
            None => errors.push(PolicyError::new(
                PolicyCode::OriginMalformed,
                path,
                format!("{} is no origin", excerpt(text)),
                match Origin::of_url(text).filter(|origin| !https || origin.scheme() == "https") {
                    Some(origin) => format!("write \"{origin}\""),
                    None if https => {
                        "write https, a host and a port if it is not 443: \"https://status.example\"".into()
                    }
                    None => {
                        "write scheme, host and a port if it is not the default: \"https://api.example\"".to_string()
                    }
                },
            )),
        }
    }
    read
}

pub(super) fn repeated(path: Path, text: &str) -> PolicyError {
    PolicyError::new(PolicyCode::Repeated, path, format!("{} is listed twice", excerpt(text)), "remove one of the two")
}

pub(super) fn source(
    value: &Value,
    path: Path,
    backend: &Rc<dyn Backend>,
    errors: &mut Vec<PolicyError>,
) -> Option<KeySource> {
    match value {
        Value::String(url) => self::url(url, path, errors).map(KeySource::Url),
        Value::Object(jwks) => match KeySet::from_object(jwks, backend) {
            Ok(set) => {
                // A key that a provider publishes may be unusable; one that the operator wrote is a mistake.
                for (index, entry) in set.entries().iter().enumerate() {
                    if let Err(rejection) = &entry.key {
                        errors.push(PolicyError::new(
                            PolicyCode::KeysMalformed,
                            path.member("keys").item(index),
                            format!("the key cannot be used: {}: {}", rejection.code(), rejection.detail()),
                            "mend it or remove it",
                        ));
                    }
                }
                Some(KeySource::Inline(Rc::new(set)))
            }
            Err(rejection) => {
                let detail = format!("{}: {}", rejection.code(), rejection.detail());
                errors.push(PolicyError::new(
                    PolicyCode::KeysMalformed,
                    path,
                    detail,
                    "write a JWK Set: { keys = [ … ] }",
                ));
                None
            }
        },
        _ => None,
    }
}

/// Where the keys of status lists come from, where they are not the issuer's own.
fn status_source(
    value: &Value,
    entry: &Reader<'_>,
    backend: &Rc<dyn Backend>,
    errors: &mut Vec<PolicyError>,
) -> Option<KeySource> {
    let path = entry.at("status_keys");
    let Some(inner) = entry.object("status_keys") else { return source(value, path, backend, errors) };
    let mut malformed = |path: Path, detail: String, remedy: &str| {
        errors.push(PolicyError::new(PolicyCode::KeysMalformed, path, detail, remedy));
        None
    };
    match (inner.value("keys"), inner.text("anchors"), inner.text("purpose")) {
        (Some(_), None, None) => source(value, path, backend, errors),
        (None, Some(anchors), Some(purpose)) => match Anchors::from_pem(anchors, purpose, backend) {
            Ok(anchors) => Some(KeySource::Certified(Rc::new(anchors))),
            Err(rejection) => {
                let detail = format!("{}: {}", rejection.code(), rejection.detail());
                malformed(path, detail, "write certificates in PEM, and a purpose like \"1.3.6.1.5.5.7.3.30\"")
            }
        },
        (None, Some(_), None) => malformed(
            path,
            "it does not say for which purpose the certificates have to be".into(),
            "add purpose, an extended key usage in numbers",
        ),
        _ => malformed(
            path,
            "it is neither keys alone nor anchors with their purpose".into(),
            "write { keys = [ … ] }, or { anchors = \"…\", purpose = \"…\" }",
        ),
    }
}

/// What stands for a bundle that the host has from the SPIFFE Workload API. The document's URL is this, a colon and the trust
/// domain.
pub(super) const WORKLOAD_API: &str = "workload-api";

/// A URL that the operator names: https, http on loopback, or `file:` and a path.
pub(super) fn url(url: &str, path: Path, errors: &mut Vec<PolicyError>) -> Option<String> {
    let fault = match url.strip_prefix("file:") {
        Some("") => Some(String::from("no path follows file:")),
        Some(_) => None,
        None => admit(url, Class::Policy, &[]).err().map(|rejection| {
            // A text in place of a URL may be a key, and a user name comes with a password: neither is told.
            match rejection.detail().strip_prefix(excerpt(url).as_str()) {
                _ if !url.contains("://") => "it is no URL".into(),
                Some(why) if url.contains('@') => format!("the URL{why}"),
                _ => rejection.detail().into(),
            }
        }),
    };
    match fault {
        None => Some(url.into()),
        Some(detail) => {
            let remedy = if url.starts_with(['/', '.']) {
                "write \"file:\" before a path"
            } else {
                "write an https URL, \"file:\" and a path, or the keys themselves"
            };
            errors.push(PolicyError::new(PolicyCode::UrlMalformed, path, detail, remedy));
            None
        }
    }
}

/// Where an issuer's metadata is (RFC 8414 section 3.1; OpenID Connect Discovery section 4.1).
fn discovery(issuer: &str, entry: &Reader<'_>, errors: &mut Vec<PolicyError>) -> Option<KeySource> {
    let origin = admit(issuer, Class::Policy, &[]).ok().filter(|_| !issuer.contains('?'));
    let Some(origin) = origin else {
        errors.push(PolicyError::new(
            PolicyCode::IssuerUndiscoverable,
            entry.at("issuer"),
            format!("{} is no https URL without query, so it has no metadata", excerpt(issuer)),
            "say where its keys are: keys = \"https://…\"",
        ));
        return None;
    };
    // An issuer is compared as it is written; its metadata is where its host is, whatever the case of that.
    let start = issuer.find("://").map_or(0, |at| at + 3);
    let path = issuer.get(start..).and_then(|rest| rest.find('/').and_then(|at| rest.get(at..))).unwrap_or_default();
    let path = path.strip_suffix('/').unwrap_or(path);
    Some(KeySource::Discovery(vec![
        format!("{origin}/.well-known/oauth-authorization-server{path}"),
        format!("{origin}{path}/.well-known/openid-configuration"),
    ]))
}
