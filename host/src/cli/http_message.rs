//! HTTP messages from files.

use std::path::Path;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use portcullis_host::signature::{FieldType, Header, Message, Request, Response, StructuredField};
use serde::Deserialize;

use super::{http_text, input};

/// The message that is signed, or will be.
#[derive(Debug, Args)]
pub(crate) struct MessageFile {
    /// The request: an HTTP/1.1 message as text, or JSON as in a batch; `-` for standard input
    #[arg(long, value_name = "FILE|-", required_unless_present = "response", conflicts_with = "response")]
    request: Option<String>,

    /// The response, likewise
    #[arg(long, value_name = "FILE|-")]
    response: Option<String>,

    /// The request that the response answers, likewise
    #[arg(long, value_name = "FILE|-", requires = "response")]
    related_request: Option<String>,

    /// The absolute URL of a request in text, where it is not `https`, its Host and its target
    #[arg(long)]
    url: Option<String>,

    /// A field that is structured, beside the registered ones: `list`, `dictionary` or `item`; may be repeated
    #[arg(long, value_name = "FIELD=TYPE", value_parser = structured_field)]
    structured: Vec<StructuredField>,
}

impl MessageFile {
    /// Reads the message. The arguments' rules see to it that one is named.
    pub(crate) fn read(&self) -> anyhow::Result<Message> {
        let request = |name: &String| -> anyhow::Result<Request> {
            self.request(&contents(name)?).with_context(|| format!("{} is no request", told(name)))
        };
        if let Some(name) = &self.request {
            return Ok(Message::Request(request(name)?));
        }
        let name = self.response.as_ref().context("no message is named")?;
        let response = response(&contents(name)?).with_context(|| format!("{} is no response", told(name)))?;
        let related_request = self.related_request.as_ref().map(request).transpose()?;
        Ok(Message::Response(Response { related_request, ..response }))
    }

    /// The fields that are known to be structured.
    pub(crate) fn structured(&self) -> Vec<StructuredField> {
        self.structured.clone()
    }

    fn request(&self, bytes: &[u8]) -> anyhow::Result<Request> {
        if !is_json(bytes) {
            return http_text::request(bytes, self.url.as_deref());
        }
        if self.url.is_some() {
            bail!("a request in JSON has its URL in it: take --url out");
        }
        let JsonRequest { method, url, headers, body, body_b64, target, trailers } = serde_json::from_slice(bytes)?;
        Ok(Request {
            method,
            url,
            target,
            headers: fields(headers),
            trailers: fields(trailers),
            body: content(body, body_b64)?,
        })
    }
}

fn response(bytes: &[u8]) -> anyhow::Result<Response> {
    if !is_json(bytes) {
        return http_text::response(bytes);
    }
    let JsonResponse { status, headers, body, body_b64, trailers } = serde_json::from_slice(bytes)?;
    let (headers, trailers, body) = (fields(headers), fields(trailers), content(body, body_b64)?);
    Ok(Response { status, headers, trailers, body, related_request: None })
}

/// A request in JSON (`docs/batch.md`).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonRequest {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
    body_b64: Option<String>,
    target: Option<String>,
    #[serde(default)]
    trailers: Vec<(String, String)>,
}

/// A response in JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonResponse {
    status: u16,
    headers: Vec<(String, String)>,
    body: Option<String>,
    body_b64: Option<String>,
    #[serde(default)]
    trailers: Vec<(String, String)>,
}

/// No HTTP message begins with a brace.
fn is_json(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"{")
}

fn fields(fields: Vec<(String, String)>) -> Vec<Header> {
    fields.into_iter().map(|(name, value)| Header { name, value: value.into_bytes() }).collect()
}

fn content(text: Option<String>, bytes: Option<String>) -> anyhow::Result<Option<Vec<u8>>> {
    match (text, bytes) {
        (Some(_), Some(_)) => bail!("it has both `body` and `body_b64`"),
        (Some(text), None) => Ok(Some(text.into_bytes())),
        (None, Some(bytes)) => Ok(Some(URL_SAFE_NO_PAD.decode(bytes).ok().context("`body_b64` is not base64url")?)),
        (None, None) => Ok(None),
    }
}

fn contents(name: &str) -> anyhow::Result<Vec<u8>> {
    if name == "-" { input::bytes(name) } else { input::file(Path::new(name)) }
}

fn told(name: &str) -> &str {
    if name == "-" { "standard input" } else { name }
}

fn structured_field(argument: &str) -> Result<StructuredField, String> {
    let (name, of) = argument.split_once('=').ok_or("a field and its type, as in example-dict=dictionary")?;
    let field_type = match of {
        "list" => FieldType::List,
        "dictionary" => FieldType::Dictionary,
        "item" => FieldType::Item,
        _ => return Err(format!("{of:?} is no type; a field is a list, a dictionary or an item")),
    };
    Ok(StructuredField { name: name.to_ascii_lowercase(), field_type })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none() -> MessageFile {
        MessageFile { request: None, response: None, related_request: None, url: None, structured: Vec::new() }
    }

    #[test]
    fn json_is_that_of_a_batch() {
        let text = r#" {"method":"POST","url":"https://a/b","headers":[["A","b"],["a","c"]],"body_b64":"AQI","target":"*",
                       "trailers":[["T","u"]]}"#;
        let request = none().request(text.as_bytes()).unwrap();
        assert_eq!(
            (request.method.as_str(), request.url.as_str(), request.target.as_deref()),
            ("POST", "https://a/b", Some("*"))
        );
        assert_eq!((request.headers.len(), request.trailers.len(), request.body), (2, 1, Some(vec![1, 2])));
        let response = response(br#"{"status":204,"headers":[],"body":""}"#).unwrap();
        assert_eq!((response.status, response.body), (204, Some(Vec::new())));
        for wrong in [
            r#"{"method":"GET","url":"https://a/"}"#,
            r#"{"method":"GET","url":"https://a/","headers":[],"more":1}"#,
            r#"{"method":"GET","url":"https://a/","headers":[],"body":"","body_b64":""}"#,
            r#"{"method":"GET","url":"https://a/","headers":[],"body_b64":"A="}"#,
            r#"{"status":200,"headers":[]}"#,
        ] {
            assert!(none().request(wrong.as_bytes()).is_err(), "{wrong}");
        }
        let named = MessageFile { url: Some("https://a/".into()), ..none() };
        assert!(named.request(text.as_bytes()).is_err(), "two URLs");
    }

    #[test]
    fn structured_fields_are_named_with_their_type() {
        let field = structured_field("Example-Dict=dictionary").unwrap();
        assert_eq!((field.name.as_str(), field.field_type), ("example-dict", FieldType::Dictionary));
        for wrong in ["example-dict", "a=map", "a="] {
            assert!(structured_field(wrong).is_err(), "{wrong}");
        }
    }
}
