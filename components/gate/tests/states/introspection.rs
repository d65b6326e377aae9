//! Opaque tokens over time: when they are asked about, for how long what is said is relied upon, and what it takes of a gate.

use portcullis_crypto::sha256;
use portcullis_gate::{Answer, Forget, Kind, limits};

use super::*;

const ENDPOINT: &str = "https://idp.example/introspect";

fn introspecting(more: &str) -> Gate {
    let member = format!(r#"{{"url":"{ENDPOINT}","client_id":"api","secret":"file:/run/secrets/x"{more}}}"#);
    gate(&policy(&format!(r#","introspection":{member}"#), ""))
}

fn active(more: &str) -> String {
    format!(r#"{{"active":true,"aud":"{API}","sub":"alice","client_id":"app"{more}}}"#)
}

/// A host whose server says this of a token.
fn saying(token: &str, said: &str) -> Host {
    Host::with(&[(&format!("{ENDPOINT}#{token}"), said.into())])
}

const INACTIVE: (u16, Option<&str>) = (401, Some("introspection.inactive"));
const UNAVAILABLE: (u16, Option<&str>) = (503, Some("introspection.unavailable"));

fn once() -> Vec<String> {
    vec![ENDPOINT.into()]
}

/// What a host has of a need about a token, fetched at a time.
fn said(need: &DocumentNeed, text: &str, fetched_at: u64) -> Document {
    let about = need.question.as_ref().map(|question| question.digest);
    Document { url: need.url.clone(), server: None, about, peer: false, fetched_at, content: body(text) }
}

fn codes(gate: &Gate, document: &Document, at: u64) -> Vec<&'static str> {
    gate.provide(std::slice::from_ref(document), at).iter().map(|(_, rejection)| rejection.code()).collect()
}

#[test]
fn a_need_asks_about_the_token_and_tells_it_to_nobody_else() {
    let gate = introspecting("");
    let token = "a+b/c~d==";
    let (_, needs) = waiting(&gate, &with(token), NOW);
    let need = documents(&needs)[0];
    assert_eq!((need.url.as_str(), need.kind), (ENDPOINT, Kind::Introspection));
    let question = need.question.as_ref().unwrap();
    assert_eq!(question.form, "token=a%2Bb%2Fc%7Ed%3D%3D&token_type_hint=access_token");
    assert_eq!(question.digest, sha256(token.as_bytes()));
    let shown = format!("{need:?}");
    assert!(!shown.contains("a%2Bb") && !shown.contains(token), "{shown}");
    assert_eq!(
        gate.admit_redirect(need, 0, ENDPOINT).unwrap_err().code(),
        "fetch.question_redirected",
        "a token goes nowhere else"
    );
    assert!(gate.due(NOW).iter().all(|due| due.question.is_none()), "nobody asks ahead");
    let decision = Host::default().decide(&gate, &with(token), NOW);
    assert_eq!((told(&decision), decision.needs.as_slice()), (UNAVAILABLE, &[ENDPOINT.into()][..]));
    assert!(!format!("{decision:?}").contains(token));
}

#[test]
fn an_answer_is_relied_upon_for_as_long_as_the_policy_says() {
    for (more, cache) in [("", 30), (r#","cache":"5s""#, 5), (r#","cache":3600"#, 3_600)] {
        let gate = introspecting(more);
        let mut host = saying("t", &active(""));
        assert_eq!(host.asking(&gate, &with("t"), NOW), (ALLOWED, once()));
        assert_eq!(host.asking(&gate, &with("t"), NOW + cache - 1), (ALLOWED, vec![]));
        host.documents.insert(format!("{ENDPOINT}#t"), r#"{"active":false}"#.into());
        assert_eq!(host.asking(&gate, &with("t"), NOW + cache - 1), (ALLOWED, vec![]), "{cache}");
        assert_eq!(host.asking(&gate, &with("t"), NOW + cache), (INACTIVE, once()), "{cache}");
    }
}

#[test]
fn without_a_cache_each_request_asks() {
    let gate = introspecting(r#","cache":0"#);
    let mut host = saying("t", &active(""));
    for _ in 0..3 {
        assert_eq!(host.asking(&gate, &with("t"), NOW), (ALLOWED, once()));
    }
    assert_eq!(gate.held().tokens, 0);
    host.documents.insert(format!("{ENDPOINT}#t"), r#"{"active":false}"#.into());
    for _ in 0..2 {
        assert_eq!(host.asking(&gate, &with("t"), NOW), (INACTIVE, once()));
    }
}

#[test]
fn no_answer_is_relied_upon_past_the_tokens_end() {
    let gate = introspecting("");
    let mut host = saying("t", &active(&format!(r#","exp":{}"#, NOW + 10)));
    assert_eq!(host.asking(&gate, &with("t"), NOW), (ALLOWED, once()));
    assert_eq!(host.asking(&gate, &with("t"), NOW + 9), (ALLOWED, vec![]));
    assert_eq!(host.asking(&gate, &with("t"), NOW + 10), (ALLOWED, once()), "within the leeway it is asked about");
    let expired = (401, Some("token.expired"));
    assert_eq!(
        host.asking(&gate, &with("t"), NOW + 40),
        (expired, once()),
        "and past it the word of the server is not enough"
    );
}

#[test]
fn those_who_ask_at_once_share_one_answer() {
    for more in ["", r#","cache":0"#] {
        let gate = introspecting(more);
        let host = saying("t", &active(""));
        let (mut one, needs) = waiting(&gate, &with("t"), NOW);
        let (mut other, joined) = waiting(&gate, &with("t"), NOW + 1);
        let need = documents(&needs)[0];
        assert_eq!(Some(need), documents(&joined).first().copied(), "the same question");
        assert!(codes(&gate, &host.document(need, NOW + 2), NOW + 2).is_empty());
        for (evaluation, id) in [(&mut one, needs[0].id), (&mut other, joined[0].id)] {
            evaluation.answer(&[(id, Answer::Done)], NOW + 2);
            assert_eq!(told(&decided(evaluation.step(NOW + 2))), ALLOWED);
        }
    }
}

#[test]
fn one_tokens_answer_is_no_others() {
    let gate = introspecting("");
    let (_, needs) = waiting(&gate, &with("good"), NOW);
    let good = said(documents(&needs)[0], &active(""), NOW);
    let (mut bad, needs) = waiting(&gate, &with("bad"), NOW);
    let need = documents(&needs)[0];
    assert!(codes(&gate, &good, NOW).is_empty());
    bad.answer(&[(needs[0].id, Answer::Done)], NOW);
    assert_eq!(told(&decided(bad.step(NOW))), UNAVAILABLE);
    let nobodys = Document { about: Some([9; 32]), ..said(need, &active(""), NOW) };
    assert_eq!(codes(&gate, &nobodys, NOW), ["document.unexpected"]);
    let of_no_token = Document { about: None, ..said(need, &active(""), NOW) };
    assert_eq!(codes(&gate, &of_no_token, NOW), ["document.unexpected"]);
    let elsewhere = Document { url: JWKS.into(), ..said(need, &active(""), NOW) };
    assert_eq!(codes(&gate, &elsewhere, NOW), ["document.unexpected"]);
    let keys = Document { url: JWKS.into(), ..said(need, &jwks(&[(1, "a")]), NOW) };
    assert_eq!(codes(&gate, &keys, NOW), ["document.unexpected"], "nor are there keys in it");
    assert!(!gate.ready(NOW).ready);
}

#[test]
fn an_answer_that_is_older_than_its_question_is_none() {
    let gate = introspecting("");
    let (mut evaluation, needs) = waiting(&gate, &with("t"), NOW);
    assert_eq!(codes(&gate, &said(documents(&needs)[0], &active(""), NOW - 1), NOW), ["document.older"]);
    evaluation.answer(&[(needs[0].id, Answer::Done)], NOW);
    assert_eq!(told(&decided(evaluation.step(NOW))).0, 503);
    let gate = introspecting("");
    let (mut evaluation, needs) = waiting(&gate, &with("t"), NOW);
    gate.provide(&[said(documents(&needs)[0], &active(""), NOW + 1)], NOW);
    evaluation.answer(&[(needs[0].id, Answer::Done)], NOW);
    assert_eq!(told(&decided(evaluation.step(NOW))), UNAVAILABLE, "nor one from the future");
}

#[test]
fn a_token_that_is_not_active_rests_for_ten_seconds_and_a_fault_for_five() {
    let gate = introspecting("");
    let mut host = saying("t", r#"{"active":false}"#);
    assert_eq!(host.asking(&gate, &with("t"), NOW), (INACTIVE, once()));
    host.documents.insert(format!("{ENDPOINT}#t"), active(""));
    assert_eq!(host.asking(&gate, &with("t"), NOW + 9), (INACTIVE, vec![]));
    assert_eq!(host.asking(&gate, &with("t"), NOW + 10), (ALLOWED, once()));

    let mut host = Host::default();
    assert_eq!(host.asking(&gate, &with("u"), NOW), (UNAVAILABLE, once()));
    host.documents.insert(format!("{ENDPOINT}#u"), active(""));
    assert_eq!(host.asking(&gate, &with("u"), NOW + 4), (UNAVAILABLE, vec![]));
    assert_eq!(host.asking(&gate, &with("u"), NOW + 5), (ALLOWED, once()));
}

#[test]
fn a_fault_does_not_make_an_old_answer_good() {
    let gate = introspecting("");
    let mut host = saying("t", &active(""));
    assert_eq!(host.asking(&gate, &with("t"), NOW).0, ALLOWED);
    host.documents.clear();
    assert_eq!(host.asking(&gate, &with("t"), NOW + 29), (ALLOWED, vec![]));
    assert_eq!(host.asking(&gate, &with("t"), NOW + 30), (UNAVAILABLE, once()));
}

#[test]
fn a_question_that_its_host_lost_is_asked_again() {
    let gate = introspecting("");
    waiting(&gate, &with("t"), NOW);
    let mut host = saying("t", &active(""));
    assert_eq!(host.asking(&gate, &with("t"), NOW + 29), (ALLOWED, once()), "who wants it joins");
    waiting(&gate, &with("u"), NOW);
    assert_eq!(waiting(&gate, &with("u"), NOW + 30).1.len(), 1);
}

#[test]
fn what_was_said_is_dropped_by_subject_client_or_token() {
    let digest = sha256(b"t");
    for which in
        [Forget::Subject("alice".into()), Forget::Client("app".into()), Forget::TokenDigest(digest), Forget::Everything]
    {
        let gate = introspecting("");
        let mut host = saying("t", &active(""));
        host.decide(&gate, &with("t"), NOW);
        assert_eq!(gate.forget(&Forget::Subject("bob".into())), 0);
        assert_eq!(host.asking(&gate, &with("t"), NOW), (ALLOWED, vec![]));
        assert_eq!(gate.forget(&which), 1, "{which:?}");
        assert_eq!(host.asking(&gate, &with("t"), NOW), (ALLOWED, once()), "{which:?}");
    }
}

#[test]
fn what_was_under_way_when_tokens_were_dropped_is_not_remembered() {
    let gate = introspecting("");
    let mut host = saying("t", &active(""));
    let (mut evaluation, needs) = waiting(&gate, &with("t"), NOW);
    gate.forget(&Forget::Subject("alice".into()));
    assert!(codes(&gate, &host.document(documents(&needs)[0], NOW), NOW).is_empty());
    evaluation.answer(&[(needs[0].id, Answer::Done)], NOW);
    assert_eq!(told(&decided(evaluation.step(NOW))), ALLOWED, "who asked has an answer");
    assert_eq!(host.asking(&gate, &with("t"), NOW), (ALLOWED, once()), "and who comes next asks");
    assert_eq!(host.asking(&gate, &with("t"), NOW), (ALLOWED, vec![]));
}

#[test]
fn who_guesses_tokens_leaves_room_for_those_that_are_known() {
    let gate = introspecting("");
    let mut host = saying("known", &active(""));
    host.decide(&gate, &with("known"), NOW);
    let later = NOW + 60;
    for number in 0..limits::MAX_UNKNOWN_QUESTIONS {
        waiting(&gate, &with(&format!("guess{number}")), later);
    }
    let too_many = (503, Some("introspection.too_many"));
    assert_eq!(host.asking(&gate, &with("one-more"), later), (too_many, vec![]));
    let (_, needs) = waiting(&gate, &with("known"), later);
    assert!(documents(&needs)[0].question.as_ref().unwrap().known);
    assert_eq!(host.asking(&gate, &with("known"), later), (ALLOWED, once()));
    let jwt = lasting(1, "a", "");
    host.documents.insert(JWKS.into(), jwks(&[(1, "a")]));
    assert_eq!(told(&host.decide(&gate, &with(&jwt), later)), ALLOWED, "JWTs know nothing of it");
    // What the host lost makes room.
    assert_eq!(host.asking(&gate, &with("one-more"), later + 30), (UNAVAILABLE, once()));
}

#[test]
fn what_is_held_stays_within_bounds_whoever_guesses() {
    let gate = introspecting("");
    let mut host = Host::default();
    for number in 0..3_000 {
        let token = format!("guess{number}");
        host.documents.insert(format!("{ENDPOINT}#{token}"), r#"{"active":false}"#.into());
        assert_eq!(told(&host.decide(&gate, &with(&token), NOW)), INACTIVE);
        host.documents.clear();
    }
    assert_eq!(gate.held().tokens, 0);
    assert!(gate.held().bytes < 1_024 * 1_024, "{}", gate.held().bytes);
    // Long after, nothing of them is left.
    let mut host = saying("t", &active(""));
    host.decide(&gate, &with("t"), NOW + 60);
    assert!(gate.held().bytes < 8 * 1_024, "{}", gate.held().bytes);
}

#[test]
fn an_answer_for_which_there_is_no_memory_is_nobodys_fault() {
    let member = format!(r#","introspection":{{"url":"{ENDPOINT}","bearer":"file:/run/x"}}"#);
    let small = policy(&member, "").replacen('{', r#"{"limits":{"memory":"16KiB"},"#, 1);
    let gate = gate(&small);
    let mut host = saying("t", &active(&format!(r#","more":"{}""#, "x".repeat(4_000))));
    assert_eq!(host.asking(&gate, &with("t"), NOW).0, (503, Some("gate.memory_full")));
    let mut host = saying("u", &active(""));
    assert_eq!(host.asking(&gate, &with("u"), NOW).0, ALLOWED);
}

#[test]
fn a_jwt_and_an_opaque_token_are_never_taken_for_each_other() {
    let gate = introspecting("");
    let jwt = lasting(1, "a", "");
    let signature = jwt.rsplit('.').next().unwrap().to_owned();
    let mut host = Host::with(&[(JWKS, jwks(&[(1, "a")]))]);
    assert_eq!(told(&host.decide(&gate, &with(&jwt), NOW)), ALLOWED);
    // The signature alone is an opaque token, of which nothing is known.
    assert_eq!(host.asking(&gate, &with(&signature), NOW), (UNAVAILABLE, once()));
}
