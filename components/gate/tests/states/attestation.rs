//! Attestations beside access tokens: the attesters' keys, challenges of the host, and proofs that are used once.

use portcullis_gate::{Answer, Remember};

use super::*;

const ATTESTERS: &str = "https://attester.example/jwks";

/// Keys by their numbers: the issuer's is 1.
const ATTESTER: u8 = 3;
const INSTANCE: u8 = 4;

const URL: &str = "https://api.example/reports/7";

/// A policy whose one rule demands an attestation; members added to `[attestation]` (`,"a":1`) and to the top (`"a":1,`).
fn attested(more: &str, top: &str) -> String {
    policy("", r#""attestation":true"#).replacen(
        '{',
        &format!(r#"{{{top}"attestation":{{"attesters":"{ATTESTERS}"{more}}},"#),
        1,
    )
}

/// A gate that has every key, and gives challenges only where `more` does not say otherwise.
fn ready(more: &str, top: &str) -> Gate {
    let gate = gate(&attested(more, top));
    give(&gate, JWKS, body(&jwks(&[(1, "a")])), NOW, NOW);
    give(&gate, ATTESTERS, body(&jwks(&[(ATTESTER, "t")])), NOW, NOW);
    gate
}

fn attestation(number: u8, kid: &str) -> String {
    let header = format!(r#"{{"alg":"Ed25519","kid":"{kid}","typ":"oauth-client-attestation+jwt"}}"#);
    let claims =
        format!(r#"{{"sub":"app","iat":{NOW},"exp":{},"cnf":{{"jwk":{}}}}}"#, NOW + 10 * DAY, jwk(INSTANCE, ""));
    sign(number, &header, &claims)
}

fn pop(jti: &str, iat: u64, more: &str) -> String {
    let header = r#"{"alg":"Ed25519","typ":"oauth-client-attestation-pop+jwt"}"#;
    sign(INSTANCE, header, &format!(r#"{{{more}"aud":"{API}","jti":"{jti}","iat":{iat}}}"#))
}

/// A request with a Bearer token, an attestation and a proof of its own.
fn asked(attestation: &str, pop: &str) -> Request {
    let token = format!("Bearer {}", lasting(1, "a", ""));
    get(
        "/reports/7",
        &[("Authorization", &token), ("OAuth-Client-Attestation", attestation), ("OAuth-Client-Attestation-PoP", pop)],
    )
}

/// A token that is bound to a key.
fn bound(number: u8) -> String {
    lasting(1, "a", &format!(r#""cnf":{{"jkt":"{}"}},"#, thumbprint(number)))
}

/// A DPoP proof with members added to its claims (`"a":1,`).
fn dpop(number: u8, token: &str, more: &str) -> String {
    let header = format!(r#"{{"alg":"Ed25519","typ":"dpop+jwt","jwk":{}}}"#, jwk(number, ""));
    let ath = portcullis_types::base64url::encode(&portcullis_crypto::sha256(token.as_bytes()));
    let claims = format!(r#"{{{more}"jti":"d","htm":"GET","htu":"{URL}","iat":{NOW},"ath":"{ath}"}}"#);
    sign(number, &header, &claims)
}

/// A request with a bound token, its proof, and an attestation with a proof of its own, if it has one.
fn asked_with_dpop(token: &str, dpop: &str, pop: Option<&str>) -> Request {
    let (scheme, attestation) = (format!("DPoP {token}"), attestation(ATTESTER, "t"));
    let mut headers =
        vec![("Authorization", scheme.as_str()), ("DPoP", dpop), ("OAuth-Client-Attestation", &attestation)];
    headers.extend(pop.map(|pop| ("OAuth-Client-Attestation-PoP", pop)));
    get("/reports/7", &headers)
}

fn giving(nonces: &[&str], request: Request) -> Request {
    Request { nonces: nonces.iter().map(|nonce| (*nonce).into()).collect(), ..request }
}

fn field<'d>(decision: &'d Decision, name: &str) -> Option<&'d str> {
    let mut found = decision.response_headers.iter().filter(|(known, _)| known == name);
    let first = found.next().map(|(_, value)| value.as_str());
    assert!(found.next().is_none(), "{name} is there once: {decision:#?}");
    first
}

const CHALLENGE: &str = "OAuth-Client-Attestation-Challenge";
const WITHOUT: &str = r#","challenge":false"#;

#[test]
fn the_keys_of_attesters_are_fetched_with_those_of_the_issuer_and_age_like_them() {
    let gate = gate(&attested(WITHOUT, ""));
    let mut host = Host::with(&[(JWKS, jwks(&[(1, "a")])), (ATTESTERS, jwks(&[(ATTESTER, "t")]))]);
    assert!(due(&gate, NOW).contains(&ATTESTERS.into()));
    let gate = self::gate(&attested(WITHOUT, ""));
    assert!(gate.ready(NOW).missing.iter().any(|(name, _)| name == "attestation.attesters"));
    let request = |jti: &str, at: u64| asked(&attestation(ATTESTER, "t"), &pop(jti, at, ""));
    let (_, needs) = waiting(&gate, &request("a", NOW), NOW);
    assert_eq!(urls(&needs), [JWKS, ATTESTERS], "in one round");
    let gate = self::gate(&attested(WITHOUT, ""));
    assert_eq!(host.asking(&gate, &request("a", NOW), NOW).0, ALLOWED);
    assert!(gate.ready(NOW).ready);
    host.documents.remove(ATTESTERS);
    assert_eq!(host.asking(&gate, &request("b", NOW + DAY), NOW + DAY), (ALLOWED, vec![]), "the last second");
    host.refresh(&gate, NOW + DAY);
    assert!(!gate.ready(NOW + DAY + 1).ready);
    let (answer, _) = host.asking(&gate, &request("c", NOW + DAY + 1), NOW + DAY + 1);
    assert_eq!(answer, (503, Some("keys.stale")));
}

#[test]
fn an_unknown_key_of_an_attester_makes_one_fetch_in_30_seconds() {
    let gate = ready(WITHOUT, "");
    let mut host = Host::with(&[(JWKS, jwks(&[(1, "a")])), (ATTESTERS, jwks(&[(ATTESTER, "t")]))]);
    let unknown = |jti: &str, at: u64| asked(&attestation(9, "u"), &pop(jti, at, ""));
    let refused = (401, Some("key.unknown"));
    assert_eq!(host.asking(&gate, &unknown("a", NOW + 29), NOW + 29), (refused, vec![]));
    assert_eq!(host.asking(&gate, &unknown("a", NOW + 30), NOW + 30), (refused, vec![ATTESTERS.into()]));
    assert_eq!(host.asking(&gate, &unknown("a", NOW + 59), NOW + 59), (refused, vec![]));
    host.documents.insert(ATTESTERS.into(), jwks(&[(ATTESTER, "t"), (9, "u")]));
    assert_eq!(host.asking(&gate, &unknown("a", NOW + 60), NOW + 60), (ALLOWED, vec![ATTESTERS.into()]));
    host.documents.clear();
    let (answer, _) = host.asking(&gate, &asked(&attestation(8, "v"), &pop("b", NOW + 90, "")), NOW + 90);
    assert_eq!(answer.0, 503, "whether there is such a key, nobody knows: {answer:?}");
}

#[test]
fn an_attesters_secret_is_not_fetched() {
    let gate = ready(WITHOUT, "");
    let secret = r#"{"keys":[{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","kid":"t"}]}"#;
    assert!(give(&gate, ATTESTERS, body(secret), NOW + 1, NOW + 1).is_empty());
    let request = asked(&attestation(ATTESTER, "t"), &pop("a", NOW, ""));
    assert_eq!(told(&Host::default().decide(&gate, &request, NOW + 1)), (503, Some("keys.unavailable")));
}

/// What a request's proofs are remembered as.
fn remembered(gate: &Gate, request: &Request) -> (Evaluation, Vec<(u32, Remember)>) {
    let (evaluation, needs) = waiting(gate, request, NOW);
    let proofs = needs.into_iter().map(|need| match need.what {
        Wanted::Remember(remember) => (need.id, remember),
        other => panic!("the memory alone is asked: {other:#?}"),
    });
    (evaluation, proofs.collect())
}

#[test]
fn each_proof_of_a_request_is_remembered_once() {
    let gate = ready(r#","challenge":false,"dpop":true"#, "");
    let (_, own) = remembered(&gate, &asked(&attestation(ATTESTER, "t"), &pop("a", NOW, "")));
    assert_eq!(own.iter().map(|(_, one)| one.identifier.as_str()).collect::<Vec<_>>(), ["a"]);
    assert_eq!(own[0].1.until, NOW + 601);
    // One proof for both is remembered as the access token's, whose leeway counts.
    let token = bound(INSTANCE);
    let (_, combined) = remembered(&gate, &asked_with_dpop(&token, &dpop(INSTANCE, &token, ""), None));
    assert_eq!(combined.iter().map(|(_, one)| one.identifier.as_str()).collect::<Vec<_>>(), ["d"]);
    assert_eq!(combined[0].1.until, NOW + 631);
    // Two proofs, two memories; that of the token is the same as without an attestation.
    let token = bound(2);
    let (pop, proof) = (pop("d", NOW, ""), dpop(2, &token, ""));
    for (answers, wanted) in [
        ([Answer::Fresh, Answer::Fresh], ALLOWED),
        ([Answer::Seen, Answer::Fresh], (401, Some("dpop.replayed"))),
        ([Answer::Fresh, Answer::Seen], (401, Some("pop.replayed"))),
        ([Answer::Fresh, Answer::Unavailable], (503, Some("replay.unavailable"))),
    ] {
        let (mut evaluation, both) = remembered(&gate, &asked_with_dpop(&token, &proof, Some(&pop)));
        assert!(both.len() == 2 && both[0].1.key != both[1].1.key, "{both:?}");
        let answers: Vec<(u32, Answer)> = both.iter().map(|(id, _)| *id).zip(answers).collect();
        evaluation.answer(&answers, NOW);
        let decision = decided(evaluation.step(NOW));
        assert_eq!(told(&decision), wanted);
        if wanted.1 == Some("pop.replayed") {
            let challenge = field(&decision, "WWW-Authenticate").unwrap();
            assert!(challenge.starts_with(r#"DPoP error="invalid_client_attestation""#), "{challenge}");
            assert_eq!(decision.body.as_deref(), Some(r#"{"error":"invalid_client_attestation"}"#));
        }
    }
}

#[test]
fn what_is_denied_for_its_rights_uses_no_proof_up() {
    let text = attested(WITHOUT, "").replace(r#""attestation":true"#, r#""attestation":true,"scope":["read"]"#);
    let gate = gate(&text);
    let mut host = Host::with(&[(JWKS, jwks(&[(1, "a")])), (ATTESTERS, jwks(&[(ATTESTER, "t")]))]);
    let request = asked(&attestation(ATTESTER, "t"), &pop("a", NOW, ""));
    assert_eq!(host.asking(&gate, &request, NOW).0, (403, Some("scope.absent_insufficient_scope")));
    let other = asked(&attestation(ATTESTER, "t"), &pop("a", NOW - 400, ""));
    assert_eq!(host.asking(&gate, &other, NOW).0, (401, Some("pop.too_old")), "the attestation is judged before");
    assert!(host.used.is_empty());
}

#[test]
fn a_proof_has_one_of_the_hosts_challenges_and_the_answer_the_next() {
    let gate = ready("", "");
    let request = |more: &str| giving(&["new", "old"], asked(&attestation(ATTESTER, "t"), &pop("a", NOW, more)));
    for challenge in ["new", "old"] {
        let decision = Host::default().decide(&gate, &request(&format!(r#""challenge":"{challenge}","#)), NOW);
        assert_eq!((told(&decision), field(&decision, CHALLENGE)), (ALLOWED, Some("new")), "{challenge}");
        assert_eq!(field(&decision, "DPoP-Nonce"), None);
    }
    for more in ["", r#""challenge":"older","#] {
        let decision = Host::default().decide(&gate, &request(more), NOW);
        assert_eq!(told(&decision), (401, Some("pop.use_attestation_challenge")));
        assert_eq!(field(&decision, "WWW-Authenticate"), Some(r#"Bearer error="use_attestation_challenge""#));
        assert_eq!(field(&decision, CHALLENGE), Some("new"));
        assert_eq!(decision.body.as_deref(), Some(r#"{"error":"use_attestation_challenge"}"#));
    }
    // Whatever else was wrong, the next attempt needs one.
    let anonymous = giving(&["new"], get("/reports/7", &[]));
    let decision = Host::default().decide(&gate, &anonymous, NOW);
    assert_eq!((told(&decision), field(&decision, CHALLENGE)), ((401, Some("credential.missing")), Some("new")));
    let decision = Host::default().decide(&gate, &giving(&["new"], get("/health", &[])), NOW);
    assert_eq!((told(&decision), field(&decision, CHALLENGE)), (ALLOWED, None), "a rule that demands none");
    let decision = Host::default().decide(&gate, &giving(&[], request(r#""challenge":"new","#)), NOW);
    assert_eq!(told(&decision), (503, Some("replay.nonce_unavailable")), "a host that has none");
}

#[test]
fn a_dpop_proof_in_place_of_both_has_a_nonce_and_no_challenge() {
    let gate = ready(r#","dpop":true"#, "");
    let token = bound(INSTANCE);
    let ask = |more: &str| {
        let request = giving(&["new"], asked_with_dpop(&token, &dpop(INSTANCE, &token, more), None));
        Host::default().decide(&gate, &request, NOW)
    };
    let decision = ask(r#""nonce":"new","#);
    assert_eq!((told(&decision), field(&decision, "DPoP-Nonce")), (ALLOWED, Some("new")));
    assert_eq!(field(&decision, CHALLENGE), None);
    let decision = ask("");
    assert_eq!(told(&decision), (401, Some("dpop.nonce_missing")));
    let challenge = field(&decision, "WWW-Authenticate").unwrap();
    assert!(challenge.starts_with(r#"DPoP error="use_dpop_nonce", algs="#), "{challenge}");
    assert_eq!(field(&decision, "DPoP-Nonce"), Some("new"));
    // One that the token is not bound to stands for nothing, and neither does one that the policy does not take.
    let token = bound(2);
    let request = giving(&["new"], asked_with_dpop(&token, &dpop(2, &token, r#""nonce":"new","#), None));
    let decision = Host::default().decide(&gate, &request, NOW);
    assert_eq!(told(&decision), (401, Some("attestation.dpop_key_mismatch")));
    let gate = ready("", "");
    let token = bound(INSTANCE);
    let request = giving(&["new"], asked_with_dpop(&token, &dpop(INSTANCE, &token, r#""nonce":"new","#), None));
    let decision = Host::default().decide(&gate, &request, NOW);
    assert_eq!(told(&decision), (401, Some("client.method_not_accepted")));
}

#[test]
fn nonce_and_challenge_are_each_asked_for_and_given_together() {
    let gate = ready("", r#""replay":"nonce","#);
    let token = bound(2);
    let ask = |nonce: &str, challenge: &str| {
        let request = asked_with_dpop(&token, &dpop(2, &token, nonce), Some(&pop("a", NOW, challenge)));
        Host::default().decide(&gate, &giving(&["new"], request), NOW)
    };
    let (nonce, challenge) = (r#""nonce":"new","#, r#""challenge":"new","#);
    for (decision, wanted) in [
        (ask(nonce, challenge), ALLOWED),
        // The access token's proof is judged first.
        (ask("", ""), (401, Some("dpop.nonce_missing"))),
        (ask("", challenge), (401, Some("dpop.nonce_missing"))),
        (ask(nonce, ""), (401, Some("pop.use_attestation_challenge"))),
    ] {
        assert_eq!(told(&decision), wanted);
        assert_eq!(field(&decision, CHALLENGE), Some("new"), "{decision:#?}");
        let with_nonce = field(&decision, "DPoP-Nonce");
        // A proof that had a good nonce has it still.
        assert_eq!(with_nonce, (wanted.1 != Some("pop.use_attestation_challenge")).then_some("new"));
    }
}

#[test]
fn proofs_from_before_the_memory_are_refused_with_a_challenge() {
    let request = |since: u64, more: &str| Request {
        replay_since: Some(since),
        ..giving(&["new"], asked(&attestation(ATTESTER, "t"), &pop("a", NOW, more)))
    };
    let gate = ready("", "");
    let challenge = r#""challenge":"new","#;
    assert_eq!(told(&Host::default().decide(&gate, &request(NOW, challenge), NOW)), ALLOWED);
    let decision = Host::default().decide(&gate, &request(NOW + 1, challenge), NOW + 1);
    assert_eq!(told(&decision), (401, Some("replay.before_start")));
    assert_eq!(field(&decision, "WWW-Authenticate"), Some(r#"Bearer error="use_attestation_challenge""#));
    assert_eq!(field(&decision, CHALLENGE), Some("new"));
    let gate = ready(WITHOUT, "");
    let decision = Host::default().decide(&gate, &request(NOW + 1, ""), NOW + 1);
    assert_eq!(told(&decision), (401, Some("replay.before_start")));
    assert_eq!(field(&decision, "WWW-Authenticate"), Some(r#"Bearer error="invalid_client_attestation""#));
}

#[test]
fn what_cannot_be_verified_is_let_through_only_where_that_is_said_twice() {
    for (top, wanted) in [
        (r#""mode":"report","#, (401, Some("attestation.missing"))),
        (r#""mode":"report","report_unverified":true,"#, (200, Some("attestation.missing"))),
    ] {
        let gate = ready(WITHOUT, top);
        let decision = Host::default().decide(&gate, &with(&lasting(1, "a", "")), NOW);
        assert_eq!((told(&decision), decision.reported), (wanted, wanted.0 == 200));
    }
}

#[test]
fn a_page_may_read_the_challenge() {
    let cors = r#""cors":{"origins":["https://app.example"]},"#;
    for (more, exposed) in [
        ("", "WWW-Authenticate, DPoP-Nonce, OAuth-Client-Attestation-Challenge"),
        (WITHOUT, "WWW-Authenticate, DPoP-Nonce"),
    ] {
        let gate = ready(more, cors);
        let request = giving(&["new"], get("/reports/7", &[("Origin", "https://app.example")]));
        let decision = Host::default().decide(&gate, &request, NOW);
        assert_eq!(field(&decision, "Access-Control-Expose-Headers"), Some(exposed));
    }
}
