//! What the upstream is told of who a request is from, and what it never sees.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use portcullis_oauth::transaction_token;
use portcullis_types::{
    Rejection,
    json::{Number, Value},
};

use super::{Answering, REPORT_HEADER};
use crate::{
    code::GateCode,
    credential::scopes,
    decision::Principal,
    judge::Verified,
    limits::MAX_UPSTREAM_VALUE,
    policy::{Authority, HeaderSource},
};

impl Answering<'_> {
    pub(super) fn principal(&self, verified: &Verified) -> Principal {
        let text = |name: &str| match verified.claims().map(|claims| claims.get(name)) {
            Some(Ok(Some(Value::String(text)))) => Some(text.clone()),
            _ => None,
        };
        let spiffe_id = verified.spiffe_id.as_ref().map(ToString::to_string);
        let is_issuer = matches!(verified.authority, Authority::Issuer(_));
        Principal {
            subject: if is_issuer { text("sub") } else { verified.user.clone().or_else(|| spiffe_id.clone()) },
            client: if is_issuer { text("client_id") } else { None },
            issuer: match verified.authority {
                Authority::Issuer(number) => self.policy.issuers.get(number).map(|issuer| issuer.issuer.clone()),
                Authority::TrustDomain(_) | Authority::Users => Some(self.policy.name_of(verified.authority).into()),
            }
            .unwrap_or_default(),
            scopes: match verified.claims() {
                Some(claims) if is_issuer => scopes(claims),
                _ => Vec::new(),
            },
            spiffe_id,
            binding: verified.binding,
        }
    }

    /// What the upstream is told.
    ///
    /// Error: `upstream.value_unusable`.
    pub(super) fn upstream(
        &self,
        verified: Option<&Verified>,
        principal: Option<&Principal>,
    ) -> Result<Vec<(String, String)>, Rejection> {
        let mut set = Vec::new();
        let Some(principal) = principal else { return Ok(set) };
        let transaction = self.context.transaction.as_ref().map(|passing| &passing.claims);
        for (name, source) in &self.policy.upstream.set {
            let value = match source {
                HeaderSource::Subject => principal.subject.clone(),
                HeaderSource::Client => principal.client.clone(),
                HeaderSource::Issuer => Some(principal.issuer.clone()),
                HeaderSource::SpiffeId => principal.spiffe_id.clone(),
                HeaderSource::Binding => principal.binding.map(|binding| binding.name().into()),
                HeaderSource::Transaction => transaction.map(|claims| claims.transaction.clone()),
                HeaderSource::TransactionSubject => transaction.map(|claims| claims.subject.clone()),
                HeaderSource::Scope if principal.scopes.is_empty() => None,
                HeaderSource::Scope => Some(principal.scopes.join(" ")),
                HeaderSource::Claim(claim) => match verified.and_then(Verified::claims).map(|claims| claims.get(claim))
                {
                    Some(Ok(Some(value))) => {
                        Some(claim_text(value).ok_or_else(|| unusable(name, "is no text or number"))?)
                    }
                    _ => None,
                },
            };
            let Some(value) = value else { continue };
            if value.len() > MAX_UPSTREAM_VALUE {
                return Err(unusable(name, "is too long"));
            }
            let inner = value.bytes().all(|byte| matches!(byte, 0x20..=0x7e));
            if value.is_empty() || !inner || value.starts_with(' ') || value.ends_with(' ') {
                return Err(unusable(name, "is no visible ASCII"));
            }
            set.push((name.clone(), value));
        }
        Ok(set)
    }

    /// Names that never pass: those of the policy, and those of the request that an upstream might take for them.
    pub(super) fn strip(&self) -> Vec<String> {
        let mut names = self.policy.upstream.strip_names.clone();
        if self.policy.reports {
            names.push(REPORT_HEADER.into());
        }
        for field in self.request.headers.iter().chain(&self.request.trailers) {
            let taken_for_ours = self.policy.strips(&field.name) || self.strips_transaction(&field.name);
            if taken_for_ours && !names.iter().any(|known| known.eq_ignore_ascii_case(&field.name)) {
                names.push(field.name.clone());
            }
        }
        names
    }
}

impl Answering<'_> {
    /// Where Transaction Tokens are known, an upstream sees one that verified, and nothing that it might take for one.
    fn strips_transaction(&self, name: &str) -> bool {
        let verified = self.context.transaction.is_some() && name.eq_ignore_ascii_case(transaction_token::HEADER);
        let alike = name.len() == transaction_token::HEADER.len()
            && name.replace('_', "-").eq_ignore_ascii_case(transaction_token::HEADER);
        self.policy.transaction_tokens.is_some() && alike && !verified
    }
}

fn unusable(name: &str, why: &str) -> Rejection {
    Rejection::new(GateCode::UpstreamValue, format!("the value for {name} {why}"))
}

/// A claim as a header's value: texts as they are, whole numbers and truths as JSON writes them.
fn claim_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Number(Number::Unsigned(number)) => Some(number.to_string()),
        Value::Number(Number::Negative(number)) => Some(number.to_string()),
        _ => None,
    }
}
