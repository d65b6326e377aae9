//! Gates and evaluations that are held from one request to the next, for hosts that carry only strings: what
//! `portcullis:gate/gate` is for others. A handle is a number, and belongs to the instance that gave it.

use alloc::{collections::BTreeMap, format, rc::Rc, string::String, vec::Vec};

use portcullis_gate::{Answer as Told, Evaluation, Gate, GateCode, Step, Wanted};
use portcullis_types::{
    Rejection, Timestamp, Trace, base64url,
    json::{Number, Object, Value},
};

use super::{super::policy, read, refused, write};
use crate::{
    Door,
    door::{Answer, Call, object},
    members::{Members, malformed},
};

/// Most gates that one instance holds: one that runs, and those that are being replaced.
const MAX_GATES: usize = 16;

/// Most evaluations that wait at once: as many requests as a gate's host parks where nothing else is said.
const MAX_EVALUATIONS: usize = 1_024;

/// What is held.
#[derive(Default)]
pub(crate) struct Sessions {
    gates: BTreeMap<u64, Gate>,
    evaluations: BTreeMap<u64, Evaluation>,
    last: u64,
}

impl Sessions {
    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn gate(&self, handle: u64) -> Result<Gate, Rejection> {
        self.gates.get(&handle).cloned().ok_or_else(|| unknown(handle))
    }
}

fn handle(members: &mut Members<'_>, name: &str) -> Result<u64, Rejection> {
    members.optional_integer(name)?.ok_or_else(|| malformed(format!("the request has no member \"{name}\"")))
}

fn unknown(handle: u64) -> Rejection {
    Rejection::new(GateCode::HandleUnknown, format!("this instance holds nothing under the number {handle}"))
}

fn too_many(what: &str, most: usize) -> Rejection {
    Rejection::new(GateCode::HandlesTooMany, format!("this instance holds {most} {what} already"))
}

/// `gate.load`
pub(in crate::operations) fn load(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let policy = policy::text(&mut members)?;
    let browser = members.optional_flag("browser")?;
    members.finish()?;
    if door.sessions.gates.len() >= MAX_GATES {
        return Err(too_many("gates", MAX_GATES).into());
    }
    let policy = policy::read(door, policy, browser)?;
    let absent = policy.introspection_absent(
        "a host of this interface has no secret that an introspection endpoint would know it by",
        "ask the gateway, which introspects opaque tokens",
    );
    if let Some(error) = absent {
        return Err(refused(&[error]));
    }
    let gate = Gate::new(policy, Rc::clone(door.backend()));
    let handle = door.sessions.next();
    door.sessions.gates.insert(handle, gate);
    Ok(object([("gate", handle.into())]))
}

/// `gate.drop`
pub(in crate::operations) fn drop(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let handle = handle(&mut members, "gate")?;
    members.finish()?;
    door.sessions.gates.remove(&handle).ok_or_else(|| unknown(handle))?;
    Ok(Object::default())
}

/// `gate.due`
pub(in crate::operations) fn due(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let gate = handle(&mut members, "gate")?;
    members.finish()?;
    let gate = door.sessions.gate(gate)?;
    let needs = gate.due(call.at).iter().map(|need| write::document_need(need).into()).collect();
    Ok(object([("needs", Value::Array(needs))]))
}

/// `gate.provide`
pub(in crate::operations) fn provide(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let gate = handle(&mut members, "gate")?;
    let documents = objects(&mut members, "documents")?;
    members.finish()?;
    let documents = documents.into_iter().map(read::document).collect::<Result<Vec<_>, _>>()?;
    let gate = door.sessions.gate(gate)?;
    let findings = gate.provide(&documents, call.at).into_iter().map(|(url, rejection)| {
        object([("url", url.into()), ("code", rejection.code().into()), ("detail", rejection.detail().into())]).into()
    });
    Ok(object([("findings", Value::Array(findings.collect()))]))
}

/// `gate.ready`
pub(in crate::operations) fn ready(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let gate = handle(&mut members, "gate")?;
    members.finish()?;
    let gate = door.sessions.gate(gate)?;
    let readiness = gate.ready(call.at);
    let missing =
        readiness.missing.into_iter().map(|(name, why)| object([("name", name.into()), ("why", why.into())]).into());
    Ok(object([("ready", readiness.ready.into()), ("missing", Value::Array(missing.collect()))]))
}

/// `gate.start`
pub(in crate::operations) fn start(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let gate = handle(&mut members, "gate")?;
    let request = members.object("request")?;
    let certificate = members.optional_object("client_certificate")?;
    let listener = members.optional_text("listener")?;
    let nonces = members.optional_texts("nonces")?.unwrap_or_default();
    let replay_since = members.optional_integer("replay_since")?;
    let fresh = members.optional_text("fresh")?;
    members.finish()?;
    let mut request = read::request(request, certificate, listener)?;
    request.nonces = nonces;
    request.replay_since = replay_since;
    request.fresh = fresh.map(Into::into);
    let gate = door.sessions.gate(gate)?;
    if door.sessions.evaluations.len() >= MAX_EVALUATIONS {
        return Err(too_many("evaluations", MAX_EVALUATIONS).into());
    }
    let evaluation = gate.start(request, call.at);
    let handle = door.sessions.next();
    Ok(step(&mut door.sessions, handle, evaluation, call.at, call.trace))
}

/// `gate.admit_redirect`: whether the redirect after `hops` others may be followed.
pub(in crate::operations) fn admit_redirect(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let gate = handle(&mut members, "gate")?;
    let need = members.object("need")?;
    let hops = members.optional_integer("hops")?.unwrap_or(0);
    let location = members.text("location")?;
    members.finish()?;
    let need = read::document_need(need)?;
    door.sessions.gate(gate)?.admit_redirect(&need, u8::try_from(hops).unwrap_or(u8::MAX), location)?;
    Ok(Object::default())
}

/// `gate.admit_server`: whether the server that presents a chain may be asked for what is needed.
pub(in crate::operations) fn admit_server(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let gate = handle(&mut members, "gate")?;
    let need = members.object("need")?;
    let chain = members.optional_texts("chain")?.ok_or_else(|| malformed("the request has no member \"chain\""))?;
    members.finish()?;
    let (need, chain) = (read::document_need(need)?, read::chain(&chain)?);
    door.sessions.gate(gate)?.admit_server(&need, &chain, call.at)?;
    Ok(Object::default())
}

/// `gate.answer`
pub(in crate::operations) fn answer(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let handle = handle(&mut members, "evaluation")?;
    let answers = objects(&mut members, "answers")?;
    members.finish()?;
    let answers = answers.into_iter().map(OneAnswer::read).collect::<Result<Vec<_>, _>>()?;
    let mut evaluation = door.sessions.evaluations.remove(&handle).ok_or_else(|| unknown(handle))?;
    for answer in answers {
        match answer {
            OneAnswer::Told(id, told) => evaluation.answer(&[(id, told)], call.at),
            OneAnswer::Record(id, record) => evaluation.registered(id, record, call.at),
        }
    }
    Ok(step(&mut door.sessions, handle, evaluation, call.at, call.trace))
}

/// `gate.forsake`: the host gave up on a request, and its evaluation need not be held.
pub(in crate::operations) fn forsake(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let handle = handle(&mut members, "evaluation")?;
    members.finish()?;
    door.sessions.evaluations.remove(&handle).ok_or_else(|| unknown(handle))?;
    Ok(Object::default())
}

/// An answer to a need.
enum OneAnswer {
    Told(u32, Told),
    /// The text that the store of registrations has.
    Record(u32, Option<String>),
}

impl OneAnswer {
    /// Reads `{"id","answer"}`, or `{"id","record"}` with a text or `null`.
    fn read(answer: &Object) -> Result<Self, Rejection> {
        let mut members = Members::new("an answer", answer);
        let id = members.optional_integer("id")?.and_then(|id| u32::try_from(id).ok());
        let id = id.ok_or_else(|| malformed("an answer has no member \"id\" of 32 bits"))?;
        let read = match members.take("record") {
            Some(Value::String(record)) => Self::Record(id, Some(record.clone())),
            Some(Value::Null) => Self::Record(id, None),
            Some(other) => {
                return Err(malformed(format!("the member \"record\" is {}, not a text or null", other.kind())));
            }
            None => Self::Told(id, told(members.text("answer")?)?),
        };
        members.finish()?;
        Ok(read)
    }
}

fn told(answer: &str) -> Result<Told, Rejection> {
    Ok(match answer {
        "done" => Told::Done,
        "fresh" => Told::Fresh,
        "seen" => Told::Seen,
        "unavailable" => Told::Unavailable,
        "full" => Told::Full,
        _ => return Err(malformed("an answer is one of \"done\", \"fresh\", \"seen\", \"unavailable\" and \"full\"")),
    })
}

fn objects<'a>(members: &mut Members<'a>, name: &str) -> Result<Vec<&'a Object>, Rejection> {
    let wrong = || malformed(format!("the member \"{name}\" is no list of objects"));
    let items = members.value(name)?.as_array().ok_or_else(wrong)?;
    items.iter().map(|item| item.as_object().ok_or_else(wrong)).collect()
}

/// Goes as far as it can: a decision, or the number under which the evaluation is held and what it needs.
fn step(
    sessions: &mut Sessions,
    handle: u64,
    mut evaluation: Evaluation,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Object {
    let needs = match evaluation.explain(at, trace) {
        Step::Decided(decision) => {
            return object([("decision", write::decision(&decision, &decision.needs).into())]);
        }
        Step::Needs(needs) => needs,
    };
    sessions.evaluations.insert(handle, evaluation);
    let needs = needs.into_iter().map(|need| {
        let id = Value::Number(Number::Unsigned(need.id.into()));
        let (name, what) = match need.what {
            Wanted::Document(document) => ("document", write::document_need(&document)),
            Wanted::Remember(remember) => {
                let key: String = base64url::encode(&remember.key);
                ("remember", object([("key", key.into()), ("until", remember.until.into())]))
            }
            Wanted::Registration(id) => ("registration", object([("spiffe_id", id.into())])),
            Wanted::Register(register) => ("register", write::register(register)),
        };
        object([("id", id), (name, what.into())]).into()
    });
    object([("evaluation", handle.into()), ("needs", Value::Array(needs.collect()))])
}
