//! How a token is bound, told from its claims and from what was proved.

use alloc::string::String;

use portcullis_token::{claims::Claims, confirmation};
use portcullis_types::{
    Rejection,
    json::Value,
    trace::{Silent, Trace, check},
};

use super::{Binding, BindingCode, BindingPolicy, KeyName, TMB, issue::permitted};

/// When a binding is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Where the token is issued: what was proved is what its request proved.
    Issuance,
    /// Where it is used: what was proved is what its presenter proved, and that has to be its key.
    Use,
}

impl Moment {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Issuance => "issuance",
            Self::Use => "use",
        }
    }

    /// The moment of a word, letter by letter.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Issuance, Self::Use].into_iter().find(|moment| moment.name() == name)
    }
}

/// Says how a token is bound. `claims` are its own, verified, or those of its introspection response; `proved` is the hash of the
/// one key that was proved: the RFC 7638 thumbprint of a DPoP key, or the SHA-256 of a certificate.
///
/// Errors: `binding.*`; `cnf.*`, `key.*`, `base64.*`, `token.claim_null` and `json.duplicate_name` for the claims.
pub fn evaluate(
    claims: &Claims,
    proved: Option<[u8; 32]>,
    policy: &BindingPolicy,
    moment: Moment,
) -> Result<Binding, Rejection> {
    explain(claims, proved, policy, moment, &mut Silent)
}

/// The same, telling each check to a [`Trace`].
pub fn explain(
    claims: &Claims,
    proved: Option<[u8; 32]>,
    policy: &BindingPolicy,
    moment: Moment,
    trace: &mut dyn Trace,
) -> Result<Binding, Rejection> {
    let section = "draft-richer-oauth-tmb-claim-01 section 3";
    let key = check(trace, "key of the token", section, Key::of(claims), |key| match key {
        None => "none".into(),
        Some(Key { marked: true, .. }) => "named by the requester".into(),
        Some(Key { .. }) => String::from("one"),
    })?;
    let binding = match key {
        None => Binding::None,
        Some(key) => {
            let binding = key.binding(proved, policy, moment);
            let binding = check(trace, "binding", section, binding, |binding| binding.name().into())?;
            if binding == Binding::Deferred {
                let section = "draft-richer-oauth-tmb-claim-01 section 4";
                check(trace, "deferred binding", section, permitted(policy), |()| "the policy lets it be".into())?;
            }
            binding
        }
    };
    let accepted = check_accepted(binding, &policy.accept);
    check(trace, "accepted binding", "docs/key-binding.md", accepted, |()| binding.name().into())?;
    Ok(binding)
}

/// A rule accepts tokens that are bound so.
///
/// Error: `binding.not_accepted`.
pub fn check_accepted(binding: Binding, accept: &[Binding]) -> Result<(), Rejection> {
    match accept.contains(&binding) {
        true => Ok(()),
        false => {
            let what = match binding {
                Binding::Proved => "the token is bound to a key that was proved when it was issued",
                Binding::Deferred => "the token is bound to a key that was not proved when it was issued",
                Binding::None => "the token is bound to no key",
            };
            Err(Rejection::new(BindingCode::NotAccepted, what))
        }
    }
}

/// The key that a token is bound to.
struct Key {
    hash: [u8; 32],
    /// Whether it was named in a `tmb`.
    marked: bool,
}

impl Key {
    /// The key of the claim `cnf`, and whether a claim `tmb` marks it. What was copied is the same, member by member (section 3).
    fn of(claims: &Claims) -> Result<Option<Self>, Rejection> {
        let confirmation = confirmation::of(claims)?;
        let mark = match claims.members.get(TMB)? {
            None => None,
            Some(mark) => Some(mark.checked_everywhere()?),
        };
        let marked = match (claims.members.get("cnf")?, mark) {
            (_, None) => false,
            (Some(cnf), Some(mark)) if same(cnf, mark) => true,
            _ => {
                let what = "the claim tmb is not the same as cnf";
                return Err(Rejection::new(BindingCode::NotCopied, what));
            }
        };
        let Some(confirmation) = confirmation else { return Ok(None) };
        match KeyName::of(&confirmation) {
            Some((_, hash)) => Ok(Some(Self { hash, marked })),
            None => Err(Rejection::new(BindingCode::KeyUnknown, "cnf names its key by kid")),
        }
    }

    /// Whether the key was proved when the token was issued, as far as anybody can tell; and, where the token is used, that its
    /// presenter proved it.
    fn binding(&self, proved: Option<[u8; 32]>, policy: &BindingPolicy, moment: Moment) -> Result<Binding, Rejection> {
        let mismatch = || Rejection::new(BindingCode::KeyMismatch, "another key was proved than that of cnf");
        let same = proved.map(|hash| hash == self.hash);
        match (moment, same) {
            // Section 3: the presenter proves the possession, whoever named the key.
            (Moment::Use, None) => {
                let what = "the token is bound to a key, and its presenter proved none";
                Err(Rejection::new(BindingCode::Unproved, what))
            }
            (Moment::Use, Some(false)) => Err(mismatch()),
            (Moment::Use, Some(true)) if self.marked || policy.unmarked_is_deferred => Ok(Binding::Deferred),
            (Moment::Use, Some(true)) => Ok(Binding::Proved),
            // Section 3: with tmb, the keys of the request are ignored.
            (Moment::Issuance, _) if self.marked => Ok(Binding::Deferred),
            (Moment::Issuance, Some(true)) => Ok(Binding::Proved),
            (Moment::Issuance, Some(false)) => Err(mismatch()),
            (Moment::Issuance, None) => Ok(Binding::Deferred),
        }
    }
}

/// Whether two values are the same, members of objects in any order. Names are unique in both.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            one.members().count() == other.members().count()
                && one
                    .members()
                    .all(|(name, value)| other.get(name).ok().flatten().is_some_and(|found| same(value, found)))
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, vec::Vec};

    const JKT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

    fn judged(claims: &str, proved: Option<[u8; 32]>, policy: &BindingPolicy, moment: Moment) -> &'static str {
        let claims = Claims::parse(claims.as_bytes()).unwrap();
        evaluate(&claims, proved, policy, moment).map_or_else(|refused| refused.code(), Binding::name)
    }

    #[test]
    fn a_binding_is_what_was_proved_and_what_the_token_says() {
        let allow = BindingPolicy { deferred: true, ..BindingPolicy::off() };
        let own = Some(confirmation::thumbprint(JKT).unwrap());
        let other = Some([1; 32]);
        let cnf = format!(r#"{{"cnf":{{"jkt":"{JKT}"}}}}"#);
        let marked = format!(
            r#"{{"cnf":{{"jkt":"{JKT}","a":[{{"b":1,"c":2}}]}},"tmb":{{"a":[{{"c":2,"b":1}}],"jkt":"{JKT}"}}}}"#
        );
        use Moment::{Issuance, Use};
        for (claims, proved, moment, wanted, off) in [
            ("{}", None, Issuance, "none", "none"),
            ("{}", own, Use, "none", "none"),
            (&cnf, own, Issuance, "proved", "proved"),
            (&cnf, other, Issuance, "binding.key_mismatch", "binding.key_mismatch"),
            (&cnf, None, Issuance, "deferred", "binding.deferred_not_permitted"),
            (&marked, own, Issuance, "deferred", "binding.deferred_not_permitted"),
            (&marked, other, Issuance, "deferred", "binding.deferred_not_permitted"),
            (&marked, None, Issuance, "deferred", "binding.deferred_not_permitted"),
            (&cnf, own, Use, "proved", "proved"),
            (&cnf, other, Use, "binding.key_mismatch", "binding.key_mismatch"),
            (&cnf, None, Use, "binding.unproved", "binding.unproved"),
            (&marked, own, Use, "deferred", "binding.deferred_not_permitted"),
            (&marked, other, Use, "binding.key_mismatch", "binding.key_mismatch"),
            (&marked, None, Use, "binding.unproved", "binding.unproved"),
        ] {
            assert_eq!(judged(claims, proved, &allow, moment), wanted, "{claims} {proved:?} {moment:?}");
            assert_eq!(judged(claims, proved, &BindingPolicy::off(), moment), off, "{claims} {proved:?} {moment:?}");
        }
        let silent = BindingPolicy { unmarked_is_deferred: true, ..allow };
        assert_eq!(judged(&cnf, own, &silent, Use), "deferred");
    }

    #[test]
    fn a_mark_is_what_cnf_is() {
        let allow = BindingPolicy { deferred: true, ..BindingPolicy::off() };
        let judged = |claims: &str| judged(claims, None, &allow, Moment::Issuance);
        let cnf = format!(r#""cnf":{{"jkt":"{JKT}"}}"#);
        assert_eq!(judged(&format!(r#"{{{cnf},"tmb":{{"jkt":"{JKT}"}}}}"#)), "deferred");
        for mark in [
            "null",
            "true",
            "{}",
            r#""a""#,
            &format!(r#"{{"x5t#S256":"{JKT}"}}"#),
            &format!(r#"{{"jkt":"{JKT}","a":1}}"#),
        ] {
            assert_eq!(judged(&format!(r#"{{{cnf},"tmb":{mark}}}"#)), "binding.tmb_not_copied", "{mark}");
        }
        assert_eq!(judged(&format!(r#"{{"tmb":{{"jkt":"{JKT}"}}}}"#)), "binding.tmb_not_copied");
        assert_eq!(judged(&format!(r#"{{{cnf},"tmb":{{"jkt":"{JKT}","jkt":"{JKT}"}}}}"#)), "json.duplicate_name");
        assert_eq!(judged(r#"{"cnf":{"kid":"a"}}"#), "binding.key_unknown");
        assert_eq!(judged(r#"{"cnf":null}"#), "token.claim_null");
        assert_eq!(judged(r#"{"cnf":{}}"#), "cnf.empty");
    }

    #[test]
    fn a_rule_refuses_what_it_does_not_accept() {
        for binding in Binding::ALL {
            for accept in Binding::ALL {
                let made = check_accepted(binding, &[accept]);
                assert_eq!(made.is_ok(), binding == accept, "{binding:?} {accept:?}");
            }
            assert_eq!(check_accepted(binding, &[]).unwrap_err().code(), "binding.not_accepted");
        }
        let proved = BindingPolicy { deferred: true, accept: Vec::from([Binding::Proved]), ..BindingPolicy::off() };
        let claims = format!(r#"{{"cnf":{{"jkt":"{JKT}"}}}}"#);
        assert_eq!(judged(&claims, None, &proved, Moment::Issuance), "binding.not_accepted");
        assert_eq!(judged("{}", None, &proved, Moment::Use), "binding.not_accepted");
    }
}
