//! The CWT form (sections 4.3 and 5.2), all but its signature: a COSE_Sign1, or a COSE_Mac0 where the algorithm is a MAC.

use alloc::{vec, vec::Vec};

use coset::{
    Algorithm as Registered, CoseMac0, CoseSign1, Header, Label, MacContext, ProtectedHeader, SignatureContext,
    TaggedCborSerializable as _,
    cbor::{Value, into_writer},
    iana::{self, EnumI64 as _},
    mac_structure_data, sig_structure_data,
};
use portcullis_crypto::Algorithm;
use portcullis_types::{Rejection, Timestamp};

use super::{
    BuildCode, CompressedList, ListClaims, TokenHeader,
    jwt::{check_signature, check_size},
};
use crate::cwt::{EXP, IAT, STATUS_LIST, SUB, TTL, TYP, TYPE};

/// A list token in CWT form that waits for its signature or MAC.
#[derive(Debug, Clone, PartialEq)]
pub struct UnsignedCwt {
    header: Header,
    payload: Vec<u8>,
    is_mac: bool,
}

impl UnsignedCwt {
    /// Header and claims, encoded.
    ///
    /// Errors: `status.build_uri`, `status.build_time`, `status.build_expired`, `status.build_ttl_*`,
    /// `status.build_token_too_large`, `status.build_read_back`.
    pub fn new(header: &TokenHeader<'_>, claims: &ListClaims<'_>, list: &CompressedList) -> Result<Self, Rejection> {
        claims.check()?;
        check_size(list.zlib.len())?;
        let algorithm = number(header.algorithm);
        let mut rest = vec![(Label::Int(TYP), Value::Text(TYPE.into()))];
        rest.extend(
            chain(header.certificates).map(|chain| (Label::Int(iana::HeaderParameter::X5Chain.to_i64()), chain)),
        );
        let key_id = header.kid.unwrap_or_default().as_bytes().to_vec();
        let header_of_message =
            Header { alg: Some(Registered::Assigned(algorithm)), key_id, rest, ..Header::default() };
        let payload = encode(&payload(claims, list))?;
        Ok(Self { header: header_of_message, payload, is_mac: header.algorithm.is_mac() })
    }

    /// What the signature or MAC is over: the Sig_structure (RFC 9052 section 4.4) or the MAC_structure (section 6.3).
    pub fn to_be_signed(&self) -> Vec<u8> {
        if self.is_mac {
            return mac_structure_data(MacContext::CoseMac0, self.protected(), &[], &self.payload);
        }
        sig_structure_data(SignatureContext::CoseSign1, self.protected(), None, &[], &self.payload)
    }

    /// The token, tagged, and not in the tag for CWTs (section 5.2). A signature is as COSE has it (RFC 9053 section 2): of
    /// ECDSA r and s of fixed length.
    ///
    /// Errors: `status.build_signature_missing`, `status.build_token_too_large`, `status.build_read_back`.
    pub fn finish(self, signature: &[u8]) -> Result<Vec<u8>, Rejection> {
        check_signature(signature)?;
        let (protected, payload, signature) = (self.protected(), Some(self.payload), signature.to_vec());
        let unprotected = Header::default();
        let token = match self.is_mac {
            true => CoseMac0 { protected, unprotected, payload, tag: signature }.to_tagged_vec(),
            false => CoseSign1 { protected, unprotected, payload, signature }.to_tagged_vec(),
        };
        let token = token.map_err(|_| unencodable())?;
        check_size(token.len())?;
        Ok(token)
    }

    fn protected(&self) -> ProtectedHeader {
        ProtectedHeader { original_data: None, header: self.header.clone() }
    }
}

/// The number of an algorithm (RFC 9053 section 2, RFC 8812 section 2, RFC 9864 section 2). The older numbers of ECDSA, which
/// every reader knows; here a number means one curve (`docs/limits.md`).
fn number(algorithm: Algorithm) -> iana::Algorithm {
    match algorithm {
        Algorithm::Es256 => iana::Algorithm::ES256,
        Algorithm::Es384 => iana::Algorithm::ES384,
        Algorithm::Es512 => iana::Algorithm::ES512,
        Algorithm::Es256k => iana::Algorithm::ES256K,
        Algorithm::EdDsa => iana::Algorithm::EdDSA,
        Algorithm::Ed25519 => iana::Algorithm::Ed25519,
        Algorithm::Rs256 => iana::Algorithm::RS256,
        Algorithm::Rs384 => iana::Algorithm::RS384,
        Algorithm::Rs512 => iana::Algorithm::RS512,
        Algorithm::Ps256 => iana::Algorithm::PS256,
        Algorithm::Ps384 => iana::Algorithm::PS384,
        Algorithm::Ps512 => iana::Algorithm::PS512,
        Algorithm::Hs256 => iana::Algorithm::HMAC_256_256,
        Algorithm::Hs384 => iana::Algorithm::HMAC_384_384,
        Algorithm::Hs512 => iana::Algorithm::HMAC_512_512,
    }
}

/// The certificates (RFC 9360 section 2): one stands alone, several in an array.
fn chain(certificates: &[Vec<u8>]) -> Option<Value> {
    match certificates {
        [] => None,
        [one] => Some(Value::Bytes(one.clone())),
        more => Some(Value::Array(more.iter().cloned().map(Value::Bytes).collect())),
    }
}

/// The claims (section 5.2), the list among them (section 4.3).
fn payload(claims: &ListClaims<'_>, list: &CompressedList) -> Value {
    let label = |label: i64| Value::Integer(label.into());
    let time = |time: Timestamp| Value::Integer(time.into());
    let text = |text: &str| Value::Text(text.into());
    let mut map = vec![(label(SUB), text(claims.uri)), (label(IAT), time(claims.issued_at))];
    map.extend(claims.expires.map(|expires| (label(EXP), time(expires))));
    map.extend(claims.ttl.map(|seconds| (label(TTL), time(seconds))));
    let mut inner =
        vec![(text("bits"), Value::Integer(list.bits.count().into())), (text("lst"), Value::Bytes(list.zlib.clone()))];
    inner.extend(claims.aggregation_uri.map(|uri| (text("aggregation_uri"), text(uri))));
    map.push((label(STATUS_LIST), Value::Map(inner)));
    Value::Map(map)
}

fn encode(value: &Value) -> Result<Vec<u8>, Rejection> {
    let mut bytes = Vec::new();
    into_writer(value, &mut bytes).map_err(|_| unencodable())?;
    Ok(bytes)
}

/// Memory is what CBOR fails on, and then nothing is left to say; a text for the type's sake.
fn unencodable() -> Rejection {
    Rejection::new(BuildCode::ReadBack, "the message cannot be encoded")
}

#[cfg(test)]
mod tests {
    use std::{format, rc::Rc};

    use hmac::{Hmac, KeyInit, Mac};
    use portcullis_crypto::{KeySet, SoftwareBackend};
    use portcullis_types::{base64url, cbor};

    use super::*;
    use crate::{
        Bits, Options, StatusList,
        build::{Packing, testing::CLAIMS},
        testing::{keys, sign},
    };

    const HEADER: TokenHeader<'static> = TokenHeader { algorithm: Algorithm::EdDsa, kid: None, certificates: &[] };

    fn small() -> CompressedList {
        Packing::from_bytes(Bits::Two, vec![0xc9, 0x44, 0xf9]).unwrap().compress(&mut |_| {}).unwrap()
    }

    fn signed(header: &TokenHeader<'_>, claims: &ListClaims<'_>) -> Vec<u8> {
        let unsigned = UnsignedCwt::new(header, claims, &small()).unwrap();
        let signature = sign(&unsigned.to_be_signed());
        unsigned.finish(&signature).unwrap()
    }

    #[test]
    fn our_reader_takes_it() {
        let token = signed(&HEADER, &CLAIMS);
        let list = StatusList::open_cwt(&token, &keys(), CLAIMS.uri, CLAIMS.issued_at, &Options::default()).unwrap();
        assert_eq!(list.values(0..12).unwrap().collect::<Vec<_>>(), [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]);
        assert_eq!((list.expires(), list.ttl()), (Some(1_790_086_400.0), Some(43_200.0)));
        let bare = ListClaims { expires: None, ttl: None, aggregation_uri: None, ..CLAIMS };
        let token = signed(&HEADER, &bare);
        let list = StatusList::open_cwt(&token, &keys(), CLAIMS.uri, CLAIMS.issued_at, &Options::default()).unwrap();
        assert_eq!((list.expires(), list.ttl()), (None, None));
    }

    #[test]
    fn a_mac_makes_a_mac0() {
        let secret = [9; 32];
        let header = TokenHeader { algorithm: Algorithm::Hs256, ..HEADER };
        let unsigned = UnsignedCwt::new(&header, &CLAIMS, &small()).unwrap();
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&secret).unwrap();
        mac.update(&unsigned.to_be_signed());
        let token = unsigned.finish(&mac.finalize().into_bytes()).unwrap();
        assert!(matches!(cbor::parse(&token).unwrap(), cbor::Value::Tag(17, _)));
        let jwks = format!(r#"{{"keys":[{{"kty":"oct","k":"{}"}}]}}"#, base64url::encode(&secret));
        let keys = KeySet::from_jwks(jwks.as_bytes(), &(Rc::new(SoftwareBackend::default()) as _)).unwrap();
        StatusList::open_cwt(&token, &keys, CLAIMS.uri, CLAIMS.issued_at, &Options::default()).unwrap();
    }

    #[test]
    fn a_token_says_what_the_text_asks_for() {
        let header = TokenHeader { kid: Some("k1"), certificates: &[vec![0x30, 0x00], vec![0xff]], ..HEADER };
        let token = signed(&header, &CLAIMS);
        let cbor::Value::Tag(18, message) = cbor::parse(&token).unwrap() else { panic!("the tag") };
        let parts = message.as_array().unwrap();
        let head = cbor::parse(parts[0].as_bytes().unwrap()).unwrap();
        let head = head.as_map().unwrap();
        assert_eq!(head.get(16).and_then(cbor::Value::as_text), Some("application/statuslist+cwt"));
        assert_eq!(head.get(4).and_then(cbor::Value::as_bytes), Some(&b"k1"[..]));
        assert_eq!(head.get(33).and_then(cbor::Value::as_array).map(<[_]>::len), Some(2));
        assert!(parts[1].as_map().is_some_and(|unprotected| unprotected.entries().count() == 0));
        let claims = cbor::parse(parts[2].as_bytes().unwrap()).unwrap();
        let claims = claims.as_map().unwrap();
        assert_eq!(claims.get(65534), Some(&cbor::Value::Unsigned(43_200)));
        let list = claims.get(65533).and_then(cbor::Value::as_map).unwrap();
        assert_eq!(list.get_text("bits"), Some(&cbor::Value::Unsigned(2)));
        assert_eq!(
            list.get_text("aggregation_uri").and_then(cbor::Value::as_text),
            Some("https://example.com/statuslists")
        );
        // One certificate stands alone.
        let one = TokenHeader { certificates: &[vec![0x30, 0x00]], ..HEADER };
        let token = signed(&one, &CLAIMS);
        let cbor::Value::Tag(18, message) = cbor::parse(&token).unwrap() else { panic!("the tag") };
        let head = cbor::parse(message.as_array().unwrap()[0].as_bytes().unwrap()).unwrap();
        assert_eq!(head.as_map().unwrap().get(33).and_then(cbor::Value::as_bytes), Some(&[0x30, 0x00][..]));
    }

    #[test]
    fn each_fault_has_its_code() {
        let claims = ListClaims { expires: Some(0), ..CLAIMS };
        assert_eq!(UnsignedCwt::new(&HEADER, &claims, &small()).unwrap_err().code(), "status.build_expired");
        let unsigned = UnsignedCwt::new(&HEADER, &CLAIMS, &small()).unwrap();
        assert_eq!(unsigned.clone().finish(&[]).unwrap_err().code(), "status.build_signature_missing");
        let far = vec![0; crate::MAX_LIST_TOKEN];
        assert_eq!(unsigned.finish(&far).unwrap_err().code(), "status.build_token_too_large");
    }

    #[test]
    fn our_numbers_are_read_as_the_algorithms_they_stand_for() {
        for algorithm in Algorithm::ALL {
            let read = portcullis_crypto::CoseAlgorithm::from_number(number(*algorithm).to_i64()).unwrap();
            assert_eq!(read.algorithm(), *algorithm);
            assert!(!read.is_short_mac());
        }
    }
}
