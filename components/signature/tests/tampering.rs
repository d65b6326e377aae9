//! No change of what is covered goes unnoticed, and every change of what is not does: for 200 signed requests, each single bit
//! of the method, the URL, covered fields, the body, `Signature-Input` and `Signature` is turned over.

mod support;

use std::{fmt, rc::Rc};

use fastrand::Rng;
use portcullis_crypto::{Backend, Failed, KeySet, Origin, PreparedKey, PublicKey, Scheme, SoftwareBackend, Verdict};
use portcullis_signature::{Expectations, Parameters, Selection, content_digest};
use portcullis_types::base64url;
use support::{AT, Sample, named, signing_key};

/// How many requests are signed.
const REQUESTS: u64 = 200;

/// One of some texts.
fn one<'a>(numbers: &mut Rng, choices: &[&'a str]) -> &'a str {
    choices[numbers.usize(..choices.len())]
}

/// A text of one character or more.
fn text(numbers: &mut Rng, alphabet: &str, longest: usize) -> String {
    let alphabet: Vec<char> = alphabet.chars().collect();
    (0..=numbers.usize(..longest)).map(|_| alphabet[numbers.usize(..alphabet.len())]).collect()
}

/// A signed request, and what was signed of it.
struct Case {
    sample: Sample,
    /// Fields that are covered, by name in lower case.
    covered: Vec<&'static str>,
    components: Vec<&'static str>,
    jwk: String,
}

const FIELDS: [&str; 5] = ["content-type", "date", "x-one", "x-two", "authorization"];

fn case(numbers: &mut Rng) -> Case {
    let path = text(numbers, "abcXYZ019-._~/%", 12).replace('%', "%2f");
    let query = if numbers.bool() { format!("?{}", text(numbers, "abc=&+d", 9)) } else { String::new() };
    let host = one(numbers, &["api.example", "a", "xn--bcher-kva.example:8443", "[::1]:8443"]);
    let mut sample = Sample::get(&format!("https://{host}/{path}{query}"));
    sample.method = one(numbers, &["GET", "POST", "PUT", "DELETE", "M-SEARCH"]).into();
    let mut components = Vec::new();
    for component in ["@method", "@target-uri", "@authority", "@scheme", "@path", "@query", "@request-target"] {
        if numbers.bool() {
            components.push(component);
        }
    }
    let mut covered = Vec::new();
    for name in FIELDS {
        for _ in 0..numbers.usize(..3) {
            let value = text(numbers, "abcXYZ 019,;=\"()", 20);
            sample = sample.field(name, format!("x{value}x"));
        }
        if sample.fields.iter().any(|(field, _)| field == name) && numbers.bool() {
            covered.push(name);
            components.push(name);
        }
    }
    if numbers.bool() {
        let body = text(numbers, "{}\":1", 20).into_bytes();
        sample = sample.field("content-digest", content_digest(&body)).body(&body);
        covered.push("content-digest");
        components.push("content-digest");
    }
    let parameters = Parameters {
        created: Some(AT as i64 - numbers.usize(..100) as i64),
        expires: numbers.bool().then_some(AT as i64 + 100),
        nonce: numbers.bool().then(|| text(numbers, "abc+/=", 10)),
        keyid: numbers.bool().then(|| "k".into()),
        tag: numbers.bool().then(|| "t".into()),
        ..Parameters::default()
    };
    let (sample, jwk) = if numbers.bool() {
        let x = base64url::encode(signing_key().verifying_key().as_bytes());
        let jwk = format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"k","x":"{x}"}}"#);
        (sample.signed("sig1", &components, &parameters), jwk)
    } else {
        let key = p256::ecdsa::SigningKey::from_slice(&[3; 32]).unwrap();
        let point = key.verifying_key().to_sec1_point(false);
        let (x, y) = (base64url::encode(point.x().unwrap()), base64url::encode(point.y().unwrap()));
        let jwk = format!(r#"{{"kty":"EC","crv":"P-256","kid":"k","x":"{x}","y":"{y}"}}"#);
        let sign = |base: &[u8]| {
            let signature: p256::ecdsa::Signature = p256::ecdsa::signature::Signer::sign(&key, base);
            signature.to_bytes().to_vec()
        };
        (sample.signed_with("sig1", &components, &parameters, sign), jwk)
    };
    Case { sample, covered, components, jwk }
}

/// Software that is asked about the base that was signed alone: another base is not verified by a signature of this one, which is
/// what signatures are, and asking each time would take minutes.
struct OfOneBase {
    software: SoftwareBackend,
    base: Rc<[u8]>,
}

struct KeyOfOneBase {
    key: Box<dyn PreparedKey>,
    base: Rc<[u8]>,
}

impl Backend for OfOneBase {
    fn prepare(&self, scheme: Scheme, key: &PublicKey, origin: Origin) -> Result<Box<dyn PreparedKey>, Failed> {
        let key = self.software.prepare(scheme, key, origin)?;
        Ok(Box::new(KeyOfOneBase { key, base: Rc::clone(&self.base) }))
    }
}

impl PreparedKey for KeyOfOneBase {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Verdict {
        if *message != *self.base {
            return Verdict::Invalid;
        }
        self.key.verify(message, signature)
    }
}

/// Every text or sequence of bytes that differs in one bit.
fn turned(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len() * 8).map(|bit| {
        let mut other = bytes.to_vec();
        other[bit / 8] ^= 1 << (bit % 8);
        other
    })
}

impl Case {
    fn keys(&self) -> KeySet {
        let base = self.sample.base().unwrap().into_bytes().into();
        let backend: Rc<dyn Backend> = Rc::new(OfOneBase { software: SoftwareBackend::default(), base });
        KeySet::from_jwks(format!(r#"{{"keys":[{}]}}"#, self.jwk).as_bytes(), &backend).unwrap()
    }

    fn accepts(&self, keys: &KeySet, other: &Sample) -> Result<(), &'static str> {
        let components = named(&self.components);
        let selection = Selection::Label("sig1");
        let expect =
            Expectations { components: &components, selection, created_within: Some(300), ..Default::default() };
        other.verify(keys, &expect, AT).map(|_| ()).map_err(|refused| refused.code())
    }

    /// Whether a URL is covered as it stands, but for what its parts are equal in.
    fn url_matters(&self, other: &str) -> bool {
        let parts = |url: &str| {
            let (scheme, rest) = url.split_once("://").unwrap_or((url, ""));
            let (authority, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
            let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
            (
                scheme.to_ascii_lowercase(),
                authority.to_ascii_lowercase(),
                if path.is_empty() { "/".into() } else { path.to_string() },
                query.map(String::from),
            )
        };
        let (mine, its) = (parts(&self.sample.url), parts(other));
        self.components.iter().any(|component| match *component {
            "@target-uri" => self.sample.url != other,
            "@scheme" => mine.0 != its.0,
            // The port of a scheme is told by none: `https` and `http` have others.
            "@authority" => mine.1 != its.1,
            "@path" => mine.2 != its.2,
            "@query" => mine.3.as_deref().unwrap_or("") != its.3.as_deref().unwrap_or(""),
            "@request-target" => (&mine.2, &mine.3) != (&its.2, &its.3),
            _ => false,
        })
    }
}

/// What is counted, so that a test that turns nothing over is seen.
#[derive(Default)]
struct Counted {
    refused: usize,
    accepted: usize,
}

impl Counted {
    fn check(&mut self, matters: bool, got: Result<(), &'static str>, what: impl fmt::Debug) {
        match (matters, got) {
            (true, Err(_)) => self.refused += 1,
            (false, Ok(())) => self.accepted += 1,
            (true, Ok(())) => panic!("a change went unnoticed: {what:?}"),
            (false, Err(code)) => panic!("{code}, though nothing covered has changed: {what:?}"),
        }
    }
}

#[test]
fn every_bit_of_what_is_covered_matters_and_no_other() {
    let mut numbers = Rng::with_seed(1);
    let mut counted = Counted::default();
    for _ in 0..REQUESTS {
        let case = case(&mut numbers);
        let keys = case.keys();
        assert_eq!(case.accepts(&keys, &case.sample), Ok(()), "{:?}", case.sample);
        method(&case, &keys, &mut counted);
        url(&case, &keys, &mut counted);
        fields(&case, &keys, &mut counted);
        body(&case, &keys, &mut counted);
    }
    println!("{} changes refused, {} of no matter", counted.refused, counted.accepted);
    assert!(counted.refused > 300_000 && counted.accepted > 50_000, "{} {}", counted.refused, counted.accepted);
}

fn method(case: &Case, keys: &KeySet, counted: &mut Counted) {
    let covered = case.components.contains(&"@method");
    for method in turned(case.sample.method.as_bytes()).filter_map(|bytes| String::from_utf8(bytes).ok()) {
        let other = Sample { method, ..case.sample.clone() };
        counted.check(covered, case.accepts(keys, &other), &other.method);
    }
}

fn url(case: &Case, keys: &KeySet, counted: &mut Counted) {
    let of_url = ["@target-uri", "@authority", "@scheme", "@path", "@query", "@request-target"];
    let covered = case.components.iter().any(|component| of_url.contains(component));
    for url in turned(case.sample.url.as_bytes()).filter_map(|bytes| String::from_utf8(bytes).ok()) {
        let other = Sample { url, ..case.sample.clone() };
        let got = case.accepts(keys, &other);
        // What is no URL is refused wherever any part of it is covered.
        let is_none = covered && got == Err("signature.url");
        counted.check(is_none || case.url_matters(&other.url), got, &other.url);
    }
}

fn fields(case: &Case, keys: &KeySet, counted: &mut Counted) {
    for (at, (name, value)) in case.sample.fields.iter().enumerate() {
        let of_signature = name == "Signature" || name == "Signature-Input";
        let covered = of_signature || case.covered.contains(&name.as_str());
        for value in turned(value) {
            let mut other = case.sample.clone();
            other.fields[at].1.clone_from(&value);
            // White space around a value, and what folds it, belongs to no field.
            let same = trimmed(&value) == trimmed(&case.sample.fields[at].1);
            counted.check(covered && !same, case.accepts(keys, &other), (name, String::from_utf8_lossy(&value)));
        }
        for bytes in turned(name.as_bytes()) {
            let Ok(renamed) = String::from_utf8(bytes) else { continue };
            let mut other = case.sample.clone();
            other.fields[at].0.clone_from(&renamed);
            // Another name in another case is the same name; one that becomes a covered name adds to that field.
            let same = renamed.eq_ignore_ascii_case(name);
            let joins = case.covered.iter().any(|covered| renamed.eq_ignore_ascii_case(covered));
            counted.check((covered || joins) && !same, case.accepts(keys, &other), (name, renamed));
        }
    }
}

fn trimmed(value: &[u8]) -> &[u8] {
    value.trim_ascii()
}

fn body(case: &Case, keys: &KeySet, counted: &mut Counted) {
    let Some(body) = &case.sample.body else { return };
    let covered = case.covered.contains(&"content-digest");
    for body in turned(body) {
        let other = Sample { body: Some(body), ..case.sample.clone() };
        counted.check(covered, case.accepts(keys, &other), &other.body);
    }
}

#[test]
fn what_is_added_beside_is_of_no_matter_unless_it_joins_what_is_covered() {
    let mut numbers = Rng::with_seed(2);
    for _ in 0..REQUESTS {
        let case = case(&mut numbers);
        let keys = case.keys();
        let mut counted = Counted::default();
        for name in FIELDS.into_iter().chain(["x-new", "host"]) {
            let other = case.sample.clone().field(name, "added");
            counted.check(case.covered.contains(&name), case.accepts(&keys, &other), (name, "added"));
            let other = case.sample.clone().trailer(name, "added");
            counted.check(false, case.accepts(&keys, &other), (name, "as a trailer"));
        }
        let other = case.sample.clone().field("Signature-Input", "b=()").field("Signature", "b=:AA==:");
        counted.check(false, case.accepts(&keys, &other), "another signature");
        for name in &case.covered {
            let mut other = case.sample.clone();
            let at = other.fields.iter().position(|(field, _)| field == name).unwrap();
            let taken = other.fields.remove(at);
            counted.check(true, case.accepts(&keys, &other), (name, "taken away"));
            let other = other.trailer(&taken.0, taken.1);
            counted.check(true, case.accepts(&keys, &other), (name, "made a trailer"));
        }
    }
}
