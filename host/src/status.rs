//! Token Status Lists, opened once and asked often.
//!
//! ```no_run
//! use portcullis_host::status::{Options, Status, StatusListToken};
//! use portcullis_host::{HostError, KeySet, Portcullis, Verdict};
//!
//! /// Whether the token with this index is valid. A list that is refused says nothing of it, so it is not.
//! fn is_valid(
//!     portcullis: &mut Portcullis,
//!     list: &[u8],
//!     keys: &KeySet,
//!     index: u64,
//!     now: u64,
//! ) -> Result<Verdict<bool>, HostError> {
//!     let token = StatusListToken::Jwt(list);
//!     let list = portcullis.open_status_list(token, keys, "https://example.com/1", &Options::default(), now)?;
//!     match list {
//!         Ok(list) => Ok(portcullis.status(&list, index)?.map(|entry| entry.status == Status::Valid)),
//!         Err(rejection) => Ok(Err(rejection)),
//!     }
//! }
//! ```

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::ResourceAny;

pub use crate::bindings::exports::portcullis::status::status_list::{Entry, Options, Status, ValueCount};

use crate::bindings::exports::portcullis::status::status_list::{GuestStatusList, Report};
use crate::bindings::exports::portcullis::types::types::{Finding, Rejection};
use crate::error::HostError;
use crate::keys::KeySet;
use crate::live::Held;
use crate::portcullis::{Portcullis, Verdict};
use crate::sandbox::State;

impl Status {
    /// Its name in the JSON form of the interfaces, for example `application-specific`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Suspended => "suspended",
            Self::ApplicationSpecific => "application-specific",
            Self::Reserved => "reserved",
        }
    }
}

impl Default for Options {
    /// What the specification asks for, within `docs/limits.md`, and no leeway.
    fn default() -> Self {
        Self { algorithms: None, leeway: 0, max_token: None, max_inflated: None, content_format: None }
    }
}

/// A status list token, in the form its media type says. The form is never guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusListToken<'a> {
    /// `application/statuslist+jwt` (section 5.1): a compact JWS.
    Jwt(&'a [u8]),
    /// `application/statuslist+cwt` (section 5.2): COSE_Sign1 or COSE_Mac0.
    Cwt(&'a [u8]),
}

/// A status list whose token a component has verified.
///
/// The host remembers the token and how it was opened, so a list outlives the instance that opened it: a new instance
/// opens it again, with the keys and at the time of the first opening. Whether it still holds at a later time is a
/// question of its own: [`Portcullis::check_status_list_at`]. Cheap to clone; clones are the same list.
#[derive(Clone)]
pub struct StatusList {
    held: Arc<Held<Source>>,
}

/// An opening told check by check.
#[derive(Debug, Clone)]
pub struct StatusReport {
    /// The checks in order. If the last one failed, it is the reason.
    pub findings: Vec<Finding>,
    /// The same answer [`Portcullis::open_status_list`] gives.
    pub outcome: Verdict<StatusList>,
}

/// What is known of a list as a whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StatusListDescription {
    /// How many entries there are. Which of the last ones belong to no token only the issuer knows.
    pub entries: u64,
    /// How many bits an entry has: 1, 2, 4 or 8.
    pub bits: u8,
    /// `iat` in seconds since 1970; may have a fraction.
    pub issued_at: f64,
    /// `exp` in seconds since 1970, if the issuer says; may have a fraction.
    pub expires: Option<f64>,
    /// For how many seconds after it was fetched the issuer means the list to be kept, if it says.
    pub ttl: Option<f64>,
}

/// What a list was opened with.
pub(crate) struct Source {
    token: Vec<u8>,
    is_cwt: bool,
    keys: KeySet,
    uri: String,
    at: u64,
    options: Options,
}

impl Source {
    fn new(token: StatusListToken<'_>, keys: &KeySet, uri: &str, options: &Options, at: u64) -> Self {
        let (token, is_cwt) = match token {
            StatusListToken::Jwt(token) => (token, false),
            StatusListToken::Cwt(token) => (token, true),
        };
        Self { token: token.to_vec(), is_cwt, keys: keys.clone(), uri: uri.to_owned(), at, options: options.clone() }
    }

    fn open(
        &self,
        store: &mut Store<State>,
        lists: &GuestStatusList<'_>,
        keys: ResourceAny,
    ) -> wasmtime::Result<Result<ResourceAny, Rejection>> {
        if self.is_cwt {
            lists.call_open_cwt(store, &self.token, keys, &self.uri, self.at, &self.options)
        } else {
            lists.call_open_jwt(store, &self.token, keys, &self.uri, self.at, &self.options)
        }
    }

    fn explain(
        &self,
        store: &mut Store<State>,
        lists: &GuestStatusList<'_>,
        keys: ResourceAny,
    ) -> wasmtime::Result<Report> {
        if self.is_cwt {
            lists.call_explain_cwt(store, &self.token, keys, &self.uri, self.at, &self.options)
        } else {
            lists.call_explain_jwt(store, &self.token, keys, &self.uri, self.at, &self.options)
        }
    }
}

impl std::fmt::Debug for StatusList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StatusList").field("uri", &self.held.source.uri).finish_non_exhaustive()
    }
}

/// Token Status Lists (draft-ietf-oauth-status-list-21).
impl Portcullis {
    /// Verifies a status list token, judges its claims at a time in seconds since 1970, and inflates the list. `uri` is
    /// what refers to the list; its `sub` has to be the same text.
    ///
    /// # Errors
    ///
    /// The component could not be asked. A list that is refused is a [`Verdict`].
    pub fn open_status_list(
        &mut self,
        token: StatusListToken<'_>,
        keys: &KeySet,
        uri: &str,
        options: &Options,
        at: u64,
    ) -> Result<Verdict<StatusList>, HostError> {
        let list = StatusList { held: Held::new(Source::new(token, keys, uri, options, at)) };
        Ok(self.live_list(&list)?.map(|_| list))
    }

    /// The same as [`open_status_list`](Self::open_status_list), with each check told. For people.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn explain_status_list(
        &mut self,
        token: StatusListToken<'_>,
        keys: &KeySet,
        uri: &str,
        options: &Options,
        at: u64,
    ) -> Result<StatusReport, HostError> {
        let list = StatusList { held: Held::new(Source::new(token, keys, uri, options, at)) };
        let keys = self.live_keys(keys)?;
        self.sandbox.call(|store, bound| {
            bound.lists.drop_unused(store)?;
            let guest = bound.exports.portcullis_status_status_list();
            let Report { findings, outcome } = list.held.source.explain(store, &guest.status_list(), keys)?;
            let outcome = outcome.map(|resource| {
                bound.lists.put(&list.held, resource);
                list
            });
            Ok(StatusReport { findings, outcome })
        })
    }

    /// Whether a list may be relied upon at a time: what held when it was opened need not hold now. To be asked before
    /// a look-up whenever time has passed. `leeway` is how far the clocks may differ, in seconds.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn check_status_list_at(&mut self, list: &StatusList, at: u64, leeway: u64) -> Result<Verdict<()>, HostError> {
        self.with_list(list, |store, lists, list| lists.call_check_at(store, list, at, leeway))
    }

    /// The entry at an index. Says nothing about time. An index that the list does not have is refused: nothing is
    /// known of the token, which is not to be taken for valid.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn status(&mut self, list: &StatusList, index: u64) -> Result<Verdict<Entry>, HostError> {
        self.with_list(list, |store, lists, list| lists.call_get(store, list, index))
    }

    /// The same for many indices in one call, in their order.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn statuses(&mut self, list: &StatusList, indices: &[u64]) -> Result<Vec<Verdict<Entry>>, HostError> {
        self.with_list(list, |store, lists, list| lists.call_get_many(store, list, indices))
    }

    /// The values of `count` entries from the index `first` on, one byte each; at most 1 MiB at once, so there may be
    /// fewer.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn status_values(&mut self, list: &StatusList, first: u64, count: u32) -> Result<Verdict<Vec<u8>>, HostError> {
        self.with_list(list, |store, lists, list| lists.call_values(store, list, first, count))
    }

    /// How many entries have each value, by value; values that no entry has are left out.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn status_counts(&mut self, list: &StatusList) -> Result<Vec<ValueCount>, HostError> {
        self.with_list(list, |store, lists, list| lists.call_counts(store, list))
    }

    /// The size and the times of a list.
    ///
    /// # Errors
    ///
    /// The component could not be asked.
    pub fn describe_status_list(&mut self, list: &StatusList) -> Result<StatusListDescription, HostError> {
        self.with_list(list, |store, lists, list| {
            Ok(StatusListDescription {
                entries: lists.call_len(&mut *store, list)?,
                bits: lists.call_bits(&mut *store, list)?,
                issued_at: lists.call_issued_at(&mut *store, list)?,
                expires: lists.call_expires(&mut *store, list)?,
                ttl: lists.call_ttl(&mut *store, list)?,
            })
        })
    }

    /// The list's resource in the living instance, with a deadline of its own: opening takes longer than asking.
    fn live_list(&mut self, list: &StatusList) -> Result<Verdict<ResourceAny>, HostError> {
        let keys = self.live_keys(&list.held.source.keys)?;
        self.sandbox.call(|store, bound| {
            let guest = bound.exports.portcullis_status_status_list();
            bound.lists.get(store, &list.held, |store, source| source.open(store, &guest.status_list(), keys))
        })
    }

    fn with_list<R>(
        &mut self,
        list: &StatusList,
        call: impl FnOnce(&mut Store<State>, &GuestStatusList<'_>, ResourceAny) -> wasmtime::Result<R>,
    ) -> Result<R, HostError> {
        let list = self.live_list(list)?.map_err(|rejection| HostError::not_recreated("status list", rejection))?;
        self.sandbox
            .call(|store, bound| call(store, &bound.exports.portcullis_status_status_list().status_list(), list))
    }
}
