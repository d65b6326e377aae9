//! What a replacement may be (section 13.15): the same transaction of the same subject in the same trust domain, with the same or
//! less to do. One function judges it, for who wants to know and for the service that makes one.

use alloc::{
    format,
    string::{String, ToString},
};

use portcullis_token::claims::Claims;
use portcullis_types::{
    Rejection, Timestamp,
    json::Object,
    limits::excerpt,
    trace::{Trace, check as told},
};

use super::{
    CallChain, TransactionCode,
    claims::{context, missing, scope, text},
    narrow, same,
};

/// Claims that a service sets anew, and those that have a rule of their own below.
const OWN_RULE: [&str; 11] = ["iss", "iat", "exp", "nbf", "jti", "scope", "txn", "sub", "aud", "req_wl", "act"];

/// The contexts, which may gain members. What stands in a member may not: whether an entry more of a limit or of a list widens
/// what is permitted is for nobody here to know.
const CONTEXTS: [&str; 2] = ["tctx", "rctx"];

/// Claims that grant something by themselves (RFC 9396 section 9.1, RFC 9068 section 2.2.3.1, RFC 8693 section 4.4). To add one is
/// to expand what is permitted.
const GRANTING: [&str; 5] = ["authorization_details", "roles", "groups", "entitlements", "may_act"];

/// What the text leaves to the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Whether a replacement may live longer than what it replaces.
    pub longer_life: bool,
}

/// Judges the claims of a replacement against those of the token that it replaces, in the order of section 13.15. Of a token that
/// comes from outside, only claims that verified are given here.
///
/// Errors: `txn.replace*`, `txn.scope_unknown`, `txn.claim_missing`, `txn.claim_type`, `txn.context_type`,
/// `txn.call_chain_too_long`, `scope.malformed`, `scope.too_large`.
///
/// ```
/// use portcullis_oauth::transaction_token::replacement::{Policy, check};
/// use portcullis_token::claims::Claims;
/// use portcullis_types::Silent;
///
/// let old = Claims::parse(br#"{"txn":"t","sub":"u","aud":"d.example","scope":"a b","exp":1790000100}"#)?;
/// let new = Claims::parse(br#"{"txn":"t","sub":"u","aud":"d.example","scope":"a b c","exp":1790000100}"#)?;
/// let policy = Policy { longer_life: false };
/// assert_eq!(check(&old, &new, policy, 1_790_000_000, &mut Silent).unwrap_err().code(), "txn.replacement_scope");
/// assert!(check(&new, &old, policy, 1_790_000_000, &mut Silent).is_ok());
/// # Ok::<(), portcullis_types::Rejection>(())
/// ```
pub fn check(
    old: &Claims,
    new: &Claims,
    policy: Policy,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<(), Rejection> {
    let section = "draft-ietf-oauth-transaction-tokens-11 section 13.15";
    told(trace, "replacement's scope", section, same_or_less_scope(old, new), Clone::clone)?;
    told(trace, "replacement's values", section, values(&old.members, &new.members), |()| String::new())?;
    told(trace, "replacement's grants", section, no_new_grant(&old.members, &new.members), |()| String::new())?;
    told(trace, "replacement's identity", section, identity(old, new), |()| "txn, sub and aud are kept".into())?;
    told(trace, "replaced token's expiry", section, not_expired(old, at), |()| String::new())?;
    told(trace, "replacement's lifetime", section, lifetime(old, new, policy), |()| String::new())?;
    told(trace, "call chain", section, call_chain(&old.members, &new.members), |()| String::new())?;
    Ok(())
}

/// The scope is reduced or kept, never expanded.
fn same_or_less_scope(old: &Claims, new: &Claims) -> Result<String, Rejection> {
    if text(&old.members, "scope")?.is_none() {
        return Err(narrow::unknown());
    }
    let (had, has) = (scope(&old.members)?, scope(&new.members)?);
    match had.first_missing(&has) {
        None => Ok(has.to_string()),
        Some(more) => {
            let what = format!("{} is not in the scope of the token that is replaced", excerpt(more.as_str()));
            Err(Rejection::new(TransactionCode::ReplacementScope, what))
        }
    }
}

/// Every value that was asserted is asserted as it was: which change of one reduces what is permitted is known of scopes alone.
fn values(old: &Object, new: &Object) -> Result<(), Rejection> {
    let changed = |name: &str| {
        let what = format!("{} is missing or another than before", excerpt(name));
        Err(Rejection::new(TransactionCode::ReplacementValue, what))
    };
    for (name, value) in old.members() {
        if OWN_RULE.contains(&name) || CONTEXTS.contains(&name) {
            continue;
        }
        if !same::has(new, name, value) {
            return changed(name);
        }
    }
    for name in CONTEXTS {
        let (had, has) = (context(old, name)?.unwrap_or_default(), context(new, name)?.unwrap_or_default());
        if let Some((member, _)) = had.members().find(|(member, value)| !same::has(&has, member, value)) {
            return changed(&format!("{name}.{member}"));
        }
        // An empty context is a value, too.
        if old.get(name)?.is_some() && new.get(name)?.is_none() {
            return changed(name);
        }
    }
    Ok(())
}

/// No claim is added that grants something by itself.
fn no_new_grant(old: &Object, new: &Object) -> Result<(), Rejection> {
    for name in GRANTING {
        if old.get(name)?.is_none() && new.get(name)?.is_some() {
            let what = format!("{name} is added, which grants something");
            return Err(Rejection::new(TransactionCode::ReplacementGrant, what));
        }
    }
    Ok(())
}

/// `txn`, `sub` and `aud` are there and are kept.
fn identity(old: &Claims, new: &Claims) -> Result<(), Rejection> {
    let refuse = |name: &str| Err(Rejection::new(TransactionCode::ReplacementIdentity, format!("{name} is another")));
    let transaction = |claims: &Claims| text(&claims.members, "txn")?.map(String::from).ok_or_else(|| missing("txn"));
    if transaction(old)? != transaction(new)? {
        return refuse("txn");
    }
    let subject = |claims: &Claims| claims.subject.clone().ok_or_else(|| missing("sub"));
    if subject(old)? != subject(new)? {
        return refuse("sub");
    }
    let audience = |claims: &Claims| claims.audience.clone().ok_or_else(|| missing("aud"));
    if audience(old)? != audience(new)? {
        return refuse("aud");
    }
    Ok(())
}

/// The token that is replaced has not expired. No leeway: the service that made it has one clock.
fn not_expired(old: &Claims, at: Timestamp) -> Result<(), Rejection> {
    let expires = old.expires.ok_or_else(|| missing("exp"))?;
    if expires.reached(at, 0) {
        let what = format!("exp was {expires} and it is {at}");
        return Err(Rejection::new(TransactionCode::ReplacedExpired, what));
    }
    Ok(())
}

/// The replacement has an end, and lives longer only where that is allowed.
fn lifetime(old: &Claims, new: &Claims, policy: Policy) -> Result<(), Rejection> {
    let expires = new.expires.ok_or_else(|| missing("exp"))?;
    match old.expires {
        Some(before) if expires > before && !policy.longer_life => {
            let what = format!("exp is {expires}, and was {before}");
            Err(Rejection::new(TransactionCode::ReplacementLifetime, what))
        }
        _ => Ok(()),
    }
}

/// The workloads that asked before are still named, in their order.
fn call_chain(old: &Object, new: &Object) -> Result<(), Rejection> {
    let Some(before) = CallChain::of(old)? else { return Ok(()) };
    match CallChain::of(new)? {
        Some(now) if before.goes_on_in(&now) => Ok(()),
        _ => {
            let what = "req_wl and act do not name the workloads that asked before";
            Err(Rejection::new(TransactionCode::ReplacementChain, what))
        }
    }
}

#[cfg(test)]
mod tests {
    use portcullis_types::Silent;

    use super::*;
    use crate::transaction_token::tests::{AT, CLAIMS, put};

    const LONGER: Policy = Policy { longer_life: true };
    const SHORTER: Policy = Policy { longer_life: false };

    fn judged(old: &str, new: &str, policy: Policy, at: u64) -> &'static str {
        let claims = |text: &str| Claims::parse(text.as_bytes()).unwrap();
        let made = check(&claims(old), &claims(new), policy, at, &mut Silent);
        made.map_or_else(|rejection| rejection.code(), |()| "good")
    }

    /// A replacement that differs from [`CLAIMS`] in one claim.
    fn with(name: &str, value: &str) -> &'static str {
        judged(CLAIMS, &put(CLAIMS, name, Some(value)), SHORTER, AT)
    }

    #[test]
    fn the_scope_never_grows() {
        assert_eq!(with("scope", r#""trade.read trade.stocks""#), "good");
        assert_eq!(with("scope", r#""trade.read""#), "good");
        assert_eq!(with("scope", r#""trade.read trade.all""#), "txn.replacement_scope");
        let without = put(CLAIMS, "scope", None);
        assert_eq!(judged(CLAIMS, &without, SHORTER, AT), "txn.claim_missing");
        assert_eq!(judged(&without, CLAIMS, SHORTER, AT), "txn.scope_unknown");
        assert_eq!(with("scope", r#""a  b""#), "scope.malformed");
    }

    #[test]
    fn values_stay_and_more_may_come() {
        for (name, value, wanted) in [
            ("tctx", r#"{"quantity":100.0,"action":"BUY","limits":{"eur":5}}"#, "good"),
            ("tctx", r#"{"action":"BUY","quantity":100,"limits":{"eur":5},"level":"VIP"}"#, "good"),
            ("tctx", r#"{"action":"BUY","quantity":1000,"limits":{"eur":5}}"#, "txn.replacement_value"),
            ("tctx", r#"{"action":"BUY","limits":{"eur":5}}"#, "txn.replacement_value"),
            ("tctx", r#"{"action":"BUY","quantity":100,"limits":{"eur":5,"usd":9}}"#, "txn.replacement_value"),
            ("tctx", "{}", "txn.replacement_value"),
            ("tctx", r#""BUY""#, "txn.context_type"),
            ("rctx", r#"{"req_ip":"192.0.2.9"}"#, "txn.replacement_value"),
            ("rctx", r#"{"req_ip":"192.0.2.1","authn":"face"}"#, "good"),
            ("tier", r#""gold""#, "txn.replacement_value"),
            ("other", r#""x""#, "good"),
        ] {
            assert_eq!(with(name, value), wanted, "{name} {value}");
        }
        for name in ["tctx", "rctx", "tier"] {
            assert_eq!(judged(CLAIMS, &put(CLAIMS, name, None), SHORTER, AT), "txn.replacement_value", "{name}");
        }
        let empty = put(CLAIMS, "tctx", Some("{}"));
        assert_eq!(judged(&empty, &put(CLAIMS, "tctx", None), SHORTER, AT), "txn.replacement_value");
        assert_eq!(judged(&put(CLAIMS, "tctx", None), CLAIMS, SHORTER, AT), "good");
    }

    #[test]
    fn nothing_is_granted_besides() {
        for name in GRANTING {
            assert_eq!(with(name, r#"[{"type":"payment"}]"#), "txn.replacement_grant", "{name}");
            let had = put(CLAIMS, name, Some(r#"["a"]"#));
            assert_eq!(judged(&had, &had, SHORTER, AT), "good", "{name}");
            assert_eq!(judged(&had, &put(CLAIMS, name, Some(r#"["a","b"]"#)), SHORTER, AT), "txn.replacement_value");
        }
    }

    #[test]
    fn transaction_subject_and_trust_domain_stay() {
        for (name, value) in [("txn", r#""t-2""#), ("sub", r#""u-2""#), ("aud", r#""other.example""#)] {
            assert_eq!(with(name, value), "txn.replacement_identity", "{name}");
            assert_eq!(judged(CLAIMS, &put(CLAIMS, name, None), SHORTER, AT), "txn.claim_missing", "{name}");
            assert_eq!(judged(&put(CLAIMS, name, None), CLAIMS, SHORTER, AT), "txn.claim_missing", "{name}");
        }
        assert_eq!(with("aud", r#"["trust-domain.example"]"#), "good");
    }

    #[test]
    fn never_after_expiry_and_longer_only_where_allowed() {
        assert_eq!(judged(CLAIMS, CLAIMS, SHORTER, AT + 299), "good");
        assert_eq!(judged(CLAIMS, CLAIMS, SHORTER, AT + 300), "txn.replaced_expired");
        let longer = put(CLAIMS, "exp", Some("1790000301"));
        assert_eq!(judged(CLAIMS, &longer, SHORTER, AT), "txn.replacement_lifetime");
        assert_eq!(judged(CLAIMS, &longer, LONGER, AT), "good");
        let endless = put(CLAIMS, "exp", None);
        assert_eq!(judged(CLAIMS, &endless, LONGER, AT), "txn.claim_missing");
        assert_eq!(judged(&endless, CLAIMS, LONGER, AT), "txn.claim_missing");
    }

    #[test]
    fn who_asked_before_is_named() {
        assert_eq!(with("req_wl", r#""other""#), "txn.replacement_chain");
        let named = put(&put(CLAIMS, "req_wl", Some(r#""other""#)), "act", Some(r#"{"sub":"gateway"}"#));
        assert_eq!(judged(CLAIMS, &named, SHORTER, AT), "good");
        let own = put(&put(CLAIMS, "req_wl", Some(r#""b""#)), "act", Some(r#"{"sub":"b","act":{"sub":"gateway"}}"#));
        assert_eq!(judged(CLAIMS, &own, SHORTER, AT), "good");
        assert_eq!(judged(&own, CLAIMS, SHORTER, AT), "txn.replacement_chain");
        assert_eq!(judged(CLAIMS, &put(CLAIMS, "req_wl", None), SHORTER, AT), "txn.replacement_chain");
        assert_eq!(judged(&put(CLAIMS, "req_wl", None), CLAIMS, SHORTER, AT), "good");
        let unreadable = put(CLAIMS, "act", Some("1"));
        assert_eq!(judged(CLAIMS, &unreadable, SHORTER, AT), "txn.claim_type");
    }
}
