//! WIMSE with HTTP Message Signatures (draft-ietf-wimse-http-signature-07): the proof of possession that covers the message.

use alloc::{format, rc::Rc, string::String};

use portcullis_crypto::{Algorithm, Backend};
use portcullis_signature::{
    BareItem, Field, Message, Request, Response, Selection, Signature, SignatureCode, Signatures, check_content_digest,
};
use portcullis_svid::Confirmation;
use portcullis_types::{
    Rejection, Timestamp,
    trace::{Trace, check},
};

use crate::{
    TrustDomains, WimseCode,
    identity_token::{self, VerifiedIdentityToken},
};

/// By which the signature is selected, whatever its label is.
pub const TAG: &str = "wimse-workload-to-workload";

/// How far ahead `expires` may lie where nothing else is said, in seconds. The draft speaks of minutes.
pub const DEFAULT_LIFETIME: u64 = 300;

/// What a server that wants signed requests says in `Accept-Signature` (RFC 9421 section 5.1): the least that has to be covered.
pub const ACCEPT: &str = concat!(
    r#"wimse=("@method" "@path" "@query" "workload-identity-token");created;expires;"#,
    r#"tag="wimse-workload-to-workload""#
);

/// Where the rules stand.
const SECTION: &str = "WIMSE http-signature-07 section 3";

/// Fields that have to be covered where they are there (section 3).
const COVERED_FIELDS: [&str; 5] =
    ["content-type", "content-digest", "authorization", "txn-token", "workload-identity-token"];

/// What a recipient wants to see.
#[derive(Debug, Clone, Copy)]
pub struct Expectations<'e> {
    /// What `wimse-aud` of a request may be: the target as configuration knows it, never as `Host` says.
    pub audience: &'e [&'e str],
    /// How far ahead `expires` may lie, in seconds.
    pub lifetime: u64,
    /// How far clocks may differ, in seconds.
    pub leeway: u64,
    /// Nonces that were used before.
    pub seen: &'e [&'e str],
}

/// A signature that holds.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedMessage {
    /// RFC 7638 thumbprint of the key whose possession it proves.
    pub thumbprint: [u8; 32],
    /// Its nonce: with the key and the audience, what must not be seen a second time.
    pub nonce: String,
    /// `wimse-aud` of a request; empty for a response.
    pub audience: String,
    /// `created`: when it was made.
    pub created: Timestamp,
    /// `expires`: until when it has to be remembered.
    pub expires: Timestamp,
    /// Whether the client asks for a signed response (`wimse-sign-response`).
    pub sign_response: bool,
    /// The algorithm that verified it.
    pub algorithm: Algorithm,
}

/// Whether a message claims to be signed in this way: it has a signature with the tag, or one that cannot be understood and
/// may be it.
///
/// Errors: `signature.*` for fields that cannot be read.
pub fn is_signed(message: &Message<'_>) -> Result<bool, Rejection> {
    let Some(signatures) = read(message)? else { return Ok(false) };
    Ok(signatures.iter().any(|(_, one)| one.is_err() || is_tagged(one)))
}

fn is_tagged(signature: Result<&Signature, &Rejection>) -> bool {
    signature.is_ok_and(|signature| signature.parameters.tag.as_deref() == Some(TAG))
}

/// The signatures of a message, if it has either of their fields.
fn read(message: &Message<'_>) -> Result<Option<Signatures>, Rejection> {
    let is_one = |name: &str| ["signature", "signature-input"].iter().any(|known| name.eq_ignore_ascii_case(known));
    let has_any = message.fields().iter().chain(message.trailers()).any(|field| is_one(field.name));
    if has_any { Signatures::of(message).map(Some) } else { Ok(None) }
}

/// Verifies the identity token of a request and the signature that it came with.
///
/// Errors: those of [`identity_token::parse_and_verify`] and of [`verify_request`].
pub fn parse_and_verify_request(
    request: &Request<'_>,
    trusted: &TrustDomains,
    expect: &Expectations<'_>,
    backend: &Rc<dyn Backend>,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<(VerifiedIdentityToken, VerifiedMessage), Rejection> {
    let fields = pairs(request.fields);
    let (_, identity) = identity_token::parse_and_verify(fields, trusted, expect.leeway, backend, at, trace)?;
    let message = verify_request(request, &identity.confirmation, expect, at, trace)?;
    Ok((identity, message))
}

/// Verifies the identity token of a response and its signature, if it has one or has to: where the request asked for it, or
/// `required` says so. The response lends the request that it answers.
///
/// Errors: those of [`identity_token::parse_and_verify`] and of a signed message; `wimse.response_nonce`, `wimse.response_unsigned`.
pub fn parse_and_verify_response(
    response: &Response<'_>,
    required: bool,
    trusted: &TrustDomains,
    expect: &Expectations<'_>,
    backend: &Rc<dyn Backend>,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<Option<(VerifiedIdentityToken, VerifiedMessage)>, Rejection> {
    let asked = match response.request {
        None => None,
        Some(request) => asked(&Message::Request(request))?,
    };
    let required = required || asked.as_ref().is_some_and(|asked| asked.sign_response);
    // One that is signed is judged, whether it had to be signed or not.
    if !is_signed(&Message::Response(response))? {
        let unsigned = match required {
            true => {
                Err(Rejection::new(WimseCode::ResponseUnsigned, "the response has no signature, and has to have one"))
            }
            false => Ok(()),
        };
        return check(trace, "signature", SECTION, unsigned, |()| "none, and none is required".into()).map(|()| None);
    }
    let fields = pairs(response.fields);
    let (_, identity) = identity_token::parse_and_verify(fields, trusted, expect.leeway, backend, at, trace)?;
    let nonce = asked.as_ref().map(|asked| asked.nonce.as_str());
    let message = verify_response(response, nonce, required, &identity.confirmation, expect, at, trace)?;
    Ok(Some((identity, message)))
}

/// Verifies the signature of a request, whose identity token verified before, with the key that it names. The body is looked at
/// last, so that its lack is told of a request that is good but for that.
///
/// Errors: `wimse.signature_*`, `signature.*`, `crypto.*`; `signature.body_unavailable` where the body is needed and not at hand.
pub fn verify_request(
    request: &Request<'_>,
    confirmed: &Confirmation,
    expect: &Expectations<'_>,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<VerifiedMessage, Rejection> {
    let message = Message::Request(request);
    let signature = check(trace, "signature", SECTION, select(&message), |signature| signature.label.clone())?;
    check(trace, "parameters", SECTION, parameters(&signature, expect, at), |_| String::new())?;
    let audience = check(trace, "audience", SECTION, audience(&signature, expect.audience), |aud| aud.clone())?;
    let sign_response = check(trace, "signed response", SECTION, sign_response(&signature), |asked| {
        if *asked { "asked for".into() } else { "not asked for".into() }
    })?;
    if signature.parameters.other("wimse-req-nonce").is_some() {
        let rejection = Rejection::new(WimseCode::SignatureForbidden, "wimse-req-nonce is for responses");
        trace.failed("parameters", &rejection);
        return Err(rejection);
    }
    let required = ["@method", "@path", "@query"].map(|name| (name, false));
    let covered = covers(&signature, &message, &required);
    check(trace, "covered components", SECTION, covered, |()| String::new())?;
    holds(&signature, &message, confirmed, audience, sign_response, trace)
}

/// Verifies the signature of a response, whose identity token verified before, with the key that it names. `nonce` is that of the
/// request it answers, where that was signed; without one, the response has none either, unless a signature is `required`.
///
/// Errors: those of [`verify_request`], `wimse.response_nonce`.
fn verify_response(
    response: &Response<'_>,
    nonce: Option<&str>,
    required: bool,
    confirmed: &Confirmation,
    expect: &Expectations<'_>,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<VerifiedMessage, Rejection> {
    let message = Message::Response(response);
    let signature = check(trace, "signature", SECTION, select(&message), |signature| signature.label.clone())?;
    check(trace, "parameters", SECTION, parameters(&signature, expect, at), |_| String::new())?;
    let nonce = request_nonce(&signature, nonce, required);
    check(trace, "request's nonce", SECTION, nonce, |()| String::new())?;
    let wanted =
        [("@status", false), ("@method", true), ("@path", true), ("@query", true), ("workload-identity-token", false)];
    check(trace, "covered components", SECTION, covers(&signature, &message, &wanted), |()| String::new())?;
    holds(&signature, &message, confirmed, String::new(), false, trace)
}

fn pairs<'m>(fields: &'m [Field<'m>]) -> impl Iterator<Item = (&'m str, &'m [u8])> + Clone {
    fields.iter().map(|field| (field.name, field.value))
}

/// What a request asks of its response.
pub(crate) struct Asked {
    /// The nonce of its signature; empty where it has none.
    pub(crate) nonce: String,
    /// Whether its response is to be signed.
    pub(crate) sign_response: bool,
}

/// What a request asks, if it is signed in this way. Nothing is verified.
pub(crate) fn asked(request: &Message<'_>) -> Result<Option<Asked>, Rejection> {
    let Some(signatures) = read(request)? else { return Ok(None) };
    if !signatures.iter().any(|(_, one)| is_tagged(one)) {
        return Ok(None);
    }
    let signature = select(request)?;
    let nonce = signature.parameters.nonce.clone().unwrap_or_default();
    Ok(Some(Asked { nonce, sign_response: sign_response(&signature)? }))
}

/// Exactly one signature has the tag.
fn select(message: &Message<'_>) -> Result<Signature, Rejection> {
    let none = || Rejection::new(WimseCode::SignatureMissing, format!("no signature has the tag {TAG}"));
    let signatures = read(message)?.ok_or_else(none)?;
    match signatures.iter().filter(|(_, one)| is_tagged(*one)).count() {
        0 => match signatures.iter().find_map(|(_, one)| one.err()) {
            Some(rejection) => Err(rejection.clone()),
            None => Err(none()),
        },
        1 => signatures.select(&Selection::Tag(TAG)).cloned(),
        _ => {
            let what = format!("more than one signature has the tag {TAG}");
            Err(Rejection::new(WimseCode::SignatureRepeated, what))
        }
    }
}

/// The parameters that every message has, and those that none may have.
fn parameters(signature: &Signature, expect: &Expectations<'_>, at: Timestamp) -> Result<(), Rejection> {
    let parameters = &signature.parameters;
    let missing = |name: &str| Rejection::new(WimseCode::SignatureParameter, format!("the signature has no {name}"));
    if parameters.keyid.is_some() || parameters.alg.is_some() {
        let what = "keyid and alg are not for these signatures: the identity token has the key";
        return Err(Rejection::new(WimseCode::SignatureForbidden, what));
    }
    let created = seconds(parameters.created, "created")?.ok_or_else(|| missing("created"))?;
    let expires = seconds(parameters.expires, "expires")?.ok_or_else(|| missing("expires"))?;
    let nonce = parameters.nonce.as_deref().filter(|nonce| !nonce.is_empty()).ok_or_else(|| missing("nonce"))?;
    if created > at.saturating_add(expect.leeway) {
        let what = format!("created is {created} and it is {at}");
        return Err(Rejection::new(WimseCode::SignatureInFuture, what));
    }
    if at >= expires.saturating_add(expect.leeway) {
        let what = format!("expires was {expires} and it is {at}");
        return Err(Rejection::new(WimseCode::SignatureExpired, what));
    }
    if expires > at.saturating_add(expect.lifetime).saturating_add(expect.leeway) || expires <= created {
        let what = format!("created is {created} and expires {expires}: no lifetime of at most {}", expect.lifetime);
        return Err(Rejection::new(WimseCode::SignatureTooLong, what));
    }
    if expect.seen.contains(&nonce) {
        return Err(Rejection::new(WimseCode::SignatureReplayed, "a signature with this nonce was used before"));
    }
    Ok(())
}

fn seconds(time: Option<i64>, name: &str) -> Result<Option<Timestamp>, Rejection> {
    let negative = |_| Rejection::new(WimseCode::SignatureParameter, format!("{name} is before 1970"));
    time.map(|time| Timestamp::try_from(time).map_err(negative)).transpose()
}

/// `wimse-aud` names this server's target.
fn audience(signature: &Signature, accepted: &[&str]) -> Result<String, Rejection> {
    match signature.parameters.other("wimse-aud").map(BareItem::as_string) {
        None => Err(Rejection::new(WimseCode::SignatureParameter, "the signature has no wimse-aud")),
        Some(Some(aud)) if accepted.contains(&aud.as_str()) => Ok(aud.as_str().into()),
        Some(_) => Err(Rejection::new(WimseCode::SignatureAudience, "wimse-aud is not this request's target")),
    }
}

/// `wimse-sign-response`, a truth value.
fn sign_response(signature: &Signature) -> Result<bool, Rejection> {
    match signature.parameters.other("wimse-sign-response").map(BareItem::as_boolean) {
        None => Ok(false),
        Some(Some(asked)) => Ok(asked),
        Some(None) => {
            Err(Rejection::new(WimseCode::SignatureParameter, "wimse-sign-response is neither true nor false"))
        }
    }
}

/// `wimse-req-nonce` is the nonce of the request that is answered, so that no answer serves another request.
fn request_nonce(signature: &Signature, sent: Option<&str>, required: bool) -> Result<(), Rejection> {
    let given = signature.parameters.other("wimse-req-nonce").map(BareItem::as_string);
    let refuse = |what: &str| Err(Rejection::new(WimseCode::ResponseNonce, what));
    match (given, sent) {
        (Some(Some(given)), Some(sent)) if given.as_str() == sent => Ok(()),
        (None, None) if !required => Ok(()),
        (None, _) => Err(Rejection::new(WimseCode::SignatureParameter, "the signature has no wimse-req-nonce")),
        (Some(None), _) => refuse("wimse-req-nonce is no text"),
        (Some(Some(_)), Some(_)) => refuse("wimse-req-nonce is not the request's nonce"),
        (Some(Some(_)), None) => refuse("wimse-req-nonce is there, and the request has no such signature"),
    }
}

/// What has to be covered is, each as a whole; and each of the fields that is there.
fn covers(signature: &Signature, message: &Message<'_>, required: &[(&str, bool)]) -> Result<(), Rejection> {
    let refuse = |name: &str| Err(Rejection::new(WimseCode::SignatureUncovered, format!("{name} is not covered")));
    for (name, of_request) in required {
        if !signature.covers(name, *of_request) {
            let suffix = if *of_request { ";req" } else { "" };
            return refuse(&format!("{name}{suffix}"));
        }
    }
    for name in COVERED_FIELDS {
        let is_there = message.fields().iter().any(|field| field.name.eq_ignore_ascii_case(name));
        let for_both = match message {
            Message::Request(_) => true,
            Message::Response(_) => name.starts_with("content-"),
        };
        if is_there && for_both && !signature.covers(name, false) {
            return refuse(name);
        }
    }
    // A trailer of these names would be read by some and is covered by nothing.
    match COVERED_FIELDS.iter().find(|name| message.trailers().iter().any(|one| one.name.eq_ignore_ascii_case(name))) {
        Some(name) => refuse(&format!("{name}, a trailer,")),
        None => Ok(()),
    }
}

/// The signature verifies, and the digest is the body's.
fn holds(
    signature: &Signature,
    message: &Message<'_>,
    confirmed: &Confirmation,
    audience: String,
    sign_response: bool,
    trace: &mut dyn Trace,
) -> Result<VerifiedMessage, Rejection> {
    let Confirmation { key, algorithm, .. } = confirmed;
    let verified = signature.verify_with(message, key, *algorithm);
    check(trace, "signature's value", "RFC 9421 section 3.2", verified, |()| "by the identity token's key".into())?;
    check(trace, "body", "WIMSE http-signature-07 section 3; RFC 9530 section 2", body(message), |()| String::new())?;
    let symmetric = || Rejection::new(WimseCode::ProofAlgorithm, "the key is symmetric");
    Ok(VerifiedMessage {
        thumbprint: key.public_key().ok_or_else(symmetric)?.thumbprint(),
        nonce: signature.parameters.nonce.clone().unwrap_or_default(),
        audience,
        created: seconds(signature.parameters.created, "created")?.unwrap_or_default(),
        expires: seconds(signature.parameters.expires, "expires")?.unwrap_or_default(),
        sign_response,
        algorithm: *algorithm,
    })
}

/// A message with a body has a Content-Digest, and that is the body's.
pub(crate) fn body(message: &Message<'_>) -> Result<(), Rejection> {
    let has_digest = message.fields().iter().any(|field| field.name.eq_ignore_ascii_case("content-digest"));
    match (has_digest, message.body()) {
        (false, Some([])) => Ok(()),
        (false, Some(_)) => {
            Err(Rejection::new(WimseCode::SignatureDigest, "the message has a body and no Content-Digest"))
        }
        (false, None) => {
            let what = "nobody can say here whether the message has a body, and it has no Content-Digest";
            Err(Rejection::new(SignatureCode::BodyUnavailable, what))
        }
        (true, body) => check_content_digest(message.fields(), body).map(|_| ()),
    }
}
