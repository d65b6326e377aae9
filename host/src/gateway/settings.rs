//! What a gateway is told when it starts.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::identity::IdentityFiles;
use crate::component::Component;

/// What a gateway is told when it starts. What it decides by stands in the policy; this is about the machine it runs on.
#[non_exhaustive]
pub struct Settings {
    /// The policy: TOML, or JSON where the name ends in `.json`. It is read again when the file changes.
    pub policy: PathBuf,
    /// The component that decides.
    pub component: Component,
    /// How many instances decide side by side.
    pub instances: usize,
    /// Other addresses for listeners of the policy, by name; without a name, that of the one listener.
    pub listen: Vec<(Option<String>, String)>,
    /// Where health, metrics and the like are; nowhere if absent.
    pub admin: Option<String>,
    /// Where used proofs are remembered: `memory`, or the URL of a Redis or Valkey.
    pub replay: String,
    /// A file with the secret that nonces are made with, 32 bytes in base64url; a random one if absent.
    pub nonce_key: Option<PathBuf>,
    /// Addresses of origins that the operator knows better than the name service.
    pub resolve: Vec<Resolve>,
    /// Further authorities (PEM) whose certificates are believed when documents are fetched.
    pub authorities: Vec<PathBuf>,
    /// The socket of the SPIFFE Workload API, from which bundles come.
    pub workload_api: Option<String>,
    /// The file of the audit; `-` is standard output.
    pub audit: Option<PathBuf>,
    /// The folder with the keys of a token service for registries; they are gone with the process if absent.
    pub token_keys: Option<PathBuf>,
    /// The folder with the keys of a Transaction Token Service; they are gone with the process if absent.
    pub transaction_keys: Option<PathBuf>,
    /// The folder with the keys that sign a sharing server's requests of Open Cloud Mesh; they are gone with the process if absent.
    pub ocm_keys: Option<PathBuf>,
    /// The file in which clients are kept that were registered on first use; needed where the policy registers any.
    pub clients_store: Option<PathBuf>,
    /// The gateway's own identity, by which it signs answers for those that ask for it.
    pub identity: Option<IdentityFiles>,
    /// Whether there is an issuer for demonstration within.
    pub demo: bool,
    /// How long requests that are under way may take when the gateway ends.
    pub grace: Duration,
}

/// An address that the operator names for an origin, as `curl --resolve` does. It may be a private one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolve {
    /// The host name.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The address.
    pub address: IpAddr,
}

impl std::str::FromStr for Resolve {
    type Err = String;

    /// Reads `HOST:PORT:ADDRESS`. An IPv6 address may stand in brackets.
    fn from_str(text: &str) -> Result<Self, String> {
        let malformed = || format!("{text} is not HOST:PORT:ADDRESS, for example idp.example:443:10.0.0.7");
        let mut parts = text.splitn(3, ':');
        let (Some(host), Some(port), Some(address)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(malformed());
        };
        let address = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
        match (port.parse(), address.parse()) {
            (Ok(port), Ok(address)) if !host.is_empty() => Ok(Self { host: host.to_ascii_lowercase(), port, address }),
            _ => Err(malformed()),
        }
    }
}

/// How long requests that are under way may take when the gateway ends, unless it is told otherwise. Less than the 30 seconds
/// after which Kubernetes kills.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(20);

impl Settings {
    /// The settings that hold unless something else is said: one instance for each processor, proofs remembered in memory, no
    /// admin listener.
    #[must_use]
    pub fn new(policy: impl Into<PathBuf>, component: Component) -> Self {
        Self {
            policy: policy.into(),
            component,
            instances: std::thread::available_parallelism().map_or(2, usize::from),
            listen: Vec::new(),
            admin: None,
            replay: "memory".into(),
            nonce_key: None,
            resolve: Vec::new(),
            authorities: Vec::new(),
            workload_api: None,
            audit: None,
            token_keys: None,
            transaction_keys: None,
            ocm_keys: None,
            clients_store: None,
            identity: None,
            demo: false,
            grace: DEFAULT_GRACE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_curl_reads_them() {
        let read: Resolve = "Idp.example:443:10.0.0.7".parse().unwrap();
        assert_eq!((read.host.as_str(), read.port, read.address), ("idp.example", 443, [10, 0, 0, 7].into()));
        for text in ["a:1:::1", "a:1:[::1]"] {
            assert!(text.parse::<Resolve>().is_ok_and(|read| read.address.is_ipv6()), "{text}");
        }
        for text in ["", "a", "a:1", "a:x:10.0.0.7", ":1:10.0.0.7", "a:1:b"] {
            assert!(text.parse::<Resolve>().is_err(), "{text}");
        }
    }
}
