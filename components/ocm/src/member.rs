//! Members of a peer's JSON, each with the code of its own document. Members that no rule knows are passed over.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use portcullis_types::{
    Rejection, RuleCode,
    json::{Object, Value},
};

use crate::{Address, Host};

/// An object that is read member by member.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'o, C> {
    object: &'o Object,
    /// Where it stands, for details.
    place: &'static str,
    missing: C,
    wrong: C,
}

impl<'o, C: RuleCode> Reader<'o, C> {
    pub(crate) fn new(place: &'static str, object: &'o Object, missing: C, wrong: C) -> Self {
        Self { object, place, missing, wrong }
    }

    /// An object inside of this one.
    pub(crate) fn inner(&self, place: &'static str, object: &'o Object) -> Self {
        Self { place, object, ..*self }
    }

    pub(crate) fn optional(&self, name: &str) -> Result<Option<&'o Value>, Rejection> {
        self.object.get(name)
    }

    fn required<T>(&self, name: &str, found: Option<T>) -> Result<T, Rejection> {
        found.ok_or_else(|| Rejection::new(self.missing, format!("{} has no {name}", self.place)))
    }

    pub(crate) fn wrong_type(&self, name: &str, value: &Value, wanted: &str) -> Rejection {
        Rejection::new(self.wrong, format!("{name} of {} is {}, not {wanted}", self.place, value.kind()))
    }

    pub(crate) fn optional_text(&self, name: &str) -> Result<Option<&'o str>, Rejection> {
        match self.optional(name)? {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong_type(name, other, "a text")),
        }
    }

    /// A text that is not empty.
    pub(crate) fn text(&self, name: &str) -> Result<&'o str, Rejection> {
        let found = self.optional_text(name)?;
        match self.required(name, found)? {
            "" => Err(Rejection::new(self.wrong, format!("{name} of {} is empty", self.place))),
            text => Ok(text),
        }
    }

    pub(crate) fn address(&self, name: &str) -> Result<Address, Rejection> {
        Address::parse(self.text(name)?).map_err(|refused| refused.within(name))
    }

    pub(crate) fn host(&self, name: &str) -> Result<Host, Rejection> {
        Host::parse(self.text(name)?).map_err(|refused| refused.within(name))
    }

    pub(crate) fn flag(&self, name: &str) -> Result<bool, Rejection> {
        let found = self.optional(name)?;
        match self.required(name, found)? {
            Value::Bool(flag) => Ok(*flag),
            other => Err(self.wrong_type(name, other, "true or false")),
        }
    }

    pub(crate) fn optional_object(&self, name: &str) -> Result<Option<&'o Object>, Rejection> {
        match self.optional(name)? {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object.checked()?)),
            Some(other) => Err(self.wrong_type(name, other, "an object")),
        }
    }

    pub(crate) fn object(&self, name: &str) -> Result<&'o Object, Rejection> {
        let found = self.optional_object(name)?;
        self.required(name, found)
    }

    pub(crate) fn list(&self, name: &str) -> Result<&'o [Value], Rejection> {
        let found = self.optional(name)?;
        match self.required(name, found)? {
            Value::Array(items) => Ok(items),
            other => Err(self.wrong_type(name, other, "a list")),
        }
    }

    pub(crate) fn optional_texts(&self, name: &str) -> Result<Option<Vec<String>>, Rejection> {
        let Some(value) = self.optional(name)? else { return Ok(None) };
        let wrong = |value| self.wrong_type(name, value, "a list of texts");
        let items = value.as_array().ok_or_else(|| wrong(value))?;
        let text = |item: &'o Value| item.as_str().map(ToOwned::to_owned).ok_or_else(|| wrong(item));
        items.iter().map(text).collect::<Result<_, _>>().map(Some)
    }

    pub(crate) fn texts(&self, name: &str) -> Result<Vec<String>, Rejection> {
        let found = self.optional_texts(name)?;
        self.required(name, found)
    }
}
