//! What a client of a registry brings: a token as Bearer or in place of a Basic password, a user's password, or the certificate of
//! its connection.

use alloc::{
    format,
    rc::Rc,
    string::{String, ToString},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use portcullis_types::{Rejection, trace::check};

use crate::{
    code::GateCode,
    credential::{Presented, begins_as_jwt},
    denial::{Denial, Stop},
    judge::{Judge, Verified},
    policy::Authority,
    request::{Header, Judged, Request, values},
    users::Users,
};

/// What a client brings, not verified.
pub(super) enum Brought {
    /// Nothing in `Authorization` or a form.
    Nothing,
    /// `Authorization` with a scheme of tokens, to be read where it stands.
    Authorization,
    /// A token that came as a Basic password, in a form, or as an assertion.
    Token(String),
    /// A user's name and password.
    Password {
        /// The name.
        name: String,
        /// The password.
        password: String,
    },
}

impl Brought {
    /// What `Authorization` has (RFC 7617 section 2 for Basic).
    ///
    /// Error: `credential.malformed`.
    pub(super) fn of(headers: &[Header]) -> Result<Self, Denial> {
        let Some(value) = values(headers, "authorization").next() else { return Ok(Self::Nothing) };
        let malformed = |what: &str| Denial::form(Rejection::new(GateCode::CredentialMalformed, what));
        let text = core::str::from_utf8(value).map_err(|_| malformed("Authorization is no text"))?;
        let text = text.trim_matches([' ', '\t']);
        let Some((scheme, encoded)) = text.split_once(' ') else { return Ok(Self::Authorization) };
        if !scheme.eq_ignore_ascii_case("Basic") {
            return Ok(Self::Authorization);
        }
        let decoded =
            STANDARD.decode(encoded.trim_start_matches(' ')).ok().and_then(|pair| String::from_utf8(pair).ok());
        let decoded = decoded.ok_or_else(|| malformed("Basic is followed by no Base64 of a text"))?;
        let Some((name, password)) = decoded.split_once(':') else {
            return Err(malformed("Basic has no colon between name and password"));
        };
        if name.is_empty() && password.is_empty() {
            // A client that was asked for a name and a password and has none says so.
            return Ok(Self::Nothing);
        }
        Ok(Self::of_password(name, password))
    }

    /// A name and a password. Clients that have a token put it where they have a place for a password; who it is says the token,
    /// whatever the name.
    pub(super) fn of_password(name: &str, password: &str) -> Self {
        if begins_as_jwt(password) {
            return Self::Token(password.into());
        }
        Self::Password { name: name.into(), password: password.into() }
    }
}

impl Judge<'_> {
    /// Verifies what was brought; nothing where nothing was, or a certificate of nobody that the policy knows.
    pub(super) fn registry_credential(
        &mut self,
        judged: &Judged<'_>,
        request: &Request,
        brought: &Brought,
    ) -> Result<Option<Verified>, Stop> {
        match brought {
            Brought::Authorization => {
                let presented = Presented::of(judged.headers)?;
                self.token(judged, request, &presented).map(Some)
            }
            Brought::Token(token) => {
                let presented = Presented::bearer(token);
                self.token(judged, request, &presented).map(Some)
            }
            Brought::Password { name, password } => self.user(name, password).map(Some),
            Brought::Nothing => match self.certificate_authority(&judged.certificate) {
                None => Ok(None),
                Some(authority) => self.certificate(judged, authority).map(Some),
            },
        }
    }

    /// A user, by name and password.
    ///
    /// Errors: `registry.password_wrong`; `registry.users_unavailable`, 503.
    fn user(&mut self, name: &str, password: &str) -> Result<Verified, Stop> {
        let users = self.users()?;
        let at = self.at;
        let known = self.state.users.as_mut().is_some_and(|state| state.remembers(name, password, at));
        let right = match known {
            true => Ok(()),
            false => users
                .verify(name, password.as_bytes())
                .map(|_| ())
                .map_err(|rejection| Rejection::new(GateCode::RegistryPassword, rejection.detail())),
        };
        check(self.trace, "password", "RFC 7617 section 2", right, |()| "a user's".to_string())
            .map_err(Denial::token)?;
        if let (false, Some(state)) = (known, &mut self.state.users) {
            state.remember(name, password, at);
        }
        Ok(Verified::user(name))
    }

    /// The registry's users, where it has any.
    ///
    /// Errors: `registry.password_wrong` where it has none; `registry.users_unavailable`, 503.
    pub(super) fn users(&mut self) -> Result<Rc<Users>, Stop> {
        let at = self.at;
        let max_stale = self.policy.limits.keys_max_stale;
        let Some(state) = &self.state.users else {
            let rejection = Rejection::new(GateCode::RegistryPassword, "this registry has no users with passwords");
            return Err(Denial::token(rejection).into());
        };
        let fresh =
            state.remote.as_ref().is_none_or(|remote| remote.timing.age(at).is_some_and(|age| age <= max_stale));
        if let (Some(users), true) = (&state.users, fresh) {
            return Ok(Rc::clone(users));
        }
        let Some(remote) = &state.remote else {
            return Err(Denial::unknown(Rejection::new(GateCode::RegistryUsersUnavailable, "there are none")).into());
        };
        if !self.askable(remote) {
            let why = match &remote.fault {
                Some(fault) => format!("{}: {}", fault.code(), fault.detail()),
                None => "they were not fetched".into(),
            };
            return Err(Denial::unknown(Rejection::new(GateCode::RegistryUsersUnavailable, why)).into());
        }
        let need = remote.need.clone();
        if let Some(remote) = self.state.users.as_mut().and_then(|state| state.remote.as_mut())
            && remote.timing.ask(at) == crate::documents::Ask::Now
        {
            remote.timing.asked(at);
        }
        Err(Stop::Needs(alloc::vec![need]))
    }
}

impl Verified {
    /// A user of the registry.
    pub(super) fn user(name: &str) -> Self {
        Self {
            authority: Authority::Users,
            fact: None,
            spiffe_id: None,
            proof: None,
            leeway: 0,
            user: Some(name.into()),
            binding: None,
        }
    }
}
