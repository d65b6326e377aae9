//! Answers to the sharing server.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderValue, Method, StatusCode, header};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::json;

use super::OcmService;
use crate::gate::{ClientCertificate, Header};
use crate::gateway::check::{Answer, Door, answered, text, whole_body};
use crate::gateway::documents::{Message, Received, Unsent};
use crate::gateway::verdict::Verdict;
use crate::ocm_request::OcmRequestError;
use crate::signature::Request;

/// The longest question that is read, in bytes: a body of the most that peers read, with every character escaped, and room.
const MAX_QUESTION: usize = 2 << 20;

/// Where the keys are.
const KEYS_PATH: &str = "/jwks.json";

/// RFC 7517 section 8.5.2
const KEYS: &str = "application/jwk-set+json";

/// As short as a key that is new has to be found: well within the time for which it is published before it signs.
const CACHED: &str = "max-age=60";

/// What the gate says may be sent. It holds secrets, and is printed nowhere.
#[derive(Deserialize)]
struct Allowed {
    url: String,
    content_type: String,
    body: String,
}

/// What is done with what the gate allows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// It is signed, and the sharing server sends it.
    Signed,
    /// It is signed and sent.
    Sent,
}

impl Wanted {
    fn of(method: &Method, path: &str) -> Option<Self> {
        match path {
            _ if method != Method::POST => None,
            "/sign" => Some(Self::Signed),
            "/send" => Some(Self::Sent),
            _ => None,
        }
    }
}

impl OcmService {
    /// Answers the sharing server.
    pub(crate) async fn answer(&self, door: &Arc<Door>, request: http::Request<Incoming>) -> Answer {
        let (parts, body) = request.into_parts();
        let current = door.engine.current();
        let Some(host) = current.settings().ocm_host.clone() else {
            return failed(StatusCode::SERVICE_UNAVAILABLE, "gateway.no_answer", "the policy has no [ocm]");
        };
        if matches!(parts.method, Method::GET | Method::HEAD) && parts.uri.path() == KEYS_PATH {
            return keys(self.signer.jwks(&host), parts.method == Method::HEAD);
        }
        let wanted = Wanted::of(&parts.method, parts.uri.path());
        let Some(body) = whole_body(body, MAX_QUESTION).await else {
            let detail = "the question did not come whole, or has more than 2 MiB";
            return failed(StatusCode::PAYLOAD_TOO_LARGE, "request.malformed", detail);
        };
        let mut asked = door.itself(&parts);
        asked.body = Some(body.to_vec());
        // The server's own: nothing is judged by it.
        asked.certificate = ClientCertificate::None;
        let verdict = door.judge_asked(asked).await;
        let Some(told) = decided(&verdict) else {
            return undecided(&verdict.code);
        };
        match wanted.filter(|_| verdict.allows()) {
            None => in_json(answered(&verdict, told.to_owned())),
            Some(wanted) => self.carry_out(wanted, door, told, &host).await,
        }
    }

    /// Signs what is allowed, and sends it where that is wanted.
    async fn carry_out(&self, wanted: Wanted, door: &Door, told: &str, host: &str) -> Answer {
        let Ok(Allowed { url, content_type, body }) = serde_json::from_str::<Allowed>(told) else {
            tracing::error!("the gate allowed a message that is none");
            return undecided("gateway.no_answer");
        };
        let field = Header { name: "Content-Type".into(), value: content_type.into_bytes() };
        let mut request = Request {
            method: Method::POST.as_str().into(),
            url,
            target: None,
            headers: vec![field],
            trailers: Vec::new(),
            body: Some(body.into_bytes()),
        };
        match self.signer.sign(&request, host).await {
            Ok(added) => request.headers.extend(added),
            Err(OcmRequestError::Refused { code, detail }) => return failed(StatusCode::BAD_REQUEST, &code, &detail),
            Err(error) => {
                tracing::error!(%error, "a request of the sharing server could not be signed");
                return undecided("gateway.no_answer");
            }
        }
        match wanted {
            Wanted::Signed => signed(&request),
            Wanted::Sent => {
                let Request { url, headers, body, .. } = request;
                let to = peer(&url).to_owned();
                let message = Message { url, headers, body: body.unwrap_or_default() };
                sent(&to, door.engine.send(message).await)
            }
        }
    }
}

/// What the gate answers, if it decided: the gateway's own 503 is for proxies, and the sharing server reads another form.
fn decided(verdict: &Verdict) -> Option<&str> {
    let decision = &verdict.decision;
    decision.body.as_deref().filter(|_| verdict.allows() || !decision.findings.is_empty())
}

/// An answer of the gate, which is JSON and kept by nobody, where it does not say more itself.
fn in_json(mut answer: Answer) -> Answer {
    for (name, value) in [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")] {
        answer.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    answer
}

/// The host of a URL, for logs: paths and queries are the peer's.
fn peer(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

fn keys(jwks: String, head: bool) -> Answer {
    let mut answer = Answer::new(if head { Body::empty() } else { Body::from(jwks) });
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(KEYS));
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(CACHED));
    answer
}

/// A signed request, for the sharing server to send. Its values are text: the component wrote them, or was asked about them in text.
fn signed(request: &Request) -> Answer {
    let fields = request.headers.iter().map(|field| {
        let value = String::from_utf8_lossy(&field.value).into_owned();
        (field.name.clone(), json!(value))
    });
    let headers: serde_json::Map<_, _> = fields.collect();
    let body = request.body.as_deref().map(String::from_utf8_lossy);
    let told = json!({"method": request.method, "url": request.url, "headers": headers, "body": body});
    text(StatusCode::OK, told.to_string())
}

/// What the peer answered, or why nothing came.
fn sent(to: &str, received: Result<Received, Unsent>) -> Answer {
    match received {
        Ok(Received { status, content_type, body }) => {
            let told = json!({"status": status, "content_type": content_type, "body": body});
            text(StatusCode::OK, told.to_string())
        }
        Err(unsent) => {
            tracing::warn!(peer = to, code = unsent.code(), why = %unsent, "nothing came of a message to a peer");
            let status = match unsent {
                Unsent::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::BAD_GATEWAY,
            };
            failed(status, unsent.code(), &unsent.to_string())
        }
    }
}

/// Nobody decided, or what was decided cannot be done.
fn undecided(code: &str) -> Answer {
    let mut answer = text(StatusCode::SERVICE_UNAVAILABLE, json!({ "error": code }).to_string());
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    answer
}

fn failed(status: StatusCode, code: &str, message: &str) -> Answer {
    text(status, json!({"error": code, "message": message}).to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::Value;

    use super::*;
    use crate::gateway::engine::Unknown;

    type Tried = Result<(), Box<dyn std::error::Error>>;

    async fn told(answer: Answer) -> Result<(u16, Value), Box<dyn std::error::Error>> {
        let status = answer.status().as_u16();
        let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await?;
        Ok((status, serde_json::from_slice(&body)?))
    }

    #[test]
    fn only_what_is_asked_for_is_signed_or_sent() {
        assert!(Wanted::of(&Method::POST, "/send") == Some(Wanted::Sent));
        assert!(Wanted::of(&Method::POST, "/sign") == Some(Wanted::Signed));
        for (method, path) in
            [(Method::GET, "/send"), (Method::POST, "/peer"), (Method::POST, "/send/"), (Method::POST, "/SEND")]
        {
            assert!(Wanted::of(&method, path).is_none(), "{method} {path}");
        }
    }

    #[tokio::test]
    async fn what_is_signed_is_told_with_every_field() -> Tried {
        let field = |name: &str, value: &str| Header { name: name.into(), value: value.into() };
        let request = Request {
            method: "POST".into(),
            url: "https://b.example/ocm/shares".into(),
            target: None,
            headers: vec![field("Content-Type", "application/json"), field("Signature", "ocm=:AA==:")],
            trailers: Vec::new(),
            body: Some("{\"a\":\"ü\"}".into()),
        };
        let wanted = json!({
            "method": "POST",
            "url": "https://b.example/ocm/shares",
            "headers": {"Content-Type": "application/json", "Signature": "ocm=:AA==:"},
            "body": "{\"a\":\"ü\"}",
        });
        assert_eq!(told(signed(&request)).await?, (200, wanted));
        Ok(())
    }

    #[tokio::test]
    async fn what_the_peer_says_is_told_and_that_nothing_came_is_no_answer_of_it() -> Tried {
        let received = Received { status: 403, content_type: Some("application/json".into()), body: "{}".into() };
        let answer = json!({"status": 403, "content_type": "application/json", "body": "{}"});
        assert_eq!(told(sent("b.example", Ok(received))).await?, (200, answer));
        for (unsent, status, code) in [
            (Unsent::Unreachable("refused".into()), 502, "gateway.peer_unreachable"),
            (Unsent::Redirects, 502, "gateway.peer_redirects"),
            (Unsent::Answer("too long".into()), 502, "gateway.peer_answer"),
            (Unsent::Url("no https".into()), 502, "fetch.url_not_allowed"),
            (Unsent::Busy("later"), 503, "gateway.busy"),
        ] {
            let message = unsent.to_string();
            let answer = told(sent("b.example", Err(unsent))).await?;
            assert_eq!(answer, (status, json!({"error": code, "message": message})));
        }
        Ok(())
    }

    #[tokio::test]
    async fn where_nobody_decided_that_is_said_in_this_form() -> Tried {
        let mut verdict = Verdict::of(Err(Unknown::Late), Duration::ZERO);
        assert!(decided(&verdict).is_none());
        assert_eq!(told(undecided(&verdict.code)).await?, (503, json!({"error": "gateway.late"})));
        verdict.decision.findings =
            vec![crate::Rejection { code: "ocm.peer_denied".into(), detail: String::new(), rule: String::new() }];
        assert!(decided(&verdict).is_some(), "a denial of the gate is in its words");
        Ok(())
    }

    #[test]
    fn logs_have_the_host_alone() {
        for (url, host) in [
            ("https://b.example:8443/ocm/shares?secret", "b.example:8443"),
            ("https://b.example", "b.example"),
            ("https://b.example?secret", "b.example"),
            ("", ""),
        ] {
            assert_eq!(peer(url), host);
        }
    }
}
