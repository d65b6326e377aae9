//! A client's request, as its server describes it in JSON.

use alloc::{format, string::String, vec::Vec};

use portcullis_oauth::{key_binding::Proved, pushed_registration::Kept};
use portcullis_types::{
    Rejection, base64url,
    json::{self, Object, Value},
    limits::excerpt,
};

use crate::{code::GateCode, limits::MAX_DESCRIPTION};

/// A client's request.
pub(super) struct Described {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) form: Vec<(String, String)>,
    pub(super) certificate_chain: Vec<Vec<u8>>,
    pub(super) flow: DescribedFlow,
}

/// What the flow needs of the client, where the server says it itself.
#[derive(Default)]
pub(super) struct DescribedFlow {
    pub(super) client_id: Option<String>,
    pub(super) grant_type: Option<String>,
    pub(super) redirect_uri: Option<String>,
}

/// A `client_id` and the `redirect_uri` of an authorization request.
pub(super) struct Redirect {
    pub(super) client_id: String,
    pub(super) redirect_uri: Option<String>,
}

/// A request that goes on from a pushed one, and what the server kept of that.
pub(super) struct Following {
    pub(super) described: Described,
    pub(super) kept: Kept,
}

/// A token that is to be issued: to whom, and by which key.
pub(super) struct Issuing {
    pub(super) client_id: String,
    /// The parameter `tmb`, decoded.
    pub(super) tmb: Option<String>,
    /// The key that the request proved, which the server has verified.
    pub(super) proved: Option<Proved>,
}

fn malformed(what: impl Into<String>) -> Rejection {
    Rejection::new(GateCode::ClientsDescription, what)
}

fn object(body: &[u8]) -> Result<Object, Rejection> {
    if body.len() > MAX_DESCRIPTION {
        return Err(malformed(format!("it has {} bytes, at most {MAX_DESCRIPTION} are read", body.len())));
    }
    let read = json::parse(body).and_then(|value| value.checked_everywhere().cloned());
    match read.map_err(|inner| malformed(format!("{}: {}", inner.code(), inner.detail())))? {
        Value::Object(object) => Ok(object),
        other => Err(malformed(format!("it is {}, not an object", other.kind()))),
    }
}

/// Refuses members that nobody reads: a server that misspells one would think that it was looked at.
fn known(object: &Object, place: &str, names: &[&str]) -> Result<(), Rejection> {
    match object.members().find(|(name, _)| !names.contains(name)) {
        None => Ok(()),
        Some((name, _)) => Err(malformed(format!("{place} has an unknown member {}", excerpt(name)))),
    }
}

fn text(object: &Object, place: &str, name: &str) -> Result<Option<String>, Rejection> {
    match object.get(name)? {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => Err(malformed(format!("{name} of {place} is {}, not a text", other.kind()))),
    }
}

fn needed(object: &Object, place: &str, name: &str) -> Result<String, Rejection> {
    text(object, place, name)?.ok_or_else(|| malformed(format!("{place} has no {name}")))
}

fn inner<'o>(object: &'o Object, name: &str) -> Result<Option<&'o Object>, Rejection> {
    match object.get(name)? {
        None => Ok(None),
        Some(Value::Object(inner)) => Ok(Some(inner)),
        Some(other) => Err(malformed(format!("{name} is {}, not an object", other.kind()))),
    }
}

impl Described {
    /// Reads a description.
    ///
    /// Error: `clients.description_malformed`.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Rejection> {
        let whole = object(body)?;
        known(&whole, "the description", &["request", "certificate_chain", "flow"])?;
        Ok(Self { flow: flow(&whole)?, ..Self::of(&whole)? })
    }

    /// Reads the description of a request whose client nobody registered: as [`Described::parse`], without a flow.
    ///
    /// Error: `clients.description_malformed`.
    pub(super) fn parse_pushed(body: &[u8]) -> Result<Self, Rejection> {
        let whole = object(body)?;
        known(&whole, "the description", &["request", "certificate_chain"])?;
        Self::of(&whole)
    }

    fn of(whole: &Object) -> Result<Self, Rejection> {
        let request = inner(whole, "request")?.ok_or_else(|| malformed("the description has no request"))?;
        known(request, "request", &["method", "url", "headers", "form"])?;
        Ok(Self {
            method: needed(request, "request", "method")?,
            url: needed(request, "request", "url")?,
            headers: headers(request)?,
            form: form(request)?,
            certificate_chain: chain(whole)?,
            flow: DescribedFlow::default(),
        })
    }

    /// The one value of a parameter, if there is one and no more.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let mut found = self.form.iter().filter(|(own, _)| own == name).map(|(_, value)| value.as_str());
        found.next().filter(|_| found.next().is_none())
    }

    /// The first value of a header field.
    pub(super) fn header(&self, name: &str) -> Option<&[u8]> {
        let found = self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_slice())
    }
}

impl Following {
    /// Reads the description of a request that goes on from a pushed one.
    ///
    /// Errors: `clients.description_malformed`; those of [`Kept::from_object`].
    pub(super) fn parse(body: &[u8]) -> Result<Self, Rejection> {
        let whole = object(body)?;
        known(&whole, "the description", &["request", "certificate_chain", "pushed"])?;
        let pushed = inner(&whole, "pushed")?.ok_or_else(|| malformed("the description has no pushed"))?;
        Ok(Self { kept: Kept::from_object(pushed)?, described: Described::of(&whole)? })
    }
}

impl Issuing {
    /// Reads what a token endpoint asks.
    ///
    /// Errors: `clients.description_malformed`; `cnf.*` and `base64.*` for the proved key.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Rejection> {
        let whole = object(body)?;
        let place = "the description";
        known(&whole, place, &["client_id", "tmb", "proved"])?;
        Ok(Self {
            client_id: needed(&whole, place, "client_id")?,
            tmb: text(&whole, place, "tmb")?,
            proved: inner(&whole, "proved")?.map(Proved::from_confirmation).transpose()?,
        })
    }
}

impl Redirect {
    /// Reads what an authorization endpoint asks.
    ///
    /// Error: `clients.description_malformed`.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Rejection> {
        let whole = object(body)?;
        known(&whole, "the description", &["client_id", "redirect_uri"])?;
        Ok(Self {
            client_id: needed(&whole, "the description", "client_id")?,
            redirect_uri: text(&whole, "the description", "redirect_uri")?,
        })
    }
}

/// Names and values in the order received, repeats included.
fn headers(request: &Object) -> Result<Vec<(String, Vec<u8>)>, Rejection> {
    let wrong = || malformed("headers is no list of pairs of texts");
    let Some(value) = request.get("headers")? else { return Ok(Vec::new()) };
    let field = |item: &Value| match item.as_array() {
        Some([Value::String(name), Value::String(value)]) => {
            Ok((name.clone(), value.trim_matches([' ', '\t']).as_bytes().to_vec()))
        }
        _ => Err(wrong()),
    };
    value.as_array().ok_or_else(wrong)?.iter().map(field).collect()
}

/// Decoded parameters: a text, or a list of texts where one occurs more than once.
fn form(request: &Object) -> Result<Vec<(String, String)>, Rejection> {
    let wrong =
        |name: &str| malformed(format!("the parameter {} is neither a text nor a list of texts", excerpt(name)));
    let mut read = Vec::new();
    for (name, value) in inner(request, "form")?.into_iter().flat_map(Object::members) {
        let values = match value {
            Value::Array(values) => values.as_slice(),
            one => core::slice::from_ref(one),
        };
        for value in values {
            read.push((name.into(), value.as_str().ok_or_else(|| wrong(name))?.into()));
        }
    }
    Ok(read)
}

/// The certificates of the client's connection in DER, the leaf first.
fn chain(whole: &Object) -> Result<Vec<Vec<u8>>, Rejection> {
    let wrong = || malformed("certificate_chain is no list of certificates in base64url");
    let Some(value) = whole.get("certificate_chain")? else { return Ok(Vec::new()) };
    let one = |item: &Value| base64url::decode(item.as_str().ok_or_else(wrong)?.as_bytes()).map_err(|_| wrong());
    value.as_array().ok_or_else(wrong)?.iter().map(one).collect()
}

fn flow(whole: &Object) -> Result<DescribedFlow, Rejection> {
    let Some(flow) = inner(whole, "flow")? else { return Ok(DescribedFlow::default()) };
    known(flow, "flow", &["client_id", "grant_type", "redirect_uri"])?;
    Ok(DescribedFlow {
        client_id: text(flow, "flow", "client_id")?,
        grant_type: text(flow, "flow", "grant_type")?,
        redirect_uri: text(flow, "flow", "redirect_uri")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> &'static str {
        Described::parse(text.as_bytes()).map_or_else(|refused| refused.code(), |_| "accepted")
    }

    #[test]
    fn a_description_is_read_whole_or_not_at_all() {
        let request = r#""request":{"method":"POST","url":"https://as.example/token""#;
        for good in [
            format!("{{{request}}}}}"),
            format!(r#"{{{request},"headers":[["A","b"],["A","c"]],"form":{{"a":"b","c":["d","e"]}}}}}}"#),
            format!(r#"{{{request}}},"certificate_chain":["AAEC"],"flow":{{"grant_type":"g"}}}}"#),
        ] {
            assert_eq!(code(&good), "accepted", "{good}");
        }
        for bad in [
            String::new(),
            "[]".into(),
            "{}".into(),
            r#"{"request":{"method":"POST"}}"#.into(),
            r#"{"request":{"url":"https://as.example/"}}"#.into(),
            format!(r#"{{{request},"headers":{{}}}}}}"#),
            format!(r#"{{{request},"headers":[["a"]]}}}}"#),
            format!(r#"{{{request},"form":{{"a":1}}}}}}"#),
            format!(r#"{{{request},"form":{{"a":"b","a":"c"}}}}}}"#),
            format!(r#"{{{request},"body":"a=b"}}}}"#),
            format!(r#"{{{request}}},"certificate_chain":["=="]}}"#),
            format!(r#"{{{request}}},"certificate":[]}}"#),
            format!(r#"{{{request}}},"flow":{{"scope":"a"}}}}"#),
        ] {
            assert_eq!(code(&bad), "clients.description_malformed", "{bad}");
        }
        let long = format!(r#"{{{request},"form":{{"a":"{}"}}}}}}"#, "a".repeat(MAX_DESCRIPTION));
        assert_eq!(code(&long), "clients.description_malformed");
    }

    #[test]
    fn a_parameter_that_repeats_has_no_one_value() {
        let text = r#"{"request":{"method":"POST","url":"u","form":{"a":"b","c":["d","e"]},"headers":[["X"," y "]]}}"#;
        let read = Described::parse(text.as_bytes()).unwrap();
        assert_eq!((read.parameter("a"), read.parameter("c"), read.parameter("d")), (Some("b"), None, None));
        assert_eq!(read.form.len(), 3);
        assert_eq!(read.header("x"), Some(&b"y"[..]));
    }
}
