//! `portcullis:oauth/transaction-tokens`

use portcullis_oauth::transaction_token::{
    self as transaction, presented,
    replacement::{self, Policy},
    verify::{self as verification, VerifiedTransactionToken as Verified},
};
use portcullis_token::claims::Claims;
use portcullis_types::{
    Findings, Trace,
    json::{self, Object},
    trace::Silent,
};

use crate::{
    Component,
    bindings::exports::portcullis::{
        crypto::keys::KeySetBorrow,
        oauth::transaction_tokens::{Expectations, Guest, ReplacementReport, Report, VerifiedTransactionToken},
        types::types::{Header, Rejection, Timestamp},
    },
    convert,
    keys::Keys,
    scope,
    wimse::pairs,
};

impl Guest for Component {
    fn of_headers_untrusted(headers: Vec<Header>) -> Result<Vec<u8>, Rejection> {
        presented::of(pairs(&headers)).map(Into::into).map_err(convert::rejection)
    }

    fn check_authorization(value: Vec<u8>) -> Result<(), Rejection> {
        presented::check_authorization(&value).map_err(convert::rejection)
    }

    fn verify(
        headers: Vec<Header>,
        keys: KeySetBorrow<'_>,
        expect: Expectations,
        at: Timestamp,
    ) -> Result<VerifiedTransactionToken, Rejection> {
        verify(&headers, &keys, &expect, at, &mut Silent).map(verified).map_err(convert::rejection)
    }

    fn explain(headers: Vec<Header>, keys: KeySetBorrow<'_>, expect: Expectations, at: Timestamp) -> Report {
        let mut findings = Findings::default();
        let outcome = verify(&headers, &keys, &expect, at, &mut findings);
        Report {
            findings: findings.0.into_iter().map(convert::finding).collect(),
            outcome: outcome.map(verified).map_err(convert::rejection),
        }
    }

    fn narrow(subject: Option<String>, requested: Option<String>) -> Result<Vec<String>, Rejection> {
        transaction::narrow(subject.as_deref(), requested.as_deref())
            .map(|narrowed| scope::tokens(&narrowed))
            .map_err(convert::rejection)
    }

    fn check_replacement(old: String, new: String, longer_life: bool, at: Timestamp) -> Result<(), Rejection> {
        check_replacement(&old, &new, longer_life, at, &mut Silent).map_err(convert::rejection)
    }

    fn explain_replacement(old: String, new: String, longer_life: bool, at: Timestamp) -> ReplacementReport {
        let mut findings = Findings::default();
        let outcome = check_replacement(&old, &new, longer_life, at, &mut findings);
        ReplacementReport {
            findings: findings.0.into_iter().map(convert::finding).collect(),
            outcome: outcome.map_err(convert::rejection),
        }
    }
}

fn verify(
    headers: &[Header],
    keys: &KeySetBorrow<'_>,
    expect: &Expectations,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<Verified, portcullis_types::Rejection> {
    let algorithms = expect.algorithms.as_deref().map(convert::accepted);
    let seen: Vec<&str> = expect.seen.iter().map(String::as_str).collect();
    let expect = verification::Expectations {
        trust_domain: &expect.trust_domain,
        issuer: expect.issuer.as_deref(),
        algorithms: algorithms.as_deref(),
        lifetime: expect.lifetime,
        leeway: expect.leeway,
        seen: &seen,
    };
    let (_, verified) = verification::parse_and_verify(pairs(headers), &keys.get::<Keys>().0, &expect, at, trace)?;
    Ok(verified)
}

fn verified(Verified { claims, token }: Verified) -> VerifiedTransactionToken {
    let text = |object: Option<Object>| object.as_ref().map(json::to_text);
    VerifiedTransactionToken {
        scope: scope::tokens(&claims.scope),
        transaction: claims.transaction,
        subject: claims.subject,
        trust_domain: claims.trust_domain,
        requesting_workload: claims.requesting_workload,
        transaction_context: text(claims.transaction_context),
        request_context: text(claims.request_context),
        expires: claims.expires.seconds(),
        issued_at: claims.issued_at.seconds(),
        header: token.header_text,
        claims: token.claims_text,
        algorithm: convert::algorithm(token.algorithm),
        kid: token.kid,
    }
}

fn check_replacement(
    old: &str,
    new: &str,
    longer_life: bool,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<(), portcullis_types::Rejection> {
    let claims = |text: &str, what| Claims::parse(text.as_bytes()).map_err(|rejection| rejection.within(what));
    let (old, new) = (claims(old, "old")?, claims(new, "new")?);
    replacement::check(&old, &new, Policy { longer_life }, at, trace)
}
