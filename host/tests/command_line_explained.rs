//! `examples/explained`: what `portcullis policy explain` says of each rule is what stands there.
#![cfg(all(feature = "cli", feature = "compiler"))]

mod support;

use std::collections::BTreeSet;
use std::path::PathBuf;

use support::command::run_human;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/explained")
}

/// The page with each command followed by what it prints now, and the outputs.
fn told(page: &str) -> (String, Vec<String>) {
    let (mut text, mut outputs) = (String::new(), Vec::new());
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        text.push_str(line);
        text.push('\n');
        let Some(command) = line.strip_prefix("$ portcullis ") else { continue };
        let arguments: Vec<String> = command
            .split(' ')
            .map(|argument| match argument {
                policy if policy.ends_with(".toml") => folder().join(policy).display().to_string(),
                other => other.to_owned(),
            })
            .collect();
        let said = run_human(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(said.code, Some(0), "{command}: {said:?}");
        text.push_str(&said.out);
        outputs.push(said.out);
        // What stood there before is left out.
        for old in lines.by_ref() {
            if old == "```" {
                text.push_str("```\n");
                break;
            }
        }
    }
    (text, outputs)
}

#[test]
fn each_rule_is_told_as_it_is_written_down() {
    let path = folder().join("README.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (text, outputs) = told(&page);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, &text).unwrap();
    } else {
        assert_eq!(page, text, "run with UPDATE_SNAPSHOTS=1 and look at the difference");
    }
    // Each rule, by its number, and once what none is for.
    let policy = std::fs::read_to_string(folder().join("policy.toml")).unwrap();
    let rules = policy.lines().filter(|line| *line == "[[rules]]").count();
    let number = |output: &String| {
        let (_, after) = output.split_once("number ")?;
        after.split(|c: char| !c.is_ascii_digit()).next()?.parse::<usize>().ok()
    };
    let seen: BTreeSet<usize> = outputs.iter().filter_map(number).collect();
    assert_eq!(seen, (1..=rules).collect());
    assert!(outputs.iter().any(|output| output.contains("none matches")));
}
