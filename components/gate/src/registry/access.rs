//! A registry's request: what it needs, and whether it may have it.

use alloc::{format, string::String};

use portcullis_scope::{
    ScopeCode,
    oci::{
        allows,
        required::{no_form as no_form_of, required_for},
    },
};
use portcullis_types::{Rejection, trace::check};

use super::{
    Speaking,
    credential::Brought,
    permitted::{Standing, missing_credential, told},
};
use crate::{
    code::GateCode,
    denial::{Denial, Fault, Stop},
    judge::{Context, Judge, Passed},
    policy::Registry,
    request::{Header, Judged, Request, values},
};

impl Judge<'_> {
    /// Judges a registry's request, in order: what it needs, by method, path and query; the credential; what that is granted.
    pub(crate) fn at_registry(
        &mut self,
        registry: &Registry,
        judged: &Judged<'_>,
        request: &Request,
        context: &mut Context,
    ) -> Result<Passed, Stop> {
        let required = required_for(judged.method, judged.target);
        let required = check(self.trace, "needed access", "docs/oci.md", required, |required| told(required));
        let required = required.map_err(unserved)?;
        context.registry = Some(Speaking::Registry(required.clone()));
        let no_form = check(self.trace, "body", "docs/oci.md", self::no_form(judged.headers), |()| "no form".into());
        no_form.map_err(unserved)?;
        let brought = Brought::of(judged.headers)?;
        let verified = self.registry_credential(judged, request, &brought)?;
        context.verified.clone_from(&verified);
        let standing = self.standing(verified.as_ref())?;
        let service = registry.services.first().map(String::as_str).unwrap_or_default();
        let permitted = self.permitted(registry, service, &standing, &required);
        let enough = match (&standing, required.is_empty()) {
            // The base of a registry is how clients learn whether and how they sign in.
            (Standing::Nobody, true) => Err(Rejection::new(GateCode::CredentialMissing, "the base needs a credential")),
            _ => allows::allows(&permitted, &required),
        };
        let enough = check(self.trace, "access", "distribution: Token Scope Documentation", enough, |()| {
            format!("{} needed", told(&required))
        });
        if let Err(rejection) = enough {
            let missing = allows::missing(&permitted, &required).unwrap_or_else(|_| required.clone());
            return Err(match standing {
                Standing::Nobody => missing_credential(Rejection::new(
                    GateCode::CredentialMissing,
                    format!("the request has no credential, and {}", rejection.detail()),
                )),
                Standing::Token(_) => Denial { rejection, fault: Fault::Access { missing, renegotiate: true } },
                Standing::Own(_) => Denial { rejection, fault: Fault::Access { missing, renegotiate: false } },
            }
            .into());
        }
        Ok(Passed::of(verified))
    }
}

/// A body is no form, whatever of two fields a registry would read.
fn no_form(headers: &[Header]) -> Result<(), Rejection> {
    let mut types = values(headers, "content-type");
    let first = types.next();
    if types.next().is_some() {
        return Err(Rejection::new(GateCode::HeaderRepeated, "content-type occurs more than once"));
    }
    first.map_or(Ok(()), |value| no_form_of(&String::from_utf8_lossy(value)))
}

/// What a registry does not serve is not there; what cannot be read is the request's fault.
fn unserved(rejection: Rejection) -> Denial {
    let fault = match () {
        () if rejection.is(ScopeCode::OciPathUnknown) => Fault::Absent(404),
        () if rejection.is(ScopeCode::OciMethodUnknown) => Fault::Absent(405),
        () if rejection.is(ScopeCode::OciFormBody) => Fault::Absent(415),
        () => Fault::Request,
    };
    Denial { rejection, fault }
}
