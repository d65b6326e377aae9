//! `portcullis svid`, on SVIDs of the corpus.
#![cfg(all(feature = "cli", feature = "compiler"))]

mod support;

use serde_json::Value;
use support::command::{Files, Said, assert_harmless, run, run_human};
use support::{bytes, case};

/// A case's bundles as arguments.
fn bundles(files: &Files, case: &Value) -> Vec<String> {
    let bundles = case["bundles"].as_object().cloned().unwrap_or_default();
    assert!(!bundles.is_empty());
    let bundle = |(trust_domain, bundle): (&String, &Value)| {
        let file = files.put(&format!("{trust_domain}.json"), bundle.to_string());
        ["--bundle".to_owned(), format!("{trust_domain}={file}")]
    };
    bundles.iter().flat_map(bundle).collect()
}

/// A case's chain as files, of DER or PEM as it stands there.
fn chain(files: &Files, case: &Value) -> Vec<String> {
    if let Some(pem) = case["chain_pem"].as_str() {
        return vec![files.put("chain.pem", pem)];
    }
    let certificates = case["chain"].as_array().cloned().unwrap_or_default();
    let certificates = certificates.iter().enumerate();
    certificates.map(|(place, der)| files.put(&format!("{place}.der"), bytes(der))).collect()
}

fn verify(case: &Value, human: bool) -> Said {
    let files = Files::new();
    let mut arguments = vec!["svid".to_owned(), "verify".to_owned()];
    arguments.extend(bundles(&files, case));
    match case["op"].as_str() {
        Some("svid.jwt") => {
            arguments.extend(["--jwt".to_owned(), case["token"].as_str().unwrap_or_default().to_owned()]);
            for audience in case["audience"].as_array().into_iter().flatten() {
                arguments.extend(["--audience".to_owned(), audience.as_str().unwrap_or_default().to_owned()]);
            }
        }
        Some("svid.wit") => {
            let token = files.put("token", format!("{}\n", case["token"].as_str().unwrap_or_default()));
            arguments.extend(["--wit".to_owned(), format!("@{token}")]);
        }
        _ => arguments.extend(chain(&files, case).into_iter().flat_map(|file| ["--x509".to_owned(), file])),
    }
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    if human { run_human(&arguments) } else { run(&arguments) }
}

#[test]
fn an_svid_is_accepted_with_its_identity() {
    for (file, id) in [
        ("svid-jwt.ndjson", "jwt-svid/JV-1"),
        ("svid-jwt.ndjson", "jwt-svid/JV-17/ok"),
        ("svid-wit.ndjson", "wit-svid/ok"),
        ("svid-x509.ndjson", "x509-path/ok-direct"),
        ("svid-x509.ndjson", "x509-path/ok-pathlen-1-of-2"),
        ("svid-x509.ndjson", "x509-path/ok-two-intermediates"),
        ("svid-x509.ndjson", "x509-svid/XF-1"),
    ] {
        let case = case(file, id);
        let said = verify(&case, false);
        let answer = said.json();
        assert_eq!((said.code, &answer["ok"]), (Some(0), &true.into()), "{id}: {said:?}");
        assert_eq!(answer["result"]["spiffe_id"], case["want"]["result"]["spiffe_id"], "{id}");
        for member in ["claims", "cnf"] {
            let wanted = &case["want"]["result"][member];
            assert!(wanted.is_null() || answer["result"][member] == *wanted, "{id}: {answer}");
        }
        assert!(answer["findings"].as_array().is_some_and(|findings| findings.len() > 4), "{id}");

        let said = verify(&case, true);
        assert_eq!(said.code, Some(0), "{id}: {said:?}");
        let identity = format!("SPIFFE ID   {}\n", case["want"]["result"]["spiffe_id"].as_str().unwrap_or_default());
        assert!(said.out.starts_with("ACCEPTED\n") && said.out.contains(&identity), "{}", said.out);
        assert!(!said.out.contains("NOT VERIFIED"), "{}", said.out);
    }
}

#[test]
fn a_refused_svid_ends_with_two_and_its_reason() {
    for (file, id, code) in [
        ("svid-jwt.ndjson", "jwt-svid-more/exp-now", "token.expired"),
        ("svid-jwt.ndjson", "jwt-svid-more/empty-bundle", "bundle.no_jwt_authority"),
        ("svid-wit.ndjson", "wit-svid/aud-present", "svid.wit_audience"),
        ("svid-wit.ndjson", "wit-svid/tampered", "crypto.signature_invalid"),
        ("svid-x509.ndjson", "x509-path/empty-bundle", "bundle.no_x509_authority"),
        ("svid-x509.ndjson", "x509-path/leaf-not-yet", ""),
        ("svid-x509.ndjson", "x509-path/der-truncated", ""),
        ("svid-x509.ndjson", "x509-path/pem-wrong-label", ""),
    ] {
        let case = case(file, id);
        let said = verify(&case, false);
        let answer = said.json();
        assert_eq!((said.code, &answer["ok"]), (Some(2), &false.into()), "{id}: {said:?}");
        assert_eq!(answer["result"], Value::Null);
        let told = answer["error"]["code"].as_str().unwrap_or_default();
        assert!(!told.is_empty() && (code.is_empty() || told == code), "{id}: {told}");
        let said = verify(&case, true);
        assert_eq!(said.code, Some(2), "{id}: {said:?}");
        assert!(said.out.starts_with("REFUSED  ") && said.out.contains(told), "{}", said.out);
        assert!(!said.out.contains("\nIdentity\n"), "{}", said.out);
    }
}

#[test]
fn a_refused_chain_is_shown_as_not_verified() {
    let said = verify(&case("svid-x509.ndjson", "x509-path/leaf-not-yet"), true);
    assert!(said.out.contains("NOT VERIFIED") && said.out.contains("not valid yet"), "{}", said.out);
}

#[test]
fn a_chain_is_drawn_from_the_leaf_on() {
    let case = case("svid-x509.ndjson", "x509-path/ok-two-intermediates");
    let files = Files::new();
    let file = files.put("chain.pem", case["chain_pem"].as_str().unwrap_or_default());
    let said = run_human(&["svid", "inspect", &file]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.starts_with("NOT VERIFIED  3 certificates"), "{}", said.out);
    let place = |text: &str| said.out.find(text);
    let places = [place("┌─ 1  CN=web,O=SPIFFE"), place("├─ 2  CN=I2,O=SPIFFE"), place("└─ 3  CN=I1,O=SPIFFE")];
    assert!(places.is_sorted() && places.iter().all(Option::is_some), "{}", said.out);
    assert!(said.out.contains("URI         spiffe://example.org/ns/prod/sa/web"), "{}", said.out);
    assert!(said.out.contains("until       2031-09-20 14:13:20 UTC, in "), "{}", said.out);
    assert!(said.out.contains("key         EC P-256") && said.out.contains("CA          yes"), "{}", said.out);
    assert!(!said.out.contains("has not the name"), "{}", said.out);

    let answer = run(&["svid", "inspect", &file]).json();
    assert_eq!((&answer["ok"], &answer["verified"]), (&true.into(), &false.into()));
    let certificates = &answer["result"]["certificates"];
    assert_eq!(certificates[0]["uris"][0], "spiffe://example.org/ns/prod/sa/web");
    assert_eq!((&certificates[0]["is_ca"], &certificates[2]["is_ca"]), (&false.into(), &true.into()));
}

#[test]
fn a_chain_with_a_gap_is_drawn_with_it() {
    let case = case("svid-x509.ndjson", "x509-path/ok-pathlen-1-of-2");
    let files = Files::new();
    let mut chain = chain(&files, &case);
    assert_eq!(chain.len(), 3);
    chain.swap(1, 2);
    let arguments: Vec<_> = ["svid", "inspect"].into_iter().chain(chain.iter().map(String::as_str)).collect();
    let said = run_human(&arguments);
    assert!(said.out.contains('┆') && said.out.contains("has not the name of this one's issuer"), "{}", said.out);
}

#[test]
fn what_is_no_chain_is_told_as_such() {
    let files = Files::new();
    for contents in [
        &b"\x30\x82\x01\x00"[..],
        b"",
        b"no certificate",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    ] {
        let file = files.put("chain", contents);
        let said = run_human(&["svid", "inspect", &file]);
        assert_eq!(said.code, Some(2), "{contents:?}: {said:?}");
        assert!(said.out.starts_with("NOT A CHAIN"), "{}", said.out);
        let said = run(&["svid", "inspect", &file]);
        assert_eq!((said.code, &said.json()["ok"]), (Some(2), &false.into()), "{contents:?}: {said:?}");
    }
}

#[test]
fn texts_of_a_certificate_are_escaped() {
    // The name of the leaf is UTF-8 and has three bytes, as many as what turns the direction of writing.
    let case = case("svid-x509.ndjson", "x509-path/ok-direct");
    let mut leaf = bytes(&case["chain"][0]);
    let name = [0x0c, 0x03, b'w', b'e', b'b'];
    let place = leaf.windows(name.len()).position(|window| window == name).map(|place| place + 2).unwrap_or_default();
    leaf[place..place + 3].copy_from_slice("\u{202e}".as_bytes());
    let files = Files::new();
    let file = files.put("leaf.der", leaf);
    let said = run_human(&["svid", "inspect", &file]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.contains("\\u202e"), "{}", said.out);
    assert_harmless(&said.out);

    let mut arguments = vec!["svid", "verify", "--x509", &file];
    let bundles = bundles(&files, &case);
    arguments.extend(bundles.iter().map(String::as_str));
    let said = run_human(&arguments);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.out.contains("\\u202e"), "{}", said.out);
    assert_harmless(&said.out);
}

#[test]
fn wrong_arguments_end_with_one() {
    let case = case("svid-x509.ndjson", "x509-path/ok-direct");
    let files = Files::new();
    let chain = chain(&files, &case).swap_remove(0);
    let bundle = files.put("bundle.json", case["bundles"]["example.org"].to_string());
    let bundle = |trust_domain: &str| format!("{trust_domain}={bundle}");
    let (right, upper) = (bundle("example.org"), bundle("Example.org"));
    let no_bundle = format!("example.org={chain}");
    for arguments in [
        &["svid"][..],
        &["svid", "inspect"],
        &["svid", "inspect", "/no/such/file"],
        &["svid", "verify", "--bundle", &right],
        &["svid", "verify", "--x509", &chain],
        &["svid", "verify", "--x509", &chain, "--bundle", "example.org"],
        &["svid", "verify", "--x509", &chain, "--bundle", "example.org=/no/such/file"],
        &["svid", "verify", "--x509", &chain, "--bundle", &upper],
        &["svid", "verify", "--x509", &chain, "--bundle", &no_bundle],
        &["svid", "verify", "--x509", &chain, "--bundle", &right, "--bundle", &right],
        &["svid", "verify", "--x509", &chain, "--wit", "a.b.c", "--bundle", &right],
        &["svid", "verify", "--x509", &chain, "--audience", "a", "--bundle", &right],
        &["svid", "verify", "--x509", &chain, "--leeway", "60", "--bundle", &right],
        &["svid", "verify", "--wit", "a.b.c", "--audience", "a", "--bundle", &right],
        // Without an audience every JWT-SVID would be refused.
        &["svid", "verify", "--jwt", "a.b.c", "--bundle", &right],
    ] {
        let said = run(arguments);
        assert_eq!(said.code, Some(1), "{arguments:?}: {said:?}");
        assert!(!said.err.is_empty() && said.out.is_empty(), "{arguments:?}: {said:?}");
    }
}
