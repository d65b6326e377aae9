//! Transaction Tokens, end to end: a user comes to the edge with an access token, a service there has a Transaction Token made of it,
//! and two services behind two gateways pass it on. What it is for never grows, and keys rotate without anybody noticing.

mod keys;
mod services;
mod stage;

use std::time::{Duration, Instant};

use portcullis_tests::serving::{Answer, WITHIN, ask, get};
use serde_json::{Value, json};

use stage::Stage;

/// All that the user's token is for.
const WHOLE: &str = "buy stock.read stock.write";

/// What the user asks of the edge, with a token of some scope.
fn asks(stage: &Stage, path: &str, scope: &str) -> Answer {
    let token = format!("Bearer {}", keys::user(scope));
    ask(stage.edge, &get(path, &[("Host", stage::EDGE_HOST), ("Authorization", &token)]))
}

/// The claims of the Transaction Token that came to the last service, which answers with the head of what it got; and the key that
/// signed it.
fn passed(answer: &Answer) -> (Value, String) {
    assert!(answer.status == 200, "{answer:?}");
    let token = answer.got("txn-token").first().copied().unwrap_or_default().to_owned();
    let kid = keys::part(&token, 0)["kid"].as_str().unwrap_or_default().to_owned();
    (keys::part(&token, 1), kid)
}

fn code(answer: &Answer) -> Value {
    serde_json::from_str::<Value>(&answer.body).unwrap_or_default()["code"].clone()
}

#[test]
fn two_services_behind_two_gateways_pass_a_token_whose_scope_never_grows() {
    let stage = Stage::start();
    // The orders' service asks for less, and reads the stock.
    let answer = asks(&stage, "/narrow", WHOLE);
    let (claims, _) = passed(&answer);
    assert_eq!(answer.target(), "/stock");
    assert_eq!(claims["scope"], "stock.read");
    assert_eq!((&claims["sub"], &claims["aud"]), (&json!("alice"), &json!("prod.example")));
    assert_eq!(claims["req_wl"], keys::ORDERS);
    assert_eq!(claims["act"], json!({"sub": keys::ORDERS, "act": {"sub": keys::EDGE}}));
    assert_eq!(claims["tctx"], json!({"action": "BUY"}), "what the edge asserted stays");
    // With what it was given it may write, too: what is refused below is refused for its scope.
    let (kept, _) = passed(&asks(&stage, "/kept", WHOLE));
    assert_eq!(kept["scope"], "stock.read stock.write");
    assert_ne!(kept["txn"], claims["txn"], "each transaction has its own identifier");
    // More than it was given it cannot ask for.
    let wider = asks(&stage, "/wider", WHOLE);
    assert_eq!((wider.status, wider.body.as_str()), (400, r#"{"error":"invalid_scope"}"#));
    // What it gave away it has not any more.
    let write = asks(&stage, "/write", WHOLE);
    assert_eq!((write.status, code(&write)), (403, json!("scope.insufficient_scope")), "{write:?}");
    // The edge has no more than its user.
    let reader = asks(&stage, "/narrow", "buy stock.read");
    assert_eq!((reader.status, reader.body.as_str()), (400, r#"{"error":"invalid_scope"}"#));
    let nobody = ask(stage.edge, &get("/narrow", &[("Host", stage::EDGE_HOST)]));
    assert_eq!(nobody.status, 401, "{nobody:?}");
}

#[test]
fn a_service_is_not_reached_without_the_transaction() {
    let stage = Stage::start();
    let without = asks(&stage, "/without", WHOLE);
    assert_eq!((without.status, code(&without)), (403, json!("txn.missing")), "{without:?}");
    // Another's token beside a proof that was made for one's own.
    let swapped = asks(&stage, "/swapped", WHOLE);
    assert_eq!(swapped.status, 401, "{swapped:?}");
    // Who passes it on authenticates by something else.
    let alone = asks(&stage, "/alone", WHOLE);
    assert_eq!(alone.status, 401, "{alone:?}");
    // A workload that the service does not know.
    let stranger = asks(&stage, "/stranger", WHOLE);
    assert_eq!((stranger.status, stranger.body.as_str()), (400, r#"{"error":"unauthorized_client"}"#));
}

#[test]
fn calls_go_on_while_keys_rotate() {
    let stage = Stage::start();
    let (_, old) = passed(&asks(&stage, "/narrow", WHOLE));
    let newer = stage.rotate(Duration::from_secs(20));
    let begun = Instant::now();
    let mut since = None;
    while since.is_none_or(|since: Instant| since.elapsed() < Duration::from_secs(3)) {
        let (_, kid) = passed(&asks(&stage, "/narrow", WHOLE));
        match (kid == newer, since) {
            (true, None) => since = Some(Instant::now()),
            (false, None) => assert_eq!(kid, old),
            (true, Some(_)) => {}
            (false, Some(_)) => panic!("the old key signs again"),
        }
        assert!(begun.elapsed() < WITHIN, "the new key does not sign");
        std::thread::sleep(Duration::from_millis(200));
    }
}
