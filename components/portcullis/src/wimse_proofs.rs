//! `portcullis:wimse/proof-token` and `portcullis:wimse/message-signature`

use portcullis_types::{Findings, Trace, trace::Silent};
use portcullis_wimse::{identity_token, message_signature as signed, proof_token as proof};

use crate::{
    Component, backend,
    bindings::exports::portcullis::{
        signature::http_signature::{Message, Request, Response},
        types::types::{Header, Rejection, Timestamp},
        wimse::{
            identity_token::TrustDomainsBorrow,
            message_signature::{self, RequestReport, ResponseReport, VerifiedMessage},
            proof_token::{self, Report, VerifiedProof},
        },
    },
    convert,
    messages::{with_message, with_request, with_response},
    wimse::{Trusted, pairs, verified},
};

impl proof_token::Guest for Component {
    fn verify(
        headers: Vec<Header>,
        trusted: TrustDomainsBorrow<'_>,
        expect: proof_token::Expectations,
        at: Timestamp,
    ) -> Result<VerifiedProof, Rejection> {
        verify_proof(&headers, &trusted, &expect, at, &mut Silent).map_err(convert::rejection)
    }

    fn explain(
        headers: Vec<Header>,
        trusted: TrustDomainsBorrow<'_>,
        expect: proof_token::Expectations,
        at: Timestamp,
    ) -> Report {
        let mut findings = Findings::default();
        let outcome = verify_proof(&headers, &trusted, &expect, at, &mut findings).map_err(convert::rejection);
        Report { findings: findings.0.into_iter().map(convert::finding).collect(), outcome }
    }
}

impl message_signature::Guest for Component {
    fn verify_request(
        request: Request,
        trusted: TrustDomainsBorrow<'_>,
        expect: message_signature::Expectations,
        at: Timestamp,
    ) -> Result<VerifiedMessage, Rejection> {
        verify_request(&request, &trusted, &expect, at, &mut Silent).map_err(convert::rejection)
    }

    fn explain_request(
        request: Request,
        trusted: TrustDomainsBorrow<'_>,
        expect: message_signature::Expectations,
        at: Timestamp,
    ) -> RequestReport {
        let mut findings = Findings::default();
        let outcome = verify_request(&request, &trusted, &expect, at, &mut findings).map_err(convert::rejection);
        RequestReport { findings: findings.0.into_iter().map(convert::finding).collect(), outcome }
    }

    fn verify_response(
        response: Response,
        required: bool,
        trusted: TrustDomainsBorrow<'_>,
        expect: message_signature::Expectations,
        at: Timestamp,
    ) -> Result<Option<VerifiedMessage>, Rejection> {
        verify_response(&response, required, &trusted, &expect, at, &mut Silent).map_err(convert::rejection)
    }

    fn explain_response(
        response: Response,
        required: bool,
        trusted: TrustDomainsBorrow<'_>,
        expect: message_signature::Expectations,
        at: Timestamp,
    ) -> ResponseReport {
        let mut findings = Findings::default();
        let outcome = verify_response(&response, required, &trusted, &expect, at, &mut findings);
        ResponseReport {
            findings: findings.0.into_iter().map(convert::finding).collect(),
            outcome: outcome.map_err(convert::rejection),
        }
    }

    fn is_signed_untrusted(message: Message) -> Result<bool, Rejection> {
        with_message(&message, signed::is_signed).map_err(convert::rejection)
    }

    fn accept_signature() -> String {
        signed::ACCEPT.into()
    }
}

fn verify_proof(
    headers: &[Header],
    trusted: &TrustDomainsBorrow<'_>,
    expect: &proof_token::Expectations,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<VerifiedProof, portcullis_types::Rejection> {
    let trusted = &trusted.get::<Trusted>().0;
    let (audience, others, seen) = (lent(&expect.audience), lent(&expect.other_tokens), lent(&expect.seen));
    let expect = proof::Expectations {
        audience: &audience,
        other_tokens: &others,
        lifetime: expect.lifetime.unwrap_or(proof::DEFAULT_LIFETIME),
        leeway: expect.leeway,
        seen: &seen,
    };
    let (identity, proof) = proof::parse_and_verify(pairs(headers), trusted, &expect, &backend(), at, trace)?;
    Ok(VerifiedProof {
        thumbprint: proof.thumbprint.into(),
        id: proof.id,
        audience: proof.audience,
        expires: proof.expires.seconds(),
        issued_at: proof.issued_at.map(|date| date.seconds()),
        algorithm: convert::algorithm(proof.algorithm),
        identity: verified(identity),
    })
}

fn verify_request(
    request: &Request,
    trusted: &TrustDomainsBorrow<'_>,
    expect: &message_signature::Expectations,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<VerifiedMessage, portcullis_types::Rejection> {
    let trusted = &trusted.get::<Trusted>().0;
    let (identity, message) = with_expectations(expect, |expect| {
        with_request(request, |request| {
            signed::parse_and_verify_request(request, trusted, expect, &backend(), at, trace)
        })
    })?;
    let audience = Some(message.audience.clone());
    Ok(verified_message(message, audience, identity))
}

fn verify_response(
    response: &Response,
    required: bool,
    trusted: &TrustDomainsBorrow<'_>,
    expect: &message_signature::Expectations,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<Option<VerifiedMessage>, portcullis_types::Rejection> {
    let trusted = &trusted.get::<Trusted>().0;
    let verified = with_expectations(expect, |expect| {
        with_response(response, |response| {
            signed::parse_and_verify_response(response, required, trusted, expect, &backend(), at, trace)
        })
    })?;
    Ok(verified.map(|(identity, message)| verified_message(message, None, identity)))
}

fn with_expectations<R>(
    expect: &message_signature::Expectations,
    use_them: impl FnOnce(&signed::Expectations<'_>) -> R,
) -> R {
    let (audience, seen) = (lent(&expect.audience), lent(&expect.seen));
    use_them(&signed::Expectations {
        audience: &audience,
        lifetime: expect.lifetime.unwrap_or(signed::DEFAULT_LIFETIME),
        leeway: expect.leeway,
        seen: &seen,
    })
}

fn verified_message(
    message: signed::VerifiedMessage,
    audience: Option<String>,
    identity: identity_token::VerifiedIdentityToken,
) -> VerifiedMessage {
    VerifiedMessage {
        thumbprint: message.thumbprint.into(),
        nonce: message.nonce,
        audience,
        created: message.created,
        expires: message.expires,
        sign_response: message.sign_response,
        algorithm: convert::algorithm(message.algorithm),
        identity: verified(identity),
    }
}

fn lent(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}
