//! `[ocm]`: the sharing server that stands behind, and whom it speaks with (`docs/ocm.md`).

use alloc::{format, rc::Rc, string::String, vec::Vec};

use portcullis_ocm::{Contacts, DISCOVERY_PATH, Discovery, Host, Receiver, Trust, endpoint::Front, signed};
use portcullis_types::{
    Rejection,
    json::{Object, Value},
    limits::excerpt,
    trace::{Silent, Trace},
};

use super::{
    Listener, Path, PolicyError,
    code::PolicyCode,
    issuers::{self, repeated},
    limits::MAX_NAMES,
    reader::{Reader, at_most},
};
use crate::{code::GateCode, origin::Origin};

/// A discovery document that was judged.
#[derive(Debug)]
pub struct Described {
    /// What it says.
    pub discovery: Discovery,
    /// As it is written.
    pub document: Object,
}

/// Where the server's own discovery document comes from.
#[derive(Debug, Clone)]
pub enum OwnDiscovery {
    /// From the policy itself.
    Inline(Rc<Described>),
    /// From a URL, or from a file that the host reads (`file:`).
    Url(String),
}

/// The sharing server that stands behind.
#[derive(Debug, Clone)]
pub struct OcmPolicy {
    /// Its name, as addresses have it.
    pub host: Host,
    /// The number of its origin.
    pub origin: usize,
    /// Its own discovery document.
    pub discovery: OwnDiscovery,
    /// Servers that are not spoken with.
    pub denied: Vec<Host>,
    /// The only ones that are.
    pub allowed: Option<Vec<Host>>,
    /// Origins of other servers with a port or a short name.
    pub listed: Vec<Origin>,
    /// The time that signatures are granted.
    pub times: signed::Times,
}

impl OcmPolicy {
    /// Whom the server trusts. Address books are its own.
    pub(crate) fn trust(&self) -> Trust<'_> {
        Trust { denied: &self.denied, allowed: self.allowed.as_deref(), contacts: Contacts::Elsewhere }
    }

    /// The server as who stands before it sees it.
    pub(crate) fn front<'f>(&'f self, discovery: &'f Discovery) -> Front<'f> {
        let receiver = Receiver { host: &self.host, discovery, trust: self.trust() };
        Front { receiver, listed: &self.listed, times: self.times }
    }

    /// Judges the server's own discovery document. Its API has to be where requests to it are judged, and written as they are.
    ///
    /// Errors: `ocm.own_elsewhere`, `ocm.discovery_*`, `ocm.peer_*`.
    pub(crate) fn own(&self, document: &Object, trace: &mut dyn Trace) -> Result<Described, Rejection> {
        let mut listed = self.listed.clone();
        listed.push(self.host.origin().clone());
        let discovery = Discovery::from_object(document, &listed, trace)?;
        let origin = self.host.origin().as_str();
        for url in [Some(&discovery.end_point), discovery.token_end_point.as_ref()].into_iter().flatten() {
            if !url.strip_prefix(origin).is_some_and(|rest| rest.starts_with('/')) {
                let what = format!("{} is not at {origin}, or not written so", excerpt(url));
                return Err(Rejection::new(GateCode::OcmOwn, what));
            }
        }
        Ok(Described { discovery, document: document.clone() })
    }
}

pub(super) fn ocm(top: &Reader<'_>, origins: &[Origin], errors: &mut Vec<PolicyError>) -> Option<OcmPolicy> {
    let entry = top.object("ocm")?;
    let before = errors.len();
    let mut wrong = |path: Path, detail: String, remedy: &str| {
        errors.push(PolicyError::new(PolicyCode::Ocm, path, detail, remedy));
    };
    let name = entry.text("host")?;
    let host = match Host::parse(name) {
        Ok(host) => Some(host),
        Err(rejection) => {
            let remedy = "write the name as addresses have it: \"cloud.example.org\"";
            wrong(entry.at("host"), format!("{}: {}", rejection.code(), rejection.detail()), remedy);
            None
        }
    };
    let origin = host.as_ref().and_then(|host| origins.iter().position(|origin| origin == host.origin()));
    if let (Some(host), None) = (&host, origin) {
        let detail = format!("{} is none of the policy's origins", host.origin());
        wrong(entry.at("host"), detail, "add it to \"origins\"");
    }
    let denied = servers(&entry, "denied", errors);
    let allowed = entry.value("allowed").map(|_| servers(&entry, "allowed", errors));
    let listed = issuers::origins(&entry, "listed", true, errors);
    let times = signed::Times {
        window: entry.duration("window").unwrap_or(signed::DEFAULT_WINDOW),
        skew: entry.duration("skew").unwrap_or(signed::DEFAULT_SKEW),
    };
    let host = host?;
    let default = format!("{}{DISCOVERY_PATH}", host.origin());
    let discovery = OwnDiscovery::Url(default);
    let mut read = OcmPolicy { host, origin: origin?, discovery, denied, allowed, listed, times };
    match entry.value("discovery") {
        Some(Value::String(url)) => {
            let url = issuers::url(url, entry.at("discovery"), errors);
            read.discovery = url.map_or(read.discovery, OwnDiscovery::Url);
        }
        Some(Value::Object(document)) => match read.own(document, &mut Silent) {
            Ok(described) => read.discovery = OwnDiscovery::Inline(Rc::new(described)),
            Err(rejection) => errors.push(PolicyError::new(
                PolicyCode::Ocm,
                entry.at("discovery"),
                format!("{}: {}", rejection.code(), rejection.detail()),
                "write the document as the server publishes it",
            )),
        },
        _ => {}
    }
    (errors.len() == before).then_some(read)
}

/// Names of servers.
fn servers(entry: &Reader<'_>, name: &str, errors: &mut Vec<PolicyError>) -> Vec<Host> {
    let mut read: Vec<Host> = Vec::new();
    let mut texts = entry.texts(name).unwrap_or_default();
    at_most(&mut texts, MAX_NAMES, entry.at(name), "servers", errors);
    for (index, text) in texts {
        let path = entry.at(name).item(index);
        match Host::parse(text) {
            Ok(host) if read.contains(&host) => errors.push(repeated(path, text)),
            Ok(host) => read.push(host),
            Err(rejection) => errors.push(PolicyError::new(
                PolicyCode::Ocm,
                path,
                format!("{}: {}", rejection.code(), rejection.detail()),
                "write a server's name as addresses have it: \"cloud.example.org\"",
            )),
        }
    }
    read
}

/// Who asks at a listener for the sharing server has one.
pub(super) fn listened(
    top: &Reader<'_>,
    ocm: Option<&OcmPolicy>,
    listeners: &[Listener],
    errors: &mut Vec<PolicyError>,
) {
    let serves = listeners.iter().position(|listener| listener.ocm);
    if let (true, None, Some(number)) = (errors.is_empty(), ocm, serves) {
        errors.push(PolicyError::new(
            PolicyCode::Ocm,
            top.at("listeners").item(number).member("serves"),
            "there is no sharing server that could ask there",
            "add [ocm] with its host",
        ));
    }
}
