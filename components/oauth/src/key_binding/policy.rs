//! What an operator lets be of tokens that are bound to unproved keys. Nothing, until it is said.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use portcullis_token::confirmation::Confirmation;
use portcullis_types::{
    Rejection,
    json::{Object, Value},
    limits::excerpt,
};

use super::{Binding, BindingCode};

/// Most entries in each of the policy's lists. A request may be compared with all of them.
pub const MAX_ENTRIES: usize = 1024;

/// How a `tmb` may name its key. A `kid` is none of these: there is nothing in it that a proof could be compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyName {
    /// `jkt`: the thumbprint of a DPoP key (RFC 9449 section 6.1).
    Thumbprint,
    /// `x5t#S256`: the hash of a certificate (RFC 8705 section 3.1).
    Certificate,
    /// `jwk`: the public key itself (RFC 7800 section 3.2).
    Key,
}

impl KeyName {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Thumbprint, Self::Certificate, Self::Key];

    /// The member of `cnf`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Thumbprint => "jkt",
            Self::Certificate => "x5t#S256",
            Self::Key => "jwk",
        }
    }

    /// How a `cnf` names its key, and the hash that a proof is compared with.
    pub(super) fn of(confirmation: &Confirmation) -> Option<(Self, [u8; 32])> {
        match confirmation {
            Confirmation::KeyThumbprint(hash) => Some((Self::Thumbprint, *hash)),
            Confirmation::CertificateThumbprint(hash) => Some((Self::Certificate, *hash)),
            Confirmation::Key { thumbprint, .. } => Some((Self::Key, *thumbprint)),
            Confirmation::KeyId(_) => None,
        }
    }
}

/// What is let be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindingPolicy {
    /// Whether tokens may be bound to keys that were not proved when they were issued.
    pub deferred: bool,
    /// Whether a bound token that has no mark counts as one whose key was not proved: for an issuer that binds so and does not
    /// say it.
    pub unmarked_is_deferred: bool,
    /// The clients that may ask for such tokens.
    pub requesters: Vec<String>,
    /// How they may name the key.
    pub key_names: Vec<KeyName>,
    /// Whether a token that is issued so is marked with a claim `tmb` beside its `cnf`.
    pub mark: bool,
    /// The bindings that are accepted where a token is used.
    pub accept: Vec<Binding>,
}

impl BindingPolicy {
    /// No deferred binding: any that is met is refused.
    pub fn off() -> Self {
        Self {
            deferred: false,
            unmarked_is_deferred: false,
            requesters: Vec::new(),
            key_names: Vec::from(KeyName::ALL),
            mark: true,
            accept: Vec::from(Binding::ALL),
        }
    }

    /// Reads a policy. Its members are in `docs/key-binding.md`; without any it is [`BindingPolicy::off`].
    ///
    /// Errors: `binding.policy_malformed`, `json.duplicate_name`.
    pub fn from_object(policy: &Object) -> Result<Self, Rejection> {
        let names = ["deferred", "unmarked", "requesters", "key_names", "mark", "accept"];
        if let Some((name, _)) = policy.checked()?.members().find(|(name, _)| !names.contains(name)) {
            return Err(malformed(format!("there is an unknown member {}", excerpt(name))));
        }
        let off = Self::off();
        Ok(Self {
            deferred: word(policy, "deferred", ["refuse", "allow"])?.unwrap_or(off.deferred),
            unmarked_is_deferred: word(policy, "unmarked", ["proved", "deferred"])?.unwrap_or(off.unmarked_is_deferred),
            requesters: list(policy, "requesters", |text| Some(text.to_owned()))?.unwrap_or(off.requesters),
            key_names: list(policy, "key_names", |text| KeyName::ALL.into_iter().find(|name| name.name() == text))?
                .unwrap_or(off.key_names),
            mark: match policy.get("mark")? {
                None => off.mark,
                Some(Value::Bool(mark)) => *mark,
                Some(other) => return Err(malformed(format!("mark is {}, not true or false", other.kind()))),
            },
            accept: list(policy, "accept", Binding::from_name)?.unwrap_or(off.accept),
        })
    }
}

fn malformed(what: impl Into<String>) -> Rejection {
    Rejection::new(BindingCode::PolicyMalformed, what)
}

/// A member that is one of two words: whether it is the second.
fn word(policy: &Object, name: &str, words: [&str; 2]) -> Result<Option<bool>, Rejection> {
    let [no, yes] = words;
    match policy.get(name)? {
        None => Ok(None),
        Some(Value::String(word)) if word == no => Ok(Some(false)),
        Some(Value::String(word)) if word == yes => Ok(Some(true)),
        Some(_) => Err(malformed(format!("{name} is neither \"{no}\" nor \"{yes}\""))),
    }
}

fn list<T>(policy: &Object, name: &str, read: impl Fn(&str) -> Option<T>) -> Result<Option<Vec<T>>, Rejection> {
    let Some(value) = policy.get(name)? else { return Ok(None) };
    let items = value.as_array().ok_or_else(|| malformed(format!("{name} is {}, not a list", value.kind())))?;
    if items.len() > MAX_ENTRIES {
        return Err(malformed(format!("{name} has {} entries, at most {MAX_ENTRIES} are read", items.len())));
    }
    let item = |item: &Value| match item {
        Value::String(text) => read(text).ok_or_else(|| malformed(format!("{name} has {}", excerpt(text)))),
        other => Err(malformed(format!("{name} has {}, not a text", other.kind()))),
    };
    items.iter().map(item).collect::<Result<_, _>>().map(Some)
}
