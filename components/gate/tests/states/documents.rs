//! Documents that are handed in: out of order, unexpected, too long, or not what they should be.

use super::*;

const METADATA: &str = "https://idp.example/.well-known/oauth-authorization-server";

fn of_status(status: u16, text: &str) -> Content {
    Content::Body { status, media_type: None, bytes: text.as_bytes().to_vec() }
}

#[test]
fn what_cannot_be_used_is_told_and_replaces_nothing() {
    let gate = gate(&policy("", ""));
    let keys = jwks(&[(1, "a")]);
    assert!(give(&gate, JWKS, body(&keys), NOW, NOW).is_empty());
    let request = with(&lasting(1, "a", ""));
    let padded = |length: usize| format!("{}{}", jwks(&[]), " ".repeat(length - jwks(&[]).len()));
    for (what, content, code) in [
        ("failed", Content::Failed("no route".into()), "document.failed"),
        ("not found", of_status(404, &keys), "document.status"),
        ("not modified", of_status(304, ""), "document.status"),
        ("another success", of_status(203, &keys), "document.status"),
        ("huge", body(&padded(1_024 * 1_024 + 1)), "document.too_large"),
        ("no JSON", body("<html>"), "json.syntax"),
        ("no key set", body("{}"), "key.set_keys_missing"),
    ] {
        assert_eq!(give(&gate, JWKS, content, NOW + 1, NOW + 1), [code], "{what}");
        assert_eq!(Host::default().asking(&gate, &request, NOW + 1), (ALLOWED, vec![]), "{what}");
    }
    assert!(give(&gate, JWKS, body(&padded(1_024 * 1_024)), NOW + 2, NOW + 2).is_empty(), "the longest");
}

#[test]
fn what_nobody_needs_is_told() {
    let gate = gate(&policy(r#","status":"required""#, ""));
    for url in ["https://evil.example/jwks", "https://idp.example/jwks/", "", LIST] {
        assert_eq!(give(&gate, url, body(&jwks(&[(9, "a")])), NOW, NOW), ["document.unexpected"], "{url}");
    }
    let before = gate.held();
    for number in 0..1_000 {
        give(&gate, &format!("https://evil.example/{number}"), body("x"), NOW, NOW);
    }
    assert_eq!(gate.held(), before, "and kept nowhere");
}

#[test]
fn an_answer_that_is_overtaken_is_not_taken() {
    let gate = gate(&policy("", ""));
    assert!(give(&gate, JWKS, body(&jwks(&[(2, "b")])), NOW + 20, NOW + 20).is_empty());
    assert_eq!(give(&gate, JWKS, body(&jwks(&[(1, "a")])), NOW + 10, NOW + 21), ["document.older"]);
    let old = with(&lasting(1, "a", ""));
    assert_eq!(Host::default().asking(&gate, &old, NOW + 21).0, (401, Some("key.unknown")));
    assert!(give(&gate, JWKS, body(&jwks(&[(1, "a")])), NOW + 20, NOW + 22).is_empty(), "one as old is");
    assert_eq!(Host::default().asking(&gate, &old, NOW + 22).0, ALLOWED);
}

#[test]
fn documents_come_in_any_order_and_more_than_once() {
    let documents = |order: [usize; 3]| {
        let gate = gate(&policy(r#","status":"required""#, ""));
        let list = status_list(1, "a", LIST, &[0], NOW - 5, "");
        let entry = format!(r#""status":{{"status_list":{{"idx":0,"uri":"{LIST}"}}}},"#);
        let request = with(&lasting(1, "a", &entry));
        let all = [(JWKS, jwks(&[(1, "a")])), (JWKS, jwks(&[(1, "a")])), (LIST, list)];
        for index in order {
            let (url, text) = &all[index];
            give(&gate, url, body(text), NOW, NOW);
        }
        let mut host = Host::with(&[(JWKS, all[0].1.clone()), (LIST, all[2].1.clone())]);
        host.asking(&gate, &request, NOW).0
    };
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        assert_eq!(documents(order), ALLOWED, "{order:?}");
    }
}

#[test]
fn metadata_says_who_it_is_of_and_where_keys_are() {
    let gate = gate(&policy("", "").replace(&format!(r#","keys":"{JWKS}""#), ""));
    gate.due(NOW);
    let text = |issuer: &str, keys: &str| format!(r#"{{"issuer":"{issuer}","jwks_uri":"{keys}"}}"#);
    for (what, content, code) in [
        ("another issuer", body(&text("https://evil.example", JWKS)), "document.metadata_issuer"),
        ("a slash more", body(&text("https://idp.example/", JWKS)), "document.metadata_issuer"),
        ("no issuer", body(r#"{"jwks_uri":"https://idp.example/jwks"}"#), "document.metadata_malformed"),
        ("no keys", body(r#"{"issuer":"https://idp.example"}"#), "document.metadata_malformed"),
        (
            "keys that are no text",
            body(r#"{"issuer":"https://idp.example","jwks_uri":1}"#),
            "document.metadata_malformed",
        ),
        ("keys at an address", body(&text(ISSUER, "https://10.0.0.1/jwks")), "fetch.url_not_allowed"),
        ("keys over http", body(&text(ISSUER, "http://idp.example/jwks")), "fetch.url_not_allowed"),
        ("keys in a file", body(&text(ISSUER, "file:/etc/passwd")), "fetch.url_not_allowed"),
        (
            "twice",
            body(&format!(r#"{{"issuer":"{ISSUER}","issuer":"{ISSUER}","jwks_uri":"{JWKS}"}}"#)),
            "json.duplicate_name",
        ),
        ("no object", body("[]"), "json.not_object"),
        ("not found", of_status(404, ""), "document.status"),
    ] {
        assert_eq!(give(&gate, METADATA, content, NOW, NOW), [code], "{what}");
    }
    assert!(give(&gate, METADATA, body(&text(ISSUER, JWKS)), NOW, NOW).is_empty());
    assert!(due(&gate, NOW).contains(&JWKS.into()));
}

#[test]
fn keys_that_do_not_fit_are_503_for_the_newcomer() {
    let text = policy("", "").replacen('{', r#"{"limits":{"memory":"16KiB"},"#, 1);
    let gate = gate(&text);
    let many: Vec<String> = (0..250).map(|number| jwk(1, &format!("key-{number}"))).collect();
    let mut host = Host::with(&[(JWKS, format!(r#"{{"keys":[{}]}}"#, many.join(",")))]);
    let decision = host.decide(&gate, &with(&lasting(1, "key-0", "")), NOW);
    assert_eq!(decision.status, 503, "{:?}, and holds {} bytes of 16 KiB", decision.code(), gate.held().bytes);
}
