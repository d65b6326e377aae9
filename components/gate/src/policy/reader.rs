//! Reading members whose kinds were checked. What was of the wrong kind has been told already, and is passed over here.

use alloc::{string::String, vec::Vec};

use portcullis_types::json::{Number, Object, Value};

use super::{PolicyError, code::PolicyCode, document::Path, limits::MAX_NAME, shape};

/// An object of the policy and where it stands.
pub(super) struct Reader<'a> {
    object: &'a Object,
    pub(super) path: Path,
}

impl<'a> Reader<'a> {
    pub(super) fn new(object: &'a Object, path: Path) -> Self {
        Self { object, path }
    }

    /// Where a member stands, or would.
    pub(super) fn at(&self, name: &str) -> Path {
        self.path.member(name)
    }

    pub(super) fn value(&self, name: &str) -> Option<&'a Value> {
        // Names are unique, or the document was refused.
        self.object.members().find(|(member, _)| *member == name).map(|(_, value)| value)
    }

    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.value(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// The texts of a list with their numbers.
    pub(super) fn texts(&self, name: &str) -> Option<Vec<(usize, &'a str)>> {
        let items = self.value(name)?.as_array()?;
        Some(items.iter().enumerate().filter_map(|(index, item)| Some((index, item.as_str()?))).collect())
    }

    /// The texts of a list.
    pub(super) fn strings(&self, name: &str) -> Option<Vec<String>> {
        Some(self.texts(name)?.into_iter().map(|(_, text)| text.into()).collect())
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        match self.value(name)? {
            Value::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    pub(super) fn duration(&self, name: &str) -> Option<u64> {
        self.value(name).and_then(shape::duration)
    }

    /// A size in bytes, as far as this machine can address.
    pub(super) fn size(&self, name: &str) -> Option<usize> {
        self.value(name).and_then(shape::size).map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX))
    }

    pub(super) fn count(&self, name: &str) -> Option<usize> {
        match self.value(name)? {
            Value::Number(Number::Unsigned(count)) => usize::try_from(*count).ok(),
            _ => None,
        }
    }

    pub(super) fn object(&self, name: &str) -> Option<Reader<'a>> {
        let object = self.value(name)?.as_object()?;
        Some(Reader::new(object, self.at(name)))
    }

    /// The objects of a list.
    pub(super) fn objects(&self, name: &str) -> Vec<Reader<'a>> {
        let path = self.at(name);
        let items = self.value(name).and_then(Value::as_array).unwrap_or_default();
        let objects = items.iter().enumerate().filter_map(|(index, item)| Some((index, item.as_object()?)));
        objects.map(|(index, object)| Reader::new(object, path.item(index))).collect()
    }

    /// The names and texts of an object.
    pub(super) fn text_map(&self, name: &str) -> Vec<(&'a str, &'a str)> {
        let object = self.value(name).and_then(Value::as_object);
        object.map(|object| object.members().filter_map(|(n, v)| Some((n, v.as_str()?))).collect()).unwrap_or_default()
    }
}

/// Refuses a name that could not stand on one line of a log.
pub(super) fn plain_name(entry: &Reader<'_>, errors: &mut Vec<PolicyError>) {
    let Some(name) = entry.text("name") else { return };
    if name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        errors.push(PolicyError::new(
            PolicyCode::NameMalformed,
            entry.at("name"),
            "the name goes into logs, and is too long or has a control character",
            alloc::format!("write at most {MAX_NAME} printable characters"),
        ));
    }
}

/// Refuses a list that is longer than is read, and says so once.
pub(super) fn at_most<T>(list: &mut Vec<T>, most: usize, path: Path, what: &str, errors: &mut Vec<PolicyError>) {
    if list.len() > most {
        let detail = alloc::format!("{} {what}, at most {most} are read", list.len());
        errors.push(PolicyError::new(PolicyCode::TooMany, path, detail, "split the policy, or merge what is alike"));
        list.truncate(most);
    }
}
