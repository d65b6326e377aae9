//! Documents that come late, or not, or to somebody who has gone.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use portcullis_tests::serving::envoy::{Envoy, Front, Running, cluster, filter};
use portcullis_tests::serving::{Clock, Documents, Served, Upstream, WITHIN, ask};
use serde_json::{Value, json};

use super::issuer::{ISSUER, KEYS, keys, now, policy, serving, token};
use super::running::{at, of, stage, told, with};

/// A time of the tests' own.
const AT: u64 = 1_800_000_000;

#[test]
fn a_warm_decision_asks_nobody() {
    let documents = serving(&[1]);
    let stage = stage(&policy(), &documents);
    let good = token(1, now(), &json!({}));
    for _ in 0..50 {
        let answer = stage.bearer(&good);
        assert_eq!(told(&answer), (200, "none".into()), "{answer:?}");
        assert_eq!(answer.got("x-user"), ["alice"]);
    }
    // Envoy's main thread has a filter too, which serves nobody.
    assert!(documents.asked(KEYS) <= 2, "{}", documents.asked(KEYS));
    assert_eq!(stage.envoy.stat("wasmcustom.portcullis.decisions.allow"), 50);
    assert_eq!(stage.envoy.stat("wasmcustom.portcullis.fetches.good"), documents.asked(KEYS) as u64);
    assert_eq!(stage.told("x.y.z").0, 401);
    assert_eq!(stage.envoy.stat("wasmcustom.portcullis.decisions.deny"), 1);
}

#[test]
fn an_issuer_that_is_away_at_the_start_is_nobodys_fault() {
    let documents = Documents::start();
    let clock = Clock::at(AT);
    let stage = at(&policy(), &documents, &clock);
    let good = token(1, AT, &json!({}));
    let answer = stage.bearer(&good);
    assert_eq!(told(&answer), (503, "keys.unavailable".into()), "{answer:?}");
    assert_eq!(answer.header("retry-after"), Some("5"));
    assert_eq!(answer.body, r#"{"error":"temporarily_unavailable"}"#);
    assert_eq!(ask(stage.port, &with("/open", &[])).status, 200, "what needs no key is not held up");
    documents.set(KEYS, keys(&[1]));
    assert_eq!(stage.told(&good).0, 503, "it is not asked again at once");
    clock.set(AT + 31);
    assert_eq!(stage.told(&good), (200, "none".into()));
    assert!(stage.envoy.stat("wasmcustom.portcullis.fetches.failed") >= 1);
}

#[test]
fn an_issuer_that_goes_away_is_missed_only_when_its_keys_are_too_old() {
    let documents = serving(&[1]);
    let clock = Clock::at(AT);
    let stage = at(&policy(), &documents, &clock);
    let good = token(1, AT, &json!({"exp": AT + 10 * 86_400}));
    assert_eq!(stage.told(&good).0, 200);
    documents.set(KEYS, Served::Nothing);
    clock.set(AT + 3_600);
    stage.envoy.until("the keys are asked for again", |_| documents.asked(KEYS) > 1);
    assert_eq!(stage.told(&good).0, 200, "a failed refresh drops no key");
    clock.set(AT + 24 * 3_600 + 1);
    assert_eq!(stage.told(&good), (503, "keys.stale".into()));
    documents.set(KEYS, keys(&[1]));
    clock.set(AT + 24 * 3_600 + 60);
    assert_eq!(stage.told(&good).0, 200);
}

#[test]
fn a_rotated_key_is_fetched_and_the_old_one_is_good_no_more() {
    let documents = held();
    let clock = Clock::at(AT);
    let stage = at(&policy(), &documents, &clock);
    all_have_asked(&stage, &documents, 1);
    let (old, new) = (token(1, AT, &json!({})), token(2, AT, &json!({})));
    assert_eq!(stage.told(&old).0, 200);
    let before = documents.asked(KEYS);
    documents.set(KEYS, keys(&[2]));
    assert_eq!(stage.told(&new), (401, "key.unknown".into()), "not more often than once in the cooldown");
    clock.set(AT + 31);
    assert_eq!(stage.told(&new).0, 200);
    assert_eq!(stage.told(&old), (401, "key.unknown".into()));
    assert_eq!(documents.asked(KEYS), before + 1);
}

#[test]
fn the_end_of_the_stream_that_fetches_ends_nobodys_wait() {
    let documents = Documents::start();
    documents.set(KEYS, Served::Held(Box::new(keys(&[1]))));
    documents.hold(true);
    let stage = stage(&policy(), &documents);
    let good = format!("Bearer {}", token(1, now(), &json!({})));
    let request = with("/x", &[("Authorization", &good)]);
    let open = || {
        let mut stream = TcpStream::connect(("127.0.0.1", stage.port)).expect("it connects");
        stream.set_read_timeout(Some(WITHIN)).expect("it is set");
        stream.write_all(&request).expect("it is sent");
        stream
    };
    let first = open();
    stage.envoy.until("the first is under way", |envoy| envoy.stat("http.front.downstream_rq_active") == 1);
    let others: Vec<TcpStream> = (0..20).map(|_| open()).collect();
    stage.envoy.until("the others are", |envoy| envoy.stat("http.front.downstream_rq_active") == 21);
    drop(first);
    stage.envoy.until("the first has gone", |envoy| envoy.stat("http.front.downstream_rq_active") == 20);
    documents.hold(false);
    for mut other in others {
        let mut answer = String::new();
        other.read_to_string(&mut answer).expect("it answers");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    // Once for all of them, and once by Envoy's main thread, whose filter serves nobody.
    assert!(documents.asked(KEYS) <= 2, "{}", documents.asked(KEYS));
}

#[test]
fn who_comes_when_as_many_wait_as_may_is_told_to_come_again() {
    let documents = Documents::start();
    documents.set(KEYS, Served::Held(Box::new(keys(&[1]))));
    documents.hold(true);
    let mut policy = policy();
    policy["limits"] = json!({"parked": 1});
    let stage = stage(&policy, &documents);
    let good = format!("Bearer {}", token(1, now(), &json!({})));
    let request = with("/x", &[("Authorization", &good)]);
    let mut first = TcpStream::connect(("127.0.0.1", stage.port)).expect("it connects");
    first.set_read_timeout(Some(WITHIN)).expect("it is set");
    first.write_all(&request).expect("it is sent");
    stage.envoy.until("the first waits", |envoy| envoy.stat("http.front.downstream_rq_active") == 1);
    let answer = ask(stage.port, &request);
    assert_eq!(told(&answer), (503, "envoy.busy".into()), "{answer:?}");
    assert_eq!(answer.body, r#"{"error":"temporarily_unavailable"}"#);
    documents.hold(false);
    let mut answer = String::new();
    first.read_to_string(&mut answer).expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[test]
fn what_one_worker_fetched_is_everyones() {
    let documents = held();
    let clock = Clock::at(AT);
    let running = Running { workers: Some(4), clock: Some(&clock) };
    let stage = of(&policy(), &documents, &running, |front| front.balanced = true);
    all_have_asked(&stage, &documents, 4);
    // Each connection comes to the next worker.
    (0..8).for_each(|_| assert_eq!(stage.told(&token(1, AT, &json!({}))).0, 200));
    let before = documents.asked(KEYS);
    documents.set(KEYS, keys(&[1, 2]));
    clock.set(AT + 31);
    (0..8).for_each(|_| assert_eq!(stage.told(&token(2, AT, &json!({}))).0, 200));
    assert_eq!(documents.asked(KEYS), before + 1, "one worker has asked, and all four have the key");
}

/// Keys that nobody is answered with yet.
fn held() -> Documents {
    let documents = Documents::start();
    documents.set(KEYS, Served::Held(Box::new(keys(&[1]))));
    documents.hold(true);
    documents
}

/// Waits until each worker has asked for what it fetches first, and Envoy's main thread, whose filter serves nobody; then all are
/// answered, and none of them asks later of itself.
fn all_have_asked(stage: &super::running::Stage, documents: &Documents, workers: usize) {
    stage.envoy.until("each has asked for the keys", |_| documents.asked(KEYS) > workers);
    documents.hold(false);
}

#[test]
fn redirects_go_where_the_gate_admits_and_a_cluster_reaches() {
    let moved = |location: &str| Served::Answer(302, vec![("Location".into(), location.into())], Vec::new());
    for (locations, wanted) in [
        (&["/other"][..], 200),
        (&["https://idp.example/other"], 200),
        (&["/1", "/2", "/other"], 200),
        (&["/1", "/2", "/3", "/other"], 503),
        (&["https://elsewhere.example/other"], 503),
        (&["http://idp.example/other"], 503),
        (&["https://127.0.0.1/other"], 503),
        (&["//idp.example/other"], 503),
        (&["other"], 503),
        (&[""], 503),
    ] {
        let documents = Documents::start();
        let mut from = KEYS.to_owned();
        for location in locations {
            documents.set(&from, moved(location));
            from = if location.starts_with('/') { format!("{ISSUER}{location}") } else { (*location).into() };
        }
        documents.set(&format!("{ISSUER}/other"), keys(&[1]));
        let stage = stage(&policy(), &documents);
        let answer = stage.bearer(&token(1, now(), &json!({})));
        assert_eq!(answer.status, wanted, "{locations:?}: {answer:?}");
    }
}

#[test]
fn what_is_no_document_is_none() {
    let answer = |fields: &[(&str, &str)], body: Vec<u8>| {
        let fields = fields.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Served::Answer(200, fields, body)
    };
    let Served::Answer(_, _, good) = keys(&[1]) else { unreachable!("it is an answer") };
    for (what, served) in [
        ("another status", Served::Answer(404, Vec::new(), good.clone())),
        ("a coding", answer(&[("Content-Encoding", "gzip")], good.clone())),
        ("too long", answer(&[], [good.clone(), vec![b' '; 2 << 20]].concat())),
        ("empty", answer(&[], Vec::new())),
        ("no JSON", answer(&[], b"<html>".to_vec())),
        ("cut off", Served::Nothing),
    ] {
        let documents = Documents::start();
        documents.set(KEYS, served);
        let stage = stage(&policy(), &documents);
        let told = stage.told(&token(1, now(), &json!({})));
        assert_eq!(told, (503, "keys.unavailable".into()), "{what}");
    }
}

#[test]
fn two_policies_in_one_envoy_do_not_meet() {
    let (one, other) = (serving(&[1]), serving(&[2]));
    let upstream = Upstream::start();
    let with_cluster = |name: &str| -> Value {
        let mut policy = policy();
        policy["envoy"]["clusters"][ISSUER] = name.into();
        policy
    };
    // The same issuer and URL, the same module and virtual machine; the documents are each its own.
    let listeners = ["one", "other"].map(|name| Front::new(name, filter("portcullis", &with_cluster(name))).listener());
    let clusters = [cluster("upstream", upstream.port), cluster("one", one.port), cluster("other", other.port)];
    let envoy = Envoy::start(&listeners, &clusters, &Running::default());
    for (name, number, wanted) in [("one", 1, 200), ("one", 2, 401), ("other", 2, 200), ("other", 1, 401)] {
        let bearer = format!("Bearer {}", token(number, now(), &json!({})));
        let answer = ask(envoy.port(name), &with("/x", &[("Authorization", &bearer)]));
        assert_eq!(answer.status, wanted, "{name}, {number}: {answer:?}");
    }
}

#[test]
fn a_cluster_that_is_missing_or_has_no_server_is_an_issuer_that_is_away() {
    let documents = serving(&[1]);
    let upstream = Upstream::start();
    for name in ["empty", "missing"] {
        let mut policy = policy();
        policy["envoy"]["clusters"][ISSUER] = name.into();
        let empty = json!({"name": "empty", "type": "STATIC", "load_assignment": {"cluster_name": "empty"}});
        let clusters = [cluster("upstream", upstream.port), cluster("documents", documents.port), empty];
        let listener = Front::new("front", filter("portcullis", &policy)).listener();
        let envoy = Envoy::start(&[listener], &clusters, &Running::default());
        let bearer = format!("Bearer {}", token(1, now(), &json!({})));
        for _ in 0..2 {
            let answer = ask(envoy.port("front"), &with("/x", &[("Authorization", &bearer)]));
            assert_eq!(told(&answer), (503, "keys.unavailable".into()), "{name}: {answer:?}");
        }
        assert_eq!(envoy.stat("wasmcustom.portcullis.panics"), 0, "{name}: {:#?}", envoy.said());
    }
}
