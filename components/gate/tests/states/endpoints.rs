//! Bundle endpoints whose servers are authenticated as workloads (SPIFFE Federation section 5.2.2).
//!
//! The certificates of `certificates/endpoints/` were made with OpenSSL, for 2025 to 2099. `first` and `second` are authorities
//! of prod.example, one after the other, and `partner` is that of partner.example; the rest is named after what it is, and
//! `forged` is a certificate of partner.example for a workload of prod.example.

use base64::Engine as _;
use portcullis_gate::ClientCertificate;
use portcullis_svid::pem;
use portcullis_types::base64url;

use super::{bundles::svid, *};

const BUNDLE: &str = "https://spire.prod.example/bundle";
const PARTNERS: &str = "https://spire.partner.example/bundle";
const FILE: &str = "file:/etc/portcullis/prod.json";
const SERVER: &str = "spiffe://prod.example/bundle-server";
const PARTNERS_SERVER: &str = "spiffe://partner.example/bundle-server";

macro_rules! certificate {
    ($name:literal) => {
        include_str!(concat!("../certificates/endpoints/", $name, ".pem"))
    };
}

const FIRST: &str = certificate!("first");
const SECOND: &str = certificate!("second");
const PARTNER: &str = certificate!("partner");
const BY_FIRST: &str = certificate!("server");
const BY_SECOND: &str = certificate!("server-second");
const ANOTHER: &str = certificate!("another");
const WEB: &str = certificate!("web");
const BY_PARTNER: &str = certificate!("partner-server");
const FORGED: &str = certificate!("forged");

fn chain(text: &str) -> Vec<Vec<u8>> {
    pem::decode_chain(text).unwrap()
}

/// An authority of X.509-SVIDs as a key of a bundle.
fn authority(text: &str) -> String {
    let der = chain(text).remove(0);
    // The key of P-256: a bit string of 66 bytes, none of them unused, that begins an uncompressed point.
    let at = der.windows(4).position(|bytes| bytes == [0x03, 0x42, 0x00, 0x04]).unwrap() + 4;
    let coordinate = |from: usize| base64url::encode(&der[at + from..at + from + 32]);
    let x5c = base64::engine::general_purpose::STANDARD.encode(&der);
    let (x, y) = (coordinate(0), coordinate(32));
    format!(r#"{{"use":"x509-svid","kty":"EC","crv":"P-256","x":"{x}","y":"{y}","x5c":["{x5c}"]}}"#)
}

/// A bundle with authorities, a key for JWT-SVIDs, and members added to it.
fn bundle(more: &str, authorities: &[&str]) -> String {
    let authorities: Vec<String> = authorities.iter().map(|text| authority(text)).collect();
    let jwt = super::bundles::bundle(more, &[(1, "a")]);
    let (front, keys) = jwt.split_once(r#""keys":["#).unwrap();
    let comma = if authorities.is_empty() { "" } else { "," };
    format!(r#"{front}"keys":[{}{comma}{keys}"#, authorities.join(","))
}

/// A trust domain whose bundle a workload serves.
fn served(name: &str, url: &str, id: &str, initial: &str) -> String {
    let initial = if initial.is_empty() { String::new() } else { format!(r#","bundle_initial":{initial}"#) };
    format!(
        r#"{{"name":"{name}","bundle":"{url}","bundle_profile":"https_spiffe","endpoint_spiffe_id":"{id}"{initial}}}"#
    )
}

/// A gate of these trust domains, of which prod.example's workloads count.
fn of(domains: &[String]) -> Gate {
    let domains = domains.join(",");
    let rule = r#"{"issuers":["prod.example"],"require":{}}"#;
    gate(&format!(r#"{{"origins":["{API}"],"trust_domains":[{domains}],"rules":[{rule}]}}"#))
}

/// A gate whose trust domain serves its own bundle, the initial one in the policy.
fn own(initial: &str) -> Gate {
    of(&[served("prod.example", BUNDLE, SERVER, initial)])
}

/// The one document that is due, with its server.
fn need(gate: &Gate, at: u64) -> DocumentNeed {
    let mut needs = gate.due(at);
    assert_eq!(needs.len(), 1, "{needs:#?}");
    needs.remove(0)
}

fn admitted(gate: &Gate, need: &DocumentNeed, text: &str, at: u64) -> Result<(), &'static str> {
    gate.admit_server(need, &chain(text), at).map_err(|rejection| rejection.code())
}

/// Gives a gate a document that came from a server.
fn give_from(gate: &Gate, url: &str, server: Option<&str>, text: &str, at: u64) -> Vec<&'static str> {
    let document = Document {
        url: url.into(),
        server: server.map(Into::into),
        about: None,
        peer: false,
        fetched_at: at,
        content: body(text),
    };
    gate.provide(&[document], at).iter().map(|(_, rejection)| rejection.code()).collect()
}

#[test]
fn a_server_is_who_the_policy_says_by_its_own_bundle() {
    let gate = own(&bundle("", &[FIRST]));
    let need = need(&gate, NOW);
    assert_eq!((need.url.as_str(), need.server.as_deref()), (BUNDLE, Some(SERVER)));
    assert_eq!(admitted(&gate, &need, BY_FIRST, NOW), Ok(()));
    for (what, presented, code) in [
        ("another workload of the trust domain", ANOTHER, "fetch.server_id"),
        ("a certificate of the web", WEB, "svid.uri_missing"),
        ("an authority itself", FIRST, "svid.leaf_signing_certificate"),
        ("of an authority that is not in the bundle", BY_SECOND, "svid.chain_incomplete"),
        ("of another trust domain", BY_PARTNER, "svid.trust_domain_unknown"),
        ("of another trust domain's authority", FORGED, "svid.chain_incomplete"),
    ] {
        assert_eq!(admitted(&gate, &need, presented, NOW), Err(code), "{what}");
    }
    let none: [&[u8]; 0] = [];
    assert_eq!(gate.admit_server(&need, &none, NOW).unwrap_err().code(), "svid.chain_empty");
    let century = 4_102_444_801;
    assert_eq!(admitted(&gate, &need, BY_FIRST, century), Err("svid.authority_expired"));
}

#[test]
fn only_servers_that_were_asked_for_are_judged() {
    let gate = own(&bundle("", &[FIRST]));
    let need = need(&gate, NOW);
    for other in [
        DocumentNeed { server: None, ..need.clone() },
        DocumentNeed { server: Some("spiffe://prod.example/another".into()), ..need.clone() },
        DocumentNeed { url: PARTNERS.into(), ..need.clone() },
    ] {
        assert_eq!(admitted(&gate, &other, BY_FIRST, NOW), Err("fetch.server_unexpected"), "{other:?}");
    }
}

#[test]
fn the_newest_bundle_authenticates_the_next_connection() {
    let gate = own(&bundle("", &[FIRST]));
    let need = need(&gate, NOW);
    // Both, then the second alone: the trust domain rotates its authority.
    assert!(give_from(&gate, BUNDLE, Some(SERVER), &bundle("", &[FIRST, SECOND]), NOW).is_empty());
    assert_eq!(admitted(&gate, &need, BY_FIRST, NOW), Ok(()));
    assert_eq!(admitted(&gate, &need, BY_SECOND, NOW), Ok(()));
    assert!(give_from(&gate, BUNDLE, Some(SERVER), &bundle("", &[SECOND]), NOW + 60).is_empty());
    assert_eq!(admitted(&gate, &need, BY_FIRST, NOW + 60), Err("svid.chain_incomplete"), "the initial one is past");
    assert_eq!(admitted(&gate, &need, BY_SECOND, NOW + 60), Ok(()));
    // Whoever revokes everything revokes the server as well.
    assert!(give_from(&gate, BUNDLE, Some(SERVER), r#"{"keys":[]}"#, NOW + 120).is_empty());
    assert_eq!(admitted(&gate, &need, BY_SECOND, NOW + 120), Err("bundle.no_x509_authority"));
}

#[test]
fn a_stale_bundle_still_authenticates_the_server_and_no_workload() {
    let gate = own(&bundle("", &[FIRST]));
    assert!(give_from(&gate, BUNDLE, Some(SERVER), &bundle("", &[SECOND]), NOW).is_empty());
    let (later, request) = (NOW + 2 * DAY, with(&svid(1, "a")));
    assert_eq!(Host::default().asking(&gate, &request, later), ((503, Some("keys.stale")), vec![BUNDLE.into()]));
    let need = DocumentNeed { server: Some(SERVER.into()), ..need(&gate, later + 31) };
    assert_eq!(admitted(&gate, &need, BY_SECOND, later + 31), Ok(()));
}

#[test]
fn the_initial_bundle_serves_for_nothing_else() {
    // It has the key that signed the SVID, and yet no workload is known by it.
    let gate = own(&bundle("", &[FIRST]));
    let request = with(&svid(1, "a"));
    assert_eq!(Host::default().asking(&gate, &request, NOW), ((503, Some("keys.unavailable")), vec![BUNDLE.into()]));
    assert!(!gate.ready(NOW).ready);
    assert!(give_from(&gate, BUNDLE, Some(SERVER), &bundle("", &[FIRST]), NOW + 40).is_empty());
    assert_eq!(Host::default().asking(&gate, &request, NOW + 40), (ALLOWED, vec![]));
    assert!(gate.ready(NOW + 40).ready);
}

#[test]
fn what_came_from_another_server_is_another_document() {
    let gate = own(&bundle("", &[FIRST]));
    for server in [None, Some(PARTNERS_SERVER)] {
        let told = give_from(&gate, BUNDLE, server, &bundle("", &[FIRST]), NOW);
        assert_eq!(told, ["document.unexpected"], "{server:?}");
    }
    // Nor is what a workload serves anybody else's document.
    let corp = r#"{"name":"corp","issuer":"https://idp.example","keys":"https://spire.prod.example/bundle"}"#;
    let domain = served("prod.example", BUNDLE, SERVER, &bundle("", &[FIRST]));
    let both = Gate::load(
        &format!(r#"{{"origins":["{API}"],"issuers":[{corp}],"trust_domains":[{domain}],"rules":[]}}"#),
        portcullis_gate::policy::Format::Json,
        backend(),
    )
    .unwrap();
    let needs: Vec<Option<String>> = both.due(NOW).into_iter().map(|need| need.server).collect();
    assert_eq!(needs, [None, Some(SERVER.into())], "one URL, and two documents");
    assert!(give_from(&both, BUNDLE, Some(SERVER), &bundle("", &[FIRST]), NOW).is_empty());
    assert!(both.due(NOW + 31).iter().any(|need| need.server.is_none()), "the keys are still to be had");
    assert!(give_from(&both, BUNDLE, None, &jwks(&[(1, "a")]), NOW).is_empty());
}

#[test]
fn an_initial_bundle_in_a_file_is_read_first_and_again() {
    let gate = own(&format!("\"{FILE}\""));
    assert_eq!(due(&gate, NOW), [FILE]);
    let need = DocumentNeed { server: Some(SERVER.into()), url: BUNDLE.into(), ..gate.due(NOW + 30).remove(0) };
    assert_eq!(admitted(&gate, &need, BY_FIRST, NOW + 30), Err("fetch.server_bundle_missing"));
    assert!(give(&gate, FILE, body(&bundle("", &[FIRST])), NOW + 30, NOW + 30).is_empty());
    assert_eq!(admitted(&gate, &need, BY_FIRST, NOW + 30), Ok(()));
    assert_eq!(due(&gate, NOW + 30), [BUNDLE], "and not before");
    // The operator puts the trust domain's new bundle there before the first one was fetched.
    assert!(give(&gate, BUNDLE, Content::Failed("unreachable".into()), NOW + 31, NOW + 31) == ["document.unexpected"]);
    assert!(due(&gate, NOW + 330).contains(&FILE.to_string()));
    assert!(give(&gate, FILE, body(&bundle("", &[SECOND])), NOW + 330, NOW + 330).is_empty());
    assert_eq!(admitted(&gate, &need, BY_FIRST, NOW + 330), Err("svid.chain_incomplete"));
    assert_eq!(admitted(&gate, &need, BY_SECOND, NOW + 330), Ok(()));
}

#[test]
fn an_evaluation_asks_for_what_authenticates_the_server_first() {
    let initial = [(FILE, bundle("", &[FIRST])), (BUNDLE, bundle("", &[FIRST]))];
    let request = with(&svid(1, "a"));
    let gate = own(&format!("\"{FILE}\""));
    let mut host = Host::with(&initial);
    assert_eq!(host.asking(&gate, &request, NOW), (ALLOWED, vec![FILE.into(), BUNDLE.into()]));
    // What is not there is told of the file, and the server is not asked.
    let gate = own(&format!("\"{FILE}\""));
    let mut host = Host::with(&initial[1..]);
    assert_eq!(host.asking(&gate, &request, NOW), ((503, Some("keys.unavailable")), vec![FILE.into()]));
    assert_eq!(host.asking(&gate, &request, NOW + 1), ((503, Some("keys.unavailable")), vec![]));
    let missing = gate.ready(NOW + 1).missing;
    assert!(missing[0].1.contains("there is none"), "{missing:?}");
}

#[test]
fn another_trust_domains_server_is_authenticated_by_that_domains_bundle() {
    let partner = format!(r#"{{"name":"partner.example","bundle":"{PARTNERS}"}}"#);
    let domains = [served("prod.example", BUNDLE, PARTNERS_SERVER, ""), partner];
    let gate = of(&domains);
    assert_eq!(due(&gate, NOW), [PARTNERS], "what authenticates the server comes first");
    let need = DocumentNeed {
        url: BUNDLE.into(),
        server: Some(PARTNERS_SERVER.into()),
        class: portcullis_gate::Class::Policy,
        kind: portcullis_gate::Kind::Bundle,
        most: 1,
        question: None,
    };
    assert_eq!(admitted(&gate, &need, BY_PARTNER, NOW), Err("fetch.server_bundle_missing"));
    assert!(give(&gate, PARTNERS, body(&bundle("", &[PARTNER])), NOW, NOW).is_empty());
    assert_eq!(due(&gate, NOW), [BUNDLE]);
    assert_eq!(admitted(&gate, &need, BY_PARTNER, NOW), Ok(()));
    assert_eq!(admitted(&gate, &need, BY_FIRST, NOW), Err("svid.trust_domain_unknown"));
    assert!(give_from(&gate, BUNDLE, Some(PARTNERS_SERVER), &bundle("", &[FIRST]), NOW).is_empty());
    // Bundles are never merged: prod.example's authorities say nothing about servers of partner.example.
    assert_eq!(admitted(&gate, &need, BY_FIRST, NOW), Err("fetch.server_id"));
    assert_eq!(admitted(&gate, &need, FORGED, NOW), Err("svid.authority_of_other_trust_domain"));

    let documents = [(PARTNERS, bundle("", &[PARTNER])), (BUNDLE, bundle("", &[FIRST]))];
    let asked = Host::with(&documents).asking(&of(&domains), &with(&svid(1, "a")), NOW);
    assert_eq!(asked, (ALLOWED, vec![PARTNERS.into(), BUNDLE.into()]));
    let asked = Host::with(&documents[1..]).asking(&of(&domains), &with(&svid(1, "a")), NOW);
    assert_eq!(asked, ((503, Some("keys.unavailable")), vec![PARTNERS.into()]));
}

#[test]
fn a_trust_domain_that_authenticates_a_server_is_of_use() {
    let partner = r#"{"name":"partner.example","bundle":{"keys":[]}}"#.to_string();
    let gate = of(&[served("prod.example", BUNDLE, PARTNERS_SERVER, ""), partner]);
    assert!(gate.policy().warnings.is_empty(), "{:#?}", gate.policy().warnings);
}

#[test]
fn the_initial_sequence_is_the_least() {
    let gate = own(&bundle(r#""spiffe_sequence":7,"#, &[FIRST]));
    let lower = bundle(r#""spiffe_sequence":6,"#, &[FIRST]);
    assert_eq!(give_from(&gate, BUNDLE, Some(SERVER), &lower, NOW), ["bundle.sequence_lower"]);
    let same = bundle(r#""spiffe_sequence":7,"#, &[FIRST]);
    assert!(give_from(&gate, BUNDLE, Some(SERVER), &same, NOW).is_empty());
    assert_eq!(give_from(&gate, BUNDLE, Some(SERVER), &lower, NOW + 1), ["bundle.sequence_lower"]);
    // One without a sequence is taken for the newest, as always.
    assert!(give_from(&gate, BUNDLE, Some(SERVER), &bundle("", &[FIRST]), NOW + 2).is_empty());
}

#[test]
fn a_bundle_is_due_when_it_says_here_too() {
    let gate = own(&bundle("", &[FIRST]));
    let text = bundle(r#""spiffe_refresh_hint":60,"#, &[FIRST]);
    assert!(give_from(&gate, BUNDLE, Some(SERVER), &text, NOW).is_empty());
    assert!(due(&gate, NOW + 59).is_empty());
    assert_eq!(due(&gate, NOW + 60), [BUNDLE]);
}

#[test]
fn an_authority_that_is_not_known_makes_one_fetch_in_30_seconds() {
    let gate = gate(&format!(
        r#"{{"origins":["{API}"],"trust_domains":[{{"name":"prod.example","bundle":"{BUNDLE}"}}],
            "listeners":[{{"name":"door","address":"127.0.0.1:8080","client_certificate":"tls","tls":{{"certificate":"a","key":"b"}}}}],
            "rules":[{{"require":{{}}}}]}}"#
    ));
    let mut host = Host::with(&[(BUNDLE, bundle("", &[FIRST]))]);
    let by = |text: &str| Request {
        certificate: ClientCertificate::Chain(chain(text)),
        listener: Some("door".into()),
        ..get("/reports/7", &[])
    };
    let newer = by(BY_SECOND);
    assert_eq!(host.asking(&gate, &by(BY_FIRST), NOW), (ALLOWED, vec![BUNDLE.into()]));
    let refused = (401, Some("svid.chain_incomplete"));
    assert_eq!(host.asking(&gate, &newer, NOW + 29), (refused, vec![]));
    assert_eq!(host.asking(&gate, &newer, NOW + 30), (refused, vec![BUNDLE.into()]));
    assert_eq!(host.asking(&gate, &newer, NOW + 59), (refused, vec![]));
    host.documents.insert(BUNDLE.into(), bundle("", &[FIRST, SECOND]));
    assert_eq!(host.asking(&gate, &newer, NOW + 60), (ALLOWED, vec![BUNDLE.into()]));
    // One that names no workload asks for none.
    assert_eq!(host.asking(&gate, &by(WEB), NOW + 120), ((401, Some("credential.missing")), vec![]));
}
