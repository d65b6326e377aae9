//! `policy.*`: a policy looked at, without being put to work.

use alloc::rc::Rc;

use portcullis_gate::{
    Demand, explain as demands,
    policy::{Format, Policy},
};
use portcullis_types::json::{Object, Value, to_text};

use super::gate::{kept, refused, told};
use crate::{
    Door,
    door::{Answer, Call, Refusal, object},
};

/// `policy.check`: what its author should know though the policy is good; what is wrong comes as the error.
pub(super) fn check(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let policy = members.object("policy")?;
    let browser = members.optional_flag("browser")?;
    members.finish()?;
    let policy = read(door, policy, browser)?;
    Ok(object([("warnings", Value::Array(policy.warnings.iter().map(|one| told(one).into()).collect()))]))
}

/// A policy, as any host may have it or as a page may.
pub(super) fn read(door: &mut Door, policy: &Object, browser: bool) -> Result<Rc<Policy>, Refusal> {
    if !browser {
        return kept(door, policy);
    }
    let read = Policy::parse_for_browser(&to_text(policy), Format::Json, door.backend());
    read.map(Into::into).map_err(|errors| refused(&errors))
}

/// `policy.explain`: what it asks of a request, step by step.
pub(super) fn explain(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let policy = members.object("policy")?;
    let method = members.text("method")?;
    let url = members.text("url")?;
    members.finish()?;
    let policy = kept(door, policy)?;
    let demand = |demand: Demand| object([("what", demand.what.into()), ("told", demand.told.into())]);
    let demands = demands(&policy, method, url).into_iter().map(|one| demand(one).into()).collect();
    Ok(object([("demands", Value::Array(demands))]))
}
