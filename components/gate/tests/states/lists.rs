//! Status lists: how long they are good, how many there may be, and for whom they speak.

use super::*;

const OTHER: &str = "https://partner.example";
const OTHER_JWKS: &str = "https://partner.example/jwks";

fn required() -> Gate {
    gate(&policy(r#","status":"required""#, ""))
}

fn named(uri: &str) -> Request {
    with(&lasting(1, "a", &format!(r#""status":{{"status_list":{{"idx":0,"uri":"{uri}"}}}},"#)))
}

fn list(value: u8, more: &str) -> String {
    status_list(1, "a", LIST, &[value], NOW - 5, more)
}

/// A gate that had keys and a list at `NOW`, and a host that has only the keys.
fn with_list(more: &str) -> (Gate, Host, Request) {
    let gate = required();
    let mut host = Host::with(&[(JWKS, jwks(&[(1, "a")])), (LIST, list(0, more))]);
    assert_eq!(host.asking(&gate, &named(LIST), NOW), (ALLOWED, vec![JWKS.into(), LIST.into()]));
    host.documents.remove(LIST);
    (gate, host, named(LIST))
}

const STALE: (u16, Option<&str>) = (503, Some("status.stale"));

#[test]
fn a_list_past_its_ttl_is_used_for_one_more_while_it_is_fetched() {
    let (gate, mut host, request) = with_list(r#""ttl":60,"#);
    assert!(!due(&gate, NOW + 59).contains(&LIST.to_string()));
    assert!(due(&gate, NOW + 60).contains(&LIST.to_string()), "it is past its ttl");
    assert_eq!(host.asking(&gate, &request, NOW + 60), (ALLOWED, vec![]), "and used");
    assert_eq!(host.asking(&gate, &request, NOW + 119), (ALLOWED, vec![]));
    assert_eq!(host.asking(&gate, &request, NOW + 120), (STALE, vec![LIST.into()]), "and no longer");
}

#[test]
fn a_list_that_comes_while_the_old_one_is_used_counts_at_once() {
    let (gate, mut host, request) = with_list(r#""ttl":60,"#);
    host.documents.insert(LIST.into(), list(1, r#""ttl":60,"#));
    assert_eq!(host.asking(&gate, &request, NOW + 90), (ALLOWED, vec![]));
    host.refresh(&gate, NOW + 90);
    assert_eq!(host.asking(&gate, &request, NOW + 90), ((401, Some("status.revoked")), vec![]));
}

#[test]
fn exp_ends_a_list_before_its_second_ttl() {
    let (gate, mut host, request) = with_list(&format!(r#""ttl":60,"exp":{},"#, NOW + 90));
    assert_eq!(host.asking(&gate, &request, NOW + 89), (ALLOWED, vec![]));
    assert_eq!(host.asking(&gate, &request, NOW + 90), (STALE, vec![LIST.into()]));
}

#[test]
fn a_list_without_ttl_is_good_until_its_exp() {
    let (gate, mut host, request) = with_list(&format!(r#""exp":{},"#, NOW + 7_200));
    assert_eq!(host.asking(&gate, &request, NOW + 7_199), (ALLOWED, vec![]));
    assert_eq!(host.asking(&gate, &request, NOW + 7_200), (STALE, vec![LIST.into()]));
}

#[test]
fn a_list_with_neither_is_good_for_5_minutes() {
    let (gate, mut host, request) = with_list("");
    assert_eq!(host.asking(&gate, &request, NOW + 299), (ALLOWED, vec![]));
    assert_eq!(host.asking(&gate, &request, NOW + 300), (STALE, vec![LIST.into()]));
}

#[test]
fn a_list_from_the_future_is_stale() {
    let (gate, mut host, request) = with_list(r#""ttl":60,"#);
    give(&gate, JWKS, body(&jwks(&[(1, "a")])), NOW - 60, NOW - 60);
    assert_eq!(host.asking(&gate, &request, NOW - 1), (STALE, vec![LIST.into()]), "a clock that went back");
    assert_eq!(host.asking(&gate, &request, NOW + 1), (ALLOWED, vec![]));
}

#[test]
fn a_failed_fetch_rests_for_30_seconds() {
    let gate = required();
    let mut host = Host::with(&[(JWKS, jwks(&[(1, "a")]))]);
    let gone = (503, Some("status.unavailable"));
    assert_eq!(host.asking(&gate, &named(LIST), NOW), (gone, vec![JWKS.into(), LIST.into()]));
    assert_eq!(host.asking(&gate, &named(LIST), NOW + 29), (gone, vec![]));
    host.documents.insert(LIST.into(), list(0, ""));
    assert_eq!(host.asking(&gate, &named(LIST), NOW + 30), (ALLOWED, vec![LIST.into()]));
}

#[test]
fn a_failed_refresh_drops_no_good_list() {
    let (gate, mut host, request) = with_list(r#""ttl":60,"#);
    for content in [Content::Failed("timeout".into()), body("x"), body(&status_list(2, "a", LIST, &[1], NOW, ""))] {
        assert_eq!(give(&gate, LIST, content, NOW + 61, NOW + 61).len(), 1);
        assert_eq!(host.asking(&gate, &request, NOW + 62), (ALLOWED, vec![]));
    }
}

#[test]
fn an_older_list_replaces_nothing() {
    let (gate, mut host, request) = with_list("");
    assert_eq!(give(&gate, LIST, body(&list(1, "")), NOW - 1, NOW + 1), ["document.older"]);
    assert_eq!(host.asking(&gate, &request, NOW + 1), (ALLOWED, vec![]));
    assert!(give(&gate, LIST, body(&list(1, "")), NOW, NOW + 1).is_empty(), "one as old does");
    assert_eq!(host.asking(&gate, &request, NOW + 1).0, (401, Some("status.revoked")));
}

#[test]
fn a_65th_list_is_refused_until_one_has_expired() {
    let gate = required();
    let uri = |number: usize| format!("https://idp.example/status/{number}");
    let mut host = Host::with(&[(JWKS, jwks(&[(1, "a")]))]);
    for number in 0..=64 {
        // The first one ends before the others.
        let more = format!(r#""exp":{},"#, if number == 0 { NOW + 60 } else { NOW + 3_600 });
        host.documents.insert(uri(number), status_list(1, "a", &uri(number), &[0], NOW - 5, &more));
    }
    for number in 0..64 {
        assert_eq!(host.asking(&gate, &named(&uri(number)), NOW).0, ALLOWED, "{number}");
    }
    assert_eq!(gate.held().lists, 64);
    let full = (503, Some("status.too_many_lists"));
    assert_eq!(host.asking(&gate, &named(&uri(64)), NOW), (full, vec![]), "the newcomer");
    assert_eq!(host.asking(&gate, &named(&uri(0)), NOW).0, ALLOWED, "none of those that are there");
    assert_eq!(host.asking(&gate, &named(&uri(64)), NOW + 59), (full, vec![]));
    assert_eq!(host.asking(&gate, &named(&uri(64)), NOW + 60), (ALLOWED, vec![uri(64)]), "one has expired");
    assert_eq!(host.asking(&gate, &named(&uri(0)), NOW + 60), (full, vec![]), "whose place is taken");
}

#[test]
fn a_policy_says_how_many() {
    let text = policy(r#","status":"required""#, "").replacen('{', r#"{"limits":{"status_lists":1},"#, 1);
    let gate = gate(&text);
    let second = "https://idp.example/status/2";
    let of = |uri: &str| status_list(1, "a", uri, &[0], NOW - 5, "");
    let mut host = Host::with(&[(JWKS, jwks(&[(1, "a")])), (LIST, of(LIST)), (second, of(second))]);
    assert_eq!(host.asking(&gate, &named(LIST), NOW).0, ALLOWED);
    assert_eq!(host.asking(&gate, &named(second), NOW).0, (503, Some("status.too_many_lists")));
}

#[test]
fn a_list_that_does_not_fit_is_503_for_the_newcomer() {
    let text = policy(r#","status":"required""#, "").replacen('{', r#"{"limits":{"memory":"64KiB"},"#, 1);
    let gate = gate(&text);
    let second = "https://idp.example/status/2";
    let of = |uri: &str| status_list(1, "a", uri, &[0; 40_000], NOW - 5, "");
    let mut host = Host::with(&[(JWKS, jwks(&[(1, "a")])), (LIST, of(LIST)), (second, of(second))]);
    assert_eq!(host.asking(&gate, &named(LIST), NOW).0, ALLOWED);
    assert_eq!(host.asking(&gate, &named(second), NOW).0, (503, Some("gate.memory_full")));
    assert_eq!(host.asking(&gate, &named(LIST), NOW).0, ALLOWED, "what is there stays");
    assert!(gate.held().bytes <= 64 * 1_024);
}

#[test]
fn a_list_that_is_held_can_be_refreshed_within_the_memory() {
    let text = policy(r#","status":"required""#, "").replacen('{', r#"{"limits":{"memory":"64KiB"},"#, 1);
    let gate = gate(&text);
    let of = |value: u8| status_list(1, "a", LIST, &[value; 40_000], NOW - 5, r#""ttl":60,"#);
    let mut host = Host::with(&[(JWKS, jwks(&[(1, "a")])), (LIST, of(0))]);
    assert_eq!(host.asking(&gate, &named(LIST), NOW).0, ALLOWED);
    // What takes its own place is no newcomer.
    host.documents.insert(LIST.into(), of(1));
    host.refresh(&gate, NOW + 60);
    assert_eq!(host.asking(&gate, &named(LIST), NOW + 60).0, (401, Some("status.revoked")));
}

#[test]
fn a_failed_fetch_rests_where_there_are_as_many_lists_as_may_be() {
    let text = policy(r#","status":"required""#, "").replacen('{', r#"{"limits":{"status_lists":1},"#, 1);
    let (gate, mut host) = (gate(&text), Host::with(&[(JWKS, jwks(&[(1, "a")]))]));
    let second = "https://idp.example/status/2";
    host.asking(&gate, &named(LIST), NOW);
    host.asking(&gate, &named(second), NOW);
    let (answer, asked) = host.asking(&gate, &named(LIST), NOW + 1);
    assert_eq!(answer.0, 503);
    assert_eq!(asked, Vec::<String>::new(), "nothing is asked for again for 30 seconds");
}

/// Two issuers, of which the other may use lists of the first one's origin.
fn two_issuers() -> Gate {
    gate(&format!(
        r#"{{"origins":["{API}"],"issuers":[
            {{"name":"corp","issuer":"{ISSUER}","keys":"{JWKS}"}},
            {{"name":"partner","issuer":"{OTHER}","keys":"{OTHER_JWKS}","status_origins":["{ISSUER}"]}}],
            "rules":[{{"issuers":["corp","partner"],"require":{{}}}}]}}"#
    ))
}

fn of_partner(more: &str) -> Request {
    let claims = format!(
        r#"{{{more}"iss":"{OTHER}","aud":"{API}","sub":"bob","client_id":"app","jti":"1","iat":{NOW},"exp":{}}}"#,
        NOW + 600
    );
    with(&sign(2, r#"{"alg":"Ed25519","kid":"a","typ":"at+jwt"}"#, &claims))
}

#[test]
fn a_list_answers_only_for_the_issuer_whose_token_named_it() {
    let gate = two_issuers();
    let mut host =
        Host::with(&[(JWKS, jwks(&[(1, "a")])), (OTHER_JWKS, jwks(&[(2, "a")])), (LIST, list(0, r#""ttl":600,"#))]);
    assert_eq!(host.asking(&gate, &named(LIST), NOW).0, ALLOWED);
    let of_other = of_partner(&format!(r#""status":{{"status_list":{{"idx":0,"uri":"{LIST}"}}}},"#));
    let (answer, asked) = host.asking(&gate, &of_other, NOW);
    assert_eq!(answer, (503, Some("status.list_refused")), "what is held for corp says nothing of partner");
    assert_eq!(asked, [OTHER_JWKS, LIST]);
    assert_eq!(host.asking(&gate, &named(LIST), NOW), (ALLOWED, vec![]), "nor does partner's failure of corp");
}

#[test]
fn nothing_is_fetched_for_a_token_that_fails_otherwise() {
    let gate = required();
    let mut host = Host::with(&[(JWKS, jwks(&[(1, "a")])), (LIST, list(0, ""))]);
    let entry = format!(r#""status":{{"status_list":{{"idx":0,"uri":"{LIST}"}}}},"#);
    let forged = with(&lasting(9, "a", &entry));
    let bound = with(&lasting(1, "a", &format!(r#"{entry}"cnf":{{"jkt":"{}"}},"#, thumbprint(2))));
    for (request, code) in [(forged, "crypto.signature_invalid"), (bound, "proof.scheme_bearer")] {
        let (answer, asked) = host.asking(&gate, &request, NOW);
        assert_eq!(answer, (401, Some(code)));
        assert!(!asked.contains(&LIST.to_string()), "{code}");
    }
    for uri in ["http://idp.example/1", "https://evil.example/1", "https://10.0.0.1/1", "https://idp.example:8443/1"] {
        let (answer, asked) = host.asking(&gate, &named(uri), NOW);
        assert_eq!(answer, (401, Some("status.uri_not_allowed")), "{uri}");
        assert!(!asked.contains(&uri.to_string()), "without a fetch");
    }
    assert_eq!(gate.held().lists, 0);
}

#[test]
fn a_list_goes_with_the_key_that_signed_it() {
    let gate = required();
    let by_b = status_list(2, "b", LIST, &[0], NOW - 5, r#""ttl":600,"#);
    let mut host = Host::with(&[(JWKS, jwks(&[(1, "a"), (2, "b")])), (LIST, by_b)]);
    assert_eq!(host.asking(&gate, &named(LIST), NOW).0, ALLOWED);
    assert!(give(&gate, JWKS, body(&jwks(&[(1, "a")])), NOW + 10, NOW + 10).is_empty());
    let (answer, asked) = host.asking(&gate, &named(LIST), NOW + 10);
    assert_eq!((answer, asked), ((503, Some("status.list_refused")), vec![LIST.to_string()]));
}

#[test]
fn a_list_with_an_unknown_key_makes_the_keys_be_fetched() {
    let gate = required();
    let mut host = Host::with(&[(JWKS, jwks(&[(1, "a")])), (LIST, list(0, r#""ttl":60,"#))]);
    assert_eq!(host.asking(&gate, &named(LIST), NOW).0, ALLOWED);
    // The issuer signs its lists with a new key, which it publishes.
    host.documents.insert(JWKS.into(), jwks(&[(1, "a"), (2, "b")]));
    host.documents.insert(LIST.into(), status_list(2, "b", LIST, &[0], NOW + 100, r#""ttl":60,"#));
    let (answer, asked) = host.asking(&gate, &named(LIST), NOW + 120);
    assert_eq!(answer, ALLOWED, "an unknown kid triggers one refetch; asked for {asked:?}");
}

#[test]
fn lists_and_keys_that_come_together_are_taken_in_either_order() {
    for reversed in [false, true] {
        let gate = required();
        let (mut evaluation, needs) = waiting(&gate, &named(LIST), NOW);
        assert_eq!(urls(&needs), [JWKS]);
        give(&gate, JWKS, body(&jwks(&[(1, "a")])), NOW, NOW);
        evaluation.answer(&[(needs[0].id, portcullis_gate::Answer::Done)], NOW);
        let Step::Needs(needs) = evaluation.step(NOW) else { panic!("it needs the list") };
        let document = |url: &str, text: &str| Document {
            url: url.into(),
            server: None,
            about: None,
            peer: false,
            fetched_at: NOW + 1,
            content: body(text),
        };
        // The list is signed with a key that comes with it.
        let by_b = status_list(2, "b", LIST, &[0], NOW - 5, "");
        let mut both = [document(JWKS, &jwks(&[(1, "a"), (2, "b")])), document(LIST, &by_b)];
        if reversed {
            both.reverse();
        }
        assert_eq!(gate.provide(&both, NOW + 1), []);
        evaluation.answer(&[(needs[0].id, portcullis_gate::Answer::Done)], NOW + 1);
        assert_eq!(told(&decided(evaluation.step(NOW + 1))), ALLOWED);
    }
}

#[test]
fn a_purpose_is_an_object_identifier() {
    const ROOT: &str = include_str!("../certificates/root.pem");
    for (purpose, refused) in [("1.3.6.1.5.5.7.3.999", false), ("1.3.6.1.5.5.7.3.", true), ("status", true)] {
        let anchors = ROOT.replace('\n', "\\n");
        let text = policy(&format!(r#","status_keys":{{"anchors":"{anchors}","purpose":"{purpose}"}}"#), "");
        let errors = Gate::load(&text, portcullis_gate::policy::Format::Json, backend()).err().unwrap_or_default();
        let told = errors.iter().any(|error| error.detail.starts_with("svid.purpose_malformed"));
        assert_eq!((told, errors.is_empty()), (refused, !refused), "{purpose}: {errors:?}");
    }
}
