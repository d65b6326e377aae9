//! The parameters of a request, each of them once.

use alloc::{collections::BTreeSet, format};

use portcullis_types::{Rejection, limits::excerpt};

use super::{CLIENT_ID, PushedCode};

/// Parameters that their own documents let stand there more than once (RFC 8707 section 2, RFC 8693 section 2.1).
const REPEATABLE: [&str; 2] = ["resource", "audience"];

/// Parameters by which a client that is registered authenticates (RFC 6749 section 2.3.1, RFC 7521 section 4.2).
const CREDENTIALS: [&str; 3] = ["client_secret", "client_assertion", "client_assertion_type"];

/// A form whose parameters stand there once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameters<'r>(&'r [(&'r str, &'r str)]);

impl<'r> Parameters<'r> {
    /// No parameter stands there twice (RFC 6749 sections 3.1 and 3.2).
    ///
    /// Error: `par.parameter_repeated`.
    pub(super) fn of(form: &'r [(&'r str, &'r str)]) -> Result<Self, Rejection> {
        let mut seen = BTreeSet::new();
        match form.iter().find(|(name, _)| !seen.insert(*name) && !REPEATABLE.contains(name)) {
            None => Ok(Self(form)),
            Some((name, _)) => {
                let what = format!("the parameter {} stands there twice", excerpt(name));
                Err(Rejection::new(PushedCode::ParameterRepeated, what))
            }
        }
    }

    /// A parameter. One without a value is one that is left out (RFC 6749 sections 3.1 and 3.2).
    pub(super) fn get(&self, name: &str) -> Option<&'r str> {
        self.0.iter().find(|(given, _)| *given == name).map(|(_, value)| *value).filter(|value| !value.is_empty())
    }

    /// All of them that have a value.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'r str, &'r str)> {
        self.0.iter().copied().filter(|(_, value)| !value.is_empty())
    }

    /// `client_id` is that of dynamic clients (section 4).
    ///
    /// Errors: `par.client_id_missing`, `par.client_id_other`.
    pub(super) fn check_client_id(&self) -> Result<(), Rejection> {
        match self.get("client_id") {
            Some(CLIENT_ID) => Ok(()),
            Some(other) => {
                let what = format!("client_id is {}", excerpt(other));
                Err(Rejection::new(PushedCode::ClientIdOther, what))
            }
            None => Err(Rejection::new(PushedCode::ClientIdMissing, "there is no client_id")),
        }
    }

    /// Nothing authenticates a registered client: the identifier is no registered client's (section 4), so a credential is
    /// somebody else's. An attestation is another thing, and looked at where the policy wants one.
    ///
    /// Error: `par.client_credential`.
    pub(super) fn check_no_credential(&self, headers: &[(&str, &[u8])]) -> Result<(), Rejection> {
        let refuse = |name: &str| {
            let what = format!("there is {name}, and a dynamic client has no credential");
            Err(Rejection::new(PushedCode::Credential, what))
        };
        if let Some((name, _)) = self.0.iter().find(|(name, _)| CREDENTIALS.contains(name)) {
            return refuse(name);
        }
        match headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("Authorization")) {
            true => refuse("an Authorization header field"),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_stands_there_once() {
        let code = |form: &[(&str, &str)]| Parameters::of(form).map_or_else(|refused| refused.code(), |_| "accepted");
        assert_eq!(code(&[("a", "1"), ("b", "1")]), "accepted");
        assert_eq!(code(&[("a", "1"), ("b", "1"), ("a", "1")]), "par.parameter_repeated");
        assert_eq!(code(&[("a", ""), ("a", "1")]), "par.parameter_repeated");
        assert_eq!(code(&[("resource", "1"), ("resource", "2"), ("audience", "1"), ("audience", "2")]), "accepted");
        assert_eq!(Parameters::of(&[("a", "")]).unwrap().get("a"), None);
    }

    #[test]
    fn a_dynamic_client_has_no_credential() {
        let code = |form: &[(&str, &str)], headers: &[(&str, &[u8])]| {
            let parameters = Parameters::of(form).unwrap();
            parameters.check_no_credential(headers).map_or_else(|refused| refused.code(), |()| "accepted")
        };
        assert_eq!(code(&[], &[("DPoP", b"x")]), "accepted");
        for name in CREDENTIALS {
            assert_eq!(code(&[(name, "")], &[]), "par.client_credential", "{name}");
        }
        assert_eq!(code(&[], &[("authorization", b"")]), "par.client_credential");
    }
}
