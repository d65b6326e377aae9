//! What the requesting workload is answered (section 11.4).

use alloc::{
    string::{String, ToString},
    vec,
    vec::Vec,
};

use portcullis_client::ErrorAnswer;
use portcullis_crypto::CryptoCode;
use portcullis_scope::ScopeCode;
use portcullis_types::{
    Rejection, RuleCode,
    json::{self, Object},
};

use super::{Issued, TOKEN_TYPE, TransactionCode};

/// When a workload may come again, in seconds, where it is not known whether its subject token verifies: the time in which a
/// signature library recovers or an instance is replaced.
const RETRY_AFTER: &str = "5";

/// An answer that carries a token.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenAnswer {
    /// The HTTP status.
    pub status: u16,
    /// Header fields.
    pub headers: Vec<(&'static str, &'static str)>,
    /// The body.
    pub body: String,
}

/// Never the body, which has the token.
impl core::fmt::Debug for TokenAnswer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("TokenAnswer").field("status", &self.status).finish_non_exhaustive()
    }
}

/// The answer with a token that was signed: no refresh token in it, and no cache keeps it.
///
/// ```
/// use portcullis_oauth::transaction_token::{Issued, answer};
/// use portcullis_scope::ScopeSet;
/// use portcullis_types::json::Object;
///
/// let issued = Issued { claims: Object::default(), scope: ScopeSet::parse("trade.read")?, expires_in: 300 };
/// let answer = answer::granted("eyJ...", &issued);
/// assert_eq!(
///     answer.body,
///     r#"{"access_token":"eyJ...","issued_token_type":"urn:ietf:params:oauth:token-type:txn_token","token_type":"N_A","expires_in":300,"scope":"trade.read"}"#
/// );
/// # Ok::<(), portcullis_types::Rejection>(())
/// ```
pub fn granted(token: &str, issued: &Issued) -> TokenAnswer {
    let body = Object::from_members(vec![
        ("access_token".into(), token.into()),
        ("issued_token_type".into(), TOKEN_TYPE.into()),
        ("token_type".into(), "N_A".into()),
        ("expires_in".into(), issued.expires_in.into()),
        ("scope".into(), issued.scope.to_string().into()),
    ]);
    let headers = vec![("Content-Type", "application/json"), ("Cache-Control", "no-store")];
    TokenAnswer { status: 200, headers, body: json::to_text(&body) }
}

/// The answer to a request that was refused (RFC 6749 section 5.2, RFC 8693 section 2.2.2). A subject token that is not good is
/// `invalid_request`, as the latter has it. It says nothing of why; the rejection is for logs.
pub fn refused(rejection: &Rejection) -> ErrorAnswer {
    let no_store = ("Cache-Control", String::from("no-store"));
    if rejection.is(CryptoCode::BackendFailed) {
        let headers = vec![no_store, ("Retry-After", RETRY_AFTER.into())];
        return ErrorAnswer { status: 503, error: "temporarily_unavailable", headers };
    }
    let is = |code: TransactionCode| rejection.is(code);
    let error = if is(TransactionCode::GrantType) {
        "unsupported_grant_type"
    } else if is(TransactionCode::RequestedAudience) {
        "invalid_target"
    } else if is_about_scope(rejection) {
        "invalid_scope"
    } else {
        "invalid_request"
    };
    ErrorAnswer { status: 400, error, headers: vec![no_store] }
}

fn is_about_scope(rejection: &Rejection) -> bool {
    let ours = [
        TransactionCode::ScopeMissing,
        TransactionCode::ScopeUnknown,
        TransactionCode::ScopeExpanded,
        TransactionCode::ReplacementScope,
    ];
    ours.iter().any(|code| rejection.is(*code))
        || [ScopeCode::Malformed, ScopeCode::TooLarge].iter().any(|code| rejection.code() == code.entry().code)
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn an_answer_has_no_refresh_token_and_is_not_kept() {
        let scope = portcullis_scope::ScopeSet::parse("a b").unwrap();
        let answer = granted("a.b.c", &Issued { claims: Object::default(), scope, expires_in: 60 });
        let body = json::parse_object(answer.body.as_bytes()).unwrap();
        assert_eq!(body.get("token_type").unwrap(), Some(&"N_A".into()));
        assert_eq!(body.get("scope").unwrap(), Some(&"a b".into()));
        assert!(body.get("refresh_token").unwrap().is_none());
        assert!(answer.headers.contains(&("Cache-Control", "no-store")));
        assert!(!format!("{answer:?}").contains("a.b.c"));
    }

    #[test]
    fn each_refusal_has_its_oauth_error() {
        let told = |code: TransactionCode| {
            let answer = refused(&Rejection::new(code, "x"));
            (answer.status, answer.error)
        };
        assert_eq!(told(TransactionCode::GrantType), (400, "unsupported_grant_type"));
        assert_eq!(told(TransactionCode::RequestedAudience), (400, "invalid_target"));
        for code in [TransactionCode::ScopeExpanded, TransactionCode::ScopeUnknown, TransactionCode::ReplacementScope] {
            assert_eq!(told(code), (400, "invalid_scope"));
        }
        assert_eq!(refused(&Rejection::new(ScopeCode::Malformed, "x")).error, "invalid_scope");
        for code in [TransactionCode::SubjectExpired, TransactionCode::ParameterMissing, TransactionCode::RequestedType]
        {
            assert_eq!(told(code), (400, "invalid_request"));
        }
        let failed = refused(&Rejection::new(CryptoCode::BackendFailed, "x"));
        assert_eq!((failed.status, failed.error), (503, "temporarily_unavailable"));
        assert_eq!(failed.body(), r#"{"error":"temporarily_unavailable"}"#);
    }
}
