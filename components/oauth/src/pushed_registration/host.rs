//! Hosts that a policy names, and https URIs at them.

use alloc::{borrow::ToOwned, format, string::String};
use core::fmt;

use fluent_uri::Uri;
use portcullis_client::registration::MAX_REDIRECT_URI;
use portcullis_types::{Rejection, limits::excerpt};

use super::PushedCode;

/// The longest name of a host, in characters (RFC 1123 section 2.1, RFC 1035 section 2.3.4).
const MAX_HOST: usize = 253;

/// The longest label of a name, in characters (RFC 1035 section 2.3.4).
const MAX_LABEL: usize = 63;

/// A host that URIs may have: its name in lower case and, where it is not the default, its port. Names are compared letter by
/// letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern {
    /// The name; for a wildcard, what follows it.
    name: String,
    port: Option<u16>,
    /// Whether it means every name with one label more.
    wildcard: bool,
}

impl fmt::Display for HostPattern {
    /// As a policy has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let any = if self.wildcard { "*." } else { "" };
        write!(f, "{any}{}", self.name)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl HostPattern {
    /// Reads `app.example`, `app.example:8443` or, only where wildcards are on, `*.apps.example`, which means one label and not
    /// more.
    ///
    /// Error: `par.policy_malformed`.
    ///
    /// ```
    /// use portcullis_oauth::pushed_registration::HostPattern;
    /// assert!(HostPattern::parse("app.example", false)?.is("app.example", None));
    /// assert!(!HostPattern::parse("app.example", false)?.is("app.example", Some(8443)));
    /// assert!(HostPattern::parse("*.apps.example", false).is_err());
    /// let wildcard = HostPattern::parse("*.apps.example", true)?;
    /// assert_eq!(wildcard.to_string(), "*.apps.example");
    /// assert!(wildcard.is("a.apps.example", None) && !wildcard.is("a.b.apps.example", None));
    /// # Ok::<(), portcullis_types::Rejection>(())
    /// ```
    pub fn parse(text: &str, wildcards: bool) -> Result<Self, Rejection> {
        let refuse = |why: &str| {
            let what = format!("the host {} {why}", excerpt(text));
            Err(Rejection::new(PushedCode::PolicyMalformed, what))
        };
        let (host, port) = match text.split_once(':') {
            None => (text, None),
            Some((host, port)) => match port.parse::<u16>() {
                Ok(number) if number > 0 && !port.starts_with(['0', '+']) => (host, Some(number)),
                _ => return refuse("has no port after its colon"),
            },
        };
        let (name, wildcard) = match host.strip_prefix("*.") {
            Some(_) if !wildcards => return refuse("is a wildcard, and redirect_wildcards does not let it"),
            // All of a top-level domain is nobody's.
            Some(rest) if !rest.contains('.') => return refuse("is a wildcard over a name of one label"),
            Some(rest) => (rest, true),
            None => (host, false),
        };
        if !is_name(name) {
            return refuse("is no name of a host in lower case");
        }
        Ok(Self { name: name.to_owned(), port, wildcard })
    }

    /// Whether it means a host and the port that a URI writes.
    pub fn is(&self, host: &str, port: Option<u16>) -> bool {
        let same = match self.wildcard {
            false => host == self.name,
            true => host.split_once('.').is_some_and(|(label, rest)| rest == self.name && is_label(label)),
        };
        same && port == self.port
    }
}

/// A name of labels; one whose last label is a number would be an address (RFC 3696 section 2).
fn is_name(name: &str) -> bool {
    let last_is_number = name.rsplit('.').next().is_none_or(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    name.len() <= MAX_HOST && !last_is_number && name.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=MAX_LABEL).contains(&label.len())
        && label.bytes().all(plain)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Where an https URI leads: its host and the port that it writes.
///
/// A URI here has a host, names no user, and has no fragment, not even an empty one (RFC 6749 section 3.1.2). The error says
/// why it is none.
pub(super) fn https_place(text: &str) -> Result<(String, Option<u16>), &'static str> {
    if text.len() > MAX_REDIRECT_URI {
        return Err("is too long");
    }
    let uri = Uri::parse(text).map_err(|_| "is not a URI")?;
    if uri.scheme().as_str() != "https" {
        return Err("is not https");
    }
    let authority = uri.authority().ok_or("has no host")?;
    if authority.host().is_empty() {
        return Err("has no host");
    }
    if authority.userinfo().is_some() {
        return Err("names a user");
    }
    if uri.fragment().is_some() {
        return Err("has a fragment");
    }
    let port = match authority.port() {
        None => None,
        // A colon without a number, and a number that is no port, are no way to write one.
        Some(port) => Some(port.as_str().parse::<u16>().map_err(|_| "has no port after its colon")?),
    };
    Ok((authority.host().to_owned(), port))
}

/// A redirect URI leads to a host of the policy, by https.
///
/// Errors: `par.redirect_uri_invalid`, `par.redirect_host_not_permitted`.
pub(super) fn check_redirect(text: &str, hosts: &[HostPattern]) -> Result<(), Rejection> {
    let (host, port) = https_place(text)
        .map_err(|why| Rejection::new(PushedCode::RedirectUriInvalid, format!("{} {why}", excerpt(text))))?;
    match hosts.iter().any(|pattern| pattern.is(&host, port)) {
        true => Ok(()),
        false => {
            let what = format!("{} leads to none of the {} hosts of the policy", excerpt(text), hosts.len());
            Err(Rejection::new(PushedCode::RedirectHost, what))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_one_name() {
        let longest = alloc::vec!["a"; 127].join(".");
        for good in ["a", "a.example", "a-b.example:8443", "xn--bcher-kva.example", &longest] {
            assert!(HostPattern::parse(good, false).is_ok(), "{good}");
        }
        let long = alloc::vec!["a"; 128].join(".");
        for bad in [
            "",
            ".",
            "a.",
            ".a",
            "A.example",
            "a b",
            "a/b",
            "a@b",
            "127.0.0.1",
            "10.1",
            "[::1]",
            "a:0",
            "a:",
            "a:+1",
            "a:01",
            "a:65536",
            "a:1:2",
            "-a.example",
            "a-.example",
            "*",
            "*.example",
            "a.*.example",
            "https://a.example",
            &long,
        ] {
            assert_eq!(HostPattern::parse(bad, true).unwrap_err().code(), "par.policy_malformed", "{bad}");
        }
    }

    #[test]
    fn a_wildcard_is_one_label_and_has_to_be_asked_for() {
        assert!(HostPattern::parse("*.a.example", false).is_err());
        let pattern = HostPattern::parse("*.a.example:8443", true).unwrap();
        assert!(pattern.is("x.a.example", Some(8443)));
        for (host, port) in [
            ("x.a.example", None),
            ("a.example", Some(8443)),
            ("x.y.a.example", Some(8443)),
            (".a.example", Some(8443)),
            ("X.a.example", Some(8443)),
            ("xa.example", Some(8443)),
            ("%61.a.example", Some(8443)),
        ] {
            assert!(!pattern.is(host, port), "{host}");
        }
    }

    #[test]
    fn a_redirect_leads_to_a_host_of_the_policy_and_nowhere_else() {
        let hosts =
            [HostPattern::parse("a.example", false).unwrap(), HostPattern::parse("b.example:8443", false).unwrap()];
        let code = |uri: &str| check_redirect(uri, &hosts).map_or_else(|refused| refused.code(), |()| "accepted");
        for good in ["https://a.example", "https://a.example/cb?x=1", "https://b.example:8443/cb"] {
            assert_eq!(code(good), "accepted", "{good}");
        }
        for other in [
            "https://c.example/cb",
            "https://a.example.c.example/cb",
            "https://A.example/cb",
            "https://a.example:443/cb",
            "https://b.example/cb",
            "https://a.example./cb",
            "https://xa.example/cb",
            "https://a%2Eexample/cb",
            "https://127.0.0.1/cb",
            "https://[::1]/cb",
        ] {
            assert_eq!(code(other), "par.redirect_host_not_permitted", "{other}");
        }
        let long = format!("https://a.example/{}", "a".repeat(MAX_REDIRECT_URI));
        for bad in [
            "",
            "cb",
            "//a.example/cb",
            "https:/cb",
            "https:///cb",
            "http://a.example/cb",
            "HTTPS://a.example/cb",
            "https://a.example/cb#x",
            "https://a.example/cb#",
            "https://u@a.example/cb",
            "https://@a.example/cb",
            "https://a.example\\@c.example/",
            "https://a.example/ b",
            "https://a.example:/cb",
            "https://a.example:99999/cb",
            "com.example:/cb",
            "javascript:alert(1)",
            "http://127.0.0.1/cb",
            &long,
        ] {
            assert_eq!(code(bad), "par.redirect_uri_invalid", "{bad}");
        }
    }
}
