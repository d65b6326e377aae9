//! The users of a registry: from the policy, or from a file that is fetched.

use alloc::{collections::BTreeMap, rc::Rc, vec::Vec};

use portcullis_crypto::sha256;
pub(crate) use portcullis_password::Users;
use portcullis_types::{Rejection, Timestamp};

use crate::{
    documents::{Document, Kind},
    limits::{MAX_PASSWORDS, PASSWORD_REMEMBERED},
    origin::Class,
    policy::{Limits, registry::UsersSource},
    remote::{Remote, Taking, fits, weight},
};

/// Users, and where they come from.
pub(crate) struct UsersState {
    pub(crate) remote: Option<Remote>,
    pub(crate) users: Option<Rc<Users>>,
    pub(crate) bytes: usize,
    digest: [u8; 32],
    /// Passwords that were right, by what cannot be told from them without the user's own hash, and since when.
    right: BTreeMap<[u8; 32], Timestamp>,
}

impl UsersState {
    pub(crate) fn new(source: &UsersSource, limits: &Limits) -> Self {
        let (remote, users) = match source {
            UsersSource::Inline(users) => (None, Some(Rc::clone(users))),
            UsersSource::Url(url) => (Some(Remote::new(url, Class::Policy, Kind::Users, limits.document)), None),
        };
        Self { remote, users, bytes: 0, digest: [0; 32], right: BTreeMap::new() }
    }

    /// Whether a password of a user was right lately, and the user still has it.
    pub(crate) fn remembers(&mut self, name: &str, password: &str, at: Timestamp) -> bool {
        let Some(key) = self.key(name, password) else { return false };
        let since = self.right.get(&key);
        since.and_then(|since| at.checked_sub(*since)).is_some_and(|age| age < PASSWORD_REMEMBERED)
    }

    /// Remembers that a password was right.
    pub(crate) fn remember(&mut self, name: &str, password: &str, at: Timestamp) {
        let Some(key) = self.key(name, password) else { return };
        if self.right.len() >= MAX_PASSWORDS {
            self.right.clear();
        }
        self.right.insert(key, at);
    }

    /// Another one for another hash of the user, whose salt is in it. It is quick to make, unlike the hash: whoever could read it here
    /// could read the passwords themselves as they come.
    fn key(&self, name: &str, password: &str) -> Option<[u8; 32]> {
        let user = self.users.as_ref()?.get(name)?;
        let mut text = Vec::new();
        for part in [&user.fingerprint()[..], name.as_bytes(), password.as_bytes()] {
            text.extend_from_slice(&(part.len() as u64).to_be_bytes());
            text.extend_from_slice(part);
        }
        Some(sha256(&text))
    }

    /// Takes a document if it is this one. The answer is nothing where it is not.
    pub(crate) fn provide(&mut self, document: &Document, taking: &Taking<'_>) -> Option<Result<(), Rejection>> {
        let Self { remote, users, bytes, digest, right } = self;
        let remote = remote.as_mut().filter(|remote| remote.need.url == document.url)?;
        if let Err(older) = remote.newer(document, taking.at) {
            return Some(Err(older));
        }
        let read = document.content.body(remote.need.most).and_then(|body| {
            fits(body, taking.free.saturating_add(weight(*bytes)))?;
            Ok((body, sha256(body)))
        });
        let read = read.and_then(|(body, new)| {
            // Most of the time it is the same file.
            if users.is_none() || *digest != new {
                *users = Some(Rc::new(Users::parse(body)?));
                *digest = new;
                *bytes = body.len();
                right.clear();
            }
            Ok(())
        });
        Some(remote.note(read, document.fetched_at, taking.at))
    }
}
