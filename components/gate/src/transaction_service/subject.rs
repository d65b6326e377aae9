//! The subject token of a request: whose word it is, and that it is good.

use alloc::{boxed::Box, string::String};

use portcullis_crypto::KeySet;
use portcullis_oauth::transaction_token::{
    Service, Subject, SubjectTokenType, TokenRequest, TransactionCode, verify::VerifiedTransactionToken,
};
use portcullis_token::{claims::Claims, compact, jws, jwt::check_general_type};
use portcullis_types::{Rejection, trace::check};

use super::refused;
use crate::{
    code::GateCode,
    credential::no_entry,
    denial::{Denial, Fault, Stop},
    judge::{Judge, Verified},
    policy::{ServedWorkloads, TransactionService, TransactionTokens},
    request::{ClientCertificate, Judged},
};

/// What a subject token comes to.
pub(super) enum Presented {
    /// Somebody for whom a transaction begins.
    Subject(Box<Subject>),
    /// A Transaction Token, which is replaced.
    Transaction(Box<VerifiedTransactionToken>),
}

impl Judge<'_> {
    /// Verifies the subject token of a request by its type (section 11.2).
    ///
    /// Errors: `txn.*`, `transactions.*`, `keys.*`, `status.*` and those of tokens.
    #[expect(clippy::too_many_arguments, reason = "what a subject token is judged by, each of another kind")]
    pub(super) fn subject_token(
        &mut self,
        service: &TransactionService,
        accepted: &TransactionTokens,
        entry: &ServedWorkloads,
        judged: &Judged<'_>,
        workload: &Verified,
        asked: &TokenRequest<'_>,
        described: &Service<'_>,
    ) -> Result<Presented, Stop> {
        let subject = match &asked.subject_token_type {
            SubjectTokenType::AccessToken | SubjectTokenType::Jwt => self.of_issuer(service, asked)?,
            SubjectTokenType::TransactionToken => {
                let verified = self.transaction_token(asked.subject_token.as_bytes(), accepted).map_err(of_request)?;
                return Ok(Presented::Transaction(Box::new(verified)));
            }
            SubjectTokenType::SelfSigned => {
                let claims = self.self_signed(judged, workload, asked)?;
                let id = workload.spiffe_id.as_ref().map(alloc::string::ToString::to_string).unwrap_or_default();
                let made = Subject::self_signed(&claims, &id, entry.scope.as_ref(), described, self.at);
                self.subject("draft-ietf-oauth-transaction-tokens-11 section 11.2.1", made)?
            }
            SubjectTokenType::UnsignedJson => {
                let made = Subject::unsigned_json(asked.subject_token, entry.scope.as_ref());
                self.subject("draft-ietf-oauth-transaction-tokens-11 section 11.2.2", made)?
            }
            // No policy lists another.
            SubjectTokenType::IdToken | SubjectTokenType::Other(_) => {
                let what = "subject tokens of this type are not accepted here";
                return Err(refused(Rejection::new(TransactionCode::SubjectTypeUnsupported, what)).into());
            }
        };
        Ok(Presented::Subject(Box::new(subject)))
    }

    /// A token of an issuer, which its holder gave to the workload that asks or to one before it.
    fn of_issuer(&mut self, service: &TransactionService, asked: &TokenRequest<'_>) -> Result<Subject, Stop> {
        let audience = service.subject_audience.as_ref();
        let verified = self.handed_on(asked.subject_token, &service.subject_issuers, audience).map_err(of_request)?;
        // Two issuers may call two people the same.
        let several = service.subject_issuers.len() > 1;
        let name = several.then(|| self.policy.name_of(verified.authority));
        let Some(fact) = &verified.fact else { return Err(no_entry().into()) };
        let made = Subject::of_token(&fact.claims, name);
        self.subject("draft-ietf-oauth-transaction-tokens-11 section 11.3", made)
    }

    fn subject(&mut self, section: &'static str, made: Result<Subject, Rejection>) -> Result<Subject, Stop> {
        Ok(check(self.trace, "subject", section, made, |subject| subject.subject.clone()).map_err(refused)?)
    }

    /// The claims of a JWT that the workload signed with the key that it authenticated with (section 11.2.1).
    ///
    /// Errors: `transactions.no_workload_key` where it has none: a JWT-SVID is bound to no key. `token.type_mismatch` for what says that
    /// it is another kind of token.
    fn self_signed(
        &mut self,
        judged: &Judged<'_>,
        workload: &Verified,
        asked: &TokenRequest<'_>,
    ) -> Result<Claims, Denial> {
        let token = asked.subject_token.as_bytes();
        let compact = compact::parse(token).map_err(|rejection| refused(rejection.within("subject_token")))?;
        let leaf = match judged.certificate.as_ref() {
            ClientCertificate::Chain(chain) => chain.first(),
            ClientCertificate::Leaf { der, .. } => Some(der),
            ClientCertificate::None | ClientCertificate::Digest(_) => None,
        };
        let verified = match (&workload.fact, leaf) {
            (Some(fact), _) => fact.workload_key.as_ref().map(|confirmation| {
                let accepted = [confirmation.algorithm];
                jws::verify_with_key(compact, &confirmation.key, Some(&accepted), None, self.trace)
            }),
            // Who authenticated without a token did by the connection's certificate.
            (None, Some(leaf)) => Some(KeySet::from_certificate(leaf, None, self.backend).and_then(|keys| {
                let key = keys.entries().first().map(|entry| entry.key.as_ref());
                match key {
                    Some(Ok(key)) => jws::verify_with_key(compact, key, None, None, self.trace),
                    Some(Err(rejection)) => Err(rejection.clone()),
                    None => Err(no_key()),
                }
            })),
            (None, None) => None,
        };
        let verified = verified
            .unwrap_or_else(|| Err(no_key()))
            .map_err(|rejection| refused(rejection.within("subject_token")))?;
        // The specification gives it no type; what says another one, a proof of the same key for one, was made for somebody else.
        let kind = check_general_type(&verified.header).map_err(|rejection| rejection.within("subject_token"));
        check(self.trace, "type", "RFC 8725bis sections 3.11 and 3.12", kind, |()| String::new()).map_err(refused)?;
        Claims::parse(&verified.payload).map_err(|rejection| refused(rejection.within("subject_token")))
    }
}

fn no_key() -> Rejection {
    Rejection::new(GateCode::TransactionsKey, "the workload authenticated with no key that could have signed it")
}

/// A subject token that is not good is a fault of the request (RFC 8693 section 2.2.2): who asks has authenticated.
fn of_request(stop: Stop) -> Stop {
    match stop {
        Stop::Denied(Denial { rejection, fault }) if !matches!(fault, Fault::Unknown) => refused(rejection).into(),
        other => other,
    }
}
