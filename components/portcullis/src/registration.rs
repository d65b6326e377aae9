//! `portcullis:client/registration`

use portcullis_client::registration::{self, Record, RegistrationPolicy};
use portcullis_svid::SpiffeId;
use portcullis_types::json;

use crate::{
    Component,
    bindings::exports::portcullis::{
        client::registration::{
            ClientRecord, Flow, Guest, GuestPolicy, Outcome, Policy, PolicyBorrow, Refusal, Registration, Unregistered,
        },
        types::types::{Rejection, Timestamp},
    },
    client::error_answer,
    convert,
};

/// The resource behind a handle.
pub(crate) struct OnFirstUse(RegistrationPolicy);

impl GuestPolicy for OnFirstUse {
    fn parse(document: Vec<u8>) -> Result<Policy, Rejection> {
        json::parse_object(&document)
            .and_then(|policy| RegistrationPolicy::from_object(&policy))
            .map(|policy| Policy::new(OnFirstUse(policy)))
            .map_err(convert::rejection)
    }

    fn register(&self) -> Vec<String> {
        self.0.register.iter().map(ToString::to_string).collect()
    }
}

impl Guest for Component {
    type Policy = OnFirstUse;

    fn decide(
        spiffe_id: String,
        claims: Option<String>,
        stored: Option<String>,
        flow: Flow,
        policy: PolicyBorrow<'_>,
        at: Timestamp,
    ) -> Result<Registration, Refusal> {
        let id = SpiffeId::parse(&spiffe_id).map_err(malformed)?;
        let claims = claims.map(|text| json::parse_object(text.as_bytes())).transpose().map_err(malformed)?;
        let stored = record(stored).map_err(malformed)?;
        let flow = registration::Flow {
            client_id: flow.client_id.as_deref(),
            grant_type: flow.grant_type.as_deref(),
            redirect_uri: flow.redirect_uri.as_deref(),
        };
        let policy = &policy.get::<OnFirstUse>().0;
        registration::decide(&id, claims.as_ref(), stored.as_ref(), &flow, policy, at)
            .map(|registered| Registration {
                outcome: match registered.outcome {
                    registration::Outcome::Existing => Outcome::Existing,
                    registration::Outcome::Registered => Outcome::Registered,
                    registration::Outcome::Renewed => Outcome::Renewed,
                },
                client: described(&registered.record),
                store: registered.store,
            })
            .map_err(unregistered)
    }

    fn admit_redirect(
        client_id: String,
        redirect_uri: Option<String>,
        stored: Option<String>,
        policy: PolicyBorrow<'_>,
        at: Timestamp,
    ) -> Result<String, Refusal> {
        let stored = record(stored).map_err(malformed)?;
        let policy = &policy.get::<OnFirstUse>().0;
        registration::admit_redirect(&client_id, redirect_uri.as_deref(), stored.as_ref(), policy, at)
            .map_err(unregistered)
    }

    fn read_record(text: String) -> Result<ClientRecord, Rejection> {
        Record::parse(&text).map(|record| described(&record)).map_err(convert::rejection)
    }
}

fn record(stored: Option<String>) -> Result<Option<Record>, portcullis_types::Rejection> {
    stored.map(|text| Record::parse(&text)).transpose()
}

fn malformed(rejection: portcullis_types::Rejection) -> Refusal {
    Refusal::Malformed(convert::rejection(rejection))
}

fn unregistered(refused: registration::Unregistered) -> Refusal {
    Refusal::Unregistered(Unregistered {
        reason: convert::rejection(refused.rejection),
        answer: error_answer(refused.answer),
        store: refused.record.map(|record| described(&record)),
    })
}

fn described(record: &Record) -> ClientRecord {
    ClientRecord {
        text: record.to_text(),
        client_id: record.client_id.as_str().into(),
        registered_at: record.registered_at,
        expires_at: record.expires_at,
        complete: record.complete,
        metadata: json::to_text(&record.metadata.to_object()),
    }
}
