//! Access to OCI registries, as distribution's token authentication has it (distribution main, commit 0d6b721d,
//! `docs/content/spec/auth`): what a scope asks for, what a request needs, what a token grants.

pub mod allows;
pub mod challenge;
mod form;
pub mod intersect;
pub mod required;
pub mod scope;
pub mod token;
pub mod token_request;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    vec::Vec,
};
use core::fmt;

use portcullis_types::{
    Rejection,
    json::{Object, Value},
};

use crate::{
    ScopeCode,
    limits::{MAX_ACCESS, MAX_ACTIONS},
};

/// The action that stands for every action on its resource.
pub const ANY_ACTION: &str = "*";

/// Access to one resource. Lists of these come from scopes, from requests and from tokens; where they come from decides
/// what their texts may be, so each reader checks its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The type, `repository` or `registry` for example.
    pub resource_type: String,
    /// The class. Deprecated; nothing here decides by it.
    pub class: Option<String>,
    /// The name, compared byte by byte.
    pub name: String,
    /// The actions; `*` stands for any.
    pub actions: Vec<String>,
}

impl Access {
    /// Actions on a repository.
    pub fn repository(name: &str, actions: &[&str]) -> Self {
        Self::new("repository", name, actions)
    }

    /// Actions on a resource of any type.
    pub fn new(resource_type: &str, name: &str, actions: &[&str]) -> Self {
        let actions = actions.iter().map(|action| (*action).into()).collect();
        Self { resource_type: resource_type.into(), class: None, name: name.into(), actions }
    }

    /// Reads the entries of a token's `access`. Members that are not known are passed over.
    ///
    /// Errors: `oci.access_type`, `oci.access_too_many`, `json.duplicate_name`.
    pub fn from_claim(value: &Value) -> Result<Vec<Self>, Rejection> {
        let wrong = |what: String| Rejection::new(ScopeCode::OciAccessType, what);
        let items = value.as_array().ok_or_else(|| wrong(format!("access is {}", value.kind())))?;
        bounded(items.len(), 0)?;
        items
            .iter()
            .map(|item| {
                let entry = item.as_object().ok_or_else(|| wrong(format!("access lists {}", item.kind())))?;
                Self::from_entry(entry)
            })
            .collect()
    }

    fn from_entry(entry: &Object) -> Result<Self, Rejection> {
        let wrong = |name: &str| Rejection::new(ScopeCode::OciAccessType, format!("{name} of an entry has no text"));
        let text = |name| match entry.get(name)? {
            Some(Value::String(text)) => Ok(text.clone()),
            _ => Err(wrong(name)),
        };
        let class = match entry.get("class")? {
            None => None,
            Some(_) => Some(text("class")?),
        };
        let actions = entry.get("actions")?.and_then(Value::as_array).ok_or_else(|| wrong("actions"))?;
        bounded(0, actions.len())?;
        let actions = actions.iter().map(|action| action.as_str().map(Into::into).ok_or_else(|| wrong("actions")));
        Ok(Self {
            resource_type: text("type")?,
            class,
            name: text("name")?,
            actions: actions.collect::<Result<_, _>>()?,
        })
    }
}

impl fmt::Display for Access {
    /// As a scope has it, without the class.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.resource_type, self.name, self.actions.join(","))
    }
}

/// Refuses lists that are too long.
fn bounded(entries: usize, actions: usize) -> Result<(), Rejection> {
    if entries > MAX_ACCESS || actions > MAX_ACTIONS {
        let what = format!("more than {MAX_ACCESS} entries, or {MAX_ACTIONS} actions of one");
        return Err(Rejection::new(ScopeCode::OciAccessTooMany, what));
    }
    Ok(())
}

fn all_bounded(list: &[Access]) -> Result<(), Rejection> {
    bounded(list.len(), 0)?;
    list.iter().try_for_each(|access| bounded(0, access.actions.len()))
}

/// The actions on each resource, entries of one resource merged ("accessSet" of distribution): resources in the order in
/// which they first occur, their actions likewise and each once. The class does not tell resources apart.
fn merged(list: &[Access]) -> Merged<'_> {
    let mut merged = Merged::default();
    // Beside the lists, so that many actions of one resource cost no more than their sorting.
    let mut seen = BTreeSet::new();
    for access in list {
        let resource = (access.resource_type.as_str(), access.name.as_str());
        let next = merged.resources.len();
        let index = *merged.places.entry(resource).or_insert(next);
        if index == next {
            merged.resources.push((resource, Vec::new()));
        }
        if let Some((_, actions)) = merged.resources.get_mut(index) {
            for action in &access.actions {
                if seen.insert((index, action.as_str())) {
                    actions.push(action);
                }
            }
        }
    }
    merged
}

type Resource<'a> = (&'a str, &'a str);

#[derive(Default)]
struct Merged<'a> {
    resources: Vec<(Resource<'a>, Vec<&'a str>)>,
    places: BTreeMap<Resource<'a>, usize>,
}

impl<'a> Merged<'a> {
    fn actions(&self, resource: Resource<'_>) -> Option<&[&'a str]> {
        let index = self.places.get(&resource)?;
        self.resources.get(*index).map(|(_, actions)| actions.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use portcullis_types::json::parse;

    use super::*;

    #[test]
    fn claims_are_read_strictly() {
        let read = |text: &str| Access::from_claim(&parse(text.as_bytes()).unwrap());
        let one = read(r#"[{"type":"repository","name":"a","actions":["pull"],"more":1}]"#).unwrap();
        assert_eq!(one, [Access::repository("a", &["pull"])]);
        for text in [
            "null",
            "{}",
            "[1]",
            r#"[{"name":"a","actions":[]}]"#,
            r#"[{"type":1,"name":"a","actions":[]}]"#,
            r#"[{"type":"repository","actions":[]}]"#,
            r#"[{"type":"repository","name":"a"}]"#,
            r#"[{"type":"repository","name":"a","actions":"pull"}]"#,
            r#"[{"type":"repository","name":"a","actions":[1]}]"#,
            r#"[{"type":"repository","name":"a","actions":[],"class":1}]"#,
        ] {
            assert_eq!(read(text).unwrap_err().code(), "oci.access_type", "{text}");
        }
        let repeated = r#"[{"type":"repository","name":"a","name":"b","actions":[]}]"#;
        assert_eq!(read(repeated).unwrap_err().code(), "json.duplicate_name");
    }

    #[test]
    fn lists_are_bounded_at_both_sides() {
        let list = |n: usize| alloc::vec![Access::repository("a", &["pull"]); n];
        assert!(all_bounded(&list(MAX_ACCESS)).is_ok());
        assert_eq!(all_bounded(&list(MAX_ACCESS + 1)).unwrap_err().code(), "oci.access_too_many");
        let actions = |n: usize| [Access::repository("a", &alloc::vec!["pull"; n])];
        assert!(all_bounded(&actions(MAX_ACTIONS)).is_ok());
        assert_eq!(all_bounded(&actions(MAX_ACTIONS + 1)).unwrap_err().code(), "oci.access_too_many");
    }

    #[test]
    fn entries_of_one_resource_merge() {
        let list = [
            Access::repository("a", &["pull"]),
            Access::repository("b", &["pull"]),
            Access { class: Some("plugin".to_string()), ..Access::repository("a", &["push", "pull"]) },
        ];
        let merged = merged(&list);
        assert_eq!(merged.actions(("repository", "a")), Some(["pull", "push"].as_slice()));
        assert_eq!(merged.actions(("registry", "a")), None);
        assert_eq!(merged.resources.len(), 2);
    }
}
