//! `application/x-www-form-urlencoded`: one part of a form or a query read, and parameters written. What may stand in a form is for who
//! reads it.

use alloc::{borrow::ToOwned, string::String};

use fluent_uri::pct_enc::{
    EStr, EString,
    encoder::{Data, Query},
};

/// A name or value of a form, decoded: `+` is a space, each escape has its two digits, and what comes of it is UTF-8. Nothing where it
/// is not so, or has a character that stands in no query (RFC 3986 section 3.4).
///
/// ```
/// use portcullis_types::form::decode;
/// assert_eq!(decode("a%2Bb+c").as_deref(), Some("a+b c"));
/// assert_eq!(decode("%zz"), None);
/// ```
pub fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', "%20");
    EStr::<Query>::new(&spaced).and_then(|text| text.decode().to_string().ok().map(|text| (*text).to_owned()))
}

/// Parameters as a form, a space as `%20`, which every reader takes.
///
/// ```
/// assert_eq!(portcullis_types::form::encode(&[("a", "b &="), ("c", "\u{e9}")]), "a=b%20%26%3D&c=%C3%A9");
/// ```
pub fn encode(parameters: &[(&str, &str)]) -> String {
    let mut encoded = EString::<Query>::new();
    for (name, value) in parameters {
        if !encoded.is_empty() {
            encoded.push('&');
        }
        encoded.encode_str::<Data>(name);
        encoded.push('=');
        encoded.encode_str::<Data>(value);
    }
    encoded.into_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_is_repaired() {
        for text in ["", "a", "a b", "&=+%", "é", "\u{0}"] {
            let form = encode(&[("n", text)]);
            assert_eq!(form.strip_prefix("n=").and_then(decode).as_deref(), Some(text), "{form}");
        }
        for text in ["%zz", "%F", "%", "%FF", "\"", "é", "a#b"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
