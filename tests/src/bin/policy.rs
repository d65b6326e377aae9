//! `policy write` makes `docs/policy.schema.json` and the reference in `docs/policy.md` from the table of members that the
//! checker reads, and `docs/audit.schema.json` from the type of an audit line; `policy check` fails where they are not what it
//! would write.

use std::{fmt::Write as _, fs, process::ExitCode};

use anyhow::{Context, bail};
use portcullis_gate::policy::{
    Format, Policy,
    members::{POLICY, SHAPES},
    shape::{Kind, Member, Shape},
};
use portcullis_host::gateway::audit_schema;
use portcullis_tests::root;
use portcullis_types::json;
use serde_json::{Map, Value, json};

const SCHEMA: &str = "docs/policy.schema.json";
const AUDIT: &str = "docs/audit.schema.json";
const PAGE: &str = "docs/policy.md";
const BEGIN: &str = "<!-- reference: begin -->\n";
const END: &str = "<!-- reference: end -->\n";

fn main() -> ExitCode {
    let result = match std::env::args().nth(1).as_deref() {
        Some("write") => write(),
        Some("check") => check(),
        _ => Err(anyhow::anyhow!("usage: policy write|check")),
    };
    match result {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("policy: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn members() -> usize {
    SHAPES.iter().map(|shape| shape.members.len()).sum()
}

fn write() -> anyhow::Result<String> {
    fs::write(root().join(SCHEMA), schema()?)?;
    fs::write(root().join(AUDIT), audit_schema()?)?;
    let page = fs::read_to_string(root().join(PAGE))?;
    fs::write(root().join(PAGE), with_reference(&page)?)?;
    Ok(format!("{SCHEMA} and the reference in {PAGE} written, {} members", members()))
}

fn check() -> anyhow::Result<String> {
    let page = fs::read_to_string(root().join(PAGE)).context(PAGE)?;
    let mut faults = Vec::new();
    for (path, is, wanted) in [
        (SCHEMA, fs::read_to_string(root().join(SCHEMA)).unwrap_or_default(), schema()?),
        (AUDIT, fs::read_to_string(root().join(AUDIT)).unwrap_or_default(), audit_schema()?),
        (PAGE, page.clone(), with_reference(&page)?),
    ] {
        if is != wanted {
            faults.push(format!("{path} is not what the source says: run `make codes` and look at the difference"));
        }
    }
    if !faults.is_empty() {
        bail!("{} faults\n  {}", faults.len(), faults.join("\n  "));
    }
    Ok(format!("{} members of a policy, in the reference and in the schema", members()))
}

/// The page with its reference made anew.
fn with_reference(page: &str) -> anyhow::Result<String> {
    let (before, rest) = page.split_once(BEGIN).with_context(|| format!("{PAGE} has no {BEGIN}"))?;
    let (_, after) = rest.split_once(END).with_context(|| format!("{PAGE} has no {END}"))?;
    Ok(format!("{before}{BEGIN}\n{}\n{END}{after}", reference().trim_end()))
}

/// What a title names: `an issuer` is `issuer`.
fn bare(title: &str) -> &str {
    let articles = ["a ", "an ", "the "];
    articles.iter().find_map(|article| title.strip_prefix(article)).unwrap_or(title)
}

/// The schema by which editors complete and check policies (JSON Schema, draft 2020-12).
fn schema() -> anyhow::Result<String> {
    let mut definitions = Map::new();
    for shape in SHAPES.iter().filter(|shape| !std::ptr::eq(**shape, &raw const POLICY)) {
        definitions.insert(definition(shape), object(shape)?);
    }
    let mut schema = Map::new();
    schema.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".into(), json!("A policy of Portcullis"));
    if let Value::Object(policy) = object(&POLICY)? {
        schema.extend(policy);
    }
    schema.insert("$defs".into(), Value::Object(definitions));
    Ok(serde_json::to_string_pretty(&Value::Object(schema))? + "\n")
}

fn definition(shape: &Shape) -> String {
    bare(shape.title).replace(' ', "_")
}

fn object(shape: &Shape) -> anyhow::Result<Value> {
    let mut properties = Map::new();
    for member in shape.members {
        properties.insert(member.name.into(), property(member)?);
    }
    let required: Vec<&str> = shape.members.iter().filter(|member| member.required).map(|member| member.name).collect();
    let mut object = Map::new();
    object.insert("description".into(), json!(shape.doc));
    object.insert("type".into(), json!("object"));
    object.insert("properties".into(), Value::Object(properties));
    if !required.is_empty() {
        object.insert("required".into(), json!(required));
    }
    object.insert("additionalProperties".into(), json!(false));
    Ok(Value::Object(object))
}

fn property(member: &Member) -> anyhow::Result<Value> {
    let mut property = Map::new();
    // A default in words stands in the description; one that is a value is said as such.
    let default = serde_json::from_str::<Value>(member.default).ok();
    let said = if default.is_none() && !member.default.is_empty() {
        format!("{} Without it: {}.", member.doc, member.default)
    } else {
        member.doc.into()
    };
    property.insert("description".into(), json!(said));
    if let Value::Object(kind) = kind(&member.kind) {
        property.extend(kind);
    }
    if let Some(default) = default {
        property.insert("default".into(), default);
    }
    if let Some(example) = example(member)? {
        property.insert("examples".into(), json!([example]));
    }
    Ok(Value::Object(property))
}

fn kind(kind: &Kind) -> Value {
    let reference = |shape: &Shape| json!({"$ref": format!("#/$defs/{}", definition(shape))});
    let text = json!({"type": "string", "minLength": 1});
    match kind {
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Text => text,
        Kind::Texts { least } => json!({"type": "array", "items": text, "minItems": least}),
        Kind::OneOf(words) => json!({"enum": words}),
        Kind::Duration(least, most) => json!({"anyOf": [
            {"type": "integer", "minimum": least, "maximum": most},
            {"type": "string", "pattern": "^[0-9]+[smhdw]$"},
        ]}),
        Kind::Size(least, most) => json!({"anyOf": [
            {"type": "integer", "minimum": least, "maximum": most},
            {"type": "string", "pattern": "^[0-9]+(B|KiB|MiB|GiB)$"},
        ]}),
        Kind::Count(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
        Kind::Object(shape) => reference(shape),
        Kind::Objects(shape) => json!({"type": "array", "items": reference(shape)}),
        Kind::TextOrAny => json!({"anyOf": [text, {"type": "object"}]}),
        Kind::TextOrObject(shape) => json!({"anyOf": [text, reference(shape)]}),
        Kind::WordOrObject(words, shape) => json!({"anyOf": [{"enum": words}, reference(shape)]}),
        Kind::TrueOrText => json!({"anyOf": [{"const": true}, text]}),
        Kind::TextMap => json!({"type": "object", "additionalProperties": text}),
        Kind::AnyMap => json!({"type": "object"}),
        Kind::AnyObjects => json!({"type": "array", "items": {"type": "object"}}),
    }
}

/// The value that a member's example gives it. Of a table with members of its own it shows the heading alone, which is none.
fn example(member: &Member) -> anyhow::Result<Option<Value>> {
    let tree = Policy::tree(member.example, Format::Toml)
        .map_err(|error| anyhow::anyhow!("the example of {} is no TOML: {error}", member.name))?;
    let value: Value = serde_json::from_str(&json::to_text(&tree))?;
    let found = find(&value, member.name)
        .with_context(|| format!("the example of {} does not use it: {}", member.name, member.example))?;
    Ok(match (&member.kind, found) {
        (Kind::Objects(_), _) => None,
        (Kind::Object(_), Value::Object(object)) if object.is_empty() => None,
        (_, found) => Some(found.clone()),
    })
}

/// A member of this name, the outermost.
fn find<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    match value {
        Value::Object(object) => object.get(name).or_else(|| object.values().find_map(|value| find(value, name))),
        Value::Array(items) => items.iter().find_map(|value| find(value, name)),
        _ => None,
    }
}

/// The reference: a section for every object, with its members in their order.
fn reference() -> String {
    let mut out = String::new();
    for shape in SHAPES {
        let path = path_of(shape).unwrap_or_default();
        let _ = write!(out, "### {}\n\n{}\n\n", heading(shape), shape.doc);
        if let Some(place) = place(&path) {
            let _ = write!(out, "In TOML: {place}\n\n");
        }
        for member in shape.members {
            let name = if path.is_empty() { member.name.into() } else { format!("{path}.{}", member.name) };
            let _ = write!(
                out,
                "#### `{name}`\n\n*{}*\n\n{}\n\n```toml\n{}\n```\n\n",
                line(member),
                member.doc,
                member.example
            );
        }
    }
    out
}

/// The heading of a shape's section. Its anchor is no member's, whose heading is its name.
fn heading(shape: &Shape) -> String {
    if bare(shape.title) == shape.title {
        return format!("Members of `{}`", shape.title);
    }
    format!("Members of {}", shape.title)
}

/// What a member may be, and what holds without it.
fn line(member: &Member) -> String {
    let link = |shape: &Shape| format!("[{}](#members-of-{})", shape.title, shape.title.replace(' ', "-"));
    let kind = match &member.kind {
        Kind::Object(shape) => format!("an object: {}", link(shape)),
        Kind::Objects(shape) => format!("a list of objects, each {}", link(shape)),
        Kind::WordOrObject(_, shape) => format!("{}: {}", member.kind.told(), link(shape)),
        other => other.told(),
    };
    match (member.required, member.default) {
        (true, _) => format!("{kind}; required"),
        (false, "") => kind,
        (false, default) => format!("{kind}; without it: {default}"),
    }
}

/// From the policy to a shape: `rules.require`.
fn path_of(wanted: &Shape) -> Option<String> {
    fn search(shape: &'static Shape, path: &str, wanted: &Shape) -> Option<String> {
        if std::ptr::eq(shape, wanted) {
            return Some(path.into());
        }
        shape.members.iter().find_map(|member| match member.kind {
            Kind::Object(inner) | Kind::Objects(inner) | Kind::TextOrObject(inner) | Kind::WordOrObject(_, inner) => {
                let path = if path.is_empty() { member.name.into() } else { format!("{path}.{}", member.name) };
                search(inner, &path, wanted)
            }
            _ => None,
        })
    }
    search(&POLICY, "", wanted)
}

/// How a shape's table is headed in TOML.
fn place(path: &str) -> Option<String> {
    let member = POLICY.members.iter().find(|member| member.name == path)?;
    Some(match member.kind {
        Kind::Objects(_) => format!("`[[{path}]]`, once for each."),
        _ => format!("`[{path}]`"),
    })
}
