//! Who vouches for a client that nobody registered: an attester of its instance, or the issuer of a software statement.

use alloc::{format, rc::Rc, string::String, vec::Vec};

use portcullis_client::{
    Method, attestation,
    authenticate::{self, Authenticated, Role},
    pop,
};
use portcullis_crypto::Backend;
use portcullis_svid::BundleSet;
use portcullis_token::{
    jwt::{self, VerifiedJwt},
    media_type,
};
use portcullis_types::{
    Rejection, Timestamp,
    json::Value,
    limits::excerpt,
    trace::{Trace, check},
};

use super::{
    AttestationPolicy, Expectations, PushPolicy, PushedCode, Request, StatementPolicy,
    answer::{Fault, Faulted},
    metadata,
};

/// Who vouched for a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voucher {
    /// An attester, for this instance of it.
    Attestation,
    /// The issuer of a software statement, for the software.
    SoftwareStatement,
}

impl Voucher {
    /// The name in a policy.
    pub fn name(self) -> &'static str {
        match self {
            Self::Attestation => "attestation",
            Self::SoftwareStatement => "software_statement",
        }
    }
}

/// What a pushed request brings to be vouched for by, not verified: whose keys its verification will want. What cannot be read
/// brings nothing, and is refused when it is verified.
pub fn brought_untrusted(request: &Request<'_>) -> Vec<Voucher> {
    let mut brought = Vec::new();
    if has_attestation(request) {
        brought.push(Voucher::Attestation);
    }
    let mut registrations = request.form.iter().filter(|(name, _)| *name == "client_registration");
    // One that repeats is refused.
    if let (Some((_, text)), None) = (registrations.next(), registrations.next())
        && let Ok(registration) = metadata::read(text)
        && matches!(registration.get(metadata::STATEMENT), Ok(Some(_)))
    {
        brought.push(Voucher::SoftwareStatement);
    }
    brought
}

fn has_attestation(request: &Request<'_>) -> bool {
    let has = |wanted: &str| request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted));
    has(attestation::HEADER) || has(pop::HEADER)
}

/// The attestation of a request, if it has one and the policy takes them. It is judged as that of a registered client, but for
/// the identifier: this request's `client_id` is everybody's, so the `sub` is compared with the subjects of the policy.
pub(super) fn attestation(
    request: &Request<'_>,
    policy: &PushPolicy,
    expect: &Expectations<'_>,
    at: Timestamp,
    backend: &Rc<dyn Backend>,
    trace: &mut dyn Trace,
) -> Result<Option<Authenticated>, Faulted> {
    let Some(AttestationPolicy { attesters, subjects, max_age }) = &policy.vouchers.attestation else {
        return Ok(None);
    };
    if !has_attestation(request) {
        return Ok(None);
    }
    let (bundles, server) = (BundleSet::new(), policy.server.as_deref().unwrap_or_default());
    let expect = authenticate::Expectations {
        methods: &[Method::Attestation, Method::AttestationDpop],
        attesters: Some(attesters),
        challenges: expect.challenges,
        nonces: expect.nonces,
        window: expect.window,
        leeway: policy.leeway,
        attestation_max_age: *max_age,
        seen: expect.seen,
        ..authenticate::Expectations::of(Role::AuthorizationServer, server, subjects, &bundles)
    };
    let request = authenticate::Request {
        headers: request.headers,
        method: request.method,
        url: request.url,
        form: &[],
        certificate_chain: &[],
    };
    let made = authenticate::explain(&request, &expect, at, backend, trace);
    made.map(Some).map_err(|refused| Faulted(refused.rejection, Fault::Answered(refused.answer)))
}

/// Verifies a software statement (RFC 7591 section 2.3): a JWT of the configured issuer with its keys.
///
/// Errors: `par.statement_not_approved`; `token.*`, `base64.*`, `json.*`, `key.*` and `crypto.*`.
pub(super) fn statement(
    text: &str,
    policy: &StatementPolicy,
    server: Option<&str>,
    leeway: u64,
    at: Timestamp,
    trace: &mut dyn Trace,
) -> Result<VerifiedJwt, Rejection> {
    let expect = jwt::Expectations {
        issuer: Some(policy.issuer.clone()),
        leeway,
        max_age: policy.max_age,
        // RFC 7591 leaves it out as it likes. Without it, any JWT of the issuer would be a statement about something.
        required_claims: Vec::from([SOFTWARE_ID.into()]),
        ..jwt::Expectations::default()
    };
    let verified = jwt::verify(text.as_bytes(), &policy.keys, &expect, at, trace)?;
    // RFC 7519 section 4.1.3: one that says whom it is for is for nobody else.
    if verified.claims.audience.is_some() {
        let expect = jwt::Expectations {
            audience: Some(server.map(String::from).into_iter().collect()),
            leeway,
            ..jwt::Expectations::default()
        };
        jwt::meet(&verified.claims, &expect, at, trace)?;
    }
    let approved = approved(&verified, policy);
    check(trace, "software", "RFC 7591 section 3.2.2", approved, |()| software(&verified).unwrap_or_default())?;
    Ok(verified)
}

/// The claim with the name of the software (RFC 7591 section 2).
const SOFTWARE_ID: &str = "software_id";

/// A media type that another kind of token has: an access token of the same issuer is no statement, whatever it holds (RFC 8725
/// section 3.11).
const ACCESS_TOKEN: &str = "at+jwt";

/// What the statement is about.
pub(super) fn software(statement: &VerifiedJwt) -> Option<String> {
    statement.claims.members.get(SOFTWARE_ID).ok().flatten().and_then(Value::as_str).map(String::from)
}

/// The statement is one, and for software of the policy.
fn approved(statement: &VerifiedJwt, policy: &StatementPolicy) -> Result<(), Rejection> {
    let refuse = |what: String| Err(Rejection::new(PushedCode::StatementNotApproved, what));
    if let Some(Value::String(typ)) = statement.header.get("typ")?
        && media_type::same(typ, ACCESS_TOKEN)
    {
        return refuse("it is an access token".into());
    }
    let Some(id) = software(statement) else { return refuse("software_id is not a text".into()) };
    match &policy.software_ids {
        Some(ids) if !ids.contains(&id) => refuse(format!("software_id is {}", excerpt(&id))),
        _ => Ok(()),
    }
}
