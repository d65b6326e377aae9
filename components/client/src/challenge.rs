//! Challenges that a server gives to its clients (draft-ietf-oauth-attestation-based-client-auth-11 section 6). Making them
//! and remembering which are good is the host's; here is what they look like, and the endpoint that hands them out.

use alloc::{borrow::ToOwned, format, string::String, vec, vec::Vec};

use portcullis_types::{
    Rejection,
    json::{self, Object},
};

use crate::ClientCode;

/// The header field in which a server gives a challenge (section 6.2).
pub const HEADER: &str = "OAuth-Client-Attestation-Challenge";

/// The longest challenge, in bytes. It comes back in a header field with a signature around it, and servers in front of us
/// stop at 8 KiB of header fields; self-contained challenges are some hundred bytes.
pub const MAX_CHALLENGE: usize = 512;

/// A challenge: 1 to 512 visible ASCII characters but the comma, so that a header field holds it as it is.
///
/// ```
/// use portcullis_client::challenge::Challenge;
/// assert_eq!(Challenge::parse("AYjcyMzY3ZDhiNmJkNTZ")?.as_str(), "AYjcyMzY3ZDhiNmJkNTZ");
/// assert_eq!(Challenge::parse("a b").unwrap_err().code(), "pop.challenge_form");
/// # Ok::<(), portcullis_types::Rejection>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge(String);

impl Challenge {
    /// Reads a challenge.
    ///
    /// Error: `pop.challenge_form`.
    pub fn parse(text: &str) -> Result<Self, Rejection> {
        if text.is_empty() || text.len() > MAX_CHALLENGE {
            let what = format!("a challenge of {} bytes, 1 to {MAX_CHALLENGE} are given", text.len());
            return Err(Rejection::new(ClientCode::ChallengeForm, what));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',') {
            return Err(Rejection::new(ClientCode::ChallengeForm, "a challenge is visible ASCII without commas"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The challenge.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An answer of the challenge endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointAnswer {
    /// The HTTP status.
    pub status: u16,
    /// Header fields.
    pub headers: Vec<(&'static str, &'static str)>,
    /// The body; empty where there is none.
    pub body: String,
}

/// Answers a request to the challenge endpoint (section 6.1): a POST gets the challenge, and no cache may keep it.
///
/// ```
/// use portcullis_client::challenge::{self, Challenge};
/// let answer = challenge::endpoint("POST", &Challenge::parse("abc")?);
/// assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"attestation_challenge":"abc"}"#));
/// # Ok::<(), portcullis_types::Rejection>(())
/// ```
pub fn endpoint(method: &str, challenge: &Challenge) -> EndpointAnswer {
    if method != "POST" {
        return EndpointAnswer { status: 405, headers: vec![("Allow", "POST")], body: String::new() };
    }
    let members = vec![("attestation_challenge".into(), challenge.as_str().into())];
    EndpointAnswer {
        status: 200,
        headers: vec![("Content-Type", "application/json"), ("Cache-Control", "no-store")],
        body: json::to_text(&Object::from_members(members)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_fits_into_a_header_field() {
        assert!(Challenge::parse(&"a".repeat(MAX_CHALLENGE)).is_ok());
        for text in ["", "a b", "a,b", "a\r\nSet-Cookie: x", "\u{e4}", &"a".repeat(MAX_CHALLENGE + 1)] {
            assert_eq!(Challenge::parse(text).unwrap_err().code(), "pop.challenge_form", "{text:?}");
        }
    }

    #[test]
    fn the_endpoint_answers_posts_and_no_cache_keeps_it() {
        let challenge = Challenge::parse("a\"b").unwrap();
        let answer = endpoint("POST", &challenge);
        assert_eq!(answer.body, r#"{"attestation_challenge":"a\"b"}"#);
        assert!(answer.headers.contains(&("Cache-Control", "no-store")));
        for method in ["GET", "HEAD", "post", "PUT"] {
            let answer = endpoint(method, &challenge);
            assert_eq!((answer.status, answer.body.as_str()), (405, ""), "{method}");
            assert_eq!(answer.headers, [("Allow", "POST")]);
        }
    }
}
