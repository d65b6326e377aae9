//! Answers of the token service (distribution: Token Authentication Specification, Token Response Fields; RFC 6749 section 5.1).

use axum::body::Body;
use http::{HeaderValue, Method, StatusCode, header};
use hyper::body::Incoming;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Certificate, KeysError, TokenService, form, identifier};
use crate::gate::{Issue, IssueKind, ToSign};
use crate::gateway::check::{Answer, Door, plain, text};

/// What is told who comes while many passwords are being looked at (OCI Distribution Specification 1.1, Error Codes).
const TOO_MANY: &str =
    r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"too many requests"}],"error":"temporarily_unavailable"}"#;

/// What is told whose form does not come.
const TOO_SLOW: &str =
    r#"{"errors":[{"code":"UNSUPPORTED","message":"the form did not come in time"}],"error":"invalid_request"}"#;

/// What is told where the service cannot sign.
const UNAVAILABLE: &str =
    r#"{"errors":[{"code":"UNAVAILABLE","message":"service unavailable"}],"error":"temporarily_unavailable"}"#;

impl TokenService {
    /// Answers one request of a client.
    pub(crate) async fn answer(&self, door: &Door, request: http::Request<Incoming>) -> Answer {
        let (parts, body) = request.into_parts();
        let reads = matches!(parts.method, Method::GET | Method::HEAD);
        let document = match parts.uri.path() {
            path if reads && path == self.keys_path => {
                Some(("application/jwk-set+json", self.keys.now().jwks(Certificate::Along).to_string()))
            }
            path if reads && path == self.root_path => {
                Some(("application/pem-certificate-chain", self.keys.now().root_pem()))
            }
            _ => None,
        };
        if let Some((media_type, document)) = document {
            let mut answer = Answer::new(Body::from(document));
            answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
            answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=60"));
            return answer;
        }
        // Which of them are passwords is the gate's to say; that some are is enough to let not all processors look at one.
        let slow = parts.method == Method::POST || is_basic(&parts.headers);
        let mut asked = door.itself(&parts);
        // Whether TLS ends here or before, clients came by the scheme of the realm, which is all that this listener answers.
        if let Some((_, rest)) = asked.url.split_once("://") {
            asked.url = format!("{}://{rest}", self.scheme);
        }
        if parts.method == Method::POST {
            asked.body = match form::read(body).await {
                Some(body) => Some(body),
                None => return text(StatusCode::REQUEST_TIMEOUT, TOO_SLOW.into()),
            };
        }
        let _turn = if slow {
            let Ok(_place) = self.waiting.try_acquire() else { return later() };
            self.slow.acquire().await.ok()
        } else {
            None
        };
        let verdict = door.judge_asked(asked).await;
        match (&verdict.decision.issue, verdict.allows()) {
            (Some(issue), true) if issue.kind == IssueKind::Registry => {
                self.handed_out(issue).unwrap_or_else(|error| {
                    tracing::error!(%error, "a token could not be signed");
                    unavailable()
                })
            }
            (_, true) => unavailable(),
            // Nobody decided: what the gateway says then is for proxies, and clients of registries have a form of their own.
            (_, false) if verdict.decision.findings.is_empty() => unavailable(),
            (_, false) => plain(&verdict, verdict.decision.status),
        }
    }

    fn handed_out(&self, issue: &Issue) -> Result<Answer, KeysError> {
        let access = self.sign(&issue.access)?;
        let issued_at = i64::try_from(issue.issued_at).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
        let mut answer = Map::new();
        // Clients of the first flow read `token`, those of OAuth 2.0 `access_token`: both say the same.
        answer.insert("token".into(), json!(access));
        answer.insert("access_token".into(), json!(access));
        answer.insert("token_type".into(), json!("Bearer"));
        answer.insert("expires_in".into(), json!(issue.expires_in));
        answer.insert("issued_at".into(), json!(issued_at.map(|at| at.to_string())));
        answer.insert("scope".into(), json!(issue.scope));
        if let Some(refresh) = &issue.refresh {
            answer.insert("refresh_token".into(), json!(self.sign(refresh)?));
        }
        Ok(text(StatusCode::OK, Value::Object(answer).to_string()))
    }

    /// Signs claims, with an identifier that no other token has.
    fn sign(&self, what: &ToSign) -> Result<String, KeysError> {
        let mut claims: Map<String, Value> =
            serde_json::from_str(&what.claims).map_err(|error| KeysError::Crypto(error.to_string()))?;
        claims.insert("jti".into(), json!(identifier()?));
        self.keys.sign(&what.media_type, &Value::Object(claims).to_string(), Certificate::Along)
    }
}

fn is_basic(headers: &http::HeaderMap) -> bool {
    let basic =
        |value: &HeaderValue| value.as_bytes().get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"basic "));
    headers.get_all(header::AUTHORIZATION).iter().any(basic)
}

fn unavailable() -> Answer {
    let mut answer = text(StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE.into());
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    answer
}

fn later() -> Answer {
    let mut answer = text(StatusCode::TOO_MANY_REQUESTS, TOO_MANY.into());
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    answer
}
