//! `portcullis:token/cwt`

use portcullis_token::cwt;
use portcullis_types::{Findings, json};

use crate::{
    Component,
    bindings::exports::portcullis::{
        crypto::keys::KeySetBorrow,
        token::{
            cwt::{Guest, Report, VerifiedCwt},
            jwt::Expectations,
        },
        types::types::{Rejection, Timestamp},
    },
    convert, cose,
    keys::Keys,
    token::expectations,
};

impl Guest for Component {
    fn verify(
        token: Vec<u8>,
        keys: KeySetBorrow<'_>,
        expect: Expectations,
        at: Timestamp,
    ) -> Result<VerifiedCwt, Rejection> {
        cwt::parse_and_verify(&token, &keys.get::<Keys>().0, &expectations(expect), at)
            .map(verified)
            .map_err(convert::rejection)
    }

    fn explain(token: Vec<u8>, keys: KeySetBorrow<'_>, expect: Expectations, at: Timestamp) -> Report {
        let mut findings = Findings::default();
        let outcome = cwt::verify(&token, &keys.get::<Keys>().0, &expectations(expect), at, &mut findings);
        Report {
            findings: findings.0.into_iter().map(convert::finding).collect(),
            outcome: outcome.map(verified).map_err(convert::rejection),
        }
    }
}

fn verified(verified: cwt::VerifiedCwt) -> VerifiedCwt {
    let claims = verified.claims;
    VerifiedCwt {
        structure: cose::structure(verified.structure),
        signers: verified.signers.into_iter().map(cose::signer).collect(),
        protected_header: verified.protected,
        payload: verified.payload,
        claims: json::to_text(&claims.members),
        issuer: claims.issuer,
        subject: claims.subject,
        audience: claims.audience.unwrap_or_default(),
        expires: claims.expires.map(|date| date.seconds()),
        not_before: claims.not_before.map(|date| date.seconds()),
        issued_at: claims.issued_at.map(|date| date.seconds()),
        id: verified.id,
    }
}
