//! Parameters in URLs.

use alloc::{format, string::String};

use fluent_uri::{
    Uri,
    pct_enc::{
        EStr, EString,
        encoder::{Data, Query},
    },
};
use portcullis_types::{Rejection, limits::excerpt};

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

fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', "%20");
    EStr::<Query>::new(&spaced).and_then(|text| text.decode().to_string().ok()).map(|text| text.into_owned())
}

/// Parameters as `application/x-www-form-urlencoded`, a space as `%20`, which every reader takes.
pub(crate) fn encode(parameters: &[(&str, &str)]) -> String {
    let mut encoded = EString::<Query>::new();
    for (name, value) in parameters {
        if !encoded.is_empty() {
            encoded.push('&');
        }
        encoded.encode_str::<Data>(name);
        encoded.push('=');
        encoded.encode_str::<Data>(value);
    }
    encoded.into_string()
}

/// A URL with parameters added to it.
pub(crate) fn with_parameters(url: &str, parameters: &[(&str, &str)]) -> String {
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}{}", encode(parameters))
}
