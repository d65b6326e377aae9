//! `portcullis:scope/scope`

use portcullis_scope as scope;
use portcullis_types::{
    Findings,
    json::{self, Object, Value},
};

use crate::{
    Component,
    bindings::exports::portcullis::{
        scope::scope::{
            Answer, AuthenticationNeed, AuthorizationDetail, AuthorizationForm, Grants, Guest, GuestRequirementSet,
            Member, Need, Refusal, Report, RequiredClaim, Requirement, RequirementSet, RequirementSetBorrow,
            Requirements, ResourceMetadata, Scheme, Settings, Shortfall,
        },
        types::types::{Rejection, Timestamp},
    },
    convert,
};

/// The resource behind a handle.
pub(crate) struct Required(scope::Required);

impl GuestRequirementSet for Required {
    fn make(requirements: Requirements) -> Result<RequirementSet, Rejection> {
        required(requirements).map(|required| RequirementSet::new(Required(required))).map_err(convert::rejection)
    }
}

impl Guest for Component {
    type RequirementSet = Required;

    fn evaluate(
        granted: Grants,
        required: RequirementSetBorrow<'_>,
        at: Timestamp,
        leeway: u64,
    ) -> Result<(), Refusal> {
        let read = Read::from(granted).map_err(malformed)?;
        scope::evaluate(&read.granted(), &required.get::<Required>().0, at, leeway).map_err(short)
    }

    fn explain(granted: Grants, required: RequirementSetBorrow<'_>, at: Timestamp, leeway: u64) -> Report {
        let mut findings = Findings::default();
        let outcome = Read::from(granted).map_err(malformed).and_then(|read| {
            let required = &required.get::<Required>().0;
            scope::evaluate::explain(&read.granted(), required, at, leeway, &mut findings).map_err(short)
        });
        Report { findings: findings.0.into_iter().map(convert::finding).collect(), outcome }
    }

    fn challenge(need: Need, settings: Settings) -> Result<Answer, Rejection> {
        let answer = need_from(need).and_then(|need| Ok(need.answer(&settings_from(settings)?)));
        answer
            .map(|answer| Answer { status: answer.status, challenge: answer.challenge, body: answer.body })
            .map_err(convert::rejection)
    }
}

fn malformed(rejection: portcullis_types::Rejection) -> Refusal {
    Refusal::Malformed(convert::rejection(rejection))
}

fn short(shortfall: scope::Shortfall) -> Refusal {
    Refusal::Short(Shortfall { reason: convert::rejection(shortfall.reason), need: need_to(shortfall.need) })
}

/// Grants whose JSON was read.
struct Read {
    scope: Option<Value>,
    authorization_details: Option<Value>,
    claims: Option<Object>,
}

impl Read {
    fn from(grants: Grants) -> Result<Self, portcullis_types::Rejection> {
        Ok(Self {
            scope: grants.scope.map(Value::from),
            authorization_details: grants.authorization_details.map(|text| json::parse(text.as_bytes())).transpose()?,
            claims: grants.claims.map(|text| json::parse_object(text.as_bytes())).transpose()?,
        })
    }

    fn granted(&self) -> scope::Granted<'_> {
        scope::Granted {
            scope: self.scope.as_ref(),
            authorization_details: self.authorization_details.as_ref(),
            claims: self.claims.as_ref(),
        }
    }
}

fn required(given: Requirements) -> Result<scope::Required, portcullis_types::Rejection> {
    Ok(scope::Required {
        scope: given.scope.map(|tokens| scope_set(&tokens)).transpose()?,
        authorization_details: Some(details_from(given.authorization_details)?),
        acr_values: given.acr_values.map(|values| acr_values(&values)).transpose()?,
        max_age: given.max_age,
        claims: Some(claims_from(given.claims)?),
    })
}

fn scope_set(tokens: &[String]) -> Result<scope::ScopeSet, portcullis_types::Rejection> {
    scope::ScopeSet::from_tokens(tokens.iter().map(String::as_str))
}

fn acr_values(values: &[String]) -> Result<scope::AcrValues, portcullis_types::Rejection> {
    scope::AcrValues::parse(values.iter().map(String::as_str))
}

fn claims_from(claims: Vec<RequiredClaim>) -> Result<scope::ClaimRequirements, portcullis_types::Rejection> {
    let mut members = Vec::new();
    for claim in claims {
        let (operator, value) = match claim.value {
            Requirement::Equals(value) => ("equals", json::parse(value.as_bytes())?),
            Requirement::Contains(value) => ("contains", json::parse(value.as_bytes())?),
            Requirement::OneOf(values) => {
                let values = values.iter().map(|value| json::parse(value.as_bytes())).collect::<Result<_, _>>()?;
                ("one_of", Value::Array(values))
            }
        };
        members.push((claim.name, Object::from_members(vec![(operator.into(), value)]).into()));
    }
    scope::ClaimRequirements::parse(&Object::from_members(members))
}

fn details_from(details: Vec<AuthorizationDetail>) -> Result<scope::AuthorizationDetails, portcullis_types::Rejection> {
    let details = details.into_iter().map(detail_from).collect::<Result<_, _>>()?;
    scope::AuthorizationDetails::parse(&Value::Array(details))
}

fn detail_from(detail: AuthorizationDetail) -> Result<Value, portcullis_types::Rejection> {
    let list = |texts: Vec<String>| Value::Array(texts.into_iter().map(Value::from).collect());
    let mut members = vec![("type".to_owned(), Value::from(detail.type_))];
    let common = [
        ("locations", detail.locations.map(list)),
        ("actions", detail.actions.map(list)),
        ("datatypes", detail.datatypes.map(list)),
        ("privileges", detail.privileges.map(list)),
        ("identifier", detail.identifier.map(Value::from)),
    ];
    members.extend(common.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    for Member { name, value } in detail.others {
        members.push((name, json::parse(value.as_bytes())?));
    }
    Ok(Object::from_members(members).into())
}

/// A required object's members have the types that were checked when it was made.
fn detail_to(detail: &scope::AuthorizationDetail) -> AuthorizationDetail {
    let texts = |value: &Value| {
        let items = value.as_array().unwrap_or_default();
        Some(items.iter().filter_map(Value::as_str).map(Into::into).collect())
    };
    let mut out = AuthorizationDetail {
        type_: String::new(),
        locations: None,
        actions: None,
        datatypes: None,
        privileges: None,
        identifier: None,
        others: Vec::new(),
    };
    for (name, value) in detail.object().members() {
        match name {
            "type" => out.type_ = value.as_str().unwrap_or_default().into(),
            "locations" => out.locations = texts(value),
            "actions" => out.actions = texts(value),
            "datatypes" => out.datatypes = texts(value),
            "privileges" => out.privileges = texts(value),
            "identifier" => out.identifier = value.as_str().map(Into::into),
            _ => out.others.push(Member { name: name.into(), value: json::to_text(value) }),
        }
    }
    out
}

pub(crate) fn tokens(scope: &scope::ScopeSet) -> Vec<String> {
    scope.iter().map(|token| token.as_str().into()).collect()
}

fn need_to(need: scope::Need) -> Need {
    match need {
        scope::Need::Credential { scope } => Need::Credential(scope.as_ref().map(tokens)),
        scope::Need::ValidToken => Need::ValidToken,
        scope::Need::Scope(scope) => Need::Scope(tokens(&scope)),
        scope::Need::Authentication { acr_values, max_age } => Need::Authentication(AuthenticationNeed {
            acr_values: acr_values.iter().flat_map(|values| values.iter()).map(Into::into).collect(),
            max_age,
        }),
        scope::Need::Authorization(details) => Need::Authorization(details.iter().map(detail_to).collect()),
        scope::Need::Claims(names) => Need::Claims(names),
    }
}

fn need_from(need: Need) -> Result<scope::Need, portcullis_types::Rejection> {
    Ok(match need {
        Need::Credential(tokens) => {
            scope::Need::Credential { scope: tokens.map(|tokens| scope_set(&tokens)).transpose()? }
        }
        Need::ValidToken => scope::Need::ValidToken,
        Need::Scope(tokens) => scope::Need::Scope(scope_set(&tokens)?),
        Need::Authentication(need) => scope::Need::Authentication {
            acr_values: if need.acr_values.is_empty() { None } else { Some(acr_values(&need.acr_values)?) },
            max_age: need.max_age,
        },
        Need::Authorization(details) => scope::Need::Authorization(details_from(details)?),
        Need::Claims(names) => scope::Need::Claims(names),
    })
}

fn settings_from(settings: Settings) -> Result<scope::Settings, portcullis_types::Rejection> {
    Ok(scope::Settings {
        scheme: match settings.scheme {
            Scheme::Bearer => scope::Scheme::Bearer,
            Scheme::Dpop => scope::Scheme::Dpop,
        },
        realm: settings.realm.map(|realm| scope::Realm::parse(&realm)).transpose()?,
        resource_metadata: match settings.metadata {
            None => None,
            Some(ResourceMetadata::OfResource(resource)) => Some(scope::ResourceMetadata::of_resource(&resource)?),
            Some(ResourceMetadata::At(url)) => Some(scope::ResourceMetadata::at(&url)?),
        },
        authorization_form: match settings.authorization_form {
            AuthorizationForm::Remediation => scope::AuthorizationForm::Remediation,
            AuthorizationForm::StepUp => scope::AuthorizationForm::StepUp,
        },
        single_use: settings.single_use,
    })
}
