//! `spiffe.*` and `svid.*`

use alloc::{format, string::String, vec::Vec};

use portcullis_svid::{CertificateDescription, SpiffeId, inspect_untrusted_chain, jwt_svid, pem, wit_svid, x509_svid};
use portcullis_types::{
    Rejection, base64url,
    json::{Object, Value},
};

use crate::{
    Door,
    door::{Answer, Call, object, rejected},
    members::{Members, malformed},
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
    let verified = jwt_svid::verify(token.as_bytes(), &bundles, &expect, call.at, call.trace)?;
    Ok(object([("spiffe_id", verified.spiffe_id.as_str().into()), ("claims", verified.token.claims.members.into())]))
}

/// `svid.x509`
pub(super) fn x509(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let chain = chain(&mut members)?;
    let bundles = members.object("bundles")?;
    members.finish()?;
    let chain = chain.read()?;
    let bundles = door.bundle_set(bundles)?;
    let verified = x509_svid::verify(&chain, &bundles, door.backend(), call.at, call.trace)?;
    Ok(object([("spiffe_id", verified.spiffe_id.as_str().into())]))
}

/// A chain as it stands in a request.
enum Chain<'a> {
    Der(Vec<String>),
    Pem(&'a str),
}

/// The member `chain`, a list of DER with the leaf first, or `chain_pem`.
fn chain<'a>(members: &mut Members<'a>) -> Result<Chain<'a>, Rejection> {
    match (members.optional_texts("chain")?, members.optional_text("chain_pem")?) {
        (Some(chain), None) => Ok(Chain::Der(chain)),
        (None, Some(pem)) => Ok(Chain::Pem(pem)),
        _ => Err(malformed("the request has either a member \"chain\" or a member \"chain_pem\"")),
    }
}

impl Chain<'_> {
    fn read(self) -> Result<Vec<Vec<u8>>, Rejection> {
        match self {
            Chain::Der(chain) => {
                chain.iter().map(|der| base64url::decode(der.as_bytes())).collect::<Result<_, _>>().map_err(
                    |rejection| malformed(format!("the member \"chain\" is not base64url: {}", rejection.detail())),
                )
            }
            Chain::Pem(pem) => pem::decode_chain(pem),
        }
    }
}

/// `svid.inspect`: what certificates say of themselves, nothing of it verified.
pub(super) fn inspect(_: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let chain = chain(&mut members)?;
    members.finish()?;
    let seen = inspect_untrusted_chain(&chain.read()?)?;
    Ok(object([("certificates", Value::Array(seen.into_iter().map(|one| described(one).into()).collect()))]))
}

fn described(seen: CertificateDescription) -> Object {
    let texts = |texts: Vec<String>| Value::Array(texts.into_iter().map(Into::into).collect());
    let mut members: Vec<(String, Value)> = Vec::from([
        ("subject".into(), seen.subject.into()),
        ("issuer".into(), seen.issuer.into()),
        ("self_issued".into(), seen.self_issued.into()),
        ("uris".into(), texts(seen.uris)),
        ("dns_names".into(), texts(seen.dns_names)),
        ("not_before".into(), seen.not_before.into()),
        ("not_after".into(), seen.not_after.into()),
        ("is_ca".into(), seen.is_ca.into()),
    ]);
    members.extend(seen.path_length.map(|length| ("path_length".into(), u64::from(length).into())));
    members.push(match seen.key {
        Ok(kind) => ("key".into(), kind.into()),
        Err(problem) => ("key_problem".into(), rejected(&problem).into()),
    });
    let usages = |usages: Vec<&'static str>| texts(usages.into_iter().map(Into::into).collect());
    members.extend(seen.key_usages.map(|list| ("key_usages".into(), usages(list))));
    members.extend(seen.purposes.map(|list| ("purposes".into(), texts(list))));
    members.push(("signature_algorithm".into(), seen.signature_algorithm.into()));
    members.push(("unknown_critical".into(), texts(seen.unknown_critical)));
    Object::from_members(members)
}

/// `svid.wit`
pub(super) fn wit(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let token = members.text("token")?;
    let bundles = members.object("bundles")?;
    members.finish()?;
    let bundles = door.bundle_set(bundles)?;
    let verified = wit_svid::verify(token.as_bytes(), &bundles, 0, door.backend(), call.at, call.trace)?;
    Ok(object([("spiffe_id", verified.spiffe_id.as_str().into()), ("cnf", verified.confirmation.members.into())]))
}
