//! The document that names an issuer's lists (section 9.3).

use alloc::{collections::BTreeSet, format, string::String, vec, vec::Vec};

use portcullis_types::{
    Rejection,
    json::{self, Object, Value},
    limits::{MAX_DOCUMENT, excerpt},
};

use super::{BuildCode, check_uri};

/// Most lists in one aggregation: with URIs of usual length they fit in a document that is read (1 MiB), and nobody fetches
/// more of them ahead.
pub const MAX_AGGREGATED: usize = 10_000;

/// The document in JSON, which is served as `application/json`. It lists the URIs in their order.
///
/// ```
/// use portcullis_status::build::aggregation;
///
/// let document = aggregation(["https://example.com/statuslists/1", "https://example.com/statuslists/2"]).unwrap();
/// assert_eq!(
///     document,
///     r#"{"status_lists":["https://example.com/statuslists/1","https://example.com/statuslists/2"]}"#
/// );
/// assert_eq!(aggregation([]).unwrap_err().code(), "status.build_aggregation_empty");
/// ```
///
/// Errors: `status.build_uri`, `status.build_aggregation_*`.
pub fn aggregation<'a>(uris: impl IntoIterator<Item = &'a str>) -> Result<String, Rejection> {
    let too_long =
        || Rejection::new(BuildCode::AggregationTooLong, format!("more than {MAX_AGGREGATED} lists or 1 MiB"));
    let mut seen = BTreeSet::new();
    let mut list = Vec::new();
    for uri in uris {
        check_uri(uri)?;
        if !seen.insert(uri) {
            return Err(Rejection::new(BuildCode::AggregationRepeated, format!("{} occurs twice", excerpt(uri))));
        }
        if list.len() == MAX_AGGREGATED {
            return Err(too_long());
        }
        list.push(Value::String(uri.into()));
    }
    if list.is_empty() {
        return Err(Rejection::new(BuildCode::AggregationEmpty, "no list is named"));
    }
    let document = Value::Object(Object::from_members(vec![("status_lists".into(), Value::Array(list))]));
    let text = json::to_text(&document);
    if text.len() > MAX_DOCUMENT {
        return Err(too_long());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_has_its_code() {
        let code = |uris: &[&str]| aggregation(uris.iter().copied()).unwrap_err().code();
        assert_eq!(
            code(&["https://example.com/1", "https://example.com/2", "https://example.com/1"]),
            "status.build_aggregation_repeated"
        );
        assert_eq!(code(&["https://example.com/1", "/2"]), "status.build_uri");
        assert_eq!(code(&[]), "status.build_aggregation_empty");
        let many: Vec<String> = (0..=MAX_AGGREGATED).map(|n| format!("https://example.com/{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(aggregation(many.iter().take(MAX_AGGREGATED).copied()).is_ok());
        assert_eq!(code(&many), "status.build_aggregation_too_long");
        let long: Vec<String> = (0..600).map(|n| format!("https://example.com/{n:02000}")).collect();
        let long: Vec<&str> = long.iter().map(String::as_str).collect();
        assert_eq!(code(&long), "status.build_aggregation_too_long");
    }
}
