//! Bundles of trust domains.

use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
use portcullis_types::base64url;

use super::*;

const BUNDLE: &str = "https://spire.prod.example/bundle";

fn domain_key(number: u8) -> SigningKey {
    SigningKey::from_slice(&[number; 32]).unwrap()
}

/// A bundle with keys for JWT-SVIDs, and members added to it.
pub(super) fn bundle(more: &str, keys: &[(u8, &str)]) -> String {
    let key = |(number, kid): &(u8, &str)| {
        let point = domain_key(*number).verifying_key().to_sec1_point(false);
        let coordinate = |range| base64url::encode(&point.as_bytes()[range]);
        let (x, y) = (coordinate(1..33), coordinate(33..65));
        format!(r#"{{"use":"jwt-svid","kid":"{kid}","kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}}"#)
    };
    let keys: Vec<String> = keys.iter().map(key).collect();
    format!(r#"{{{more}"keys":[{}]}}"#, keys.join(","))
}

pub(super) fn svid(number: u8, kid: &str) -> String {
    let claims = format!(r#"{{"sub":"spiffe://prod.example/w","aud":"{API}","exp":{}}}"#, NOW + 10 * DAY);
    let header = format!(r#"{{"alg":"ES256","kid":"{kid}","typ":"JWT"}}"#);
    let input = format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(claims.as_bytes()));
    let signature: Signature = domain_key(number).sign(input.as_bytes());
    format!("{input}.{}", base64url::encode(&signature.to_bytes()))
}

fn domain() -> Gate {
    gate(&format!(
        r#"{{"origins":["{API}"],"trust_domains":[{{"name":"prod.example","bundle":"{BUNDLE}"}}],
            "rules":[{{"require":{{}}}}]}}"#
    ))
}

fn with_bundle(more: &str) -> (Gate, Host, Request) {
    let (gate, mut host) = (domain(), Host::with(&[(BUNDLE, bundle(more, &[(1, "a")]))]));
    let request = with(&svid(1, "a"));
    assert_eq!(host.asking(&gate, &request, NOW), (ALLOWED, vec![BUNDLE.into()]));
    (gate, host, request)
}

#[test]
fn a_bundle_is_good_for_an_hour() {
    let (gate, mut host, request) = with_bundle("");
    let held = host.documents.remove(BUNDLE).unwrap();
    assert_eq!(host.asking(&gate, &request, NOW + 3_600), (ALLOWED, vec![]));
    let stale = (503, Some("keys.stale"));
    assert_eq!(host.asking(&gate, &request, NOW + 3_601), (stale, vec![BUNDLE.into()]));
    assert_eq!(host.asking(&gate, &request, NOW + 3_602), (stale, vec![]), "a fetch that failed rests");
    host.documents.insert(BUNDLE.into(), held);
    assert_eq!(host.asking(&gate, &request, NOW + 3_631), (ALLOWED, vec![BUNDLE.into()]));
}

#[test]
fn a_bundle_from_the_future_is_stale() {
    let gate = domain();
    assert!(give(&gate, BUNDLE, body(&bundle("", &[(1, "a")])), NOW + 1, NOW).is_empty());
    let request = with(&svid(1, "a"));
    assert_eq!(Host::default().asking(&gate, &request, NOW), ((503, Some("keys.stale")), vec![BUNDLE.into()]));
    assert_eq!(Host::default().asking(&gate, &request, NOW + 1), (ALLOWED, vec![]));
}

#[test]
fn a_lower_sequence_is_refused() {
    let (gate, mut host, request) = with_bundle(r#""spiffe_sequence":7,"#);
    let other = bundle(r#""spiffe_sequence":6,"#, &[(2, "a")]);
    assert_eq!(give(&gate, BUNDLE, body(&other), NOW + 60, NOW + 60), ["bundle.sequence_lower"]);
    assert_eq!(host.asking(&gate, &request, NOW + 60), (ALLOWED, vec![]), "and replaces nothing");
    let newer = bundle(r#""spiffe_sequence":8,"#, &[(2, "a")]);
    assert!(give(&gate, BUNDLE, body(&newer), NOW + 61, NOW + 61).is_empty());
    assert_eq!(host.asking(&gate, &request, NOW + 61).0, (401, Some("crypto.signature_invalid")));
}

#[test]
fn a_refused_sequence_does_not_make_a_bundle_younger() {
    let (gate, mut host, request) = with_bundle(r#""spiffe_sequence":7,"#);
    host.documents.insert(BUNDLE.into(), bundle(r#""spiffe_sequence":6,"#, &[(1, "a")]));
    for minutes in 1..60 {
        host.refresh(&gate, NOW + minutes * 60);
    }
    assert_eq!(host.asking(&gate, &request, NOW + 3_600).0, ALLOWED);
    assert_eq!(host.asking(&gate, &request, NOW + 3_601).0, (503, Some("keys.stale")));
}

#[test]
fn an_empty_bundle_revokes_at_once() {
    let (gate, mut host, request) = with_bundle("");
    assert_eq!(gate.held().tokens, 1, "it is remembered");
    assert!(give(&gate, BUNDLE, body(&bundle("", &[])), NOW + 5, NOW + 5).is_empty());
    assert_eq!(host.asking(&gate, &request, NOW + 5), ((401, Some("bundle.no_jwt_authority")), vec![]));
}

#[test]
fn an_unknown_key_makes_one_fetch_in_30_seconds() {
    let (gate, mut host, _) = with_bundle("");
    let unknown = with(&svid(2, "b"));
    let refused = (401, Some("key.unknown"));
    assert_eq!(host.asking(&gate, &unknown, NOW + 29), (refused, vec![]));
    assert_eq!(host.asking(&gate, &unknown, NOW + 30), (refused, vec![BUNDLE.into()]));
    assert_eq!(host.asking(&gate, &unknown, NOW + 59), (refused, vec![]));
    host.documents.insert(BUNDLE.into(), bundle("", &[(1, "a"), (2, "b")]));
    assert_eq!(host.asking(&gate, &unknown, NOW + 60), (ALLOWED, vec![BUNDLE.into()]));
}

#[test]
fn a_bundle_is_due_when_it_says() {
    for (hint, after) in [("", 300), (r#""spiffe_refresh_hint":60,"#, 60), (r#""spiffe_refresh_hint":1,"#, 10)] {
        let (gate, ..) = with_bundle(hint);
        assert!(due(&gate, NOW + after - 1).is_empty(), "{hint}");
        assert_eq!(due(&gate, NOW + after), [BUNDLE], "{hint}");
    }
}
