//! `gate.*`

use alloc::{collections::BTreeMap, format, rc::Rc, string::String, vec::Vec};

use portcullis_gate::{
    Answer as Told, ClientCertificate, Content, Decision, Document, Gate, Header, Need, Outcome, Principal, Request,
    Step, Wanted,
    policy::{Policy, PolicyError},
};
use portcullis_types::{
    Rejection, Timestamp, base64url,
    json::{self, Object, Value},
};

use crate::{
    Door,
    door::{Answer, Call, Refusal, object},
    members::{Members, malformed},
};

/// Policies that are kept from one request to the next: a file of requests is usually about one.
const KEPT_POLICIES: usize = 4;

/// The longest policy that is kept, in bytes of its JSON text.
const KEPT_POLICY_BYTES: usize = 1024 * 1024;

/// The policies that were asked about last. What was fetched and remembered is kept of none: each request starts cold.
#[derive(Default)]
pub(crate) struct KeptPolicies(Vec<(String, Rc<Policy>)>);

/// `gate.check`
pub(super) fn check(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let policy = members.object("policy")?;
    let request = members.object("request")?;
    let resources = members.optional_object("resources")?;
    let certificate = members.optional_object("client_certificate")?;
    let listener = members.optional_text("listener")?;
    let seen = members.optional_texts("seen")?.unwrap_or_default();
    members.finish()?;
    let request = read_request(request, certificate, listener)?;
    let resources = read_resources(resources)?;
    let policy = kept(door, policy)?;
    // The policy is shared by requests that ask about it; what is held for it is not.
    let gate = Gate::new(policy, Rc::clone(door.backend()));
    Ok(result(&drive(&gate, request, &resources, &seen, call.at)))
}

fn kept(door: &mut Door, policy: &Object) -> Result<Rc<Policy>, Refusal> {
    let text = json::to_text(policy);
    if let Some(at) = door.kept_policies.0.iter().position(|(kept, _)| *kept == text) {
        let found = door.kept_policies.0.remove(at);
        let policy = Rc::clone(&found.1);
        door.kept_policies.0.push(found);
        return Ok(policy);
    }
    let read = Policy::parse(&text, portcullis_gate::policy::Format::Json, door.backend())
        .map_err(|errors| refused(&errors))?;
    let read = Rc::new(read);
    if text.len() <= KEPT_POLICY_BYTES {
        if door.kept_policies.0.len() >= KEPT_POLICIES {
            door.kept_policies.0.remove(0);
        }
        door.kept_policies.0.push((text, Rc::clone(&read)));
    }
    Ok(read)
}

/// A policy that is refused: the first error decides, and all are told.
fn refused(errors: &[PolicyError]) -> Refusal {
    let all = errors
        .iter()
        .map(|error| {
            object([
                ("code", error.code().into()),
                ("path", format!("{}", error.path).into()),
                ("detail", error.detail.as_str().into()),
                ("remedy", error.remedy.as_str().into()),
            ])
            .into()
        })
        .collect();
    let rejection = match errors.first() {
        Some(error) => error.rejection(),
        None => malformed("the policy is refused"),
    };
    Refusal { rejection, beside: alloc::vec![("errors", Value::Array(all))] }
}

/// Goes through an evaluation with what the request has beside it in place of a network and a memory.
fn drive(
    gate: &Gate,
    request: Request,
    resources: &BTreeMap<String, Content>,
    seen: &[String],
    at: Timestamp,
) -> (Decision, Vec<String>) {
    let mut evaluation = gate.start(request, at);
    let mut missing = Vec::new();
    loop {
        let needs = match evaluation.step(at) {
            Step::Decided(decision) => return (*decision, missing),
            Step::Needs(needs) => needs,
        };
        let mut answers = Vec::new();
        for Need { id, what } in needs {
            answers.push((
                id,
                match what {
                    Wanted::Document(need) => {
                        let content = resources.get(&need.url).cloned().unwrap_or_else(|| {
                            missing.push(need.url.clone());
                            Content::Failed("it is not among the resources".into())
                        });
                        gate.provide(&[Document { url: need.url, fetched_at: at, content }], at);
                        Told::Done
                    }
                    Wanted::Remember(remember) if seen.contains(&remember.identifier) => Told::Seen,
                    Wanted::Remember(_) => Told::Fresh,
                },
            ));
        }
        evaluation.answer(&answers, at);
    }
}

fn result((decision, missing): &(Decision, Vec<String>)) -> Object {
    let fields = |fields: &[(String, String)]| {
        let field =
            |(name, value): &(String, String)| Value::Array(alloc::vec![name.as_str().into(), value.as_str().into()]);
        Value::Array(fields.iter().map(field).collect())
    };
    let texts = |texts: &[String]| Value::Array(texts.iter().map(|text| text.as_str().into()).collect());
    let allow = decision.outcome == Outcome::Allow;
    let mut members: Vec<(String, Value)> = Vec::new();
    let mut put = |name: &str, value: Value| members.push((name.into(), value));
    put("outcome", if allow { "allow" } else { "deny" }.into());
    put("status", u64::from(decision.status).into());
    // What is sent on: to the upstream, or to the client.
    put("headers", fields(if allow { &decision.upstream_set } else { &decision.response_headers }));
    if allow {
        put("strip", texts(&decision.upstream_strip));
        put("response_headers", fields(&decision.response_headers));
    }
    if let Some(body) = &decision.body {
        put("body", body.as_str().into());
    }
    if let Some(principal) = &decision.principal {
        put("principal", self::principal(principal).into());
    }
    put("findings", Value::Array(decision.findings.iter().map(|finding| self::finding(finding).into()).collect()));
    if let Some(rule) = &decision.rule {
        put("rule", rule.as_str().into());
    }
    if decision.reported {
        put("reported", true.into());
    }
    if !missing.is_empty() {
        put("needs", texts(missing));
    }
    Object::from_members(members)
}

fn finding(rejection: &Rejection) -> Object {
    object([
        ("code", rejection.code().into()),
        ("detail", rejection.detail().into()),
        ("rule", rejection.rule().into()),
    ])
}

fn principal(principal: &Principal) -> Object {
    let mut members: Vec<(String, Value)> = Vec::new();
    for (name, value) in
        [("subject", &principal.subject), ("client", &principal.client), ("spiffe_id", &principal.spiffe_id)]
    {
        members.extend(value.as_ref().map(|value| (name.into(), value.as_str().into())));
    }
    members.push(("issuer".into(), principal.issuer.as_str().into()));
    let scopes = principal.scopes.iter().map(|scope| scope.as_str().into()).collect();
    members.push(("scopes".into(), Value::Array(scopes)));
    Object::from_members(members)
}

/// A request as `docs/batch.md` has it.
fn read_request(request: &Object, certificate: Option<&Object>, listener: Option<&str>) -> Result<Request, Rejection> {
    let mut members = Members::new("the member \"request\"", request);
    let fields = |fields: Vec<(&str, &str)>| {
        let field = |(name, value): (&str, &str)| Header { name: name.into(), value: value.trim().as_bytes().to_vec() };
        fields.into_iter().map(field).collect::<Vec<_>>()
    };
    let read = Request {
        method: members.text("method")?.into(),
        url: members.text("url")?.into(),
        target: members.optional_text("target")?.map(Into::into),
        headers: fields(members.headers("headers")?),
        trailers: members.optional_headers("trailers")?.map(fields).unwrap_or_default(),
        body: body(&mut members)?,
        certificate: certificate.map(read_certificate).transpose()?.unwrap_or_default(),
        listener: listener.map(Into::into),
        ..Request::default()
    };
    members.finish()?;
    Ok(read)
}

/// `body`, a text, or `body_b64`.
fn body(members: &mut Members<'_>) -> Result<Option<Vec<u8>>, Rejection> {
    match (members.optional_text("body")?, members.optional_bytes("body_b64")?) {
        (Some(_), Some(_)) => Err(malformed("there are two bodies, \"body\" and \"body_b64\"")),
        (Some(text), None) => Ok(Some(text.as_bytes().to_vec())),
        (None, bytes) => Ok(bytes),
    }
}

fn read_certificate(certificate: &Object) -> Result<ClientCertificate, Rejection> {
    let mut members = Members::new("the member \"client_certificate\"", certificate);
    let chain = members.optional_texts("chain")?;
    let leaf = members.optional_bytes("leaf")?;
    let validated = members.optional_text("validated_by_host")?;
    let digest = members.optional_bytes("digest")?;
    members.finish()?;
    match (chain, leaf, validated, digest) {
        (Some(chain), None, None, None) => {
            let decode = |text: &String| {
                base64url::decode(text.as_bytes())
                    .map_err(|rejection| malformed(format!("a certificate is not base64url: {}", rejection.detail())))
            };
            Ok(ClientCertificate::Chain(chain.iter().map(decode).collect::<Result<_, _>>()?))
        }
        (None, Some(der), validated, None) => {
            Ok(ClientCertificate::Leaf { der, validated_for: validated.map(Into::into) })
        }
        (None, None, None, Some(digest)) => match <[u8; 32]>::try_from(digest) {
            Ok(digest) => Ok(ClientCertificate::Digest(digest)),
            Err(_) => Err(malformed("a digest has 32 bytes")),
        },
        _ => Err(malformed("a client certificate is one of \"chain\", \"leaf\" and \"digest\"")),
    }
}

/// What can be fetched, by URL.
fn read_resources(resources: Option<&Object>) -> Result<BTreeMap<String, Content>, Rejection> {
    let mut read = BTreeMap::new();
    for (url, value) in resources.into_iter().flat_map(Object::members) {
        let Some(resource) = value.as_object() else {
            return Err(malformed(format!("a resource is an object, not {}", value.kind())));
        };
        read.insert(url.into(), read_resource(resource)?);
    }
    Ok(read)
}

fn read_resource(resource: &Object) -> Result<Content, Rejection> {
    let mut members = Members::new("a resource", resource);
    let failed = members.take("failed");
    if let Some(why) = failed {
        members.finish()?;
        return match why {
            Value::String(why) => Ok(Content::Failed(why.clone())),
            Value::Bool(true) => Ok(Content::Failed("it failed".into())),
            other => Err(malformed(format!("the member \"failed\" is {}, not a text", other.kind()))),
        };
    }
    let status = members.optional_integer("status")?.unwrap_or(200);
    let headers = members.optional_headers("headers")?.unwrap_or_default();
    let bytes = body(&mut members)?.unwrap_or_default();
    members.finish()?;
    let status = u16::try_from(status).map_err(|_| malformed("a status has three digits"))?;
    let media_type = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let media_type = media_type.map(|(_, value)| value.split(';').next().unwrap_or_default().trim().into());
    Ok(Content::Body { status, media_type, bytes })
}
