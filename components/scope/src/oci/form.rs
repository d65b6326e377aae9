//! `application/x-www-form-urlencoded` (URL Standard section 5.1), read strictly: in the query of a registry's request, and in the
//! requests for its tokens.

use alloc::{format, vec::Vec};

use portcullis_types::{Rejection, limits::excerpt};

use crate::ScopeCode;

/// The names and values of a form, encoded as they came. A bare `;` is refused: some servers read it as `&`.
///
/// Error: `oci.query_malformed`.
pub(super) fn pairs(text: &str) -> Result<impl Iterator<Item = (&str, &str)>, Rejection> {
    if text.contains(';') {
        let what = "the query has a bare ';', which some servers read as '&'";
        return Err(Rejection::new(ScopeCode::OciQueryMalformed, what));
    }
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    Ok(pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))))
}

/// Undoes the encoding of a name or value: each `%` has two digits.
///
/// Error: `oci.query_malformed`.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, Rejection> {
    let malformed = || {
        let what = format!("{} has a malformed escape", excerpt(text));
        Rejection::new(ScopeCode::OciQueryMalformed, what)
    };
    let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16)).ok_or_else(malformed);
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
                u8::try_from(high * 16 + low).map_err(|_| malformed())?
            }
            other => other,
        });
    }
    Ok(out)
}
