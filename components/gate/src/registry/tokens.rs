//! A token service: who asks for what, and what they are handed.

use alloc::{
    format,
    string::{String, ToString},
    vec,
};

use portcullis_scope::oci::{
    Access,
    intersect::intersect,
    scope,
    token_request::{FormCredential, TokenRequest, from_form, from_query},
};
use portcullis_types::{Rejection, trace::check};

use super::{
    Speaking,
    credential::Brought,
    issue::{Issue, IssueKind, access_claim, number, text, to_sign},
    permitted::{Standing, missing_credential, told},
};
use crate::{
    code::GateCode,
    denial::{Denial, Fault, Stop},
    judge::{Context, Judge, Passed, Verified},
    policy::{Registry, registry::TokenService},
    request::{Judged, Request},
};

/// `typ` of tokens for registries (distribution: Token Authentication Implementation, Headers).
const ACCESS_TYPE: &str = "JWT";

impl Judge<'_> {
    /// Judges a request for a token, in order: its URL and method, its form, the registry that it is for, the credential, what
    /// that is granted of what is asked.
    pub(crate) fn at_tokens(
        &mut self,
        registry: &Registry,
        judged: &Judged<'_>,
        request: &Request,
        context: &mut Context,
    ) -> Result<Passed, Stop> {
        let Some(service) = &registry.tokens else { return Err(elsewhere().into()) };
        let asked = self::asked(registry, judged, request);
        if let Err(denial) = &asked {
            self.trace.failed("request for a token", &denial.rejection);
        }
        let asked = asked?;
        self.trace.passed("request for a token", "docs/registries.md", &|| told(&asked.access));
        let name =
            check(self.trace, "registry", "docs/registries.md", named(registry, &asked), |name| name.to_string())
                .map_err(Denial::request)?;
        context.registry = Some(Speaking::Tokens(Some(name.into())));
        let (verified, signed_in) = self.who(registry, service, name, judged, request, &asked)?;
        context.verified.clone_from(&verified);
        if verified.as_ref().is_some_and(|verified| self.is_registry_token(verified)) {
            let rejection = Rejection::new(GateCode::RegistryOwnToken, "a registry's token signs nobody in");
            self.trace.failed("credential", &rejection);
            return Err(Denial::token(rejection).into());
        }
        let standing = match &verified {
            None => Standing::Nobody,
            Some(verified) => Standing::Own(verified),
        };
        let permitted = self.permitted(registry, name, &standing, &asked.access);
        let access = intersect(&asked.access, &permitted).map_err(Denial::request)?;
        if verified.is_none() && access.is_empty() {
            let what = "nothing of it is granted to everybody: a credential is needed";
            let rejection = Rejection::new(GateCode::RegistryAnonymous, what);
            self.trace.failed("access", &rejection);
            return Err(missing_credential(rejection).into());
        }
        self.trace.passed("access", "distribution: Token Authentication Specification", &|| told(&access));
        let refresh = self.refresh_token(registry, service, name, &asked, verified.as_ref(), signed_in);
        let issue = Issue {
            kind: IssueKind::Registry,
            access: self.access_token(service, name, verified.as_ref(), &access),
            refresh,
            scope: if access.is_empty() { String::new() } else { scope::write(&access).map_err(Denial::request)? },
            issued_at: self.at,
            expires_in: service.lifetime,
        };
        Ok(Passed { issue: Some(issue), ..Passed::of(verified) })
    }

    /// Who asks, and when they signed in.
    fn who(
        &mut self,
        registry: &Registry,
        service: &TokenService,
        name: &str,
        judged: &Judged<'_>,
        request: &Request,
        asked: &TokenRequest,
    ) -> Result<(Option<Verified>, u64), Stop> {
        let brought = match (&asked.credential, Brought::of(judged.headers)?) {
            (FormCredential::None, brought) => brought,
            (FormCredential::Password { name, password }, Brought::Nothing) => Brought::of_password(name, password),
            (FormCredential::Assertion(token), Brought::Nothing) => Brought::Token(token.clone()),
            (FormCredential::Refresh(token), Brought::Nothing) => {
                return self.refreshed(registry, service, name, token);
            }
            (_, _) => {
                let what = "there is one credential in Authorization, and another in the form";
                return Err(Denial::request(Rejection::new(GateCode::RegistryCredentials, what)).into());
            }
        };
        Ok((self.registry_credential(judged, request, &brought)?, self.at))
    }

    fn access_token(
        &self,
        service: &TokenService,
        name: &str,
        verified: Option<&Verified>,
        access: &[Access],
    ) -> super::ToSign {
        let issuer = self.policy.issuers.get(service.issuer).map(|issuer| issuer.issuer.as_str()).unwrap_or_default();
        let subject = verified.map(Verified::subject).unwrap_or_default();
        let members = vec![
            text("iss", issuer),
            // Empty where nobody signed in (distribution: Token Authentication Implementation, Claim Set).
            text("sub", &subject),
            text("aud", name),
            number("exp", self.at.saturating_add(service.lifetime)),
            number("nbf", self.at),
            number("iat", self.at),
            ("access".into(), access_claim(access)),
        ];
        to_sign(ACCESS_TYPE, members)
    }
}

impl Verified {
    /// What a registry's logs call it.
    pub(super) fn subject(&self) -> String {
        if let Some(user) = &self.user {
            return user.clone();
        }
        if let Some(id) = &self.spiffe_id {
            return id.to_string();
        }
        self.fact.as_ref().and_then(|fact| fact.claims.subject.clone()).unwrap_or_default()
    }
}

fn elsewhere() -> Denial {
    Denial {
        rejection: Rejection::new(GateCode::RegistryPath, "no tokens are handed out here"),
        fault: Fault::Absent(404),
    }
}

/// What is asked for, by method, target and body.
fn asked(registry: &Registry, judged: &Judged<'_>, request: &Request) -> Result<TokenRequest, Denial> {
    let (path, query) = judged.target.split_once('?').unwrap_or((judged.target, ""));
    let here = registry.realm.as_ref().is_some_and(|realm| realm.origin == Some(judged.origin) && realm.path == path);
    if !here {
        return Err(elsewhere());
    }
    match judged.method {
        "GET" => from_query(query).map_err(Denial::request),
        "POST" => {
            let missing = |what: &str| Denial::request(Rejection::new(GateCode::RegistryForm, what));
            from_form(judged.form(request).map_err(missing)?).map_err(Denial::request)
        }
        _ => {
            let rejection = Rejection::new(GateCode::RegistryMethod, "tokens are had by GET and POST");
            Err(Denial { rejection, fault: Fault::Absent(405) })
        }
    }
}

/// The registry that a token is asked for; the only one where none is named.
fn named<'r>(registry: &'r Registry, asked: &TokenRequest) -> Result<&'r str, Rejection> {
    let unknown = |what: String| Rejection::new(GateCode::RegistryService, what);
    match (&asked.service, registry.services.as_slice()) {
        (None, [only]) => Ok(only),
        (None, _) => Err(unknown("the request names no registry, and there are several".into())),
        (Some(name), services) => services.iter().find(|one| *one == name).map(String::as_str).ok_or_else(|| {
            unknown(format!("{} is none of this service's registries", portcullis_types::limits::excerpt(name)))
        }),
    }
}
