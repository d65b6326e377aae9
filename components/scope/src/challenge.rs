//! Challenges of `WWW-Authenticate` (RFC 9110 sections 11.2, 11.3 and 11.6.1), written and read.

use alloc::{format, string::String, vec::Vec};

use portcullis_types::{Rejection, limits::excerpt};

mod reader;

use reader::Reader;

use crate::{
    ScopeCode,
    limits::{MAX_CHALLENGE, MAX_CHALLENGES, MAX_PARAMETERS},
};

/// One challenge: a scheme and its parameters, in their order. Names are in lower case and occur once; values are visible
/// ASCII and spaces.
///
/// ```
/// use portcullis_scope::Challenge;
///
/// let read = Challenge::parse(r#"Bearer realm="https://auth.example/token", service=r"#).unwrap();
/// assert_eq!(read.get("service"), Some("r"));
/// let written = Challenge::new("Bearer").unwrap().with("realm", "say \"hello\"").unwrap();
/// assert_eq!(written.to_header(), r#"Bearer realm="say \"hello\"""#);
/// assert!(Challenge::new("Bearer").unwrap().with("realm", "a\r\nSet-Cookie: b").is_err());
/// ```
#[derive(Debug, Clone, Eq)]
pub struct Challenge {
    scheme: String,
    parameters: Vec<(String, String)>,
}

impl PartialEq for Challenge {
    /// Schemes compare without case (RFC 9110 section 11.1).
    fn eq(&self, other: &Self) -> bool {
        self.scheme.eq_ignore_ascii_case(&other.scheme) && self.parameters == other.parameters
    }
}

impl Challenge {
    /// A challenge without parameters.
    ///
    /// Error: `challenge.scheme`.
    pub fn new(scheme: &str) -> Result<Self, Rejection> {
        if is_token(scheme) {
            Ok(Self::empty(scheme))
        } else {
            Err(Rejection::new(ScopeCode::ChallengeScheme, format!("{} is no scheme", excerpt(scheme))))
        }
    }

    /// The challenge with one more parameter. Its name is written in lower case.
    ///
    /// Errors: `challenge.parameter` for a name, `challenge.character` for a value, `challenge.parameter_repeated`,
    /// `challenge.too_large`.
    pub fn with(mut self, name: &str, value: &str) -> Result<Self, Rejection> {
        if !is_token(name) {
            let what = format!("{} is no name of a parameter", excerpt(name));
            return Err(Rejection::new(ScopeCode::ChallengeParameter, what));
        }
        if !value.bytes().all(is_printable) {
            let what = format!("the value of {name} holds what is not printable ASCII");
            return Err(Rejection::new(ScopeCode::ChallengeCharacter, what));
        }
        self.add(name, value.into())?;
        let length = self.to_header().len();
        if length > MAX_CHALLENGE {
            return Err(too_large(length));
        }
        Ok(self)
    }

    /// For schemes of this crate.
    pub(crate) fn empty(scheme: &str) -> Self {
        Self { scheme: scheme.into(), parameters: Vec::new() }
    }

    /// For names of this crate, and values whose types keep them printable and bounded.
    pub(crate) fn push(&mut self, name: &'static str, value: String) {
        self.parameters.push((name.into(), value));
    }

    fn add(&mut self, name: &str, value: String) -> Result<(), Rejection> {
        let name = name.to_ascii_lowercase();
        if self.get(&name).is_some() {
            let what = format!("the parameter {} occurs twice", excerpt(&name));
            return Err(Rejection::new(ScopeCode::ChallengeParameterRepeated, what));
        }
        if self.parameters.len() >= MAX_PARAMETERS {
            let what = format!("more than {MAX_PARAMETERS} parameters");
            return Err(Rejection::new(ScopeCode::ChallengeTooLarge, what));
        }
        self.parameters.push((name, value));
        Ok(())
    }

    /// The scheme as it was written. Schemes compare without case.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The value of a parameter, by its name in lower case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parameters().find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    /// The parameters in their order.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether there are no parameters.
    pub fn is_empty(&self) -> bool {
        self.parameters.is_empty()
    }

    /// The header's value. Every parameter is a quoted-string, `"` and `\` escaped.
    pub fn to_header(&self) -> String {
        let mut out = self.scheme.clone();
        for (index, (name, value)) in self.parameters().enumerate() {
            out.push_str(if index == 0 { " " } else { ", " });
            out.push_str(name);
            out.push_str("=\"");
            // What is not printable cannot be here; if it could, it would still not end up in a header.
            for character in value.chars().filter(|c| matches!(c, ' '..='~')) {
                if matches!(character, '"' | '\\') {
                    out.push('\\');
                }
                out.push(character);
            }
            out.push('"');
        }
        out
    }

    /// Reads a header's value that is one challenge: at most 64 KiB and 32 parameters.
    ///
    /// As RFC 9110 demands of a recipient, white space around `=` and `,` and empty list elements are passed over. More
    /// strictly than it, a value holds nothing but printable ASCII. A second challenge in the same value is refused, and
    /// so are a `token68` and, for `Bearer`, no parameters (RFC 6750 section 3).
    ///
    /// Errors: `challenge.*`.
    pub fn parse(header: &str) -> Result<Self, Rejection> {
        let mut reader = Reader::new(header)?;
        let challenge = reader.challenge()?.ok_or_else(|| {
            Rejection::new(ScopeCode::ChallengeToken68, "the scheme has one bare value, no parameters")
        })?;
        if !reader.is_at_end() {
            return Err(several());
        }
        if challenge.is_empty() && challenge.scheme.eq_ignore_ascii_case("bearer") {
            return Err(Rejection::new(ScopeCode::ChallengeParametersMissing, "Bearer has no parameters"));
        }
        Ok(challenge)
    }

    /// Reads every challenge of a header's value, as a client meets them: at most 16 of them, else as [`Challenge::parse`].
    /// Fetch and proxies join the lines of a header with commas. Challenges with a `token68` are passed over, since no
    /// scheme here has one, and a bare `Bearer` is read: servers send it, and it says that a token is wanted.
    ///
    /// Errors: `challenge.*`.
    ///
    /// ```
    /// use portcullis_scope::Challenge;
    ///
    /// let read = Challenge::parse_all(r#"Negotiate YII=, DPoP algs="ES256", Bearer realm="a, b""#).unwrap();
    /// assert_eq!(read.iter().map(Challenge::scheme).collect::<Vec<_>>(), ["DPoP", "Bearer"]);
    /// assert_eq!(read[1].get("realm"), Some("a, b"));
    /// ```
    pub fn parse_all(header: &str) -> Result<Vec<Self>, Rejection> {
        let mut reader = Reader::new(header)?;
        let mut read = Vec::new();
        for _ in 0..MAX_CHALLENGES {
            if reader.is_at_end() {
                return Ok(read);
            }
            read.extend(reader.challenge()?);
        }
        if reader.is_at_end() {
            return Ok(read);
        }
        Err(Rejection::new(ScopeCode::ChallengeTooLarge, format!("more than {MAX_CHALLENGES} challenges")))
    }
}

fn too_large(length: usize) -> Rejection {
    Rejection::new(ScopeCode::ChallengeTooLarge, format!("{length} bytes, at most {MAX_CHALLENGE} are read or written"))
}

/// Space and visible ASCII.
fn is_printable(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e)
}

/// `tchar` (RFC 9110 section 5.6.2).
fn is_token_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_token_character)
}

fn several() -> Rejection {
    Rejection::new(ScopeCode::ChallengeSeveral, "a second challenge follows in the same value")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(header: &str) -> &'static str {
        Challenge::parse(header).err().map_or("", |rejection| rejection.code())
    }

    fn read(header: &str) -> String {
        Challenge::parse(header).unwrap().to_header()
    }

    #[test]
    fn what_the_grammar_allows_is_read() {
        assert_eq!(read(r#"Bearer realm="a",service=b"#), r#"Bearer realm="a", service="b""#);
        assert_eq!(read("bearer  Realm = \"a\" ,\tService\t=\tb"), r#"bearer realm="a", service="b""#);
        assert_eq!(read(r#", ,Bearer a="1",, ,b="2", "#), r#"Bearer a="1", b="2""#);
        assert_eq!(read(r#"Bearer a="""#), r#"Bearer a="""#);
        assert_eq!(read(r#"Bearer a="\"\\\x=,""#), r#"Bearer a="\"\\x=,""#);
        assert_eq!(read("Negotiate"), "Negotiate");
        assert_eq!(read("Negotiate ,"), "Negotiate");
        assert_eq!(Challenge::parse("BEARER a=b").unwrap(), Challenge::parse("bearer A=\"b\"").unwrap());
    }

    #[test]
    fn each_fault_has_its_code() {
        for (header, expected) in [
            ("", "challenge.scheme"),
            (" ", "challenge.scheme"),
            ("\"Bearer\" a=b", "challenge.scheme"),
            ("Bearer=a", "challenge.scheme"),
            ("Bear\u{e9}r a=b", "challenge.character"),
            ("Bearer a=\"b\r\nX: y\"", "challenge.character"),
            ("Bearer a=\"b\tc\"", "challenge.character"),
            ("Bearer", "challenge.parameters_missing"),
            ("Bearer,", "challenge.parameters_missing"),
            ("Bearer abc", "challenge.token68"),
            ("Negotiate YII=", "challenge.token68"),
            ("Bearer realm=", "challenge.token68"),
            ("Bearer realm=, a=b", "challenge.token68"),
            ("Bearer a=b, c=", "challenge.parameter"),
            ("Bearer =b", "challenge.parameter"),
            ("Bearer a b", "challenge.parameter"),
            ("Bearer a=b c=d", "challenge.parameter"),
            ("Bearer a=\"b\"c", "challenge.parameter"),
            ("Bearer a=b; c=d", "challenge.parameter"),
            ("Bearer a=\"b", "challenge.quote"),
            ("Bearer a=\"b\\", "challenge.quote"),
            ("Bearer a=b, A=c", "challenge.parameter_repeated"),
            ("Bearer a=b, Basic realm=\"x\"", "challenge.several"),
            ("Bearer a=b, Negotiate", "challenge.several"),
            ("Negotiate, Bearer a=b", "challenge.several"),
            ("Negotiate , Bearer a=b", "challenge.several"),
        ] {
            assert_eq!(code(header), expected, "{header:?}");
        }
    }

    #[test]
    fn a_client_reads_every_challenge_of_a_value() {
        let all = |header: &str| -> Vec<String> {
            Challenge::parse_all(header).unwrap().iter().map(Challenge::to_header).collect()
        };
        assert_eq!(all(""), [""; 0]);
        assert_eq!(all(" , "), [""; 0]);
        assert_eq!(all("Bearer"), ["Bearer"]);
        assert_eq!(
            all(r#"Basic realm="x", Bearer error="a,b" ,, DPoP algs=ES256"#),
            [r#"Basic realm="x""#, r#"Bearer error="a,b""#, r#"DPoP algs="ES256""#]
        );
        assert_eq!(all("Negotiate, Bearer a=b, NTLM"), ["Negotiate", r#"Bearer a="b""#, "NTLM"]);
        assert_eq!(all("Negotiate YII=, Bearer a=b, Other ab=="), [r#"Bearer a="b""#]);
        for (header, expected) in [
            ("Bearer a=b, Bearer a=b, a=c", "challenge.parameter_repeated"),
            ("Bearer a=b, DPoP a=\"b", "challenge.quote"),
            ("Bearer a=b; c=d", "challenge.parameter"),
            ("Bear\u{e9}r a=b", "challenge.character"),
        ] {
            assert_eq!(Challenge::parse_all(header).unwrap_err().code(), expected, "{header:?}");
        }
        let many = |n: usize| alloc::vec!["Bearer a=b"; n].join(", ");
        assert_eq!(Challenge::parse_all(&many(MAX_CHALLENGES)).unwrap().len(), MAX_CHALLENGES);
        assert_eq!(Challenge::parse_all(&many(MAX_CHALLENGES + 1)).unwrap_err().code(), "challenge.too_large");
        let long = "a".repeat(MAX_CHALLENGE + 1);
        assert_eq!(Challenge::parse_all(&long).unwrap_err().code(), "challenge.too_large");
    }

    #[test]
    fn size_is_bounded_at_both_sides() {
        let long = |n: usize| format!("Bearer a=\"{}\"", "b".repeat(n - 11));
        assert_eq!(code(&long(MAX_CHALLENGE)), "");
        assert_eq!(code(&long(MAX_CHALLENGE + 1)), "challenge.too_large");
        let many = |n: usize| (0..n).map(|i| format!("p{i}=x")).collect::<Vec<_>>().join(",");
        assert_eq!(code(&format!("Bearer {}", many(MAX_PARAMETERS))), "");
        assert_eq!(code(&format!("Bearer {}", many(MAX_PARAMETERS + 1))), "challenge.too_large");
        let value = "\"".repeat(MAX_CHALLENGE / 2);
        let code = Challenge::new("Bearer").unwrap().with("a", &value).unwrap_err().code();
        assert_eq!(code, "challenge.too_large");
    }

    #[test]
    fn what_is_written_is_checked() {
        let bearer = || Challenge::new("Bearer").unwrap();
        assert_eq!(Challenge::new("a b").unwrap_err().code(), "challenge.scheme");
        assert_eq!(bearer().with("a b", "c").unwrap_err().code(), "challenge.parameter");
        assert_eq!(bearer().with("a", "b\n").unwrap_err().code(), "challenge.character");
        assert_eq!(bearer().with("a", "b").unwrap().with("A", "c").unwrap_err().code(), "challenge.parameter_repeated");
    }
}
