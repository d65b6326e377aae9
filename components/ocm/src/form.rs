//! Forms, read strictly.

use alloc::{format, string::String, vec::Vec};

use portcullis_types::{Rejection, form::decode, limits::excerpt};

use crate::SignedCode;

/// The parameters of a form, decoded; no name twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a form: ASCII, each escape with its two digits, UTF-8 when decoded, no parameter twice (RFC 6749 section 3.2).
    ///
    /// Error: `ocm.body_malformed`.
    pub fn parse(text: &str) -> Result<Self, Rejection> {
        let refuse = |what: String| Rejection::new(SignedCode::Body, what);
        let mut pairs: Vec<(String, String)> = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name).ok_or_else(|| refuse("a parameter's name is no text".into()))?;
            // What the value holds may be a secret.
            let value = decode(value).ok_or_else(|| refuse(format!("the parameter {} is no text", excerpt(&name))))?;
            if pairs.iter().any(|(other, _)| *other == name) {
                return Err(refuse(format!("the parameter {} stands twice", excerpt(&name))));
            }
            if pairs.len() >= MAX_PARAMETERS {
                return Err(refuse(format!("there are more than {MAX_PARAMETERS} parameters")));
            }
            pairs.push((name, value));
        }
        Ok(Self(pairs))
    }

    /// A parameter's value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(its, _)| its == name).map(|(_, value)| value.as_str())
    }
}

/// Most parameters of a form: a token request has three, and RFC 6749 knows two more.
const MAX_PARAMETERS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_strictly() {
        let form = Form::parse("grant_type=authorization_code&code=a%2Bb+c&&empty").unwrap();
        assert_eq!(form.get("code"), Some("a+b c"));
        assert_eq!((form.get("empty"), form.get("other")), (Some(""), None));
        for text in ["a=1&a=2", "a=%zz", "a=%F", "a=%FF", "%FF=1", "a=\"", "é=1"] {
            assert_eq!(Form::parse(text).unwrap_err().code(), "ocm.body_malformed", "{text}");
        }
        let many = alloc::vec!["a"; MAX_PARAMETERS + 1]
            .iter()
            .enumerate()
            .fold(String::new(), |all, (n, _)| format!("{all}&p{n}=1"));
        assert!(Form::parse(&many).is_err());
    }
}
