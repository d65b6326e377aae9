//! Structured fields as a tree, read by [`sfv`]'s parser and written by its serializers.
//!
//! The crate's own tree keeps its members in a hash map with random keys, which components do without, and drops
//! repetitions silently, which signatures may not have.

use alloc::{borrow::ToOwned, collections::BTreeMap, string::String, vec::Vec};
use core::convert::Infallible;

use sfv::{
    BareItem, BareItemFromInput, DictSerializer, Error, ItemSerializer, Key, KeyRef, ListSerializer, Parser, visitor,
};

/// Parameters in their order. Of a repeated one the last value counts, at the first one's place (RFC 9651 section
/// 4.2.3.2).
#[derive(Debug, Clone, Default)]
pub(crate) struct Parameters {
    pub(crate) entries: Vec<(Key, BareItem)>,
    /// The first that occurs twice.
    pub(crate) repeated: Option<Key>,
}

/// An item with its parameters.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) value: BareItem,
    pub(crate) parameters: Parameters,
}

/// An inner list with its parameters.
#[derive(Debug, Clone, Default)]
pub(crate) struct InnerList {
    pub(crate) items: Vec<Item>,
    pub(crate) parameters: Parameters,
}

/// A member of a List or Dictionary.
#[derive(Debug, Clone)]
pub(crate) enum Member {
    Item(Item),
    InnerList(InnerList),
}

/// A Dictionary. Of a repeated key the last member counts, at the first one's place (RFC 9651 section 4.2.2).
#[derive(Debug, Default)]
pub(crate) struct Dictionary {
    pub(crate) entries: Vec<(Key, Member)>,
    /// The first key that occurs twice.
    pub(crate) repeated: Option<Key>,
}

impl Parameters {
    pub(crate) fn get(&self, name: &str) -> Option<&BareItem> {
        self.entries.iter().find(|(key, _)| key.as_str() == name).map(|(_, value)| value)
    }
}

impl Dictionary {
    /// Reads a Dictionary (RFC 9651 section 4.2.2).
    pub(crate) fn parse(value: &[u8]) -> Result<Self, Error> {
        let read = Parser::new(value).parse_dictionary_with_visitor(DictionaryReader::default())?;
        let (entries, repeated) = last_of_each(read);
        Ok(Self { entries, repeated })
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Member> {
        self.entries.iter().find(|(key, _)| key.as_str() == name).map(|(_, member)| member)
    }

    /// Its strict serialization (RFC 9651 section 4.1.2); an empty one is the empty text.
    pub(crate) fn serialize(&self) -> String {
        let mut serializer = DictSerializer::new();
        for (key, member) in &self.entries {
            match member {
                Member::Item(item) => {
                    serializer.bare_item(key, &item.value).parameters(pairs(&item.parameters));
                }
                Member::InnerList(list) => {
                    let mut inner = serializer.inner_list(key);
                    for item in &list.items {
                        inner.bare_item(&item.value).parameters(pairs(&item.parameters));
                    }
                    inner.finish().parameters(pairs(&list.parameters));
                }
            }
        }
        serializer.finish().unwrap_or_default()
    }
}

/// Reads a List (RFC 9651 section 4.2.1).
pub(crate) fn parse_list(value: &[u8]) -> Result<Vec<Member>, Error> {
    Parser::new(value).parse_list_with_visitor(ListReader(Vec::new()))
}

/// The strict serialization of a List (RFC 9651 section 4.1.1); an empty one is the empty text.
pub(crate) fn serialize_list(members: &[Member]) -> String {
    let mut serializer = ListSerializer::new();
    for member in members {
        match member {
            Member::Item(item) => {
                serializer.bare_item(&item.value).parameters(pairs(&item.parameters));
            }
            Member::InnerList(list) => {
                let mut inner = serializer.inner_list();
                for item in &list.items {
                    inner.bare_item(&item.value).parameters(pairs(&item.parameters));
                }
                inner.finish().parameters(pairs(&list.parameters));
            }
        }
    }
    serializer.finish().unwrap_or_default()
}

impl Item {
    /// Reads an Item (RFC 9651 section 4.2.3).
    pub(crate) fn parse(value: &[u8]) -> Result<Self, Error> {
        Parser::new(value).parse_item_with_visitor(item_reader(|item| item))
    }

    /// Its strict serialization (RFC 9651 section 4.1.3).
    pub(crate) fn serialize(&self) -> String {
        ItemSerializer::new().bare_item(&self.value).parameters(pairs(&self.parameters)).finish()
    }
}

impl InnerList {
    /// Its strict serialization (RFC 9651 section 4.1.1.1).
    pub(crate) fn serialize(&self) -> String {
        serialize_list(&[Member::InnerList(self.clone())])
    }
}

fn pairs(parameters: &Parameters) -> impl Iterator<Item = (&Key, &BareItem)> {
    parameters.entries.iter().map(|(key, value)| (key, value))
}

/// Of each key its last value at its first place, and the first key that occurs twice.
fn last_of_each<V>(read: Vec<(Key, V)>) -> (Vec<(Key, V)>, Option<Key>) {
    let mut places: BTreeMap<Key, usize> = BTreeMap::new();
    let mut kept: Vec<(Key, V)> = Vec::with_capacity(read.len());
    let mut repeated = None;
    for (key, value) in read {
        match places.get(&key).and_then(|at| kept.get_mut(*at)) {
            Some(place) => {
                place.1 = value;
                repeated = repeated.or(Some(key));
            }
            None => {
                places.insert(key.clone(), kept.len());
                kept.push((key, value));
            }
        }
    }
    (kept, repeated)
}

/// What hears the parser of a Dictionary.
#[derive(Default)]
struct DictionaryReader(Vec<(Key, Member)>);

/// What hears the parser of a List.
struct ListReader(Vec<Member>);

/// What hears the parser of a member, and hands it on when it is whole.
struct MemberReader<F>(F);

/// What hears the parser of an inner list.
struct InnerListReader<F> {
    items: Vec<Item>,
    done: F,
}

/// What hears the parser of parameters.
#[derive(Default)]
struct ParametersReader(Vec<(Key, BareItem)>);

impl<'de> visitor::ParameterVisitor<'de> for ParametersReader {
    type Out = Parameters;
    type Error = Infallible;

    fn parameter(&mut self, key: &'de KeyRef, value: BareItemFromInput<'de>) -> Result<(), Infallible> {
        self.0.push((key.to_owned(), value.into()));
        Ok(())
    }

    fn finish(self) -> Result<Parameters, Infallible> {
        if self.0.len() < 2 {
            return Ok(Parameters { entries: self.0, repeated: None });
        }
        let (entries, repeated) = last_of_each(self.0);
        Ok(Parameters { entries, repeated })
    }
}

/// Hears the parser of an item, and hands it on when it is whole.
fn item_reader<'de, T>(done: impl FnOnce(Item) -> T) -> impl visitor::ItemVisitor<'de, Out = T> {
    move |value: BareItemFromInput<'de>| {
        Ok::<_, Infallible>(visitor::parameter_visitor_with(ParametersReader::default(), move |parameters| {
            Ok(done(Item { value: value.into(), parameters }))
        }))
    }
}

impl<'de, F: FnOnce(Member)> visitor::EntryVisitor<'de> for MemberReader<F> {
    type Error = Infallible;

    fn item(self) -> Result<impl visitor::ItemVisitor<'de>, Infallible> {
        Ok(item_reader(|item| (self.0)(Member::Item(item))))
    }

    fn inner_list(self) -> Result<impl visitor::InnerListVisitor<'de>, Infallible> {
        Ok(InnerListReader { items: Vec::new(), done: self.0 })
    }
}

impl<'de, F: FnOnce(Member)> visitor::InnerListVisitor<'de> for InnerListReader<F> {
    type Error = Infallible;

    fn item(&mut self) -> Result<impl visitor::ItemVisitor<'de>, Infallible> {
        Ok(item_reader(|item| self.items.push(item)))
    }

    fn finish(self) -> Result<impl visitor::ParameterVisitor<'de>, Infallible> {
        Ok(visitor::parameter_visitor_with(ParametersReader::default(), |parameters| {
            (self.done)(Member::InnerList(InnerList { items: self.items, parameters }));
            Ok(())
        }))
    }
}

impl<'de> visitor::DictionaryVisitor<'de> for DictionaryReader {
    type Out = Vec<(Key, Member)>;
    type Error = Infallible;

    fn entry(&mut self, key: &'de KeyRef) -> Result<impl visitor::EntryVisitor<'de>, Infallible> {
        Ok(MemberReader(move |member| self.0.push((key.to_owned(), member))))
    }

    fn finish(self) -> Result<Self::Out, Infallible> {
        Ok(self.0)
    }
}

impl<'de> visitor::ListVisitor<'de> for ListReader {
    type Out = Vec<Member>;
    type Error = Infallible;

    fn entry(&mut self) -> Result<impl visitor::EntryVisitor<'de>, Infallible> {
        Ok(MemberReader(|member| self.0.push(member)))
    }

    fn finish(self) -> Result<Self::Out, Infallible> {
        Ok(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_strictly() {
        let read = |text: &str| Dictionary::parse(text.as_bytes()).unwrap().serialize();
        assert_eq!(read("a=1,    b=2;x=1;y=2,   c=(a   b   c)"), "a=1, b=2;x=1;y=2, c=(a b c)");
        assert_eq!(read("a=?1;b=?0,\tc=();q=1.50"), "a;b=?0, c=();q=1.5");
        assert_eq!(read(""), "");
        let list = |text: &str| serialize_list(&parse_list(text.as_bytes()).unwrap());
        assert_eq!(list("a,  (\"b\"  :AQI=:;c);d=@7"), "a, (\"b\" :AQI=:;c);d=@7");
        assert_eq!(list(""), "");
        assert_eq!(Item::parse(b" \"a\\\"b\"; c; d=e ").unwrap().serialize(), "\"a\\\"b\";c;d=e");
    }

    #[test]
    fn of_what_is_repeated_the_last_counts_at_the_first_place() {
        let read = Dictionary::parse(b"a=1, b=2, a=(3)").unwrap();
        assert_eq!(read.serialize(), "a=(3), b=2");
        assert_eq!(read.repeated.unwrap().as_str(), "a");
        let item = Item::parse(b"x;a=1;b=2;a=3").unwrap();
        assert_eq!(item.serialize(), "x;a=3;b=2");
        assert_eq!(item.parameters.repeated.unwrap().as_str(), "a");
        assert!(Dictionary::parse(b"a=1, b=2").unwrap().repeated.is_none());
    }

    #[test]
    fn what_is_no_structured_field_is_refused() {
        for text in ["a=", "a=1,", "A=1", "a=(1", "a=\"\u{7f}\"", "a=1 b", "a=:*:", "a=\u{e4}"] {
            assert!(Dictionary::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
