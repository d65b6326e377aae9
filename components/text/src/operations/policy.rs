//! `policy.*`: a policy looked at, without being put to work.

use alloc::{format, rc::Rc, string::String};

use portcullis_gate::{
    Demand, explain as demands,
    policy::{Format, Policy},
};
use portcullis_types::{
    Rejection,
    json::{Value, to_text},
};

use super::gate::{kept, refused, told};
use crate::{
    Door,
    door::{Answer, Call, Refusal, object},
    members::{Members, malformed},
};

/// `policy.check`: what its author should know though the policy is good; what is wrong comes as the error.
pub(super) fn check(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let policy = text(&mut members)?;
    let browser = members.optional_flag("browser")?;
    members.finish()?;
    let policy = read(door, policy, browser)?;
    Ok(object([("warnings", Value::Array(policy.warnings.iter().map(|one| told(one).into()).collect()))]))
}

/// The member `policy`, an object or its JSON text. A text is read as it stands: who parsed it before would have decided which of two
/// members of one name counts.
pub(super) fn text(members: &mut Members<'_>) -> Result<String, Rejection> {
    match members.value("policy")? {
        Value::Object(policy) => Ok(to_text(policy)),
        Value::String(text) => Ok(text.clone()),
        other => Err(malformed(format!("the policy is {}, not an object or its text", other.kind()))),
    }
}

/// A policy, as any host may have it or as a page may.
pub(super) fn read(door: &mut Door, text: String, browser: bool) -> Result<Rc<Policy>, Refusal> {
    if !browser {
        return kept(door, text);
    }
    let read = Policy::parse_for_browser(&text, Format::Json, door.backend());
    read.map(Into::into).map_err(|errors| refused(&errors))
}

/// `policy.explain`: what it asks of a request, step by step.
pub(super) fn explain(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let policy = text(&mut members)?;
    let method = members.text("method")?;
    let url = members.text("url")?;
    members.finish()?;
    let policy = kept(door, policy)?;
    let demand = |demand: Demand| object([("what", demand.what.into()), ("told", demand.told.into())]);
    let demands = demands(&policy, method, url).into_iter().map(|one| demand(one).into()).collect();
    Ok(object([("demands", Value::Array(demands))]))
}
