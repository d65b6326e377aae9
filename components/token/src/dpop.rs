//! Demonstrating Proof of Possession (RFC 9449): the twelve checks of section 4.3, in its order but for the signature,
//! which is verified before any claim is believed.
//!
//! What is not known here is the caller's: whether the access token is valid and what it is bound to
//! ([`confirmation`](crate::confirmation)), and the memory of proofs used before.
//!
//! ```
//! use std::rc::Rc;
//! use portcullis_crypto::SoftwareBackend;
//! use portcullis_token::dpop::{self, Expectations, Request};
//!
//! // RFC 9449 section 7.1
//! let proof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0\
//!              RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6Il\
//!              AtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlL\
//!              m9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1O\
//!              UlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";
//! let headers = [("DPoP", proof.as_bytes())];
//! let request = Request { headers: &headers, method: "GET", url: "https://resource.example.org/protectedresource" };
//! let expect =
//!     Expectations { access_token: Some("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"), ..Expectations::default() };
//! let backend = Rc::new(SoftwareBackend::default()) as _;
//!
//! let proof = dpop::verify(&request, &expect, 1_562_262_623, &backend)?;
//! assert_eq!(proof.jkt(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
//!
//! let other = Request { method: "POST", ..request };
//! assert_eq!(dpop::verify(&other, &expect, 1_562_262_623, &backend).unwrap_err().code(), "dpop.method_mismatch");
//! # Ok::<(), portcullis_types::Rejection>(())
//! ```

use alloc::{format, rc::Rc, string::String};

use portcullis_crypto::{Algorithm, Backend, Key, Origin, jwk, sha256};
use portcullis_types::{
    NumericDate, Rejection, Timestamp, base64url,
    json::{Object, Value},
    limits::excerpt,
};

use crate::{
    TokenCode,
    claims::{Claims, text},
    compact::{self, Compact},
    htu, jws, jwt,
};

/// The media type in the header (RFC 9449 section 4.2).
pub const TYPE: &str = "dpop+jwt";

/// How far `iat` may lie from the time of verification, in seconds, where nothing else is said. RFC 9449 section 11.1
/// speaks of seconds or minutes; five minutes are what most servers take, and what clocks need that nobody sets.
pub const DEFAULT_WINDOW: u64 = 300;

/// The request that a proof was sent with.
#[derive(Debug, Clone, Copy)]
pub struct Request<'r> {
    /// Names and values in the order they were received, repeats included.
    pub headers: &'r [(&'r str, &'r [u8])],
    /// The method, case-sensitive.
    pub method: &'r str,
    /// The absolute URL under which the client reached the server.
    pub url: &'r str,
}

/// What the server wants to see.
#[derive(Debug, Clone, Copy)]
pub struct Expectations<'e> {
    /// The access token that came with the request. With one, `ath` is required.
    pub access_token: Option<&'e str>,
    /// The RFC 7638 thumbprint of the key that the access token is bound to (`cnf.jkt`).
    pub thumbprint: Option<[u8; 32]>,
    /// The nonces that the client may use. With any, one of them is required.
    pub nonces: &'e [&'e str],
    /// How far `iat` may lie from the time of verification, before and after, in seconds.
    pub window: u64,
    /// Acceptable algorithms; without it, every one but the MACs. A MAC is never accepted.
    pub algorithms: Option<&'e [Algorithm]>,
    /// Identifiers of proofs that were used before.
    pub seen: &'e [&'e str],
}

impl Default for Expectations<'_> {
    fn default() -> Self {
        Self { access_token: None, thumbprint: None, nonces: &[], window: DEFAULT_WINDOW, algorithms: None, seen: &[] }
    }
}

/// A proof that holds.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedProof {
    /// RFC 7638 thumbprint of the key whose possession it proves.
    pub thumbprint: [u8; 32],
    /// `jti`: with the key and the target, what must not be seen a second time.
    pub id: String,
    /// `iat`.
    pub issued_at: NumericDate,
    /// `htu` in its normal form, without query and fragment.
    pub target: String,
    /// `nonce`, if there is one; one of those expected, if any were.
    pub nonce: Option<String>,
    /// `ath`, if there is one; the hash of the access token, if that was given.
    pub access_token_hash: Option<String>,
    /// The algorithm that verified it.
    pub algorithm: Algorithm,
}

impl VerifiedProof {
    /// The thumbprint in base64url, as `cnf.jkt` has it.
    pub fn jkt(&self) -> String {
        base64url::encode(&self.thumbprint)
    }
}

/// Verifies the proof of a request at a time.
///
/// Errors: `dpop.*`; `token.*`, `base64.*` and `json.*` for a proof that is no such JWT; `key.*` and `crypto.*` for its key
/// and signature.
pub fn verify(
    request: &Request<'_>,
    expect: &Expectations<'_>,
    at: Timestamp,
    backend: &Rc<dyn Backend>,
) -> Result<VerifiedProof, Rejection> {
    let compact = compact::parse(field(request.headers)?)?;
    jws::typ(&compact.header, TYPE)?;
    let algorithm = algorithm(&compact.header, expect.algorithms)?;
    jws::critical(&compact.header)?;
    let key = key(&compact.header, backend)?;
    let thumbprint = signature(&compact, &key, algorithm)?;
    let proof = Claims::parse(&compact.payload)?;
    let claims = required(&proof)?;
    method(&claims.method, request.method)?;
    let target = htu::same(&claims.target, request.url)?;
    let nonce = nonce(&proof, expect.nonces)?;
    window(claims.issued_at, expect.window, at)?;
    jwt::expiry(&proof, 0, at)?;
    jwt::not_before(&proof, 0, at)?;
    let access_token_hash = access_token_hash(&proof, expect.access_token)?;
    bound_key(&thumbprint, expect.thumbprint)?;
    unused(&claims.id, expect.seen)?;
    Ok(VerifiedProof {
        thumbprint,
        id: claims.id,
        issued_at: claims.issued_at,
        target,
        nonce,
        access_token_hash,
        algorithm,
    })
}

/// Whether a refusal is one that a new nonce would help: OAuth's `use_dpop_nonce` instead of `invalid_dpop_proof`
/// (RFC 9449 sections 8 and 9).
pub fn wants_nonce(rejection: &Rejection) -> bool {
    rejection.is(TokenCode::DpopNonceMissing) || rejection.is(TokenCode::DpopNonceMismatch)
}

/// Check 1: there is exactly one `DPoP` header field, and it is no list.
fn field<'h>(headers: &[(&str, &'h [u8])]) -> Result<&'h [u8], Rejection> {
    let mut fields = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("DPoP"));
    let Some((_, value)) = fields.next() else {
        return Err(Rejection::new(TokenCode::DpopMissing, "there is no DPoP header field"));
    };
    let more = fields.count();
    if more > 0 {
        return Err(Rejection::new(TokenCode::DpopRepeated, format!("there are {} DPoP header fields", more + 1)));
    }
    // No compact token holds a comma. JSON does, and is told to be JSON.
    if value.contains(&b',') && !value.trim_ascii_start().starts_with(b"{") {
        return Err(Rejection::new(TokenCode::DpopList, "the DPoP header field holds a comma"));
    }
    Ok(value)
}

/// Check 5: `alg` is an asymmetric algorithm that is accepted, whatever a list says.
fn algorithm(header: &Object, accepted: Option<&[Algorithm]>) -> Result<Algorithm, Rejection> {
    let algorithm = jws::algorithm(header, accepted)?;
    if algorithm.is_mac() {
        return Err(Rejection::new(
            TokenCode::AlgorithmMac,
            format!("{} proves nothing: whoever can verify it could have made it", algorithm.name()),
        ));
    }
    Ok(algorithm)
}

/// The `jwk` of the header, with every check of a key; a private one is refused (check 7).
fn key(header: &Object, backend: &Rc<dyn Backend>) -> Result<Key, Rejection> {
    match header.get("jwk")? {
        None => Err(Rejection::new(TokenCode::DpopKeyMissing, "the header has no jwk")),
        Some(Value::Object(jwk)) => {
            jwk::parse(jwk, "sig", Origin::Carried, backend).map_err(|rejection| rejection.within("jwk"))
        }
        Some(other) => Err(Rejection::new(TokenCode::DpopKeyType, format!("jwk is {}", other.kind()))),
    }
}

/// Check 6: the signature verifies with that key. The answer is its thumbprint.
fn signature(compact: &Compact<'_>, key: &Key, algorithm: Algorithm) -> Result<[u8; 32], Rejection> {
    key.verify(algorithm, compact.signing_input, &compact.signature)?;
    // A symmetric key does not get here: it can do no algorithm that is accepted.
    let public = key.public_key();
    public.map(|key| key.thumbprint()).ok_or_else(|| Rejection::new(TokenCode::DpopKeyType, "jwk is symmetric"))
}

/// What every proof has (RFC 9449 section 4.2).
struct Required {
    id: String,
    method: String,
    target: String,
    issued_at: NumericDate,
}

/// Check 3: the required claims are there and have their types.
fn required(proof: &Claims) -> Result<Required, Rejection> {
    let missing = |name| Rejection::new(TokenCode::DpopClaimMissing, format!("the proof has no {name}"));
    let id = proof.id.clone().ok_or_else(|| missing("jti"))?;
    if id.is_empty() {
        return Err(Rejection::new(TokenCode::DpopIdEmpty, "jti is empty"));
    }
    let text = |name| text(&proof.members, name, TokenCode::DpopClaimType)?.ok_or_else(|| missing(name));
    Ok(Required {
        id,
        method: text("htm")?,
        target: text("htu")?,
        issued_at: proof.issued_at.ok_or_else(|| missing("iat"))?,
    })
}

/// Check 8: `htm` is the request's method, case and all (RFC 9110 section 9.1).
fn method(htm: &str, method: &str) -> Result<(), Rejection> {
    if htm == method {
        return Ok(());
    }
    let code = if htm.eq_ignore_ascii_case(method) { TokenCode::DpopMethodCase } else { TokenCode::DpopMethodMismatch };
    Err(Rejection::new(code, format!("htm is {}, the request's method is {}", excerpt(htm), excerpt(method))))
}

/// Check 10: with nonces issued, `nonce` is one of them.
fn nonce(proof: &Claims, issued: &[&str]) -> Result<Option<String>, Rejection> {
    let nonce = text(&proof.members, "nonce", TokenCode::DpopNonceType)?;
    match &nonce {
        _ if issued.is_empty() => Ok(nonce),
        None => Err(Rejection::new(TokenCode::DpopNonceMissing, "the proof has no nonce, and one was issued")),
        Some(given) if issued.contains(&given.as_str()) => Ok(nonce),
        Some(_) => Err(Rejection::new(TokenCode::DpopNonceMismatch, "the proof's nonce is not one that was issued")),
    }
}

/// Check 11: `iat` is within the window, which reaches both ways and holds its ends.
fn window(issued_at: NumericDate, window: u64, at: Timestamp) -> Result<(), Rejection> {
    let age = at as f64 - issued_at.seconds();
    if age > window as f64 {
        return Err(Rejection::new(
            TokenCode::DpopTooOld,
            format!("the proof is {} seconds old, at most {window} are accepted", age as u64),
        ));
    }
    if -age > window as f64 {
        return Err(Rejection::new(
            TokenCode::DpopInFuture,
            format!("the proof is {} seconds ahead, at most {window} are accepted", (-age) as u64),
        ));
    }
    Ok(())
}

/// Check 12, first half: `ath` is the hash of the access token.
fn access_token_hash(proof: &Claims, access_token: Option<&str>) -> Result<Option<String>, Rejection> {
    let ath = text(&proof.members, "ath", TokenCode::DpopClaimType)?;
    let Some(token) = access_token else {
        return Ok(ath);
    };
    match ath {
        None => Err(Rejection::new(TokenCode::DpopTokenHashMissing, "the proof has no ath")),
        Some(ath) if ath == base64url::encode(&sha256(token.as_bytes())) => Ok(Some(ath)),
        Some(_) => Err(Rejection::new(TokenCode::DpopTokenHashMismatch, "ath is not the hash of the access token")),
    }
}

/// Check 12, second half: the key is the one that the access token is bound to.
fn bound_key(thumbprint: &[u8; 32], bound: Option<[u8; 32]>) -> Result<(), Rejection> {
    match bound {
        Some(bound) if bound != *thumbprint => Err(Rejection::new(
            TokenCode::DpopKeyMismatch,
            "the proof's key is not the one the access token is bound to",
        )),
        _ => Ok(()),
    }
}

/// The proof was not used before (RFC 9449 section 11.1).
fn unused(id: &str, seen: &[&str]) -> Result<(), Rejection> {
    if seen.contains(&id) {
        return Err(Rejection::new(TokenCode::DpopReplayed, "a proof with this jti was used before"));
    }
    Ok(())
}
