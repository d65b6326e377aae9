//! A COSE message taken apart (RFC 9052 sections 2, 4 and 6), nothing verified.

use alloc::{borrow::Cow, format, vec::Vec};

use coset::iana::CborTag;
use portcullis_types::{
    Rejection,
    cbor::{Map, Value},
};

use super::MAX_SIGNATURES;
use crate::TokenCode;

/// Which message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Structure {
    /// COSE_Sign1: one signature (RFC 9052 section 4.2).
    Sign1,
    /// COSE_Sign: several signatures, each with headers of its own (RFC 9052 section 4.1).
    Sign,
    /// COSE_Mac0: one MAC under a key that both sides have (RFC 9052 section 6.2).
    Mac0,
}

impl Structure {
    /// The name in the specification.
    pub fn name(self) -> &'static str {
        match self {
            Structure::Sign1 => "COSE_Sign1",
            Structure::Sign => "COSE_Sign",
            Structure::Mac0 => "COSE_Mac0",
        }
    }
}

/// The parts of a message.
#[derive(Debug)]
pub(crate) struct Message<'a> {
    /// The two headers of the message itself.
    pub(crate) buckets: Buckets<'a>,
    /// The payload, unless it is detached.
    pub(crate) payload: Option<Cow<'a, [u8]>>,
    /// What authenticates it.
    pub(crate) body: Body<'a>,
}

/// The two headers of one layer, as they came.
#[derive(Debug)]
pub(crate) struct Buckets<'a> {
    pub(crate) protected: Cow<'a, [u8]>,
    pub(crate) unprotected: Map<'a>,
}

/// What authenticates a message.
#[derive(Debug)]
pub(crate) enum Body<'a> {
    /// One signature or MAC; which of the two a tag says, if there is one.
    Single { tagged: Option<Structure>, signature: Cow<'a, [u8]> },
    /// Signatures with headers of their own.
    Many(Vec<CoseSignature<'a>>),
}

/// One signature of several (RFC 9052 section 4.1).
#[derive(Debug)]
pub(crate) struct CoseSignature<'a> {
    pub(crate) buckets: Buckets<'a>,
    pub(crate) signature: Cow<'a, [u8]>,
}

impl<'a> Message<'a> {
    /// Takes an item apart.
    ///
    /// Errors: `cose.*` for tags, the array and its elements.
    pub(crate) fn take_apart(item: Value<'a>) -> Result<Self, Rejection> {
        let (tagged, item) = untag(item)?;
        let elements = match item {
            Value::Array(elements) => elements,
            other => {
                return Err(Rejection::new(TokenCode::CoseNotArray, format!("the message is {}", other.kind())));
            }
        };
        let [protected, unprotected, payload, last] = <[Value<'a>; 4]>::try_from(elements).map_err(|elements| {
            Rejection::new(TokenCode::CoseElements, format!("the message has {} elements", elements.len()))
        })?;
        let buckets = Buckets::of(protected, unprotected)?;
        let payload = match payload {
            Value::Bytes(payload) => Some(payload),
            Value::Null => None,
            other => {
                return Err(Rejection::new(TokenCode::CosePayloadType, format!("the payload is {}", other.kind())));
            }
        };
        let body = match (tagged, last) {
            (None | Some(Structure::Sign), Value::Array(signatures)) => Body::Many(take_signatures(signatures)?),
            (Some(Structure::Sign), other) => {
                return Err(Rejection::new(
                    TokenCode::CoseSignaturesType,
                    format!("the signatures are {}", other.kind()),
                ));
            }
            (tagged, last) => Body::Single { tagged, signature: signature(last)? },
        };
        Ok(Self { buckets, payload, body })
    }
}

/// The tag says which message it is (RFC 9052 section 2, table 1). There is at most one.
fn untag(item: Value<'_>) -> Result<(Option<Structure>, Value<'_>), Rejection> {
    let Value::Tag(tag, inner) = item else {
        return Ok((None, item));
    };
    let is = |known: CborTag| tag == known as u64;
    let structure = if is(CborTag::CoseSign1) {
        Structure::Sign1
    } else if is(CborTag::CoseSign) {
        Structure::Sign
    } else if is(CborTag::CoseMac0) {
        Structure::Mac0
    } else {
        let code = if is(CborTag::CoseEncrypt0) || is(CborTag::CoseEncrypt) {
            TokenCode::CoseEncrypted
        } else if is(CborTag::CoseMac) {
            TokenCode::CoseRecipients
        } else {
            TokenCode::CoseTag
        };
        return Err(Rejection::new(code, format!("the message is in the tag {tag}")));
    };
    if let Value::Tag(second, _) = *inner {
        return Err(Rejection::new(TokenCode::CoseTagRepeated, format!("the tag {second} stands in the tag {tag}")));
    }
    Ok((Some(structure), *inner))
}

impl<'a> Buckets<'a> {
    /// The protected header is a byte string, the unprotected one a map (RFC 9052 section 3).
    fn of(protected: Value<'a>, unprotected: Value<'a>) -> Result<Self, Rejection> {
        let protected = match protected {
            Value::Bytes(protected) => protected,
            other => {
                return Err(Rejection::new(
                    TokenCode::CoseProtectedType,
                    format!("the protected header is {}", other.kind()),
                ));
            }
        };
        match unprotected {
            Value::Map(unprotected) => Ok(Self { protected, unprotected }),
            other => Err(Rejection::new(
                TokenCode::CoseUnprotectedType,
                format!("the unprotected header is {}", other.kind()),
            )),
        }
    }
}

/// The signatures of a COSE_Sign: a list of at least one COSE_Signature (RFC 9052 section 4.1).
fn take_signatures(signatures: Vec<Value<'_>>) -> Result<Vec<CoseSignature<'_>>, Rejection> {
    if signatures.is_empty() {
        return Err(Rejection::new(TokenCode::CoseSignaturesMissing, "the list of signatures is empty"));
    }
    if signatures.len() > MAX_SIGNATURES {
        return Err(Rejection::new(
            TokenCode::CoseSignaturesTooMany,
            format!("{} signatures, at most {MAX_SIGNATURES} are verified", signatures.len()),
        ));
    }
    let refuse = |what| Rejection::new(TokenCode::CoseSignatureForm, format!("a signature is {what}"));
    let one = |value| match value {
        Value::Array(elements) => {
            let [protected, unprotected, last] =
                <[Value<'_>; 3]>::try_from(elements).map_err(|_| refuse("not an array of three"))?;
            Ok(CoseSignature { buckets: Buckets::of(protected, unprotected)?, signature: signature(last)? })
        }
        other => Err(refuse(other.kind())),
    };
    signatures.into_iter().map(one).collect()
}

fn signature(value: Value<'_>) -> Result<Cow<'_, [u8]>, Rejection> {
    match value {
        Value::Bytes(signature) => Ok(signature),
        other => Err(Rejection::new(TokenCode::CoseSignatureType, format!("the signature is {}", other.kind()))),
    }
}
