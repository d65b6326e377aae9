//! The Transaction Token of a request, beside its sender's own credential (`docs/transaction-tokens.md`).
//!
//! It authorizes and never authenticates (draft-ietf-oauth-transaction-tokens-11 section 12): it is looked at once the sender has
//! authenticated and may do what the rule is for, and it only ever takes away.

use alloc::{format, string::ToString, vec::Vec};

use portcullis_crypto::{CryptoCode, sha256};
use portcullis_oauth::transaction_token::{
    HEADER, TransactionClaims, presented,
    verify::{self, Expectations, VerifiedTransactionToken},
};
use portcullis_scope::{Granted, Required, evaluate};
use portcullis_types::json::Object;

use crate::{
    decision::Transaction,
    denial::{Denial, Stop},
    judge::{Context, Judge, Passed, UsedProof, Verified},
    origin::Origin,
    policy::{Requirements, TransactionRequirements, TransactionTokens},
    request::{Judged, Request},
    sources::Owner,
};

/// The kind by which transactions are remembered.
pub(crate) const KIND: &str = "txn";

/// The transaction that a request is part of.
#[derive(Debug, Clone)]
pub(crate) struct Passing {
    /// What its token says.
    pub(crate) claims: TransactionClaims,
}

impl Passing {
    /// As decisions tell it.
    pub(crate) fn told(&self) -> Transaction {
        let claims = &self.claims;
        Transaction {
            id: claims.transaction.clone(),
            subject: claims.subject.clone(),
            scopes: claims.scope.iter().map(ToString::to_string).collect(),
            requesting_workload: claims.requesting_workload.clone(),
        }
    }
}

impl Judge<'_> {
    /// The transaction of a request whose sender may do what the rule is for. A token that came is verified whether or not the rule
    /// asks for one: an upstream would take it for good.
    ///
    /// Errors: `txn.*`, `scope.*`, those of tokens, and `keys.*` with 503.
    pub(crate) fn in_transaction(
        &mut self,
        judged: &Judged<'_>,
        request: &Request,
        verified: Verified,
        require: &Requirements,
        context: &mut Context,
    ) -> Result<Passed, Stop> {
        let transaction = match &self.policy.transaction_tokens {
            Some(accepted) => {
                self.transaction(judged, request, &verified, accepted, require.transaction.as_deref(), context)
            }
            None => Ok(None),
        };
        match transaction {
            Ok(transaction) => Ok(Passed { transaction, ..Passed::of(Some(verified)) }),
            Err(stop) => {
                context.verified = Some(verified);
                Err(stop)
            }
        }
    }

    fn transaction(
        &mut self,
        judged: &Judged<'_>,
        request: &Request,
        sender: &Verified,
        accepted: &TransactionTokens,
        require: Option<&TransactionRequirements>,
        context: &mut Context,
    ) -> Result<Option<UsedProof>, Stop> {
        // One in a trailer would reach the upstream as well.
        let fields = judged.headers.iter().chain(&request.trailers);
        let fields: Vec<(&str, &[u8])> = fields.map(|field| (field.name.as_str(), field.value.as_slice())).collect();
        if require.is_none() && !fields.iter().any(|(name, _)| name.eq_ignore_ascii_case(HEADER)) {
            return Ok(None);
        }
        let token = presented::of(fields.iter().copied());
        if let Err(rejection) = &token {
            self.trace.failed("transaction token", rejection);
        }
        let token = token.map_err(Denial::transaction)?;
        let VerifiedTransactionToken { claims, token } = self.transaction_token(token, accepted)?;
        if let Some(require) = require {
            self.transaction_grants(&token.claims.members, &claims, require, accepted.leeway)?;
        }
        let origin = self.policy.origins.get(judged.origin).map_or("", Origin::as_str);
        let used = accepted.single_use.then(|| UsedProof {
            kind: KIND,
            // Who signed it is one for all: what is used up is the transaction of the trust domain, whoever sends it.
            thumbprint: sha256(accepted.trust_domain.as_bytes()),
            // Each service is reached once.
            target: origin.into(),
            id: claims.transaction.clone(),
            share: Some(sha256(self.sender(sender).as_bytes())),
            until: claims.expires.whole_seconds().saturating_add(accepted.leeway).saturating_add(1),
        });
        context.transaction = Some(Passing { claims });
        Ok(used)
    }

    /// A Transaction Token of the policy's trust domain, wherever it stood.
    ///
    /// Errors: `txn.*`, those of tokens, and `keys.*` with 503.
    pub(crate) fn transaction_token(
        &mut self,
        token: &[u8],
        accepted: &TransactionTokens,
    ) -> Result<VerifiedTransactionToken, Stop> {
        let (keys, _) = self.keys_of(Owner::Transactions)?;
        let expect = Expectations {
            trust_domain: &accepted.trust_domain,
            issuer: accepted.issuer.as_deref(),
            algorithms: accepted.algorithms.as_deref(),
            lifetime: Some(accepted.lifetime),
            leeway: accepted.leeway,
            seen: &[],
        };
        match verify::verify(token, &keys, &expect, self.at, self.trace) {
            Ok(verified) => Ok(verified),
            Err(rejection) if rejection.is(CryptoCode::Unknown) => {
                self.more_keys_of(Owner::Transactions)?;
                Err(Denial::transaction(rejection).into())
            }
            Err(rejection) if rejection.is(CryptoCode::BackendFailed) => Err(Denial::unknown(rejection).into()),
            Err(rejection) => Err(Denial::transaction(rejection).into()),
        }
    }

    /// What the rule requires of the transaction: its scope, its claims, and both contexts.
    fn transaction_grants(
        &mut self,
        members: &Object,
        claims: &TransactionClaims,
        require: &TransactionRequirements,
        leeway: u64,
    ) -> Result<(), Denial> {
        let nothing = Object::from_members(Vec::new());
        let of = |context: &Option<Object>| context.clone().unwrap_or_else(|| nothing.clone());
        let (transaction, environment) = (of(&claims.transaction_context), of(&claims.request_context));
        let own = Required { scope: require.scope.clone(), claims: require.claims.clone(), ..Required::default() };
        let context = Required { claims: require.context.clone(), ..Required::default() };
        let request_context = Required { claims: require.request_context.clone(), ..Required::default() };
        for (place, held, required) in
            [("transaction", members, own), ("tctx", &transaction, context), ("rctx", &environment, request_context)]
        {
            let granted = Granted { scope: held.get("scope").ok().flatten(), claims: Some(held), ..Granted::default() };
            evaluate::explain(&granted, &required, self.at, leeway, self.trace)
                .map_err(|short| Denial::forbidden(short.reason.within(place)))?;
        }
        Ok(())
    }

    /// Who sends a request, by a name of its own: in whose share of the memory its transactions are.
    fn sender(&self, sender: &Verified) -> alloc::string::String {
        let id = match (&sender.spiffe_id, sender.claims().map(|claims| claims.get("sub"))) {
            (Some(id), _) => id.to_string(),
            (None, Some(Ok(Some(sub)))) => sub.as_str().unwrap_or_default().into(),
            _ => Default::default(),
        };
        format!("{} {id}", self.policy.name_of(sender.authority))
    }
}
