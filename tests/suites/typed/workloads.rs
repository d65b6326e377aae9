//! `portcullis:wimse`

use portcullis_host::{
    Portcullis,
    signature::{Message, Request, Response},
    wimse::{MessageExpectations, ProofExpectations, TrustDomains},
};
use portcullis_tests::{CRYPTO, corpus::NOW};
use serde_json::Value;

use crate::{
    code, component,
    messages::{at, cases, headers, message, text_answer, texts, wanted},
};

/// The trust domains of a case, unless they are refused as the text door refuses them.
fn trusted(component: &mut Portcullis, members: &Value, wanted: &str) -> Option<TrustDomains> {
    let document = members["trust_domains"].to_string();
    match component.trust_domains(document.as_bytes()).expect("an answer") {
        Ok(trusted) => Some(trusted),
        Err(rejection) => {
            assert_eq!(rejection.code, wanted);
            None
        }
    }
}

#[test]
fn typed_proofs_answer_as_the_text_door_does() {
    for crypto in CRYPTO {
        let mut component = component(crypto);
        let (mut accepted, mut refused) = (0, 0);
        for case in cases(&["wimse-proof.ndjson", "wimse-proof.policy.ndjson"]) {
            let Some(text) = text_answer(&mut component, &case) else { continue };
            let wanted = wanted(&text);
            let Some(trusted) = trusted(&mut component, &case.request, wanted) else { continue };
            let headers = headers(&case.request["request"]["headers"]);
            let expect = ProofExpectations {
                audience: texts(&case.request["audience"]),
                seen: texts(&case.request["seen"]),
                ..ProofExpectations::default()
            };
            let at = at(&case);
            let verdict = component.verify_workload_proof(&headers, &trusted, &expect, at).expect("an answer");
            assert_eq!(code(&verdict), wanted, "{crypto} {}", case.id);
            let report = component.explain_workload_proof(&headers, &trusted, &expect, at).expect("an answer");
            assert_eq!(code(&report.outcome), wanted, "explained: {}", case.id);
            let Ok(proof) = verdict else {
                refused += 1;
                continue;
            };
            accepted += 1;
            assert_eq!(text["result"]["subject"], proof.identity.subject, "{}", case.id);
            assert_eq!(Some(&proof.thumbprint), proof.identity.proof_thumbprint.as_ref(), "{}", case.id);
            assert!(expect.audience.contains(&proof.audience), "{}", case.id);
            // The identity token alone says the same of itself.
            let token = component.identity_token_of_untrusted(&headers).expect("an answer").expect("a token");
            let identity = component.verify_identity_token(&token, &trusted, 0, at).expect("an answer");
            assert_eq!(identity.expect("it verifies"), proof.identity, "{}", case.id);
            let report = component.explain_identity_token(&token, &trusted, 0, at).expect("an answer");
            assert!(report.outcome.is_ok() && report.findings.len() > 3, "{}", case.id);
            // What was used before is not used again.
            let again = ProofExpectations { seen: vec![proof.id.clone()], ..expect };
            let verdict = component.verify_workload_proof(&headers, &trusted, &again, at).expect("an answer");
            assert_eq!(code(&verdict), "wimse.proof_replayed", "{}", case.id);
        }
        assert!(accepted >= 3 && refused >= 15, "{accepted} accepted, {refused} refused");
    }
}

#[test]
fn typed_messages_answer_as_the_text_door_does() {
    for crypto in CRYPTO {
        let mut component = component(crypto);
        let (mut requests, mut responses, mut refused) = (0, 0, 0);
        for case in cases(&["wimse-signature.ndjson", "wimse-signature.policy.ndjson"]) {
            let Some(text) = text_answer(&mut component, &case) else { continue };
            let wanted = wanted(&text);
            let Some(trusted) = trusted(&mut component, &case.request, wanted) else { continue };
            let expect = MessageExpectations {
                audience: texts(&case.request["audience"]),
                seen: texts(&case.request["seen"]),
                ..MessageExpectations::default()
            };
            let (at, required) = (at(&case), case.request["require_signed"].as_bool().unwrap_or(false));
            // In the corpus a message without a body has none.
            let whole = |body: Option<Vec<u8>>| Some(body.unwrap_or_default());
            let (told, explained, subject) = match message(&case.request) {
                Message::Request(request) => {
                    let request = Request { body: whole(request.body.clone()), ..request };
                    let told = component.verify_workload_request(&request, &trusted, &expect, at).expect("an answer");
                    let report =
                        component.explain_workload_request(&request, &trusted, &expect, at).expect("an answer");
                    requests += u32::from(told.is_ok());
                    let subject = told.as_ref().ok().map(|message| message.identity.subject.clone());
                    (told.map(drop), report.outcome.map(drop), subject)
                }
                Message::Response(response) => {
                    let response = Response { body: whole(response.body.clone()), ..response };
                    let told = component.verify_workload_response(&response, required, &trusted, &expect, at);
                    let report = component.explain_workload_response(&response, required, &trusted, &expect, at);
                    let (told, report) = (told.expect("an answer"), report.expect("an answer"));
                    responses += u32::from(told.is_ok());
                    let subject =
                        told.as_ref().ok().and_then(|message| Some(message.as_ref()?.identity.subject.clone()));
                    (told.map(drop), report.outcome.map(drop), subject)
                }
            };
            assert_eq!(code(&told), wanted, "{crypto} {}", case.id);
            assert_eq!(code(&explained), wanted, "explained: {}", case.id);
            refused += u32::from(told.is_err());
            assert_eq!(text["result"]["subject"].as_str(), subject.as_deref(), "{}", case.id);
        }
        assert!(requests >= 3 && responses >= 1 && refused >= 15, "{requests}, {responses}, {refused} refused");
    }
}

#[test]
fn identifiers_are_taken_apart() {
    let mut component = component("software");
    let id = component.parse_workload_identifier("wimse://example.com/a/b").expect("an answer").expect("it is one");
    assert_eq!(
        (id.trust_domain.as_str(), id.authority.as_str(), id.path.as_str()),
        ("example.com", "wimse://example.com", "/a/b")
    );
    let refused = component.parse_workload_identifier("wimse://example.com/a?b").expect("an answer");
    assert_eq!(code(&refused), "wimse.identifier_query");
    let refused = component.trust_domains(br#"{"wimse://a.example/w":{"jwks":{"keys":[]}}}"#).expect("an answer");
    assert_eq!(code(&refused), "wimse.trust_domain_name");
}

#[test]
fn a_server_can_ask_for_signed_requests() {
    let mut component = component("software");
    let field = component.workload_accept_signature().expect("an answer");
    let headers = [portcullis_host::signature::Header { name: "Accept-Signature".into(), value: field.into() }];
    let asked = component.read_accept_signature(&headers).expect("an answer").expect("it reads");
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].tag.as_deref(), Some("wimse-workload-to-workload"));
    let case = cases(&["wimse-signature.ndjson"]).into_iter().find(|case| case.request["request"].is_object());
    let message = message(&case.expect("a request").request);
    assert_eq!(component.is_workload_signed_untrusted(&message).expect("an answer"), Ok(true));
    let Message::Request(mut request) = message else { unreachable!("it is a request") };
    request.headers.retain(|header| !header.name.to_ascii_lowercase().starts_with("signature"));
    let unsigned = Message::Request(request.clone());
    assert_eq!(component.is_workload_signed_untrusted(&unsigned).expect("an answer"), Ok(false));
    let trusted = component.trust_domains(b"{}").expect("an answer").expect("none is fine");
    let expect = MessageExpectations::default();
    let refused = component.verify_workload_request(&request, &trusted, &expect, NOW).expect("an answer");
    assert_eq!(code(&refused), "wimse.trust_domain_unknown");
}
