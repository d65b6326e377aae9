//! What is prepared for a server is what a client of the same text accepts, and nothing else.

use std::rc::Rc;

use ed25519_dalek::{Signer as _, SigningKey};
use portcullis_crypto::{Backend, SoftwareBackend};
use portcullis_signature::{Field, Request, Response, content_digest};
use portcullis_types::{Rejection, base64url, json, trace::Silent};
use portcullis_wimse::{
    TrustDomains,
    message_signature::{DEFAULT_LIFETIME, Expectations, parse_and_verify_response},
    response_signature::{PreparedResponse, Signer, prepare_response},
};

const NOW: u64 = 1_790_000_000;
const ASKING: &str =
    "w=(\"@method\" \"@path\" \"@query\");nonce=\"n1\";tag=\"wimse-workload-to-workload\";wimse-sign-response";

fn key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

fn jwk(number: u8, more: &str) -> String {
    let x = base64url::encode(key(number).verifying_key().as_bytes());
    format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"{more}}}"#)
}

/// An identity token of a server, whose key is number 2.
fn identity() -> String {
    let part = |text: &str| base64url::encode(text.as_bytes());
    let claims = format!(
        r#"{{"sub":"wimse://a.example/server","exp":{},"cnf":{{"jwk":{}}}}}"#,
        NOW + 600,
        jwk(2, r#","alg":"EdDSA""#)
    );
    let input = format!("{}.{}", part(r#"{"alg":"EdDSA","typ":"wit+jwt","kid":"k"}"#), part(&claims));
    format!("{input}.{}", base64url::encode(&key(1).sign(input.as_bytes()).to_bytes()))
}

/// A question with so many header fields.
fn fields<'f>(input: &'f str, more: &[(&'f str, &'f str)]) -> Vec<Field<'f>> {
    let own = [("Signature-Input", input), ("Signature", "w=:AAAA:")];
    own.iter().chain(more).map(|(name, value)| Field { name, value: value.as_bytes() }).collect()
}

fn request<'r>(fields: &'r [Field<'r>], body: &'r [u8]) -> Request<'r> {
    Request { method: "POST", url: "https://a.example/q?x=1", target: None, fields, trailers: &[], body: Some(body) }
}

fn prepared(request: &Request<'_>, fields: &[Field<'_>], body: &[u8]) -> Result<Option<PreparedResponse>, Rejection> {
    let identity = identity();
    let signer = Signer { identity: &identity, nonce: "n2", lifetime: 60 };
    let response = Response { status: 200, fields, trailers: &[], body: Some(body), request: Some(request) };
    prepare_response(&response, Some(&signer), NOW)
}

/// What a client makes of a response: who answered, or why it does not believe it.
fn judged(request: &Request<'_>, fields: &[Field<'_>], status: u16, body: &[u8]) -> Result<String, &'static str> {
    let backend: Rc<dyn Backend> = Rc::new(SoftwareBackend::default());
    let set = format!(r#"{{"wimse://a.example":{{"jwks":{{"keys":[{}]}}}}}}"#, jwk(1, r#","kid":"k""#));
    let trusted = TrustDomains::from_object(&json::parse_object(set.as_bytes()).unwrap(), &backend).unwrap();
    let expect = Expectations { audience: &[], lifetime: DEFAULT_LIFETIME, leeway: 0, seen: &[] };
    let response = Response { status, fields, trailers: &[], body: Some(body), request: Some(request) };
    parse_and_verify_response(&response, true, &trusted, &expect, &backend, NOW, &mut Silent)
        .map(|verified| verified.unwrap().0.subject.to_string())
        .map_err(|rejection| rejection.code())
}

#[test]
fn a_client_knows_who_answered_which_question() {
    let digest = content_digest(b"question");
    let asked = fields(ASKING, &[("Content-Digest", &digest)]);
    let question = request(&asked, b"question");
    let own = [Field { name: "Content-Type", value: b"application/json" }];
    let ready = prepared(&question, &own, b"answer").unwrap().unwrap();
    let (input, signature) = ready.prepared.finish(&key(2).sign(ready.prepared.base.as_bytes()).to_bytes());
    let mut sent: Vec<Field<'_>> = own.to_vec();
    sent.extend(ready.fields.iter().map(|(name, value)| Field { name, value: value.as_bytes() }));
    sent.push(Field { name: "Signature-Input", value: input.as_bytes() });
    sent.push(Field { name: "Signature", value: signature.as_bytes() });
    assert_eq!(judged(&question, &sent, 200, b"answer").as_deref(), Ok("wimse://a.example/server"));

    assert_eq!(judged(&question, &sent, 401, b"answer"), Err("crypto.signature_invalid"));
    assert_eq!(judged(&question, &sent, 200, b"another"), Err("signature.digest_mismatch"));
    // Another question: by its content, its target, its nonce.
    let other = content_digest(b"another");
    let changed = fields(ASKING, &[("Content-Digest", &other)]);
    assert_eq!(judged(&request(&changed, b"another"), &sent, 200, b"answer"), Err("crypto.signature_invalid"));
    let elsewhere = Request { url: "https://a.example/q?x=2", ..question };
    assert_eq!(judged(&elsewhere, &sent, 200, b"answer"), Err("crypto.signature_invalid"));
    let later = ASKING.replace("n1", "n3");
    let later = fields(&later, &[("Content-Digest", &digest)]);
    assert_eq!(judged(&request(&later, b"question"), &sent, 200, b"answer"), Err("wimse.response_nonce"));
}

#[test]
fn nothing_is_signed_that_nobody_asked_for() {
    let plain = ASKING.replace(";wimse-sign-response", "");
    let refused = ASKING.replace("sign-response", "sign-response=?0");
    let tagless = ASKING.replace("wimse-workload-to-workload", "other");
    for input in [&plain, &refused, &tagless] {
        assert_eq!(prepared(&request(&fields(input, &[]), b""), &[], b"").unwrap(), None, "{input}");
    }
    assert_eq!(prepared(&request(&[], b""), &[], b"").unwrap(), None);
    let alone = Response { status: 200, fields: &[], trailers: &[], body: Some(b""), request: None };
    assert_eq!(prepare_response(&alone, None, NOW).unwrap(), None);
}

#[test]
fn what_cannot_be_signed_is_told() {
    let code = |input: &str, more: &[(&str, &str)], body: &[u8], own: &[(&str, &str)]| {
        let own: Vec<Field<'_>> = own.iter().map(|(name, value)| Field { name, value: value.as_bytes() }).collect();
        let asked = fields(input, more);
        prepared(&request(&asked, body), &own, b"answer").map_or_else(|rejection| rejection.code(), |_| "ready")
    };
    let other = content_digest(b"other");
    assert_eq!(code(ASKING, &[], b"", &[]), "ready");
    assert_eq!(code(ASKING, &[], b"question", &[]), "wimse.signature_digest_missing");
    assert_eq!(code(ASKING, &[("Content-Digest", &other)], b"question", &[]), "signature.digest_mismatch");
    assert_eq!(code(&ASKING.replace("nonce=\"n1\";", ""), &[], b"", &[]), "wimse.signature_parameter");
    assert_eq!(code(&ASKING.replace("response", "response=1"), &[], b"", &[]), "wimse.signature_parameter");
    let twice = format!("{ASKING}, {}", ASKING.replacen('w', "v", 1));
    let asked = fields(&twice, &[("Signature", "v=:AAAA:")]);
    assert_eq!(prepared(&request(&asked, b""), &[], b"").unwrap_err().code(), "wimse.signature_repeated");
    assert_eq!(code(ASKING, &[], b"", &[("workload-identity-token", "x")]), "wimse.identity_repeated");
    // A digest that stands there already is covered as it is, and is the content's.
    let own = content_digest(b"answer");
    assert_eq!(code(ASKING, &[], b"", &[("Content-Digest", &own)]), "ready");
    assert_eq!(code(ASKING, &[], b"", &[("Content-Digest", &other)]), "signature.digest_mismatch");

    let asked = fields(ASKING, &[]);
    let question = request(&asked, b"");
    let response = Response { status: 200, fields: &[], trailers: &[], body: None, request: Some(&question) };
    assert_eq!(prepare_response(&response, None, NOW).unwrap_err().code(), "wimse.response_unsignable");
    let signer = Signer { identity: "a.b.c", nonce: "n2", lifetime: 60 };
    assert_eq!(prepare_response(&response, Some(&signer), NOW).unwrap_err().code(), "signature.body_unavailable");
}
