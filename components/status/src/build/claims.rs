//! What a list token says beside its list (sections 5.1 and 5.2), judged before anything is signed.

use alloc::{format, vec::Vec};

use fluent_uri::Uri;
use portcullis_crypto::Algorithm;
use portcullis_types::{Rejection, Timestamp, limits::excerpt, time::MAX_TIMESTAMP};

use super::BuildCode;

/// The longest URI, in bytes: what clients and servers are sure to take.
pub const MAX_URI: usize = 2048;

/// The claims of a list token.
#[derive(Debug, Clone, Copy)]
pub struct ListClaims<'a> {
    /// `sub`: the URI by which tokens refer to the list, byte by byte.
    pub uri: &'a str,
    /// `iat`, in seconds since 1970.
    pub issued_at: Timestamp,
    /// `exp`, in seconds since 1970: until when the list may be relied upon. Recommended.
    pub expires: Option<Timestamp>,
    /// `ttl`, in seconds: for how long a copy is kept before the next one is fetched. Recommended.
    pub ttl: Option<u64>,
    /// `aggregation_uri`: where the issuer's lists are named (section 9.2).
    pub aggregation_uri: Option<&'a str>,
}

/// The header of a list token.
#[derive(Debug, Clone, Copy)]
pub struct TokenHeader<'a> {
    /// The algorithm of the signature.
    pub algorithm: Algorithm,
    /// The key's identifier.
    pub kid: Option<&'a str>,
    /// Certificates that vouch for the key, in DER, the signer's first; none for keys that relying parties know otherwise.
    pub certificates: &'a [Vec<u8>],
}

impl ListClaims<'_> {
    /// Whether the claims may be published.
    ///
    /// Errors: `status.build_uri`, `status.build_time`, `status.build_expired`, `status.build_ttl_*`.
    pub fn check(&self) -> Result<(), Rejection> {
        check_uri(self.uri).map_err(|rejection| rejection.within("sub"))?;
        if let Some(uri) = self.aggregation_uri {
            check_uri(uri).map_err(|rejection| rejection.within("aggregation_uri"))?;
        }
        for (name, time) in [("iat", Some(self.issued_at)), ("exp", self.expires), ("ttl", self.ttl)] {
            if time.is_some_and(|time| time > MAX_TIMESTAMP) {
                return Err(Rejection::new(BuildCode::Time, format!("{name} is above 2^53 - 1")));
            }
        }
        if self.ttl == Some(0) {
            return Err(Rejection::new(BuildCode::TtlNotPositive, "ttl is 0"));
        }
        let Some(expires) = self.expires else { return Ok(()) };
        let Some(life) = expires.checked_sub(self.issued_at).filter(|life| *life > 0) else {
            return Err(Rejection::new(BuildCode::Expired, format!("exp is {expires} and iat is {}", self.issued_at)));
        };
        match self.ttl {
            Some(ttl) if ttl > life => Err(Rejection::new(
                BuildCode::TtlBeyondExpiry,
                format!("ttl is {ttl} seconds and the list expires {life} seconds after it is issued"),
            )),
            _ => Ok(()),
        }
    }
}

/// An absolute URI (section 6.2, RFC 3986 section 4.3), which has no fragment: it is what a relying party fetches, and compares
/// byte by byte.
///
/// Error: `status.build_uri`.
pub fn check_uri(uri: &str) -> Result<(), Rejection> {
    let refuse = |why: &str| Err(Rejection::new(BuildCode::Uri, format!("{} {why}", excerpt(uri))));
    if uri.len() > MAX_URI {
        return refuse("is longer than 2,048 bytes");
    }
    match Uri::parse(uri) {
        Ok(uri) if uri.has_fragment() => refuse("has a fragment"),
        Ok(_) => Ok(()),
        Err(_) => refuse("is no absolute URI"),
    }
}

#[cfg(test)]
mod tests {
    use std::string::String;

    use super::*;

    const GOOD: ListClaims<'static> = ListClaims {
        uri: "https://example.com/statuslists/1",
        issued_at: 1_790_000_000,
        expires: Some(1_790_000_100),
        ttl: Some(100),
        aggregation_uri: Some("https://example.com/statuslists"),
    };

    #[test]
    fn good_claims_pass() {
        GOOD.check().unwrap();
        ListClaims { expires: None, ttl: Some(MAX_TIMESTAMP), ..GOOD }.check().unwrap();
        ListClaims { expires: None, ttl: None, aggregation_uri: None, ..GOOD }.check().unwrap();
        ListClaims { issued_at: 0, expires: Some(MAX_TIMESTAMP), ttl: None, ..GOOD }.check().unwrap();
    }

    #[test]
    fn each_fault_has_its_code() {
        for (claims, wanted) in [
            (ListClaims { uri: "/statuslists/1", ..GOOD }, "status.build_uri"),
            (ListClaims { aggregation_uri: Some(""), ..GOOD }, "status.build_uri"),
            (ListClaims { issued_at: MAX_TIMESTAMP + 1, expires: None, ..GOOD }, "status.build_time"),
            (ListClaims { expires: Some(MAX_TIMESTAMP + 1), ..GOOD }, "status.build_time"),
            (ListClaims { expires: None, ttl: Some(u64::MAX), ..GOOD }, "status.build_time"),
            (ListClaims { ttl: Some(0), ..GOOD }, "status.build_ttl_not_positive"),
            (ListClaims { expires: Some(1_790_000_000), ..GOOD }, "status.build_expired"),
            (ListClaims { expires: Some(5), ..GOOD }, "status.build_expired"),
            (ListClaims { ttl: Some(101), ..GOOD }, "status.build_ttl_beyond_expiry"),
        ] {
            assert_eq!(claims.check().unwrap_err().code(), wanted, "{claims:?}");
        }
    }

    #[test]
    fn a_uri_is_absolute_and_has_no_fragment() {
        let long = String::from("https://example.com/") + &"a".repeat(MAX_URI - 20);
        assert_eq!(long.len(), MAX_URI);
        for good in ["https://example.com/statuslists/1", "https://example.com/s?list=1", "urn:example:list:1", &long] {
            assert!(check_uri(good).is_ok(), "{good}");
        }
        let longer = long + "a";
        for bad in [
            "",
            "statuslists/1",
            "//example.com/1",
            "https://example.com/1#a",
            "https://exa mple.com/",
            "https://é.example/",
            &longer,
        ] {
            assert_eq!(check_uri(bad).unwrap_err().code(), "status.build_uri", "{bad}");
        }
    }
}
