//! `portcullis:oauth/lifetimes`

use portcullis_oauth::lifetimes::{self as lifetimes, ExpirationTypes};
use portcullis_types::{Findings, Trace, json, trace::Silent};

use crate::{
    Component,
    bindings::exports::portcullis::{
        oauth::lifetimes::{Ahead, Grant, Guest, Next, Plan, Report, Source},
        types::types::{Rejection, Seconds, Timestamp},
    },
    convert,
};

/// What a client was answered, and what it knows besides.
struct Answered {
    response: Vec<u8>,
    source: Source,
    received_at: Timestamp,
    refreshed: bool,
    ahead: Ahead,
    metadata: Option<Vec<u8>>,
}

impl Guest for Component {
    fn read(
        response: Vec<u8>,
        source: Source,
        received_at: Timestamp,
        refreshed: bool,
        ahead: Ahead,
        metadata: Option<Vec<u8>>,
        at: Timestamp,
    ) -> Result<Plan, Rejection> {
        let answered = Answered { response, source, received_at, refreshed, ahead, metadata };
        read(&answered, at, &mut Silent).map_err(convert::rejection)
    }

    fn explain(
        response: Vec<u8>,
        source: Source,
        received_at: Timestamp,
        refreshed: bool,
        ahead: Ahead,
        metadata: Option<Vec<u8>>,
        at: Timestamp,
    ) -> Report {
        let mut findings = Findings::default();
        let answered = Answered { response, source, received_at, refreshed, ahead, metadata };
        let outcome = read(&answered, at, &mut findings).map_err(convert::rejection);
        Report { findings: findings.0.into_iter().map(convert::finding).collect(), outcome }
    }

    fn check(
        response: Vec<u8>,
        source: Source,
        grant: Grant,
        metadata: Option<Vec<u8>>,
        at: Timestamp,
    ) -> Result<(), Rejection> {
        check(&response, source, grant, metadata.as_deref(), at).map_err(convert::rejection)
    }

    fn accept(grant: Grant, at: Timestamp) -> Result<(), Rejection> {
        known(grant).accept(at).map_err(convert::rejection)
    }

    fn refresh_end(
        authorization_expires: Option<Timestamp>,
        timeout: Option<Seconds>,
        at: Timestamp,
    ) -> Option<Timestamp> {
        lifetimes::Grant::refresh_end(authorization_expires, timeout, at)
    }
}

fn read(answered: &Answered, at: Timestamp, trace: &mut dyn Trace) -> Result<Plan, portcullis_types::Rejection> {
    let response = json::parse_object(&answered.response)?;
    let types = types(answered.metadata.as_deref())?.flatten();
    let received_at = answered.received_at;
    let read = match answered.source {
        Source::TokenEndpoint => {
            lifetimes::Lifetimes::of_token_response(&response, received_at, answered.refreshed, trace)?
        }
        Source::Introspection => lifetimes::Lifetimes::of_introspection(&response, received_at, trace)?,
    };
    let usual = lifetimes::Ahead::default();
    let ahead = lifetimes::Ahead {
        refresh: answered.ahead.refresh.unwrap_or(usual.refresh),
        rotate: answered.ahead.rotate.unwrap_or(usual.rotate),
        warn: answered.ahead.warn.unwrap_or(usual.warn),
    };
    let (plan, indefinite) = (read.plan(at, &ahead)?, read.indefinite(types));
    Ok(Plan {
        access_expires: read.access_expires(),
        refresh_expires: read.refresh_expires(),
        authorization_expires: read.authorization_expires(),
        next: match plan.next {
            lifetimes::Next::None => Next::Nothing,
            lifetimes::Next::Refresh => Next::Refresh,
            lifetimes::Next::Rotate => Next::Rotate,
            lifetimes::Next::Ask => Next::Ask,
        },
        refresh_at: plan.refresh_at,
        rotate_at: plan.rotate_at,
        ask_at: plan.ask_at,
        warn_at: plan.warn_at,
        warn: plan.warn,
        refresh_indefinite: indefinite.refresh_token,
        authorization_indefinite: indefinite.authorization,
    })
}

fn check(
    response: &[u8],
    source: Source,
    grant: Grant,
    metadata: Option<&[u8]>,
    at: Timestamp,
) -> Result<(), portcullis_types::Rejection> {
    let (response, grant, types) = (json::parse_object(response)?, known(grant), types(metadata)?);
    match source {
        Source::TokenEndpoint => lifetimes::check_response(&response, &grant, types, at, &mut Silent),
        Source::Introspection => lifetimes::check_introspection(&response, &grant, at, &mut Silent),
    }
}

/// What metadata declares; nothing where there is none.
fn types(metadata: Option<&[u8]>) -> Result<Option<Option<ExpirationTypes>>, portcullis_types::Rejection> {
    let declared = |metadata: &[u8]| ExpirationTypes::of_metadata(&json::parse_object(metadata)?);
    metadata.map(declared).transpose()
}

fn known(grant: Grant) -> lifetimes::Grant {
    lifetimes::Grant { authorization_expires: grant.authorization_expires, refresh_expires: grant.refresh_expires }
}
