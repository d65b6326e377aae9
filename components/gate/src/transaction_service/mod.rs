//! The Transaction Token Service: workloads request Transaction Tokens, and what a host then signs is made here
//! (draft-ietf-oauth-transaction-tokens-11 section 11, RFC 8693, `docs/transaction-tokens.md`).
//!
//! In this order: the request's place and form, who asks, whether that may have tokens at all, the request, the subject token, and
//! what is made of it. That a proof is used once is asked last, as everywhere.

mod answer;
mod subject;
mod workload;

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use portcullis_crypto::CryptoCode;
use portcullis_oauth::transaction_token::{
    Issued, Lifetime, Service, TYPE, TokenRequest, TransactionClaims, issue, replace,
};
use portcullis_scope::oci::token_request;
use portcullis_token::claims::Claims;
use portcullis_types::{Rejection, json, trace::check};

use self::subject::Presented;
use crate::{
    code::GateCode,
    denial::{Denial, Fault, Stop},
    judge::{Context, Judge, Passed, Verified},
    policy::{Policy, ServedWorkloads, TransactionService, TransactionTokens},
    registry::{Issue, IssueKind, ToSign},
    request::{Judged, Request},
    transaction::Passing,
};

/// The least of randomness that names a transaction, in characters of base64url: 128 bits.
const LEAST_FRESH: usize = 22;

/// Most parameters of a request. There are eight, and some clients add their own.
const MAX_PARAMETERS: usize = 64;

/// Whether a request came in where Transaction Tokens are handed out.
pub(crate) fn asked(request: &Request, policy: &Policy) -> bool {
    let listener = request.listener.as_deref().and_then(|name| policy.listener(name));
    policy.transaction_service.is_some() && listener.is_some_and(|listener| listener.transactions)
}

impl Judge<'_> {
    /// Judges a request for a Transaction Token.
    pub(crate) fn at_transactions(
        &mut self,
        service: &TransactionService,
        accepted: &TransactionTokens,
        judged: &Judged<'_>,
        request: &Request,
        context: &mut Context,
    ) -> Result<Passed, Stop> {
        let form = form(service, judged, request);
        if let Err(denial) = &form {
            self.trace.failed("request for a token", &denial.rejection);
        }
        let form = form?;
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let workload = self.asking_workload(judged, request)?;
        context.verified = Some(workload.clone());
        let (id, entry) = self.served(service, &workload)?;
        let described = described(service, accepted, entry);
        let asked = TokenRequest::parse(&form, &described);
        let section = "draft-ietf-oauth-transaction-tokens-11 section 11.1";
        let asked = check(self.trace, "request", section, asked, |asked| asked.scope.to_string()).map_err(refused)?;
        let permitted = permitted(entry, &asked);
        check(self.trace, "permitted scope", "docs/transaction-tokens.md", permitted, |()| String::new())
            .map_err(refused)?;
        let fresh = fresh(request);
        if let Err(denial) = &fresh {
            self.trace.failed("new transaction", &denial.rejection);
        }
        let fresh = fresh?;
        let presented = self.subject_token(service, accepted, entry, judged, &workload, &asked, &described)?;
        let issued = entry.with_contexts(|contexts| match &presented {
            Presented::Subject(subject) => {
                issue(&asked, subject, (&id, contexts), fresh, &described, self.at, self.trace)
            }
            Presented::Transaction(old) => replace(&asked, old, (&id, contexts), &described, self.at, self.trace),
        });
        let issued = issued.map_err(refused)?;
        context.transaction = Some(Passing { claims: self.made(&issued)? });
        Ok(Passed { issue: Some(self.to_hand_out(&issued)), ..Passed::of(Some(workload)) })
    }

    /// What the policy says of a workload that asks.
    ///
    /// Error: `transactions.workload_unknown`.
    fn served<'s>(
        &mut self,
        service: &'s TransactionService,
        workload: &Verified,
    ) -> Result<(String, &'s ServedWorkloads), Denial> {
        let id = workload.spiffe_id.as_ref();
        let entry = id.and_then(|id| Some((id.to_string(), service.serves(id)?))).ok_or_else(|| {
            let who = id.map_or_else(|| "it".into(), ToString::to_string);
            Rejection::new(GateCode::TransactionsWorkload, format!("{who} is no workload that may have tokens"))
        });
        check(self.trace, "workload", "docs/transaction-tokens.md", entry, |(id, _)| id.clone())
            .map_err(Denial::forbidden)
    }

    /// The claims of what was made, as those who receive it read them: what is handed out is what would be taken.
    fn made(&self, issued: &Issued) -> Result<TransactionClaims, Denial> {
        let claims = Claims::from_members(issued.claims.clone()).and_then(|claims| TransactionClaims::of(&claims));
        claims.map_err(refused)
    }

    fn to_hand_out(&self, issued: &Issued) -> Issue {
        Issue {
            kind: IssueKind::Transaction,
            access: ToSign { media_type: TYPE.into(), claims: json::to_text(&issued.claims) },
            refresh: None,
            scope: issued.scope.to_string(),
            issued_at: self.at,
            expires_in: issued.expires_in,
        }
    }
}

/// The service as it is for the workloads of an entry.
fn described<'s>(
    service: &'s TransactionService,
    accepted: &'s TransactionTokens,
    entry: &'s ServedWorkloads,
) -> Service<'s> {
    Service {
        trust_domain: &accepted.trust_domain,
        identifier: accepted.issuer.as_deref().unwrap_or(&service.endpoint),
        issuer: accepted.issuer.as_deref(),
        // The policy bounds it as the service does.
        lifetime: Lifetime::from_seconds(service.lifetime).unwrap_or_default(),
        longer_life: service.longer_life,
        replacements: service.replacements,
        subject_types: &entry.subject_types,
        leeway: accepted.leeway,
    }
}

/// A refusal of the request, with the answer that it has: a library that could not tell is no fault of the workload's.
fn refused(rejection: Rejection) -> Denial {
    if rejection.is(CryptoCode::BackendFailed) { Denial::unknown(rejection) } else { Denial::request(rejection) }
}

/// What a workload asks for is what its entry lets it have, whatever its subject token has.
///
/// Error: `transactions.scope_not_permitted`.
fn permitted(entry: &ServedWorkloads, asked: &TokenRequest<'_>) -> Result<(), Rejection> {
    let Some(most) = &entry.scope else { return Ok(()) };
    match asked.scope.iter().find(|token| !most.iter().any(|one| one.as_str() == token.as_str())) {
        None => Ok(()),
        Some(token) => {
            let what = format!("{token:?} is requested, and the workload may not have it");
            Err(Rejection::new(GateCode::TransactionsScope, what))
        }
    }
}

/// What names a new transaction: randomness of the host's, which a component has none of.
///
/// Error: `transactions.no_identifier`, 503.
fn fresh(request: &Request) -> Result<&str, Denial> {
    let plain = |text: &&str| {
        text.len() >= LEAST_FRESH
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    request.fresh.as_deref().filter(plain).ok_or_else(|| {
        let what = "the host gave no identifier for a new transaction";
        Denial::unknown(Rejection::new(GateCode::TransactionsIdentifier, what))
    })
}

/// The parameters of a request, by method, target and body (RFC 8693 section 2.1).
///
/// Errors: `transactions.path_unknown`, 404; `transactions.method_unknown`, 405; `transactions.form_malformed`.
fn form(service: &TransactionService, judged: &Judged<'_>, request: &Request) -> Result<Vec<(String, String)>, Denial> {
    let path = judged.target.split_once('?').map_or(judged.target, |(path, _)| path);
    if service.origin != judged.origin || service.path != path {
        let rejection = Rejection::new(GateCode::TransactionsPath, "no Transaction Tokens are requested here");
        return Err(Denial { rejection, fault: Fault::Absent(404) });
    }
    if judged.method != "POST" {
        let rejection = Rejection::new(GateCode::TransactionsMethod, "Transaction Tokens are requested with POST");
        return Err(Denial { rejection, fault: Fault::Absent(405) });
    }
    let malformed = |what: String| Denial::request(Rejection::new(GateCode::TransactionsForm, what));
    let body = judged.form(request).map_err(|what| malformed(what.into()))?;
    let read =
        token_request::parameters(body).map_err(|inner| malformed(format!("{}: {}", inner.code(), inner.detail())))?;
    if read.len() > MAX_PARAMETERS {
        return Err(malformed(format!("{} parameters, at most {MAX_PARAMETERS} are read", read.len())));
    }
    Ok(read)
}
