//! Parameters in URLs.

use alloc::{format, string::String};

use fluent_uri::{Uri, pct_enc::EStr};
use portcullis_types::{
    Rejection,
    form::{decode, encode},
    limits::excerpt,
};

use super::App2AppCode;

/// A parameter's value, decoded (`application/x-www-form-urlencoded`); nothing where it is not there.
///
/// Error: `app2app.parameter_malformed`.
pub(crate) fn parameter(url: &str, name: &str) -> Result<Option<String>, Rejection> {
    let refuse =
        |why| Rejection::new(App2AppCode::ParameterMalformed, format!("the parameter {} {why}", excerpt(name)));
    let query = Uri::parse(url).ok().and_then(|uri| uri.query().map(EStr::as_str)).unwrap_or_default();
    let mut found = None;
    for pair in query.split('&') {
        let (its_name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if decode(its_name).as_deref() != Some(name) {
            continue;
        }
        if found.is_some() {
            return Err(refuse("stands twice"));
        }
        found = Some(decode(value).ok_or_else(|| refuse("is no text"))?);
    }
    Ok(found)
}

/// A URL with parameters added to it.
pub(crate) fn with_parameters(url: &str, parameters: &[(&str, &str)]) -> String {
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}{}", encode(parameters))
}
