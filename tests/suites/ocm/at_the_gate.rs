//! What the gateway refuses: the server behind never sees it.

use portcullis_tests::serving::{get, request};
use serde_json::{Value, json};

use super::peers::{How, Message, unique};
use super::stage::{Cloud, Stage, shared, wall};

/// A share of the test's server for Bob, as it should be.
fn good(stage: &Stage, more: &Value) -> Message {
    let share = stage.mallory.share(&format!("bob@{}", stage.bob.host), more);
    Message::json(&stage.bob, "shares", &share)
}

/// A request is refused so, and the server behind has not seen it.
fn refused(cloud: &Cloud, what: &str, bytes: &[u8], status: u16, code: &str) {
    let before = cloud.came();
    let (answer, why) = cloud.judges(bytes);
    assert_eq!((answer.status, why.as_str()), (status, code), "{what}: {answer:?}");
    assert_eq!(cloud.came(), before, "{what}: the server behind has seen it");
}

#[test]
fn signatures_that_prove_nothing_are_refused() {
    let stage = shared();
    let _turn = stage.turn();
    let (bob, mallory, other) = (&stage.bob, &stage.mallory, &stage.other);
    mallory.befriend(bob, "bob");
    let how = || How::by(mallory);
    let none = json!({});

    // What is wrong with the others is what they differ by.
    let control = good(&stage, &none).signed_by(mallory);
    let (answer, _) = bob.judges(&control.bytes());
    assert_eq!(answer.status, 201, "{answer:?}");
    refused(bob, "the same again", &control.bytes(), 401, "ocm.signature_replayed");

    let mut tampered = good(&stage, &none).signed_by(mallory);
    let at = tampered.body.windows(5).position(|five| five == b"notes").expect("it is there");
    tampered.body[at] = b'N';
    refused(bob, "another body", &tampered.bytes(), 401, "signature.digest_mismatch");

    for left_out in ["@method", "@target-uri", "content-digest", "content-length"] {
        let covered: Vec<&str> = super::peers::COVERED.into_iter().filter(|name| *name != left_out).collect();
        let message = good(&stage, &none).signed("ocm", &How { covered: &covered, ..how() });
        refused(bob, left_out, &message.bytes(), 401, "signature.component_not_covered");
    }

    let stale = good(&stage, &none).signed("ocm", &How { created: wall() - 400, ..how() });
    refused(bob, "made long ago", &stale.bytes(), 401, "signature.too_old");
    let early = good(&stage, &none).signed("ocm", &How { created: wall() + 120, ..how() });
    refused(bob, "made in the future", &early.bytes(), 401, "signature.created_in_future");

    let two = good(&stage, &none).signed("ocm", &how()).signed("more", &how());
    refused(bob, "two signatures", &two.bytes(), 401, "signature.tag_repeated");

    // Who signs has the keys of the server that the body speaks for, and no other's.
    let strangers = good(&stage, &none).signed_by(other);
    refused(bob, "another server's key", &strangers.bytes(), 401, "key.unknown");
    let disguised = good(&stage, &none).signed("ocm", &How { keyid: mallory.keyid(), ..How::by(other) });
    refused(bob, "another server's key under its name", &disguised.bytes(), 401, "crypto.signature_invalid");
    let alice = format!("alice@{}", stage.alice.host);
    let spoken = good(&stage, &json!({"owner": alice, "sender": alice})).signed_by(mallory);
    refused(bob, "in the name of Alice", &spoken.bytes(), 401, "key.unknown");
    let owned = good(&stage, &json!({"owner": alice})).signed_by(mallory);
    refused(bob, "what Alice owns", &owned.bytes(), 403, "ocm.owner_other");

    let mac = good(&stage, &none).signed("ocm", &How { mac: true, ..how() });
    refused(bob, "a MAC with the public key", &mac.bytes(), 401, "signature.algorithm_not_accepted");
    refused(bob, "no signature", &good(&stage, &none).bytes(), 401, "signature.missing");

    let mut old = good(&stage, &none);
    let keyid = mallory.keyid();
    let value = format!(
        "keyId=\"{keyid}\",algorithm=\"rsa-sha256\",headers=\"(request-target) host date digest\",signature=\"AAAA\""
    );
    old.fields.push(("Signature".into(), value));
    refused(bob, "as in draft-cavage", &old.bytes(), 401, "ocm.signature_legacy");
}

#[test]
fn shares_that_nobody_could_keep_to_are_refused() {
    let stage = shared();
    let _turn = stage.turn();
    let (alice, bob, mallory) = (&stage.alice, &stage.bob, &stage.mallory);
    let webdav = |requirements: &[&str]| json!({"uri": "notes", "sharedSecret": "secret-of-the-test", "permissions": ["read"], "requirements": requirements});
    let webapp = |requirements: &[&str]| {
        json!({"uri": format!("https://{}/app", mallory.host), "sharedSecret": "secret-of-the-test", "targets": ["blank"],
            "permissions": ["view"], "requirements": requirements})
    };
    let exchange = "must-exchange-token";
    let cases = [
        (
            "a web application without an exchange",
            json!({"name": "multi", "webapp": webapp(&["must-use-mfa"])}),
            "ocm.share_webapp_exchange",
        ),
        (
            "requirements that disagree",
            json!({"name": "multi", "webdav": webdav(&[exchange]), "webapp": webapp(&[exchange, "must-use-mfa"])}),
            "ocm.share_requirements_disagree",
        ),
        ("no exchange", json!({"name": "multi", "webdav": webdav(&[])}), "ocm.share_criterion_exchange"),
        (
            "a requirement that nobody knows",
            json!({"name": "multi", "webdav": webdav(&[exchange, "must-sing"])}),
            "ocm.share_requirement",
        ),
    ];
    for (what, protocol, code) in cases {
        let message = good(&stage, &json!({"protocol": protocol})).signed_by(mallory);
        refused(bob, what, &message.bytes(), 400, code);
    }
    // Alice's server does not hold its users to a second factor.
    let protocol = json!({"name": "multi", "webdav": webdav(&[exchange, "must-use-mfa"])});
    let share = mallory.share(&format!("alice@{}", alice.host), &json!({"protocol": protocol}));
    let message = Message::json(alice, "shares", &share).signed_by(mallory);
    refused(alice, "a second factor", &message.bytes(), 400, "ocm.share_mfa_receiver");
    let elsewhere = mallory.share(&format!("bob@{}", alice.host), &json!({}));
    let message = Message::json(bob, "shares", &elsewhere).signed_by(mallory);
    refused(bob, "for another server", &message.bytes(), 400, "ocm.share_recipient");
}

#[test]
fn what_is_no_endpoint_of_the_draft_is_refused() {
    let stage = shared();
    let _turn = stage.turn();
    let bob = &stage.bob;
    let fields = [("Host", bob.host.as_str())];
    refused(bob, "as servers were found before", &get("/ocm-provider", &fields), 404, "ocm.discovery_legacy");
    refused(bob, "another method", &get("/ocm/shares", &fields), 405, "ocm.method_unknown");
    refused(bob, "an endpoint that is none", &get("/ocm/others", &fields), 404, "ocm.endpoint_unknown");
    // Longer than what is read.
    let more = json!({"description": "x".repeat(300 << 10)});
    let before = bob.came();
    let answer = bob.comes(&good(&stage, &more).signed_by(&stage.mallory).bytes());
    assert_eq!((answer.status, bob.came()), (413, before), "{answer:?}");
}

#[test]
fn a_server_that_is_not_there_is_nobodys_fault() {
    let stage = shared();
    let _turn = stage.turn();
    let share = stage.gone.share(&format!("bob@{}", stage.bob.host), &json!({}));
    let message = Message::json(&stage.bob, "shares", &share).signed_by(&stage.gone);
    refused(&stage.bob, "from who is not there", &message.bytes(), 503, "ocm.peer_unavailable");
    let (status, no) = stage.bob.looks_up(&stage.gone.host);
    assert_eq!((status, &no["error"]), (503, &json!("ocm.peer_unavailable")), "{no}");
    // And one that nobody has listed is not asked for.
    let (status, no) = stage.bob.looks_up("cloud-f.example:8443");
    assert_eq!((status, &no["error"]), (400, &json!("ocm.peer_url")), "{no}");
}

#[test]
fn nobody_outside_says_who_signed() {
    let stage = shared();
    let _turn = stage.turn();
    let bob = &stage.bob;
    let fields =
        [("Host", bob.host.as_str()), ("Ocm-Signer", stage.alice.host.as_str()), ("Ocm-Access", "shared-secret")];
    let marked = unique();
    let answer = bob.comes(&request("GET", &format!("/dav/{marked}"), &fields));
    assert_eq!(answer.status, 404, "{answer:?}");
    let came = bob.came();
    assert!(came.contains(&format!("GET /dav/{marked} by nobody")), "{came:?}");
    assert_eq!(bob.comes(&get("/.well-known/ocm", &fields)).status, 200);
    assert!(bob.questions().iter().all(|one| one.ends_with(" by nobody")), "{:?}", bob.questions());
}

#[test]
fn what_the_other_server_could_not_keep_to_is_not_sent() {
    let stage = shared();
    let _turn = stage.turn();
    let (alice, other) = (&stage.alice, &stage.other);
    other.befriend(alice, "alice");
    let wanted = json!({"path": "report.txt", "with": format!("mallory@{}", other.host), "second_factor": true});
    let (status, no) = alice.asks("POST", "/users/alice/shares", &wanted.to_string());
    assert_eq!((status, &no["error"]), (400, &json!("ocm.share_mfa_receiver")), "{no}");
    assert_eq!(stage.published.asked(&format!("https://{}/ocm/shares", other.host)), 0);
    let (_, shares) = alice.asks("GET", "/users/alice/shares", "");
    assert!(!shares.to_string().contains(&other.host), "{shares}");
}
