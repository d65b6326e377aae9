//! X.509 paths beside OpenSSL: where the two differ, it is by a rule of SPIFFE's or one that is listed.
//!
//! OpenSSL is asked for the path alone, of the leaf over the chain's other certificates to the authorities of the bundle
//! of the trust domain that the leaf names. It knows nothing of SPIFFE.

use std::{collections::BTreeMap, fs, io::Write as _, path::Path, process::Command};

use base64::{Engine, engine::general_purpose::STANDARD};
use portcullis_tests::{
    batch,
    corpus::{self, NOW},
    root,
};
use serde_json::Value;

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

/// The chain as PEM texts, leaf first.
fn chain(request: &Value) -> Vec<String> {
    if let Some(chain) = request["chain"].as_array() {
        let der = |text: &Value| portcullis_types::base64url::decode(text.as_str().unwrap_or_default().as_bytes());
        return chain.iter().filter_map(|text| der(text).ok()).map(|der| pem(&der)).collect();
    }
    let text = request["chain_pem"].as_str().unwrap_or_default();
    let blocks = text.split("-----BEGIN CERTIFICATE-----").skip(1);
    blocks.map(|block| format!("-----BEGIN CERTIFICATE-----{block}")).collect()
}

/// The X.509 authorities of every bundle: OpenSSL is not told which trust domain is which.
fn authorities(request: &Value) -> String {
    let mut out = String::new();
    for bundle in request["bundles"].as_object().into_iter().flat_map(|bundles| bundles.values()) {
        for key in bundle["keys"].as_array().into_iter().flatten().filter(|key| key["use"] == "x509-svid") {
            let text = key["x5c"][0].as_str().unwrap_or_default();
            if let Ok(der) = STANDARD.decode(text) {
                out.push_str(&pem(&der));
            }
        }
    }
    out
}

fn openssl_accepts(folder: &Path, request: &Value) -> bool {
    let chain = chain(request);
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::File::create(&path).and_then(|mut file| file.write_all(text.as_bytes())).expect("it writes");
        path
    };
    let (Some(leaf), authorities) = (chain.first(), authorities(request)) else { return false };
    let leaf = write("leaf.pem", leaf);
    let others = write("others.pem", &chain[1..].concat());
    let roots = write("roots.pem", &authorities);
    let at = request["at"].as_u64().unwrap_or(NOW);
    let mut command = Command::new("openssl");
    command.args(["verify", "-no-CApath", "-no-CAstore", "-partial_chain", "-attime", &at.to_string()]);
    command.arg("-CAfile").arg(roots);
    // OpenSSL does not take a file without certificates.
    if chain.len() > 1 {
        command.arg("-untrusted").arg(others);
    }
    command.arg(leaf);
    let output = command.output().expect("openssl runs: it is Debian's package openssl");
    output.status.success()
}

#[test]
fn paths_agree_with_openssl_but_for_listed_reasons() {
    let text = fs::read_to_string(root().join("tests/openssl-differences.ndjson")).expect("the list of differences");
    let listed: BTreeMap<String, Value> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
        .map(|line| (line["id"].as_str().unwrap_or_default().to_owned(), line))
        .collect();
    let files = ["svid-x509.ndjson", "svid-x509.policy.ndjson", "svid-more.ndjson"];
    let cases: Vec<_> = files
        .iter()
        .flat_map(|file| corpus::cases(&corpus::own().join(file)))
        .filter(|case| case.op == "svid.x509")
        .collect();
    let requests: Vec<Value> = cases.iter().map(|case| case.request.clone()).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let (mut agree, mut faults) = (0, Vec::new());
    for (case, answer) in cases.iter().zip(batch::answers(&[], &requests)) {
        let ours = answer["error"]["code"].as_str().unwrap_or("accepted");
        let theirs = if openssl_accepts(folder.path(), &case.request) { "accepted" } else { "refused" };
        let same = (ours == "accepted") == (theirs == "accepted");
        match listed.get(&case.id) {
            None if same => agree += 1,
            Some(line) if !same && line["ours"] == ours && line["openssl"] == theirs => {}
            Some(_) if same => faults.push(format!("{}: both say the same now, yet it is listed", case.id)),
            _ => faults
                .push(serde_json::json!({"id": case.id, "ours": ours, "openssl": theirs, "because": ""}).to_string()),
        }
    }
    println!("{agree} paths agree, {} differ for listed reasons", listed.len());
    assert!(faults.is_empty(), "{} unexplained:\n{}", faults.len(), faults.join("\n"));
}
