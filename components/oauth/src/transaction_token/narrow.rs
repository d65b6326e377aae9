//! The scope rule of issuance (sections 13.6 and 13.14).

use alloc::format;

use portcullis_scope::ScopeSet;
use portcullis_types::{Rejection, limits::excerpt};

use super::TransactionCode;

/// The scope of a new token: what is requested, if it is equal to or less than the scope of the subject token. Tokens of a scope
/// compare byte by byte, and none stands for another; a service whose own scopes have other names than those of its subject
/// tokens gives what those stand for.
///
/// `None` as the subject token's scope means that nobody knows it: it is never taken for unlimited.
///
/// Errors: `txn.scope_missing`, `txn.scope_unknown`, `txn.scope_expanded`, `scope.malformed`, `scope.too_large`.
pub fn narrow(subject: Option<&str>, requested: Option<&str>) -> Result<ScopeSet, Rejection> {
    let missing = || Rejection::new(TransactionCode::ScopeMissing, "no scope is requested");
    let requested = requested.ok_or_else(missing)?;
    let requested = ScopeSet::parse(requested).map_err(|rejection| rejection.within("the requested scope"))?;
    let subject = subject.map(ScopeSet::parse).transpose();
    let subject = subject.map_err(|rejection| rejection.within("the subject token's scope"))?;
    within(subject.as_ref(), &requested)?;
    Ok(requested)
}

/// The same for scopes that were read.
///
/// Errors: `txn.scope_unknown`, `txn.scope_expanded`.
pub(super) fn within(subject: Option<&ScopeSet>, requested: &ScopeSet) -> Result<(), Rejection> {
    match subject.ok_or_else(unknown)?.first_missing(requested) {
        None => Ok(()),
        Some(more) => {
            let what = format!("{} is requested, and the subject token does not have it", excerpt(more.as_str()));
            Err(Rejection::new(TransactionCode::ScopeExpanded, what))
        }
    }
}

pub(super) fn unknown() -> Rejection {
    Rejection::new(TransactionCode::ScopeUnknown, "the scope of the subject token is not known")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(subject: Option<&str>, requested: Option<&str>) -> &'static str {
        narrow(subject, requested).map_or_else(|rejection| rejection.code(), |_| "within")
    }

    #[test]
    fn equal_or_less_and_never_unknown() {
        for (subject, requested, wanted) in [
            (Some("a b"), Some("b a"), "within"),
            (Some("a b"), Some("b"), "within"),
            (Some("a b"), Some("b c"), "txn.scope_expanded"),
            (Some("a"), Some("A"), "txn.scope_expanded"),
            (Some("a:read"), Some("a"), "txn.scope_expanded"),
            (Some("*"), Some("a"), "txn.scope_expanded"),
            (None, Some("a"), "txn.scope_unknown"),
            (Some("a"), None, "txn.scope_missing"),
            (None, None, "txn.scope_missing"),
            (Some("a"), Some(""), "scope.malformed"),
            (Some(""), Some("a"), "scope.malformed"),
        ] {
            assert_eq!(code(subject, requested), wanted, "{subject:?} {requested:?}");
        }
    }
}
