//! `gate.*`

mod read;
pub(super) mod session;
mod write;

use alloc::{collections::BTreeMap, format, rc::Rc, string::String, vec::Vec};

use portcullis_gate::{
    Answer as Told, Class, Content, Decision, Document, DocumentNeed, Gate, Need, Request, Step, Wanted,
    policy::{Format, Policy, PolicyError},
};
use portcullis_types::{
    Findings, Timestamp, Trace, base64url,
    json::{self, Object, Value},
};

use crate::{
    Door,
    door::{Answer, Call, Refusal, object},
    members::malformed,
};

use read::Resource;
pub(crate) use session::Sessions;

/// Policies that are kept from one request to the next: a file of requests is usually about one.
const KEPT_POLICIES: usize = 4;

/// The longest policy that is kept, in bytes of its JSON text.
const KEPT_POLICY_BYTES: usize = 1024 * 1024;

/// The policies that were asked about last. What was fetched and remembered is kept of none: each request starts cold.
#[derive(Default)]
pub(crate) struct KeptPolicies(Vec<(String, Rc<Policy>)>);

/// `gate.check`
pub(super) fn check(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let policy = members.object("policy")?;
    let request = members.object("request")?;
    let resources = members.optional_object("resources")?;
    let certificate = members.optional_object("client_certificate")?;
    let listener = members.optional_text("listener")?;
    let seen = members.optional_texts("seen")?.unwrap_or_default();
    let nonces = members.optional_texts("nonces")?.unwrap_or_default();
    let replay_since = members.optional_integer("replay_since")?;
    let records = members.optional_object("records")?;
    let fresh = members.optional_text("fresh")?;
    members.finish()?;
    let mut request = read::request(request, certificate, listener)?;
    request.nonces = nonces;
    request.replay_since = replay_since;
    request.fresh = fresh.map(Into::into);
    let around = Around {
        resources: read::resources(resources)?,
        seen,
        records: records.map(read::records).unwrap_or_default(),
    };
    let policy = kept(door, json::to_text(policy))?;
    // The policy is shared by requests that ask about it; what is held for it is not.
    let gate = Gate::new(policy, Rc::clone(door.backend()));
    let (decision, missing) = drive(&gate, request, &around, call.at, call.trace);
    Ok(write::decision(&decision, &missing))
}

pub(super) fn kept(door: &mut Door, text: String) -> Result<Rc<Policy>, Refusal> {
    if let Some(at) = door.kept_policies.0.iter().position(|(kept, _)| *kept == text) {
        let found = door.kept_policies.0.remove(at);
        let policy = Rc::clone(&found.1);
        door.kept_policies.0.push(found);
        return Ok(policy);
    }
    let read = Policy::parse(&text, Format::Json, door.backend()).map_err(|errors| refused(&errors))?;
    let read = Rc::new(read);
    if text.len() <= KEPT_POLICY_BYTES {
        if door.kept_policies.0.len() >= KEPT_POLICIES {
            door.kept_policies.0.remove(0);
        }
        door.kept_policies.0.push((text, Rc::clone(&read)));
    }
    Ok(read)
}

/// A policy that is refused: the first error decides, and all are told.
pub(super) fn refused(errors: &[PolicyError]) -> Refusal {
    let all = errors.iter().map(|error| told(error).into()).collect();
    let rejection = match errors.first() {
        Some(error) => error.rejection(),
        None => malformed("the policy is refused"),
    };
    Refusal { rejection, beside: alloc::vec![("errors", Value::Array(all))] }
}

/// One thing that is wrong with a policy.
pub(super) fn told(error: &PolicyError) -> Object {
    object([
        ("code", error.code().into()),
        ("path", format!("{}", error.path).into()),
        ("detail", error.detail.as_str().into()),
        ("remedy", error.remedy.as_str().into()),
    ])
}

/// What a request has beside it in place of a network, a memory and a store.
struct Around {
    /// What can be fetched, by URL.
    resources: BTreeMap<String, Resource>,
    /// Identifiers of proofs that were used before.
    seen: Vec<String>,
    /// Records of clients that registered on first use, by SPIFFE ID.
    records: BTreeMap<String, String>,
}

/// What can be fetched for a need: under its URL; where it is about a token, before that under its URL, `#` and the token's SHA-256
/// in base64url.
fn found<'r>(need: &DocumentNeed, resources: &'r BTreeMap<String, Resource>) -> Option<&'r Resource> {
    let exact = need.question.as_ref().map(|asked| format!("{}#{}", need.url, base64url::encode(&asked.digest)));
    exact.and_then(|name| resources.get(&name)).or_else(|| resources.get(&need.url))
}

/// What comes of a fetch: nothing from a server that does not prove who it is, where it has to and what it presents is told.
fn fetched(gate: &Gate, need: &DocumentNeed, resource: &Resource, at: Timestamp) -> Content {
    let admitted = match (&need.server, &resource.server_chain) {
        (Some(_), Some(chain)) => gate.admit_server(need, chain, at),
        _ => Ok(()),
    };
    match admitted {
        Ok(()) => resource.content.clone(),
        Err(rejection) => Content::Failed(format!("{}: {}", rejection.code(), rejection.detail())),
    }
}

/// Goes through an evaluation with what the request has beside it.
fn drive(
    gate: &Gate,
    request: Request,
    around: &Around,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> (Decision, Vec<String>) {
    let mut evaluation = gate.start(request, at);
    let mut missing = Vec::new();
    loop {
        // After a round of documents every check is told again: those of the round that decides are the ones to tell.
        let mut round = Findings::default();
        let needs = match evaluation.explain(at, &mut round) {
            Step::Decided(decision) => {
                round.retell(trace);
                return (*decision, missing);
            }
            Step::Needs(needs) => needs,
        };
        let mut answers = Vec::new();
        for Need { id, what } in needs {
            answers.push((
                id,
                match what {
                    Wanted::Document(need) => {
                        let content = match found(&need, &around.resources) {
                            Some(resource) => fetched(gate, &need, resource, at),
                            None => {
                                missing.push(need.url.clone());
                                Content::Failed("it is not among the resources".into())
                            }
                        };
                        let about = need.question.map(|question| question.digest);
                        let peer = need.class == Class::Peer;
                        let document =
                            Document { url: need.url, server: need.server, about, peer, fetched_at: at, content };
                        gate.provide(&[document], at);
                        Told::Done
                    }
                    Wanted::Registration(spiffe_id) => {
                        evaluation.registered(id, around.records.get(&spiffe_id).cloned(), at);
                        continue;
                    }
                    // What is to be kept is in the decision.
                    Wanted::Register(_) => Told::Done,
                    Wanted::Remember(remember) if around.seen.contains(&remember.identifier) => Told::Seen,
                    Wanted::Remember(_) => Told::Fresh,
                },
            ));
        }
        evaluation.answer(&answers, at);
    }
}
