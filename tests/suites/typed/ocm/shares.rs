//! Shares: what their receiver decides, and what their sender sees to before.

use portcullis_host::ocm::{
    access::{Progress, Step, Wanted},
    addresses::PeerLists,
    discovery::Target,
    requests::Refusal,
    shares::{Access, Contacts, HeldShare, Protocol, Received, Receiver, ShareAnswer, ShareState, SignedBy},
};
use portcullis_tests::{CRYPTO, corpus::NOW};
use serde_json::{Value, json};

use super::{document, of, peers, refused};
use crate::{
    code, component,
    messages::{at, text, text_answer, texts, wanted},
};

/// What is taken of a share, as the text door writes it.
fn written(received: &Received) -> Value {
    let access = |one: &Access| match one {
        Access::Exchange => "exchange",
        Access::SharedSecret => "shared-secret",
        Access::PublicKey => "public-key",
        Access::Mfa => "mfa",
    };
    let target = |target: &Target| match target {
        Target::Blank => "blank",
        Target::Iframe => "iframe",
    };
    let mut told = json!({
        "access": received.access.iter().map(access).collect::<Vec<_>>(),
        "protocols": received.protocols,
        "may_exchange": received.may_exchange,
    });
    if !received.targets.is_empty() {
        told["targets"] = received.targets.iter().map(target).collect();
    }
    told
}

#[test]
fn typed_shares_answer_as_the_text_door_does() {
    let mut component = component("software");
    let (mut taken, mut sendable, mut turned_away) = (0, 0, 0);
    for case in of("ocm.share") {
        let Some(answer) = text_answer(&mut component, &case) else { continue };
        let (wanted, members) = (wanted(&answer), &case.request);
        let peers = peers(&mut component, members).expect("lists");
        let receiver = document(&mut component, &members["receiver"], &peers);
        let sender = document(&mut component, &members["sender"], &peers);
        let (receiver, sender) = match (receiver, sender) {
            (Ok(receiver), Ok(sender)) => (receiver, sender),
            (Err(refused), _) | (_, Err(refused)) => {
                assert_eq!(refused, wanted, "{}", case.id);
                continue;
            }
        };
        let (notification, documents) = (members["share"].to_string().into_bytes(), (&receiver, &sender));
        if members["sending"] == true {
            let share = component.check_ocm_share_creation(&notification, documents, &peers, at(&case));
            let share = share.expect("an answer");
            assert_eq!(code(&share), wanted, "{}", case.id);
            let report = component.explain_ocm_share_creation(&notification, documents, &peers, at(&case));
            assert_eq!(report.expect("an answer").outcome, share, "explained: {}", case.id);
            *if share.is_ok() { &mut sendable } else { &mut turned_away } += 1;
            continue;
        }
        // Where nothing else is said, a server is known by the host of its API.
        let end_point = &receiver.description().end_point;
        let own = end_point.trim_start_matches("https://").split('/').next().unwrap_or_default();
        let here = Receiver {
            host: text(&members["host"]).unwrap_or_else(|| own.into()),
            signed_by: match members.get("signer") {
                None => SignedBy::Elsewhere,
                Some(Value::Null) => SignedBy::Nobody,
                Some(host) => SignedBy::Host(text(host).expect("a host")),
            },
            contacts: match &members["contacts"] {
                Value::Null => Contacts::Unasked,
                list => Contacts::Only(texts(list)),
            },
        };
        let received = component.receive_ocm_share(&notification, &here, documents, &peers, at(&case));
        let received = received.expect("an answer");
        let report = component.explain_ocm_share(&notification, &here, documents, &peers, at(&case));
        assert_eq!(report.expect("an answer").outcome, received, "explained: {}", case.id);
        let received = match received {
            Ok(received) => received,
            Err(refusal) => {
                assert_eq!(refused(&refusal, &answer), wanted, "{}", case.id);
                turned_away += 1;
                continue;
            }
        };
        taken += 1;
        assert_eq!((wanted, &answer["result"]), ("accepted", &written(&received)), "{}", case.id);
        // What is kept of it opens the same as the notification does.
        let open = json!({"id": "open", "op": "ocm.open", "share": members["share"], "sender": members["sender"], "mfa": true,
            "at": at(&case)});
        let open: Value = serde_json::from_str(&component.answer(open.to_string().as_bytes(), NOW).expect("an answer"))
            .expect("JSON");
        let kept = HeldShare::of(received.share, ShareState::Pending);
        let progress = Progress { mfa: true, ..Progress::default() };
        let wanted = Wanted { share: &kept, protocol: Protocol::Webdav, inside: None };
        let next = component.next_ocm_step(wanted, &sender, &progress, &peers, at(&case)).expect("an answer");
        assert_eq!(code(&next), open["error"]["code"].as_str().unwrap_or("accepted"), "{}", case.id);
        match next {
            Ok(Step::Exchange) => assert_eq!(open["result"], json!({"do": "exchange"}), "{}", case.id),
            Ok(Step::Present(shown)) => {
                assert_eq!(
                    (&open["result"]["bearer"], &open["result"]["url"]),
                    (&json!(shown.bearer), &json!(shown.url))
                );
            }
            Err(_) => {}
        }
    }
    assert!(taken >= 30 && sendable >= 2 && turned_away >= 60, "{taken}, {sendable}, {turned_away}");
}

const SHARE: &str = r#"{"shareWith":"marie@b.example.org","name":"spec.yaml","providerId":"7c08","owner":"albert@a.example.org",
    "sender":"albert@a.example.org","shareType":"user","resourceType":"file","protocol":{"name":"multi",
    "webdav":{"uri":"7c08","sharedSecret":"hfiuhworzwnur98d3wjiwhr","permissions":["read","share"]},
    "ssh":{"uri":"marie@files.a.example.org/data"}}}"#;

#[test]
fn what_a_server_hands_in_wrong_is_not_the_peers_fault() {
    for crypto in CRYPTO {
        let mut component = component(crypto);
        let peers = component.ocm_peers(&PeerLists::default()).expect("an answer").expect("lists");
        let own = json!({"enabled": true, "apiVersion": "1.4.0", "endPoint": "https://b.example.org/ocm",
            "resourceTypes": [{"name": "file", "shareTypes": ["user"], "protocols": {"webdav": "/dav/"}}]});
        let own = document(&mut component, &own, &peers).expect("a document");
        let mut told = |signed_by, contacts| {
            let receiver = Receiver { host: "b.example.org".into(), signed_by, contacts };
            let answer = component.receive_ocm_share(SHARE.as_bytes(), &receiver, (&own, &own), &peers, NOW);
            match answer.expect("an answer") {
                Ok(received) => (received.share.provider_id, 201),
                Err(Refusal::Refused(refused)) => (refused.reason.code, refused.status),
                Err(Refusal::Malformed(rejection)) => (rejection.code, 0),
            }
        };
        assert_eq!(told(SignedBy::Host("a.example.org".into()), Contacts::Elsewhere), ("7c08".into(), 201));
        assert_eq!(told(SignedBy::Host("a b".into()), Contacts::Elsewhere), ("ocm.address_host".into(), 0));
        assert_eq!(told(SignedBy::Host("b.example.org".into()), Contacts::Elsewhere), ("ocm.sender_other".into(), 401));
        let book = |text: &str| Contacts::Only(vec![text.into()]);
        assert_eq!(told(SignedBy::Elsewhere, book("nobody")), ("ocm.address_malformed".into(), 0));
        assert_eq!(told(SignedBy::Elsewhere, book("eve@a.example.org")), ("ocm.share_not_invited".into(), 403));
    }
}

#[test]
fn answers_and_requests_for_shares_are_read() {
    let mut component = component("software");
    let peers = component.ocm_peers(&PeerLists::default()).expect("an answer").expect("lists");
    let mut read = |status, body: &str| {
        component.read_ocm_share_answer(SHARE.as_bytes(), &peers, status, body.as_bytes()).expect("an answer")
    };
    assert_eq!(code(&read(201, r#"{"recipientDisplayName":"Marie"}"#)), "ocm.share_answer", "SSH needs a key");
    assert_eq!(code(&read(201, "<html>")), "ocm.share_answer");
    assert_eq!(code(&read(403, "<html>")), "ocm.share_refused");
    let answer =
        ShareAnswer { recipient_display_name: "Marie".into(), recipient_public_keys: Some("ssh-ed25519 AAAA".into()) };
    let body = component.write_ocm_share_answer(&answer).expect("an answer");
    let read = component.read_ocm_share_answer(SHARE.as_bytes(), &peers, 201, body.as_bytes()).expect("an answer");
    assert_eq!(read, Ok(answer));

    assert_eq!(code(&component.check_ocm_reshare(SHARE.as_bytes(), &peers).expect("an answer")), "accepted");
    let without = SHARE.replace(r#""read","share""#, r#""read""#);
    let refused = component.check_ocm_reshare(without.as_bytes(), &peers).expect("an answer");
    assert_eq!(code(&refused), "ocm.reshare_not_granted");

    let asked = br#"{"owner":"albert@a.example.org","shareWith":"marie@b.example.org","share":"7c08"}"#;
    let mut read =
        |signer: &str| component.read_ocm_request_for_share(asked, signer, "a.example.org").expect("an answer");
    assert_eq!(read("b.example.org").expect("a request").share_with, "marie@b.example.org");
    let Err(Refusal::Refused(refused)) = read("eve.example.org") else { panic!("it is refused") };
    assert_eq!((refused.reason.code.as_str(), refused.status), ("ocm.sender_other", 401));
}
