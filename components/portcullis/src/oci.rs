//! `portcullis:scope/oci`

use portcullis_scope::{self as scope, oci};
use portcullis_types::Findings;

use crate::{
    Component,
    bindings::exports::portcullis::{
        crypto::keys::KeySetBorrow,
        scope::oci::{Access, Challenge, Guest, Parameter, Registry, Report, TokenError, VerifiedToken},
        types::types::{Rejection, Timestamp},
    },
    convert,
    keys::Keys,
};

impl Guest for Component {
    fn parse(scope: String) -> Result<Vec<Access>, Rejection> {
        oci::scope::parse(&scope).map(list_to).map_err(convert::rejection)
    }

    fn write(access: Vec<Access>) -> Result<String, Rejection> {
        oci::scope::write(&list_from(access)).map_err(convert::rejection)
    }

    fn required_for(method: String, target: String) -> Result<Vec<Access>, Rejection> {
        oci::required::required_for(&method, &target).map(list_to).map_err(convert::rejection)
    }

    fn allows(granted: Vec<Access>, required: Vec<Access>) -> Result<(), Rejection> {
        oci::allows::allows(&list_from(granted), &list_from(required)).map_err(convert::rejection)
    }

    fn intersect(requested: Vec<Access>, permitted: Vec<Access>) -> Result<Vec<Access>, Rejection> {
        oci::intersect::intersect(&list_from(requested), &list_from(permitted)).map(list_to).map_err(convert::rejection)
    }

    fn verify(
        token: Vec<u8>,
        keys: KeySetBorrow<'_>,
        registry: Registry,
        required: Vec<Access>,
        at: Timestamp,
    ) -> Result<VerifiedToken, Rejection> {
        let (registry, required) = (self::registry(registry), list_from(required));
        oci::token::parse_and_verify(&token, &keys.get::<Keys>().0, &registry, &required, at)
            .map(verified)
            .map_err(convert::rejection)
    }

    fn explain(
        token: Vec<u8>,
        keys: KeySetBorrow<'_>,
        registry: Registry,
        required: Vec<Access>,
        at: Timestamp,
    ) -> Report {
        let (registry, required) = (self::registry(registry), list_from(required));
        let mut findings = Findings::default();
        let outcome = oci::token::verify(&token, &keys.get::<Keys>().0, &registry, &required, at, &mut findings);
        Report {
            findings: findings.0.into_iter().map(convert::finding).collect(),
            outcome: outcome.map(verified).map_err(convert::rejection),
        }
    }

    fn read_challenge(header: String) -> Result<Challenge, Rejection> {
        let challenge = scope::Challenge::parse(&header).map_err(convert::rejection)?;
        let parameter = |(name, value): (&str, &str)| Parameter { name: name.into(), value: value.into() };
        Ok(Challenge { scheme: challenge.scheme().into(), parameters: challenge.parameters().map(parameter).collect() })
    }

    fn write_challenge(
        realm: String,
        service: String,
        required: Vec<Access>,
        error: Option<TokenError>,
    ) -> Result<String, Rejection> {
        let error = error.map(|error| match error {
            TokenError::InvalidToken => oci::challenge::TokenError::InvalidToken,
            TokenError::InsufficientScope => oci::challenge::TokenError::InsufficientScope,
        });
        scope::Realm::parse(&realm)
            .and_then(|realm| oci::challenge::challenge(&realm, &service, &list_from(required), error))
            .map(|challenge| challenge.to_header())
            .map_err(convert::rejection)
    }
}

fn registry(registry: Registry) -> oci::token::Registry {
    oci::token::Registry {
        issuer: registry.issuer,
        service: registry.service,
        leeway: registry.leeway.unwrap_or(scope::limits::REGISTRY_LEEWAY),
    }
}

fn verified(verified: oci::token::VerifiedToken) -> VerifiedToken {
    let jwt = verified.jwt;
    VerifiedToken {
        claims: jwt.claims_text,
        subject: jwt.claims.subject,
        // It is required, so it is there.
        expires: jwt.claims.expires.map(|date| date.seconds()).unwrap_or_default(),
        access: list_to(verified.access),
        kid: jwt.kid,
        thumbprint: jwt.thumbprint.map(Into::into),
    }
}

fn list_from(list: Vec<Access>) -> Vec<oci::Access> {
    let one = |access: Access| oci::Access {
        resource_type: access.type_,
        class: access.class,
        name: access.name,
        actions: access.actions,
    };
    list.into_iter().map(one).collect()
}

fn list_to(list: Vec<oci::Access>) -> Vec<Access> {
    let one = |access: oci::Access| Access {
        type_: access.resource_type,
        class: access.class,
        name: access.name,
        actions: access.actions,
    };
    list.into_iter().map(one).collect()
}
