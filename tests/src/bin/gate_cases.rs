//! `gate_cases write` writes the files of `tests/gate`, `tests/registry.ndjson`, `tests/clients.ndjson` and
//! `tests/transactions.ndjson`; `gate_cases check` fails where a file is not what it would write or would not be written, and where a
//! case is not answered as it wants; `gate_cases try` tells the latter of what would be written.

use std::{collections::BTreeSet, fs, process::ExitCode, rc::Rc};

use anyhow::{Context, bail};
use portcullis_crypto::SoftwareBackend;
use portcullis_tests::{
    corpus::{self, NOW},
    gate_cases, root,
};
use portcullis_text::Door;
use serde_json::Value;

fn main() -> ExitCode {
    let result = match std::env::args().nth(1).as_deref() {
        Some("write") => write(),
        Some("check") => check(),
        Some("try") => answered(&all()),
        _ => Err(anyhow::anyhow!("usage: gate_cases write|check|try")),
    };
    match result {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("gate_cases: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn write() -> anyhow::Result<String> {
    let mut told = Vec::new();
    fs::create_dir_all(root().join(corpus::GATE))?;
    for (name, text) in gate_cases::files() {
        fs::write(root().join(&name), &text)?;
        told.push(format!("{name} written, {} cases", text.lines().count()));
    }
    Ok(told.join("; "))
}

fn check() -> anyhow::Result<String> {
    let files = gate_cases::files();
    let known: Vec<_> = files.iter().map(|(name, _)| root().join(name)).collect();
    if let Some(other) = corpus::gate_files().iter().find(|file| !known.contains(file)) {
        bail!("{} is none of the files of the gate's cases: remove it", other.display());
    }
    for (name, text) in files {
        if fs::read_to_string(root().join(&name)).unwrap_or_default() != text {
            bail!("{name} is not what it is made of: run `make codes` and look at the difference");
        }
    }
    answered(&all())
}

/// The cases of every file.
fn all() -> String {
    gate_cases::files().into_iter().map(|(_, text)| text).collect()
}

/// Every case answered natively; that the components answer alike is for the suite to show.
fn answered(text: &str) -> anyhow::Result<String> {
    let mut door = Door::new(Rc::new(SoftwareBackend::default()));
    let mut faults = Vec::new();
    let mut ids = BTreeSet::new();
    for line in text.lines() {
        let case = corpus::case(line).map_err(|what| anyhow::anyhow!("{what}: {line:.120}"))?;
        let answer = door.answer(case.request.to_string().as_bytes(), NOW);
        let answer: Value = serde_json::from_str(&answer).with_context(|| case.id.clone())?;
        if let Err(what) = case.want.judge(&answer) {
            faults.push(format!("{}: {what}", case.id));
        }
        if !ids.insert(case.id.clone()) {
            faults.push(format!("{} stands there twice", case.id));
        }
    }
    if !faults.is_empty() {
        bail!("{} of {} cases\n  {}", faults.len(), ids.len(), faults.join("\n  "));
    }
    Ok(format!("{} cases of the gate, each answered as it wants", ids.len()))
}
