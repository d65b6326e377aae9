//! `portcullis:wimse/identifier` and `portcullis:wimse/identity-token`

use portcullis_types::{Findings, Trace, json, trace};
use portcullis_wimse::{self as wimse, identity_token as token};

use crate::{
    Component, backend,
    bindings::exports::portcullis::{
        types::types::{Header, Rejection, Seconds, Timestamp},
        wimse::{
            identifier::{self, WorkloadIdentifier},
            identity_token::{
                Guest, GuestTrustDomains, Report, TrustDomains, TrustDomainsBorrow, VerifiedIdentityToken,
            },
        },
    },
    convert,
};

/// The resource behind a handle.
pub(crate) struct Trusted(pub(crate) wimse::TrustDomains);

impl identifier::Guest for Component {
    fn parse(text: String) -> Result<WorkloadIdentifier, Rejection> {
        wimse::WorkloadIdentifier::parse(&text)
            .map(|id| WorkloadIdentifier {
                trust_domain: id.trust_domain().into(),
                authority: id.authority().into(),
                path: id.path().into(),
            })
            .map_err(convert::rejection)
    }
}

impl GuestTrustDomains for Trusted {
    fn parse(document: Vec<u8>) -> Result<TrustDomains, Rejection> {
        json::parse_object(&document)
            .and_then(|set| wimse::TrustDomains::from_object(&set, &backend()))
            .map(|trusted| TrustDomains::new(Trusted(trusted)))
            .map_err(convert::rejection)
    }
}

impl Guest for Component {
    type TrustDomains = Trusted;

    fn of_headers_untrusted(headers: Vec<Header>) -> Result<Vec<u8>, Rejection> {
        token::of(pairs(&headers)).map(Into::into).map_err(convert::rejection)
    }

    fn verify(
        token: Vec<u8>,
        trusted: TrustDomainsBorrow<'_>,
        leeway: Seconds,
        at: Timestamp,
    ) -> Result<VerifiedIdentityToken, Rejection> {
        verify(&token, &trusted, leeway, at, &mut trace::Silent).map(verified).map_err(convert::rejection)
    }

    fn explain(token: Vec<u8>, trusted: TrustDomainsBorrow<'_>, leeway: Seconds, at: Timestamp) -> Report {
        let mut findings = Findings::default();
        let outcome = verify(&token, &trusted, leeway, at, &mut findings);
        Report {
            findings: findings.0.into_iter().map(convert::finding).collect(),
            outcome: outcome.map(verified).map_err(convert::rejection),
        }
    }
}

fn verify(
    token: &[u8],
    trusted: &TrustDomainsBorrow<'_>,
    leeway: Seconds,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<token::VerifiedIdentityToken, portcullis_types::Rejection> {
    token::verify(token, &trusted.get::<Trusted>().0, leeway, &backend(), at, trace)
}

pub(crate) fn pairs(headers: &[Header]) -> impl Iterator<Item = (&str, &[u8])> + Clone {
    headers.iter().map(|header| (header.name.as_str(), header.value.as_slice()))
}

pub(crate) fn verified(verified: token::VerifiedIdentityToken) -> VerifiedIdentityToken {
    let (token, confirmation) = (verified.token, verified.confirmation);
    VerifiedIdentityToken {
        subject: verified.subject.as_str().into(),
        confirmation: json::to_text(&confirmation.members),
        proof_algorithm: convert::algorithm(confirmation.algorithm),
        proof_thumbprint: confirmation.key.public_key().map(|key| key.thumbprint().into()),
        header: token.header_text,
        claims: token.claims_text,
        expires: verified.expires.seconds(),
        not_before: token.claims.not_before.map(|date| date.seconds()),
        issued_at: token.claims.issued_at.map(|date| date.seconds()),
        id: token.claims.id,
        issuer: token.claims.issuer,
        algorithm: convert::algorithm(token.algorithm),
        kid: token.kid,
    }
}
