//! What a token is bound to: the claim `cnf` (RFC 7800 section 3.1, RFC 8705 section 3.1, RFC 9449 section 6.1).
//!
//! A `cnf` names exactly one key. One that names several, or one in a way that is not understood, refuses the token: a
//! token that says it is bound is never taken for one that is not.
//!
//! ```
//! use portcullis_token::confirmation::{self, Confirmation};
//! use portcullis_types::json;
//!
//! let cnf = json::parse_object(br#"{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}"#)?;
//! assert!(matches!(confirmation::parse(&cnf)?, Confirmation::KeyThumbprint(_)));
//!
//! let cnf = json::parse_object(br#"{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I","kid":"a"}"#)?;
//! assert_eq!(confirmation::parse(&cnf).unwrap_err().code(), "cnf.several");
//! # Ok::<(), portcullis_types::Rejection>(())
//! ```

use alloc::{format, string::String};

use portcullis_crypto::jwk;
use portcullis_types::{
    Rejection, base64url,
    json::{Object, Value},
};

use crate::{
    TokenCode,
    claims::{Claims, present},
};

/// The one key a token is bound to.
#[derive(Debug, Clone, PartialEq)]
pub enum Confirmation {
    /// `jkt`: the RFC 7638 thumbprint of a DPoP key.
    KeyThumbprint([u8; 32]),
    /// `x5t#S256`: the SHA-256 of a client certificate in DER.
    CertificateThumbprint([u8; 32]),
    /// `jwk`: the public key itself.
    Key {
        /// The JWK.
        jwk: Object,
        /// Its RFC 7638 thumbprint.
        thumbprint: [u8; 32],
    },
    /// `kid`: a key that both sides know.
    KeyId(String),
}

/// Members that name a key each.
const REPRESENTATIONS: &[&str] = &["jwk", "jwe", "jku", "kid", "jkt", "x5t#S256"];

/// The `cnf` of some claims, if they have one.
///
/// Errors: `token.claim_null`, those of [`parse`].
pub fn of(claims: &Claims) -> Result<Option<Confirmation>, Rejection> {
    match present(&claims.members, "cnf")? {
        None => Ok(None),
        Some(Value::Object(cnf)) => parse(cnf).map(Some),
        Some(other) => Err(Rejection::new(TokenCode::ConfirmationType, format!("cnf is {}", other.kind()))),
    }
}

/// Reads a `cnf`. Members that name no key are passed over.
///
/// Errors: `cnf.*`, `json.duplicate_name`, `base64.*`, `key.*` for a `jwk`.
pub fn parse(cnf: &Object) -> Result<Confirmation, Rejection> {
    cnf.checked()?;
    if cnf.is_empty() {
        return Err(Rejection::new(TokenCode::ConfirmationEmpty, "cnf has no members"));
    }
    match representation(cnf)? {
        ("jwk", Value::Object(jwk)) => {
            let key = jwk::parse_public(jwk).map_err(|rejection| rejection.within("cnf"))?;
            Ok(Confirmation::Key { jwk: jwk.clone(), thumbprint: key.thumbprint() })
        }
        ("jkt", Value::String(text)) => Ok(Confirmation::KeyThumbprint(thumbprint(text)?)),
        ("x5t#S256", Value::String(text)) => Ok(Confirmation::CertificateThumbprint(thumbprint(text)?)),
        ("kid", Value::String(kid)) => Ok(Confirmation::KeyId(kid.clone())),
        (name @ ("jwk" | "jkt" | "x5t#S256" | "kid"), other) => {
            Err(Rejection::new(TokenCode::ConfirmationMemberType, format!("{name} is {}", other.kind())))
        }
        (name, _) => Err(unsupported(&format!("{name} is not read"))),
    }
}

/// The one member that names a key (RFC 7800 section 3.1). A `kid` may stand beside a `jku` (section 3.5).
fn representation(cnf: &Object) -> Result<(&'static str, &Value), Rejection> {
    let mut found: Option<(&'static str, &Value)> = None;
    for name in REPRESENTATIONS.iter().copied() {
        let Some(value) = cnf.get(name)? else { continue };
        match found {
            Some(("jku", _)) if name == "kid" => {}
            Some((first, _)) => {
                return Err(Rejection::new(
                    TokenCode::ConfirmationSeveral,
                    format!("cnf names a key by {first} and one by {name}"),
                ));
            }
            None => found = Some((name, value)),
        }
    }
    found.ok_or_else(|| unsupported("none of its members is known"))
}

fn unsupported(why: &str) -> Rejection {
    Rejection::new(TokenCode::ConfirmationUnsupported, format!("the token is bound in a way not understood: {why}"))
}

/// Reads a SHA-256 hash in base64url: `jkt`, `x5t#S256`.
///
/// Errors: `cnf.thumbprint`, `base64.*`.
pub fn thumbprint(text: &str) -> Result<[u8; 32], Rejection> {
    thumbprint_from_bytes(&base64url::decode(text.as_bytes()).map_err(|rejection| rejection.within("thumbprint"))?)
}

/// The same, from bytes.
///
/// Error: `cnf.thumbprint`.
pub fn thumbprint_from_bytes(bytes: &[u8]) -> Result<[u8; 32], Rejection> {
    <[u8; 32]>::try_from(bytes).map_err(|_| {
        Rejection::new(
            TokenCode::ConfirmationThumbprint,
            format!("a SHA-256 hash has 32 bytes, this has {}", bytes.len()),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_types::json;

    const HASH: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

    fn read(text: &str) -> Result<Confirmation, Rejection> {
        parse(&json::parse_object(text.as_bytes()).unwrap())
    }

    fn code(text: &str) -> &'static str {
        read(text).unwrap_err().code()
    }

    #[test]
    fn each_way_to_name_a_key_is_read() {
        let hash = thumbprint(HASH).unwrap();
        assert_eq!(read(&format!(r#"{{"jkt":"{HASH}"}}"#)).unwrap(), Confirmation::KeyThumbprint(hash));
        assert_eq!(read(&format!(r#"{{"x5t#S256":"{HASH}"}}"#)).unwrap(), Confirmation::CertificateThumbprint(hash));
        assert_eq!(read(r#"{"kid":"a"}"#).unwrap(), Confirmation::KeyId("a".into()));
        assert_eq!(read(r#"{"new":1,"kid":"a"}"#).unwrap(), Confirmation::KeyId("a".into()));
        // RFC 8037 appendix A.3
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        match read(&format!(r#"{{"jwk":{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}}}"#)).unwrap() {
            Confirmation::Key { thumbprint, .. } => {
                assert_eq!(base64url::encode(&thumbprint), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_names_no_key_or_several_is_refused() {
        for (text, wanted) in [
            ("{}", "cnf.empty"),
            (r#"{"new":1}"#, "cnf.unsupported"),
            (r#"{"jwe":"a"}"#, "cnf.unsupported"),
            (r#"{"jku":"https://a.example"}"#, "cnf.unsupported"),
            (r#"{"jku":"https://a.example","kid":"a"}"#, "cnf.unsupported"),
            (r#"{"jkt":"a","x5t#S256":"b"}"#, "cnf.several"),
            (r#"{"jwk":{},"jwe":"b"}"#, "cnf.several"),
            (r#"{"jwk":{},"kid":"b"}"#, "cnf.several"),
            (r#"{"jku":"https://a.example","jwk":{}}"#, "cnf.several"),
            (r#"{"jkt":1}"#, "cnf.member_type"),
            (r#"{"jwk":"a"}"#, "cnf.member_type"),
            (r#"{"kid":null}"#, "cnf.member_type"),
            (r#"{"x5t#S256":["a"]}"#, "cnf.member_type"),
            (r#"{"jkt":"AAAA"}"#, "cnf.thumbprint"),
            (r#"{"jkt":""}"#, "cnf.thumbprint"),
            (r#"{"jwk":{"kty":"oct","k":"AAAA"}}"#, "key.type_unsupported"),
            (r#"{"jwk":{}}"#, "key.member_missing"),
        ] {
            assert_eq!(code(text), wanted, "{text}");
        }
        assert_eq!(code(&format!(r#"{{"jkt":"{HASH}="}}"#)), "base64.padding");
    }

    #[test]
    fn a_claim_that_is_no_object_is_never_taken_as_absent() {
        let of = |text: &str| of(&Claims::parse(text.as_bytes()).unwrap());
        assert_eq!(of("{}").unwrap(), None);
        assert_eq!(of(r#"{"cnf":null}"#).unwrap_err().code(), "token.claim_null");
        assert_eq!(of(r#"{"cnf":"a"}"#).unwrap_err().code(), "cnf.type");
        assert_eq!(of(r#"{"cnf":[]}"#).unwrap_err().code(), "cnf.type");
    }
}
