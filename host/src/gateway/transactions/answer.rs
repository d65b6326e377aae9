//! Answers of the service (RFC 8693 section 2.2, draft-ietf-oauth-transaction-tokens-11 section 11.4).

use axum::body::Body;
use http::{HeaderValue, Method, StatusCode, header};
use hyper::body::Incoming;
use serde_json::json;

use super::{CACHED, KEYS, TransactionService};
use crate::gate::{Issue, IssueKind};
use crate::gateway::check::{Answer, Door, plain, text};
use crate::gateway::tokens::{Certificate, KeysError, form, identifier};

/// What a token is said to be that was handed out.
const TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:txn_token";

/// What is told whose form does not come.
const TOO_SLOW: &str = r#"{"error":"invalid_request"}"#;

/// What is told where the service cannot sign.
const UNAVAILABLE: &str = r#"{"error":"temporarily_unavailable"}"#;

impl TransactionService {
    /// Answers one request of a workload.
    pub(crate) async fn answer(&self, door: &Door, request: http::Request<Incoming>) -> Answer {
        let (parts, body) = request.into_parts();
        if matches!(parts.method, Method::GET | Method::HEAD) && parts.uri.path() == self.keys_path {
            let mut answer = Answer::new(Body::from(self.jwks()));
            answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(KEYS));
            answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(CACHED));
            return answer;
        }
        let mut asked = door.itself(&parts);
        // Whether TLS ends here or before, workloads came by the scheme of the endpoint, which is all that this listener answers.
        if let Some((_, rest)) = asked.url.split_once("://") {
            asked.url = format!("{}://{rest}", self.scheme);
        }
        if parts.method == Method::POST {
            asked.body = match form::read(body).await {
                Some(body) => Some(body),
                None => return text(StatusCode::REQUEST_TIMEOUT, TOO_SLOW.into()),
            };
        }
        // Without it the gate says that it has none.
        asked.fresh = identifier().ok();
        let verdict = door.judge_asked(asked).await;
        match (&verdict.decision.issue, verdict.allows()) {
            (Some(issue), true) if issue.kind == IssueKind::Transaction => {
                self.handed_out(issue).unwrap_or_else(|error| {
                    tracing::error!(%error, "a Transaction Token could not be signed");
                    unavailable()
                })
            }
            (_, true) => unavailable(),
            (_, false) => plain(&verdict, verdict.decision.status),
        }
    }

    fn handed_out(&self, issue: &Issue) -> Result<Answer, KeysError> {
        let token = self.keys.sign(&issue.access.media_type, &issue.access.claims, Certificate::Absent)?;
        let answer = json!({
            "access_token": token,
            "issued_token_type": TOKEN_TYPE,
            // It is none that is used by itself to access something (RFC 8693 section 2.2.1).
            "token_type": "N_A",
            "expires_in": issue.expires_in,
            "scope": issue.scope,
        });
        Ok(text(StatusCode::OK, answer.to_string()))
    }
}

fn unavailable() -> Answer {
    let mut answer = text(StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE.into());
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    answer
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::Value;

    use super::*;
    use crate::gate::{ToSign, TransactionService as Described};

    type Tried = Result<(), Box<dyn std::error::Error>>;

    #[tokio::test]
    async fn what_is_handed_out_is_what_the_gate_made_and_no_cache_keeps_it() -> Tried {
        let described = Described {
            keys: "https://tts.example/jwks".into(),
            endpoint: "https://tts.example/token".into(),
            lifetime: 300,
        };
        let service = TransactionService::open(&described, None)?;
        let claims = r#"{"txn":"t-1","scope":"a"}"#;
        let issue = Issue {
            kind: IssueKind::Transaction,
            access: ToSign { media_type: "txntoken+jwt".into(), claims: claims.into() },
            refresh: None,
            scope: "a".into(),
            issued_at: 1_790_000_000,
            expires_in: 300,
        };
        let answer = service.handed_out(&issue)?;
        assert_eq!(answer.headers().get(header::CACHE_CONTROL).map(HeaderValue::as_bytes), Some(&b"no-store"[..]));
        let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await?;
        let told: Value = serde_json::from_slice(&body)?;
        assert_eq!((&told["token_type"], &told["issued_token_type"]), (&json!("N_A"), &json!(TOKEN_TYPE)));
        assert_eq!((&told["expires_in"], &told["scope"]), (&json!(300), &json!("a")));
        assert!(told.get("refresh_token").is_none());
        let token = told["access_token"].as_str().unwrap_or_default();
        let part = |index| URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap_or_default());
        assert_eq!(String::from_utf8(part(1)?)?, claims, "to the byte");
        let header: Value = serde_json::from_slice(&part(0)?)?;
        let published: Value = serde_json::from_str(&service.jwks())?;
        assert_eq!((&header["typ"], &header["kid"]), (&json!("txntoken+jwt"), &published["keys"][0]["kid"]));
        assert!(header.get("x5c").is_none(), "it is a field of every request: {header}");
        Ok(())
    }
}
