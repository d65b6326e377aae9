//! The URLs of other servers, by their form. Whether an address may be connected to is for who connects.

use alloc::{format, string::String};

use portcullis_types::{
    Rejection,
    limits::excerpt,
    origin::{self, Class, Origin, host_of},
};

use crate::{Host, PeerCode};

/// Where a server describes itself (section OCM API Discovery, step 2).
pub const DISCOVERY_PATH: &str = "/.well-known/ocm";

/// Where a server publishes its keys (section HTTP Message Signatures).
pub const KEYS_PATH: &str = "/.well-known/jwks.json";

/// Where servers described themselves before.
pub const LEGACY_DISCOVERY_PATH: &str = "/ocm-provider";

/// Admits a URL of a peer: https, at a name of two labels, on the default port, without user name and fragment. An origin that is
/// `listed` may have a port or a short name: somebody wrote it down who answers for it.
///
/// Errors: `ocm.peer_url`, `ocm.peer_name`.
///
/// ```
/// use portcullis_ocm::admit;
/// assert!(admit("https://cloud.example.org/ocm", &[]).is_ok());
/// assert_eq!(admit("https://169.254.169.254/ocm", &[]).unwrap_err().code(), "ocm.peer_url");
/// assert_eq!(admit("https://intranet/ocm", &[]).unwrap_err().code(), "ocm.peer_name");
/// ```
pub fn admit(url: &str, listed: &[Origin]) -> Result<Origin, Rejection> {
    let origin = origin::admit(url, Class::Peer, listed).map_err(|why| Rejection::new(PeerCode::Url, why))?;
    let name = host_of(origin.authority());
    let short = !name.contains('.') || name.ends_with(".localhost");
    if short && !listed.contains(&origin) {
        return Err(Rejection::new(PeerCode::Name, format!("{origin} has a name of one label, and is not listed")));
    }
    Ok(origin)
}

/// Reads an origin that somebody lists, in its one form: `https://cloud.example.org:8443`.
///
/// Error: `ocm.peer_url`.
pub fn parse_listed(text: &str) -> Result<Origin, Rejection> {
    Origin::parse(text).ok_or_else(|| Rejection::new(PeerCode::Url, format!("{} is no origin", excerpt(text))))
}

/// Where a server is discovered.
///
/// Errors: those of [`admit`].
pub fn discovery_url(host: &Host, listed: &[Origin]) -> Result<String, Rejection> {
    well_known(host, DISCOVERY_PATH, listed)
}

/// Where a server's keys are.
///
/// Errors: those of [`admit`].
pub fn keys_url(host: &Host, listed: &[Origin]) -> Result<String, Rejection> {
    well_known(host, KEYS_PATH, listed)
}

fn well_known(host: &Host, path: &str, listed: &[Origin]) -> Result<String, Rejection> {
    let url = format!("{}{path}", host.origin());
    admit(&url, listed)?;
    Ok(url)
}

/// The URL of an endpoint below an OCM API.
pub(crate) fn below(end_point: &str, path: &str) -> String {
    format!("{}{path}", end_point.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_on_the_default_port_are_asked() {
        let host = |text: &str| Host::parse(text).unwrap();
        assert_eq!(
            discovery_url(&host("Cloud.example.org"), &[]).unwrap(),
            "https://cloud.example.org/.well-known/ocm"
        );
        assert_eq!(keys_url(&host("a.example"), &[]).unwrap(), "https://a.example/.well-known/jwks.json");
        for (text, code) in [
            ("192.0.2.1", "ocm.peer_url"),
            ("[2001:db8::1]", "ocm.peer_url"),
            ("cloud.example.org:8443", "ocm.peer_url"),
            ("localhost", "ocm.peer_name"),
            ("a.localhost", "ocm.peer_name"),
        ] {
            assert_eq!(discovery_url(&host(text), &[]).unwrap_err().code(), code, "{text}");
        }
        for listed in ["cloud.example.org:8443", "nextcloud:8443"] {
            let host = host(listed);
            assert!(discovery_url(&host, &[host.origin().clone()]).is_ok(), "{listed}");
            assert_eq!(&parse_listed(host.origin().as_str()).unwrap(), host.origin());
        }
        for text in ["cloud.example.org:8443", "https://cloud.example.org/", "https://Cloud.example.org"] {
            assert_eq!(parse_listed(text).unwrap_err().code(), "ocm.peer_url", "{text}");
        }
    }

    /// What the table of hostile URLs says that a form or a name stops, is refused with the code of that; the rest is for who connects.
    #[test]
    fn hostile_urls_have_their_codes() {
        let mut counts = [0; 3];
        for line in include_str!("../../../tests/hostile-urls.ndjson").lines() {
            let line = portcullis_types::json::parse_object(line.as_bytes()).unwrap();
            let text = |name| line.get(name).unwrap().and_then(portcullis_types::json::Value::as_str).unwrap();
            let (url, stop) = (text("url"), text("stop"));
            let (kind, wanted) = match stop {
                "form" => (0, Some("ocm.peer_url")),
                "name" => (1, Some("ocm.peer_name")),
                _ => (2, None),
            };
            counts[kind] += 1;
            assert_eq!(admit(url, &[]).err().map(|refused| refused.code()), wanted, "{url}");
        }
        assert!(counts.iter().all(|count| *count > 5), "{counts:?}");
    }
}
