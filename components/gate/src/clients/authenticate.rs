//! Who the client of a described request is: the keys that takes, and what the library of clients says with them.

use alloc::{string::String, vec, vec::Vec};

use portcullis_client::{
    Challenge, ErrorAnswer, Method, attestation,
    authenticate::{self, Authenticated, Expectations, Refused},
    challenge, pop,
    registration::Flow,
};
use portcullis_crypto::{CryptoCode, KeySet};
use portcullis_svid::{BundleSet, SpiffeId, wit_svid};
use portcullis_token::{compact, media_type};
use portcullis_types::{
    Rejection,
    json::{self, Value},
    trace::check,
};

use super::{ClientAnswer, Passed, Vouching, answer, described::Described, refused};
use crate::{
    attestation::{LEEWAY, Once, Proof},
    code::GateCode,
    credential,
    denial::{Denial, Stop},
    judge::Judge,
    origin::Origin,
    policy::{ClientsPolicy, Replay},
    request::Request,
    sources::Owner,
};

/// Whose keys a credential verifies with, as it says itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// A trust domain, by its number in the policy.
    TrustDomain(usize),
    /// Those who attest clients.
    Attesters,
    /// Nobody's here: it is refused without keys.
    Nobody,
}

impl Judge<'_> {
    /// Says who the client of a described request is.
    ///
    /// Errors: `request.unknown_origin`; `keys.*`, `clients.store_*`; those of client authentication and of registration.
    pub(super) fn client(
        &mut self,
        clients: &ClientsPolicy,
        request: &Request,
        described: &Described,
    ) -> Result<Passed, Stop> {
        self.origin(&described.url)?;
        let challenges = if clients.challenges { self.challenges(request)? } else { Vec::new() };
        self.has_nonces(request, described)?;
        let by = self.by(clients, described);
        let (verified, at_attestation) = match by {
            By::TrustDomain(number) => {
                self.bundle(number)?;
                (self.verified(clients, request, described, &challenges, by, None), false)
            }
            By::Attesters => {
                let keys = self.vouching(clients, Vouching::Attesters)?;
                (self.verified(clients, request, described, &challenges, by, Some(&keys)), true)
            }
            By::Nobody => (self.verified(clients, request, described, &challenges, by, None), false),
        };
        let client = match verified {
            Ok(client) => client,
            Err(refusal) => {
                // It may be newer than the keys that are held.
                if refusal.rejection.is(CryptoCode::Unknown)
                    || credential::is_of_an_unknown_authority(&refusal.rejection)
                {
                    match by {
                        By::TrustDomain(number) => self.more_of_bundle(number)?,
                        By::Attesters => self.more_keys_of(Owner::OfClients(Vouching::Attesters))?,
                        By::Nobody => {}
                    }
                }
                return Err(refused(refusal.rejection, refusal.answer).into());
            }
        };
        // Whatever it was verified with is what was made sure of before: the bundle of a trust domain whose workloads count.
        let of = client.spiffe_id.as_ref().map(SpiffeId::trust_domain);
        if !matches!(by, By::TrustDomain(number) if self.policy.trust_domains.get(number).map(|trusted| &trusted.name) == of)
            && of.is_some()
        {
            let what = "the workload is of another trust domain than its credential says";
            return Err(Denial::unknown(Rejection::new(GateCode::KeysUnavailable, what)).into());
        }
        let registered = match (&client.spiffe_id, &clients.register) {
            (Some(id), Some(policy)) if client.new => Some(self.registered(&client, id, &flow(described), policy)?),
            _ => None,
        };
        let proofs = self.proofs_of_client(clients, request, described, &client.proofs, &challenges)?;
        let issuer = match &client.spiffe_id {
            Some(id) => id.trust_domain().as_str().into(),
            // Who attests need not say who that is.
            None => match client.claims.get("iss") {
                Ok(Some(Value::String(iss))) => iss.clone(),
                _ => String::new(),
            },
        };
        let (registration, store) = registered.map_or((None, None), |(made, store)| (Some(made), store));
        let client = ClientAnswer {
            new: registration.as_ref().is_some_and(|made| made.outcome.is_new()),
            client_id: client.client_id,
            method: client.method.name(),
            spiffe_id: client.spiffe_id.as_ref().map(|id| id.as_str().into()),
            key: client.key,
            registration,
        };
        // A client that keeps what it is given here needs no second attempt next time (section 6.2; RFC 9449 section 8.2).
        let next = challenges.first().filter(|_| at_attestation || described.has_attestation());
        let field = if described.header(pop::HEADER).is_some() { challenge::HEADER } else { "DPoP-Nonce" };
        let headers: Vec<(&str, &str)> = next.map(|given| (field, given.as_str())).into_iter().collect();
        let body = answer::client(&client, &headers);
        Ok(Passed { client: Some(client), issuer, body, proofs, store })
    }

    /// The request was sent to this server: a proof for another one's URL is none for it, whatever the request says that it is.
    pub(super) fn origin(&mut self, url: &str) -> Result<(), Denial> {
        let known = Origin::of_url(url).is_some_and(|origin| self.policy.origins.contains(&origin));
        let made = match known {
            true => Ok(()),
            false => {
                Err(Rejection::new(GateCode::UnknownOrigin, "the request's URL is at none of the policy's origins"))
            }
        };
        check(self.trace, "origin", "docs/clients.md", made, |()| "the server's".into()).map_err(|rejection| {
            refused(rejection, ErrorAnswer { status: 400, error: "invalid_request", headers: Vec::new() })
        })
    }

    /// Where the policy wants nonces, the host has some for a proof of DPoP: without any, a proof would need none.
    ///
    /// Error: `replay.nonce_unavailable`.
    pub(super) fn has_nonces(&mut self, request: &Request, described: &Described) -> Result<(), Denial> {
        let wanted = self.policy.replay == Replay::Nonce && described.header("DPoP").is_some();
        if wanted && request.nonces.is_empty() { Err(self.without_nonces()) } else { Ok(()) }
    }

    /// Whose keys the credential of a request would verify with, not verified. What has several is refused later.
    fn by(&self, clients: &ClientsPolicy, described: &Described) -> By {
        let of_domain = |id: Option<SpiffeId>| {
            let named = |number: &&usize| {
                let trusted = self.policy.trust_domains.get(**number);
                trusted.is_some_and(|trusted| id.as_ref().is_some_and(|id| *id.trust_domain() == trusted.name))
            };
            clients.trust_domains.iter().find(named).map_or(By::Nobody, |number| By::TrustDomain(*number))
        };
        if let Some(token) = described.header(attestation::HEADER) {
            let Ok(compact) = compact::parse(token) else { return By::Nobody };
            let is_wit = matches!(compact.header.get("typ"), Ok(Some(Value::String(typ)))
                if media_type::same(typ, wit_svid::TYPE));
            return match is_wit {
                true => of_domain(subject_untrusted(token)),
                false if clients.attesters.is_some() => By::Attesters,
                false => By::Nobody,
            };
        }
        if let Some(assertion) = described.parameter("client_assertion") {
            return of_domain(subject_untrusted(assertion.as_bytes()));
        }
        match described.certificate_chain.first() {
            Some(leaf) => of_domain(credential::spiffe_id_untrusted(leaf)),
            None => By::Nobody,
        }
    }

    fn verified(
        &mut self,
        clients: &ClientsPolicy,
        request: &Request,
        described: &Described,
        challenges: &[Challenge],
        by: By,
        attesters: Option<&KeySet>,
    ) -> Result<Authenticated, Refused> {
        let none = BundleSet::new();
        let (bundles, trusted) = match by {
            By::TrustDomain(number) => (&self.state.bundles, self.policy.trust_domains.get(number)),
            By::Attesters | By::Nobody => (&none, None),
        };
        // What a trust domain's entry leaves out is accepted of it nowhere.
        let accepted = |method: &Method| match (method, trusted) {
            (Method::SpiffeJwt, Some(trusted)) => trusted.jwt,
            (Method::SpiffeX509, Some(trusted)) => trusted.x509,
            (Method::SpiffeWit, Some(trusted)) => trusted.wit,
            _ => true,
        };
        let methods: Vec<Method> = clients.methods.iter().copied().filter(accepted).collect();
        let nonces = nonces(clients, self.policy.replay, request, described);
        let headers: Vec<(&str, &[u8])> =
            described.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let form: Vec<(&str, &str)> =
            described.form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let expect = Expectations {
            methods: &methods,
            register: clients.register.as_ref().map_or(&[], |policy| policy.register.as_slice()),
            attesters,
            challenges,
            nonces: &nonces,
            window: clients.window,
            leeway: trusted.map_or(LEEWAY, |trusted| trusted.leeway),
            attestation_max_age: clients.attestation_max_age,
            ..Expectations::of(clients.role, &clients.server, &clients.known, bundles)
        };
        let sent = authenticate::Request {
            headers: &headers,
            method: &described.method,
            url: &described.url,
            form: &form,
            certificate_chain: &described.certificate_chain,
        };
        authenticate::explain(&sent, &expect, self.at, self.backend, self.trace)
    }

    /// The proofs of a client, each to be used once.
    pub(super) fn proofs_of_client(
        &mut self,
        clients: &ClientsPolicy,
        request: &Request,
        described: &Described,
        used: &[authenticate::UsedProof],
        challenges: &[Challenge],
    ) -> Result<Vec<Proof>, Denial> {
        let nonces = nonces(clients, self.policy.replay, request, described);
        let once = Once {
            role: clients.role,
            server: &clients.server,
            window: clients.window,
            with_pop: described.header(pop::HEADER).is_some(),
            with_dpop: described.header("DPoP").is_some(),
            challenge: challenges.first().map(Challenge::as_str),
            nonce: nonces.first().copied(),
            refused,
        };
        self.used_once(request, &once, used)
    }
}

/// The nonces that a DPoP proof has to have one of: where the policy wants them, and where the proof stands for that of an
/// attestation, which has no challenge then (draft-ietf-oauth-attestation-based-client-auth-11 section 7.3).
pub(super) fn nonces<'r>(
    clients: &ClientsPolicy,
    replay: Replay,
    request: &'r Request,
    described: &Described,
) -> Vec<&'r str> {
    let stands_for_both = clients.challenges && described.has_attestation() && described.header(pop::HEADER).is_none();
    match replay == Replay::Nonce || stands_for_both {
        true => request.nonces.iter().map(String::as_str).collect(),
        false => vec![],
    }
}

/// The SPIFFE ID in a token's `sub`, not verified.
fn subject_untrusted(token: &[u8]) -> Option<SpiffeId> {
    let compact = compact::parse(token).ok()?;
    let claims = json::parse_object(&compact.payload).ok()?;
    match claims.get("sub") {
        Ok(Some(Value::String(sub))) => SpiffeId::parse(sub).ok(),
        _ => None,
    }
}

/// What the flow needs: what the server says, else what the request itself says.
fn flow(described: &Described) -> Flow<'_> {
    let own = &described.flow;
    Flow {
        client_id: own.client_id.as_deref(),
        grant_type: own.grant_type.as_deref().or_else(|| described.parameter("grant_type")),
        redirect_uri: own.redirect_uri.as_deref().or_else(|| described.parameter("redirect_uri")),
    }
}
