//! The claims of a new Transaction Token, and of one that replaces another (sections 11.3 and 13.15). Who asks is authenticated, the
//! subject token verified before; what is made here is for the service to sign.

use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use portcullis_scope::ScopeSet;
use portcullis_token::claims::Claims;
use portcullis_types::{
    NumericDate, Rejection, Timestamp,
    json::{Object, Value},
    trace::{Trace, check},
};

use super::{
    CallChain, ContextPolicy, Service, Subject, SubjectTokenType, TokenRequest, TransactionClaims, TransactionCode,
    claims::context, context::without_token, narrow, replacement, subject::not_expired,
    verify::VerifiedTransactionToken,
};

/// What to sign, with [`TYPE`](super::TYPE) as `typ` and an asymmetric algorithm.
#[derive(Debug, Clone, PartialEq)]
pub struct Issued {
    /// The claims.
    pub claims: Object,
    /// The scope in them.
    pub scope: ScopeSet,
    /// For how many seconds the token counts.
    pub expires_in: u64,
}

/// The claims of a new token. `workload` is who asks, as the service authenticated it, with what it may assert; `transaction` is a
/// fresh identifier that the host drew from randomness, at least 128 bits of it.
///
/// Errors: `txn.subject_type_unsupported`, `txn.subject_expired`, `txn.scope_*`, `txn.context_*`, `txn.claim_empty`.
///
/// ```
/// use portcullis_oauth::transaction_token::{ContextPolicy, Service, Subject, TokenRequest, issue};
/// use portcullis_token::claims::Claims;
/// use portcullis_types::Silent;
///
/// let service = Service::of("trust-domain.example", "https://tts.trust-domain.example");
/// let form = [
///     ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
///     ("requested_token_type", "urn:ietf:params:oauth:token-type:txn_token"),
///     ("audience", "trust-domain.example"),
///     ("scope", "trade.read"),
///     ("subject_token", "eyJhbGciOiJFUzI1NiIsImtpZC..."),
///     ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
/// ];
/// let request = TokenRequest::parse(&form, &service)?;
/// // What the access token says, which verified.
/// let claims = Claims::parse(br#"{"sub":"u1","scope":"trade.read trade.stocks","exp":1790003600}"#)?;
/// let subject = Subject::of_token(&claims, None)?;
/// let gateway = ("spiffe://trust-domain.example/gateway", &ContextPolicy::default());
/// let issued = issue(&request, &subject, gateway, "97053963-771d-49cc", &service, 1_790_000_000, &mut Silent)?;
/// assert_eq!((issued.scope.to_string().as_str(), issued.expires_in), ("trade.read", 300));
/// # Ok::<(), portcullis_types::Rejection>(())
/// ```
pub fn issue(
    request: &TokenRequest<'_>,
    subject: &Subject,
    (workload, contexts): (&str, &ContextPolicy<'_>),
    transaction: &str,
    service: &Service<'_>,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<Issued, Rejection> {
    let section = "draft-ietf-oauth-transaction-tokens-11 section 11.2";
    check(trace, "subject token's type", section, exchanged(request, true), |()| String::new())?;
    let section = "draft-ietf-oauth-transaction-tokens-11 section 6";
    check(trace, "subject token's expiry", section, not_expired(subject.expires, at), |()| String::new())?;
    let section = "draft-ietf-oauth-transaction-tokens-11 sections 13.6 and 13.14";
    let within = narrow::within(subject.scope.as_ref(), &request.scope);
    check(trace, "scope", section, within, |()| request.scope.to_string())?;
    let section = "draft-ietf-oauth-transaction-tokens-11 section 11.3";
    let rctx = contexts.request_context(request.request_context.as_ref());
    let rctx = check(trace, "request context", section, rctx, |_| String::new())?;
    let tctx = contexts.transaction_context(request.request_details.as_ref());
    let tctx = check(trace, "transaction context", section, tctx, |_| String::new())?;
    let section = "draft-ietf-oauth-transaction-tokens-11 section 13.4";
    check(trace, "no subject token within", section, no_token(request, &[&rctx, &tctx]), |()| String::new())?;

    let expires = end(subject.expires, service, at)?;
    let mut members = set_anew(service, at, expires);
    members.extend([
        ("aud".into(), service.trust_domain.into()),
        ("txn".into(), transaction.into()),
        ("sub".into(), subject.subject.as_str().into()),
        ("scope".into(), request.scope.to_string().into()),
        ("req_wl".into(), workload.into()),
    ]);
    members.extend(rctx.map(|rctx| ("rctx".into(), rctx.into())));
    members.extend(tctx.map(|tctx| ("tctx".into(), tctx.into())));
    finish(members, expires, at).map(|(issued, _)| issued)
}

/// The claims of a token that replaces another: the same transaction, subject and trust domain, the scope that is requested within
/// the old one, and what the workload may assert besides. The workloads that asked before are kept in `act`.
///
/// `old` verified with the service's own keys, and for its own trust domain; it is what the request has as its subject token.
///
/// Errors: `txn.subject_type_unsupported`, `txn.call_chain_too_long`, `txn.context_*`, and those of [`replacement::check`].
pub fn replace(
    request: &TokenRequest<'_>,
    old: &VerifiedTransactionToken,
    (workload, contexts): (&str, &ContextPolicy<'_>),
    service: &Service<'_>,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<Issued, Rejection> {
    let section = "draft-ietf-oauth-transaction-tokens-11 section 11.2";
    check(trace, "subject token's type", section, exchanged(request, false), |()| String::new())?;
    let section = "draft-ietf-oauth-transaction-tokens-11 section 13.15";
    let claims = &old.token.claims;
    let chain = longer_chain(&claims.members, workload, service);
    let chain = check(trace, "call chain", section, chain, ToString::to_string)?;
    let section = "draft-ietf-oauth-transaction-tokens-11 section 11.3";
    let rctx = contexts.request_context(request.request_context.as_ref());
    let rctx = check(trace, "request context", section, rctx, |_| String::new())?;
    let tctx = contexts.transaction_context(request.request_details.as_ref());
    let tctx = check(trace, "transaction context", section, tctx, |_| String::new())?;
    let within = no_token(request, &[&rctx, &tctx]);
    let section = "draft-ietf-oauth-transaction-tokens-11 section 13.4";
    check(trace, "no subject token within", section, within, |()| String::new())?;
    let section = "draft-ietf-oauth-transaction-tokens-11 section 13.15";
    let ended = |_| Rejection::new(TransactionCode::ReplacedExpired, "the token that is replaced has ended");
    let expires = end(claims.expires, service, at).map_err(ended);
    let expires = check(trace, "replaced token's end", section, expires, |_| String::new())?;
    let mut members = set_anew(service, at, expires);
    let rewritten = ["iss", "iat", "exp", "nbf", "jti", "scope", "req_wl", "act", "rctx", "tctx"];
    let kept = claims.members.members().filter(|(name, _)| !rewritten.contains(name));
    members.extend(kept.map(|(name, value)| (name.into(), value.clone())));
    members.extend([
        ("scope".into(), request.scope.to_string().into()),
        ("req_wl".into(), workload.into()),
        ("act".into(), chain.as_act().clone().into()),
    ]);
    for (name, more, own) in
        [("rctx", rctx, contexts.own_request_context), ("tctx", tctx, contexts.own_transaction_context)]
    {
        let whole = joined(context(&claims.members, name)?, more, own)?;
        members.extend(whole.map(|whole| (name.into(), whole.into())));
    }
    let (issued, new) = finish(members, expires, at)?;
    replacement::check(claims, &new, replacement::Policy { longer_life: service.longer_life }, at, trace)?;
    Ok(issued)
}

/// A Transaction Token is replaced, everything else exchanged: the rules are not the same.
fn exchanged(request: &TokenRequest<'_>, wanted: bool) -> Result<(), Rejection> {
    if (request.subject_token_type != SubjectTokenType::TransactionToken) == wanted {
        return Ok(());
    }
    let what = if wanted { "a Transaction Token is replaced" } else { "only a Transaction Token is replaced" };
    Err(Rejection::new(TransactionCode::SubjectTypeUnsupported, what))
}

/// The subject token stands nowhere in what is signed. A JSON object that nobody signed is no secret.
fn no_token(request: &TokenRequest<'_>, contexts: &[&Option<Object>]) -> Result<(), Rejection> {
    if request.subject_token_type == SubjectTokenType::UnsignedJson {
        return Ok(());
    }
    contexts.iter().try_for_each(|context| without_token(context.as_ref(), request.subject_token))
}

/// The chain with the workload that asks now, if the token may be replaced once more.
fn longer_chain(old: &Object, workload: &str, service: &Service<'_>) -> Result<CallChain, Rejection> {
    let Some(chain) = CallChain::of(old)? else { return Ok(CallChain::from_workload(workload)) };
    let replaced = chain.workloads().count().saturating_sub(1);
    if replaced >= service.replacements {
        let what = format!("replaced {replaced} times, at most {} are allowed", service.replacements);
        return Err(Rejection::new(TransactionCode::CallChainTooLong, what));
    }
    chain.asked_by(workload)
}

/// When a token ends that is made now.
fn end(presented: Option<NumericDate>, service: &Service<'_>, at: Timestamp) -> Result<Timestamp, Rejection> {
    let usual = at.saturating_add(service.lifetime.seconds());
    let end = match presented {
        Some(presented) if !service.longer_life => usual.min(presented.whole_seconds()),
        _ => usual,
    };
    // Less than a second is left of what was presented.
    if end <= at {
        return Err(Rejection::new(TransactionCode::SubjectExpired, "the subject token ends within this second"));
    }
    Ok(end)
}

fn set_anew(service: &Service<'_>, at: Timestamp, expires: Timestamp) -> Vec<(String, Value)> {
    let mut members: Vec<(String, Value)> = Vec::new();
    members.extend(service.issuer.map(|issuer| ("iss".into(), issuer.into())));
    members.extend(vec![("iat".into(), at.into()), ("exp".into(), expires.into())]);
    members
}

/// What stood in a context, and more. What the service asserts itself is asserted already where it stood before; what the
/// workload says under a name that was there has to be what stood there, which is judged where the whole replacement is.
fn joined(old: Option<Object>, more: Option<Object>, own: Option<&Object>) -> Result<Option<Object>, Rejection> {
    let (Some(old), Some(more)) = (&old, &more) else { return Ok(old.or(more)) };
    let mut members: Vec<(String, Value)> = Vec::new();
    for (name, value) in old.members() {
        let said_again = more.get(name)?.is_some();
        let by_service = own.map(|own| own.get(name)).transpose()?.flatten().is_some();
        if !said_again || by_service {
            members.push((name.into(), value.clone()));
        }
    }
    for (name, value) in more.members() {
        let by_service = own.map(|own| own.get(name)).transpose()?.flatten().is_some();
        if !(by_service && old.get(name)?.is_some()) {
            members.push((name.into(), value.clone()));
        }
    }
    Ok(Some(Object::from_members(members)))
}

/// What is signed is what verifies: the claims are read as a receiver reads them.
fn finish(members: Vec<(String, Value)>, expires: Timestamp, at: Timestamp) -> Result<(Issued, Claims), Rejection> {
    let claims = Claims::from_members(Object::from_members(members))?;
    let read = TransactionClaims::of(&claims)?;
    let issued = Issued { claims: claims.members.clone(), scope: read.scope, expires_in: expires.saturating_sub(at) };
    Ok((issued, claims))
}

#[cfg(test)]
mod tests {
    use portcullis_types::{Silent, json};

    use super::*;
    use crate::transaction_token::{
        Admitted, GRANT_TYPE, TOKEN_TYPE,
        tests::{AT, CLAIMS, keys, put, sign},
        verify::{self, Expectations},
    };

    const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";

    fn service() -> Service<'static> {
        Service { issuer: Some("https://tts.example"), ..Service::of("trust-domain.example", "https://tts.example") }
    }

    fn request<'r>(kind: &'r str, scope: &'r str, details: &'r str) -> TokenRequest<'r> {
        let form = [
            ("grant_type", GRANT_TYPE),
            ("audience", "trust-domain.example"),
            ("scope", scope),
            ("requested_token_type", TOKEN_TYPE),
            ("subject_token", "a.b.c"),
            ("subject_token_type", kind),
            ("request_details", details),
        ];
        TokenRequest::parse(&form, &service()).unwrap()
    }

    fn subject() -> Subject {
        let scope = Some(ScopeSet::parse("trade.stocks trade.read").unwrap());
        Subject { subject: "u-1".into(), scope, expires: NumericDate::from_seconds(1_790_000_200.0) }
    }

    fn all() -> ContextPolicy<'static> {
        ContextPolicy { request_details: Admitted::All, ..ContextPolicy::default() }
    }

    fn made(request: &TokenRequest<'_>, subject: &Subject, workload: &str) -> Result<Issued, &'static str> {
        issue(request, subject, (workload, &all()), "t-1", &service(), AT, &mut Silent)
            .map_err(|refused| refused.code())
    }

    #[test]
    fn what_is_issued_says_what_was_verified() {
        let issued = made(&request(ACCESS, "trade.read", r#"{"action":"BUY"}"#), &subject(), "w").unwrap();
        assert_eq!(
            json::to_text(&issued.claims),
            r#"{"iss":"https://tts.example","iat":1790000000,"exp":1790000200,"aud":"trust-domain.example","txn":"t-1","sub":"u-1","scope":"trade.read","req_wl":"w","tctx":{"action":"BUY"}}"#
        );
        assert_eq!(issued.expires_in, 200);
        let expect = Expectations { trust_domain: "trust-domain.example", ..Expectations::default() };
        let token = sign(&json::to_text(&issued.claims));
        assert!(verify::verify(token.as_bytes(), &keys(), &expect, AT, &mut Silent).is_ok());
    }

    #[test]
    fn what_may_not_be_issued_is_not() {
        let good = request(ACCESS, "trade.read", "{}");
        assert_eq!(made(&request(ACCESS, "trade.all", "{}"), &subject(), "w").unwrap_err(), "txn.scope_expanded");
        assert_eq!(made(&good, &Subject { scope: None, ..subject() }, "w").unwrap_err(), "txn.scope_unknown");
        for expires in [1_790_000_000.0, 1_790_000_000.5] {
            let ended = Subject { expires: NumericDate::from_seconds(expires), ..subject() };
            assert_eq!(made(&good, &ended, "w").unwrap_err(), "txn.subject_expired", "{expires}");
        }
        let longer = Service { longer_life: true, ..service() };
        let ended = Subject { expires: NumericDate::from_seconds(1_790_000_000.0), ..subject() };
        let refused = issue(&good, &ended, ("w", &all()), "t-1", &longer, AT, &mut Silent).unwrap_err();
        assert_eq!(refused.code(), "txn.subject_expired");
        assert_eq!(made(&good, &Subject { subject: String::new(), ..subject() }, "w").unwrap_err(), "txn.claim_empty");
        assert_eq!(made(&good, &subject(), "").unwrap_err(), "txn.claim_empty");
        let leaking = request(ACCESS, "trade.read", r#"{"headers":["Bearer a.b.c"]}"#);
        assert_eq!(made(&leaking, &subject(), "w").unwrap_err(), "txn.context_holds_token");
        let other = request(TOKEN_TYPE, "trade.read", "{}");
        assert_eq!(made(&other, &subject(), "w").unwrap_err(), "txn.subject_type_unsupported");
        let said = request(ACCESS, "trade.read", r#"{"action":"BUY"}"#);
        let nothing = ContextPolicy::default();
        let refused = issue(&said, &subject(), ("w", &nothing), "t-1", &service(), AT, &mut Silent).unwrap_err();
        assert_eq!(refused.code(), "txn.context_not_admitted");
    }

    #[test]
    fn a_token_outlives_its_subject_token_only_where_that_is_allowed() {
        let good = request(ACCESS, "trade.read", "{}");
        let lives = |longer_life, expires| {
            let subject = Subject { expires, ..subject() };
            let service = Service { longer_life, ..service() };
            issue(&good, &subject, ("w", &all()), "t-1", &service, AT, &mut Silent).unwrap().expires_in
        };
        assert_eq!(lives(false, NumericDate::from_seconds(1_790_000_200.9)), 200);
        assert_eq!(lives(true, NumericDate::from_seconds(1_790_000_200.0)), 300);
        assert_eq!(lives(false, None), 300);
    }

    fn replaced(
        old: &str,
        scope: &str,
        details: &str,
        contexts: &ContextPolicy<'_>,
        service: &Service<'_>,
        at: u64,
    ) -> Result<Issued, &'static str> {
        let expect = Expectations { trust_domain: "trust-domain.example", leeway: 600, ..Expectations::default() };
        let old = verify::verify(sign(old).as_bytes(), &keys(), &expect, at, &mut Silent).unwrap();
        let request = request(TOKEN_TYPE, scope, details);
        replace(&request, &old, ("worker", contexts), service, at, &mut Silent).map_err(|refused| refused.code())
    }

    #[test]
    fn a_replacement_keeps_adds_and_reduces() {
        let issued = replaced(CLAIMS, "trade.read", r#"{"level":"VIP"}"#, &all(), &service(), AT + 100).unwrap();
        assert_eq!(
            json::to_text(&issued.claims),
            r#"{"iss":"https://tts.example","iat":1790000100,"exp":1790000300,"aud":"trust-domain.example","txn":"t-1","sub":"u-1","tier":"silver","scope":"trade.read","req_wl":"worker","act":{"sub":"worker","act":{"sub":"gateway"}},"rctx":{"req_ip":"192.0.2.1"},"tctx":{"action":"BUY","quantity":100,"limits":{"eur":5},"level":"VIP"}}"#
        );
        assert_eq!(issued.expires_in, 200);
        let longer = Service { longer_life: true, ..service() };
        assert_eq!(replaced(CLAIMS, "trade.read", "{}", &all(), &longer, AT + 100).unwrap().expires_in, 300);
    }

    #[test]
    fn a_replacement_expands_nothing() {
        let judged = |scope, details, at| replaced(CLAIMS, scope, details, &all(), &service(), at).unwrap_err();
        assert_eq!(judged("trade.all", "{}", AT), "txn.replacement_scope");
        assert_eq!(judged("trade.read", r#"{"quantity":1000}"#, AT), "txn.replacement_value");
        assert_eq!(judged("trade.read", r#"{"t":"a.b.c"}"#, AT), "txn.context_holds_token");
        assert_eq!(judged("trade.read", "{}", AT + 300), "txn.replaced_expired");
        let longer = Service { longer_life: true, ..service() };
        assert_eq!(
            replaced(CLAIMS, "trade.read", "{}", &all(), &longer, AT + 300).unwrap_err(),
            "txn.replaced_expired"
        );
        let nothing = ContextPolicy::default();
        let refused = replaced(CLAIMS, "trade.read", r#"{"a":1}"#, &nothing, &service(), AT).unwrap_err();
        assert_eq!(refused, "txn.context_not_admitted");
        let expect = Expectations { trust_domain: "trust-domain.example", ..Expectations::default() };
        let old = verify::verify(sign(CLAIMS).as_bytes(), &keys(), &expect, AT, &mut Silent).unwrap();
        let request = request(ACCESS, "trade.read", "{}");
        let refused = replace(&request, &old, ("w", &all()), &service(), AT, &mut Silent).unwrap_err();
        assert_eq!(refused.code(), "txn.subject_type_unsupported");
    }

    #[test]
    fn what_the_service_asserts_itself_stays_as_it_was_first() {
        let own = json::parse_object(br#"{"req_ip":"198.51.100.7","seen":true}"#).unwrap();
        let contexts = ContextPolicy { own_request_context: Some(&own), ..all() };
        let issued = replaced(CLAIMS, "trade.read", "{}", &contexts, &service(), AT).unwrap();
        let rctx = context(&issued.claims, "rctx").unwrap().unwrap();
        assert_eq!(json::to_text(&rctx), r#"{"req_ip":"192.0.2.1","seen":true}"#);
    }

    #[test]
    fn replacements_are_counted() {
        let service = Service { replacements: 2, ..service() };
        let again = |old: &str| replaced(old, "trade.read", "{}", &all(), &service, AT);
        let first = json::to_text(&again(CLAIMS).unwrap().claims);
        let second = json::to_text(&again(&first).unwrap().claims);
        assert_eq!(again(&second).unwrap_err(), "txn.call_chain_too_long");
        let none = Service { replacements: 0, ..service };
        let refused = replaced(CLAIMS, "trade.read", "{}", &all(), &none, AT).unwrap_err();
        assert_eq!(refused, "txn.call_chain_too_long");
        // What another service kept of a chain counts, too.
        let chained = put(CLAIMS, "act", Some(r#"{"sub":"a","act":{"sub":"b"}}"#));
        assert_eq!(again(&chained).unwrap_err(), "txn.call_chain_too_long");
    }
}
