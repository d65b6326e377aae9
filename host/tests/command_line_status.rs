//! `portcullis status`, on lists of the corpus.
#![cfg(all(feature = "cli", feature = "compiler"))]

mod support;

use std::fs::File;
use std::path::Path;
use std::process::Stdio;

use jwt_simple::prelude::*;
use support::command::{Files, Said, assert_harmless, run, run_human, run_with};
use support::{bytes, case};

type Outcome = Result<(), Box<dyn std::error::Error>>;

const URI: &str = "https://example.com/statuslists/1";

/// A list of the corpus in files: the token, and its keys.
struct List {
    files: Files,
    token: String,
    keys: String,
    is_cwt: bool,
}

impl List {
    fn of(id: &str) -> Self {
        let case = case("status.ndjson", id);
        let files = Files::new();
        let token = match case["token"].as_str() {
            // As editors leave it.
            Some(token) => files.put("list", format!("{token}\n")),
            None => files.put("list", bytes(&case["token_b64"])),
        };
        let keys = files.put("jwks.json", case["keys"].to_string());
        Self { files, token: format!("@{token}"), keys, is_cwt: case["token"].is_null() }
    }

    fn arguments<'a>(&'a self, verb: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let mut arguments = vec!["status", verb, &self.token, "--keys", &self.keys, "--uri", URI];
        if self.is_cwt {
            arguments.push("--cwt");
        }
        arguments.extend_from_slice(more);
        arguments
    }

    fn run(&self, verb: &str, more: &[&str]) -> Said {
        run(&self.arguments(verb, more))
    }

    fn run_human(&self, verb: &str, more: &[&str]) -> Said {
        run_human(&self.arguments(verb, more))
    }
}

#[test]
fn valid_ends_with_zero() {
    for id in ["status/ok-1bit-valid", "status/cwt-ok-valid"] {
        let list = List::of(id);
        let said = list.run("lookup", &["--index", "0"]);
        let answer = said.json();
        assert_eq!(said.code, Some(0), "{said:?}");
        assert_eq!(answer["ok"], true);
        let status = serde_json::json!([{"index": 0, "value": 0, "status": "valid"}]);
        assert_eq!(answer["result"]["statuses"], status);
        assert_eq!(answer["result"]["expires"], 1_790_086_400);
        assert_eq!(answer["result"]["ttl"], 43_200);
        assert_eq!(answer["error"], serde_json::Value::Null);

        let said = list.run_human("lookup", &["--index", "0"]);
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(said.out.starts_with("VALID\n"), "{}", said.out);
        assert!(said.out.contains("expires     2026-09-22 14:13:20 UTC, in 1d"), "{}", said.out);
        assert!(said.out.contains("ttl         12h"), "{}", said.out);
    }
}

#[test]
fn anything_but_valid_ends_with_two() {
    for (id, index, status) in [
        ("status/ok-last-index-1bit", "63", "invalid"),
        ("status/ok-2bit-suspended", "4", "suspended"),
        ("status/ok-4bit-app-15", "15", "application-specific"),
        ("status/ok-4bit-reserved-4", "4", "reserved"),
        ("status/cwt-ok-4bit", "13", "application-specific"),
    ] {
        let list = List::of(id);
        let said = list.run("lookup", &["--index", index]);
        let answer = said.json();
        assert_eq!(said.code, Some(2), "{id}: {said:?}");
        assert_eq!((&answer["ok"], &answer["result"]["statuses"][0]["status"]), (&false.into(), &status.into()));
        let said = list.run_human("lookup", &["--index", index]);
        assert_eq!(said.code, Some(2), "{id}: {said:?}");
        assert!(said.out.starts_with("NOT VALID\n") && said.out.contains(status), "{}", said.out);
    }
}

#[test]
fn one_of_many_that_is_not_valid_decides() {
    let list = List::of("status/ok-4bit-app-15");
    let said = list.run("lookup", &["--index", "0", "--index", "1,32"]);
    let answer = said.json();
    assert_eq!(said.code, Some(2), "{said:?}");
    assert_eq!(answer["ok"], false);
    let statuses = &answer["result"]["statuses"];
    assert_eq!((&statuses[0]["status"], &statuses[1]["status"]), (&"valid".into(), &"invalid".into()));
    assert_eq!((&statuses[2]["index"], &statuses[2]["value"]), (&32.into(), &serde_json::Value::Null));
    assert_eq!(statuses[2]["error"]["code"], "status.index_out_of_range");

    let said = list.run_human("lookup", &["--index", "0,1,32"]);
    assert!(said.out.starts_with("NOT VALID  2 of 3\n"), "{}", said.out);
    assert!(said.out.contains("status.index_out_of_range"), "{}", said.out);
    assert_eq!(list.run("lookup", &["--index", "0,16"]).code, Some(0));
}

#[test]
fn a_refused_list_ends_with_two_and_shows_nothing() {
    for (id, code) in [
        ("status/tampered", "crypto.signature_invalid"),
        ("status/expired", "status.expired"),
        ("status/sub-other", "status.subject_mismatch"),
        ("status/bomb-index-in-first-byte", "status.inflates_too_large"),
        ("status/cwt-sig", "crypto.signature_invalid"),
        ("status/cwt-trailing", ""),
    ] {
        let list = List::of(id);
        for (verb, more) in [("lookup", &["--index", "0"][..]), ("inspect", &[])] {
            let said = list.run(verb, more);
            let answer = said.json();
            assert_eq!(said.code, Some(2), "{id}: {said:?}");
            assert_eq!((&answer["ok"], &answer["result"]), (&false.into(), &serde_json::Value::Null));
            let said_code = answer["error"]["code"].as_str().unwrap_or_default();
            assert!(!said_code.is_empty() && (code.is_empty() || said_code == code), "{id}: {said_code}");
            let said = list.run_human(verb, more);
            assert_eq!(said.code, Some(2), "{id}: {said:?}");
            assert!(said.out.starts_with("REFUSED  ") && said.out.contains("docs/codes.md#"), "{}", said.out);
            assert!(!said.out.contains("Statuses"), "{}", said.out);
        }
        let png = list.files.path("list.png");
        let said = list.run("inspect", &["--png", &png.to_string_lossy()]);
        assert_eq!((said.code, png.exists()), (Some(2), false), "{id}");
    }
}

#[test]
fn the_form_of_a_token_is_never_guessed() {
    let mut list = List::of("status/cwt-ok-valid");
    list.is_cwt = false;
    assert_eq!(list.run("lookup", &["--index", "0"]).code, Some(2));
    let mut list = List::of("status/ok-1bit-valid");
    list.is_cwt = true;
    assert_eq!(list.run("lookup", &["--index", "0"]).code, Some(2));
}

#[test]
fn tokens_come_from_standard_input_too() -> Outcome {
    for id in ["status/ok-1bit-valid", "status/cwt-ok-valid"] {
        let mut list = List::of(id);
        let file = File::open(list.token.trim_start_matches('@'))?;
        list.token = "-".into();
        let said = run_with(&list.arguments("lookup", &["--index", "0"]), Stdio::from(file));
        assert_eq!(said.code, Some(0), "{said:?}");
    }
    Ok(())
}

#[test]
fn wrong_arguments_end_with_one() {
    let list = List::of("status/ok-1bit-valid");
    let missing = list.files.path("missing").to_string_lossy().into_owned();
    for arguments in [
        &["status"][..],
        &["status", "lookup", &list.token, "--keys", &list.keys, "--uri", URI],
        &["status", "lookup", &list.token, "--keys", &list.keys, "--index", "0"],
        &["status", "lookup", &list.token, "--uri", URI, "--index", "0"],
        &["status", "lookup", &list.token, "--keys", &list.keys, "--uri", URI, "--index", "-1"],
        &[
            "status",
            "lookup",
            &list.token,
            "--keys",
            &list.keys,
            "--cose-keys",
            &list.keys,
            "--uri",
            URI,
            "--index",
            "0",
        ],
        &["status", "lookup", &list.token, "--keys", &missing, "--uri", URI, "--index", "0"],
        // A JWT is no set of keys, and a JWK Set is no COSE_KeySet.
        &["status", "lookup", &list.token, "--keys", &list.token[1..], "--uri", URI, "--index", "0"],
        &["status", "lookup", &list.token, "--cose-keys", &list.keys, "--uri", URI, "--index", "0"],
        // Bytes are no argument.
        &["status", "lookup", "--cwt", "2oRD", "--keys", &list.keys, "--uri", URI, "--index", "0"],
        &["status", "inspect", &list.token, "--keys", &list.keys, "--uri", URI, "--png", "/no/such/folder/x.png"],
    ] {
        let said = run(arguments);
        assert_eq!(said.code, Some(1), "{arguments:?}: {said:?}");
        assert!(!said.err.is_empty() && said.out.is_empty(), "{arguments:?}: {said:?}");
    }
}

#[test]
fn a_cose_key_set_verifies() -> Outcome {
    // The corpus gives the key as a JWK; this is the same one as a COSE_KeySet with one EC2 key, whose identifier is `12`.
    let case = case("status.ndjson", "status/cwt-ok-valid");
    let key = &case["keys"]["keys"][0];
    let coordinate = |name: &str| bytes(&key[name]);
    let mut set = vec![0x81, 0xa5, 0x01, 0x02, 0x02, 0x42, b'1', b'2', 0x20, 0x01, 0x21, 0x58, 0x20];
    set.extend(coordinate("x"));
    set.extend([0x22, 0x58, 0x20]);
    set.extend(coordinate("y"));
    let list = List::of("status/cwt-ok-valid");
    let keys = list.files.put("keys.cbor", set);
    let said = run(&["status", "lookup", "--cwt", &list.token, "--cose-keys", &keys, "--uri", URI, "--index", "0"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    Ok(())
}

#[test]
fn a_list_is_counted() {
    let list = List::of("status/ok-1bit-valid");
    let answer = list.run("inspect", &[]).json();
    assert_eq!(
        (&answer["ok"], &answer["result"]["entries"], &answer["result"]["bits"]),
        (&true.into(), &64.into(), &1.into())
    );
    let counts = answer["result"]["counts"].as_array().cloned().unwrap_or_default();
    assert_eq!((counts.len(), &counts[0]["status"], &counts[1]["status"]), (2, &"valid".into(), &"invalid".into()));
    let sum: u64 = counts.iter().filter_map(|count| count["entries"].as_u64()).sum();
    assert_eq!(sum, 64);

    // What single tokens are does not matter to who looks at a list.
    let said = list.run_human("inspect", &[]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.starts_with("ACCEPTED\n") && said.out.contains('█'), "{}", said.out);
}

/// A size, and the pixels line by line.
type Picture = ((u32, u32), Vec<[u8; 4]>);

fn picture(path: &Path) -> Result<Picture, Box<dyn std::error::Error>> {
    let mut reader = png::Decoder::new(std::io::BufReader::new(File::open(path)?)).read_info()?;
    let mut pixels = vec![0; reader.output_buffer_size().ok_or("too large")?];
    let info = reader.next_frame(&mut pixels)?;
    assert_eq!((info.color_type, info.bit_depth), (png::ColorType::Rgba, png::BitDepth::Eight));
    let pixels = pixels.as_chunks::<4>().0.to_vec();
    Ok(((info.width, info.height), pixels))
}

const VALID: [u8; 4] = [0xcd, 0xeb, 0xd0, 0xff];
const INVALID: [u8; 4] = [0xd1, 0x24, 0x2f, 0xff];
const SUSPENDED: [u8; 4] = [0xe3, 0xa0, 0x08, 0xff];
const RESERVED: [u8; 4] = [0x82, 0x50, 0xdf, 0xff];

#[test]
fn a_list_is_drawn() -> Outcome {
    // Every value from 0 to 255 at its own index.
    let list = List::of("status/ok-8bit-255-reserved");
    let file = list.files.path("list.png");
    let said = list.run("inspect", &["--png", &file.to_string_lossy()]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let png = &said.json()["result"]["png"];
    assert_eq!((&png["width"], &png["height"], &png["entries_per_pixel"]), (&16.into(), &16.into(), &1.into()));
    assert_eq!(png["colours"][0], serde_json::json!({"value": 0, "status": "valid", "rgb": "#cdebd0"}));

    let (size, pixels) = picture(&file)?;
    assert_eq!(size, (16, 16));
    assert_eq!(pixels[..3], [VALID, INVALID, SUSPENDED]);
    assert!(pixels[4..12].iter().chain(&pixels[16..]).all(|pixel| *pixel == RESERVED));
    for application in [3, 12, 13, 14, 15] {
        assert!(![VALID, INVALID, SUSPENDED, RESERVED].contains(&pixels[application]));
        assert_eq!(pixels.iter().filter(|pixel| **pixel == pixels[application]).count(), 1);
    }
    Ok(())
}

#[test]
fn what_is_no_entry_is_transparent() -> Outcome {
    // 32 entries in 6 by 6 places, values from 0 to 15 and again.
    let list = List::of("status/ok-4bit-app-15");
    let file = list.files.path("list.png");
    let said = list.run_human("inspect", &["--png", &file.to_string_lossy()]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.contains("6 × 6 pixels") && said.out.contains("one entry a pixel"), "{}", said.out);
    assert!(said.out.contains("#d1242f     0x01 invalid"), "{}", said.out);
    let (size, pixels) = picture(&file)?;
    assert_eq!(size, (6, 6));
    assert_eq!((pixels[16], pixels[17], pixels[31]), (VALID, INVALID, pixels[15]));
    assert_eq!(pixels[32..], [[0; 4]; 4]);
    Ok(())
}

/// A list token of our own, valid but for its texts.
fn signed(key: &ES256KeyPair, sub: &str) -> Result<String, jwt_simple::Error> {
    #[derive(serde::Serialize, serde::Deserialize)]
    struct StatusList {
        status_list: serde_json::Value,
    }
    // No entry: an empty zlib stream.
    let list = StatusList { status_list: serde_json::json!({"bits": 1, "lst": "eJwDAAAAAAE"}) };
    let mut claims = Claims::with_custom_claims(list, Duration::from_secs(60)).with_subject(sub);
    claims.issued_at = Some(UnixTimeStamp::from_secs(1_790_000_000));
    claims.invalid_before = None;
    claims.expires_at = Some(UnixTimeStamp::from_secs(1_790_000_060));
    key.sign_with_options(
        claims,
        &HeaderOptions { signature_type: Some("statuslist+jwt".into()), ..Default::default() },
    )
}

#[test]
fn texts_of_a_list_and_of_arguments_are_escaped() -> Outcome {
    let key = ES256KeyPair::generate();
    let files = Files::new();
    let keys = files.put("jwks.json", format!(r#"{{"keys":[{}]}}"#, key.public_key().to_jwk()));
    let hostile = "a\u{202e}b\u{9b}2J\u{1b}[31m";
    let token = format!("@{}", files.put("list", signed(&key, hostile)?));
    for uri in [hostile, "b"] {
        for (verb, index) in [("lookup", &["--index", "0"][..]), ("inspect", &[])] {
            let arguments = [&["status", verb, &token, "--keys", &keys, "--uri", uri], index].concat();
            let said = run_human(&arguments);
            let accepted = uri == hostile && verb == "inspect";
            assert_eq!(said.code, Some(if accepted { 0 } else { 2 }), "{said:?}");
            assert_harmless(&said.out);
        }
    }
    Ok(())
}

#[test]
fn a_list_without_entries_is_not_drawn() -> Outcome {
    let key = ES256KeyPair::generate();
    let files = Files::new();
    let keys = files.put("jwks.json", format!(r#"{{"keys":[{}]}}"#, key.public_key().to_jwk()));
    let token = format!("@{}", files.put("list", signed(&key, URI)?));
    let png = files.path("list.png");
    let said = run(&["status", "inspect", &token, "--keys", &keys, "--uri", URI, "--png", &png.to_string_lossy()]);
    assert_eq!((said.code, png.exists()), (Some(1), false), "{said:?}");
    assert!(said.err.contains("no entries"), "{}", said.err);
    Ok(())
}
