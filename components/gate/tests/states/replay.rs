//! The memory of used proofs, which is the host's.

use portcullis_gate::{Answer, Remember};

use super::*;

fn url() -> String {
    format!("{API}/reports/7")
}

fn bound() -> String {
    lasting(1, "a", &format!(r#""cnf":{{"jkt":"{}"}},"#, thumbprint(2)))
}

/// A gate with its keys, with members added to the policy.
fn dpop(more: &str) -> Gate {
    let gate = gate(&policy(r#","proof":"dpop""#, "").replacen('{', &format!("{{{more}"), 1));
    give(&gate, JWKS, body(&jwks(&[(1, "a")])), NOW, NOW);
    gate
}

fn proved(token: &str, proof: &str) -> Request {
    get("/reports/7", &[("Authorization", &format!("DPoP {token}")), ("DPoP", proof)])
}

fn good(iat: u64) -> Request {
    proved(&bound(), &proof(2, &url(), &bound(), "x", iat))
}

/// The one need of a request: that its proof is remembered.
fn remember(gate: &Gate, request: &Request, at: u64) -> (Evaluation, u32, Remember) {
    let (evaluation, needs) = waiting(gate, request, at);
    match needs.as_slice() {
        [Need { id, what: Wanted::Remember(remember) }] => (evaluation, *id, remember.clone()),
        other => panic!("the memory alone is asked: {other:#?}"),
    }
}

fn answered(answer: Answer) -> Decision {
    let gate = dpop("");
    let (mut evaluation, id, _) = remember(&gate, &good(NOW), NOW);
    evaluation.answer(&[(id, answer)], NOW);
    decided(evaluation.step(NOW))
}

#[test]
fn each_answer_of_the_memory_has_its_decision() {
    assert_eq!(told(&answered(Answer::Fresh)), ALLOWED);
    let seen = answered(Answer::Seen);
    assert_eq!(told(&seen), (401, Some("dpop.replayed")));
    assert!(seen.response_headers[0].1.starts_with(r#"DPoP error="invalid_dpop_proof""#), "{seen:#?}");
    for (answer, code) in [(Answer::Unavailable, "replay.unavailable"), (Answer::Full, "replay.full")] {
        let decision = answered(answer);
        assert_eq!(told(&decision), (503, Some(code)));
        assert_eq!(decision.body.as_deref(), Some(r#"{"error":"temporarily_unavailable"}"#));
        assert!(decision.response_headers.contains(&("Retry-After".into(), "5".into())));
        assert_eq!(decision.principal, None);
    }
}

#[test]
fn the_memory_is_the_last_need_and_only_of_what_would_be_allowed() {
    let gate = super::gate(&policy(r#","proof":"dpop","status":"required""#, r#""scope":["read"]"#));
    let list = |value| status_list(1, "a", LIST, &[value], NOW - 5, r#""ttl":600,"#);
    let mut host = Host::with(&[(JWKS, jwks(&[(1, "a")])), (LIST, list(0))]);
    let entry =
        format!(r#""status":{{"status_list":{{"idx":0,"uri":"{LIST}"}}}},"cnf":{{"jkt":"{}"}},"#, thumbprint(2));
    let (poor, rich) = (lasting(1, "a", &entry), lasting(1, "a", &format!(r#""scope":"read",{entry}"#)));
    let request = |token: &str| proved(token, &proof(2, &url(), token, "x", NOW));
    assert_eq!(host.asking(&gate, &request(&poor), NOW).0, (403, Some("scope.absent_insufficient_scope")));
    assert!(host.used.is_empty(), "what is denied uses no proof up");
    let other = get("/elsewhere", &[("Authorization", &format!("DPoP {rich}"))]);
    assert_eq!(host.asking(&gate, &other, NOW).0.0, 401);
    assert!(host.used.is_empty());
    assert_eq!(host.asking(&gate, &request(&rich), NOW).0, ALLOWED);
    assert_eq!(host.used.len(), 1);
    assert!(give(&gate, LIST, body(&list(1)), NOW + 1, NOW + 1).is_empty());
    let again = proved(&rich, &proof(2, &url(), &rich, "y", NOW));
    assert_eq!(host.asking(&gate, &again, NOW + 1).0, (401, Some("status.revoked")));
    assert_eq!(host.used.len(), 1);
}

#[test]
fn a_key_is_of_the_proofs_key_target_and_identifier() {
    let gate = dpop("");
    let other_client = lasting(1, "a", &format!(r#""cnf":{{"jkt":"{}"}},"#, thumbprint(3)));
    let key = |request: &Request| remember(&gate, request, NOW).2.key;
    let own = key(&good(NOW));
    assert_eq!(own, key(&good(NOW - 1)), "whatever its time");
    let second = lasting(1, "a", &format!(r#""n":1,"cnf":{{"jkt":"{}"}},"#, thumbprint(2)));
    assert_eq!(own, key(&proved(&second, &proof(2, &url(), &second, "x", NOW))), "whatever its token");
    assert_ne!(own, key(&proved(&bound(), &proof(2, &url(), &bound(), "y", NOW))), "another identifier");
    let of_other = proved(&other_client, &proof(3, &url(), &other_client, "x", NOW));
    assert_ne!(own, key(&of_other), "another client's cannot be burnt");
    let other_url = format!("{API}/reports/8");
    let mut elsewhere = proved(&bound(), &proof(2, &other_url, &bound(), "x", NOW));
    elsewhere.url = other_url;
    assert_ne!(own, key(&elsewhere), "another target");
}

#[test]
fn a_proof_is_remembered_as_long_as_it_could_be_accepted() {
    for (more, window) in [("", 300), (r#""proof_window":"1m","#, 60)] {
        let gate = dpop(more);
        for iat in [NOW - window, NOW, NOW + window] {
            let (_, _, wanted) = remember(&gate, &good(iat), NOW);
            assert_eq!(wanted.identifier, "x");
            // The last second at which this gate, or one whose clock is late by the leeway, takes it.
            let last = iat + window + 30;
            assert!(wanted.until > last, "{} is not after {last}", wanted.until);
            assert!(wanted.until <= iat + 2 * window + 30 + 1, "and not for ever");
            let (_, _, same) = remember(&gate, &good(iat), iat + window);
            assert_eq!(same.until, wanted.until, "whenever it comes");
            let late = Host::default().decide(&gate, &good(iat), iat + window + 1);
            assert_eq!(told(&late), (401, Some("dpop.too_old")));
        }
    }
}

#[test]
fn proofs_from_before_the_memory_are_refused_for_one_window() {
    let gate = dpop("");
    let decide = |iat: u64, at: u64| {
        let request = Request { replay_since: Some(NOW), ..good(iat) };
        told(&Host::default().decide(&gate, &request, at))
    };
    let before = (401, Some("replay.before_start"));
    assert_eq!(decide(NOW - 1, NOW), before);
    assert_eq!(decide(NOW - 1, NOW + 299), before);
    assert_eq!(decide(NOW, NOW), ALLOWED, "one that was made after it");
    assert_eq!(decide(NOW - 1, NOW + 300), (401, Some("dpop.too_old")), "after the window it is too old anyway");
    assert_eq!(decide(NOW, NOW + 300), ALLOWED);
    let always = told(&Host::default().decide(&gate, &good(NOW - 1), NOW));
    assert_eq!(always, ALLOWED, "a memory that always was");
    let decision = Host::default().decide(&gate, &Request { replay_since: Some(NOW), ..good(NOW - 1) }, NOW);
    assert!(decision.response_headers[0].1.starts_with(r#"DPoP error="invalid_dpop_proof""#), "{decision:#?}");
}

/// A request whose proof has a nonce, or none, where the host gives these.
fn with_nonce(nonce: Option<&str>, nonces: &[&str]) -> Request {
    let header = format!(r#"{{"alg":"Ed25519","typ":"dpop+jwt","jwk":{}}}"#, jwk(2, ""));
    let ath = portcullis_types::base64url::encode(&portcullis_crypto::sha256(bound().as_bytes()));
    let nonce = nonce.map_or_else(String::new, |nonce| format!(r#""nonce":"{nonce}","#));
    let claims = format!(r#"{{{nonce}"jti":"x","htm":"GET","htu":"{}","iat":{NOW},"ath":"{ath}"}}"#, url());
    let nonces = nonces.iter().map(|nonce| (*nonce).into()).collect();
    Request { nonces, ..proved(&bound(), &sign(2, &header, &claims)) }
}

#[test]
fn a_proof_has_one_of_the_hosts_nonces() {
    let gate = dpop(r#""replay":"nonce","#);
    let handed_out = ("DPoP-Nonce".to_string(), "new".to_string());
    for nonce in ["new", "old"] {
        let decision = Host::default().decide(&gate, &with_nonce(Some(nonce), &["new", "old"]), NOW);
        assert_eq!(told(&decision), ALLOWED, "{nonce}");
        assert!(decision.response_headers.contains(&handed_out), "{decision:#?}");
    }
    for (nonce, code) in [(None, "dpop.nonce_missing"), (Some("older"), "dpop.nonce_mismatch")] {
        let decision = Host::default().decide(&gate, &with_nonce(nonce, &["new", "old"]), NOW);
        assert_eq!(told(&decision), (401, Some(code)));
        assert!(decision.response_headers[0].1.starts_with(r#"DPoP error="use_dpop_nonce""#), "{decision:#?}");
        assert!(decision.response_headers.contains(&handed_out), "{decision:#?}");
        assert_eq!(decision.body.as_deref(), Some(r#"{"error":"use_dpop_nonce"}"#));
    }
    let none = Host::default().decide(&gate, &with_nonce(Some("new"), &[]), NOW);
    assert_eq!(told(&none), (503, Some("replay.nonce_unavailable")));
}

#[test]
fn a_nonce_is_used_with_its_proof_once() {
    let gate = dpop(r#""replay":"nonce","#);
    let mut host = Host::default();
    let request = with_nonce(Some("new"), &["new"]);
    assert_eq!(host.asking(&gate, &request, NOW).0, ALLOWED);
    assert_eq!(host.asking(&gate, &request, NOW).0, (401, Some("dpop.replayed")));
}

#[test]
fn nonces_count_only_where_the_policy_says_so() {
    let gate = dpop(r#""replay":"shared","#);
    let decision = Host::default().decide(&gate, &with_nonce(Some("older"), &["new"]), NOW);
    assert_eq!(told(&decision), ALLOWED);
    assert!(!decision.response_headers.iter().any(|(name, _)| name == "DPoP-Nonce"), "{decision:#?}");
}

#[test]
fn after_a_start_with_nonces_a_new_one_is_asked_for() {
    let gate = dpop(r#""replay":"nonce","#);
    let request = |since: u64| Request { replay_since: Some(since), ..with_nonce(Some("new"), &["new"]) };
    assert_eq!(told(&Host::default().decide(&gate, &request(NOW), NOW)), ALLOWED);
    let decision = Host::default().decide(&gate, &request(NOW + 1), NOW + 1);
    assert_eq!(told(&decision), (401, Some("replay.before_start")));
    assert!(decision.response_headers[0].1.starts_with(r#"DPoP error="use_dpop_nonce""#), "{decision:#?}");
    assert!(decision.response_headers.contains(&("DPoP-Nonce".into(), "new".into())));
}
