//! Keys: how long they are good, and what makes them be fetched again.

use super::*;

fn one_issuer() -> Gate {
    gate(&policy("", ""))
}

/// A host that has keys, and a gate that had them at `NOW`.
fn with_keys() -> (Gate, Host, Request) {
    let (gate, mut host) = (one_issuer(), Host::with(&[(JWKS, jwks(&[(1, "a")]))]));
    let request = with(&lasting(1, "a", ""));
    assert_eq!(host.asking(&gate, &request, NOW), (ALLOWED, vec![JWKS.into()]));
    (gate, host, request)
}

#[test]
fn keys_are_good_for_24_hours_after_their_last_good_fetch() {
    let (gate, mut host, request) = with_keys();
    let keys = host.documents.remove(JWKS).unwrap();
    assert_eq!(host.asking(&gate, &request, NOW + DAY), (ALLOWED, vec![]), "the last second");
    let stale = (503, Some("keys.stale"));
    assert_eq!(host.asking(&gate, &request, NOW + DAY + 1), (stale, vec![JWKS.into()]), "one more");
    assert_eq!(host.asking(&gate, &request, NOW + DAY + 2), (stale, vec![]), "a fetch that failed rests");
    host.documents.insert(JWKS.into(), keys);
    assert_eq!(host.asking(&gate, &request, NOW + DAY + 31), (ALLOWED, vec![JWKS.into()]), "and may be had again");
    host.documents.clear();
    assert_eq!(host.asking(&gate, &request, NOW + 2 * DAY + 31), (ALLOWED, vec![]));
}

#[test]
fn keys_of_lists_grow_stale_as_well() {
    const OTHER: &str = "https://idp.example/list-keys";
    let gate = gate(&policy(&format!(r#","status":"required","status_keys":"{OTHER}""#), ""));
    let list = |at: u64| status_list(3, "l", LIST, &[0], NOW - 5, &format!(r#""exp":{},"#, at + 1));
    let mut host = Host::with(&[(JWKS, jwks(&[(1, "a")])), (OTHER, jwks(&[(3, "l")])), (LIST, list(NOW))]);
    let request = with(&lasting(1, "a", &format!(r#""status":{{"status_list":{{"idx":0,"uri":"{LIST}"}}}},"#)));
    assert_eq!(host.asking(&gate, &request, NOW), (ALLOWED, vec![JWKS.into(), OTHER.into(), LIST.into()]));
    host.documents.insert(LIST.into(), list(NOW + DAY + 1));
    host.documents.remove(OTHER);
    let (answer, asked) = host.asking(&gate, &request, NOW + DAY + 1);
    assert_eq!(answer.0, 503, "a list that only stale keys vouch for: {answer:?}, asked for {asked:?}");
}

#[test]
fn a_policy_says_for_how_long() {
    let text = policy("", "").replacen('{', r#"{"limits":{"keys_max_stale":"1m"},"#, 1);
    let (gate, mut host) = (gate(&text), Host::with(&[(JWKS, jwks(&[(1, "a")]))]));
    let request = with(&lasting(1, "a", ""));
    host.decide(&gate, &request, NOW);
    host.documents.clear();
    assert_eq!(host.asking(&gate, &request, NOW + 60).0, ALLOWED);
    assert_eq!(host.asking(&gate, &request, NOW + 61).0, (503, Some("keys.stale")));
}

#[test]
fn a_fetch_time_in_the_future_means_stale() {
    let gate = one_issuer();
    assert!(give(&gate, JWKS, body(&jwks(&[(1, "a")])), NOW + 10, NOW).is_empty());
    let (request, mut host) = (with(&lasting(1, "a", "")), Host::default());
    assert_eq!(host.asking(&gate, &request, NOW), ((503, Some("keys.stale")), vec![JWKS.into()]));
    assert_eq!(host.asking(&gate, &request, NOW + 9).0, (503, Some("keys.stale")));
    assert_eq!(host.asking(&gate, &request, NOW + 10), (ALLOWED, vec![]), "until it is the past");
}

#[test]
fn a_clock_that_goes_back_makes_nothing_good() {
    let (gate, mut host, request) = with_keys();
    host.documents.clear();
    assert_eq!(host.asking(&gate, &request, NOW - 1), ((503, Some("keys.stale")), vec![JWKS.into()]));
    assert!(!gate.ready(NOW - 1).ready);
    assert_eq!(host.asking(&gate, &request, NOW + 1), (ALLOWED, vec![]));
}

#[test]
fn a_document_from_the_future_gives_way_to_any() {
    let gate = one_issuer();
    give(&gate, JWKS, body(&jwks(&[(9, "a")])), NOW + 1_000, NOW);
    assert!(give(&gate, JWKS, body(&jwks(&[(1, "a")])), NOW, NOW).is_empty());
    assert_eq!(Host::default().asking(&gate, &with(&lasting(1, "a", "")), NOW + 1), (ALLOWED, vec![]));
}

#[test]
fn an_unknown_key_makes_one_fetch_in_30_seconds() {
    let (gate, mut host, good) = with_keys();
    let unknown = with(&lasting(2, "b", ""));
    let refused = (401, Some("key.unknown"));
    assert_eq!(host.asking(&gate, &unknown, NOW + 29), (refused, vec![]), "they were fetched just now");
    assert_eq!(host.asking(&gate, &unknown, NOW + 30), (refused, vec![JWKS.into()]));
    assert_eq!(host.asking(&gate, &unknown, NOW + 31), (refused, vec![]));
    assert_eq!(host.asking(&gate, &unknown, NOW + 59), (refused, vec![]));
    host.documents.insert(JWKS.into(), jwks(&[(1, "a"), (2, "b")]));
    assert_eq!(host.asking(&gate, &unknown, NOW + 60), (ALLOWED, vec![JWKS.into()]), "a key that is new");
    assert_eq!(host.asking(&gate, &good, NOW + 60), (ALLOWED, vec![]));
}

#[test]
fn a_fetch_that_is_under_way_is_joined() {
    let (gate, host, _) = with_keys();
    let request = with(&lasting(2, "b", ""));
    let (mut first, one) = waiting(&gate, &request, NOW + 30);
    let (mut second, two) = waiting(&gate, &request, NOW + 40);
    assert_eq!((urls(&one), urls(&two)), (vec![JWKS], vec![JWKS]));
    assert!(due(&gate, NOW + 50).is_empty(), "nor is it due");
    assert!(give(&gate, JWKS, body(&jwks(&[(1, "a"), (2, "b")])), NOW + 50, NOW + 50).is_empty());
    for (evaluation, needs) in [(&mut first, one), (&mut second, two)] {
        evaluation.answer(&[(needs[0].id, portcullis_gate::Answer::Done)], NOW + 50);
        assert_eq!(told(&decided(evaluation.step(NOW + 50))), ALLOWED);
    }
    drop(host);
}

#[test]
fn a_failed_refetch_keeps_good_keys_and_blames_nobody() {
    let (gate, mut host, good) = with_keys();
    host.documents.clear();
    host.refresh(&gate, NOW + 600);
    assert_eq!(host.asking(&gate, &good, NOW + 601), (ALLOWED, vec![]), "what was had is good");
    for content in [
        Content::Failed("timeout".into()),
        Content::Body { status: 500, media_type: None, bytes: jwks(&[]).into_bytes() },
        body("<html>"),
        body("{}"),
    ] {
        assert_eq!(give(&gate, JWKS, content, NOW + 700, NOW + 700).len(), 1);
        assert_eq!(host.asking(&gate, &good, NOW + 701), (ALLOWED, vec![]));
    }
}

#[test]
fn an_unknown_key_is_nobodys_fault_where_the_keys_cannot_be_had() {
    let (gate, mut host, _) = with_keys();
    host.documents.clear();
    // Whether the issuer has such a key, nobody knows.
    let (answer, asked) = host.asking(&gate, &with(&lasting(2, "b", "")), NOW + 3_600);
    assert_eq!((answer.0, asked), (503, vec![JWKS.to_string()]), "{answer:?}");
}

#[test]
fn an_empty_key_set_revokes_at_once() {
    let (gate, mut host, request) = with_keys();
    assert_eq!(gate.held().tokens, 1, "it is remembered");
    assert!(give(&gate, JWKS, body(&jwks(&[])), NOW + 5, NOW + 5).is_empty());
    assert_eq!(host.asking(&gate, &request, NOW + 5), ((401, Some("key.set_empty")), vec![]));
    assert!(gate.ready(NOW + 5).ready, "it has keys: none");
}

#[test]
fn a_key_that_is_gone_takes_what_it_signed_along() {
    let (gate, mut host, request) = with_keys();
    assert!(give(&gate, JWKS, body(&jwks(&[(2, "a")])), NOW + 5, NOW + 5).is_empty());
    assert_eq!(
        host.asking(&gate, &request, NOW + 5).0,
        (401, Some("crypto.signature_invalid")),
        "another under its name"
    );
    assert!(give(&gate, JWKS, body(&jwks(&[(2, "b")])), NOW + 6, NOW + 6).is_empty());
    assert_eq!(host.asking(&gate, &request, NOW + 6).0, (401, Some("key.unknown")));
}

const METADATA: [&str; 2] = [
    "https://idp.example/.well-known/oauth-authorization-server",
    "https://idp.example/.well-known/openid-configuration",
];

fn discovered() -> Gate {
    gate(&policy("", "").replace(&format!(r#","keys":"{JWKS}""#), ""))
}

fn metadata(keys: &str) -> String {
    format!(r#"{{"issuer":"{ISSUER}","jwks_uri":"{keys}"}}"#)
}

#[test]
fn keys_that_moved_are_good_until_their_time() {
    const NEW: &str = "https://idp.example/new-jwks";
    let (gate, request) = (discovered(), with(&lasting(1, "a", "")));
    let mut host = Host::with(&[(METADATA[0], metadata(JWKS)), (JWKS, jwks(&[(1, "a")]))]);
    assert_eq!(host.asking(&gate, &request, NOW).0, ALLOWED);
    host.documents = [(METADATA[0].into(), metadata(NEW))].into();
    host.refresh(&gate, NOW + 600);
    assert_eq!(host.asking(&gate, &request, NOW + 600), (ALLOWED, vec![]), "not to be had in the new place yet");
    assert!(due(&gate, NOW + 601).contains(&NEW.to_string()), "where it is looked for");
    host.documents.insert(NEW.into(), jwks(&[(2, "a")]));
    host.refresh(&gate, NOW + 1_300);
    assert_eq!(host.asking(&gate, &request, NOW + 1_300).0.0, 401, "and the new ones count when they are there");
}

#[test]
fn metadata_that_appears_beside_others_drops_no_good_keys() {
    let (gate, request) = (discovered(), with(&lasting(1, "a", "")));
    let mut host = Host::with(&[(METADATA[1], metadata(JWKS)), (JWKS, jwks(&[(1, "a")]))]);
    assert_eq!(host.asking(&gate, &request, NOW).0, ALLOWED);
    // The preferred place has metadata now, whose keys are out of reach.
    host.documents.insert(METADATA[0].into(), metadata("https://idp.example/elsewhere"));
    host.refresh(&gate, NOW + 600);
    assert_eq!(host.asking(&gate, &request, NOW + 601).0, ALLOWED, "good keys before their time");
}
