//! What the other modules share: cases of the corpus, and their messages as the typed interfaces take them.

use std::path::Path;

use portcullis_host::{
    Portcullis,
    signature::{Header, Message, Request, Response},
};
use portcullis_tests::corpus::{self, Case, NOW};
use portcullis_types::base64url;
use serde_json::Value;

/// The cases of files, of our own corpus and of others' where it is there.
pub(crate) fn cases(files: &[&str]) -> Vec<Case> {
    let folders = [Some(corpus::own()), corpus::third_party()];
    let of =
        |folder: &Path| files.iter().map(|file| folder.join(file)).filter(|file| file.exists()).collect::<Vec<_>>();
    folders.iter().flatten().flat_map(|folder| of(folder)).flat_map(|file| corpus::cases(&file)).collect()
}

/// What the text door answers to a case; nothing where it is none that typed calls could ask.
pub(crate) fn text_answer(component: &mut Portcullis, case: &Case) -> Option<Value> {
    let text = component.answer(case.request.to_string().as_bytes(), NOW).expect("an answer");
    let text: Value = serde_json::from_str(&text).expect("JSON");
    (text["error"]["code"] != "request.malformed").then_some(text)
}

/// The code of an answer's refusal, or `accepted`.
pub(crate) fn wanted(answer: &Value) -> &str {
    answer["error"]["code"].as_str().unwrap_or("accepted")
}

pub(crate) fn at(case: &Case) -> u64 {
    case.request["at"].as_u64().unwrap_or(NOW)
}

/// A message of a request of the corpus: `request`, or `response` and the request that it answers.
pub(crate) fn message(members: &Value) -> Message {
    match members["response"].is_object() {
        true => Message::Response(response(members)),
        false => Message::Request(request(&members["request"])),
    }
}

pub(crate) fn request(given: &Value) -> Request {
    Request {
        method: text(&given["method"]).expect("a method"),
        url: text(&given["url"]).expect("a URL"),
        target: text(&given["target"]),
        headers: headers(&given["headers"]),
        trailers: headers(&given["trailers"]),
        body: body(given),
    }
}

pub(crate) fn response(members: &Value) -> Response {
    let given = &members["response"];
    Response {
        status: given["status"].as_u64().and_then(|status| status.try_into().ok()).expect("a status"),
        headers: headers(&given["headers"]),
        trailers: headers(&given["trailers"]),
        body: body(given),
        related_request: members["related_request"].is_object().then(|| request(&members["related_request"])),
    }
}

pub(crate) fn headers(given: &Value) -> Vec<Header> {
    let pairs = given.as_array().into_iter().flatten();
    let header = |pair: &Value| Header {
        name: text(&pair[0]).expect("a name"),
        value: text(&pair[1]).expect("a value").into_bytes(),
    };
    pairs.map(header).collect()
}

fn body(given: &Value) -> Option<Vec<u8>> {
    let encoded = given["body_b64"].as_str().map(|text| base64url::decode(text.as_bytes()).expect("base64url"));
    given["body"].as_str().map(|text| text.as_bytes().to_vec()).or(encoded)
}

pub(crate) fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

pub(crate) fn texts(value: &Value) -> Vec<String> {
    crate::texts(value).unwrap_or_default()
}
