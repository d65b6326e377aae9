//! OCI registries: what a request of one needs, who may have it, and what a token service hands out (`docs/registries.md`,
//! `docs/distribution-auth.md`).
//!
//! A registry's request is judged by what the policy grants and what a token service's token grants, never by `rules`. A request
//! for a token is judged by the same grants; what a host then signs is made here.

mod access;
pub(crate) mod answer;
mod credential;
mod issue;
mod permitted;
mod refresh;
mod tokens;

use alloc::{string::String, vec::Vec};

use portcullis_scope::oci::Access;

pub use issue::{Issue, IssueKind, ToSign};

use crate::{
    policy::Policy,
    request::{Judged, Request},
};

/// The path below which a registry is (OCI Distribution Specification 1.1, Endpoints).
const BASE: &[u8] = b"v2";

/// Whose answer a client gets: a registry's or a token service's have their own form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Speaking {
    /// A registry's, with what the request needs, as far as that is known.
    Registry(Vec<Access>),
    /// A token service's, with the registry that the token is for, as far as that is known.
    Tokens(Option<String>),
}

/// Who answers a request, by what it looks like before it is judged: so that also a request that is refused for its form is
/// answered in a form that its client reads.
pub(crate) fn speaking_untrusted(request: &Request, policy: &Policy) -> Option<Speaking> {
    policy.registry.as_ref()?;
    let listener = request.listener.as_deref().and_then(|name| policy.listener(name));
    if listener.is_some_and(|listener| listener.tokens) {
        return Some(Speaking::Tokens(None));
    }
    let start = request.url.find("://").map_or(0, |at| at + 3);
    let path = request.url.get(start..).and_then(|rest| rest.find('/').and_then(|at| rest.get(at..)))?;
    (path == "/v2" || path.starts_with("/v2/") || path.starts_with("/v2?")).then(|| Speaking::Registry(Vec::new()))
}

/// Who answers a request that was judged; nobody here where it is no registry's.
pub(crate) fn speaking(judged: &Judged<'_>, policy: &Policy) -> Option<Speaking> {
    let registry = policy.registry.as_ref()?;
    if judged.for_tokens {
        return Some(Speaking::Tokens(None));
    }
    let below = judged.path.segments().first().is_some_and(|segment| segment.as_ref() == BASE);
    (below && registry.hosts.contains(&judged.origin)).then(|| Speaking::Registry(Vec::new()))
}
