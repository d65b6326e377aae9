//! The status of a token: the list that it names, and what that says of it.

use alloc::format;

use portcullis_status::{Mechanism, Status, StatusCode, mechanism};
use portcullis_types::{Rejection, json::Value, trace::check};

use crate::{
    code::GateCode,
    denial::{Denial, Stop},
    judge::{Judge, Verified},
    lists::LookUp,
    origin::{Class, Origin, admit},
    policy::{Authority, StatusMode},
};

impl Judge<'_> {
    /// Looks a token up in the status list that it names: last of all that is asked of a token, because its list is fetched
    /// for nobody whose token does not verify (draft-ietf-oauth-status-list-21 section 8.3 step 0).
    ///
    /// Errors: `status.*`, `keys.*`, `gate.memory_full`.
    pub(crate) fn status(&mut self, verified: &Verified) -> Result<(), Stop> {
        let Authority::Issuer(number) = verified.authority else { return Ok(()) };
        let policy = self.policy;
        let Some(issuer) = policy.issuers.get(number) else { return Ok(()) };
        if issuer.status == StatusMode::Off {
            return Ok(());
        }
        let Some(fact) = &verified.fact else { return Ok(()) };
        let Some(reference) = self.reference(fact, issuer.status).map_err(Denial::token)? else { return Ok(()) };
        let allowed = allowed(&reference.uri, &issuer.status_origins);
        check(self.trace, "status list origin", "docs/policy.md", allowed, |()| "the issuer's, or listed".into())
            .map_err(Denial::token)?;
        let answered = !self.may_ask || self.answered.contains(&(reference.uri.clone(), None));
        let limits = &policy.limits;
        let Some(state) = self.state.issuers.get_mut(number) else { return Ok(()) };
        let found = state.lists.look_up(
            &reference.uri,
            self.at,
            issuer.expect.leeway,
            limits.status_lists,
            limits.status_list,
            answered,
        );
        let rule = "draft-ietf-oauth-status-list-21 section 8.3 step 6";
        let entry = match found {
            Err(rejection) | Ok(LookUp::Gone(rejection)) => {
                self.trace.failed("status list", &rejection);
                return Err(Denial::unknown(rejection).into());
            }
            Ok(LookUp::UnknownKey(rejection)) => {
                self.more_keys(number, true)?;
                self.trace.failed("status list", &rejection);
                return Err(Denial::unknown(rejection).into());
            }
            Ok(LookUp::Fetch(need)) => {
                // Keys of its own have to be there when the list comes; they are fetched in the same round.
                let mut needs = alloc::vec![need];
                if let Err(Stop::Needs(keys)) = self.issuer_keys(number, true) {
                    needs.splice(0..0, keys);
                }
                return Err(Stop::Needs(needs));
            }
            Ok(LookUp::Held(list)) => list.get(reference.index),
        };
        let entry = check(self.trace, "status entry", rule, entry, |entry| entry.status.name().into());
        let entry = entry.map_err(Denial::token)?;
        let refuse = |code| Err(Rejection::new(code, format!("the token's status is {}", entry.value)));
        let verdict = match entry.status {
            Status::Valid => Ok(()),
            Status::Invalid => refuse(GateCode::StatusRevoked),
            Status::Suspended => refuse(GateCode::StatusSuspended),
            Status::ApplicationSpecific => refuse(GateCode::StatusApplication),
            Status::Reserved => refuse(GateCode::StatusReserved),
        };
        let rule = "draft-ietf-oauth-status-list-21 section 7.1";
        check(self.trace, "status", rule, verdict, |()| "valid".into()).map_err(Denial::verified)?;
        Ok(())
    }

    /// Where a token's status is to be found, if it is to be looked up.
    fn reference(
        &mut self,
        fact: &crate::memory::Fact,
        mode: StatusMode,
    ) -> Result<Option<mechanism::Reference>, Rejection> {
        let required = mode == StatusMode::Required;
        let found = match fact.claims.members.get("status")? {
            None if required => Err(Rejection::new(GateCode::StatusMissing, "the token names no status list")),
            None => return Ok(None),
            Some(Value::Object(status)) => match mechanism::find(status) {
                Ok(Mechanism::StatusList(reference)) => Ok(reference),
                Err(rejection) if rejection.is(StatusCode::UnsupportedMechanism) && !required => return Ok(None),
                Ok(_) => Err(Rejection::new(GateCode::StatusMissing, "the token names no status list")),
                Err(rejection) => Err(rejection),
            },
            Some(other) => Err(Rejection::new(GateCode::StatusClaimType, format!("status is {}", other.kind()))),
        };
        if let Err(rejection) = &found {
            self.trace.failed("status claim", rejection);
        }
        found.map(Some)
    }
}

/// A list is fetched only from its issuer's own origin or one that the policy lists.
fn allowed(uri: &str, origins: &[Origin]) -> Result<(), Rejection> {
    let refuse = |why: &str| Err(Rejection::new(GateCode::StatusUriNotAllowed, why));
    match admit(uri, Class::Credential, origins) {
        Err(rejection) => refuse(rejection.detail()),
        Ok(origin) if origins.contains(&origin) => Ok(()),
        Ok(origin) => refuse(&format!("{origin} is neither the issuer's origin nor listed")),
    }
}
