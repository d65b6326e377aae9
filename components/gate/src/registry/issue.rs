//! What a service hands out: claims to be signed by its host.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use portcullis_scope::oci::Access;
use portcullis_types::{
    Timestamp,
    json::{self, Number, Object, Value},
};

/// The media type of refresh tokens. Nothing but this token service reads them.
pub(super) const REFRESH_TYPE: &str = "registry-refresh+jwt";

/// Claims to sign. For a registry the host adds `jti`, which is to be unique. It signs with the newest of the service's keys that is in
/// use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToSign {
    /// `typ` of the header.
    pub media_type: String,
    /// The claims, a JSON object.
    pub claims: String,
}

/// What a service hands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssueKind {
    /// Tokens for a registry.
    Registry,
    /// A Transaction Token.
    Transaction,
}

impl IssueKind {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Transaction => "transaction",
        }
    }
}

/// What a client is handed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// Which service hands it out, and so with whose keys it is signed.
    pub kind: IssueKind,
    /// The access token.
    pub access: ToSign,
    /// The refresh token, where one is asked for and may be had.
    pub refresh: Option<ToSign>,
    /// What was granted, as a scope; empty where nothing was.
    pub scope: String,
    /// When it was issued, in seconds since 1970.
    pub issued_at: Timestamp,
    /// How long the access token is good, in seconds.
    pub expires_in: u64,
}

pub(super) type Members = Vec<(String, Value)>;

pub(super) fn text(name: &str, value: &str) -> (String, Value) {
    (name.into(), value.into())
}

pub(super) fn number(name: &str, value: u64) -> (String, Value) {
    (name.into(), Value::Number(Number::Unsigned(value)))
}

pub(super) fn to_sign(media_type: &str, members: Members) -> ToSign {
    ToSign { media_type: media_type.into(), claims: json::to_text(&Object::from_members(members)) }
}

/// Access as a token's claim has it (distribution: Token Authentication Implementation, Claim Set).
pub(super) fn access_claim(access: &[Access]) -> Value {
    let entry = |one: &Access| {
        let actions = one.actions.iter().map(|action| action.as_str().into()).collect();
        Value::Object(Object::from_members(alloc::vec![
            text("type", &one.resource_type),
            text("name", &one.name),
            ("actions".to_string(), Value::Array(actions)),
        ]))
    };
    Value::Array(access.iter().map(entry).collect())
}
