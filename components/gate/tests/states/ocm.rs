//! Other sharing servers over time: when they are asked who they are, for how long that counts, and for whom.

use ed25519_dalek::{Signer as _, SigningKey};
use portcullis_crypto::Algorithm;
use portcullis_gate::{Class, Header, Kind, limits::COOLDOWN};
use portcullis_ocm::signed;
use portcullis_signature as signature;
use portcullis_types::base64url;

use super::*;

const SENDER: &str = "sender.example.org";
const DOCUMENT: &str = "https://sender.example.org/.well-known/ocm";
const KEYS: &str = "https://sender.example.org/.well-known/jwks.json";
const HOUR: u64 = 3_600;

fn discovery(host: &str) -> String {
    format!(
        r#"{{"enabled":true,"apiVersion":"1.4.0","endPoint":"https://{host}/ocm","resourceTypes":[{{"name":"file",
            "shareTypes":["user"],"protocols":{{"webdav":"/dav/"}}}}]}}"#
    )
}

/// A gate before a sharing server, whose policy has an issuer with its keys where the sender has its own.
fn sharing(own: &str) -> Gate {
    gate(&format!(
        r#"{{"origins":["https://cloud.example.org"],
            "ocm":{{"host":"cloud.example.org","discovery":{own}}},
            "issuers":[{{"name":"corp","issuer":"https://{SENDER}","keys":"{KEYS}","audience":["https://cloud.example.org"]}}],
            "rules":[{{"path":"/dav/{{path...}}","anonymous":true}},{{"path":"/api","issuers":["corp"],"require":{{}}}}]}}"#
    ))
}

fn inline() -> Gate {
    sharing(&discovery("cloud.example.org"))
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

/// A JWK Set of keys, each called by its seed.
fn jwks(seeds: &[u8]) -> String {
    let keys: Vec<String> = seeds
        .iter()
        .map(|seed| {
            let x = base64url::encode(key(*seed).verifying_key().as_bytes());
            format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"{SENDER}#{seed}","x":"{x}"}}"#)
        })
        .collect();
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

/// A notification of the sender's, signed at a time.
fn notification(seed: u8, at: u64) -> Request {
    let url = "https://cloud.example.org/ocm/notifications";
    let body = br#"{"notificationType":"SHARE_ACCEPTED","providerId":"7","resourceType":"file"}"#;
    let own = [signature::Field { name: "Content-Type", value: b"application/json" }];
    let bare =
        signature::Request { method: "POST", url, target: None, fields: &own, trailers: &[], body: Some(&body[..]) };
    let ready = signed::prepare_request(&bare, &format!("{SENDER}#{seed}"), Algorithm::Ed25519, at).unwrap();
    let (input, value) = ready.prepared.finish(&key(seed).sign(ready.prepared.base.as_bytes()).to_bytes());
    let mut fields: Vec<(&str, String)> = vec![("Content-Type", "application/json".into())];
    fields.extend(ready.fields);
    fields.extend([("Signature-Input", input), ("Signature", value)]);
    let headers = fields.into_iter().map(|(name, value)| Header { name: name.into(), value: value.into_bytes() });
    Request {
        method: "POST".into(),
        url: url.into(),
        headers: headers.collect(),
        body: Some(body.to_vec()),
        ..Request::default()
    }
}

/// A host whose network has the sender, with these keys.
fn network(seeds: &[u8]) -> Host {
    Host::with(&[(DOCUMENT, discovery(SENDER)), (KEYS, jwks(seeds))])
}

fn peer(url: &str, content: Content, at: u64) -> Document {
    Document { url: url.into(), server: None, about: None, peer: true, fetched_at: at, content }
}

#[test]
fn a_server_is_asked_once_in_an_hour() {
    let gate = inline();
    let mut host = network(&[1]);
    let both = || vec![DOCUMENT.to_owned(), KEYS.to_owned()];
    assert_eq!(host.asking(&gate, &notification(1, NOW), NOW), (ALLOWED, both()));
    assert_eq!(host.asking(&gate, &notification(1, NOW + 1), NOW + 1), (ALLOWED, vec![]));
    let later = NOW + HOUR;
    assert_eq!(host.asking(&gate, &notification(1, later), later), (ALLOWED, vec![]), "an hour is not over");
    let later = later + 1;
    assert_eq!(host.asking(&gate, &notification(1, later), later), (ALLOWED, both()));
    assert!(!due(&gate, later).contains(&DOCUMENT.to_owned()), "nobody asks ahead");
}

#[test]
fn a_new_key_is_looked_for_and_a_withdrawn_one_counts_for_no_longer_than_an_hour() {
    let gate = inline();
    assert_eq!(network(&[1]).asking(&gate, &notification(1, NOW), NOW).0, ALLOWED);
    let later = NOW + COOLDOWN;
    let rotated = network(&[2]).asking(&gate, &notification(2, later), later);
    assert_eq!(rotated, (ALLOWED, vec![KEYS.to_owned()]));
    assert_eq!(told(&network(&[2]).decide(&gate, &notification(1, later), later)), (401, Some("key.unknown")));
    let guessed = network(&[2]).asking(&gate, &notification(3, later + 1), later + 1);
    assert_eq!(guessed, ((401, Some("key.unknown")), vec![]), "one look in a while");
    // The sender is out of reach, and nobody knows whether the key still counts.
    let much_later = later + HOUR + 1;
    let away = Host::default().asking(&gate, &notification(2, much_later), much_later);
    assert_eq!(away.0, (503, Some("ocm.peer_unavailable")));
}

#[test]
fn what_could_not_be_had_rests() {
    let gate = inline();
    let unavailable = (503, Some("ocm.peer_unavailable"));
    assert_eq!(Host::default().asking(&gate, &notification(1, NOW), NOW), (unavailable, vec![DOCUMENT.to_owned()]));
    let soon = NOW + COOLDOWN - 1;
    assert_eq!(network(&[1]).asking(&gate, &notification(1, soon), soon), (unavailable, vec![]));
    let then = NOW + COOLDOWN;
    assert_eq!(network(&[1]).asking(&gate, &notification(1, then), then).0, ALLOWED);
}

#[test]
fn documents_that_strangers_named_are_none_of_an_issuers() {
    let gate = inline();
    let (_, needs) = waiting(&gate, &notification(1, NOW), NOW);
    let need = documents(&needs)[0];
    assert_eq!((need.class, need.kind, need.url.as_str()), (Class::Peer, Kind::OcmDiscovery, DOCUMENT));
    assert_eq!(gate.admit_redirect(need, 0, "https://10.0.0.1/").unwrap_err().code(), "ocm.peer_url");
    assert_eq!(gate.admit_redirect(need, 0, "https://inside/").unwrap_err().code(), "ocm.peer_name");
    assert_eq!(gate.admit_redirect(need, 3, DOCUMENT).unwrap_err().code(), "fetch.too_many_redirects");
    assert!(gate.admit_redirect(need, 2, "https://www.sender.example.org/ocm.json").is_ok());

    // The issuer's keys are at the same URL: neither what came nor that nothing came is told of them.
    assert!(gate.provide(&[peer(KEYS, body(&jwks(&[1])), NOW)], NOW).is_empty());
    assert!(gate.provide(&[peer(KEYS, Content::Failed("no route".into()), NOW)], NOW).is_empty());
    let missing = gate.ready(NOW).missing;
    assert_eq!(missing, [("corp".to_owned(), "not fetched yet".to_owned())]);
    assert!(due(&gate, NOW).contains(&KEYS.to_owned()));
    assert!(give(&gate, KEYS, body(&jwks(&[1])), NOW, NOW).is_empty());
    assert!(gate.ready(NOW).ready);
    // Nor are those of the policy a stranger's.
    let mut host = Host::with(&[(DOCUMENT, discovery(SENDER))]);
    assert_eq!(host.asking(&gate, &notification(1, NOW + 1), NOW + 1).0, (503, Some("keys.unavailable")));
}

#[test]
fn the_servers_own_document_is_of_the_place_where_it_is_judged() {
    let own = "https://cloud.example.org/.well-known/ocm";
    let gate = sharing(&format!("\"{own}\""));
    assert!(gate.ready(NOW).missing.iter().any(|(what, _)| what == "ocm.discovery"));
    assert!(due(&gate, NOW).contains(&own.to_owned()));
    let elsewhere = discovery("other.example.org");
    assert_eq!(give(&gate, own, body(&elsewhere), NOW, NOW), ["ocm.own_elsewhere"]);
    let files =
        || Request { method: "GET".into(), url: "https://cloud.example.org/dav/a".into(), ..Request::default() };
    let mut host = Host::default();
    assert_eq!(told(&host.decide(&gate, &files(), NOW + 1)), (503, Some("ocm.own_unavailable")));
    assert!(give(&gate, own, body(&discovery("cloud.example.org")), NOW + 2, NOW + 2).is_empty());
    assert_eq!(told(&host.decide(&gate, &files(), NOW + 2)), ALLOWED);
    // A stranger's word of it is none.
    assert!(gate.provide(&[peer(own, body(&elsewhere), NOW + 3)], NOW + 3).is_empty());
    assert_eq!(told(&host.decide(&gate, &files(), NOW + 3)), ALLOWED);
    let stale = NOW + 2 + 24 * HOUR + 1;
    assert_eq!(told(&host.decide(&gate, &files(), stale)), (503, Some("ocm.own_unavailable")));
}

#[test]
fn what_was_signed_before_the_memory_began_may_have_come_before() {
    let gate = inline();
    let mut host = network(&[1]);
    let since = |at| Request { replay_since: Some(NOW), ..notification(1, at) };
    assert_eq!(told(&host.decide(&gate, &since(NOW - 1), NOW + 5)), (503, Some("replay.before_start")));
    assert_eq!(told(&host.decide(&gate, &since(NOW), NOW + 5)), ALLOWED);
    let later = NOW + 331;
    assert_eq!(
        told(&host.decide(&gate, &Request { replay_since: Some(NOW), ..notification(1, later - 300) }, later)),
        ALLOWED
    );
}
