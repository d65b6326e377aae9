//! Workload Proof Tokens (draft-ietf-wimse-wpt-02): the proof of possession that is a token of its own, in `Authorization`.

use alloc::{format, rc::Rc, string::String};

use portcullis_crypto::{Algorithm, Backend, sha256};
use portcullis_svid::Confirmation;
use portcullis_token::{claims::Claims, compact, jws};
use portcullis_types::{
    NumericDate, Rejection, Timestamp, base64url,
    json::{Object, Value},
    limits::excerpt,
    trace::{Trace, check},
};

use crate::{
    TrustDomains, WimseCode,
    identity_token::{self, VerifiedIdentityToken},
};

/// The scheme in `Authorization`, compared without case.
pub const SCHEME: &str = "WPT";

/// The media type in the header.
pub const TYPE: &str = "wpt+jwt";

/// How far ahead `exp` may lie where nothing else is said, in seconds. The draft speaks of minutes or seconds; five minutes
/// are what clocks need that nobody sets.
pub const DEFAULT_LIFETIME: u64 = 300;

/// Most entries of `oth`. A request carries a handful of tokens.
pub const MAX_OTHER_TOKENS: usize = 16;

/// The header field of the drafts before wpt-02.
const SUPERSEDED: &str = "Workload-Proof-Token";

/// Where a Transaction Token is (draft-ietf-oauth-transaction-tokens-11).
const TRANSACTION_TOKEN: &str = "Txn-Token";

/// What the server wants to see.
#[derive(Debug, Clone, Copy)]
pub struct Expectations<'e> {
    /// What `aud` may be: the request's URL without query as configuration knows it, never as `Host` says.
    pub audience: &'e [&'e str],
    /// Header fields whose tokens have to be covered by `oth` where they are there, besides `Txn-Token`.
    pub other_tokens: &'e [&'e str],
    /// How far ahead `exp` may lie, in seconds.
    pub lifetime: u64,
    /// How far clocks may differ, in seconds.
    pub leeway: u64,
    /// Identifiers of proofs that were used before.
    pub seen: &'e [&'e str],
}

/// A proof that holds.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedProofToken {
    /// RFC 7638 thumbprint of the key whose possession it proves.
    pub thumbprint: [u8; 32],
    /// `jti`: with the key and the audience, what must not be seen a second time.
    pub id: String,
    /// `aud`.
    pub audience: String,
    /// `exp`: until when it has to be remembered.
    pub expires: NumericDate,
    /// `iat`, if there is one.
    pub issued_at: Option<NumericDate>,
    /// The algorithm that verified it.
    pub algorithm: Algorithm,
}

/// The proof of a request: the token of its one `Authorization` field.
///
/// Errors: `wimse.proof_missing`, `wimse.proof_superseded`, `wimse.proof_authorization_repeated`, `wimse.proof_malformed`.
pub fn of<'h>(fields: impl IntoIterator<Item = (&'h str, &'h [u8])>) -> Result<&'h [u8], Rejection> {
    let (mut found, mut repeated, mut superseded) = (None, false, false);
    for (name, value) in fields {
        if name.eq_ignore_ascii_case("Authorization") {
            repeated |= found.replace(value).is_some();
        }
        superseded |= name.eq_ignore_ascii_case(SUPERSEDED);
    }
    if repeated {
        let what = "there is more than one Authorization header field";
        return Err(Rejection::new(WimseCode::ProofRepeated, what));
    }
    let (scheme, token) = split(found.unwrap_or_default());
    if !scheme.eq_ignore_ascii_case(SCHEME.as_bytes()) {
        return Err(if superseded {
            let what = format!("{SUPERSEDED} is the field of drafts before wpt-02: send \"Authorization: {SCHEME} …\"");
            Rejection::new(WimseCode::ProofSuperseded, what)
        } else {
            Rejection::new(WimseCode::ProofMissing, format!("there is no Authorization with the scheme {SCHEME}"))
        });
    }
    // What two readers could take for the proof is none.
    if superseded {
        let what = format!("{SUPERSEDED}, the field of drafts before wpt-02, stands beside Authorization");
        return Err(Rejection::new(WimseCode::ProofSuperseded, what));
    }
    if token.is_empty() || token.iter().any(|byte| matches!(byte, b' ' | b'\t' | b',')) {
        return Err(Rejection::new(WimseCode::ProofMalformed, format!("no single token follows the scheme {SCHEME}")));
    }
    Ok(token)
}

/// Whether a message has the header field of the drafts before wpt-02, which [`of`] refuses.
pub fn is_superseded<'h>(fields: impl IntoIterator<Item = &'h str>) -> bool {
    fields.into_iter().any(|name| name.eq_ignore_ascii_case(SUPERSEDED))
}

fn split(value: &[u8]) -> (&[u8], &[u8]) {
    let value = value.trim_ascii();
    let end = value.iter().position(|byte| *byte == b' ').unwrap_or(value.len());
    let (scheme, rest) = value.split_at_checked(end).unwrap_or((value, &[]));
    (scheme, rest.trim_ascii_start())
}

/// Verifies the identity token of a request and the proof that came with it. `fields` are the request's header fields, in the
/// order received and repeats included.
///
/// Errors: those of [`identity_token::parse_and_verify`] and of [`verify`].
pub fn parse_and_verify<'h>(
    fields: impl IntoIterator<Item = (&'h str, &'h [u8])> + Clone,
    trusted: &TrustDomains,
    expect: &Expectations<'_>,
    backend: &Rc<dyn Backend>,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<(VerifiedIdentityToken, VerifiedProofToken), Rejection> {
    let (token, identity) =
        identity_token::parse_and_verify(fields.clone(), trusted, expect.leeway, backend, at, trace)?;
    let proof = verify(fields, token, &identity.confirmation, expect, at, trace)?;
    Ok((identity, proof))
}

/// Verifies the proof of a request whose identity token verified before, with the key that it names.
///
/// Errors: `wimse.proof_*`; `token.*`, `base64.*` and `json.*` for a proof that is no such JWT; `crypto.*` for its signature.
pub fn verify<'h>(
    fields: impl IntoIterator<Item = (&'h str, &'h [u8])> + Clone,
    identity: &[u8],
    confirmed: &Confirmation,
    expect: &Expectations<'_>,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<VerifiedProofToken, Rejection> {
    let section = "WIMSE wpt-02 section 2";
    let token = check(trace, "proof", section, of(fields.clone()), |token| format!("{} bytes", token.len()))?;
    let compact = check(trace, "proof's form", section, compact::parse(token), |_| String::new())?;
    check(trace, "proof's algorithm", section, algorithm(&compact.header, confirmed), |()| {
        confirmed.algorithm.name().into()
    })?;
    let accepted = Some(&[confirmed.algorithm][..]);
    let verified = jws::verify_with_key(compact, &confirmed.key, accepted, Some(&[TYPE]), trace)?;
    let claims = check(trace, "proof's claims", section, Claims::parse(&verified.payload), |_| String::new())?;
    let audience = check(trace, "proof's audience", section, audience(&claims, expect.audience), |aud| excerpt(aud))?;
    let expires = check(trace, "proof's expiry", section, expires(&claims, expect, at), |exp| format!("exp is {exp}"))?;
    check(trace, "proof's identity token", section, identity_hash(&claims, identity), |()| String::new())?;
    let id = check(trace, "proof's identifier", section, identifier(&claims, expect.seen), |_| String::new())?;
    let transaction = transaction_hash(&claims, fields.clone());
    check(trace, "proof's transaction token", section, transaction, |()| String::new())?;
    let others = other_hashes(&claims, fields, expect.other_tokens);
    check(trace, "proof's other tokens", section, others, |()| String::new())?;
    let symmetric = || Rejection::new(WimseCode::ProofAlgorithm, "the key is symmetric");
    Ok(VerifiedProofToken {
        thumbprint: verified.thumbprint.ok_or_else(symmetric)?,
        id,
        audience,
        expires,
        issued_at: claims.issued_at,
        algorithm: confirmed.algorithm,
    })
}

/// `alg` is the very text of `cnf.jwk.alg`.
fn algorithm(header: &Object, confirmed: &Confirmation) -> Result<(), Rejection> {
    match header.get("alg")? {
        Some(Value::String(name)) if *name == confirmed.algorithm_name => Ok(()),
        Some(Value::String(name)) => {
            let what =
                format!("alg is {}, the identity token's key is for {}", excerpt(name), confirmed.algorithm_name);
            Err(Rejection::new(WimseCode::ProofAlgorithm, what))
        }
        _ => Err(Rejection::new(WimseCode::ProofAlgorithm, "the proof has no alg that is a text")),
    }
}

/// `aud` is one value, and one of those that are this server's.
fn audience(claims: &Claims, accepted: &[&str]) -> Result<String, Rejection> {
    match claims.audience.as_deref() {
        Some([one]) if accepted.contains(&one.as_str()) => Ok(one.clone()),
        Some([_]) => Err(Rejection::new(WimseCode::ProofAudience, "aud is not this request's target")),
        Some(_) => Err(Rejection::new(WimseCode::ProofAudience, "aud does not name exactly one target")),
        None => Err(Rejection::new(WimseCode::ProofAudience, "the proof has no aud")),
    }
}

/// `exp` is there, has not passed, and does not lie far ahead; `nbf` and `iat` have come, where they are there.
fn expires(claims: &Claims, expect: &Expectations<'_>, at: Timestamp) -> Result<NumericDate, Rejection> {
    let missing = || Rejection::new(WimseCode::ProofExpiryMissing, "the proof has no exp");
    let expires = claims.expires.ok_or_else(missing)?;
    if expires.reached(at, expect.leeway) {
        return Err(Rejection::new(WimseCode::ProofExpired, format!("exp was {expires} and it is {at}")));
    }
    if expires.ahead_of(at, expect.lifetime.saturating_add(expect.leeway)) {
        let what = format!("exp is {expires} and it is {at}: more than {} seconds ahead", expect.lifetime);
        return Err(Rejection::new(WimseCode::ProofTooLong, what));
    }
    let begun = [claims.not_before, claims.issued_at];
    if begun.into_iter().flatten().any(|date| date.ahead_of(at, expect.leeway)) {
        return Err(Rejection::new(WimseCode::ProofInFuture, format!("nbf or iat is after {at}")));
    }
    Ok(expires)
}

/// `wth` is the hash of the identity token.
fn identity_hash(claims: &Claims, identity: &[u8]) -> Result<(), Rejection> {
    match hash(&claims.members, "wth", WimseCode::ProofIdentityHash)? {
        Some(wth) if wth == hash_of(identity) => Ok(()),
        Some(_) => Err(Rejection::new(WimseCode::ProofIdentityHash, "wth is not the hash of the identity token")),
        None => Err(Rejection::new(WimseCode::ProofIdentityHash, "the proof has no wth")),
    }
}

/// `jti` is there and was not used before.
fn identifier(claims: &Claims, seen: &[&str]) -> Result<String, Rejection> {
    match claims.id.as_deref() {
        None | Some("") => Err(Rejection::new(WimseCode::ProofId, "the proof has no jti")),
        Some(id) if seen.contains(&id) => {
            Err(Rejection::new(WimseCode::ProofReplayed, "a proof with this jti was used before"))
        }
        Some(id) => Ok(id.into()),
    }
}

/// `tth` is there where a Transaction Token is, and is its hash.
fn transaction_hash<'h>(
    claims: &Claims,
    fields: impl IntoIterator<Item = (&'h str, &'h [u8])>,
) -> Result<(), Rejection> {
    let refuse = |what: &str| Err(Rejection::new(WimseCode::ProofTransactionHash, what));
    let tth = hash(&claims.members, "tth", WimseCode::ProofTransactionHash)?;
    match (tth, one(fields, TRANSACTION_TOKEN)) {
        (None, Found::None) => Ok(()),
        (Some(tth), Found::One(token)) if tth == hash_of(token) => Ok(()),
        (_, Found::Many) => refuse("there is more than one Txn-Token"),
        (None, Found::One(_)) => refuse("there is a Txn-Token, and the proof has no tth"),
        (Some(_), Found::None) => refuse("the proof has a tth, and there is no Txn-Token"),
        (Some(_), Found::One(_)) => refuse("tth is not the hash of the Txn-Token"),
    }
}

/// Each entry of `oth` names a header field in lower case that is there once, and has its hash; and each field that has to be
/// covered is. Tokens that nobody covers are none that anything is decided by.
fn other_hashes<'h>(
    claims: &Claims,
    fields: impl IntoIterator<Item = (&'h str, &'h [u8])> + Clone,
    bound: &[&str],
) -> Result<(), Rejection> {
    let malformed = |what: String| Err(Rejection::new(WimseCode::ProofOtherMalformed, what));
    let none = Object::default();
    let others = match claims.members.get("oth")? {
        None => &none,
        Some(Value::Object(others)) => others.checked()?,
        Some(other) => return malformed(format!("oth is {}", other.kind())),
    };
    if others.members().count() > MAX_OTHER_TOKENS {
        return malformed(format!("oth has more than {MAX_OTHER_TOKENS} entries"));
    }
    for (name, value) in others.members() {
        let told = excerpt(name);
        let Value::String(hash) = value else { return malformed(format!("oth has no hash of {told}")) };
        if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return malformed(format!("oth names {told}, which is not in lower case"));
        }
        let (code, what) = match one(fields.clone(), name) {
            Found::One(token) if *hash == hash_of(token) => continue,
            Found::One(_) => (WimseCode::ProofOtherHash, "oth has another hash than that of"),
            Found::Many => (WimseCode::ProofOtherRepeated, "there is more than one"),
            Found::None => (WimseCode::ProofOtherUnknown, "oth names, and the request has not,"),
        };
        return Err(Rejection::new(code, format!("{what} {told}")));
    }
    for name in bound {
        let covered = others.members().any(|(other, _)| other.eq_ignore_ascii_case(name));
        if !covered && !matches!(one(fields.clone(), name), Found::None) {
            let what = format!("there is {}, and oth does not cover it", excerpt(name));
            return Err(Rejection::new(WimseCode::ProofOtherHash, what));
        }
    }
    Ok(())
}

enum Found<'h> {
    None,
    One(&'h [u8]),
    Many,
}

/// The value of a header field, without spaces around it, if it is there once.
fn one<'h>(fields: impl IntoIterator<Item = (&'h str, &'h [u8])>, name: &str) -> Found<'h> {
    let mut found = fields.into_iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
    match (found.next(), found.next()) {
        (None, _) => Found::None,
        (Some((_, value)), None) => Found::One(value.trim_ascii()),
        (Some(_), Some(_)) => Found::Many,
    }
}

/// A claim that is the hash of a token.
fn hash<'c>(claims: &'c Object, name: &str, code: WimseCode) -> Result<Option<&'c str>, Rejection> {
    match claims.get(name)? {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(Rejection::new(code, format!("{name} is {}", other.kind()))),
    }
}

fn hash_of(token: &[u8]) -> String {
    base64url::encode(&sha256(token))
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    fn code(claims: &str, fields: &[(&str, &[u8])], bound: &[&str]) -> &'static str {
        let claims = Claims::parse(claims.as_bytes()).unwrap();
        other_hashes(&claims, fields.iter().copied(), bound).map_or_else(|rejection| rejection.code(), |()| "good")
    }

    #[test]
    fn a_token_that_has_to_be_covered_is() {
        let fields: [(&str, &[u8]); 1] = [("X-Token", b" t ")];
        let covering = format!(r#"{{"oth":{{"x-token":"{}"}}}}"#, hash_of(b"t"));
        assert_eq!(code(&covering, &fields, &["X-Token"]), "good");
        assert_eq!(code("{}", &fields, &["x-token"]), "wimse.proof_other_hash");
        assert_eq!(code("{}", &fields, &["x-other"]), "good");
        assert_eq!(code("{}", &[], &["x-token"]), "good");
    }

    #[test]
    fn entries_are_counted() {
        let many = |count: usize| {
            let entry = |number| format!(r#""x-{number}":"{}""#, hash_of(b"t"));
            let entries: alloc::vec::Vec<String> = (0..count).map(entry).collect();
            format!(r#"{{"oth":{{{}}}}}"#, entries.join(","))
        };
        let names: alloc::vec::Vec<String> = (0..MAX_OTHER_TOKENS).map(|number| format!("x-{number}")).collect();
        let fields: alloc::vec::Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b"t"[..])).collect();
        assert_eq!(code(&many(MAX_OTHER_TOKENS), &fields, &[]), "good");
        let fields: alloc::vec::Vec<(&str, &[u8])> = fields.into_iter().chain([("x-16", &b"t"[..])]).collect();
        assert_eq!(code(&many(MAX_OTHER_TOKENS + 1), &fields, &[]), "wimse.proof_other_malformed");
    }

    #[test]
    fn the_scheme_is_compared_without_case_and_has_one_token() {
        let of = |value: &'static str| of([("authorization", value.as_bytes())]);
        assert_eq!(of("WPT a.b.c").unwrap(), b"a.b.c");
        assert_eq!(of(" wpt  a.b.c ").unwrap(), b"a.b.c");
        for (value, wanted) in [
            ("WPT", "wimse.proof_malformed"),
            ("WPT a b", "wimse.proof_malformed"),
            ("WPT a,b", "wimse.proof_malformed"),
            ("WPTa", "wimse.proof_missing"),
            ("Bearer a.b.c", "wimse.proof_missing"),
            ("", "wimse.proof_missing"),
        ] {
            assert_eq!(of(value).unwrap_err().code(), wanted, "{value}");
        }
    }
}
