//! What is known of a workload's record within one evaluation, and what is made of it.

use alloc::{boxed::Box, string::String};

use portcullis_client::{
    Method,
    authenticate::Authenticated,
    registration::{self, Flow, Outcome, Record, RegistrationPolicy, Unregistered},
};
use portcullis_svid::SpiffeId;
use portcullis_types::{Rejection, Timestamp, trace::check};

use super::{FromStore, Registration, RegistrationOutcome, refused};
use crate::{
    code::GateCode,
    denial::{Denial, Stop},
    evaluation::Register,
    judge::Judge,
};

/// What is known of the record that an evaluation needs.
#[derive(Debug, Clone, Default)]
pub(crate) enum Known {
    /// The host was not asked yet.
    #[default]
    Nothing,
    /// The store has this.
    Stored {
        /// The text; nothing where there is none.
        text: Option<String>,
        /// When that was told. The registration is decided at this time, so that it comes out the same each time that the
        /// evaluation is gone through.
        at: Timestamp,
        /// Whether what is made of it was stored, too.
        done: bool,
        /// How often it had changed in between when that was tried.
        conflicts: u8,
    },
    /// The store cannot be asked.
    Unavailable,
}

/// How often a record may have changed before its client is told to come again: as often as instances of one workload start
/// within a moment and meet each other here.
pub(crate) const MAX_CONFLICTS: u8 = 4;

impl Known {
    /// What the store has, as it was told.
    pub(crate) fn told(&mut self, text: Option<String>, at: Timestamp, conflict: bool) {
        let before = match self {
            Known::Stored { conflicts, .. } => *conflicts,
            _ => 0,
        };
        *self = Known::Stored { text, at, done: false, conflicts: before.saturating_add(u8::from(conflict)) };
    }

    /// What was made of it is stored.
    pub(crate) fn stored(&mut self) {
        if let Known::Stored { done, .. } = self {
            *done = true;
        }
    }
}

impl Judge<'_> {
    /// The record of a workload, as the store has it, and since when that is known.
    pub(super) fn record(&mut self, id: &SpiffeId) -> Result<(Option<Record>, Timestamp), Stop> {
        let unknown = |code, what: &str| Denial::unknown(Rejection::new(code, what));
        match self.registration {
            Known::Nothing => Err(Stop::Store(FromStore::Load(id.as_str().into()))),
            Known::Unavailable => {
                let denial = unknown(GateCode::ClientsStore, "the store of registrations cannot be asked");
                self.trace.failed("registration", &denial.rejection);
                Err(denial.into())
            }
            Known::Stored { conflicts, .. } if *conflicts >= MAX_CONFLICTS => {
                let denial = unknown(GateCode::ClientsContended, "others changed the registration again and again");
                self.trace.failed("registration", &denial.rejection);
                Err(denial.into())
            }
            Known::Stored { text, at, .. } => {
                let record = text.as_deref().map(Record::parse).transpose();
                let record = check(self.trace, "record", "docs/clients.md", record, |record| match record {
                    Some(record) => alloc::format!("registered at {}", record.registered_at),
                    None => "there is none".into(),
                });
                Ok((record.map_err(Denial::unknown)?, *at))
            }
        }
    }

    /// Registers a workload that has authenticated and is no known client, or finds that it was registered.
    pub(super) fn registered(
        &mut self,
        client: &Authenticated,
        id: &SpiffeId,
        flow: &Flow<'_>,
        policy: &RegistrationPolicy,
    ) -> Result<(Registration, Option<Box<Register>>), Stop> {
        let (stored, at) = self.record(id)?;
        let claims = (client.method == Method::SpiffeJwt).then_some(&client.claims);
        let made = registration::decide(id, claims, stored.as_ref(), flow, policy, at);
        match made {
            Ok(registered) => {
                let outcome = match registered.outcome {
                    Outcome::Existing => RegistrationOutcome::Existing,
                    Outcome::Registered => RegistrationOutcome::Registered,
                    Outcome::Renewed => RegistrationOutcome::Renewed,
                };
                let told = || outcome.name().into();
                self.trace.passed("registration", "draft-kasselman-oauth-spiffe-01", &told);
                let store = registered.store.then(|| self.to_store(&registered.record)).flatten();
                Ok((Registration { outcome, record: registered.record.to_text() }, store))
            }
            Err(Unregistered { rejection, answer, record }) => {
                self.trace.failed("registration", &rejection);
                match record.and_then(|record| self.to_store(&record)) {
                    Some(store) => Err(Stop::Store(FromStore::Keep(store))),
                    None => Err(refused(rejection, answer).into()),
                }
            }
        }
    }

    /// A record as the store is to have it, unless it has it by now.
    fn to_store(&self, record: &Record) -> Option<Box<Register>> {
        let Known::Stored { text, done: false, .. } = self.registration else { return None };
        Some(Box::new(Register {
            spiffe_id: record.client_id.as_str().into(),
            was: text.clone(),
            record: record.to_text(),
            expires_at: record.expires_at,
        }))
    }
}
