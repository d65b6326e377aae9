//! The corpus: requests with the answers that are wanted, one JSON object a line (`docs/batch.md`).

use std::{fs, path::PathBuf};

use serde_json::{Map, Value};

use crate::root;

/// One line of the corpus.
#[derive(Debug, Clone)]
pub struct Case {
    /// Stable name, `set/case`.
    pub id: String,
    /// The operation.
    pub op: String,
    /// What is sent.
    pub request: Value,
    /// What is wanted back.
    pub want: Want,
}

/// What is wanted back.
#[derive(Debug, Clone)]
pub enum Want {
    /// An accepting answer whose result holds at least this.
    Ok(Value),
    /// A refusal.
    Refused {
        /// Why, in the corpus's words.
        why: String,
        /// Whether `request.malformed` is as good a refusal as a code of the area.
        malformed: bool,
        /// What the error has to hold besides: `code_ends`, `challenge_params`, and members such as `status`.
        error: Value,
    },
}

/// Time of a request without `at`, far from every interesting moment of the corpus.
pub const NOW: u64 = 1_790_000_000;

/// Our own corpus, `tests/corpus`.
pub fn own() -> PathBuf {
    root().join("tests/corpus")
}

/// The folder with the cases that every host of the gate is asked, a file a group.
pub const GATE: &str = "tests/gate";

/// The cases of registries.
pub const REGISTRY: &str = "tests/registry.ndjson";

/// The cases of the clients of authorization servers.
pub const CLIENTS: &str = "tests/clients.ndjson";

/// The cases of opaque tokens, about which the gateway alone asks.
pub const INTROSPECTION: &str = "tests/introspection.ndjson";

/// The cases of a sharing server of Open Cloud Mesh, before which the gateway alone stands.
pub const OCM: &str = "tests/ocm.ndjson";

/// The cases of the Transaction Token Service, which are kept as they were written.
pub const TRANSACTIONS: &str = "tests/transactions.ndjson";

/// The files of the cases that every host of the gate is asked, in order.
///
/// # Panics
///
/// The folder cannot be read.
pub fn gate_files() -> Vec<PathBuf> {
    let folder = root().join(GATE);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.unwrap_or_else(|error| panic!("{}: {error}", folder.display())).path()).collect();
    files.sort();
    files
}

/// The cases of the gate: those that every host is asked.
pub fn gate() -> Vec<Case> {
    gate_files().iter().flat_map(cases).collect()
}

/// What others made, read in place: `$PORTCULLIS_CORPUS`, else `../shared/corpus`. Nothing where absent, with a notice.
pub fn third_party() -> Option<PathBuf> {
    let base = std::env::var_os("PORTCULLIS_CORPUS").map_or_else(|| root().join("../shared/corpus"), PathBuf::from);
    let folder = base.join("third-party");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("notice: no third-party corpus at {} (PORTCULLIS_CORPUS names another): not run", folder.display());
    None
}

/// The corpus files of a folder, sorted; those of judgement calls (`*.policy.ndjson`) or the others.
pub fn files(folder: &PathBuf, policy: bool) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.ends_with(".ndjson") && name.ends_with(".policy.ndjson") == policy
        })
        .collect();
    files.sort();
    files
}

/// The cases of a file whose operation the component knows.
pub fn cases(file: &PathBuf) -> Vec<Case> {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let known = portcullis_text::Door::operations();
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| case(line).unwrap_or_else(|what| panic!("{}: {what}: {line:.120}", file.display())))
        .filter(|case| known.contains(&case.op.as_str()))
        .collect()
}

/// A case from its line.
///
/// # Errors
///
/// What is missing of a case.
pub fn case(line: &str) -> Result<Case, String> {
    let Ok(Value::Object(mut members)) = serde_json::from_str::<Value>(line) else { return Err("no object".into()) };
    members.remove("source");
    members.remove("note");
    let want = members.remove("want").ok_or("no want")?;
    let text = |members: &Map<String, Value>, name: &str| members.get(name).and_then(Value::as_str).map(String::from);
    Ok(Case {
        id: text(&members, "id").ok_or("no id")?,
        op: text(&members, "op").ok_or("no op")?,
        want: match want["ok"].as_bool().ok_or("want has no ok")? {
            true => Want::Ok(want.get("result").cloned().unwrap_or_else(|| Value::Object(Map::new()))),
            false => Want::Refused {
                why: want["why"].as_str().unwrap_or_default().into(),
                malformed: want["malformed"] == true,
                error: want.get("error").cloned().unwrap_or(Value::Null),
            },
        },
        request: Value::Object(members),
    })
}

impl Want {
    /// Whether an answer is what is wanted; if not, in what it differs.
    pub fn judge(&self, answer: &Value) -> Result<(), String> {
        match self {
            Want::Ok(result) => {
                if answer["ok"] != true {
                    return Err(format!("refused: {}", answer["error"]));
                }
                match holds(&answer["result"], result) {
                    true => Ok(()),
                    false => Err(format!("result {} does not hold {result}", answer["result"])),
                }
            }
            Want::Refused { why, malformed, error } => {
                if answer["ok"] != false {
                    return Err(format!("accepted, though: {why}"));
                }
                let code = answer["error"]["code"].as_str().unwrap_or_default();
                if !well_formed(code) {
                    return Err(format!("{code:?} is no code"));
                }
                if code == "request.malformed" && !malformed {
                    return Err(format!("request.malformed ({}), though: {why}", answer["error"]["detail"]));
                }
                judge_error(&answer["error"], error)
            }
        }
    }
}

/// `area.reason`, lower case.
pub fn well_formed(code: &str) -> bool {
    let word = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    code.split_once('.').is_some_and(|(area, reason)| word(area) && word(reason))
}

/// What the corpus asks of an error beyond its code: `code_ends`, `challenge_params`, and members as they are.
fn judge_error(error: &Value, wanted: &Value) -> Result<(), String> {
    if let Some(ending) = wanted["code_ends"].as_str() {
        let plain = |text: &str| text.replace('-', "_");
        if !plain(error["code"].as_str().unwrap_or_default()).ends_with(&plain(ending)) {
            return Err(format!("{} does not end in {ending}", error["code"]));
        }
    }
    for (name, wanted) in wanted.as_object().into_iter().flatten() {
        if !matches!(name.as_str(), "code_ends" | "challenge_params") && !holds(&error[name], wanted) {
            return Err(format!("{name} {} is not {wanted}", error[name]));
        }
    }
    if let Some(parameters) = wanted["challenge_params"].as_object() {
        let challenge = error["challenge"].as_str().unwrap_or_default();
        for (name, value) in parameters {
            let value = value.as_str().map_or_else(|| value.to_string(), String::from);
            if !challenge.contains(&format!("{name}=\"{value}\"")) && !challenge.contains(&format!("{name}={value}")) {
                return Err(format!("the challenge {challenge:?} does not say {name}={value:?}"));
            }
        }
    }
    Ok(())
}

/// Whether `got` holds at least what `want` holds: objects as subsets, lists member by member.
pub fn holds(got: &Value, want: &Value) -> bool {
    match (got, want) {
        (Value::Object(got), Value::Object(want)) => {
            want.iter().all(|(name, want)| got.get(name).is_some_and(|got| holds(got, want)))
        }
        (Value::Array(got), Value::Array(want)) => {
            got.len() == want.len() && got.iter().zip(want).all(|(got, want)| holds(got, want))
        }
        (Value::Number(got), Value::Number(want)) => got == want || got.as_f64() == want.as_f64(),
        _ => got == want,
    }
}
