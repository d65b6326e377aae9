//! The checks of client authentication, in their order: the form of the request, the credential, its proof, the client.

use alloc::{format, rc::Rc, string::String, vec, vec::Vec};

use portcullis_crypto::Backend;
use portcullis_svid::{SpiffeId, wit_svid};
use portcullis_token::dpop;
use portcullis_types::{
    Rejection, Timestamp,
    json::Object,
    limits::excerpt,
    trace::{Trace, check},
};

use crate::{
    Client, ClientCode, Method,
    answer::{Fault, Faulted},
    attestation::{self, Freshness, InstanceKey},
    authenticate::{Authenticated, Expectations, Request, Role, UsedProof},
    dpop_form, header, pop,
    presented::{Parameters, Presented},
    spiffe,
};

/// What the checks share.
pub(crate) struct Judge<'a> {
    pub(crate) request: &'a Request<'a>,
    pub(crate) expect: &'a Expectations<'a>,
    pub(crate) at: Timestamp,
    pub(crate) backend: &'a Rc<dyn Backend>,
    pub(crate) trace: &'a mut dyn Trace,
}

impl Judge<'_> {
    /// Says who the client is.
    pub(crate) fn decide(&mut self) -> Result<Authenticated, Faulted> {
        let parameters = match self.expect.role {
            Role::AuthorizationServer => Parameters::of(self.request.form),
            // What a resource's form holds is the resource's.
            Role::ResourceServer => Ok(Parameters::of_resource(self.expect.client_id)),
        };
        let parameters = check(self.trace, "parameters", "RFC 6749 section 3.2", parameters, |_| "each once".into())
            .map_err(Fault::Request.of())?;
        let presented = Presented::of(self.request, &parameters, self.expect);
        let presented = check(self.trace, "one credential", "RFC 6749 section 2.3", presented, |found| match found {
            Presented::Assertion(_) => "a client assertion".into(),
            Presented::Certificate => "a client certificate".into(),
            Presented::Attestation => "a client attestation".into(),
        })
        .map_err(|rejection| match rejection.is(ClientCode::SeveralMethods) {
            true => Faulted(rejection, Fault::Request),
            false if rejection.is(ClientCode::AssertionIncomplete) => Faulted(rejection, Fault::Request),
            false => Faulted(rejection, Fault::Client),
        })?;
        match presented {
            Presented::Assertion(assertion) => self.by_jwt_svid(assertion, parameters.client_id),
            Presented::Certificate => self.by_x509_svid(parameters.client_id),
            Presented::Attestation => self.by_attestation(parameters.client_id),
        }
    }

    /// draft-ietf-oauth-spiffe-client-auth-02 section 3.1
    fn by_jwt_svid(&mut self, assertion: &str, client_id: Option<&str>) -> Result<Authenticated, Faulted> {
        self.accepts(Method::SpiffeJwt, Fault::Client)?;
        let Expectations { bundles, server, leeway, seen, .. } = *self.expect;
        let verified = spiffe::verify_jwt(assertion.as_bytes(), bundles, server, leeway, seen, self.at, self.trace)
            .map_err(Fault::Client.of())?;
        let (client_id, new) = self.client_of(&verified.spiffe_id, client_id, Method::SpiffeJwt)?;
        Ok(Authenticated {
            client_id,
            method: Method::SpiffeJwt,
            new,
            spiffe_id: Some(verified.spiffe_id),
            claims: verified.token.claims.members,
            key: None,
            proofs: Vec::new(),
        })
    }

    /// draft-ietf-oauth-spiffe-client-auth-02 section 3.2
    fn by_x509_svid(&mut self, client_id: Option<&str>) -> Result<Authenticated, Faulted> {
        self.accepts(Method::SpiffeX509, Fault::Client)?;
        let (chain, bundles) = (self.request.certificate_chain, self.expect.bundles);
        let verified = spiffe::verify_x509(chain, client_id, bundles, self.backend, self.at, self.trace)
            .map_err(Fault::Client.of())?;
        // The identifier in the request is the SPIFFE ID itself, and so says no more than the certificate.
        let (client_id, new) = self.client_of(&verified.spiffe_id, None, Method::SpiffeX509)?;
        Ok(Authenticated {
            client_id,
            method: Method::SpiffeX509,
            new,
            spiffe_id: Some(verified.spiffe_id),
            claims: Object::default(),
            key: Some(verified.thumbprint),
            proofs: Vec::new(),
        })
    }

    /// draft-ietf-oauth-attestation-based-client-auth-11 section 7, and draft-ietf-oauth-spiffe-client-auth-02 section 3.3
    fn by_attestation(&mut self, client_id: Option<&str>) -> Result<Authenticated, Faulted> {
        let section = "draft-ietf-oauth-attestation-based-client-auth-11 section 7.1 (1)";
        let token = attestation::FIELD.one(self.request.headers);
        let token = check(self.trace, "attestation field", section, token, |_| "there is one".into())
            .map_err(Fault::Attestation.of())?;
        let is_wit = attestation::inspect_untrusted_is_wit(token).map_err(Fault::Attestation.of())?;
        let form = self.form_of_proof()?;
        let method = match (is_wit, form) {
            (true, _) => Method::SpiffeWit,
            (false, Form::Pop) => Method::Attestation,
            (false, Form::Dpop) => Method::AttestationDpop,
        };
        self.accepts(method, Fault::Attestation)?;
        if form == Form::Dpop {
            self.accepts(Method::AttestationDpop, Fault::Attestation)?;
        }
        let attested = match is_wit {
            true => self.wit_svid(token),
            false => self.attestation(token),
        };
        let attested = attested.map_err(Fault::Attestation.of())?;
        let proofs = self.proofs(form, &attested.key)?;
        let (client_id, new) = match &attested.spiffe_id {
            Some(spiffe_id) => self.client_of(spiffe_id, client_id, method)?,
            None => (self.client_of_attestation(&attested.subject, client_id, method)?, false),
        };
        Ok(Authenticated {
            client_id,
            method,
            new,
            spiffe_id: attested.spiffe_id,
            claims: attested.claims,
            key: Some(attested.key.thumbprint),
            proofs,
        })
    }

    /// Which of the two forms the proof has (section 7): one of its own, or the DPoP proof.
    fn form_of_proof(&mut self) -> Result<Form, Faulted> {
        let has = |name| header::has(self.request.headers, name);
        let form = match (has(pop::HEADER), has("DPoP")) {
            (true, _) => Ok(Form::Pop),
            (false, true) => Ok(Form::Dpop),
            (false, false) => Err(Rejection::new(ClientCode::PopMissing, "the attestation came without a proof")),
        };
        let section = "draft-ietf-oauth-attestation-based-client-auth-11 section 7";
        check(self.trace, "proof form", section, form, |form| match form {
            Form::Pop => "its own".into(),
            Form::Dpop => "the DPoP proof".into(),
        })
        .map_err(Fault::Pop.of())
    }

    fn freshness(&self) -> Freshness {
        Freshness { max_age: self.expect.attestation_max_age, leeway: self.expect.leeway }
    }

    /// An attestation by a trusted attester (section 7.1).
    fn attestation(&mut self, token: &[u8]) -> Result<Attested, Rejection> {
        let attesters = self
            .expect
            .attesters
            .ok_or_else(|| Rejection::new(ClientCode::AttesterNone, "no attester is trusted here"));
        let section = "draft-ietf-oauth-attestation-based-client-auth-11 section 7.1 (4)";
        let attesters =
            check(self.trace, "attesters", section, attesters, |keys| format!("{} keys", keys.entries().len()))?;
        let accepted = self.expect.attester_algorithms;
        let verified =
            attestation::verify_of(token, attesters, accepted, self.freshness(), self.backend, self.at, self.trace)?;
        Ok(Attested { subject: verified.client_id, spiffe_id: None, key: verified.key, claims: verified.claims })
    }

    /// A WIT-SVID in the place of an attestation (draft-ietf-oauth-spiffe-client-auth-02 section 3.3). Its keys are those of
    /// its trust domain's bundle; the attesters have no part.
    fn wit_svid(&mut self, token: &[u8]) -> Result<Attested, Rejection> {
        let Expectations { bundles, leeway, .. } = *self.expect;
        let verified = wit_svid::verify(token, bundles, leeway, self.backend, self.at, self.trace)?;
        attestation::check_fresh(&verified.token.claims, self.freshness(), self.at, self.trace)?;
        let key = verified.confirmation.key;
        let thumbprint = key.public_key().map(|key| key.thumbprint());
        // A WIT-SVID whose key is symmetric does not verify.
        let thumbprint = thumbprint
            .ok_or_else(|| Rejection::new(ClientCode::AttestationConfirmation, "the key of cnf is not public"))?;
        Ok(Attested {
            subject: verified.spiffe_id.as_str().into(),
            spiffe_id: Some(verified.spiffe_id),
            key: InstanceKey { key, thumbprint },
            claims: verified.token.claims.members,
        })
    }

    /// The proof in its form. A DPoP proof beside a proof of its own has nothing to do with the attestation, and has to hold
    /// by itself (section 7).
    fn proofs(&mut self, form: Form, key: &InstanceKey) -> Result<Vec<UsedProof>, Faulted> {
        let sent = dpop::Request { headers: self.request.headers, method: self.request.method, url: self.request.url };
        let expect_dpop = dpop::Expectations {
            access_token: access_token(self.request, self.expect.role),
            nonces: self.expect.nonces,
            window: self.expect.window,
            seen: self.expect.seen,
            ..dpop::Expectations::default()
        };
        if form == Form::Dpop {
            let proof = dpop_form::verify(&sent, &expect_dpop, key, self.at, self.backend, self.trace);
            // A good proof of another key is no proof for this attestation; any other fault is one of the proof itself.
            let proof = proof.map_err(|rejection| match rejection.is(ClientCode::DpopKeyMismatch) {
                true => Faulted(rejection, Fault::Pop),
                false => Faulted(rejection, Fault::Dpop),
            })?;
            return Ok(vec![UsedProof::of_dpop(proof)]);
        }
        let section = "draft-ietf-oauth-attestation-based-client-auth-11 section 7.2 (1)";
        let token = pop::FIELD.one(self.request.headers);
        let token =
            check(self.trace, "proof field", section, token, |_| "there is one".into()).map_err(Fault::Pop.of())?;
        let expect = pop::Expectations {
            server: self.expect.server,
            challenges: self.expect.challenges,
            window: self.expect.window,
            seen: self.expect.seen,
        };
        let proof = pop::verify(token, key, &expect, self.at, self.trace).map_err(Fault::Pop.of())?;
        let mut proofs = vec![UsedProof {
            thumbprint: key.thumbprint,
            target: self.expect.server.into(),
            id: proof.id,
            issued_at: proof.issued_at,
        }];
        if header::has(self.request.headers, "DPoP") {
            let made = dpop::verify(&sent, &expect_dpop, self.at, self.backend);
            let apart = check(self.trace, "DPoP proof", "RFC 9449 section 4.3", made, |proof| {
                format!("by itself, with {}", proof.algorithm.name())
            });
            proofs.push(UsedProof::of_dpop(apart.map_err(Fault::Dpop.of())?));
        }
        Ok(proofs)
    }

    /// The server accepts the method.
    fn accepts(&mut self, method: Method, fault: Fault) -> Result<(), Faulted> {
        let accepted = match self.expect.methods.contains(&method) {
            true => Ok(()),
            false => {
                let what = format!("{} is not accepted here", method.name());
                Err(Rejection::new(ClientCode::MethodNotAccepted, what))
            }
        };
        check(self.trace, "method", "RFC 8414 section 2", accepted, |()| method.name().into()).map_err(fault.of())
    }

    /// The client of a SPIFFE ID: the one that the request names, if it names one, else the one that has the ID. One that
    /// nobody has may register on first use, under the ID itself, where the server lets it.
    fn client_of(
        &mut self,
        spiffe_id: &SpiffeId,
        client_id: Option<&str>,
        method: Method,
    ) -> Result<(String, bool), Faulted> {
        let found = find_client(self.expect, spiffe_id, client_id);
        let section = "draft-ietf-oauth-spiffe-client-auth-02 sections 3 and 5";
        let found = check(self.trace, "client", section, found, |found| match found {
            Some(client) => excerpt(&client.client_id),
            None => "to be registered".into(),
        })
        .map_err(Fault::Client.of())?;
        match found {
            None => Ok((spiffe_id.as_str().into(), true)),
            Some(client) => {
                self.registered_method(client, method)?;
                Ok((client.client_id.clone(), false))
            }
        }
    }

    /// The client of an attestation: its `sub`, which a `client_id` in the request has to be too (section 7.1 (7)).
    fn client_of_attestation(
        &mut self,
        subject: &str,
        client_id: Option<&str>,
        method: Method,
    ) -> Result<String, Faulted> {
        let same = match client_id {
            Some(client_id) if client_id != subject => Err(Rejection::new(
                ClientCode::IdMismatch,
                format!("client_id is {}, the attestation's sub is {}", excerpt(client_id), excerpt(subject)),
            )),
            _ => Ok(()),
        };
        let section = "draft-ietf-oauth-attestation-based-client-auth-11 section 7.1 (7)";
        check(self.trace, "client_id", section, same, |()| "the sub, or left out".into())
            .map_err(Fault::Attestation.of())?;
        let client = self.expect.clients.of_id(subject).ok_or_else(|| unknown(subject));
        let client = check(self.trace, "client", "RFC 6749 section 5.2", client, |client| excerpt(&client.client_id))
            .map_err(Fault::Client.of())?;
        self.registered_method(client, method)?;
        Ok(client.client_id.clone())
    }

    /// The client is registered for the method. What metadata says is about token endpoints (RFC 7591 section 2), so a
    /// resource server does not ask.
    fn registered_method(&mut self, client: &Client, method: Method) -> Result<(), Faulted> {
        if self.expect.role == Role::ResourceServer {
            return Ok(());
        }
        check(self.trace, "registered method", "RFC 7591 section 2", client.check_method(method), |()| {
            method.name().into()
        })
        .map_err(Fault::Client.of())
    }
}

/// The form of the proof that comes with an attestation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Pop,
    Dpop,
}

/// What an attestation says, or a WIT-SVID in its place.
struct Attested {
    subject: String,
    spiffe_id: Option<SpiffeId>,
    key: InstanceKey,
    claims: Object,
}

impl UsedProof {
    fn of_dpop(proof: dpop::VerifiedProof) -> Self {
        Self { thumbprint: proof.thumbprint, target: proof.target, id: proof.id, issued_at: proof.issued_at }
    }
}

fn unknown(client_id: &str) -> Rejection {
    Rejection::new(ClientCode::Unknown, format!("there is no client {}", excerpt(client_id)))
}

/// The client that the request names, if it names one that there is and that has the SPIFFE ID; else the client that has it;
/// nothing for one that may register.
fn find_client<'e>(
    expect: &Expectations<'e>,
    spiffe_id: &SpiffeId,
    client_id: Option<&str>,
) -> Result<Option<&'e Client>, Rejection> {
    let clients = expect.clients;
    if let Some(client_id) = client_id
        && let Some(client) = clients.of_id(client_id)
    {
        if client.has(spiffe_id) {
            return Ok(Some(client));
        }
        let what = format!("{spiffe_id} is not one of the client {}", excerpt(client_id));
        return Err(Rejection::new(ClientCode::SpiffeIdMismatch, what));
    }
    let by_spiffe_id = clients.of_spiffe_id(spiffe_id)?;
    match (client_id, by_spiffe_id) {
        (None, Some(client)) => Ok(Some(client)),
        (Some(client_id), Some(_)) => Err(unknown(client_id)),
        (Some(client_id), None) if client_id != spiffe_id.as_str() => Err(unknown(client_id)),
        (_, None) if expect.register.iter().any(|pattern| pattern.matches(spiffe_id)) => Ok(None),
        (_, None) => Err(unknown(spiffe_id.as_str())),
    }
}

/// The access token that a DPoP proof at a resource server goes with, whatever its scheme (RFC 9449 section 4.3 (12a)). At an
/// authorization server there is none.
fn access_token<'r>(request: &Request<'r>, role: Role) -> Option<&'r str> {
    if role == Role::AuthorizationServer {
        return None;
    }
    let mut fields = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("Authorization"));
    let (scheme, token) = core::str::from_utf8(fields.next()?.1).ok()?.split_once(' ')?;
    ["DPoP", "Bearer"].iter().any(|known| scheme.eq_ignore_ascii_case(known)).then_some(token)
}
