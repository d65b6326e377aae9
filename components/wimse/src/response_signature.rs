//! Signing a response (draft-ietf-wimse-http-signature-07 section 3.3): what a server covers that was asked for a signed response.
//!
//! The key stays with the caller: what is made here is what it signs.

use alloc::{format, string::String, vec, vec::Vec};

use portcullis_signature::{
    BareItem, Component, Field, Message, Parameters, Prepared, Response, SignatureCode, content_digest, prepare,
};
use portcullis_types::{Rejection, Timestamp};

use crate::{
    WimseCode, identity_token,
    message_signature::{TAG, asked, body},
};

/// The label of the signatures that are made here. Recipients select by the tag.
pub const LABEL: &str = "wimse";

/// What a server signs with: its own identity.
#[derive(Debug, Clone, Copy)]
pub struct Signer<'s> {
    /// Its Workload Identity Token, whose key is to sign.
    pub identity: &'s str,
    /// A nonce that no other signature by that key has.
    pub nonce: &'s str,
    /// For how many seconds the signature is to be good: minutes, at most as many as its recipients accept.
    pub lifetime: u64,
}

/// A response that is ready to be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedResponse {
    /// Header fields to add to it before it is sent: its `Content-Digest` where it has content, and the identity token.
    pub fields: Vec<(&'static str, String)>,
    /// What the key of the identity token signs.
    pub prepared: Prepared,
}

/// Prepares the signature of a response whose request asks for one with `wimse-sign-response`; nothing where it does not. The
/// response lends the request that it answers, and both have their bodies at hand.
///
/// The request's signature is not verified here. But its digest has to be its body's, and is covered along with what the draft
/// requires, so that the answer to one question is not taken for the answer to another.
///
/// Errors: `wimse.response_unsignable` where there is no signer; `wimse.signature_repeated`, `wimse.signature_parameter`,
/// `wimse.signature_digest_missing` and `signature.*` for the request; `wimse.identity_repeated` where the response has an identity
/// token already; `signature.*` for what cannot be signed.
///
/// ```
/// use portcullis_signature::{Field, Request, Response};
/// use portcullis_wimse::response_signature::{Signer, prepare_response};
///
/// let input = b"w=(\"@method\" \"@path\" \"@query\");nonce=\"n1\";tag=\"wimse-workload-to-workload\";wimse-sign-response";
/// let fields = [
///     Field { name: "Signature-Input", value: input },
///     Field { name: "Signature", value: b"w=:AAAA:" },
/// ];
/// let request =
///     Request { method: "GET", url: "https://a.example/", target: None, fields: &fields, trailers: &[], body: Some(b"") };
/// let response = Response { status: 204, fields: &[], trailers: &[], body: Some(b""), request: Some(&request) };
/// let signer = Signer { identity: "eyJ.eyJ.sig", nonce: "n2", lifetime: 60 };
/// let ready = prepare_response(&response, Some(&signer), 1_790_000_000)?.expect("it asks");
/// assert_eq!(ready.fields, [("Workload-Identity-Token", "eyJ.eyJ.sig".to_owned())]);
/// assert!(ready.prepared.input.ends_with("tag=\"wimse-workload-to-workload\";wimse-req-nonce=\"n1\""));
/// # Ok::<(), portcullis_types::Rejection>(())
/// ```
pub fn prepare_response(
    response: &Response<'_>,
    signer: Option<&Signer<'_>>,
    at: Timestamp,
) -> Result<Option<PreparedResponse>, Rejection> {
    let Some(request) = response.request else { return Ok(None) };
    let question = Message::Request(request);
    let Some(asked) = asked(&question)?.filter(|asked| asked.sign_response) else { return Ok(None) };
    let Some(signer) = signer else {
        let what = "the request wants a signed response, and there is no identity here to sign it with";
        return Err(Rejection::new(WimseCode::ResponseUnsignable, what));
    };
    if asked.nonce.is_empty() {
        return Err(Rejection::new(WimseCode::SignatureParameter, "the request's signature has no nonce"));
    }
    body(&question).map_err(|rejection| rejection.within("the request"))?;
    if has(response.fields, identity_token::HEADER) {
        let what = format!("the response has a {} already", identity_token::HEADER);
        return Err(Rejection::new(WimseCode::IdentityRepeated, what));
    }

    let mut added = Vec::new();
    match response.body {
        None => {
            let what = "the response is not at hand whole, so its digest cannot be made";
            return Err(Rejection::new(SignatureCode::BodyUnavailable, what));
        }
        Some([]) => {}
        Some(content) if !has(response.fields, "content-digest") => {
            added.push(("Content-Digest", content_digest(content)))
        }
        Some(_) => body(&Message::Response(response))?,
    }
    added.push((identity_token::HEADER, signer.identity.into()));
    let fields = response.fields.iter().copied();
    let fields: Vec<_> =
        fields.chain(added.iter().map(|(name, value)| Field { name, value: value.as_bytes() })).collect();

    let mut covered = vec!["@status"];
    covered
        .extend(["content-type", "content-digest", "workload-identity-token"].iter().filter(|name| has(&fields, name)));
    covered.extend(["@method;req", "@path;req", "@query;req"]);
    covered.extend(has(request.fields, "content-digest").then_some("content-digest;req"));
    let components = covered.into_iter().map(Component::parse).collect::<Result<Vec<_>, _>>()?;
    let parameters = parameters(&asked.nonce, signer, at)?;
    let response = Response { fields: &fields, ..*response };
    let prepared = prepare(&Message::Response(&response), LABEL, &components, &parameters)?;
    Ok(Some(PreparedResponse { fields: added, prepared }))
}

/// The parameters that a response's signature has.
fn parameters(nonce: &str, signer: &Signer<'_>, at: Timestamp) -> Result<Parameters, Rejection> {
    let seconds = |time: Timestamp| i64::try_from(time).unwrap_or(i64::MAX);
    let nonce = BareItem::String(String::from(nonce).try_into().map_err(|_| {
        // It was read from a structured field, so it can be written into one.
        Rejection::new(WimseCode::SignatureParameter, "the request's nonce cannot be repeated")
    })?);
    Ok(Parameters {
        created: Some(seconds(at)),
        expires: Some(seconds(at.saturating_add(signer.lifetime))),
        nonce: Some(signer.nonce.into()),
        tag: Some(TAG.into()),
        others: vec![("wimse-req-nonce".into(), nonce)],
        ..Parameters::default()
    })
}

fn has(fields: &[Field<'_>], name: &str) -> bool {
    fields.iter().any(|field| field.name.eq_ignore_ascii_case(name))
}
