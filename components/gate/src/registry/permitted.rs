//! What a principal is permitted: the grants that are its, and what everybody is granted.

use alloc::{format, string::String, vec::Vec};

use portcullis_scope::oci::{Access, token};
use portcullis_types::{Rejection, trace::Silent};

use crate::{
    denial::Denial,
    judge::{Judge, Verified},
    policy::{Authority, Grant, Grantee, Registry},
};

/// What a credential is at a registry.
pub(super) enum Standing<'v> {
    /// None: what everybody is granted.
    Nobody,
    /// A token of a token service, and what that grants.
    Token(Vec<Access>),
    /// A credential of its own, whose rights are what the policy grants.
    Own(&'v Verified),
}

impl Judge<'_> {
    /// What a credential is.
    ///
    /// Errors: `oci.access_type`, `oci.access_too_many`.
    pub(super) fn standing<'v>(&self, verified: Option<&'v Verified>) -> Result<Standing<'v>, Denial> {
        let Some(verified) = verified else { return Ok(Standing::Nobody) };
        if !self.is_registry_token(verified) {
            return Ok(Standing::Own(verified));
        }
        let granted = match verified.claims() {
            Some(claims) => token::granted(claims).map_err(Denial::token)?,
            None => None,
        };
        Ok(Standing::Token(granted.unwrap_or_default()))
    }

    /// Whether a credential is a token that a token service handed out.
    pub(super) fn is_registry_token(&self, verified: &Verified) -> bool {
        matches!(verified.authority, Authority::Issuer(number)
            if self.policy.issuers.get(number).is_some_and(|issuer| issuer.registry))
    }

    /// What is permitted of some resources: an entry for each that has any action, so that lists compare.
    pub(super) fn permitted(
        &mut self,
        registry: &Registry,
        service: &str,
        standing: &Standing<'_>,
        wanted: &[Access],
    ) -> Vec<Access> {
        let grants: Vec<&Grant> =
            registry.grants.iter().filter(|grant| grant.is_for(service) && self.has_grant(grant, standing)).collect();
        let names: Vec<String> = grants.iter().map(|grant| grant.name.clone()).collect();
        let told = || if names.is_empty() { String::from("none") } else { names.join(", ") };
        self.trace.passed("grants", "docs/registries.md", &told);
        let mut permitted = match standing {
            Standing::Token(granted) => granted.clone(),
            Standing::Nobody | Standing::Own(_) => Vec::new(),
        };
        for access in wanted {
            let mut actions: Vec<&str> = Vec::new();
            for grant in &grants {
                for action in grant.actions_on(&access.resource_type, &access.name) {
                    if !actions.contains(&action) {
                        actions.push(action);
                    }
                }
            }
            let known = |one: &Access| one.resource_type == access.resource_type && one.name == access.name;
            // A resource that is asked for twice is one.
            let from_grants = match standing {
                Standing::Token(_) => true,
                Standing::Nobody | Standing::Own(_) => !permitted.iter().any(known),
            };
            if from_grants && !actions.is_empty() {
                permitted.push(Access::new(&access.resource_type, &access.name, &actions));
            }
        }
        permitted
    }

    /// Whether a grant is a principal's. What everybody is granted, holders of credentials are, too.
    fn has_grant(&mut self, grant: &Grant, standing: &Standing<'_>) -> bool {
        match (&grant.grantee, standing) {
            (Grantee::Anonymous, _) => true,
            (Grantee::Users(names), Standing::Own(verified)) => {
                let user = verified.user.as_ref();
                user.is_some_and(|user| names.as_ref().is_none_or(|names| names.contains(user)))
            }
            (Grantee::Credential { authorities, require }, Standing::Own(verified)) => {
                authorities.contains(&verified.authority) && {
                    // That one grant is not somebody's is no fault worth a line.
                    let (at, backend) = (self.at, self.backend);
                    let mut quiet = Judge {
                        policy: self.policy,
                        state: self.state,
                        backend,
                        at,
                        answered: self.answered,
                        may_ask: false,
                        #[cfg(feature = "clients")]
                        registration: self.registration,
                        trace: &mut Silent,
                    };
                    quiet.rights(verified, &grant.name, require).is_ok()
                }
            }
            (Grantee::Users(_) | Grantee::Credential { .. }, _) => false,
        }
    }
}

/// A list of access for people and logs.
pub(super) fn told(access: &[Access]) -> String {
    let each: Vec<String> = access.iter().map(|one| format!("{one}")).collect();
    if each.is_empty() { "nothing".into() } else { each.join(" ") }
}

/// Nothing was brought, and something is needed.
pub(super) fn missing_credential(rejection: Rejection) -> Denial {
    use portcullis_scope::Need;

    use crate::denial::Fault;
    Denial { rejection, fault: Fault::Credential { need: Need::Credential { scope: None }, proof: None, told: true } }
}
