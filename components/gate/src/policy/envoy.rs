//! What of a policy is for the Envoy filter: how documents are reached, and what a filter cannot do.
//!
//! A filter has no sockets and no files. It asks Envoy, by the name of a cluster, and shares a memory with the other workers
//! of its Envoy and with nobody else.

use alloc::{format, rc::Rc, string::String, vec::Vec};

use portcullis_crypto::Backend;
use portcullis_types::limits::excerpt;

use super::{
    BundleSource, Format, KeySource, Listener, Path, Policy, PolicyError, Replay,
    code::PolicyCode,
    document,
    limits::{MAX_ENVOY_LIST, MAX_ENVOY_MEMORY, MAX_NAMES},
    listeners::CertificateFrom,
    members::optional,
    reader::Reader,
    shape::{Kind, Shape},
};
use crate::origin::Origin;

/// What the filter's listener is called in requests. No policy can have one of this name.
pub const LISTENER: &str = "envoy\u{1f}filter";

/// The filter's settings.
pub static ENVOY: Shape = Shape {
    title: "envoy",
    doc: "For the Envoy filter (`docs/envoy.md`). Every other host passes over it.",
    members: &[
        optional(
            "clusters",
            Kind::TextMap,
            "none",
            "The Envoy cluster by which each origin is reached from which documents are fetched: keys, metadata, bundles, \
             status lists.",
            "[envoy]\nclusters = { \"https://idp.example\" = \"idp\" }",
        ),
        optional(
            "crypto",
            Kind::OneOf(&["envoy", "software"]),
            "\"envoy\"",
            "Who verifies signatures: `envoy` asks Envoy's library (BoringSSL) for ECDSA and RSA with PKCS#1 v1.5 padding, and \
             the software inside for all else; `software` asks Envoy for none. The answers are the same.",
            "[envoy]\ncrypto = \"software\"",
        ),
        optional(
            "client_certificate",
            Kind::OneOf(&["connection", "xfcc"]),
            "none is looked at",
            "Where a client's certificate is taken from. `connection`: its SHA-256, which serves certificate-bound tokens and \
             nothing else. `xfcc`: `x-forwarded-client-cert`, for X.509-SVIDs too; the connection manager has to set it \
             (`SANITIZE_SET`, `chain: true`), or clients set it themselves.",
            "[envoy]\nclient_certificate = \"connection\"",
        ),
    ],
};

/// What is for the filter.
#[derive(Debug, Clone)]
pub struct Envoy {
    /// Origins and the clusters by which they are reached.
    pub clusters: Vec<(Origin, String)>,
    /// Whether the software inside verifies every signature.
    pub software: bool,
    /// What stands for the listener that requests came in on. Its name is [`LISTENER`].
    pub listener: Listener,
}

impl Envoy {
    /// The cluster by which a URL is reached.
    pub fn cluster_of(&self, url: &str) -> Option<&str> {
        let origin = Origin::of_url(url)?;
        self.clusters.iter().find(|(known, _)| *known == origin).map(|(_, cluster)| cluster.as_str())
    }

    /// Whether a client's certificate is known by the digest that the connection has.
    pub fn takes_digest(&self) -> bool {
        self.listener.client_certificate == Some(CertificateFrom::Host)
    }
}

pub(super) fn envoy(top: &Reader<'_>, errors: &mut Vec<PolicyError>) -> Envoy {
    let listener = |client_certificate| Listener {
        name: LISTENER.into(),
        address: String::new(),
        tokens: false,
        clients: false,
        transactions: false,
        ocm: false,
        asserts: None,
        client_certificate,
        trust_proxy_validation: None,
        peers: Vec::new(),
        tls: None,
    };
    let Some(entry) = top.object("envoy") else {
        return Envoy { clusters: Vec::new(), software: false, listener: listener(None) };
    };
    let clusters = entry.text_map("clusters");
    let mut read: Vec<(Origin, String)> = Vec::new();
    if clusters.len() > MAX_NAMES {
        let detail = format!("{} clusters, at most {MAX_NAMES} are read", clusters.len());
        errors.push(PolicyError::new(PolicyCode::TooMany, entry.at("clusters"), detail, "name fewer"));
    }
    for (text, cluster) in clusters.into_iter().take(MAX_NAMES) {
        match Origin::parse(text) {
            Some(origin) => read.push((origin, cluster.into())),
            None => errors.push(PolicyError::new(
                PolicyCode::EnvoyClusterMalformed,
                entry.at("clusters").member(text),
                format!("{} is no origin", excerpt(text)),
                match Origin::of_url(text) {
                    Some(origin) => format!("write \"{origin}\""),
                    None => "write scheme, host and port of what is fetched: \"https://idp.example\"".into(),
                },
            )),
        }
    }
    Envoy {
        clusters: read,
        software: entry.text("crypto") == Some("software"),
        listener: listener(match entry.text("client_certificate") {
            Some("connection") => Some(CertificateFrom::Host),
            Some("xfcc") => Some(CertificateFrom::Xfcc),
            _ => None,
        }),
    }
}

impl Policy {
    /// Reads a policy as the Envoy filter has it: with what a filter cannot do refused, and within its bounds.
    ///
    /// Errors: `policy.*`, `policy.envoy_*` among them.
    pub fn parse_for_envoy(text: &str, format: Format, backend: &Rc<dyn Backend>) -> Result<Self, Vec<PolicyError>> {
        let mut policy = Self::parse(text, format, backend)?;
        let mut errors = policy.beyond_envoy();
        if errors.is_empty() {
            let limits = &mut policy.limits;
            limits.memory = limits.memory.min(MAX_ENVOY_MEMORY);
            limits.status_list = limits.status_list.min(MAX_ENVOY_LIST);
            limits.status_list_inflated = limits.status_list_inflated.min(MAX_ENVOY_LIST);
            return Ok(policy);
        }
        document::in_order(text, format, &mut errors);
        Err(errors)
    }

    /// What a filter cannot do.
    fn beyond_envoy(&self) -> Vec<PolicyError> {
        let top = Path::default();
        let mut errors = Vec::new();
        if self.replay != Replay::Node {
            errors.push(PolicyError::new(
                PolicyCode::EnvoyReplay,
                top.member("replay"),
                "a filter shares its memory of used proofs with the workers of its own Envoy and with no other",
                "write replay = \"node\", or ask the gateway by ext_authz, which shares a memory and has nonces",
            ));
        }
        #[cfg(feature = "registry")]
        if let Some(registry) = &self.registry {
            let mut absent = |member: &str, detail: &str| {
                let path = top.member("registry").member(member);
                let remedy = "keep it in the policy of the token service, which is the gateway";
                errors.push(PolicyError::new(PolicyCode::RegistryAbsent, path, detail, remedy));
            };
            if registry.users.is_some() {
                absent("users", "a password takes longer than a proxy's worker may stand still");
            }
            if registry.tokens.is_some() {
                absent("token_service", "a filter has no keys to sign with");
            }
        }
        #[cfg(feature = "transactions")]
        if self.transaction_service.is_some() {
            errors.push(PolicyError::new(
                PolicyCode::TransactionServiceAbsent,
                top.member("transaction_tokens").member("service"),
                "a filter has no keys to sign with",
                "keep it in a policy of its own, for the gateway",
            ));
        }
        #[cfg(feature = "clients")]
        if self.clients.is_some() {
            errors.push(PolicyError::new(
                PolicyCode::ClientsAbsent,
                top.member("clients"),
                "a filter keeps no records, and no authorization server asks one",
                "keep [clients] in a policy of its own, for the gateway",
            ));
        }
        #[cfg(feature = "ocm")]
        if self.ocm.is_some() {
            errors.push(PolicyError::new(
                PolicyCode::OcmAbsent,
                top.member("ocm"),
                "a filter has not the bodies of requests, which are signed",
                "ask the gateway by ext_authz with the body (with_request_body)",
            ));
        }
        if self.attestation.as_ref().is_some_and(|attestation| attestation.challenge) {
            errors.push(PolicyError::new(
                PolicyCode::EnvoyChallenge,
                top.member("attestation"),
                "a filter has no secret to make challenges with",
                "write challenge = false, or ask the gateway by ext_authz, which gives challenges",
            ));
        }
        errors.extend(self.introspection_absent(
            "a filter has no secret that an introspection endpoint would know it by",
            "ask the gateway by ext_authz, which introspects opaque tokens",
        ));
        let mut fetched = |url: &str, path: Path| {
            if url.starts_with("file:") || !url.contains("://") {
                errors.push(PolicyError::new(
                    PolicyCode::EnvoyFile,
                    path,
                    format!("{} is read by a process, and a filter is none", excerpt(url)),
                    "write the keys into the policy, name a URL, or ask the gateway by ext_authz",
                ));
            } else if self.envoy.cluster_of(url).is_none() {
                let origin = Origin::of_url(url).map_or_else(|| excerpt(url), |origin| format!("{origin}"));
                errors.push(PolicyError::new(
                    PolicyCode::EnvoyClusterMissing,
                    path,
                    format!("{} is to be fetched, and no cluster reaches {origin}", excerpt(url)),
                    format!("write [envoy] clusters = {{ \"{origin}\" = \"the cluster's name\" }}"),
                ));
            }
        };
        for (number, issuer) in self.issuers.iter().enumerate() {
            let path = |name| top.member("issuers").item(number).member(name);
            for (name, source) in [("keys", Some(&issuer.keys)), ("status_keys", issuer.status_keys.as_ref())] {
                match source {
                    Some(KeySource::Url(url)) => fetched(url, path(name)),
                    Some(KeySource::Discovery(urls)) => {
                        // One after the other is tried, all of one origin.
                        if let Some(url) = urls.first() {
                            fetched(url, path("issuer"));
                        }
                    }
                    Some(KeySource::Inline(_) | KeySource::Certified(_)) | None => {}
                }
            }
        }
        if let Some(KeySource::Url(url)) = self.transaction_tokens.as_ref().map(|accepted| &accepted.keys) {
            fetched(url, top.member("transaction_tokens").member("keys"));
        }
        if let Some(KeySource::Url(url)) = self.attestation.as_ref().map(|attestation| &attestation.attesters) {
            fetched(url, top.member("attestation").member("attesters"));
        }
        for (number, trusted) in self.trust_domains.iter().enumerate() {
            if let (None, BundleSource::Url(url)) = (&trusted.endpoint, &trusted.bundle) {
                fetched(url, top.member("trust_domains").item(number).member("bundle"));
            }
        }
        errors.extend(self.endpoints().map(|path| {
            PolicyError::new(
                PolicyCode::EnvoyBundleProfile,
                path,
                "Envoy makes the connections, and no filter sees who a server proves to be",
                "ask the gateway by ext_authz, or fetch the bundle by https_web",
            )
        }));
        errors
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use portcullis_crypto::SoftwareBackend;

    use super::*;

    fn read(more: &str) -> Result<Policy, Vec<(&'static str, String)>> {
        let text = format!("{{\"origins\": [\"https://api.example\"], {more}}}");
        let backend = Rc::new(SoftwareBackend::default()) as _;
        Policy::parse_for_envoy(&text, Format::Json, &backend)
            .map_err(|errors| errors.iter().map(|error| (error.code(), format!("{}", error.path))).collect())
    }

    fn refused(more: &str) -> Vec<(&'static str, String)> {
        read(more).err().unwrap_or_default()
    }

    #[test]
    fn what_a_filter_cannot_do_is_refused() {
        assert!(read("\"replay\": \"node\"").is_ok());
        for replay in ["shared", "nonce"] {
            let told = refused(&format!("\"replay\": \"{replay}\""));
            assert_eq!(told, [("policy.envoy_replay", "replay".into())], "{replay}");
        }
        let issuer = r#""issuers": [{"name": "a", "issuer": "https://idp.example", "keys": KEYS}], "rules": []"#;
        let of = |keys: &str| issuer.replace("KEYS", keys);
        assert_eq!(refused(&of("\"file:/etc/keys\"")), [("policy.envoy_file", "issuers[1].keys".into())]);
        let told = refused(&of("\"https://keys.example/jwks\""));
        assert_eq!(told, [("policy.envoy_cluster_missing", "issuers[1].keys".into())]);
        let other = r#", "envoy": {"clusters": {"https://idp.example": "idp"}}"#;
        assert!(read(&(of("\"https://idp.example/jwks\"") + other)).is_ok());
        let discovered = of("KEYS").replace(", \"keys\": KEYS", "");
        assert_eq!(refused(&discovered), [("policy.envoy_cluster_missing", "issuers[1].issuer".into())]);
        assert!(read(&(discovered + other)).is_ok());
        let domain = r#""trust_domains": [{"name": "prod.example", "bundle": "workload-api"}]"#;
        assert_eq!(refused(domain), [("policy.envoy_file", "trust_domains[1].bundle".into())]);
    }

    #[test]
    fn clusters_are_of_origins() {
        let told = refused(r#""envoy": {"clusters": {"https://idp.example/": "idp"}}"#);
        assert_eq!(told.first().map(|(code, _)| *code), Some("policy.envoy_cluster_malformed"));
        let policy = read(r#""envoy": {"clusters": {"https://idp.example": "idp"}}"#).unwrap();
        assert_eq!(policy.envoy.cluster_of("https://idp.example/jwks?x"), Some("idp"));
        assert_eq!(policy.envoy.cluster_of("https://idp.example:443/"), Some("idp"));
        assert_eq!(policy.envoy.cluster_of("https://idp.example.evil/"), None);
        assert_eq!(policy.envoy.cluster_of("http://idp.example/"), None);
    }

    #[test]
    fn the_bounds_are_a_filters() {
        let policy = read(r#""limits": {"memory": "512MiB", "status_list": "1MiB"}"#).unwrap();
        let limits = &policy.limits;
        assert_eq!((limits.memory, limits.status_list), (MAX_ENVOY_MEMORY, 1024 * 1024));
        assert_eq!(limits.status_list_inflated, MAX_ENVOY_LIST);
    }

    #[test]
    fn the_filters_listener_is_nobodys() {
        let policy = read(r#""envoy": {"client_certificate": "connection"}"#).unwrap();
        assert!(policy.envoy.takes_digest());
        assert!(policy.listener(LISTENER).is_some());
        let named = r#""listeners": [{"name": "envoy\u001ffilter", "address": "127.0.0.1:1"}]"#;
        assert_eq!(refused(named).first().map(|(code, _)| *code), Some("policy.name_malformed"));
    }
}
