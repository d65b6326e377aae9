//! What is signed well and only the server can refuse, by what it keeps: it asks Portcullis.

use portcullis_tests::serving::Answer;
use serde_json::{Value, json};

use super::peers::{Message, Peer, invite};
use super::stage::{Cloud, shared};

/// A request of a server that the gateway lets through.
fn passed(cloud: &Cloud, message: Message, peer: &Peer) -> Answer {
    let before = cloud.came().len();
    let answer = cloud.comes(&message.signed_by(peer).bytes());
    let came = cloud.came();
    assert_eq!(came.len(), before + 1, "{answer:?} {came:?}");
    assert!(came.last().is_some_and(|last| last.ends_with(&format!(" by {}", peer.host))), "{came:?}");
    answer
}

fn told(answer: &Answer) -> (u16, Value) {
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    (answer.status, body["error"].clone())
}

#[test]
fn an_invite_is_good_once() {
    let stage = shared();
    let _turn = stage.turn();
    let (bob, mallory) = (&stage.bob, &stage.mallory);
    let accepts = |token: &str| Message::json(bob, "invite-accepted", &mallory.accepts(token));
    assert_eq!(told(&passed(bob, accepts("guess"), mallory)), (400, json!("ocm.invite_unknown")));
    let token = invite(bob, "bob");
    let answer = passed(bob, accepts(&token), mallory);
    assert_eq!((answer.status, answer.body.contains("\"bob\"")), (200, true), "{answer:?}");
    assert_eq!(told(&passed(bob, accepts(&token), mallory)), (409, json!("ocm.invite_used")));
    let (_, contacts) = bob.asks("GET", "/users/bob/contacts", "");
    assert!(contacts.to_string().contains(&format!("mallory@{}", mallory.host)), "{contacts}");
}

#[test]
fn who_was_not_invited_does_not_share() {
    let stage = shared();
    let _turn = stage.turn();
    let (bob, other) = (&stage.bob, &stage.other);
    let share = other.share(&format!("bob@{}", bob.host), &json!({}));
    let answer = passed(bob, Message::json(bob, "shares", &share), other);
    assert_eq!(told(&answer), (403, json!("ocm.share_not_invited")));
}

#[test]
fn a_share_is_changed_by_its_own_two_servers() {
    let stage = shared();
    let _turn = stage.turn();
    stage.acquaint();
    let (id, number) = stage.share(&json!({}));
    let news =
        |kind: &str| json!({"notificationType": kind, "resourceType": "file", "providerId": id, "notification": {}});
    for (cloud, kind) in
        [(&stage.alice, "SHARE_DECLINED"), (&stage.alice, "SHARE_UNSHARED"), (&stage.bob, "SHARE_UNSHARED")]
    {
        let answer = passed(cloud, Message::json(cloud, "notifications", &news(kind)), &stage.mallory);
        assert_eq!(told(&answer), (403, json!("ocm.notification_party")), "{kind}");
    }
    let (status, _) = stage.bob.asks("GET", &format!("/users/bob/received/{number}/content"), "");
    assert_eq!(status, 200, "it is as it was");
}

#[test]
fn a_secret_is_exchanged_by_who_got_it() {
    let stage = shared();
    let _turn = stage.turn();
    stage.acquaint();
    let (_, number) = stage.share(&json!({}));
    let kept = stage.bob.kept();
    let last = kept["received"].as_array().and_then(|all| all.last()).cloned().unwrap_or_default();
    let secret = last["share"]["protocol"]["webdav"]["sharedSecret"].as_str().expect("a secret").to_owned();
    let asks = |client: &str, code: &str| {
        let form = [("grant_type", "authorization_code"), ("client_id", client), ("code", code)];
        Message::form(&stage.alice, "token", &form)
    };
    let mallory = &stage.mallory;
    let answer = passed(&stage.alice, asks(&mallory.host, &secret), mallory);
    assert_eq!(told(&answer), (400, json!("invalid_grant")));
    assert!(answer.body.contains("ocm.token_client"), "{answer:?}");
    let answer = passed(&stage.alice, asks(&mallory.host, "guess"), mallory);
    assert_eq!(told(&answer), (400, json!("invalid_grant")));
    // In the name of who got it, the gateway refuses already.
    let before = stage.alice.came();
    let (answer, code) = stage.alice.judges(&asks(&stage.bob.host, &secret).signed_by(mallory).bytes());
    assert_eq!((told(&answer), code.as_str()), ((400, json!("invalid_client")), "key.unknown"));
    assert_eq!(stage.alice.came(), before);
    let (status, _) = stage.bob.asks("GET", &format!("/users/bob/received/{number}/content"), "");
    assert_eq!(status, 200, "who got it exchanges it");
}
