//! `par.*`

use alloc::{format, string::String, vec::Vec};

use portcullis_client::{Challenge, ErrorAnswer, authenticate::UsedProof};
use portcullis_oauth::pushed_registration::{self as pushed, Expectations, Kept, PushPolicy, Refused, Request};
use portcullis_token::mtls::Certificate;
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

/// `par.verify`
pub(super) fn verify(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let request = GivenRequest::read_with_form("\"request\"", members.object("request")?)?;
    let policy = members.object("policy")?;
    let given = Given::read(&mut members)?;
    members.finish()?;
    let form = form(&request)?;
    let policy = PushPolicy::from_object(policy, |jwks| door.key_set(jwks))?;
    let made = given.lend(|expect| {
        lend(&request, &form, given.certificate(), |request| {
            pushed::explain(request, &policy, expect, call.at, door.backend(), call.trace)
        })
    });
    made.map(|pushed| with_proofs(pushed.to_members(), &pushed.proofs)).map_err(told)
}

/// `par.tie`: the authorization request, or the token request, held to the pushed one.
pub(super) fn tie(door: &mut Door, call: Call<'_>) -> Answer {
    let mut members = call.members;
    let step = members.text("step")?;
    let request = GivenRequest::read_with_form("\"request\"", members.object("request")?)?;
    let kept = Kept::from_object(members.object("pushed")?)?;
    let given = Given::read(&mut members)?;
    members.finish()?;
    let form = form(&request)?;
    let pending = kept.pending();
    match step {
        "authorization" => {
            pushed::tie_authorization(&form, &pending, call.at, call.trace).map_err(told)?;
            Ok(Object::default())
        }
        "token" => {
            let made = given.lend(|expect| {
                lend(&request, &form, given.certificate(), |request| {
                    pushed::tie_token(request, &pending, expect, call.at, door.backend(), call.trace)
                })
            });
            let tied = made.map_err(told)?;
            Ok(with_proofs(tied.to_members(), &tied.proofs))
        }
        _ => Err(malformed("the member \"step\" is neither \"authorization\" nor \"token\"").into()),
    }
}

/// What both operations are given beside the request.
struct Given<'a> {
    /// The certificate of the connection, in DER.
    certificate: Option<Vec<u8>>,
    challenges: Vec<Challenge>,
    nonce: Option<&'a str>,
    window: Option<u64>,
    seen: Vec<String>,
}

impl<'a> Given<'a> {
    fn read(members: &mut Members<'a>) -> Result<Self, Rejection> {
        let chain = members.optional_texts("certificate_chain")?.unwrap_or_default();
        let wrong = |inner: Rejection| malformed(format!("a certificate is not base64url: {}", inner.detail()));
        Ok(Self {
            certificate: chain.first().map(|der| base64url::decode(der.as_bytes()).map_err(wrong)).transpose()?,
            challenges: members.optional_text("challenge")?.map(Challenge::parse).transpose()?.into_iter().collect(),
            nonce: members.optional_text("nonce")?,
            window: members.optional_integer("window")?,
            seen: members.optional_texts("seen")?.unwrap_or_default(),
        })
    }

    fn certificate(&self) -> Option<Certificate<'_>> {
        self.certificate.as_deref().map(Certificate::Der)
    }

    fn lend<T>(&self, used: impl FnOnce(&Expectations<'_>) -> T) -> T {
        let seen: Vec<&str> = self.seen.iter().map(String::as_str).collect();
        let expect = Expectations::default();
        used(&Expectations {
            challenges: &self.challenges,
            nonces: self.nonce.as_slice(),
            window: self.window.unwrap_or(expect.window),
            seen: &seen,
        })
    }
}

fn lend<T>(
    request: &GivenRequest<'_>,
    form: &[(&str, &str)],
    certificate: Option<Certificate<'_>>,
    used: impl FnOnce(&Request<'_>) -> T,
) -> T {
    let message = request.lend();
    let headers: Vec<(&str, &[u8])> = message.fields.iter().map(|field| (field.name, field.value)).collect();
    used(&Request { headers: &headers, method: message.method, url: message.url, form, certificate })
}

/// Decoded parameters; a list of texts where one occurs more than once, so that it can be refused.
fn form<'a>(request: &GivenRequest<'a>) -> Result<Vec<(&'a str, &'a str)>, Rejection> {
    let form = request.form.ok_or_else(|| malformed("\"request\" has no member \"form\""))?;
    let wrong = |other: &Value| malformed(format!("a parameter of \"form\" is {}, not a text", other.kind()));
    let mut parameters = Vec::new();
    for (name, value) in form.members() {
        match value {
            Value::String(text) => parameters.push((name, text.as_str())),
            Value::Array(items) => {
                for item in items {
                    parameters.push((name, item.as_str().ok_or_else(|| wrong(item))?));
                }
            }
            other => return Err(wrong(other)),
        }
    }
    Ok(parameters)
}

/// A result, and what a host remembers of proofs, where there are some.
fn with_proofs(mut members: Vec<(String, Value)>, proofs: &[UsedProof]) -> Object {
    let proof = |proof: &UsedProof| {
        object([
            ("jkt", base64url::encode(&proof.thumbprint).into()),
            ("target", proof.target.as_str().into()),
            ("jti", proof.id.as_str().into()),
            ("iat", date(proof.issued_at)),
        ])
    };
    if !proofs.is_empty() {
        members.push(("proofs".into(), Value::Array(proofs.iter().map(|one| proof(one).into()).collect())));
    }
    Object::from_members(members)
}

fn date(date: NumericDate) -> Value {
    let whole = date.whole_seconds();
    let number = if whole as f64 == date.seconds() { Number::Unsigned(whole) } else { Number::Float(date.seconds()) };
    Value::Number(number)
}

/// A refusal with the answer that the client gets.
fn told(refused: Refused) -> Refusal {
    let Refused { rejection, answer: ErrorAnswer { status, error, headers } } = refused;
    let headers = headers.into_iter().map(|(name, value)| Value::Array(Vec::from([name.into(), value.into()])));
    let beside = Vec::from([
        ("status", u64::from(status).into()),
        ("oauth_error", error.into()),
        ("headers", Value::Array(headers.collect())),
    ]);
    Refusal { rejection, beside }
}
