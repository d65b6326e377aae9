//! Verifying a Transaction Token (section 12.2), and judging again what verified before.

use alloc::{format, string::String, vec::Vec};

use portcullis_crypto::{Algorithm, KeySet};
use portcullis_token::{
    claims::Claims,
    jwt::{self, VerifiedJwt},
};
use portcullis_types::{
    Rejection, Timestamp,
    limits::excerpt,
    trace::{Trace, check},
};

use super::{TYPE, TransactionClaims, TransactionCode, presented};

/// What the workload that received a token wants to see.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Expectations<'e> {
    /// The trust domain of this workload, which `aud` has to be, byte by byte.
    pub trust_domain: &'e str,
    /// `iss`, where the service's keys are found by it. Without one, `iss` is not looked at.
    pub issuer: Option<&'e str>,
    /// Acceptable algorithms; without a list, every asymmetric one. A MAC is never accepted, in a list neither: whoever could
    /// verify it could have made it.
    pub algorithms: Option<&'e [Algorithm]>,
    /// The longest time from `iat` to `exp`, in seconds; without it, any.
    pub lifetime: Option<u64>,
    /// How far clocks may differ, in seconds.
    pub leeway: u64,
    /// The `txn` of tokens that were used before, where each may be used once (section 13.2). Replacements keep the `txn` of what
    /// they replace, so they count as used, too.
    pub seen: &'e [&'e str],
}

/// A token that holds in this trust domain. It says what its transaction may do, and nothing of who sent it.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedTransactionToken {
    /// What it says.
    pub claims: TransactionClaims,
    /// The token, with claims that are not known, too.
    pub token: VerifiedJwt,
}

/// Verifies the Transaction Token of a request. `fields` are its header fields, in the order received and repeats included. The
/// token's bytes are given back, for its hash ([`presented::hash`]) and for the next workload, which gets it unmodified.
///
/// Errors: those of [`presented::of`] and [`verify`].
///
/// ```
/// use std::rc::Rc;
/// use portcullis_crypto::{KeySet, SoftwareBackend};
/// use portcullis_oauth::transaction_token::verify::{self, Expectations};
/// use portcullis_types::Silent;
///
/// let jwks = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
/// let keys = KeySet::from_jwks(jwks, &(Rc::new(SoftwareBackend::default()) as _)).unwrap();
/// let expect = Expectations { trust_domain: "trust-domain.example", leeway: 30, ..Expectations::default() };
/// let fields = [("Authorization", &b"Bearer eyJ..."[..])];
/// let refused = verify::parse_and_verify(fields, &keys, &expect, 1_790_000_000, &mut Silent).unwrap_err();
/// assert_eq!(refused.code(), "txn.missing");
/// ```
pub fn parse_and_verify<'h>(
    fields: impl IntoIterator<Item = (&'h str, &'h [u8])>,
    keys: &KeySet,
    expect: &Expectations<'_>,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<(&'h [u8], VerifiedTransactionToken), Rejection> {
    let section = "draft-ietf-oauth-transaction-tokens-11 section 12.1";
    let token =
        check(trace, "transaction token", section, presented::of(fields), |token| format!("{} bytes", token.len()))?;
    Ok((token, verify(token, keys, expect, at, trace)?))
}

/// Verifies a token at a time, with the keys of the trust domain's one Transaction Token Service.
///
/// Errors: those of [`jwt::verify`] and of [`meet`].
pub fn verify(
    token: &[u8],
    keys: &KeySet,
    expect: &Expectations<'_>,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<VerifiedTransactionToken, Rejection> {
    let asymmetric = |list: &[Algorithm]| list.iter().copied().filter(|one| !one.is_mac()).collect::<Vec<_>>();
    let expected = jwt::Expectations {
        typ: Some(TYPE.into()),
        issuer: expect.issuer.map(Into::into),
        algorithms: expect.algorithms.map(asymmetric),
        leeway: expect.leeway,
        ..jwt::Expectations::default()
    };
    let token = jwt::verify(token, keys, &expected, at, trace)?;
    let claims = judge(&token.claims, expect, at, trace)?;
    Ok(VerifiedTransactionToken { claims, token })
}

/// The claims of a token that verified before against the expectations at another time: what a signature does not cover.
///
/// Errors: `txn.*`, `scope.malformed`, `scope.too_large`, and those of [`jwt::meet`].
pub fn meet(
    claims: &Claims,
    expect: &Expectations<'_>,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<TransactionClaims, Rejection> {
    let issuer = expect.issuer.map(Into::into);
    let expected = jwt::Expectations { issuer, leeway: expect.leeway, ..jwt::Expectations::default() };
    jwt::meet(claims, &expected, at, trace)?;
    judge(claims, expect, at, trace)
}

/// What is a Transaction Token's own: its claims, the trust domain, how long it lives, and last that it was not used.
fn judge(
    claims: &Claims,
    expect: &Expectations<'_>,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<TransactionClaims, Rejection> {
    let section = "draft-ietf-oauth-transaction-tokens-11 section 9.2";
    let claims = check(trace, "transaction claims", section, TransactionClaims::of(claims), |claims| {
        format!("asked for by {}", excerpt(&claims.requesting_workload))
    })?;
    let section = "draft-ietf-oauth-transaction-tokens-11 section 12.2";
    check(trace, "trust domain", section, trust_domain(&claims, expect), |()| excerpt(&claims.trust_domain))?;
    let section = "draft-ietf-oauth-transaction-tokens-11 section 13.1";
    check(trace, "transaction lifetime", section, lifetime(&claims, expect, at), |()| String::new())?;
    let section = "draft-ietf-oauth-transaction-tokens-11 section 13.2";
    check(trace, "single use", section, unused(&claims, expect), |()| String::new())?;
    Ok(claims)
}

/// `aud` is this workload's trust domain.
fn trust_domain(claims: &TransactionClaims, expect: &Expectations<'_>) -> Result<(), Rejection> {
    if claims.trust_domain == expect.trust_domain {
        return Ok(());
    }
    let what = format!("aud is {}, this is {}", excerpt(&claims.trust_domain), excerpt(expect.trust_domain));
    Err(Rejection::new(TransactionCode::Audience, what))
}

/// `iat` has come, and `exp` is not far from it. The two are of one clock, so no leeway lies between them.
fn lifetime(claims: &TransactionClaims, expect: &Expectations<'_>, at: Timestamp) -> Result<(), Rejection> {
    let (issued, expires) = (claims.issued_at, claims.expires);
    if issued.ahead_of(at, expect.leeway) {
        let what = format!("iat is {issued} and it is {at}");
        return Err(Rejection::new(TransactionCode::IssuedInFuture, what));
    }
    match expect.lifetime {
        Some(longest) if expires.seconds() - issued.seconds() > longest as f64 => {
            let what = format!("iat is {issued} and exp is {expires}: more than {longest} seconds");
            Err(Rejection::new(TransactionCode::LifetimeTooLong, what))
        }
        _ => Ok(()),
    }
}

/// No token of this transaction was used before, as far as anybody told us.
fn unused(claims: &TransactionClaims, expect: &Expectations<'_>) -> Result<(), Rejection> {
    if expect.seen.contains(&claims.transaction.as_str()) {
        return Err(Rejection::new(TransactionCode::Replayed, "a token with this txn was used before"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use portcullis_types::{Findings, Silent};

    use super::*;
    use crate::transaction_token::tests::{AT, CLAIMS, keys, mac_keys, mac_token, put, sign, sign_with, token};

    const EXPECT: Expectations<'_> = Expectations {
        trust_domain: "trust-domain.example",
        issuer: None,
        algorithms: None,
        lifetime: None,
        leeway: 0,
        seen: &[],
    };

    fn code(token: &str, expect: &Expectations<'_>, at: u64) -> &'static str {
        let made = verify(token.as_bytes(), &keys(), expect, at, &mut Silent);
        made.map_or_else(|rejection| rejection.code(), |_| "accepted")
    }

    #[test]
    fn a_token_that_holds_is_told() {
        let made = token();
        let fields = [("Txn-Token", made.as_bytes())];
        let mut findings = Findings::default();
        let (bytes, verified) = parse_and_verify(fields, &keys(), &EXPECT, AT, &mut findings).unwrap();
        assert_eq!(bytes, made.as_bytes());
        assert_eq!(verified.claims.transaction, "t-1");
        assert_eq!(verified.claims.scope, portcullis_scope::ScopeSet::parse("trade.stocks trade.read").unwrap());
        assert!(verified.claims.transaction_context.is_some() && verified.claims.request_context.is_some());
        assert!(findings.0.iter().any(|finding| finding.check == "trust domain"));
    }

    #[test]
    fn its_time_is_judged_at_both_sides() {
        assert_eq!(code(&token(), &EXPECT, AT + 299), "accepted");
        assert_eq!(code(&token(), &EXPECT, AT + 300), "token.expired");
        assert_eq!(code(&token(), &Expectations { leeway: 30, ..EXPECT }, AT + 329), "accepted");
        assert_eq!(code(&token(), &EXPECT, AT - 1), "txn.issued_in_future");
        assert_eq!(code(&token(), &Expectations { leeway: 1, ..EXPECT }, AT - 1), "accepted");
        assert_eq!(code(&token(), &Expectations { lifetime: Some(300), ..EXPECT }, AT), "accepted");
        assert_eq!(code(&token(), &Expectations { lifetime: Some(299), ..EXPECT }, AT), "txn.lifetime");
        let not_yet = sign(&put(CLAIMS, "nbf", Some("1790000001")));
        assert_eq!(code(&not_yet, &EXPECT, AT), "token.not_yet_valid");
    }

    #[test]
    fn trust_domain_issuer_algorithm_and_use_are_the_expected_ones() {
        let made = token();
        assert_eq!(code(&made, &Expectations { trust_domain: "trust-domain.exampl", ..EXPECT }, AT), "txn.audience");
        assert_eq!(code(&made, &Expectations { trust_domain: "Trust-Domain.example", ..EXPECT }, AT), "txn.audience");
        assert_eq!(
            code(&made, &Expectations { issuer: Some("https://tts.example"), ..EXPECT }, AT),
            "token.issuer_missing"
        );
        let only = |algorithms: &'static [Algorithm]| Expectations { algorithms: Some(algorithms), ..EXPECT };
        assert_eq!(code(&made, &only(&[Algorithm::Es256]), AT), "token.algorithm_not_accepted");
        assert_eq!(code(&made, &Expectations { seen: &["t-2", "t-1"], ..EXPECT }, AT), "txn.replayed");
        assert_eq!(code(&made, &Expectations { seen: &["t-2"], ..EXPECT }, AT), "accepted");
    }

    #[test]
    fn no_other_kind_of_token_is_one() {
        let of = |header| code(&sign_with(header, CLAIMS), &EXPECT, AT);
        assert_eq!(of(r#"{"alg":"EdDSA","typ":"application/TxnToken+JWT"}"#), "accepted");
        assert_eq!(of(r#"{"alg":"EdDSA","typ":"at+jwt"}"#), "token.type_mismatch");
        assert_eq!(of(r#"{"alg":"EdDSA"}"#), "token.type_missing");
    }

    #[test]
    fn no_mac_is_accepted_even_where_a_list_has_it() {
        let mac = mac_token();
        let expect = Expectations { algorithms: Some(&[Algorithm::Hs256]), ..EXPECT };
        let keys = mac_keys();
        let made = verify(mac.as_bytes(), &keys, &expect, AT, &mut Silent);
        assert_eq!(made.unwrap_err().code(), "token.algorithm_not_accepted");
        let made = verify(mac.as_bytes(), &keys, &EXPECT, AT, &mut Silent);
        assert_eq!(made.unwrap_err().code(), "token.algorithm_mac");
    }

    #[test]
    fn what_verified_is_judged_again_later() {
        let verified = verify(token().as_bytes(), &keys(), &EXPECT, AT, &mut Silent).unwrap();
        let later = |expect: &Expectations<'_>, at| {
            meet(&verified.token.claims, expect, at, &mut Silent).map_or_else(|rejection| rejection.code(), |_| "holds")
        };
        assert_eq!(later(&EXPECT, AT + 299), "holds");
        assert_eq!(later(&EXPECT, AT + 300), "token.expired");
        assert_eq!(later(&Expectations { trust_domain: "other.example", ..EXPECT }, AT), "txn.audience");
        assert_eq!(later(&Expectations { seen: &["t-1"], ..EXPECT }, AT), "txn.replayed");
        assert_eq!(later(&Expectations { issuer: Some("x"), ..EXPECT }, AT), "token.issuer_missing");
    }
}
