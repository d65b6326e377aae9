//! What is written about policies holds: the examples in `docs/policy.md` are policies, and `docs/policy.schema.json` takes
//! and refuses what the checker does, as far as a schema can see.

use std::{fs, path::PathBuf, rc::Rc};

use portcullis_crypto::{Backend, SoftwareBackend};
use portcullis_gate::policy::{Format, Policy, PolicyError, members::SHAPES};
use portcullis_tests::root;
use portcullis_types::json;
use serde_json::Value;

fn backend() -> Rc<dyn Backend> {
    Rc::new(SoftwareBackend::default())
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn schema() -> Value {
    serde_json::from_str(&read("docs/policy.schema.json")).unwrap()
}

fn tree(text: &str, format: Format) -> Result<Value, PolicyError> {
    Policy::tree(text, format).map(|object| serde_json::from_str(&json::to_text(&object)).unwrap())
}

/// The fenced blocks of `docs/policy.md` with what stands behind their fence.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(kind) = line.strip_prefix("```") {
            let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push((kind.to_string(), body.join("\n") + "\n"));
        }
    }
    blocks
}

/// The policies of a folder of mistakes, by name.
fn mistakes(folder: &str) -> Vec<(String, Format, String)> {
    let folder = root().join("components/gate/tests/mistakes").join(folder);
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let policy = |path: PathBuf| {
        let format = match path.extension()?.to_str()? {
            "toml" => Format::Toml,
            "json" => Format::Json,
            _ => return None,
        };
        Some((path.file_name()?.to_str()?.to_string(), format, fs::read_to_string(&path).ok()?))
    };
    paths.into_iter().filter_map(policy).collect()
}

/// Why a value is refused; nothing where it is taken. Knows the keywords of our schema, and no others.
fn refused(schema: &Value, root: &Value, value: &Value, at: &str) -> Option<String> {
    let keywords = schema.as_object().unwrap_or_else(|| panic!("{at}: a schema is an object"));
    keywords.iter().find_map(|(keyword, wanted)| {
        let holds = match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" | "default" | "examples" => true,
            "$ref" => {
                let pointer = wanted.as_str().unwrap().strip_prefix('#').unwrap();
                let inner = root.pointer(pointer).unwrap_or_else(|| panic!("{wanted} leads nowhere"));
                return refused(inner, root, value, at);
            }
            "anyOf" => wanted.as_array().unwrap().iter().any(|one| refused(one, root, value, at).is_none()),
            "type" => match wanted.as_str().unwrap() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "integer" => value.is_u64() || value.is_i64(),
                other => panic!("{at}: no type {other}"),
            },
            "enum" => wanted.as_array().unwrap().contains(value),
            "const" => wanted == value,
            "minLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 >= wanted.as_u64().unwrap()),
            "minItems" => value.as_array().is_none_or(|items| items.len() as u64 >= wanted.as_u64().unwrap()),
            "minimum" => value.as_i64().is_none_or(|number| number >= wanted.as_i64().unwrap()),
            "maximum" => value.as_i64().is_none_or(|number| number <= wanted.as_i64().unwrap()),
            "pattern" => value.as_str().is_none_or(|text| matches(wanted.as_str().unwrap(), text)),
            "items" => {
                let items = value.as_array().into_iter().flatten().enumerate();
                return items
                    .filter_map(|(index, item)| refused(wanted, root, item, &format!("{at}[{}]", index + 1)))
                    .next();
            }
            "required" => value.as_object().is_none_or(|object| {
                wanted.as_array().unwrap().iter().all(|name| object.contains_key(name.as_str().unwrap()))
            }),
            "properties" => {
                let members = value.as_object().into_iter().flatten();
                return members
                    .filter_map(|(name, inner)| refused(wanted.get(name)?, root, inner, &format!("{at}.{name}")))
                    .next();
            }
            "additionalProperties" => {
                let known = schema.get("properties");
                let mut others = value
                    .as_object()
                    .into_iter()
                    .flatten()
                    .filter(|(name, _)| known.is_none_or(|known| known.get(*name).is_none()));
                match wanted {
                    Value::Bool(allowed) => *allowed || others.next().is_none(),
                    inner => others.all(|(_, value)| refused(inner, root, value, at).is_none()),
                }
            }
            other => panic!("{at}: no keyword {other}"),
        };
        (!holds).then(|| format!("{at}: {keyword} {wanted}"))
    })
}

/// `^[0-9]+[abc]$` or `^[0-9]+(A|B)$`: all the patterns there are.
fn matches(pattern: &str, text: &str) -> bool {
    let units = pattern.strip_prefix("^[0-9]+").and_then(|rest| rest.strip_suffix('$')).expect(pattern);
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let known = match units.strip_prefix('[').and_then(|units| units.strip_suffix(']')) {
        Some(letters) => unit.chars().count() == 1 && letters.contains(unit),
        None => units.trim_matches(['(', ')']).split('|').any(|one| one == unit),
    };
    known && unit.len() < text.len()
}

#[test]
fn policies_on_the_page_are_policies() {
    let (page, schema) = (read("docs/policy.md"), schema());
    let mut policies = 0;
    for (kind, text) in blocks(&page) {
        match kind.as_str() {
            "toml policy" => {
                policies += 1;
                is_policy(&text, &schema);
            }
            "toml" => assert!(tree(&text, Format::Toml).is_ok(), "{text}"),
            "json" => assert!(Policy::parse(&text, Format::Json, &backend()).is_ok(), "{text}"),
            "text" => {
                let told = read("components/gate/tests/mistakes/unknown_near.toml.txt");
                assert_eq!(text, told.replace("unknown_near.toml", "policy.toml"));
            }
            other => panic!("no kind of block {other}"),
        }
    }
    assert!(policies >= 8, "{policies} policies");
}

/// Says what is wrong with a whole policy that stands on a page.
fn is_policy(text: &str, schema: &Value) {
    if let Err(errors) = Policy::parse(text, Format::Toml, &backend()) {
        panic!("{text}\n{}", errors[0]);
    }
    let value = tree(text, Format::Toml).unwrap();
    assert_eq!(refused(schema, schema, &value, "policy"), None, "{text}");
}

#[test]
fn policies_on_other_pages_are_policies() {
    let schema = schema();
    for (page, least) in [("docs/workloads.md", 6), ("docs/spire.md", 1), ("docs/transaction-tokens.md", 2)] {
        let policies = blocks(&read(page)).into_iter().filter(|(kind, _)| kind == "toml policy");
        let read = policies.map(|(_, text)| is_policy(&text, &schema)).count();
        assert!(read >= least, "{page} has {read} policies");
    }
}

#[test]
fn examples_of_members_are_what_members_may_be() {
    let schema = schema();
    let mut examples = 0;
    let mut check = |object: &Value, at: &str| {
        for (name, property) in object["properties"].as_object().unwrap() {
            for example in property["examples"].as_array().into_iter().flatten() {
                examples += 1;
                assert_eq!(refused(property, &schema, example, &format!("{at}.{name}")), None);
            }
            if let Some(default) = property.get("default") {
                assert_eq!(refused(property, &schema, default, &format!("{at}.{name}")), None);
            }
        }
    };
    check(&schema, "policy");
    for (name, object) in schema["$defs"].as_object().unwrap() {
        check(object, name);
    }
    let members: usize = SHAPES.iter().map(|shape| shape.members.len()).sum();
    // All but lists and tables whose own members have examples.
    assert!(examples >= members - 16, "{examples} examples of {members} members");
}

#[test]
fn the_schema_takes_what_is_right_and_refuses_what_has_another_shape() {
    let schema = schema();
    // What stands inside of keys, the words of a list, and the range of what is written with a unit are looked at by the
    // checker alone.
    let unseen = [
        "svid_unknown.toml",
        "binding_word.toml",
        "transaction_service_workloads.toml",
        "introspection_cache.toml",
        "clients_method_unknown.toml",
        "out_of_range_leeway.toml",
        "out_of_range_memory.toml",
        "registry_repository.toml",
    ];
    let of_shape = [
        "policy.unknown_member",
        "policy.missing_member",
        "policy.wrong_type",
        "policy.unknown_word",
        "policy.out_of_range",
    ];
    let (mut taken, mut refusals) = (0, 0);
    for folder in ["", "warnings", "export"] {
        for (name, format, text) in mistakes(folder) {
            let Ok(value) = tree(&text, format) else { continue };
            let errors = Policy::parse(&text, format, &backend()).err().unwrap_or_default();
            let wrong = errors.iter().any(|error| of_shape.contains(&error.code())) && !unseen.contains(&name.as_str());
            let why = refused(&schema, &schema, &value, "policy");
            assert_eq!(why.is_some(), wrong, "{name}: {why:?}");
            *(if wrong { &mut refusals } else { &mut taken }) += 1;
        }
    }
    assert!(taken >= 80 && refusals >= 35, "{taken} taken, {refusals} refused");
}

/// `examples/explained` has every member by which a rule is chosen and everything that it can ask for, so that its page, which a test of
/// the command line holds to what is printed, shows how each is told.
#[test]
fn everything_that_a_rule_can_ask_is_in_the_explained_example() {
    let text = read("examples/explained/policy.toml");
    let policy = tree(&text, Format::Toml).unwrap();
    let mut asked: Vec<String> = Vec::new();
    for rule in policy["rules"].as_array().unwrap() {
        for object in [rule, &rule["require"], &rule["require"]["transaction"]] {
            asked.extend(object.as_object().into_iter().flatten().map(|(name, _)| name.clone()));
        }
    }
    for shape in SHAPES.iter().filter(|shape| ["a rule", "require", "transaction"].contains(&shape.title)) {
        for member in shape.members {
            assert!(asked.iter().any(|name| name == member.name), "{} of {}", member.name, shape.title);
        }
    }
}
