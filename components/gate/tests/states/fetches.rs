//! What is asked for, when, and how far a fetch may go.

use portcullis_gate::{Class, Kind};

use super::*;

const BAD: &str = "https://bad.example";

/// Two issuers, one of whose keys are out of reach, and a trust domain.
fn several() -> Gate {
    gate(&format!(
        r#"{{"origins":["{API}"],"issuers":[
            {{"name":"bad","issuer":"{BAD}","keys":"{BAD}/jwks"}},
            {{"name":"corp","issuer":"{ISSUER}","keys":"{JWKS}"}},
            {{"name":"unused","issuer":"https://unused.example"}}],
            "trust_domains":[{{"name":"prod.example","bundle":"https://prod.example/bundle"}}],
            "rules":[{{"issuers":["bad","corp","prod.example"],"require":{{}}}}]}}"#
    ))
}

const ALL: [&str; 5] = [
    "https://bad.example/jwks",
    "https://idp.example/jwks",
    "https://prod.example/bundle",
    "https://unused.example/.well-known/oauth-authorization-server",
    "https://unused.example/.well-known/openid-configuration",
];

#[test]
fn each_document_is_told_once_while_it_is_under_way() {
    let gate = several();
    assert_eq!(due(&gate, NOW), ALL);
    assert!(due(&gate, NOW).is_empty());
    assert!(due(&gate, NOW + 29).is_empty());
    assert_eq!(due(&gate, NOW + 30), ALL, "a host that says nothing has lost it");
    assert!(due(&gate, NOW + 31).is_empty());
}

#[test]
fn what_is_had_is_due_after_ten_minutes_and_what_failed_after_thirty_seconds() {
    let gate = several();
    due(&gate, NOW);
    assert!(give(&gate, JWKS, body(&jwks(&[(1, "a")])), NOW, NOW).is_empty());
    assert_eq!(give(&gate, ALL[0], Content::Failed("x".into()), NOW, NOW), ["document.failed"]);
    assert!(due(&gate, NOW + 29).is_empty());
    let again = due(&gate, NOW + 30);
    assert!(again.contains(&ALL[0].into()) && !again.contains(&JWKS.into()), "{again:?}");
    assert!(!due(&gate, NOW + 599).contains(&JWKS.into()));
    assert!(due(&gate, NOW + 600).contains(&JWKS.into()));
}

#[test]
fn a_request_and_the_host_do_not_ask_twice() {
    let gate = several();
    due(&gate, NOW);
    let (_, needs) = waiting(&gate, &with(&lasting(1, "a", "")), NOW + 1);
    assert_eq!(urls(&needs), [JWKS], "who needs it joins");
    assert!(due(&gate, NOW + 29).is_empty());
    assert!(due(&gate, NOW + 30).contains(&JWKS.into()), "and does not make the fetch younger");
}

#[test]
fn a_need_says_what_it_is_and_who_named_it() {
    let gate = several();
    let needs = gate.due(NOW);
    let told: Vec<(Class, Kind, usize)> = needs.iter().map(|need| (need.class, need.kind, need.most)).collect();
    let most = 1_024 * 1_024;
    assert_eq!(
        told,
        [
            (Class::Policy, Kind::Keys, most),
            (Class::Policy, Kind::Keys, most),
            (Class::Policy, Kind::Bundle, most),
            (Class::Policy, Kind::Metadata, most),
            (Class::Policy, Kind::Metadata, most),
        ]
    );
    let list_gate = super::gate(&policy(r#","status":"required""#, ""));
    give(&list_gate, JWKS, body(&jwks(&[(1, "a")])), NOW, NOW);
    let entry = format!(r#""status":{{"status_list":{{"idx":0,"uri":"{LIST}"}}}},"#);
    let (_, needs) = waiting(&list_gate, &with(&lasting(1, "a", &entry)), NOW);
    let need = documents(&needs)[0];
    assert_eq!((need.class, need.kind, need.most), (Class::Credential, Kind::StatusList, 32 * 1_024 * 1_024));
}

#[test]
fn keys_elsewhere_are_the_issuers_word_alone() {
    let gate = gate(&policy("", "").replace(&format!(r#","keys":"{JWKS}""#), ""));
    gate.due(NOW);
    for (jwks_uri, class) in [(JWKS, Class::Policy), ("https://keys.example/jwks", Class::Credential)] {
        let text = format!(r#"{{"issuer":"{ISSUER}","jwks_uri":"{jwks_uri}"}}"#);
        let url = "https://idp.example/.well-known/oauth-authorization-server";
        assert!(give(&gate, url, body(&text), NOW, NOW).is_empty());
        let (_, needs) = waiting(&gate, &with(&lasting(1, "a", "")), NOW);
        let need = documents(&needs)[0];
        assert_eq!((need.url.as_str(), need.class), (jwks_uri, class));
    }
}

#[test]
fn one_bad_url_starves_no_other_issuer() {
    let gate = several();
    let mut host = Host::with(&[(JWKS, jwks(&[(1, "a")]))]);
    let good = with(&lasting(1, "a", ""));
    let claims = format!(
        r#"{{"iss":"{BAD}","aud":"{API}","sub":"x","client_id":"x","jti":"1","iat":{NOW},"exp":{}}}"#,
        NOW + 600
    );
    let bad = with(&sign(3, r#"{"alg":"Ed25519","kid":"a","typ":"at+jwt"}"#, &claims));
    // The bad one is under way, and never comes.
    let (_, needs) = waiting(&gate, &bad, NOW);
    assert_eq!(urls(&needs), [ALL[0]]);
    assert_eq!(host.asking(&gate, &good, NOW), (ALLOWED, vec![JWKS.into()]));
    for seconds in 0..600 {
        host.refresh(&gate, NOW + seconds);
        assert_eq!(told(&host.decide(&gate, &good, NOW + seconds)), ALLOWED);
    }
    assert_eq!(told(&host.decide(&gate, &bad, NOW + 600)), (503, Some("keys.unavailable")));
}

#[test]
fn a_gate_is_ready_when_every_issuer_of_a_rule_has_keys() {
    let gate = several();
    let missing = |at: u64| gate.ready(at).missing.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert!(!gate.ready(NOW).ready);
    assert_eq!(missing(NOW), ["bad", "corp", "prod.example"], "none that no rule names");
    give(&gate, JWKS, body(&jwks(&[(1, "a")])), NOW, NOW);
    give(&gate, "https://prod.example/bundle", body(r#"{"keys":[]}"#), NOW, NOW);
    assert_eq!(missing(NOW), ["bad"]);
    give(&gate, ALL[0], Content::Failed("no route".into()), NOW, NOW);
    let readiness = gate.ready(NOW);
    assert!(readiness.missing[0].1.contains("no route"), "{readiness:?}");
    give(&gate, ALL[0], body(&jwks(&[(3, "a")])), NOW, NOW);
    assert!(gate.ready(NOW).ready);
    assert!(gate.ready(NOW + 3_600).ready);
    assert_eq!(missing(NOW + 3_601), ["prod.example"], "a bundle is good for an hour");
    assert_eq!(missing(NOW + DAY), ["prod.example"]);
    assert_eq!(missing(NOW + DAY + 1), ["bad", "corp", "prod.example"], "and keys for a day");
    assert!(!gate.ready(NOW - 1).ready, "what is from the future is not there");
}

#[test]
fn a_redirect_goes_back_to_the_gate() {
    let gate = several();
    let need = |url: &str, class| DocumentNeed {
        url: url.into(),
        class,
        kind: Kind::Keys,
        most: 1,
        server: None,
        question: None,
    };
    let code = |need: &DocumentNeed, hops, location: &str| {
        gate.admit_redirect(need, hops, location).err().map(|rejection| rejection.code())
    };
    let of_policy = need("https://10.0.0.1:8443/jwks", Class::Policy);
    let of_token = need(LIST, Class::Credential);
    let refused = Some("fetch.url_not_allowed");
    for (need, location, wanted) in [
        (&of_policy, "https://10.0.0.1:8443/other", None),
        (&of_policy, "https://keys.example/jwks", None),
        (&of_policy, "https://10.0.0.2/jwks", refused),
        (&of_policy, "https://10.0.0.1/jwks", refused),
        (&of_policy, "http://10.0.0.1:8443/jwks", refused),
        (&of_policy, "file:/etc/passwd", refused),
        (&of_token, "https://cdn.example/1", None),
        (&of_token, "http://idp.example/1", refused),
        (&of_token, "https://169.254.169.254/latest", refused),
        (&of_token, "https://u@idp.example/1", refused),
        (&of_token, "https://idp.example:8443/1", refused),
        (&of_token, "/1", refused),
    ] {
        assert_eq!(code(need, 0, location), wanted, "{} to {location}", need.url);
    }
    for hops in 0..3 {
        assert_eq!(code(&of_token, hops, LIST), None, "{hops}");
    }
    assert_eq!(code(&of_token, 3, LIST), Some("fetch.too_many_redirects"));
    assert_eq!(code(&of_token, u8::MAX, LIST), Some("fetch.too_many_redirects"));
}
