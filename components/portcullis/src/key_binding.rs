//! `portcullis:oauth/key-binding`

use portcullis_oauth::key_binding::{self as binding, BindingPolicy};
use portcullis_token::{claims::Claims, confirmation};
use portcullis_types::{
    Findings, Trace,
    json::{self, Object},
    trace::Silent,
};

use crate::{
    Component,
    bindings::exports::portcullis::{
        oauth::key_binding::{
            BindReport, Binding, Bound, Guest, GuestPolicy, Moment, Policy, PolicyBorrow, ProvedKey, Report,
            TokenRequest,
        },
        types::types::Rejection,
    },
    convert,
};

/// The resource behind a handle.
pub(crate) struct LetBe(BindingPolicy);

impl GuestPolicy for LetBe {
    fn parse(document: Vec<u8>) -> Result<Policy, Rejection> {
        json::parse_object(&document)
            .and_then(|policy| BindingPolicy::from_object(&policy))
            .map(|policy| Policy::new(LetBe(policy)))
            .map_err(convert::rejection)
    }
}

impl Guest for Component {
    type Policy = LetBe;

    fn evaluate(
        claims: String,
        proved: Option<Vec<u8>>,
        policy: PolicyBorrow<'_>,
        moment: Moment,
    ) -> Result<Binding, Rejection> {
        evaluate(&claims, proved.as_deref(), &policy, moment, &mut Silent).map_err(convert::rejection)
    }

    fn explain(claims: String, proved: Option<Vec<u8>>, policy: PolicyBorrow<'_>, moment: Moment) -> Report {
        let mut findings = Findings::default();
        let outcome = evaluate(&claims, proved.as_deref(), &policy, moment, &mut findings);
        Report {
            findings: findings.0.into_iter().map(convert::finding).collect(),
            outcome: outcome.map_err(convert::rejection),
        }
    }

    fn bind(request: TokenRequest, policy: PolicyBorrow<'_>) -> Result<Bound, Rejection> {
        bind(&request, &policy, &mut Silent).map_err(convert::rejection)
    }

    fn explain_bind(request: TokenRequest, policy: PolicyBorrow<'_>) -> BindReport {
        let mut findings = Findings::default();
        let outcome = bind(&request, &policy, &mut findings);
        BindReport {
            findings: findings.0.into_iter().map(convert::finding).collect(),
            outcome: outcome.map_err(convert::rejection),
        }
    }

    fn check_accepted(binding: Binding, accepted: Vec<Binding>) -> Result<(), Rejection> {
        let accepted: Vec<_> = accepted.into_iter().map(from).collect();
        binding::check_accepted(from(binding), &accepted).map_err(convert::rejection)
    }
}

fn evaluate(
    claims: &str,
    proved: Option<&[u8]>,
    policy: &PolicyBorrow<'_>,
    moment: Moment,
    trace: &mut dyn Trace,
) -> Result<Binding, portcullis_types::Rejection> {
    let proved = proved.map(confirmation::thumbprint_from_bytes).transpose()?;
    let moment = match moment {
        Moment::Issuance => binding::Moment::Issuance,
        Moment::Presentation => binding::Moment::Use,
    };
    let claims = Claims::parse(claims.as_bytes())?;
    binding::explain(&claims, proved, &policy.get::<LetBe>().0, moment, trace).map(to)
}

fn bind(
    request: &TokenRequest,
    policy: &PolicyBorrow<'_>,
    trace: &mut dyn Trace,
) -> Result<Bound, portcullis_types::Rejection> {
    let proved = match &request.proved {
        None => None,
        Some(ProvedKey::Dpop(hash)) => Some(binding::Proved::Dpop(confirmation::thumbprint_from_bytes(hash)?)),
        Some(ProvedKey::Certificate(hash)) => {
            Some(binding::Proved::Certificate(confirmation::thumbprint_from_bytes(hash)?))
        }
    };
    let request = binding::TokenRequest { client_id: &request.client_id, tmb: request.tmb.as_deref(), proved };
    let bound = binding::explain_bind(&request, &policy.get::<LetBe>().0, trace)?;
    Ok(Bound {
        binding: to(bound.binding),
        token_type: bound.token_type.into(),
        claims: json::to_text(&Object::from_members(bound.claims())),
    })
}

fn to(binding: binding::Binding) -> Binding {
    match binding {
        binding::Binding::Proved => Binding::Proved,
        binding::Binding::Deferred => Binding::Deferred,
        binding::Binding::None => Binding::Unbound,
    }
}

fn from(binding: Binding) -> binding::Binding {
    match binding {
        Binding::Proved => binding::Binding::Proved,
        Binding::Deferred => binding::Binding::Deferred,
        Binding::Unbound => binding::Binding::None,
    }
}
