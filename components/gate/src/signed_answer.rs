//! Answers that are signed because who asked wants it (`docs/clients.md`): what a host signs with its own identity.

use alloc::{string::String, vec::Vec};

use portcullis_signature::{Field, Request as Asking, Response};
use portcullis_types::{Rejection, Timestamp};
use portcullis_wimse::response_signature::{LABEL, Signer, prepare_response};

use crate::{gate::Gate, request::Request, workload::fields};

/// An answer as it is about to be sent.
#[derive(Debug, Clone, Copy)]
pub struct AnswerToSign<'a> {
    /// The status code.
    pub status: u16,
    /// Its header fields.
    pub fields: &'a [(String, String)],
    /// Its content.
    pub body: &'a [u8],
}

/// Who signs: the host's own identity.
#[derive(Debug, Clone, Copy)]
pub struct OwnIdentity<'a> {
    /// Its Workload Identity Token, whose key signs.
    pub token: &'a str,
    /// A nonce that no other signature by that key has.
    pub nonce: &'a str,
}

/// An answer that is ready to be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadyAnswer {
    /// Header fields to add to it, `Signature-Input` among them.
    pub fields: Vec<(String, String)>,
    /// What the key of the identity token signs.
    pub base: String,
    /// The label in the dictionary `Signature`, which is to be added with the signature (RFC 9421 section 4.2).
    pub label: &'static str,
}

impl Gate {
    /// Makes an answer ready to be signed, if who asked wants that: with the parameter `wimse-sign-response` of its signature over the
    /// request (draft-ietf-wimse-http-signature-07). The signature is good for the policy's `proof_window`. The request's own
    /// signature is not verified here.
    ///
    /// Errors: `wimse.response_unsignable` where there is no identity; those of [`prepare_response`] for the rest.
    pub fn prepare_answer(
        &self,
        request: &Request,
        answer: &AnswerToSign<'_>,
        identity: Option<&OwnIdentity<'_>>,
        at: Timestamp,
    ) -> Result<Option<ReadyAnswer>, Rejection> {
        let (headers, trailers) = (fields(&request.headers), fields(&request.trailers));
        let asking = Asking {
            method: &request.method,
            url: &request.url,
            target: request.target.as_deref(),
            fields: &headers,
            trailers: &trailers,
            body: request.body.as_deref(),
        };
        let own = answer.fields.iter().map(|(name, value)| Field { name, value: value.as_bytes() });
        let own: Vec<_> = own.collect();
        let response = Response {
            status: answer.status,
            fields: &own,
            trailers: &[],
            body: Some(answer.body),
            request: Some(&asking),
        };
        let lifetime = self.policy().proof_window;
        let signer = identity.map(|own| Signer { identity: own.token, nonce: own.nonce, lifetime });
        let ready = prepare_response(&response, signer.as_ref(), at)?;
        Ok(ready.map(|ready| {
            let mut fields: Vec<_> = ready.fields.into_iter().map(|(name, value)| (name.into(), value)).collect();
            fields.push(("Signature-Input".into(), ready.prepared.input));
            ReadyAnswer { fields, base: ready.prepared.base, label: LABEL }
        }))
    }
}
