//! Refresh tokens: what they carry, and what of it still holds when they come back.
//!
//! They are signed and not stored: a fleet of token services needs nothing in common but its keys. What was signed in with is told
//! in them, so that grants, users and status are looked at anew each time.

use alloc::{format, rc::Rc, string::String, vec, vec::Vec};

use portcullis_crypto::CryptoCode;
use portcullis_scope::oci::token_request::{FormCredential, TokenRequest};
use portcullis_token::{
    claims::Claims,
    jwt::{self, Expectations},
};
use portcullis_types::{
    Rejection, base64url,
    json::{self, Value},
    time::timestamp_from_json,
    trace::check,
};

use super::{
    ToSign,
    issue::{REFRESH_TYPE, number, text, to_sign},
};
use crate::{
    code::GateCode,
    credential::clients_fault,
    denial::{Denial, Stop},
    judge::{Judge, Verified},
    limits::MAX_REFRESH_CLAIMS,
    memory::{Fact, Learned},
    policy::{Authority, Registry, registry::TokenService},
};

/// What a refresh token of a user says in place of an issuer's name, which cannot be empty.
const USERS: &str = "";

impl Judge<'_> {
    /// The refresh token that a client is handed: where it asks for one, or has brought one, and may have it.
    pub(super) fn refresh_token(
        &self,
        registry: &Registry,
        service: &TokenService,
        name: &str,
        asked: &TokenRequest,
        verified: Option<&Verified>,
        signed_in: u64,
    ) -> Option<ToSign> {
        let verified = verified?;
        if !asked.offline && !matches!(asked.credential, FormCredential::Refresh(_)) {
            return None;
        }
        let mut own = match (verified.authority, &verified.user, &verified.fact) {
            (Authority::Users, Some(user), _) => {
                let users = self.state.users.as_ref()?.users.as_ref()?;
                let fingerprint = base64url::encode(users.get(user)?.fingerprint());
                vec![text("of", USERS), text("hash", &fingerprint)]
            }
            (Authority::Issuer(number), _, Some(fact)) if service.refresh_issuers.contains(&number) => {
                // A token that is bound to a key was shown with a proof, and a refresh token is not.
                let bound = !matches!(fact.confirmation, Ok(None));
                let claims = json::to_text(&fact.claims.members);
                if bound || claims.len() > MAX_REFRESH_CLAIMS {
                    return None;
                }
                let issuer = self.policy.issuers.get(number)?;
                vec![text("of", &issuer.name), ("claims".into(), Value::Object(fact.claims.members.clone()))]
            }
            _ => return None,
        };
        let end = signed_in.saturating_add(service.refresh_max);
        let issuer = self.policy.issuers.get(service.issuer)?;
        let mut members = vec![
            text("iss", &issuer.issuer),
            text("sub", &verified.subject()),
            text("aud", registry.realm.as_ref()?.realm.as_str()),
            number("exp", self.at.saturating_add(service.refresh).min(end)),
            number("iat", self.at),
            text("service", name),
            number("auth_time", signed_in),
        ];
        members.append(&mut own);
        Some(to_sign(REFRESH_TYPE, members))
    }

    /// Who a refresh token was given to, and when they signed in.
    ///
    /// Errors: `token.*`, `crypto.*`; `registry.refresh_*`; of the credential's status.
    pub(super) fn refreshed(
        &mut self,
        registry: &Registry,
        service: &TokenService,
        name: &str,
        token: &str,
    ) -> Result<(Option<Verified>, u64), Stop> {
        let claims = self.refresh_claims(registry, service, token)?;
        let carried = check(self.trace, "refresh token", "docs/registries.md", Carried::of(&claims), |carried| {
            format!("of {}", if carried.of == USERS { "a user" } else { carried.of })
        })
        .map_err(Denial::token)?;
        if carried.service != name {
            let rejection = Rejection::new(GateCode::RegistryRefreshService, "it was given for another registry");
            self.trace.failed("refresh token", &rejection);
            return Err(Denial::token(rejection).into());
        }
        let signed_in = carried.signed_in;
        let gone = |what: &str| Denial::token(Rejection::new(GateCode::RegistryRefreshGone, what));
        if signed_in.saturating_add(service.refresh_max) <= self.at {
            return Err(gone("it is too long ago that its holder signed in").into());
        }
        if carried.of == USERS {
            let users = self.users()?;
            let user = users.get(carried.subject).filter(|user| base64url::encode(user.fingerprint()) == carried.hash);
            if user.is_none() {
                return Err(gone("the user is there no more, or has another password").into());
            }
            return Ok((Some(Verified::user(carried.subject)), signed_in));
        }
        let known = self.policy.issuers.iter().position(|issuer| issuer.name == carried.of);
        let number = known.filter(|number| service.refresh_issuers.contains(number));
        let (Some(number), Some(held)) = (number, &carried.claims) else {
            return Err(gone("the issuer is there no more, or its tokens are refreshed no more").into());
        };
        let leeway = self.policy.issuers.get(number).map_or(0, |issuer| issuer.expect.leeway);
        let learned = Learned {
            authority: Authority::Issuer(number),
            claims: held.clone(),
            spiffe_id: None,
            workload_key: None,
            generation: 0,
            remembered: false,
        };
        let fact = Fact::new(learned, self.at, "");
        let verified = Verified {
            authority: Authority::Issuer(number),
            fact: Some(Rc::new(fact)),
            spiffe_id: None,
            proof: None,
            leeway,
            user: None,
            binding: None,
        };
        self.status(&verified)?;
        Ok((Some(verified), signed_in))
    }

    /// Verifies a refresh token by the service's own keys.
    fn refresh_claims(&mut self, registry: &Registry, service: &TokenService, token: &str) -> Result<Claims, Stop> {
        let policy = self.policy;
        let Some(issuer) = policy.issuers.get(service.issuer) else {
            return Err(Denial::unknown(Rejection::new(GateCode::RegistryRefresh, "there is no token service")).into());
        };
        let realm: Vec<String> = registry.realm.iter().map(|realm| realm.realm.as_str().into()).collect();
        let expect = Expectations {
            typ: Some(REFRESH_TYPE.into()),
            issuer: Some(issuer.issuer.clone()),
            audience: Some(realm),
            algorithms: issuer.expect.algorithms.clone(),
            leeway: issuer.expect.leeway,
            required_claims: vec!["exp".into()],
            ..Expectations::default()
        };
        let (keys, _) = self.issuer_keys(service.issuer, false)?;
        match jwt::verify(token.as_bytes(), &keys, &expect, self.at, self.trace) {
            Ok(verified) => Ok(verified.claims),
            Err(rejection) if rejection.is(CryptoCode::Unknown) => {
                self.more_keys(service.issuer, false)?;
                Err(Denial::token(rejection).into())
            }
            Err(rejection) => Err(clients_fault(rejection).into()),
        }
    }
}

/// What a refresh token carries.
struct Carried<'c> {
    of: &'c str,
    subject: &'c str,
    service: &'c str,
    signed_in: u64,
    /// Of a user.
    hash: &'c str,
    /// Of an issuer's token.
    claims: Option<Claims>,
}

impl<'c> Carried<'c> {
    /// Error: `registry.refresh_malformed`: this service would not have signed it.
    fn of(claims: &'c Claims) -> Result<Self, Rejection> {
        let malformed =
            |what: &str| Rejection::new(GateCode::RegistryRefresh, format!("{what} is not as it was given"));
        let text = |name: &str| match claims.members.get(name)? {
            Some(Value::String(text)) => Ok(text.as_str()),
            _ => Err(malformed(name)),
        };
        let of = text("of")?;
        let held = match claims.members.get("claims")? {
            Some(Value::Object(held)) => Some(Claims::from_members(held.clone())?),
            _ => None,
        };
        let signed_in = claims.members.get("auth_time")?.and_then(timestamp_from_json);
        Ok(Self {
            of,
            subject: text("sub")?,
            service: text("service")?,
            signed_in: signed_in.ok_or_else(|| malformed("auth_time"))?,
            hash: if of == USERS { text("hash")? } else { "" },
            claims: held,
        })
    }
}
