//! `portcullis status build` and the verbs around it. What they make is judged by `status lookup`, which asks the component,
//! and by jwt-simple.
#![cfg(all(feature = "cli", feature = "compiler"))]

mod support;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;

use jwt_simple::prelude::*;
use serde_json::{Value, json};
use support::command::{Files, Said, assert_harmless, run, run_human, run_with};

type Outcome = Result<(), Box<dyn std::error::Error>>;

const URI: &str = "https://example.com/statuslists/1";
const OTHER: &str = "https://example.com/statuslists/2";

/// A folder with a key in it.
struct Issuer {
    files: Files,
    key: String,
}

impl Issuer {
    fn new() -> Result<Self, Box<dyn std::error::Error>> {
        let files = Files::new();
        let key = files.put("key.pem", ES256KeyPair::generate().to_pem()?);
        Ok(Self { files, key })
    }

    fn path(&self, name: &str) -> String {
        self.files.path(name).to_string_lossy().into_owned()
    }

    /// Builds a list into `list`, with its keys in `jwks.json`.
    fn build(&self, more: &[&str]) -> Said {
        let (list, keys) = (self.path("list"), self.path("jwks.json"));
        let basic = ["status", "build", "--uri", URI, "--key", &self.key, "--output", &list, "--keys-out", &keys];
        run(&[&basic[..], more].concat())
    }

    /// What the component says of indices in it: the whole answer.
    fn lookup(&self, cwt: bool, indices: &[u64]) -> Value {
        let (list, keys) = (format!("@{}", self.path("list")), self.path("jwks.json"));
        let indices = indices.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
        let mut arguments = vec!["status", "lookup", &list, "--keys", &keys, "--uri", URI, "--index", &indices];
        if cwt {
            arguments.push("--cwt");
        }
        run(&arguments).json()
    }

    /// The values at indices.
    fn values(&self, cwt: bool, indices: &[u64]) -> Vec<u64> {
        let answer = self.lookup(cwt, indices);
        let statuses = answer["result"]["statuses"].as_array().cloned().unwrap_or_default();
        assert_eq!(statuses.len(), indices.len(), "{answer}");
        statuses.iter().filter_map(|status| status["value"].as_u64()).collect()
    }

    /// Runs a verb on the store `lists.db`.
    fn store(&self, verb: &str, more: &[&str]) -> Said {
        let store = self.path("lists.db");
        run(&[&["status", verb, "--store", &store], more].concat())
    }

    /// The indices that were given, of one list.
    fn allocate(&self, count: u64) -> Vec<u64> {
        let said = self.store("allocate", &["--uri", URI, "--count", &count.to_string()]);
        assert_eq!(said.code, Some(0), "{said:?}");
        let credentials = said.json()["result"]["credentials"].as_array().cloned().unwrap_or_default();
        let index = |credential: &Value| credential[0]["status_list"]["idx"].as_u64();
        credentials.iter().filter_map(index).collect()
    }
}

#[test]
fn every_value_is_read_back_by_the_component() -> Outcome {
    let issuer = Issuer::new()?;
    for (bits, greatest) in [("1", 1), ("2", 3), ("4", 15), ("8", 255)] {
        let values: Vec<u64> = (0..128).map(|n| n * 37 % (greatest + 1)).collect();
        let lines: String = values.iter().map(|value| format!("{value}\n")).collect();
        let file = issuer.files.put("values.txt", lines);
        for cwt in [false, true] {
            let form: &[&str] = if cwt { &["--cwt"] } else { &[] };
            let said = issuer.build(&[&["--values", &file, "--bits", bits], form].concat());
            assert_eq!(said.code, Some(0), "{said:?}");
            let answer = said.json();
            assert_eq!((&answer["ok"], &answer["result"]["entries"]), (&true.into(), &128.into()));
            let media_type = if cwt { "application/statuslist+cwt" } else { "application/statuslist+jwt" };
            assert_eq!(answer["result"]["content_type"], media_type);
            let indices: Vec<u64> = (0..128).collect();
            assert_eq!(issuer.values(cwt, &indices), values, "{bits} bits");
            let beyond = issuer.lookup(cwt, &[128]);
            assert_eq!(beyond["result"]["statuses"][0]["error"]["code"], "status.index_out_of_range");
        }
    }
    Ok(())
}

#[test]
fn a_million_entries_are_read_back_where_they_are_looked_at() -> Outcome {
    const ENTRIES: u64 = 1_000_000;
    let issuer = Issuer::new()?;
    let revoked: BTreeSet<u64> = (0..10_000).map(|n: u64| n * n * 7919 % ENTRIES).collect();
    let pairs: String = revoked.iter().map(|index| format!("{index},invalid\n")).collect();
    let file = issuer.files.put("revoked.csv", format!("index,value\n{pairs}"));
    for cwt in [false, true] {
        let form: &[&str] = if cwt { &["--cwt"] } else { &[] };
        let values = ["--values", &file, "--layout", "pairs", "--entries", "1000000"];
        let said = issuer.build(&[&values[..], form].concat());
        assert_eq!(said.code, Some(0), "{said:?}");
        let mut sample: Vec<u64> = (0..1000).map(|n: u64| n * 1_000_003 % ENTRIES).collect();
        sample.extend(revoked.iter().take(1000));
        sample.extend([0, ENTRIES - 1]);
        let wanted: Vec<u64> = sample.iter().map(|index| u64::from(revoked.contains(index))).collect();
        assert_eq!(issuer.values(cwt, &sample), wanted);
    }
    let (list, keys) = (format!("@{}", issuer.path("list")), issuer.path("jwks.json"));
    let counted = run(&["status", "inspect", "--cwt", &list, "--keys", &keys, "--uri", URI]).json();
    let count = |at: usize| counted["result"]["counts"][at]["entries"].as_u64();
    assert_eq!((count(0), count(1)), (Some(ENTRIES - revoked.len() as u64), Some(revoked.len() as u64)));
    Ok(())
}

/// The claims of a list, as jwt-simple reads them.
#[derive(Debug, Serialize, Deserialize)]
struct List {
    ttl: Option<u64>,
    status_list: Value,
}

#[test]
fn another_library_verifies_what_is_signed() -> Outcome {
    let issuer = Issuer::new()?;
    // The list of section 4.2.
    let packed = issuer.files.put("packed", [0xb9, 0xa3]);
    let said = issuer.build(&[
        "--values",
        &packed,
        "--layout",
        "packed",
        "--kid",
        "k1",
        "--ttl",
        "60",
        "--expires-in",
        "120",
        "--aggregation-uri",
        "https://example.com/statuslists",
    ]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let token = std::fs::read_to_string(issuer.path("list"))?;
    let key = ES256KeyPair::from_pem(&std::fs::read_to_string(&issuer.key)?)?.public_key();
    let at =
        VerificationOptions { artificial_time: Some(UnixTimeStamp::from_secs(1_790_000_000)), ..Default::default() };
    let claims = key.verify_token::<List>(&token, Some(at))?;
    assert_eq!(claims.subject.as_deref(), Some(URI));
    assert_eq!(claims.issued_at.map(|time| time.as_secs()), Some(1_790_000_000));
    assert_eq!(claims.expires_at.map(|time| time.as_secs()), Some(1_790_000_120));
    assert_eq!(claims.custom.ttl, Some(60));
    let list = json!({"bits": 1, "lst": "eNrbuRgAAhcBXQ", "aggregation_uri": "https://example.com/statuslists"});
    assert_eq!(claims.custom.status_list, list);
    let header = Token::decode_metadata(&token)?;
    assert_eq!((header.algorithm(), header.key_id()), ("ES256", Some("k1")));
    assert_eq!(header.signature_type(), Some("statuslist+jwt"));
    let jwks: Value = serde_json::from_slice(&std::fs::read(issuer.path("jwks.json"))?)?;
    assert_eq!((&jwks["keys"][0]["kid"], &jwks["keys"][0]["d"]), (&"k1".into(), &Value::Null));
    Ok(())
}

#[test]
fn every_algorithm_makes_lists_that_verify() -> Outcome {
    let issuer = Issuer::new()?;
    let values = issuer.files.put("values.txt", "0\n1\n");
    for (alg, pem) in [
        ("ES256", ES256KeyPair::generate().to_pem()?),
        ("ES384", ES384KeyPair::generate().to_pem()?),
        ("EdDSA", Ed25519KeyPair::generate().to_pem()),
        ("RS256", RS256KeyPair::generate(2048)?.to_pem()?),
        ("PS512", PS512KeyPair::generate(2048)?.to_pem()?),
    ] {
        let key = issuer.files.put("other.pem", pem);
        let (list, keys) = (issuer.path("list"), issuer.path("jwks.json"));
        for cwt in [false, true] {
            let form: &[&str] = if cwt { &["--cwt"] } else { &[] };
            let basic = ["status", "build", "--uri", URI, "--key", &key, "--alg", alg, "--values", &values];
            let said = run(&[&basic[..], &["--output", &list, "--keys-out", &keys], form].concat());
            assert_eq!(said.code, Some(0), "{alg}: {said:?}");
            assert_eq!(issuer.values(cwt, &[0, 1]), [0, 1], "{alg}");
        }
    }
    Ok(())
}

#[test]
fn values_come_from_standard_input_too() -> Outcome {
    let issuer = Issuer::new()?;
    let file = issuer.files.put("values.txt", "valid\ninvalid\n");
    let list = issuer.path("list");
    let arguments = ["status", "build", "--values", "-", "--uri", URI, "--key", &issuer.key, "--output", &list];
    let said = run_with(&arguments, Stdio::from(File::open(file)?));
    assert_eq!(said.code, Some(0), "{said:?}");
    // What nothing was said of is filled up to a whole byte.
    assert_eq!(said.json()["result"]["entries"], 8);
    Ok(())
}

#[test]
fn the_body_with_gzip_is_the_same_token() -> Outcome {
    let issuer = Issuer::new()?;
    let file = issuer.files.put("values.csv", "7,1\n");
    let pairs = ["--values", &file, "--layout", "pairs", "--entries", "100000", "--gzip"];
    let said = issuer.build(&pairs);
    assert_eq!(said.code, Some(0), "{said:?}");
    let (token, body) = (std::fs::read(issuer.path("list"))?, std::fs::read(issuer.path("list.gz"))?);
    assert_eq!(said.json()["result"]["gzip"]["bytes"], body.len());
    let mut inflated = Vec::new();
    flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut inflated)?;
    assert_eq!(inflated, token);
    // No time stands in it.
    assert_eq!(body.get(4..8), Some(&[0; 4][..]));
    Ok(())
}

#[test]
fn a_store_gives_entries_once_and_builds_what_was_set() -> Outcome {
    let issuer = Issuer::new()?;
    let said = issuer.store("create", &["--uri", URI, "--entries", "10000", "--bits", "2", "--decoys", "1000"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(said.json()["result"]["free"], 9000);
    let mut given = issuer.allocate(300);
    given.extend(issuer.allocate(300));
    assert_eq!(given.iter().collect::<BTreeSet<_>>().len(), 600);
    // Not in the order in which they were given.
    assert!(!given.is_sorted());

    let index = given[0].to_string();
    let said = issuer.store("set", &["--uri", URI, "--index", &index, "--value", "suspended"]);
    assert_eq!((said.code, &said.json()["result"]["changed"]), (Some(0), &1.into()), "{said:?}");
    let changes = issuer.files.put("changes.csv", format!("{},invalid\n{},3\n", given[1], given[2]));
    let said = issuer.store("set", &["--uri", URI, "--pairs", &changes]);
    assert_eq!((said.code, &said.json()["result"]["changed"]), (Some(0), &2.into()), "{said:?}");
    let said = issuer.store("set", &["--uri", URI, "--decoys", "100", "--value", "invalid"]);
    assert_eq!(said.code, Some(0), "{said:?}");

    let store = issuer.path("lists.db");
    let said = issuer.build(&["--store", &store]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(issuer.values(false, &given[..4]), [2, 1, 3, 0]);
    let (list, keys) = (format!("@{}", issuer.path("list")), issuer.path("jwks.json"));
    let counted = run(&["status", "inspect", &list, "--keys", &keys, "--uri", URI]).json();
    assert_eq!(counted["result"]["counts"][1], json!({"value": 1, "status": "invalid", "entries": 101}));

    // A token is restored; the decoys stay.
    assert_eq!(issuer.store("set", &["--uri", URI, "--index", &index, "--value", "valid"]).code, Some(0));
    assert_eq!(issuer.build(&["--store", &store]).code, Some(0));
    assert_eq!(issuer.values(false, &given[..2]), [0, 1]);
    Ok(())
}

#[test]
fn a_credential_may_have_an_entry_of_each_list() -> Outcome {
    let issuer = Issuer::new()?;
    for uri in [URI, OTHER] {
        assert_eq!(issuer.store("create", &["--uri", uri, "--entries", "64"]).code, Some(0));
    }
    let said = issuer.store("allocate", &["--each", "--count", "3"]).json();
    let credentials = said["result"]["credentials"].as_array().cloned().unwrap_or_default();
    assert_eq!(credentials.len(), 3);
    for credential in &credentials {
        let uris: Vec<&Value> = (0..2).map(|at| &credential[at]["status_list"]["uri"]).collect();
        assert_eq!(uris, [URI, OTHER]);
    }
    let said = issuer.store("allocate", &["--count", "122"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let said = issuer.store("allocate", &[]);
    assert!(said.code == Some(1) && said.err.contains("room for 0 more"), "{said:?}");

    let document = issuer.path("aggregation.json");
    assert_eq!(issuer.store("aggregate", &["--output", &document]).code, Some(0));
    let document: Value = serde_json::from_slice(&std::fs::read(document)?)?;
    assert_eq!(document, json!({"status_lists": [URI, OTHER]}));
    let said = run(&["status", "aggregate", "--uri", OTHER]);
    assert_eq!((said.code, said.json()), (Some(0), json!({"status_lists": [OTHER]})));
    Ok(())
}

#[test]
fn what_cannot_be_done_ends_with_one_and_leaves_nothing() -> Outcome {
    let issuer = Issuer::new()?;
    let (values, pairs) = (issuer.files.put("values.txt", "0\n2\n"), issuer.files.put("pairs.csv", "0,1\n0,0\n"));
    let secret = issuer.files.put("oct.json", r#"{"kty":"oct","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldCE"}"#);
    let missing = issuer.path("missing");
    let good = ["--values", &values, "--bits", "2"];
    for (more, words) in [
        (&["--values", &values][..], "line 2: the list that was to be made is refused: status.build_value"),
        (&["--values", &missing], "cannot read"),
        (&["--values", &values, "--layout", "pairs", "--entries", "8"], "line 1: it is no `index,value`"),
        (&["--values", &pairs, "--layout", "pairs", "--entries", "8"], "line 2: the index 0 occurs twice"),
        (&["--values", &pairs, "--layout", "pairs"], "--entries"),
        (&[&good[..], &["--entries", "1"]].concat(), "there are 2 values"),
        (&[&good[..], &["--entries", "99999999999"]].concat(), "status.build_too_large"),
        (&[&good[..], &["--ttl", "0"]].concat(), "status.build_ttl_not_positive"),
        (&[&good[..], &["--ttl", "86401"]].concat(), "status.build_ttl_beyond_expiry"),
        (&[&good[..], &["--expires-in", "0"]].concat(), "status.build_expired"),
        (&[&good[..], &["--expires-in", "18446744073709551615"]].concat(), "--expires-in"),
        (&[&good[..], &["--aggregation-uri", "nowhere"]].concat(), "status.build_uri"),
        (&[&good[..], &["--alg", "RS256"]].concat(), "no private key for this algorithm"),
        (&[&good[..], &["--x5c", &issuer.key]].concat(), "holds no certificates"),
        (&[&good[..], &["--eku", "1.3.6.1.5.5.7.3.30"]].concat(), "--x5c"),
        (&[&good[..], &["--cwt", "--gzip"]].concat(), "--gzip"),
        (&[&good[..], &["--store", &missing]].concat(), "--store"),
        (&["--store", &missing], "cannot use the store"),
    ] {
        let said = issuer.build(more);
        assert_eq!(said.code, Some(1), "{more:?}: {said:?}");
        assert!(said.err.contains(words) && said.out.is_empty(), "{more:?}: {said:?}");
        for file in ["list", "list.gz", "jwks.json"] {
            assert!(!issuer.files.path(file).exists(), "{more:?}: {file}");
        }
    }
    // A secret key is taken only by who asks for it by name, and is never written.
    let list = issuer.path("list");
    let basic = ["status", "build", "--uri", URI, "--key", &secret, "--output", &list];
    for more in [&[][..], &["--alg", "HS256", "--keys-out", &missing]] {
        let said = run(&[&basic[..], &good, more].concat());
        assert!(said.code == Some(1) && said.err.contains("secret key"), "{said:?}");
        assert!(!said.err.contains("c2Vj") && !Path::new(&list).exists() && !Path::new(&missing).exists(), "{said:?}");
    }
    let said = run(&[&basic[..], &good, &["--alg", "HS256"]].concat());
    assert_eq!(said.code, Some(0), "{said:?}");
    let (token, alg) = (format!("@{list}"), ["--alg", "HS256"]);
    let keys = issuer.files.put("secret.json", format!(r#"{{"keys":[{}]}}"#, std::fs::read_to_string(&secret)?));
    let lookup = ["status", "lookup", &token, "--keys", &keys, "--uri", URI, "--index", "0"];
    assert_eq!(run(&[&lookup[..], &alg].concat()).code, Some(0));
    assert_eq!(run(&lookup).code, Some(2), "a MAC has to be asked for");
    Ok(())
}

#[test]
fn changes_of_what_no_token_has_are_refused() -> Outcome {
    let issuer = Issuer::new()?;
    assert_eq!(issuer.store("create", &["--uri", URI, "--entries", "16", "--decoys", "8"]).code, Some(0));
    let given = issuer.allocate(4);
    for index in (0..17).filter(|index| !given.contains(index)) {
        let index = index.to_string();
        let said = issuer.store("set", &["--uri", URI, "--index", &index, "--value", "invalid"]);
        assert!(said.code == Some(1) && said.err.contains("no token has the index"), "{said:?}");
    }
    for (verb, more, words) in [
        ("set", &["--uri", URI, "--index", "0"][..], "--value"),
        ("set", &["--uri", URI, "--value", "invalid"], "say what changes"),
        ("set", &["--uri", URI, "--decoys", "9", "--value", "invalid"], "8 decoys"),
        ("set", &["--uri", OTHER, "--decoys", "1", "--value", "invalid"], "no list"),
        ("set", &["--uri", URI, "--decoys", "1", "--value", "256"], "no number from 0 to 255"),
        ("create", &["--uri", URI, "--entries", "16"], "already"),
        ("create", &["--uri", OTHER, "--entries", "16", "--decoys", "9"], "half"),
        ("allocate", &["--uri", URI, "--uri", URI], "named twice"),
        ("allocate", &["--count", "0"], "at once"),
    ] {
        let said = issuer.store(verb, more);
        assert!(said.code == Some(1) && said.err.contains(words) && said.out.is_empty(), "{more:?}: {said:?}");
    }
    Ok(())
}

#[test]
fn people_are_told_what_to_serve() -> Outcome {
    let issuer = Issuer::new()?;
    let values = issuer.files.put("values.txt", "0\n1\n");
    let (list, hostile) = (issuer.path("list"), "https://example.com/%1b[31m");
    let basic = ["status", "build", "--values", &values, "--key", &issuer.key, "--output", &list];
    let said = run_human(&[&basic[..], &["--uri", URI, "--gzip"]].concat());
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.starts_with("BUILT\n"), "{}", said.out);
    for words in ["entries     8 of 1 bit", "expires     2026-09-22 14:13:20 UTC, in 1d", "ttl         1h", "list.gz"] {
        assert!(said.out.contains(words), "{words}: {}", said.out);
    }
    assert!(said.out.ends_with("as          application/statuslist+jwt\n"), "{}", said.out);
    let said = run_human(&[&basic[..], &["--uri", hostile]].concat());
    assert_harmless(&said.err);
    assert_eq!(said.code, Some(1), "{said:?}");
    Ok(())
}

/// A chain of one certificate for a key, and for a purpose where there is one.
#[cfg(feature = "gateway")]
fn certificate(pem: &str, purpose: Option<u64>) -> Result<String, Box<dyn std::error::Error>> {
    use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair};
    let key = KeyPair::from_pem(pem)?;
    let mut parameters = CertificateParams::new(Vec::new())?;
    let oid = |last| vec![1, 3, 6, 1, 5, 5, 7, 3, last];
    parameters.extended_key_usages = purpose.map(oid).map(ExtendedKeyUsagePurpose::Other).into_iter().collect();
    Ok(parameters.self_signed(&key)?.pem())
}

#[cfg(feature = "gateway")]
#[test]
fn the_certificate_is_of_the_key_and_for_the_purpose() -> Outcome {
    let issuer = Issuer::new()?;
    let values = issuer.files.put("values.txt", "0\n1\n");
    let own = std::fs::read_to_string(&issuer.key)?;
    let chain = issuer.files.put("chain.pem", certificate(&own, Some(30))?);
    let purpose = ["--eku", "1.3.6.1.5.5.7.3.30"];
    for cwt in [false, true] {
        let form: &[&str] = if cwt { &["--cwt"] } else { &[] };
        let said = issuer.build(&[&["--values", &values, "--x5c", &chain], &purpose[..], form].concat());
        assert_eq!(said.code, Some(0), "{said:?}");
        assert_eq!(issuer.values(cwt, &[0, 1]), [0, 1]);
    }
    let (list, keys) = (issuer.path("list"), issuer.path("jwks.json"));
    for file in [list, keys] {
        std::fs::remove_file(file)?;
    }
    let other = ES256KeyPair::generate().to_pem()?;
    for (chain, purpose, words) in [
        (certificate(&own, None)?, &purpose[..], "status.build_purpose:"),
        (certificate(&own, Some(31))?, &purpose, "status.build_purpose:"),
        (certificate(&own, Some(30))?, &["--eku", "oauthStatusSigning"], "status.build_purpose_malformed"),
        (certificate(&other, Some(30))?, &purpose, "does not read back with the key of the first certificate"),
        (own.clone(), &purpose, "holds no certificates"),
        (String::new(), &[], "holds no certificates"),
        (certificate(&own, None)?.repeat(11), &[], "status.build_certificates"),
    ] {
        let chain = issuer.files.put("chain.pem", chain);
        let said = issuer.build(&[&["--values", &values, "--x5c", &chain], purpose].concat());
        assert!(said.code == Some(1) && said.err.contains(words), "{words}: {said:?}");
        assert!(!issuer.files.path("list").exists(), "{words}");
    }
    Ok(())
}
