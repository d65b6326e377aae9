//! The text of a policy: TOML or JSON into one tree, and back from a member to its line.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use portcullis_types::json::{self, Object, Value};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{PolicyError, code::PolicyCode, limits::MAX_POLICY};

/// How a policy is written. Both are read into the same tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// TOML 1.1: what people write.
    #[cfg(feature = "toml")]
    Toml,
    /// JSON (RFC 8259): what programs exchange.
    Json,
}

/// Where a member stands: from the document's root.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Path(Vec<Step>);

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Member(String),
    Item(usize),
}

/// A place in a text, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: u32,
    /// The character in its line.
    pub column: u32,
}

impl Path {
    /// A member of what stands here.
    #[must_use]
    pub fn member(&self, name: &str) -> Self {
        self.then(Step::Member(name.into()))
    }

    /// An item of the list that stands here, counted from 0.
    #[must_use]
    pub fn item(&self, index: usize) -> Self {
        self.then(Step::Item(index))
    }

    fn then(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl fmt::Display for Path {
    /// As in `rules[2].require.scope`; items are counted from 1, as people do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("the policy");
        }
        for (index, step) in self.0.iter().enumerate() {
            match step {
                Step::Member(name) if is_bare(name) => {
                    write!(f, "{}{name}", if index == 0 { "" } else { "." })?;
                }
                Step::Member(name) => {
                    let name = json::to_text(&Value::from(name.as_str()));
                    write!(f, "{}{name}", if index == 0 { "" } else { "." })?;
                }
                Step::Item(item) => write!(f, "[{}]", item + 1)?,
            }
        }
        Ok(())
    }
}

fn is_bare(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// Reads a text into its tree, a name at most once in every object.
pub(super) fn parse(text: &str, format: Format) -> Result<Object, PolicyError> {
    if text.len() > MAX_POLICY {
        let detail = format!("the policy has {} bytes, at most {MAX_POLICY} are read", text.len());
        return Err(PolicyError::new(PolicyCode::TooLarge, Path::default(), detail, "split it: one gate, one policy"));
    }
    let value = match format {
        #[cfg(feature = "toml")]
        Format::Toml => super::toml_text::parse(text)?,
        Format::Json => parse_json(text)?,
    };
    match value {
        Value::Object(object) => {
            repeated(&object, &Path::default())?;
            Ok(object)
        }
        other => Err(PolicyError::new(
            PolicyCode::WrongType,
            Path::default(),
            format!("the policy is {}, not an object", other.kind()),
            "write an object: {\"origins\": […], …}",
        )),
    }
}

fn parse_json(text: &str) -> Result<Value, PolicyError> {
    json::parse(text.as_bytes()).map_err(|rejection| {
        let (what, place) = without_place(rejection.detail());
        let detail = format!("this is no JSON: {what}");
        let mut error = PolicyError::new(PolicyCode::Syntax, Path::default(), detail, "mend the JSON at this place");
        error.place = place;
        error
    })
}

/// Takes the place off a message of the parser, which ends in it.
fn without_place(message: &str) -> (&str, Option<Place>) {
    let read = || {
        let (what, place) = message.rsplit_once(" at line ")?;
        let (line, column) = place.split_once(" column ")?;
        Some((what, Place { line: line.parse().ok()?, column: column.parse::<u32>().ok()?.max(1) }))
    };
    read().map_or((message, None), |(what, place)| (what, Some(place)))
}

pub(super) fn name_repeated(path: Path) -> PolicyError {
    PolicyError::new(
        PolicyCode::DuplicateName,
        path,
        "the name occurs twice in one object, and nobody knows which was meant",
        "remove one of the two",
    )
}

/// Refuses a name that occurs twice in an object, at any depth.
pub(super) fn repeated(object: &Object, path: &Path) -> Result<(), PolicyError> {
    let mut names: Vec<&str> = object.members().map(|(name, _)| name).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(name_repeated(path.member(pair[0])));
    }
    object.members().try_for_each(|(name, value)| repeated_in(value, &path.member(name)))
}

fn repeated_in(value: &Value, path: &Path) -> Result<(), PolicyError> {
    match value {
        Value::Object(object) => repeated(object, path),
        Value::Array(items) => {
            items.iter().enumerate().try_for_each(|(index, item)| repeated_in(item, &path.item(index)))
        }
        _ => Ok(()),
    }
}

/// Puts errors without a place to the member that they are about, or to the innermost thing around it that is there.
pub(super) fn put_places(text: &str, format: Format, errors: &mut [PolicyError]) {
    let missing = errors.iter_mut().filter(|error| error.place.is_none());
    match format {
        #[cfg(feature = "toml")]
        Format::Toml => {
            // Read once for all of them: a policy is long where its errors are many.
            let document = super::toml_text::Document::parse(text);
            for error in missing {
                let offset = document.as_ref().and_then(|document| document.offset(error.path.steps()));
                error.place = Some(place_of(text, offset.unwrap_or_else(|| first_line(text))));
            }
        }
        Format::Json => {
            for error in missing {
                error.place = Some(place_of(text, offset_in_json(text, &error.path).unwrap_or_default()));
            }
        }
    }
}

/// Puts errors to their places and in the order of the text, which is the order in which they are mended; at most
/// [`MAX_ERRORS`](super::limits::MAX_ERRORS) of them.
pub(super) fn in_order(text: &str, format: Format, errors: &mut Vec<PolicyError>) {
    errors.truncate(super::limits::MAX_ERRORS);
    put_places(text, format, errors);
    errors.sort_by_key(|error| error.place.map_or((0, 0), |place| (place.line, place.column)));
}

/// Where TOML begins that is no comment: what is missing at the top may be added there.
#[cfg(feature = "toml")]
fn first_line(text: &str) -> usize {
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let said = line.trim_start();
        if !said.is_empty() && !said.starts_with('#') {
            return offset + line.len() - said.len();
        }
        offset += line.len();
    }
    0
}

/// The line and character of an offset in bytes.
pub(super) fn place_of(text: &str, offset: usize) -> Place {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Place { line: number(line), column: number(column) }
}

impl Path {
    /// The steps: a member's name, or an item's number from 0.
    fn steps(&self) -> impl Iterator<Item = Result<&str, usize>> {
        self.0.iter().map(|step| match step {
            Step::Member(name) => Ok(name.as_str()),
            Step::Item(index) => Err(*index),
        })
    }

    /// The names of the members it leads through.
    pub(super) fn members(&self) -> impl Iterator<Item = &str> {
        self.steps().filter_map(Result::ok)
    }
}

/// An object's members as they stand in the text, names too.
struct RawMembers<'t>(Vec<(&'t RawValue, &'t RawValue)>);

impl<'de> Deserialize<'de> for RawMembers<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = RawMembers<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = access.next_entry::<&RawValue, &RawValue>()? {
                    members.push(member);
                }
                Ok(RawMembers(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// The parser lends the text of each value, so an offset is the distance of two pointers into one text.
fn offset_in_json(text: &str, path: &Path) -> Option<usize> {
    let offset = |inner: &str| (inner.as_ptr() as usize).checked_sub(text.as_ptr() as usize);
    let (mut here, mut found) = (text, text);
    for step in path.steps() {
        let inner = match step {
            Ok(name) => {
                let members: RawMembers<'_> = serde_json::from_str(here).ok()?;
                let is_meant =
                    |member: &RawValue| serde_json::from_str::<String>(member.get()).is_ok_and(|it| it == name);
                // The last of that name: where it occurs twice, that is the one too many.
                let member = members.0.iter().rev().find(|(member, _)| is_meant(member));
                member.map(|(member, value)| (member.get(), value.get()))
            }
            Err(index) => {
                let items: Vec<&RawValue> = serde_json::from_str(here).ok()?;
                items.get(index).map(|value| (value.get(), value.get()))
            }
        };
        match inner {
            Some((start, value)) => (found, here) = (start, value),
            // A member that is missing: the object that lacks it.
            None => break,
        }
    }
    offset(found)
}

/// A text of the policy for people: its path and line, for example `rules[2].path (line 14)`.
pub(super) fn told(path: &Path, place: Option<Place>) -> String {
    match place {
        Some(place) => format!("{path} (line {})", place.line),
        None => path.to_string(),
    }
}
