//! The client's metadata (RFC 7591 section 2), as it was pushed and as a software statement has it, held to the policy.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

use portcullis_client::{
    Method,
    registration::{MAX_METADATA, MAX_REDIRECT_URIS},
};
use portcullis_scope::ScopeSet;
use portcullis_types::{
    Rejection,
    json::{self, Object, Value},
    limits::excerpt,
};

use super::{
    PushPolicy, PushedCode,
    host::{check_redirect, https_place},
};

/// The longest `client_registration`, in bytes: the metadata that is kept, and a software statement beside it, which holds much of
/// the same once more, in base64, with a signature and perhaps certificates.
pub const MAX_REGISTRATION: usize = 4 * MAX_METADATA;

/// The member with the software statement (RFC 7591 section 2.3).
pub(super) const STATEMENT: &str = "software_statement";

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A text.
    Text,
    /// An https URI that people are shown.
    Shown,
    /// A list of texts.
    Texts,
    /// True or false.
    Flag,
}

/// The metadata that a policy may let clients have. What is left out is left out on purpose: `jwks` and `jwks_uri` would give a
/// credential to who has none.
const KNOWN: [(&str, Kind); 15] = [
    ("redirect_uris", Kind::Texts),
    ("token_endpoint_auth_method", Kind::Text),
    ("grant_types", Kind::Texts),
    ("response_types", Kind::Texts),
    ("client_name", Kind::Text),
    ("client_uri", Kind::Shown),
    ("logo_uri", Kind::Shown),
    ("scope", Kind::Text),
    ("contacts", Kind::Texts),
    ("tos_uri", Kind::Shown),
    ("policy_uri", Kind::Shown),
    ("software_id", Kind::Text),
    ("software_version", Kind::Text),
    // RFC 9449 section 5.2
    ("dpop_bound_access_tokens", Kind::Flag),
    // RFC 8705 section 3.4
    ("tls_client_certificate_bound_access_tokens", Kind::Flag),
];

/// The name of metadata that a policy may let clients have.
pub(super) fn known(name: &str) -> Option<&'static str> {
    KNOWN.iter().find(|(known, _)| *known == name).map(|(known, _)| *known)
}

/// Metadata whose members are permitted and have their types.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Metadata(BTreeMap<&'static str, Value>);

/// A `client_registration` (section 3.1): a JSON object, no longer than is read.
///
/// Errors: `par.registration_too_large`, `par.registration_malformed`.
pub(super) fn read(text: &str) -> Result<Object, Rejection> {
    if text.len() > MAX_REGISTRATION {
        let what = format!("client_registration has {} bytes, at most {MAX_REGISTRATION} are read", text.len());
        return Err(Rejection::new(PushedCode::RegistrationTooLarge, what));
    }
    let malformed = |inner: Rejection| {
        let what = format!("client_registration: {}: {}", inner.code(), inner.detail());
        Rejection::new(PushedCode::RegistrationMalformed, what)
    };
    let object = json::parse_object(text.as_bytes()).map_err(malformed)?;
    for (_, value) in object.members() {
        value.checked_everywhere().map_err(malformed)?;
    }
    Ok(object)
}

/// The software statement of a registration, where the policy takes them; else it is a member like others.
///
/// Error: `par.statement_type`.
pub(super) fn statement<'r>(registration: &'r Object, policy: &PushPolicy) -> Result<Option<&'r str>, Rejection> {
    if policy.vouchers.software_statement.is_none() {
        return Ok(None);
    }
    match registration.get(STATEMENT)? {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => {
            Err(Rejection::new(PushedCode::StatementType, format!("{STATEMENT} is {}, not a text", other.kind())))
        }
    }
}

impl Metadata {
    /// The metadata of the registration itself: the members that the policy names, and no others.
    ///
    /// Errors: `par.metadata_not_permitted`, `par.metadata_type`.
    pub(super) fn pushed(registration: &Object, policy: &PushPolicy) -> Result<Self, Rejection> {
        let taken = |name: &str| {
            policy.metadata.contains(&name) || (name == STATEMENT && policy.vouchers.software_statement.is_some())
        };
        if !policy.ignore_other_metadata
            && let Some((name, _)) = registration.members().find(|(name, _)| !taken(name))
        {
            let what = format!("the metadata has {}, which the policy does not name", excerpt(name));
            return Err(Rejection::new(PushedCode::MetadataNotPermitted, what));
        }
        Ok(Self::all(registration)?.named(policy))
    }

    /// The members that are metadata, each of its type. Others are passed over: so are the claims of a software statement that
    /// are none.
    ///
    /// Error: `par.metadata_type`.
    pub(super) fn all(members: &Object) -> Result<Self, Rejection> {
        let mut kept = BTreeMap::new();
        for (name, kind) in KNOWN {
            let Some(value) = members.get(name)? else { continue };
            let (right, wanted) = match (kind, value) {
                (Kind::Text | Kind::Shown, value) => (value.as_str().is_some(), "a text"),
                (Kind::Texts, Value::Array(items)) => {
                    (items.iter().all(|item| item.as_str().is_some()), "a list of texts")
                }
                (Kind::Texts, _) => (false, "a list of texts"),
                (Kind::Flag, value) => (matches!(value, Value::Bool(_)), "true or false"),
            };
            if !right {
                return Err(Rejection::new(PushedCode::MetadataType, format!("{name} is not {wanted}")));
            }
            kept.insert(name, value.clone());
        }
        Ok(Self(kept))
    }

    /// Those of them that the policy names.
    #[must_use]
    pub(super) fn named(mut self, policy: &PushPolicy) -> Self {
        self.0.retain(|name, _| policy.metadata.contains(name));
        self
    }

    /// With what a software statement says, which goes before what the client says (RFC 7591 section 2.3).
    #[must_use]
    pub(super) fn overridden_by(mut self, statement: Self) -> Self {
        self.0.extend(statement.0);
        self
    }

    /// The values are such as the policy lets them be. `attested` is the way in which an attestation was proved, if one was.
    ///
    /// Errors: `par.registration_too_large`, `par.metadata_*`, `par.grant_type_not_permitted`,
    /// `par.response_type_not_permitted`, `par.scope_not_permitted`, `par.redirect_*`, `scope.*`.
    pub(super) fn judge(&self, policy: &PushPolicy, attested: Option<Method>) -> Result<(), Rejection> {
        let length = json::to_text(&self.to_object()).len();
        if length > MAX_METADATA {
            let what = format!("{length} bytes of metadata, at most {MAX_METADATA} are kept");
            return Err(Rejection::new(PushedCode::RegistrationTooLarge, what));
        }
        for (name, kind) in KNOWN {
            self.check_text(name)?;
            if kind == Kind::Shown {
                self.check_shown(name, policy)?;
            }
        }
        self.check_method(attested)?;
        for (name, permitted, code) in [
            ("grant_types", &policy.grant_types, PushedCode::GrantType),
            ("response_types", &policy.response_types, PushedCode::ResponseType),
        ] {
            if let Some(other) = self.texts(name).iter().find(|given| !permitted.iter().any(|one| one == *given)) {
                let what = format!("{name} has {}, which dynamic clients may not use", excerpt(other));
                return Err(Rejection::new(code, what));
            }
        }
        if let Some(scope) = self.text("scope") {
            check_scope(scope, policy).map_err(|rejection| rejection.within("scope"))?;
        }
        let uris = self.texts("redirect_uris");
        if uris.len() > MAX_REDIRECT_URIS {
            let what = format!("{} redirect URIs, at most {MAX_REDIRECT_URIS} are taken", uris.len());
            return Err(Rejection::new(PushedCode::RedirectUrisTooMany, what));
        }
        uris.iter().try_for_each(|uri| check_redirect(uri, &policy.redirect_hosts))
    }

    /// What people may be shown holds nothing that makes them read something else: controls, and those that turn the direction
    /// of writing (RFC 7591 section 5).
    fn check_text(&self, name: &str) -> Result<(), Rejection> {
        let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
        let bad = |text: &str| text.chars().any(|c| c.is_control() || turns(c));
        if self.text(name).is_some_and(bad) || self.texts(name).into_iter().any(bad) {
            let what = format!("{name} has control characters");
            return Err(Rejection::new(PushedCode::MetadataText, what));
        }
        Ok(())
    }

    /// What is shown comes from a host that the policy names (RFC 7591 section 5): a logo from anywhere is a page that somebody
    /// else can change.
    fn check_shown(&self, name: &str, policy: &PushPolicy) -> Result<(), Rejection> {
        let Some(uri) = self.text(name) else { return Ok(()) };
        let refuse = |why: &str| {
            let what = format!("{name}: {} {why}", excerpt(uri));
            Err(Rejection::new(PushedCode::MetadataUri, what))
        };
        let hosts = policy.shown_hosts.as_ref().unwrap_or(&policy.redirect_hosts);
        match https_place(uri) {
            Err(why) => refuse(why),
            Ok((host, port)) if hosts.iter().any(|pattern| pattern.is(&host, port)) => Ok(()),
            Ok(_) => refuse("leads to no host of the policy"),
        }
    }

    /// The client authenticates not at all, or by the attestation that vouches for it: it has no other credential (section 4).
    fn check_method(&self, attested: Option<Method>) -> Result<(), Rejection> {
        let Some(name) = self.text("token_endpoint_auth_method") else { return Ok(()) };
        if name == "none" || attested.is_some_and(|method| method.is_admitted_by(name)) {
            return Ok(());
        }
        let what = format!("token_endpoint_auth_method is {}", excerpt(name));
        Err(Rejection::new(PushedCode::MetadataAuthMethod, what))
    }

    /// The members.
    pub(super) fn to_object(&self) -> Object {
        Object::from_members(self.0.iter().map(|(name, value)| (String::from(*name), value.clone())).collect())
    }

    /// A member that is a text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// The texts of a list; none where it is not there.
    pub(super) fn texts(&self, name: &str) -> Vec<&str> {
        let items = self.0.get(name).and_then(Value::as_array).unwrap_or_default();
        items.iter().filter_map(Value::as_str).collect()
    }

    /// Whether a member is `true`.
    pub(super) fn says(&self, name: &str) -> bool {
        self.0.get(name) == Some(&Value::Bool(true))
    }

    /// Whether a member is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

/// Every scope is one that dynamic clients may have (section 6). Scopes are case-sensitive (RFC 6749 section 3.3).
///
/// Errors: `par.scope_not_permitted`, `scope.*`.
pub(super) fn check_scope(scope: &str, policy: &PushPolicy) -> Result<ScopeSet, Rejection> {
    let asked = ScopeSet::parse(scope)?;
    let permits = |one: &str| policy.scopes.iter().any(|permitted| permitted == one);
    if let Some(other) = asked.iter().find(|one| !permits(one.as_str())) {
        let what = format!("dynamic clients may not have {}", excerpt(other.as_str()));
        return Err(Rejection::new(PushedCode::Scope, what));
    }
    Ok(asked)
}
