//! Clients that register with their pushed request, the requests that go on from it, and what a token is bound to
//! (`docs/pushed-registration.md`, `docs/key-binding.md`).

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use portcullis_client::{Challenge, attestation, authenticate::UsedProof, pop};
use portcullis_crypto::CryptoCode;
use portcullis_oauth::{
    key_binding::{self, BindingPolicy, TokenRequest},
    pushed_registration::{self as pushed, Expectations, Voucher},
};
use portcullis_token::mtls::Certificate;
use portcullis_types::json::{self, Object, Value};

use super::{
    Passed, Vouching, answer,
    authenticate::nonces,
    described::{Described, Following, Issuing},
    refused,
};
use crate::{
    denial::{Denial, Stop},
    judge::Judge,
    policy::{ClientsPolicy, DynamicClients, Replay},
    request::Request,
    sources::Owner,
};

/// A described request, in the parts that the library reads.
struct Sent<'d> {
    described: &'d Described,
    headers: Vec<(&'d str, &'d [u8])>,
    form: Vec<(&'d str, &'d str)>,
}

impl<'d> Sent<'d> {
    fn of(described: &'d Described) -> Self {
        Self {
            described,
            headers: described.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect(),
            form: described.form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
        }
    }

    fn request(&self) -> pushed::Request<'_> {
        pushed::Request {
            headers: &self.headers,
            method: &self.described.method,
            url: &self.described.url,
            form: &self.form,
            certificate: self.described.certificate_chain.first().map(|der| Certificate::Der(der)),
        }
    }
}

/// What proofs of a request may carry.
struct Given<'r> {
    challenges: Vec<Challenge>,
    nonces: Vec<&'r str>,
    window: u64,
}

impl Given<'_> {
    fn expectations(&self) -> Expectations<'_> {
        Expectations {
            challenges: &self.challenges,
            nonces: &self.nonces,
            window: self.window,
            // The host's memory is asked last.
            seen: &[],
        }
    }

    /// What a client needs for its next proofs, of the kinds that it sent.
    fn next(&self, described: &Described) -> Vec<(&'static str, &str)> {
        let challenge = self.challenges.first().filter(|_| described.header(pop::HEADER).is_some());
        let nonce = self.nonces.first().filter(|_| described.header("DPoP").is_some());
        let challenge = challenge.map(|given| (portcullis_client::challenge::HEADER, given.as_str()));
        challenge.into_iter().chain(nonce.map(|given| ("DPoP-Nonce", *given))).collect()
    }
}

impl Judge<'_> {
    /// Judges a pushed request of a client that nobody registered.
    ///
    /// Errors: `request.unknown_origin`; `keys.*`; those of the library, `par.disabled` where the policy takes no such clients.
    pub(super) fn pushed(
        &mut self,
        clients: &ClientsPolicy,
        request: &Request,
        described: &Described,
    ) -> Result<Passed, Stop> {
        self.origin(&described.url)?;
        let dynamic = self.dynamic(clients)?;
        let sent = Sent::of(described);
        let sent = sent.request();
        // Keys are fetched for what a request brings, and not for what it could.
        let brought = pushed::brought_untrusted(&sent);
        let vouchers = &dynamic.push().vouchers;
        let attested = vouchers.attestation.is_some() && brought.contains(&Voucher::Attestation);
        let stated = vouchers.software_statement.is_some() && brought.contains(&Voucher::SoftwareStatement);
        let by = Vouching::of_dynamic(clients);
        let attesters = if attested { Some(self.vouching(clients, by)?) } else { None };
        let statements = if stated { Some(self.vouching(clients, Vouching::Statements)?) } else { None };
        let policy = dynamic.with_keys(attesters, statements);
        let given = self.given(clients, request, described, attested)?;
        let made = pushed::explain(&sent, &policy, &given.expectations(), self.at, self.backend, self.trace);
        let made = match made {
            Ok(made) => made,
            Err(refusal) => {
                // It may be newer than the keys that are held: those of whoever it is said to be from.
                if refusal.rejection.is(CryptoCode::Unknown) {
                    let of_statement = refusal.answer.error == "invalid_software_statement";
                    self.more_keys_of(Owner::OfClients(if of_statement { Vouching::Statements } else { by }))?;
                }
                return Err(refused(refusal.rejection, refusal.answer).into());
            }
        };
        let mut members = made.to_members();
        members.push(("pushed".into(), made.to_keep().into()));
        self.told(clients, request, described, &given, members, &made.proofs)
    }

    /// Holds an authorization request to the pushed one.
    ///
    /// Errors: `request.unknown_origin`; those of the library.
    pub(super) fn pushed_authorization(&mut self, clients: &ClientsPolicy, asked: &Following) -> Result<Passed, Stop> {
        self.origin(&asked.described.url)?;
        self.dynamic(clients)?;
        let sent = Sent::of(&asked.described);
        let tied = pushed::tie_authorization(&sent.form, &asked.kept.pending(), self.at, self.trace);
        tied.map_err(|refusal| refused(refusal.rejection, refusal.answer))?;
        Ok(Passed::with(json::to_text(&Object::default())))
    }

    /// Holds a token request to the pushed request.
    ///
    /// Errors: `request.unknown_origin`; those of the library.
    pub(super) fn pushed_token(
        &mut self,
        clients: &ClientsPolicy,
        request: &Request,
        asked: &Following,
    ) -> Result<Passed, Stop> {
        let described = &asked.described;
        self.origin(&described.url)?;
        self.dynamic(clients)?;
        let given = self.given(clients, request, described, false)?;
        let (pending, expect) = (asked.kept.pending(), given.expectations());
        let sent = Sent::of(described);
        let tied = pushed::tie_token(&sent.request(), &pending, &expect, self.at, self.backend, self.trace);
        let tied = tied.map_err(|refusal| refused(refusal.rejection, refusal.answer))?;
        self.told(clients, request, described, &given, tied.to_members(), &tied.proofs)
    }

    /// Says what a token is bound to.
    ///
    /// Errors: those of the library, `binding.deferred_not_permitted` where the policy lets nobody name keys.
    pub(super) fn bind(&mut self, clients: &ClientsPolicy, asked: &Issuing) -> Result<Passed, Stop> {
        let off = BindingPolicy::off();
        let policy = clients.key_binding.as_ref().unwrap_or(&off);
        let request = TokenRequest { client_id: &asked.client_id, tmb: asked.tmb.as_deref(), proved: asked.proved };
        match key_binding::explain_bind(&request, policy, self.trace) {
            Ok(bound) => Ok(Passed::with(json::to_text(&Object::from_members(bound.to_members())))),
            Err(rejection) => {
                let answer = key_binding::answer(&rejection);
                Err(refused(rejection, answer).into())
            }
        }
    }

    /// The policy takes such clients at all. An operator who turns them off turns off those that are under way, too.
    fn dynamic<'c>(&mut self, clients: &'c ClientsPolicy) -> Result<&'c DynamicClients, Denial> {
        clients.dynamic.as_ref().ok_or_else(|| {
            let refusal = pushed::disabled();
            self.trace.failed("dynamic clients", &refusal.rejection);
            refused(refusal.rejection, refusal.answer)
        })
    }

    /// What proofs may carry, where there are some that have to carry it. `attested`: whether an attestation is looked at.
    ///
    /// Error: `replay.nonce_unavailable`.
    fn given<'r>(
        &mut self,
        clients: &ClientsPolicy,
        request: &'r Request,
        described: &Described,
        attested: bool,
    ) -> Result<Given<'r>, Denial> {
        let challenges = if attested && clients.challenges { self.challenges(request)? } else { Vec::new() };
        let nonces = match attested || self.policy.replay == Replay::Nonce {
            true => nonces(clients, self.policy.replay, request, described),
            false => Vec::new(),
        };
        self.has_nonces(request, described)?;
        Ok(Given { challenges, nonces, window: clients.window })
    }

    /// The answer, once the proofs are known to be used for the first time.
    fn told(
        &mut self,
        clients: &ClientsPolicy,
        request: &Request,
        described: &Described,
        given: &Given<'_>,
        mut members: Vec<(String, Value)>,
        used: &[UsedProof],
    ) -> Result<Passed, Stop> {
        let proofs = self.proofs_of_client(clients, request, described, used, &given.challenges)?;
        let next = given.next(described);
        if !next.is_empty() {
            members.push(("headers".to_string(), answer::fields(next.into_iter())));
        }
        Ok(Passed { proofs, ..Passed::with(json::to_text(&Object::from_members(members))) })
    }
}

impl Described {
    /// Whether an attestation comes with the request.
    pub(super) fn has_attestation(&self) -> bool {
        self.header(attestation::HEADER).is_some()
    }
}
