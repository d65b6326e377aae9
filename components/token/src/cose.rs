//! COSE messages that are signed or authenticated (RFC 9052): COSE_Sign1, COSE_Sign and COSE_Mac0.
//!
//! The rules stand in the order in which they are applied: the message's form, its headers, the algorithm, the key, the
//! signature. What is signed is the bytes as they arrived, so nothing is encoded anew but the structure around them.
//!
//! A message without a tag is taken for what its shape and its algorithm say: a list of signatures makes it a COSE_Sign,
//! a MAC's algorithm a COSE_Mac0. That is safe because a key is for signatures or for MACs, never for both, and because
//! what is signed says which of the three it is.
//!
//! ```
//! use std::rc::Rc;
//! use portcullis_crypto::{KeySet, SoftwareBackend};
//! use portcullis_token::cose::{self, Options};
//! use portcullis_types::base64url;
//!
//! // RFC 8152 appendix C.2.1
//! let message = base64url::decode(
//!     b"0oRDoQEmoQRCMTFUVGhpcyBpcyB0aGUgY29udGVudC5YQI6zPkyjHRxGWrBarDTMayPVj-9cCDEGxNJaka7wsBF-Kvmikaoy4Uq4\
//!       NNxW7SoiNERUfgHxHTsJFuWkw0XKyzY",
//! )?;
//! let jwks = br#"{"keys":[{"kty":"EC","crv":"P-256","kid":"11","x":"usWxHK2PmfnHKwXPS54m0kTcGJ90UiglWiGahtagnv8",
//!                 "y":"IBOL-C3BttVivg-lSreASjpkttcsz-1rb7btKLv8EX4"}]}"#;
//! let keys = KeySet::from_jwks(jwks, &(Rc::new(SoftwareBackend::default()) as _))?;
//! let verified = cose::parse_and_verify(&message, &keys, &Options::default())?;
//! assert_eq!(verified.payload, b"This is the content.");
//! # Ok::<(), portcullis_types::Rejection>(())
//! ```

use alloc::{format, string::String, vec::Vec};

use coset::{MacContext, ProtectedHeader, SignatureContext, mac_structure_data, sig_structure_data};
use portcullis_crypto::{Algorithm, CoseAlgorithm, KeySet};
use portcullis_types::{
    Rejection,
    cbor::{self, Value},
    limits::MAX_COMPACT_TOKEN,
    trace::{Silent, Trace, check},
};

use crate::TokenCode;

mod header;
mod message;

pub(crate) use header::{Header, check_labels, name};
pub(crate) use message::{Buckets, Message};

use message::Body;

pub use message::Structure;

/// Most signatures of a COSE_Sign. Messages met have one, or one in an old and one in a new algorithm; each costs a
/// verification, or several where it names no key.
pub const MAX_SIGNATURES: usize = 8;

/// What goes with a message, and what is accepted.
#[derive(Debug, Clone, Copy)]
pub struct Options<'o> {
    /// Bytes that were signed along with the message and are not in it (RFC 9052 section 4.3).
    pub external_aad: &'o [u8],
    /// The payload, where the message is sent without it.
    pub payload: Option<&'o [u8]>,
    /// Acceptable algorithms; without it, every one, MACs in a COSE_Mac0. HMAC 256/64 has no JOSE name, so no list
    /// accepts it.
    pub algorithms: Option<&'o [Algorithm]>,
    /// The media type that `typ` has to name (RFC 9596).
    pub typ: Option<&'o str>,
    /// The longest message in bytes; 256 KiB by default.
    pub max_length: usize,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { external_aad: &[], payload: None, algorithms: None, typ: None, max_length: MAX_COMPACT_TOKEN }
    }
}

/// A message whose signatures all verified, or whose MAC did.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedCose {
    /// Which of the three it is.
    pub structure: Structure,
    /// The payload.
    pub payload: Vec<u8>,
    /// The map of the protected header in CBOR; no bytes for an empty one.
    pub protected: Vec<u8>,
    /// Who signed, in the message's order; one for COSE_Sign1 and COSE_Mac0.
    pub signers: Vec<Signer>,
}

/// One signature or MAC that verified.
#[derive(Debug, Clone, PartialEq)]
pub struct Signer {
    /// The algorithm that verified it.
    pub algorithm: CoseAlgorithm,
    /// The key identifier of the key that verified it, if it is a text.
    pub kid: Option<String>,
    /// RFC 7638 thumbprint of that key; absent for a symmetric one.
    pub thumbprint: Option<[u8; 32]>,
}

/// Verifies a COSE message, tagged or not. Every signature of a COSE_Sign has to verify: whoever reads the payload is
/// told that all who are named signed it.
///
/// Errors: `token.*`, `cose.*`, `cbor.*`, `key.*`, `crypto.*`.
pub fn parse_and_verify(message: &[u8], keys: &KeySet, options: &Options<'_>) -> Result<VerifiedCose, Rejection> {
    verify(message, keys, options, &mut Silent)
}

/// The same, telling each check to a [`Trace`].
pub fn verify(
    message: &[u8],
    keys: &KeySet,
    options: &Options<'_>,
    trace: &mut dyn Trace,
) -> Result<VerifiedCose, Rejection> {
    let item = check(trace, "form", "RFC 8949 section 5.3", decode(message, options.max_length), |_| {
        format!("{} bytes of CBOR", message.len())
    })?;
    let message = take_apart(item, trace)?;
    let header = read(&message.buckets, trace)?;
    let (structure, signers) = verify_parts(&message, &header, keys, options, trace)?;
    Ok(VerifiedCose {
        structure,
        protected: header.protected_bytes.into(),
        payload: payload(&message, options)?.into(),
        signers,
    })
}

/// One CBOR item that is not too long.
///
/// Errors: `token.too_large`, `token.empty`, `cbor.*`.
pub(crate) fn decode(message: &[u8], max_length: usize) -> Result<Value<'_>, Rejection> {
    if message.len() > max_length {
        return Err(Rejection::new(
            TokenCode::TooLarge,
            format!("{} bytes, at most {max_length} are read", message.len()),
        ));
    }
    if message.is_empty() {
        return Err(Rejection::new(TokenCode::Empty, "the message is empty"));
    }
    cbor::parse(message)
}

pub(crate) fn take_apart<'a>(item: Value<'a>, trace: &mut dyn Trace) -> Result<Message<'a>, Rejection> {
    check(trace, "structure", "RFC 9052 section 2", Message::take_apart(item), |message| match &message.body {
        Body::Single { tagged: Some(structure), .. } => structure.name().into(),
        Body::Single { tagged: None, .. } => "COSE_Sign1 or COSE_Mac0, untagged".into(),
        Body::Many(signatures) => format!("COSE_Sign with {} signatures", signatures.len()),
    })
}

pub(crate) fn read<'m>(buckets: &'m Buckets<'_>, trace: &mut dyn Trace) -> Result<Header<'m>, Rejection> {
    check(trace, "headers", "RFC 9052 section 3", Header::read(buckets), |header| {
        format!("{} protected parameters, nothing critical that is unknown", header.protected.len())
    })
}

/// The payload: the message's own, or the one that was given for it.
///
/// Errors: `cose.payload_missing`, `cose.payload_twice`.
pub(crate) fn payload<'p>(message: &'p Message<'_>, options: &Options<'p>) -> Result<&'p [u8], Rejection> {
    match (&message.payload, options.payload) {
        (Some(payload), None) => Ok(payload),
        (None, Some(payload)) => Ok(payload),
        (None, None) => Err(Rejection::new(TokenCode::CosePayloadMissing, "the payload is detached and was not given")),
        (Some(_), Some(_)) => {
            Err(Rejection::new(TokenCode::CosePayloadTwice, "the message has its own payload beside the one given"))
        }
    }
}

/// Verifies what authenticates a message. The form of every header is judged before the first signature is verified.
pub(crate) fn verify_parts(
    message: &Message<'_>,
    header: &Header<'_>,
    keys: &KeySet,
    options: &Options<'_>,
    trace: &mut dyn Trace,
) -> Result<(Structure, Vec<Signer>), Rejection> {
    if let Some(expected) = options.typ {
        check(trace, "type", "RFC 9596 section 2", header.typ(expected), |()| expected.into())?;
    }
    let payload = check(trace, "payload", "RFC 9052 section 4.1", payload(message, options), |payload| {
        format!("{} bytes", payload.len())
    })?;
    match &message.body {
        Body::Single { tagged, signature } => {
            let (algorithm, structure) = algorithm(header, *tagged, options.algorithms, trace)?;
            let signed = signed_bytes(structure, header, None, options.external_aad, payload);
            let signer = verify_one(header, algorithm, keys, &signed, signature, trace)?;
            Ok((structure, Vec::from([signer])))
        }
        Body::Many(signatures) => {
            let mut layers = Vec::with_capacity(signatures.len());
            for one in signatures {
                let layer = read(&one.buckets, trace)?;
                let (algorithm, _) = algorithm(&layer, Some(Structure::Sign), options.algorithms, trace)?;
                layers.push((layer, algorithm, &one.signature));
            }
            let mut signers = Vec::with_capacity(layers.len());
            for (layer, algorithm, signature) in &layers {
                let signed = signed_bytes(Structure::Sign, header, Some(layer), options.external_aad, payload);
                signers.push(verify_one(layer, *algorithm, keys, &signed, signature, trace)?);
            }
            Ok((Structure::Sign, signers))
        }
    }
}

/// The algorithm of a layer: known, of the kind that the message is, and accepted. An untagged message is what its
/// algorithm is for.
///
/// Errors: `cose.algorithm_*`, `cose.mac_in_signature`, `cose.signature_in_mac`, `token.algorithm_not_accepted`.
fn algorithm(
    header: &Header<'_>,
    tagged: Option<Structure>,
    accepted: Option<&[Algorithm]>,
    trace: &mut dyn Trace,
) -> Result<(CoseAlgorithm, Structure), Rejection> {
    let judged = header.algorithm().and_then(|algorithm| {
        let is_mac = algorithm.algorithm().is_mac();
        let refuse = |code, structure: Structure| {
            Err(Rejection::new(code, format!("{} in a {}", algorithm.name(), structure.name())))
        };
        let structure = match tagged {
            None if is_mac => Structure::Mac0,
            None => Structure::Sign1,
            Some(structure @ Structure::Mac0) if !is_mac => return refuse(TokenCode::CoseSignatureInMac, structure),
            Some(structure) if structure != Structure::Mac0 && is_mac => {
                return refuse(TokenCode::CoseMacInSignature, structure);
            }
            Some(structure) => structure,
        };
        match accepted {
            Some(list) if algorithm.is_short_mac() || !list.contains(&algorithm.algorithm()) => Err(Rejection::new(
                TokenCode::AlgorithmNotAccepted,
                format!("{} is not one of the {} accepted", algorithm.name(), list.len()),
            )),
            _ => Ok((algorithm, structure)),
        }
    });
    check(trace, "algorithm", "RFC 9052 section 3.1", judged, |(algorithm, _)| algorithm.name().into())
}

/// Selects the key and verifies one signature or MAC.
fn verify_one(
    header: &Header<'_>,
    algorithm: CoseAlgorithm,
    keys: &KeySet,
    signed: &[u8],
    signature: &[u8],
    trace: &mut dyn Trace,
) -> Result<Signer, Rejection> {
    let candidates = keys.select_cose(header.key_id(), algorithm);
    let candidates = check(trace, "key", "RFC 9052 section 3.1", candidates, |candidates| {
        format!("{} of {} keys", candidates.count(), keys.entries().len())
    })?;
    let made = candidates.verify_cose(algorithm, signed, signature);
    let (entry, key) = check(trace, "signature", "RFC 9052 sections 4.4 and 6.3", made, |(_, key)| key.kind())?;
    Ok(Signer { algorithm, kid: entry.kid.clone(), thumbprint: key.public_key().map(|key| key.thumbprint()) })
}

/// What a signature or MAC covers: the Sig_structure (RFC 9052 section 4.4) or the MAC_structure (section 6.3).
fn signed_bytes(
    structure: Structure,
    body: &Header<'_>,
    signer: Option<&Header<'_>>,
    external_aad: &[u8],
    payload: &[u8],
) -> Vec<u8> {
    let protected = |header: &Header<'_>| ProtectedHeader {
        original_data: Some(header.protected_bytes.into()),
        header: coset::Header::default(),
    };
    let context = match structure {
        Structure::Mac0 => return mac_structure_data(MacContext::CoseMac0, protected(body), external_aad, payload),
        Structure::Sign1 => SignatureContext::CoseSign1,
        Structure::Sign => SignatureContext::CoseSignature,
    };
    sig_structure_data(context, protected(body), signer.map(protected), external_aad, payload)
}
