//! What a native endpoint answers (section 3.5).

use alloc::{
    format,
    string::{String, ToString},
};

use portcullis_types::{
    Rejection,
    json::{self, Object, Value},
    limits::{MAX_EXCERPT, excerpt},
};

use super::{App2AppCode, HttpAnswer, MAX_ANSWER, Prompt, prompt};

/// An answer of the form that the text has.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Call this.
    Call(String),
    /// Open the app that claims this.
    DeepLink(String),
    /// Ask the user.
    Prompt(Prompt),
}

/// An answer that ends the flow: the rule, the OAuth error where there is one, and whether it means that the server has to be met in
/// a browser.
pub(crate) struct Ended {
    pub(crate) rejection: Rejection,
    pub(crate) error: Option<String>,
    pub(crate) needs_browser: bool,
}

impl From<Rejection> for Ended {
    fn from(rejection: Rejection) -> Self {
        Self { rejection, error: None, needs_browser: false }
    }
}

/// Reads an answer.
pub(crate) fn read(answer: &HttpAnswer<'_>) -> Result<Answer, Ended> {
    let refuse = |code, what: String| Ended::from(Rejection::new(code, what));
    let status = answer.status;
    // Section 3.3: no redirects, and JSON. Who sends a redirect or a page wants a browser.
    if (300..400).contains(&status) {
        let ended = refuse(App2AppCode::Redirected, format!("the answer is a redirect, {status}"));
        return Err(Ended { needs_browser: true, ..ended });
    }
    if status != 200 && !(400..600).contains(&status) {
        return Err(refuse(App2AppCode::Status, format!("the answer's status is {status}")));
    }
    if answer.body.len() > MAX_ANSWER {
        let what = format!("the answer has {} bytes, at most {MAX_ANSWER} are read", answer.body.len());
        return Err(refuse(App2AppCode::AnswerTooLarge, what));
    }
    check_media_type(answer).map_err(|rejection| Ended { needs_browser: true, ..Ended::from(rejection) })?;
    let body = json::parse_object(answer.body)?;
    if status != 200 {
        return Err(server_error(&body, status)?);
    }
    match body.get("action")? {
        Some(Value::String(action)) => match action.as_str() {
            "call" => Ok(Answer::Call(url(&body)?)),
            "deep_link" => Ok(Answer::DeepLink(url(&body)?)),
            "prompt" => Ok(Answer::Prompt(prompt::read(&body)?)),
            other => Err(refuse(App2AppCode::ActionUnknown, format!("action is {}", excerpt(other)))),
        },
        other => {
            let kind = other.map_or("missing", Value::kind);
            Err(refuse(App2AppCode::ActionUnknown, format!("action is {kind}")))
        }
    }
}

/// Section 3.3: one Content-Type, `application/json`. Its parameters do not matter: JSON has none.
fn check_media_type(answer: &HttpAnswer<'_>) -> Result<(), Rejection> {
    let mut fields = answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let (first, more) = (fields.next(), fields.next());
    let essence = first.and_then(|(_, value)| core::str::from_utf8(value).ok()).map(|value| {
        let essence = value.split(';').next().unwrap_or_default();
        essence.trim()
    });
    match essence {
        Some(essence) if more.is_none() && essence.eq_ignore_ascii_case("application/json") => Ok(()),
        Some(_) if more.is_some() => Err(Rejection::new(App2AppCode::MediaType, "there are several Content-Type")),
        Some(essence) => {
            Err(Rejection::new(App2AppCode::MediaType, format!("the Content-Type is {}", excerpt(essence))))
        }
        None => Err(Rejection::new(App2AppCode::MediaType, "there is no Content-Type")),
    }
}

/// Section 3.5.4: the error of a 4xx or 5xx. Of its description nothing is kept: it is the text of whoever answered.
fn server_error(body: &Object, status: u16) -> Result<Ended, Rejection> {
    match body.get("error")? {
        Some(Value::String(error)) if error == "native_app2app_unsupported" => Ok(Ended {
            rejection: Rejection::new(App2AppCode::Unsupported, "the server cannot go on without a browser"),
            error: Some(error.clone()),
            needs_browser: true,
        }),
        Some(Value::String(error)) => Ok(Ended {
            rejection: Rejection::new(
                App2AppCode::ServerError,
                format!("the server answers {status}, {}", excerpt(error)),
            ),
            error: is_error_code(error).then(|| error.clone()),
            needs_browser: false,
        }),
        _ => Ok(Rejection::new(App2AppCode::ServerError, format!("the server answers {status} without an error code"))
            .into()),
    }
}

/// The characters of an error code (RFC 6749 section 5.2), of a length that can be shown.
pub(crate) fn is_error_code(error: &str) -> bool {
    let plain = |byte: u8| matches!(byte, b' '..=b'!' | b'#'..=b'[' | b']'..=b'~');
    !error.is_empty() && error.len() <= MAX_EXCERPT && error.bytes().all(plain)
}

fn url(body: &Object) -> Result<String, Rejection> {
    match body.get("url")? {
        Some(Value::String(url)) => Ok(url.to_string()),
        other => {
            let kind = other.map_or("missing", Value::kind);
            Err(Rejection::new(App2AppCode::UrlMissing, format!("url is {kind}")))
        }
    }
}
