//! Reading files of tests: what is wrong is told with its line and a remedy, and nothing is passed over.

use std::fmt;
use std::marker::PhantomData;

use anyhow::anyhow;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// Reads TOML.
pub(crate) fn toml<T: DeserializeOwned>(text: &str) -> anyhow::Result<T> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let place = before.map(|before| {
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            (before.matches('\n').count() + 1, column)
        });
        located(place, error.message())
    })
}

/// Reads JSON.
pub(crate) fn json<T: DeserializeOwned>(text: &str) -> anyhow::Result<T> {
    serde_json::from_str(text).map_err(|error| {
        let place = (error.line(), error.column());
        let message = error.to_string();
        let message = message.strip_suffix(&format!(" at line {} column {}", place.0, place.1)).unwrap_or(&message);
        located((place.0 > 0).then_some(place), message)
    })
}

fn located(place: Option<(usize, usize)>, message: &str) -> anyhow::Error {
    let told = told(message.trim());
    match place {
        Some((line, column)) => anyhow!("line {line}, column {column}: {told}"),
        None => anyhow!(told),
    }
}

/// What serde says of a mistake, in the words of this program and with a remedy.
fn told(message: &str) -> String {
    let one_line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut quoted = one_line.split('`').skip(1).step_by(2);
    let name = quoted.next().unwrap_or_default();
    let known: Vec<&str> = quoted.collect();
    let list = || known.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    if one_line.starts_with("unknown field ") {
        return match nearest(name, &known) {
            Some(meant) => format!("there is no member \"{name}\" here; did you mean \"{meant}\"?"),
            None => format!("there is no member \"{name}\" here; take it out, or write one of {}", list()),
        };
    }
    if one_line.starts_with("unknown variant ") {
        return format!("\"{name}\" is not known here; write one of {}", list());
    }
    if one_line.starts_with("missing field ") {
        return format!("the member \"{name}\" is missing; add it");
    }
    if one_line.starts_with("duplicate field ") {
        return format!("the member \"{name}\" is there twice; remove one of the two");
    }
    format!("{one_line}; `portcullis policy test --help` has an example")
}

/// The name that was meant, if one is near.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let (distance, meant) = known.iter().map(|one| (distance(name, one), *one)).min()?;
    (distance <= 2 && distance < name.chars().count()).then_some(meant)
}

/// How many characters have to be put in, taken out or changed to make one of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, c) in one.chars().enumerate() {
        let mut next = vec![line + 1];
        for ((d, above), [left_above, _]) in other.iter().zip(row.iter().skip(1)).zip(row.array_windows()) {
            let left = next.last().copied().unwrap_or_default();
            next.push((left_above + usize::from(c != *d)).min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// A word, or whether something is so.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "this is neither a text nor true or false")]
pub(crate) enum Word {
    Is(bool),
    Text(String),
}

/// The members of an object in their order, each name once.
#[derive(Debug)]
pub(crate) struct Pairs<V>(pub(crate) Vec<(String, V)>);

impl<V> Default for Pairs<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Pairs<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Members<V> {
            type Value = Pairs<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
                unique(members).map(Pairs)
            }
        }
        deserializer.deserialize_map(Members(PhantomData))
    }
}

/// Header fields: an object, or a list of `[name, value]` with repeats.
#[derive(Debug, Default)]
pub(crate) struct Fields(pub(crate) Vec<(String, String)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Headers;
        impl<'de> Visitor<'de> for Headers {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("headers: an object, or a list of [name, value]")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Fields, A::Error> {
                unique(members).map(Fields)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = items.next_element()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_any(Headers)
    }
}

fn unique<'de, V: Deserialize<'de>, A: MapAccess<'de>>(mut members: A) -> Result<Vec<(String, V)>, A::Error> {
    let mut pairs: Vec<(String, V)> = Vec::new();
    while let Some(name) = members.next_key::<String>()? {
        if pairs.iter().any(|(other, _)| *other == name) {
            return Err(A::Error::custom(format!("duplicate field `{name}`")));
        }
        pairs.push((name, members.next_value()?));
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Sample {
        name: String,
        #[serde(default)]
        headers: Fields,
        #[serde(default)]
        claims: Pairs<i64>,
        word: Option<Word>,
    }

    #[test]
    fn a_mistake_has_its_line_and_a_remedy() {
        for (text, expected) in [
            ("name = \"a\"\n\n nmae = 1", "line 3, column 2: there is no member \"nmae\" here; did you mean \"name\"?"),
            (
                "name = \"a\"\nbogus = 1",
                "line 2, column 1: there is no member \"bogus\" here; take it out, or write one of \"name\", \
                 \"headers\", \"claims\", \"word\"",
            ),
            ("headers = {}", "line 1, column 1: the member \"name\" is missing; add it"),
        ] {
            let error = toml::<Sample>(text).map(drop).expect_err(text);
            assert_eq!(error.to_string(), expected);
        }
        for text in
            ["name = ", "name = 7", "name = \"a\"\nheaders = 7", "name = \"a\"\nword = 7", "name = \"ä\"\n\u{1b}"]
        {
            let told = toml::<Sample>(text).map(drop).expect_err(text).to_string();
            assert!(told.starts_with("line ") && told.contains("--help") && !told.contains('\n'), "{text}: {told}");
        }
    }

    #[test]
    fn nothing_is_there_twice() {
        for (text, name) in [
            (r#"{"name":"a","name":"b"}"#, "name"),
            (r#"{"name":"a","claims":{"x":1,"x":2}}"#, "x"),
            (r#"{"name":"a","headers":{"A":"1","A":"2"}}"#, "A"),
        ] {
            let told = json::<Sample>(text).map(drop).expect_err(text).to_string();
            assert!(told.contains(&format!("the member \"{name}\" is there twice")), "{told}");
            assert!(told.starts_with("line 1, column ") && !told.contains("at line"), "{told}");
        }
        let repeated = json::<Sample>(r#"{"name":"a","headers":[["A","1"],["A","2"]]}"#).map(|sample| sample.headers.0);
        assert_eq!(repeated.unwrap_or_default().len(), 2);
    }

    #[test]
    fn distances_are_small_where_names_are_near() {
        for (one, other, expected) in [("", "ab", 2), ("url", "urll", 1), ("expects", "expect", 1), ("abc", "xyz", 3)] {
            assert_eq!(distance(one, other), expected, "{one} {other}");
            assert_eq!(distance(other, one), expected, "{other} {one}");
        }
        assert_eq!(nearest("at", &["policy", "tests"]), None);
    }
}
