//! Checks the WIT packages: they resolve together, and every item says what it is and since when.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use portcullis_tests::root;
use wit_parser::{Docs, Resolve, Stability, TypeDefKind};

fn main() -> ExitCode {
    match check() {
        Ok((items, faults)) if faults.is_empty() => {
            println!("{items} WIT items documented");
            ExitCode::SUCCESS
        }
        Ok((_, faults)) => {
            eprintln!("wit: {} faults\n  {}", faults.len(), faults.join("\n  "));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("wit: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[derive(Default)]
struct Seen {
    items: usize,
    faults: Vec<String>,
}

impl Seen {
    fn documented(&mut self, name: &str, docs: &Docs) {
        self.items += 1;
        if docs.contents.as_deref().is_none_or(|text| text.trim().len() < 4) {
            self.faults.push(format!("{name} says nothing"));
        }
    }

    fn dated(&mut self, name: &str, stability: &Stability) {
        if !matches!(stability, Stability::Stable { .. }) {
            self.faults.push(format!("{name} has no @since"));
        }
    }
}

fn check() -> anyhow::Result<(usize, Vec<String>)> {
    let mut resolve = Resolve::default();
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(root().join("wit"))?.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<_>>()?;
    folders.sort();
    // Packages name each other in any order: what cannot be resolved yet is tried again after the others.
    let mut unresolved = folders.len() + 1;
    while !folders.is_empty() && folders.len() < unresolved {
        unresolved = folders.len();
        folders.retain(|folder| {
            let mut trial = resolve.clone();
            match trial.push_dir(folder) {
                Ok(_) => {
                    resolve = trial;
                    false
                }
                Err(_) => true,
            }
        });
    }
    if let Some(folder) = folders.first() {
        resolve.push_dir(folder).with_context(|| folder.display().to_string())?;
    }
    let mut seen = Seen::default();
    for (_, interface) in resolve.interfaces.iter() {
        let name = interface.name.clone().unwrap_or_default();
        seen.documented(&name, &interface.docs);
        seen.dated(&name, &interface.stability);
        for (function, item) in &interface.functions {
            seen.documented(&format!("{name}: {function}"), &item.docs);
        }
        for (type_name, id) in &interface.types {
            let ty = &resolve.types[*id];
            let name = format!("{name}: {type_name}");
            // What an interface uses from another is documented there.
            if matches!(ty.kind, TypeDefKind::Type(wit_parser::Type::Id(_))) {
                continue;
            }
            seen.documented(&name, &ty.docs);
            seen.dated(&name, &ty.stability);
            match &ty.kind {
                TypeDefKind::Record(record) => {
                    record
                        .fields
                        .iter()
                        .for_each(|field| seen.documented(&format!("{name}.{}", field.name), &field.docs));
                }
                TypeDefKind::Variant(variant) => {
                    variant.cases.iter().for_each(|case| seen.documented(&format!("{name}.{}", case.name), &case.docs));
                }
                TypeDefKind::Enum(cases) => {
                    cases.cases.iter().for_each(|case| seen.documented(&format!("{name}.{}", case.name), &case.docs));
                }
                TypeDefKind::Flags(flags) => {
                    flags.flags.iter().for_each(|flag| seen.documented(&format!("{name}.{}", flag.name), &flag.docs));
                }
                _ => {}
            }
        }
    }
    for (_, world) in resolve.worlds.iter() {
        seen.documented(&world.name, &world.docs);
        seen.dated(&world.name, &world.stability);
    }
    Ok((seen.items, seen.faults))
}
