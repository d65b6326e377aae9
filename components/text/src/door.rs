//! One request in, one answer out.

use alloc::{format, rc::Rc, string::String, vec, vec::Vec};

use portcullis_crypto::{Backend, KeySet};
#[cfg(feature = "full")]
use portcullis_svid::BundleSet;
#[cfg(feature = "full")]
use portcullis_types::base64url;
use portcullis_types::{
    Finding, Findings, Outcome, Rejection, Silent, Timestamp, Trace,
    json::{self, Object, Value},
    limits::{MAX_DOCUMENT, excerpt},
};

#[cfg(feature = "full")]
use crate::operations::{
    gate::{KeptPolicies, Sessions},
    status::{KeptLists, OpenLists},
};
use crate::{
    members::{Members, malformed},
    operations,
};

/// Key sets that are kept from one request to the next. A day of logged tokens comes from a few issuers; a set is some
/// KiB, and each of its P-256 keys may get a window table within the backend's own bound.
const KEPT_KEY_SETS: usize = 16;

/// Bundles that are kept likewise. A relying party has one set of them, which changes now and then.
#[cfg(feature = "full")]
const KEPT_BUNDLE_SETS: usize = 4;

/// The door. One an instance; it keeps the key sets it saw last, so that they are parsed and prepared once.
pub struct Door {
    backend: Rc<dyn Backend>,
    /// Least recently used first.
    kept: Vec<(String, Rc<KeySet>)>,
    /// Likewise.
    #[cfg(feature = "full")]
    kept_bundles: Vec<(String, Rc<BundleSet>)>,
    #[cfg(feature = "full")]
    pub(crate) kept_lists: KeptLists,
    #[cfg(feature = "full")]
    pub(crate) open_lists: OpenLists,
    #[cfg(feature = "full")]
    pub(crate) kept_policies: KeptPolicies,
    #[cfg(feature = "full")]
    pub(crate) sessions: Sessions,
}

/// A request on its way to its operation.
pub(crate) struct Call<'a> {
    pub(crate) members: Members<'a>,
    pub(crate) at: Timestamp,
    /// Whether the request asks for the checks, which are made then whatever is known already.
    pub(crate) explained: bool,
    /// Who hears of each check: nobody, where the request does not ask.
    pub(crate) trace: &'a mut dyn Trace,
}

/// What an operation answers: the members of `result`, or why not.
pub(crate) type Answer = Result<Object, Refusal>;

/// A rejection, with what an operation's error has beside `code` and `detail`.
pub(crate) struct Refusal {
    pub(crate) rejection: Rejection,
    pub(crate) beside: Vec<(&'static str, Value)>,
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        Self { rejection, beside: Vec::new() }
    }
}

impl Door {
    /// A door whose signatures are verified by a backend.
    pub fn new(backend: Rc<dyn Backend>) -> Self {
        Self {
            backend,
            kept: Vec::new(),
            #[cfg(feature = "full")]
            kept_bundles: Vec::new(),
            #[cfg(feature = "full")]
            kept_lists: KeptLists::default(),
            #[cfg(feature = "full")]
            open_lists: OpenLists::default(),
            #[cfg(feature = "full")]
            kept_policies: KeptPolicies::default(),
            #[cfg(feature = "full")]
            sessions: Sessions::default(),
        }
    }

    /// The operations there are, sorted.
    pub fn operations() -> Vec<&'static str> {
        let mut names: Vec<_> = operations::ALL.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names
    }

    /// Answers one request. `now` is the time of a request without `at`, in seconds since 1970.
    ///
    /// There is no failure: what is no request is answered with `request.malformed`.
    pub fn answer(&mut self, request: &[u8], now: Timestamp) -> String {
        let value = match json::parse(request) {
            Ok(value) => value,
            Err(rejection) => {
                let what = format!("{}: {}", rejection.code(), rejection.detail());
                return write(&Value::Null, Err(malformed(what).into()), None);
            }
        };
        let Value::Object(object) = &value else {
            let what = format!("a request is an object, not {}", value.kind());
            return write(&Value::Null, Err(malformed(what).into()), None);
        };
        // An `id` that stands there once is given back even if the rest is no request.
        let mut ids = object.members().filter(|(name, _)| *name == "id").map(|(_, id)| id);
        let (id, repeated) = (ids.next(), ids.next().is_some());
        let mut told = None;
        let answer = match (id, repeated) {
            (Some(_), false) => match value.checked_everywhere() {
                Ok(_) => self.call(object, now, &mut told),
                Err(rejection) => Err(malformed(rejection.detail()).into()),
            },
            (None, _) => Err(malformed("the request has no member \"id\"").into()),
            (_, true) => Err(malformed("the request has two members \"id\"").into()),
        };
        write(id.filter(|_| !repeated).unwrap_or(&Value::Null), answer, told.as_ref())
    }

    /// Calls the operation. With `explain` in the request, `told` has each check that was made.
    fn call(&mut self, object: &Object, now: Timestamp, told: &mut Option<Findings>) -> Answer {
        let mut members = Members::new("the request", object);
        members.take("id");
        let op = members.text("op")?;
        let at = members.optional_integer("at")?.unwrap_or(now);
        let explained = members.optional_flag("explain")?;
        if explained {
            *told = Some(Findings::default());
        }
        let mut silent = Silent;
        let trace: &mut dyn Trace = told.as_mut().map_or(&mut silent, |findings| findings);
        match operations::ALL.iter().find(|(name, _)| *name == op) {
            Some((_, operation)) => operation(self, Call { members, at, explained, trace }),
            None => Err(malformed(format!("there is no operation {}", excerpt(op))).into()),
        }
    }

    pub(crate) fn backend(&self) -> &Rc<dyn Backend> {
        &self.backend
    }

    /// The key set of a JWK Set, from those kept or new.
    pub(crate) fn key_set(&mut self, jwks: &Object) -> Result<Rc<KeySet>, Rejection> {
        let text = json::to_text(jwks);
        if text.len() > MAX_DOCUMENT {
            // The set's own rule refuses it; asked in its text form, which knows the size.
            return KeySet::from_jwks(text.as_bytes(), &self.backend).map(Rc::new);
        }
        self.kept_or_new(text, |backend| KeySet::from_object(jwks, backend))
    }

    /// The key set of the member `keys`, a JWK Set, or of `cose_keys`, a COSE_KeySet.
    #[cfg(feature = "full")]
    pub(crate) fn keys_or_cose_keys(&mut self, members: &mut Members<'_>) -> Result<Rc<KeySet>, Rejection> {
        match (members.optional_object("keys")?, members.optional_bytes("cose_keys")?) {
            (Some(jwks), None) => self.key_set(jwks),
            // Base64url begins with no bracket, so it is no other set's JSON.
            (None, Some(set)) => {
                self.kept_or_new(base64url::encode(&set), |backend| KeySet::from_cose_key_set(&set, backend))
            }
            _ => Err(malformed("the request has to have one of the members \"keys\" and \"cose_keys\"")),
        }
    }

    /// The bundles of an object of them, from those kept or new.
    #[cfg(feature = "full")]
    pub(crate) fn bundle_set(&mut self, bundles: &Object) -> Result<Rc<BundleSet>, Rejection> {
        let text = json::to_text(bundles);
        if let Some(at) = self.kept_bundles.iter().position(|(kept, _)| *kept == text) {
            let found = self.kept_bundles.remove(at);
            let set = Rc::clone(&found.1);
            self.kept_bundles.push(found);
            return Ok(set);
        }
        let set = Rc::new(BundleSet::from_object(bundles, &self.backend)?);
        // A set of many bundles may be large; what is kept is bounded in bytes, not only in number.
        if text.len() > MAX_DOCUMENT {
            return Ok(set);
        }
        if self.kept_bundles.len() >= KEPT_BUNDLE_SETS {
            self.kept_bundles.remove(0);
        }
        self.kept_bundles.push((text, Rc::clone(&set)));
        Ok(set)
    }

    fn kept_or_new(
        &mut self,
        text: String,
        make: impl FnOnce(&Rc<dyn Backend>) -> Result<KeySet, Rejection>,
    ) -> Result<Rc<KeySet>, Rejection> {
        if let Some(at) = self.kept.iter().position(|(kept, _)| *kept == text) {
            let found = self.kept.remove(at);
            let set = Rc::clone(&found.1);
            self.kept.push(found);
            return Ok(set);
        }
        let set = Rc::new(make(&self.backend)?);
        if self.kept.len() >= KEPT_KEY_SETS {
            self.kept.remove(0);
        }
        self.kept.push((text, Rc::clone(&set)));
        Ok(set)
    }
}

/// Writes an answer on one line.
fn write(id: &Value, answer: Answer, told: Option<&Findings>) -> String {
    let (ok, name, value) = match answer {
        Ok(result) => (true, "result", Value::Object(result)),
        Err(Refusal { rejection, beside }) => {
            let mut members =
                vec![("code".into(), rejection.code().into()), ("detail".into(), rejection.detail().into())];
            members.extend(beside.into_iter().map(|(name, value)| (name.into(), value)));
            (false, "error", Object::from_members(members).into())
        }
    };
    let mut members = vec![("id".into(), id.clone()), ("ok".into(), ok.into()), (name.into(), value)];
    if let Some(Findings(findings)) = told {
        members.push(("findings".into(), Value::Array(findings.iter().map(|one| finding(one).into()).collect())));
    }
    json::to_text(&Object::from_members(members))
}

/// One check, as it went.
fn finding(finding: &Finding) -> Object {
    let (passed, code, detail) = match &finding.outcome {
        Outcome::Passed(seen) => (true, None, seen.as_str()),
        Outcome::Failed(rejection) => (false, Some(rejection.code()), rejection.detail()),
    };
    let mut members = vec![
        ("check".into(), finding.check.into()),
        ("rule".into(), finding.rule.into()),
        ("passed".into(), passed.into()),
        ("detail".into(), detail.into()),
    ];
    members.extend(code.map(|code| ("code".into(), code.into())));
    Object::from_members(members)
}

/// A rejection, as a member of a result.
pub(crate) fn rejected(rejection: &Rejection) -> Object {
    object([
        ("code", rejection.code().into()),
        ("detail", rejection.detail().into()),
        ("rule", rejection.rule().into()),
    ])
}

/// An object of some members.
pub(crate) fn object<const N: usize>(members: [(&str, Value); N]) -> Object {
    let mut list = vec![];
    list.extend(members.into_iter().map(|(name, value)| (name.into(), value)));
    Object::from_members(list)
}
