//! What several unit tests need: an authority and a chain below it (from the corpus, `svid-more/ok-issuer-with-spiffe-id`).

use alloc::{rc::Rc, vec::Vec};

use base64::{Engine, engine::general_purpose::STANDARD};
use portcullis_crypto::{Backend, SoftwareBackend};
use portcullis_types::base64url;

/// A self-signed certificate, in base64 as in an `x5c`.
pub(crate) const AUTHORITY: &str = "MIIBkzCCATmgAwIBAgICE4kwCgYIKoZIzj0EAwIwIDEPMA0GA1UECgwGU1BJRkZFMQ0wCwYDVQQDDARSb290MB4XDTI0MDkyMTE0MTMy\
    MFoXDTMyMDkxOTE0MTMyMFowIDEPMA0GA1UECgwGU1BJRkZFMQ0wCwYDVQQDDARSb290MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\
    pBVwxNrOEHyxAHyS6G8a5UIeicRQc2sJWyvEw8Xrq8bLGHWn0MZbRDR27cw8lRmQG/07hbBanFOE411OCG2zJaNjMGEwDwYDVR0TAQH/\
    BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAQYwHQYDVR0OBBYEFAN2uLe9jZpjJQ9eXaDz8P9XWAbjMB8GA1UdIwQYMBaAFAN2uLe9jZpjJQ9e\
    XaDz8P9XWAbjMAoGCCqGSM49BAMCA0gAMEUCIA4AATl5X8SP27Vx95snKOuuHKyXMk1UL5wAOgo5/RGvAiEAwhgR1AKwavKEvSNRQUfC\
    DaAG5dYKEpsLM1Xb/YIZMio=";

/// Its key.
pub(crate) const AUTHORITY_JWK: &str = r#"{"kty":"EC","crv":"P-256","x":"pBVwxNrOEHyxAHyS6G8a5UIeicRQc2sJWyvEw8Xrq8Y","y":"yxh1p9DGW0Q0du3MPJUZkBv9O4WwWpxThONdTghtsyU"}"#;

/// A leaf below an intermediate below the authority, in base64url.
const CHAIN: [&str; 2] = [
    "MIIBvjCCAWWgAwIBAgICE5wwCgYIKoZIzj0EAwIwHjEPMA0GA1UECgwGU1BJRkZFMQswCQYDVQQDDAJJMTAeFw0yNTA5MjExNDEzMjBa\
    Fw0zMTA5MjAxNDEzMjBaMB8xDzANBgNVBAoMBlNQSUZGRTEMMAoGA1UEAwwDd2ViMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEUl2W\
    RaCMAzBWCxjLpumA8ouXkzOsWKOgByo07qC9TU33IH-3giMHdVNFUoXFZ3oz1_YGt55SsAyrQu5m12uhkaOBkTCBjjAMBgNVHRMBAf8E\
    AjAAMA4GA1UdDwEB_wQEAwIHgDAuBgNVHREEJzAlhiNzcGlmZmU6Ly9leGFtcGxlLm9yZy9ucy9wcm9kL3NhL3dlYjAdBgNVHQ4EFgQU\
    b6c0zuq2FZt3yKrB4LExxtpSesowHwYDVR0jBBgwFoAUdK_MoNdhzm7neJEgnOniQ2nsjvgwCgYIKoZIzj0EAwIDRwAwRAIgKz0RTJEq\
    rrad26T-B_Gmxm8Bo4cdp3YTnFQc283eTGECIGZFvvhkDXzR3vhkuMgDvbV5liSE8bfShBk_X0-smiop",
    "MIIBtDCCAVqgAwIBAgICE50wCgYIKoZIzj0EAwIwIDEPMA0GA1UECgwGU1BJRkZFMQ0wCwYDVQQDDARSb290MB4XDTI1MDkyMTE0MTMy\
    MFoXDTMxMDkyMDE0MTMyMFowHjEPMA0GA1UECgwGU1BJRkZFMQswCQYDVQQDDAJJMTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABGdp\
    rrGdTi4ZympCoEH4y1wSqMVO1z5P8p1FHC_1tbBit-BE3P3a5tlJt6PFMyzu3d8NQwbEYEo8e9xEHkaPspqjgYUwgYIwDwYDVR0TAQH_\
    BAUwAwEB_zAOBgNVHQ8BAf8EBAMCAQYwHwYDVR0RBBgwFoYUc3BpZmZlOi8vZXhhbXBsZS5vcmcwHQYDVR0OBBYEFHSvzKDXYc5u53iR\
    IJzp4kNp7I74MB8GA1UdIwQYMBaAFAN2uLe9jZpjJQ9eXaDz8P9XWAbjMAoGCCqGSM49BAMCA0gAMEUCIG2uQnXl5JwyUMT01unOyVC-\
    InJF96VLSzNut9OYJ7ZlAiEA4iPygmSfh3QZvVUutoWtx4YS29eDK3N1JUXGVFMWjNw",
];

/// A time at which all of them are valid.
pub(crate) const AT: u64 = 1_790_000_000;

pub(crate) fn backend() -> Rc<dyn Backend> {
    Rc::new(SoftwareBackend::default())
}

pub(crate) fn authority() -> Vec<u8> {
    STANDARD.decode(AUTHORITY).unwrap()
}

pub(crate) fn chain() -> Vec<Vec<u8>> {
    CHAIN.iter().map(|der| base64url::decode(der.as_bytes()).unwrap()).collect()
}
