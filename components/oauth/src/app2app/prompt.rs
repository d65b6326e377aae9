//! What a server asks the user, to know where to go on (section 3.5.3).

use alloc::{format, string::String, vec::Vec};

use portcullis_types::{
    Rejection, form,
    json::{Object, Value},
    limits::excerpt,
};

use super::{App2AppCode, query};

/// Most fields of a prompt: nobody fills in more to choose a bank.
pub const MAX_FIELDS: usize = 16;

/// Most values of a choice. The banks of a country are some hundred.
pub const MAX_VALUES: usize = 2048;

/// The longest name or text of a prompt, in bytes.
pub const MAX_TEXT: usize = 1024;

/// The longest logo, a URL or an image in base64, in bytes.
pub const MAX_LOGO: usize = 128 * 1024;

/// How the user's answer is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// As parameters of the URL.
    Get,
    /// As a form.
    Post,
}

impl Method {
    /// `GET` or `POST`.
    pub fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
        }
    }
}

/// A prompt. Its texts and logos are the server's: show them as text, and fetch a logo from nowhere outside the allow-list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// The interaction identifier, which goes back with the answer.
    pub id: Option<String>,
    /// The server's logo: a URL or an image in base64.
    pub logo: Option<String>,
    /// What is to be chosen.
    pub options: Vec<Choice>,
    /// What is to be entered.
    pub inputs: Vec<Input>,
    /// How the answer is sent.
    pub method: Method,
    /// Where to.
    pub url: String,
}

/// A choice of one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The parameter's name.
    pub name: String,
    /// What stands over it.
    pub title: Option<String>,
    /// What explains it.
    pub description: Option<String>,
    /// The values, in the server's order.
    pub values: Vec<Selection>,
}

/// A value of a choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// What is sent.
    pub value: String,
    /// What is shown.
    pub name: String,
    /// Its logo: a URL or an image in base64.
    pub logo: Option<String>,
}

/// A text to enter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The parameter's name.
    pub name: String,
    /// What stands over it.
    pub title: Option<String>,
    /// What stands in it while it is empty.
    pub hint: Option<String>,
    /// What explains it.
    pub description: Option<String>,
}

/// The request that answers a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Its method.
    pub method: Method,
    /// Its URL; with parameters, where it is a GET.
    pub url: String,
    /// Its body, `application/x-www-form-urlencoded`, where it is a POST.
    pub body: Option<String>,
}

impl Prompt {
    /// What to send for what the user entered: a value for each field, and the interaction identifier.
    ///
    /// Error: `app2app.reply_malformed`.
    pub fn reply(&self, entered: &[(&str, &str)]) -> Result<Reply, Rejection> {
        let refuse = |what: String| Err(Rejection::new(App2AppCode::ReplyMalformed, what));
        for (name, value) in entered {
            let input = self.inputs.iter().any(|input| input.name == *name);
            let choice = self.options.iter().find(|choice| choice.name == *name);
            if !input && choice.is_none() {
                return refuse(format!("nobody asked for {}", excerpt(name)));
            }
            if choice.is_some_and(|choice| choice.values.iter().all(|known| known.value != *value)) {
                return refuse(format!("{} has a value that was no choice", excerpt(name)));
            }
        }
        let names = self.options.iter().map(|choice| &choice.name).chain(self.inputs.iter().map(|input| &input.name));
        for name in names {
            if entered.iter().filter(|(its, _)| its == name).count() != 1 {
                return refuse(format!("{} has not one value", excerpt(name)));
            }
        }
        let id = self.id.as_deref().map(|id| ("id", id));
        let parameters: Vec<(&str, &str)> = id.into_iter().chain(entered.iter().copied()).collect();
        Ok(match self.method {
            Method::Get => {
                Reply { method: Method::Get, url: query::with_parameters(&self.url, &parameters), body: None }
            }
            Method::Post => {
                Reply { method: Method::Post, url: self.url.clone(), body: Some(form::encode(&parameters)) }
            }
        })
    }
}

/// Reads a prompt. Members that are not known are passed over.
///
/// Errors: `app2app.prompt_*`, `json.duplicate_name`.
pub(crate) fn read(body: &Object) -> Result<Prompt, Rejection> {
    let asked = object(body, "userPrompt")?.ok_or_else(|| malformed("there is no userPrompt"))?;
    let mut options = Vec::new();
    for (name, value) in fields(asked, "options")? {
        options.push(choice(name, value)?);
    }
    let mut inputs = Vec::new();
    for (name, value) in fields(asked, "inputs")? {
        inputs.push(input(name, value)?);
    }
    if options.is_empty() && inputs.is_empty() {
        return Err(malformed("there is nothing to ask"));
    }
    if options.len() + inputs.len() > MAX_FIELDS {
        return Err(too_large(&format!("more than {MAX_FIELDS} fields")));
    }
    let mut names: Vec<&String> =
        options.iter().map(|choice| &choice.name).chain(inputs.iter().map(|input| &input.name)).collect();
    names.sort_unstable();
    if names.windows(2).any(|pair| pair.first() == pair.last()) {
        return Err(malformed("two fields have one name"));
    }
    let response = object(body, "response")?.ok_or_else(|| malformed("there is no response"))?;
    let (method, url) = match (text(response, "get", super::MAX_URL)?, text(response, "post", super::MAX_URL)?) {
        (Some(url), None) => (Method::Get, url),
        (None, Some(url)) => (Method::Post, url),
        _ => return Err(malformed("response has not one of get and post")),
    };
    Ok(Prompt { id: text(body, "id", MAX_TEXT)?, logo: text(body, "logo", MAX_LOGO)?, options, inputs, method, url })
}

fn choice(name: &str, value: &Value) -> Result<Choice, Rejection> {
    let field = value.as_object().ok_or_else(|| malformed("an option is no object"))?;
    let values = object(field, "values")?.ok_or_else(|| malformed("an option has no values"))?;
    let mut read = Vec::new();
    for (value, shown) in values.checked()?.members() {
        if read.len() >= MAX_VALUES {
            return Err(too_large(&format!("more than {MAX_VALUES} values")));
        }
        check_length(value, MAX_TEXT)?;
        // The text says objects; its own example has texts too.
        let selection = match shown {
            Value::String(shown) => {
                check_length(shown, MAX_TEXT)?;
                Selection { value: value.into(), name: shown.clone(), logo: None }
            }
            Value::Object(shown) => {
                let shown_name = text(shown, "name", MAX_TEXT)?.ok_or_else(|| malformed("a value has no name"))?;
                Selection { value: value.into(), name: shown_name, logo: text(shown, "logo", MAX_LOGO)? }
            }
            _ => return Err(malformed("a value is neither an object nor a text")),
        };
        read.push(selection);
    }
    if read.is_empty() {
        return Err(malformed("an option has no values"));
    }
    Ok(Choice {
        name: field_name(name)?,
        title: text(field, "title", MAX_TEXT)?,
        description: text(field, "description", MAX_TEXT)?,
        values: read,
    })
}

fn input(name: &str, value: &Value) -> Result<Input, Rejection> {
    let field = value.as_object().ok_or_else(|| malformed("an input is no object"))?;
    if is_credential(name) {
        let what = format!("the prompt asks for {}", excerpt(name));
        return Err(Rejection::new(App2AppCode::PromptCredentials, what));
    }
    Ok(Input {
        name: field_name(name)?,
        title: text(field, "title", MAX_TEXT)?,
        hint: text(field, "hint", MAX_TEXT)?,
        description: text(field, "description", MAX_TEXT)?,
    })
}

/// Section 5.1: no server may have the client app ask for credentials. Words of the parameter's name are looked at, `card_pin` and
/// `newPassword` too; the texts beside it are in whatever language.
fn is_credential(name: &str) -> bool {
    const WORDS: [&str; 17] = [
        "password",
        "passwd",
        "passphrase",
        "passcode",
        "pwd",
        "pin",
        "otp",
        "totp",
        "tan",
        "mtan",
        "secret",
        "cvv",
        "cvc",
        "credential",
        "credentials",
        "token",
        "mfa",
    ];
    let mut words = String::with_capacity(name.len() + 4);
    let mut before = ' ';
    for c in name.chars() {
        if c.is_uppercase() && before.is_lowercase() {
            words.push(' ');
        }
        words.extend(c.to_lowercase().map(|c| if c.is_alphanumeric() { c } else { ' ' }));
        before = c;
    }
    words.split(' ').any(|word| WORDS.contains(&word))
}

/// A parameter's name: not empty, and not the identifier's own.
fn field_name(name: &str) -> Result<String, Rejection> {
    check_length(name, MAX_TEXT)?;
    if name.is_empty() || name == "id" {
        return Err(malformed("a field has no name, or that of the interaction identifier"));
    }
    Ok(name.into())
}

fn fields<'o>(asked: &'o Object, name: &str) -> Result<Vec<(&'o str, &'o Value)>, Rejection> {
    match object(asked, name)? {
        None => Ok(Vec::new()),
        Some(fields) => Ok(fields.checked()?.members().collect()),
    }
}

fn object<'o>(parent: &'o Object, name: &str) -> Result<Option<&'o Object>, Rejection> {
    match parent.get(name)? {
        None => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(other) => Err(malformed(&format!("{name} is {}, not an object", other.kind()))),
    }
}

fn text(parent: &Object, name: &str, most: usize) -> Result<Option<String>, Rejection> {
    match parent.get(name)? {
        None => Ok(None),
        Some(Value::String(text)) => {
            check_length(text, most)?;
            Ok(Some(text.clone()))
        }
        Some(other) => Err(malformed(&format!("{name} is {}, not a text", other.kind()))),
    }
}

fn check_length(text: &str, most: usize) -> Result<(), Rejection> {
    if text.len() > most { Err(too_large(&format!("a text of {} bytes", text.len()))) } else { Ok(()) }
}

fn malformed(what: &str) -> Rejection {
    Rejection::new(App2AppCode::PromptMalformed, what)
}

fn too_large(what: &str) -> Rejection {
    Rejection::new(App2AppCode::PromptTooLarge, what)
}
