//! Prints what `make bench` measured as ratios against the peers of the same run.

use std::{collections::BTreeMap, fs};

use anyhow::Context;
use portcullis_benches::results;
use serde_json::Value;

/// Algorithms in the order of the table.
const ALGORITHMS: &[&str] = &["ES256", "ES384", "ES256K", "EdDSA", "RS256", "PS256", "HS256"];
/// What is measured, in the order of the columns.
const COLUMNS: &[&str] = &["hosted", "wide", "software", "native", "jsonwebtoken", "jwt-simple", "jose on Node"];

fn main() -> anyhow::Result<()> {
    let node = node();
    println!("Verification of a whole token, microseconds (criterion's estimate of the mean; the key is ready)\n");
    print!("{:8}", "");
    COLUMNS.iter().for_each(|column| print!("{column:>14}"));
    println!();
    let mut table = BTreeMap::new();
    for algorithm in ALGORITHMS {
        print!("{algorithm:8}");
        for column in COLUMNS {
            let time = match *column {
                "jose on Node" => node.get(*algorithm).copied(),
                column => estimate(algorithm, column),
            };
            match time {
                Some(ns) => {
                    print!("{:>14.1}", ns / 1000.0);
                    table.insert((*algorithm, *column), ns);
                }
                None => print!("{:>14}", "-"),
            }
        }
        println!();
    }
    println!("\nRatios (below 1: faster than the peer)\n");
    for (ours, peer) in [
        ("hosted", "jsonwebtoken"),
        ("wide", "jsonwebtoken"),
        ("wide", "jwt-simple"),
        ("wide", "jose on Node"),
        ("software", "jose on Node"),
    ] {
        print!("{:32}", format!("{ours} / {peer}"));
        for algorithm in ALGORITHMS {
            match (table.get(&(*algorithm, ours)), table.get(&(*algorithm, peer))) {
                (Some(ours), Some(peer)) => print!("{:>14}", format!("{algorithm} {:.2}", ours / peer)),
                _ => print!("{:>14}", format!("{algorithm} -")),
            }
        }
        println!();
    }
    let bare = estimate("ES256", "native without tables").context("ES256 without tables was not measured")?;
    let with = table.get(&("ES256", "native")).context("ES256 was not measured")?;
    println!(
        "\nWindow tables: ES256 natively {:.1} µs with, {:.1} µs without (the bare signature)",
        with / 1000.0,
        bare / 1000.0
    );
    for name in ["a call", "a fresh instance and a call"] {
        let ns = estimate("calls", name).with_context(|| format!("{name} was not measured"))?;
        println!("{name}: {:.2} µs", ns / 1000.0);
    }
    operations()?;
    let inside = "inflate a million entries in the component";
    let native = "inflate a million entries natively with zlib";
    let time = |name| estimate("status lists", name).with_context(|| format!("{name} was not measured"));
    println!(
        "\nStatus list of 10^6 entries: {:.2} times as long as zlib natively (software)",
        time(inside)? / time(native)?
    );
    let (first, million) = (time("a look-up in a call of one")?, time("a look-up in a call of 10,000")?);
    println!(
        "A look-up in a held list: {:.0} ns, of a call with 10,000 of them ({:.2} µs alone)",
        million / 10_000.0,
        first / 1000.0
    );
    gate()?;
    workloads()?;
    serve()
}

/// A WIMSE request against its two bare signature verifications.
fn workloads() -> anyhow::Result<()> {
    println!(
        "\nA WIMSE request (WIT and WPT), natively, against its two bare signature verifications (aim: at most 1.25)\n"
    );
    for algorithm in ["ES256", "EdDSA"] {
        let time = |what: &str| {
            let name = format!("{algorithm}, {what}");
            estimate("workloads", &name).with_context(|| format!("{name} was not measured"))
        };
        let (request, bare) = (time("a request")?, time("two signatures")?);
        println!(
            "{algorithm:8}{:>10.1} µs, bare {:>8.1} µs, ratio {:.2}",
            request / 1000.0,
            bare / 1000.0,
            request / bare
        );
    }
    Ok(())
}

/// Checks of the gateway, against its server answering a constant.
fn serve() -> anyhow::Result<()> {
    println!(
        "\nA warm check of the gateway, 8 connections, against the same server answering a constant (aim: at least 0.7)\n"
    );
    for protocol in ["HTTP", "gRPC"] {
        let time = |who: &str| {
            let name = format!("{protocol}, {who}");
            estimate("serve", &name).with_context(|| format!("{name} was not measured"))
        };
        let (check, constant) = (time("check")?, time("constant")?);
        println!(
            "{protocol:5} {:>7.0} checks a second, {:>7.0} constants, ratio {:.2}",
            1e9 / check,
            1e9 / constant,
            constant / check
        );
    }
    Ok(())
}

/// Decisions of the gate in the host: a token that was seen before, and one that was not.
fn gate() -> anyhow::Result<()> {
    println!("\nA decision of the gate about a request with an ES256 token, microseconds (aim: warm at most 5)\n");
    let time = |name: String| estimate("gate", &name).with_context(|| format!("{name} was not measured"));
    for build in ["software", "wide", "hosted"] {
        let (ten, many) = (time(format!("warm, {build}, 10 rules"))?, time(format!("warm, {build}, 10000 rules"))?);
        let cold = time(format!("cold, {build}"))?;
        let anonymous = time(format!("anonymous, {build}"))?;
        let bare = estimate("ES256", build).with_context(|| format!("ES256 was not measured with {build}"))?;
        println!(
            "{build:10} without a credential {:>5.2}   warm {:>6.2}   cold {:>7.1}, {:.2} times verifying the token alone   \
             10,000 rules / 10 rules {:.2} (aim 1.5)",
            anonymous / 1000.0,
            ten / 1000.0,
            cold / 1000.0,
            cold / bare,
            many / ten
        );
    }
    Ok(())
}

/// Every operation through the text door, software, warm.
fn operations() -> anyhow::Result<()> {
    println!("\nOperations through the text door (software, one instance, warm; JSON in and out), microseconds\n");
    let folder = results().join("operations");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .with_context(|| folder.display().to_string())?
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.contains('.'))
        .collect();
    names.sort();
    for name in names {
        if let Some(ns) = estimate("operations", &name) {
            println!("{name:20}{:>10.1}", ns / 1000.0);
        }
    }
    Ok(())
}

/// Criterion's estimate of the mean in nanoseconds.
fn estimate(group: &str, name: &str) -> Option<f64> {
    let path = results().join(group).join(name).join("new/estimates.json");
    let value: Value = serde_json::from_str(&fs::read_to_string(path).ok()?).ok()?;
    value["mean"]["point_estimate"].as_f64()
}

/// What `benches/node/jose.mjs` measured, in nanoseconds.
fn node() -> BTreeMap<String, f64> {
    let text = fs::read_to_string(results().join("jose.json")).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}
