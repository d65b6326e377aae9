//! The compact serialization (RFC 7515 section 7.1): taken apart, nothing verified.

use alloc::{format, string::String, vec::Vec};

use portcullis_types::{
    Rejection, base64url,
    json::{self, Object},
    limits::MAX_COMPACT_TOKEN,
};

use crate::TokenCode;

/// A compact token whose parts decode and whose header is one JSON object with unique names. Nothing of it is verified.
#[derive(Debug)]
pub struct Compact<'a> {
    /// What a signature covers: header and payload as they arrived, with the dot (RFC 7515 section 5.2 step 8).
    pub signing_input: &'a [u8],
    /// The header's members.
    pub header: Object,
    /// The header's JSON text.
    pub header_text: String,
    /// The payload's bytes.
    pub payload: Vec<u8>,
    /// The signature's bytes.
    pub signature: Vec<u8>,
}

/// Takes a compact token apart.
///
/// Errors: `token.too_large`, `token.empty`, `token.json_serialization`, `token.encrypted`, `token.parts_*`, `base64.*`,
/// `json.*`.
pub fn parse(token: &[u8]) -> Result<Compact<'_>, Rejection> {
    parse_at_most(token, MAX_COMPACT_TOKEN)
}

/// The same for a token of another greatest size in bytes: that of status list tokens is its own.
///
/// Errors: those of [`parse`].
pub fn parse_at_most(token: &[u8], most: usize) -> Result<Compact<'_>, Rejection> {
    if token.len() > most {
        return Err(Rejection::new(TokenCode::TooLarge, format!("{} bytes, at most {most} are read", token.len())));
    }
    let [header, payload, signature] = split(token)?;
    let part = |name, part| base64url::decode(part).map_err(|rejection: Rejection| rejection.within(name));
    let header_bytes = part("header", header)?;
    let payload_bytes = part("payload", payload)?;
    let signature = part("signature", signature)?;
    let header_object = json::parse_object(&header_bytes).map_err(|rejection| rejection.within("header"))?;
    Ok(Compact {
        signing_input: &token[..header.len() + 1 + payload.len()],
        header: header_object,
        // It parsed as JSON, so it is UTF-8.
        header_text: String::from_utf8(header_bytes).unwrap_or_default(),
        payload: payload_bytes,
        signature,
    })
}

fn split(token: &[u8]) -> Result<[&[u8]; 3], Rejection> {
    let mut parts = token.split(|byte| *byte == b'.');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(header), Some(payload), Some(signature), None) => Ok([header, payload, signature]),
        _ if token.is_empty() => Err(Rejection::new(TokenCode::Empty, "the token is empty")),
        _ if token.trim_ascii_start().starts_with(b"{") => {
            Err(Rejection::new(TokenCode::JsonSerialization, "the token is JSON; send it in compact form"))
        }
        _ => match token.iter().filter(|byte| **byte == b'.').count() + 1 {
            5 => Err(Rejection::new(TokenCode::Encrypted, "the token has five parts: it is encrypted")),
            count => {
                let code = if count < 3 { TokenCode::PartsMissing } else { TokenCode::PartsTooMany };
                Err(Rejection::new(code, format!("the token has {count} parts, not 3")))
            }
        },
    }
}
