//! Base64url without padding, read strictly: exactly one text stands for each sequence of bytes.

use alloc::{format, string::String, vec::Vec};

use base64::{DecodeError, Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{EncodingCode, Rejection};

/// Decodes strict base64url (RFC 4648 section 5, RFC 7515 section 2): no padding, no white space, no non-zero
/// trailing bits.
///
/// ```
/// use portcullis_types::base64url;
/// assert_eq!(base64url::decode(b"AQID").unwrap(), [1, 2, 3]);
/// assert_eq!(base64url::decode(b"AQI=").unwrap_err().code(), "base64.padding");
/// assert_eq!(base64url::decode(b"AQJ").unwrap_err().code(), "base64.trailing_bits");
/// ```
pub fn decode(text: &[u8]) -> Result<Vec<u8>, Rejection> {
    URL_SAFE_NO_PAD.decode(text).map_err(|error| explain(text, error))
}

/// Encodes without padding.
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Names the fault. Whichever character is the first that may not occur decides; a text of good characters is
/// wrong in its length or its last character.
fn explain(text: &[u8], error: DecodeError) -> Rejection {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let Some(at) = text.iter().position(|byte| !allowed(byte)) else {
        return match error {
            DecodeError::InvalidLastSymbol { .. } => {
                Rejection::new(EncodingCode::Base64TrailingBits, "the last character has bits that must be zero")
            }
            _ => Rejection::new(
                EncodingCode::Base64Length,
                format!("{} characters encode no whole number of bytes", text.len()),
            ),
        };
    };
    match text[at] {
        b'=' => Rejection::new(EncodingCode::Base64Padding, format!("'=' at offset {at}")),
        b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c => {
            Rejection::new(EncodingCode::Base64Whitespace, format!("white space at offset {at}"))
        }
        byte => Rejection::new(EncodingCode::Base64Character, format!("byte 0x{byte:02x} at offset {at}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_has_its_code() {
        let code = |text: &str| decode(text.as_bytes()).unwrap_err().code();
        assert_eq!(code("AQ=="), "base64.padding");
        assert_eq!(code("AQ =="), "base64.whitespace");
        assert_eq!(code("AQ\n"), "base64.whitespace");
        assert_eq!(code("A+ID"), "base64.character");
        assert_eq!(code("A\0ID"), "base64.character");
        assert_eq!(code("AQIDB"), "base64.length");
        assert_eq!(code("AR"), "base64.trailing_bits");
    }

    #[test]
    fn what_decodes_encodes_to_the_same_text() {
        for text in ["", "AA", "AAA", "AAAA", "_-8", "AQIDBA"] {
            assert_eq!(encode(&decode(text.as_bytes()).unwrap()), text);
        }
    }
}
