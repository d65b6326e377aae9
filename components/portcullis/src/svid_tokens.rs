//! `portcullis:svid/jwt` and `portcullis:svid/wit`

use portcullis_svid::{jwt_svid, wit_svid};
use portcullis_types::{Findings, json};

use crate::{
    Component, backend,
    bindings::exports::portcullis::{
        svid::{
            bundle::BundleSetBorrow,
            jwt::{self, Expectations, VerifiedJwtSvid},
            wit::{self, VerifiedWitSvid},
        },
        types::types::{Rejection, Seconds, Timestamp},
    },
    convert,
    svid_bundle::Bundles,
};

impl jwt::Guest for Component {
    fn verify(
        token: Vec<u8>,
        bundles: BundleSetBorrow<'_>,
        expect: Expectations,
        at: Timestamp,
    ) -> Result<VerifiedJwtSvid, Rejection> {
        let bundles = bundles.get::<Bundles>().0.borrow();
        jwt_svid::parse_and_verify(&token, &bundles, &expectations(expect), at)
            .map(verified_jwt)
            .map_err(convert::rejection)
    }

    fn explain(token: Vec<u8>, bundles: BundleSetBorrow<'_>, expect: Expectations, at: Timestamp) -> jwt::Report {
        let bundles = bundles.get::<Bundles>().0.borrow();
        let mut findings = Findings::default();
        let outcome = jwt_svid::verify(&token, &bundles, &expectations(expect), at, &mut findings);
        jwt::Report {
            findings: findings.0.into_iter().map(convert::finding).collect(),
            outcome: outcome.map(verified_jwt).map_err(convert::rejection),
        }
    }
}

impl wit::Guest for Component {
    fn verify(
        token: Vec<u8>,
        bundles: BundleSetBorrow<'_>,
        leeway: Seconds,
        at: Timestamp,
    ) -> Result<VerifiedWitSvid, Rejection> {
        let bundles = bundles.get::<Bundles>().0.borrow();
        wit_svid::parse_and_verify(&token, &bundles, leeway, &backend(), at)
            .map(verified_wit)
            .map_err(convert::rejection)
    }

    fn explain(token: Vec<u8>, bundles: BundleSetBorrow<'_>, leeway: Seconds, at: Timestamp) -> wit::Report {
        let bundles = bundles.get::<Bundles>().0.borrow();
        let mut findings = Findings::default();
        let outcome = wit_svid::verify(&token, &bundles, leeway, &backend(), at, &mut findings);
        wit::Report {
            findings: findings.0.into_iter().map(convert::finding).collect(),
            outcome: outcome.map(verified_wit).map_err(convert::rejection),
        }
    }
}

fn expectations(expect: Expectations) -> jwt_svid::Expectations {
    jwt_svid::Expectations { audience: expect.audience, leeway: expect.leeway }
}

fn verified_jwt(verified: jwt_svid::VerifiedJwtSvid) -> VerifiedJwtSvid {
    let token = verified.token;
    VerifiedJwtSvid {
        spiffe_id: verified.spiffe_id.as_str().into(),
        header: token.header_text,
        claims: token.claims_text,
        audience: token.claims.audience.unwrap_or_default(),
        expires: verified.expires.seconds(),
        not_before: token.claims.not_before.map(|date| date.seconds()),
        issued_at: token.claims.issued_at.map(|date| date.seconds()),
        id: token.claims.id,
        algorithm: convert::algorithm(token.algorithm),
        kid: token.kid,
        thumbprint: token.thumbprint.map(Into::into),
    }
}

fn verified_wit(verified: wit_svid::VerifiedWitSvid) -> VerifiedWitSvid {
    let (token, confirmation) = (verified.token, verified.confirmation);
    VerifiedWitSvid {
        spiffe_id: verified.spiffe_id.as_str().into(),
        confirmation: json::to_text(&confirmation.members),
        proof_algorithm: convert::algorithm(confirmation.algorithm),
        proof_thumbprint: confirmation.key.public_key().map(|key| key.thumbprint().into()),
        header: token.header_text,
        claims: token.claims_text,
        expires: verified.expires.seconds(),
        not_before: token.claims.not_before.map(|date| date.seconds()),
        issued_at: token.claims.issued_at.map(|date| date.seconds()),
        id: token.claims.id,
        issuer: token.claims.issuer,
        algorithm: convert::algorithm(token.algorithm),
        kid: token.kid,
    }
}
