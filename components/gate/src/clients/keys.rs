//! The keys that clients are vouched for with: of attesters, and of who issues software statements.

use alloc::{rc::Rc, string::String, vec::Vec};

use portcullis_crypto::KeySet;
use portcullis_types::{Rejection, Timestamp};

use crate::{
    code::GateCode,
    denial::{Denial, Stop},
    judge::Judge,
    keys::Keys,
    policy::{ClientsPolicy, KeySource, Limits, Policy, issuers},
    sources::Owner,
};

/// Whose keys they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vouching {
    /// Those of who attests registered clients, and dynamic ones where these have no attesters of their own.
    Attesters,
    /// Those of who attests dynamic clients.
    DynamicAttesters,
    /// Those of who issues software statements.
    Statements,
}

impl Vouching {
    const ALL: [Self; 3] = [Self::Attesters, Self::DynamicAttesters, Self::Statements];

    /// Where the policy says where they come from.
    fn source(self, clients: &ClientsPolicy) -> Option<&KeySource> {
        let dynamic = clients.dynamic.as_ref();
        match self {
            Self::Attesters => clients.attesters.as_ref(),
            Self::DynamicAttesters => dynamic.and_then(|dynamic| dynamic.attesters.as_ref()),
            Self::Statements => dynamic.and_then(|dynamic| dynamic.statements.as_ref()),
        }
    }

    /// The member of the policy.
    fn member(self) -> &'static str {
        match self {
            Self::Attesters => "clients.attesters",
            Self::DynamicAttesters => "clients.dynamic.vouched_by.attestation.attesters",
            Self::Statements => "clients.dynamic.vouched_by.software_statement.keys",
        }
    }

    /// Who attests dynamic clients.
    pub(super) fn of_dynamic(clients: &ClientsPolicy) -> Self {
        match Self::DynamicAttesters.source(clients) {
            Some(_) => Self::DynamicAttesters,
            None => Self::Attesters,
        }
    }
}

/// The keys that a policy names.
#[derive(Default)]
pub(crate) struct ClientKeys(Vec<(Vouching, Keys)>);

impl ClientKeys {
    /// The keys as they are at first; `next` gives each set a number.
    pub(crate) fn new(policy: &Policy, mut next: impl FnMut() -> u64) -> Self {
        let Some(clients) = &policy.clients else { return Self::default() };
        let mut keys = |one: Vouching| Some((one, Keys::new(one.source(clients)?, next(), &policy.limits)));
        Self(Vouching::ALL.into_iter().filter_map(&mut keys).collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Keys> {
        self.0.iter().map(|(_, keys)| keys)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Keys> {
        self.0.iter_mut().map(|(_, keys)| keys)
    }

    pub(crate) fn of(&self, wanted: Vouching) -> Option<&Keys> {
        self.0.iter().find(|(one, _)| *one == wanted).map(|(_, keys)| keys)
    }

    pub(crate) fn of_mut(&mut self, wanted: Vouching) -> Option<&mut Keys> {
        self.0.iter_mut().find(|(one, _)| *one == wanted).map(|(_, keys)| keys)
    }

    /// Those that are missing or too old, by their members of the policy, and why.
    pub(crate) fn missing<'k>(
        &'k self,
        limits: &'k Limits,
        at: Timestamp,
        why: impl Fn(Option<&Rejection>) -> String + 'k,
    ) -> impl Iterator<Item = (String, String)> + 'k {
        let missing = self.0.iter().filter(move |(_, keys)| keys.fresh(limits.keys_max_stale, at).is_err());
        missing.map(move |(one, keys)| (one.member().into(), why(keys.fault())))
    }
}

impl Judge<'_> {
    /// The keys of somebody who vouches for clients.
    pub(super) fn vouching(&mut self, clients: &ClientsPolicy, whose: Vouching) -> Result<Rc<KeySet>, Stop> {
        let (keys, _) = self.keys_of(Owner::OfClients(whose))?;
        let fetched = matches!(whose.source(clients), Some(KeySource::Url(url)) if !url.starts_with("file:"));
        if fetched && issuers::is_symmetric(&keys) {
            let what = "the keys are symmetric, and whoever can fetch them could vouch for clients";
            let rejection = Rejection::new(GateCode::KeysUnavailable, what);
            self.trace.failed("keys", &rejection);
            return Err(Denial::unknown(rejection).into());
        }
        Ok(keys)
    }
}
