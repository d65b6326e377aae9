//! The headers of one layer of a COSE message (RFC 9052 section 3, RFC 9596, RFC 9597).

use alloc::{format, string::String};

use coset::iana::{Algorithm as Registered, CoapContentFormat, HeaderParameter};
use portcullis_crypto::CoseAlgorithm;
use portcullis_types::{
    EncodingCode, Rejection,
    cbor::{self, Label, Map, Value},
    limits::excerpt,
};

use super::message::Buckets;
use crate::{TokenCode, media_type};

const ALG: i64 = HeaderParameter::Alg as i64;
const CRIT: i64 = HeaderParameter::Crit as i64;
const CONTENT_TYPE: i64 = HeaderParameter::ContentType as i64;
const KID: i64 = HeaderParameter::Kid as i64;
const IV: i64 = HeaderParameter::Iv as i64;
const PARTIAL_IV: i64 = HeaderParameter::PartialIv as i64;
const CWT_CLAIMS: i64 = HeaderParameter::CwtClaims as i64;
const TYP: i64 = HeaderParameter::ObjectContentType as i64;

/// Labels that `crit` may list: what they ask for is done here. The counter signatures and what is for encryption are
/// not among them.
const UNDERSTOOD: &[i64] = &[ALG, CRIT, CONTENT_TYPE, KID, CWT_CLAIMS, TYP];

/// The two headers of one layer, read and checked: any parameter that is looked at stands in one of them only, and has
/// its type.
#[derive(Debug)]
pub(crate) struct Header<'m> {
    /// What is signed.
    pub(crate) protected: Map<'m>,
    /// The bytes of `protected` that are signed: an empty map is signed as no bytes (RFC 9052 section 4.4).
    pub(crate) protected_bytes: &'m [u8],
    unprotected: &'m Map<'m>,
}

impl<'m> Header<'m> {
    /// Reads both headers and checks all that does not depend on what is expected.
    ///
    /// Errors: `cbor.*`, `cose.protected_*`, `cose.label_*`, `cose.parameter_type`, `cose.key_id_type`, `cose.iv_twice`,
    /// `cose.claims_type`, `cose.type_*`, `cose.critical_*`.
    pub(crate) fn read(buckets: &'m Buckets<'_>) -> Result<Self, Rejection> {
        let protected = protected_map(&buckets.protected)?;
        let protected_bytes = if protected.is_empty() { &[][..] } else { &buckets.protected };
        let header = Self { protected, protected_bytes, unprotected: &buckets.unprotected };
        header.labels()?;
        header.parameters()?;
        header.type_form()?;
        header.critical()?;
        Ok(header)
    }

    /// Labels are integers or texts, and none stands in both headers (RFC 9052 sections 1.5 and 3).
    fn labels(&self) -> Result<(), Rejection> {
        check_labels(&self.protected, TokenCode::CoseLabelType)?;
        check_labels(self.unprotected, TokenCode::CoseLabelType)?;
        match self.unprotected.entries().find(|(label, _)| self.protected.get_label(label).is_some()) {
            None => Ok(()),
            Some((label, _)) => {
                Err(Rejection::new(TokenCode::CoseLabelRepeated, format!("the label {label} stands in both headers")))
            }
        }
    }

    /// The types of what is defined (RFC 9052 section 3.1, RFC 9597 section 2), in either header.
    fn parameters(&self) -> Result<(), Rejection> {
        let refuse = |code, name, value: &Value<'_>| Err(Rejection::new(code, format!("{name} is {}", value.kind())));
        match self.get(CONTENT_TYPE) {
            None | Some(Value::Unsigned(_) | Value::Text(_)) => {}
            Some(other) => return refuse(TokenCode::CoseParameterType, "the content type", other),
        }
        for (label, name, code) in [
            (KID, "kid", TokenCode::CoseKeyIdType),
            (IV, "the IV", TokenCode::CoseParameterType),
            (PARTIAL_IV, "the partial IV", TokenCode::CoseParameterType),
        ] {
            match self.get(label) {
                None | Some(Value::Bytes(_)) => {}
                Some(other) => return refuse(code, name, other),
            }
        }
        if self.get(IV).is_some() && self.get(PARTIAL_IV).is_some() {
            return Err(Rejection::new(TokenCode::CoseIvTwice, "there is an IV and a partial IV"));
        }
        match self.get(CWT_CLAIMS) {
            None => Ok(()),
            Some(Value::Map(claims)) => check_labels(claims, TokenCode::CoseClaimsType),
            Some(other) => refuse(TokenCode::CoseClaimsType, "CWT Claims", other),
        }
    }

    /// `typ` stands in the protected header, and is the number of a content format or a media type in full: here is no
    /// `application/` to be put before it (RFC 9596 section 2).
    fn type_form(&self) -> Result<(), Rejection> {
        if self.unprotected.get(TYP).is_some() {
            return Err(Rejection::new(TokenCode::CoseTypeUnprotected, "typ stands in the unprotected header"));
        }
        match self.protected.get(TYP) {
            None | Some(Value::Unsigned(_)) => Ok(()),
            Some(Value::Text(typ)) if typ.contains('/') => Ok(()),
            Some(Value::Text(typ)) => {
                Err(Rejection::new(TokenCode::CoseTypeForm, format!("typ {} has no slash", excerpt(typ))))
            }
            Some(other) => Err(Rejection::new(TokenCode::CoseTypeForm, format!("typ is {}", other.kind()))),
        }
    }

    /// `crit` (RFC 9052 section 3.1): protected, not empty, each label in the protected header and understood. Labels that
    /// the specification itself defines should not be listed, and may be.
    fn critical(&self) -> Result<(), Rejection> {
        if self.unprotected.get(CRIT).is_some() {
            return Err(Rejection::new(TokenCode::CoseCriticalUnprotected, "crit stands in the unprotected header"));
        }
        let Some(crit) = self.protected.get(CRIT) else {
            return Ok(());
        };
        let listed = crit
            .as_array()
            .ok_or_else(|| Rejection::new(TokenCode::CoseCriticalNotList, format!("crit is {}", crit.kind())))?;
        if listed.is_empty() {
            return Err(Rejection::new(TokenCode::CoseCriticalEmpty, "crit is empty"));
        }
        for item in listed {
            let label = match item {
                Value::Unsigned(n) => Label::Unsigned(*n),
                Value::Negative(n) => Label::Negative(*n),
                Value::Text(text) => Label::Text(text.as_ref().into()),
                other => {
                    return Err(Rejection::new(
                        TokenCode::CoseCriticalNotLabel,
                        format!("crit lists {}", other.kind()),
                    ));
                }
            };
            if self.protected.get_label(&label).is_none() {
                return Err(Rejection::new(
                    TokenCode::CoseCriticalAbsent,
                    format!("crit lists {label}, which the protected header does not have"),
                ));
            }
            if !label.as_integer().is_some_and(|label| UNDERSTOOD.contains(&label)) {
                return Err(Rejection::new(TokenCode::CoseCriticalUnknown, format!("crit lists {label}")));
            }
        }
        Ok(())
    }

    /// `alg`, from the protected header alone (RFC 9052 section 3.1).
    ///
    /// Errors: `cose.algorithm_*`.
    pub(crate) fn algorithm(&self) -> Result<CoseAlgorithm, Rejection> {
        let Some(alg) = self.protected.get(ALG) else {
            return Err(match self.unprotected.get(ALG) {
                None => Rejection::new(TokenCode::CoseAlgorithmMissing, "the headers have no alg"),
                Some(_) => Rejection::new(TokenCode::CoseAlgorithmUnprotected, "alg stands in the unprotected header"),
            });
        };
        match alg {
            Value::Unsigned(_) | Value::Negative(_) => {}
            Value::Text(name) => {
                return Err(Rejection::new(TokenCode::CoseAlgorithmText, format!("alg is the text {}", excerpt(name))));
            }
            other => return Err(Rejection::new(TokenCode::CoseAlgorithmType, format!("alg is {}", other.kind()))),
        }
        let number = alg.as_integer();
        if number == Some(Registered::RS1 as i64) {
            return Err(Rejection::new(TokenCode::CoseAlgorithmSha1, "alg is RSA with SHA-1"));
        }
        number.and_then(CoseAlgorithm::from_number).ok_or_else(|| {
            let told = number.map_or_else(|| String::from("beyond 64 bits"), |number| format!("{number}"));
            Rejection::new(TokenCode::CoseAlgorithmUnknown, format!("alg {told} is not known"))
        })
    }

    /// `kid`: a hint which key, in either header (RFC 9052 section 3.1).
    pub(crate) fn key_id(&self) -> Option<&[u8]> {
        self.get(KID).and_then(Value::as_bytes)
    }

    /// `typ` is the expected one (RFC 9596 section 2), as a media type or as the number of its content format.
    ///
    /// Errors: `token.type_missing`, `token.type_mismatch`.
    pub(crate) fn typ(&self, expected: &str) -> Result<(), Rejection> {
        let differs = |found: String| {
            Err(Rejection::new(TokenCode::TypeMismatch, format!("typ is {found}, expected is {expected}")))
        };
        match self.protected.get(TYP) {
            None => {
                Err(Rejection::new(TokenCode::TypeMissing, format!("the header has no typ, expected is {expected}")))
            }
            Some(Value::Text(typ)) if media_type::same(typ, expected) => Ok(()),
            Some(Value::Unsigned(number)) => match content_format(*number) {
                Some(typ) if media_type::same(typ, expected) => Ok(()),
                _ => differs(format!("the content format {number}")),
            },
            Some(other) => differs(other.as_text().map_or_else(|| other.kind().into(), excerpt)),
        }
    }

    /// The CWT Claims header parameter (RFC 9597).
    pub(crate) fn claims(&self) -> Option<&Map<'m>> {
        self.get(CWT_CLAIMS).and_then(Value::as_map)
    }

    fn get(&self, label: i64) -> Option<&Value<'m>> {
        self.protected.get(label).or_else(|| self.unprotected.get(label))
    }
}

/// The names of the header parameters that are shown, in the words of the IANA registry "COSE Header Parameters".
pub(crate) fn name(label: i64) -> Option<&'static str> {
    Some(match label {
        ALG => "alg",
        CRIT => "crit",
        CONTENT_TYPE => "content type",
        KID => "kid",
        IV => "IV",
        PARTIAL_IV => "Partial IV",
        CWT_CLAIMS => "CWT Claims",
        TYP => "typ",
        _ => return None,
    })
}

/// The media types of tokens that have a number as content format (RFC 7252 section 12.3, RFC 8392 section 9.4,
/// RFC 9782 section 6).
fn content_format(number: u64) -> Option<&'static str> {
    if number == CoapContentFormat::Cwt as u64 {
        Some("application/cwt")
    } else if number == CoapContentFormat::EatCwt as u64 {
        Some("application/eat+cwt")
    } else {
        None
    }
}

/// No bytes and an empty map are both an empty header (RFC 9052 section 3).
fn protected_map(bytes: &[u8]) -> Result<Map<'_>, Rejection> {
    if bytes.is_empty() {
        return Ok(Map::default());
    }
    let value = cbor::parse(bytes).map_err(|rejection| {
        if rejection.is(EncodingCode::CborTrailing) {
            return Rejection::new(TokenCode::CoseProtectedTrailing, rejection.detail());
        }
        rejection.within("protected header")
    })?;
    match value {
        Value::Map(map) => Ok(map),
        other => Err(Rejection::new(
            TokenCode::CoseProtectedNotMap,
            format!("the protected header's bytes are {}", other.kind()),
        )),
    }
}

/// Labels are integers or texts (RFC 9052 section 1.5).
pub(crate) fn check_labels(map: &Map<'_>, code: TokenCode) -> Result<(), Rejection> {
    if map.entries().any(|(label, _)| matches!(label, Label::Bytes(_))) {
        return Err(Rejection::new(code, "a label is a byte string"));
    }
    Ok(())
}
