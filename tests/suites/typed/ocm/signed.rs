//! Signed requests, notifications and the code flow.

use portcullis_host::{
    KeySet, Portcullis,
    ocm::{
        notifications::{Change, PartyKeys},
        requests::{Expectations, Header},
        shares::{Protocol, ShareState},
        tokens::{Grant, Refusal, TokenRequest},
    },
};
use portcullis_tests::{CRYPTO, corpus::NOW};
use serde_json::{Value, json};

use super::{held, of, peers, refused, sent};
use crate::{
    code, component,
    messages::{at, headers, text_answer, wanted},
};

fn expectations(members: &Value) -> Expectations {
    Expectations { window: members["window"].as_u64(), skew: members["skew"].as_u64() }
}

/// The keys of a server, where there are any; or the code of their refusal.
fn keys(component: &mut Portcullis, members: &Value, host: &str) -> Result<Option<KeySet>, String> {
    match &members["jwks"][host] {
        Value::Null => Ok(None),
        jwks => {
            let keys = component.key_set_from_jwks(jwks.to_string().as_bytes()).expect("an answer");
            keys.map(Some).map_err(|rejection| rejection.code)
        }
    }
}

#[test]
fn typed_signed_requests_answer_as_the_text_door_does() {
    for crypto in CRYPTO {
        let mut component = component(crypto);
        let (mut accepted, mut turned_away) = (0, 0);
        for case in of("ocm.signature") {
            let Some(answer) = text_answer(&mut component, &case) else { continue };
            let (wanted, members) = (wanted(&answer), &case.request);
            let (request, expect) = (sent(members), expectations(members));
            let host = match component.ocm_sender(&request, members["signer"].as_str()).expect("an answer") {
                Ok(host) => host,
                Err(refusal) => {
                    assert_eq!(refused(&refusal, &answer), wanted, "{}", case.id);
                    turned_away += 1;
                    continue;
                }
            };
            let keys = match keys(&mut component, members, &host) {
                Ok(Some(keys)) => keys,
                Ok(None) => {
                    assert_eq!(wanted, "ocm.signer_keys", "{}", case.id);
                    continue;
                }
                Err(refused) => {
                    assert_eq!(refused, wanted, "{}", case.id);
                    continue;
                }
            };
            let signed = component.verify_ocm_request(&request, &host, &keys, &expect, at(&case)).expect("an answer");
            let report = component.explain_ocm_request(&request, &host, &keys, &expect, at(&case)).expect("an answer");
            assert_eq!(report.outcome, signed, "explained: {}", case.id);
            match signed {
                Ok(signed) => {
                    let told = json!({"signer": signed.signer, "keyid": signed.keyid, "until": signed.until});
                    assert_eq!((wanted, &answer["result"]), ("accepted", &told), "{crypto} {}", case.id);
                    let known = component.describe(&keys).expect("an answer");
                    let known = known.iter().find(|key| key.kid.as_deref() == Some(&signed.keyid)).expect("its key");
                    assert_eq!(known.thumbprint.as_ref(), Some(&signed.thumbprint), "{}", case.id);
                    // Where the body says whom it is from, nobody else has signed it.
                    if members["signer"].is_null() {
                        let other =
                            component.verify_ocm_request(&request, "eve.example.org", &keys, &expect, at(&case));
                        assert!(other.expect("an answer").is_err(), "{}", case.id);
                    }
                    accepted += 1;
                }
                Err(refusal) => {
                    assert_eq!(refused(&refusal, &answer), wanted, "{crypto} {}", case.id);
                    turned_away += 1;
                }
            }
        }
        assert!(accepted >= 8 && turned_away >= 30, "{accepted} accepted, {turned_away} refused");
    }
}

#[test]
fn typed_preparations_answer_as_the_text_door_does() {
    let mut component = component("software");
    let (mut prepared, mut refused) = (0, 0);
    for case in of("ocm.sign") {
        let Some(answer) = text_answer(&mut component, &case) else { continue };
        let (wanted, members) = (wanted(&answer), &case.request);
        let algorithm = members["algorithm"].as_str().expect("a name").parse().expect("an algorithm");
        let keyid = members["keyid"].as_str().expect("a text");
        let ready = component.prepare_ocm_request(&sent(members), keyid, algorithm, at(&case)).expect("an answer");
        assert_eq!(code(&ready), wanted, "{}", case.id);
        let Ok(ready) = ready else {
            refused += 1;
            continue;
        };
        prepared += 1;
        assert_eq!(answer["result"]["base"], ready.base(), "{}", case.id);
        let added = component.finish_ocm_request(&ready, &[1, 2, 3]).expect("an answer");
        let mut wanted = headers(&answer["result"]["headers"]);
        let input = answer["result"]["input"].as_str().expect("a text");
        wanted.push(Header { name: "Signature-Input".into(), value: input.into() });
        wanted.push(Header { name: "Signature".into(), value: b"ocm=:AQID:".to_vec() });
        assert_eq!(added, wanted, "{}", case.id);
    }
    assert!(prepared >= 2 && refused >= 1, "{prepared} prepared, {refused} refused");
}

#[test]
fn typed_notifications_answer_as_the_text_door_does() {
    let mut component = component("software");
    let (mut accepted, mut turned_away) = (0, 0);
    for case in of("ocm.notification") {
        let Some(answer) = text_answer(&mut component, &case) else { continue };
        let (wanted, members) = (wanted(&answer), &case.request);
        let Some(share) = held(&members["share"]) else { continue };
        // Typed functions verify the signature themselves, and take nobody's word for it.
        if members.get("signer").is_some() {
            continue;
        }
        let (request, expect) = (sent(members), expectations(members));
        let peers = peers(&mut component, members).expect("lists");
        let mut of = |address: &str| {
            let address = component.ocm_address(address).expect("an answer").ok()?;
            keys(&mut component, members, &address.host).expect("keys")
        };
        let (sender, receiver) = (of(&share.sender), of(&share.share_with));
        let parties = PartyKeys { sender: sender.as_ref(), receiver: receiver.as_ref() };
        let taken = component.judge_ocm_notification(&request, &share, parties, &peers, &expect, at(&case));
        let taken = taken.expect("an answer");
        let report = component.explain_ocm_notification(&request, &share, parties, &peers, &expect, at(&case));
        assert_eq!(report.expect("an answer").outcome, taken, "explained: {}", case.id);
        let taken = match taken {
            Ok(taken) => taken,
            Err(refusal) => {
                assert_eq!(refused(&refusal, &answer), wanted, "{}", case.id);
                turned_away += 1;
                continue;
            }
        };
        accepted += 1;
        let change = match taken.change {
            Change::Accepted => "accepted",
            Change::Declined => "declined",
            Change::Updated => "updated",
            Change::Unshared => "unshared",
            Change::ReshareRequested => "reshare-requested",
            Change::ReshareUndone => "reshare-undone",
        };
        let state = taken.state.map(|state| match state {
            ShareState::Pending => "pending",
            ShareState::Accepted => "accepted",
            ShareState::Declined => "declined",
            ShareState::Unshared => "unshared",
        });
        let result = &answer["result"];
        assert_eq!((wanted, result["change"].as_str()), ("accepted", Some(change)), "{}", case.id);
        assert_eq!(result["state"].as_str(), state, "{}", case.id);
        let named = component.read_ocm_notification_untrusted(&request).expect("an answer").expect("a notification");
        assert_eq!(named.provider_id, share.provider_id, "{}", case.id);
        let untrusted = component.ocm_named_sender_untrusted(&request).expect("an answer");
        assert!(untrusted.is_none_or(|host| !host.contains('#')), "{}", case.id);
        // Without the keys of either server nobody knows whom it is from.
        let nobody =
            component.judge_ocm_notification(&request, &share, PartyKeys::default(), &peers, &expect, at(&case));
        let told = nobody.expect("an answer").map_err(|refusal| match refusal {
            portcullis_host::ocm::requests::Refusal::Refused(refused) => (refused.reason.code, refused.status),
            portcullis_host::ocm::requests::Refusal::Malformed(rejection) => (rejection.code, 0),
        });
        assert_eq!(told.map(|_| ()), Err(("ocm.signer_keys".into(), 401)), "{}", case.id);
    }
    assert!(accepted >= 8 && turned_away >= 15, "{accepted} accepted, {turned_away} refused");
}

#[test]
fn typed_token_requests_answer_as_the_text_door_does() {
    let mut component = component("software");
    let (mut accepted, mut turned_away) = (0, 0);
    for case in of("ocm.token") {
        let Some(answer) = text_answer(&mut component, &case) else { continue };
        let (wanted, members) = (wanted(&answer), &case.request);
        let Some(share) = held(&members["share"]) else { continue };
        // Typed functions verify the signature themselves, and take nobody's word for it.
        if members.get("signer").is_some() {
            continue;
        }
        let (request, expect) = (sent(members), expectations(members));
        let peers = peers(&mut component, members).expect("lists");
        let judged = |refusal: Refusal| match refusal {
            Refusal::Malformed(rejection) => {
                assert_eq!(answer["error"]["status"], Value::Null, "{}", case.id);
                assert_eq!(rejection.code, wanted, "{}", case.id);
            }
            Refusal::Refused(refused) => {
                let error = &answer["error"];
                assert_eq!((&error["status"], &error["oauth_error"]), (&json!(refused.status), &json!(refused.error)));
                assert_eq!(refused.reason.code, wanted, "{}", case.id);
            }
        };
        let asked = match component.read_ocm_token_request_untrusted(&request).expect("an answer") {
            Ok(asked) => asked,
            Err(refusal) => {
                judged(refusal);
                turned_away += 1;
                continue;
            }
        };
        let Some(keys) = keys(&mut component, members, &asked.client).expect("keys") else {
            assert_eq!(wanted, "ocm.signer_keys", "{}", case.id);
            continue;
        };
        let granted = component.decide_ocm_token_request(&request, &share, &keys, &peers, &expect, at(&case));
        let granted = granted.expect("an answer");
        let report = component.explain_ocm_token_request(&request, &share, &keys, &peers, &expect, at(&case));
        assert_eq!(report.expect("an answer").outcome, granted, "explained: {}", case.id);
        match granted {
            Ok(grant) => {
                let protocol = match grant.protocol {
                    Protocol::Webdav => "webdav",
                    Protocol::Webapp => "webapp",
                };
                let told = json!({"client": grant.client, "providerId": grant.provider_id, "protocol": protocol,
                    "until": grant.until});
                assert_eq!((wanted, &answer["result"]["grant"]), ("accepted", &told), "{}", case.id);
                accepted += 1;
            }
            Err(refusal) => {
                judged(refusal);
                turned_away += 1;
            }
        }
    }
    assert!(accepted >= 2 && turned_away >= 12, "{accepted} accepted, {turned_away} refused");
}

#[test]
fn tokens_are_asked_for_and_answered() {
    let mut component = component("software");
    let asked = TokenRequest { client: "b.example.org".into(), code: "s3cr3t+/=".into() };
    let body = component.write_ocm_token_request(&asked).expect("an answer").expect("a form");
    let form = headers(&json!([["Content-Type", "application/x-www-form-urlencoded"]]));
    let request = portcullis_host::ocm::requests::Request {
        method: "POST".into(),
        url: "https://a.example.org/ocm/token".into(),
        headers: form,
        body: body.into_bytes(),
    };
    assert_eq!(component.read_ocm_token_request_untrusted(&request).expect("an answer"), Ok(asked));

    let grant = Grant {
        client: "b.example.org".into(),
        provider_id: "7c08".into(),
        protocol: Protocol::Webdav,
        until: NOW + 600,
    };
    let mut write =
        |token: &str, lifetime| component.write_ocm_token_answer(&grant, token, lifetime, NOW).expect("an answer");
    assert_eq!(code(&write("t-1", 0)), "ocm.token_answer");
    assert_eq!(code(&write("t-1", 3601)), "ocm.token_answer");
    assert_eq!(code(&write("a b", 300)), "ocm.token_answer");
    let body = write("t-1", 3600).expect("a body");
    let answer = component.read_ocm_token_answer(200, body.as_bytes()).expect("an answer").expect("a token");
    assert_eq!((answer.access_token.as_str(), answer.expires_in), ("t-1", 600), "it ends with the share");
    let refused = component.read_ocm_token_answer(400, br#"{"error":"invalid_grant"}"#).expect("an answer");
    assert_eq!(code(&refused), "ocm.token_refused");
    assert_eq!(code(&component.read_ocm_token_answer(200, b"<html>").expect("an answer")), "ocm.token_answer");
}
