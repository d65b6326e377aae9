//! `portcullis:ocm/requests`

use portcullis_ocm::{
    Host, invite_status, share_status,
    signed::{self, Body, PreparedRequest as Ready, Times},
};
use portcullis_signature::{self as signature, Field};
use portcullis_types::{Findings, Trace, trace::Silent};

use crate::{
    Component,
    bindings::exports::portcullis::{
        crypto::keys::{Algorithm, KeySetBorrow},
        ocm::requests::{
            Expectations, Guest, GuestPreparedRequest, PreparedRequest, Refusal, Refused, Report, Request,
            SignedRequest,
        },
        types::types::{Header, Rejection, Timestamp},
    },
    convert,
    keys::Keys,
};

/// The resource behind a handle.
pub(crate) struct Unsigned(Ready);

impl GuestPreparedRequest for Unsigned {
    fn prepare(
        request: Request,
        keyid: String,
        algorithm: Algorithm,
        at: Timestamp,
    ) -> Result<PreparedRequest, Rejection> {
        let algorithm = convert::one(algorithm);
        with_request(&request, |request| signed::prepare_request(request, &keyid, algorithm, at))
            .map(|ready| PreparedRequest::new(Self(ready)))
            .map_err(convert::rejection)
    }

    fn base(&self) -> String {
        self.0.prepared.base.clone()
    }

    fn finish(&self, signature: Vec<u8>) -> Vec<Header> {
        let (input, signature) = self.0.prepared.finish(&signature);
        let header = |name: &str, value: String| Header { name: name.into(), value: value.into_bytes() };
        let added = self.0.fields.iter().map(|(name, value)| header(name, value.clone()));
        added.chain([header("Signature-Input", input), header("Signature", signature)]).collect()
    }
}

impl Guest for Component {
    type PreparedRequest = Unsigned;

    fn sender(request: Request, expected: Option<String>) -> Result<String, Refusal> {
        let expected = expected.as_deref().map(Host::parse).transpose().map_err(malformed)?;
        with_request(&request, |request| signed::signer(&Body::of(request)?, expected.as_ref()))
            .map(|host| host.to_string())
            .map_err(refused)
    }

    fn named_sender_untrusted(request: Request) -> Option<String> {
        with_request(&request, signed::named_host).map(|host| host.to_string())
    }

    fn verify(
        request: Request,
        signer: String,
        keys: KeySetBorrow<'_>,
        expect: Expectations,
        at: Timestamp,
    ) -> Result<SignedRequest, Refusal> {
        verify(&request, &signer, &keys, &expect, at, &mut Silent)
    }

    fn explain(
        request: Request,
        signer: String,
        keys: KeySetBorrow<'_>,
        expect: Expectations,
        at: Timestamp,
    ) -> Report {
        let mut findings = Findings::default();
        let outcome = verify(&request, &signer, &keys, &expect, at, &mut findings);
        Report { findings: findings.0.into_iter().map(convert::finding).collect(), outcome }
    }
}

fn verify(
    request: &Request,
    signer: &str,
    keys: &KeySetBorrow<'_>,
    expect: &Expectations,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<SignedRequest, Refusal> {
    let signer = Host::parse(signer).map_err(malformed)?;
    with_request(request, |request| {
        let signer = signed::signer(&Body::of(request)?, Some(&signer))?;
        signed::verify_request(request, &signer, &keys.get::<Keys>().0, &times(expect), at, trace)
    })
    .map(verified)
    .map_err(refused)
}

pub(super) fn verified(verified: signed::SignedRequest) -> SignedRequest {
    SignedRequest {
        signer: verified.signer.to_string(),
        keyid: verified.keyid,
        thumbprint: verified.thumbprint.into(),
        algorithm: convert::algorithm(verified.algorithm),
        until: verified.until,
    }
}

pub(super) fn times(expect: &Expectations) -> Times {
    let usual = Times::default();
    Times { window: expect.window.unwrap_or(usual.window), skew: expect.skew.unwrap_or(usual.skew) }
}

pub(super) fn with_request<R>(request: &Request, use_it: impl FnOnce(&signature::Request<'_>) -> R) -> R {
    use_it(&signature::Request {
        method: &request.method,
        url: &request.url,
        target: None,
        fields: &fields(&request.headers),
        trailers: &[],
        body: Some(&request.body),
    })
}

pub(super) fn fields(headers: &[Header]) -> Vec<Field<'_>> {
    headers.iter().map(|header| Field { name: &header.name, value: &header.value }).collect()
}

pub(super) fn malformed(rejection: portcullis_types::Rejection) -> Refusal {
    Refusal::Malformed(convert::rejection(rejection))
}

/// A request that is refused, with the status of all but invites.
pub(super) fn refused(rejection: portcullis_types::Rejection) -> Refusal {
    let status = share_status(&rejection);
    Refusal::Refused(Refused { reason: convert::rejection(rejection), status })
}

/// An accepted invite that is refused.
pub(super) fn invite_refused(rejection: portcullis_types::Rejection) -> Refusal {
    let status = invite_status(&rejection);
    Refusal::Refused(Refused { reason: convert::rejection(rejection), status })
}
