//! Where a request has its Transaction Token (section 12).

use alloc::{format, string::String};

use portcullis_crypto::sha256;
use portcullis_token::media_type;
use portcullis_types::{Rejection, base64url, json, limits::MAX_COMPACT_TOKEN};

use super::{HEADER, TYPE, TransactionCode};

/// The token of a request: the value of its one [`HEADER`] field. `fields` are the request's header fields, repeats included.
///
/// Errors: `txn.in_authorization`, `txn.missing`, `txn.repeated`, `txn.list`.
///
/// ```
/// use portcullis_oauth::transaction_token::presented;
///
/// assert_eq!(presented::of([("txn-token", &b"a.b.c"[..])])?, b"a.b.c");
/// assert_eq!(presented::of([("Txn-Token", &b"a.b.c, d.e.f"[..])]).unwrap_err().code(), "txn.list");
/// # Ok::<(), portcullis_types::Rejection>(())
/// ```
pub fn of<'h>(fields: impl IntoIterator<Item = (&'h str, &'h [u8])>) -> Result<&'h [u8], Rejection> {
    let (mut found, mut count) = (None, 0_usize);
    for (name, value) in fields {
        if name.eq_ignore_ascii_case("Authorization") {
            check_authorization(value)?;
        } else if name.eq_ignore_ascii_case(HEADER) {
            found = Some(value);
            count = count.saturating_add(1);
        }
    }
    let Some(value) = found else {
        return Err(Rejection::new(TransactionCode::Missing, format!("there is no {HEADER} header field")));
    };
    if count > 1 {
        let what = format!("there are {count} {HEADER} header fields");
        return Err(Rejection::new(TransactionCode::Repeated, what));
    }
    // No compact token holds a comma.
    if value.contains(&b',') {
        return Err(Rejection::new(TransactionCode::List, format!("the {HEADER} header field holds a comma")));
    }
    Ok(value.trim_ascii())
}

/// A value of `Authorization` holds no Transaction Token, whatever its scheme is (sections 12, 13.12 and 13.13): who sends one
/// there takes it for a credential.
///
/// Error: `txn.in_authorization`.
pub fn check_authorization(value: &[u8]) -> Result<(), Rejection> {
    let mut words = value.split(|byte| byte.is_ascii_whitespace() || *byte == b',');
    if words.any(says_transaction_token) {
        let what = format!("Authorization holds a Transaction Token: its place is {HEADER}");
        return Err(Rejection::new(TransactionCode::InAuthorization, what));
    }
    Ok(())
}

/// Whether a token says of itself, by its `typ`, that it is a Transaction Token. Nothing of it is verified: good for refusing one
/// where it does not belong, never for accepting one.
pub fn says_transaction_token(token: &[u8]) -> bool {
    let mut parts = token.split(|byte| *byte == b'.');
    let (Some(header), Some(_), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    if header.len() > MAX_COMPACT_TOKEN {
        return false;
    }
    let header = base64url::decode(header).and_then(|header| json::parse_object(&header));
    header.is_ok_and(|header| {
        let typ = header.get("typ").ok().flatten();
        typ.and_then(json::Value::as_str).is_some_and(|typ| media_type::same(typ, TYPE))
    })
}

/// What a log may hold of a token, which itself is never logged (section 15.2): the SHA-256 of its text, in base64url. The `tth` of
/// a Workload Proof Token is the same.
pub fn hash(token: &[u8]) -> String {
    base64url::encode(&sha256(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `{"typ":"txntoken+jwt"}` and the same with the full media type.
    const SHORT: &str = "eyJ0eXAiOiJ0eG50b2tlbitqd3QifQ.e30.AA";

    fn code(fields: &[(&str, &str)]) -> &'static str {
        let fields = fields.iter().map(|(name, value)| (*name, value.as_bytes()));
        of(fields).map_or_else(|rejection| rejection.code(), |_| "found")
    }

    #[test]
    fn there_is_exactly_one() {
        assert_eq!(code(&[("txn-token", " a.b.c\t")]), "found");
        assert_eq!(code(&[]), "txn.missing");
        assert_eq!(code(&[("Txn-Token", "a.b.c"), ("TXN-TOKEN", "a.b.c")]), "txn.repeated");
        assert_eq!(code(&[("Txn-Token", "a.b.c,a.b.c")]), "txn.list");
        assert_eq!(code(&[("Txn_Token", "a.b.c")]), "txn.missing");
    }

    #[test]
    fn never_in_authorization() {
        for value in [format!("Bearer {SHORT}"), format!("DPoP  {SHORT}"), SHORT.into(), format!("Bearer a, {SHORT}")] {
            assert_eq!(code(&[("authorization", &value)]), "txn.in_authorization", "{value}");
            assert_eq!(code(&[("Txn-Token", SHORT), ("Authorization", &value)]), "txn.in_authorization", "{value}");
        }
        assert_eq!(code(&[("Txn-Token", SHORT), ("Authorization", "Bearer a.b.c")]), "found");
        assert_eq!(code(&[("Txn-Token", SHORT), ("Authorization", "Basic YTpi")]), "found");
    }

    #[test]
    fn its_type_says_so() {
        let typed = |header: &str| format!("{}.e30.AA", base64url::encode(header.as_bytes()));
        for header in [r#"{"typ":"txntoken+jwt"}"#, r#"{"alg":"none","typ":"application/TxnToken+JWT"}"#] {
            assert!(says_transaction_token(typed(header).as_bytes()), "{header}");
        }
        for header in [r#"{"typ":"JWT"}"#, "{}", r#"{"typ":1}"#, "[]", r#"{"typ":"txntoken+jwt","typ":"JWT"}"#] {
            assert!(!says_transaction_token(typed(header).as_bytes()), "{header}");
        }
        assert!(!says_transaction_token(b"eyJ0eXAiOiJ0eG50b2tlbitqd3QifQ.e30"));
        assert!(!says_transaction_token(b""));
    }

    #[test]
    fn logs_have_its_hash() {
        assert_eq!(hash(b"a.b.c"), base64url::encode(&sha256(b"a.b.c")));
        assert_eq!(hash(b"").len(), 43);
    }
}
