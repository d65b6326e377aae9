//! Proof Key for Code Exchange (RFC 7636), in the one form that hides the verifier: S256.

use alloc::{format, string::String};

use portcullis_crypto::sha256;
use portcullis_types::{Rejection, base64url, limits::excerpt};

use super::PushedCode;

/// The one method that is taken (RFC 7636 section 4.2; RFC 9700 section 2.1.1).
const METHOD: &str = "S256";

/// The lengths of a verifier, in characters (RFC 7636 section 4.1).
const VERIFIER: core::ops::RangeInclusive<usize> = 43..=128;

/// The SHA-256 hash of a code verifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeChallenge([u8; 32]);

impl CodeChallenge {
    /// Reads a `code_challenge` and its `code_challenge_method` (RFC 7636 section 4.3). A method that is left out means `plain`,
    /// and is refused like it.
    ///
    /// Errors: `par.code_challenge_method`, `par.code_challenge_form`.
    ///
    /// ```
    /// use portcullis_oauth::pushed_registration::CodeChallenge;
    /// // RFC 7636 appendix B
    /// let challenge = CodeChallenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", Some("S256"))?;
    /// assert!(challenge.check("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").is_ok());
    /// assert_eq!(challenge.check("no-verifier").unwrap_err().code(), "par.code_verifier_form");
    /// # Ok::<(), portcullis_types::Rejection>(())
    /// ```
    pub fn parse(challenge: &str, method: Option<&str>) -> Result<Self, Rejection> {
        match method {
            Some(METHOD) => {}
            Some(other) => {
                let what = format!("code_challenge_method is {}", excerpt(other));
                return Err(Rejection::new(PushedCode::ChallengeMethod, what));
            }
            None => {
                let what = "there is no code_challenge_method, which means plain";
                return Err(Rejection::new(PushedCode::ChallengeMethod, what));
            }
        }
        let refuse = |what: String| Rejection::new(PushedCode::ChallengeForm, what);
        let hash = base64url::decode(challenge.as_bytes())
            .map_err(|inner| refuse(format!("code_challenge is not base64url: {}", inner.detail())))?;
        let length = hash.len();
        let hash =
            hash.try_into().map_err(|_| refuse(format!("code_challenge is {length} bytes, a SHA-256 hash is 32")))?;
        Ok(Self(hash))
    }

    /// The `code_challenge`.
    pub fn to_text(&self) -> String {
        base64url::encode(&self.0)
    }

    /// Whether a `code_verifier` is the one that the challenge was made from (RFC 7636 section 4.6).
    ///
    /// Errors: `par.code_verifier_form`, `par.code_verifier_mismatch`.
    pub fn check(&self, verifier: &str) -> Result<(), Rejection> {
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        if !VERIFIER.contains(&verifier.len()) || !verifier.bytes().all(unreserved) {
            let what = format!("a code_verifier of {} bytes, or with characters that it may not have", verifier.len());
            return Err(Rejection::new(PushedCode::VerifierForm, what));
        }
        match sha256(verifier.as_bytes()) == self.0 {
            true => Ok(()),
            false => {
                Err(Rejection::new(PushedCode::VerifierMismatch, "code_verifier is not that of the code_challenge"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 7636 appendix B
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    #[test]
    fn a_challenge_is_a_hash_and_its_method_is_said() {
        let code = |challenge: &str, method| {
            CodeChallenge::parse(challenge, method).map_or_else(|refused| refused.code(), |_| "accepted")
        };
        assert_eq!(code(CHALLENGE, Some("S256")), "accepted");
        for method in [None, Some("plain"), Some("s256"), Some("S512"), Some("")] {
            assert_eq!(code(CHALLENGE, method), "par.code_challenge_method", "{method:?}");
        }
        for challenge in [
            "",
            "AAAA",
            &CHALLENGE[1..],
            &format!("{CHALLENGE}="),
            &format!("{CHALLENGE}A"),
            VERIFIER.get(..42).unwrap(),
        ] {
            assert_eq!(code(challenge, Some("S256")), "par.code_challenge_form", "{challenge}");
        }
        assert_eq!(CodeChallenge::parse(CHALLENGE, Some("S256")).unwrap().to_text(), CHALLENGE);
    }

    #[test]
    fn a_verifier_is_long_enough_and_the_one() {
        let code = |verifier: &str| {
            let challenge = CodeChallenge(sha256(verifier.as_bytes()));
            challenge.check(verifier).map_or_else(|refused| refused.code(), |()| "accepted")
        };
        for length in [43, 128] {
            assert_eq!(code(&"a".repeat(length)), "accepted");
        }
        for verifier in ["a".repeat(42), "a".repeat(129), "a".repeat(42) + "+", "a".repeat(42) + "\u{e4}"] {
            assert_eq!(code(&verifier), "par.code_verifier_form", "{verifier}");
        }
        let challenge = CodeChallenge::parse(CHALLENGE, Some("S256")).unwrap();
        assert!(challenge.check(VERIFIER).is_ok());
        assert_eq!(challenge.check(CHALLENGE).unwrap_err().code(), "par.code_verifier_mismatch");
    }
}
