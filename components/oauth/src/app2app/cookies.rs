//! The cookies of a flow (section 3.7: store what is obtained, send it in subsequent requests; RFC 6265bis).
//!
//! A flow passes through servers that have nothing to do with each other, so each gets back what it set and nothing else: a cookie
//! goes to the origin (https, name and port) that set it, below its path. `Domain` never widens that. Nothing of it goes to an app
//! or a browser, or outlives the flow.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use super::url::HopUrl;

/// Most cookies of a flow: some for each of its servers.
pub const MAX_COOKIES: usize = 64;

/// The longest cookie, name and value, in bytes (RFC 6265bis section 5.7).
pub const MAX_COOKIE: usize = 4096;

/// A cookie and where it belongs.
#[derive(Clone, PartialEq, Eq)]
pub struct Cookie {
    /// The name, and a port that is not 443, of the origin that set it.
    pub origin: String,
    /// The path below which it is sent.
    pub path: String,
    /// Its name.
    pub name: String,
    /// Its value: a secret between the flow and that origin.
    pub value: String,
}

/// Without the value.
impl core::fmt::Debug for Cookie {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Cookie")
            .field("origin", &self.origin)
            .field("path", &self.path)
            .field("name", &self.name)
            .finish()
    }
}

/// Keeps what an answer sets. A field that is no cookie is passed over, as in RFC 6265bis section 5.6, and so is one for which there
/// is no room.
pub(crate) fn store(jar: &mut Vec<Cookie>, at: &HopUrl<'_>, headers: &[(&str, &[u8])]) {
    for (_, value) in headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie")) {
        let Some((cookie, gone)) = parse(value, at) else { continue };
        jar.retain(|kept| (&kept.origin, &kept.path, &kept.name) != (&cookie.origin, &cookie.path, &cookie.name));
        if !gone && jar.len() < MAX_COOKIES {
            jar.push(cookie);
        }
    }
}

/// The `Cookie` field of a request to a URL; nothing where no cookie belongs to it.
pub(crate) fn header(jar: &[Cookie], to: &HopUrl<'_>) -> Option<String> {
    let mut field = String::new();
    for cookie in jar.iter().filter(|cookie| cookie.origin == to.name && is_below(to.path, &cookie.path)) {
        if !field.is_empty() {
            field.push_str("; ");
        }
        field.push_str(&cookie.name);
        field.push('=');
        field.push_str(&cookie.value);
    }
    Some(field).filter(|field| !field.is_empty())
}

/// A cookie, and whether it is to be deleted (`Max-Age` of 0 or less).
fn parse(field: &[u8], at: &HopUrl<'_>) -> Option<(Cookie, bool)> {
    let field = core::str::from_utf8(field).ok().filter(|text| text.bytes().all(|byte| matches!(byte, b' '..=b'~')))?;
    let mut parts = field.split(';').map(str::trim);
    let (name, value) = parts.next()?.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    if name.is_empty() || name.len() + value.len() > MAX_COOKIE {
        return None;
    }
    let (mut path, mut gone, mut secure, mut domain) = (None, false, false, false);
    for attribute in parts {
        let (key, argument) = attribute.split_once('=').unwrap_or((attribute, ""));
        match key.trim().to_ascii_lowercase().as_str() {
            "path" => path = Some(argument.trim()).filter(|path| path.starts_with('/') && path.len() <= MAX_COOKIE),
            "max-age" => gone = argument.trim().parse::<i64>().is_ok_and(|age| age <= 0),
            "secure" => secure = true,
            "domain" => domain = true,
            _ => {}
        }
    }
    // RFC 6265bis section 5.7: what a prefix of the name promises has to be so. Names are compared without case there.
    let lowered = name.to_ascii_lowercase();
    let promised = if lowered.starts_with("__host-") {
        secure && !domain && path == Some("/")
    } else {
        secure || !lowered.starts_with("__secure-")
    };
    let path = path.map_or_else(|| default_path(at.path), ToString::to_string);
    let cookie = Cookie { origin: at.name.clone(), path, name: name.into(), value: value.into() };
    promised.then_some((cookie, gone))
}

/// RFC 6265bis section 5.1.4.
fn default_path(path: &str) -> String {
    match path.rfind('/') {
        None | Some(0) => "/".into(),
        Some(end) => path.get(..end).unwrap_or("/").into(),
    }
}

/// RFC 6265bis section 5.1.4: the same, or below by whole segments.
fn is_below(path: &str, cookie: &str) -> bool {
    let path = if path.is_empty() { "/" } else { path };
    match path.strip_prefix(cookie) {
        Some(rest) => rest.is_empty() || cookie.ends_with('/') || rest.starts_with('/'),
        None => false,
    }
}
