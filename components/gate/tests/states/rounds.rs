//! One evaluation: its rounds, its answers and its time.

use portcullis_gate::Answer;

use super::*;

const METADATA: [&str; 2] = [
    "https://idp.example/.well-known/oauth-authorization-server",
    "https://idp.example/.well-known/openid-configuration",
];
const MOVED: &str = "https://idp.example/moved";

fn metadata(keys: &str) -> Content {
    body(&format!(r#"{{"issuer":"{ISSUER}","jwks_uri":"{keys}"}}"#))
}

/// A proof, a list and discovery: everything that can be needed.
fn everything() -> (Gate, Request) {
    let text = policy(r#","status":"required","proof":"dpop""#, "").replace(&format!(r#","keys":"{JWKS}""#), "");
    let entry =
        format!(r#""status":{{"status_list":{{"idx":0,"uri":"{LIST}"}}}},"cnf":{{"jkt":"{}"}},"#, thumbprint(2));
    let token = lasting(1, "a", &entry);
    let made = proof(2, &format!("{API}/reports/7"), &token, "x", NOW);
    (gate(&text), get("/reports/7", &[("Authorization", &format!("DPoP {token}")), ("DPoP", &made)]))
}

/// Answers every need with "done", and goes on.
fn go_on(evaluation: &mut Evaluation, needs: &[Need], at: u64) -> Step {
    let answers: Vec<(u32, Answer)> = needs.iter().map(|need| (need.id, Answer::Done)).collect();
    evaluation.answer(&answers, at);
    evaluation.step(at)
}

fn needs(step: Step) -> Vec<Need> {
    match step {
        Step::Needs(needs) => needs,
        Step::Decided(decision) => panic!("it needs something: {decision:#?}"),
    }
}

#[test]
fn four_rounds_are_enough_for_everything() {
    let (gate, request) = everything();
    let (mut evaluation, first) = waiting(&gate, &request, NOW);
    assert_eq!(urls(&first), METADATA);
    give(&gate, METADATA[0], metadata(JWKS), NOW, NOW);
    let second = needs(go_on(&mut evaluation, &first, NOW));
    assert_eq!(urls(&second), [JWKS]);
    give(&gate, JWKS, body(&jwks(&[(1, "a")])), NOW, NOW);
    let third = needs(go_on(&mut evaluation, &second, NOW));
    assert_eq!(urls(&third), [LIST]);
    give(&gate, LIST, body(&status_list(1, "a", LIST, &[0], NOW - 5, "")), NOW, NOW);
    let fourth = needs(go_on(&mut evaluation, &third, NOW));
    assert!(matches!(fourth[0].what, Wanted::Remember(_)));
    evaluation.answer(&[(fourth[0].id, Answer::Fresh)], NOW);
    assert_eq!(told(&decided(evaluation.step(NOW))), ALLOWED);
}

#[test]
fn a_fifth_round_is_refused() {
    let (gate, request) = everything();
    let (mut evaluation, first) = waiting(&gate, &request, NOW);
    give(&gate, METADATA[0], metadata(JWKS), NOW, NOW);
    let second = needs(go_on(&mut evaluation, &first, NOW));
    // Meanwhile the keys moved.
    give(&gate, METADATA[0], metadata(MOVED), NOW, NOW);
    let third = needs(go_on(&mut evaluation, &second, NOW));
    assert_eq!(urls(&third), [MOVED]);
    give(&gate, MOVED, body(&jwks(&[(1, "a")])), NOW, NOW);
    let fourth = needs(go_on(&mut evaluation, &third, NOW));
    assert_eq!(urls(&fourth), [LIST]);
    give(&gate, LIST, body(&status_list(1, "a", LIST, &[0], NOW - 5, "")), NOW, NOW);
    let decision = decided(go_on(&mut evaluation, &fourth, NOW));
    assert_eq!(told(&decision), (503, Some("gate.rounds_exhausted")), "and the memory was not asked");
    assert_eq!(decision.body.as_deref(), Some(r#"{"error":"temporarily_unavailable"}"#));
}

#[test]
fn each_url_is_asked_for_once() {
    let gate = gate(&policy("", ""));
    let (mut evaluation, first) = waiting(&gate, &with(&lasting(1, "a", "")), NOW);
    // The host says that it is done, and gives nothing.
    assert_eq!(told(&decided(go_on(&mut evaluation, &first, NOW))), (503, Some("keys.unavailable")));
}

#[test]
fn answers_that_fit_no_need_change_nothing() {
    let (gate, request) = everything();
    let (mut evaluation, first) = waiting(&gate, &request, NOW);
    let again = |evaluation: &mut Evaluation| needs(evaluation.step(NOW));
    for answers in [
        vec![],
        vec![(0, Answer::Done)],
        vec![(u32::MAX, Answer::Fresh)],
        vec![(first[0].id, Answer::Fresh)],
        vec![(first[0].id, Answer::Seen), (first[1].id, Answer::Full)],
        vec![(first[1].id + 1, Answer::Fresh)],
    ] {
        evaluation.answer(&answers, NOW);
        assert_eq!(again(&mut evaluation), first, "{answers:?}");
    }
    evaluation.answer(&[(first[0].id, Answer::Done)], NOW);
    assert_eq!(again(&mut evaluation), first[1..], "the other one is open");
    give(&gate, METADATA[0], metadata(JWKS), NOW, NOW);
    let second = needs(go_on(&mut evaluation, &first, NOW));
    assert_eq!(urls(&second), [JWKS]);
    evaluation.answer(&[(first[0].id, Answer::Done), (first[1].id, Answer::Unavailable)], NOW);
    assert_eq!(again(&mut evaluation), second, "an answer to a need of before");
}

#[test]
fn the_first_answer_of_the_memory_counts() {
    let gate = gate(&policy(r#","proof":"dpop""#, ""));
    give(&gate, JWKS, body(&jwks(&[(1, "a")])), NOW, NOW);
    let token = lasting(1, "a", &format!(r#""cnf":{{"jkt":"{}"}},"#, thumbprint(2)));
    let made = proof(2, &format!("{API}/reports/7"), &token, "x", NOW);
    let request = get("/reports/7", &[("Authorization", &format!("DPoP {token}")), ("DPoP", &made)]);
    let (mut evaluation, asked) = waiting(&gate, &request, NOW);
    evaluation.answer(&[(asked[0].id, Answer::Done)], NOW);
    assert_eq!(needs(evaluation.step(NOW)), asked, "done is no answer of a memory");
    evaluation.answer(&[(asked[0].id, Answer::Seen), (asked[0].id, Answer::Fresh)], NOW);
    evaluation.answer(&[(asked[0].id, Answer::Fresh)], NOW);
    let decision = decided(evaluation.step(NOW));
    assert_eq!(told(&decision), (401, Some("dpop.replayed")));
    evaluation.answer(&[(asked[0].id, Answer::Fresh)], NOW);
    assert_eq!(decided(evaluation.step(NOW)), decision, "and what is decided stays so");
}

#[test]
fn a_decision_is_made_at_the_latest_time_told() {
    let gate = gate(&policy("", ""));
    let expires_at = NOW + 3_600;
    let request = with(&token(1, "a", ""));
    for (answered_at, stepped_at, wanted) in [
        (NOW, NOW, ALLOWED),
        (expires_at + 29, NOW, ALLOWED),
        (expires_at + 30, NOW, (401, Some("token.expired"))),
        (NOW, expires_at + 30, (401, Some("token.expired"))),
        (NOW - 100, NOW - 100, ALLOWED),
    ] {
        let gate = super::gate(&policy("", ""));
        let (mut evaluation, needs) = waiting(&gate, &request, NOW);
        give(&gate, JWKS, body(&jwks(&[(1, "a")])), NOW, NOW);
        evaluation.answer(&[(needs[0].id, Answer::Done)], answered_at);
        assert_eq!(told(&decided(evaluation.step(stepped_at))), wanted, "{answered_at} {stepped_at}");
    }
    give(&gate, JWKS, body(&jwks(&[(1, "a")])), NOW, NOW);
    let decision = decided(gate.start(request.clone(), expires_at + 30).step(NOW));
    assert_eq!(told(&decision), (401, Some("token.expired")), "the time of the start counts");
}

#[test]
fn time_that_passes_during_an_evaluation_counts() {
    let gate = gate(&policy(r#","status":"required""#, ""));
    give(&gate, JWKS, body(&jwks(&[(1, "a")])), NOW, NOW);
    let entry = format!(r#""status":{{"status_list":{{"idx":0,"uri":"{LIST}"}}}},"#);
    let (mut evaluation, asked) = waiting(&gate, &with(&lasting(1, "a", &entry)), NOW);
    give(&gate, LIST, body(&status_list(1, "a", LIST, &[0], NOW - 5, "")), NOW, NOW);
    evaluation.answer(&[(asked[0].id, Answer::Done)], NOW + 300);
    assert_eq!(told(&decided(evaluation.step(NOW + 300))), (503, Some("status.stale")), "its five minutes are over");
}

#[test]
fn keys_that_go_during_an_evaluation_are_gone() {
    let gate = gate(&policy(r#","proof":"dpop""#, ""));
    give(&gate, JWKS, body(&jwks(&[(1, "a")])), NOW, NOW);
    let token = lasting(1, "a", &format!(r#""cnf":{{"jkt":"{}"}},"#, thumbprint(2)));
    let made = proof(2, &format!("{API}/reports/7"), &token, "x", NOW);
    let request = get("/reports/7", &[("Authorization", &format!("DPoP {token}")), ("DPoP", &made)]);
    let (mut evaluation, asked) = waiting(&gate, &request, NOW);
    give(&gate, JWKS, body(&jwks(&[])), NOW + 1, NOW + 1);
    evaluation.answer(&[(asked[0].id, Answer::Fresh)], NOW + 1);
    assert_eq!(told(&decided(evaluation.step(NOW + 1))), (401, Some("key.set_empty")));
}
