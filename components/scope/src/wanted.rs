//! A resource server's refusal, read by the client that it is for: what would be enough.
//!
//! The other side of [`crate::answer`]. What a server asks for is a wish, not a fact: it is bounded and within its
//! grammar here, and who signs in and consents decides what comes of it.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use portcullis_types::{
    Rejection, base64url,
    json::{self, Object, Value},
    limits::excerpt,
    time::MAX_TIMESTAMP,
};

use crate::{
    AcrValues, AuthorizationDetails, Challenge, Scheme, ScopeCode, ScopeSet,
    limits::{MAX_ASKED_NONCE, MAX_CHALLENGE, MAX_CLAIM_REQUIREMENTS},
    scope_token::is_scope_token,
};

/// An HTTP answer of a resource server, as its client received it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Refused<'a> {
    /// The status.
    pub status: u16,
    /// The header fields: names in any case, values as received; repeats are lines of one list.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body, where it is JSON. Only [`Asked::Claims`] reads it.
    pub body: Option<&'a str>,
}

/// What an answer is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// A credential, or another one: no error is told (RFC 6750 section 3.1).
    Credential,
    /// `invalid_token`: the one that came is not good, or not any more (RFC 6750 section 3.1).
    ValidToken,
    /// `insufficient_scope` (RFC 6750 section 3.1).
    Scope,
    /// `insufficient_user_authentication` (RFC 9470 section 3).
    Authentication,
    /// `insufficient_authorization` (draft-ietf-oauth-rar-metadata-remediation-00).
    Authorization,
    /// `insufficient_claims` (draft-mcguinness-oauth-insufficient-claims-00 section 3.4).
    Claims,
    /// `use_dpop_nonce`: the same token, with a proof that has the nonce (RFC 9449 section 9).
    DpopNonce,
    /// `use_attestation_challenge`: the same token, with a proof that has the challenge
    /// (draft-ietf-oauth-attestation-based-client-auth-11 section 7.4).
    AttestationChallenge,
    /// Another error, which no other token is known to mend.
    Other,
}

impl Asked {
    /// For an `error` parameter.
    fn of(error: Option<&str>) -> Self {
        match error {
            None => Self::Credential,
            Some("invalid_token") => Self::ValidToken,
            Some("insufficient_scope") => Self::Scope,
            Some("insufficient_user_authentication") => Self::Authentication,
            Some("insufficient_authorization") => Self::Authorization,
            Some("insufficient_claims") => Self::Claims,
            Some("use_dpop_nonce") => Self::DpopNonce,
            Some("use_attestation_challenge") => Self::AttestationChallenge,
            Some(_) => Self::Other,
        }
    }

    /// Its name in the text interface.
    pub fn name(self) -> &'static str {
        match self {
            Self::Credential => "credential",
            Self::ValidToken => "valid_token",
            Self::Scope => "scope",
            Self::Authentication => "authentication",
            Self::Authorization => "authorization",
            Self::Claims => "claims",
            Self::DpopNonce => "dpop_nonce",
            Self::AttestationChallenge => "attestation_challenge",
            Self::Other => "other",
        }
    }
}

/// What a token has to have, as far as challenges say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Wanted {
    /// All of this scope.
    pub scope: Option<ScopeSet>,
    /// One of these authentication contexts, the preferred one first.
    pub acr_values: Option<AcrValues>,
    /// Seconds that may have passed since the user signed in.
    pub max_age: Option<u64>,
    /// Objects to ask for as they stand.
    pub authorization_details: Option<AuthorizationDetails>,
    /// By which a client finds a token it has from an earlier challenge of the same origin; it compares as a text, and
    /// means nothing. A server that sends details without it means tokens that are used once.
    pub authorization_reference: Option<String>,
    /// Names of claims. Which values they have to have is not told.
    pub claims: Vec<String>,
}

/// An answer that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// What it is about.
    pub asked: Asked,
    /// The scheme of the challenge.
    pub scheme: Scheme,
    /// The OAuth error code, in visible ASCII and spaces.
    pub error: Option<String>,
    /// What a token has to have.
    pub wanted: Wanted,
    /// `DPoP-Nonce`, within its grammar (RFC 9449 section 8.1).
    pub dpop_nonce: Option<String>,
    /// `OAuth-Client-Attestation-Challenge`, likewise visible.
    pub attestation_challenge: Option<String>,
    /// Where the resource says its metadata is (RFC 9728 section 5.1); nothing is known of it.
    pub resource_metadata: Option<String>,
}

/// Reads what an answer wants. `presented` is the scheme under which a token was sent; with none or without a challenge
/// of that scheme, the first one of OAuth counts.
///
/// Errors: `challenge.*`, `scope.malformed`, `scope.too_large`, `scope.acr_values_malformed`,
/// `scope.details_requirement_*`.
///
/// ```
/// use portcullis_scope::wanted::{Asked, Refused, read};
///
/// let headers = [("WWW-Authenticate", r#"Bearer error="insufficient_user_authentication", acr_values="phr", max_age="60""#)];
/// let reading = read(&Refused { status: 401, headers: &headers, body: None }, None).unwrap();
/// assert_eq!((reading.asked, reading.wanted.max_age), (Asked::Authentication, Some(60)));
/// ```
pub fn read(refused: &Refused<'_>, presented: Option<Scheme>) -> Result<Reading, Rejection> {
    // RFC 6750 section 3.1 and the drafts have 401 and 403, and servers take now the one and now the other.
    if !matches!(refused.status, 401 | 403) {
        let what = format!("the status is {}, and 401 and 403 have challenges", refused.status);
        return Err(Rejection::new(ScopeCode::ChallengeStatus, what));
    }
    // RFC 9110 section 11.6.1: a field may occur again, and is one list then.
    let challenges = Challenge::parse_all(&field(refused.headers, "www-authenticate").unwrap_or_default())?;
    let (scheme, challenge) = of_oauth(&challenges, presented)
        .ok_or_else(|| Rejection::new(ScopeCode::ChallengeAbsent, "there is no challenge for Bearer or DPoP"))?;
    let error = challenge.get("error");
    let asked = Asked::of(error);
    // Each parameter is read where it is there: RFC 9470 section 3 has others stand beside its own.
    let mut wanted = Wanted {
        scope: challenge.get("scope").map(ScopeSet::parse).transpose()?,
        acr_values: challenge.get("acr_values").map(|text| AcrValues::parse(text.split(' '))).transpose()?,
        max_age: challenge.get("max_age").map(max_age).transpose()?,
        ..Wanted::default()
    };
    if let Some(text) = challenge.get("authorization_remediation") {
        (wanted.authorization_details, wanted.authorization_reference) = remediation(text)?;
    }
    if let (Asked::Claims, Some(body)) = (asked, refused.body) {
        wanted.claims = required_claims(body)?;
    }
    let visible = |name: &str| -> Result<Option<String>, Rejection> {
        field(refused.headers, name).map(|value| nonce(name, value)).transpose()
    };
    Ok(Reading {
        asked,
        scheme,
        error: error.map(ToString::to_string),
        wanted,
        dpop_nonce: visible("dpop-nonce")?,
        attestation_challenge: visible("oauth-client-attestation-challenge")?,
        resource_metadata: challenge.get("resource_metadata").map(ToString::to_string),
    })
}

/// The lines of a header field as one value.
fn field(headers: &[(&str, &str)], name: &str) -> Option<String> {
    let mut lines = headers.iter().filter(|(one, _)| one.eq_ignore_ascii_case(name)).map(|(_, value)| *value);
    let mut value = String::from(lines.next()?);
    for line in lines {
        // More is refused by who reads it, and need not be put together first.
        if value.len() > MAX_CHALLENGE {
            break;
        }
        value.push_str(", ");
        value.push_str(line);
    }
    Some(value)
}

/// The challenge that a client of OAuth answers to: of the scheme under which it came, with an error rather than without.
fn of_oauth(challenges: &[Challenge], presented: Option<Scheme>) -> Option<(Scheme, &Challenge)> {
    let scheme = |challenge: &Challenge| {
        [("bearer", Scheme::Bearer), ("dpop", Scheme::Dpop)]
            .into_iter()
            .find_map(|(name, scheme)| challenge.scheme().eq_ignore_ascii_case(name).then_some(scheme))
    };
    let known = || challenges.iter().filter_map(|challenge| Some((scheme(challenge)?, challenge)));
    let told = |found: &(Scheme, &Challenge)| found.1.get("error").is_some();
    let own = |found: &(Scheme, &Challenge)| Some(found.0) == presented;
    known()
        .find(|found| own(found) && told(found))
        .or_else(|| known().find(own))
        .or_else(|| known().find(told))
        .or_else(|| known().next())
}

/// Whole seconds (RFC 9470 section 3).
fn max_age(text: &str) -> Result<u64, Rejection> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().filter(|seconds| *seconds <= MAX_TIMESTAMP).ok_or_else(|| {
        let what = format!("max_age is {}, not a whole number of seconds up to 2^53-1", excerpt(text));
        Rejection::new(ScopeCode::ChallengeMaxAge, what)
    })
}

/// `authorization_remediation` (draft-ietf-oauth-rar-metadata-remediation-00, client processing step 1): base64url JSON.
/// Other members are for those who agreed on them.
fn remediation(text: &str) -> Result<(Option<AuthorizationDetails>, Option<String>), Rejection> {
    let malformed = |what: &str| Rejection::new(ScopeCode::ChallengeRemediation, what);
    let bytes = base64url::decode(text.as_bytes()).map_err(|rejection| malformed(rejection.detail()))?;
    let object = json::parse_object(&bytes).map_err(|rejection| malformed(rejection.detail()))?;
    let member = |name: &str| object.get(name).map_err(|rejection| malformed(rejection.detail()));
    let reference = match member("authorization_reference")? {
        None => None,
        Some(Value::String(reference)) => Some(reference.clone()),
        Some(other) => return Err(malformed(&format!("authorization_reference is {}", other.kind()))),
    };
    let details = member("authorization_details")?.map(AuthorizationDetails::parse).transpose()?;
    Ok((details, reference))
}

/// `required_claims` of the body (draft-mcguinness-oauth-insufficient-claims-00 section 3.4): names, where it has them.
fn required_claims(body: &str) -> Result<Vec<String>, Rejection> {
    let malformed = |what: String| Rejection::new(ScopeCode::ChallengeClaims, what);
    if body.len() > MAX_CHALLENGE {
        return Err(malformed(format!("a body of {} bytes, at most {MAX_CHALLENGE} are read", body.len())));
    }
    let object: Object =
        json::parse_object(body.as_bytes()).map_err(|rejection| malformed(rejection.detail().into()))?;
    let names = match object.get("required_claims").map_err(|rejection| malformed(rejection.detail().into()))? {
        None => return Ok(Vec::new()),
        Some(Value::Array(names)) if names.len() <= MAX_CLAIM_REQUIREMENTS => names,
        Some(other) => {
            let what = format!("required_claims is {}, not a list of at most {MAX_CLAIM_REQUIREMENTS}", other.kind());
            return Err(malformed(what));
        }
    };
    let name = |name: &Value| match name {
        Value::String(name) => Ok(name.clone()),
        other => Err(malformed(format!("required_claims lists {}", other.kind()))),
    };
    names.iter().map(name).collect()
}

/// `1*NQCHAR` (RFC 9449 section 8.1); of a challenge for attestations nothing else is said, and a proof repeats it.
fn nonce(name: &str, value: String) -> Result<String, Rejection> {
    if value.len() <= MAX_ASKED_NONCE && is_scope_token(&value) {
        return Ok(value);
    }
    let what = format!("{name} has {} bytes, not 1 to {MAX_ASKED_NONCE} visible ones without quotes", value.len());
    Err(Rejection::new(ScopeCode::ChallengeNonce, what))
}

#[cfg(test)]
mod tests {
    use crate::{Need, Settings};

    use super::*;

    fn reading(header: &str) -> Result<Reading, Rejection> {
        read(&Refused { status: 401, headers: &[("WWW-Authenticate", header)], body: None }, None)
    }

    #[test]
    fn what_is_written_is_read() {
        let details = json::parse(br#"[{"type":"t","actions":["read"]}]"#).unwrap();
        let needs = [
            (Need::Credential { scope: Some(ScopeSet::parse("a b").unwrap()) }, Asked::Credential),
            (Need::ValidToken, Asked::ValidToken),
            (Need::Scope(ScopeSet::parse("b a").unwrap()), Asked::Scope),
            (
                Need::Authentication { acr_values: Some(AcrValues::parse(["x", "y"]).unwrap()), max_age: Some(0) },
                Asked::Authentication,
            ),
            (Need::Authorization(AuthorizationDetails::parse(&details).unwrap()), Asked::Authorization),
            (Need::Claims(["email".into(), "tenant".into()].into()), Asked::Claims),
        ];
        for scheme in [Scheme::Bearer, Scheme::Dpop] {
            for (need, asked) in &needs {
                for single_use in [false, true] {
                    let answer = need.answer(&Settings { scheme, single_use, ..Settings::default() });
                    let headers = [("www-authenticate", answer.challenge.as_str())];
                    let refused = Refused { status: answer.status, headers: &headers, body: answer.body.as_deref() };
                    let read = read(&refused, None).unwrap();
                    assert_eq!((read.asked, read.scheme, read.error.as_deref()), (*asked, scheme, need.error()));
                    let wanted = match need {
                        Need::Credential { scope } => Wanted { scope: scope.clone(), ..Wanted::default() },
                        Need::ValidToken => Wanted::default(),
                        Need::Scope(scope) => Wanted { scope: Some(scope.clone()), ..Wanted::default() },
                        Need::Authentication { acr_values, max_age } => {
                            Wanted { acr_values: acr_values.clone(), max_age: *max_age, ..Wanted::default() }
                        }
                        Need::Authorization(details) => Wanted {
                            authorization_details: Some(details.clone()),
                            authorization_reference: read.wanted.authorization_reference.clone(),
                            ..Wanted::default()
                        },
                        Need::Claims(claims) => Wanted { claims: claims.clone(), ..Wanted::default() },
                    };
                    assert_eq!(read.wanted, wanted);
                    let referred = read.wanted.authorization_reference.is_some();
                    assert_eq!(referred, *asked == Asked::Authorization && !single_use);
                }
            }
        }
    }

    #[test]
    fn the_challenge_of_the_own_scheme_counts() {
        let both = r#"Basic realm="x", Bearer error="invalid_token", DPoP error="use_dpop_nonce", DPoP realm="y""#;
        let ask = |header: &str, presented| {
            let read = read(&Refused { status: 401, headers: &[("WWW-Authenticate", header)], body: None }, presented);
            read.map(|read| (read.scheme, read.asked)).ok()
        };
        assert_eq!(ask(both, None), Some((Scheme::Bearer, Asked::ValidToken)));
        assert_eq!(ask(both, Some(Scheme::Bearer)), Some((Scheme::Bearer, Asked::ValidToken)));
        assert_eq!(ask(both, Some(Scheme::Dpop)), Some((Scheme::Dpop, Asked::DpopNonce)));
        assert_eq!(ask(r#"DPoP algs="ES256", Bearer error="invalid_token""#, Some(Scheme::Dpop)), {
            Some((Scheme::Dpop, Asked::Credential))
        });
        assert_eq!(ask(r#"dpop error="invalid_token""#, Some(Scheme::Bearer)), Some((Scheme::Dpop, Asked::ValidToken)));
        assert_eq!(ask("Bearer", None), Some((Scheme::Bearer, Asked::Credential)));
        assert_eq!(ask(r#"Basic realm="x""#, None), None);
    }

    #[test]
    fn lines_of_one_field_are_one_list() {
        let headers = [("WWW-Authenticate", "Basic realm=x"), ("Other", "a"), ("www-authenticate", "Bearer scope=a")];
        let read = read(&Refused { status: 403, headers: &headers, body: None }, None).unwrap();
        assert_eq!(read.wanted.scope.unwrap().to_string(), "a");
        // Two nonces are none: nobody knows which one is meant.
        let headers = [("WWW-Authenticate", "Bearer"), ("DPoP-Nonce", "a"), ("DPoP-Nonce", "b")];
        let read = super::read(&Refused { status: 401, headers: &headers, body: None }, None);
        assert_eq!(read.unwrap_err().code(), "challenge.nonce");
    }

    #[test]
    fn bounds_hold_at_both_sides() {
        let age = |text: &str| reading(&format!("Bearer max_age=\"{text}\"")).map(|read| read.wanted.max_age);
        assert_eq!(age("9007199254740991").unwrap(), Some(MAX_TIMESTAMP));
        for text in ["9007199254740992", "", "-1", "+1", "1.5", " 1", "99999999999999999999999"] {
            assert_eq!(age(text).unwrap_err().code(), "challenge.max_age", "{text}");
        }
        let nonce = |value: &str| {
            let headers = [("WWW-Authenticate", "DPoP error=use_dpop_nonce"), ("DPoP-Nonce", value)];
            read(&Refused { status: 401, headers: &headers, body: None }, None).map(|read| read.dpop_nonce)
        };
        let longest = "n".repeat(MAX_ASKED_NONCE);
        assert_eq!(nonce(&longest).unwrap(), Some(longest));
        for value in ["", "a b", "a\"", "é", &"n".repeat(MAX_ASKED_NONCE + 1)] {
            assert_eq!(nonce(value).unwrap_err().code(), "challenge.nonce", "{value}");
        }
        let claims = |body: &str| {
            let headers = [("WWW-Authenticate", "Bearer error=insufficient_claims")];
            read(&Refused { status: 403, headers: &headers, body: Some(body) }, None).map(|read| read.wanted.claims)
        };
        let many = |n: usize| format!(r#"{{"required_claims":[{}]}}"#, alloc::vec![r#""c""#; n].join(","));
        assert_eq!(claims(&many(MAX_CLAIM_REQUIREMENTS)).unwrap().len(), MAX_CLAIM_REQUIREMENTS);
        assert!(claims("{}").unwrap().is_empty());
        let long = format!("{{}}{}", " ".repeat(MAX_CHALLENGE));
        for body in [&many(MAX_CLAIM_REQUIREMENTS + 1), "", "[]", r#"{"required_claims":"c"}"#, &long] {
            assert_eq!(claims(body).unwrap_err().code(), "challenge.claims");
        }
    }
}
