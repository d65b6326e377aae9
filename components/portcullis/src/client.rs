//! `portcullis:client/client`

use std::cell::RefCell;

use portcullis_client::{
    self as client, Challenge, Client, IdPattern,
    authenticate::{self as authentication, Authenticated as Known},
    challenge,
};
use portcullis_svid::SpiffeId;
use portcullis_types::{Findings, Trace, json, trace::Silent};

use crate::{
    Component, backend,
    bindings::exports::portcullis::{
        client::client::{
            Authenticated, ClientsBorrow, EndpointAnswer, ErrorAnswer, Expectations, Guest, GuestClients, Method,
            Refusal, RegisteredClient, Report, Request, Role, Unauthenticated, UsedProof,
        },
        crypto::keys::KeySetBorrow,
        svid::bundle::BundleSetBorrow,
        types::types::{Header, Rejection, Timestamp},
    },
    convert,
    keys::Keys,
    svid_bundle::Bundles,
};

/// The resource behind a handle. A call borrows it for as long as it lasts; there are no calls within calls.
pub(crate) struct Registered(RefCell<client::Clients>);

impl GuestClients for Registered {
    fn new() -> Self {
        Self(RefCell::default())
    }

    fn add(&self, client: RegisteredClient) -> Result<(), Rejection> {
        let RegisteredClient { client_id, spiffe_id, auth_method } = client;
        let pattern = spiffe_id.as_deref().map(IdPattern::parse).transpose();
        pattern
            .and_then(|spiffe_id| self.0.borrow_mut().add(Client { client_id, spiffe_id, method: auth_method }))
            .map_err(convert::rejection)
    }
}

/// Whom the server knows and trusts.
struct Trusted<'a> {
    clients: ClientsBorrow<'a>,
    bundles: BundleSetBorrow<'a>,
    attesters: Option<KeySetBorrow<'a>>,
}

impl Guest for Component {
    type Clients = Registered;

    fn authenticate(
        request: Request,
        clients: ClientsBorrow<'_>,
        bundles: BundleSetBorrow<'_>,
        attesters: Option<KeySetBorrow<'_>>,
        expect: Expectations,
        at: Timestamp,
    ) -> Result<Authenticated, Refusal> {
        authenticate(&request, &Trusted { clients, bundles, attesters }, &expect, at, &mut Silent)
    }

    fn explain(
        request: Request,
        clients: ClientsBorrow<'_>,
        bundles: BundleSetBorrow<'_>,
        attesters: Option<KeySetBorrow<'_>>,
        expect: Expectations,
        at: Timestamp,
    ) -> Report {
        let mut findings = Findings::default();
        let outcome = authenticate(&request, &Trusted { clients, bundles, attesters }, &expect, at, &mut findings);
        Report { findings: findings.0.into_iter().map(convert::finding).collect(), outcome }
    }

    fn matches(pattern: String, spiffe_id: String) -> Result<bool, Rejection> {
        IdPattern::parse(&pattern)
            .and_then(|pattern| Ok(pattern.matches(&SpiffeId::parse(&spiffe_id)?)))
            .map_err(convert::rejection)
    }

    fn challenge_endpoint(method: String, challenge: String) -> Result<EndpointAnswer, Rejection> {
        let answer = Challenge::parse(&challenge).map(|challenge| challenge::endpoint(&method, &challenge));
        answer
            .map(|answer| EndpointAnswer {
                status: answer.status,
                headers: answer.headers.into_iter().map(|(name, value)| header(name, value)).collect(),
                body: answer.body,
            })
            .map_err(convert::rejection)
    }
}

fn authenticate(
    request: &Request,
    trusted: &Trusted<'_>,
    expect: &Expectations,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<Authenticated, Refusal> {
    let malformed = |rejection| Refusal::Malformed(convert::rejection(rejection));
    let (clients, bundles) = (trusted.clients.get::<Registered>().0.borrow(), trusted.bundles.get::<Bundles>());
    let bundles = bundles.0.borrow();
    let attesters = trusted.attesters.as_ref().map(|keys| &keys.get::<Keys>().0);
    let methods: Vec<client::Method> = expect.methods.iter().map(method_from).collect();
    let register = expect.register.iter().map(|text| IdPattern::parse(text)).collect::<Result<Vec<_>, _>>();
    let register = register.map_err(malformed)?;
    let challenges = expect.challenges.iter().map(|text| Challenge::parse(text)).collect::<Result<Vec<_>, _>>();
    let challenges = challenges.map_err(malformed)?;
    let (nonces, seen) = (lent(&expect.nonces), lent(&expect.seen));
    let usual = authentication::Expectations::of(role(expect.role), &expect.server, &clients, &bundles);
    let expect = authentication::Expectations {
        methods: &methods,
        register: &register,
        attesters,
        challenges: &challenges,
        nonces: &nonces,
        window: expect.window.unwrap_or(usual.window),
        leeway: expect.leeway,
        attestation_max_age: expect.attestation_max_age,
        seen: &seen,
        ..usual
    };
    let headers: Vec<(&str, &[u8])> =
        request.headers.iter().map(|header| (header.name.as_str(), header.value.as_slice())).collect();
    let form: Vec<(&str, &str)> =
        request.form.iter().map(|parameter| (parameter.name.as_str(), parameter.value.as_str())).collect();
    let request = authentication::Request {
        headers: &headers,
        method: &request.method,
        url: &request.url,
        form: &form,
        certificate_chain: &request.certificate_chain,
    };
    authentication::explain(&request, &expect, at, &backend(), trace).map(known).map_err(|refused| {
        Refusal::Unauthenticated(Unauthenticated {
            reason: convert::rejection(refused.rejection),
            answer: error_answer(refused.answer),
        })
    })
}

fn known(known: Known) -> Authenticated {
    Authenticated {
        client_id: known.client_id,
        method: method(known.method),
        new: known.new,
        spiffe_id: known.spiffe_id.map(|id| id.as_str().into()),
        claims: json::to_text(&known.claims),
        key: known.key.map(Into::into),
        proofs: known.proofs.into_iter().map(used_proof).collect(),
    }
}

pub(crate) fn used_proof(proof: authentication::UsedProof) -> UsedProof {
    UsedProof {
        thumbprint: proof.thumbprint.into(),
        target: proof.target,
        id: proof.id,
        issued_at: proof.issued_at.seconds(),
    }
}

pub(crate) fn error_answer(answer: client::ErrorAnswer) -> ErrorAnswer {
    ErrorAnswer {
        status: answer.status,
        error: answer.error.into(),
        body: answer.body(),
        headers: answer.headers.into_iter().map(|(name, value)| header(name, &value)).collect(),
    }
}

fn header(name: &str, value: &str) -> Header {
    Header { name: name.into(), value: value.into() }
}

fn role(role: Role) -> authentication::Role {
    match role {
        Role::AuthorizationServer => authentication::Role::AuthorizationServer,
        Role::ResourceServer => authentication::Role::ResourceServer,
    }
}

fn method(method: client::Method) -> Method {
    match method {
        client::Method::SpiffeJwt => Method::SpiffeJwt,
        client::Method::SpiffeX509 => Method::SpiffeX509,
        client::Method::SpiffeWit => Method::SpiffeWit,
        client::Method::Attestation => Method::Attestation,
        client::Method::AttestationDpop => Method::AttestationDpop,
    }
}

fn method_from(method: &Method) -> client::Method {
    match method {
        Method::SpiffeJwt => client::Method::SpiffeJwt,
        Method::SpiffeX509 => client::Method::SpiffeX509,
        Method::SpiffeWit => client::Method::SpiffeWit,
        Method::Attestation => client::Method::Attestation,
        Method::AttestationDpop => client::Method::AttestationDpop,
    }
}

fn lent(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}
