//! What stands around the rules: challenges, header fields for the upstream, CORS, limits.

use alloc::{format, string::String, vec::Vec};

use portcullis_scope::{AuthorizationForm, Realm, ResourceMetadata};
use portcullis_types::{Rejection, limits::excerpt};

use super::{
    PolicyError,
    code::PolicyCode,
    issuers::repeated,
    limits::MAX_NAMES,
    reader::{Reader, at_most},
    rules::is_token,
};
use crate::origin::Origin;

/// What challenges say.
#[derive(Debug, Clone, Default)]
pub struct Challenges {
    /// The realm.
    pub realm: Option<Realm>,
    /// Where the resource's metadata is.
    pub resource_metadata: Option<Metadata>,
    /// How a shortfall of authorization details is told.
    pub authorization_form: AuthorizationForm,
    /// Whether tokens for authorization details are used once.
    pub single_use: bool,
}

/// Where a resource's metadata is.
#[derive(Debug, Clone)]
pub enum Metadata {
    /// At the well-known place of the request's origin.
    OfOrigin,
    /// Here.
    At(ResourceMetadata),
}

pub(super) fn challenges(top: &Reader<'_>, errors: &mut Vec<PolicyError>) -> Challenges {
    let Some(entry) = top.object("challenge") else { return Challenges::default() };
    let mut malformed = |name: &str, rejection: Rejection, remedy: &str| {
        let detail = format!("{}: {}", rejection.code(), rejection.detail());
        errors.push(PolicyError::new(PolicyCode::ChallengeMalformed, entry.at(name), detail, remedy));
    };
    let mut challenges = Challenges { single_use: entry.flag("single_use") == Some(true), ..Challenges::default() };
    if let Some(realm) = entry.text("realm") {
        match Realm::parse(realm) {
            Ok(realm) => challenges.realm = Some(realm),
            Err(rejection) => malformed("realm", rejection, "write printable ASCII, at most 2 KiB"),
        }
    }
    if let Some(url) = entry.text("resource_metadata") {
        match ResourceMetadata::at(url) {
            Ok(metadata) => challenges.resource_metadata = Some(Metadata::At(metadata)),
            Err(rejection) => malformed("resource_metadata", rejection, "write an https URL, or true"),
        }
    } else if entry.flag("resource_metadata") == Some(true) {
        challenges.resource_metadata = Some(Metadata::OfOrigin);
    }
    if entry.text("authorization_form") == Some("step-up") {
        challenges.authorization_form = AuthorizationForm::StepUp;
    }
    challenges
}

/// What the upstream is told.
#[derive(Debug, Clone, Default)]
pub struct Upstream {
    /// Names, as they are sent, and what they are set to.
    pub set: Vec<(String, HeaderSource)>,
    /// Folded names that never pass: those that are set among them.
    pub strip: Vec<String>,
    /// Names as the policy writes them, for hosts that remove by name.
    pub strip_names: Vec<String>,
}

impl Upstream {
    /// With further names that never pass but as the gate sets them.
    #[cfg(feature = "ocm")]
    pub(super) fn with(mut self, names: [&str; 2]) -> Self {
        for name in names.into_iter().filter(|name| !self.strip.contains(&folded(name))).collect::<Vec<_>>() {
            self.strip.push(folded(name));
            self.strip_names.push(name.into());
        }
        self
    }

    /// Whether a name, or one that servers take for the same, stands here already, which is an error.
    fn refuse_twice(&self, name: &str, path: super::Path, errors: &mut Vec<PolicyError>) -> bool {
        let Some(other) = self.strip_names.iter().find(|other| folded(other) == folded(name)) else { return false };
        errors.push(if other == name {
            repeated(path, name)
        } else {
            let detail = format!("{} and {} are one name to many servers", excerpt(name), excerpt(other));
            PolicyError::new(PolicyCode::Repeated, path, detail, "remove one of the two")
        });
        true
    }
}

/// What a header is set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderSource {
    /// The principal's subject.
    Subject,
    /// Its client.
    Client,
    /// The issuer's identifier, or the trust domain.
    Issuer,
    /// The granted scope.
    Scope,
    /// The SPIFFE ID.
    SpiffeId,
    /// How the token is bound: `proved`, `deferred` or `none`.
    Binding,
    /// The transaction's `txn`.
    Transaction,
    /// The transaction's `sub`.
    TransactionSubject,
    /// A claim.
    Claim(String),
}

/// A header's name as proxies and upstreams may compare it: without case, `_` for `-` (CGI, WSGI and many others make no
/// difference between the two).
pub(crate) fn folded(name: &str) -> String {
    name.bytes().map(|byte| if byte == b'_' { '-' } else { char::from(byte.to_ascii_lowercase()) }).collect()
}

/// Names that a gate may neither set nor strip: they belong to the connection or frame the message.
const RESERVED: &[&str] = &[
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "te",
    "trailer",
    "upgrade",
    "keep-alive",
    "proxy-connection",
];

pub(super) fn upstream(top: &Reader<'_>, errors: &mut Vec<PolicyError>) -> Upstream {
    let mut upstream = Upstream::default();
    let Some(entry) = top.object("upstream") else { return upstream };
    for (name, source) in entry.text_map("set") {
        let path = entry.at("set").member(name);
        let read = match source {
            "subject" => Some(HeaderSource::Subject),
            "client" => Some(HeaderSource::Client),
            "issuer" => Some(HeaderSource::Issuer),
            "scope" => Some(HeaderSource::Scope),
            "spiffe_id" => Some(HeaderSource::SpiffeId),
            "binding" => Some(HeaderSource::Binding),
            "transaction" => Some(HeaderSource::Transaction),
            "transaction_subject" => Some(HeaderSource::TransactionSubject),
            other => other
                .strip_prefix("claim:")
                .filter(|name| !name.is_empty())
                .map(|name| HeaderSource::Claim(name.into())),
        };
        match read {
            Some(read) if header_name(name, &path, errors) => {
                upstream.refuse_twice(name, path, errors);
                upstream.strip.push(folded(name));
                upstream.strip_names.push(name.into());
                upstream.set.push((name.into(), read));
            }
            Some(_) => {}
            None => errors.push(PolicyError::new(
                PolicyCode::HeaderSource,
                path,
                format!("{} is nothing that a header can be set to", excerpt(source)),
                "write \"subject\", \"client\", \"issuer\", \"scope\", \"spiffe_id\", \"binding\", \"transaction\", \"transaction_subject\" or \"claim:\" \
                 and a claim's name",
            )),
        }
    }
    let mut strip = entry.texts("strip").unwrap_or_default();
    at_most(&mut strip, MAX_NAMES, entry.at("strip"), "names", errors);
    for (index, name) in strip {
        let path = entry.at("strip").item(index);
        if !header_name(name, &path, errors) {
            continue;
        }
        if upstream.refuse_twice(name, path, errors) {
            continue;
        }
        upstream.strip.push(folded(name));
        upstream.strip_names.push(name.into());
    }
    if entry.flag("keep_authorization") == Some(false) {
        for name in ["Authorization", "DPoP"] {
            if !upstream.strip.contains(&folded(name)) {
                upstream.strip.push(folded(name));
                upstream.strip_names.push(name.into());
            }
        }
    }
    upstream
}

fn header_name(name: &str, path: &super::Path, errors: &mut Vec<PolicyError>) -> bool {
    let fault = if !is_token(name) {
        "is no header name"
    } else if RESERVED.contains(&folded(name).as_str()) {
        "frames the message or belongs to the connection"
    } else {
        return true;
    };
    errors.push(PolicyError::new(
        PolicyCode::HeaderMalformed,
        path.clone(),
        format!("{} {fault}", excerpt(name)),
        "choose a name of your own, for example \"X-User\"",
    ));
    false
}

/// Pages that may call.
#[derive(Debug, Clone)]
pub struct Cors {
    /// Their origins.
    pub origins: Vec<Origin>,
    /// Methods they may use.
    pub methods: Vec<String>,
    /// Request headers they may set.
    pub headers: Vec<String>,
    /// Whether they may send cookies and client certificates.
    pub credentials: bool,
    /// Seconds that a preflight's answer may be kept.
    pub max_age: u64,
}

pub(super) fn cors(top: &Reader<'_>, errors: &mut Vec<PolicyError>) -> Option<Cors> {
    let entry = top.object("cors")?;
    let before = errors.len();
    let mut origins = Vec::new();
    let mut texts = entry.texts("origins").unwrap_or_default();
    at_most(&mut texts, MAX_NAMES, entry.at("origins"), "origins", errors);
    for (index, text) in texts {
        match Origin::parse(text) {
            Some(origin) if origins.contains(&origin) => errors.push(repeated(entry.at("origins").item(index), text)),
            Some(origin) => origins.push(origin),
            None => errors.push(PolicyError::new(
                PolicyCode::CorsOrigin,
                entry.at("origins").item(index),
                if text == "*" {
                    "every page of the world could call".into()
                } else {
                    format!("{} is no origin", excerpt(text))
                },
                match Origin::of_url(text) {
                    Some(origin) => format!("write \"{origin}\""),
                    None => "list the pages' origins: \"https://app.example\"".into(),
                },
            )),
        }
    }
    let list = |name: &str, default: &[&str]| {
        entry.strings(name).unwrap_or_else(|| default.iter().map(|name| (*name).into()).collect())
    };
    let methods = list("methods", &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]);
    let headers = list("headers", &["Authorization", "DPoP", "Content-Type"]);
    for (name, values, code) in
        [("methods", &methods, PolicyCode::MethodMalformed), ("headers", &headers, PolicyCode::HeaderMalformed)]
    {
        for (index, value) in values.iter().enumerate().filter(|(_, value)| !is_token(value) || *value == "*") {
            let detail = format!("{} is no token of HTTP", excerpt(value));
            errors.push(PolicyError::new(
                code,
                entry.at(name).item(index),
                detail,
                "list the names, each as it is sent",
            ));
        }
    }
    (errors.len() == before).then(|| Cors {
        origins,
        methods,
        headers,
        credentials: entry.flag("credentials") == Some(true),
        max_age: entry.duration("max_age").unwrap_or(600),
    })
}

/// Bounds of a deployment.
#[derive(Debug, Clone)]
pub struct Limits {
    /// What an instance may hold, in bytes.
    pub memory: usize,
    /// The longest key set, bundle or metadata, in bytes.
    pub document: usize,
    /// The longest status list token, in bytes.
    pub status_list: usize,
    /// The most a status list may inflate to, in bytes.
    pub status_list_inflated: usize,
    /// Status lists an issuer.
    pub status_lists: usize,
    /// Verified tokens that are remembered.
    pub remembered_tokens: usize,
    /// Seconds that keys may be used after they were fetched.
    pub keys_max_stale: u64,
    /// Seconds that bundles may be used after they were fetched.
    pub bundles_max_stale: u64,
    /// Seconds after which keys and metadata are fetched again.
    pub keys_refresh: u64,
    /// Requests that wait for documents at once: for hosts.
    pub parked: usize,
    /// Fetches in flight at once: for hosts.
    pub fetches: usize,
}

impl Default for Limits {
    /// `docs/limits.md` has the reasons.
    fn default() -> Self {
        Self {
            memory: 256 * 1024 * 1024,
            document: portcullis_types::limits::MAX_DOCUMENT,
            status_list: portcullis_status::MAX_LIST_TOKEN,
            status_list_inflated: portcullis_status::MAX_INFLATED,
            status_lists: 64,
            remembered_tokens: 16 * 1024,
            keys_max_stale: 24 * 60 * 60,
            bundles_max_stale: 60 * 60,
            keys_refresh: 10 * 60,
            parked: 1024,
            fetches: 8,
        }
    }
}

pub(super) fn limits(top: &Reader<'_>) -> Limits {
    let default = Limits::default();
    let Some(entry) = top.object("limits") else { return default };
    Limits {
        memory: entry.size("memory").unwrap_or(default.memory),
        document: entry.size("document").unwrap_or(default.document),
        status_list: entry.size("status_list").unwrap_or(default.status_list),
        status_list_inflated: entry.size("status_list_inflated").unwrap_or(default.status_list_inflated),
        status_lists: entry.count("status_lists").unwrap_or(default.status_lists),
        remembered_tokens: entry.count("remembered_tokens").unwrap_or(default.remembered_tokens),
        keys_max_stale: entry.duration("keys_max_stale").unwrap_or(default.keys_max_stale),
        bundles_max_stale: entry.duration("bundles_max_stale").unwrap_or(default.bundles_max_stale),
        keys_refresh: entry.duration("keys_refresh").unwrap_or(default.keys_refresh),
        parked: entry.count("parked").unwrap_or(default.parked),
        fetches: entry.count("fetches").unwrap_or(default.fetches),
    }
}
