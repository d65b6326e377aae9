//! Peers whose documents have no end, and peers that say nothing: they are given up, and keep nobody else waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
use portcullis_tests::serving::WITHIN;
use portcullis_types::base64url;
use serde_json::{Value, json};

use super::asking::{Answered, OWN, share_from};
use super::peers::{Peers, Says};
use super::running::{Gateway, check};

/// More than is read of a document of a peer.
const TOO_LONG: usize = 256 << 10;

/// Messages that may wait at a time.
const WAITING: usize = 128;

/// Messages that wait for silent peers.
const MESSAGES: usize = 100;

#[test]
fn documents_without_end_are_given_up_and_not_asked_for_again_at_once() {
    let peers = Peers::start();
    let itself = "https://p1.peers.example/.well-known/ocm";
    let cases = [
        ("too long", peers.named(Says::Long { bytes: TOO_LONG, told: true })),
        ("too long, and its length not told", peers.named(Says::Long { bytes: TOO_LONG, told: false })),
        ("very long", peers.named(Says::Long { bytes: 1 << 30, told: false })),
        ("a byte now and then", peers.named(Says::Drips)),
        ("silent", peers.named(Says::Silence)),
        ("gone", peers.named(Says::Gone)),
        ("to plain HTTP", peers.named(Says::Redirect(itself.replace("https", "http")))),
        ("to itself", peers.named(Says::Redirect("/.well-known/ocm".into()))),
    ];
    let gateway = Gateway::start(&peers, Vec::new(), &[], &[]);
    for (what, peer) in &cases {
        let refused = Answered { status: 503, code: "ocm.peer_unavailable".into() };
        assert_eq!(gateway.ask(&share_from(peer)), refused, "{what}");
        let (connections, asked) = (peers.connections(), peers.asked(peer, "/.well-known/ocm"));
        assert!(asked <= 4, "{what}: asked {asked} times");
        // Whoever writes messages does not make the gateway knock at a door.
        for _ in 0..3 {
            assert_eq!(gateway.ask(&share_from(peer)), refused, "{what}");
        }
        assert_eq!(peers.connections(), connections, "{what}: somebody was asked again at once");
    }
    assert_eq!(peers.asked(&cases[7].1, "/.well-known/ocm"), 4, "three redirects are followed, and no fourth");
}

#[test]
fn three_redirects_are_followed() {
    let peers = Peers::start();
    let end = peers.named(Says::discovery());
    let third = peers.named(Says::Hop(end));
    let second = peers.named(Says::Hop(third));
    let first = peers.named(Says::Hop(second));
    let before = peers.named(Says::Hop(first.clone()));
    let gateway = Gateway::start(&peers, Vec::new(), &[], &[]);
    // Its documents come, and the keys at their end are those of another.
    assert_eq!(gateway.ask(&share_from(&first)), Answered { status: 401, code: "key.unknown".into() });
    assert_eq!(gateway.ask(&share_from(&before)), Answered { status: 503, code: "ocm.peer_unavailable".into() });
}

/// While many messages wait for peers that say nothing, requests with tokens are decided, and documents of a new policy are fetched.
#[test]
fn silent_peers_keep_nobody_waiting() {
    let peers = Peers::start();
    let issuer = |name: &str, number: u8| {
        let host = peers.named(Says::Text(jwks(number)));
        json!({"name": name, "issuer": issuer_of(number), "keys": format!("https://{host}/jwks"),
            "audience": [format!("https://{OWN}")]})
    };
    let (corp, other) = (issuer("corp", 1), issuer("other", 2));
    let silent: Vec<String> = (0..MESSAGES * 2).map(|_| peers.named(Says::Silence)).collect();
    let mut gateway = Gateway::start(&peers, Vec::new(), &[], std::slice::from_ref(&corp));
    assert_eq!(gateway.ask(&read_by(1)).status, 200, "the issuer's keys are there");

    let (before, answered) = (peers.connections(), Arc::new(AtomicUsize::new(0)));
    let port = gateway.port();
    let waiting: Vec<_> = silent
        .chunks(2)
        .map(|names| {
            let (names, answered) = (names.to_vec(), Arc::clone(&answered));
            thread::spawn(move || {
                let answers: Vec<Value> = names.iter().map(|name| check(port, &share_from(name))).collect();
                answered.fetch_add(1, Ordering::SeqCst);
                answers
            })
        })
        .collect();
    until("peers are asked", || peers.connections() > before);
    assert_eq!(gateway.ask(&read_by(1)).status, 200, "a normal request");
    assert!(answered.load(Ordering::SeqCst) < MESSAGES, "messages waited meanwhile");

    // The operator's own documents come, for which the gateway had no need before.
    assert_eq!(gateway.ask(&read_by(2)).status, 401, "the other issuer is not known yet");
    gateway.change(|policy| {
        policy["issuers"] = json!([corp, other]);
        policy["rules"][0]["issuers"] = json!(["corp", "other"]);
    });
    until("the new policy's documents are fetched", || gateway.ask(&read_by(2)).status == 200);
    assert!(answered.load(Ordering::SeqCst) < MESSAGES, "messages waited meanwhile");

    for waited in waiting {
        for answer in waited.join().expect("it was answered") {
            let Answered { status, code } = Answered::of(&answer);
            assert!(
                status == 503 && ["ocm.peer_unavailable", "ocm.peers_too_many"].contains(&&*code),
                "{status} {code}"
            );
        }
    }
}

/// Who writes more messages than may wait takes no place of requests that wait for an issuer.
#[test]
fn messages_take_a_part_of_the_places_to_wait() {
    let peers = Peers::start();
    let host = peers.named(Says::Text(jwks(1)));
    let corp = json!({"name": "corp", "issuer": issuer_of(1), "keys": format!("https://{host}/jwks"),
        "audience": [format!("https://{OWN}")]});
    let silent = peers.named(Says::Silence);
    let gateway = Gateway::start(&peers, Vec::new(), &[], std::slice::from_ref(&corp));
    let port = gateway.port();
    let asked: Vec<_> = (0..2 * WAITING)
        .map(|_| {
            let message = share_from(&silent);
            thread::spawn(move || Answered::of(&check(port, &message)))
        })
        .collect();
    assert_eq!(gateway.ask(&read_by(1)).status, 200, "a normal request");
    let answers: Vec<Answered> = asked.into_iter().map(|one| one.join().expect("it was answered")).collect();
    assert!(answers.iter().all(|answer| answer.status == 503), "{answers:?}");
    let waited = answers.iter().filter(|answer| answer.code == "ocm.peer_unavailable").count();
    assert!(waited > 0 && waited < answers.len(), "{waited} of {} waited", answers.len());
    assert!(gateway.said("gateway.busy"), "the others were sent away");
}

fn until(what: &str, is: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < WITHIN, "not in time: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn issuer_of(number: u8) -> String {
    format!("https://idp{number}.example")
}

fn key(number: u8) -> SigningKey {
    SigningKey::from_slice(&[number; 32]).expect("a scalar below the order")
}

fn jwks(number: u8) -> String {
    let point = key(number).verifying_key().to_sec1_point(false);
    let part = |range: std::ops::Range<usize>| base64url::encode(&point.as_bytes()[range]);
    json!({"keys": [{"kty": "EC", "crv": "P-256", "kid": "a", "x": part(1..33), "y": part(33..65)}]}).to_string()
}

/// A request with a token of an issuer.
fn read_by(number: u8) -> Value {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    let part = |value: &Value| base64url::encode(value.to_string().as_bytes());
    let claims = json!({"iss": issuer_of(number), "aud": format!("https://{OWN}"), "sub": "alice", "client_id": "app", "jti": "1",
        "iat": now, "exp": now + 600, "scope": "read"});
    let input = format!("{}.{}", part(&json!({"typ": "at+jwt", "alg": "ES256", "kid": "a"})), part(&claims));
    let signature: Signature = key(number).sign(input.as_bytes());
    let token = format!("{input}.{}", base64url::encode(&signature.to_bytes()));
    json!({"method": "GET", "url": format!("https://{OWN}/files/a"), "headers": [["Authorization", format!("Bearer {token}")]]})
}
