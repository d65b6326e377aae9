//! The signature base (RFC 9421 section 2.5).

use alloc::{format, string::String};

use portcullis_types::Rejection;

use crate::{
    Component, Message, SignatureCode, derived, field_value, limits::MAX_BASE, structured_fields::StructuredFields,
};

/// The signature base of components over a message. `input` is the value of `@signature-params`. That no component occurs
/// twice (step 2.1) holds of every list of components that is made here.
///
/// Errors: `signature.component_target`, `signature.request_*`, `signature.field_*` and the others of values,
/// `signature.base_too_large`.
pub(crate) fn base(
    components: &[Component],
    input: &str,
    message: &Message<'_>,
    known: &StructuredFields<'_>,
) -> Result<String, Rejection> {
    let mut base = String::new();
    for component in components {
        let value = value(component, message, known).map_err(|refused| refused.within(&format!("{component}")))?;
        for part in [format!("{component}").as_str(), ": ", &value, "\n"] {
            append(&mut base, part)?;
        }
    }
    append(&mut base, "\"@signature-params\": ")?;
    append(&mut base, input)?;
    Ok(base)
}

fn append(base: &mut String, part: &str) -> Result<(), Rejection> {
    if base.len().saturating_add(part.len()) > MAX_BASE {
        return Err(Rejection::new(
            SignatureCode::BaseTooLarge,
            format!("what is signed has more than {MAX_BASE} bytes"),
        ));
    }
    base.push_str(part);
    Ok(())
}

/// Step 2.4: the value of a component, of the message or of the request that it answers.
fn value(component: &Component, message: &Message<'_>, known: &StructuredFields<'_>) -> Result<String, Rejection> {
    component.applies_to(message)?;
    let context = match (component.is_request(), message) {
        (true, Message::Response(response)) => Message::Request(response.request.ok_or_else(|| {
            Rejection::new(SignatureCode::RequestUnavailable, "the request that the response answers is not at hand")
        })?),
        _ => *message,
    };
    match (component.is_derived(), context) {
        (true, Message::Request(request)) => derived::of_request(component, request),
        (true, Message::Response(response)) => derived::status(response.status),
        (false, _) => {
            let section = if component.is_trailer() { context.trailers() } else { context.fields() };
            field_value::value(component, section, known)
        }
    }
}
