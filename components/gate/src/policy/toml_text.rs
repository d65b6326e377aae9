//! Policies in TOML: into the tree that JSON makes, and from a member to its place.

use alloc::{format, vec::Vec};

use portcullis_types::json::{Number, Object, Value};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    PolicyError,
    code::PolicyCode,
    document::{Path, name_repeated, place_of},
};

/// Reads a TOML text.
pub(super) fn parse(text: &str) -> Result<Value, PolicyError> {
    let table = DeTable::parse(text).map_err(|error| {
        let mut fault = if error.message() == "duplicate key" {
            name_repeated(Path::default())
        } else {
            let detail = format!("this is no TOML: {}", error.message());
            PolicyError::new(PolicyCode::Syntax, Path::default(), detail, "mend the TOML at this place")
        };
        fault.place = error.span().map(|span| place_of(text, span.start));
        fault
    })?;
    object(table.get_ref(), &Path::default())
}

fn object(table: &DeTable<'_>, path: &Path) -> Result<Value, PolicyError> {
    // The library keeps members by name; people read messages in the order of their text.
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    let members = entries.into_iter().map(|(name, value)| {
        let name = name.get_ref().as_ref();
        Ok((name.into(), self::value(value.get_ref(), &path.member(name))?))
    });
    Ok(Value::Object(Object::from_members(members.collect::<Result<_, PolicyError>>()?)))
}

fn value(value: &DeValue<'_>, path: &Path) -> Result<Value, PolicyError> {
    let wrong = |what: &str, remedy: &str| PolicyError::new(PolicyCode::WrongType, path.clone(), what, remedy);
    match value {
        DeValue::String(text) => Ok(Value::String(text.as_ref().into())),
        DeValue::Boolean(truth) => Ok(Value::Bool(*truth)),
        // Numbers are read by the JSON library, so that both forms read one number alike (and because the standard library's
        // own reading uses wide arithmetic, which compilers before LLVM 23 get wrong: see `tools/miscompiled`).
        DeValue::Integer(number) if number.radix() != 10 => {
            Err(wrong("the number is not in decimal", "write it in decimal"))
        }
        DeValue::Integer(number) => {
            let text = number.as_str().trim_start_matches('+');
            let read = match (serde_json::from_str(text), serde_json::from_str(text)) {
                (Ok(number), _) => Number::Unsigned(number),
                (_, Ok(number)) => Number::Negative(number),
                _ => return Err(wrong("the number does not fit into 64 bits", "write a smaller number")),
            };
            Ok(Value::Number(read))
        }
        DeValue::Float(number) => match serde_json::from_str::<f64>(number.as_str().trim_start_matches('+')) {
            Ok(number) if number.is_finite() => Ok(Value::Number(Number::Float(number))),
            _ => Err(wrong("the number is not finite", "write a number")),
        },
        DeValue::Datetime(_) => {
            Err(wrong("a policy has no dates", "write a text in quotation marks, or a number of seconds"))
        }
        DeValue::Array(items) => {
            let items = items.iter().enumerate().map(|(index, item)| self::value(item.get_ref(), &path.item(index)));
            Ok(Value::Array(items.collect::<Result<_, _>>()?))
        }
        DeValue::Table(table) => object(table, path),
    }
}

/// A text whose members know where they stand.
pub(super) struct Document<'t>(Spanned<DeTable<'t>>);

impl<'t> Document<'t> {
    pub(super) fn parse(text: &'t str) -> Option<Self> {
        DeTable::parse(text).ok().map(Self)
    }

    /// The offset of what a path leads to, or of the innermost thing around it; none where that is the whole document.
    pub(super) fn offset<'p>(&self, steps: impl Iterator<Item = Result<&'p str, usize>>) -> Option<usize> {
        let mut offset = None;
        let mut here: Option<&DeValue<'_>> = None;
        for step in steps {
            let found = match step {
                Ok(name) => {
                    let table = match here {
                        None => Some(self.0.get_ref()),
                        Some(DeValue::Table(table)) => Some(table),
                        Some(_) => None,
                    };
                    let member = table.and_then(|table| table.get_key_value(name));
                    member.map(|(name, value)| (name.span().start, value.get_ref()))
                }
                Err(index) => match here {
                    Some(DeValue::Array(items)) => items.get(index).map(|item| (item.span().start, item.get_ref())),
                    _ => None,
                },
            };
            let Some((start, value)) = found else { break };
            offset = Some(start);
            here = Some(value);
        }
        offset
    }
}
