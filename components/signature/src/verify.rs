//! Verifying a signature (RFC 9421 section 3.2), step by step in its order.

use alloc::{format, string::String, vec::Vec};

use portcullis_crypto::{Algorithm, CryptoCode, KeySet, sha256};
use portcullis_types::{
    Rejection, Timestamp,
    limits::excerpt,
    trace::{Silent, Trace, check},
};

use crate::{
    Component, Message, Parameters, Selection, Signature, SignatureCode, Signatures, StructuredFields,
    algorithm::{self, Candidate},
    digest::check_content_digest,
};

/// Parameters that a signature has to have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Required {
    /// `created`
    pub created: bool,
    /// `expires`
    pub expires: bool,
    /// `nonce`
    pub nonce: bool,
    /// `alg`
    pub alg: bool,
    /// `keyid`
    pub keyid: bool,
    /// `tag`
    pub tag: bool,
}

/// What the verifier wants to see: what an application has to say (section 1.4), in the default next to nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Expectations<'e> {
    /// Which signature is verified.
    pub selection: Selection<'e>,
    /// What it has to cover. A component is covered only by the same with the same parameters.
    pub components: &'e [Component],
    /// Which parameters it has to have.
    pub require: Required,
    /// How old it may be, in seconds since `created`, which is required then. An age that equals it is accepted.
    pub created_within: Option<u64>,
    /// How far the clocks may differ, in seconds: to the signature's favour at every limit.
    pub skew: u64,
    /// Acceptable algorithms; without it, every one that its key is for.
    pub algorithms: Option<&'e [Algorithm]>,
    /// Structured fields that are known beside the registered ones, for `sf`.
    pub structured_fields: StructuredFields<'e>,
}

/// A signature that verified, of a message whose covered Content-Digest is that of its body.
#[derive(Debug, Clone)]
pub struct Verified {
    /// Its label.
    pub label: String,
    /// The `kid` of the key that made it, if the key has one: the same as the parameter `keyid`, if there is one.
    pub keyid: Option<String>,
    /// What it covers, in its order.
    pub components: Vec<Component>,
    /// Its parameters. Whether a `nonce` was seen before is the caller's to know.
    pub parameters: Parameters,
    /// The algorithm that verified it.
    pub algorithm: Algorithm,
    /// The RFC 7638 thumbprint of the key; nothing for a symmetric one.
    pub thumbprint: Option<[u8; 32]>,
    /// SHA-256 of the signature base: what was signed, whatever form its signature has. Two signatures by one key over the same base
    /// are one and the same message twice.
    pub base: [u8; 32],
}

/// Verifies a signature of a message at a time.
///
/// Errors: those of [`verify`].
///
/// ```
/// use std::rc::Rc;
/// use portcullis_crypto::{KeySet, SoftwareBackend};
/// use portcullis_signature::{Component, Expectations, Field, Message, Request, parse_and_verify};
///
/// // RFC 9421 appendix B.2.6
/// let jwks = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"test-key-ed25519",
///                 "x":"JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs"}]}"#;
/// let keys = KeySet::from_jwks(jwks, &(Rc::new(SoftwareBackend::default()) as _))?;
/// let fields = [
///     ("Host", "example.com"),
///     ("Date", "Tue, 20 Apr 2021 02:07:55 GMT"),
///     ("Content-Type", "application/json"),
///     ("Content-Length", "18"),
///     ("Signature-Input", "sig-b26=(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\")\
///                          ;created=1618884473;keyid=\"test-key-ed25519\""),
///     ("Signature", "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:"),
/// ];
/// let fields = fields.map(|(name, value)| Field { name, value: value.as_bytes() });
/// let request = Request {
///     method: "POST",
///     url: "https://example.com/foo?param=Value&Pet=dog",
///     target: None,
///     fields: &fields,
///     trailers: &[],
///     body: Some(b"{\"hello\": \"world\"}"),
/// };
/// let components = [Component::parse("@method")?, Component::parse("@path")?];
/// let expect = Expectations { components: &components, created_within: Some(300), ..Expectations::default() };
/// let verified = parse_and_verify(&Message::Request(&request), &keys, &expect, 1_618_884_485)?;
/// assert_eq!(verified.label, "sig-b26");
///
/// let other = Request { method: "DELETE", ..request };
/// let refused = parse_and_verify(&Message::Request(&other), &keys, &expect, 1_618_884_485).unwrap_err();
/// assert_eq!(refused.code(), "crypto.signature_invalid");
/// # Ok::<(), portcullis_types::Rejection>(())
/// ```
pub fn parse_and_verify(
    message: &Message<'_>,
    keys: &KeySet,
    expect: &Expectations<'_>,
    at: Timestamp,
) -> Result<Verified, Rejection> {
    verify(message, keys, expect, at, &mut Silent)
}

/// The same, telling each check to a [`Trace`].
///
/// Errors: `signature.*`; `key.*` and `crypto.*` for the key and the signature.
pub fn verify(
    message: &Message<'_>,
    keys: &KeySet,
    expect: &Expectations<'_>,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<Verified, Rejection> {
    let signatures = check(trace, "signature fields", "RFC 9421 section 4", Signatures::of(message), |found| {
        let labels: Vec<&str> = found.iter().map(|(label, _)| label).collect();
        excerpt(&labels.join(", "))
    })?;
    let selected = signatures.select(&expect.selection);
    let signature = check(trace, "selection", "RFC 9421 section 3.2 step 1", selected, |one| excerpt(&one.label))?;
    let parameters = &signature.parameters;
    let there = required_parameters(parameters, expect);
    check(trace, "required parameters", "RFC 9421 section 3.2.1", there, |()| signature.input().into())?;
    let covered = required_components(signature, expect.components);
    check(trace, "required components", "RFC 9421 section 3.2.1", covered, |()| {
        format!("{} of {} covered", expect.components.len(), signature.components.len())
    })?;
    check(trace, "times", "RFC 9421 section 3.2.1", times(parameters, expect, at), |()| {
        let told = |time: Option<i64>| time.map_or_else(|| "not told".into(), |time| format!("{time}"));
        format!("created {}, expires {}, it is {at}", told(parameters.created), told(parameters.expires))
    })?;
    let candidates = algorithm::candidates(keys, parameters, expect.algorithms);
    let candidates = check(trace, "key and algorithm", "RFC 9421 section 3.2 steps 5 and 6", candidates, |found| {
        let names: Vec<&str> = found.iter().map(|one| one.algorithm.name()).collect();
        names.join(", ")
    })?;
    let base = signature.base_knowing(message, &expect.structured_fields);
    let base = check(trace, "signature base", "RFC 9421 section 2.5", base, |base| format!("{} bytes", base.len()))?;
    let made = made_by(&candidates, base.as_bytes(), signature.value());
    let made = check(trace, "signature", "RFC 9421 section 3.2 step 8", made, |made| {
        format!("{} verifies under a key of type {}", made.algorithm.name(), made.key.kind())
    })?;
    check(trace, "covered digests", "RFC 9421 section 7.2.8", digests(signature, message), |count| {
        format!("{count} checked")
    })?;
    Ok(Verified {
        label: signature.label.clone(),
        keyid: made.entry.kid.clone(),
        components: signature.components.clone(),
        parameters: parameters.clone(),
        algorithm: made.algorithm,
        thumbprint: made.key.public_key().map(|key| key.thumbprint()),
        base: sha256(base.as_bytes()),
    })
}

/// Step 4: the parameters that are required are there.
///
/// Error: `signature.parameter_missing`.
fn required_parameters(parameters: &Parameters, expect: &Expectations<'_>) -> Result<(), Rejection> {
    let require = &expect.require;
    let missing = [
        ("created", require.created || expect.created_within.is_some(), parameters.created.is_some()),
        ("expires", require.expires, parameters.expires.is_some()),
        ("nonce", require.nonce, parameters.nonce.is_some()),
        ("alg", require.alg, parameters.alg.is_some()),
        ("keyid", require.keyid, parameters.keyid.is_some()),
        ("tag", require.tag, parameters.tag.is_some()),
    ];
    match missing.iter().find(|(_, required, there)| *required && !there) {
        None => Ok(()),
        Some((name, ..)) => {
            Err(Rejection::new(SignatureCode::ParameterMissing, format!("the signature has no {name}")))
        }
    }
}

/// Step 4: what has to be covered is.
///
/// Error: `signature.component_not_covered`.
fn required_components(signature: &Signature, required: &[Component]) -> Result<(), Rejection> {
    match required.iter().find(|required| !signature.components.contains(required)) {
        None => Ok(()),
        Some(uncovered) => Err(Rejection::new(
            SignatureCode::ComponentNotCovered,
            format!("{} is not covered", excerpt(&uncovered.unquoted())),
        )),
    }
}

/// Step 4: it was made, not too long ago, and has not expired. A time that no clock shows is no reason to overflow.
///
/// Errors: `signature.expires_before_created`, `signature.created_in_future`, `signature.too_old`, `signature.expired`.
fn times(parameters: &Parameters, expect: &Expectations<'_>, at: Timestamp) -> Result<(), Rejection> {
    parameters.check_times()?;
    let (now, skew) = (i128::from(at), i128::from(expect.skew));
    if let Some(created) = parameters.created {
        let age = now - i128::from(created);
        if age < -skew {
            return Err(Rejection::new(
                SignatureCode::CreatedInFuture,
                format!("created is {created} and it is {at}, with a skew of {skew} seconds"),
            ));
        }
        if let Some(within) = expect.created_within
            && age > i128::from(within) + skew
        {
            return Err(Rejection::new(
                SignatureCode::TooOld,
                format!("the signature is {age} seconds old, at most {within} are accepted"),
            ));
        }
    }
    match parameters.expires {
        Some(expires) if now >= i128::from(expires) + skew => Err(Rejection::new(
            SignatureCode::Expired,
            format!("expires was {expires} and it is {at}, with a skew of {skew} seconds"),
        )),
        _ => Ok(()),
    }
}

/// Step 8: one of the candidates made the signature.
///
/// Errors: the first candidate's reason; `crypto.backend_failed` before any other, because then nobody knows.
fn made_by<'c, 'k>(candidates: &'c [Candidate<'k>], base: &[u8], value: &[u8]) -> Result<&'c Candidate<'k>, Rejection> {
    let mut reason = None;
    for candidate in candidates {
        match candidate.key.verify(candidate.algorithm, base, value) {
            Ok(()) => return Ok(candidate),
            Err(failed) if failed.is(CryptoCode::BackendFailed) => return Err(failed),
            Err(rejection) => reason = reason.or(Some(rejection)),
        }
    }
    Err(reason.unwrap_or_else(|| Rejection::new(CryptoCode::SignatureInvalid, "no key verifies the signature")))
}

/// Section 7.2.8: a Content-Digest that is covered, of the message or of the request it answers, is that of the body. How many
/// are is the answer.
///
/// Errors: those of [`check_content_digest`].
fn digests(signature: &Signature, message: &Message<'_>) -> Result<usize, Rejection> {
    let mut checked = 0;
    for component in signature.components.iter().filter(|component| component.name() == "content-digest") {
        let context = match (component.is_request(), message) {
            // The base was made, so the request is there.
            (true, Message::Response(response)) => match response.request {
                Some(request) => Message::Request(request),
                None => continue,
            },
            _ => *message,
        };
        let section = if component.is_trailer() { context.trailers() } else { context.fields() };
        check_content_digest(section, context.body()).map_err(|refused| refused.within(&component.unquoted()))?;
        checked += 1;
    }
    Ok(checked)
}
