//! What several tests of making lists need.

use super::ListClaims;

pub(crate) const CLAIMS: ListClaims<'static> = ListClaims {
    uri: "https://example.com/statuslists/1",
    issued_at: 1_790_000_000,
    expires: Some(1_790_086_400),
    ttl: Some(43_200),
    aggregation_uri: Some("https://example.com/statuslists"),
};
