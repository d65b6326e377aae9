//! What a request says who its client is by: one thing, and not two.

use alloc::{format, vec::Vec};

use portcullis_types::{Rejection, limits::excerpt};

use crate::{
    ClientCode, Method, attestation,
    authenticate::{Expectations, Request, Role},
    header, pop,
    spiffe::ASSERTION_TYPE,
};

/// The credential of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Presented<'r> {
    /// A JWT-SVID in the form.
    Assertion(&'r str),
    /// The certificate of the connection.
    Certificate,
    /// An attestation in the header fields, or a WIT-SVID in its place.
    Attestation,
}

/// The parameters of a form that matter here, each at most once (RFC 6749 section 3.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Parameters<'r> {
    pub(crate) client_id: Option<&'r str>,
    client_secret: Option<&'r str>,
    client_assertion: Option<&'r str>,
    client_assertion_type: Option<&'r str>,
}

impl<'r> Parameters<'r> {
    /// What a resource server knows without a form: the client of the access token.
    pub(crate) fn of_resource(client_id: Option<&'r str>) -> Self {
        Self { client_id, ..Self::default() }
    }

    /// Reads a form.
    ///
    /// Error: `client.parameter_repeated`.
    pub(crate) fn of(form: &[(&'r str, &'r str)]) -> Result<Self, Rejection> {
        let one = |wanted: &str| {
            let mut found = form.iter().filter(|(name, _)| *name == wanted).map(|(_, value)| *value);
            match (found.next(), found.next()) {
                (first, None) => Ok(first),
                (_, Some(_)) => {
                    let what = format!("the parameter {wanted} stands there twice");
                    Err(Rejection::new(ClientCode::ParameterRepeated, what))
                }
            }
        };
        Ok(Self {
            client_id: one("client_id")?,
            client_secret: one("client_secret")?,
            client_assertion: one("client_assertion")?,
            client_assertion_type: one("client_assertion_type")?,
        })
    }
}

impl<'r> Presented<'r> {
    /// Finds the one credential.
    ///
    /// At a resource server there is one kind only: its form and `Authorization` are not about its clients, and neither is
    /// the certificate of the connection, which tokens may be bound to. The certificate counts where the server accepts
    /// X.509-SVIDs: then a client that brings one and authenticates otherwise besides does so in two ways.
    ///
    /// Errors: `client.several_methods`, `client.credential_*`, `client.assertion_*`.
    pub(crate) fn of(
        request: &Request<'_>,
        parameters: &Parameters<'r>,
        expect: &Expectations<'_>,
    ) -> Result<Self, Rejection> {
        let has = |name| header::has(request.headers, name);
        // A proof alone is an attempt too: it is told what is missing.
        let attestation = has(attestation::HEADER) || has(pop::HEADER);
        let at_server = expect.role == Role::AuthorizationServer;
        let certificate = !request.certificate_chain.is_empty() && expect.methods.contains(&Method::SpiffeX509);
        let assertion = parameters.client_assertion.is_some() || parameters.client_assertion_type.is_some();
        let ways = [
            ("a client attestation", attestation),
            ("a client assertion", at_server && assertion),
            ("a client certificate", at_server && certificate),
            ("a client secret", at_server && parameters.client_secret.is_some()),
            ("an Authorization header field", at_server && has("Authorization")),
        ];
        let found: Vec<&str> = ways.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect();
        match found.as_slice() {
            // Where one kind alone is looked at, that it is missing is what its own field says.
            [] if !at_server => Ok(Self::Attestation),
            [] => Err(Rejection::new(ClientCode::CredentialMissing, "the request does not say who its client is")),
            [_] if attestation => Ok(Self::Attestation),
            [_] if at_server && assertion => Self::of_assertion(parameters),
            [_] if at_server && certificate => Ok(Self::Certificate),
            [other] => {
                let what = format!("the client authenticates by {other}, which says nothing of a workload");
                Err(Rejection::new(ClientCode::CredentialOther, what))
            }
            several => {
                let what = format!("the client authenticates by {} at once", several.join(" and "));
                Err(Rejection::new(ClientCode::SeveralMethods, what))
            }
        }
    }

    /// Both parameters are there, and the type is that of JWT-SVIDs (draft-ietf-oauth-spiffe-client-auth-02 section 3.1).
    fn of_assertion(parameters: &Parameters<'r>) -> Result<Self, Rejection> {
        let incomplete = |name| {
            let what = format!("the request has no {name}");
            Rejection::new(ClientCode::AssertionIncomplete, what)
        };
        let kind = parameters.client_assertion_type.ok_or_else(|| incomplete("client_assertion_type"))?;
        let assertion = parameters.client_assertion.ok_or_else(|| incomplete("client_assertion"))?;
        if kind != ASSERTION_TYPE {
            let what = format!("client_assertion_type is {}", excerpt(kind));
            return Err(Rejection::new(ClientCode::AssertionType, what));
        }
        Ok(Self::Assertion(assertion))
    }
}
