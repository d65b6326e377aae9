//! The proof of possession that comes with an attestation (draft-ietf-oauth-attestation-based-client-auth-11 sections 5.1
//! and 7.2): a token that the instance signs for one server and one request.

use alloc::{format, string::String};

use portcullis_token::{claims::Claims, compact, dpop::DEFAULT_WINDOW, jws, jwt};
use portcullis_types::{
    NumericDate, Rejection, Timestamp,
    json::Value,
    limits::excerpt,
    trace::{Silent, Trace, check},
};

use crate::{ClientCode, attestation::InstanceKey, challenge::Challenge, header::Field};

/// The header field with the proof (section 5.1).
pub const HEADER: &str = "OAuth-Client-Attestation-PoP";

/// The media type in the token's header (section 5.1).
pub const TYPE: &str = "oauth-client-attestation-pop+jwt";

/// The field, exactly once (section 7.2 (1)).
pub(crate) const FIELD: Field = Field {
    name: HEADER,
    missing: ClientCode::PopMissing,
    repeated: ClientCode::PopRepeated,
    list: ClientCode::PopList,
};

/// What the server wants to see.
#[derive(Debug, Clone, Copy)]
pub struct Expectations<'e> {
    /// What the server is called: the issuer identifier of an authorization server, the resource identifier of a resource
    /// server (section 7.2 (7)).
    pub server: &'e str,
    /// The challenges that the client may use. With any, one of them is required.
    pub challenges: &'e [Challenge],
    /// How far `iat` may lie from the time of verification, before and after, in seconds.
    pub window: u64,
    /// Identifiers of proofs that were used before.
    pub seen: &'e [&'e str],
}

impl<'e> Expectations<'e> {
    /// Those of a server that gives no challenges: the window of DPoP proofs, and nothing seen.
    pub fn of(server: &'e str) -> Self {
        Self { server, challenges: &[], window: DEFAULT_WINDOW, seen: &[] }
    }
}

/// A proof that holds.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedPop {
    /// `jti`: with the key and the server, what must not be seen a second time.
    pub id: String,
    /// `iat`.
    pub issued_at: NumericDate,
    /// `challenge`, if there is one; one of those expected, if any were.
    pub challenge: Option<String>,
}

/// Verifies a proof at a time, with the key of the attestation that it came with.
///
/// Errors: `pop.*` but for those of the header field; `token.*`, `base64.*` and `json.*` for what is no such JWT; `key.*`
/// and `crypto.*` for the signature.
pub fn parse_and_verify(
    token: &[u8],
    key: &InstanceKey,
    expect: &Expectations<'_>,
    at: Timestamp,
) -> Result<VerifiedPop, Rejection> {
    verify(token, key, expect, at, &mut Silent)
}

/// The same, telling each check to a [`Trace`].
pub fn verify(
    token: &[u8],
    key: &InstanceKey,
    expect: &Expectations<'_>,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<VerifiedPop, Rejection> {
    let compact = check(trace, "proof form", "RFC 7515 section 7.1", compact::parse(token), |compact| {
        format!("three parts, {} bytes of claims", compact.payload.len())
    })?;
    let jws = jws::verify_with_key(compact, &key.key, None, Some(&[TYPE]), trace)?;
    let claims = check(trace, "proof claims", "RFC 7519 section 4.1", Claims::parse(&jws.payload), |claims| {
        format!("{} claims", claims.members.members().count())
    })?;
    let section = "draft-ietf-oauth-attestation-based-client-auth-11 section 7.2 (2)";
    let (id, issued_at) =
        check(trace, "proof identifier and time", section, required(&claims), |(_, iat)| format!("made at {iat}"))?;
    let section = "draft-ietf-oauth-attestation-based-client-auth-11 section 7.2 (5)";
    let challenge = check(trace, "challenge", section, challenge(&claims, expect.challenges), |given| match given {
        _ if expect.challenges.is_empty() => "none was given".into(),
        Some(_) => "one that was given".into(),
        None => String::new(),
    })?;
    let section = "draft-ietf-oauth-attestation-based-client-auth-11 section 7.2 (6)";
    check(trace, "proof time", section, window(issued_at, expect.window, at), |()| {
        format!("iat is {issued_at}, it is {at}")
    })?;
    jwt::meet(&claims, &jwt::Expectations::default(), at, trace)?;
    let section = "draft-ietf-oauth-attestation-based-client-auth-11 section 7.2 (7)";
    check(trace, "proof audience", section, audience(&claims, expect.server), |()| excerpt(expect.server))?;
    let section = "draft-ietf-oauth-attestation-based-client-auth-11 section 7.2 (9)";
    check(trace, "proof used once", section, unused(&id, expect.seen), |()| "not seen here".into())?;
    Ok(VerifiedPop { id, issued_at, challenge })
}

/// `jti`, `iat` and `aud` are there (section 7.2 (2)).
fn required(claims: &Claims) -> Result<(String, NumericDate), Rejection> {
    let missing = |name| Rejection::new(ClientCode::PopClaimMissing, format!("the proof has no {name}"));
    let id = claims.id.clone().ok_or_else(|| missing("jti"))?;
    if id.is_empty() {
        return Err(Rejection::new(ClientCode::PopIdEmpty, "jti is empty"));
    }
    let issued_at = claims.issued_at.ok_or_else(|| missing("iat"))?;
    if claims.audience.is_none() {
        return Err(missing("aud"));
    }
    Ok((id, issued_at))
}

/// `challenge` is a text (section 5.1) and, where challenges were given, one of them (section 7.2 (5) and (8)).
fn challenge(claims: &Claims, given: &[Challenge]) -> Result<Option<String>, Rejection> {
    let challenge = match claims.members.get("challenge")? {
        None => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(other) => {
            return Err(Rejection::new(ClientCode::PopChallengeType, format!("challenge is {}", other.kind())));
        }
    };
    let refuse = |what| Err(Rejection::new(ClientCode::UseAttestationChallenge, what));
    match &challenge {
        _ if given.is_empty() => Ok(challenge),
        None => refuse("the proof has no challenge, and one was given"),
        Some(text) if given.iter().any(|one| one.as_str() == text) => Ok(challenge),
        Some(_) => refuse("the proof's challenge is not one that was given"),
    }
}

/// `iat` is within the window, which reaches both ways and holds its ends (section 7.2 (6)).
fn window(issued_at: NumericDate, window: u64, at: Timestamp) -> Result<(), Rejection> {
    let age = at as f64 - issued_at.seconds();
    let refuse = |code, what: String| Err(Rejection::new(code, what));
    if age > window as f64 {
        let what = format!("the proof is {} seconds old, at most {window} are accepted", age as u64);
        return refuse(ClientCode::PopTooOld, what);
    }
    if -age > window as f64 {
        let what = format!("the proof is {} seconds ahead, at most {window} are accepted", (-age) as u64);
        return refuse(ClientCode::PopInFuture, what);
    }
    Ok(())
}

/// `aud` is this server (section 7.2 (7)) and nobody else (section 5.1).
fn audience(claims: &Claims, server: &str) -> Result<(), Rejection> {
    let named = claims.audience.as_deref().unwrap_or_default();
    if !named.iter().any(|one| one == server) {
        let what = format!("aud names {} servers, and this is none of them", named.len());
        return Err(Rejection::new(ClientCode::PopAudienceMismatch, what));
    }
    if named.len() > 1 {
        let what = format!("aud names {} servers, a proof is for one", named.len());
        return Err(Rejection::new(ClientCode::PopAudienceSeveral, what));
    }
    Ok(())
}

/// The proof was not used before (section 7.2 (9)).
fn unused(id: &str, seen: &[&str]) -> Result<(), Rejection> {
    if seen.contains(&id) {
        return Err(Rejection::new(ClientCode::PopReplayed, "a proof with this jti was used before"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{AT, instance, instance_key, sign};

    const HEADER: &str = r#"{"alg":"EdDSA","typ":"oauth-client-attestation-pop+jwt","kid":"whatever"}"#;
    const GOOD: &str = r#"{"aud":"https://as.example","jti":"a","iat":1790000000,"challenge":"c1"}"#;

    fn judged(claims: &str, expect: &Expectations<'_>) -> &'static str {
        let token = sign(&instance(), HEADER, claims);
        parse_and_verify(token.as_bytes(), &instance_key(), expect, AT)
            .map_or_else(|refused| refused.code(), |_| "accepted")
    }

    #[test]
    fn each_rule_of_a_proof_has_its_code() {
        let expect = Expectations::of("https://as.example");
        assert_eq!(judged(GOOD, &expect), "accepted");
        for (claims, wanted) in [
            (r#"{"jti":"a","iat":1790000000}"#, "pop.claim_missing"),
            (r#"{"aud":"https://as.example","iat":1790000000}"#, "pop.claim_missing"),
            (r#"{"aud":"https://as.example","jti":"a"}"#, "pop.claim_missing"),
            (r#"{"aud":"https://as.example","jti":"","iat":1790000000}"#, "pop.id_empty"),
            (r#"{"aud":"https://as.example","jti":"a","iat":1790000000,"challenge":null}"#, "pop.challenge_type"),
            (r#"{"aud":"https://as.example/","jti":"a","iat":1790000000}"#, "pop.audience_mismatch"),
            (r#"{"aud":[],"jti":"a","iat":1790000000}"#, "pop.audience_mismatch"),
            (
                r#"{"aud":["https://as.example","https://b.example"],"jti":"a","iat":1790000000}"#,
                "pop.audience_several",
            ),
            (r#"{"aud":["https://as.example"],"jti":"a","iat":1790000000}"#, "accepted"),
            (r#"{"aud":"https://as.example","jti":"a","iat":1790000000,"exp":1790000000}"#, "token.expired"),
            (r#"{"aud":"https://as.example","jti":"a","iat":1790000000,"nbf":1790000001}"#, "token.not_yet_valid"),
            (r#"{"aud":"https://as.example","jti":"a","iat":"now"}"#, "token.issued_at_type"),
        ] {
            assert_eq!(judged(claims, &expect), wanted, "{claims}");
        }
        assert_eq!(judged(GOOD, &Expectations { seen: &["b", "a"], ..expect }), "pop.replayed");
        assert_eq!(judged(GOOD, &Expectations { seen: &["A", "aa"], ..expect }), "accepted");
    }

    #[test]
    fn a_challenge_that_was_given_comes_back() {
        let given = ["c0", "c1"].map(|text| Challenge::parse(text).unwrap());
        let expect = Expectations { challenges: &given, ..Expectations::of("https://as.example") };
        assert_eq!(judged(GOOD, &expect), "accepted");
        let other = GOOD.replace("\"c1\"", "\"c2\"");
        assert_eq!(judged(&other, &expect), "pop.use_attestation_challenge");
        let without = GOOD.replace(r#","challenge":"c1""#, "");
        assert_eq!(judged(&without, &expect), "pop.use_attestation_challenge");
        assert_eq!(judged(&without, &Expectations { challenges: &[], ..expect }), "accepted");
    }

    #[test]
    fn the_window_reaches_both_ways_and_holds_its_ends() {
        let expect = Expectations { window: 60, ..Expectations::of("https://as.example") };
        for (iat, wanted) in
            [(AT - 60, "accepted"), (AT - 61, "pop.too_old"), (AT + 60, "accepted"), (AT + 61, "pop.in_future")]
        {
            assert_eq!(judged(&GOOD.replace("1790000000", &format!("{iat}")), &expect), wanted, "{iat}");
        }
    }

    #[test]
    fn the_key_of_the_attestation_is_the_one() {
        let expect = Expectations::of("https://as.example");
        let code = |token: &str| parse_and_verify(token.as_bytes(), &instance_key(), &expect, AT).unwrap_err().code();
        let other = ed25519_dalek::SigningKey::from_bytes(&[77; 32]);
        assert_eq!(code(&sign(&other, HEADER, GOOD)), "crypto.signature_invalid");
        assert_eq!(code(&sign(&instance(), &HEADER.replace("-pop", ""), GOOD)), "token.type_mismatch");
        assert_eq!(code(&sign(&instance(), r#"{"alg":"EdDSA"}"#, GOOD)), "token.type_missing");
        assert_eq!(code(&sign(&instance(), &HEADER.replace("EdDSA", "HS256"), GOOD)), "token.algorithm_mac");
        assert_eq!(code(&sign(&instance(), &HEADER.replace("EdDSA", "ES256"), GOOD)), "key.algorithm_mismatch");
    }
}
