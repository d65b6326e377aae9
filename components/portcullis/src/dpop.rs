//! `portcullis:token/dpop`

use portcullis_token::{confirmation, dpop};

use crate::{
    Component, backend,
    bindings::exports::portcullis::{
        token::dpop::{Expectations, Guest, Request, VerifiedProof},
        types::types::{Rejection, Timestamp},
    },
    convert,
};

impl Guest for Component {
    fn verify(request: Request, expect: Expectations, at: Timestamp) -> Result<VerifiedProof, Rejection> {
        let headers: Vec<_> =
            request.headers.iter().map(|header| (header.name.as_str(), header.value.as_slice())).collect();
        let request = dpop::Request { headers: &headers, method: &request.method, url: &request.url };
        let thumbprint = expect.thumbprint.as_deref().map(confirmation::thumbprint_from_bytes).transpose();
        let algorithms = expect.algorithms.as_deref().map(convert::accepted);
        let nonces: Vec<&str> = expect.nonces.iter().map(String::as_str).collect();
        let seen: Vec<&str> = expect.seen.iter().map(String::as_str).collect();
        let verified = thumbprint.and_then(|thumbprint| {
            let expect = dpop::Expectations {
                access_token: expect.access_token.as_deref(),
                thumbprint,
                nonces: &nonces,
                window: expect.window.unwrap_or(dpop::DEFAULT_WINDOW),
                algorithms: algorithms.as_deref(),
                seen: &seen,
            };
            dpop::verify(&request, &expect, at, &backend())
        });
        verified.map(proof).map_err(convert::rejection)
    }
}

fn proof(proof: dpop::VerifiedProof) -> VerifiedProof {
    VerifiedProof {
        thumbprint: proof.thumbprint.into(),
        id: proof.id,
        issued_at: proof.issued_at.seconds(),
        target: proof.target,
        nonce: proof.nonce,
        access_token_hash: proof.access_token_hash,
        algorithm: convert::algorithm(proof.algorithm),
    }
}
