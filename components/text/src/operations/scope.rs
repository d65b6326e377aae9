//! `scope.*`

use alloc::vec::Vec;

use portcullis_scope::{
    AcrValues, AuthorizationDetails, ClaimRequirements, Granted, Required, ResourceMetadata, ScopeSet, Settings,
    evaluate::explain,
};
use portcullis_types::{Rejection, json::Object};

use crate::{
    Door,
    door::{Answer, Call, Refusal},
    members::Members,
};

/// `scope.evaluate`. The error of a shortfall has `challenge` and `status` beside its code.
pub(super) fn evaluate_grants(_: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let granted = granted(members.object("granted")?)?;
    let required = required(members.object("required")?)?;
    let resource = members.optional_text("resource")?;
    members.finish()?;
    let settings =
        Settings { resource_metadata: resource.map(ResourceMetadata::of_resource).transpose()?, ..Settings::default() };
    match explain(&granted, &required, call.at, 0, call.trace) {
        Ok(()) => Ok(Object::default()),
        Err(shortfall) => {
            let answer = shortfall.need.answer(&settings);
            let beside =
                Vec::from([("status", u64::from(answer.status).into()), ("challenge", answer.challenge.into())]);
            Err(Refusal { rejection: shortfall.reason, beside })
        }
    }
}

/// The member `granted`: what a token says, in whatever form it says it.
pub(super) fn granted(given: &Object) -> Result<Granted<'_>, Rejection> {
    let mut members = Members::new("\"granted\"", given);
    let granted = Granted {
        scope: members.take("scope"),
        authorization_details: members.take("authorization_details"),
        claims: members.optional_object("claims")?,
    };
    members.finish()?;
    Ok(granted)
}

/// The member `required`.
fn required(given: &Object) -> Result<Required, Rejection> {
    let mut members = Members::new("\"required\"", given);
    let scope = members.optional_text("scope")?;
    let details = members.take("authorization_details");
    let acr_values = members.optional_texts("acr_values")?;
    let max_age = members.optional_integer("max_age")?;
    let claims = members.optional_object("claims")?;
    members.finish()?;
    Ok(Required {
        scope: scope.map(ScopeSet::parse).transpose()?,
        authorization_details: details.map(AuthorizationDetails::parse).transpose()?,
        acr_values: acr_values.map(|values| AcrValues::parse(values.iter().map(|value| &**value))).transpose()?,
        max_age,
        claims: claims.map(ClaimRequirements::parse).transpose()?,
    })
}
