//! The documentation says what is true: specifications, functions, codes and cases that it names exist.

use std::{collections::BTreeMap, fs};

use portcullis_tests::{corpus, inventory, root};

/// Rows of the tables in `docs/specifications/*.md`: section, rule, function, code, cases.
fn rows() -> Vec<(String, Vec<String>)> {
    let mut rows = Vec::new();
    let folder = root().join("docs/specifications");
    for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("it reads");
        for line in
            text.lines().filter(|line| line.starts_with('|') && !line.starts_with("|-") && !line.starts_with("| -"))
        {
            let cells: Vec<String> =
                line.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect();
            if cells.len() == 5 && cells[0].to_lowercase() != "section" {
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
    let base = root().join("components").join(parts[0]).join("src");
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

#[test]
fn every_rule_names_a_function_a_code_and_cases_that_exist() {
    let codes: Vec<&str> =
        inventory::areas().iter().flat_map(|area| area.codes.iter().map(|entry| entry.code)).collect();
    let mut ids = BTreeMap::new();
    let mut third_party = false;
    let mut folders = vec![corpus::own()];
    if let Some(folder) = corpus::third_party() {
        folders.push(folder);
        third_party = true;
    }
    for folder in folders {
        for file in corpus::files(&folder, false).iter().chain(&corpus::files(&folder, true)) {
            for case in corpus::cases(file) {
                ids.insert(case.id.clone(), ());
            }
        }
    }
    for case in corpus::cases(&root().join(corpus::INTROSPECTION)) {
        ids.insert(case.id, ());
    }
    let mut faults = Vec::new();
    let rows = rows();
    assert!(rows.len() > 50, "the tables were read: {} rows", rows.len());
    for (file, cells) in &rows {
        let [section, _, function, code, cases] = &cells[..] else { continue };
        for function in function.split(',').map(str::trim) {
            if !defined(function) {
                faults.push(format!("{file}: {section}: there is no function {function}"));
            }
        }
        for code in code.split(',').map(str::trim).filter(|code| !code.is_empty() && *code != "-") {
            if !codes.contains(&code) {
                faults.push(format!("{file}: {section}: there is no code {code}"));
            }
        }
        for id in cases.split(',').map(str::trim).filter(|id| !id.is_empty() && *id != "-") {
            // A test in place of a case is named `test:name`; cases of others only where their corpus is.
            let found = match id.strip_prefix("test:") {
                Some(test) => test_exists(test),
                None => ids.contains_key(id) || (!third_party && id.matches('/').count() > 1),
            };
            if !found {
                faults.push(format!("{file}: {section}: there is no case {id}"));
            }
        }
    }
    assert!(faults.is_empty(), "{} faults in docs/specifications:\n{}", faults.len(), faults.join("\n"));
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
