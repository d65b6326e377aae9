//! `portcullis:token/jws` and `portcullis:token/jwt`

use portcullis_token as token;
use portcullis_types::Findings;

use crate::{
    Component,
    bindings::exports::portcullis::{
        crypto::keys::{Algorithm, KeySetBorrow},
        token::{
            jws::{self, VerifiedJws},
            jwt::{self, Expectations, Profile, Report, Untrusted, VerifiedJwt},
        },
        types::types::{Rejection, Timestamp},
    },
    convert,
    keys::Keys,
};

impl jws::Guest for Component {
    fn verify(
        token: Vec<u8>,
        keys: KeySetBorrow<'_>,
        algorithms: Option<Vec<Algorithm>>,
    ) -> Result<VerifiedJws, Rejection> {
        let accepted = algorithms.map(|list| convert::accepted(&list));
        token::jws::parse_and_verify(&token, &keys.get::<Keys>().0, accepted.as_deref())
            .map(|verified| VerifiedJws {
                header: verified.header_text,
                payload: verified.payload,
                algorithm: convert::algorithm(verified.algorithm),
                kid: verified.kid,
                thumbprint: verified.thumbprint.map(Into::into),
            })
            .map_err(convert::rejection)
    }
}

impl jwt::Guest for Component {
    fn verify(
        token: Vec<u8>,
        keys: KeySetBorrow<'_>,
        expect: Expectations,
        at: Timestamp,
    ) -> Result<VerifiedJwt, Rejection> {
        token::jwt::parse_and_verify(&token, &keys.get::<Keys>().0, &expectations(expect), at)
            .map(verified)
            .map_err(convert::rejection)
    }

    fn explain(token: Vec<u8>, keys: KeySetBorrow<'_>, expect: Expectations, at: Timestamp) -> Report {
        let mut findings = Findings::default();
        let outcome = token::jwt::verify(&token, &keys.get::<Keys>().0, &expectations(expect), at, &mut findings);
        Report {
            findings: findings.0.into_iter().map(convert::finding).collect(),
            outcome: outcome.map(verified).map_err(convert::rejection),
        }
    }

    fn inspect_untrusted(token: Vec<u8>) -> Result<Untrusted, Rejection> {
        token::jwt::inspect_untrusted(&token)
            .map(|seen| Untrusted {
                header: seen.header_text,
                claims: seen.claims_text,
                payload: seen.payload,
                signature_length: seen.signature_length.try_into().unwrap_or(u32::MAX),
            })
            .map_err(convert::rejection)
    }
}

pub(crate) fn expectations(expect: Expectations) -> token::jwt::Expectations {
    token::jwt::Expectations {
        profile: match expect.profile {
            Profile::Jwt => token::jwt::Profile::Jwt,
            Profile::AtJwt => token::jwt::Profile::AtJwt,
        },
        typ: expect.typ,
        issuer: expect.issuer,
        audience: expect.audience,
        algorithms: expect.algorithms.map(|list| convert::accepted(&list)),
        leeway: expect.leeway,
        max_age: expect.max_age,
        required_claims: expect.required_claims,
    }
}

fn verified(verified: token::jwt::VerifiedJwt) -> VerifiedJwt {
    let claims = verified.claims;
    VerifiedJwt {
        header: verified.header_text,
        claims: verified.claims_text,
        issuer: claims.issuer,
        subject: claims.subject,
        audience: claims.audience.unwrap_or_default(),
        expires: claims.expires.map(|date| date.seconds()),
        not_before: claims.not_before.map(|date| date.seconds()),
        issued_at: claims.issued_at.map(|date| date.seconds()),
        id: claims.id,
        algorithm: convert::algorithm(verified.algorithm),
        kid: verified.kid,
        thumbprint: verified.thumbprint.map(Into::into),
    }
}
