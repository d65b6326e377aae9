//! Addresses, contacts, invites, discovery documents and directories.

use portcullis_host::ocm::{
    addresses::{Contact, PeerLists, Source},
    discovery::{Endpoint, Place},
    invites::{Acceptance, HeldInvite, Invite, InviteState},
    requests::Refusal,
};
use portcullis_tests::corpus::NOW;
use serde_json::{Value, json};

use super::{document, lists, of, optional, peers, refused};
use crate::{
    code, component,
    messages::{at, text, text_answer, wanted},
};

/// A contact as the text door writes it.
fn written(contact: &Contact) -> Value {
    let source = match contact.source {
        Source::Invite => "invite",
        Source::Share => "share",
        Source::DirectEntry => "direct entry",
    };
    let card: Value = serde_json::from_str(&contact.card).expect("JSON");
    assert_eq!((&card["address"], &card["trusted"]), (&json!(contact.address), &json!(contact.trusted)));
    let mut told =
        json!({"address": contact.address, "name": contact.name, "source": source, "trusted": contact.trusted});
    if let Some(email) = &contact.email {
        told["email"] = json!(email);
    }
    told
}

#[test]
fn typed_addresses_and_contacts_answer_as_the_text_door_does() {
    let mut component = component("software");
    let (mut accepted, mut refused) = (0, 0);
    for case in of("ocm.address") {
        let Some(answer) = text_answer(&mut component, &case) else { continue };
        let address = component.ocm_address(case.request["address"].as_str().expect("a text")).expect("an answer");
        assert_eq!(code(&address), wanted(&answer), "{}", case.id);
        *if address.is_ok() { &mut accepted } else { &mut refused } += 1;
        if let Ok(address) = address {
            assert_eq!(answer["result"], json!({"user": address.user, "host": address.host}), "{}", case.id);
        }
    }
    for case in of("ocm.contact") {
        let Some(answer) = text_answer(&mut component, &case) else { continue };
        let peers = peers(&mut component, &case.request).expect("lists");
        let typed = case.request["address"].as_str().expect("a text");
        let contact = component.ocm_enter_address(typed, &peers).expect("an answer");
        assert_eq!(code(&contact), wanted(&answer), "{}", case.id);
        *if contact.is_ok() { &mut accepted } else { &mut refused } += 1;
        if let Ok(contact) = contact {
            assert_eq!(answer["result"]["contact"], written(&contact), "{}", case.id);
        }
    }
    assert!(accepted >= 8 && refused >= 10, "{accepted} accepted, {refused} refused");
}

#[test]
fn typed_discovery_documents_answer_as_the_text_door_does() {
    let mut component = component("software");
    let (mut accepted, mut refused) = (0, 0);
    for case in of("ocm.discovery") {
        let Some(answer) = text_answer(&mut component, &case) else { continue };
        let (wanted, members) = (wanted(&answer), &case.request);
        let host = members["host"].as_str().expect("a host");
        // Who asks a server at a port answers for it.
        let Ok(address) = component.ocm_address(&format!("x@{host}")).expect("an answer") else {
            assert_eq!(wanted, "ocm.address_host", "{}", case.id);
            continue;
        };
        let mut listing = lists(members);
        listing.listed.push(format!("https://{}", address.host));
        let peers = component.ocm_peers(&listing).expect("an answer").expect("lists");
        let url = component.ocm_document_url(host, &peers).expect("an answer");
        if let Err(rejection) = &url {
            assert_eq!(rejection.code, wanted, "{}", case.id);
            refused += 1;
            continue;
        }
        let text = members["document"].to_string();
        let found = component.ocm_document(text.as_bytes(), &peers).expect("an answer");
        assert_eq!(code(&found), wanted, "{}", case.id);
        let report = component.explain_ocm_document(text.as_bytes(), &peers).expect("an answer");
        assert_eq!(code(&report.outcome), wanted, "explained: {}", case.id);
        let Ok(found) = found else {
            refused += 1;
            continue;
        };
        accepted += 1;
        let told = found.description().clone();
        assert_eq!(report.outcome.as_ref(), Ok(&told), "explained: {}", case.id);
        let keys = component.ocm_keys_url(&found, host).expect("an answer").expect("a URL");
        let mut wanted = json!({"endpoint": told.end_point, "version": told.api_version,
            "capabilities": told.capabilities, "criteria": told.criteria, "keys": keys});
        if let Some(url) = &told.token_end_point {
            wanted["token_endpoint"] = json!(url);
        }
        assert_eq!(answer["result"], wanted, "{}", case.id);
        // Its own endpoints are known by their URLs, whatever the query, and nothing else is one.
        let mut place = |url: &str| component.ocm_place_of(&found, url).expect("an answer");
        assert_eq!(place(&format!("{}?x=1", told.shares_url)), Place::At(Endpoint::Shares), "{}", case.id);
        assert_eq!(place(&format!("{}/", told.shares_url)), Place::Nowhere, "{}", case.id);
        assert_eq!(place("https://other.example/x"), Place::Elsewhere, "{}", case.id);
    }
    assert!(accepted >= 8 && refused >= 20, "{accepted} accepted, {refused} refused");
    assert_eq!(code(&component.ocm_check_path("/ocm-provider/").expect("an answer")), "ocm.discovery_legacy");
    assert_eq!(code(&component.ocm_check_path("/.well-known/ocm").expect("an answer")), "accepted");
}

#[test]
fn typed_invites_answer_as_the_text_door_does() {
    let mut component = component("software");
    let (mut accepted, mut refused) = (0, 0);
    for case in of("ocm.invite") {
        let Some(answer) = text_answer(&mut component, &case) else { continue };
        let peers = peers(&mut component, &case.request).expect("lists");
        let given = case.request["invite"].as_str().expect("a text");
        let invite = component.read_ocm_invite(given, &peers).expect("an answer");
        assert_eq!(code(&invite), wanted(&answer), "{}", case.id);
        *if invite.is_ok() { &mut accepted } else { &mut refused } += 1;
        let Ok(invite) = invite else { continue };
        assert_eq!(answer["result"], json!({"token": invite.token, "provider": invite.provider}), "{}", case.id);
        let again = component.write_ocm_invite(&invite).expect("an answer").expect("a text");
        assert_eq!(component.read_ocm_invite(&again, &peers).expect("an answer").as_ref(), Ok(&invite), "{}", case.id);
    }
    for case in of("ocm.wayf") {
        let Some(answer) = text_answer(&mut component, &case) else { continue };
        let members = &case.request;
        let peers = peers(&mut component, members).expect("lists");
        let found = document(&mut component, &members["document"], &peers).expect("a document");
        let invite = component.read_ocm_invite(members["invite"].as_str().expect("a text"), &peers);
        let invite = invite.expect("an answer").expect("an invite");
        let host = members["host"].as_str().expect("a host");
        let url = component.ocm_accept_url(host, &found, &invite, &peers).expect("an answer");
        assert_eq!(code(&url), wanted(&answer), "{}", case.id);
        *if url.is_ok() { &mut accepted } else { &mut refused } += 1;
        assert_eq!(answer["result"]["url"].as_str().map(str::to_owned), url.ok(), "{}", case.id);
    }
    assert!(accepted >= 7 && refused >= 8, "{accepted} accepted, {refused} refused");
}

/// An invite that is kept; nothing where the contract cannot say what the case has.
fn kept(invite: &Value) -> Option<HeldInvite> {
    let state = match invite["state"].as_str() {
        None if invite["state"].is_null() => InviteState::Pending,
        Some("pending") => InviteState::Pending,
        Some("accepted") => InviteState::Accepted,
        Some("expired") => InviteState::Expired,
        _ => return None,
    };
    let expires = optional(&invite["expires"], Value::as_u64)?;
    Some(HeldInvite { token: text(&invite["token"])?, sender: text(&invite["sender"])?, state, expires })
}

#[test]
fn typed_acceptances_answer_as_the_text_door_does() {
    let mut component = component("software");
    let (mut accepted, mut count) = (0, 0);
    for case in of("ocm.accept") {
        let Some(answer) = text_answer(&mut component, &case) else { continue };
        let (wanted, members) = (wanted(&answer), &case.request);
        let peers = peers(&mut component, members).expect("lists");
        let Some(held) = optional(&members["invite"], kept) else { continue };
        let body = members["acceptance"].to_string();
        let signer = members["signer"].as_str().expect("a host");
        let contact =
            component.accept_ocm_invite(body.as_bytes(), held.as_ref(), signer, &peers, at(&case)).expect("an answer");
        let report = component.explain_ocm_acceptance(body.as_bytes(), held.as_ref(), signer, &peers, at(&case));
        assert_eq!(report.expect("an answer").outcome, contact, "explained: {}", case.id);
        count += 1;
        match contact {
            Ok(contact) => {
                assert_eq!((wanted, &answer["result"]["contact"]), ("accepted", &written(&contact)), "{}", case.id);
                let told = component.read_ocm_acceptance(body.as_bytes()).expect("an answer").expect("an acceptance");
                assert_eq!(members["acceptance"]["token"], told.token, "{}", case.id);
                let again = component.write_ocm_acceptance(&told).expect("an answer").expect("a body");
                let again = component.read_ocm_acceptance(again.as_bytes()).expect("an answer");
                assert_eq!(again, Ok(told), "{}", case.id);
                accepted += 1;
            }
            Err(refusal) => assert_eq!(refused(&refusal, &answer), wanted, "{}", case.id),
        }
    }
    assert!(accepted >= 2 && count >= accepted + 12, "{accepted} of {count} accepted");
}

#[test]
fn typed_directories_answer_as_the_text_door_does() {
    let mut component = component("software");
    let (mut accepted, mut refused) = (0, 0);
    for case in of("ocm.directory") {
        let Some(answer) = text_answer(&mut component, &case) else { continue };
        let peers = peers(&mut component, &case.request).expect("lists");
        let payload = case.request["payload"].to_string();
        let found = component.ocm_directory(payload.as_bytes(), &peers).expect("an answer");
        assert_eq!(code(&found), wanted(&answer), "{}", case.id);
        *if found.is_ok() { &mut accepted } else { &mut refused } += 1;
        let Ok(found) = found else { continue };
        let servers: Vec<Value> =
            found.servers.iter().map(|server| json!({"host": server.host, "name": server.name})).collect();
        assert_eq!(answer["result"], json!({"federation": found.name, "servers": servers}), "{}", case.id);
    }
    assert!(accepted >= 2 && refused >= 5, "{accepted} accepted, {refused} refused");
}

#[test]
fn both_sides_of_an_invite_come_to_contacts() {
    let mut component = component("software");
    let peers = component.ocm_peers(&PeerLists::default()).expect("an answer").expect("lists");
    let invite = Invite { token: "tok-1".into(), provider: "a.example.org".into() };
    let acceptance = Acceptance {
        recipient_provider: "b.example.org".into(),
        token: invite.token.clone(),
        user: "marie".into(),
        email: String::new(),
        name: "Marie".into(),
    };
    let body = component.write_ocm_acceptance(&acceptance).expect("an answer").expect("a body").into_bytes();
    let held = HeldInvite {
        token: invite.token.clone(),
        sender: "albert@a.example.org".into(),
        state: InviteState::Pending,
        expires: Some(NOW + 1),
    };
    let mut accept = |held: &HeldInvite, at| {
        component.accept_ocm_invite(&body, Some(held), "b.example.org", &peers, at).expect("an answer")
    };
    assert_eq!(accept(&held, NOW).expect("a contact").address, "marie@b.example.org");
    let status = |answer: Result<Contact, Refusal>| match answer.expect_err("it is refused") {
        Refusal::Refused(refused) => (refused.reason.code, refused.status),
        Refusal::Malformed(rejection) => (rejection.code, 0),
    };
    assert_eq!(status(accept(&held, NOW + 1)), ("ocm.invite_expired".into(), 400));
    let used = HeldInvite { state: InviteState::Accepted, ..held.clone() };
    assert_eq!(status(accept(&used, NOW)), ("ocm.invite_used".into(), 409));
    let none = HeldInvite { token: "a b".into(), ..held };
    assert_eq!(status(accept(&none, NOW)), ("ocm.invite_form".into(), 0), "it is the server's own mistake");

    let answer = br#"{"userID":"albert","email":"","name":"Albert"}"#;
    let contact = component.ocm_invite_accepted(&invite, 200, answer).expect("an answer").expect("a contact");
    assert_eq!((contact.address.as_str(), contact.trusted), ("albert@a.example.org", true));
    for (status, body, wanted) in [
        (409, &answer[..], "ocm.invite_refused"),
        (502, b"<html>", "ocm.invite_refused"),
        (200, b"<html>", "ocm.invite_member_missing"),
    ] {
        let refused = component.ocm_invite_accepted(&invite, status, body).expect("an answer");
        assert_eq!(code(&refused), wanted, "{status}");
    }
}

#[test]
fn who_is_not_spoken_with_is_told_so() {
    let mut component = component("software");
    let lists = |denied: &str, listed: &str| PeerLists {
        denied: vec![denied.into()],
        allowed: None,
        listed: vec![listed.into()],
    };
    let peers = component.ocm_peers(&lists("evil.example.org", "https://a.example.org:8443")).expect("an answer");
    let peers = peers.expect("lists");
    let mut check = |host: &str| match component.ocm_check_server(host, &peers).expect("an answer") {
        Ok(host) => host,
        Err(rejection) => rejection.code,
    };
    assert_eq!(check("Cloud.example.org:443"), "cloud.example.org");
    assert_eq!(check("a.example.org:8443"), "a.example.org:8443");
    assert_eq!(check("b.example.org:8443"), "ocm.peer_url");
    assert_eq!(check("Evil.example.org"), "ocm.peer_denied");
    assert_eq!(check("intranet"), "ocm.peer_name");
    assert_eq!(check("a b"), "ocm.address_host");
    let none = component.ocm_peers(&lists("a/b", "https://a.example.org")).expect("an answer");
    assert_eq!(code(&none), "ocm.address_host");
    let none = component.ocm_peers(&lists("a.example.org", "a.example.org:8443")).expect("an answer");
    assert_eq!(code(&none), "ocm.peer_url");
}
