//! Strict reading of a request's members.

use alloc::{format, string::String, vec::Vec};

use portcullis_crypto::Algorithm;
use portcullis_types::{
    Rejection, Timestamp, base64url,
    json::{Object, Value},
    limits::excerpt,
    time::timestamp_from_json,
};

use crate::RequestCode;

/// The members of an object that have not been read yet. [`Members::finish`] refuses what is left.
pub(crate) struct Members<'a> {
    place: &'static str,
    left: Vec<(&'a str, &'a Value)>,
}

pub(crate) fn malformed(what: impl Into<String>) -> Rejection {
    Rejection::new(RequestCode::Malformed, what)
}

impl<'a> Members<'a> {
    /// The members of an object; `place` says where it stands, for details.
    pub(crate) fn new(place: &'static str, object: &'a Object) -> Self {
        Self { place, left: object.members().collect() }
    }

    /// A member, if it is there.
    pub(crate) fn take(&mut self, name: &str) -> Option<&'a Value> {
        let at = self.left.iter().position(|(n, _)| *n == name)?;
        Some(self.left.swap_remove(at).1)
    }

    /// A member of any type.
    pub(crate) fn value(&mut self, name: &str) -> Result<&'a Value, Rejection> {
        let found = self.take(name);
        self.required(name, found)
    }

    fn required<T>(&self, name: &str, found: Option<T>) -> Result<T, Rejection> {
        found.ok_or_else(|| malformed(format!("{} has no member \"{name}\"", self.place)))
    }

    fn wrong(&self, name: &str, value: &Value, wanted: &str) -> Rejection {
        malformed(format!("the member \"{name}\" of {} is {}, not {wanted}", self.place, value.kind()))
    }

    /// A text, if it is there.
    pub(crate) fn optional_text(&mut self, name: &str) -> Result<Option<&'a str>, Rejection> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong(name, other, "a text")),
        }
    }

    /// A text.
    pub(crate) fn text(&mut self, name: &str) -> Result<&'a str, Rejection> {
        let found = self.optional_text(name)?;
        self.required(name, found)
    }

    /// Bytes in base64url, if they are there.
    pub(crate) fn optional_bytes(&mut self, name: &str) -> Result<Option<Vec<u8>>, Rejection> {
        let decode = |text: &str| {
            base64url::decode(text.as_bytes()).map_err(|rejection| {
                malformed(format!("the member \"{name}\" is not base64url: {}", rejection.detail()))
            })
        };
        self.optional_text(name)?.map(decode).transpose()
    }

    /// Bytes in base64url.
    pub(crate) fn bytes(&mut self, name: &str) -> Result<Vec<u8>, Rejection> {
        let found = self.optional_bytes(name)?;
        self.required(name, found)
    }

    /// An object, if it is there.
    pub(crate) fn optional_object(&mut self, name: &str) -> Result<Option<&'a Object>, Rejection> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(other) => Err(self.wrong(name, other, "an object")),
        }
    }

    /// An object.
    pub(crate) fn object(&mut self, name: &str) -> Result<&'a Object, Rejection> {
        let found = self.optional_object(name)?;
        self.required(name, found)
    }

    /// A list of texts, if it is there.
    pub(crate) fn optional_texts(&mut self, name: &str) -> Result<Option<Vec<String>>, Rejection> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| match item {
                    Value::String(text) => Ok(text.clone()),
                    other => Err(self.wrong(name, other, "a list of texts")),
                })
                .collect::<Result<_, _>>()
                .map(Some),
            Some(other) => Err(self.wrong(name, other, "a list of texts")),
        }
    }

    /// Header fields: a list of `[name, value]` in the order received, repeats included.
    pub(crate) fn headers(&mut self, name: &str) -> Result<Vec<(&'a str, &'a str)>, Rejection> {
        let found = self.optional_headers(name)?;
        self.required(name, found)
    }

    /// Header fields, if they are there.
    pub(crate) fn optional_headers(&mut self, name: &str) -> Result<Option<Vec<(&'a str, &'a str)>>, Rejection> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let wrong = |value| self.wrong(name, value, "a list of [name, value]");
        let fields = value.as_array().ok_or_else(|| wrong(value))?;
        let field = |field: &'a Value| match field.as_array() {
            Some([Value::String(name), Value::String(value)]) => Ok((name.as_str(), value.as_str())),
            _ => Err(wrong(field)),
        };
        fields.iter().map(field).collect::<Result<_, _>>().map(Some)
    }

    /// A whole number from 0 to 2^53 − 1, if it is there: a time or a number of seconds.
    pub(crate) fn optional_integer(&mut self, name: &str) -> Result<Option<Timestamp>, Rejection> {
        match self.take(name) {
            None => Ok(None),
            Some(value) => match timestamp_from_json(value) {
                Some(number) => Ok(Some(number)),
                None => Err(self.wrong(name, value, "a whole number from 0 to 2^53-1")),
            },
        }
    }

    /// A whole number from 0 to 2^53 − 1.
    pub(crate) fn integer(&mut self, name: &str) -> Result<Timestamp, Rejection> {
        let found = self.optional_integer(name)?;
        self.required(name, found)
    }

    /// True or false; false where it is left out.
    pub(crate) fn optional_flag(&mut self, name: &str) -> Result<bool, Rejection> {
        match self.take(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => Err(self.wrong(name, other, "true or false")),
        }
    }

    /// A list of algorithm names, if it is there. A name that is no algorithm here can accept nothing, so it is passed
    /// over: a list of nothing else accepts nothing.
    pub(crate) fn optional_algorithms(&mut self, name: &str) -> Result<Option<Vec<Algorithm>>, Rejection> {
        let names = self.optional_texts(name)?;
        Ok(names.map(|names| names.iter().filter_map(|name| Algorithm::from_name(name)).collect()))
    }

    /// Refuses members that nobody read.
    pub(crate) fn finish(self) -> Result<(), Rejection> {
        self.none_left()
    }

    /// The same, for who lends the members.
    pub(crate) fn none_left(&self) -> Result<(), Rejection> {
        match self.left.first() {
            None => Ok(()),
            Some((name, _)) => Err(malformed(format!("{} has an unknown member {}", self.place, excerpt(name)))),
        }
    }
}
