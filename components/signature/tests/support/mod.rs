//! Messages that own what they lend, and keys that sign them.

#![allow(dead_code)] // Each test uses some of it.

use std::rc::Rc;

use ed25519_dalek::{Signer, SigningKey};
use portcullis_crypto::{Algorithm, Backend, KeySet, SoftwareBackend};
use portcullis_signature::{
    Component, Expectations, Field, Message, Parameters, Request, Response, Signatures, Verified, parse_and_verify,
    prepare,
};
use portcullis_types::{Rejection, base64url};

/// When everything here happens.
pub(crate) const AT: u64 = 1_790_000_000;

/// A message, a request or a response.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) target: Option<String>,
    /// A response, where it is there.
    pub(crate) status: Option<u16>,
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    pub(crate) trailers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Option<Vec<u8>>,
    /// The request that a response answers.
    pub(crate) answers: Option<Box<Sample>>,
}

impl Sample {
    /// A request.
    pub(crate) fn get(url: &str) -> Self {
        Self { method: "GET".into(), url: url.into(), ..Self::default() }
    }

    /// A response.
    pub(crate) fn response(status: u16) -> Self {
        Self { status: Some(status), ..Self::default() }
    }

    #[must_use]
    pub(crate) fn field(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    #[must_use]
    pub(crate) fn trailer(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.trailers.push((name.into(), value.into()));
        self
    }

    #[must_use]
    pub(crate) fn body(mut self, body: &[u8]) -> Self {
        self.body = Some(body.into());
        self
    }

    #[must_use]
    pub(crate) fn answering(mut self, request: Sample) -> Self {
        self.answers = Some(Box::new(request));
        self
    }

    /// With a signature that is made up, and covers what is given.
    #[must_use]
    pub(crate) fn claiming(self, input: &str) -> Self {
        self.field("Signature-Input", format!("s={input}")).field("Signature", "s=:AQID:")
    }

    /// Lends the message.
    pub(crate) fn lend<T>(&self, used: impl FnOnce(&Message<'_>) -> T) -> T {
        let (fields, trailers) = (lent(&self.fields), lent(&self.trailers));
        let Some(status) = self.status else {
            return self.lend_request(|request| used(&Message::Request(request)));
        };
        let body = self.body.as_deref();
        let response = |request: Option<&Request<'_>>| {
            used(&Message::Response(&Response { status, fields: &fields, trailers: &trailers, body, request }))
        };
        match &self.answers {
            Some(answered) => answered.lend_request(|request| response(Some(request))),
            None => response(None),
        }
    }

    fn lend_request<T>(&self, used: impl FnOnce(&Request<'_>) -> T) -> T {
        used(&Request {
            method: &self.method,
            url: &self.url,
            target: self.target.as_deref(),
            fields: &lent(&self.fields),
            trailers: &lent(&self.trailers),
            body: self.body.as_deref(),
        })
    }

    /// The base of the only signature, or the code of what is wrong.
    pub(crate) fn base(&self) -> Result<String, &'static str> {
        let base = self.lend(|message| Signatures::of(message)?.select(&Default::default())?.base(message));
        base.map_err(|refused| refused.code())
    }

    /// The value of one component that is covered alone, or the code of what is wrong.
    pub(crate) fn value(&self, component: &str) -> Result<String, &'static str> {
        let component = Component::parse(component).map_err(|refused| refused.code())?;
        let base = self.clone().claiming(&format!("({component})")).base()?;
        let (line, _) = base.split_once("\n\"@signature-params\": ").unwrap();
        Ok(line.strip_prefix(&format!("{component}: ")).unwrap().into())
    }

    /// Signed with Ed25519.
    #[must_use]
    pub(crate) fn signed(self, label: &str, components: &[&str], parameters: &Parameters) -> Self {
        self.signed_with(label, components, parameters, |base| signing_key().sign(base).to_bytes().to_vec())
    }

    #[must_use]
    pub(crate) fn signed_with(
        self,
        label: &str,
        components: &[&str],
        parameters: &Parameters,
        sign: impl FnOnce(&[u8]) -> Vec<u8>,
    ) -> Self {
        let components = named(components);
        let prepared = self.lend(|message| prepare(message, label, &components, parameters)).unwrap();
        let (input, signature) = prepared.finish(&sign(prepared.base.as_bytes()));
        self.field("Signature-Input", input).field("Signature", signature)
    }

    /// Verifies it.
    pub(crate) fn verify(&self, keys: &KeySet, expect: &Expectations<'_>, at: u64) -> Result<Verified, Rejection> {
        self.lend(|message| parse_and_verify(message, keys, expect, at))
    }

    /// The code that it is refused with under the usual key, or nothing.
    pub(crate) fn refused(&self, expect: &Expectations<'_>) -> Option<&'static str> {
        self.verify(&keys(), expect, AT).err().map(|refused| refused.code())
    }
}

fn lent(fields: &[(String, Vec<u8>)]) -> Vec<Field<'_>> {
    fields.iter().map(|(name, value)| Field { name, value }).collect()
}

pub(crate) fn named(components: &[&str]) -> Vec<Component> {
    components.iter().map(|component| Component::parse(component).unwrap()).collect()
}

pub(crate) fn signing_key() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

pub(crate) fn backend() -> Rc<dyn Backend> {
    Rc::new(SoftwareBackend::default())
}

/// A JWK of the key that signs, with more members.
pub(crate) fn ed25519_jwk(more: &str) -> String {
    let x = base64url::encode(signing_key().verifying_key().as_bytes());
    format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"{more}}}"#)
}

pub(crate) fn key_set(jwks: &[String]) -> KeySet {
    KeySet::from_jwks(format!(r#"{{"keys":[{}]}}"#, jwks.join(",")).as_bytes(), &backend()).unwrap()
}

/// The usual key set: one key, `a`.
pub(crate) fn keys() -> KeySet {
    key_set(&[ed25519_jwk(r#","kid":"a""#)])
}

pub(crate) fn created() -> Parameters {
    Parameters { created: Some(AT as i64), ..Parameters::default() }
}

/// Algorithms that nobody uses here.
pub(crate) const NOT_OURS: &[Algorithm] = &[Algorithm::Es256, Algorithm::Ps512];
