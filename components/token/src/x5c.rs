//! Certificates that a token brings along (RFC 7515 section 4.1.6). They are read here and trusted nowhere: who accepts them
//! validates a path, or compares their key with one that is trusted already.

use alloc::{format, vec::Vec};

use base64::{Engine, engine::general_purpose::STANDARD};
use portcullis_types::{
    Rejection,
    json::{Object, Value},
};

use crate::{TokenCode, compact};

/// Most certificates that are read (`docs/limits.md`). Real chains have two to four.
pub const MAX_CERTIFICATES: usize = 10;

/// The certificates of a header in DER, the signer's first; nothing where it brings none.
///
/// Errors: `token.x5c_malformed`, `json.duplicate_name`.
pub fn certificates(header: &Object) -> Result<Option<Vec<Vec<u8>>>, Rejection> {
    let malformed = |what: &str| Rejection::new(TokenCode::CertificatesMalformed, what);
    let Some(value) = header.get("x5c")? else { return Ok(None) };
    let items = value.as_array().ok_or_else(|| malformed("x5c is no list"))?;
    if items.is_empty() {
        return Err(malformed("x5c is empty"));
    }
    if items.len() > MAX_CERTIFICATES {
        return Err(malformed(&format!("x5c lists more than {MAX_CERTIFICATES} certificates")));
    }
    let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
    let texts = texts.ok_or_else(|| malformed("x5c lists something that is no text"))?;
    // Base64 with padding, not base64url.
    let decode = |text: &&str| STANDARD.decode(text).map_err(|_| malformed("x5c is not base64"));
    texts.iter().map(decode).collect::<Result<_, _>>().map(Some)
}

/// The same, of a compact token of at most so many bytes.
///
/// Errors: `token.x5c_malformed`, those of [`compact::parse`].
pub fn certificates_untrusted(token: &[u8], most: usize) -> Result<Vec<Vec<u8>>, Rejection> {
    let found = certificates(&compact::parse_at_most(token, most)?.header)?;
    found.ok_or_else(|| Rejection::new(TokenCode::CertificatesMalformed, "the header has no x5c"))
}

#[cfg(test)]
mod tests {
    use portcullis_types::json;

    use super::*;

    #[test]
    fn what_is_no_list_of_certificates_is_refused() {
        let read = |text: &str| certificates(&json::parse_object(text.as_bytes()).unwrap());
        assert_eq!(read("{}").unwrap(), None);
        assert_eq!(
            read(r#"{"x5c":["MAA=","MAE="]}"#).unwrap(),
            Some(alloc::vec![alloc::vec![0x30, 0], alloc::vec![0x30, 1]])
        );
        let many = format!(r#"{{"x5c":[{}"MAA="]}}"#, r#""MAA=","#.repeat(MAX_CERTIFICATES));
        for text in
            [r#"{"x5c":"MAA="}"#, r#"{"x5c":[]}"#, r#"{"x5c":[1]}"#, r#"{"x5c":["MAA"]}"#, r#"{"x5c":["M-A="]}"#, &many]
        {
            assert_eq!(read(text).unwrap_err().code(), "token.x5c_malformed", "{text}");
        }
        let none = certificates_untrusted(b"e30.e30.", 100).unwrap_err();
        assert_eq!(none.code(), "token.x5c_malformed");
    }
}
