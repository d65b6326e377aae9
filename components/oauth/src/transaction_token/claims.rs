//! What a Transaction Token says (section 9.2).

use alloc::{
    format,
    string::{String, ToString},
};

use portcullis_scope::ScopeSet;
use portcullis_token::claims::Claims;
use portcullis_types::{
    NumericDate, Rejection,
    json::{Object, Value},
};

use super::TransactionCode;

/// The claims of a Transaction Token, each there and of its type. Claims that are not known stay in the token's members.
#[derive(Debug, Clone, PartialEq)]
pub struct TransactionClaims {
    /// `txn`: which transaction it is. With the trust domain, what must not be seen a second time where that is asked for.
    pub transaction: String,
    /// `sub`: the principal, unique within the trust domain.
    pub subject: String,
    /// `aud`: the one trust domain in which the token counts.
    pub trust_domain: String,
    /// `scope`: what the transaction is for.
    pub scope: ScopeSet,
    /// `req_wl`: the workload that asked for the token. It need not be the one that sends it.
    pub requesting_workload: String,
    /// `iat`.
    pub issued_at: NumericDate,
    /// `exp`: until when it counts, and has to be remembered where it may be used once.
    pub expires: NumericDate,
    /// `tctx`: what does not change throughout the call chain.
    pub transaction_context: Option<Object>,
    /// `rctx`: the environment of the request.
    pub request_context: Option<Object>,
}

impl TransactionClaims {
    /// Reads them, in the order of section 9.2.
    ///
    /// Errors: `txn.claim_missing`, `txn.claim_type`, `txn.claim_empty`, `txn.audience_several`, `txn.context_type`,
    /// `scope.malformed`, `scope.too_large`, `json.duplicate_name`.
    pub fn of(claims: &Claims) -> Result<Self, Rejection> {
        Ok(Self {
            issued_at: claims.issued_at.ok_or_else(|| missing("iat"))?,
            trust_domain: trust_domain(claims)?,
            expires: claims.expires.ok_or_else(|| missing("exp"))?,
            transaction: identifier(&claims.members, "txn")?,
            subject: identifier(&claims.members, "sub")?,
            scope: scope(&claims.members)?,
            transaction_context: context(&claims.members, "tctx")?,
            request_context: context(&claims.members, "rctx")?,
            requesting_workload: identifier(&claims.members, "req_wl")?,
        })
    }
}

pub(super) fn missing(name: &str) -> Rejection {
    Rejection::new(TransactionCode::ClaimMissing, format!("there is no {name}"))
}

/// `aud`: a token is bound to a single trust domain, so there is one value.
fn trust_domain(claims: &Claims) -> Result<String, Rejection> {
    match claims.audience.as_deref() {
        Some([one]) => Ok(one.clone()),
        None | Some([]) => Err(missing("aud")),
        Some(several) => {
            let what = format!("aud names {} audiences, a Transaction Token has one", several.len());
            Err(Rejection::new(TransactionCode::AudienceSeveral, what))
        }
    }
}

/// A claim that is a text, if it is there.
pub(super) fn text<'c>(claims: &'c Object, name: &str) -> Result<Option<&'c str>, Rejection> {
    match claims.get(name)? {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(Rejection::new(TransactionCode::ClaimType, format!("{name} is {}", other.kind()))),
    }
}

/// A claim that identifies something: a text, not empty.
fn identifier(claims: &Object, name: &str) -> Result<String, Rejection> {
    match text(claims, name)? {
        None => Err(missing(name)),
        Some("") => Err(Rejection::new(TransactionCode::ClaimEmpty, format!("{name} is empty"))),
        Some(text) => Ok(text.to_string()),
    }
}

/// `scope` (RFC 8693 section 4.2).
pub(super) fn scope(claims: &Object) -> Result<ScopeSet, Rejection> {
    let text = text(claims, "scope")?.ok_or_else(|| missing("scope"))?;
    ScopeSet::parse(text).map_err(|rejection| rejection.within("scope"))
}

/// `tctx` or `rctx`: an object, if it is there.
pub(super) fn context(claims: &Object, name: &str) -> Result<Option<Object>, Rejection> {
    match claims.get(name)? {
        None => Ok(None),
        Some(Value::Object(context)) => Ok(Some(context.clone())),
        Some(other) => Err(Rejection::new(TransactionCode::ContextType, format!("{name} is {}", other.kind()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transaction_token::tests::put;

    const GOOD: &str =
        r#"{"iat":1790000000,"aud":"d.example","exp":1790000300,"txn":"t","sub":"u","scope":"a b","req_wl":"w"}"#;

    fn code(claims: &str) -> &'static str {
        let read = Claims::parse(claims.as_bytes()).and_then(|claims| TransactionClaims::of(&claims));
        read.map_or_else(|rejection| rejection.code(), |_| "read")
    }

    #[test]
    fn every_required_claim_is_asked_for() {
        assert_eq!(code(GOOD), "read");
        for name in ["iat", "aud", "exp", "txn", "sub", "scope", "req_wl"] {
            assert_eq!(code(&put(GOOD, name, None)), "txn.claim_missing", "{name}");
        }
        for name in ["txn", "sub", "req_wl"] {
            assert_eq!(code(&put(GOOD, name, Some(r#""""#))), "txn.claim_empty", "{name}");
        }
    }

    #[test]
    fn each_has_its_type() {
        for (name, value, wanted) in [
            ("txn", "1", "txn.claim_type"),
            ("txn", "null", "txn.claim_type"),
            ("sub", "1", "token.subject_type"),
            ("scope", r#"["a"]"#, "txn.claim_type"),
            ("scope", r#""""#, "scope.malformed"),
            ("scope", r#""a  b""#, "scope.malformed"),
            ("req_wl", r#"["w"]"#, "txn.claim_type"),
            ("aud", r#"["d.example"]"#, "read"),
            ("aud", "[]", "txn.claim_missing"),
            ("aud", r#"["d.example","e.example"]"#, "txn.audience_several"),
            ("tctx", r#""BUY""#, "txn.context_type"),
            ("rctx", "null", "txn.context_type"),
            ("rctx", "{}", "read"),
            ("tctx", r#"{"a":1,"a":2}"#, "json.duplicate_name"),
            ("iat", r#""now""#, "token.issued_at_type"),
            ("unknown", "[1]", "read"),
        ] {
            assert_eq!(code(&put(GOOD, name, Some(value))), wanted, "{name} {value}");
        }
    }
}
