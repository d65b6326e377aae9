//! A gate walked through from its first request on: what it asks for, when, and what it answers.

mod support;

use portcullis_gate::{Answer, Content, Document, Outcome, Step, Wanted};
use support::*;

#[test]
fn a_first_request_asks_for_keys_and_the_next_for_nothing() {
    let gate = gate(&policy("", r#""scope":["reports:read"]"#));
    let mut host = Host::with(&[(JWKS, jwks(&[(1, "a")]))]);
    let good = token(1, "a", r#""scope":"reports:read","#);
    let authorization = format!("Bearer {good}");
    let request = get("/reports/7", &[("Authorization", &authorization)]);
    let decision = host.decide(&gate, &request, NOW);
    assert_eq!(seen(&decision), (200, None, Some("alice".into())), "{decision:#?}");
    assert_eq!(decision.outcome, Outcome::Allow);
    assert_eq!(host.asked, [JWKS]);
    assert_eq!(seen(&host.decide(&gate, &request, NOW + 1)), (200, None, Some("alice".into())));
    assert_eq!(host.asked, [JWKS], "warm");
    assert_eq!(gate.held().tokens, 1);

    let poor = format!("Bearer {}", token(1, "a", ""));
    let decision = host.decide(&gate, &get("/reports/7", &[("Authorization", &poor)]), NOW);
    assert_eq!(seen(&decision).1, Some("scope.absent_insufficient_scope"), "{decision:#?}");
    assert_eq!(decision.status, 403);
    let decision = host.decide(&gate, &get("/reports/7", &[]), NOW);
    assert_eq!(seen(&decision), (401, Some("credential.missing"), None));
    assert_eq!(
        decision.response_headers[0],
        ("WWW-Authenticate".into(), r#"Bearer scope="reports:read""#.into()),
        "{decision:#?}"
    );
    assert_eq!(host.decide(&gate, &get("/health", &[]), NOW).outcome, Outcome::Allow);
}

#[test]
fn a_proof_is_used_once() {
    let gate = gate(&policy(r#","proof":"dpop""#, ""));
    let mut host = Host::with(&[(JWKS, jwks(&[(1, "a")]))]);
    let bound = token(1, "a", &format!(r#""cnf":{{"jkt":"{}"}},"#, thumbprint(2)));
    let url = format!("{API}/reports/7");
    let (authorization, proof) = (format!("DPoP {bound}"), proof(2, &url, &bound, "x", NOW));
    let request = get("/reports/7", &[("Authorization", &authorization), ("DPoP", &proof)]);
    let decision = host.decide(&gate, &request, NOW);
    assert_eq!(seen(&decision), (200, None, Some("alice".into())), "{decision:#?}");
    let decision = host.decide(&gate, &request, NOW);
    assert_eq!(seen(&decision), (401, Some("dpop.replayed"), None));
    assert!(
        decision.response_headers[0].1.starts_with(r#"DPoP error="invalid_dpop_proof", algs="ES256"#),
        "{decision:#?}"
    );
    let as_bearer = format!("Bearer {bound}");
    let decision = host.decide(&gate, &get("/reports/7", &[("Authorization", &as_bearer)]), NOW);
    assert_eq!(seen(&decision).1, Some("proof.scheme_bearer"));
}

#[test]
fn a_revoked_token_is_refused_and_its_list_comes_last() {
    let gate = gate(&policy(r#","status":"required""#, ""));
    let list = |value| status_list(1, "a", LIST, &[0, value], NOW - 5, r#""ttl":60,"#);
    let mut host = Host::with(&[(JWKS, jwks(&[(1, "a")])), (LIST, list(0))]);
    let named = token(1, "a", &format!(r#""status":{{"status_list":{{"idx":1,"uri":"{LIST}"}}}},"#));
    let authorization = format!("Bearer {named}");
    let request = get("/reports/7", &[("Authorization", &authorization)]);
    let decision = host.decide(&gate, &request, NOW);
    assert_eq!(seen(&decision), (200, None, Some("alice".into())), "{decision:#?}");
    assert_eq!(host.asked, [JWKS, LIST]);
    host.documents.insert(LIST.into(), list(1));
    host.refresh(&gate, NOW + 59);
    assert_eq!(host.decide(&gate, &request, NOW + 59).status, 200, "within ttl");
    host.refresh(&gate, NOW + 60);
    let decision = host.decide(&gate, &request, NOW + 60);
    assert_eq!(seen(&decision), (401, Some("status.revoked"), None));
}

#[test]
fn a_list_that_is_faster_than_its_keys_waits_for_them() {
    const LIST_KEYS: &str = "https://idp.example/list-keys";
    for (signer, wanted) in [(3, None), (4, Some("status.list_refused"))] {
        let own = format!(r#","status":"required","status_keys":"{LIST_KEYS}""#);
        let gate = gate(&policy(&own, ""));
        let named = token(1, "a", &format!(r#""status":{{"status_list":{{"idx":1,"uri":"{LIST}"}}}},"#));
        let authorization = format!("Bearer {named}");
        let mut evaluation = gate.start(get("/reports/7", &[("Authorization", &authorization)]), NOW);
        let served = |url: &str| match url {
            JWKS => jwks(&[(1, "a")]),
            LIST_KEYS => jwks(&[(3, "a")]),
            _ => status_list(signer, "a", LIST, &[0, 0], NOW - 5, r#""ttl":60,"#),
        };
        let mut rounds = Vec::new();
        let decision = loop {
            let needs = match evaluation.step(NOW) {
                Step::Decided(decision) => break decision,
                Step::Needs(needs) => needs,
            };
            // One at a time, the last that was asked for first.
            let mut urls = Vec::new();
            for need in needs.iter().rev() {
                let Wanted::Document(document) = &need.what else { panic!("{need:?}") };
                let bytes = served(&document.url).into_bytes();
                let content = Content::Body { status: 200, media_type: None, bytes };
                let _ = gate.provide(
                    &[Document {
                        url: document.url.clone(),
                        server: None,
                        about: None,
                        peer: false,
                        fetched_at: NOW,
                        content,
                    }],
                    NOW,
                );
                evaluation.answer(&[(need.id, Answer::Done)], NOW);
                urls.push(document.url.clone());
            }
            rounds.push(urls);
        };
        assert_eq!(decision.code(), wanted, "{decision:#?}");
        assert_eq!(rounds.last().map(Vec::as_slice), Some(&[LIST.to_string(), LIST_KEYS.to_string()][..]));
    }
}
