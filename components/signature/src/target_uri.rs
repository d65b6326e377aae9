//! The target URI of a request, taken apart and otherwise left as it was sent (RFC 9421 section 2.2.2 and following).

use alloc::{format, string::String};

use portcullis_types::{Rejection, limits::excerpt};

use crate::SignatureCode;

/// The parts of a target URI, each as it was sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TargetUri<'m> {
    pub(crate) whole: &'m str,
    scheme: &'m str,
    host: &'m str,
    /// Nothing where there is none or an empty one.
    port: Option<&'m str>,
    path: &'m str,
    /// Without the question mark.
    query: Option<&'m str>,
}

impl<'m> TargetUri<'m> {
    /// An absolute URI with an authority: visible ASCII characters, no user name (RFC 9110 section 4.2.4), no fragment
    /// (section 7.1).
    ///
    /// Error: `signature.url`.
    pub(crate) fn parse(url: &'m str) -> Result<Self, Rejection> {
        let wrong = |what: &str| Rejection::new(SignatureCode::Url, format!("{} {what}", excerpt(url)));
        if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(wrong("holds something but visible ASCII characters"));
        }
        if url.contains('#') {
            return Err(wrong("has a fragment"));
        }
        let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("is no absolute URL"))?;
        let in_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        if !scheme.starts_with(|first: char| first.is_ascii_alphabetic()) || !scheme.bytes().all(in_scheme) {
            return Err(wrong("has no scheme"));
        }
        let (authority, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        if authority.contains('@') {
            return Err(wrong("has a user name"));
        }
        // An IPv6 address stands in brackets and has colons of its own.
        let bracketed = if authority.starts_with('[') { authority.find(']').map_or(0, |end| end + 1) } else { 0 };
        let (address, rest) = authority.split_at(bracketed);
        let (host, port) = match rest.split_once(':') {
            Some((name, port)) => (authority.split_at(address.len() + name.len()).0, Some(port)),
            None => (authority, None),
        };
        let name = host.split_at(bracketed).1;
        if name.contains(['[', ']']) || (bracketed > 0 && !name.is_empty()) {
            return Err(wrong("has a host with stray brackets"));
        }
        if host.is_empty() {
            return Err(wrong("has no host"));
        }
        if !port.unwrap_or("").bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong("has a port that is no number"));
        }
        Ok(Self { whole: url, scheme, host, port: port.filter(|port| !port.is_empty()), path, query })
    }

    /// Section 2.2.3: the host in lower case, and the port unless it is the scheme's own.
    pub(crate) fn authority(&self) -> String {
        let host = self.host.to_ascii_lowercase();
        let own = match self.scheme() {
            scheme if scheme == "https" || scheme == "wss" => Some("443"),
            scheme if scheme == "http" || scheme == "ws" => Some("80"),
            _ => None,
        };
        match self.port {
            Some(port) if own != Some(port) => format!("{host}:{port}"),
            _ => host,
        }
    }

    /// Section 2.2.4: the scheme in lower case.
    pub(crate) fn scheme(&self) -> String {
        self.scheme.to_ascii_lowercase()
    }

    /// Section 2.2.6: the path, an empty one as `/`.
    pub(crate) fn path(&self) -> &'m str {
        if self.path.is_empty() { "/" } else { self.path }
    }

    /// The query without its question mark, if there is one.
    pub(crate) fn query(&self) -> Option<&'m str> {
        self.query
    }

    /// The origin form of the request target (RFC 9112 section 3.2.1).
    pub(crate) fn origin_form(&self) -> String {
        match self.query {
            Some(query) => format!("{}?{query}", self.path()),
            None => self.path().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_lowered_and_own_ports_dropped() {
        for (url, authority) in [
            ("https://WWW.Example.com/", "www.example.com"),
            ("HTTPS://example.com:443/", "example.com"),
            ("https://example.com:80/", "example.com:80"),
            ("http://example.com:80", "example.com"),
            ("http://example.com:443?x", "example.com:443"),
            ("https://example.com:8443/", "example.com:8443"),
            ("https://example.com:/", "example.com"),
            ("https://[2001:DB8::1]:443/", "[2001:db8::1]"),
            ("https://[2001:db8::1]:444/", "[2001:db8::1]:444"),
            ("coap://example.com:80/", "example.com:80"),
        ] {
            assert_eq!(TargetUri::parse(url).unwrap().authority(), authority, "{url}");
        }
    }

    #[test]
    fn paths_and_queries_stay_as_they_were_sent() {
        let parts = |url| {
            let uri = TargetUri::parse(url).unwrap();
            (uri.path(), uri.query(), uri.origin_form())
        };
        assert_eq!(parts("https://a"), ("/", None, "/".into()));
        assert_eq!(parts("https://a?"), ("/", Some(""), "/?".into()));
        assert_eq!(parts("https://a?b?c/d"), ("/", Some("b?c/d"), "/?b?c/d".into()));
        assert_eq!(parts("https://a//b/../%2f;x"), ("//b/../%2f;x", None, "//b/../%2f;x".into()));
    }

    #[test]
    fn what_is_no_target_is_refused() {
        for url in [
            "/path",
            "https:/a",
            "://a",
            "1s://a",
            "https://",
            "https://:443/",
            "https://u@a/",
            "https://a/#f",
            "https://a/ b",
            "https://a/\n",
            "https://\u{e4}/",
            "https://a:b/",
            "https://a:1:2/",
            "https://a::443/",
            "https://[::1]x:1/",
            "https://[::1/",
            "https://a]/",
        ] {
            assert_eq!(TargetUri::parse(url).unwrap_err().code(), "signature.url", "{url}");
        }
    }
}
