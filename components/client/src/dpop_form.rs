//! An attestation whose proof of possession is the request's DPoP proof (draft-ietf-oauth-attestation-based-client-auth-11
//! sections 5.2 and 7.3).

use alloc::{rc::Rc, string::String};

use portcullis_crypto::Backend;
use portcullis_token::dpop::{self, VerifiedProof};
use portcullis_types::{
    Rejection, Timestamp,
    trace::{Trace, check},
};

use crate::{ClientCode, attestation::InstanceKey};

/// Verifies a DPoP proof that stands for the attestation's proof too. That the request has no other proof is for who
/// looks at its header fields. A challenge has no place in it: what keeps it fresh is the DPoP nonce.
///
/// Errors: `attestation.dpop_key_mismatch`, and those of [`dpop::verify`].
pub fn verify(
    request: &dpop::Request<'_>,
    expect: &dpop::Expectations<'_>,
    key: &InstanceKey,
    at: Timestamp,
    backend: &Rc<dyn Backend>,
    trace: &mut dyn Trace,
) -> Result<VerifiedProof, Rejection> {
    let made = dpop::verify(request, expect, at, backend);
    let proof = check(trace, "DPoP proof", "RFC 9449 section 4.3", made, |proof| proof.algorithm.name().into())?;
    let section = "draft-ietf-oauth-attestation-based-client-auth-11 section 7.3 (4)";
    check(trace, "DPoP key", section, same_key(&proof, key), |()| String::from("the key of the attestation"))?;
    Ok(proof)
}

/// The proof's key is that of the attestation (section 7.3 (4)). Two keys are the same if their thumbprints are.
fn same_key(proof: &VerifiedProof, key: &InstanceKey) -> Result<(), Rejection> {
    if proof.thumbprint == key.thumbprint {
        return Ok(());
    }
    let what = "the DPoP proof's key is not the one of the attestation";
    Err(Rejection::new(ClientCode::DpopKeyMismatch, what))
}
