//! Component identifiers: what a signature covers (RFC 9421 section 2).

use alloc::{borrow::ToOwned, format, string::String};
use core::fmt;

use portcullis_types::{Rejection, limits::excerpt};
use sfv::BareItem;

use crate::{Message, SignatureCode, structured::Item};

/// The derived components (RFC 9421 section 2.2), without `@signature-params`, which is never covered.
const DERIVED: &[&str] = &[
    "@authority",
    "@method",
    "@path",
    "@query",
    "@query-param",
    "@request-target",
    "@scheme",
    "@status",
    "@target-uri",
];

/// A component identifier: a name, and parameters that say how its value is taken. Always one that is understood, and
/// whose parameters apply to it; whether the message has such a component is another question.
///
/// Two are equal if their names and parameters are, in whatever order the parameters stand (section 2).
///
/// ```
/// use portcullis_signature::Component;
/// let quoted = Component::parse("\"content-digest\";req").unwrap();
/// assert_eq!((quoted.name(), quoted.is_request()), ("content-digest", true));
/// assert_eq!(quoted, Component::parse("content-digest;req").unwrap());
/// assert_eq!(quoted.to_string(), "\"content-digest\";req");
/// assert_eq!(Component::parse("Content-Digest").unwrap_err().code(), "signature.component_upper_case");
/// assert_eq!(Component::parse("@pathx").unwrap_err().code(), "signature.component_unknown");
/// ```
#[derive(Debug, Clone)]
pub struct Component {
    /// As it stands in the base: the parameters in the order received.
    text: String,
    name: String,
    pub(crate) parameters: ComponentParameters,
}

/// The parameters of a component (sections 2.1 to 2.4).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ComponentParameters {
    pub(crate) sf: bool,
    pub(crate) bs: bool,
    pub(crate) req: bool,
    pub(crate) tr: bool,
    pub(crate) key: Option<String>,
    pub(crate) name: Option<String>,
}

impl Component {
    /// Reads one: as it stands in a base, `"content-digest";req`, or without the quotes of the name, `content-digest;req`.
    ///
    /// Errors: `signature.component_*`.
    pub fn parse(text: &str) -> Result<Self, Rejection> {
        let item = if text.trim_start().starts_with('"') {
            Item::parse(text.as_bytes())
        } else {
            let (name, parameters) = text.split_at(text.find(';').unwrap_or(text.len()));
            // A quote in the name would end the string early.
            if name.contains(['"', '\\']) {
                return Err(bad_name(name));
            }
            Item::parse(format!("\"{name}\"{parameters}").as_bytes())
        };
        let item = item.map_err(|error| {
            Rejection::new(SignatureCode::ComponentSyntax, format!("{} is no identifier: {error}", excerpt(text)))
        })?;
        Self::from_item(&item)
    }

    /// One of a list of covered components.
    pub(crate) fn from_item(item: &Item) -> Result<Self, Rejection> {
        let BareItem::String(name) = &item.value else {
            return Err(Rejection::new(SignatureCode::ComponentSyntax, "a covered component is not a string"));
        };
        let name = name.as_str();
        let parameters = parameters(name, item)?;
        match name.strip_prefix('@') {
            Some(_) => check_derived(name, &parameters)?,
            None => check_field(name, &parameters)?,
        }
        Ok(Self { text: item.serialize(), name: name.to_owned(), parameters })
    }

    /// The name: a field's in lower case, or a derived component's, which begins with `@`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is a derived component and not a field.
    pub fn is_derived(&self) -> bool {
        self.name.starts_with('@')
    }

    /// Whether it is taken from the request that a response answers: `req` (section 2.4).
    pub fn is_request(&self) -> bool {
        self.parameters.req
    }

    /// Whether it is taken from the trailers: `tr` (section 2.1.4).
    pub fn is_trailer(&self) -> bool {
        self.parameters.tr
    }

    /// Whether it is a field or derived component of a name as a whole and as it stands: with no parameter but `req`, and
    /// with that one only if it is asked for.
    pub fn is_whole(&self, name: &str, req: bool) -> bool {
        self.name == name && self.parameters == ComponentParameters { req, ..ComponentParameters::default() }
    }

    /// Whether a message of that kind can have it: `req` is for responses (section 2.4), `@status` is one's of a response, and
    /// every other derived component a request's (section 2.2).
    ///
    /// Errors: `signature.request_in_request`, `signature.component_target`.
    pub(crate) fn applies_to(&self, message: &Message<'_>) -> Result<(), Rejection> {
        let of_response = match (message, self.is_request()) {
            (Message::Request(_), true) => {
                return Err(Rejection::new(
                    SignatureCode::RequestInRequest,
                    "req is for signatures of responses, and this is a request",
                ));
            }
            (Message::Request(_), false) | (Message::Response(_), true) => false,
            (Message::Response(_), false) => true,
        };
        if self.is_derived() && (self.name == "@status") != of_response {
            let which = if of_response { "a response" } else { "a request" };
            return Err(Rejection::new(SignatureCode::ComponentTarget, format!("{which} has no {}", self.name)));
        }
        Ok(())
    }

    /// The identifier without the quotes of its name: the form for people, `content-digest;req`.
    pub fn unquoted(&self) -> String {
        // Names need no escapes.
        self.text.replacen('"', "", 2)
    }
}

impl PartialEq for Component {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.parameters == other.parameters
    }
}

impl Eq for Component {}

impl fmt::Display for Component {
    /// As it stands in the base (section 2.5).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Section 2.5 step 2.4: every parameter is understood; a flag is one that is set, for an unset one would mean what its
/// absence means.
fn parameters(name: &str, item: &Item) -> Result<ComponentParameters, Rejection> {
    if let Some(repeated) = &item.parameters.repeated {
        return Err(Rejection::new(
            SignatureCode::ComponentParameterRepeated,
            format!("{} has {} twice", excerpt(name), excerpt(repeated.as_str())),
        ));
    }
    let mut parameters = ComponentParameters::default();
    for (key, value) in &item.parameters.entries {
        let flag = matches!(value, BareItem::Boolean(true)).then_some(true);
        let text = value.as_string().map(|text| text.as_str().to_owned());
        let set = match key.as_str() {
            "sf" => flag.map(|flag| parameters.sf = flag),
            "bs" => flag.map(|flag| parameters.bs = flag),
            "req" => flag.map(|flag| parameters.req = flag),
            "tr" => flag.map(|flag| parameters.tr = flag),
            "key" => text.map(|text| parameters.key = Some(text)),
            "name" => text.map(|text| parameters.name = Some(text)),
            other => {
                return Err(Rejection::new(
                    SignatureCode::ComponentParameterUnknown,
                    format!("{} has a parameter {}", excerpt(name), excerpt(other)),
                ));
            }
        };
        if set.is_none() {
            return Err(Rejection::new(
                SignatureCode::ComponentParameterType,
                format!("the parameter {key} of {} has the wrong type", excerpt(name)),
            ));
        }
    }
    Ok(parameters)
}

/// Section 2.2: the derived component is known, and its parameters apply.
fn check_derived(name: &str, parameters: &ComponentParameters) -> Result<(), Rejection> {
    if name == "@signature-params" {
        return Err(Rejection::new(
            SignatureCode::ComponentSignatureParams,
            "@signature-params is always signed, and never listed",
        ));
    }
    if !DERIVED.contains(&name) {
        let code = if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            SignatureCode::ComponentUpperCase
        } else {
            SignatureCode::ComponentUnknown
        };
        return Err(Rejection::new(code, format!("there is no derived component {}", excerpt(name))));
    }
    if parameters.sf || parameters.bs || parameters.tr || parameters.key.is_some() {
        return Err(Rejection::new(
            SignatureCode::ComponentParameterMisplaced,
            format!("{name} has a parameter that is for fields"),
        ));
    }
    match (&parameters.name, name == "@query-param") {
        (None, true) => {
            Err(Rejection::new(SignatureCode::ComponentParameterMisplaced, "@query-param has no parameter name"))
        }
        (Some(_), false) => {
            Err(Rejection::new(SignatureCode::ComponentParameterMisplaced, format!("{name} has a parameter name")))
        }
        _ => Ok(()),
    }
}

/// Section 2.1: the name is a field's in lower case, and its parameters apply and agree.
fn check_field(name: &str, parameters: &ComponentParameters) -> Result<(), Rejection> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(Rejection::new(
            SignatureCode::ComponentUpperCase,
            format!("the component {} is not in lower case", excerpt(name)),
        ));
    }
    if name.is_empty() || !name.bytes().all(is_token_character) {
        return Err(bad_name(name));
    }
    if parameters.name.is_some() {
        return Err(Rejection::new(
            SignatureCode::ComponentParameterMisplaced,
            format!("the field {name} has a parameter name"),
        ));
    }
    if parameters.bs && (parameters.sf || parameters.key.is_some()) {
        return Err(Rejection::new(
            SignatureCode::ComponentParametersConflict,
            format!("the field {name} has bs beside sf or key"),
        ));
    }
    Ok(())
}

fn bad_name(name: &str) -> Rejection {
    Rejection::new(SignatureCode::ComponentName, format!("{} is no field name", excerpt(name)))
}

/// RFC 9110 section 5.6.2, `tchar`.
pub(crate) fn is_token_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
