//! What of a request becomes `rctx` and `tctx` (section 11.3). The service is authoritative for both: a workload asserts what its
//! operator lets it assert, and nothing else.

use alloc::{format, string::String, vec::Vec};

use portcullis_types::{
    Rejection,
    json::{Object, Value},
    limits::excerpt,
};

use super::TransactionCode;

/// Which members a workload may assert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admitted<'a> {
    /// Every member.
    All,
    /// Those with these names.
    Named(&'a [&'a str]),
}

impl Default for Admitted<'_> {
    /// None.
    fn default() -> Self {
        Self::Named(&[])
    }
}

impl Admitted<'_> {
    fn has(self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.contains(&name),
        }
    }
}

/// What a workload may assert, and what the service asserts itself. By default, nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ContextPolicy<'c> {
    /// Members of `request_context`, for `rctx`.
    pub request_context: Admitted<'c>,
    /// Members of `request_details`, for `tctx`.
    pub request_details: Admitted<'c>,
    /// What the service puts into `rctx`, in place of what a workload says under the same name.
    pub own_request_context: Option<&'c Object>,
    /// What the service puts into `tctx`, likewise.
    pub own_transaction_context: Option<&'c Object>,
}

impl ContextPolicy<'_> {
    /// `rctx`, if there is anything in it.
    pub(super) fn request_context(&self, given: Option<&Object>) -> Result<Option<Object>, Rejection> {
        merge("request_context", self.request_context, given, self.own_request_context)
    }

    /// `tctx`, if there is anything in it.
    pub(super) fn transaction_context(&self, given: Option<&Object>) -> Result<Option<Object>, Rejection> {
        merge("request_details", self.request_details, given, self.own_transaction_context)
    }
}

/// What was given, as far as it is admitted, and what is the service's own. What is not admitted refuses the request: left out in
/// silence, it would leave a workload in the belief that others are told.
fn merge(
    place: &str,
    admitted: Admitted<'_>,
    given: Option<&Object>,
    own: Option<&Object>,
) -> Result<Option<Object>, Rejection> {
    let none = Object::default();
    let (given, own) = (given.unwrap_or(&none), own.unwrap_or(&none).checked()?);
    if let Some((name, _)) = given.members().find(|(name, _)| !admitted.has(name)) {
        let what = format!("this workload may not assert {} of {place}", excerpt(name));
        return Err(Rejection::new(TransactionCode::ContextNotAdmitted, what));
    }
    let mut members: Vec<(String, Value)> = Vec::new();
    for (name, value) in given.members() {
        if own.get(name)?.is_none() {
            members.push((name.into(), value.clone()));
        }
    }
    members.extend(own.members().map(|(name, value)| (name.into(), value.clone())));
    Ok((!members.is_empty()).then(|| Object::from_members(members)))
}

/// Nothing that is signed holds the subject token (section 13.4), at any depth, not as part of a longer text either.
pub(super) fn without_token(context: Option<&Object>, token: &str) -> Result<(), Rejection> {
    match context {
        Some(context) if object_holds(context, token) => {
            let what = "the subject token stands within the request's context or details";
            Err(Rejection::new(TransactionCode::ContextHoldsToken, what))
        }
        _ => Ok(()),
    }
}

fn object_holds(object: &Object, token: &str) -> bool {
    object.members().any(|(name, value)| name.contains(token) || holds(value, token))
}

/// Values come from the strict parser, so their nesting is bounded.
fn holds(value: &Value, token: &str) -> bool {
    match value {
        Value::String(text) => text.contains(token),
        Value::Array(items) => items.iter().any(|item| holds(item, token)),
        Value::Object(object) => object_holds(object, token),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use portcullis_types::json::{parse_object, to_text};

    use super::*;

    fn merged(admitted: Admitted<'_>, given: &str, own: &str) -> String {
        let (given, own) = (parse_object(given.as_bytes()).unwrap(), parse_object(own.as_bytes()).unwrap());
        let policy = ContextPolicy {
            request_details: admitted,
            own_transaction_context: Some(&own),
            ..ContextPolicy::default()
        };
        match policy.transaction_context(Some(&given)) {
            Ok(context) => context.map(|context| to_text(&context)).unwrap_or_default(),
            Err(rejection) => rejection.code().into(),
        }
    }

    #[test]
    fn a_workload_asserts_what_it_may() {
        assert_eq!(merged(Admitted::All, r#"{"a":1}"#, "{}"), r#"{"a":1}"#);
        assert_eq!(merged(Admitted::Named(&["a"]), r#"{"a":1}"#, "{}"), r#"{"a":1}"#);
        assert_eq!(merged(Admitted::Named(&["a"]), r#"{"a":1,"b":2}"#, "{}"), "txn.context_not_admitted");
        assert_eq!(merged(Admitted::default(), r#"{"a":1}"#, "{}"), "txn.context_not_admitted");
        assert_eq!(merged(Admitted::default(), "{}", "{}"), "");
    }

    #[test]
    fn the_services_word_counts_before_the_workloads() {
        assert_eq!(
            merged(Admitted::All, r#"{"level":"VIP","a":1}"#, r#"{"level":"plain"}"#),
            r#"{"a":1,"level":"plain"}"#
        );
        assert_eq!(merged(Admitted::default(), "{}", r#"{"level":"plain"}"#), r#"{"level":"plain"}"#);
    }

    #[test]
    fn the_subject_token_stands_nowhere_in_it() {
        let code = |text: &str| {
            let context = parse_object(text.as_bytes()).unwrap();
            without_token(Some(&context), "a.b.c").map_or_else(|rejection| rejection.code(), |()| "without")
        };
        for text in [r#"{"t":"a.b.c"}"#, r#"{"h":{"x":["Bearer a.b.c"]}}"#, r#"{"a.b.c":1}"#] {
            assert_eq!(code(text), "txn.context_holds_token", "{text}");
        }
        assert_eq!(code(r#"{"t":"a.b","n":1}"#), "without");
        assert!(without_token(None, "a").is_ok());
    }
}
