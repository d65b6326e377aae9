//! `client.*`

use alloc::{format, string::String, vec::Vec};

use portcullis_client::{
    Challenge, Client, Clients, ErrorAnswer, IdPattern, Method,
    authenticate::{self, Authenticated, Expectations, Role, UsedProof},
    registration::{self, Flow, Record, RegistrationPolicy},
};
use portcullis_svid::{BundleSet, SpiffeId};
use portcullis_types::{
    NumericDate, Rejection, base64url,
    json::{Number, Object, Value},
};

use super::message::GivenRequest;
use crate::{
    Door,
    door::{Answer, Call, Refusal, object},
    members::{Members, malformed},
};

/// `client.match`
pub(super) fn matches(_: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let pattern = members.text("pattern")?;
    let spiffe_id = members.text("spiffe_id")?;
    members.finish()?;
    let matches = IdPattern::parse(pattern)?.matches(&SpiffeId::parse(spiffe_id)?);
    Ok(object([("match", matches.into())]))
}

/// `client.authenticate`
pub(super) fn authenticate(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let role = match members.text("role")? {
        "as" => Role::AuthorizationServer,
        "rs" => Role::ResourceServer,
        _ => return Err(malformed("the member \"role\" is neither \"as\" nor \"rs\"").into()),
    };
    let server = members.text("server")?;
    let request = GivenRequest::read_with_form("\"request\"", members.object("request")?)?;
    let chain = chain(members.optional_texts("certificate_chain")?.unwrap_or_default())?;
    let methods = members.optional_texts("methods")?;
    let methods = methods.ok_or_else(|| malformed("the request has no member \"methods\""))?;
    let given_clients = members.value("clients")?;
    let attesters = members.optional_object("attesters")?;
    let bundles = members.optional_object("bundles")?;
    let challenge = members.optional_text("challenge")?;
    let nonce = members.optional_text("nonce")?;
    let window = members.optional_integer("window")?;
    let attestation_max_age = members.optional_integer("attestation_max_age")?;
    let register = members.optional_texts("register")?.unwrap_or_default();
    let seen = members.optional_texts("seen")?.unwrap_or_default();
    let form = request.form.map(form).transpose()?.unwrap_or_default();
    members.finish()?;
    let clients = clients(given_clients)?;
    let attesters = attesters.map(|jwks| door.key_set(jwks)).transpose()?;
    let bundles = bundles.map(|bundles| door.bundle_set(bundles)).transpose()?;
    let register: Vec<IdPattern> = register.iter().map(|text| IdPattern::parse(text)).collect::<Result<_, _>>()?;
    let challenges: Vec<Challenge> = challenge.map(Challenge::parse).transpose()?.into_iter().collect();
    // A name that is no method here can accept nothing, so it is passed over.
    let methods: Vec<Method> = methods.iter().filter_map(|name| Method::from_name(name)).collect();
    let seen: Vec<&str> = seen.iter().map(String::as_str).collect();
    let none = BundleSet::new();
    let expect = Expectations::of(role, server, &clients, bundles.as_deref().unwrap_or(&none));
    let expect = Expectations {
        methods: &methods,
        register: &register,
        attesters: attesters.as_deref(),
        challenges: &challenges,
        nonces: nonce.as_slice(),
        window: window.unwrap_or(expect.window),
        attestation_max_age,
        seen: &seen,
        ..expect
    };
    let message = request.lend();
    let headers: Vec<(&str, &[u8])> = message.fields.iter().map(|field| (field.name, field.value)).collect();
    let request = authenticate::Request {
        headers: &headers,
        method: message.method,
        url: message.url,
        form: &form,
        certificate_chain: &chain,
    };
    match authenticate::explain(&request, &expect, call.at, door.backend(), call.trace) {
        Ok(client) => Ok(authenticated(&client)),
        Err(refused) => Err(told(refused.rejection, refused.answer)),
    }
}

/// `client.register`: registration on first use.
pub(super) fn register(_: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let spiffe_id = members.text("spiffe_id")?;
    let claims = members.optional_object("claims")?;
    let stored = members.optional_object("record")?;
    let flow = members.optional_object("flow")?.map(flow).transpose()?.unwrap_or_default();
    let policy = members.object("policy")?;
    members.finish()?;
    let spiffe_id = SpiffeId::parse(spiffe_id)?;
    let policy = RegistrationPolicy::from_object(policy)?;
    let stored = stored.map(Record::from_object).transpose()?;
    match registration::decide(&spiffe_id, claims, stored.as_ref(), &flow, &policy, call.at) {
        Ok(registered) => Ok(object([
            ("outcome", registered.outcome.name().into()),
            ("record", registered.record.to_object().into()),
            ("store", registered.store.into()),
        ])),
        Err(refused) => {
            let mut refusal = told(refused.rejection, refused.answer);
            refusal.beside.extend(refused.record.map(|record| ("record", record.to_object().into())));
            Err(refusal)
        }
    }
}

/// What the flow needs: `{"client_id"?,"grant_type"?,"redirect_uri"?}`.
fn flow(flow: &Object) -> Result<Flow<'_>, Rejection> {
    let mut members = Members::new("the member \"flow\"", flow);
    let read = Flow {
        client_id: members.optional_text("client_id")?,
        grant_type: members.optional_text("grant_type")?,
        redirect_uri: members.optional_text("redirect_uri")?,
    };
    members.finish()?;
    Ok(read)
}

/// A list of `{"client_id","spiffe_id"?,"token_endpoint_auth_method"?}`.
fn clients(value: &Value) -> Result<Clients, Rejection> {
    let list = value.as_array().ok_or_else(|| malformed("the member \"clients\" is not a list"))?;
    let mut clients = Clients::new();
    for entry in list {
        let entry = entry.as_object().ok_or_else(|| malformed("a client is not an object"))?;
        let mut members = Members::new("a client", entry);
        let client_id = members.text("client_id")?.into();
        let spiffe_id = members.optional_text("spiffe_id")?;
        let method = members.optional_text("token_endpoint_auth_method")?.map(Into::into);
        members.finish()?;
        clients.add(Client { client_id, spiffe_id: spiffe_id.map(IdPattern::parse).transpose()?, method })?;
    }
    Ok(clients)
}

/// Decoded parameters.
fn form<'f>(form: &'f Object) -> Result<Vec<(&'f str, &'f str)>, Rejection> {
    let text = |(name, value): (_, &'f Value)| match value {
        Value::String(text) => Ok((name, text.as_str())),
        other => Err(malformed(format!("a parameter of \"form\" is {}, not a text", other.kind()))),
    };
    form.members().map(text).collect()
}

fn chain(chain: Vec<String>) -> Result<Vec<Vec<u8>>, Rejection> {
    let wrong = |rejection: Rejection| malformed(format!("a certificate is not base64url: {}", rejection.detail()));
    chain.iter().map(|der| base64url::decode(der.as_bytes()).map_err(wrong)).collect()
}

fn authenticated(client: &Authenticated) -> Object {
    let mut members: Vec<(String, Value)> = Vec::from([
        ("client_id".into(), client.client_id.as_str().into()),
        ("method".into(), client.method.name().into()),
        ("new".into(), client.new.into()),
    ]);
    members.extend(client.spiffe_id.as_ref().map(|id| ("spiffe_id".into(), id.as_str().into())));
    members.extend(client.key.map(|thumbprint| ("jkt".into(), base64url::encode(&thumbprint).into())));
    // What `client.register` takes: the claims of a JWT-SVID, and of nothing else.
    if client.new && client.method == Method::SpiffeJwt {
        members.push(("claims".into(), client.claims.clone().into()));
    }
    if !client.proofs.is_empty() {
        members.push(("proofs".into(), Value::Array(client.proofs.iter().map(|one| proof(one).into()).collect())));
    }
    Object::from_members(members)
}

/// What a host remembers of a proof.
fn proof(proof: &UsedProof) -> Object {
    object([
        ("jkt", base64url::encode(&proof.thumbprint).into()),
        ("target", proof.target.as_str().into()),
        ("jti", proof.id.as_str().into()),
        ("iat", date(proof.issued_at)),
    ])
}

fn date(date: NumericDate) -> Value {
    let whole = date.whole_seconds();
    let number = if whole as f64 == date.seconds() { Number::Unsigned(whole) } else { Number::Float(date.seconds()) };
    Value::Number(number)
}

/// A refusal with the answer that the client gets.
fn told(rejection: Rejection, answer: ErrorAnswer) -> Refusal {
    let headers = answer.headers.into_iter().map(|(name, value)| Value::Array(Vec::from([name.into(), value.into()])));
    let beside = Vec::from([
        ("status", u64::from(answer.status).into()),
        ("oauth_error", answer.error.into()),
        ("headers", Value::Array(headers.collect())),
    ]);
    Refusal { rejection, beside }
}
