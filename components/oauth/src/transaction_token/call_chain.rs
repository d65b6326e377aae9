//! The workloads that asked for a transaction's tokens, one after the other (section 13.15). How a token keeps them is left open by
//! the text; here they stand in `act`, as actors do in RFC 8693 section 4.1: the workload that asked last, and in it the one before.

use alloc::{format, string::String, vec, vec::Vec};

use portcullis_types::{
    Rejection,
    json::{Object, Value},
    limits::excerpt,
};

use super::{TransactionCode, claims::text, same};

/// Most workloads of a chain. Each lengthens a token that every further workload gets in a header field.
pub const MAX_CALL_CHAIN: usize = 16;

/// A chain of at least one workload: the object that `act` is.
#[derive(Debug, Clone, PartialEq)]
pub struct CallChain {
    act: Object,
    workloads: Vec<String>,
}

impl CallChain {
    /// The chain of a token: its `act` where `req_wl` is the actor of that, else `req_wl` before it. None where a token has neither.
    ///
    /// Errors: `txn.claim_type`, `txn.call_chain_too_long`, `json.duplicate_name`.
    pub fn of(claims: &Object) -> Result<Option<Self>, Rejection> {
        let asked = text(claims, "req_wl")?;
        let before = claims.get("act")?.map(Self::read).transpose()?;
        match (asked, before) {
            (None, before) => Ok(before),
            (Some(asked), Some(chain)) if chain.last_to_ask() == asked => Ok(Some(chain)),
            (Some(asked), Some(chain)) => chain.asked_by(asked).map(Some),
            (Some(asked), None) => Ok(Some(Self::from_workload(asked))),
        }
    }

    /// A chain that one workload begins.
    pub fn from_workload(workload: &str) -> Self {
        Self { act: Object::from_members(vec![("sub".into(), workload.into())]), workloads: vec![workload.into()] }
    }

    fn read(act: &Value) -> Result<Self, Rejection> {
        let wrong = |what: String| Rejection::new(TransactionCode::ClaimType, what);
        let Value::Object(whole) = act else { return Err(wrong(format!("act is {}", act.kind()))) };
        let mut workloads: Vec<String> = Vec::new();
        let mut next = Some(act);
        while let Some(act) = next {
            let actor = act.as_object().ok_or_else(|| wrong(format!("an act is {}", act.kind())))?;
            let sub = text(actor, "sub")?.ok_or_else(|| wrong("an act has no sub".into()))?;
            if workloads.len() >= MAX_CALL_CHAIN {
                return Err(too_long());
            }
            workloads.push(sub.into());
            next = actor.get("act")?;
        }
        Ok(Self { act: whole.clone(), workloads })
    }

    /// The chain after a further workload has asked.
    ///
    /// Error: `txn.call_chain_too_long`.
    pub fn asked_by(self, workload: &str) -> Result<Self, Rejection> {
        if self.workloads.len() >= MAX_CALL_CHAIN {
            return Err(too_long());
        }
        let act = Object::from_members(vec![("sub".into(), workload.into()), ("act".into(), self.act.into())]);
        let workloads = core::iter::once(workload.into()).chain(self.workloads).collect();
        Ok(Self { act, workloads })
    }

    /// The workloads, the one that asked last first.
    pub fn workloads(&self) -> impl Iterator<Item = &str> {
        self.workloads.iter().map(String::as_str)
    }

    /// What `act` is.
    pub fn as_act(&self) -> &Object {
        &self.act
    }

    fn last_to_ask(&self) -> &str {
        self.workloads.first().map(String::as_str).unwrap_or_default()
    }

    /// Whether another chain is this one, perhaps with workloads that asked later.
    pub(super) fn goes_on_in(&self, later: &Self) -> bool {
        let ours = Value::from(self.act.clone());
        let holder = Object::from_members(vec![("act".into(), later.act.clone().into())]);
        let mut holder = Some(&holder);
        // A chain is read, so it is not longer than it may be.
        while let Some(object) = holder {
            if same::has(object, "act", &ours) {
                return true;
            }
            holder = object.get("act").ok().flatten().and_then(Value::as_object);
        }
        false
    }
}

/// `req_wl` and the actors of a chain, for details.
impl core::fmt::Display for CallChain {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} workloads, last {}", self.workloads.len(), excerpt(self.last_to_ask()))
    }
}

fn too_long() -> Rejection {
    Rejection::new(TransactionCode::CallChainTooLong, format!("more than {MAX_CALL_CHAIN} workloads have asked"))
}

#[cfg(test)]
mod tests {
    use portcullis_types::json::{parse_object, to_text};

    use super::*;

    fn of(claims: &str) -> Result<Option<CallChain>, &'static str> {
        CallChain::of(&parse_object(claims.as_bytes()).unwrap()).map_err(|rejection| rejection.code())
    }

    fn workloads(claims: &str) -> String {
        of(claims).unwrap().map(|chain| chain.workloads().collect::<Vec<_>>().join(" ")).unwrap_or_default()
    }

    #[test]
    fn the_one_that_asked_last_is_first() {
        assert_eq!(workloads("{}"), "");
        assert_eq!(workloads(r#"{"req_wl":"a"}"#), "a");
        assert_eq!(workloads(r#"{"req_wl":"b","act":{"sub":"b","act":{"sub":"a"}}}"#), "b a");
        assert_eq!(workloads(r#"{"req_wl":"c","act":{"sub":"b","act":{"sub":"a"}}}"#), "c b a");
        let longer = CallChain::from_workload("a").asked_by("b").unwrap();
        assert_eq!(to_text(longer.as_act()), r#"{"sub":"b","act":{"sub":"a"}}"#);
    }

    #[test]
    fn what_is_no_chain_is_refused() {
        assert_eq!(of(r#"{"req_wl":1}"#).unwrap_err(), "txn.claim_type");
        assert_eq!(of(r#"{"act":"a"}"#).unwrap_err(), "txn.claim_type");
        assert_eq!(of(r#"{"act":{"sub":"a","act":"b"}}"#).unwrap_err(), "txn.claim_type");
        assert_eq!(of(r#"{"act":{"act":{"sub":"a"}}}"#).unwrap_err(), "txn.claim_type");
    }

    #[test]
    fn its_length_is_bounded_at_both_sides() {
        let mut chain = CallChain::from_workload("w");
        for _ in 1..MAX_CALL_CHAIN {
            chain = chain.asked_by("w").unwrap();
        }
        let claims = Object::from_members(vec![("act".into(), chain.as_act().clone().into())]);
        assert_eq!(CallChain::of(&claims).unwrap().unwrap(), chain);
        let more =
            Object::from_members(vec![("sub".into(), "w".into()), ("act".into(), chain.as_act().clone().into())]);
        let claims = Object::from_members(vec![("act".into(), more.into())]);
        assert_eq!(CallChain::of(&claims).unwrap_err().code(), "txn.call_chain_too_long");
        assert_eq!(chain.asked_by("w").unwrap_err().code(), "txn.call_chain_too_long");
    }

    #[test]
    fn one_goes_on_in_another_that_ends_with_it() {
        let chain = |texts: &[&str]| {
            let (first, rest) = texts.split_first().unwrap();
            rest.iter().fold(CallChain::from_workload(first), |chain, next| chain.asked_by(next).unwrap())
        };
        let old = chain(&["a", "b"]);
        assert!(old.goes_on_in(&chain(&["a", "b"])));
        assert!(old.goes_on_in(&chain(&["a", "b", "c", "d"])));
        for other in [chain(&["a"]), chain(&["b", "a"]), chain(&["x", "b", "c"]), chain(&["a", "c"])] {
            assert!(!old.goes_on_in(&other), "{other}");
        }
    }
}
