//! What the example's README tells: an invite, a share, an exchange, a second factor, and files at the end.

use portcullis_tests::serving::request;
use serde_json::{Value, json};

use super::stage::{Cloud, shared};

fn by(came: &[String], what: &str, signer: &str) -> bool {
    came.contains(&format!("{what} by {signer}"))
}

/// What the other server's user gets at.
fn content(cloud: &Cloud, method: &str, number: u64, body: &str) -> (u16, Value) {
    cloud.asks(method, &format!("/users/bob/received/{number}/content"), body)
}

#[test]
fn a_file_is_shared_from_an_invite_to_its_end() {
    let stage = shared();
    let _turn = stage.turn();
    let (alice, bob) = (&stage.alice, &stage.bob);
    stage.acquaint();
    let (_, contacts) = alice.asks("GET", "/users/alice/contacts", "");
    assert!(contacts.to_string().contains(&format!("bob@{}", bob.host)), "{contacts}");

    let (id, number) = stage.share(&json!({}));
    assert!(by(&bob.came(), "POST /ocm/shares", &alice.host), "{:?}", bob.came());
    let (_, received) = bob.asks("GET", "/users/bob/received", "");
    let got = received.as_array().and_then(|all| all.last()).cloned().unwrap_or_default();
    assert_eq!((&got["state"], &got["access"]), (&json!("pending"), &json!("exchange")), "by the gateway's word");
    assert_eq!(bob.asks("POST", &format!("/users/bob/received/{number}/accept"), "").0, 200);
    assert!(by(&alice.came(), "POST /ocm/notifications", &bob.host));
    let (_, sent) = alice.asks("GET", "/users/alice/shares", "");
    let state = sent.as_array().and_then(|all| all.iter().find(|one| one["id"] == id.as_str()).cloned());
    assert_eq!(state.unwrap_or_default()["state"], "accepted", "{sent}");

    // The secret is exchanged, once, and the file is there.
    let exchanges = || alice.came().iter().filter(|one| one.starts_with("POST /ocm/token")).count();
    let before = exchanges();
    assert_eq!(content(bob, "GET", number, ""), (200, json!("as it was")));
    let (status, properties) = content(bob, "PROPFIND", number, "");
    assert_eq!(status, 207, "{properties}");
    assert!(properties.as_str().is_some_and(|xml| xml.contains("getcontentlength>9</")), "{properties}");
    assert_eq!(content(bob, "PUT", number, "as bob has it").0, 204);
    assert_eq!(alice.file("alice/report.txt"), "as bob has it");
    let came = alice.came();
    assert_eq!((exchanges(), by(&came, "POST /ocm/token", &bob.host)), (before + 1, true), "{came:?}");
    for method in ["GET", "PROPFIND", "PUT"] {
        assert!(by(&came, &format!("{method} /dav/{id}"), "nobody"), "{method}: {came:?}");
    }

    // Taken back, it is none any more.
    assert_eq!(alice.asks("DELETE", &format!("/users/alice/shares/{id}"), "").0, 200);
    let (status, no) = content(bob, "GET", number, "");
    assert_eq!((status, &no["error"]), (403, &json!("ocm.access_share_ended")), "{no}");
    // Others' tests begin with the file as it was.
    let (_, again) = stage.share(&json!({}));
    assert_eq!(content(bob, "PUT", again, "as it was").0, 204);
}

#[test]
fn a_second_factor_is_wanted_where_the_share_requires_it() {
    let stage = shared();
    let _turn = stage.turn();
    stage.acquaint();
    let (id, number) = stage.share(&json!({"second_factor": true}));
    let (_, received) = stage.bob.asks("GET", "/users/bob/received", "");
    let got = received.as_array().and_then(|all| all.last()).cloned().unwrap_or_default();
    assert_eq!(got["access"], "exchange, mfa", "by the gateway's word");
    let (status, no) = content(&stage.bob, "GET", number, "");
    assert_eq!((status, &no["error"]), (403, &json!("ocm.access_mfa")), "{no}");
    assert!(!stage.alice.came().iter().any(|one| one.contains(&id)), "nothing is asked before");
    assert_eq!(stage.bob.asks("POST", "/users/bob/second-factor", "").0, 200);
    assert_eq!(content(&stage.bob, "GET", number, ""), (200, json!("as it was")));
}

#[test]
fn a_share_that_reads_does_not_write() {
    let stage = shared();
    let _turn = stage.turn();
    stage.acquaint();
    let (_, number) = stage.share(&json!({"permissions": ["read"]}));
    assert_eq!(content(&stage.bob, "GET", number, "").0, 200);
    let (status, no) = content(&stage.bob, "PUT", number, "mine");
    assert_eq!((status, &no["error"]), (403, &json!("ocm.access_permission")), "{no}");
    assert_eq!(stage.alice.file("alice/report.txt"), "as it was");
}

#[test]
fn a_file_is_longer_than_what_the_gateway_reads() {
    let stage = shared();
    let _turn = stage.turn();
    stage.acquaint();
    let (_, number) = stage.share(&json!({}));
    let long = "x".repeat(600 << 10);
    assert_eq!(content(&stage.bob, "PUT", number, &long).0, 204);
    assert_eq!(content(&stage.bob, "GET", number, ""), (200, json!(long)));
    assert_eq!(content(&stage.bob, "PUT", number, "as it was").0, 204);
}

#[test]
fn a_shared_secret_opens_nothing_itself() {
    let stage = shared();
    let _turn = stage.turn();
    stage.acquaint();
    let (id, _) = stage.share(&json!({}));
    let kept = stage.bob.kept();
    let last = kept["received"].as_array().and_then(|all| all.last()).cloned().unwrap_or_default();
    let secret = last["share"]["protocol"]["webdav"]["sharedSecret"].as_str().expect("a secret").to_owned();
    assert_eq!(last["share"]["providerId"], id.as_str());
    let opens = |authorization: Option<&str>| {
        let mut fields = vec![("Host", stage.alice.host.as_str())];
        fields.extend(authorization.map(|value| ("Authorization", value)));
        let answer = stage.alice.comes(&request("GET", &format!("/dav/{id}"), &fields));
        let told: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        (answer.status, told["error"].clone())
    };
    assert_eq!(opens(Some(&format!("Bearer {secret}"))), (401, json!("ocm.access_secret_after_exchange")));
    assert_eq!(opens(Some("Bearer guess")), (401, json!("ocm.access_unknown")));
    assert_eq!(opens(None), (401, json!("ocm.access_credential")));
}
