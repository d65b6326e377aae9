//! `portcullis:signature/digest`

use portcullis_signature as signature;

use crate::{
    Component,
    bindings::exports::portcullis::{
        signature::digest::{DigestAlgorithm, Guest},
        types::types::{Header, Rejection},
    },
    convert, messages,
};

impl Guest for Component {
    fn check_content_digest(headers: Vec<Header>, content: Vec<u8>) -> Result<Vec<DigestAlgorithm>, Rejection> {
        let one = |algorithm| match algorithm {
            signature::DigestAlgorithm::Sha256 => DigestAlgorithm::Sha256,
            signature::DigestAlgorithm::Sha512 => DigestAlgorithm::Sha512,
        };
        signature::check_content_digest(&messages::fields(&headers), Some(&content))
            .map(|checked| checked.algorithms.into_iter().map(one).collect())
            .map_err(convert::rejection)
    }

    fn content_digest(algorithm: DigestAlgorithm, content: Vec<u8>) -> String {
        match algorithm {
            DigestAlgorithm::Sha256 => signature::DigestAlgorithm::Sha256.field(&content),
            DigestAlgorithm::Sha512 => signature::DigestAlgorithm::Sha512.field(&content),
        }
    }
}
