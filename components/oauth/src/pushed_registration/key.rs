//! The key that a pushed request binds what comes of it to (section 3.1): proved by DPoP (RFC 9449 section 10), named by
//! `dpop_jkt`, or the certificate of the connection (RFC 8705).

use alloc::{format, rc::Rc, string::String, vec::Vec};

use portcullis_crypto::{Backend, sha256};
use portcullis_token::{
    TokenCode,
    confirmation::{self, Confirmation},
    dpop::{self, VerifiedProof},
    mtls::Certificate,
};
use portcullis_types::{
    Rejection, Timestamp, base64url,
    json::Object,
    trace::{Trace, check},
};

use super::{
    PushPolicy, PushedCode,
    answer::{Fault, Faulted},
    metadata::Metadata,
};

/// How a client names its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyMethod {
    /// By a DPoP proof, or by `dpop_jkt`.
    Dpop,
    /// By the certificate of its connection.
    MutualTls,
}

impl KeyMethod {
    /// The name in a policy.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dpop => "dpop",
            Self::MutualTls => "mtls",
        }
    }

    /// The method of a name, letter by letter.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Dpop, Self::MutualTls].into_iter().find(|method| method.name() == name)
    }
}

/// The key of a dynamic client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushedKey {
    /// The RFC 7638 thumbprint of a DPoP key.
    Dpop([u8; 32]),
    /// The SHA-256 of a certificate in DER.
    Certificate([u8; 32]),
}

impl PushedKey {
    /// As the claim `cnf` of a token has it.
    pub fn to_confirmation(&self) -> Object {
        let (name, hash) = match self {
            Self::Dpop(hash) => ("jkt", hash),
            Self::Certificate(hash) => ("x5t#S256", hash),
        };
        Object::from_members(Vec::from([(name.into(), base64url::encode(hash).into())]))
    }

    /// Reads what [`PushedKey::to_confirmation`] wrote.
    ///
    /// Errors: those of [`confirmation::parse`], `cnf.unsupported` for a key that is named in another way.
    pub fn from_confirmation(cnf: &Object) -> Result<Self, Rejection> {
        match confirmation::parse(cnf)? {
            Confirmation::KeyThumbprint(hash) => Ok(Self::Dpop(hash)),
            Confirmation::CertificateThumbprint(hash) => Ok(Self::Certificate(hash)),
            Confirmation::Key { .. } | Confirmation::KeyId(_) => {
                let what = "a pushed key is named by jkt or by x5t#S256";
                Err(Rejection::new(TokenCode::ConfirmationUnsupported, what))
            }
        }
    }
}

/// The key that a pushed request is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoundKey {
    /// The key.
    pub key: PushedKey,
    /// Whether the request proved it; else it was named only, and the token request is where it is proved.
    pub proved: bool,
}

/// Finds the key of a request. `proof` is its verified DPoP proof, if it has one.
pub(super) fn of(
    proof: Option<&VerifiedProof>,
    jkt: Option<&str>,
    certificate: Option<&Certificate<'_>>,
    metadata: &Metadata,
    policy: &PushPolicy,
    trace: &mut dyn Trace,
) -> Result<Option<BoundKey>, Faulted> {
    let section = "RFC 9449 section 10";
    let dpop = check(trace, "DPoP key", section, dpop_key(proof, jkt, policy), |key| match key {
        Some(BoundKey { proved: true, .. }) => "proved".into(),
        Some(_) => "named by dpop_jkt".into(),
        None => "none".into(),
    })
    .map_err(|rejection| match rejection.is(PushedCode::JktMismatch) {
        true => Faulted(rejection, Fault::Dpop),
        false => Faulted(rejection, Fault::Request),
    })?;
    // A connection may have a certificate for other reasons: where the policy takes none, it says nothing.
    let certificate = certificate
        .filter(|_| policy.keys.contains(&KeyMethod::MutualTls))
        .map(|certificate| BoundKey { key: PushedKey::Certificate(digest(certificate)), proved: true });
    let section = "draft-richer-oauth-pushed-client-registration-00 section 3.1";
    let key = check(trace, "one key", section, one(dpop, certificate, metadata, policy), |key| match key {
        Some(BoundKey { key: PushedKey::Dpop(_), .. }) => "a DPoP key".into(),
        Some(_) => "a certificate".into(),
        None => String::from("none, and none is required"),
    });
    key.map_err(Fault::Request.of())
}

fn digest(certificate: &Certificate<'_>) -> [u8; 32] {
    match certificate {
        Certificate::Der(der) => sha256(der),
        Certificate::Digest(digest) => *digest,
    }
}

/// The key of the DPoP proof or of `dpop_jkt`; of both, if they are the same (RFC 9449 section 10.1).
fn dpop_key(
    proof: Option<&VerifiedProof>,
    jkt: Option<&str>,
    policy: &PushPolicy,
) -> Result<Option<BoundKey>, Rejection> {
    if (proof.is_some() || jkt.is_some()) && !policy.keys.contains(&KeyMethod::Dpop) {
        return Err(Rejection::new(PushedCode::KeyMethodNotAccepted, "the policy takes no DPoP keys"));
    }
    let form = |inner: Rejection| Rejection::new(PushedCode::JktForm, format!("dpop_jkt: {}", inner.detail()));
    let named = jkt.map(confirmation::thumbprint).transpose().map_err(form)?;
    match (proof, named) {
        (None, None) => Ok(None),
        (Some(proof), Some(named)) if proof.thumbprint != named => {
            let what = "dpop_jkt is not the thumbprint of the proof's key";
            Err(Rejection::new(PushedCode::JktMismatch, what))
        }
        (Some(proof), _) => Ok(Some(BoundKey { key: PushedKey::Dpop(proof.thumbprint), proved: true })),
        (None, Some(_)) if policy.proof_required => {
            let what = "there is a dpop_jkt and no DPoP proof, which the policy requires";
            Err(Rejection::new(PushedCode::KeyUnproved, what))
        }
        (None, Some(named)) => Ok(Some(BoundKey { key: PushedKey::Dpop(named), proved: false })),
    }
}

/// One key, if the policy or the client's own metadata wants one, and not two.
fn one(
    dpop: Option<BoundKey>,
    certificate: Option<BoundKey>,
    metadata: &Metadata,
    policy: &PushPolicy,
) -> Result<Option<BoundKey>, Rejection> {
    let missing = |what: &str| Err(Rejection::new(PushedCode::KeyMissing, what));
    match (dpop, certificate) {
        (Some(_), Some(_)) => {
            let what = "the request has a DPoP key and a client certificate, and a token is bound to one key";
            Err(Rejection::new(PushedCode::KeySeveral, what))
        }
        (None, None) if policy.key_required => missing("the request proves and names no key"),
        // RFC 9449 section 5.2, RFC 8705 section 3.4
        (None, _) if metadata.says("dpop_bound_access_tokens") => {
            missing("the metadata wants tokens bound by DPoP, and the request has no such key")
        }
        (_, None) if metadata.says("tls_client_certificate_bound_access_tokens") => {
            missing("the metadata wants tokens bound to a certificate, and the connection has none")
        }
        (dpop, certificate) => Ok(dpop.or(certificate)),
    }
}

/// Whether a request has a DPoP proof.
pub(super) fn has_proof(headers: &[(&str, &[u8])]) -> bool {
    headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("DPoP"))
}

/// Verifies the DPoP proof of a request, if it has one.
pub(super) fn proof(
    request: &dpop::Request<'_>,
    expect: &dpop::Expectations<'_>,
    at: Timestamp,
    backend: &Rc<dyn Backend>,
    trace: &mut dyn Trace,
) -> Result<Option<VerifiedProof>, Faulted> {
    if !has_proof(request.headers) {
        return Ok(None);
    }
    let made = dpop::verify(request, expect, at, backend);
    let proof = check(trace, "DPoP proof", "RFC 9449 section 4.3", made, |proof| proof.algorithm.name().into());
    proof.map(Some).map_err(Fault::Dpop.of())
}
