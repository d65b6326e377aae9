//! `spiffe.*` and `svid.*`

use alloc::{format, vec::Vec};

use portcullis_svid::{SpiffeId, jwt_svid, pem, wit_svid, x509_svid};
use portcullis_types::base64url;

use crate::{
    Door,
    door::{Answer, Call, object},
    members::malformed,
};

/// `spiffe.id`
pub(super) fn spiffe_id(_: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let value = members.text("value")?;
    members.finish()?;
    let id = SpiffeId::parse(value)?;
    Ok(object([("trust_domain", id.trust_domain().as_str().into()), ("path", id.path().into())]))
}

/// `svid.jwt`
pub(super) fn jwt(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let token = members.text("token")?;
    let bundles = members.object("bundles")?;
    let audience = members.optional_texts("audience")?;
    let audience = audience.ok_or_else(|| malformed("the request has no member \"audience\""))?;
    members.finish()?;
    let bundles = door.bundle_set(bundles)?;
    let expect = jwt_svid::Expectations { audience, leeway: 0 };
    let verified = jwt_svid::parse_and_verify(token.as_bytes(), &bundles, &expect, call.at)?;
    Ok(object([("spiffe_id", verified.spiffe_id.as_str().into()), ("claims", verified.token.claims.members.into())]))
}

/// `svid.x509`
pub(super) fn x509(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let chain = members.optional_texts("chain")?;
    let pem = members.optional_text("chain_pem")?;
    let bundles = members.object("bundles")?;
    members.finish()?;
    let chain = match (chain, pem) {
        (Some(chain), None) => {
            chain.iter().map(|der| base64url::decode(der.as_bytes())).collect::<Result<Vec<_>, _>>().map_err(
                |rejection| malformed(format!("the member \"chain\" is not base64url: {}", rejection.detail())),
            )?
        }
        (None, Some(pem)) => pem::decode_chain(pem)?,
        _ => return Err(malformed("the request has either a member \"chain\" or a member \"chain_pem\"").into()),
    };
    let bundles = door.bundle_set(bundles)?;
    let verified = x509_svid::parse_and_verify(&chain, &bundles, door.backend(), call.at)?;
    Ok(object([("spiffe_id", verified.spiffe_id.as_str().into())]))
}

/// `svid.wit`
pub(super) fn wit(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let token = members.text("token")?;
    let bundles = members.object("bundles")?;
    members.finish()?;
    let bundles = door.bundle_set(bundles)?;
    let verified = wit_svid::parse_and_verify(token.as_bytes(), &bundles, 0, door.backend(), call.at)?;
    Ok(object([("spiffe_id", verified.spiffe_id.as_str().into()), ("cnf", verified.confirmation.members.into())]))
}
