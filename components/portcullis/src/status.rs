//! `portcullis:status/status-list`

use portcullis_status as status;
use portcullis_types::Findings;

use crate::{
    Component,
    bindings::exports::portcullis::{
        crypto::keys::KeySetBorrow,
        status::status_list::{Entry, Guest, GuestStatusList, Options, Report, Status, StatusList, ValueCount},
        types::types::{Rejection, Timestamp},
    },
    convert,
    keys::Keys,
};

/// The resource behind a handle.
pub(crate) struct List(status::StatusList);

/// What opens a list, whichever its form.
type Explain = fn(
    &[u8],
    &portcullis_crypto::KeySet,
    &str,
    u64,
    &status::Options,
    &mut dyn portcullis_types::Trace,
) -> Result<status::StatusList, portcullis_types::Rejection>;

impl Guest for Component {
    type StatusList = List;

    fn decode(bits: u8, lst: String, index: u64) -> Result<u8, Rejection> {
        status::Bits::from_number(bits.into())
            .and_then(|bits| status::Packed::from_base64url(bits, &lst, status::MAX_INFLATED))
            .and_then(|list| list.get(index))
            .map_err(convert::rejection)
    }
}

impl GuestStatusList for List {
    fn open_jwt(
        token: Vec<u8>,
        keys: KeySetBorrow<'_>,
        uri: String,
        at: Timestamp,
        options: Options,
    ) -> Result<StatusList, Rejection> {
        handle(status::StatusList::open_jwt(&token, &keys.get::<Keys>().0, &uri, at, &self::options(options)))
    }

    fn open_cwt(
        token: Vec<u8>,
        keys: KeySetBorrow<'_>,
        uri: String,
        at: Timestamp,
        options: Options,
    ) -> Result<StatusList, Rejection> {
        handle(status::StatusList::open_cwt(&token, &keys.get::<Keys>().0, &uri, at, &self::options(options)))
    }

    fn explain_jwt(token: Vec<u8>, keys: KeySetBorrow<'_>, uri: String, at: Timestamp, options: Options) -> Report {
        report(status::StatusList::explain_jwt, &token, &keys, &uri, at, options)
    }

    fn explain_cwt(token: Vec<u8>, keys: KeySetBorrow<'_>, uri: String, at: Timestamp, options: Options) -> Report {
        report(status::StatusList::explain_cwt, &token, &keys, &uri, at, options)
    }

    fn check_at(&self, at: Timestamp, leeway: u64) -> Result<(), Rejection> {
        self.0.check_at(at, leeway).map_err(convert::rejection)
    }

    fn get(&self, index: u64) -> Result<Entry, Rejection> {
        self.0.get(index).map(entry).map_err(convert::rejection)
    }

    fn get_many(&self, indices: Vec<u64>) -> Vec<Result<Entry, Rejection>> {
        indices.into_iter().map(|index| self.get(index)).collect()
    }

    fn values(&self, first: u64, count: u32) -> Result<Vec<u8>, Rejection> {
        let end = first.saturating_add(u64::from(count).min(status::MAX_VALUES));
        self.0.values(first..end).map(Iterator::collect).map_err(convert::rejection)
    }

    fn counts(&self) -> Vec<ValueCount> {
        let count =
            |(value, entries)| ValueCount { value, status: meaning(status::Status::from_value(value)), entries };
        self.0.counts().into_iter().map(count).collect()
    }

    fn len(&self) -> u64 {
        self.0.len()
    }

    fn bits(&self) -> u8 {
        self.0.bits().count()
    }

    fn issued_at(&self) -> f64 {
        self.0.issued_at()
    }

    fn expires(&self) -> Option<f64> {
        self.0.expires()
    }

    fn ttl(&self) -> Option<f64> {
        self.0.ttl()
    }
}

fn handle(made: Result<status::StatusList, portcullis_types::Rejection>) -> Result<StatusList, Rejection> {
    made.map(|list| StatusList::new(List(list))).map_err(convert::rejection)
}

fn report(
    explain: Explain,
    token: &[u8],
    keys: &KeySetBorrow<'_>,
    uri: &str,
    at: Timestamp,
    options: Options,
) -> Report {
    let mut findings = Findings::default();
    let outcome = explain(token, &keys.get::<Keys>().0, uri, at, &self::options(options), &mut findings);
    Report { findings: findings.0.into_iter().map(convert::finding).collect(), outcome: handle(outcome) }
}

fn options(options: Options) -> status::Options {
    let bytes = |told: Option<u32>, default| told.map_or(default, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    status::Options {
        algorithms: options.algorithms.map(|list| convert::accepted(&list)),
        leeway: options.leeway,
        max_token: bytes(options.max_token, status::MAX_LIST_TOKEN),
        max_inflated: bytes(options.max_inflated, status::MAX_INFLATED),
        content_format: options.content_format,
    }
}

fn entry(entry: status::Entry) -> Entry {
    Entry { value: entry.value, status: meaning(entry.status) }
}

fn meaning(status: status::Status) -> Status {
    match status {
        status::Status::Valid => Status::Valid,
        status::Status::Invalid => Status::Invalid,
        status::Status::Suspended => Status::Suspended,
        status::Status::ApplicationSpecific => Status::ApplicationSpecific,
        status::Status::Reserved => Status::Reserved,
    }
}
