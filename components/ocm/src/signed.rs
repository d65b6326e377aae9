//! Signed requests (section HTTP Message Signatures): who sent one, and making one.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use portcullis_crypto::{Algorithm, KeySet};
use portcullis_signature::{
    Component, DigestAlgorithm, Expectations, Field, Message, Parameters, Prepared, Request, Required, Selection,
    Signatures, algorithm_name, check_content_digest, content_digest, prepare, verify,
};
use portcullis_types::{
    Rejection, Timestamp,
    json::{self, Object, Value},
    limits::{MAX_COMPACT_TOKEN, excerpt},
    trace::{Trace, check},
};

use crate::{Address, Form, Host, SignedCode};

/// What the one signature that counts is marked with, whatever its label is.
pub const TAG: &str = "ocm";

/// How old a signature may be where nothing else is said, in seconds. The request is made for one answer and sent at once.
pub const DEFAULT_WINDOW: u64 = 300;

/// How far ahead the other clock may be where nothing else is said, in seconds.
pub const DEFAULT_SKEW: u64 = 30;

/// The longest body, in bytes. A share has some hundreds, and a notification no more.
pub const MAX_BODY: usize = MAX_COMPACT_TOKEN;

/// What a signature covers at least.
pub const COVERED: [&str; 4] = ["@method", "@target-uri", "content-digest", "content-length"];

/// The asymmetric algorithms of the registry of HTTP signature algorithms. A secret key would have to be known before.
pub const ALGORITHMS: &[Algorithm] =
    &[Algorithm::Ed25519, Algorithm::Es256, Algorithm::Es384, Algorithm::Ps512, Algorithm::Rs256];

/// Where the rules stand.
const SECTION: &str = "draft-ietf-ocm-open-cloud-mesh-05, HTTP Message Signatures";

/// The time that a verifier grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// How old a signature may be, in seconds.
    pub window: u64,
    /// How far the clocks may differ, in seconds.
    pub skew: u64,
}

impl Default for Times {
    fn default() -> Self {
        Self { window: DEFAULT_WINDOW, skew: DEFAULT_SKEW }
    }
}

/// A request whose signature verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRequest {
    /// The server whose key made it.
    pub signer: Host,
    /// The key's `kid`.
    pub keyid: String,
    /// The RFC 7638 thumbprint of the key.
    pub thumbprint: [u8; 32],
    /// The algorithm that verified it.
    pub algorithm: Algorithm,
    /// When it was made, in seconds since 1970.
    pub created: Timestamp,
    /// Until when the same request would verify again, in seconds since 1970: how long to remember it where it must not be
    /// carried out twice.
    pub until: Timestamp,
    /// SHA-256 of what was signed, by which it is known again: of some algorithms one message has many signatures.
    pub base: [u8; 32],
}

/// The body of a request, by its media type.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// `application/json`
    Json(Object),
    /// `application/x-www-form-urlencoded`
    Form(Form),
}

impl Body {
    /// Reads the body of a request.
    ///
    /// Errors: `ocm.body_malformed`, `signature.body_unavailable`.
    pub fn of(request: &Request<'_>) -> Result<Self, Rejection> {
        let refuse = |what: String| Rejection::new(SignedCode::Body, what);
        let body = request.body.ok_or_else(|| {
            Rejection::new(portcullis_signature::SignatureCode::BodyUnavailable, "the body is not at hand")
        })?;
        let media_type = only(request.fields, "content-type").map_err(|what| refuse(what.into()))?;
        let essence = media_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        if essence.eq_ignore_ascii_case(b"application/json") {
            return read_json(body).map(Self::Json);
        }
        if essence.eq_ignore_ascii_case(b"application/x-www-form-urlencoded") {
            check_length(body)?;
            let text = core::str::from_utf8(body).map_err(|_| refuse("the form is not ASCII".into()))?;
            return Form::parse(text).map(Self::Form);
        }
        Err(refuse("Content-Type is neither application/json nor application/x-www-form-urlencoded".into()))
    }

    /// Who the body says has sent it: the server of the `sender` of a share, of the `recipientProvider` of an accepted invite, of
    /// `shareWith` where a share is asked for, or the `client_id` of a token request. A notification says nothing of it.
    ///
    /// Errors: `ocm.body_malformed`, `ocm.address_*`.
    pub fn claimed_signer(&self) -> Result<Option<Host>, Rejection> {
        let object = match self {
            Self::Form(form) => {
                let host = form.get("client_id").map(Host::parse).transpose();
                return host.map_err(|refused| refused.within("client_id"));
            }
            Self::Json(object) => object,
        };
        let text = |name: &'static str| match object.get(name)? {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(other) => Err(Rejection::new(SignedCode::Body, format!("{name} is {}, no text", other.kind()))),
        };
        let server = |name, address: &str| {
            Address::parse(address).map(|it| Some(it.host().clone())).map_err(|refused| refused.within(name))
        };
        if let Some(sender) = text("sender")? {
            return server("sender", sender);
        }
        if let Some(provider) = text("recipientProvider")? {
            return Host::parse(provider).map(Some).map_err(|refused| refused.within("recipientProvider"));
        }
        match (object.get("share")?, text("shareWith")?) {
            (Some(_), Some(party)) => server("shareWith", party),
            _ => Ok(None),
        }
    }

    /// Section Validating the Payload: what the body says was done is done by who signed it, and who owns what is shared is at the
    /// same server.
    ///
    /// Errors: `ocm.sender_other`, `ocm.owner_other`; those of [`Self::claimed_signer`].
    pub fn check_signer(&self, signer: &Host) -> Result<(), Rejection> {
        match self.claimed_signer()? {
            Some(claimed) if claimed != *signer => {
                let what = format!("the body speaks for {claimed}, and the signature is to be by {signer}");
                return Err(Rejection::new(SignedCode::Sender, what));
            }
            _ => {}
        }
        let Self::Json(object) = self else { return Ok(()) };
        let member = |name| object.get(name).map(|value| value.and_then(Value::as_str));
        match (member("owner")?, member("sender")?) {
            (Some(owner), Some(sender)) => check_origin(&Address::parse(owner)?, &Address::parse(sender)?),
            _ => Ok(()),
        }
    }
}

/// Reads a body that is one JSON object, at most [`MAX_BODY`] bytes, no name twice.
///
/// Error: `ocm.body_malformed`.
pub fn read_json(body: &[u8]) -> Result<Object, Rejection> {
    check_length(body)?;
    // What a parser says of a place in the text is enough; the text may hold secrets.
    json::parse_object(body).map_err(|why| Rejection::new(SignedCode::Body, format!("the body: {}", why.code())))
}

fn check_length(body: &[u8]) -> Result<(), Rejection> {
    if body.len() > MAX_BODY {
        let what = format!("the body has {} bytes, at most {MAX_BODY} are read", body.len());
        return Err(Rejection::new(SignedCode::Body, what));
    }
    Ok(())
}

/// Section Validating the Payload: the owner has an account where the share comes from.
///
/// Error: `ocm.owner_other`.
pub fn check_origin(owner: &Address, sender: &Address) -> Result<(), Rejection> {
    if owner.host() == sender.host() {
        return Ok(());
    }
    let what = format!("the owner is at {}, and the share comes from {}", owner.host(), sender.host());
    Err(Rejection::new(SignedCode::Owner, what))
}

/// Who has to have signed a request: who is `expected`, or else who the body says.
///
/// Errors: `ocm.sender_other`, `ocm.owner_other`, `ocm.signer_unknown`; those of [`Body::claimed_signer`].
pub fn signer(body: &Body, expected: Option<&Host>) -> Result<Host, Rejection> {
    let none = || Rejection::new(SignedCode::SignerUnknown, "neither the body nor anybody else says who has signed it");
    let signer = match expected {
        Some(expected) => expected.clone(),
        None => body.claimed_signer()?.ok_or_else(none)?,
    };
    body.check_signer(&signer)?;
    Ok(signer)
}

/// Verifies the signature of a request by a server's keys: exactly one with the tag, over what it has to cover, made a short time
/// ago with an asymmetric key; the digests are recomputed and the length is counted.
///
/// The keys are those that the server publishes, found by its name alone (see [`crate::keys_url`]), never by what the request says
/// of keys. Who the server has to be is for [`signer`] to say.
///
/// Errors: `ocm.signature_*`; `signature.*`, `key.*` and `crypto.*`.
pub fn verify_request(
    request: &Request<'_>,
    signer: &Host,
    keys: &KeySet,
    times: &Times,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<SignedRequest, Rejection> {
    check(trace, "form of signature", SECTION, not_legacy(request), |()| String::new())?;
    let components = COVERED.into_iter().map(Component::parse).collect::<Result<Vec<_>, _>>()?;
    let expect = Expectations {
        selection: Selection::Tag(TAG),
        components: &components,
        require: Required { created: true, keyid: true, ..Required::default() },
        created_within: Some(times.window),
        skew: times.skew,
        algorithms: Some(ALGORITHMS),
        ..Expectations::default()
    };
    let verified = verify(&Message::Request(request), keys, &expect, at, trace)?;
    check(trace, "content", SECTION, content(request), |()| String::new())?;
    let symmetric =
        || Rejection::new(portcullis_signature::SignatureCode::AlgorithmNotAccepted, "the key is symmetric");
    // It is there and not negative, or the signature would be too old.
    let created = verified.parameters.created.and_then(|time| Timestamp::try_from(time).ok()).unwrap_or_default();
    Ok(SignedRequest {
        signer: signer.clone(),
        keyid: verified.keyid.unwrap_or_default(),
        thumbprint: verified.thumbprint.ok_or_else(symmetric)?,
        algorithm: verified.algorithm,
        created,
        until: created.saturating_add(times.window).saturating_add(times.skew),
        base: verified.base,
    })
}

/// What can be said of a request's signature without anybody's keys: one signature has the tag, and the digest and the length are the
/// body's. Who would fetch keys looks at this before, so that what is not signed at all makes nobody fetch anything. It proves nothing.
///
/// Errors: `ocm.signature_legacy`, `ocm.signature_digest`, `ocm.signature_length`; `signature.*`.
pub fn inspect_untrusted(request: &Request<'_>, trace: &mut dyn Trace) -> Result<(), Rejection> {
    check(trace, "form of signature", SECTION, not_legacy(request), |()| String::new())?;
    let selected = Signatures::of(&Message::Request(request))
        .and_then(|signatures| signatures.select(&Selection::Tag(TAG)).map(|_| ()));
    check(trace, "selection", "RFC 9421 section 3.2 step 1", selected, |()| String::new())?;
    check(trace, "content", SECTION, content(request), |()| String::new())
}

/// As [`verify_request`], where one of several servers may have signed, in the order in which they are asked: by the keys of the first that has a
/// key of the `keyid` that the signature names. So a server that publishes a key under another's name takes nothing from it.
///
/// Errors: `ocm.signer_keys` where no keys are at hand; those of [`verify_request`].
pub fn verify_party(
    request: &Request<'_>,
    parties: &[(&Host, &KeySet)],
    times: &Times,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<SignedRequest, Rejection> {
    let none = || Rejection::new(SignedCode::SignerKeys, "there are no keys of any server that may have signed");
    let first = parties.first().ok_or_else(none)?;
    let keyid = match parties {
        [_] => None,
        _ => keyid(request),
    };
    let has = |keys: &KeySet| keyid.is_some() && keys.entries().iter().any(|entry| entry.kid == keyid);
    let (signer, keys) = parties.iter().find(|(_, keys)| has(keys)).unwrap_or(first);
    verify_request(request, signer, keys, times, at, trace)
}

/// The server that a signature's `keyid` begins with: `sender.example.org#key1`, or a URL. A notification says nothing else of whom
/// it is from, so that who does not keep its share looks up the keys of this one. It is a claim until they verify the signature.
///
/// ```
/// use portcullis_ocm::signed::named_host;
/// use portcullis_signature::{Field, Request};
/// let fields = [
///     Field { name: "Signature-Input", value: b"a=();keyid=\"sender.example.org#key1\";tag=\"ocm\"" },
///     Field { name: "Signature", value: b"a=:AAAA:" },
/// ];
/// let request =
///     Request { method: "POST", url: "https://a.example/", target: None, fields: &fields, trailers: &[], body: None };
/// assert_eq!(named_host(&request).map(|host| host.as_str().to_owned()).as_deref(), Some("sender.example.org"));
/// ```
pub fn named_host(request: &Request<'_>) -> Option<Host> {
    let keyid = keyid(request)?;
    let name = keyid.strip_prefix("https://").unwrap_or(&keyid);
    Host::parse(name.get(..name.find(['#', '/', '?']).unwrap_or(name.len()))?).ok()
}

/// The key that a signature names. What is wrong with the signature is told where it is verified.
fn keyid(request: &Request<'_>) -> Option<String> {
    let signatures = Signatures::of(&Message::Request(request)).ok()?;
    signatures.select(&Selection::Tag(TAG)).ok()?.parameters.keyid.clone()
}

/// Servers from before RFC 9421 sign with draft-cavage: one field `Signature`, or `Authorization`, with `keyId` and `headers`.
fn not_legacy(request: &Request<'_>) -> Result<(), Rejection> {
    let named = |name: &'static str| request.fields.iter().filter(move |field| field.name.eq_ignore_ascii_case(name));
    let cavage = |value: &[u8]| {
        let value = value.trim_ascii_start();
        [&b"keyId="[..], b"algorithm=", b"headers=", b"signature="].iter().any(|name| value.starts_with(name))
    };
    let authorization = named("authorization")
        .any(|field| field.value.get(..10).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"signature ")));
    let has_input = named("signature-input").next().is_some();
    if !has_input && (authorization || named("signature").any(|field| cavage(field.value))) {
        let what =
            "the request is signed as in draft-cavage-http-signatures, which binds too little; RFC 9421 is expected";
        return Err(Rejection::new(SignedCode::Legacy, what));
    }
    Ok(())
}

/// The covered digests are the body's by now. One of them is SHA-256, which everybody has, and the covered length is the body's.
fn content(request: &Request<'_>) -> Result<(), Rejection> {
    let checked = check_content_digest(request.fields, request.body)?;
    if !checked.algorithms.contains(&DigestAlgorithm::Sha256) {
        return Err(Rejection::new(SignedCode::Digest, "Content-Digest has no sha-256"));
    }
    let refuse = |what: String| Err(Rejection::new(SignedCode::Length, what));
    let length = match only(request.fields, "content-length") {
        Ok(length) => length,
        Err(what) => return refuse(what.into()),
    };
    let length = core::str::from_utf8(length).unwrap_or_default();
    let is = request.body.unwrap_or_default().len();
    if length != format!("{is}") {
        return refuse(format!("Content-Length is {}, and the body has {is} bytes", excerpt(length)));
    }
    Ok(())
}

/// The value of a field that stands once.
fn only<'m>(fields: &'m [Field<'m>], name: &str) -> Result<&'m [u8], &'static str> {
    let mut values = fields.iter().filter(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value);
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value.trim_ascii()),
        (None, _) => Err("a field that is needed is missing: Content-Type or Content-Length"),
        (Some(_), Some(_)) => Err("Content-Type or Content-Length stands twice"),
    }
}

/// A request that is ready to be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedRequest {
    /// Header fields to add before it is sent, beside the two of the signature.
    pub fields: Vec<(&'static str, String)>,
    /// What the key signs.
    pub prepared: Prepared,
}

/// Prepares the signature of a request. Its Content-Digest and Content-Length are added where it has none; `Date` is covered where
/// it is there. The key stays with the caller, and `keyid` is its `kid` in the JWK Set that the server publishes.
///
/// The label is `ocm`, for verifiers from before the tag looked for it.
///
/// Errors: `ocm.signature_algorithm` for an algorithm that must not sign; `signature.*` for what cannot be signed.
pub fn prepare_request(
    request: &Request<'_>,
    keyid: &str,
    algorithm: Algorithm,
    at: Timestamp,
) -> Result<PreparedRequest, Rejection> {
    let unfit = || {
        Rejection::new(SignedCode::Algorithm, format!("{} is no asymmetric HTTP signature algorithm", algorithm.name()))
    };
    let allowed = ALGORITHMS.iter().any(|one| one.same_as(algorithm));
    let alg = algorithm_name(algorithm).filter(|_| allowed).ok_or_else(unfit)?;
    let unavailable = || {
        let what = "the request is not at hand whole, so its digest cannot be made";
        Rejection::new(portcullis_signature::SignatureCode::BodyUnavailable, what)
    };
    let body = request.body.ok_or_else(unavailable)?;
    let has = |name: &str| request.fields.iter().any(|field| field.name.eq_ignore_ascii_case(name));
    let mut added = Vec::new();
    if !has("content-digest") {
        added.push(("Content-Digest", content_digest(body)));
    }
    if !has("content-length") {
        added.push(("Content-Length", format!("{}", body.len())));
    }
    let fields: Vec<Field<'_>> = request
        .fields
        .iter()
        .copied()
        .chain(added.iter().map(|(name, value)| Field { name, value: value.as_bytes() }))
        .collect();
    let complete = Request { fields: &fields, ..*request };
    content(&complete)?;
    let covered = COVERED.into_iter().chain(has("date").then_some("date"));
    let components = covered.map(Component::parse).collect::<Result<Vec<_>, _>>()?;
    let parameters = Parameters {
        created: Some(i64::try_from(at).unwrap_or(i64::MAX)),
        keyid: Some(keyid.to_owned()),
        alg: Some(alg.to_owned()),
        tag: Some(TAG.to_owned()),
        ..Parameters::default()
    };
    let prepared = prepare(&Message::Request(&complete), TAG, &components, &parameters)?;
    Ok(PreparedRequest { fields: added, prepared })
}
