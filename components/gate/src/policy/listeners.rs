//! Listeners: where requests come in, whose word is taken there, and where certificates come from.

use alloc::{format, string::String, vec::Vec};

use portcullis_svid::{SpiffeId, TrustDomain};
use portcullis_types::limits::excerpt;

use super::{
    PolicyError,
    code::PolicyCode,
    issuers::repeated,
    limits::MAX_NAMES,
    reader::{Reader, at_most, plain_name},
    trust_domains::Trusted,
};
use crate::origin::{Origin, host_of, is_loopback};

/// A proxy whose word about another request is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asserter {
    /// nginx `auth_request`.
    Nginx,
    /// Traefik `ForwardAuth`.
    Traefik,
    /// Caddy `forward_auth`.
    Caddy,
    /// Envoy `ext_authz`.
    Envoy,
}

/// Where a client's certificate is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateFrom {
    /// The listener's own handshake, or `ext_authz`: the host hands it over.
    Host,
    /// `Client-Cert` and `Client-Cert-Chain` (RFC 9440).
    ClientCert,
    /// `X-SSL-Client-Cert`, from nginx's `$ssl_client_escaped_cert`.
    Nginx,
    /// `X-Forwarded-Tls-Client-Cert`.
    Traefik,
    /// `x-forwarded-client-cert`.
    Xfcc,
}

/// A listener.
#[derive(Debug, Clone)]
pub struct Listener {
    /// What requests call it.
    pub name: String,
    /// Host and port, or `unix:` and a path.
    pub address: String,
    /// Whether tokens for registries are handed out there, and no requests checked.
    pub tokens: bool,
    /// Whether an authorization server asks there who its clients are, and no requests are checked.
    pub clients: bool,
    /// Whether Transaction Tokens are handed out there, and no requests are checked.
    pub transactions: bool,
    /// Whether a sharing server of Open Cloud Mesh has its own requests signed there, and no requests are checked.
    pub ocm: bool,
    /// Whose word is taken there.
    pub asserts: Option<Asserter>,
    /// Where a client's certificate is taken from.
    pub client_certificate: Option<CertificateFrom>,
    /// The trust domain for which the proxy validates certificates.
    pub trust_proxy_validation: Option<TrustDomain>,
    /// Who may connect by mTLS.
    pub peers: Vec<String>,
    /// Its certificates.
    pub tls: Option<Tls>,
}

/// Files of a listener's TLS.
#[derive(Debug, Clone)]
pub struct Tls {
    /// The certificate chain, in PEM.
    pub certificate: String,
    /// The private key, in PEM.
    pub key: String,
    /// Authorities of client certificates, in PEM.
    pub client_ca: Option<String>,
}

pub(super) fn listeners(top: &Reader<'_>, trusted: &[Trusted], errors: &mut Vec<PolicyError>) -> Vec<Listener> {
    let mut entries = top.objects("listeners");
    at_most(&mut entries, MAX_NAMES, top.at("listeners"), "listeners", errors);
    let mut read: Vec<Listener> = Vec::new();
    for entry in entries {
        let Some(listener) = listener(&entry, trusted, errors) else { continue };
        if read.iter().any(|other| other.name == listener.name) {
            errors.push(repeated(entry.at("name"), &listener.name));
        }
        read.push(listener);
    }
    read
}

fn listener(entry: &Reader<'_>, trusted: &[Trusted], errors: &mut Vec<PolicyError>) -> Option<Listener> {
    let tls = entry.object("tls").and_then(|tls| {
        Some(Tls {
            certificate: tls.text("certificate")?.into(),
            key: tls.text("key")?.into(),
            client_ca: tls.text("client_ca").map(Into::into),
        })
    });
    let listener = Listener {
        name: entry.text("name")?.into(),
        address: entry.text("address")?.into(),
        tokens: entry.text("serves") == Some("tokens"),
        clients: entry.text("serves") == Some("clients"),
        transactions: entry.text("serves") == Some("transactions"),
        ocm: entry.text("serves") == Some("ocm"),
        asserts: match entry.text("asserts") {
            Some("nginx") => Some(Asserter::Nginx),
            Some("traefik") => Some(Asserter::Traefik),
            Some("caddy") => Some(Asserter::Caddy),
            Some("envoy") => Some(Asserter::Envoy),
            _ => None,
        },
        client_certificate: match entry.text("client_certificate") {
            Some("tls" | "ext_authz") => Some(CertificateFrom::Host),
            Some("client-cert") => Some(CertificateFrom::ClientCert),
            Some("nginx") => Some(CertificateFrom::Nginx),
            Some("traefik") => Some(CertificateFrom::Traefik),
            Some("xfcc") => Some(CertificateFrom::Xfcc),
            _ => None,
        },
        trust_proxy_validation: entry.text("trust_proxy_validation").and_then(|name| TrustDomain::parse(name).ok()),
        peers: entry.strings("peers").unwrap_or_default(),
        tls,
    };
    if (listener.tokens || listener.transactions) && listener.asserts.is_some() {
        errors.push(PolicyError::new(
            if listener.tokens { PolicyCode::RegistryTokenService } else { PolicyCode::TransactionService },
            entry.at("asserts"),
            "tokens are handed out to who asks for them, and this listener answers about others' requests",
            "make a listener of its own for tokens",
        ));
    }
    if listener.clients && (listener.asserts.is_some() || entry.value("client_certificate").is_some()) {
        let member = if listener.asserts.is_some() { "asserts" } else { "client_certificate" };
        errors.push(PolicyError::new(
            PolicyCode::ClientsListener,
            entry.at(member),
            "an authorization server says itself what its clients sent, and no proxy asks there",
            "remove it, or make a listener of its own for clients",
        ));
    }
    if listener.ocm && (listener.asserts.is_some() || entry.value("client_certificate").is_some()) {
        let member = if listener.asserts.is_some() { "asserts" } else { "client_certificate" };
        errors.push(PolicyError::new(
            PolicyCode::Ocm,
            entry.at(member),
            "a sharing server has its own requests signed there, and no proxy asks about others'",
            "remove it, or make a listener of its own for the sharing server",
        ));
    }
    plain_name(entry, errors);
    addresses(entry, &listener, errors);
    certificates(entry, &listener, errors);
    if let Some(name) = entry.text("trust_proxy_validation")
        && !trusted.iter().any(|one| one.name.as_str() == name)
    {
        errors.push(PolicyError::new(
            PolicyCode::ListenerTrust,
            entry.at("trust_proxy_validation"),
            format!("{} is none of the trust domains", excerpt(name)),
            "add it to [[trust_domains]]",
        ));
    }
    Some(listener)
}

fn addresses(entry: &Reader<'_>, listener: &Listener, errors: &mut Vec<PolicyError>) {
    let unix = listener.address.strip_prefix("unix:");
    let plain = match unix {
        Some(path) => path.starts_with('/') || path.starts_with('@'),
        None => {
            Origin::from_parts("http", &listener.address).is_some() && {
                let host = host_of(&listener.address);
                listener.address.len() > host.len()
            }
        }
    };
    if !plain {
        errors.push(PolicyError::new(
            PolicyCode::ListenerAddress,
            entry.at("address"),
            format!("{} is no address to listen on", excerpt(&listener.address)),
            "write host and port, \"127.0.0.1:8080\", or \"unix:/run/portcullis.sock\"",
        ));
        return;
    }
    let named_peers = !listener.peers.is_empty() && listener.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
    // "localhost" is a name that somebody else may answer for; what listens on it listens on loopback all the same.
    let out_of_reach = unix.is_some() || is_loopback(&listener.address) || named_peers;
    let believed = match (listener.asserts, entry.text("client_certificate")) {
        _ if listener.clients || listener.ocm => Some("serves"),
        (Some(_), _) => Some("asserts"),
        // Only its own handshake is no other's word.
        (None, Some(source)) if source != "tls" => Some("client_certificate"),
        _ => None,
    };
    if let (Some(member), false) = (believed, out_of_reach) {
        errors.push(PolicyError::new(
            PolicyCode::ListenerExposed,
            entry.at(member),
            match listener.ocm {
                true => format!("for whoever reaches {} requests are signed", listener.address),
                false => format!("whoever reaches {} is believed what they say of other requests", listener.address),
            },
            "listen on loopback or a Unix socket, or add tls with client_ca, and peers",
        ));
    }
}

fn certificates(entry: &Reader<'_>, listener: &Listener, errors: &mut Vec<PolicyError>) {
    let client_ca = listener.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
    let mut wrong = |member: &str, detail: &str, remedy: &str| {
        errors.push(PolicyError::new(PolicyCode::ListenerTls, entry.at(member), detail, remedy));
    };
    if !listener.peers.is_empty() && !client_ca {
        wrong("peers", "peers are named, and no certificate is asked of them", "add client_ca to tls");
    }
    if entry.text("client_certificate") == Some("tls") && listener.tls.is_none() {
        wrong("client_certificate", "there is no handshake without TLS", "add tls, or name another source");
    }
    for (index, peer) in entry.texts("peers").unwrap_or_default() {
        if SpiffeId::parse(peer).is_err() && Origin::from_parts("https", peer).is_none() {
            errors.push(PolicyError::new(
                PolicyCode::ListenerTls,
                entry.at("peers").item(index),
                format!("{} is neither a SPIFFE ID nor a DNS name", excerpt(peer)),
                "write \"spiffe://prod.example/proxy\" or \"proxy.prod.example\"",
            ));
        }
    }
}
