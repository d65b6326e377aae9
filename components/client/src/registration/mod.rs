//! Registration of a workload as a client on its first use (draft-kasselman-oauth-spiffe-01): the decision and the record, as
//! pure functions. Authenticating the workload comes before ([`authenticate`](crate::authenticate)), keeping records is the
//! host's.
//!
//! A record holds for a time. Until it ends it stands as it is; then the client's next request registers it again, with what
//! its JWT-SVID and the operator say by then. Where a flow redirects a browser, the redirect URI comes from a trustworthy
//! source, never from the request, which has to have the same (The redirect URI).
//!
//! ```
//! use portcullis_client::{IdPattern, registration::{Flow, Outcome, RegistrationPolicy, decide}};
//! use portcullis_svid::SpiffeId;
//!
//! let policy = RegistrationPolicy::of(vec![IdPattern::parse("spiffe://example.org/ns/*")?]);
//! let workload = SpiffeId::parse("spiffe://example.org/ns/a")?;
//! let flow = Flow { grant_type: Some("client_credentials"), ..Flow::default() };
//! let first = decide(&workload, None, None, &flow, &policy, 1_790_000_000)?;
//! assert_eq!((first.outcome, first.store), (Outcome::Registered, true));
//! let second = decide(&workload, None, Some(&first.record), &flow, &policy, 1_790_000_100)?;
//! assert_eq!((second.outcome, second.store), (Outcome::Existing, false));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

use alloc::{borrow::ToOwned, boxed::Box, format, string::String, vec, vec::Vec};
use core::fmt;

use portcullis_svid::SpiffeId;
use portcullis_types::{Rejection, Timestamp, json::Object, limits::excerpt};

use crate::{ClientCode, ErrorAnswer};

mod metadata;
mod policy;
mod record;
#[cfg(test)]
mod tests;

pub use metadata::{MAX_METADATA, MAX_REDIRECT_URI, MAX_REDIRECT_URIS, Metadata};
pub use policy::{DEFAULT_LIFETIME, MAX_ENTRIES, MAX_LIFETIME, RedirectSource, RegistrationPolicy};
pub use record::{MAX_RECORD, Record};

/// The name of the metadata that flows with redirects need.
const REDIRECT_URIS: &str = "redirect_uris";

/// What the flow needs of the client.
#[derive(Debug, Clone, Copy, Default)]
pub struct Flow<'f> {
    /// The client that the flow began with, where it began before this request: at the authorization endpoint.
    pub client_id: Option<&'f str>,
    /// The `grant_type` of the request, if it has one.
    pub grant_type: Option<&'f str>,
    /// The `redirect_uri`, where the flow redirects.
    pub redirect_uri: Option<&'f str>,
}

/// How a client came to be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was before.
    Existing,
    /// It was not, or not completely.
    Registered,
    /// It was, and the registration had ended.
    Renewed,
}

impl Outcome {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Existing => "existing",
            Self::Registered => "registered",
            Self::Renewed => "renewed",
        }
    }
}

/// A client that is registered.
#[derive(Debug, Clone, PartialEq)]
pub struct Registered {
    /// How.
    pub outcome: Outcome,
    /// Its record.
    pub record: Record,
    /// Whether the record has to be stored before the client is answered. What was in its place may have changed meanwhile:
    /// then decide again.
    pub store: bool,
}

/// A client that is not registered.
#[derive(Debug, Clone, PartialEq)]
pub struct Unregistered {
    /// Which rule failed.
    pub rejection: Rejection,
    /// What the client is told: 401 where it is not the client of the flow, 403 where the registration is incomplete, 400
    /// where it failed, 503 where the store is not to be believed.
    pub answer: ErrorAnswer,
    /// The incomplete registration, where it is one to store.
    pub record: Option<Box<Record>>,
}

impl fmt::Display for Unregistered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rejection.fmt(f)
    }
}

impl core::error::Error for Unregistered {}

/// Decides on the registration of a workload that has authenticated, at a time.
///
/// `claims` are those of its JWT-SVID, if that is how it authenticated, and `stored` is its record, if there is one, ended or
/// not.
///
/// Errors: `registration.*`, with the answer.
pub fn decide(
    id: &SpiffeId,
    claims: Option<&Object>,
    stored: Option<&Record>,
    flow: &Flow<'_>,
    policy: &RegistrationPolicy,
    at: Timestamp,
) -> Result<Registered, Unregistered> {
    // Redirect flows: whoever comes back is who went.
    same_client(flow, id).map_err(|rejection| refused(rejection, 401, "invalid_client"))?;
    same_record(stored, id).map_err(|rejection| refused(rejection, 503, "temporarily_unavailable"))?;
    // SPIFFE and OAuth Trust Relationship: an operator who takes the right away takes it from records that are there, too.
    policy.check_permits(id).map_err(|rejection| refused(rejection, 400, "invalid_client"))?;
    // Grant Types
    permitted_grant(flow, policy).map_err(|rejection| refused(rejection, 400, "unauthorized_client"))?;
    // Client Lifecycle Management: a record that has ended is one that is not there, but for how it is called.
    let live = stored.filter(|record| record.is_live(at));
    let needs = needs(flow, policy);
    let fulfils = |metadata: &Metadata| needs.iter().all(|name| metadata.has(name));
    let metadata = match live {
        Some(record) if record.complete && fulfils(&record.metadata) => record.metadata.clone(),
        // Additional metadata: what is missing may be known by now.
        record => {
            let known = known_metadata(id, claims, policy).map_err(refused_metadata)?;
            match record {
                Some(record) if record.complete => record.metadata.clone().or(known),
                _ => known,
            }
        }
    };
    let complete = fulfils(&metadata);
    let times = match live {
        Some(record) if record.complete || !complete => (record.registered_at, record.expires_at),
        _ => (at, policy.expires_at(at)),
    };
    let record = Record { client_id: id.clone(), registered_at: times.0, expires_at: times.1, complete, metadata };
    if !complete {
        return Err(incomplete(&record, live, &needs));
    }
    granted(flow, &record.metadata).map_err(|rejection| refused(rejection, 400, "unauthorized_client"))?;
    same_redirect(flow.redirect_uri, &record.metadata)
        .map_err(|rejection| refused(rejection, 400, "invalid_redirect_uri"))?;
    let outcome = match (live, stored) {
        (Some(live), _) if live.complete => Outcome::Existing,
        (None, Some(_)) => Outcome::Renewed,
        _ => Outcome::Registered,
    };
    let store = live != Some(&record);
    Ok(Registered { outcome, record, store })
}

/// Decides on an authorization request, whose sender is a browser and no workload: whether its `client_id` is one that is
/// registered or may come to be, and where its browser may be sent back to. The answer is that URI.
///
/// Nothing is stored for it: whoever can open a page could fill the store. The registration comes with the workload's own
/// request, in [`decide`].
///
/// Errors: `registration.*` and `spiffe.*`, with the answer. A browser is not to be redirected with it.
pub fn admit_redirect(
    client_id: &str,
    redirect_uri: Option<&str>,
    stored: Option<&Record>,
    policy: &RegistrationPolicy,
    at: Timestamp,
) -> Result<String, Unregistered> {
    let id = SpiffeId::parse(client_id).map_err(|rejection| refused(rejection, 400, "invalid_request"))?;
    same_record(stored, &id).map_err(|rejection| refused(rejection, 503, "temporarily_unavailable"))?;
    policy.check_permits(&id).map_err(|rejection| refused(rejection, 400, "unauthorized_client"))?;
    let live = stored.filter(|record| record.is_live(at) && record.metadata.has(REDIRECT_URIS));
    let metadata = match live {
        Some(record) => record.metadata.clone(),
        None => policy.configured_for(&id).map_err(refused_metadata)?,
    };
    let known = metadata.texts(REDIRECT_URIS);
    match (redirect_uri, known.as_slice()) {
        (_, []) => Err(refused(missing(&[REDIRECT_URIS]), 403, "unauthorized_client")),
        // RFC 6749 section 3.1.2.3: it may be left out where one is registered.
        (None, [only]) => Ok((*only).to_owned()),
        (None, several) => {
            let what = format!("there is no redirect_uri, and {} are registered", several.len());
            Err(refused(Rejection::new(ClientCode::RedirectUriMismatch, what), 400, "invalid_request"))
        }
        (Some(given), _) => match same_redirect(Some(given), &metadata) {
            Ok(()) => Ok(given.to_owned()),
            Err(rejection) => Err(refused(rejection, 400, "invalid_request")),
        },
    }
}

/// The client is the one that the flow began with.
fn same_client(flow: &Flow<'_>, id: &SpiffeId) -> Result<(), Rejection> {
    match flow.client_id {
        Some(client_id) if client_id != id.as_str() => Err(Rejection::new(
            ClientCode::RegistrationClientMismatch,
            format!("the flow began with {}, and {id} goes on with it", excerpt(client_id)),
        )),
        _ => Ok(()),
    }
}

/// The record is this client's.
fn same_record(stored: Option<&Record>, id: &SpiffeId) -> Result<(), Rejection> {
    match stored {
        Some(record) if record.client_id != *id => Err(Rejection::new(
            ClientCode::RecordOther,
            format!("the store has the record of {} under {id}", record.client_id),
        )),
        _ => Ok(()),
    }
}

/// The grant type is one for clients that nobody registered.
fn permitted_grant(flow: &Flow<'_>, policy: &RegistrationPolicy) -> Result<(), Rejection> {
    match (flow.grant_type, &policy.grant_types) {
        (Some(given), Some(permitted)) if !permitted.iter().any(|one| one == given) => Err(Rejection::new(
            ClientCode::RegistrationGrantType,
            format!("{} is no grant type for clients registered on first use", excerpt(given)),
        )),
        _ => Ok(()),
    }
}

/// The grant type is one that the client's own metadata has, if it says (RFC 7591 section 2). One that says nothing is not
/// held to the default of that section, the authorization code: these clients mostly come without a browser.
fn granted(flow: &Flow<'_>, metadata: &Metadata) -> Result<(), Rejection> {
    let own = metadata.texts("grant_types");
    match flow.grant_type {
        Some(given) if metadata.has("grant_types") && !own.contains(&given) => Err(Rejection::new(
            ClientCode::RegistrationGrantTypeOfClient,
            format!("{} is not one of the client's {} grant types", excerpt(given), own.len()),
        )),
        _ => Ok(()),
    }
}

/// The redirect URI is one that a trustworthy source gave, letter by letter (The redirect URI; RFC 9700 section 2.1).
fn same_redirect(redirect_uri: Option<&str>, metadata: &Metadata) -> Result<(), Rejection> {
    match redirect_uri {
        Some(given) if !metadata.texts(REDIRECT_URIS).contains(&given) => Err(Rejection::new(
            ClientCode::RedirectUriMismatch,
            format!("{} is none of the client's redirect URIs", excerpt(given)),
        )),
        _ => Ok(()),
    }
}

/// What the registration has to have: what the policy requires, and redirect URIs if the flow redirects.
fn needs<'n>(flow: &Flow<'_>, policy: &'n RegistrationPolicy) -> Vec<&'n str> {
    let mut needs: Vec<&str> = policy.required.iter().map(String::as_str).collect();
    if flow.redirect_uri.is_some() && !needs.contains(&REDIRECT_URIS) {
        needs.push(REDIRECT_URIS);
    }
    needs
}

/// What is known of a client by now. What the operator configured goes before what the JWT-SVID says.
fn known_metadata(id: &SpiffeId, claims: Option<&Object>, policy: &RegistrationPolicy) -> Result<Metadata, Rejection> {
    let configured = policy.configured_for(id)?;
    match claims {
        Some(claims) => Ok(configured.or(policy.claimed(claims, id)?)),
        None => Ok(configured),
    }
}

fn missing(names: &[&str]) -> Rejection {
    let what = format!("the registration needs {}, which nobody who is trusted with it has said", names.join(" and "));
    Rejection::new(ClientCode::RegistrationIncomplete, what)
}

/// A registration that lacks something. An incomplete one is kept; one that is complete for other flows stays as it is.
fn incomplete(record: &Record, live: Option<&Record>, needs: &[&str]) -> Unregistered {
    let lacking: Vec<&str> = needs.iter().copied().filter(|name| !record.metadata.has(name)).collect();
    let keeps = live != Some(record) && !live.is_some_and(|live| live.complete);
    Unregistered {
        record: keeps.then(|| Box::new(record.clone())),
        ..refused(missing(&lacking), 403, "unauthorized_client")
    }
}

/// RFC 7591 section 3.2.2
fn refused_metadata(rejection: Rejection) -> Unregistered {
    let redirect = rejection.is(ClientCode::RedirectUriInvalid) || rejection.is(ClientCode::RedirectUrisTooMany);
    let error = if redirect { "invalid_redirect_uri" } else { "invalid_client_metadata" };
    refused(rejection, 400, error)
}

fn refused(rejection: Rejection, status: u16, error: &'static str) -> Unregistered {
    let headers = if status == 503 { vec![("Retry-After", crate::answer::RETRY_AFTER.into())] } else { Vec::new() };
    Unregistered { rejection, answer: ErrorAnswer { status, error, headers }, record: None }
}
