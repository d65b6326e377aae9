//! Media types in `typ`.

/// Whether two `typ` values name the same media type: compared without case (RFC 2045 section 5.1), with
/// `application/` put before a name without a slash (RFC 7515 section 4.1.9). There is no other equality: `at+jwt` is
/// not `jwt`.
///
/// ```
/// use portcullis_token::media_type::same;
/// assert!(same("at+jwt", "application/AT+JWT"));
/// assert!(!same("at+jwt", "jwt"));
/// assert!(!same("at+jwt", "text/at+jwt"));
/// ```
pub fn same(one: &str, other: &str) -> bool {
    let (one_type, one_name) = split(one);
    let (other_type, other_name) = split(other);
    one_type.eq_ignore_ascii_case(other_type) && one_name.eq_ignore_ascii_case(other_name)
}

fn split(typ: &str) -> (&str, &str) {
    typ.split_once('/').unwrap_or(("application", typ))
}
