//! Query parameters by name (RFC 9421 section 2.2.8).

use alloc::{format, string::String, vec::Vec};
use core::fmt::Write;

use portcullis_types::{Rejection, limits::excerpt};

use crate::SignatureCode;

/// The value of the one parameter of an encoded name, encoded again, so that every way of writing it gives the same.
///
/// Where decoding gives no UTF-8, forms are lenient and put replacement characters; two requests would then share one
/// signature, so this is refused.
///
/// Errors: `signature.query_parameter_missing`, `signature.query_parameter_repeated`, `signature.query_encoding`.
pub(crate) fn value(query: &str, name: &str) -> Result<String, Rejection> {
    let mut found = None;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (its_name, its_value) = pair.split_once('=').unwrap_or((pair, ""));
        if encode(&decode(its_name)?) != name {
            continue;
        }
        if found.is_some() {
            return Err(Rejection::new(
                SignatureCode::QueryParameterRepeated,
                format!("the query has {} several times", excerpt(name)),
            ));
        }
        found = Some(encode(&decode(its_value)?));
    }
    found.ok_or_else(|| {
        Rejection::new(SignatureCode::QueryParameterMissing, format!("the query has no {}", excerpt(name)))
    })
}

/// The parser of `application/x-www-form-urlencoded` (URL Standard section 5.1): a plus is a space, and an escape that is
/// none stays as it is.
fn decode(text: &str) -> Result<String, Rejection> {
    let digit =
        |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16)).and_then(|n| u8::try_from(n).ok());
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let escaped = match (byte, digit(bytes.get(at + 1)), digit(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => Some(high << 4 | low),
            _ => None,
        };
        decoded.push(match (escaped, byte) {
            (Some(escaped), _) => escaped,
            (None, b'+') => b' ',
            (None, other) => *other,
        });
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8(decoded).map_err(|_| {
        Rejection::new(SignatureCode::QueryEncoding, format!("{} is not UTF-8 when decoded", excerpt(text)))
    })
}

/// Percent-encoding with the set of `application/x-www-form-urlencoded` (URL Standard sections 1.3 and 5.2). A space is
/// `%20`, as the examples of RFC 9421 have it.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"*-._".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc() {
        let query = "param=value&foo=bar&baz=batman&qux=";
        assert_eq!(value(query, "baz").unwrap(), "batman");
        assert_eq!(value(query, "qux").unwrap(), "");
        assert_eq!(value(query, "param").unwrap(), "value");
        let query =
            "var=this%20is%20a%20big%0Amultiline%20value&bar=with+plus+whitespace&fa%C3%A7ade%22%3A%20=something";
        assert_eq!(value(query, "var").unwrap(), "this%20is%20a%20big%0Amultiline%20value");
        assert_eq!(value(query, "bar").unwrap(), "with%20plus%20whitespace");
        assert_eq!(value(query, "fa%C3%A7ade%22%3A%20").unwrap(), "something");
    }

    #[test]
    fn every_way_of_writing_gives_the_same() {
        for query in ["a%20b=%2f~", "a+b=%2F%7e", "%61+b=/~", "&&a+b=%2F~&"] {
            assert_eq!(value(query, "a%20b").unwrap(), "%2F%7E", "{query}");
        }
        assert_eq!(value("a=100%&b=%zz%4", "a").unwrap(), "100%25");
        assert_eq!(value("a=100%&b=%zz%4", "b").unwrap(), "%25zz%254");
        assert_eq!(value("a&=b", "a").unwrap(), "");
        assert_eq!(value("a&=b", "").unwrap(), "b");
        assert_eq!(value("a=b=c", "a").unwrap(), "b%3Dc");
        assert_eq!(value("*-._=*-._!'()", "*-._").unwrap(), "*-._%21%27%28%29");
    }

    #[test]
    fn a_parameter_occurs_once() {
        assert_eq!(value("a=1&a=1", "a").unwrap_err().code(), "signature.query_parameter_repeated");
        assert_eq!(value("a=1&%61=2", "a").unwrap_err().code(), "signature.query_parameter_repeated");
        assert_eq!(value("a=1&A=2", "a").unwrap(), "1");
        assert_eq!(value("b=1", "a").unwrap_err().code(), "signature.query_parameter_missing");
        assert_eq!(value("", "a").unwrap_err().code(), "signature.query_parameter_missing");
    }

    #[test]
    fn what_is_no_text_is_refused() {
        assert_eq!(value("a=%FF", "a").unwrap_err().code(), "signature.query_encoding");
        assert_eq!(value("%FF=1&a=1", "a").unwrap_err().code(), "signature.query_encoding");
        assert_eq!(value("a=1&b=%FF", "a").unwrap(), "1", "the value of another parameter is not looked at");
    }
}
