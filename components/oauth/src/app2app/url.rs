//! The URLs that a flow may call, by their form. Where a name points to is for who connects.

use alloc::{collections::BTreeSet, format, string::String};

use fluent_uri::Uri;
use portcullis_types::{Rejection, limits::excerpt};

use super::App2AppCode;

/// The longest URL, in bytes: longer ones fail in clients and proxies anyway.
pub const MAX_URL: usize = 8 * 1024;

/// The longest DNS name (RFC 1035 section 2.3.4), without its last dot.
const MAX_DNS_NAME: usize = 253;

/// The longest label of one.
const MAX_LABEL: usize = 63;

/// An https URL with a DNS name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HopUrl<'u> {
    pub(crate) text: &'u str,
    /// As an allow-list has it: the name, and a port that is not 443.
    pub(crate) name: String,
    pub(crate) path: &'u str,
}

/// Admits a URL. A port is admitted where the allow-list has the name with it, listed by the app and never learnt.
///
/// Errors: `app2app.url_*`.
pub(crate) fn admit<'u>(text: &'u str, allowed: &BTreeSet<String>) -> Result<HopUrl<'u>, Rejection> {
    let refuse = |code, why: &str| Err(Rejection::new(code, format!("{} {why}", excerpt(harmless(text)))));
    if text.len() > MAX_URL {
        return refuse(App2AppCode::UrlTooLong, "is too long");
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return refuse(App2AppCode::UrlMalformed, "has a character that no URL has");
    }
    let Ok(uri) = Uri::parse(text) else { return refuse(App2AppCode::UrlMalformed, "is no URI") };
    if uri.scheme().as_str() != "https" {
        return refuse(App2AppCode::UrlScheme, "is not https");
    }
    let Some(authority) = uri.authority() else { return refuse(App2AppCode::UrlMalformed, "has no host") };
    if authority.userinfo().is_some() {
        return refuse(App2AppCode::UrlUser, "has a user name");
    }
    if uri.fragment().is_some() {
        return refuse(App2AppCode::UrlFragment, "has a fragment");
    }
    let host = authority.host();
    if is_address(host) {
        return refuse(App2AppCode::UrlAddress, "has an address in place of a name");
    }
    if !is_dns_name(host) {
        return refuse(App2AppCode::UrlName, "has a host that is no DNS name");
    }
    let name = match authority.port() {
        None => String::from(host),
        // One spelling: who means 443 leaves it out.
        Some(port) => {
            let name = format!("{host}:{port}");
            if !allowed.contains(&name) {
                return refuse(App2AppCode::UrlPort, "has a port that is not listed");
            }
            name
        }
    };
    Ok(HopUrl { text, name, path: uri.path().as_str() })
}

/// Without the query, where codes and states are, and without a user name and password: nothing of them goes into a detail.
fn harmless(text: &str) -> &str {
    let before = text.split(['?', '#']).next().unwrap_or_default();
    before.rsplit('@').next().unwrap_or_default()
}

/// An entry of an allow-list: a DNS name, or one with a port that is not 443.
pub(crate) fn is_listed_form(entry: &str) -> bool {
    match entry.split_once(':') {
        None => is_dns_name(entry) && !is_address(entry),
        Some((name, port)) => {
            let number = !port.starts_with('0') && port.parse::<u16>().is_ok_and(|port| port != 443);
            is_dns_name(name) && !is_address(name) && number && port.bytes().all(|byte| byte.is_ascii_digit())
        }
    }
}

/// Two labels or more, in lower case, and not the device itself.
fn is_dns_name(host: &str) -> bool {
    let label = |label: &str| {
        (1..=MAX_LABEL).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    host.len() <= MAX_DNS_NAME && host.contains('.') && !host.ends_with(".localhost") && host.split('.').all(label)
}

/// An IPv4 or IPv6 literal, in any form that a resolver might take for one. A last label that begins with a digit is no top-level
/// domain, and some resolvers read it as a number.
fn is_address(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    host.starts_with('[') || last.starts_with(|first: char| first.is_ascii_digit())
}

/// Whether a URL is another one with nothing but parameters added to it.
pub(crate) fn is_own(url: &str, own: &str) -> bool {
    match url.strip_prefix(own) {
        Some("") => true,
        Some(rest) if own.contains('?') => rest.starts_with('&'),
        Some(rest) => rest.starts_with('?'),
        None => false,
    }
}
