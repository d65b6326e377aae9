//! The values of derived components (RFC 9421 section 2.2).

use alloc::{format, string::String};

use portcullis_types::{Rejection, limits::excerpt};

use crate::{Component, Request, SignatureCode, component::is_token_character, query_parameter, target_uri::TargetUri};

/// The value of a derived component of a request.
///
/// Errors: `signature.method`, `signature.url`, `signature.target`, `signature.query_*`.
pub(crate) fn of_request(component: &Component, request: &Request<'_>) -> Result<String, Rejection> {
    let uri = || TargetUri::parse(request.url);
    match component.name() {
        "@method" => method(request.method),
        // Section 2.2.2: the whole, as it was sent.
        "@target-uri" => Ok(uri()?.whole.into()),
        "@authority" => Ok(uri()?.authority()),
        "@scheme" => Ok(uri()?.scheme()),
        "@request-target" => request_target(request),
        "@path" => Ok(uri()?.path().into()),
        // Section 2.2.7: with its question mark, which stands alone where there is no query.
        "@query" => Ok(format!("?{}", uri()?.query().unwrap_or(""))),
        "@query-param" => {
            let name = component.parameters.name.as_deref().unwrap_or("");
            query_parameter::value(uri()?.query().unwrap_or(""), name)
        }
        // A component of a request has none but these.
        name => Err(Rejection::new(SignatureCode::ComponentUnknown, format!("there is no {}", excerpt(name)))),
    }
}

/// Section 2.2.1: the method as it is, case and all.
fn method(method: &str) -> Result<String, Rejection> {
    if method.is_empty() || !method.bytes().all(is_token_character) {
        return Err(Rejection::new(SignatureCode::Method, format!("{} is no method", excerpt(method))));
    }
    Ok(method.into())
}

/// Section 2.2.5: the raw request target. Unless told otherwise it is the origin form.
fn request_target(request: &Request<'_>) -> Result<String, Rejection> {
    match request.target {
        None => Ok(TargetUri::parse(request.url)?.origin_form()),
        Some(target) if !target.is_empty() && target.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(target.into()),
        Some(target) => Err(Rejection::new(SignatureCode::Target, format!("{} is no request target", excerpt(target)))),
    }
}

/// Section 2.2.9: the three digits of a response.
///
/// Error: `signature.status`.
pub(crate) fn status(status: u16) -> Result<String, Rejection> {
    if (100..=999).contains(&status) {
        return Ok(format!("{status}"));
    }
    Err(Rejection::new(SignatureCode::Status, format!("{status} is no status code")))
}
