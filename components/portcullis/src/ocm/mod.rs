//! `portcullis:ocm`

mod access;
mod addresses;
mod directory;
mod discovery;
mod invites;
mod notifications;
mod protocols;
mod requests;
mod shares;
mod tokens;

use portcullis_ocm::{Secret, signed::read_json};
use portcullis_types::{Rejection, RuleCode, json::Object};

/// A text as a secret; what no header field could carry is none, with a code of where it stands.
fn secret(text: &str, code: impl RuleCode, what: &str) -> Result<Secret, Rejection> {
    Secret::new(text).ok_or_else(|| Rejection::new(code, format!("{what} is no visible ASCII of at most 8 KiB")))
}

/// The body of an answer. One that is no JSON has no members: its status says what it is.
fn answer(body: &[u8]) -> Object {
    read_json(body).unwrap_or_default()
}
