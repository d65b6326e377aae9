//! OCM Addresses (section Terms): who, at which server.

use alloc::{borrow::ToOwned, format, string::String};
use core::fmt;

use portcullis_types::{Rejection, limits::excerpt, origin::Origin};

use crate::PeerCode;

/// The longest address, in bytes. The longest DNS name has 253, and identifiers are user names, mail addresses or hashes.
pub const MAX_ADDRESS: usize = 1024;

/// A server: a host and, where it is not 443, a port. Upper and lower case are the same host (RFC 3986 section 3.2.2), and
/// `:443` is the port that there is without it.
///
/// ```
/// use portcullis_ocm::Host;
/// assert_eq!(Host::parse("Cloud.example.org:443")?.as_str(), "cloud.example.org");
/// assert_eq!(Host::parse("cloud.example.org/ocm").unwrap_err().code(), "ocm.address_host");
/// # Ok::<(), portcullis_types::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Host(Origin);

/// The longest host with its port, in bytes: a name of the DNS has 253 characters (RFC 1035 section 2.3.4), a port six.
pub const MAX_HOST: usize = 259;

impl Host {
    /// Reads `host [ ":" port ]`: a name, an IPv4 address, or an IP literal in brackets. A path is none of it.
    ///
    /// Error: `ocm.address_host`.
    pub fn parse(text: &str) -> Result<Self, Rejection> {
        let refuse = || Rejection::new(PeerCode::AddressHost, format!("{} is no host", excerpt(text)));
        if text.len() > MAX_HOST {
            return Err(refuse());
        }
        Origin::from_parts("https", text).map(Self).ok_or_else(refuse)
    }

    /// Host and port, in lower case.
    pub fn as_str(&self) -> &str {
        self.0.authority()
    }

    /// Its https origin.
    pub fn origin(&self) -> &Origin {
        &self.0
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An OCM Address: an identifier of a user or group, and the server that knows it.
///
/// ```
/// use portcullis_ocm::Address;
/// let address = Address::parse("nomen.nescio@example.org@cloud.example.org")?;
/// assert_eq!((address.user(), address.host().as_str()), ("nomen.nescio@example.org", "cloud.example.org"));
/// # Ok::<(), portcullis_types::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    user: String,
    host: Host,
}

impl Address {
    /// Reads `identifier "@" host [ ":" port ]`, split at the last `@`. The identifier is opaque and compared byte by byte; it is
    /// not empty, and has no control characters, which no interface could show.
    ///
    /// Errors: `ocm.address_malformed`, `ocm.address_host`.
    pub fn parse(text: &str) -> Result<Self, Rejection> {
        let refuse = |why: &str| Rejection::new(PeerCode::Address, format!("{} {why}", excerpt(text)));
        if text.len() > MAX_ADDRESS {
            return Err(refuse("is too long for an address"));
        }
        let (user, host) = text.rsplit_once('@').ok_or_else(|| refuse("has no @"))?;
        Self::of(user, Host::parse(host)?)
    }

    /// From an identifier and its server.
    ///
    /// Error: `ocm.address_malformed`.
    pub fn of(user: &str, host: Host) -> Result<Self, Rejection> {
        let refuse = |why: &str| Rejection::new(PeerCode::Address, format!("the identifier {} {why}", excerpt(user)));
        if user.is_empty() {
            return Err(refuse("is empty"));
        }
        if user.len() > MAX_ADDRESS {
            return Err(refuse("is too long"));
        }
        if user.chars().any(char::is_control) {
            return Err(refuse("has control characters"));
        }
        Ok(Self { user: user.to_owned(), host })
    }

    /// The identifier, as it was written.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The server.
    pub fn host(&self) -> &Host {
        &self.host
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.user, self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_sign_parts_user_and_host() {
        for (text, user, host) in [
            ("marie@receiver.example.org", "marie", "receiver.example.org"),
            ("a@b@cloud.example.org:8443", "a@b", "cloud.example.org:8443"),
            ("Jo Doe@Cloud.Example.ORG:443", "Jo Doe", "cloud.example.org"),
            ("a/b@[2001:db8::1]:8443", "a/b", "[2001:db8::1]:8443"),
            ("é@192.0.2.1", "é", "192.0.2.1"),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.user(), address.host().as_str()), (user, host), "{text}");
            assert_eq!(Address::parse(&format!("{address}")).unwrap(), address);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let code = |text: &str| Address::parse(text).unwrap_err().code();
        for text in ["", "nohost", "@host.example", "a\nb@host.example", "a\u{7f}@host.example"] {
            assert_eq!(code(text), "ocm.address_malformed", "{text:?}");
        }
        for text in
            ["a@", "a@host name", "a@host.example/x", "a@host.example:", "a@host.example:0", "a@.example", "a@[::1"]
        {
            assert_eq!(code(text), "ocm.address_host", "{text:?}");
        }
        let long = format!("{}@a.example", "a".repeat(MAX_ADDRESS));
        assert_eq!(code(&long), "ocm.address_malformed");
    }
}
