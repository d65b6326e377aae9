//! `portcullis signature … --profile ocm`, on requests that are made here and on those of the corpus.
#![cfg(all(feature = "cli", feature = "compiler"))]

mod support;

use serde_json::{Value, json};
use support::case;
use support::command::{Files, Said, assert_harmless, run, run_human};

const SIGNER: &str = "sender.example.org";
const KEYID: &str = "sender.example.org#key1";
const SECRET: &str = "hfiuhworzwnur98d3wjiwhr";

/// The keys of the corpus.
fn keys() -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus/keys.json");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    serde_json::from_str::<Value>(&text).map(|all| all["keys"].clone()).unwrap_or_default()
}

/// The JWK Set that a server publishes of a private key.
fn published(key: &Value) -> String {
    let mut public = key.clone();
    for name in ["d", "p", "q", "dp", "dq", "qi"] {
        if let Some(jwk) = public.as_object_mut() {
            jwk.remove(name);
        }
    }
    public["kid"] = KEYID.into();
    json!({"keys": [public]}).to_string()
}

/// A share, as it is before it is signed.
fn share() -> Value {
    let body = json!({
        "shareWith": "marie@receiver.example.org", "name": "spec.yaml", "providerId": "7c08",
        "owner": "albert@sender.example.org", "sender": "albert@sender.example.org", "shareType": "user",
        "resourceType": "file", "protocol": {"name": "multi", "webdav": {"uri": "7c08", "sharedSecret": SECRET}},
    });
    json!({
        "method": "POST", "url": "https://receiver.example.org/ocm/shares",
        "headers": [["Content-Type", "application/json"]], "body": body.to_string(),
    })
}

fn sign(files: &Files, request: &Value, key: &Value, more: &[&str]) -> Said {
    let request = files.put("request.json", request.to_string());
    let key = files.put("key.json", key.to_string());
    let arguments = ["signature", "sign", "--profile", "ocm", "--request", &request, "--key", &key];
    run(&[&arguments[..], more].concat())
}

fn verify(files: &Files, request: &Value, jwks: &str, signer: &str, more: &[&str]) -> Said {
    let request = files.put("signed.json", request.to_string());
    let keys = files.put("keys.json", jwks);
    let arguments =
        ["signature", "verify", "--profile", "ocm", "--signer", signer, "--request", &request, "--keys", &keys];
    run(&[&arguments[..], more].concat())
}

/// A request with the header fields that were printed.
fn signed(mut request: Value, said: &Said) -> Value {
    let added = said.json()["headers"].as_array().cloned().unwrap_or_default();
    if let Some(headers) = request["headers"].as_array_mut() {
        headers.extend(added);
    }
    request
}

fn code(said: &Said) -> String {
    assert_eq!(said.code, Some(2), "{said:?}");
    said.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn what_is_signed_verifies_and_nothing_covered_can_be_changed() {
    let all = keys();
    for (key, algorithm) in [("hs-ed", None), ("hs-ec", None), ("hs-384", None), ("hs-rsa", Some("rsa-pss-sha512"))] {
        let files = Files::new();
        let mut more = vec!["--keyid", KEYID];
        more.extend(algorithm.iter().flat_map(|algorithm| ["--alg", algorithm]));
        let said = sign(&files, &share(), &all[key], &more);
        assert_eq!(said.code, Some(0), "{key} {said:?}");
        let added = said.json()["headers"].clone();
        let names: Vec<&str> = added.as_array().into_iter().flatten().filter_map(|pair| pair[0].as_str()).collect();
        assert_eq!(names, ["Date", "Content-Digest", "Content-Length", "Signature-Input", "Signature"], "{key}");
        assert_eq!(added[0][1], "Mon, 21 Sep 2026 14:13:20 GMT", "it is the time of --at");
        let input = added[3][1].as_str().unwrap_or_default();
        for part in ["created=1790000000", "tag=\"ocm\"", "keyid=\"sender.example.org#key1\"", "\"date\""] {
            assert!(input.contains(part), "{part}: {input}");
        }
        let request = signed(share(), &said);
        let jwks = published(&all[key]);
        let said = verify(&files, &request, &jwks, SIGNER, &[]);
        let told = said.json();
        assert_eq!((said.code, &told["ok"]), (Some(0), &true.into()), "{key} {said:?}");
        assert_eq!(told["result"], json!({"signer": SIGNER, "keyid": KEYID, "until": 1_790_000_330_u64}), "{key}");
        assert!(told["findings"].as_array().is_some_and(|checks| checks.len() > 4), "{key} {told}");
        let changed = |change: &dyn Fn(&mut Value)| {
            let mut request = request.clone();
            change(&mut request);
            verify(&files, &request, &jwks, SIGNER, &[])
        };
        let body = |request: &mut Value| {
            let text = request["body"].as_str().unwrap_or_default().replacen("spec.yaml", "pass.yaml", 1);
            request["body"] = text.into();
        };
        assert_eq!(code(&changed(&body)), "signature.digest_mismatch", "{key}");
        for change in [
            &(|request: &mut Value| request["method"] = "PUT".into()) as &dyn Fn(&mut Value),
            &|request: &mut Value| request["url"] = "https://receiver.example.org/ocm/shares?a".into(),
            &|request: &mut Value| request["headers"][1][1] = "Mon, 21 Sep 2026 14:13:21 GMT".into(),
        ] {
            assert_eq!(code(&changed(change)), "crypto.signature_invalid", "{key}");
        }
    }
}

#[test]
fn what_the_request_has_already_is_covered_as_it_is() {
    let files = Files::new();
    let body = share()["body"].as_str().unwrap_or_default().to_owned();
    let mut request = share();
    request["headers"] = json!([
        ["Content-Type", "application/json"],
        ["Date", "Mon, 21 Sep 2026 14:13:19 GMT"],
        ["Content-Length", body.len().to_string()],
    ]);
    let said = sign(&files, &request, &keys()["hs-ed"], &["--keyid", KEYID]);
    let added = said.json()["headers"].clone();
    assert_eq!((added.as_array().map(Vec::len), &added[0][0]), (Some(3), &json!("Content-Digest")), "{said:?}");
    let said = verify(&files, &signed(request, &said), &published(&keys()["hs-ed"]), SIGNER, &[]);
    assert_eq!(said.code, Some(0), "{said:?}");
}

#[test]
fn the_signature_is_of_the_server_that_is_meant() {
    let all = keys();
    let files = Files::new();
    let request = signed(share(), &sign(&files, &share(), &all["hs-ed"], &["--keyid", KEYID]));
    let jwks = published(&all["hs-ed"]);
    // The body speaks for another server than the one whose keys these are.
    assert_eq!(code(&verify(&files, &request, &jwks, "other.example.org", &[])), "ocm.sender_other");
    // Another key under its name.
    let said = verify(&files, &request, &published(&all["hs-other"]), SIGNER, &[]);
    assert_eq!(code(&said), "crypto.signature_invalid");
    let nobody = r#"{"keys":[]}"#;
    assert_eq!(code(&verify(&files, &request, nobody, SIGNER, &[])), "key.set_empty");
    // A signature of another kind is none.
    assert_eq!(code(&verify(&files, &share(), &jwks, SIGNER, &[])), "signature.missing");
}

#[test]
fn the_corpus_is_answered_as_everywhere() {
    for (id, code) in [
        ("ocm-more/signature/ok", None),
        ("ocm-more/signature/window-last", None),
        ("ocm-more/signature/created-stale", Some("signature.too_old")),
        ("ocm-more/signature/created-ahead", Some("signature.created_in_future")),
        ("ocm-more/signature/uncovered-target-uri", Some("signature.component_not_covered")),
        ("ocm-more/signature/two-with-tag", Some("signature.tag_repeated")),
        ("ocm-more/signature/length-other", Some("ocm.signature_length")),
        ("ocm-more/signature/cavage", Some("ocm.signature_legacy")),
        ("ocm-more/signature/owner-elsewhere", Some("ocm.owner_other")),
        ("ocm-more/signature/hmac", Some("signature.algorithm_not_accepted")),
        ("ocm-more/signature/hmac-without-alg", Some("signature.algorithm_not_accepted")),
    ] {
        let case = case("ocm-more.ndjson", id);
        let files = Files::new();
        let said = verify(&files, &case["request"], &case["jwks"][SIGNER].to_string(), SIGNER, &[]);
        match code {
            None => assert_eq!(said.code, Some(0), "{id} {said:?}"),
            Some(code) => assert_eq!(self::code(&said), code, "{id}"),
        }
    }
    let case = case("ocm-more.ndjson", "ocm-more/signature/window-given");
    let (files, jwks) = (Files::new(), case["jwks"][SIGNER].to_string());
    let said = verify(&files, &case["request"], &jwks, SIGNER, &["--created-within", "900", "--skew", "0"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(code(&verify(&files, &case["request"], &jwks, SIGNER, &[])), "signature.too_old");
}

#[test]
fn people_are_told_why() {
    let all = keys();
    let files = Files::new();
    let request = files.put("request.json", share().to_string());
    let key = files.put("key.json", all["hs-ed"].to_string());
    let said =
        run_human(&["signature", "sign", "--profile", "ocm", "--request", &request, "--key", &key, "--keyid", KEYID]);
    assert!(said.out.starts_with("Date: Mon, 21 Sep 2026 14:13:20 GMT\nContent-Digest: "), "{said:?}");
    let signed = signed(share(), &sign(&files, &share(), &all["hs-ed"], &["--keyid", KEYID]));
    let jwks = published(&all["hs-ed"]);
    let verify = |signer: &str| verify(&files, &signed, &jwks, signer, &["--format", "human", "--color", "never"]);
    let good = verify(SIGNER).out;
    assert!(good.starts_with("ACCEPTED\n") && good.contains("sender.example.org#key1"), "{good}");
    let bad = verify("other.example.org").out;
    assert!(bad.starts_with("REFUSED") && bad.contains("docs/codes.md#ocm-sender-other"), "{bad}");
    for text in [good, bad] {
        assert!(!text.contains(SECRET), "{text}");
        assert_harmless(&text);
    }
}

#[test]
fn what_cannot_be_signed_is_said_and_no_key_nor_body_is_told() {
    let all = keys();
    let unnamed = |name: &str| {
        let mut key = all[name].clone();
        if let Some(jwk) = key.as_object_mut() {
            jwk.remove("kid");
        }
        key
    };
    let digest = json!({
        "method": "POST", "url": "https://a.example.org/", "body": SECRET,
        "headers": [["Content-Digest", "sha-256=:GxGoFTWsL9vMvMKKqpVuvUpjhat1WHLzzUCDu12KeMs=:"]],
    });
    for (request, key, more, words) in [
        (share(), all["hs-secret"].clone(), &[][..], "ocm.signature_algorithm"),
        (share(), unnamed("hs-ed"), &[], "--keyid"),
        (digest, all["hs-ed"].clone(), &[], "signature.digest_mismatch"),
        (share(), all["hs-ed"].clone(), &["--component", "@method"], "--component"),
        (share(), all["hs-ed"].clone(), &["--tag", "app"], "--tag"),
        (share(), all["hs-ed"].clone(), &["--no-created"], "--no-created"),
    ] {
        let files = Files::new();
        let said = sign(&files, &request, &key, more);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.err.contains(words), "{words}: {said:?}");
        assert!(!said.err.contains(SECRET) && said.out.is_empty(), "{said:?}");
    }
    let files = Files::new();
    let request = files.put("request.json", share().to_string());
    let keys = files.put("keys.json", published(&all["hs-ed"]));
    let verify = ["signature", "verify", "--profile", "ocm", "--request", &request, "--keys", &keys];
    for (more, words) in [
        (&[][..], "--signer"),
        (&["--signer", SIGNER, "--tag", "app"], "--tag"),
        (&["--signer", SIGNER, "--require", "@method"], "--require"),
    ] {
        let said = run(&[&verify[..], more].concat());
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.err.contains(words), "{words}: {said:?}");
    }
    let broken = files.put("broken.json", "secretsecret");
    let said =
        run(&["signature", "verify", "--profile", "ocm", "--signer", SIGNER, "--request", &request, "--keys", &broken]);
    assert!(said.code == Some(1) && !said.err.contains("secretsecret"), "{said:?}");
}
