//! Where a protected resource's metadata is (RFC 9728).

use alloc::{format, string::String};

use portcullis_types::{Rejection, limits::excerpt};

use crate::{ScopeCode, limits::MAX_RESOURCE};

/// The URL of a resource's metadata, for the challenge parameter `resource_metadata` (RFC 9728 section 5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceMetadata(String);

/// The path that is put between host and path (RFC 9728 section 3).
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

impl ResourceMetadata {
    /// The default place for a resource identifier (RFC 9728 section 3.1): the well-known path between its host and its
    /// path, a slash that ends the host removed.
    ///
    /// The identifier is an `https` URL in lower-case scheme, without fragment or user, at most 2 KiB (RFC 9728
    /// section 1.2).
    ///
    /// Error: `scope.resource_malformed`.
    ///
    /// ```
    /// use portcullis_scope::ResourceMetadata;
    /// let metadata = ResourceMetadata::of_resource("https://api.example/photos").unwrap();
    /// assert_eq!(metadata.as_str(), "https://api.example/.well-known/oauth-protected-resource/photos");
    /// ```
    pub fn of_resource(resource: &str) -> Result<Self, Rejection> {
        let (host, rest) = split(resource)?;
        let rest = match rest.strip_prefix('/') {
            Some(after) if after.is_empty() || after.starts_with('?') => after,
            _ => rest,
        };
        Ok(Self(format!("https://{host}{WELL_KNOWN}{rest}")))
    }

    /// A URL that a policy gives, of the same form as an identifier.
    ///
    /// Error: `scope.resource_malformed`.
    pub fn at(url: &str) -> Result<Self, Rejection> {
        split(url)?;
        Ok(Self(url.into()))
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The authority, and the path and query.
fn split(url: &str) -> Result<(&str, &str), Rejection> {
    let malformed = |what: &str| Rejection::new(ScopeCode::ResourceMalformed, format!("{} {what}", excerpt(url)));
    if url.len() > MAX_RESOURCE {
        return Err(malformed("is too long"));
    }
    let Some(rest) = url.strip_prefix("https://") else {
        return Err(malformed("is no https URL"));
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    if authority.is_empty() || !authority.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:[]".contains(&byte))
    {
        return Err(malformed("has no plain host"));
    }
    // Path and query of RFC 3986 section 3, '#' not among them.
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(&byte);
    if !rest.bytes().all(allowed) {
        return Err(malformed("has a fragment, or a character that a URL does not have"));
    }
    Ok((authority, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_well_known_path_goes_behind_the_host() {
        for (resource, metadata) in [
            ("https://a.example", "https://a.example/.well-known/oauth-protected-resource"),
            ("https://a.example/", "https://a.example/.well-known/oauth-protected-resource"),
            ("https://a.example:8443/x/y", "https://a.example:8443/.well-known/oauth-protected-resource/x/y"),
            ("https://a.example/x/", "https://a.example/.well-known/oauth-protected-resource/x/"),
            ("https://a.example?k=v", "https://a.example/.well-known/oauth-protected-resource?k=v"),
            ("https://a.example/?k=v", "https://a.example/.well-known/oauth-protected-resource?k=v"),
            ("https://a.example//x", "https://a.example/.well-known/oauth-protected-resource//x"),
        ] {
            assert_eq!(ResourceMetadata::of_resource(resource).unwrap().as_str(), metadata);
        }
        assert_eq!(ResourceMetadata::at("https://a.example/m").unwrap().as_str(), "https://a.example/m");
    }

    #[test]
    fn nothing_but_a_plain_https_url_is_taken() {
        for url in [
            "",
            "https://",
            "https:///x",
            "http://a.example",
            "HTTPS://a.example",
            "https://u@a.example",
            "https://a.example#f",
            "https://a.example/x#f",
            "https://a.example/\"x",
            "https://a.example/\r\nx",
            "https://a.example/ x",
            "https://a.example/é",
            "https://a.ex\"ample",
        ] {
            assert_eq!(ResourceMetadata::of_resource(url).unwrap_err().code(), "scope.resource_malformed", "{url}");
            assert!(ResourceMetadata::at(url).is_err(), "{url}");
        }
        let long = |n: usize| format!("https://a.example/{}", "x".repeat(n - 18));
        assert!(ResourceMetadata::at(&long(MAX_RESOURCE)).is_ok());
        assert!(ResourceMetadata::at(&long(MAX_RESOURCE + 1)).is_err());
    }
}
