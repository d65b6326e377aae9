//! Client attestations (draft-ietf-oauth-attestation-based-client-auth-11 sections 4 and 7.1): a token in which somebody
//! trusted says which client an instance is, and which key it has.

use alloc::{format, rc::Rc, string::String};

use portcullis_crypto::{Algorithm, Backend, Key, KeySet, Origin, jwk};
use portcullis_svid::wit_svid;
use portcullis_token::{
    TokenCode,
    claims::Claims,
    compact,
    confirmation::{self, Confirmation},
    jws, jwt, media_type,
};
use portcullis_types::{
    NumericDate, Rejection, Timestamp,
    json::{Object, Value},
    limits::excerpt,
    trace::{Silent, Trace, check},
};

use crate::{ClientCode, header::Field};

/// The header field with the attestation (section 4).
pub const HEADER: &str = "OAuth-Client-Attestation";

/// The media type in the token's header (section 4).
pub const TYPE: &str = "oauth-client-attestation+jwt";

/// The field, exactly once (section 7.1 (1)).
pub(crate) const FIELD: Field = Field {
    name: HEADER,
    missing: ClientCode::AttestationMissing,
    repeated: ClientCode::AttestationRepeated,
    list: ClientCode::AttestationList,
};

/// The MACs. A trusted attester may use one (section 4 (2)), and the set of its keys then holds nothing else.
const MACS: [Algorithm; 3] = [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512];

/// What a server accepts as fresh (section 7.1 (6)).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Freshness {
    /// The greatest age in seconds, counted from `iat`. With it, an attestation without `iat` is refused.
    pub max_age: Option<u64>,
    /// How far the clocks may differ, in seconds.
    pub leeway: u64,
}

/// The key that an instance of a client has to prove that it holds.
#[derive(Debug)]
pub struct InstanceKey {
    /// The key of `cnf.jwk`, public.
    pub key: Key,
    /// Its RFC 7638 thumbprint.
    pub thumbprint: [u8; 32],
}

/// An attestation that verified. It alone proves nothing about who sent it: a proof of possession of
/// [`VerifiedAttestation::key`] has to come with it (section 5).
#[derive(Debug)]
pub struct VerifiedAttestation {
    /// The client that the instance belongs to: `sub`.
    pub client_id: String,
    /// The key of the instance.
    pub key: InstanceKey,
    /// Until when it is valid: `exp`.
    pub expires: NumericDate,
    /// All claims.
    pub claims: Object,
}

/// Verifies an attestation at a time, with the keys of the trusted attesters.
///
/// Errors: `attestation.*` but for those of the header field; `token.*`, `base64.*` and `json.*` for what is no such JWT;
/// `cnf.*`, `key.*` and `crypto.*` for keys and signature.
///
/// ```
/// use std::rc::Rc;
/// use portcullis_client::attestation::{self, Freshness};
/// use portcullis_crypto::{KeySet, SoftwareBackend};
///
/// let backend = Rc::new(SoftwareBackend::default()) as _;
/// let attesters = KeySet::from_jwks(br#"{"keys":[]}"#, &backend)?;
/// // {"alg":"ES256","typ":"JWT"} . {} . no signature
/// let token = b"eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.e30.";
/// let refused = attestation::parse_and_verify(token, &attesters, Freshness::default(), &backend, 1_790_000_000);
/// assert_eq!(refused.unwrap_err().code(), "token.type_mismatch");
/// # Ok::<(), portcullis_types::Rejection>(())
/// ```
pub fn parse_and_verify(
    token: &[u8],
    attesters: &KeySet,
    freshness: Freshness,
    backend: &Rc<dyn Backend>,
    at: Timestamp,
) -> Result<VerifiedAttestation, Rejection> {
    verify(token, attesters, freshness, backend, at, &mut Silent)
}

/// The same, telling each check to a [`Trace`]. What the text lists second, the claims, is judged after the signature:
/// nothing of a token is believed before.
pub fn verify(
    token: &[u8],
    attesters: &KeySet,
    freshness: Freshness,
    backend: &Rc<dyn Backend>,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<VerifiedAttestation, Rejection> {
    verify_of(token, attesters, None, freshness, backend, at, trace)
}

/// The same of algorithms that the server accepts (section 7.1 (3)). Without a list, those that go with the attesters' keys: the
/// MACs of a secret, and every signature of public keys.
pub fn verify_of(
    token: &[u8],
    attesters: &KeySet,
    accepted: Option<&[Algorithm]>,
    freshness: Freshness,
    backend: &Rc<dyn Backend>,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<VerifiedAttestation, Rejection> {
    let compact = check(trace, "attestation form", "RFC 7515 section 7.1", compact::parse(token), |compact| {
        format!("three parts, {} bytes of claims", compact.payload.len())
    })?;
    let symmetric = attesters.entries().iter().any(|entry| entry.key.as_ref().is_ok_and(Key::is_symmetric));
    let accepted = accepted.or_else(|| symmetric.then_some(&MACS[..]));
    let jws = jws::verify(compact, attesters, accepted, Some(&[TYPE]), trace)?;
    let claims = check(trace, "attestation claims", "RFC 7519 section 4.1", Claims::parse(&jws.payload), |claims| {
        format!("{} claims", claims.members.members().count())
    })?;
    let section = "draft-ietf-oauth-attestation-based-client-auth-11 section 7.1 (2)";
    let (client_id, expires) =
        check(trace, "attestation subject and expiry", section, required(&claims), |(sub, exp)| {
            format!("{} until {exp}", excerpt(sub))
        })?;
    let section = "draft-ietf-oauth-attestation-based-client-auth-11 section 7.1 (5)";
    let key = check(trace, "instance key", section, instance_key(&claims, backend), |key| key.key.kind())?;
    check_fresh(&claims, freshness, at, trace)?;
    Ok(VerifiedAttestation { client_id, key, expires, claims: claims.members })
}

/// Whether a token says of itself, unverified, that it is a WIT-SVID: then it is verified as one
/// (draft-ietf-oauth-spiffe-client-auth-02 section 3.3). Whatever is said here is judged again there.
///
/// Errors: those of the form of a token.
pub(crate) fn inspect_untrusted_is_wit(token: &[u8]) -> Result<bool, Rejection> {
    let compact = compact::parse(token)?;
    Ok(matches!(compact.header.get("typ")?, Some(Value::String(typ)) if media_type::same(typ, wit_svid::TYPE)))
}

/// `sub` and `exp` are there (section 7.1 (2)). That `cnf` is, is seen where it is read.
fn required(claims: &Claims) -> Result<(String, NumericDate), Rejection> {
    let client_id = claims.subject.clone().ok_or_else(|| missing("sub"))?;
    let expires = claims.expires.ok_or_else(|| missing("exp"))?;
    Ok((client_id, expires))
}

fn missing(name: &str) -> Rejection {
    Rejection::new(ClientCode::AttestationClaimMissing, format!("the attestation has no {name}"))
}

/// The key of `cnf`: there, as `jwk` (section 4), public and not private (section 7.1 (5)).
fn instance_key(claims: &Claims, backend: &Rc<dyn Backend>) -> Result<InstanceKey, Rejection> {
    match confirmation::of(claims)? {
        None => Err(missing("cnf")),
        Some(Confirmation::Key { jwk, thumbprint }) => {
            let key = jwk::parse(&jwk, "sig", Origin::Carried, backend).map_err(|rejection| rejection.within("cnf"))?;
            Ok(InstanceKey { key, thumbprint })
        }
        Some(_) => {
            let what = "cnf names a key and does not hold it as jwk";
            Err(Rejection::new(ClientCode::AttestationConfirmation, what))
        }
    }
}

/// The attestation, or what stands in its place, is fresh enough (section 7.1 (6)): not expired, and not too old where an
/// age is limited.
pub(crate) fn check_fresh(
    claims: &Claims,
    freshness: Freshness,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<(), Rejection> {
    let expect =
        jwt::Expectations { leeway: freshness.leeway, max_age: freshness.max_age, ..jwt::Expectations::default() };
    let made = jwt::meet(claims, &expect, at, &mut Silent).map_err(|refused| match wants_fresh(&refused) {
        true => Rejection::new(ClientCode::UseFreshAttestation, refused.detail()),
        false => refused,
    });
    let section = "draft-ietf-oauth-attestation-based-client-auth-11 section 7.1 (6)";
    check(trace, "freshness", section, made, |()| "neither expired nor too old".into())
}

/// Whether a refusal is one that a newer attestation would help.
pub(crate) fn wants_fresh(refused: &Rejection) -> bool {
    [TokenCode::Expired, TokenCode::TooOld, TokenCode::IssuedAtMissing].into_iter().any(|code| refused.is(code))
        || refused.is(ClientCode::UseFreshAttestation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{AT, Attester, backend, instance_jwk, sign};

    const CLAIMS: &str = r#""sub":"c","exp":1790000060"#;

    fn with_cnf(claims: &str) -> String {
        format!("{{{claims},\"cnf\":{{\"jwk\":{}}}}}", instance_jwk())
    }

    fn code(attester: &Attester, header: &str, claims: &str, freshness: Freshness) -> &'static str {
        let token = attester.sign(header, claims);
        parse_and_verify(token.as_bytes(), &attester.keys(), freshness, &backend(), AT)
            .map_or_else(|refused| refused.code(), |_| "accepted")
    }

    #[test]
    fn each_rule_of_an_attestation_has_its_code() {
        let header = r#"{"alg":"EdDSA","typ":"oauth-client-attestation+jwt"}"#;
        let judged = |claims: &str| code(&Attester::signing(), header, claims, Freshness::default());
        assert_eq!(judged(&with_cnf(CLAIMS)), "accepted");
        let key = instance_jwk();
        let private = key.replace('}', ",\"d\":\"AAAA\"}");
        for (claims, wanted) in [
            (with_cnf("\"exp\":1790000060"), "attestation.claim_missing"),
            (with_cnf("\"sub\":\"c\""), "attestation.claim_missing"),
            (format!("{{{CLAIMS}}}"), "attestation.claim_missing"),
            (format!("{{{CLAIMS},\"cnf\":{{\"kid\":\"a\"}}}}"), "attestation.confirmation_not_jwk"),
            (format!("{{{CLAIMS},\"cnf\":{{\"jkt\":\"{}\"}}}}", "A".repeat(43)), "attestation.confirmation_not_jwk"),
            (format!("{{{CLAIMS},\"cnf\":{{\"jwk\":{private}}}}}"), "key.private"),
            (format!("{{{CLAIMS},\"cnf\":{{\"jwk\":{{\"kty\":\"oct\",\"k\":\"AAAA\"}}}}}}"), "key.type_unsupported"),
            (format!("{{{CLAIMS},\"cnf\":{{\"jwk\":{key},\"kid\":\"a\"}}}}"), "cnf.several"),
            (with_cnf("\"sub\":1,\"exp\":1790000060"), "token.subject_type"),
            (with_cnf("\"sub\":\"c\",\"exp\":1790000000"), "attestation.use_fresh_attestation"),
            (with_cnf("\"sub\":\"c\",\"exp\":1790000060,\"nbf\":1790000001"), "token.not_yet_valid"),
        ] {
            assert_eq!(judged(&claims), wanted, "{claims}");
        }
    }

    #[test]
    fn an_age_is_counted_from_iat_and_needs_one() {
        let header = r#"{"alg":"EdDSA","typ":"oauth-client-attestation+jwt"}"#;
        let judged = |iat: &str, max_age| {
            let freshness = Freshness { max_age, leeway: 0 };
            code(&Attester::signing(), header, &with_cnf(&format!("{CLAIMS}{iat}")), freshness)
        };
        assert_eq!(judged(",\"iat\":1789999900", Some(100)), "accepted");
        assert_eq!(judged(",\"iat\":1789999899", Some(100)), "attestation.use_fresh_attestation");
        assert_eq!(judged(",\"iat\":1789999899", None), "accepted");
        assert_eq!(judged("", Some(100)), "attestation.use_fresh_attestation");
        assert_eq!(judged("", None), "accepted");
        assert_eq!(judged(",\"iat\":1790000001", Some(100)), "token.issued_in_future");
    }

    #[test]
    fn a_mac_is_believed_of_an_attester_whose_secret_is_known_and_of_no_other() {
        let mac = r#"{"alg":"HS256","typ":"oauth-client-attestation+jwt"}"#;
        let signed = r#"{"alg":"EdDSA","typ":"oauth-client-attestation+jwt"}"#;
        let claims = with_cnf(CLAIMS);
        assert_eq!(code(&Attester::with_secret(), mac, &claims, Freshness::default()), "accepted");
        assert_eq!(
            code(&Attester::with_secret(), signed, &claims, Freshness::default()),
            "token.algorithm_not_accepted"
        );
        // The public key's bytes as a secret: the oldest confusion there is.
        assert_eq!(code(&Attester::signing(), mac, &claims, Freshness::default()), "token.algorithm_mac");
        let none = r#"{"alg":"none","typ":"oauth-client-attestation+jwt"}"#;
        assert_eq!(code(&Attester::with_secret(), none, &claims, Freshness::default()), "token.algorithm_none");
        // The instance attests itself.
        let own = sign(&crate::tests::instance(), signed, &claims);
        let refused =
            parse_and_verify(own.as_bytes(), &Attester::signing().keys(), Freshness::default(), &backend(), AT);
        assert_eq!(refused.unwrap_err().code(), "crypto.signature_invalid");
    }
}
