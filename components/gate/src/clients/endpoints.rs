//! The paths of a listener for clients.

use alloc::{format, string::ToString, vec::Vec};

use portcullis_client::{challenge, registration};
use portcullis_svid::SpiffeId;
use portcullis_types::{
    Rejection,
    json::{self, Object},
    trace::check,
};

use super::{
    Passed, answer,
    described::{Described, Following, Issuing, Redirect},
    refused,
};
use crate::{
    code::GateCode,
    denial::{Denial, Fault, Stop},
    judge::Judge,
    policy::ClientsPolicy,
    request::Request,
};

impl Judge<'_> {
    /// Answers the server of clients.
    pub(crate) fn at_clients(&mut self, clients: &ClientsPolicy, request: &Request) -> Result<Passed, Stop> {
        let path = endpoint(request);
        let path = check(self.trace, "endpoint", "docs/clients.md", path, |path| path.to_string());
        let path = path.map_err(|rejection| {
            let status = if rejection.is(GateCode::ClientsMethod) { 405 } else { 404 };
            Denial { rejection, fault: Fault::Absent(status) }
        })?;
        let absent = |what: &str| {
            let rejection = Rejection::new(GateCode::ClientsPath, what);
            Err(Denial { rejection, fault: Fault::Absent(404) }.into())
        };
        match path {
            "/authenticate" => {
                let described = self.described(request, Described::parse)?;
                self.client(clients, request, &described)
            }
            "/challenge" if clients.challenges => self.challenge(request),
            "/challenge" => absent("no challenges are given here"),
            "/pushed" => {
                let described = self.described(request, Described::parse_pushed)?;
                self.pushed(clients, request, &described)
            }
            "/pushed/authorization" => {
                let asked = self.described(request, Following::parse)?;
                self.pushed_authorization(clients, &asked)
            }
            "/pushed/token" => {
                let asked = self.described(request, Following::parse)?;
                self.pushed_token(clients, request, &asked)
            }
            "/bind" => {
                let asked = self.described(request, Issuing::parse)?;
                self.bind(clients, &asked)
            }
            _ => match &clients.register {
                Some(policy) => {
                    let asked = self.described(request, Redirect::parse)?;
                    self.redirect(&asked, policy)
                }
                None => absent("nobody is registered here on first use"),
            },
        }
    }

    fn described<T>(
        &mut self,
        request: &Request,
        parse: impl FnOnce(&[u8]) -> Result<T, Rejection>,
    ) -> Result<T, Denial> {
        let missing = || Rejection::new(GateCode::ClientsDescription, "the host has not the body");
        let read = request.body.as_deref().ok_or_else(missing).and_then(parse);
        check(self.trace, "description", "docs/clients.md", read, |_| "read".into()).map_err(Denial::request)
    }

    /// draft-ietf-oauth-attestation-based-client-auth-11 section 6.1
    fn challenge(&mut self, request: &Request) -> Result<Passed, Stop> {
        let given = self.challenges(request)?;
        let Some(first) = given.first() else { return Err(self.without_nonces().into()) };
        let body = challenge::endpoint("POST", first).body;
        Ok(Passed::with(body))
    }

    /// Where the browser of an authorization request may be sent back to (draft-kasselman-oauth-spiffe-01, The redirect URI).
    fn redirect(&mut self, asked: &Redirect, policy: &registration::RegistrationPolicy) -> Result<Passed, Stop> {
        // What is no SPIFFE ID has no record, and is refused below.
        let stored = match SpiffeId::parse(&asked.client_id) {
            Ok(id) => Some(self.record(&id)?),
            Err(_) => None,
        };
        let (record, at) = stored.unwrap_or((None, self.at));
        let admitted =
            registration::admit_redirect(&asked.client_id, asked.redirect_uri.as_deref(), record.as_ref(), policy, at);
        match admitted {
            Ok(redirect_uri) => {
                self.trace.passed("redirect URI", "RFC 9700 section 2.1", &|| "a registered one".into());
                let members = Vec::from([("redirect_uri".to_string(), redirect_uri.into())]);
                Ok(Passed::with(json::to_text(&Object::from_members(members))))
            }
            Err(unregistered) => {
                self.trace.failed("redirect URI", &unregistered.rejection);
                Err(refused(unregistered.rejection, unregistered.answer).into())
            }
        }
    }
}

impl Passed {
    /// An answer about nobody.
    pub(super) fn with(body: alloc::string::String) -> Self {
        Self { client: None, issuer: Default::default(), body, proofs: Vec::new(), store: None }
    }
}

/// What is asked, by method and target.
fn endpoint(request: &Request) -> Result<&'static str, Rejection> {
    let target = request.target.as_deref().or_else(|| {
        let start = request.url.find("://").map_or(0, |at| at + 3);
        request.url.get(start..).and_then(|rest| rest.find('/').and_then(|at| rest.get(at..)))
    });
    let target = target.unwrap_or_default();
    let path = answer::PATHS.into_iter().find(|path| *path == target).ok_or_else(|| {
        let (last, others) = answer::PATHS.split_last().unwrap_or((&"", &[]));
        Rejection::new(GateCode::ClientsPath, format!("servers ask at {} and {last}", others.join(", ")))
    })?;
    match request.method.as_str() {
        "POST" => Ok(path),
        _ => Err(Rejection::new(GateCode::ClientsMethod, "servers ask with POST")),
    }
}
