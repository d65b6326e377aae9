//! `portcullis:oauth/pushed-registration`

use std::rc::Rc;

use portcullis_client::Challenge;
use portcullis_crypto::KeySet;
use portcullis_oauth::pushed_registration::{
    self as pushed, BoundKey as Bound, CodeChallenge, PushPolicy, PushedKey as Key,
};
use portcullis_token::{confirmation, mtls::Certificate};
use portcullis_types::{Findings, Trace, json, trace::Silent};

use crate::{
    Component, backend,
    bindings::exports::portcullis::{
        client::client::{Parameter, Request},
        oauth::pushed_registration::{
            AuthorizationRequest, BoundKey, Expectations, Guest, GuestPolicy, Pending, Policy, PolicyBorrow, PushedKey,
            PushedRequest, Refusal, Refused, Report, Tied, TokenReport, Voucher,
        },
        types::types::{Rejection, Timestamp},
    },
    client::{error_answer, used_proof},
    convert, scope,
    wimse::pairs,
};

/// The resource behind a handle.
pub(crate) struct DynamicClients(PushPolicy);

impl GuestPolicy for DynamicClients {
    fn parse(document: Vec<u8>) -> Result<Policy, Rejection> {
        let backend = backend();
        json::parse_object(&document)
            .and_then(|policy| {
                PushPolicy::from_object(&policy, |jwks| KeySet::from_object(jwks, &backend).map(Rc::new))
            })
            .map(|policy| Policy::new(DynamicClients(policy)))
            .map_err(convert::rejection)
    }

    fn enabled(&self) -> bool {
        self.0.enabled
    }
}

impl Guest for Component {
    type Policy = DynamicClients;

    fn verify(
        request: Request,
        policy: PolicyBorrow<'_>,
        expect: Expectations,
        at: Timestamp,
    ) -> Result<PushedRequest, Refusal> {
        verify(&request, &policy, &expect, at, &mut Silent)
    }

    fn explain(request: Request, policy: PolicyBorrow<'_>, expect: Expectations, at: Timestamp) -> Report {
        let mut findings = Findings::default();
        let outcome = verify(&request, &policy, &expect, at, &mut findings);
        Report { findings: findings.0.into_iter().map(convert::finding).collect(), outcome }
    }

    fn tie_authorization(parameters: Vec<Parameter>, pending: Pending, at: Timestamp) -> Result<(), Refusal> {
        let pending = kept(&pending).map_err(malformed)?;
        pushed::tie_authorization(&form(&parameters), &pending, at, &mut Silent).map_err(refused)
    }

    fn tie_token(request: Request, pending: Pending, expect: Expectations, at: Timestamp) -> Result<Tied, Refusal> {
        tie_token(&request, &pending, &expect, at, &mut Silent)
    }

    fn explain_token(request: Request, pending: Pending, expect: Expectations, at: Timestamp) -> TokenReport {
        let mut findings = Findings::default();
        let outcome = tie_token(&request, &pending, &expect, at, &mut findings);
        TokenReport { findings: findings.0.into_iter().map(convert::finding).collect(), outcome }
    }
}

fn verify(
    request: &Request,
    policy: &PolicyBorrow<'_>,
    expect: &Expectations,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<PushedRequest, Refusal> {
    let policy = &policy.get::<DynamicClients>().0;
    let made = with_expectations(expect, |expect| {
        with_request(request, |request| pushed::explain(request, policy, expect, at, &backend(), trace))
    });
    made?.map(verified).map_err(refused)
}

fn tie_token(
    request: &Request,
    pending: &Pending,
    expect: &Expectations,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<Tied, Refusal> {
    let pending = kept(pending).map_err(malformed)?;
    let made = with_expectations(expect, |expect| {
        with_request(request, |request| pushed::tie_token(request, &pending, expect, at, &backend(), trace))
    });
    made?
        .map(|tied| Tied {
            confirmation: tied.confirmation.as_ref().map(json::to_text),
            proofs: tied.proofs.into_iter().map(used_proof).collect(),
        })
        .map_err(refused)
}

fn with_expectations<R>(
    expect: &Expectations,
    use_them: impl FnOnce(&pushed::Expectations<'_>) -> R,
) -> Result<R, Refusal> {
    let challenges = expect.challenges.iter().map(|text| Challenge::parse(text)).collect::<Result<Vec<_>, _>>();
    let challenges = challenges.map_err(malformed)?;
    let nonces: Vec<&str> = expect.nonces.iter().map(String::as_str).collect();
    let seen: Vec<&str> = expect.seen.iter().map(String::as_str).collect();
    let usual = pushed::Expectations::default();
    Ok(use_them(&pushed::Expectations {
        challenges: &challenges,
        nonces: &nonces,
        window: expect.window.unwrap_or(usual.window),
        seen: &seen,
    }))
}

fn with_request<R>(request: &Request, use_it: impl FnOnce(&pushed::Request<'_>) -> R) -> R {
    let headers: Vec<(&str, &[u8])> = pairs(&request.headers).collect();
    use_it(&pushed::Request {
        headers: &headers,
        method: &request.method,
        url: &request.url,
        form: &form(&request.form),
        certificate: request.certificate_chain.first().map(|der| Certificate::Der(der)),
    })
}

fn form(parameters: &[Parameter]) -> Vec<(&str, &str)> {
    parameters.iter().map(|parameter| (parameter.name.as_str(), parameter.value.as_str())).collect()
}

fn kept(pending: &Pending) -> Result<pushed::Pending<'_>, portcullis_types::Rejection> {
    let key = pending.key.as_ref().map(key_from).transpose()?;
    Ok(pushed::Pending {
        request_uri: &pending.request_uri,
        expires_at: pending.expires_at,
        used: pending.used,
        redirect_uri: &pending.redirect_uri,
        code_challenge: CodeChallenge::parse(&pending.code_challenge, Some("S256"))?,
        // Whether it was proved by then makes no difference: the token request proves it.
        key: key.map(|key| Bound { key, proved: true }),
    })
}

fn key_from(key: &PushedKey) -> Result<Key, portcullis_types::Rejection> {
    Ok(match key {
        PushedKey::Dpop(hash) => Key::Dpop(confirmation::thumbprint_from_bytes(hash)?),
        PushedKey::Certificate(hash) => Key::Certificate(confirmation::thumbprint_from_bytes(hash)?),
    })
}

fn verified(made: pushed::Pushed) -> PushedRequest {
    let voucher = |voucher| match voucher {
        pushed::Voucher::Attestation => Voucher::Attestation,
        pushed::Voucher::SoftwareStatement => Voucher::SoftwareStatement,
    };
    let key = |Bound { key, proved }| BoundKey {
        key: match key {
            Key::Dpop(hash) => PushedKey::Dpop(hash.into()),
            Key::Certificate(hash) => PushedKey::Certificate(hash.into()),
        },
        proved,
    };
    PushedRequest {
        metadata: json::to_text(&made.client.metadata),
        vouched_by: made.client.vouched_by.into_iter().map(voucher).collect(),
        software: made.client.software,
        key: made.key.map(key),
        request: AuthorizationRequest {
            response_type: made.request.response_type,
            redirect_uri: made.request.redirect_uri,
            state: made.request.state,
            code_challenge: made.request.code_challenge.to_text(),
            scope: made.request.scope.as_ref().map(scope::tokens),
            others: made.request.others.into_iter().map(|(name, value)| Parameter { name, value }).collect(),
        },
        proofs: made.proofs.into_iter().map(used_proof).collect(),
    }
}

fn malformed(rejection: portcullis_types::Rejection) -> Refusal {
    Refusal::Malformed(convert::rejection(rejection))
}

fn refused(refused: pushed::Refused) -> Refusal {
    Refusal::Refused(Refused { reason: convert::rejection(refused.rejection), answer: error_answer(refused.answer) })
}
