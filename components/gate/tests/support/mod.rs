//! A reference host: tokens, proofs and lists signed for the tests, and a driver that answers a gate's needs from a table of
//! documents and times, with no network and no clock.

#![allow(dead_code)]

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use ed25519_dalek::{Signer, SigningKey};
use portcullis_crypto::{Backend, SoftwareBackend, sha256};
use portcullis_gate::{
    Answer, Class, Content, Decision, Document, DocumentNeed, Evaluation, Gate, Header, Need, Request, Step, Wanted,
    policy::Format,
};
use portcullis_types::base64url;

/// The time of the tests, in seconds since 1970.
pub(crate) const NOW: u64 = 1_790_000_000;

pub(crate) const ISSUER: &str = "https://idp.example";
pub(crate) const JWKS: &str = "https://idp.example/jwks";
pub(crate) const API: &str = "https://api.example";
pub(crate) const LIST: &str = "https://idp.example/status/1";

pub(crate) fn backend() -> Rc<dyn Backend> {
    Rc::new(SoftwareBackend::default())
}

/// A key of the tests, by its number.
pub(crate) fn key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

/// Its public JWK.
pub(crate) fn jwk(number: u8, kid: &str) -> String {
    let x = base64url::encode(key(number).verifying_key().as_bytes());
    if kid.is_empty() {
        format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#)
    } else {
        format!(r#"{{"crv":"Ed25519","kid":"{kid}","kty":"OKP","x":"{x}"}}"#)
    }
}

/// Its RFC 7638 thumbprint.
pub(crate) fn thumbprint(number: u8) -> String {
    base64url::encode(&sha256(jwk(number, "").as_bytes()))
}

pub(crate) fn jwks(keys: &[(u8, &str)]) -> String {
    let keys: Vec<String> = keys.iter().map(|(number, kid)| jwk(*number, kid)).collect();
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

/// A compact JWS with Ed25519.
pub(crate) fn sign(number: u8, header: &str, payload: &str) -> String {
    let input = format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(payload.as_bytes()));
    let signature = key(number).sign(input.as_bytes()).to_bytes();
    format!("{input}.{}", base64url::encode(&signature))
}

/// An access token (RFC 9068) of the tests' issuer, with members added to its claims (`"a":1,`).
pub(crate) fn token(number: u8, kid: &str, more: &str) -> String {
    let header = format!(r#"{{"alg":"Ed25519","kid":"{kid}","typ":"at+jwt"}}"#);
    let (iat, exp) = (NOW - 10, NOW + 3_600);
    let claims = format!(
        r#"{{{more}"iss":"{ISSUER}","aud":"{API}","sub":"alice","client_id":"app","jti":"1","iat":{iat},"exp":{exp}}}"#
    );
    sign(number, &header, &claims)
}

/// A DPoP proof (RFC 9449) for a GET of a URL with a token.
pub(crate) fn proof(number: u8, url: &str, token: &str, jti: &str, iat: u64) -> String {
    let header = format!(r#"{{"alg":"Ed25519","typ":"dpop+jwt","jwk":{}}}"#, jwk(number, ""));
    let ath = base64url::encode(&sha256(token.as_bytes()));
    let claims = format!(r#"{{"jti":"{jti}","htm":"GET","htu":"{url}","iat":{iat},"ath":"{ath}"}}"#);
    sign(number, &header, &claims)
}

/// A status list token whose first entries have these values, eight bits each.
pub(crate) fn status_list(number: u8, kid: &str, uri: &str, values: &[u8], iat: u64, more: &str) -> String {
    let header = format!(r#"{{"alg":"Ed25519","kid":"{kid}","typ":"statuslist+jwt"}}"#);
    let lst = base64url::encode(&zlib_stored(values));
    let claims = format!(r#"{{{more}"sub":"{uri}","iat":{iat},"status_list":{{"bits":8,"lst":"{lst}"}}}}"#);
    sign(number, &header, &claims)
}

/// A zlib stream that holds bytes as they are (RFC 1950, RFC 1951 section 3.2.4).
pub(crate) fn zlib_stored(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap();
    let mut out = vec![0x78, 0x01, 0x01];
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&(!length).to_le_bytes());
    out.extend_from_slice(bytes);
    let (mut a, mut b) = (1u32, 0u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    out.extend_from_slice(&((b << 16) | a).to_be_bytes());
    out
}

/// A policy with the tests' issuer and one rule, members added to the issuer's and the rule's.
pub(crate) fn policy(issuer: &str, require: &str) -> String {
    format!(
        r#"{{"origins":["{API}"],
            "issuers":[{{"name":"corp","issuer":"{ISSUER}","keys":"{JWKS}"{issuer}}}],
            "rules":[{{"path":"/reports/{{id}}","require":{{{require}}}}},{{"path":"/health","anonymous":true}}]}}"#
    )
}

pub(crate) fn gate(policy: &str) -> Gate {
    Gate::load(policy, Format::Json, backend()).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

/// A GET of a path with header fields.
pub(crate) fn get(path: &str, headers: &[(&str, &str)]) -> Request {
    let header = |(name, value): &(&str, &str)| Header { name: (*name).into(), value: value.as_bytes().to_vec() };
    Request {
        method: "GET".into(),
        url: format!("{API}{path}"),
        headers: headers.iter().map(header).collect(),
        ..Request::default()
    }
}

pub(crate) fn bearer(token: &str) -> Vec<(&'static str, String)> {
    vec![("Authorization", format!("Bearer {token}"))]
}

/// What a need is called here: its URL; where it is about a token, its URL, `#` and the token.
fn name(need: &DocumentNeed) -> String {
    let token = need.question.as_ref().and_then(|question| question.form.strip_prefix("token=")?.split('&').next());
    token.map_or_else(|| need.url.clone(), |token| format!("{}#{token}", need.url))
}

/// A host without network and clock: documents by URL, and proofs that were used.
#[derive(Debug, Clone, Default)]
pub(crate) struct Host {
    pub(crate) documents: BTreeMap<String, String>,
    pub(crate) used: BTreeSet<[u8; 32]>,
    /// What was asked for, in order.
    pub(crate) asked: Vec<String>,
}

impl Host {
    pub(crate) fn with(documents: &[(&str, String)]) -> Self {
        let documents = documents.iter().map(|(url, text)| ((*url).into(), text.clone())).collect();
        Self { documents, ..Self::default() }
    }

    pub(crate) fn document(&self, need: &DocumentNeed, at: u64) -> Document {
        let content = match self.documents.get(&name(need)) {
            Some(text) => Content::Body { status: 200, media_type: None, bytes: text.clone().into_bytes() },
            None => Content::Failed("there is none".into()),
        };
        Document {
            url: need.url.clone(),
            server: need.server.clone(),
            about: need.question.as_ref().map(|question| question.digest),
            peer: need.class == Class::Peer,
            fetched_at: at,
            content,
        }
    }

    /// Answers every need until there is a decision.
    pub(crate) fn decide(&mut self, gate: &Gate, request: &Request, at: u64) -> Decision {
        let evaluation = gate.start(request.clone(), at);
        self.finish(gate, evaluation, at)
    }

    pub(crate) fn finish(&mut self, gate: &Gate, mut evaluation: Evaluation, at: u64) -> Decision {
        for _ in 0..6 {
            let needs = match evaluation.step(at) {
                Step::Decided(decision) => return *decision,
                Step::Needs(needs) => needs,
            };
            let answers: Vec<(u32, Answer)> =
                needs.into_iter().map(|need| (need.id, self.answer(gate, need, at))).collect();
            evaluation.answer(&answers, at);
        }
        panic!("an evaluation ends within its rounds");
    }

    fn answer(&mut self, gate: &Gate, need: Need, at: u64) -> Answer {
        match need.what {
            Wanted::Document(need) => {
                self.asked.push(need.url.clone());
                gate.provide(&[self.document(&need, at)], at);
                Answer::Done
            }
            Wanted::Remember(remember) => {
                if self.used.insert(remember.key) {
                    Answer::Fresh
                } else {
                    Answer::Seen
                }
            }
            Wanted::Registration(_) | Wanted::Register(_) => Answer::Unavailable,
        }
    }

    /// Fetches what is due.
    pub(crate) fn refresh(&mut self, gate: &Gate, at: u64) {
        let documents: Vec<Document> = gate.due(at).iter().map(|need| self.document(need, at)).collect();
        gate.provide(&documents, at);
    }
}

/// What of a decision a client and an upstream see, and the code.
pub(crate) fn seen(decision: &Decision) -> (u16, Option<&'static str>, Option<String>) {
    (decision.status, decision.code(), decision.principal.as_ref().and_then(|principal| principal.subject.clone()))
}
