//! Answers that a server wants signed: by the gateway's own identity, about that question and no other.

use std::path::PathBuf;

use portcullis_tests::batch;
use portcullis_tests::serving::Answer;
use portcullis_types::base64url;
use serde_json::{Value, json};

use super::running::{AGENT, Authority, DOMAIN, Gateway, WIT, by_jwt, jwk, place, sign, wall};

/// The key of the gateway's own identity, and that of the next one.
const OWN: u8 = 5;
const NEXT: u8 = 6;

/// Who the gateway is.
const GATEWAY: &str = "spiffe://prod.example/gateway";

/// The files of an identity.
struct Files(tempfile::TempDir);

impl Files {
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes an identity whose key has a number.
    fn write(&self, number: u8) {
        let claims = json!({"sub": GATEWAY, "exp": wall() + 600, "cnf": {"jwk": jwk(number, json!({"alg": "ES256"}))}});
        let token = sign(WIT, &json!({"alg": "ES256", "kid": "w", "typ": "wit+jwt"}), &claims);
        let secret = jwk(number, json!({"d": base64url::encode(&[number; 32])})).to_string();
        for (name, text) in [("key.json", secret), ("token.jwt", token)] {
            std::fs::write(self.path("next"), text).expect("it is written");
            std::fs::rename(self.path("next"), self.path(name)).expect("it is there");
        }
    }
}

/// A gateway with an identity, and its files.
fn identified(authority: &Authority) -> (tempfile::TempDir, Files, Gateway) {
    let (folder, policy, store) = place(authority, &json!({}));
    let files = Files(tempfile::tempdir().expect("a folder"));
    files.write(OWN);
    let named = [("--identity-token", &*files.path("token.jwt")), ("--identity-key", &*files.path("key.json"))];
    let gateway = Gateway::start_with(&policy, Some(&store), None, &named);
    (folder, files, gateway)
}

/// The header fields of a question that wants a signed answer. What signs the question itself is not looked at by the gateway.
fn asking(body: &str, nonce: &str) -> Vec<(&'static str, String)> {
    let now = wall();
    let input = format!(
        "wimse=(\"@method\" \"@path\" \"@query\" \"content-type\" \"content-digest\");created={now};expires={};nonce=\"{nonce}\";\
         tag=\"wimse-workload-to-workload\";wimse-aud=\"https://gateway.example/authenticate\";wimse-sign-response",
        now + 60
    );
    vec![
        ("Content-Digest", portcullis_signature::content_digest(body.as_bytes())),
        ("Signature-Input", input),
        ("Signature", "wimse=:AAAA:".into()),
    ]
}

fn lent<'f>(fields: &'f [(&'static str, String)]) -> Vec<(&'f str, &'f str)> {
    fields.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// What the server makes of an answer: who signed it, or why it is not believed.
fn judged(answer: &Answer, fields: &[(&'static str, String)]) -> Value {
    let names =
        ["content-type", "content-digest", "workload-identity-token", "signature-input", "signature", "cache-control"];
    let own = names.iter().flat_map(|name| answer.all(name).into_iter().map(move |value| json!([name, value])));
    let mut asked: Vec<Value> = fields.iter().map(|(name, value)| json!([name, value])).collect();
    asked.push(json!(["Content-Type", "application/json"]));
    let asked = batch::answers(
        &[],
        &[json!({
            "id": "answer", "op": "wimse.signature", "at": wall(), "require_signed": true,
            "response": {"status": answer.status, "headers": own.collect::<Vec<_>>(), "body": answer.body},
            "related_request": {"method": "POST", "url": "http://gateway.example/authenticate", "headers": asked},
            "trust_domains": {
                format!("spiffe://{DOMAIN}"): {"jwks": {"keys": [jwk(WIT, json!({"kid": "w"}))]}},
            },
        })],
    );
    let told = asked.into_iter().next().expect("one answer");
    if told["ok"] == json!(true) { told["result"]["subject"].clone() } else { told["error"]["code"].clone() }
}

#[test]
fn who_asks_for_it_gets_a_signed_answer_to_its_question() {
    let authority = Authority::new();
    let (_folder, _files, gateway) = identified(&authority);
    let body = by_jwt(AGENT, wall()).to_string();
    let fields = asking(&body, "one");
    let (answer, told) = gateway.post_with("/authenticate", &lent(&fields), body.clone());
    assert_eq!((answer.status, &told["client_id"]), (200, &json!(AGENT)), "{told}");
    assert_eq!(judged(&answer, &fields), json!(GATEWAY), "{answer:?}");
    // Another question, and another answer, go with other signatures.
    let other = by_jwt("spiffe://prod.example/agents/b", wall()).to_string();
    assert_eq!(judged(&answer, &asking(&other, "one")), json!("crypto.signature_invalid"));
    assert_eq!(judged(&answer, &asking(&body, "two")), json!("wimse.response_nonce"));
    let changed = Answer { body: answer.body.replace("agents/a", "agents/b"), ..answer.clone() };
    assert_eq!(judged(&changed, &fields), json!("signature.digest_mismatch"));
    assert_eq!(judged(&Answer { status: 401, ..answer }, &fields), json!("crypto.signature_invalid"));

    // A refusal is signed as well.
    let body = by_jwt("spiffe://other.example/agents/a", wall()).to_string();
    let fields = asking(&body, "three");
    let (answer, told) = gateway.post_with("/authenticate", &lent(&fields), body);
    assert_eq!(answer.status, 401, "{told}");
    assert_eq!(judged(&answer, &fields), json!(GATEWAY), "{answer:?}");

    // Who does not ask gets none.
    let (answer, _) = gateway.post("/authenticate", &by_jwt(AGENT, wall()));
    assert_eq!(
        (answer.status, answer.header("signature"), answer.header("workload-identity-token")),
        (200, None, None)
    );
}

#[test]
fn a_question_that_was_changed_is_not_answered() {
    let authority = Authority::new();
    let (_folder, _files, gateway) = identified(&authority);
    let question = by_jwt(AGENT, wall()).to_string();
    let fields = asking(&question, "one");
    let changed = by_jwt("spiffe://prod.example/agents/b", wall()).to_string();
    let (answer, told) = gateway.post_with("/authenticate", &lent(&fields), changed);
    assert_eq!((answer.status, &told["code"]), (400, &json!("signature.digest_mismatch")), "{told}");
    assert_eq!(told["status"], Value::Null, "nothing in it is for the client");
    assert_eq!(gateway.metric("portcullis_registrations_total"), None, "nobody was registered");
}

#[test]
fn who_has_no_identity_says_so_and_answers_nothing() {
    let authority = Authority::new();
    let (_folder, policy, store) = place(&authority, &json!({}));
    let gateway = Gateway::start(&policy, Some(&store), None);
    let body = by_jwt(AGENT, wall()).to_string();
    let (answer, told) = gateway.post_with("/authenticate", &lent(&asking(&body, "one")), body);
    assert_eq!((answer.status, &told["code"]), (501, &json!("wimse.response_unsignable")), "{told}");
    assert_eq!(gateway.metric("portcullis_registrations_total"), None, "nobody was registered");
}

#[test]
fn an_identity_is_renewed_without_a_restart() {
    let authority = Authority::new();
    let (_folder, files, gateway) = identified(&authority);
    let token = || {
        let body = by_jwt(AGENT, wall()).to_string();
        let fields = asking(&body, "one");
        let (answer, _) = gateway.post_with("/authenticate", &lent(&fields), body);
        assert_eq!(judged(&answer, &fields), json!(GATEWAY), "{answer:?}");
        answer.header("workload-identity-token").expect("it is there").to_owned()
    };
    let first = token();
    files.write(NEXT);
    let begun = std::time::Instant::now();
    while token() == first {
        assert!(begun.elapsed() < std::time::Duration::from_secs(60), "the new one is not used");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
