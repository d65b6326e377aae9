//! The pushed request, judged whole (sections 3.1, 4 and 6).

use alloc::{format, rc::Rc, string::String, vec::Vec};

use portcullis_client::{
    Challenge,
    authenticate::{Authenticated, UsedProof},
};
use portcullis_crypto::Backend;
use portcullis_token::{
    dpop::{self, DEFAULT_WINDOW, VerifiedProof},
    jwt::VerifiedJwt,
    mtls::Certificate,
};
use portcullis_types::{
    Rejection, Timestamp,
    json::Object,
    limits::excerpt,
    trace::{Silent, Trace, check},
};

use super::{
    AuthorizationRequest, BoundKey, PushPolicy, PushedCode, Voucher,
    answer::{Fault, Faulted},
    key,
    metadata::{self, Metadata},
    parameters::Parameters,
    vouch,
};

/// A request that is refused, with what the client is told.
pub use portcullis_client::authenticate::Refused;

/// A request to the server: the pushed one, or the token request after it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'r> {
    /// Names and values of the header fields in the order they were received, repeats included.
    pub headers: &'r [(&'r str, &'r [u8])],
    /// The method, case-sensitive.
    pub method: &'r str,
    /// The absolute URL under which the client reached the server.
    pub url: &'r str,
    /// Names and values of the form, decoded, repeats included.
    pub form: &'r [(&'r str, &'r str)],
    /// The certificate that the client presented in the TLS handshake.
    pub certificate: Option<Certificate<'r>>,
}

/// What the server gave and saw before.
#[derive(Debug, Clone, Copy)]
pub struct Expectations<'e> {
    /// The challenges that clients may use in proofs of attestations. With any, one of them is required.
    pub challenges: &'e [Challenge],
    /// The nonces that clients may use in DPoP proofs, likewise.
    pub nonces: &'e [&'e str],
    /// How far the `iat` of a proof may lie from the time of verification, before and after, in seconds.
    pub window: u64,
    /// Identifiers (`jti`) of proofs that were used before.
    pub seen: &'e [&'e str],
}

impl Default for Expectations<'_> {
    fn default() -> Self {
        Self { challenges: &[], nonces: &[], window: DEFAULT_WINDOW, seen: &[] }
    }
}

impl<'e> Expectations<'e> {
    /// What is expected of DPoP proofs at an authorization server, where no access token comes along.
    pub(super) fn of_dpop(&self) -> dpop::Expectations<'e> {
        dpop::Expectations {
            nonces: self.nonces,
            window: self.window,
            seen: self.seen,
            ..dpop::Expectations::default()
        }
    }
}

/// A client that nobody registered, for as long as what it gets lasts. Its identifier is [`CLIENT_ID`](super::CLIENT_ID).
#[derive(Debug, Clone, PartialEq)]
pub struct DynamicClient {
    /// Its metadata: what the policy names of what it pushed, and of what its software statement says, which goes before.
    pub metadata: Object,
    /// Who vouched for it. Nobody, only where the policy says so: then its metadata is what it says of itself.
    pub vouched_by: Vec<Voucher>,
    /// The software that it is: the `software_id` of its statement, or the `sub` of its attestation.
    pub software: Option<String>,
}

/// A pushed request that may go on.
#[derive(Debug, Clone, PartialEq)]
pub struct Pushed {
    /// Its client.
    pub client: DynamicClient,
    /// The key that everything that comes of it is bound to.
    pub key: Option<BoundKey>,
    /// What it asks for.
    pub request: AuthorizationRequest,
    /// The proofs that came with it, each of which may be used once. It is for the host to remember them.
    pub proofs: Vec<UsedProof>,
}

/// Judges a pushed request at a time.
///
/// Errors: `par.*`; `dpop.*`, `attestation.*`, `pop.*` and `client.*` for proofs and attestations; `scope.*`; `token.*`, `base64.*`,
/// `json.*`, `cnf.*`, `key.*` and `crypto.*` for tokens and keys.
pub fn verify(
    request: &Request<'_>,
    policy: &PushPolicy,
    expect: &Expectations<'_>,
    at: Timestamp,
    backend: &Rc<dyn Backend>,
) -> Result<Pushed, Refused> {
    explain(request, policy, expect, at, backend, &mut Silent)
}

/// The same, telling each check to a [`Trace`].
pub fn explain(
    request: &Request<'_>,
    policy: &PushPolicy,
    expect: &Expectations<'_>,
    at: Timestamp,
    backend: &Rc<dyn Backend>,
    trace: &mut dyn Trace,
) -> Result<Pushed, Refused> {
    judge(request, policy, expect, at, backend, trace).map_err(|faulted| faulted.answered(expect.nonces))
}

/// The checks, what costs little before what costs signatures.
fn judge(
    request: &Request<'_>,
    policy: &PushPolicy,
    expect: &Expectations<'_>,
    at: Timestamp,
    backend: &Rc<dyn Backend>,
    trace: &mut dyn Trace,
) -> Result<Pushed, Faulted> {
    let section = "draft-richer-oauth-pushed-client-registration-00 section 6";
    check(trace, "dynamic clients", section, enabled(policy), |()| "the policy takes them".into())
        .map_err(Fault::Client.of())?;
    let parameters = form(request, trace)?;
    let asked = AuthorizationRequest::read(&parameters, policy, trace)?;
    let registration = parameters.get("client_registration").map(metadata::read).transpose();
    let section = "draft-richer-oauth-pushed-client-registration-00 section 3.1";
    let registration = check(trace, "client registration", section, registration, |found| match found {
        Some(object) => format!("{} members", object.members().count()),
        None => "left out".into(),
    })
    .map_err(Fault::Metadata.of())?
    .unwrap_or_default();
    let pushed = Metadata::pushed(&registration, policy);
    let section = "draft-richer-oauth-pushed-client-registration-00 section 6";
    let pushed =
        check(trace, "members", section, pushed, |_| "the policy names them".into()).map_err(Fault::Metadata.of())?;
    let statement = statement(&registration, policy, at, trace)?;
    let attested = vouch::attestation(request, policy, expect, at, backend, trace)?;
    vouched(policy, attested.as_ref(), statement.as_ref(), trace)?;
    let metadata = match &statement {
        None => pushed,
        Some(statement) => {
            let own = Metadata::all(&statement.claims.members).map_err(Fault::Statement.of())?;
            // What the statement limits is limited, whether or not the policy keeps it.
            check(trace, "request and statement", "RFC 7591 section 2.3", asked.fits(&own), |()| {
                "they go together".into()
            })
            .map_err(Fault::Request.of())?;
            pushed.overridden_by(own.named(policy))
        }
    };
    let judged = metadata.judge(policy, attested.as_ref().map(|client| client.method));
    check(trace, "metadata", "RFC 7591 section 2", judged, |()| "as the policy lets it be".into())
        .map_err(Fault::Metadata.of())?;
    check(trace, "request and metadata", "RFC 7591 section 2", asked.fits(&metadata), |()| "they go together".into())
        .map_err(Fault::Request.of())?;
    let sent = dpop::Request { headers: request.headers, method: request.method, url: request.url };
    let proof = key::proof(&sent, &expect.of_dpop(), at, backend, trace)?;
    let (jkt, certificate) = (parameters.get("dpop_jkt"), request.certificate.as_ref());
    let key = key::of(proof.as_ref(), jkt, certificate, &metadata, policy, trace)?;
    Ok(Pushed {
        client: client(metadata, attested.as_ref(), statement.as_ref()),
        key,
        request: asked,
        proofs: proofs(attested, proof),
    })
}

/// The refusal where no policy takes dynamic clients: of a pushed request, and of each that would go on from one that was pushed
/// while there was such a policy.
pub fn disabled() -> Refused {
    Faulted(no_clients(), Fault::Client).answered(&[])
}

fn no_clients() -> Rejection {
    Rejection::new(PushedCode::Disabled, "the policy takes no dynamic clients")
}

/// There are dynamic clients at all. Whether they suit a request is for the server's policy (section 6).
fn enabled(policy: &PushPolicy) -> Result<(), Rejection> {
    match policy.enabled {
        true => Ok(()),
        false => Err(no_clients()),
    }
}

/// The form of a pushed request: posted (RFC 9126 section 2.1), of a dynamic client (section 4), and itself the request.
fn form<'r>(request: &Request<'r>, trace: &mut dyn Trace) -> Result<Parameters<'r>, Faulted> {
    let posted = match request.method {
        "POST" => Ok(()),
        other => Err(Rejection::new(PushedCode::Method, format!("the method is {}", excerpt(other)))),
    };
    check(trace, "method", "RFC 9126 section 2.1", posted, |()| "POST".into()).map_err(Fault::Request.of())?;
    let parameters = Parameters::of(request.form);
    let parameters = check(trace, "parameters", "RFC 6749 section 3.1", parameters, |_| "each once".into())
        .map_err(Fault::Request.of())?;
    let section = "draft-richer-oauth-pushed-client-registration-00 section 4";
    check(trace, "client_id", section, parameters.check_client_id(), |()| "that of dynamic clients".into())
        .map_err(Fault::Request.of())?;
    let credential = parameters.check_no_credential(request.headers);
    check(trace, "no credential", section, credential, |()| "none".into()).map_err(Fault::Request.of())?;
    check(trace, "the request itself", "RFC 9126 section 2.1", itself(&parameters), |()| "no reference".into())
        .map_err(Fault::Request.of())?;
    Ok(parameters)
}

/// Neither `request_uri` (RFC 9126 section 2.1) nor `request` (section 3): what is asked for stands in the form. A request object
/// wants a key that is registered, and there is none.
fn itself(parameters: &Parameters<'_>) -> Result<(), Rejection> {
    if parameters.get("request_uri").is_some() {
        return Err(Rejection::new(PushedCode::RequestUri, "a pushed request has no request_uri"));
    }
    match parameters.get("request") {
        Some(_) => {
            Err(Rejection::new(PushedCode::RequestObject, "a dynamic client has no key to verify a request object"))
        }
        None => Ok(()),
    }
}

/// The software statement of the registration, verified, if there is one and the policy takes them.
fn statement(
    registration: &Object,
    policy: &PushPolicy,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<Option<VerifiedJwt>, Faulted> {
    let Some(taken) = &policy.vouchers.software_statement else { return Ok(None) };
    let section = "RFC 7591 section 2.3";
    let text = check(trace, "software statement", section, metadata::statement(registration, policy), |text| {
        if text.is_some() { "there is one".into() } else { "there is none".into() }
    })
    .map_err(Fault::Statement.of())?;
    let verified = text.map(|text| vouch::statement(text, taken, policy.server.as_deref(), policy.leeway, at, trace));
    verified.transpose().map_err(|rejection| Faulted(rejection.within("software_statement"), Fault::Statement))
}

/// Somebody vouches for the client whom the policy names, if it names anybody.
fn vouched(
    policy: &PushPolicy,
    attested: Option<&Authenticated>,
    statement: Option<&VerifiedJwt>,
    trace: &mut dyn Trace,
) -> Result<(), Faulted> {
    let made = match policy.vouchers.are_required() && attested.is_none() && statement.is_none() {
        false => Ok(()),
        true => {
            let wanted = match (&policy.vouchers.attestation, &policy.vouchers.software_statement) {
                (Some(_), Some(_)) => "an attestation or a software statement",
                (Some(_), None) => "an attestation",
                _ => "a software statement",
            };
            Err(Rejection::new(PushedCode::VoucherMissing, format!("the policy requires {wanted}")))
        }
    };
    check(trace, "voucher", "docs/pushed-registration.md", made, |()| match (attested, statement) {
        (None, None) => "nobody has to vouch".into(),
        (Some(_), None) => "an attestation".into(),
        (None, Some(_)) => "a software statement".into(),
        (Some(_), Some(_)) => "an attestation and a software statement".into(),
    })
    .map_err(Fault::Client.of())
}

fn client(metadata: Metadata, attested: Option<&Authenticated>, statement: Option<&VerifiedJwt>) -> DynamicClient {
    let mut vouched_by = Vec::new();
    vouched_by.extend(attested.map(|_| Voucher::Attestation));
    vouched_by.extend(statement.map(|_| Voucher::SoftwareStatement));
    let software = statement.and_then(vouch::software).or_else(|| attested.map(|client| client.client_id.clone()));
    DynamicClient { metadata: metadata.to_object(), vouched_by, software }
}

/// The proofs of a request. A DPoP proof that stands for the attestation's, or beside it, was seen there too.
fn proofs(attested: Option<Authenticated>, proof: Option<VerifiedProof>) -> Vec<UsedProof> {
    let mut proofs = attested.map(|client| client.proofs).unwrap_or_default();
    if let Some(proof) = proof.map(used)
        && !proofs.contains(&proof)
    {
        proofs.push(proof);
    }
    proofs
}

/// What a host remembers of a proof.
pub(super) fn used(proof: VerifiedProof) -> UsedProof {
    UsedProof { thumbprint: proof.thumbprint, target: proof.target, id: proof.id, issued_at: proof.issued_at }
}
