//! The target of a proof against the target of its request (RFC 9449 section 4.3 check 9).
//!
//! This is the one place where identifiers are normalised, because RFC 9449 asks for it: both sides by RFC 3986
//! section 6.2.2 (case of scheme, host and escapes; escapes of unreserved characters; dot segments) and 6.2.3 (default
//! port, empty path). The library does all of it but the empty path. What is not an absolute http or https URI has no
//! normal form and equals nothing.

use alloc::{format, string::String};

use fluent_uri::Uri;
use portcullis_types::{Rejection, limits::excerpt};

use crate::TokenCode;

/// What is compared of a URI; query and fragment are not.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Target {
    scheme: String,
    host: String,
    /// Without the scheme's default.
    port: String,
    path: String,
}

/// Whether `htu` names the request's URL, query and fragment put aside. The answer is the URI that both stand for.
///
/// Errors: `dpop.target_*`, `dpop.url_malformed`.
pub(crate) fn same(htu: &str, url: &str) -> Result<String, Rejection> {
    let wanted = target(url, TokenCode::DpopUrlMalformed, TokenCode::DpopUrlMalformed)?;
    let given = target(htu, TokenCode::DpopTargetMalformed, TokenCode::DpopTargetUser)?;
    for (code, what, given, wanted) in [
        (TokenCode::DpopTargetScheme, "scheme", &given.scheme, &wanted.scheme),
        (TokenCode::DpopTargetHost, "host", &given.host, &wanted.host),
        (TokenCode::DpopTargetPort, "port", &given.port, &wanted.port),
        (TokenCode::DpopTargetPath, "path", &given.path, &wanted.path),
    ] {
        if given != wanted {
            let told = |text: &str| if text.is_empty() { "none".into() } else { excerpt(text) };
            let detail = format!("the {what} of htu is {}, the request's is {}", told(given), told(wanted));
            return Err(Rejection::new(code, detail));
        }
    }
    let colon = if wanted.port.is_empty() { "" } else { ":" };
    Ok(format!("{}://{}{colon}{}{}", wanted.scheme, wanted.host, wanted.port, wanted.path))
}

fn target(text: &str, malformed: TokenCode, with_user: TokenCode) -> Result<Target, Rejection> {
    let refuse = |why: &str| Rejection::new(malformed, format!("{} {why}", excerpt(text)));
    let uri = Uri::parse(text).map_err(|_| refuse("is not a URI"))?.normalize();
    if !matches!(uri.scheme().as_str(), "http" | "https") {
        return Err(refuse("is neither http nor https"));
    }
    let authority = uri.authority().ok_or_else(|| refuse("has no host"))?;
    if authority.userinfo().is_some() {
        return Err(Rejection::new(with_user, format!("{} names a user", excerpt(text))));
    }
    if authority.host().is_empty() {
        return Err(refuse("has no host"));
    }
    let path = uri.path().as_str();
    Ok(Target {
        scheme: uri.scheme().as_str().into(),
        host: authority.host().into(),
        port: authority.port().map_or_else(String::new, |port| port.as_str().into()),
        path: if path.is_empty() { "/".into() } else { path.into() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://server.example.com/a/token";

    fn code(htu: &str, url: &str) -> &'static str {
        same(htu, url).map_or_else(|rejection| rejection.code(), |_| "same")
    }

    #[test]
    fn what_the_specification_calls_equal_is_equal() {
        for htu in [
            URL,
            "HTTPS://server.example.com/a/token",
            "https://SERVER.example.COM/a/token",
            "https://server.example.com:443/a/token",
            "https://server.example.com:/a/token",
            "https://server%2Eexample.com/a/token",
            "https://server.example.com/%61/tok%65n",
            "https://server.example.com/a/b/../token",
            "https://server.example.com/a/b/%2e%2E/token",
            "https://server.example.com/a/./token",
            "https://server.example.com/a/token?x=1",
            "https://server.example.com/a/token#x",
        ] {
            assert_eq!(code(htu, URL), "same", "{htu}");
            assert_eq!(code(URL, htu), "same", "{htu}");
        }
        assert_eq!(code("https://h", "https://h/"), "same");
        assert_eq!(code("https://h?x", "https://h/"), "same");
        assert_eq!(code("http://h:80/", "http://h/"), "same");
        assert_eq!(code("https://[2001:DB8::1]/", "https://[2001:db8::1]/"), "same");
        assert_eq!(code("https://h/%c3%a9", "https://h/%C3%A9"), "same");
        assert_eq!(same("https://H:443/%7eu?q", "https://h/~u").unwrap(), "https://h/~u");
        assert_eq!(same("https://h:8443", "https://h:8443/").unwrap(), "https://h:8443/");
    }

    #[test]
    fn what_it_does_not_is_not() {
        for (htu, wanted) in [
            ("http://server.example.com/a/token", "dpop.target_scheme"),
            ("http://server.example.com:443/a/token", "dpop.target_scheme"),
            ("https://server.example.org/a/token", "dpop.target_host"),
            ("https://server.example.com./a/token", "dpop.target_host"),
            ("https://server.example.com%2F/a/token", "dpop.target_host"),
            ("https://server.example.com:80/a/token", "dpop.target_port"),
            ("https://server.example.com:8443/a/token", "dpop.target_port"),
            ("https://server.example.com:4430/a/token", "dpop.target_port"),
            ("https://server.example.com/a/token/", "dpop.target_path"),
            ("https://server.example.com/a/toke", "dpop.target_path"),
            ("https://server.example.com/A/token", "dpop.target_path"),
            ("https://server.example.com//a/token", "dpop.target_path"),
            ("https://server.example.com/a%2Ftoken", "dpop.target_path"),
            ("https://server.example.com/a/token%3F", "dpop.target_path"),
            ("https://server.example.com/a/token;x", "dpop.target_path"),
            ("https://user@server.example.com/a/token", "dpop.target_user"),
            ("https://@server.example.com/a/token", "dpop.target_user"),
            ("https://server.example.com@evil.example/a/token", "dpop.target_user"),
        ] {
            assert_eq!(code(htu, URL), wanted, "{htu}");
        }
    }

    #[test]
    fn what_is_no_uri_equals_nothing_not_even_itself() {
        for text in [
            "",
            "/a/token",
            "server.example.com/a/token",
            "//server.example.com/a/token",
            "https:/a",
            "https:///a",
            "https://:443/a",
            "https:a",
            "ftp://server.example.com/a",
            "javascript:alert(1)",
            "https://server.example.com/a b",
            " https://server.example.com/a",
            "https://server.example.com/a\\b",
            "https://server.example.com\\@evil.example/",
            "https://server.example.com/%",
            "https://server.example.com/%zz",
            "https://server.example.com/é",
            "https://sérver.example.com/",
            "https://server.example.com:port/",
            "https://[::1/",
            "https://h/\0",
        ] {
            assert_eq!(code(text, URL), "dpop.target_malformed", "{text}");
            assert_eq!(code(text, text), "dpop.url_malformed", "{text}");
        }
    }
}
