//! `portcullis signature`, on messages of the corpus and on text.
#![cfg(all(feature = "cli", feature = "compiler"))]

mod support;

use serde_json::{Value, json};
use support::case;
use support::command::{Files, Said, assert_harmless, run, run_human};

/// A case's message and keys as arguments.
fn arguments(files: &Files, case: &Value) -> Vec<String> {
    let mut arguments = Vec::new();
    for (member, option) in
        [("request", "--request"), ("response", "--response"), ("related_request", "--related-request")]
    {
        if !case[member].is_null() {
            arguments.extend([option.to_owned(), files.put(member, case[member].to_string())]);
        }
    }
    if !case["keys"].is_null() {
        arguments.extend(["--keys".to_owned(), files.put("keys.json", case["keys"].to_string())]);
    }
    arguments
}

fn verify(case: &Value, human: bool) -> Said {
    let files = Files::new();
    let mut all = vec!["signature".to_owned(), "verify".to_owned()];
    all.extend(arguments(&files, case));
    for (member, option) in [("label", "--label"), ("tag", "--tag")] {
        if let Some(text) = case[member].as_str() {
            all.extend([option.to_owned(), text.to_owned()]);
        }
    }
    for component in case["require"]["components"].as_array().into_iter().flatten() {
        all.extend(["--require".to_owned(), component.as_str().unwrap_or_default().to_owned()]);
    }
    if let Some(within) = case["require"]["created_within"].as_u64() {
        all.extend(["--created-within".to_owned(), within.to_string()]);
    }
    if let Some(skew) = case["skew"].as_u64() {
        all.extend(["--skew".to_owned(), skew.to_string()]);
    }
    for (name, of) in case["structured_fields"].as_object().into_iter().flatten() {
        all.extend(["--structured".to_owned(), format!("{name}={}", of.as_str().unwrap_or_default())]);
    }
    let all: Vec<_> = all.iter().map(String::as_str).collect();
    if human { run_human(&all) } else { run(&all) }
}

#[test]
fn what_verifies_is_told() {
    for (file, id) in [
        ("http-signature.ndjson", "http-signature/ok"),
        ("http-signature.ndjson", "http-signature/ok-created-within"),
        ("http-signature.ndjson", "http-signature/ok-tag"),
        ("http-signature-more.ndjson", "http-signature-more/ok-response"),
        ("http-signature-more.ndjson", "http-signature-more/ok-strict-told"),
        ("http-signature-more.ndjson", "http-signature-more/ok-required-as-signed"),
        ("http-signature-more.ndjson", "http-signature-more/ok-skew"),
        ("http-signature-more.ndjson", "http-signature-more/ok-nothing-covered"),
    ] {
        let case = case(file, id);
        let said = verify(&case, false);
        let answer = said.json();
        assert_eq!((said.code, &answer["ok"]), (Some(0), &true.into()), "{id}: {said:?}");
        assert_eq!(answer["result"]["label"], case["want"]["result"]["label"], "{id}");
        assert_eq!(answer["findings"].as_array().map(Vec::len), Some(9), "{id}");
        let said = verify(&case, true);
        assert!(said.out.starts_with("ACCEPTED\n") && said.out.contains("\nCovered\n"), "{id}: {}", said.out);
    }
}

#[test]
fn what_does_not_verify_is_refused_with_its_reason() {
    for (file, id, code) in [
        ("http-signature.ndjson", "http-signature/body-changed", "signature.digest_mismatch"),
        ("http-signature.ndjson", "http-signature/expired", "signature.expired"),
        ("http-signature.ndjson", "http-signature/path-changed", "crypto.signature_invalid"),
        ("http-signature-more.ndjson", "http-signature-more/request-unavailable", "signature.request_unavailable"),
    ] {
        let case = case(file, id);
        let said = verify(&case, false);
        let answer = said.json();
        assert_eq!((said.code, answer["error"]["code"].as_str()), (Some(2), Some(code)), "{id}: {said:?}");
        let said = verify(&case, true);
        assert!(said.out.starts_with("REFUSED") && said.out.contains(code), "{id}: {}", said.out);
    }
}

/// The keys of the corpus.
fn keys() -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus/keys.json");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    serde_json::from_str::<Value>(&text).map(|all| all["keys"].clone()).unwrap_or_default()
}

const REQUEST: &str = "POST /orders?draft=1 HTTP/1.1\nHost: api.example\nDate: today\nContent-Length: 2\n\n{}\n";

#[test]
fn what_is_signed_verifies_and_nothing_changed_does() {
    let all = keys();
    for (key, algorithm) in [
        ("hs-ed", None),
        ("hs-ec", None),
        ("hs-384", None),
        ("hs-secret", None),
        ("hs-rsa", Some("rsa-pss-sha512")),
        ("hs-rsa", Some("rsa-v1_5-sha256")),
    ] {
        let files = Files::new();
        let request = files.put("request.http", REQUEST);
        let key = files.put("key.json", all[key].to_string());
        let mut sign = vec!["signature", "sign", "--request", &request, "--key", &key, "--tag", "app"];
        sign.extend([
            "--component",
            "@method",
            "--component",
            "@target-uri",
            "--component",
            "date",
            "--content-digest",
        ]);
        sign.extend(["--nonce", "n", "--expires", "1790000300", "--state-alg"]);
        sign.extend(algorithm.iter().flat_map(|algorithm| ["--alg", algorithm]));
        let said = run_human(&sign);
        assert_eq!(said.code, Some(0), "{algorithm:?} {said:?}");
        let names: Vec<&str> = said.out.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name).collect();
        assert_eq!(names, ["Content-Digest", "Signature-Input", "Signature"]);
        let mut public: Value =
            serde_json::from_str(&std::fs::read_to_string(&key).unwrap_or_default()).unwrap_or_default();
        let secret = public["kty"] == "oct";
        for name in ["d", "p", "q", "dp", "dq", "qi"] {
            if let (false, Some(jwk)) = (secret, public.as_object_mut()) {
                jwk.remove(name);
            }
        }
        let keys = files.put("keys.json", json!({"keys": [public]}).to_string());
        let signed = REQUEST.replacen("\n\n", &format!("\n{}\n", said.out), 1);
        for (text, code) in [
            (signed.clone(), None),
            (signed.replacen("{}", "[]", 1), Some("signature.digest_mismatch")),
            (signed.replacen("draft=1", "draft=2", 1), Some("")),
            (signed.replacen("today", "never", 1), Some("")),
            (signed.replacen("tag=\"app\"", "tag=\"bad\"", 1), Some("signature.tag_unknown")),
        ] {
            let request = files.put("signed.http", text);
            let mut verify = vec!["signature", "verify", "--request", &request, "--keys", &keys, "--tag", "app"];
            verify.extend(["--created-within", "60", "--require", "@method", "--require-parameter", "nonce"]);
            let said = run(&verify);
            let told = said.json();
            match code {
                None => assert_eq!((said.code, &told["ok"]), (Some(0), &true.into()), "{algorithm:?} {said:?}"),
                Some(code) => {
                    assert_eq!(said.code, Some(2), "{algorithm:?} {said:?}");
                    assert!(told["error"]["code"].as_str().is_some_and(|told| told.contains(code)), "{code} {said:?}");
                }
            }
        }
    }
}

#[test]
fn what_is_printed_in_json_are_header_fields_to_add() {
    let files = Files::new();
    let request = files.put("request.json", r#"{"method":"GET","url":"https://api.example/","headers":[]}"#);
    let key = files.put("key.json", keys()["hs-ed"].to_string());
    let sign = [
        "signature",
        "sign",
        "--request",
        &request,
        "--key",
        &key,
        "--component",
        "@path",
        "--no-created",
        "--keyid",
        "k",
    ];
    let said = run(&sign);
    let headers = said.json()["headers"].clone();
    assert_eq!(headers[0], json!(["Signature-Input", "sig1=(\"@path\");keyid=\"k\""]));
    assert_eq!((&headers[1][0], headers.as_array().map(Vec::len)), (&json!("Signature"), Some(2)));
}

#[test]
fn nothing_is_signed_that_is_not_understood_and_no_key_is_told() {
    let all = keys();
    let files = Files::new();
    let request = files.put("request.http", REQUEST);
    let (ed, rsa) = (files.put("ed.json", all["hs-ed"].to_string()), files.put("rsa.json", all["hs-rsa"].to_string()));
    let garbage = files.put("garbage", "secretsecret");
    let public =
        files.put("public.json", r#"{"kty":"OKP","crv":"Ed25519","x":"eklBUeDafQNkoXSos0LHoej_0q4IVPtZG9MufuGudec"}"#);
    let broken = files.put("broken.http", "POST / HTTP/1.1\nHost: a\n\nbody without a length");
    let component = ["--component", "@method"];
    for (arguments, words) in [
        (vec!["--request", &request, "--key", &rsa], "does not say which algorithm"),
        (vec!["--request", &request, "--key", &ed, "--alg", "rsa-pss-sha512"], "no private key for this algorithm"),
        (vec!["--request", &request, "--key", &garbage, "--alg", "ed25519"], "no private key for this algorithm"),
        (vec!["--request", &request, "--key", &public], "no private key for this algorithm"),
        (vec!["--request", &broken, "--key", &ed], "bytes follow its header section"),
        (vec!["--request", &request, "--key", &ed, "--label", "Sig"], "signature.label_form"),
        (vec!["--request", &request, "--key", &ed, "--component", "x-missing"], "signature.field_missing"),
        (vec!["--request", &request, "--key", &ed, "--component", "@methods"], "signature.component_unknown"),
        (vec!["--request", &request, "--key", &ed, "--expires", "5"], "signature.expires_before_created"),
    ] {
        let mut all = vec!["signature", "sign"];
        all.extend(arguments);
        all.extend(component);
        let said = run(&all);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.err.contains(words), "{words}: {said:?}");
        assert!(!said.err.contains("secretsecret"), "{said:?}");
        assert_harmless(&said.err);
    }
}
