//! `codes write` makes `docs/codes.md` and `tests/codes.ndjson` from the enums and the corpus; `codes check` fails where
//! they are not what it would write, where a code has no case (of the corpus, of the gate, or a snapshot of a policy's
//! mistakes), and where one code stands for several reasons of an operation without a line in `tests/codes-shared.ndjson`
//! that says why.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    process::ExitCode,
    rc::Rc,
};

use anyhow::{Context, bail};
use portcullis_crypto::SoftwareBackend;
use portcullis_tests::{
    corpus::{self, NOW, Want},
    inventory, root,
};
use portcullis_text::Door;
use serde_json::{Value, json};

fn main() -> ExitCode {
    let result = match std::env::args().nth(1).as_deref() {
        Some("write") => write(),
        Some("check") => check(),
        _ => Err(anyhow::anyhow!("usage: codes write|check")),
    };
    match result {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("codes: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What one refused case of our own corpus says.
struct Refusal {
    id: String,
    op: String,
    why: String,
    code: String,
    strict: bool,
}

/// Every refusal of our own corpus, asked natively: `make test` shows that the components answer alike.
fn refusals() -> anyhow::Result<Vec<Refusal>> {
    let mut door = Door::new(Rc::new(SoftwareBackend::default()));
    let mut refusals = Vec::new();
    for policy in [false, true] {
        for file in corpus::files(&corpus::own(), policy) {
            for case in corpus::cases(&file) {
                let answer: Value = serde_json::from_str(&door.answer(case.request.to_string().as_bytes(), NOW))
                    .with_context(|| format!("the answer to {}", case.id))?;
                if let (Some(code), why) = (
                    answer["error"]["code"].as_str(),
                    match &case.want {
                        Want::Refused { why, .. } => why.clone(),
                        Want::Ok(_) => String::new(),
                    },
                ) {
                    refusals.push(Refusal { id: case.id, op: case.op, why, code: code.into(), strict: !policy });
                }
            }
        }
    }
    Ok(refusals)
}

fn lines(name: &str) -> anyhow::Result<Vec<Value>> {
    let path = root().join("tests").join(name);
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    text.lines().map(|line| serde_json::from_str(line).with_context(|| format!("{name}: {line}"))).collect()
}

/// `tests/codes.ndjson`: the code of every strict refusal, by id.
fn pins(refusals: &[Refusal]) -> String {
    let mut out = String::new();
    for refusal in refusals.iter().filter(|refusal| refusal.strict && !refusal.why.is_empty()) {
        let _ = writeln!(out, "{}", json!({"id": refusal.id, "code": refusal.code}));
    }
    out
}

/// `docs/codes.md`
fn page() -> String {
    let mut out = String::from(
        "# Codes\n\nEvery way to be refused has a code of its own. Programs decide by the code; the detail beside it is for \
         people and may change. A code's first word is its area.\n\nThis page is made by `cargo run -p portcullis-tests --bin codes \
         -- write` from the enums in the source.\n",
    );
    let mut section = |title: &str, rows: Vec<(&str, &str, &str)>| {
        let _ = write!(out, "\n## {title}\n\n");
        for (code, rule, meaning) in rows {
            let anchor = code.replace(['.', '_'], "-");
            let _ = write!(out, "<a id=\"{anchor}\"></a>\n\n### {code}\n\n{}\n\nRule: {rule}\n\n", meaning.trim());
        }
    };
    for area in inventory::areas() {
        let rows = area.codes.iter().map(|entry| (entry.code, entry.rule, entry.meaning)).collect();
        section(&format!("From `{}`", area.of), rows);
    }
    section("From `host`: there is no answer", portcullis_host::CODES.to_vec());
    let trimmed = out.trim_end().len();
    out.truncate(trimmed);
    out.push('\n');
    out
}

fn write() -> anyhow::Result<String> {
    let refusals = refusals()?;
    fs::write(root().join("docs/codes.md"), page())?;
    fs::write(root().join("tests/codes.ndjson"), pins(&refusals))?;
    Ok(format!("docs/codes.md and tests/codes.ndjson written, {} refusals", refusals.len()))
}

fn check() -> anyhow::Result<String> {
    let refusals = refusals()?;
    let mut faults = Vec::new();
    for (path, wanted) in [("docs/codes.md", page()), ("tests/codes.ndjson", pins(&refusals))] {
        if fs::read_to_string(root().join(path)).unwrap_or_default() != wanted {
            faults.push(format!("{path} is not what the source says: run `make codes` and look at the difference"));
        }
    }
    let codes: BTreeSet<&str> = inventory::areas()
        .iter()
        .flat_map(|area| area.codes.iter().map(|entry| entry.code))
        .chain(portcullis_host::CODES.iter().map(|(code, ..)| *code))
        .collect();
    let count = inventory::areas().iter().map(|area| area.codes.len()).sum::<usize>() + portcullis_host::CODES.len();
    if count != codes.len() {
        faults.push("a code stands in two enums".into());
    }
    faults.extend(
        codes.iter().filter(|code| !corpus::well_formed(code)).map(|code| format!("{code} is not area.reason")),
    );
    without_case(&codes, &refusals, &mut faults)?;
    shared(&refusals, &mut faults)?;
    if !faults.is_empty() {
        bail!("{} faults\n  {}", faults.len(), faults.join("\n  "));
    }
    Ok(format!("{} codes, each with a case; {} refusals pinned", codes.len(), refusals.len()))
}

/// The codes that the cases of the gate show: the first finding of each decision, and those of refused policies.
fn of_gate() -> anyhow::Result<BTreeSet<String>> {
    let mut door = Door::new(Rc::new(SoftwareBackend::default()));
    let mut shown = BTreeSet::new();
    let others = [corpus::REGISTRY, corpus::CLIENTS, corpus::INTROSPECTION, corpus::OCM, corpus::TRANSACTIONS]
        .map(|name| corpus::cases(&root().join(name)));
    for case in corpus::gate().into_iter().chain(others.into_iter().flatten()) {
        let answer: Value = serde_json::from_str(&door.answer(case.request.to_string().as_bytes(), NOW))
            .with_context(|| format!("the answer to {}", case.id))?;
        let code = answer["result"]["findings"][0]["code"].as_str().or(answer["error"]["code"].as_str());
        shown.extend(code.map(String::from));
    }
    Ok(shown)
}

/// The codes of policies that the snapshots of mistakes show.
fn of_mistakes(codes: &BTreeSet<&str>) -> anyhow::Result<BTreeSet<String>> {
    let mut texts = String::new();
    let mut folders = vec![root().join("components/gate/tests/mistakes")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "txt") {
                texts.push_str(&fs::read_to_string(&path).with_context(|| path.display().to_string())?);
            }
        }
    }
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.');
    let words: BTreeSet<&str> = texts.split(|c| !word(c)).collect();
    let known = codes.iter().filter(|code| code.starts_with("policy.") && words.contains(**code));
    Ok(known.map(|code| (*code).into()).collect())
}

/// A code is shown by a case of the corpus or of the gate, by a snapshot of a policy's mistakes, or by a test that
/// `tests/codes-elsewhere.ndjson` names and that names it.
fn without_case(codes: &BTreeSet<&str>, refusals: &[Refusal], faults: &mut Vec<String>) -> anyhow::Result<()> {
    let mut shown: BTreeSet<String> = refusals.iter().map(|refusal| refusal.code.clone()).collect();
    shown.extend(of_gate()?);
    shown.extend(of_mistakes(codes)?);
    for line in lines("codes-elsewhere.ndjson")? {
        let (code, file, test) = (text(&line, "code"), text(&line, "file"), text(&line, "test"));
        let source = fs::read_to_string(root().join(file)).unwrap_or_default();
        if !source.contains(&format!("fn {test}(")) || !(source.contains(code) || source.contains(&variant(code))) {
            faults.push(format!("{file} has no test {test} that names {code}"));
        }
        if !codes.contains(code) {
            faults.push(format!("tests/codes-elsewhere.ndjson names {code}, which is no code"));
        }
        if shown.contains(code) {
            faults.push(format!("{code} has a case and needs no line in tests/codes-elsewhere.ndjson"));
        }
        shown.insert(code.into());
    }
    faults.extend(codes.iter().filter(|code| !shown.contains(**code)).map(|code| format!("{code} has no case")));
    Ok(())
}

/// Different reasons of an operation have different codes, apart from those listed with why.
fn shared(refusals: &[Refusal], faults: &mut Vec<String>) -> anyhow::Result<()> {
    let mut reasons: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for refusal in refusals.iter().filter(|refusal| refusal.strict && !refusal.why.is_empty()) {
        reasons.entry((&refusal.op, &refusal.code)).or_default().insert(&refusal.why);
    }
    let listed = lines("codes-shared.ndjson")?;
    let mut used = 0;
    for ((op, code), whys) in reasons.iter().filter(|(_, whys)| whys.len() > 1) {
        let entry = listed.iter().find(|entry| entry["op"] == *op && entry["code"] == *code);
        let known: BTreeSet<&str> = entry
            .and_then(|entry| entry["reasons"].as_array())
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        if entry.is_some_and(|entry| !text(entry, "why").is_empty()) && known == *whys {
            used += 1;
        } else {
            let whys: Vec<&str> = whys.iter().copied().collect();
            faults.push(format!(
                "one code for several reasons: {}",
                json!({"op": op, "code": code, "reasons": whys, "why": ""})
            ));
        }
    }
    if used != listed.len() && faults.is_empty() {
        faults.push("tests/codes-shared.ndjson lists what is not shared".into());
    }
    Ok(())
}

/// The name of a code in its enum: `host.out_of_memory` is `OutOfMemory`.
fn variant(code: &str) -> String {
    let reason = code.split_once('.').map_or(code, |(_, reason)| reason);
    let words = reason.split('_').map(|word| word[..1].to_uppercase() + &word[1..]);
    words.collect()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}
