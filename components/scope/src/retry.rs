//! When a client that was refused may ask again (draft-ietf-oauth-rar-metadata-remediation-00, client processing rules and
//! loop prevention; RFC 6750, RFC 9470 and RFC 9449 leave it to clients).
//!
//! Once with a token that it has and that fits, then once with one that it gets anew, then never again; and once for a
//! proof that lacks the server's nonce. What has been is told anew at each step, so that there is nothing to forget.

use alloc::{string::String, vec::Vec};

use portcullis_types::{Rejection, Timestamp};

use crate::{
    Granted, Required, Scheme, ScopeCode, ScopeSet, evaluate,
    limits::MAX_ATTEMPTS,
    wanted::{Asked, Reading, Refused, Wanted, read},
};

/// How a request was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// For the first time.
    First,
    /// Again with the same token, and a proof for the server's nonce or challenge.
    Proved,
    /// With another token that was there.
    Cached,
    /// With a token that was got for it.
    Fresh,
}

/// A request that was refused.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// How it was sent.
    pub sent: Sent,
    /// With which token ([`Held::id`]); with none where there was none.
    pub token: Option<u64>,
    /// The answer.
    pub refused: Refused<'a>,
}

/// A token that the client has for this origin, as it knows it: the token itself is nobody's business here.
#[derive(Debug, Clone)]
pub struct Held<'a> {
    /// The client's number for it.
    pub id: u64,
    /// How it is presented.
    pub scheme: Scheme,
    /// When it ends, if that is known.
    pub expires_at: Option<Timestamp>,
    /// What it grants, as far as that is known: what nobody told counts as not granted.
    pub granted: Granted<'a>,
    /// The references of the challenges for which it was got.
    pub references: Vec<&'a str>,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Send it with this token, or with none.
    Send(Option<u64>),
    /// Send it again as it was sent, with a proof that has what the server gave.
    Prove(Option<u64>),
    /// Send it again with this token.
    Cached(u64),
    /// Get a token that has all of this, and send it again.
    Obtain(Wanted),
    /// Give the last answer to whoever asked.
    Stop(Rejection),
}

/// Decides what to do, by the attempts so far in their order, and by the tokens that are there, the preferred one first.
pub fn next(attempts: &[Attempt<'_>], held: &[Held<'_>], at: Timestamp) -> Step {
    step(attempts, held, at).unwrap_or_else(Step::Stop)
}

fn step(attempts: &[Attempt<'_>], held: &[Held<'_>], at: Timestamp) -> Result<Step, Rejection> {
    let stop = |code: ScopeCode, what: &str| Err(Rejection::new(code, what));
    let Some((last, before)) = attempts.split_last() else {
        // The server says what it wants; nobody knows it before.
        return Ok(Step::Send(held.iter().find(|token| is_current(token, at)).map(|token| token.id)));
    };
    if attempts.len() >= MAX_ATTEMPTS {
        return stop(ScopeCode::RetryExhausted, "it was sent as often as it may be");
    }
    let reading = reading(last, held)?;
    let earlier = before.iter().map(|attempt| self::reading(attempt, held)).collect::<Result<Vec<_>, _>>()?;
    let was = |asked: Asked| earlier.iter().any(|reading| reading.asked == asked);
    // A proof that lacked something is no matter of the token (RFC 9449 section 9), and is mended once.
    let given = match reading.asked {
        Asked::DpopNonce => Some(&reading.dpop_nonce),
        Asked::AttestationChallenge => Some(&reading.attestation_challenge),
        _ => None,
    };
    match given {
        Some(_) if was(reading.asked) => return stop(ScopeCode::RetryProof, "a new proof was refused likewise"),
        Some(None) => return stop(ScopeCode::RetryNonceAbsent, "the server wants a nonce and gives none to be seen"),
        Some(Some(_)) => return Ok(Step::Prove(last.token)),
        None => {}
    }
    if reading.asked == Asked::Other {
        return stop(ScopeCode::RetryError, "the error is none that another token is known to mend");
    }
    // "A freshly obtained token … immediately rejected …: the client MUST stop" (loop prevention).
    if attempts.iter().any(|attempt| attempt.sent == Sent::Fresh) {
        return stop(ScopeCode::RetryExhausted, "a token that was got for it was refused, too");
    }
    let mut wanted = Wanted::default();
    for reading in earlier.iter().chain([&reading]) {
        wanted = both(wanted, &reading.wanted)?;
    }
    if !attempts.iter().any(|attempt| attempt.sent == Sent::Cached) {
        let tried = |token: &Held<'_>| attempts.iter().any(|attempt| attempt.token == Some(token.id));
        let fits = |token: &&Held<'_>| !tried(token) && fits(token, &reading, &wanted, at);
        if let Some(token) = held.iter().find(fits) {
            return Ok(Step::Cached(token.id));
        }
    }
    Ok(Step::Obtain(wanted))
}

fn reading(attempt: &Attempt<'_>, held: &[Held<'_>]) -> Result<Reading, Rejection> {
    let token = held.iter().find(|token| Some(token.id) == attempt.token);
    read(&attempt.refused, token.map(|token| token.scheme))
}

/// "A matching, non-expired token" (client processing step 2.3).
fn is_current(token: &Held<'_>, at: Timestamp) -> bool {
    token.expires_at.is_none_or(|end| end > at)
}

/// Whether a token that is there may be what the server wants: it has everything that was asked for, as far as is known.
/// Where the challenge does not say what would be enough, nobody can tell.
fn fits(token: &Held<'_>, reading: &Reading, wanted: &Wanted, at: Timestamp) -> bool {
    let told = match reading.asked {
        Asked::Credential | Asked::ValidToken => true,
        Asked::Scope => reading.wanted.scope.is_some(),
        Asked::Authentication => reading.wanted.acr_values.is_some() || reading.wanted.max_age.is_some(),
        // A server that sends no reference means tokens that are used once (section "Remediation of failures").
        Asked::Authorization => reading.wanted.authorization_reference.is_some(),
        // Names are told, and values are not.
        Asked::Claims | Asked::DpopNonce | Asked::AttestationChallenge | Asked::Other => false,
    };
    // "Matching is a simple string comparison" (client processing step 2.2).
    let referred = wanted.authorization_reference.as_deref().is_none_or(|wanted| token.references.contains(&wanted));
    let required = Required {
        scope: wanted.scope.clone(),
        acr_values: wanted.acr_values.clone(),
        max_age: wanted.max_age,
        ..Required::default()
    };
    told && referred && wanted.claims.is_empty() && is_current(token, at) && {
        evaluate(&token.granted, &required, at, 0).is_ok()
    }
}

/// What two challenges to one request want, the later one last: servers report one shortfall at a time, and a new token
/// has to mend them all. What a token has to be for the user's sign-in and what it has to be for details is told as a whole,
/// so there the later one counts.
fn both(earlier: Wanted, later: &Wanted) -> Result<Wanted, Rejection> {
    let scope = match (earlier.scope, &later.scope) {
        (Some(one), Some(other)) => Some(union(&one, other)?),
        (one, other) => one.or_else(|| other.clone()),
    };
    let signs_in = later.acr_values.is_some() || later.max_age.is_some();
    let (acr_values, max_age) =
        if signs_in { (later.acr_values.clone(), later.max_age) } else { (earlier.acr_values, earlier.max_age) };
    let details = later.authorization_details.is_some() || later.authorization_reference.is_some();
    let (authorization_details, authorization_reference) = if details {
        (later.authorization_details.clone(), later.authorization_reference.clone())
    } else {
        (earlier.authorization_details, earlier.authorization_reference)
    };
    let mut claims = earlier.claims;
    claims.extend(later.claims.iter().filter(|name| !claims.contains(name)).cloned().collect::<Vec<String>>());
    Ok(Wanted { scope, acr_values, max_age, authorization_details, authorization_reference, claims })
}

/// The tokens of both, the earlier ones first.
fn union(one: &ScopeSet, other: &ScopeSet) -> Result<ScopeSet, Rejection> {
    ScopeSet::from_tokens(one.iter().chain(other.iter()).map(crate::Scope::as_str))
        .map_err(|rejection| rejection.within("the scopes of two challenges"))
}

#[cfg(test)]
mod tests {
    use alloc::{format, vec};

    use portcullis_types::json::{Value, parse_object};

    use super::*;

    const INVALID: &str = r#"Bearer error="invalid_token""#;
    const SCOPE: &str = r#"Bearer error="insufficient_scope", scope="read write""#;
    const NONCE: &str = r#"DPoP error="use_dpop_nonce""#;
    const ATTEST: &str = r#"DPoP error="use_attestation_challenge""#;

    /// What is done after attempts, each with its challenge; `tokens` have an identifier, an end and what they grant.
    fn after(attempts: &[(Sent, Option<u64>, &str)], tokens: &[(u64, u64, &str, &[&str])]) -> Step {
        let grants: Vec<_> = tokens.iter().map(|(.., claims, _)| parse_object(claims.as_bytes()).unwrap()).collect();
        let held: Vec<_> = tokens
            .iter()
            .zip(&grants)
            .map(|((id, ends, _, references), claims)| Held {
                id: *id,
                scheme: Scheme::Bearer,
                expires_at: Some(*ends),
                granted: Granted::from_claims(claims).unwrap(),
                references: references.to_vec(),
            })
            .collect();
        let headers: Vec<_> = attempts
            .iter()
            .map(|(.., challenge)| {
                vec![("WWW-Authenticate", *challenge), ("DPoP-Nonce", "n"), ("OAuth-Client-Attestation-Challenge", "c")]
            })
            .collect();
        let attempts: Vec<_> = attempts
            .iter()
            .zip(&headers)
            .map(|((sent, token, _), headers)| Attempt {
                sent: *sent,
                token: *token,
                refused: Refused { status: 401, headers, body: None },
            })
            .collect();
        next(&attempts, &held, 1_000)
    }

    fn stopped(step: &Step) -> &'static str {
        match step {
            Step::Stop(why) => why.code(),
            _ => "",
        }
    }

    fn scope(text: &str) -> Wanted {
        Wanted { scope: Some(ScopeSet::parse(text).unwrap()), ..Wanted::default() }
    }

    #[test]
    fn the_first_token_that_has_not_ended_is_sent() {
        assert_eq!(after(&[], &[]), Step::Send(None));
        assert_eq!(after(&[], &[(1, 1_000, "{}", &[]), (2, 1_001, "{}", &[])]), Step::Send(Some(2)));
        assert_eq!(after(&[], &[(1, 1_000, "{}", &[])]), Step::Send(None));
    }

    #[test]
    fn once_with_one_that_is_there_then_once_with_a_new_one_then_never() {
        let tokens: &[(u64, u64, &str, &[&str])] = &[
            (1, 2_000, r#"{"scope":"read"}"#, &[]),
            (2, 1_000, r#"{"scope":"read write"}"#, &[]),
            (3, 2_000, r#"{"scope":"write read more"}"#, &[]),
            (4, 2_000, r#"{"scope":"read write"}"#, &[]),
        ];
        let first = (Sent::First, Some(1), SCOPE);
        assert_eq!(after(&[first], tokens), Step::Cached(3));
        let cached = (Sent::Cached, Some(3), SCOPE);
        assert_eq!(after(&[first, cached], tokens), Step::Obtain(scope("read write")));
        assert_eq!(stopped(&after(&[first, cached, (Sent::Fresh, Some(5), SCOPE)], tokens)), "retry.exhausted");
        // Where none fits it is got at once, and that is the last.
        assert_eq!(after(&[first], &tokens[..2]), Step::Obtain(scope("read write")));
        assert_eq!(stopped(&after(&[first, (Sent::Fresh, Some(5), INVALID)], tokens)), "retry.exhausted");
    }

    #[test]
    fn no_token_fits_where_nobody_can_tell() {
        let everything = r#"{"scope":"a","acr":"phr","auth_time":999,"authorization_details":[{"type":"t"}]}"#;
        for challenge in [
            r#"Bearer error="insufficient_scope""#,
            r#"Bearer error="insufficient_user_authentication""#,
            // {"authorization_details":[{"type":"t"}]}: to be used once.
            r#"Bearer error="insufficient_authorization", authorization_remediation="eyJhdXRob3JpemF0aW9uX2RldGFpbHMiOlt7InR5cGUiOiJ0In1dfQ""#,
            r#"Bearer error="insufficient_claims""#,
        ] {
            let step = after(&[(Sent::First, None, challenge)], &[(1, 2_000, everything, &["r"])]);
            assert!(matches!(step, Step::Obtain(_)), "{challenge}: {step:?}");
        }
        for challenge in
            [INVALID, r#"Bearer realm="x""#, r#"Bearer error="insufficient_user_authentication", max_age="1""#]
        {
            let step = after(&[(Sent::First, None, challenge)], &[(1, 2_000, everything, &[])]);
            assert_eq!(step, Step::Cached(1), "{challenge}");
        }
        // What nobody told of a token is not granted by it.
        let acr = r#"Bearer error="insufficient_user_authentication", acr_values="phr""#;
        assert!(matches!(after(&[(Sent::First, None, acr)], &[(1, 2_000, "{}", &[])]), Step::Obtain(_)));
        assert!(matches!(after(&[(Sent::First, None, acr)], &[(1, 2_000, r#"{"acr":"pwd"}"#, &[])]), Step::Obtain(_)));
    }

    #[test]
    fn references_compare_as_texts() {
        let body = br#"{"authorization_reference":"r1","authorization_details":[{"type":"t"}]}"#;
        let remediation = portcullis_types::base64url::encode(body);
        let challenge =
            format!("Bearer error=\"insufficient_authorization\", authorization_remediation=\"{remediation}\"");
        let ask = |references: &[&str], ends| {
            let step = after(&[(Sent::First, None, &challenge)], &[(1, ends, "{}", references)]);
            matches!(step, Step::Cached(1))
        };
        assert!(ask(&["r0", "r1"], 2_000));
        assert!(!ask(&["r1"], 1_000));
        assert!(!ask(&["R1", "r", "r11"], 2_000));
        let details = Value::Array(vec![parse_object(br#"{"type":"t"}"#).unwrap().into()]);
        let wanted = Wanted {
            authorization_details: Some(crate::AuthorizationDetails::parse(&details).unwrap()),
            authorization_reference: Some("r1".into()),
            ..Wanted::default()
        };
        assert_eq!(after(&[(Sent::First, None, &challenge)], &[]), Step::Obtain(wanted));
    }

    #[test]
    fn a_new_token_mends_every_shortfall_that_was_told() {
        let acr =
            r#"Bearer error="insufficient_user_authentication", acr_values="phr", max_age="60", scope="more read""#;
        let tokens: &[(u64, u64, &str, &[&str])] = &[(2, 2_000, r#"{"scope":"read write"}"#, &[])];
        let step = after(&[(Sent::First, Some(1), SCOPE), (Sent::Cached, Some(2), acr)], tokens);
        let wanted = Wanted {
            acr_values: Some(crate::AcrValues::parse(["phr"]).unwrap()),
            max_age: Some(60),
            ..scope("read write more")
        };
        assert_eq!(step, Step::Obtain(wanted));
    }

    #[test]
    fn a_proof_is_made_anew_once() {
        let (first, proved) = ((Sent::First, Some(1), NONCE), (Sent::Proved, Some(1), NONCE));
        assert_eq!(after(&[first], &[]), Step::Prove(Some(1)));
        assert_eq!(stopped(&after(&[first, proved], &[])), "retry.proof");
        assert_eq!(after(&[first, (Sent::Proved, Some(1), ATTEST)], &[]), Step::Prove(Some(1)));
        // It is no matter of the token, so that this is not one of the two.
        assert!(matches!(after(&[first, (Sent::Proved, Some(1), INVALID)], &[]), Step::Obtain(_)));
        let fresh = (Sent::Fresh, Some(2), NONCE);
        assert_eq!(after(&[(Sent::First, Some(1), INVALID), fresh], &[]), Step::Prove(Some(2)));
        let last = (Sent::Proved, Some(2), INVALID);
        assert_eq!(stopped(&after(&[(Sent::First, Some(1), INVALID), fresh, last], &[])), "retry.exhausted");
        let headers = [("WWW-Authenticate", NONCE)];
        let refused = Refused { status: 401, headers: &headers, body: None };
        let step = next(&[Attempt { sent: Sent::First, token: None, refused }], &[], 1_000);
        assert_eq!(stopped(&step), "retry.nonce_absent");
    }

    #[test]
    fn what_no_token_mends_stops_it() {
        for (challenge, code) in [
            (r#"Bearer error="invalid_request""#, "retry.error"),
            (r#"DPoP error="invalid_dpop_proof""#, "retry.error"),
            (r#"Basic realm="x""#, "challenge.absent"),
            ("", "challenge.absent"),
            ("Bearer error=\"", "challenge.quote"),
        ] {
            assert_eq!(
                stopped(&after(&[(Sent::First, None, challenge)], &[(1, 2_000, "{}", &[])])),
                code,
                "{challenge}"
            );
        }
        let headers = [("WWW-Authenticate", INVALID)];
        for status in [200, 400, 500] {
            let refused = Refused { status, headers: &headers, body: None };
            let step = next(&[Attempt { sent: Sent::First, token: None, refused }], &[], 1_000);
            assert_eq!(stopped(&step), "challenge.status");
        }
    }

    #[test]
    fn however_a_server_answers_it_ends() {
        let challenges = [INVALID, SCOPE, NONCE, ATTEST, r#"Bearer realm="x""#];
        let tokens: &[(u64, u64, &str, &[&str])] =
            &[(1, 2_000, r#"{"scope":"read write"}"#, &[]), (2, 2_000, r#"{"scope":"read write"}"#, &[])];
        let mut runs = vec![Vec::new()];
        let mut longest = 0;
        while let Some(run) = runs.pop() {
            let sent = match after(&run, tokens) {
                Step::Send(token) => (Sent::First, token),
                Step::Prove(token) => (Sent::Proved, token),
                Step::Cached(token) => (Sent::Cached, Some(token)),
                Step::Obtain(_) => (Sent::Fresh, Some(9)),
                Step::Stop(_) => continue,
            };
            for challenge in challenges {
                let mut run = run.clone();
                run.push((sent.0, sent.1, challenge));
                longest = longest.max(run.len());
                let count = |sent: Sent| run.iter().filter(|attempt| attempt.0 == sent).count();
                assert!(count(Sent::Cached) <= 1 && count(Sent::Fresh) <= 1 && count(Sent::Proved) <= 2, "{run:?}");
                runs.push(run);
            }
        }
        assert_eq!(longest, MAX_ATTEMPTS);
    }
}
