//! Origins: scheme, host and port (RFC 6454 section 4), and the https URLs that documents are fetched from.

use alloc::{
    format,
    string::{String, ToString},
};
use core::fmt;

use fluent_uri::Uri;

use crate::limits::excerpt;

/// Longest URL that is read, in bytes: longer ones fail in clients and proxies anyway.
pub const MAX_URL: usize = 8 * 1024;

/// A scheme, a host and a port. Always in its one form: lower case, a default port left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    text: String,
    /// Where the authority begins.
    authority: usize,
}

impl Origin {
    /// Reads an origin as a policy writes it: in its one form, or not at all.
    pub fn parse(text: &str) -> Option<Self> {
        let origin = Self::of_url(text)?;
        (origin.text == text).then_some(origin)
    }

    /// The origin of an absolute http or https URL without user name. Case of scheme and host and a default port are the
    /// same origin (RFC 9110 section 4.2.3).
    pub fn of_url(url: &str) -> Option<Self> {
        if url.len() > MAX_URL {
            return None;
        }
        let (scheme, rest) = url.split_once("://")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        Self::from_parts(scheme, rest.get(..end)?)
    }

    /// From a scheme and an authority, as a request has them.
    pub fn from_parts(scheme: &str, authority: &str) -> Option<Self> {
        let scheme = scheme.to_ascii_lowercase();
        let default = match scheme.as_str() {
            "https" => "443",
            "http" => "80",
            _ => return None,
        };
        let (host, port) = split_authority(authority)?;
        let host = host.to_ascii_lowercase();
        let port = if port == default { "" } else { port };
        let colon = if port.is_empty() { "" } else { ":" };
        Some(Self { authority: scheme.len() + 3, text: format!("{scheme}://{host}{colon}{port}") })
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Host and port.
    pub fn authority(&self) -> &str {
        self.text.get(self.authority..).unwrap_or_default()
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &str {
        self.text.get(..self.authority - 3).unwrap_or_default()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Host and port of an authority without user name; the port is empty where there is none.
fn split_authority(authority: &str) -> Option<(&str, &str)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let end = rest.find(']')?;
            let host = authority.get(..end + 2)?;
            let inner = rest.get(..end)?;
            if inner.is_empty() || !inner.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.')) {
                return None;
            }
            match authority.get(end + 2..)? {
                "" => (host, ""),
                port => (host, port.strip_prefix(':').filter(|port| !port.is_empty())?),
            }
        }
        None => match authority.split_once(':') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (authority, ""),
        },
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let named = host.starts_with('[')
        || (!host.is_empty()
            && host.bytes().all(plain)
            && !host.starts_with('.')
            && !host.ends_with('.')
            && !host.contains(".."));
    let number = port.is_empty() || (!port.starts_with('0') && port.parse::<u16>().is_ok());
    (named && number).then_some((host, port))
}

/// Who named a URL, which decides how far a host may go to fetch it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// The operator, in the policy: private addresses are allowed.
    Policy,
    /// A token that verified, or metadata of an issuer.
    Credential,
    /// A message that is not authenticated yet.
    Peer,
}

impl Class {
    /// Its name in the interfaces.
    pub fn name(self) -> &'static str {
        match self {
            Class::Policy => "policy",
            Class::Credential => "credential",
            Class::Peer => "peer",
        }
    }

    /// The class of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Class::Policy, Class::Credential, Class::Peer].into_iter().find(|class| class.name() == name)
    }
}

/// Admits a URL for fetching by its form. Whether its address may be connected to is the host's to judge.
///
/// What the policy names is https, or http on loopback for development. Everything else is https on the default port, or
/// on the port of an origin that is `listed`; the host is a name, not an address. Nothing has a user name or a fragment.
///
/// Error: why not, for the detail of a code of the caller's own area.
pub fn admit(url: &str, class: Class, listed: &[Origin]) -> Result<Origin, String> {
    let refuse = |why: &str| Err(format!("{} {why}", excerpt(url)));
    if url.len() > MAX_URL {
        return refuse("is too long");
    }
    if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return refuse("has a character that no URL has");
    }
    let Ok(uri) = Uri::parse(url) else { return refuse("is no URI") };
    if uri.fragment().is_some() {
        return refuse("has a fragment");
    }
    let Some(authority) = uri.authority() else { return refuse("has no host") };
    if authority.userinfo().is_some() {
        return refuse("has a user name");
    }
    let Some(origin) = Origin::of_url(url) else { return refuse("has no plain host and port") };
    if uri.scheme().as_str() != origin.scheme() {
        return refuse("has a scheme that is not in lower case");
    }
    let loopback = is_loopback(origin.authority());
    match class {
        Class::Policy if origin.scheme() == "https" || loopback => return Ok(origin),
        Class::Policy => return refuse("is not https, and not on loopback"),
        Class::Credential | Class::Peer => {}
    }
    if origin.scheme() != "https" {
        return refuse("is not https");
    }
    if is_address(origin.authority()) {
        return refuse("has an address in place of a name");
    }
    if listed.contains(&origin) {
        return Ok(origin);
    }
    if origin.authority().contains(':') {
        return refuse("has a port that is not listed");
    }
    Ok(origin)
}

/// `localhost`, 127.0.0.0/8 or ::1, with or without port.
pub fn is_loopback(authority: &str) -> bool {
    let host = host_of(authority);
    host == "localhost"
        || host == "[::1]"
        || host.parse::<core::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

/// An IPv4 or IPv6 literal, in any form that a resolver might take for one: hexadecimal, octal, short.
fn is_address(authority: &str) -> bool {
    let host = host_of(authority);
    let last = host.rsplit('.').next().unwrap_or_default();
    // A last label that begins with a digit is no top-level domain, and some resolvers read it as a number.
    host.starts_with('[') || last.starts_with(|first: char| first.is_ascii_digit())
}

/// The host of an authority, without its port.
pub fn host_of(authority: &str) -> String {
    if authority.starts_with('[') {
        let end = authority.find(']').map_or(authority.len(), |end| end + 1);
        return authority.get(..end).unwrap_or_default().into();
    }
    authority.split(':').next().unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_one_form() {
        for text in [
            "https://api.example",
            "http://localhost:8080",
            "https://a_b.example:8443",
            "https://[::1]:8443",
            "https://10.0.0.1",
        ] {
            assert_eq!(Origin::parse(text).unwrap().as_str(), text);
        }
        for text in [
            "",
            "api.example",
            "https://",
            "https://api.example/",
            "https://API.example",
            "https://api.example:443",
            "http://api.example:80",
            "ftp://api.example",
            "https://u@api.example",
            "https://api.example.",
            "https://api..example",
            "https://.example",
            "https://api.example:",
            "https://api.example:0",
            "https://api.example:99999",
            "https://api.example:08443",
            "https://[::1",
            "https://[]",
            "https://[::1]x",
            "https://[::1]:",
            "https://é.example",
            "https://api.example?x",
            "https://api.example#x",
            "HTTPS://api.example",
        ] {
            assert!(Origin::parse(text).is_none(), "{text}");
        }
        assert_eq!(Origin::of_url("HTTPS://API.example:443/x").unwrap().as_str(), "https://api.example");
        assert_eq!(Origin::of_url("http://a:81/x").unwrap().authority(), "a:81");
    }

    /// The one table of hostile URLs that tests every fetcher: what no form admits, and what is for others to stop.
    #[test]
    fn hostile_urls_are_not_admitted() {
        let listed = [Origin::parse("https://status.example:8443").unwrap()];
        let table = include_str!("../../../tests/hostile-urls.ndjson").lines();
        let mut refused = 0;
        for line in table.map(|line| crate::json::parse_object(line.as_bytes()).unwrap()) {
            let text = |name| line.get(name).unwrap().and_then(crate::json::Value::as_str).unwrap();
            let (url, of_form) = (text("url"), text("stop") == "form");
            for class in [Class::Credential, Class::Peer] {
                assert_eq!(admit(url, class, &listed).is_err(), of_form, "{url}");
            }
            refused += usize::from(of_form);
        }
        assert!(refused > 50, "the table was read: {refused}");
        for url in ["https://a.example/x?y", "https://status.example:8443/1", "https://a.example"] {
            assert!(admit(url, Class::Credential, &listed).is_ok(), "{url}");
        }
        for url in
            ["https://10.0.0.1:8443/jwks", "https://idp.corp:9443/", "http://127.0.0.1:8081/jwks", "http://localhost/x"]
        {
            assert!(admit(url, Class::Policy, &[]).is_ok(), "{url}");
        }
        for url in ["http://idp.example/jwks", "https://u@idp.example/", "file:///x", "https://idp.example/#x"] {
            assert!(admit(url, Class::Policy, &[]).is_err(), "{url}");
        }
        let long = format!("https://a.example/{}", "a".repeat(MAX_URL));
        assert!(admit(&long, Class::Policy, &[]).is_err());
    }
}
