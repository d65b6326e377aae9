//! The documentation says what is true: specifications, functions, codes and cases that it names exist.

use std::{collections::BTreeMap, fs};

use portcullis_tests::{
    corpus::{self, Case, Want},
    inventory, root,
};
use serde_json::Value;

/// The page whose rows name cases of the gate too, and whose cases are refused with the codes of their row.
const SECURITY: &str = "security.md";

/// What stands above the first cell of a table of rules.
const HEADERS: &[&str] = &["section", "attack", "what fails"];

/// Rows of the tables in `docs/specifications/*.md` and `docs/security.md`: section, rule, function, code, cases.
fn rows() -> Vec<(String, Vec<String>)> {
    let mut rows = Vec::new();
    let folder = root().join("docs/specifications");
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut pages: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    pages.push(root().join("docs").join(SECURITY));
    for path in pages {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("it reads");
        for line in
            text.lines().filter(|line| line.starts_with('|') && !line.starts_with("|-") && !line.starts_with("| -"))
        {
            let cells: Vec<String> =
                line.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect();
            if cells.len() == 5 && !HEADERS.contains(&cells[0].to_lowercase().as_str()) {
                rows.push((name.clone(), cells));
            }
        }
    }
    rows
}

/// Whether `crate::module::function` is defined where its name says.
fn defined(path: &str) -> bool {
    let mut parts: Vec<&str> = path.split("::").collect();
    let (Some(function), false) = (parts.pop(), parts.is_empty()) else { return false };
    let base = match parts[0] {
        "host" => root().join("host/src"),
        component => root().join("components").join(component).join("src"),
    };
    let mut files = Vec::new();
    collect(&base, &mut files);
    let definition = |text: &str| {
        ["fn ", "struct ", "enum ", "const ", "type "].iter().any(|kind| {
            text.match_indices(&format!("{kind}{function}"))
                .any(|(at, found)| !text[at + found.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        })
    };
    files.iter().any(|file| {
        let stem = file.display().to_string();
        let in_module = parts[1..].iter().all(|part| {
            // A module is a file, a folder, or a type in one.
            stem.contains(&format!("/{part}.rs"))
                || stem.contains(&format!("/{part}/"))
                || part.starts_with(char::is_uppercase)
        });
        in_module && fs::read_to_string(file).is_ok_and(|text| definition(&text))
    })
}

fn collect(folder: &std::path::Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The code that a case is refused with, as `tests/codes.ndjson` pins it or a case of the gate wants it.
fn refused_with(case: &Case, pinned: &BTreeMap<String, String>) -> Option<String> {
    let wanted = match &case.want {
        Want::Ok(result) => result["findings"][0]["code"].as_str(),
        Want::Refused { .. } => pinned.get(&case.id).map(String::as_str),
    };
    wanted.map(String::from)
}

/// `tests/codes.ndjson`: codes by id.
fn pinned() -> BTreeMap<String, String> {
    let text = fs::read_to_string(root().join("tests/codes.ndjson")).expect("it reads");
    let text_of = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .map(|line| (text_of(&line, "id"), text_of(&line, "code")))
        .collect()
}

#[test]
fn every_rule_names_a_function_a_code_and_cases_that_exist() {
    let codes: Vec<&str> =
        inventory::areas().iter().flat_map(|area| area.codes.iter().map(|entry| entry.code)).collect();
    let pinned = pinned();
    let mut ids: BTreeMap<String, Option<String>> = BTreeMap::new();
    let others = [corpus::REGISTRY, corpus::CLIENTS, corpus::INTROSPECTION, corpus::OCM, corpus::TRANSACTIONS]
        .map(|name| corpus::cases(&root().join(name)));
    let of_the_gate: BTreeMap<String, Option<String>> = corpus::gate()
        .into_iter()
        .chain(others.into_iter().flatten())
        .map(|case| (case.id.clone(), refused_with(&case, &pinned)))
        .collect();
    let mut third_party = false;
    let mut folders = vec![corpus::own()];
    if let Some(folder) = corpus::third_party() {
        folders.push(folder);
        third_party = true;
    }
    for folder in folders {
        for file in corpus::files(&folder, false).iter().chain(&corpus::files(&folder, true)) {
            for case in corpus::cases(file) {
                ids.insert(case.id.clone(), refused_with(&case, &pinned));
            }
        }
    }
    ids.extend(of_the_gate.clone());
    let mut faults = Vec::new();
    let rows = rows();
    assert!(rows.len() > 50, "the tables were read: {} rows", rows.len());
    for (file, cells) in &rows {
        let [section, rule, function, code, cases] = &cells[..] else { continue };
        let security = file == SECURITY;
        // Where a rule has nothing to stand in, its row says so.
        let nowhere = security && (rule.starts_with("does not apply") || rule.contains("not enforced"));
        for function in function.split(',').map(str::trim) {
            if !(defined(function) || (nowhere && function == "-")) {
                faults.push(format!("{file}: {section}: there is no function {function}"));
            }
        }
        let named: Vec<&str> = code.split(',').map(str::trim).filter(|code| !code.is_empty() && *code != "-").collect();
        for code in &named {
            if !codes.contains(code) {
                faults.push(format!("{file}: {section}: there is no code {code}"));
            }
        }
        for id in cases.split(',').map(str::trim).filter(|id| !id.is_empty() && *id != "-") {
            // A test in place of a case is named `test:name`; cases of others only where their corpus is.
            let found = match id.strip_prefix("test:") {
                Some(test) => test_exists(test),
                None if security && id.starts_with("gate/") => of_the_gate.contains_key(id),
                None => ids.contains_key(id) || (!third_party && id.matches('/').count() > 1),
            };
            let refused = ids.get(id).or_else(|| of_the_gate.get(id)).and_then(Option::as_deref);
            if let Some(refused) = refused.filter(|refused| security && !named.contains(refused)) {
                faults.push(format!("{file}: {section}: {id} is refused with {refused}"));
            }
            if !found {
                faults.push(format!("{file}: {section}: there is no case {id}"));
            }
        }
    }
    assert!(
        faults.is_empty(),
        "{} faults in docs/specifications and docs/security.md:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

fn test_exists(name: &str) -> bool {
    let mut files = Vec::new();
    for folder in ["components", "tests/suites", "host"] {
        collect(&root().join(folder), &mut files);
    }
    files.iter().any(|file| fs::read_to_string(file).is_ok_and(|text| text.contains(&format!("fn {name}("))))
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut pages = vec![root().join("README.md")];
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    let mut faults = Vec::new();
    for page in pages {
        let text = fs::read_to_string(&page).expect("it reads");
        for (at, _) in text.match_indices("](") {
            let target = text[at + 2..].split(')').next().unwrap_or_default();
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") || file.starts_with("mailto:") {
                continue;
            }
            let base = page.parent().expect("a folder");
            if !base.join(file).exists() {
                faults.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(faults.is_empty(), "links that lead nowhere:\n{}", faults.join("\n"));
}
