//! `portcullis:ocm/tokens`

use portcullis_ocm::{
    Host, TokenCode, signed,
    token::{self, TokenAnswer as Answer, TokenRequest as Asked, oauth_error},
    token_status,
};
use portcullis_types::{Findings, Rejection as Refusing, Trace, json, trace::Silent};

use super::{
    addresses::spoken,
    answer,
    protocols::{held, protocol, protocol_name},
    requests::{times, with_request},
    secret,
};
use crate::{
    Component,
    bindings::exports::portcullis::{
        crypto::keys::KeySetBorrow,
        ocm::{
            addresses::PeersBorrow,
            requests::{Expectations, Request},
            shares::HeldShare,
            tokens::{Grant, Guest, Refusal, Refused, Report, TokenAnswer, TokenRequest},
        },
        types::types::{Rejection, Seconds, Timestamp},
    },
    convert,
    keys::Keys,
};

impl Guest for Component {
    fn read_untrusted(request: Request) -> Result<TokenRequest, Refusal> {
        with_request(&request, Asked::of)
            .map(|asked| TokenRequest { client: asked.client.to_string(), code: asked.code.expose().into() })
            .map_err(refused)
    }

    fn decide(
        request: Request,
        share: HeldShare,
        keys: KeySetBorrow<'_>,
        peers: PeersBorrow<'_>,
        expect: Expectations,
        at: Timestamp,
    ) -> Result<Grant, Refusal> {
        decide(&request, &share, &keys, &peers, &expect, at, &mut Silent)
    }

    fn explain(
        request: Request,
        share: HeldShare,
        keys: KeySetBorrow<'_>,
        peers: PeersBorrow<'_>,
        expect: Expectations,
        at: Timestamp,
    ) -> Report {
        let mut findings = Findings::default();
        let outcome = decide(&request, &share, &keys, &peers, &expect, at, &mut findings);
        Report { findings: findings.0.into_iter().map(convert::finding).collect(), outcome }
    }

    fn write_answer(grant: Grant, access_token: String, lifetime: Seconds, at: Timestamp) -> Result<String, Rejection> {
        granted(&grant)
            .and_then(|grant| {
                let token = secret(&access_token, TokenCode::Answer, "the token")?;
                Answer::to_grant(&grant, token, lifetime, at)
            })
            .map(|answer| json::to_text(&answer.to_object()))
            .map_err(convert::rejection)
    }

    fn write_request(request: TokenRequest) -> Result<String, Rejection> {
        Host::parse(&request.client)
            .and_then(|client| Ok(Asked { client, code: secret(&request.code, TokenCode::Code, "the code")? }))
            .map(|asked| asked.to_form())
            .map_err(convert::rejection)
    }

    fn read_answer(status: u16, body: Vec<u8>) -> Result<TokenAnswer, Rejection> {
        Answer::read(status, &answer(&body))
            .map(|answer| TokenAnswer {
                access_token: answer.access_token.expose().into(),
                expires_in: answer.expires_in,
            })
            .map_err(convert::rejection)
    }
}

fn decide(
    request: &Request,
    share: &HeldShare,
    keys: &KeySetBorrow<'_>,
    peers: &PeersBorrow<'_>,
    expect: &Expectations,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<Grant, Refusal> {
    let share = held(share, &spoken(peers).listed);
    let share = share.map_err(|rejection| Refusal::Malformed(convert::rejection(rejection)))?;
    with_request(request, |request| {
        let asked = Asked::of(request)?;
        let keys = &keys.get::<Keys>().0;
        let signed = signed::verify_request(request, &asked.client, keys, &times(expect), at, trace)?;
        token::grant(&asked, &signed.signer, &share, at, trace)
    })
    .map(|grant| Grant {
        client: grant.client.to_string(),
        provider_id: grant.provider_id,
        protocol: protocol(grant.protocol),
        until: grant.until,
    })
    .map_err(refused)
}

fn granted(grant: &Grant) -> Result<token::Grant, Refusing> {
    Ok(token::Grant {
        client: Host::parse(&grant.client)?,
        provider_id: grant.provider_id.clone(),
        protocol: protocol_name(grant.protocol),
        until: grant.until,
    })
}

fn refused(rejection: Refusing) -> Refusal {
    let (status, error) = (token_status(&rejection), oauth_error(&rejection).into());
    Refusal::Refused(Refused { reason: convert::rejection(rejection), status, error })
}
