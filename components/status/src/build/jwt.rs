//! The JWT form (sections 4.2 and 5.1), all but its signature.

use alloc::{format, string::String, vec, vec::Vec};

use base64::{Engine, engine::general_purpose::STANDARD};
use portcullis_types::{
    Rejection, base64url,
    json::{self, Number, Object, Value},
};

use super::{BuildCode, CompressedList, ListClaims, TokenHeader};
use crate::{MAX_LIST_TOKEN, jwt::TYPE};

/// A list token in JWT form that waits for its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsignedJwt(String);

impl UnsignedJwt {
    /// Header and claims, encoded.
    ///
    /// Errors: `status.build_uri`, `status.build_time`, `status.build_expired`, `status.build_ttl_*`,
    /// `status.build_token_too_large`.
    pub fn new(header: &TokenHeader<'_>, claims: &ListClaims<'_>, list: &CompressedList) -> Result<Self, Rejection> {
        claims.check()?;
        // Base64url twice: 16 bytes for 9. Refused before it is encoded, so that no more is held than is needed.
        check_size(list.zlib.len() / 9 * 16)?;
        let mut text = base64url::encode(json::to_text(&head(header)).as_bytes());
        let payload = json::to_text(&payload(claims, list));
        text.push('.');
        text.push_str(&base64url::encode(payload.as_bytes()));
        Ok(Self(text))
    }

    /// What the signature is over (RFC 7515 section 5.1 step 5).
    pub fn to_be_signed(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The token. A signature is as JWS has it (RFC 7518 section 3): of ECDSA r and s of fixed length.
    ///
    /// Errors: `status.build_signature_missing`, `status.build_token_too_large`.
    pub fn finish(self, signature: &[u8]) -> Result<Vec<u8>, Rejection> {
        check_signature(signature)?;
        let mut token = self.0.into_bytes();
        token.push(b'.');
        token.extend_from_slice(base64url::encode(signature).as_bytes());
        check_size(token.len())?;
        Ok(token)
    }
}

/// A token without a signature is none.
pub(crate) fn check_signature(signature: &[u8]) -> Result<(), Rejection> {
    if signature.is_empty() {
        return Err(Rejection::new(BuildCode::SignatureMissing, "the signature has no bytes"));
    }
    Ok(())
}

/// Relying parties read it (`docs/limits.md`).
pub(crate) fn check_size(bytes: usize) -> Result<(), Rejection> {
    if bytes > MAX_LIST_TOKEN {
        return Err(Rejection::new(
            BuildCode::TokenTooLarge,
            format!("the token has {bytes} bytes, and relying parties read at most {MAX_LIST_TOKEN}"),
        ));
    }
    Ok(())
}

/// The header (section 5.1; RFC 7515 sections 4.1.4 and 4.1.6).
fn head(header: &TokenHeader<'_>) -> Value {
    let mut members = vec![member("alg", text(header.algorithm.name())), member("typ", text(TYPE))];
    if let Some(kid) = header.kid {
        members.push(member("kid", text(kid)));
    }
    if !header.certificates.is_empty() {
        // Base64 with padding, not base64url.
        let chain = header.certificates.iter().map(|der| Value::String(STANDARD.encode(der))).collect();
        members.push(member("x5c", Value::Array(chain)));
    }
    object(members)
}

/// The claims (section 5.1), the list among them (section 4.2).
fn payload(claims: &ListClaims<'_>, list: &CompressedList) -> Value {
    let mut members = vec![member("sub", text(claims.uri)), member("iat", number(claims.issued_at))];
    members.extend(claims.expires.map(|time| member("exp", number(time))));
    members.extend(claims.ttl.map(|seconds| member("ttl", number(seconds))));
    let mut inner = vec![
        member("bits", number(u64::from(list.bits.count()))),
        member("lst", Value::String(base64url::encode(&list.zlib))),
    ];
    inner.extend(claims.aggregation_uri.map(|uri| member("aggregation_uri", text(uri))));
    members.push(member("status_list", object(inner)));
    object(members)
}

fn member(name: &str, value: Value) -> (String, Value) {
    (name.into(), value)
}

fn object(members: Vec<(String, Value)>) -> Value {
    Value::Object(Object::from_members(members))
}

fn text(text: &str) -> Value {
    Value::String(text.into())
}

fn number(number: u64) -> Value {
    Value::Number(Number::Unsigned(number))
}

#[cfg(test)]
mod tests {
    use std::{string::ToString, vec};

    use portcullis_crypto::Algorithm;
    use portcullis_types::trace::Silent;

    use super::*;
    use crate::{
        Bits, Options, StatusList,
        build::{Packing, testing::CLAIMS},
        testing::{keys, sign},
    };

    const HEADER: TokenHeader<'static> =
        TokenHeader { algorithm: Algorithm::EdDsa, kid: Some("k \"1\""), certificates: &[] };

    fn decoded(part: &str) -> String {
        String::from_utf8(base64url::decode(part.as_bytes()).unwrap()).unwrap()
    }

    fn small() -> CompressedList {
        Packing::from_bytes(Bits::One, vec![0xb9, 0xa3]).unwrap().compress(&mut |_| {}).unwrap()
    }

    #[test]
    fn a_token_says_what_the_text_asks_for() {
        let unsigned = UnsignedJwt::new(&HEADER, &CLAIMS, &small()).unwrap();
        let text = std::str::from_utf8(unsigned.to_be_signed()).unwrap().to_string();
        let (head, payload) = text.split_once('.').unwrap();
        assert_eq!(decoded(head), r#"{"alg":"EdDSA","typ":"statuslist+jwt","kid":"k \"1\""}"#);
        assert_eq!(
            decoded(payload),
            r#"{"sub":"https://example.com/statuslists/1","iat":1790000000,"exp":1790086400,"ttl":43200,"status_list":{"bits":1,"lst":"eNrbuRgAAhcBXQ","aggregation_uri":"https://example.com/statuslists"}}"#
        );
        let bare = ListClaims { expires: None, ttl: None, aggregation_uri: None, ..CLAIMS };
        let header = TokenHeader { kid: None, certificates: &[vec![0x30, 0x00], vec![0xff]], ..HEADER };
        let unsigned = UnsignedJwt::new(&header, &bare, &small()).unwrap();
        let text = std::str::from_utf8(unsigned.to_be_signed()).unwrap().to_string();
        let (head, payload) = text.split_once('.').unwrap();
        assert_eq!(decoded(head), r#"{"alg":"EdDSA","typ":"statuslist+jwt","x5c":["MAA=","/w=="]}"#);
        assert_eq!(
            decoded(payload),
            r#"{"sub":"https://example.com/statuslists/1","iat":1790000000,"status_list":{"bits":1,"lst":"eNrbuRgAAhcBXQ"}}"#
        );
    }

    #[test]
    fn our_reader_takes_it() {
        let unsigned = UnsignedJwt::new(&TokenHeader { kid: None, ..HEADER }, &CLAIMS, &small()).unwrap();
        let signature = sign(unsigned.to_be_signed());
        let token = unsigned.finish(&signature).unwrap();
        let options = Options::default();
        let list =
            StatusList::explain_jwt(&token, &keys(), CLAIMS.uri, CLAIMS.issued_at, &options, &mut Silent).unwrap();
        assert_eq!(list.values(0..16).unwrap().collect::<Vec<_>>(), [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]);
        assert_eq!((list.expires(), list.ttl()), (Some(1_790_086_400.0), Some(43_200.0)));
    }

    #[test]
    fn each_fault_has_its_code() {
        let claims = ListClaims { ttl: Some(0), ..CLAIMS };
        assert_eq!(UnsignedJwt::new(&HEADER, &claims, &small()).unwrap_err().code(), "status.build_ttl_not_positive");
        let unsigned = UnsignedJwt::new(&HEADER, &CLAIMS, &small()).unwrap();
        assert_eq!(unsigned.clone().finish(&[]).unwrap_err().code(), "status.build_signature_missing");
        let far = vec![0; MAX_LIST_TOKEN];
        assert_eq!(unsigned.finish(&far).unwrap_err().code(), "status.build_token_too_large");
        let large = CompressedList { bits: Bits::One, zlib: vec![0; MAX_LIST_TOKEN] };
        assert_eq!(UnsignedJwt::new(&HEADER, &CLAIMS, &large).unwrap_err().code(), "status.build_token_too_large");
    }
}
