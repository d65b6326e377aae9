//! What members a policy has: one table, from which it is checked here and documented in `docs/policy.md` and
//! `docs/policy.schema.json`.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use portcullis_types::{
    json::{Number, Object, Value},
    limits::excerpt,
    time::MAX_TIMESTAMP,
};

use super::{
    PolicyError,
    code::PolicyCode,
    document::Path,
    members::{POLICY, SHAPES},
};

/// An object of the policy.
#[derive(Debug)]
pub struct Shape {
    /// What it is called where it is documented.
    pub title: &'static str,
    /// What it is for.
    pub doc: &'static str,
    /// Its members, in the order in which they are documented.
    pub members: &'static [Member],
}

/// A member of an object.
#[derive(Debug)]
pub struct Member {
    /// Its name.
    pub name: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// Whether it has to be there.
    pub required: bool,
    /// What holds without it; empty where nothing does or the text says.
    pub default: &'static str,
    /// What it means, in Markdown.
    pub doc: &'static str,
    /// A line of TOML that uses it.
    pub example: &'static str,
}

/// What a member may be.
#[derive(Debug)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A text that is not empty.
    Text,
    /// A list of texts that are not empty, at least so many.
    Texts {
        /// The fewest there may be.
        least: usize,
    },
    /// One of some words.
    OneOf(&'static [&'static str]),
    /// A length of time: `"90s"`, `"5m"`, `"24h"`, `"7d"`, or a whole number of seconds; from the first to the second, in
    /// seconds.
    Duration(u64, u64),
    /// A size: `"64KiB"`, `"256MiB"`, or a whole number of bytes; from the first to the second, in bytes.
    Size(u64, u64),
    /// A whole number from the first to the second.
    Count(u64, u64),
    /// An object.
    Object(&'static Shape),
    /// A list of objects.
    Objects(&'static Shape),
    /// A text, or an object of any members: keys by URL or inline.
    TextOrAny,
    /// A text, or an object of a shape.
    TextOrObject(&'static Shape),
    /// One of some words, or an object of a shape.
    WordOrObject(&'static [&'static str], &'static Shape),
    /// `true`, or a text.
    TrueOrText,
    /// An object whose values are texts.
    TextMap,
    /// An object of any members.
    AnyMap,
    /// A list of objects of any members.
    AnyObjects,
}

impl Kind {
    /// In words, for people.
    pub fn told(&self) -> String {
        match self {
            Kind::Bool => "true or false".into(),
            Kind::Text => "a text".into(),
            Kind::Texts { least: 0 } => "a list of texts".into(),
            Kind::Texts { least: 1 } => "a list of at least one text".into(),
            Kind::Texts { least } => format!("a list of at least {least} texts"),
            Kind::OneOf(words) => format!("one of {}", quoted(words)),
            Kind::WordOrObject(words, _) => format!("{}, or an object", quoted(words)),
            Kind::Duration(least, most) => format!(
                "a length of time (\"30s\", \"5m\", \"24h\", \"7d\" or a number of seconds) from {} to {}",
                seconds_told(*least),
                seconds_told(*most)
            ),
            Kind::Size(least, most) => format!(
                "a size (\"64KiB\", \"16MiB\", \"1GiB\" or a number of bytes) from {} to {}",
                bytes_told(*least),
                bytes_told(*most)
            ),
            Kind::Count(least, most) => format!("a whole number from {least} to {most}"),
            Kind::Object(_) | Kind::AnyMap => "an object".into(),
            Kind::Objects(_) | Kind::AnyObjects => "a list of objects".into(),
            Kind::TextOrAny | Kind::TextOrObject(_) => "a text (a URL, or \"file:\" and a path) or an object".into(),
            Kind::TrueOrText => "true or a text".into(),
            Kind::TextMap => "an object of texts".into(),
        }
    }
}

fn quoted(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    words.join(", ")
}

/// Checks an object against its shape and lists what is wrong: members that are unknown, missing or of another kind.
pub(super) fn check(object: &Object, shape: &Shape, path: &Path, errors: &mut Vec<PolicyError>) {
    for (name, value) in object.members() {
        let here = path.member(name);
        match shape.members.iter().find(|member| member.name == name) {
            Some(member) => kind(value, &member.kind, &here, errors),
            None => errors.push(unknown(name, shape, here)),
        }
    }
    for member in shape.members.iter().filter(|member| member.required) {
        if !object.members().any(|(name, _)| name == member.name) {
            errors.push(PolicyError::new(
                PolicyCode::MissingMember,
                path.clone(),
                format!("{} has no member \"{}\"", shape.title, member.name),
                // The line that has the member: what stands above it is the heading of its table.
                format!("add it, for example: {}", member.example.lines().last().unwrap_or_default()),
            ));
        }
    }
}

fn unknown(name: &str, shape: &Shape, path: Path) -> PolicyError {
    let elsewhere = || SHAPES.iter().find(|other| other.members.iter().any(|member| member.name == name));
    let remedy = if let Some(known) = nearest(name, shape.members.iter().map(|member| member.name)) {
        format!("did you mean \"{known}\"?")
    } else if let Some(other) = elsewhere() {
        let above = if core::ptr::eq(*other, &POLICY) { ", which in TOML stands above the first [table]" } else { "" };
        format!("move it: it is a member of {}{above}", other.title)
    } else {
        let known: Vec<&str> = shape.members.iter().map(|member| member.name).collect();
        format!("remove it; the members of {} are {}", shape.title, known.join(", "))
    };
    PolicyError::new(
        PolicyCode::UnknownMember,
        path,
        format!("{} has no member called {}", shape.title, excerpt(name)),
        remedy,
    )
}

fn wrong_type(value: &Value, path: Path, remedy: impl Into<String>) -> PolicyError {
    PolicyError::new(PolicyCode::WrongType, path, format!("it is {}", shown(value)), remedy)
}

fn kind(value: &Value, kind: &Kind, path: &Path, errors: &mut Vec<PolicyError>) {
    match (kind, value) {
        (Kind::Bool, Value::Bool(_)) | (Kind::TrueOrText, Value::Bool(true)) => {}
        (Kind::Text | Kind::TextOrAny | Kind::TextOrObject(_) | Kind::TrueOrText, Value::String(text))
            if !text.is_empty() => {}
        (Kind::TextOrAny | Kind::AnyMap, Value::Object(_)) => {}
        (Kind::Texts { least }, Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                if item.as_str().is_none_or(str::is_empty) {
                    errors.push(wrong_type(item, path.item(index), "write a text in quotation marks"));
                }
            }
            if items.len() < *least {
                errors.push(wrong_type(value, path.clone(), format!("write {}", kind.told())));
            }
        }
        (Kind::OneOf(words) | Kind::WordOrObject(words, _), Value::String(word)) => {
            if !words.contains(&word.as_str()) {
                let detail = format!("{} is not known here", excerpt(word));
                let remedy = match nearest(word, words.iter().copied()) {
                    Some(known) => format!("did you mean \"{known}\"?"),
                    None => format!("write {}", kind.told()),
                };
                errors.push(PolicyError::new(PolicyCode::UnknownWord, path.clone(), detail, remedy));
            }
        }
        (Kind::Duration(least, most), value) if duration(value).is_some() => {
            if !duration(value).is_some_and(|seconds| (*least..=*most).contains(&seconds)) {
                errors.push(outside(value, kind, path));
            }
        }
        (Kind::Size(least, most), value) if size(value).is_some() => {
            if !size(value).is_some_and(|bytes| (*least..=*most).contains(&bytes)) {
                errors.push(outside(value, kind, path));
            }
        }
        (Kind::Count(least, most), Value::Number(Number::Unsigned(number))) => {
            if !(least..=most).contains(&number) {
                errors.push(outside(value, kind, path));
            }
        }
        (Kind::Object(shape) | Kind::TextOrObject(shape) | Kind::WordOrObject(_, shape), Value::Object(object)) => {
            check(object, shape, path, errors);
        }
        (Kind::Objects(shape), Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                match item {
                    Value::Object(object) => check(object, shape, &path.item(index), errors),
                    other => {
                        errors.push(wrong_type(other, path.item(index), format!("write {} as an object", shape.title)));
                    }
                }
            }
        }
        (Kind::TextMap, Value::Object(object)) => {
            for (name, value) in object.members() {
                if value.as_str().is_none_or(str::is_empty) {
                    errors.push(wrong_type(value, path.member(name), "write a text in quotation marks"));
                }
            }
        }
        (Kind::AnyObjects, Value::Array(items)) => {
            for (index, item) in items.iter().enumerate().filter(|(_, item)| item.as_object().is_none()) {
                // Of what it is only the kind is told: keys are such objects, and a text in their place may be a secret.
                let detail = format!("it is {}", item.kind());
                errors.push(PolicyError::new(PolicyCode::WrongType, path.item(index), detail, "write an object"));
            }
        }
        (Kind::Texts { .. }, Value::String(text)) if !text.is_empty() => {
            errors.push(wrong_type(value, path.clone(), format!("write a list: [{}]", excerpt(text))));
        }
        (Kind::Objects(_), Value::Object(_)) => {
            let name = path.members().last().unwrap_or_default();
            errors.push(wrong_type(value, path.clone(), format!("write a list of objects, in TOML [[{name}]]")));
        }
        (kind @ Kind::AnyObjects, value) => {
            let detail = format!("it is {}", value.kind());
            let remedy = format!("write {}", kind.told());
            errors.push(PolicyError::new(PolicyCode::WrongType, path.clone(), detail, remedy));
        }
        (kind, value) => errors.push(wrong_type(value, path.clone(), format!("write {}", kind.told()))),
    }
}

/// A value for a detail: its kind, and itself where it is short and can be no secret.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "an empty text".into(),
        Value::String(text) => excerpt(text),
        Value::Number(Number::Unsigned(number)) => number.to_string(),
        Value::Number(Number::Negative(number)) => number.to_string(),
        Value::Array(items) if items.is_empty() => "an empty list".into(),
        other => other.kind().into(),
    }
}

fn outside(value: &Value, kind: &Kind, path: &Path) -> PolicyError {
    let detail = format!("{} is outside its range", shown(value));
    PolicyError::new(PolicyCode::OutOfRange, path.clone(), detail, format!("write {}", kind.told()))
}

/// Seconds as a policy writes them.
pub fn seconds_told(seconds: u64) -> String {
    for (unit, name) in [(24 * 60 * 60, "d"), (60 * 60, "h"), (60, "m")] {
        if seconds >= unit && seconds.is_multiple_of(unit) {
            return format!("{}{name}", seconds / unit);
        }
    }
    format!("{seconds}s")
}

/// Bytes as a policy writes them.
pub fn bytes_told(bytes: u64) -> String {
    for (unit, name) in [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")] {
        if bytes >= unit && bytes.is_multiple_of(unit) {
            return format!("{}{name}", bytes / unit);
        }
    }
    format!("{bytes}B")
}

/// Reads a length of time, in seconds.
pub(super) fn duration(value: &Value) -> Option<u64> {
    let seconds = match value {
        Value::Number(Number::Unsigned(seconds)) => *seconds,
        Value::String(text) => {
            with_unit(text, &[("s", 1), ("m", 60), ("h", 60 * 60), ("d", 24 * 60 * 60), ("w", 7 * 24 * 60 * 60)])?
        }
        _ => return None,
    };
    (seconds <= MAX_TIMESTAMP).then_some(seconds)
}

/// Reads a size, in bytes.
pub(super) fn size(value: &Value) -> Option<u64> {
    match value {
        Value::Number(Number::Unsigned(bytes)) => Some(*bytes),
        Value::String(text) => with_unit(text, &[("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1)]),
        _ => None,
    }
}

fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// The known name that a slip of the pen could have been, if there is one.
pub(super) fn nearest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let near = known.map(|known| (distance(&known.to_ascii_lowercase(), &name.to_ascii_lowercase()), known));
    // A third of a name may be wrong: of three letters one.
    near.filter(|(distance, known)| *distance <= 2 && *distance * 3 <= known.chars().count())
        .min()
        .map(|(_, known)| known)
}

/// Levenshtein's distance, for "did you mean". Names are short.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().take(64).enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let substitution = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = substitution.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_and_sizes_are_read() {
        for (text, wanted) in
            [("90s", Some(90)), ("5m", Some(300)), ("24h", Some(86_400)), ("7d", Some(604_800)), ("1w", Some(604_800))]
        {
            assert_eq!(duration(&text.into()), wanted, "{text}");
        }
        assert_eq!(duration(&Value::from(30)), Some(30));
        for text in ["", "5", "m", "5 m", "-5m", "5M", "1.5h", "99999999999999999999s", "9007199254740992s"] {
            assert_eq!(duration(&text.into()), None, "{text}");
        }
        assert_eq!(size(&"64MiB".into()), Some(64 << 20));
        assert_eq!(size(&"7B".into()), Some(7));
        for text in ["64MB", "64 MiB", "64", "99999999999GiB"] {
            assert_eq!(size(&text.into()), None, "{text}");
        }
    }

    #[test]
    fn a_slip_of_the_pen_is_recognised() {
        assert_eq!(distance("audience", "audiance"), 1);
        assert_eq!(distance("scope", "scopes"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(nearest("isuers", ["issuers", "issuer"].into_iter()), Some("issuers"));
        assert_eq!(nearest("DPoP", ["none", "dpop"].into_iter()), Some("dpop"));
        assert_eq!(nearest("as", ["acr", "scope"].into_iter()), None);
    }
}
